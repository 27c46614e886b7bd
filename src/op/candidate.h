/* candidate: which of several ways a layer takes. A layer lists its candidates with what the cost model says of each; arc_choose
 * picks one:
 *
 *   1. the algorithm that is recorded for this plan on this machine (plan/cache.h), with the schedule recorded for this number of
 *      threads;
 *   2. when measuring is asked for and nothing is recorded: the fastest one here, which is then recorded (plan/tune.h);
 *   3. otherwise the cost model's.
 *
 * An algorithm fixes the bits of a result, a schedule never does. So algorithms are chosen and recorded without regard to the
 * number of threads, and the results of a plan have the same bits for any. */
#ifndef ARC_OP_CANDIDATE_H
#define ARC_OP_CANDIDATE_H

#include "op/op.h"

#define ARC_MAX_CANDIDATES 16
#define ARC_CHOICE_KEY_BYTES 120
#define ARC_CHOICE_NAME_BYTES 40

/* What a core does in a nanosecond, for the cost model. */
typedef struct arc_rates {
    double macs;          /* multiply-adds of the tile, */
    double floats;        /* floats through the Winograd transforms, */
    double weight_floats; /* floats of weights from memory; all cores share that */
    double threads;       /* cores that the model assumes, however many run: results do not depend on the number of threads */
} arc_rates;

typedef struct arc_candidate arc_candidate;
struct arc_candidate {
    const char *algorithm; /* of static storage, at most ARC_CHOICE_NAME_BYTES - 1 letters; the same name, the same bits */
    const char *schedule;  /* how its work is cut, as short */
    double cost_ns;        /* by the cost model */
    int variant;           /* what the layer likes to know in prepare, such as its tile */
    /* As arc_op's prepare; `layer` is what arc_choose was given. */
    arc_status (*prepare)(arc_prepare *p, const void *layer, const arc_candidate *self);
};

/* Who decides among candidates: the planner, with what it has recorded and measured (plan/choice.h). */
struct arc_chooser {
    arc_rates rates;
    /* One of the `count` candidates, at least two, into *best. */
    arc_status (*choose)(const arc_chooser *self, const arc_prepare *p, const char *key, const void *layer,
                         const arc_candidate *candidate, int count, const arc_candidate **best);
};

/* The rates that ship with the project: measured where docs/KERNELS.md says. */
arc_rates arc_rates_shipped(arc_isa isa);

/* The cheapest by the cost model among those with that algorithm and schedule (NULL: any); NULL when there is none. */
const arc_candidate *arc_candidate_cheapest(const arc_candidate *candidate, int count, const char *algorithm,
                                            const char *schedule);

/* Prepares the step by one of the candidates. `key` names the layer's shape in a line without tabs: layers of one plan with the
 * same key take the same way. */
arc_status arc_choose(arc_prepare *p, const char *key, const void *layer, const arc_candidate *candidate, int count);

/* The rates by which candidates of this step are to be costed. */
arc_rates arc_choice_rates(const arc_prepare *p);

#endif
