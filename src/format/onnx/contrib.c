/* Operators that optimisers and quantizers write, in terms of the standard ones, so that passes and kernels see one form of each
 * thing: QOperator form (QLinearConv, QGemm, QLinearAdd ...) becomes QuantizeLinear / DequantizeLinear around the operator; what
 * ONNX Runtime fused becomes its parts. */
#include "format/onnx/onnx_internal.h"
#include "op/layer.h"
#include <math.h>
#include <string.h>

typedef struct writer {
    arc_graph *g;
    arc_node from; /* a copy of the node that is replaced */
    const char *base;
    bool failed; /* out of memory */
    arc_node *last;
} writer;

static int input(const writer *w, int i) {
    return i < w->from.inputs ? w->from.input[i] : ARC_NO_VALUE;
}

static int output(const writer *w, int i) {
    return i < w->from.outputs ? w->from.output[i] : ARC_NO_VALUE;
}

static int fresh(writer *w) {
    char *name = arc_arena_printf(&w->g->arena, "%s#%d", w->base, w->g->values);
    const int v = name && arc_graph_find(w->g, name) < 0 ? arc_graph_value(w->g, name) : ARC_NO_VALUE;
    w->failed |= v < 0;
    return v;
}

/* Adds a node; out ARC_NO_VALUE: a value of its own. Returns its output. */
static int put(writer *w, const char *op, int inputs, const int *in, int out) {
    while (inputs > 0 && in[inputs - 1] < 0)
        inputs--;
    if (out < 0)
        out = fresh(w);
    w->last = w->failed ? NULL : arc_graph_node(w->g, op, w->from.name, inputs, in, 1, &out);
    w->failed |= !w->last;
    return out;
}

static void put_int(writer *w, const char *name, int64_t v) {
    w->failed |= w->failed || arc_node_int(w->g, w->last, name, v) != ARC_OK;
}

static void copy_attr(writer *w, const arc_attr *a, const char *name) {
    if (w->failed)
        return;
    arc_status st = ARC_OK;
    switch (a->kind) {
    case ARC_ATTR_INT:
        st = arc_node_int(w->g, w->last, name, a->i);
        break;
    case ARC_ATTR_FLOAT:
        st = arc_node_float(w->g, w->last, name, a->f);
        break;
    case ARC_ATTR_STRING:
        st = arc_node_string(w->g, w->last, name, a->s);
        break;
    case ARC_ATTR_INTS:
        st = arc_node_ints(w->g, w->last, name, a->count, a->ints);
        break;
    case ARC_ATTR_FLOATS:
        st = arc_node_floats(w->g, w->last, name, a->count, a->floats);
        break;
    case ARC_ATTR_TENSOR:
        st = arc_node_tensor(w->g, w->last, name, a->value);
        break;
    }
    w->failed |= st != ARC_OK;
}

/* Attributes but those named in `but` (NULL-terminated). */
static void copy_attrs(writer *w, const char *const *but) {
    for (int i = 0; i < w->from.attrs; i++) {
        bool leave = false;
        for (const char *const *b = but; b && *b; b++)
            leave |= strcmp(*b, w->from.attr[i].name) == 0;
        if (!leave)
            copy_attr(w, &w->from.attr[i], w->from.attr[i].name);
    }
}

static const arc_value *constant(const writer *w, int v) {
    return v >= 0 && w->g->value[v].data ? &w->g->value[v] : NULL;
}

static int dequantized(writer *w, int x, int scale, int zero, int axis) {
    const int in[3] = {x, scale, zero};
    const int y = put(w, "DequantizeLinear", 3, in, ARC_NO_VALUE);
    put_int(w, "axis", axis);
    return y;
}

static void quantized(writer *w, int x, int scale, int zero, int out) {
    const int in[3] = {x, scale, zero};
    (void)put(w, "QuantizeLinear", 3, in, out);
    put_int(w, "axis", 1);
}

/* A bias in units of input scale times weight scale times `factor`; ARC_NO_VALUE: a scale is not known. */
static int dequantized_bias(writer *w, int bias, int x_scale, int w_scale, float factor) {
    const arc_value *xs = constant(w, x_scale), *ws = constant(w, w_scale);
    if (!xs || !ws || xs->dtype != ARC_F32 || ws->dtype != ARC_F32 || arc_shape_count(&xs->shape) != 1)
        return ARC_NO_VALUE;
    const arc_value scale = *ws;
    const float one = *(const float *)xs->data, *each = ws->data;
    const int64_t count = arc_shape_count(&scale.shape);
    char *name = arc_arena_printf(&w->g->arena, "%s.bias_scale#%d", w->base, w->g->values);
    void *data = NULL;
    const int product = name ? arc_graph_constant_new(w->g, name, ARC_F32, &scale.shape, &data) : ARC_NO_VALUE;
    if (product < 0) {
        w->failed = true;
        return ARC_NO_VALUE;
    }
    for (int64_t i = 0; i < count; i++)
        ((float *)data)[i] = one * each[i] * factor;
    return dequantized(w, bias, product, ARC_NO_VALUE, 0);
}

/* ---- QOperator form ----------------------------------------------------------------------------------------------- */

/* x, its scale and zero point, w and its, y's, then a bias: QLinearConv. */
static bool qlinear_conv(writer *w) {
    int in[3] = {dequantized(w, input(w, 0), input(w, 1), input(w, 2), 1),
                 dequantized(w, input(w, 3), input(w, 4), input(w, 5), 0), ARC_NO_VALUE};
    if (input(w, 8) >= 0 && (in[2] = dequantized_bias(w, input(w, 8), input(w, 1), input(w, 4), 1)) < 0)
        return false;
    const int y = put(w, "Conv", 3, in, ARC_NO_VALUE);
    copy_attrs(w, NULL);
    quantized(w, y, input(w, 6), input(w, 7), output(w, 0));
    return true;
}

/* com.microsoft.QGemm: a and its, b and its, c, then y's where the result is quantized. */
static bool qgemm(writer *w) {
    const bool transposed = arc_attr_int(&w->from, "transB", 0) != 0, codes = input(w, 7) >= 0;
    int in[3] = {dequantized(w, input(w, 0), input(w, 1), input(w, 2), 1),
                 dequantized(w, input(w, 3), input(w, 4), input(w, 5), transposed ? 0 : 1), ARC_NO_VALUE};
    const float alpha = arc_attr_float(&w->from, "alpha", 1);
    if (input(w, 6) >= 0 && (in[2] = dequantized_bias(w, input(w, 6), input(w, 1), input(w, 4), alpha)) < 0)
        return false;
    const int y = put(w, "Gemm", 3, in, codes ? ARC_NO_VALUE : output(w, 0));
    copy_attrs(w, NULL);
    if (codes)
        quantized(w, y, input(w, 7), input(w, 8), output(w, 0));
    return true;
}

static bool qlinear_matmul(writer *w) {
    const arc_value *b = constant(w, input(w, 3));
    const int axis = b ? ARC_MAX(b->shape.rank - 1, 0) : 1;
    const int in[2] = {dequantized(w, input(w, 0), input(w, 1), input(w, 2), 1),
                       dequantized(w, input(w, 3), input(w, 4), input(w, 5), axis)};
    quantized(w, put(w, "MatMul", 2, in, ARC_NO_VALUE), input(w, 6), input(w, 7), output(w, 0));
    return true;
}

static bool qlinear_pair(writer *w, const char *op) {
    const int in[2] = {dequantized(w, input(w, 0), input(w, 1), input(w, 2), 1),
                       dequantized(w, input(w, 3), input(w, 4), input(w, 5), 1)};
    quantized(w, put(w, op, 2, in, ARC_NO_VALUE), input(w, 6), input(w, 7), output(w, 0));
    return true;
}

/* One input; its layer's own attributes stay. */
static bool qlinear_one(writer *w, const char *op) {
    static const char *const but[] = {"channels_last", NULL};
    if (arc_attr_int(&w->from, "channels_last", 0) != 0)
        return false;
    const int x = dequantized(w, input(w, 0), input(w, 1), input(w, 2), 1), y = put(w, op, 1, &x, ARC_NO_VALUE);
    copy_attrs(w, but);
    quantized(w, y, input(w, 3), input(w, 4), output(w, 0));
    return true;
}

/* y's scale and zero point, then three values for each input. */
static bool qlinear_concat(writer *w) {
    int in[ARC_OP_MAX_IO], count = 0;
    for (int i = 2; i + 2 < w->from.inputs && count < ARC_OP_MAX_IO; i += 3)
        in[count++] = dequantized(w, input(w, i), input(w, i + 1), input(w, i + 2), 1);
    const int y = put(w, "Concat", count, in, ARC_NO_VALUE);
    copy_attrs(w, NULL);
    quantized(w, y, input(w, 0), input(w, 1), output(w, 0));
    return count > 0;
}

/* ---- what ONNX Runtime fuses -------------------------------------------------------------------------------------- */

/* Conv, then the sum with input 3, then an activation. */
static bool fused_conv(writer *w) {
    static const char *const but[] = {"activation", "activation_params", NULL};
    const char *act = arc_attr_string(&w->from, "activation", "");
    const arc_attr *p = arc_node_attr(&w->from, "activation_params");
    const bool adds = input(w, 3) >= 0, known = !*act || !strcmp(act, "Relu") || !strcmp(act, "LeakyRelu") ||
                                                !strcmp(act, "Clip") || !strcmp(act, "Sigmoid") || !strcmp(act, "Tanh") ||
                                                !strcmp(act, "HardSigmoid");
    const size_t wanted = !strcmp(act, "LeakyRelu") ? 1 : !strcmp(act, "Clip") || !strcmp(act, "HardSigmoid") ? 2 : 0;
    if (!known || (wanted && (!p || p->kind != ARC_ATTR_FLOATS || p->count != wanted)))
        return false;
    const int in[3] = {input(w, 0), input(w, 1), input(w, 2)};
    int y = put(w, "Conv", 3, in, adds || *act ? ARC_NO_VALUE : output(w, 0));
    copy_attrs(w, but);
    if (adds) {
        const int pair[2] = {y, input(w, 3)};
        y = put(w, "Add", 2, pair, *act ? ARC_NO_VALUE : output(w, 0));
    }
    if (!*act)
        return true;
    int bounds[3] = {y, ARC_NO_VALUE, ARC_NO_VALUE};
    for (int i = 0; i < 2 && !strcmp(act, "Clip") && w->g->opset >= 11; i++) {
        const arc_shape scalar = {0};
        char *name = arc_arena_printf(&w->g->arena, "%s.bound#%d", w->base, w->g->values);
        bounds[1 + i] = name ? arc_graph_constant(w->g, name, ARC_F32, &scalar, &p->floats[i], true) : ARC_NO_VALUE;
        w->failed |= bounds[1 + i] < 0;
    }
    (void)put(w, act, 3, bounds, output(w, 0));
    static const char *const names[3][2] = {{"alpha", ""}, {"alpha", "beta"}, {"min", "max"}};
    const int which = !strcmp(act, "Clip") ? 2 : !strcmp(act, "HardSigmoid") ? 1 : 0;
    for (size_t i = 0; i < wanted && !w->failed && (which != 2 || w->g->opset < 11); i++)
        w->failed |= arc_node_float(w->g, w->last, names[which][i], p->floats[i]) != ARC_OK;
    return true;
}

/* BiasGelu, FastGelu with a bias: the sum, then the activation. */
static bool bias_gelu(writer *w, const char *approximate) {
    const int pair[2] = {input(w, 0), input(w, 1)};
    const int x = pair[1] >= 0 ? put(w, "Add", 2, pair, ARC_NO_VALUE) : pair[0];
    const bool exact = strcmp(approximate, "none") == 0;
    if (w->g->opset < 20) { /* the operator without a bias, so that the graph can be written again in its opset */
        (void)put(w, exact ? "com.microsoft.Gelu" : "com.microsoft.FastGelu", 1, &x, output(w, 0));
        return true;
    }
    (void)put(w, "Gelu", 1, &x, output(w, 0));
    w->failed |= w->failed || arc_node_string(w->g, w->last, "approximate", approximate) != ARC_OK;
    return true;
}

/* Input, skip, gamma, beta (not for the simplified one), bias; output 3 is the sum. */
static bool skip_norm(writer *w, bool simplified) {
    const int bias = input(w, simplified ? 3 : 4), sum_out = output(w, 3), pair[2] = {input(w, 0), input(w, 1)};
    int sum = put(w, "Add", 2, pair, bias < 0 ? sum_out : ARC_NO_VALUE);
    if (bias >= 0) {
        const int with[2] = {sum, bias};
        sum = put(w, "Add", 2, with, sum_out);
    }
    const int in[3] = {sum, input(w, 2), simplified ? ARC_NO_VALUE : input(w, 3)};
    const char *rms = w->g->opset < 23 ? "SimplifiedLayerNormalization" : "RMSNormalization";
    (void)put(w, simplified ? rms : "LayerNormalization", 3, in, output(w, 0));
    w->failed |= w->failed || arc_node_float(w->g, w->last, "epsilon", arc_attr_float(&w->from, "epsilon", 1e-12f)) != ARC_OK;
    put_int(w, "axis", -1);
    return output(w, 1) < 0 && output(w, 2) < 0;
}

/* ---- attention ---------------------------------------------------------------------------------------------------- */

static int list_constant(writer *w, arc_dtype t, int rank, int64_t count, const void *data) {
    const arc_shape shape = {rank, {count}};
    char *name = w->failed ? NULL : arc_arena_printf(&w->g->arena, "%s.list#%d", w->base, w->g->values);
    const int v = name ? arc_graph_constant(w->g, name, t, &shape, data, true) : ARC_NO_VALUE;
    w->failed |= v < 0;
    return v;
}

/* Columns from .. from + count of a matrix [rows][columns] or a list (rows 1) of floats. */
static int columns_of(writer *w, const arc_value *m, int64_t rows, int64_t columns, int64_t from, int64_t count) {
    arc_shape shape = {1, {count}};
    void *memory = NULL;
    if (m->shape.rank == 2)
        shape = (arc_shape){2, {rows, count}};
    const float *data = m->data;
    char *name = w->failed ? NULL : arc_arena_printf(&w->g->arena, "%s.columns#%d", w->base, w->g->values);
    const int v = name ? arc_graph_constant_new(w->g, name, ARC_F32, &shape, &memory) : ARC_NO_VALUE;
    w->failed |= v < 0;
    for (int64_t r = 0; v >= 0 && r < rows; r++)
        memcpy((float *)memory + r * count, data + r * columns + from, (size_t)count * sizeof *data);
    return v;
}

static int in_heads(writer *w, int x, int64_t heads, const int64_t perm[4]) {
    const int64_t shape[4] = {0, 0, heads, -1};
    const int to[2] = {x, list_constant(w, ARC_I64, 1, 4, shape)};
    const int split = put(w, "Reshape", 2, to, ARC_NO_VALUE), y = put(w, "Transpose", 1, &split, ARC_NO_VALUE);
    w->failed |= w->failed || arc_node_ints(w->g, w->last, "perm", 4, perm) != ARC_OK;
    return y;
}

/* softmax(q k^T scale + bias) v of [batch][length][heads * size], in heads; bias may be ARC_NO_VALUE. */
static void put_attention(writer *w, int q, int k, int v, int bias, int64_t heads, float scale) {
    static const int64_t rows[4] = {0, 2, 1, 3}, columns[4] = {0, 2, 3, 1}, joined[3] = {0, 0, -1};
    const int factor = list_constant(w, ARC_F32, 0, 1, &scale);
    const int qk[2] = {in_heads(w, q, heads, rows), in_heads(w, k, heads, columns)};
    const int scaled[2] = {put(w, "MatMul", 2, qk, ARC_NO_VALUE), factor};
    int scores = put(w, "Mul", 2, scaled, ARC_NO_VALUE);
    if (bias >= 0) {
        const int pair[2] = {scores, bias};
        scores = put(w, "Add", 2, pair, ARC_NO_VALUE);
    }
    const int weights = put(w, "Softmax", 1, &scores, ARC_NO_VALUE);
    put_int(w, "axis", w->g->opset < 13 ? 3 : -1);
    const int product[2] = {weights, in_heads(w, v, heads, rows)};
    const int mixed = put(w, "MatMul", 2, product, ARC_NO_VALUE), turned = put(w, "Transpose", 1, &mixed, ARC_NO_VALUE);
    w->failed |= w->failed || arc_node_ints(w->g, w->last, "perm", 4, rows) != ARC_OK;
    const int out[2] = {turned, list_constant(w, ARC_I64, 1, 3, joined)};
    (void)put(w, "Reshape", 2, out, output(w, 0));
}

/* Attributes and inputs that change what is computed; -1: some that are not followed, else the number of heads. */
static int64_t heads_of(const writer *w, int first, int bias_at) {
    const int64_t heads = arc_attr_int(&w->from, "num_heads", 0);
    bool plain = heads > 0 && arc_attr_int(&w->from, "unidirectional", 0) == 0 && arc_attr_int(&w->from, "do_rotary", 0) == 0 &&
                 !arc_node_attr(&w->from, "qkv_hidden_sizes");
    for (int i = first; i < w->from.inputs; i++)
        plain &= i == bias_at || w->from.input[i] < 0;
    for (int i = 1; i < w->from.outputs; i++)
        plain &= w->from.output[i] < 0;
    return plain ? heads : -1;
}

static float scale_of(const writer *w, int64_t size) {
    const float given = arc_attr_float(&w->from, "scale", 0);
    return given > 0 ? given : (float)(1 / sqrt((double)size));
}

/* com.microsoft.Attention: input, weights [D][3 E], bias [3 E]. */
static bool packed_attention(writer *w) {
    const arc_value *m = constant(w, input(w, 1)), *b = constant(w, input(w, 2));
    const int64_t heads = heads_of(w, 3, 5);
    if (heads < 1 || !m || m->dtype != ARC_F32 || m->shape.rank != 2 || m->shape.dim[1] % (3 * heads) != 0 ||
        m->shape.dim[1] < 3 * heads || (b && (b->dtype != ARC_F32 || b->shape.rank != 1 || b->shape.dim[0] != m->shape.dim[1])) ||
        (input(w, 2) >= 0 && !b))
        return false;
    const arc_value weights = *m, biases = b ? *b : weights; /* values move as more are added */
    const int64_t columns = weights.shape.dim[1], each = columns / 3;
    int part[3];
    for (int i = 0; i < 3; i++) {
        const int product[2] = {input(w, 0), columns_of(w, &weights, weights.shape.dim[0], columns, i * each, each)};
        part[i] = put(w, "MatMul", 2, product, ARC_NO_VALUE);
        if (b) {
            const int sum[2] = {part[i], columns_of(w, &biases, 1, columns, i * each, each)};
            part[i] = put(w, "Add", 2, sum, ARC_NO_VALUE);
        }
    }
    put_attention(w, part[0], part[1], part[2], input(w, 5), heads, scale_of(w, each / heads));
    return true;
}

/* com.microsoft.MultiHeadAttention: query, key, value, bias [3 E]; without a bias the scale must be given. */
static bool multi_head_attention(writer *w) {
    const arc_value *b = constant(w, input(w, 3));
    const int64_t heads = heads_of(w, 4, 5);
    int part[3] = {input(w, 0), input(w, 1), input(w, 2)};
    if (heads < 1 || part[0] < 0 || part[1] < 0 || part[2] < 0 || (input(w, 3) >= 0 && !b) ||
        (b && (b->dtype != ARC_F32 || b->shape.rank != 1 || b->shape.dim[0] % (3 * heads) != 0 || b->shape.dim[0] < 1)) ||
        (!b && !(arc_attr_float(&w->from, "scale", 0) > 0)))
        return false;
    const arc_value biases = b ? *b : (arc_value){.data = NULL};
    const int64_t each = b ? biases.shape.dim[0] / 3 : heads;
    for (int i = 0; i < 3 && b; i++) {
        const int sum[2] = {part[i], columns_of(w, &biases, 1, 3 * each, i * each, each)};
        part[i] = put(w, "Add", 2, sum, ARC_NO_VALUE);
    }
    put_attention(w, part[0], part[1], part[2], input(w, 5), heads, scale_of(w, each / heads));
    return true;
}

static bool write_out(writer *w) {
    static const struct {
        const char *name, *op;
        bool (*fn)(writer *w, const char *op);
    } named[] = {{"com.microsoft.QLinearAdd", "Add", qlinear_pair},
                 {"com.microsoft.QLinearMul", "Mul", qlinear_pair},
                 {"com.microsoft.QLinearAveragePool", "AveragePool", qlinear_one},
                 {"com.microsoft.QLinearGlobalAveragePool", "GlobalAveragePool", qlinear_one},
                 {"com.microsoft.QLinearLeakyRelu", "LeakyRelu", qlinear_one},
                 {"com.microsoft.QLinearSigmoid", "Sigmoid", qlinear_one},
                 {"com.microsoft.BiasGelu", "none", bias_gelu},
                 {"com.microsoft.FastGelu", "tanh", bias_gelu}};
    const char *op = w->from.op;
    for (size_t i = 0; i < ARC_COUNT(named); i++)
        if (strcmp(named[i].name, op) == 0)
            return named[i].fn(w, named[i].op);
    if (strcmp(op, "QLinearConv") == 0)
        return qlinear_conv(w);
    if (strcmp(op, "QLinearMatMul") == 0)
        return qlinear_matmul(w);
    if (strcmp(op, "com.microsoft.QGemm") == 0)
        return qgemm(w);
    if (strcmp(op, "com.microsoft.QLinearConcat") == 0)
        return qlinear_concat(w);
    if (strcmp(op, "com.microsoft.FusedConv") == 0)
        return fused_conv(w);
    if (strcmp(op, "com.microsoft.Attention") == 0)
        return packed_attention(w);
    if (strcmp(op, "com.microsoft.MultiHeadAttention") == 0)
        return multi_head_attention(w);
    return skip_norm(w, strstr(op, "Simplified") != NULL);
}

static bool is_ours(const char *op) {
    static const char *const names[] = {"QLinearConv",
                                        "QLinearMatMul",
                                        "com.microsoft.QGemm",
                                        "com.microsoft.QLinearAdd",
                                        "com.microsoft.QLinearMul",
                                        "com.microsoft.QLinearConcat",
                                        "com.microsoft.QLinearAveragePool",
                                        "com.microsoft.QLinearGlobalAveragePool",
                                        "com.microsoft.QLinearLeakyRelu",
                                        "com.microsoft.QLinearSigmoid",
                                        "com.microsoft.FusedConv",
                                        "com.microsoft.Attention",
                                        "com.microsoft.MultiHeadAttention",
                                        "com.microsoft.BiasGelu",
                                        "com.microsoft.FastGelu",
                                        "com.microsoft.SkipLayerNormalization",
                                        "com.microsoft.SkipSimplifiedLayerNormalization"};
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (strcmp(op, names[i]) == 0)
            return true;
    return false;
}

arc_status arc_onnx_settle_contrib(arc_graph *g, arc_error *err) {
    const int nodes = g->nodes;
    for (int i = 0; i < nodes; i++) {
        if (!is_ours(g->node[i].op))
            continue;
        writer w = {.g = g, .from = g->node[i]};
        if (output(&w, 0) < 0)
            return arc_fail(err, ARC_EFORMAT, "%.100s '%.150s' has no output", w.from.op, w.from.name);
        w.base = g->value[output(&w, 0)].name;
        const bool written = write_out(&w);
        if (w.failed)
            return arc_fail_nomem(err, "a model");
        if (!written)
            return arc_fail(err, ARC_EUNSUPPORTED, "%.100s '%.150s' has attributes, outputs or scales that are not supported",
                            w.from.op, w.from.name);
        g->node[i] = g->node[--g->nodes]; /* the last one written takes its place; arc_graph_check sorts */
    }
    return ARC_OK;
}
