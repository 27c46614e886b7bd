/* eval: resampling of identities, for intervals and for comparisons (compare.c). */
#ifndef ARC_EVAL_STATS_BOOTSTRAP_H
#define ARC_EVAL_STATS_BOOTSTRAP_H

#include "eval/eval_internal.h"

/* Intervals of TAR at every operating point and of accuracy at the best single threshold, from the stored pairs of e.
 * Identities are drawn with replacement; a genuine pair counts as often as its identity was drawn, an impostor pair as often
 * as the product of its two. */
arc_status arc_evaluation_bootstrap(arc_context *ctx, arc_evaluation *e, int replicates, uint64_t seed, arc_error *err);

/* The replicates: tar [ARC_MAX_OPERATING][replicates], right [replicates] (accuracies). The same seed draws the same
 * identities for all evaluations with as many of them, so differences between two evaluations are paired. */
arc_status arc_bootstrap_rates(arc_context *ctx, const arc_evaluation *e, int replicates, uint64_t seed, double *tar,
                               double *right, arc_error *err);

/* How often each identity is drawn in one replicate. */
void arc_bootstrap_draw(uint64_t seed, int replicate, int identities, int *times);
/* The 2.5 % and 97.5 % quantiles; sorts the values. */
arc_interval arc_bootstrap_interval(double *value, int count);

#endif
