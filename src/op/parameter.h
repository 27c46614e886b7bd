/* parameter: what a layer learns, and the statistics of a normalisation that a loss may read. The learner owns them
 * (learn/learner.h). */
#ifndef ARC_OP_PARAMETER_H
#define ARC_OP_PARAMETER_H

#include "graph/graph.h"

typedef struct arc_learn_parameter {
    const char *name; /* of the initializer in the graph, e.g. "layer1.0.conv1.weight" */
    arc_shape shape;
    size_t count;
    float *value, *gradient; /* plain row-major, writable; gradient is overwritten by backward unless accumulate */
    bool decays;             /* weights of conv and FC; the recipe decides whether BN, PReLU and bias decay too */
    bool frozen;             /* no gradient is computed */
} arc_learn_parameter;

/* One BatchNormalization: the statistics of the last forward, and what the loss's gradient with respect to them is, for losses
 * that read them. backward adds it to the gradients of what lies below; it stays until the caller writes another. */
typedef struct arc_learn_norm {
    const char *name; /* of the node */
    size_t channels;
    const float *mean, *variance; /* of the batch, [channels]; the variance is the biased one */
    const arc_learn_parameter *running_mean, *running_variance;
    float *d_mean, *d_variance; /* [channels], zero at first */
    bool uses_running;          /* the caller's: normalise by the running statistics and leave them, as all do in evaluation */
} arc_learn_norm;

#endif
