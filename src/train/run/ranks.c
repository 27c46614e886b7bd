/* train: one process alone, and the loading of the module that communicates with other processes. */
#include "train/run/ranks.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define MODULE "libarcface_mpi.so"

/* How many processes a launcher (mpirun, srun) started; 1 without one. */
static int launched_ranks(void) {
    static const char *const variable[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    for (size_t i = 0; i < ARC_COUNT(variable); i++) {
        const char *text = getenv(variable[i]);
        const long n = text ? strtol(text, NULL, 10) : 0;
        if (n > 1 && n < 100000)
            return (int)n;
    }
    return 1;
}

/* dlsym gives a data pointer, so the module exports a table, not a function. */
static const arc_ranks_ops *load(arc_error *err) {
    const char *path = getenv("ARCFACE_MPI_MODULE");
    void *module = dlopen(path && *path ? path : MODULE, RTLD_NOW | RTLD_GLOBAL);
    if (!module) {
        (void)arc_fail(
            err, ARC_EMISSING,
            "several ranks were started, but the MPI module is not here (%s); build with libopenmpi-dev installed, or set "
            "ARCFACE_MPI_MODULE to its path",
            dlerror());
        return NULL;
    }
    const arc_ranks_ops *ops = dlsym(module, ARC_RANKS_SYMBOL);
    if (!ops || ops->version != ARC_RANKS_VERSION) {
        (void)arc_fail(err, ARC_EMISSING, "%s is not the MPI module of this version", path && *path ? path : MODULE);
        return NULL;
    }
    return ops;
}

static arc_status said(const char *what, const char *wrong, arc_error *err) {
    return wrong ? arc_fail(err, ARC_EIO, "the ranks cannot %s: %s", what, wrong) : ARC_OK;
}

arc_status arc_ranks_open(arc_ranks *out, arc_error *err) {
    *out = (arc_ranks){.rank = 0, .count = 1};
    if (launched_ranks() == 1)
        return ARC_OK;
    const arc_ranks_ops *ops = load(err);
    if (!ops)
        return ARC_EMISSING;
    const arc_status st = said("start", ops->start(), err);
    if (st == ARC_OK)
        *out = (arc_ranks){.rank = ops->rank(), .count = ops->count(), .ops = ops};
    return st;
}

void arc_ranks_close(arc_ranks *ranks, const arc_error *wrong) {
    if (ranks->ops)
        ranks->ops->stop(wrong ? wrong->text : NULL);
    *ranks = (arc_ranks){.rank = 0, .count = 1};
}

arc_status arc_ranks_reduce(const arc_ranks *r, double *x, size_t n, arc_reduce how, arc_error *err) {
    return r->ops ? said("sum numbers", r->ops->reduce_f64(x, n, how == ARC_REDUCE_MAX), err) : ARC_OK;
}

arc_status arc_ranks_sum_floats(const arc_ranks *r, float *x, size_t n, arc_error *err) {
    return r->ops ? said("sum gradients", r->ops->reduce_f32(x, n), err) : ARC_OK;
}

arc_status arc_ranks_gather(const arc_ranks *r, const void *mine, size_t bytes, void *all, arc_error *err) {
    if (r->ops)
        return said("gather", r->ops->gather(mine, bytes, all), err);
    if (mine != all && bytes)
        memcpy(all, mine, bytes);
    return ARC_OK;
}

arc_status arc_ranks_broadcast(const arc_ranks *r, void *data, size_t bytes, int from, arc_error *err) {
    return r->ops ? said("broadcast", r->ops->broadcast(data, bytes, from), err) : ARC_OK;
}

arc_status arc_ranks_send(const arc_ranks *r, const void *data, size_t bytes, int to, arc_error *err) {
    return r->ops ? said("send", r->ops->send(data, bytes, to), err) : ARC_OK;
}

arc_status arc_ranks_receive(const arc_ranks *r, void *data, size_t bytes, int from, arc_error *err) {
    return r->ops ? said("receive", r->ops->receive(data, bytes, from), err) : ARC_OK;
}

void arc_ranks_share(int64_t classes, int rank, int ranks, int64_t *first, int64_t *count) {
    *count = classes / ranks + (rank < classes % ranks);
    *first = classes / ranks * rank + ARC_MIN((int64_t)rank, classes % ranks);
}
