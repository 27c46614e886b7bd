/* Nets known by their PyTorch state dicts beside those of the zoo: MobileFaceNet as github.com/Xiaoccer/MobileFaceNet_Pytorch has
 * it (112 high,
 * 96 wide) and RetinaFace with MobileNet 0.25 as github.com/biubug6/Pytorch_Retinaface and Face-Detector-1MB-with-landmark have
 * it. */
#include "format/torch/torch_internal.h"
#include <stdio.h>
#include <string.h>

#define OPSET 13
#define BN_EPS 1e-5f
#define LEAK 0.1f
#define NAME_BYTES 128

typedef struct net {
    arc_graph *g;
    const arc_torch_state *s;
    const char *file;
    float leak;    /* slope of LEAKY; 0 makes it ReLU */
    arc_status st; /* the first failure; builders do nothing after it */
    arc_error *err;
} net;

typedef enum act { NO_ACT, PRELU, LEAKY, RELU } act;

static void fail_memory(net *n) {
    if (n->st == ARC_OK)
        n->st = arc_fail_nomem(n->err, n->file);
}

/* A tensor of the state dict as a constant; slopes of PReLU become [C,1,1]. */
static int weight(net *n, const char *prefix, const char *leaf, bool channels) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", prefix, leaf);
    const arc_torch_tensor *t = n->st == ARC_OK ? arc_torch_find(n->s, name) : NULL;
    if (!t) {
        if (n->st == ARC_OK)
            n->st = arc_fail(n->err, ARC_EMISSING, "%s: the state dict has no '%s'", n->file, name);
        return ARC_NO_VALUE;
    }
    arc_shape shape = t->shape;
    if (channels && shape.rank == 1)
        shape = (arc_shape){3, {t->shape.dim[0], 1, 1}};
    const int known = arc_graph_find(n->g, name);
    const int value = known >= 0 ? known : arc_graph_constant(n->g, name, ARC_F32, &shape, t->data, true);
    if (value < 0)
        fail_memory(n);
    return value;
}

static arc_node *add(net *n, const char *op, const char *name, int inputs, const int *input, int *out) {
    *out = ARC_NO_VALUE;
    if (n->st != ARC_OK)
        return NULL;
    *out = arc_graph_value(n->g, name);
    arc_node *node = *out >= 0 ? arc_graph_node(n->g, op, name, inputs, input, 1, out) : NULL;
    if (!node)
        fail_memory(n);
    return node;
}

static void check(net *n, arc_status st) {
    if (st != ARC_OK)
        fail_memory(n);
}

/* Conv with the padding that keeps the size at stride 1 unless it is 0. groups 0: depthwise. */
static int conv(net *n, int x, const char *prefix, bool bias, int stride, int pad, int groups) {
    char name[NAME_BYTES + 8];
    int in[3] = {x, weight(n, prefix, "weight", false), bias ? weight(n, prefix, "bias", false) : ARC_NO_VALUE}, out;
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    const arc_shape w = n->g->value[in[1]].shape;
    if (w.rank != 4) {
        n->st = arc_fail(n->err, ARC_ESHAPE, "%s: '%s.weight' is no convolution", n->file, prefix);
        return ARC_NO_VALUE;
    }
    snprintf(name, sizeof name, "%s.conv", prefix);
    arc_node *node = add(n, "Conv", name, 2 + bias, in, &out);
    if (node) {
        const int64_t kernel[2] = {w.dim[2], w.dim[3]}, strides[2] = {stride, stride}, pads[4] = {pad, pad, pad, pad};
        check(n, arc_node_ints(n->g, node, "kernel_shape", 2, kernel));
        check(n, arc_node_ints(n->g, node, "strides", 2, strides));
        check(n, arc_node_ints(n->g, node, "pads", 4, pads));
        check(n, arc_node_int(n->g, node, "group", groups ? groups : w.dim[0]));
    }
    return out;
}

static int batch_norm(net *n, int x, const char *prefix) {
    char name[NAME_BYTES + 8];
    int in[5] = {x, weight(n, prefix, "weight", false), weight(n, prefix, "bias", false),
                 weight(n, prefix, "running_mean", false), weight(n, prefix, "running_var", false)},
        out;
    snprintf(name, sizeof name, "%s.bn", prefix);
    arc_node *node = add(n, "BatchNormalization", name, 5, in, &out);
    if (node)
        check(n, arc_node_float(n->g, node, "epsilon", BN_EPS));
    return out;
}

static int activate(net *n, int x, const char *name, act a, const char *slope_prefix) {
    int in[2] = {x, a == PRELU ? weight(n, slope_prefix, "weight", true) : ARC_NO_VALUE}, out;
    if (a == LEAKY && n->leak == 0)
        a = RELU;
    arc_node *node = add(n, a == PRELU ? "PRelu" : a == LEAKY ? "LeakyRelu" : "Relu", name, 1 + (a == PRELU), in, &out);
    if (node && a == LEAKY)
        check(n, arc_node_float(n->g, node, "alpha", n->leak));
    return out;
}

static int join(net *n, const char *op, const char *name, int count, const int *in, int axis) {
    int out;
    arc_node *node = add(n, op, name, count, in, &out);
    if (node && axis >= 0)
        check(n, arc_node_int(n->g, node, "axis", axis));
    return out;
}

/* "prefix.A", "prefix.B" -> convolution and BatchNorm; activation by kind. */
static int unit(net *n, int x, const char *prefix, const char *conv_leaf, const char *bn_leaf, int stride, int pad, int groups,
                act a, const char *prelu_leaf) {
    char c[NAME_BYTES], b[NAME_BYTES], p[NAME_BYTES], out[NAME_BYTES];
    snprintf(c, sizeof c, "%.80s.%s", prefix, conv_leaf);
    snprintf(b, sizeof b, "%.80s.%s", prefix, bn_leaf);
    snprintf(p, sizeof p, "%.80s.%s", prefix, prelu_leaf);
    snprintf(out, sizeof out, "%.80s.%s.act", prefix, bn_leaf);
    x = batch_norm(n, conv(n, x, c, false, stride, pad, groups), b);
    return a == NO_ACT ? x : activate(n, x, out, a, p);
}

static arc_status start(net *n, arc_graph **g, const arc_alloc *a, const arc_shape *input, int *x) {
    n->st = arc_graph_new(&n->g, a, OPSET, n->err);
    *g = n->g;
    if (n->st != ARC_OK)
        return n->st;
    n->g->producer = "pytorch";
    *x = arc_graph_value(n->g, "input");
    if (*x < 0 || arc_graph_add_input(n->g, *x, ARC_F32, input) != ARC_OK)
        fail_memory(n);
    return n->st;
}

/* An output of a known shape: [N, ...]. */
static void give(net *n, int value, arc_shape shape) {
    if (n->st != ARC_OK)
        return;
    n->g->value[value].dtype = ARC_F32;
    n->g->value[value].shape = shape;
    check(n, arc_graph_add_output(n->g, value));
}

static arc_status finish(net *n, arc_graph **out) {
    if (n->st == ARC_OK) {
        n->st = arc_graph_check(n->g, n->err);
        if (n->st != ARC_OK)
            arc_fail_in(n->err, n->st, n->file);
    }
    if (n->st != ARC_OK)
        arc_graph_free(&n->g);
    *out = n->g;
    return n->st;
}

/* ---- MobileFaceNet --------------------------------------------------------------------------------------------------------- */

static int bottleneck(net *n, int x, int index, int stride, bool residual) {
    char prefix[NAME_BYTES], name[NAME_BYTES];
    snprintf(prefix, sizeof prefix, "blocks.%d.conv", index);
    int y = unit(n, x, prefix, "0", "1", 1, 0, 1, PRELU, "2");
    y = unit(n, y, prefix, "3", "4", stride, 1, 0, PRELU, "5");
    y = unit(n, y, prefix, "6", "7", 1, 0, 1, NO_ACT, "");
    if (!residual)
        return y;
    snprintf(name, sizeof name, "blocks.%d.sum", index);
    const int in[2] = {x, y};
    return join(n, "Add", name, 2, in, -1);
}

arc_status arc_torch_build_mobilefacenet_xiaoccer(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                                  arc_error *err) {
    static const struct { int blocks, stride; } stages[] = {{5, 2}, {1, 2}, {6, 1}, {1, 2}, {2, 1}};
    net n = {.s = s, .file = name, .err = err};
    const arc_torch_tensor *gdc = arc_torch_find(s, "linear7.conv.weight"); /* [512,1,7,6]: the input is 16 times as large */
    if (!gdc || gdc->shape.rank != 4)
        return arc_fail(err, ARC_EMISSING, "%s: the state dict has no 'linear7.conv.weight' of a depthwise convolution", name);
    const arc_shape input = {4, {-1, 3, 16 * gdc->shape.dim[2], 16 * gdc->shape.dim[3]}};
    int x;
    if (start(&n, out, a, &input, &x) != ARC_OK)
        return finish(&n, out);
    x = unit(&n, x, "conv1", "conv", "bn", 2, 1, 1, PRELU, "prelu");
    x = unit(&n, x, "dw_conv1", "conv", "bn", 1, 1, 0, PRELU, "prelu");
    for (int stage = 0, index = 0; stage < (int)ARC_COUNT(stages); stage++)
        for (int i = 0; i < stages[stage].blocks; i++, index++) {
            const int stride = i == 0 ? stages[stage].stride : 1;
            /* stage 2 starts with as many channels as it has, so its first block is residual too */
            x = bottleneck(&n, x, index, stride, stride == 1);
        }
    x = unit(&n, x, "conv2", "conv", "bn", 1, 0, 1, PRELU, "prelu");
    x = unit(&n, x, "linear7", "conv", "bn", 1, 0, 0, NO_ACT, "");
    x = unit(&n, x, "linear1", "conv", "bn", 1, 0, 1, NO_ACT, "");
    x = join(&n, "Flatten", "output", 1, &x, 1);
    const arc_torch_tensor *last = arc_torch_find(s, "linear1.conv.weight");
    give(&n, x, (arc_shape){2, {-1, last ? last->shape.dim[0] : -1}});
    return finish(&n, out);
}

/* ---- RetinaFace ------------------------------------------------------------------------------------------------------------ */

/* Depthwise 3x3 and pointwise 1x1, both with leaky activation. */
static int separable(net *n, int x, const char *stage, int index, int stride) {
    char prefix[NAME_BYTES];
    snprintf(prefix, sizeof prefix, "body.%s.%d", stage, index);
    x = unit(n, x, prefix, "0", "1", stride, 1, 0, LEAKY, "");
    return unit(n, x, prefix, "3", "4", 1, 0, 1, LEAKY, "");
}

/* x, made as large as y by repeating pixels, plus y. All levels have as many channels, so the whole shape of y is the wanted
 * one. */
static int up_add(net *n, int x, int y, const char *name) {
    char text[NAME_BYTES];
    int up, in[4] = {x, ARC_NO_VALUE, ARC_NO_VALUE, ARC_NO_VALUE};
    snprintf(text, sizeof text, "%s.size", name);
    add(n, "Shape", text, 1, &y, &in[3]);
    snprintf(text, sizeof text, "%s.up", name);
    arc_node *node = add(n, "Resize", text, 4, in, &up);
    if (node) {
        check(n, arc_node_string(n->g, node, "mode", "nearest"));
        check(n, arc_node_string(n->g, node, "coordinate_transformation_mode", "asymmetric"));
        check(n, arc_node_string(n->g, node, "nearest_mode", "floor"));
    }
    const int sum[2] = {y, up};
    return join(n, "Add", name, 2, sum, -1);
}

static int ssh(net *n, int x, const char *prefix) {
    char name[NAME_BYTES];
    const int five = unit(n, x, prefix, "conv5X5_1.0", "conv5X5_1.1", 1, 1, 1, LEAKY, "");
    const int seven = unit(n, five, prefix, "conv7X7_2.0", "conv7X7_2.1", 1, 1, 1, LEAKY, "");
    const int in[3] = {unit(n, x, prefix, "conv3X3.0", "conv3X3.1", 1, 1, 1, NO_ACT, ""),
                       unit(n, five, prefix, "conv5X5_2.0", "conv5X5_2.1", 1, 1, 1, NO_ACT, ""),
                       unit(n, seven, prefix, "conv7x7_3.0", "conv7x7_3.1", 1, 1, 1, NO_ACT, "")};
    snprintf(name, sizeof name, "%s.concat", prefix);
    const int all = join(n, "Concat", name, 3, in, 1);
    snprintf(name, sizeof name, "%s.relu", prefix);
    return activate(n, all, name, RELU, "");
}

/* One kind of head over the three levels: [N, anchors, values]. */
static int heads(net *n, const int level[3], const char *kind, int64_t values, const char *name) {
    static const int64_t rows[4] = {0, 2, 3, 1};
    const int64_t shape[3] = {0, -1, values};
    const arc_shape s = {1, {3}};
    char text[NAME_BYTES];
    int flat[3];
    snprintf(text, sizeof text, "%s.shape", kind);
    const int to = arc_graph_constant(n->g, text, ARC_I64, &s, shape, true);
    if (to < 0)
        fail_memory(n);
    for (int i = 0; i < 3; i++) {
        int out;
        snprintf(text, sizeof text, "%s.%d.conv1x1", kind, i);
        const int x = conv(n, level[i], text, true, 1, 0, 1);
        snprintf(text, sizeof text, "%s.%d.rows", kind, i);
        arc_node *node = add(n, "Transpose", text, 1, &x, &out);
        if (node)
            check(n, arc_node_ints(n->g, node, "perm", 4, rows));
        const int in[2] = {out, to};
        snprintf(text, sizeof text, "%s.%d", kind, i);
        add(n, "Reshape", text, 2, in, &flat[i]);
    }
    return join(n, "Concat", name, 3, flat, 1);
}

/* Pytorch_Retinaface has leaky activations and priors of 16 to 512 pixels, Face-Detector-1MB-with-landmark has ReLU and priors of
 * 10 to
 * 256; their state dicts have the same names and shapes. */
static arc_status read_family(net *n) {
    double relu = 0, leaky = 0;
    bool found = true;
    for (int stage = 1; stage <= 3; stage++)
        for (int i = 1; i < (stage == 3 ? 2 : 6); i++) {
            char before[NAME_BYTES], conv_name[NAME_BYTES], after[NAME_BYTES];
            snprintf(before, sizeof before, "body.stage%d.%d.%d", stage, i - 1, stage == 1 && i == 1 ? 1 : 4);
            snprintf(conv_name, sizeof conv_name, "body.stage%d.%d.0", stage, i);
            snprintf(after, sizeof after, "body.stage%d.%d.1", stage, i);
            found = found && arc_torch_leak_errors(n->s, before, conv_name, after, LEAK, &relu, &leaky);
        }
    if (!found)
        return arc_fail(n->err, ARC_EMISSING, "%s: the state dict has no BatchNorm statistics of RetinaFace mobilenet0.25",
                        n->file);
    return arc_torch_choose_leak(relu, leaky, LEAK, n->file, &n->leak, n->err);
}

arc_status arc_torch_build_retinaface_mnet025(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                              arc_error *err) {
    static const int strides[] = {2, 1, 2, 1, 2, 1}, widths[] = {4, 2, 10};
    const arc_shape input = {4, {-1, 3, -1, -1}};
    net n = {.s = s, .file = name, .err = err};
    int x;
    if (start(&n, out, a, &input, &x) != ARC_OK || (n.st = read_family(&n)) != ARC_OK)
        return finish(&n, out);
    if (n.leak == 0)
        check(&n, arc_graph_set_meta(n.g, "arcface.priors", "10,20,32,64,128,256"));
    x = unit(&n, x, "body.stage1.0", "0", "1", strides[0], 1, 1, LEAKY, "");
    for (int i = 1; i < 6; i++)
        x = separable(&n, x, "stage1", i, strides[i]);
    const int c1 = x;
    for (int i = 0; i < 6; i++)
        x = separable(&n, x, "stage2", i, i == 0 ? 2 : 1);
    const int c2 = x;
    for (int i = 0; i < 2; i++)
        x = separable(&n, x, "stage3", i, i == 0 ? 2 : 1);
    const int p1 = unit(&n, c1, "fpn", "output1.0", "output1.1", 1, 0, 1, LEAKY, "");
    int p2 = unit(&n, c2, "fpn", "output2.0", "output2.1", 1, 0, 1, LEAKY, "");
    const int p3 = unit(&n, x, "fpn", "output3.0", "output3.1", 1, 0, 1, LEAKY, "");
    p2 = unit(&n, up_add(&n, p3, p2, "fpn.sum2"), "fpn", "merge2.0", "merge2.1", 1, 1, 1, LEAKY, "");
    const int m1 = unit(&n, up_add(&n, p2, p1, "fpn.sum1"), "fpn", "merge1.0", "merge1.1", 1, 1, 1, LEAKY, "");
    const int level[3] = {ssh(&n, m1, "ssh1"), ssh(&n, p2, "ssh2"), ssh(&n, p3, "ssh3")};
    const int logits = heads(&n, level, "ClassHead", 2, "class_logits");
    int result[3] = {heads(&n, level, "BboxHead", 4, "loc"), join(&n, "Softmax", "conf", 1, &logits, 2),
                     heads(&n, level, "LandmarkHead", 10, "landms")};
    for (int i = 0; i < 3; i++)
        give(&n, result[i], (arc_shape){3, {-1, -1, widths[i]}});
    return finish(&n, out);
}
