/* plan: measuring candidates as prepared steps, for choice.c, and the cost model's rates on bare kernels, for rates.c. */
#ifndef ARC_PLAN_TUNE_H
#define ARC_PLAN_TUNE_H

#include "plan/choice.h"

typedef struct arc_tuner {
    const arc_alloc *alloc;
    bool cold;            /* the network's weights do not stay in the cache from run to run */
    double weight_floats; /* a nanosecond, from memory in a running network: copies of one layer come faster */
    float *sweep;         /* more than the cache holds, made when first needed */
} arc_tuner;

/* Prepares the candidate in memory of its own and runs it for some milliseconds on numbers of the size of activations: the median
 * in nanoseconds. The step of `p` is left as it is. Errors: ENOMEM, and those of prepare. */
arc_status arc_tune_candidate(arc_tuner *t, const arc_prepare *p, const void *layer, const arc_candidate *candidate, double *ns);
void arc_tuner_free(arc_tuner *t);

/* The three rates of this machine at the execution's level, and its number of threads. Errors: ENOMEM. */
arc_status arc_tune_rates(const arc_execution *x, arc_rates *out, arc_error *err);

#endif
