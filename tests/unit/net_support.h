/* Small networks with random weights, built layer by layer, and running them with and without passes. */
#ifndef ARC_TEST_NET_SUPPORT_H
#define ARC_TEST_NET_SUPPORT_H

#include "run/session.h"
#include "support.h"
#include <string.h>

typedef struct net {
    arc_graph *g;
    uint32_t seed;
    int made; /* names: n0, n1 ... */
} net;

static inline float net_random(net *t, float lo, float hi) {
    t->seed = t->seed * 1664525u + 1013904223u;
    return lo + (hi - lo) * (float)(t->seed >> 8) / (float)(1 << 24);
}
static inline int net_choice(net *t, int count) {
    return (int)net_random(t, 0, (float)count) % count;
}

static inline void net_new(net *t, const arc_alloc *a, uint32_t seed) {
    *t = (net){.seed = seed * 2654435761u + 1};
    assert_int_equal(arc_graph_new(&t->g, a, 13, NULL), ARC_OK);
}

static inline arc_shape net_shape(int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    return (arc_shape){rank, {a, b, c, d}};
}

static inline const char *net_name(net *t) {
    static char name[32];
    snprintf(name, sizeof name, "n%d", t->made++);
    return name;
}

static inline int net_input(net *t, const char *name, arc_shape s) {
    const int v = arc_graph_value(t->g, name);
    assert_int_equal(arc_graph_add_input(t->g, v, ARC_F32, &s), ARC_OK);
    return v;
}

/* A constant drawn from [lo,hi). */
static inline int net_constant(net *t, arc_shape s, float lo, float hi) {
    void *data;
    const int v = arc_graph_constant_new(t->g, net_name(t), ARC_F32, &s, &data);
    assert_true(v >= 0);
    for (int64_t i = 0; i < arc_shape_count(&s); i++)
        ((float *)data)[i] = net_random(t, lo, hi);
    return v;
}

static inline int net_ints(net *t, int count, const int64_t *ints) {
    const arc_shape s = {1, {count}};
    return arc_graph_constant(t->g, net_name(t), ARC_I64, &s, ints, true);
}

/* A node with up to three inputs (ARC_NO_VALUE ends them) and one output, which is returned; *node may be given attributes. */
static inline int net_node(net *t, const char *op, int a, int b, int c, arc_node **node) {
    const int in[3] = {a, b, c}, out = arc_graph_value(t->g, net_name(t));
    const int inputs = a < 0 ? 0 : b < 0 ? 1 : c < 0 ? 2 : 3;
    arc_node *n = arc_graph_node(t->g, op, t->g->value[out].name, inputs, in, 1, &out);
    assert_non_null(n);
    if (node)
        *node = n;
    return out;
}

typedef struct net_conv_spec {
    int in, out, kernel, stride, pad, groups;
    bool bias;
} net_conv_spec;

static inline int net_conv(net *t, int x, net_conv_spec s) {
    const float bound = 1.5f / sqrtf((float)(s.in / s.groups * s.kernel * s.kernel));
    const int w = net_constant(t, net_shape(4, s.out, s.in / s.groups, s.kernel, s.kernel), -bound, bound);
    const int b = s.bias ? net_constant(t, net_shape(1, s.out, 0, 0, 0), -1, 1) : ARC_NO_VALUE;
    arc_node *n;
    const int y = net_node(t, "Conv", x, w, b, &n);
    const int64_t kernel[] = {s.kernel, s.kernel}, stride[] = {s.stride, s.stride}, pads[] = {s.pad, s.pad, s.pad, s.pad};
    assert_int_equal(arc_node_ints(t->g, n, "kernel_shape", 2, kernel), ARC_OK);
    assert_int_equal(arc_node_ints(t->g, n, "strides", 2, stride), ARC_OK);
    assert_int_equal(arc_node_ints(t->g, n, "pads", 4, pads), ARC_OK);
    assert_int_equal(arc_node_int(t->g, n, "group", s.groups), ARC_OK);
    return y;
}

static inline int net_batch_norm(net *t, int x, int channels) {
    const arc_shape s = net_shape(1, channels, 0, 0, 0);
    int in[5] = {x, net_constant(t, s, 0.5f, 1.5f), net_constant(t, s, -1, 1), net_constant(t, s, -1, 1),
                 net_constant(t, s, 0.5f, 2)};
    const int out = arc_graph_value(t->g, net_name(t));
    arc_node *n = arc_graph_node(t->g, "BatchNormalization", t->g->value[out].name, 5, in, 1, &out);
    assert_non_null(n);
    assert_int_equal(arc_node_float(t->g, n, "epsilon", 2e-5f), ARC_OK);
    return out;
}

static inline int net_prelu(net *t, int x, int channels) {
    return net_node(t, "PRelu", x, net_constant(t, net_shape(3, channels, 1, 1, 0), -0.5f, 0.5f), ARC_NO_VALUE, NULL);
}

static inline int net_gemm(net *t, int x, int in, int out, bool bias) {
    const float bound = 1.5f / sqrtf((float)in);
    const int w = net_constant(t, net_shape(2, out, in, 0, 0), -bound, bound);
    const int b = bias ? net_constant(t, net_shape(1, out, 0, 0, 0), -1, 1) : ARC_NO_VALUE;
    arc_node *n;
    const int y = net_node(t, "Gemm", x, w, b, &n);
    assert_int_equal(arc_node_int(t->g, n, "transB", 1), ARC_OK);
    return y;
}

/* Marks the output and checks the graph. */
static inline void net_done(net *t, int output) {
    arc_error err = {0};
    assert_int_equal(arc_graph_add_output(t->g, output), ARC_OK);
    if (arc_graph_check(t->g, &err) != ARC_OK)
        fail_msg("graph: %s", err.text);
}

/* The network of the IResNet papers in small: normalisation, stem, two blocks (the first one strided with a shortcut
 * convolution), tail.
 * For a [n,3,side,side] input with side a multiple of 4. */
static inline int net_iresnet(net *t, int x, int side, int dim) {
    const int half = net_constant(t, net_shape(1, 1, 0, 0, 0), 0.4f, 0.6f),
              two = net_constant(t, net_shape(1, 1, 0, 0, 0), 1.5f, 2.5f);
    x = net_node(t, "Mul", net_node(t, "Sub", x, half, ARC_NO_VALUE, NULL), two, ARC_NO_VALUE, NULL);
    x = net_prelu(t, net_batch_norm(t, net_conv(t, x, (net_conv_spec){3, 8, 3, 1, 1, 1, false}), 8), 8);
    for (int block = 0; block < 2; block++) {
        const int stride = block ? 1 : 2, in = block ? 12 : 8;
        int y = net_conv(t, net_batch_norm(t, x, in), (net_conv_spec){in, 12, 3, 1, 1, 1, false});
        y = net_prelu(t, net_batch_norm(t, y, 12), 12);
        y = net_batch_norm(t, net_conv(t, y, (net_conv_spec){12, 12, 3, stride, 1, 1, false}), 12);
        if (!block)
            x = net_batch_norm(t, net_conv(t, x, (net_conv_spec){8, 12, 1, stride, 0, 1, false}), 12);
        x = net_node(t, "Add", y, x, ARC_NO_VALUE, NULL);
    }
    x = net_node(t, "Flatten", net_batch_norm(t, x, 12), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    return net_batch_norm(t, net_gemm(t, x, 12 * side / 2 * side / 2, dim, true), dim);
}

static inline float *net_floats(uint32_t seed, size_t count) {
    net t = {.seed = seed * 2654435761u + 7};
    float *data = malloc(count * sizeof *data);
    for (size_t i = 0; i < count; i++)
        data[i] = net_random(&t, -1, 1);
    return data;
}

/* One run in a session of its own: the first output, copied (free it). */
static inline float *net_run(const arc_context *ctx, const arc_graph *g, bool no_passes, arc_shape shape, const float *x,
                             arc_tensor *out, arc_plan_stats *stats) {
    arc_session *s = NULL;
    arc_error err = {0};
    arc_tensor in = {.dtype = ARC_F32, .shape = shape, .data = (void *)(uintptr_t)x}, outs[8];
    const arc_session_options options = {.no_passes = no_passes};
    if (arc_session_new(&s, ctx, g, &options, &err) != ARC_OK || arc_session_run(s, &in, outs, &err) != ARC_OK)
        fail_msg("%s: %s", no_passes ? "without passes" : "with passes", err.text);
    const size_t bytes = (size_t)arc_shape_count(&outs[0].shape) * arc_dtype_bytes(outs[0].dtype);
    float *copy = malloc(bytes + 1);
    memcpy(copy, outs[0].data, bytes);
    if (out)
        *out = outs[0];
    if (stats)
        assert_int_equal(arc_session_stats(s, stats), ARC_OK);
    arc_session_free(&s);
    return copy;
}

/* conv 3x3 stride 2 -> PRelu -> average -> Gemm: the smallest embedder, of RGB in -1..1. To be freed. */
static inline arc_graph *net_embedder(int side_px, int pad, bool quantized) {
    net t;
    net_new(&t, &arc_alloc_libc, 5);
    const int x = net_input(&t, "data", net_shape(4, 1, 3, side_px, side_px));
    const int c = net_prelu(&t, net_conv(&t, x, (net_conv_spec){3, 96, 3, 2, pad, 1, false}), 96);
    int q = c;
    if (quantized) {
        const float step = 0.02f;
        const uint8_t zero = 100;
        const arc_shape scalar = {0};
        const int scale = arc_graph_constant(t.g, "scale", ARC_F32, &scalar, &step, true),
                  middle = arc_graph_constant(t.g, "zero", ARC_U8, &scalar, &zero, true);
        q = net_node(&t, "DequantizeLinear", net_node(&t, "QuantizeLinear", c, scale, middle, NULL), scale, middle, NULL);
    }
    const int a = net_node(&t, "GlobalAveragePool", q, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int y = net_gemm(&t, net_node(&t, "Flatten", a, ARC_NO_VALUE, ARC_NO_VALUE, NULL), 96, 64, true);
    net_done(&t, y);
    t.g->value[y].dtype = ARC_F32;
    t.g->value[y].shape = net_shape(2, 1, 64, 0, 0);
    return t.g;
}

/* One convolution as an output of a detector: `columns` numbers for each of `anchors` in each cell of `stride` pixels. */
static inline void net_cells(net *t, int x, int stride, int anchors, int columns, bool score, const char *name, int rank) {
    arc_node *n;
    const int64_t shape[3] = {1, -1, columns}, order[4] = {0, 2, 3, 1};
    const int c = net_conv(t, x, (net_conv_spec){3, anchors * columns, stride, stride, 0, 1, true});
    const int y = net_node(t, "Transpose", score ? net_node(t, "Sigmoid", c, ARC_NO_VALUE, ARC_NO_VALUE, NULL) : c, ARC_NO_VALUE,
                           ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t->g, n, "perm", 4, order), ARC_OK);
    const int in[2] = {y, net_ints(t, rank, shape + 3 - rank)}, out = arc_graph_value(t->g, name);
    assert_non_null(arc_graph_node(t->g, "Reshape", name, 2, in, 1, &out));
    assert_int_equal(arc_graph_add_output(t->g, out), ARC_OK);
}

static inline arc_graph *net_detector_done(net *t, const char *family) {
    arc_error err = {0};
    assert_int_equal(arc_graph_check(t->g, &err), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t->g, "arcface.task", "detect"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t->g, "arcface.detector", family), ARC_OK);
    return t->g;
}

/* One convolution for each output of SCRFD: the cells of a stride as its kernel. Its input has no fixed size. To be freed. */
static inline arc_graph *net_detector(void) {
    static const int kinds[] = {1, 4, 10};
    net t;
    net_new(&t, &arc_alloc_libc, 12);
    const int x = net_input(&t, "data", net_shape(4, 1, 3, -1, -1));
    for (int k = 0; k < 9; k++) {
        char name[32];
        snprintf(name, sizeof name, "out_%d", k);
        net_cells(&t, x, 8 << k % 3, 2, kinds[k / 3], kinds[k / 3] == 1, name, 2);
    }
    return net_detector_done(&t, "scrfd");
}

/* The same of YuNet of 2023. */
static inline arc_graph *net_yunet(void) {
    static const int kinds[] = {1, 1, 4, 10};
    static const char *const names[] = {"cls", "obj", "bbox", "kps"};
    net t;
    net_new(&t, &arc_alloc_libc, 13);
    const float least = 1.0f / 256; /* sides are exponentials of what the convolutions give */
    const int image = net_input(&t, "input", net_shape(4, 1, 3, -1, -1));
    const int x = net_node(&t, "Mul", image, net_constant(&t, net_shape(1, 1, 0, 0, 0), least, least), ARC_NO_VALUE, NULL);
    for (int k = 0; k < 12; k++) {
        char name[32];
        snprintf(name, sizeof name, "%s_%d", names[k / 3], 8 << k % 3);
        net_cells(&t, x, 8 << k % 3, 1, kinds[k / 3], kinds[k / 3] == 1, name, k % 3 == 1 ? 2 : 3);
    }
    return net_detector_done(&t, "yunet");
}

#endif
