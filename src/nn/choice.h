/* nn: which of several ways a layer takes. A layer lists its candidates with what the cost model says of each; arc_choose picks one:
 *
 *   1. the algorithm that is recorded for this plan on this machine (plan_cache.h), with the schedule recorded for this number of threads;
 *   2. when measuring is asked for and nothing is recorded: the fastest one here, which is then recorded (tune.h);
 *   3. otherwise the cost model's.
 *
 * An algorithm fixes the bits of a result, a schedule never does. So algorithms are chosen and recorded without regard to the number of
 * threads, and the results of a plan have the same bits for any. */
#ifndef ARC_NN_CHOICE_H
#define ARC_NN_CHOICE_H

#include "nn/op.h"

#define ARC_MAX_CANDIDATES 16
#define ARC_CHOICE_KEY_BYTES 120
#define ARC_CHOICE_NAME_BYTES 40

/* What a core does in a nanosecond, for the cost model. */
typedef struct arc_rates {
    double macs;          /* multiply-adds of the tile, */
    double floats;        /* floats through the Winograd transforms, */
    double weight_floats; /* floats of weights from memory; all cores share that */
    double threads;       /* cores that the model counts on, whatever runs: results do not depend on the number of threads */
} arc_rates;

/* ---- rates.c ---- */

/* The rates that ship with the project: measured where docs/KERNELS.md says. */
arc_rates arc_rates_shipped(arc_isa isa);
/* Whether the shipped rates of the x86 levels were measured on such a processor (arc_cpu_text). */
bool arc_rates_know(const char *cpu);
/* The rates for plans of this context. A processor that the shipped table does not know is measured once, for a tenth of a second; the
 * figures hold only once they are kept in the cache, so that every plan finds the same. Fails with ENOMEM alone. */
arc_status arc_rates_find(arc_rates *out, const arc_context *ctx, const char *cpu, arc_error *err);

typedef struct arc_candidate arc_candidate;
struct arc_candidate {
    const char *algorithm; /* of static storage, at most ARC_CHOICE_NAME_BYTES - 1 letters; the same name, the same bits */
    const char *schedule;  /* how its work is cut, as short */
    double cost_ns;        /* by the cost model */
    int variant;           /* the layer's own: its tile ... */
    /* As arc_op's prepare; `layer` is what arc_choose was given. */
    arc_status (*prepare)(arc_prepare *p, const void *layer, const arc_candidate *self);
};

/* Prepares the step by one of the candidates. `key` names the layer's shape in a line without tabs: layers of one plan with the same key
 * take the same way. */
arc_status arc_choose(arc_prepare *p, const char *key, const void *layer, const arc_candidate *candidate, int count);

/* The rates by which candidates of this step are to be costed. */
arc_rates arc_choice_rates(const arc_prepare *p);

/* ---- the choices of one plan ---- */

typedef struct arc_choices arc_choices;

typedef struct arc_choices_of {
    const arc_context *ctx;
    const arc_graph *graph;
    const arc_shape *input_shape;
    bool bf16, f16, low_memory, no_tuning;
} arc_choices_of;

/* Reads what is recorded for this network, input and machine. A cache that can't be read counts as empty and one that can't be written turns
 * measuring off, each with a warning. Fails with ENOMEM alone. */
arc_status arc_choices_open(arc_choices **out, const arc_choices_of *of, arc_error *err);
/* Writes what was measured. NULL-safe. */
void arc_choices_close(arc_choices **choices);

#endif
