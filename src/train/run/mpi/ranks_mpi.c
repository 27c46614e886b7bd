/* train: the module through which ranks communicate over MPI. It is built if MPI is there and loaded when mpirun started
 * several processes (ranks.c). The library itself does not link MPI. */
#include "train/run/ranks.h"
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static char reason[MPI_MAX_ERROR_STRING];
static bool running;

static const char *said(int code) {
    int bytes = 0;
    if (code == MPI_SUCCESS)
        return NULL;
    MPI_Error_string(code, reason, &bytes);
    return reason;
}

/* MPI_THREAD_SERIALIZED: one thread at a time communicates, which is the exchange's thread while the others compute. */
static const char *start(void) {
    int level = MPI_THREAD_SINGLE, flag = 0;
    const char *wrong = said(MPI_Initialized(&flag));
    if (wrong)
        return wrong;
    if (!flag && (wrong = said(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level))))
        return wrong;
    if (!flag && level < MPI_THREAD_SERIALIZED)
        return "this MPI does not let several threads speak in turn";
    running = true;
    return NULL;
}

static int rank(void) {
    int n = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &n);
    return n;
}

static int count(void) {
    int n = 1;
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    return n;
}

static void stop(const char *wrong) {
    if (!running)
        return;
    running = false;
    if (!wrong) {
        MPI_Finalize();
        return;
    }
    fprintf(stderr, "arcface: rank %d ends the training: %s\n", rank(), wrong);
    MPI_Abort(MPI_COMM_WORLD, 4);
}

static const char *reduce_f64(double *x, size_t n, int max) {
    return said(MPI_Allreduce(MPI_IN_PLACE, x, (int)n, MPI_DOUBLE, max ? MPI_MAX : MPI_SUM, MPI_COMM_WORLD));
}

/* Summed on one rank and broadcast, so that all ranks get the same bits; otherwise their weights would drift apart. */
static const char *reduce_f32(float *x, size_t n) {
    const char *wrong = said(MPI_Reduce(rank() == 0 ? MPI_IN_PLACE : x, x, (int)n, MPI_FLOAT, MPI_SUM, 0, MPI_COMM_WORLD));
    return wrong ? wrong : said(MPI_Bcast(x, (int)n, MPI_FLOAT, 0, MPI_COMM_WORLD));
}

static const char *gather(const void *mine, size_t bytes, void *all) {
    return said(MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, MPI_COMM_WORLD));
}

static const char *broadcast(void *data, size_t bytes, int from) {
    return said(MPI_Bcast(data, (int)bytes, MPI_BYTE, from, MPI_COMM_WORLD));
}

static const char *send_to(const void *data, size_t bytes, int to) {
    return said(MPI_Send(data, (int)bytes, MPI_BYTE, to, 0, MPI_COMM_WORLD));
}

static const char *receive(void *data, size_t bytes, int from) {
    return said(MPI_Recv(data, (int)bytes, MPI_BYTE, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
}

extern const arc_ranks_ops arc_ranks_module;
ARC_API const arc_ranks_ops arc_ranks_module = {ARC_RANKS_VERSION, start,  stop,      rank,    count,  reduce_f64,
                                                reduce_f32,        gather, broadcast, send_to, receive};
