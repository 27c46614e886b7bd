/* The layers that nets of PyTorch checkpoints are built with. */
#include "format/torch/net.h"
#include <stdio.h>
#include <string.h>

#define BN_EPSILON 1e-5f

static void fail_memory(arc_torch_net *n) {
    if (n->st == ARC_OK)
        n->st = arc_fail_nomem(n->err, n->file);
}

void arc_torch_net_check(arc_torch_net *n, arc_status st) {
    if (st != ARC_OK)
        fail_memory(n);
}

void arc_torch_net_refuse(arc_torch_net *n, const char *module, const char *reason) {
    if (n->st == ARC_OK)
        n->st = arc_fail(n->err, ARC_EFORMAT, "%s: %s%s'%.100s' %s", n->file, n->family ? n->family : "", n->family ? ": " : "",
                         module, reason);
}

/* ---- the whole graph ------------------------------------------------------------------------------------------------------- */

arc_status arc_torch_net_start(arc_torch_net *n, const arc_alloc *a, int opset, const arc_shape *input, int *x) {
    *x = ARC_NO_VALUE;
    n->st = arc_graph_new(&n->g, a, opset, n->err);
    if (n->st != ARC_OK)
        return n->st;
    n->used = arc_arena_new(&n->g->arena, n->s->tensors + 1, sizeof *n->used);
    n->g->producer = "pytorch";
    *x = arc_graph_value(n->g, "input");
    if (!n->used || *x < 0 || arc_graph_add_input(n->g, *x, ARC_F32, input) != ARC_OK)
        fail_memory(n);
    return n->st;
}

void arc_torch_net_give(arc_torch_net *n, int value, arc_shape shape) {
    if (n->st != ARC_OK)
        return;
    n->g->value[value].dtype = ARC_F32;
    n->g->value[value].shape = shape;
    arc_torch_net_check(n, arc_graph_add_output(n->g, value));
}

void arc_torch_net_contract(arc_torch_net *n, bool bgr) {
    static const char scale[] = "0.00784313725,0.00784313725,0.00784313725";
    if (n->st == ARC_OK)
        arc_torch_net_check(n, arc_graph_set_meta(n->g, "arcface.mean", "127.5,127.5,127.5"));
    if (n->st == ARC_OK)
        arc_torch_net_check(n, arc_graph_set_meta(n->g, "arcface.scale", scale));
    if (n->st == ARC_OK && bgr)
        arc_torch_net_check(n, arc_graph_set_meta(n->g, "arcface.color", "bgr"));
}

static size_t first_part(const char *name) {
    return strcspn(name, ".");
}

/* Whether some layer took a tensor of the same outermost module. */
static bool module_is_used(const arc_torch_net *n, const char *name) {
    const size_t part = first_part(name);
    for (size_t i = 0; i < n->s->tensors; i++)
        if (n->used[i] && first_part(n->s->tensor[i].name) == part && memcmp(n->s->tensor[i].name, name, part) == 0)
            return true;
    return false;
}

/* Heads of training and buffers are modules of their own; "head" may be both, so its tensors pass. */
static void check_leftover(arc_torch_net *n) {
    size_t over = 0;
    const char *first = NULL;
    for (size_t i = 0; i < n->s->tensors; i++) {
        const char *name = n->s->tensor[i].name;
        if (n->used[i] || !strchr(name, '.') || strncmp(name, "head.", 5) == 0 || !module_is_used(n, name))
            continue;
        first = first ? first : name;
        over++;
    }
    if (over && n->st == ARC_OK)
        n->st =
            arc_fail(n->err, ARC_EUNSUPPORTED,
                     "%s: %s%shas %zu tensors that no layer of this net takes, the first is '%.100s': it is a variant that is "
                     "not known here; export it to ONNX instead",
                     n->file, n->family ? n->family : "", n->family ? ": " : "", over, first);
}

arc_status arc_torch_net_finish(arc_torch_net *n, bool whole, arc_graph **out) {
    if (n->st == ARC_OK && whole)
        check_leftover(n);
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

/* ---- names and tensors ----------------------------------------------------------------------------------------------------- */

void arc_torch_join(char out[ARC_TORCH_NAME], const char *prefix, const char *leaf) {
    snprintf(out, ARC_TORCH_NAME, "%.80s%s%.46s", prefix, *prefix && *leaf ? "." : "", leaf);
}

void arc_torch_index(char out[ARC_TORCH_NAME], const char *prefix, int index) {
    snprintf(out, ARC_TORCH_NAME, "%.100s.%d", prefix, index);
}

const arc_torch_tensor *arc_torch_net_find(const arc_torch_net *n, const char *prefix, const char *leaf) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, leaf);
    return arc_torch_find(n->s, name);
}

int64_t arc_torch_net_dim(const arc_torch_net *n, const char *prefix, const char *leaf, int dim) {
    const arc_torch_tensor *t = arc_torch_net_find(n, prefix, leaf);
    return t && dim < t->shape.rank ? t->shape.dim[dim] : 0;
}

int arc_torch_weight(arc_torch_net *n, const char *prefix, const char *leaf, const arc_shape *shape) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, leaf);
    const arc_torch_tensor *t = n->st == ARC_OK ? arc_torch_find(n->s, name) : NULL;
    if (!t) {
        if (n->st == ARC_OK)
            n->st = arc_fail(n->err, ARC_EMISSING, "%s: %s%sthe state dict has no '%s'", n->file, n->family ? n->family : "",
                             n->family ? ": " : "", name);
        return ARC_NO_VALUE;
    }
    if (shape && arc_shape_count(shape) != arc_shape_count(&t->shape)) {
        char have[80], want[80], text[176];
        snprintf(text, sizeof text, "is %s instead of %s", arc_shape_text(&t->shape, have, sizeof have),
                 arc_shape_text(shape, want, sizeof want));
        arc_torch_net_refuse(n, name, text);
        return ARC_NO_VALUE;
    }
    n->used[t - n->s->tensor] = true;
    const int known = arc_graph_find(n->g, name);
    const int value = known >= 0 ? known : arc_graph_constant(n->g, name, ARC_F32, shape ? shape : &t->shape, t->data, true);
    if (value < 0)
        fail_memory(n);
    return value;
}

int arc_torch_ints(arc_torch_net *n, const char *name, int count, const int64_t *value) {
    const arc_shape shape = {1, {count}};
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    const int known = arc_graph_find(n->g, name);
    const int made = known >= 0 ? known : arc_graph_constant(n->g, name, ARC_I64, &shape, value, true);
    if (made < 0)
        fail_memory(n);
    return made;
}

int arc_torch_floats(arc_torch_net *n, const char *name, const arc_shape *shape, const float *value) {
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    const int known = arc_graph_find(n->g, name);
    const int made = known >= 0 ? known : arc_graph_constant(n->g, name, ARC_F32, shape, value, true);
    if (made < 0)
        fail_memory(n);
    return made;
}

/* ---- nodes ----------------------------------------------------------------------------------------------------------------- */

arc_node *arc_torch_node(arc_torch_net *n, const char *op, const char *name, int inputs, const int *input, int *out) {
    *out = ARC_NO_VALUE;
    if (n->st != ARC_OK)
        return NULL;
    *out = arc_graph_value(n->g, name);
    arc_node *node = *out >= 0 ? arc_graph_node(n->g, op, name, inputs, input, 1, out) : NULL;
    if (!node)
        fail_memory(n);
    return node;
}

int arc_torch_unary(arc_torch_net *n, const char *op, const char *name, int x) {
    int out;
    arc_torch_node(n, op, name, 1, &x, &out);
    return out;
}

int arc_torch_binary(arc_torch_net *n, const char *op, const char *name, int a, int b) {
    const int in[2] = {a, b};
    int out;
    arc_torch_node(n, op, name, 2, in, &out);
    return out;
}

int arc_torch_many(arc_torch_net *n, const char *op, const char *name, int count, const int *in, int axis) {
    int out;
    arc_node *node = arc_torch_node(n, op, name, count, in, &out);
    if (node && axis >= 0)
        arc_torch_net_check(n, arc_node_int(n->g, node, "axis", axis));
    return out;
}

int arc_torch_reshape(arc_torch_net *n, const char *name, int x, int rank, const int64_t *to) {
    char text[ARC_TORCH_NAME];
    arc_torch_join(text, name, "to");
    return arc_torch_binary(n, "Reshape", name, x, arc_torch_ints(n, text, rank, to));
}

int arc_torch_transpose(arc_torch_net *n, const char *name, int x, int rank, const int64_t *perm) {
    int out;
    arc_node *node = arc_torch_node(n, "Transpose", name, 1, &x, &out);
    if (node)
        arc_torch_net_check(n, arc_node_ints(n->g, node, "perm", (size_t)rank, perm));
    return out;
}

int arc_torch_slice(arc_torch_net *n, const char *name, int x, int64_t axis, int64_t from, int64_t to) {
    char text[ARC_TORCH_NAME];
    int in[4] = {x}, out;
    arc_torch_join(text, name, "from");
    in[1] = arc_torch_ints(n, text, 1, &from);
    arc_torch_join(text, name, "to");
    in[2] = arc_torch_ints(n, text, 1, &to);
    arc_torch_join(text, name, "axis");
    in[3] = arc_torch_ints(n, text, 1, &axis);
    arc_torch_node(n, "Slice", name, 4, in, &out);
    return out;
}

int arc_torch_pick(arc_torch_net *n, const char *name, int x, int64_t index) {
    char text[ARC_TORCH_NAME];
    const arc_shape scalar = {0, {0}};
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    arc_torch_join(text, name, "index");
    const int at = arc_graph_constant(n->g, text, ARC_I64, &scalar, &index, true);
    arc_torch_net_check(n, at < 0 ? ARC_ENOMEM : ARC_OK);
    const int in[2] = {x, at};
    return arc_torch_many(n, "Gather", name, 2, in, 0);
}

/* ---- layers ---------------------------------------------------------------------------------------------------------------- */

int arc_torch_conv(arc_torch_net *n, int x, const char *prefix, int stride, int pad, int groups) {
    char name[ARC_TORCH_NAME];
    const bool bias = arc_torch_net_find(n, prefix, "bias");
    int in[3] = {x, arc_torch_weight(n, prefix, "weight", NULL), bias ? arc_torch_weight(n, prefix, "bias", NULL) : ARC_NO_VALUE},
        out;
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    const arc_shape w = n->g->value[in[1]].shape;
    if (w.rank != 4) {
        arc_torch_net_refuse(n, prefix, "is no convolution");
        return ARC_NO_VALUE;
    }
    arc_torch_join(name, prefix, "conv");
    arc_node *node = arc_torch_node(n, "Conv", name, 2 + bias, in, &out);
    if (node) {
        const int64_t high = pad < 0 ? w.dim[2] / 2 : pad, wide = pad < 0 ? w.dim[3] / 2 : pad;
        const int64_t kernel[2] = {w.dim[2], w.dim[3]}, strides[2] = {stride, stride}, pads[4] = {high, wide, high, wide};
        arc_torch_net_check(n, arc_node_ints(n->g, node, "kernel_shape", 2, kernel));
        arc_torch_net_check(n, arc_node_ints(n->g, node, "strides", 2, strides));
        arc_torch_net_check(n, arc_node_ints(n->g, node, "pads", 4, pads));
        arc_torch_net_check(n, arc_node_int(n->g, node, "group", groups ? groups : w.dim[0]));
    }
    return out;
}

/* The same number for every channel of a BatchNorm without weight and bias. */
static int flat(arc_torch_net *n, const char *prefix, const char *leaf, int64_t channels, float value) {
    char name[ARC_TORCH_NAME];
    const arc_shape shape = {1, {channels}};
    void *room = NULL;
    arc_torch_join(name, prefix, leaf);
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    const int made = arc_graph_constant_new(n->g, name, ARC_F32, &shape, &room);
    if (made < 0)
        fail_memory(n);
    for (int64_t i = 0; made >= 0 && i < channels; i++)
        ((float *)room)[i] = value;
    return made;
}

int arc_torch_batch_norm(arc_torch_net *n, int x, const char *prefix, float epsilon) {
    char name[ARC_TORCH_NAME];
    const int64_t channels = arc_torch_net_dim(n, prefix, "running_mean", 0);
    const bool affine = arc_torch_net_find(n, prefix, "weight") || channels < 1;
    int in[5] = {x, affine ? arc_torch_weight(n, prefix, "weight", NULL) : flat(n, prefix, "weight", channels, 1),
                 affine ? arc_torch_weight(n, prefix, "bias", NULL) : flat(n, prefix, "bias", channels, 0),
                 arc_torch_weight(n, prefix, "running_mean", NULL), arc_torch_weight(n, prefix, "running_var", NULL)},
        out;
    arc_torch_join(name, prefix, "bn");
    arc_node *node = arc_torch_node(n, "BatchNormalization", name, 5, in, &out);
    if (node)
        arc_torch_net_check(n, arc_node_float(n->g, node, "epsilon", epsilon));
    return out;
}

int arc_torch_layer_norm(arc_torch_net *n, int x, const char *prefix, float epsilon) {
    char name[ARC_TORCH_NAME];
    const int in[3] = {x, arc_torch_weight(n, prefix, "weight", NULL), arc_torch_weight(n, prefix, "bias", NULL)};
    int out;
    arc_torch_join(name, prefix, "ln");
    arc_node *node = arc_torch_node(n, "LayerNormalization", name, 3, in, &out);
    if (node) {
        arc_torch_net_check(n, arc_node_int(n->g, node, "axis", -1));
        arc_torch_net_check(n, arc_node_float(n->g, node, "epsilon", epsilon));
    }
    return out;
}

/* The weight [out][in] as a constant [in][out], which MatMul takes. */
static int transposed(arc_torch_net *n, const char *prefix) {
    char name[ARC_TORCH_NAME];
    const arc_torch_tensor *t = arc_torch_net_find(n, prefix, "weight");
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    if (!t || t->shape.rank != 2)
        return t ? (arc_torch_net_refuse(n, prefix, "is no linear layer"), ARC_NO_VALUE)
                 : arc_torch_weight(n, prefix, "weight", NULL);
    n->used[t - n->s->tensor] = true;
    arc_torch_join(name, prefix, "weight_t");
    const int64_t outs = t->shape.dim[0], ins = t->shape.dim[1];
    const arc_shape shape = {2, {ins, outs}};
    void *room = NULL;
    const int made = arc_graph_constant_new(n->g, name, ARC_F32, &shape, &room);
    float *to = room;
    if (made < 0)
        fail_memory(n);
    for (int64_t o = 0; made >= 0 && o < outs; o++)
        for (int64_t i = 0; i < ins; i++)
            to[i * outs + o] = t->data[o * ins + i];
    return made;
}

int arc_torch_linear(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "matmul");
    x = arc_torch_binary(n, "MatMul", name, x, transposed(n, prefix));
    if (!arc_torch_net_find(n, prefix, "bias"))
        return x;
    arc_torch_join(name, prefix, "linear");
    return arc_torch_binary(n, "Add", name, x, arc_torch_weight(n, prefix, "bias", NULL));
}

int arc_torch_split(arc_torch_net *n, int qkv, const char *prefix, int rank, const int64_t *parts, const int64_t *split) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "parts");
    const int x = arc_torch_reshape(n, name, qkv, rank, parts);
    arc_torch_join(name, prefix, "split");
    return arc_torch_transpose(n, name, x, rank, split);
}

int arc_torch_attend(arc_torch_net *n, int scores, int values, const char *prefix, int rank, const int64_t *back,
                     const int64_t *whole) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "softmax");
    int x = arc_torch_many(n, "Softmax", name, 1, &scores, rank - 1);
    arc_torch_join(name, prefix, "weighted");
    x = arc_torch_binary(n, "MatMul", name, x, values);
    arc_torch_join(name, prefix, "back");
    x = arc_torch_transpose(n, name, x, rank, back);
    arc_torch_join(name, prefix, "tokens");
    return arc_torch_reshape(n, name, x, rank - 1, whole);
}

int arc_torch_gemm(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    const bool bias = arc_torch_net_find(n, prefix, "bias");
    int in[3] = {x, arc_torch_weight(n, prefix, "weight", NULL), bias ? arc_torch_weight(n, prefix, "bias", NULL) : ARC_NO_VALUE},
        out;
    arc_torch_join(name, prefix, "gemm");
    arc_node *node = arc_torch_node(n, "Gemm", name, 2 + bias, in, &out);
    if (node)
        arc_torch_net_check(n, arc_node_int(n->g, node, "transB", 1));
    return out;
}

static int clip6(arc_torch_net *n, int x, const char *name) {
    static const float edge[2] = {0, 6};
    const arc_shape scalar = {0, {0}};
    const int in[3] = {x, arc_torch_floats(n, "relu6.low", &scalar, &edge[0]),
                       arc_torch_floats(n, "relu6.high", &scalar, &edge[1])};
    int out;
    arc_torch_node(n, "Clip", name, 3, in, &out);
    return out;
}

/* Slopes of PReLU become [C,1,1]; a single one holds for all channels. */
static int prelu(arc_torch_net *n, int x, const char *name, const char *slope_prefix) {
    const int64_t channels = arc_torch_net_dim(n, slope_prefix, "weight", 0);
    const arc_shape shape = {3, {channels, 1, 1}};
    return arc_torch_binary(n, "PRelu", name, x, arc_torch_weight(n, slope_prefix, "weight", channels > 0 ? &shape : NULL));
}

int arc_torch_activate(arc_torch_net *n, int x, const char *name, arc_torch_act a, const char *slope_prefix) {
    if (a == ARC_TORCH_LEAKY && n->leak == 0)
        a = ARC_TORCH_RELU;
    int out;
    switch (a) {
    case ARC_TORCH_NO_ACT:
        return x;
    case ARC_TORCH_PRELU:
        return prelu(n, x, name, slope_prefix);
    case ARC_TORCH_LEAKY: {
        arc_node *node = arc_torch_node(n, "LeakyRelu", name, 1, &x, &out);
        if (node)
            arc_torch_net_check(n, arc_node_float(n->g, node, "alpha", n->leak));
        return out;
    }
    case ARC_TORCH_RELU:
        return arc_torch_unary(n, "Relu", name, x);
    case ARC_TORCH_RELU6:
        return clip6(n, x, name);
    case ARC_TORCH_GELU:
        return arc_torch_unary(n, "Gelu", name, x);
    case ARC_TORCH_SIGMOID:
        return arc_torch_unary(n, "Sigmoid", name, x);
    }
    return ARC_NO_VALUE;
}

int arc_torch_unit(arc_torch_net *n, int x, const char *prefix, const char *conv_leaf, const char *bn_leaf, int stride, int pad,
                   int groups, arc_torch_act a, const char *prelu_leaf) {
    char conv[ARC_TORCH_NAME], bn[ARC_TORCH_NAME], slope[ARC_TORCH_NAME], out[ARC_TORCH_NAME];
    arc_torch_join(conv, prefix, conv_leaf);
    arc_torch_join(bn, prefix, bn_leaf);
    arc_torch_join(slope, prefix, prelu_leaf);
    arc_torch_join(out, bn, "act");
    x = arc_torch_batch_norm(n, arc_torch_conv(n, x, conv, stride, pad, groups), bn, BN_EPSILON);
    return arc_torch_activate(n, x, out, a, slope);
}
