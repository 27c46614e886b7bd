/* The network as a quantizer sees it: its layers, and the same graph written again with BatchNormalizations folded and quantizers
 * set.
 *
 * A layer's input is quantized for layers alone; its output for everyone, so that ONNX Runtime runs it as one int8 operator.
 * Residual sums and what normalises them stay float32: the sums would lose most to 8 bits, and cost next to nothing. */
#include "quantize/quantize.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OPSET 13 /* per-channel DequantizeLinear */
#define NAME_BYTES 512

/* ---- layers ---- */

static const float *floats_of(const arc_graph *g, const arc_node *n, int i) {
    const arc_value *v = i < n->inputs && n->input[i] >= 0 ? &g->value[n->input[i]] : NULL;
    return v && v->dtype == ARC_F32 && !v->is_input ? v->data : NULL;
}

static bool read_layer(const arc_graph *g, int index, arc_quant_layer *l) {
    const arc_node *n = &g->node[index];
    const bool gemm = arc_node_is(n, ARC_KIND_GEMM);
    if ((!gemm && !arc_node_is(n, ARC_KIND_CONV)) || n->inputs < 2 || n->outputs != 1 || n->input[0] < 0 || n->input[1] < 0 ||
        !floats_of(g, n, 1))
        return false;
    const arc_shape *s = &g->value[n->input[1]].shape;
    if (s->rank != (gemm ? 2 : 4) || arc_shape_count(s) <= 0 || (n->inputs > 2 && n->input[2] >= 0 && !floats_of(g, n, 2)))
        return false;
    *l = (arc_quant_layer){.node = index, .norm = ARC_NO_VALUE, .x = n->input[0], .y = n->output[0], .gemm = gemm, .groups = 1};
    if (gemm) {
        if (arc_attr_float(n, "alpha", 1) != 1 || arc_attr_float(n, "beta", 1) != 1 || arc_attr_int(n, "transA", 0) != 0)
            return false;
        const bool transposed = arc_attr_int(n, "transB", 0) != 0;
        l->c_out = s->dim[!transposed];
        l->c_in = s->dim[transposed];
        l->taps = 1;
    } else {
        l->groups = arc_attr_int(n, "group", 1);
        l->c_out = s->dim[0];
        l->c_in = s->dim[1] * l->groups;
        l->taps = s->dim[2] * s->dim[3];
        if (l->groups < 1 || l->c_out % l->groups != 0)
            return false;
    }
    l->per_out = l->c_in / l->groups * l->taps;
    return n->inputs < 3 || n->input[2] < 0 || arc_shape_count(&g->value[n->input[2]].shape) == l->c_out;
}

static bool is_norm(const arc_graph *g, const arc_node *n, int64_t channels) {
    if (!arc_node_is(n, ARC_KIND_BATCH_NORM) || n->inputs != 5 || n->outputs < 1)
        return false;
    for (int i = 1; i < 5; i++)
        if (!floats_of(g, n, i) || arc_shape_count(&g->value[n->input[i]].shape) != channels)
            return false;
    for (int i = 1; i < n->outputs; i++)
        if (n->output[i] >= 0)
            return false;
    return true;
}

/* What an Identity or Dropout passes on. */
static int source_of(const arc_graph *g, int value) {
    for (int p = g->value[value].producer; p >= 0; p = g->value[value].producer) {
        const arc_node *n = &g->node[p];
        if ((!arc_node_is(n, ARC_KIND_IDENTITY) && !arc_node_is(n, ARC_KIND_DROPOUT)) || n->inputs < 1 || n->input[0] < 0)
            break;
        value = n->input[0];
    }
    return value;
}

arc_status arc_quant_layers(const arc_graph *g, arc_quant_layer **layers, int *count, arc_error *err) {
    *count = 0;
    *layers = arc_mem_new(g->alloc, (size_t)g->nodes + 1, sizeof **layers);
    if (!*layers)
        return arc_fail_nomem(err, "the layers of a network");
    for (int i = 0; i < g->nodes; i++) {
        arc_quant_layer *l = &(*layers)[*count];
        if (!read_layer(g, i, l))
            continue;
        l->x = source_of(g, l->x);
        const int next = arc_graph_only_reader(g, l->y);
        if (next >= 0 && g->node[next].input[0] == l->y && is_norm(g, &g->node[next], l->c_out)) {
            l->norm = next;
            l->y = g->node[next].output[0];
        }
        ++*count;
    }
    return ARC_OK;
}

/* ---- writing ---- */

typedef struct writer {
    const arc_graph *from;
    arc_graph *g;
    int *as;        /* [from->values] the value's index here, ARC_NO_VALUE before it is made */
    int *quantized; /* [from->values] its dequantized 8-bit values, ARC_NO_VALUE when there are none */
    const arc_quant_facts *facts;
    int made;
} writer;

static int named(writer *w, const char *of, const char *suffix) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%.400s%.60s", of, suffix);
    while (arc_graph_find(w->g, name) >= 0)
        snprintf(name, sizeof name, "%.400s%.60s.%d", of, suffix, ++w->made);
    return arc_graph_value(w->g, name);
}

static int new_constant(writer *w, const char *of, const char *suffix, arc_dtype t, const arc_shape *s, void **data) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%.400s%.60s", of, suffix);
    while (arc_graph_find(w->g, name) >= 0)
        snprintf(name, sizeof name, "%.400s%.60s.%d", of, suffix, ++w->made);
    return arc_graph_constant_new(w->g, name, t, s, data);
}

/* The source's value here: a constant is shared, an input declared, anything else has been made by a node. */
static int value_here(writer *w, int v) {
    if (v < 0)
        return ARC_NO_VALUE;
    const arc_value *from = &w->from->value[v];
    if (w->as[v] < 0 && from->data)
        w->as[v] = arc_graph_constant(w->g, from->name, from->dtype, &from->shape, from->data, false);
    if (w->as[v] < 0)
        w->as[v] = arc_graph_value(w->g, from->name);
    return w->as[v];
}

static arc_status quantizer_constants(writer *w, const char *name, arc_range r, int quantized[2], float *scale_out) {
    const arc_shape scalar = {0};
    void *scale = NULL, *zero = NULL;
    const int s = new_constant(w, name, "_scale", ARC_F32, &scalar, &scale),
              z = new_constant(w, name, "_zero", ARC_U8, &scalar, &zero);
    if (s < 0 || z < 0)
        return ARC_ENOMEM;
    const float step = fmaxf((r.hi - r.lo) / 255, 1e-30f);
    memcpy(scale, &step, sizeof step);
    *(uint8_t *)zero = (uint8_t)fminf(fmaxf(nearbyintf(-r.lo / step), 0), 255);
    quantized[0] = s;
    quantized[1] = z;
    *scale_out = step;
    return ARC_OK;
}

/* value -> QuantizeLinear -> DequantizeLinear; *out = the dequantized one. */
static arc_status put_quantizer(writer *w, int value, const char *name, arc_range r, int *out) {
    int parts[2];
    float scale;
    if (quantizer_constants(w, name, r, parts, &scale) != ARC_OK)
        return ARC_ENOMEM;
    const int q = named(w, name, "_quantized"), d = named(w, name, "_back"), q_in[3] = {value, parts[0], parts[1]},
              d_in[3] = {q, parts[0], parts[1]};
    char q_name[NAME_BYTES], d_name[NAME_BYTES];
    snprintf(q_name, sizeof q_name, "%.400s_quantize", name);
    snprintf(d_name, sizeof d_name, "%.400s_dequantize", name);
    if (q < 0 || d < 0 || !arc_graph_node(w->g, "QuantizeLinear", q_name, 3, q_in, 1, &q) ||
        !arc_graph_node(w->g, "DequantizeLinear", d_name, 3, d_in, 1, &d))
        return ARC_ENOMEM;
    *out = d;
    return ARC_OK;
}

/* Step size that the range gives, as put_quantizer writes it. */
static double scale_of(arc_range r) {
    return (double)fmaxf((r.hi - r.lo) / 255, 1e-30f);
}

void arc_quant_fold(const arc_graph *g, const arc_quant_layer *l, float *weights, float *bias) {
    const arc_node *n = &g->node[l->node], *norm = l->norm >= 0 ? &g->node[l->norm] : NULL;
    const float *w = floats_of(g, n, 1), *b = floats_of(g, n, 2);
    const bool columns = l->gemm && !arc_attr_int(n, "transB", 0);
    for (int64_t j = 0; j < l->c_out; j++) {
        double factor = 1, shift = 0;
        if (norm) {
            const double variance = (double)floats_of(g, norm, 4)[j] + (double)arc_attr_float(norm, "epsilon", 1e-5f);
            factor = (double)floats_of(g, norm, 1)[j] / sqrt(variance);
            shift = (double)floats_of(g, norm, 2)[j] - factor * (double)floats_of(g, norm, 3)[j];
        }
        for (int64_t k = 0; k < l->per_out; k++)
            weights[j * l->per_out + k] = (float)((double)w[columns ? k * l->c_out + j : j * l->per_out + k] * factor);
        bias[j] = (float)((b ? (double)b[j] : 0) * factor + shift);
    }
}

/* The weights as int8 and their scales; the bias takes up what rounding the weights does to the mean input. */
static void quantize_weights(const arc_quant_layer *l, const float *weights, float *bias, const float *mean, double step,
                             int8_t *quantized, float *scale, int32_t *bias_int32, float *bias_scale) {
    const int64_t group_out = l->c_out / l->groups, group_in = l->c_in / l->groups;
    for (int64_t j = 0; j < l->c_out; j++) {
        const float *row = weights + j * l->per_out;
        float largest = 0;
        double error = 0;
        for (int64_t k = 0; k < l->per_out; k++)
            largest = fmaxf(largest, fabsf(row[k]));
        /* The bias must fit 31 bits in steps of the product. */
        const double least = fabs((double)bias[j]) / (step * 1073741824.0);
        scale[j] = (float)fmax(fmax((double)largest / 127, least), 1e-20);
        for (int64_t k = 0; k < l->per_out; k++) {
            quantized[j * l->per_out + k] = (int8_t)fminf(fmaxf(nearbyintf(row[k] / scale[j]), -127), 127);
            if (mean)
                error += ((double)quantized[j * l->per_out + k] * (double)scale[j] - (double)row[k]) *
                         (double)mean[j / group_out * group_in + k / l->taps];
        }
        bias_scale[j] = (float)(step * (double)scale[j]);
        const double steps = nearbyint(((double)bias[j] - error) / (double)bias_scale[j]);
        bias_int32[j] = (int32_t)fmin(fmax(steps, -INT32_MAX), INT32_MAX); /* what is no number or too many is some number */
    }
}

static int put_quantized_constant(writer *w, const char *name, const char *suffix, int quantized, int scales, arc_dtype type,
                                  int64_t channels) {
    const arc_shape s = {1, {channels}};
    void *zeros = NULL;
    char zero_name[64];
    snprintf(zero_name, sizeof zero_name, "%.40s_zero", suffix);
    const int zero = new_constant(w, name, zero_name, type, &s, &zeros), back = named(w, name, suffix);
    const int in[3] = {quantized, scales, zero};
    arc_node *n =
        zero >= 0 && back >= 0 ? arc_graph_node(w->g, "DequantizeLinear", w->g->value[back].name, 3, in, 1, &back) : NULL;
    return n && arc_node_int(w->g, n, "axis", 0) == ARC_OK ? back : ARC_NO_VALUE;
}

/* All but `but`, and tensors that are not in the new graph. */
static arc_status copy_attributes(writer *w, arc_node *n, const arc_node *from, const char *but) {
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < from->attrs; i++) {
        const arc_attr *a = &from->attr[i];
        const int value = a->kind == ARC_ATTR_TENSOR ? value_here(w, a->value) : ARC_NO_VALUE;
        const bool gone = (but && strcmp(a->name, but) == 0) || (a->kind == ARC_ATTR_TENSOR && value < 0);
        st = gone ? ARC_OK : arc_node_copy_attr(w->g, n, a, value);
    }
    return st;
}

static arc_status put_layer(writer *w, const arc_quant_layer *l) {
    arc_graph *g = w->g;
    const arc_node *from = &w->from->node[l->node];
    const arc_value *y = &w->from->value[l->y];
    const char *name = *from->name ? from->name : y->name;
    arc_shape shape = w->from->value[from->input[1]].shape;
    const arc_shape vector = {1, {l->c_out}};
    void *weights, *bias, *quantized = NULL, *scale = NULL, *bias_int32 = NULL, *bias_scale = NULL;
    if (l->gemm)
        shape = (arc_shape){2, {l->c_out, l->c_in}};
    arc_arena scratch; /* float weights of int8 layers do not go into the file */
    arc_arena_init(&scratch, g->alloc, 0);
    arc_status st = ARC_ENOMEM;
    int in[3] = {value_here(w, l->x), ARC_NO_VALUE, ARC_NO_VALUE};
    if (l->int8) {
        weights = arc_arena_new(&scratch, (size_t)(l->c_out * l->per_out), sizeof(float));
        bias = arc_arena_new(&scratch, (size_t)l->c_out, sizeof(float));
        const int wc = new_constant(w, name, "_weight_int8", ARC_I8, &shape, &quantized),
                  ws = new_constant(w, name, "_weight_scale", ARC_F32, &vector, &scale),
                  bc = new_constant(w, name, "_bias_int32", ARC_I32, &vector, &bias_int32),
                  bs = new_constant(w, name, "_bias_scale", ARC_F32, &vector, &bias_scale);
        if (!weights || !bias || wc < 0 || ws < 0 || bc < 0 || bs < 0)
            goto done;
        arc_quant_fold(w->from, l, weights, bias);
        quantize_weights(l, weights, bias, w->facts->mean ? w->facts->mean[l->x] : NULL, scale_of(w->facts->range[l->x]),
                         quantized, scale, bias_int32, bias_scale);
        in[1] = put_quantized_constant(w, name, "_weight", wc, ws, ARC_I8, l->c_out);
        in[2] = put_quantized_constant(w, name, "_bias", bc, bs, ARC_I32, l->c_out);
        if (in[1] < 0 || in[2] < 0)
            goto done;
        if (w->quantized[l->x] < 0)
            ARC_TRY(put_quantizer(w, in[0], w->from->value[l->x].name, w->facts->range[l->x], &w->quantized[l->x]));
        in[0] = w->quantized[l->x];
    } else {
        in[1] = new_constant(w, name, "_weight", ARC_F32, &shape, &weights);
        in[2] = new_constant(w, name, "_bias", ARC_F32, &vector, &bias);
        if (in[1] < 0 || in[2] < 0)
            goto done;
        arc_quant_fold(w->from, l, weights, bias);
    }
    const int out = arc_graph_value(g, y->name);
    arc_node *n = out >= 0 ? arc_graph_node(g, from->op, name, 3, in, 1, &out) : NULL;
    if (!n) {
        st = ARC_ENOMEM;
        goto done;
    }
    w->as[l->y] = out;
    ARC_TRY(copy_attributes(w, n, from, l->gemm ? "transB" : NULL));
    if (l->gemm)
        ARC_TRY(arc_node_int(g, n, "transB", 1));
    if (l->int8 && !l->gemm && !y->is_output) {
        ARC_TRY(put_quantizer(w, out, y->name, w->facts->range[l->y], &w->quantized[l->y]));
        w->as[l->y] = w->quantized[l->y];
    }
    st = ARC_OK;
done:
    arc_arena_free(&scratch);
    return st;
}

/* Operators of embedders that mean the same from opset 7 to 17, once what is said below is done to them. */
static bool survives(const char *op) {
    static const char *const names[] = {"Add",
                                        "Sub",
                                        "Mul",
                                        "Div",
                                        "PRelu",
                                        "Relu",
                                        "LeakyRelu",
                                        "Sigmoid",
                                        "Tanh",
                                        "Conv",
                                        "Gemm",
                                        "MatMul",
                                        "Flatten",
                                        "Reshape",
                                        "Concat",
                                        "Transpose",
                                        "MaxPool",
                                        "AveragePool",
                                        "GlobalAveragePool",
                                        "BatchNormalization",
                                        "Clip",
                                        "Identity",
                                        "Dropout",
                                        "Constant",
                                        "Shape",
                                        "Gather",
                                        "LpNormalization",
                                        "GlobalMaxPool",
                                        "Sqrt",
                                        "Exp",
                                        "Pow",
                                        "Abs",
                                        "Neg"};
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (strcmp(op, names[i]) == 0)
            return true;
    return false;
}

static arc_status put_clip_bounds(writer *w, const arc_node *from, int in[3]) {
    static const char *const bounds[2] = {"min", "max"};
    const arc_shape scalar = {0};
    for (int i = 0; i < 2; i++) {
        const arc_attr *a = arc_node_attr(from, bounds[i]);
        void *data = NULL;
        if (!a)
            continue;
        in[1 + i] = new_constant(w, w->from->value[from->output[0]].name, i ? "_max" : "_min", ARC_F32, &scalar, &data);
        if (in[1 + i] < 0)
            return ARC_ENOMEM;
        memcpy(data, &a->f, sizeof a->f);
    }
    return ARC_OK;
}

static arc_status put_node(writer *w, const arc_node *from, arc_error *err) {
    int in[ARC_OP_MAX_IO], out[ARC_OP_MAX_IO], inputs = from->inputs;
    const bool old = w->from->opset < OPSET, clip = old && arc_node_is(from, ARC_KIND_CLIP) && from->inputs == 1;
    if (old && !survives(from->op))
        return arc_fail(
            err, ARC_EUNSUPPORTED,
            "'%.100s' of opset %d may mean something else in opset %d, which 8-bit weights need: export the model at opset %d",
            from->op, w->from->opset, OPSET, OPSET);
    if ((arc_node_is(from, ARC_KIND_IDENTITY) || arc_node_is(from, ARC_KIND_DROPOUT)) &&
        !w->from->value[from->output[0]].is_output) {
        w->as[from->output[0]] = value_here(w, from->input[0]);
        w->quantized[from->output[0]] = w->quantized[from->input[0]];
        return ARC_OK;
    }
    for (int i = 0; i < from->inputs; i++)
        if ((in[i] = value_here(w, from->input[i])) < 0 && from->input[i] >= 0)
            return ARC_ENOMEM;
    if (clip) {
        in[1] = in[2] = ARC_NO_VALUE;
        inputs = 3;
        if (put_clip_bounds(w, from, in) != ARC_OK)
            return ARC_ENOMEM;
    }
    for (int i = 0; i < from->outputs; i++) {
        out[i] = from->output[i] >= 0 ? arc_graph_value(w->g, w->from->value[from->output[i]].name) : ARC_NO_VALUE;
        if (from->output[i] >= 0)
            w->as[from->output[i]] = out[i];
    }
    const char *op = arc_node_is(from, ARC_KIND_DROPOUT) ? "Identity" : from->op;
    arc_node *n = arc_graph_node(w->g, op, from->name, inputs, in, from->outputs, out);
    if (!n)
        return ARC_ENOMEM;
    if (clip || op != from->op)
        return ARC_OK;
    return copy_attributes(w, n, from, strcmp(op, "BatchNormalization") == 0 ? "spatial" : NULL);
}

static arc_status write_ends(writer *w, bool inputs) {
    const arc_graph *from = w->from;
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && inputs && i < from->inputs; i++) {
        const arc_value *v = &from->value[from->input[i]];
        w->as[from->input[i]] = arc_graph_value(w->g, v->name);
        st = w->as[from->input[i]] < 0 ? ARC_ENOMEM : arc_graph_add_input(w->g, w->as[from->input[i]], v->dtype, &v->shape);
        if (st == ARC_OK)
            st = arc_value_copy_symbols(w->g, w->as[from->input[i]], v);
    }
    for (int i = 0; st == ARC_OK && !inputs && i < from->outputs; i++) {
        const int v = value_here(w, from->output[i]);
        st = v < 0 ? ARC_ENOMEM : arc_graph_add_output(w->g, v);
        if (st != ARC_OK)
            break;
        w->g->value[v].dtype = from->value[from->output[i]].dtype;
        w->g->value[v].shape = from->value[from->output[i]].shape;
        st = arc_value_copy_symbols(w->g, v, &from->value[from->output[i]]);
    }
    return st == ARC_OK && !inputs ? arc_graph_copy_meta(w->g, from, NULL) : st;
}

arc_status arc_quant_write(arc_graph **out, const arc_graph *g, const arc_quant_layer *layers, int count,
                           const arc_quant_facts *facts, arc_error *err) {
    writer w = {.from = g, .facts = facts};
    arc_status st;
    *out = NULL;
    ARC_TRY(arc_graph_new(&w.g, g->alloc, ARC_MAX(g->opset, OPSET), err));
    w.g->ir_version = ARC_MAX(g->ir_version, 7);
    w.g->name = g->name ? arc_arena_strdup(&w.g->arena, g->name) : NULL;
    w.g->producer = g->producer ? arc_arena_strdup(&w.g->arena, g->producer) : NULL;
    w.as = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *w.as);
    w.quantized = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *w.quantized);
    if (!w.as || !w.quantized)
        ARC_TRY(ARC_ENOMEM);
    for (int v = 0; v < g->values; v++)
        w.as[v] = w.quantized[v] = ARC_NO_VALUE;
    ARC_TRY(write_ends(&w, true));
    int layer = 0;
    for (int i = 0; i < g->nodes; i++) {
        bool gone = false; /* a BatchNormalization that is folded */
        for (int k = 0; k < count && !gone; k++)
            gone = layers[k].norm == i;
        while (layer < count && layers[layer].node < i)
            layer++;
        if (gone)
            continue;
        ARC_TRY(layer < count && layers[layer].node == i ? put_layer(&w, &layers[layer]) : put_node(&w, &g->node[i], err));
    }
    ARC_TRY(write_ends(&w, false));
    ARC_TRY(arc_graph_check(w.g, err));
done:
    arc_mem_free(g->alloc, w.as);
    arc_mem_free(g->alloc, w.quantized);
    if (st == ARC_OK)
        *out = w.g;
    else
        arc_graph_free(&w.g);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "a quantized network") : st;
}
