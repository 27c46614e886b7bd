/* EdgeNeXt as timm has it, which EdgeFace is trained with (also with its linear layers split in two of low rank): a stem of
 * patches, four stages of depthwise convolutions with wide 1x1 layers, the last blocks of a stage with attention between
 * channels. The sides are EdgeFace's, 112. */
#include "format/torch/net.h"
#include <math.h>
#include <stdio.h>

#define OPSET 20
#define LN_EPSILON 1e-6f
#define STAGES 4
#define MAX_BLOCKS 256
#define MAX_PARTS 8
#define SIDE_PX 112
#define TEMPERATURE 10000.0
#define PI 3.14159265358979323846

static const int64_t to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};

static bool has(const arc_torch_net *n, const char *prefix, const char *leaf) {
    return arc_torch_net_find(n, prefix, leaf);
}

/* A linear layer, or the two that stand for it where the rank was lowered. */
static int linear(arc_torch_net *n, int x, const char *prefix, const char *leaf) {
    char name[ARC_TORCH_NAME], half[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, leaf);
    if (!has(n, name, "linear1.weight"))
        return arc_torch_linear(n, x, name);
    arc_torch_join(half, name, "linear1");
    x = arc_torch_linear(n, x, half);
    arc_torch_join(half, name, "linear2");
    return arc_torch_linear(n, x, half);
}

/* LayerNorm over the channels of [N, C, H, W]. */
static int channel_norm(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "last");
    x = arc_torch_transpose(n, name, x, 4, to_last);
    x = arc_torch_layer_norm(n, x, prefix, LN_EPSILON);
    arc_torch_join(name, prefix, "first");
    return arc_torch_transpose(n, name, x, 4, to_first);
}

/* LayerNorm, two linear layers with Gelu between, times gamma: [N, ..., C]. */
static int wide_layers(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "norm");
    x = arc_torch_layer_norm(n, x, name, LN_EPSILON);
    x = linear(n, x, prefix, "mlp.fc1");
    arc_torch_join(name, prefix, "mlp.act");
    x = arc_torch_activate(n, x, name, ARC_TORCH_GELU, "");
    x = linear(n, x, prefix, "mlp.fc2");
    if (!has(n, prefix, "gamma"))
        return x;
    arc_torch_join(name, prefix, "scaled");
    return arc_torch_binary(n, "Mul", name, x, arc_torch_weight(n, prefix, "gamma", NULL));
}

static int conv_block(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "conv_dw");
    int y = arc_torch_conv(n, x, name, 1, -1, 0);
    arc_torch_join(name, prefix, "last");
    y = arc_torch_transpose(n, name, y, 4, to_last);
    y = wide_layers(n, y, prefix);
    arc_torch_join(name, prefix, "first");
    y = arc_torch_transpose(n, name, y, 4, to_first);
    arc_torch_join(name, prefix, "sum");
    return arc_torch_binary(n, "Add", name, x, y);
}

/* The channels in parts: each but the last goes through a depthwise convolution, together with what came out of the part before.
 */
static int scales(arc_torch_net *n, int x, const char *prefix, int64_t channels) {
    char name[ARC_TORCH_NAME], conv[ARC_TORCH_NAME];
    int parts = 1, out[MAX_PARTS], last = ARC_NO_VALUE;
    while (parts < MAX_PARTS) {
        snprintf(name, sizeof name, "convs.%d.weight", parts - 1);
        if (!has(n, prefix, name))
            break;
        parts++;
    }
    const int64_t width = (channels + parts - 1) / parts; /* as torch.chunk cuts */
    for (int i = 0; i < parts; i++) {
        snprintf(conv, sizeof conv, "%.80s.convs.%d", prefix, i);
        arc_torch_join(name, conv, "part");
        const int64_t end = (i + 1) * width < channels ? (i + 1) * width : channels;
        int part = arc_torch_slice(n, name, x, 1, i * width, end);
        if (i < parts - 1) {
            arc_torch_join(name, conv, "sum");
            last = i > 0 ? arc_torch_binary(n, "Add", name, last, part) : part;
            part = last = arc_torch_conv(n, last, conv, 1, -1, 0);
        }
        out[i] = part;
    }
    arc_torch_join(name, prefix, "scales");
    return arc_torch_many(n, "Concat", name, parts, out, 1);
}

/* The i-th of `count` features of a place: sines and cosines of falling frequency by turns. */
static double wave(double place, int64_t i, int64_t count) {
    const double angle = place / pow(TEMPERATURE, 2 * (double)(i / 2) / (double)count);
    return i % 2 ? cos(angle) : sin(angle);
}

/* Positions depend on the sides alone, so they are a constant: [1, side * side, channels]. */
static int positions(arc_torch_net *n, const char *prefix, int64_t channels, int64_t side) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "pos_embd.token_projection");
    const arc_torch_tensor *w = arc_torch_net_find(n, name, "weight"), *b = arc_torch_net_find(n, name, "bias");
    const arc_shape shape = {3, {1, side * side, channels}};
    void *room = NULL;
    if (!w || !b || w->shape.rank != 4 || w->shape.dim[0] != channels || arc_shape_count(&b->shape) != channels ||
        arc_shape_count(&w->shape) % (2 * channels)) {
        arc_torch_net_refuse(n, name, "is no projection of positions");
        return ARC_NO_VALUE;
    }
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    n->used[w - n->s->tensor] = n->used[b - n->s->tensor] = true;
    arc_torch_join(name, prefix, "positions");
    const int made = arc_graph_constant_new(n->g, name, ARC_F32, &shape, &room);
    const int64_t half = arc_shape_count(&w->shape) / channels / 2;
    float *to = room;
    arc_torch_net_check(n, made < 0 ? ARC_ENOMEM : ARC_OK);
    for (int64_t p = 0; made >= 0 && p < side * side; p++) {
        const double y = (double)(p / side + 1) / ((double)side + 1e-6) * 2 * PI,
                     x = (double)(p % side + 1) / ((double)side + 1e-6) * 2 * PI;
        for (int64_t c = 0; c < channels; c++) {
            double sum = (double)b->data[c];
            for (int64_t i = 0; i < half; i++)
                sum += (double)w->data[c * 2 * half + i] * wave(y, i, half) +
                       (double)w->data[c * 2 * half + half + i] * wave(x, i, half);
            to[p * channels + c] = (float)sum;
        }
    }
    return made;
}

/* One of query, key and value as [N, heads, channels / heads, tokens]; query and key are divided by their length. */
static int third(arc_torch_net *n, int qkv, const char *prefix, int64_t which) {
    static const char *const leaf[] = {"query", "key", "value"}, *const unit[] = {"query.unit", "key.unit"};
    char name[ARC_TORCH_NAME];
    int out;
    arc_torch_join(name, prefix, leaf[which]);
    const int x = arc_torch_pick(n, name, qkv, which);
    if (which == 2)
        return x;
    arc_torch_join(name, prefix, unit[which]);
    arc_node *node = arc_torch_node(n, "LpNormalization", name, 1, &x, &out);
    if (node) {
        arc_torch_net_check(n, arc_node_int(n->g, node, "axis", -1));
        arc_torch_net_check(n, arc_node_int(n->g, node, "p", 2));
    }
    return out;
}

/* Attention between the channels of each head, [N, tokens, C]. */
static int cross_covariance(arc_torch_net *n, int x, const char *block, int64_t channels, int64_t tokens) {
    static const int64_t split[5] = {2, 0, 3, 4, 1}, swap[4] = {0, 1, 3, 2}, back[4] = {0, 3, 1, 2};
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    arc_torch_join(prefix, block, "xca");
    const int64_t heads = arc_torch_net_dim(n, prefix, "temperature", 0);
    if (heads < 1 || channels % heads) {
        arc_torch_net_refuse(n, prefix, "has heads that don't divide its channels");
        return ARC_NO_VALUE;
    }
    const int64_t parts[5] = {0, tokens, 3, heads, channels / heads}, whole[3] = {0, tokens, channels};
    x = arc_torch_split(n, linear(n, x, prefix, "qkv"), prefix, 5, parts, split);
    const int q = third(n, x, prefix, 0), k = third(n, x, prefix, 1), v = third(n, x, prefix, 2);
    arc_torch_join(name, prefix, "keys");
    const int keys = arc_torch_transpose(n, name, k, 4, swap);
    arc_torch_join(name, prefix, "scores");
    x = arc_torch_binary(n, "MatMul", name, q, keys);
    arc_torch_join(name, prefix, "scaled");
    x = arc_torch_binary(n, "Mul", name, x, arc_torch_weight(n, prefix, "temperature", NULL));
    return linear(n, arc_torch_attend(n, x, v, prefix, 4, back, whole), prefix, "proj");
}

static int attention_block(arc_torch_net *n, int x, const char *prefix, int64_t side) {
    static const int64_t swap[3] = {0, 2, 1};
    char name[ARC_TORCH_NAME];
    const int64_t channels = arc_torch_net_dim(n, prefix, "norm_xca.weight", 0), tokens = side * side;
    const int64_t rows[3] = {0, channels, tokens}, map[4] = {0, side, side, channels};
    int y = scales(n, x, prefix, channels);
    arc_torch_join(name, prefix, "rows");
    y = arc_torch_reshape(n, name, y, 3, rows);
    arc_torch_join(name, prefix, "tokens");
    y = arc_torch_transpose(n, name, y, 3, swap);
    arc_torch_join(name, prefix, "placed");
    if (has(n, prefix, "pos_embd.token_projection.weight"))
        y = arc_torch_binary(n, "Add", name, y, positions(n, prefix, channels, side));
    arc_torch_join(name, prefix, "norm_xca");
    int z = arc_torch_layer_norm(n, y, name, LN_EPSILON);
    z = cross_covariance(n, z, prefix, channels, tokens);
    arc_torch_join(name, prefix, "xca.gamma");
    if (has(n, prefix, "gamma_xca"))
        z = arc_torch_binary(n, "Mul", name, z, arc_torch_weight(n, prefix, "gamma_xca", NULL));
    arc_torch_join(name, prefix, "xca.sum");
    y = arc_torch_binary(n, "Add", name, y, z);
    arc_torch_join(name, prefix, "map");
    y = arc_torch_reshape(n, name, y, 4, map);
    y = wide_layers(n, y, prefix);
    arc_torch_join(name, prefix, "first");
    y = arc_torch_transpose(n, name, y, 4, to_first);
    arc_torch_join(name, prefix, "sum");
    return arc_torch_binary(n, "Add", name, x, y);
}

/* Halving by a convolution of two pixels behind LayerNorm, then the blocks. */
static int stage(arc_torch_net *n, int x, int index, int64_t *side) {
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    snprintf(prefix, sizeof prefix, "stages.%d.downsample", index);
    if (has(n, prefix, "1.weight")) {
        arc_torch_join(name, prefix, "0");
        x = channel_norm(n, x, name);
        arc_torch_join(name, prefix, "1");
        x = arc_torch_conv(n, x, name, 2, 0, 1);
        *side /= 2;
    }
    for (int i = 0; i < MAX_BLOCKS; i++) {
        snprintf(prefix, sizeof prefix, "stages.%d.blocks.%d", index, i);
        if (has(n, prefix, "conv_dw.weight"))
            x = conv_block(n, x, prefix);
        else if (has(n, prefix, "norm_xca.weight"))
            x = attention_block(n, x, prefix, *side);
        else
            break;
    }
    return x;
}

arc_status arc_torch_build_edgenext(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                    arc_error *err) {
    arc_torch_net n = {.s = s, .file = name, .family = "EdgeNeXt of timm", .err = err};
    const arc_shape input = {4, {-1, 3, SIDE_PX, SIDE_PX}};
    int64_t side = SIDE_PX / 4;
    int x;
    if (arc_torch_net_start(&n, a, OPSET, &input, &x) != ARC_OK)
        return arc_torch_net_finish(&n, true, out);
    if (arc_torch_net_dim(&n, "stem.0", "weight", 2) != 4)
        arc_torch_net_refuse(&n, "stem.0", "has no patches of 4 by 4; export it to ONNX instead");
    x = arc_torch_conv(&n, x, "stem.0", 4, 0, 1);
    x = channel_norm(&n, x, "stem.1");
    for (int i = 0; i < STAGES; i++)
        x = stage(&n, x, i, &side);
    const bool before = has(&n, "norm_pre", "weight");
    if (before)
        x = channel_norm(&n, x, "norm_pre");
    x = arc_torch_unary(&n, "GlobalAveragePool", "pool", x);
    x = arc_torch_many(&n, "Flatten", "flatten", 1, &x, 1);
    if (!before)
        x = arc_torch_layer_norm(&n, x, "head.norm", LN_EPSILON);
    x = linear(&n, x, "head", "fc");
    const int64_t dim = arc_torch_net_dim(&n, "head.fc", "weight", 0),
                  low = arc_torch_net_dim(&n, "head.fc.linear2", "weight", 0);
    arc_torch_net_give(&n, x, (arc_shape){2, {-1, low ? low : dim}});
    arc_torch_net_contract(&n, false);
    return arc_torch_net_finish(&n, true, out);
}
