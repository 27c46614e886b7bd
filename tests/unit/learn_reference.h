/* A network in double (device/reference) as the loss of a learner: embeddings times numbers, and a share of every normalisation's
 * statistics. The learner's gradients are held against its finite differences. */
#ifndef ARC_TEST_LEARN_REFERENCE_H
#define ARC_TEST_LEARN_REFERENCE_H

#include "device/reference/reference.h"
#include "learn_support.h"

typedef struct reference {
    const arc_graph *g;
    arc_learner *l;
    arc_reference_network *network;
    bool evaluating;
    uint64_t kinks; /* hash of the signs at every kink: finite differences hold while it stays */
} reference;

/* Of the graph: images and parameters may be written. */
static inline double *ref_data(const reference *r, int value) {
    return arc_reference_network_value(r->network, value).data;
}
static inline size_t ref_count(const reference *r, int value) {
    const arc_shape s = arc_reference_network_value(r->network, value).shape;
    return (size_t)arc_shape_count(&s);
}

static inline const arc_learn_norm *ref_norm_of(const reference *r, const char *name) {
    for (size_t i = 0; i < arc_learner_norms(r->l); i++)
        if (strcmp(arc_learner_norm(r->l, i)->name, name) == 0)
            return arc_learner_norm(r->l, i);
    return NULL; /* the output does not depend on it */
}

/* d_mean . mean + d_variance . variance of the normalisation's input. */
static inline double ref_statistics(const reference *r, const arc_node *n) {
    const arc_reference_value x = arc_reference_network_value(r->network, n->input[0]);
    const arc_learn_norm *norm = ref_norm_of(r, n->name);
    const size_t channels = (size_t)x.shape.dim[1], images = (size_t)x.shape.dim[0];
    const size_t pixels = ref_count(r, n->input[0]) / images / channels, count = images * pixels;
    double sum = 0;
    for (size_t c = 0; norm && c < channels; c++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < count; i++)
            mean += x.data[(i / pixels * channels + c) * pixels + i % pixels] / (double)count;
        for (size_t i = 0; i < count; i++)
            variance += pow(x.data[(i / pixels * channels + c) * pixels + i % pixels] - mean, 2) / (double)count;
        sum += (double)norm->d_mean[c] * mean + (double)norm->d_variance[c] * variance;
    }
    return sum;
}

static inline double ref_run(reference *r, const float *loss) {
    const int out = r->g->output[0];
    double sum = 0;
    arc_reference_network_run(r->network, !r->evaluating);
    r->kinks = 14695981039346656037u;
    for (int i = 0; i < r->g->nodes; i++) {
        const arc_node *n = &r->g->node[i];
        if (arc_node_is(n, ARC_KIND_BATCH_NORM))
            sum += ref_statistics(r, n);
        if (!arc_node_is(n, ARC_KIND_RELU) && !arc_node_is(n, ARC_KIND_PRELU))
            continue;
        const double *x = ref_data(r, n->input[0]);
        for (size_t k = 0; k < ref_count(r, n->input[0]); k++)
            r->kinks = (r->kinks ^ (x[k] < 0)) * 1099511628211u;
    }
    for (size_t i = 0; i < ref_count(r, out); i++)
        sum += ref_data(r, out)[i] * (double)loss[i];
    return sum;
}

static inline void ref_set(reference *r, int value, const float *from) {
    for (size_t i = 0; i < ref_count(r, value); i++)
        ref_data(r, value)[i] = (double)from[i];
}

/* With the learner's present parameters and statistics. */
static inline void ref_new(reference *r, const arc_graph *g, arc_learner *l, const float *images, arc_shape shape,
                           bool evaluating) {
    arc_error err = {0};
    *r = (reference){.g = g, .l = l, .evaluating = evaluating};
    if (arc_reference_network_new(&r->network, g, &shape, &err) != ARC_OK)
        fail_msg("%s", err.text);
    ref_set(r, g->input[0], images);
    for (size_t i = 0; i < arc_learner_parameters(l); i++)
        ref_set(r, arc_graph_find(g, arc_learner_parameter(l, i)->name), arc_learner_parameter(l, i)->value);
    for (size_t i = 0; i < arc_learner_statistics(l); i++)
        ref_set(r, arc_graph_find(g, arc_learner_statistic(l, i)->name), arc_learner_statistic(l, i)->value);
}

static inline void ref_free(reference *r) {
    arc_reference_network_free(&r->network);
}

#endif
