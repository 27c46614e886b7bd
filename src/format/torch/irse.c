/* IR-50, IR-101, IR-152, IR-200 and their SE variants as github.com/ZhaoJ9014/face.evoLVe, TreB1eN/InsightFace_Pytorch,
 * mk-minchul/AdaFace, TFace and CVLface name them: input_layer, body, output_layer. What a block consists of is told by its
 * tensors: with or without a BatchNorm between convolution and PReLU, two convolutions or a bottleneck of three, with or without
 * squeeze and excitation. */
#include "format/torch/net.h"
#include <stdio.h>

#define OPSET 13
#define BN_EPSILON 1e-5f
#define MAX_BLOCKS 1000
#define STAGES 4

/* The number of blocks, by which the depth is known; stages begin with stride 2. */
static const struct {
    int total, blocks[STAGES];
} depths[] = {{8, {2, 2, 2, 2}},    {16, {3, 4, 6, 3}},  {24, {3, 4, 14, 3}},
              {49, {3, 13, 30, 3}}, {50, {3, 8, 36, 3}}, {66, {3, 24, 36, 3}}};

static bool is_module(const arc_torch_net *n, const char *prefix, int index, const char *leaf, int rank) {
    char name[ARC_TORCH_NAME];
    arc_torch_index(name, prefix, index);
    const arc_torch_tensor *t = arc_torch_net_find(n, name, leaf);
    return t && t->shape.rank == rank;
}

/* x times sigmoid(fc2(relu(fc1(mean of x)))). */
static int squeeze(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "pool");
    int y = arc_torch_unary(n, "GlobalAveragePool", name, x);
    arc_torch_join(name, prefix, "fc1");
    y = arc_torch_conv(n, y, name, 1, 0, 1);
    arc_torch_join(name, prefix, "relu");
    y = arc_torch_unary(n, "Relu", name, y);
    arc_torch_join(name, prefix, "fc2");
    y = arc_torch_conv(n, y, name, 1, 0, 1);
    arc_torch_join(name, prefix, "sigmoid");
    y = arc_torch_unary(n, "Sigmoid", name, y);
    arc_torch_join(name, prefix, "scale");
    return arc_torch_binary(n, "Mul", name, x, y);
}

/* The module after `index` of res_layer, a Sequential whose modules are told apart by their tensors; *stride belongs to the last
 * convolution. */
static int residual_layer(arc_torch_net *n, int x, const char *prefix, int stride) {
    char name[ARC_TORCH_NAME];
    int last = 0;
    for (int i = 0; i < MAX_BLOCKS; i++)
        if (is_module(n, prefix, i, "weight", 4))
            last = i;
    for (int i = 0; i < MAX_BLOCKS && n->st == ARC_OK; i++) {
        arc_torch_index(name, prefix, i);
        if (is_module(n, prefix, i, "weight", 4))
            x = arc_torch_conv(n, x, name, i == last ? stride : 1, -1, 1);
        else if (is_module(n, prefix, i, "running_mean", 1))
            x = arc_torch_batch_norm(n, x, name, BN_EPSILON);
        else if (is_module(n, prefix, i, "weight", 1)) {
            char act[ARC_TORCH_NAME];
            arc_torch_join(act, name, "prelu");
            x = arc_torch_activate(n, x, act, ARC_TORCH_PRELU, name);
        } else if (is_module(n, prefix, i, "fc1.weight", 4))
            x = squeeze(n, x, name);
        else
            break;
    }
    arc_torch_join(name, prefix, "se_block");
    return arc_torch_net_find(n, name, "fc1.weight") ? squeeze(n, x, name) : x;
}

/* Where the channels stay the same the shortcut is a MaxPool of one pixel. */
static int block(arc_torch_net *n, int x, int index, int stride) {
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    int shortcut = x;
    snprintf(prefix, sizeof prefix, "body.%d.shortcut_layer", index);
    if (is_module(n, prefix, 0, "weight", 4))
        shortcut = arc_torch_unit(n, x, prefix, "0", "1", stride, 0, 1, ARC_TORCH_NO_ACT, "");
    else if (stride > 1) {
        arc_node *node = arc_torch_node(n, "MaxPool", prefix, 1, &x, &shortcut);
        const int64_t one[2] = {1, 1}, strides[2] = {stride, stride};
        if (node) {
            arc_torch_net_check(n, arc_node_ints(n->g, node, "kernel_shape", 2, one));
            arc_torch_net_check(n, arc_node_ints(n->g, node, "strides", 2, strides));
        }
    }
    snprintf(prefix, sizeof prefix, "body.%d.res_layer", index);
    const int y = residual_layer(n, x, prefix, stride);
    snprintf(name, sizeof name, "body.%d.sum", index);
    return arc_torch_binary(n, "Add", name, y, shortcut);
}

static int body(arc_torch_net *n, int x) {
    char prefix[ARC_TORCH_NAME];
    int total = 0;
    size_t d = 0;
    for (bool there = true; there && total < MAX_BLOCKS;) {
        snprintf(prefix, sizeof prefix, "body.%d.res_layer", total);
        there = is_module(n, prefix, 0, "weight", 1);
        total += there;
    }
    while (d < ARC_COUNT(depths) && depths[d].total != total)
        d++;
    if (d == ARC_COUNT(depths)) {
        snprintf(prefix, sizeof prefix, "has %d blocks: 8, 16, 24, 49, 50 and 66 are known", total);
        arc_torch_net_refuse(n, "body", prefix);
        return ARC_NO_VALUE;
    }
    for (int stage = 0, index = 0; stage < STAGES; stage++)
        for (int i = 0; i < depths[d].blocks[stage]; i++, index++)
            x = block(n, x, index, i == 0 ? 2 : 1);
    return x;
}

/* BatchNorm, Dropout, Flatten, Linear, BatchNorm: the side follows from what the Linear takes. */
static int64_t side_of(const arc_torch_net *n) {
    const int64_t channels = arc_torch_net_dim(n, "output_layer.0", "running_mean", 0),
                  taken = arc_torch_net_dim(n, "output_layer.3", "weight", 1);
    for (int64_t side = 1; channels > 0 && side <= 64; side++)
        if (channels * side * side == taken)
            return 16 * side;
    return 0;
}

arc_status arc_torch_build_irse(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name, arc_error *err) {
    arc_torch_net n = {.s = s, .file = name, .family = "IR net of face.evoLVe, InsightFace_Pytorch or AdaFace", .err = err};
    const int64_t side = side_of(&n);
    const arc_shape input = {4, {-1, 3, side, side}};
    int x;
    if (arc_torch_net_start(&n, a, OPSET, &input, &x) != ARC_OK)
        return arc_torch_net_finish(&n, true, out);
    if (!side)
        arc_torch_net_refuse(&n, "output_layer", "takes no square picture of as many channels as its BatchNorm has");
    x = arc_torch_unit(&n, x, "input_layer", "0", "1", 1, -1, 1, ARC_TORCH_PRELU, "2");
    x = body(&n, x);
    x = arc_torch_batch_norm(&n, x, "output_layer.0", BN_EPSILON);
    x = arc_torch_many(&n, "Flatten", "flatten", 1, &x, 1);
    x = arc_torch_gemm(&n, x, "output_layer.3");
    x = arc_torch_batch_norm(&n, x, "output_layer.4", BN_EPSILON);
    arc_torch_net_give(&n, x, (arc_shape){2, {-1, arc_torch_net_dim(&n, "output_layer.3", "weight", 0)}});
    /* AdaFace's own training keeps its statistics of norms beside the net, and feeds BGR. */
    arc_torch_net_contract(&n, arc_torch_find(s, "head.batch_mean") && arc_torch_find(s, "head.batch_std"));
    return arc_torch_net_finish(&n, true, out);
}
