/* train: the processes ("ranks") that train together. A single process needs nothing else. Several use a module that is loaded
 * when mpirun started them (mpi/ranks_mpi.c), so nothing here depends on MPI being installed. All ranks make the same calls in
 * the same order. */
#ifndef ARC_TRAIN_RUN_RANKS_H
#define ARC_TRAIN_RUN_RANKS_H

#include "base/base.h"

typedef enum arc_reduce { ARC_REDUCE_SUM, ARC_REDUCE_MAX } arc_reduce;

/* What a module provides. Every function returns NULL or a sentence that says what went wrong. */
#define ARC_RANKS_SYMBOL "arc_ranks_module"
#define ARC_RANKS_VERSION 1
typedef struct arc_ranks_ops {
    int version;
    const char *(*start)(void);
    void (*stop)(const char *wrong); /* wrong: this sentence also ends the other ranks; NULL: a normal end */
    int (*rank)(void);
    int (*count)(void);
    const char *(*reduce_f64)(double *x, size_t n, int max);
    const char *(*reduce_f32)(float *x, size_t n);                    /* sum */
    const char *(*gather)(const void *mine, size_t bytes, void *all); /* equal sizes, in rank order, to all ranks */
    const char *(*broadcast)(void *data, size_t bytes, int from);
    const char *(*send)(const void *data, size_t bytes, int to);
    const char *(*receive)(void *data, size_t bytes, int from);
} arc_ranks_ops;

typedef struct arc_ranks {
    int rank, count; /* 0 and 1 for a single process */
    const arc_ranks_ops *ops;
} arc_ranks;

/* One process alone, or the ranks that mpirun (or srun) started; the first call in a process starts the module. Errors:
 * EMISSING names what to install. */
arc_status arc_ranks_open(arc_ranks *out, arc_error *err);
/* wrong: the error that happened, which ends the other ranks too; NULL if none did. */
void arc_ranks_close(arc_ranks *ranks, const arc_error *wrong);

arc_status arc_ranks_reduce(const arc_ranks *r, double *x, size_t n, arc_reduce how, arc_error *err);
arc_status arc_ranks_sum_floats(const arc_ranks *r, float *x, size_t n, arc_error *err);
/* all [count][bytes] */
arc_status arc_ranks_gather(const arc_ranks *r, const void *mine, size_t bytes, void *all, arc_error *err);
arc_status arc_ranks_broadcast(const arc_ranks *r, void *data, size_t bytes, int from, arc_error *err);
arc_status arc_ranks_send(const arc_ranks *r, const void *data, size_t bytes, int to, arc_error *err);
arc_status arc_ranks_receive(const arc_ranks *r, void *data, size_t bytes, int from, arc_error *err);

/* The classes of one rank, first and count. If they don't divide evenly, the first ranks take one more. */
void arc_ranks_share(int64_t classes, int rank, int ranks, int64_t *first, int64_t *count);

#endif
