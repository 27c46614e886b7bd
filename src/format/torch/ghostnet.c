/* GhostNet as face.evoLVe has it (ReLU, 7x7 features flattened) and GhostFaceNet V1 and V2 as their PyTorch ports have them
 * (PReLU of one slope, depthwise pooling at the end, in V2 attention over long rows and columns). Blocks are told apart by their
 * tensors. */
#include "format/torch/net.h"
#include <stdio.h>

#define OPSET 14
#define BN_EPSILON 1e-5f
#define MAX_BLOCKS 100

static bool has(const arc_torch_net *n, const char *prefix, const char *leaf) {
    return arc_torch_net_find(n, prefix, leaf);
}

/* "prefix.0", "prefix.1" and the activation "prefix.2", whose slope is there or which is `otherwise`. */
static int part(arc_torch_net *n, int x, const char *prefix, const char *which, int groups, arc_torch_act otherwise) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, which);
    return arc_torch_unit(n, x, name, "0", "1", 1, -1, groups, has(n, name, "2.weight") ? ARC_TORCH_PRELU : otherwise, "2");
}

/* Sigmoid of a map of half the size, made from long rows and columns, as large again as `like`. */
static int long_range(arc_torch_net *n, int x, int like, const char *prefix) {
    char name[ARC_TORCH_NAME];
    int y, in[4] = {ARC_NO_VALUE, ARC_NO_VALUE, ARC_NO_VALUE, ARC_NO_VALUE}, up;
    const int64_t two[2] = {2, 2};
    arc_torch_join(name, prefix, "pool");
    arc_node *node = arc_torch_node(n, "AveragePool", name, 1, &x, &y);
    if (node) {
        arc_torch_net_check(n, arc_node_ints(n->g, node, "kernel_shape", 2, two));
        arc_torch_net_check(n, arc_node_ints(n->g, node, "strides", 2, two));
    }
    y = arc_torch_unit(n, y, prefix, "0", "1", 1, -1, 1, ARC_TORCH_NO_ACT, "");
    y = arc_torch_unit(n, y, prefix, "2", "3", 1, -1, 0, ARC_TORCH_NO_ACT, "");
    y = arc_torch_unit(n, y, prefix, "4", "5", 1, -1, 0, ARC_TORCH_NO_ACT, "");
    arc_torch_join(name, prefix, "sigmoid");
    in[0] = arc_torch_unary(n, "Sigmoid", name, y);
    arc_torch_join(name, prefix, "size");
    in[3] = arc_torch_unary(n, "Shape", name, like);
    arc_torch_join(name, prefix, "up");
    node = arc_torch_node(n, "Resize", name, 4, in, &up);
    if (node) {
        arc_torch_net_check(n, arc_node_string(n->g, node, "mode", "nearest"));
        arc_torch_net_check(n, arc_node_string(n->g, node, "coordinate_transformation_mode", "asymmetric"));
        arc_torch_net_check(n, arc_node_string(n->g, node, "nearest_mode", "floor"));
    }
    arc_torch_join(name, prefix, "scale");
    return arc_torch_binary(n, "Mul", name, like, up);
}

/* Half of the channels by a convolution, the other half by a cheap depthwise one of them; `wanted` of both are kept. */
static int ghost(arc_torch_net *n, int x, const char *prefix, int64_t wanted, arc_torch_act otherwise) {
    char name[ARC_TORCH_NAME];
    int half[2];
    half[0] = part(n, x, prefix, "primary_conv", 1, otherwise);
    half[1] = part(n, half[0], prefix, "cheap_operation", 0, otherwise);
    arc_torch_join(name, prefix, "concat");
    int y = arc_torch_many(n, "Concat", name, 2, half, 1);
    const int64_t made = 2 * arc_torch_net_dim(n, prefix, "primary_conv.0.weight", 0);
    if (wanted > 0 && made > wanted) {
        arc_torch_join(name, prefix, "cut");
        y = arc_torch_slice(n, name, y, 1, 0, wanted);
    }
    arc_torch_join(name, prefix, "short_conv");
    return has(n, name, "0.weight") ? long_range(n, x, y, name) : y;
}

/* x times relu6(e + 3) / 6 of what two 1x1 convolutions make of the mean. */
static int squeeze(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME], slope[ARC_TORCH_NAME];
    int gate;
    arc_torch_join(name, prefix, "pool");
    int y = arc_torch_unary(n, "GlobalAveragePool", name, x);
    arc_torch_join(name, prefix, "conv_reduce");
    y = arc_torch_conv(n, y, name, 1, 0, 1);
    arc_torch_join(name, prefix, "act");
    arc_torch_join(slope, prefix, "act1");
    y = arc_torch_activate(n, y, name, has(n, slope, "weight") ? ARC_TORCH_PRELU : ARC_TORCH_RELU, slope);
    arc_torch_join(name, prefix, "conv_expand");
    y = arc_torch_conv(n, y, name, 1, 0, 1);
    arc_torch_join(name, prefix, "gate");
    arc_node *node = arc_torch_node(n, "HardSigmoid", name, 1, &y, &gate);
    if (node) {
        arc_torch_net_check(n, arc_node_float(n->g, node, "alpha", 1 / 6.0f));
        arc_torch_net_check(n, arc_node_float(n->g, node, "beta", 0.5f));
    }
    arc_torch_join(name, prefix, "scale");
    return arc_torch_binary(n, "Mul", name, x, gate);
}

/* Channels that the layer behind a ghost module takes, 0 if none says. */
static int64_t taken_inside(const arc_torch_net *n, const char *prefix) {
    if (has(n, prefix, "conv_dw.weight"))
        return arc_torch_net_dim(n, prefix, "conv_dw.weight", 0);
    if (has(n, prefix, "se.conv_reduce.weight"))
        return arc_torch_net_dim(n, prefix, "se.conv_reduce.weight", 1);
    return arc_torch_net_dim(n, prefix, "ghost2.primary_conv.0.weight", 1);
}

/* *channels: those of x, then those of the result. plain: what stands where PReLU has no slope. */
static int bottleneck(arc_torch_net *n, int x, const char *prefix, int64_t *channels, arc_torch_act plain) {
    char name[ARC_TORCH_NAME];
    const bool strided = has(n, prefix, "conv_dw.weight"), shortcut = has(n, prefix, "shortcut.0.weight");
    int sides[2] = {ARC_NO_VALUE, x};
    const int64_t outs = shortcut ? arc_torch_net_dim(n, prefix, "shortcut.2.weight", 0) : *channels;
    arc_torch_join(name, prefix, "ghost1");
    int y = ghost(n, x, name, taken_inside(n, prefix), plain);
    if (strided)
        y = arc_torch_unit(n, y, prefix, "conv_dw", "bn_dw", 2, -1, 0, ARC_TORCH_NO_ACT, "");
    arc_torch_join(name, prefix, "se");
    if (has(n, name, "conv_reduce.weight"))
        y = squeeze(n, y, name);
    arc_torch_join(name, prefix, "ghost2");
    sides[0] = ghost(n, y, name, outs, ARC_TORCH_NO_ACT);
    arc_torch_join(name, prefix, "shortcut");
    if (shortcut) {
        sides[1] = arc_torch_unit(n, x, name, "0", "1", strided ? 2 : 1, -1, 0, ARC_TORCH_NO_ACT, "");
        sides[1] = arc_torch_unit(n, sides[1], name, "2", "3", 1, 0, 1, ARC_TORCH_NO_ACT, "");
    }
    *channels = outs;
    arc_torch_join(name, prefix, "sum");
    return arc_torch_many(n, "Add", name, 2, sides, -1);
}

/* Stages of bottlenecks, the last of a single convolution. */
static int blocks(arc_torch_net *n, int x, int64_t channels, arc_torch_act plain) {
    char prefix[ARC_TORCH_NAME];
    for (int stage = 0; stage < MAX_BLOCKS; stage++) {
        snprintf(prefix, sizeof prefix, "blocks.%d.0", stage);
        if (has(n, prefix, "conv.weight"))
            return arc_torch_unit(n, x, prefix, "conv", "bn1", 1, -1, 1, has(n, prefix, "act1.weight") ? ARC_TORCH_PRELU : plain,
                                  "act1");
        for (int i = 0; i < MAX_BLOCKS; i++) {
            snprintf(prefix, sizeof prefix, "blocks.%d.%d", stage, i);
            if (!has(n, prefix, "ghost1.primary_conv.0.weight"))
                break;
            x = bottleneck(n, x, prefix, &channels, plain);
        }
    }
    arc_torch_net_refuse(n, "blocks", "ends without a convolution");
    return ARC_NO_VALUE;
}

/* face.evoLVe: BatchNorm, Flatten, Linear, BatchNorm. The stem has stride 1 there. */
static int flat_head(arc_torch_net *n, int x) {
    x = arc_torch_batch_norm(n, x, "output_layer.0", BN_EPSILON);
    x = arc_torch_many(n, "Flatten", "flatten", 1, &x, 1);
    x = arc_torch_gemm(n, x, "output_layer.3");
    return arc_torch_batch_norm(n, x, "output_layer.4", BN_EPSILON);
}

/* GhostFaceNet: depthwise convolution over the whole map, 1x1 convolution, BatchNorm, Linear. */
static int pooled_head(arc_torch_net *n, int x) {
    if (has(n, "pointwise_conv.0", "weight"))
        x = arc_torch_unit(n, x, "pointwise_conv", "0", "1", 1, 0, 1, ARC_TORCH_PRELU, "2");
    x = arc_torch_unit(n, x, "classifier", "conv_dw", "bn1", 1, 0, 0, ARC_TORCH_NO_ACT, "");
    x = arc_torch_conv(n, x, "classifier.conv", 1, 0, 1);
    x = arc_torch_many(n, "Flatten", "flatten", 1, &x, 1);
    x = arc_torch_batch_norm(n, x, "classifier.bn2", BN_EPSILON);
    return has(n, "classifier.linear", "weight") ? arc_torch_gemm(n, x, "classifier.linear") : x;
}

arc_status arc_torch_build_ghostnet(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                    arc_error *err) {
    arc_torch_net n = {.s = s, .file = name, .family = "GhostNet of face.evoLVe or GhostFaceNet", .err = err};
    const bool flat = has(&n, "output_layer.3", "weight");
    const int64_t stem = arc_torch_net_dim(&n, "conv_stem", "weight", 0),
                  map = arc_torch_net_dim(&n, "classifier", "conv_dw.weight", 2);
    const int64_t dim = flat                                     ? arc_torch_net_dim(&n, "output_layer.3", "weight", 0)
                        : has(&n, "classifier.linear", "weight") ? arc_torch_net_dim(&n, "classifier.linear", "weight", 0)
                                                                 : arc_torch_net_dim(&n, "classifier.conv", "weight", 0);
    /* Five halvings behind the depthwise pooling, 112 where it is 4 wide; four in front of the flattened 7x7. */
    const int64_t side = flat ? 112 : map == 4 ? 112 : 32 * map;
    const arc_shape input = {4, {-1, 3, side, side}};
    const arc_torch_act plain = has(&n, "act1", "weight") ? ARC_TORCH_NO_ACT : ARC_TORCH_RELU;
    int x;
    if (arc_torch_net_start(&n, a, OPSET, &input, &x) != ARC_OK)
        return arc_torch_net_finish(&n, true, out);
    x = arc_torch_unit(&n, x, "", "conv_stem", "bn1", flat ? 1 : 2, -1, 1, plain ? ARC_TORCH_RELU : ARC_TORCH_PRELU, "act1");
    x = blocks(&n, x, stem, plain);
    x = flat ? flat_head(&n, x) : pooled_head(&n, x);
    arc_torch_net_give(&n, x, (arc_shape){2, {-1, dim}});
    arc_torch_net_contract(&n, false);
    return arc_torch_net_finish(&n, true, out);
}
