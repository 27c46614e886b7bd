/* Operators that optimisers and quantizers write, in terms of the standard ones, so that passes and kernels see one form of each
 * thing: QOperator form (QLinearConv, QGemm, QLinearAdd ...) becomes QuantizeLinear / DequantizeLinear around the operator; what
 * ONNX Runtime fused becomes its parts. */
#include "format/onnx/swap.h"
#include "op/layer.h"
#include <math.h>
#include <string.h>

static int dequantized(arc_swap *w, int x, int scale, int zero, int axis) {
    const int in[3] = {x, scale, zero};
    const int y = arc_swap_put(w, "DequantizeLinear", 3, in, ARC_NO_VALUE);
    arc_swap_int(w, "axis", axis);
    return y;
}

static void quantized(arc_swap *w, int x, int scale, int zero, int out) {
    const int in[3] = {x, scale, zero};
    (void)arc_swap_put(w, "QuantizeLinear", 3, in, out);
    arc_swap_int(w, "axis", 1);
}

/* A bias in units of input scale times weight scale times `factor`; ARC_NO_VALUE: a scale is not known. */
static int dequantized_bias(arc_swap *w, int bias, int x_scale, int w_scale, float factor) {
    const arc_value *xs = arc_swap_constant(w, x_scale), *ws = arc_swap_constant(w, w_scale);
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

static bool channels_last(const arc_swap *w) {
    return arc_attr_int(&w->from, "channels_last", 0) != 0;
}

/* The codes of y are the old node's output. */
static void finish(arc_swap *w, bool last, int y, int scale, int zero) {
    if (!last) {
        quantized(w, y, scale, zero, arc_swap_output(w, 0));
        return;
    }
    const int codes = arc_swap_value(w);
    quantized(w, y, scale, zero, codes);
    arc_swap_rows(w, codes, arc_swap_output(w, 0));
}

/* x, its scale and zero point, w and its, y's, then a bias: QLinearConv. ONNX Runtime's own may have its channels last, the
 * weights remain as they are. */
static bool qlinear_conv(arc_swap *w, const char *op) {
    static const char *const but[] = {"channels_last", NULL};
    (void)op;
    const bool last = channels_last(w);
    const int x = last ? arc_swap_planes(w, arc_swap_input(w, 0)) : arc_swap_input(w, 0);
    int in[3] = {dequantized(w, x, arc_swap_input(w, 1), arc_swap_input(w, 2), 1),
                 dequantized(w, arc_swap_input(w, 3), arc_swap_input(w, 4), arc_swap_input(w, 5), 0), ARC_NO_VALUE};
    if (arc_swap_input(w, 8) >= 0 &&
        (in[2] = dequantized_bias(w, arc_swap_input(w, 8), arc_swap_input(w, 1), arc_swap_input(w, 4), 1)) < 0)
        return false;
    const int y = arc_swap_put(w, "Conv", 3, in, ARC_NO_VALUE);
    arc_swap_copy_attrs(w, but);
    finish(w, last, y, arc_swap_input(w, 6), arc_swap_input(w, 7));
    return true;
}

/* com.microsoft.QGemm: a and its, b and its, c, then y's where the result is quantized. */
static bool qgemm(arc_swap *w, const char *op) {
    (void)op;
    const bool transposed = arc_attr_int(&w->from, "transB", 0) != 0, codes = arc_swap_input(w, 7) >= 0;
    int in[3] = {dequantized(w, arc_swap_input(w, 0), arc_swap_input(w, 1), arc_swap_input(w, 2), 1),
                 dequantized(w, arc_swap_input(w, 3), arc_swap_input(w, 4), arc_swap_input(w, 5), transposed ? 0 : 1),
                 ARC_NO_VALUE};
    const float alpha = arc_attr_float(&w->from, "alpha", 1);
    if (arc_swap_input(w, 6) >= 0 &&
        (in[2] = dequantized_bias(w, arc_swap_input(w, 6), arc_swap_input(w, 1), arc_swap_input(w, 4), alpha)) < 0)
        return false;
    const int y = arc_swap_put(w, "Gemm", 3, in, codes ? ARC_NO_VALUE : arc_swap_output(w, 0));
    arc_swap_copy_attrs(w, NULL);
    if (codes)
        quantized(w, y, arc_swap_input(w, 7), arc_swap_input(w, 8), arc_swap_output(w, 0));
    return true;
}

static bool qlinear_matmul(arc_swap *w, const char *op) {
    (void)op;
    const arc_value *b = arc_swap_constant(w, arc_swap_input(w, 3));
    const int axis = b ? ARC_MAX(b->shape.rank - 1, 0) : 1;
    const int in[2] = {dequantized(w, arc_swap_input(w, 0), arc_swap_input(w, 1), arc_swap_input(w, 2), 1),
                       dequantized(w, arc_swap_input(w, 3), arc_swap_input(w, 4), arc_swap_input(w, 5), axis)};
    quantized(w, arc_swap_put(w, "MatMul", 2, in, ARC_NO_VALUE), arc_swap_input(w, 6), arc_swap_input(w, 7),
              arc_swap_output(w, 0));
    return true;
}

/* Whether a value of the file is known with its channels in front. */
static bool has_planes(const arc_swap *w, int x) {
    return x >= 0 && x < w->values && w->planes[x] > 0;
}

/* Of two maps with their channels last it is the same with the channels in front. */
static bool qlinear_pair(arc_swap *w, const char *op) {
    const int a = arc_swap_input(w, 0), b = arc_swap_input(w, 3);
    const bool last = has_planes(w, a) && has_planes(w, b);
    const int in[2] = {dequantized(w, last ? arc_swap_planes(w, a) : a, arc_swap_input(w, 1), arc_swap_input(w, 2), 1),
                       dequantized(w, last ? arc_swap_planes(w, b) : b, arc_swap_input(w, 4), arc_swap_input(w, 5), 1)};
    finish(w, last, arc_swap_put(w, op, 2, in, ARC_NO_VALUE), arc_swap_input(w, 6), arc_swap_input(w, 7));
    return true;
}

/* One input; its layer's own attributes stay. `opset` is the one whose Softmax is meant. */
static bool qlinear_one(arc_swap *w, const char *op) {
    static const char *const but[] = {"channels_last", "opset", NULL};
    if ((arc_attr_int(&w->from, "opset", 13) < 13) != (w->g->opset < 13) && strcmp(op, "Softmax") == 0)
        return false;
    const bool each = strcmp(op, "LeakyRelu") == 0 || strcmp(op, "Sigmoid") == 0; /* element by element */
    const bool last = channels_last(w) || (each && has_planes(w, arc_swap_input(w, 0)));
    const int from = last ? arc_swap_planes(w, arc_swap_input(w, 0)) : arc_swap_input(w, 0);
    const int x = dequantized(w, from, arc_swap_input(w, 1), arc_swap_input(w, 2), 1),
              y = arc_swap_put(w, op, 1, &x, ARC_NO_VALUE);
    arc_swap_copy_attrs(w, but);
    finish(w, last, y, arc_swap_input(w, 3), arc_swap_input(w, 4));
    return true;
}

/* com.microsoft.NhwcMaxPool: 8-bit codes as they are. */
static bool nhwc_max_pool(arc_swap *w, const char *op) {
    const int x = arc_swap_planes(w, arc_swap_input(w, 0)), y = arc_swap_put(w, op, 1, &x, ARC_NO_VALUE);
    arc_swap_copy_attrs(w, NULL);
    arc_swap_rows(w, y, arc_swap_output(w, 0));
    return true;
}

/* y's scale and zero point, then three values for each input. */
static bool qlinear_concat(arc_swap *w, const char *op) {
    (void)op;
    int in[ARC_OP_MAX_IO], count = 0;
    for (int i = 2; i + 2 < w->from.inputs && count < ARC_OP_MAX_IO; i += 3)
        in[count++] = dequantized(w, arc_swap_input(w, i), arc_swap_input(w, i + 1), arc_swap_input(w, i + 2), 1);
    const int y = arc_swap_put(w, "Concat", count, in, ARC_NO_VALUE);
    arc_swap_copy_attrs(w, NULL);
    quantized(w, y, arc_swap_input(w, 0), arc_swap_input(w, 1), arc_swap_output(w, 0));
    return count > 0;
}

/* ---- what ONNX Runtime fuses -------------------------------------------------------------------------------------- */

/* Conv, then the sum with input 3, then an activation. */
static bool fused_conv(arc_swap *w, const char *op) {
    (void)op;
    static const char *const but[] = {"activation", "activation_params", NULL};
    const char *act = arc_attr_string(&w->from, "activation", "");
    const arc_attr *p = arc_node_attr(&w->from, "activation_params");
    const bool adds = arc_swap_input(w, 3) >= 0, known = !*act || !strcmp(act, "Relu") || !strcmp(act, "LeakyRelu") ||
                                                         !strcmp(act, "Clip") || !strcmp(act, "Sigmoid") ||
                                                         !strcmp(act, "Tanh") || !strcmp(act, "HardSigmoid");
    const size_t wanted = !strcmp(act, "LeakyRelu") ? 1 : !strcmp(act, "Clip") || !strcmp(act, "HardSigmoid") ? 2 : 0;
    if (!known || (wanted && (!p || p->kind != ARC_ATTR_FLOATS || p->count != wanted)))
        return false;
    const int in[3] = {arc_swap_input(w, 0), arc_swap_input(w, 1), arc_swap_input(w, 2)};
    int y = arc_swap_put(w, "Conv", 3, in, adds || *act ? ARC_NO_VALUE : arc_swap_output(w, 0));
    arc_swap_copy_attrs(w, but);
    if (adds) {
        const int pair[2] = {y, arc_swap_input(w, 3)};
        y = arc_swap_put(w, "Add", 2, pair, *act ? ARC_NO_VALUE : arc_swap_output(w, 0));
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
    (void)arc_swap_put(w, act, 3, bounds, arc_swap_output(w, 0));
    static const char *const names[3][2] = {{"alpha", ""}, {"alpha", "beta"}, {"min", "max"}};
    const int which = !strcmp(act, "Clip") ? 2 : !strcmp(act, "HardSigmoid") ? 1 : 0;
    for (size_t i = 0; i < wanted && !w->failed && (which != 2 || w->g->opset < 11); i++)
        w->failed |= arc_node_float(w->g, w->last, names[which][i], p->floats[i]) != ARC_OK;
    return true;
}

/* BiasGelu, FastGelu with a bias: the sum, then the activation. */
static bool bias_gelu(arc_swap *w, const char *approximate) {
    const int pair[2] = {arc_swap_input(w, 0), arc_swap_input(w, 1)};
    const int x = pair[1] >= 0 ? arc_swap_put(w, "Add", 2, pair, ARC_NO_VALUE) : pair[0];
    const bool exact = strcmp(approximate, "none") == 0;
    if (w->g->opset < 20) { /* the operator without a bias, so that the graph can be written again in its opset */
        (void)arc_swap_put(w, exact ? "com.microsoft.Gelu" : "com.microsoft.FastGelu", 1, &x, arc_swap_output(w, 0));
        return true;
    }
    (void)arc_swap_put(w, "Gelu", 1, &x, arc_swap_output(w, 0));
    w->failed |= w->failed || arc_node_string(w->g, w->last, "approximate", approximate) != ARC_OK;
    return true;
}

/* Input, skip, gamma, beta (not for the simplified one), bias; output 3 is the sum. */
static bool skip_norm(arc_swap *w, const char *op) {
    const bool simplified = strcmp(op, "LayerNormalization") != 0;
    const int bias = arc_swap_input(w, simplified ? 3 : 4), sum_out = arc_swap_output(w, 3),
              pair[2] = {arc_swap_input(w, 0), arc_swap_input(w, 1)};
    int sum = arc_swap_put(w, "Add", 2, pair, bias < 0 ? sum_out : ARC_NO_VALUE);
    if (bias >= 0) {
        const int with[2] = {sum, bias};
        sum = arc_swap_put(w, "Add", 2, with, sum_out);
    }
    const int in[3] = {sum, arc_swap_input(w, 2), simplified ? ARC_NO_VALUE : arc_swap_input(w, 3)};
    const char *rms = w->g->opset < 23 ? "SimplifiedLayerNormalization" : "RMSNormalization";
    (void)arc_swap_put(w, simplified ? rms : "LayerNormalization", 3, in, arc_swap_output(w, 0));
    w->failed |= w->failed || arc_node_float(w->g, w->last, "epsilon", arc_attr_float(&w->from, "epsilon", 1e-12f)) != ARC_OK;
    arc_swap_int(w, "axis", -1);
    return arc_swap_output(w, 1) < 0 && arc_swap_output(w, 2) < 0;
}

static const struct replaced {
    const char *name, *op; /* op: for the function */
    bool (*fn)(arc_swap *w, const char *op);
    const char *parts, *refused; /* for docs/OPERATORS.md */
} replaced[] = {
    {"QLinearConv", "Conv", qlinear_conv, "QuantizeLinear and DequantizeLinear around Conv",
     "scales that are no constants, where there is a bias"},
    {"QLinearMatMul", "MatMul", qlinear_matmul, "the same around MatMul", NULL},
    {"com.microsoft.QGemm", "Gemm", qgemm, "the same around Gemm", "scales that are no constants, where there is a bias"},
    {"com.microsoft.QLinearAdd", "Add", qlinear_pair, "the same around Add", NULL},
    {"com.microsoft.QLinearMul", "Mul", qlinear_pair, "the same around Mul", NULL},
    {"com.microsoft.QLinearConcat", "Concat", qlinear_concat, "the same around Concat", NULL},
    {"com.microsoft.QLinearConv", "Conv", qlinear_conv, "the same around Conv, with the channels in front",
     "scales that are no constants, where there is a bias"},
    {"com.microsoft.QLinearAveragePool", "AveragePool", qlinear_one, "the same around AveragePool", NULL},
    {"com.microsoft.QLinearGlobalAveragePool", "GlobalAveragePool", qlinear_one, "the same around GlobalAveragePool", NULL},
    {"com.microsoft.NhwcMaxPool", "MaxPool", nhwc_max_pool, "MaxPool with the channels in front", NULL},
    {"com.microsoft.QLinearLeakyRelu", "LeakyRelu", qlinear_one, "the same around LeakyRelu", NULL},
    {"com.microsoft.QLinearSigmoid", "Sigmoid", qlinear_one, "the same around Sigmoid", NULL},
    {"com.microsoft.QLinearSoftmax", "Softmax", qlinear_one, "the same around Softmax",
     "another opset's Softmax than the file's"},
    {"com.microsoft.MatMulNBits", "", arc_swap_matmul_nbits, "MatMul by the decoded weight, Add",
     "codes of other widths than 4 and 8 bits, g_idx, weights that are no constants"},
    {"com.microsoft.FusedMatMul", "", arc_swap_fused_matmul, "MatMul or Einsum, Mul", "transposed batches"},
    {"com.microsoft.FusedConv", "Conv", fused_conv, "Conv, Add and an activation",
     "activations other than Relu, LeakyRelu, Clip, Sigmoid, Tanh, HardSigmoid"},
    {"com.microsoft.Attention", "", arc_swap_packed_attention, "MatMul, Softmax, Add and their like",
     "earlier keys, causal masks, rotary positions, sizes of their own for queries and values"},
    {"com.microsoft.MultiHeadAttention", "", arc_swap_multi_head_attention, "MatMul, Softmax, Add and their like",
     "earlier keys, causal masks, queries packed with keys and values"},
    {"com.microsoft.BiasGelu", "none", bias_gelu, "Add, Gelu", NULL},
    {"com.microsoft.FastGelu", "tanh", bias_gelu, "Add, Gelu", NULL},
    {"com.microsoft.SkipLayerNormalization", "LayerNormalization", skip_norm, "Add, LayerNormalization",
     "outputs of mean and deviation"},
    {"com.microsoft.SkipSimplifiedLayerNormalization", "RMSNormalization", skip_norm, "Add, RMSNormalization",
     "outputs of mean and deviation"},
};

static const struct replaced *replaced_of(const char *op) {
    for (size_t i = 0; i < ARC_COUNT(replaced); i++)
        if (strcmp(op, replaced[i].name) == 0)
            return &replaced[i];
    return NULL;
}

const char *arc_onnx_replaced(size_t i, const char **parts, const char **refused) {
    if (i >= ARC_COUNT(replaced))
        return NULL;
    *parts = replaced[i].parts;
    *refused = replaced[i].refused;
    return replaced[i].name;
}

/* ONNX Runtime writes the layout of one processor's caches into a file that it saves with all optimisations. */
static arc_status refuse_blocked(const arc_node *n, arc_error *err) {
    if (strncmp(n->op, "com.microsoft.nchwc.", 20) != 0)
        return ARC_OK;
    return arc_fail(
        err, ARC_EUNSUPPORTED,
        "%.100s '%.150s': ONNX Runtime saved this file with all optimisations, in a layout for one kind of processor; "
        "take the model that it was made from, or save it again with ORT_ENABLE_EXTENDED at most",
        n->op, n->name);
}

static arc_status settle(arc_graph *g, int *planes, int values, arc_error *err) {
    const int nodes = g->nodes;
    for (int i = 0; i < nodes; i++) {
        const arc_status st = refuse_blocked(&g->node[i], err);
        if (st != ARC_OK)
            return st;
        const bool line = arc_swap_is_line(g, &g->node[i]);
        const struct replaced *as = line ? NULL : replaced_of(g->node[i].op);
        arc_swap w = {.g = g, .from = g->node[i], .planes = planes, .values = values};
        if (strcmp(g->node[i].op, "Transpose") == 0)
            arc_swap_note_transpose(&w, &g->node[i]);
        if (!line && !as)
            continue;
        if (arc_swap_output(&w, 0) < 0)
            return arc_fail(err, ARC_EFORMAT, "%.100s '%.150s' has no output", w.from.op, w.from.name);
        w.base = g->value[arc_swap_output(&w, 0)].name;
        const bool written = line ? arc_swap_line(&w) : as->fn(&w, as->op);
        if (w.failed)
            return arc_fail_nomem(err, "a model");
        if (!written)
            return arc_fail(err, ARC_EUNSUPPORTED, "%.100s '%.150s' has attributes, outputs or scales that are not supported",
                            w.from.op, w.from.name);
        g->node[i] = g->node[--g->nodes]; /* the last one written takes its place; arc_graph_check sorts */
    }
    return ARC_OK;
}

arc_status arc_onnx_settle_contrib(arc_graph *g, arc_error *err) {
    const int values = g->values;
    int *planes = arc_mem_new(g->alloc, (size_t)values + 1, sizeof *planes);
    if (!planes)
        return arc_fail_nomem(err, "a model");
    const arc_status st = settle(g, planes, values, err);
    arc_mem_free(g->alloc, planes);
    return st;
}
