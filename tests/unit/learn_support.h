/* Networks, weights and inputs of the learning tests and of tests/golden/learn.py: both draw the same numbers from names and
 * indices. */
#ifndef ARC_TEST_LEARN_SUPPORT_H
#define ARC_TEST_LEARN_SUPPORT_H

#include "learn/learner.h"
#include "net_support.h"

/* Number i of the stream called `name`, uniform in [-1,1): FNV-1a of the name, mixed with i as murmur3 does. learn.py:
 * numbers(). */
static inline float learn_number(const char *name, uint32_t i) {
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    h += i * 0x9e3779b9u;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    h ^= h >> 16;
    return (float)(h >> 8) / 8388608.0f - 1.0f;
}

static inline float *learn_numbers(const char *name, size_t count, float scale, float offset) {
    float *x = malloc(count * sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = learn_number(name, (uint32_t)i) * scale + offset;
    return x;
}

static inline bool learn_ends(const char *name, const char *end) {
    const size_t n = strlen(name), e = strlen(end);
    return n >= e && strcmp(name + n - e, end) == 0;
}

/* Weights by their shape and name, learn.py: draw(). */
static inline void learn_draw(arc_learn_parameter *p) {
    float scale = 0.2f, offset = 0;
    if (p->shape.rank == 4 || p->shape.rank == 2) {
        double fan_in = 1;
        for (int d = 1; d < p->shape.rank; d++)
            fan_in *= (double)p->shape.dim[d];
        scale = (float)sqrt(6 / fan_in);
    } else if (strcmp(p->name, "features.weight") == 0) {
        scale = 0;
        offset = 1;
    } else if (learn_ends(p->name, "running_var")) {
        scale = 0.5f;
        offset = 1;
    } else if (p->shape.rank == 3) { /* PReLU: nearly 1, see learn.py */
        scale = 0.001f;
        offset = 0.998f;
    } else if (learn_ends(p->name, "weight")) {
        scale = 0.4f;
        offset = 1;
    }
    for (size_t i = 0; i < p->count; i++)
        p->value[i] = learn_number(p->name, (uint32_t)i) * scale + offset;
}

/* ---- IResNet with any number of blocks and side, named as arcface_torch names it ------------------------------------------- */

typedef struct learn_net {
    arc_graph *g;
    int channels, side;
} learn_net;

static inline int learn_constant(arc_graph *g, const char *module, const char *what, arc_shape shape) {
    char name[96];
    void *data;
    snprintf(name, sizeof name, "%s.%s", module, what);
    const int v = arc_graph_constant_new(g, name, ARC_F32, &shape, &data);
    assert_true(v >= 0);
    for (int64_t i = 0; i < arc_shape_count(&shape); i++)
        ((float *)data)[i] = 1;
    return v;
}

static inline int learn_layer(arc_graph *g, const char *op, const char *name, int inputs, const int *in, arc_node **node) {
    const int out = arc_graph_value(g, name);
    arc_node *n = arc_graph_node(g, op, name, inputs, in, 1, &out);
    assert_non_null(n);
    if (node)
        *node = n;
    return out;
}

static inline int learn_conv(learn_net *t, int x, const char *name, int out, int kernel, int stride, int pad) {
    arc_node *n;
    const int in[2] = {x, learn_constant(t->g, name, "weight", net_shape(4, out, t->channels, kernel, kernel))};
    const int y = learn_layer(t->g, "Conv", name, 2, in, &n);
    const int64_t strides[] = {stride, stride}, pads[] = {pad, pad, pad, pad};
    assert_int_equal(arc_node_ints(t->g, n, "strides", 2, strides), ARC_OK);
    assert_int_equal(arc_node_ints(t->g, n, "pads", 4, pads), ARC_OK);
    t->channels = out;
    t->side = (t->side + 2 * pad - kernel) / stride + 1;
    return y;
}

static inline int learn_norm(learn_net *t, int x, const char *name) {
    static const char *const what[] = {"weight", "bias", "running_mean", "running_var"};
    int in[5] = {x};
    for (int i = 0; i < 4; i++)
        in[i + 1] = learn_constant(t->g, name, what[i], net_shape(1, t->channels, 0, 0, 0));
    arc_node *n;
    const int y = learn_layer(t->g, "BatchNormalization", name, 5, in, &n);
    assert_int_equal(arc_node_float(t->g, n, "epsilon", 1e-5f), ARC_OK);
    return y;
}

static inline int learn_prelu(learn_net *t, int x, const char *name) {
    const int in[2] = {x, learn_constant(t->g, name, "weight", net_shape(3, t->channels, 1, 1, 0))};
    return learn_layer(t->g, "PRelu", name, 2, in, NULL);
}

static inline int learn_block(learn_net *t, int x, const char *prefix, int channels, int stride) {
    char name[8][64];
    static const char *const part[] = {"bn1", "conv1", "bn2", "prelu", "conv2", "bn3", "downsample.0", "downsample.1"};
    for (int i = 0; i < 8; i++)
        snprintf(name[i], sizeof name[i], "%s.%s", prefix, part[i]);
    learn_net from = *t;
    int y = learn_conv(t, learn_norm(t, x, name[0]), name[1], channels, 3, 1, 1);
    y = learn_prelu(t, learn_norm(t, y, name[2]), name[3]);
    y = learn_norm(t, learn_conv(t, y, name[4], channels, 3, stride, 1), name[5]);
    if (stride > 1)
        x = learn_norm(t, learn_conv(&from, x, name[6], channels, 1, stride, 0), name[7]);
    char add[64];
    snprintf(add, sizeof add, "%s.add", prefix);
    return learn_layer(t->g, "Add", add, 2, (int[]){y, x}, NULL);
}

/* conv1 .. features of `width` channels in the first stage; images [-1,3,side,side] as they are. */
static inline arc_graph *learn_iresnet(const int blocks[4], int width, int side, int dim) {
    learn_net t = {.channels = 3, .side = side};
    assert_int_equal(arc_graph_new(&t.g, &arc_alloc_libc, 13, NULL), ARC_OK);
    const int images = arc_graph_value(t.g, "images");
    const arc_shape in = net_shape(4, -1, 3, side, side);
    assert_int_equal(arc_graph_add_input(t.g, images, ARC_F32, &in), ARC_OK);
    int x = learn_prelu(&t, learn_norm(&t, learn_conv(&t, images, "conv1", width, 3, 1, 1), "bn1"), "prelu");
    for (int stage = 0; stage < 4; stage++)
        for (int b = 0; b < blocks[stage]; b++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "layer%d.%d", stage + 1, b);
            x = learn_block(&t, x, prefix, width << stage, b ? 1 : 2);
        }
    x = learn_norm(&t, x, "bn2");
    x = learn_layer(t.g, "Flatten", "flatten", 1, &x, NULL);
    const int flat = t.channels * t.side * t.side;
    arc_node *n;
    const int fc[3] = {x, learn_constant(t.g, "fc", "weight", net_shape(2, dim, flat, 0, 0)),
                       learn_constant(t.g, "fc", "bias", net_shape(1, dim, 0, 0, 0))};
    x = learn_layer(t.g, "Gemm", "fc", 3, fc, &n);
    assert_int_equal(arc_node_int(t.g, n, "transB", 1), ARC_OK);
    t.channels = dim;
    x = learn_norm(&t, x, "features");
    assert_int_equal(arc_graph_add_output(t.g, x), ARC_OK);
    arc_error err = {0};
    if (arc_graph_check(t.g, &err) != ARC_OK)
        fail_msg("graph: %s", err.text);
    return t.g;
}

static inline arc_learner *learn_new(const arc_context *ctx, const arc_graph *g, int64_t batch, int side, arc_learner_options o) {
    arc_learner *l = NULL;
    arc_error err = {0};
    const arc_shape in = net_shape(4, batch, 3, side, side);
    o.batch = batch;
    o.momentum = 0.1f;
    if (arc_learner_new(&l, ctx, g, &in, &o, &err) != ARC_OK)
        fail_msg("learner: %s", err.text);
    for (size_t i = 0; i < arc_learner_parameters(l); i++)
        learn_draw(arc_learner_parameter(l, i));
    for (size_t i = 0; i < arc_learner_statistics(l); i++)
        learn_draw(arc_learner_statistic(l, i));
    return l;
}

static inline void learn_forward(arc_learner *l, const float *images, int64_t n, const float **embeddings) {
    arc_error err = {0};
    if (arc_learner_forward(l, images, n, embeddings, &err) != ARC_OK)
        fail_msg("forward: %s", err.text);
}

static inline void learn_backward(arc_learner *l, const float *d, bool accumulate, float *d_images) {
    arc_error err = {0};
    if (arc_learner_backward(l, d, accumulate, d_images, &err) != ARC_OK)
        fail_msg("backward: %s", err.text);
}

#endif
