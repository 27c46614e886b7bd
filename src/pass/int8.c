/* pass: QDQ graphs run on integers. What an ONNX quantizer writes as DequantizeLinear -> Conv -> ... -> QuantizeLinear becomes
 * one 8-bit layer (op/int8/int8.h) from 8-bit values to 8-bit values:
 *
 *   - a Conv or Gemm whose input is dequantized 8-bit values and whose weights are symmetric int8 is converted;
 *   - what follows it alone is taken in: BatchNormalization, a quantizer in between, one activation, one Add with floats;
 *   - its result stays float where something else reads it, and leaves as 8-bit values where a converted layer does, through a
 *     BatchNormalization that stands in front of the quantizer (the residual block's).
 *
 * Quantizers beside which no layer is converted stay the operators they are. Every quantizer of the file is kept, so results
 * differ from those of the graph as written by the rounding of float sums alone: an 8-bit value may come out one step apart. */
#include "op/int8/int8.h"
#include "pass/rewrite.h"
#include <math.h>
#include <string.h>

typedef struct quantizer {
    float scale;
    int zero; /* of the 8-bit value as uint8 */
    arc_dtype type;
} quantizer;

/* One 8-bit layer while nodes are taken into it. */
typedef struct int8_layer {
    int index, last; /* its Conv or Gemm, and the last node taken in */
    int value;       /* the float result so far */
    int quantized;   /* the 8-bit values that leave, or ARC_NO_VALUE */
    int64_t c_out;
    quantizer in, mid, out;
    bool has_mid, has_act, act_last;
    int residual;
    const arc_node *act, *norm,
        *post; /* what was taken in; norm: BatchNormalization right behind, post: in front of the 8-bit values */
} int8_layer;

typedef struct fuser {
    arc_rewrite *w;
    int *quantized_of; /* [nodes] of a node that will be converted, the 8-bit values it reads; else ARC_NO_VALUE */
} fuser;

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

static const arc_value *constant(const arc_rewrite *w, const arc_node *n, int i) {
    const arc_value *v = i < n->inputs && n->input[i] >= 0 ? &w->g->value[n->input[i]] : NULL;
    return v && v->data && !v->is_input ? v : NULL;
}

static bool read_quantizer(const arc_rewrite *w, const arc_node *n, quantizer *q) {
    const arc_value *scale = constant(w, n, 1), *zero = constant(w, n, 2);
    if (n->inputs < 2 || n->outputs != 1 || n->input[0] < 0 || !scale || scale->dtype != ARC_F32 ||
        arc_shape_count(&scale->shape) != 1)
        return false;
    *q = (quantizer){.scale = *(const float *)scale->data, .type = ARC_U8};
    if (n->inputs > 2 && n->input[2] >= 0) {
        if (!zero || arc_shape_count(&zero->shape) != 1 || (zero->dtype != ARC_U8 && zero->dtype != ARC_I8))
            return false;
        q->type = zero->dtype;
        q->zero = zero->dtype == ARC_I8 ? *(const int8_t *)zero->data + 128 : *(const uint8_t *)zero->data;
    }
    return q->scale > 0 && isfinite(q->scale) && 1 / q->scale <= 3e38f;
}

/* The next live node after `from` that reads the value; ARC_NO_VALUE at the end. */
static int next_user(const arc_rewrite *w, int value, int from) {
    for (int i = from + 1; i < w->g->nodes; i++)
        for (int k = 0; !w->dead[i] && k < w->g->node[i].inputs; k++)
            if (w->g->node[i].input[k] == value)
                return i;
    return ARC_NO_VALUE;
}

static int only_user(const arc_rewrite *w, int value) {
    const int first = next_user(w, value, -1);
    return first >= 0 && !w->g->value[value].is_output && next_user(w, value, first) < 0 ? first : ARC_NO_VALUE;
}

/* Codes made by a QuantizeLinear and read by nothing but its inverses. */
static bool read_quantized(const arc_rewrite *w, int value, quantizer *q) {
    const arc_node *make = arc_rewrite_producer(w, value);
    if (!make || !arc_node_is(make, ARC_KIND_QUANTIZE_LINEAR) || !read_quantizer(w, make, q) || w->g->value[value].is_output)
        return false;
    for (int i = next_user(w, value, -1); i >= 0; i = next_user(w, value, i)) {
        quantizer back;
        if (!arc_node_is(&w->g->node[i], ARC_KIND_DEQUANTIZE_LINEAR) || w->g->node[i].input[0] != value ||
            !read_quantizer(w, &w->g->node[i], &back) || back.scale != q->scale || back.zero != q->zero || back.type != q->type)
            return false;
    }
    return true;
}

/* The DequantizeLinear of constants behind input i; NULL when it is none. */
static const arc_node *constant_quantized(const arc_rewrite *w, const arc_node *n, int i, arc_dtype type) {
    const arc_node *back = i < n->inputs ? arc_rewrite_producer(w, n->input[i]) : NULL;
    if (!back || !arc_node_is(back, ARC_KIND_DEQUANTIZE_LINEAR) || back->inputs < 2)
        return NULL;
    const arc_value *quantized = constant(w, back, 0), *scale = constant(w, back, 1), *zero = constant(w, back, 2);
    if (!quantized || quantized->dtype != type || !scale || scale->dtype != ARC_F32 ||
        (back->inputs > 2 && back->input[2] >= 0 && !zero))
        return NULL;
    const uint8_t *bytes = zero ? zero->data : NULL;
    for (size_t k = 0; zero && k < zero->data_bytes; k++)
        if (bytes[k] != 0)
            return NULL;
    return back;
}

/* Symmetric int8 weights, one scale or one an output channel. */
static bool weights_fit(const arc_rewrite *w, const arc_node *n, int64_t *c_out) {
    const arc_node *back = constant_quantized(w, n, 1, ARC_I8);
    if (!back)
        return false;
    const arc_shape *s = &w->g->value[back->input[0]].shape;
    const bool gemm = arc_node_is(n, ARC_KIND_GEMM);
    const int axis = gemm && !arc_attr_int(n, "transB", 0);
    const int64_t scales = arc_shape_count(&w->g->value[back->input[1]].shape), groups = arc_attr_int(n, "group", 1);
    if (s->rank != (gemm ? 2 : 4) || arc_shape_count(s) <= 0)
        return false;
    if (gemm ? arc_attr_float(n, "alpha", 1) != 1 || arc_attr_float(n, "beta", 1) != 1 || arc_attr_int(n, "transA", 0) != 0 ||
                   s->dim[!axis] % 4 != 0
             : groups < 1 || groups > s->dim[0] || s->dim[0] % groups != 0 || s->dim[1] * groups % 4 != 0)
        return false;
    *c_out = s->dim[axis];
    const int64_t scale_axis = arc_attr_int(back, "axis", 1);
    return scales == 1 || (scales == *c_out && (scale_axis == axis || scale_axis == axis - s->rank));
}

/* A bias of floats or of int32 values, one a channel; *back = the latter's node. */
static bool bias_fits(const arc_rewrite *w, const arc_node *n, int64_t c_out, const arc_node **back) {
    *back = NULL;
    if (n->inputs < 3 || n->input[2] < 0)
        return true;
    const float *floats = arc_rewrite_floats(w, n, 2);
    if (floats)
        return arc_shape_count(&w->g->value[n->input[2]].shape) == c_out;
    *back = constant_quantized(w, n, 2, ARC_I32);
    if (!*back)
        return false;
    const int64_t scales = arc_shape_count(&w->g->value[(*back)->input[1]].shape);
    return arc_shape_count(&w->g->value[(*back)->input[0]].shape) == c_out && (scales == 1 || scales == c_out);
}

static bool flattens(const arc_node *n) {
    return arc_node_is(n, ARC_KIND_FLATTEN) && arc_attr_int(n, "axis", 1) == 1 && n->inputs == 1 && n->outputs == 1;
}

/* The 8-bit values that a node can be converted to read: its input is dequantized, perhaps flattened then. */
static int quantized_read(const arc_rewrite *w, const arc_node *n) {
    quantizer q;
    int64_t c_out;
    const arc_node *bias;
    const bool gemm = arc_node_is(n, ARC_KIND_GEMM);
    if ((!gemm && !arc_node_is(n, ARC_KIND_CONV)) || n->inputs < 2 || n->outputs != 1 || n->input[0] < 0 || n->input[1] < 0 ||
        arc_node_attr(n, "arc.act") || !weights_fit(w, n, &c_out) || !bias_fits(w, n, c_out, &bias))
        return ARC_NO_VALUE;
    const arc_node *back = arc_rewrite_producer(w, n->input[0]);
    if (gemm && back && flattens(back))
        back = arc_rewrite_producer(w, back->input[0]);
    if (!back || !arc_node_is(back, ARC_KIND_DEQUANTIZE_LINEAR) || !read_quantized(w, back->input[0], &q))
        return ARC_NO_VALUE;
    return back->input[0];
}

/* Who reads these 8-bit values: *any, whether a converted layer does; *all_gemm, whether all readers are converted Gemms. */
static void readers_of(const fuser *f, int quantized, bool *any, bool *all_gemm) {
    const arc_rewrite *w = f->w;
    *any = false;
    *all_gemm = true;
    for (int i = 0; i < w->g->nodes; i++)
        *any |= !w->dead[i] && f->quantized_of[i] == quantized;
    for (int i = next_user(w, quantized, -1); i >= 0; i = next_user(w, quantized, i)) {
        if (arc_node_is(&w->g->node[i], ARC_KIND_INT8_CONV) || arc_node_is(&w->g->node[i], ARC_KIND_INT8_GEMM)) {
            *any = true;
            *all_gemm &= arc_node_is(&w->g->node[i], ARC_KIND_INT8_GEMM);
            continue;
        }
        const int value = w->g->node[i].output[0];
        for (int k = next_user(w, value, -1); k >= 0; k = next_user(w, value, k))
            *all_gemm &= f->quantized_of[k] == quantized && arc_node_is(&w->g->node[k], ARC_KIND_GEMM);
    }
}

/* ---- growing a layer ------------------------------------------------------------------------------------------------------- */

static bool norm_fits(const arc_rewrite *w, const arc_node *n, int64_t channels) {
    return n->outputs == 1 && arc_rewrite_is_norm(w, n, channels);
}

static bool act_fits(const arc_rewrite *w, const arc_node *n, const int8_layer *l) {
    if (arc_node_is(n, ARC_KIND_RELU) || arc_node_is(n, ARC_KIND_LEAKY_RELU))
        return true;
    if (!arc_node_is(n, ARC_KIND_PRELU) || !arc_rewrite_floats(w, n, 1))
        return false;
    const arc_shape *s = &w->g->value[n->input[1]].shape;
    const int64_t count = arc_shape_count(s);
    const int channel = arc_node_is(&w->g->node[l->index], ARC_KIND_GEMM) ? s->rank - 1 : s->rank - 3;
    return count == 1 || (channel >= 0 && s->dim[channel] == count && count == l->c_out);
}

static void take(fuser *f, int8_layer *l, int node) {
    f->w->dead[node] = true;
    l->last = ARC_MAX(l->last, node);
}

/* A QuantizeLinear behind the layer: the layer ends with it when a converted layer reads its 8-bit values, otherwise it is a
 * quantizer in between and true is returned: the layer goes on. */
static bool grow_quantizer(fuser *f, int8_layer *l, int node) {
    const arc_rewrite *w = f->w;
    const int quantized = w->g->node[node].output[0];
    quantizer q;
    bool any, all;
    if (!read_quantized(w, quantized, &q))
        return false;
    readers_of(f, quantized, &any, &all);
    if (any) {
        l->quantized = quantized;
        l->out = q;
        l->value = ARC_NO_VALUE;
        take(f, l, node);
        return false;
    }
    const int back = only_user(w, quantized);
    if (back < 0 || l->has_mid || l->has_act || l->residual >= 0)
        return false;
    l->mid = q;
    l->has_mid = true;
    l->value = w->g->node[back].output[0];
    take(f, l, node);
    take(f, l, back);
    return true;
}

/* Takes one more node in; false when the layer ends. */
static bool grow(fuser *f, int8_layer *l) {
    const arc_rewrite *w = f->w;
    const int next = only_user(w, l->value);
    if (next < 0 || w->g->node[next].outputs != 1)
        return false;
    const arc_node *n = &w->g->node[next];
    if (arc_node_is(n, ARC_KIND_QUANTIZE_LINEAR))
        return grow_quantizer(f, l, next);
    if (!l->norm && !l->has_mid && !l->has_act && l->residual < 0 && norm_fits(w, n, l->c_out)) {
        l->norm = n;
    } else if (!l->has_act && act_fits(w, n, l) && n->input[0] == l->value) {
        l->act = n;
        l->has_act = true;
        l->act_last = l->residual >= 0;
    } else if (l->residual < 0 && arc_node_is(n, ARC_KIND_ADD) && n->inputs == 2 &&
               arc_node_is(&w->g->node[l->index], ARC_KIND_CONV)) {
        const int other = n->input[n->input[0] == l->value];
        if (other < 0 || other == l->value || w->g->value[other].data)
            return false;
        l->residual = other;
    } else {
        return false;
    }
    l->value = n->output[0];
    take(f, l, next);
    return true;
}

/* Behind a float result that others read too: finds a quantizer for a converted layer, perhaps behind a normalisation and a
 * Flatten. */
static void grow_second(fuser *f, int8_layer *l) {
    const arc_rewrite *w = f->w;
    for (int i = next_user(w, l->value, -1); i >= 0 && l->quantized < 0; i = next_user(w, l->value, i)) {
        int chain[3] = {i, ARC_NO_VALUE, ARC_NO_VALUE}, length = 0;
        bool flat = false, any, all;
        const arc_node *post = NULL;
        while (length < 3 && chain[length] >= 0 && !arc_node_is(&w->g->node[chain[length]], ARC_KIND_QUANTIZE_LINEAR)) {
            const arc_node *n = &w->g->node[chain[length]];
            if (!post && !flat && norm_fits(w, n, l->c_out))
                post = n;
            else if (!flat && flattens(n))
                flat = true;
            else
                break;
            length++;
            if (length < 3)
                chain[length] = only_user(w, n->output[0]);
        }
        if (length == 3 || chain[length] < 0 || !arc_node_is(&w->g->node[chain[length]], ARC_KIND_QUANTIZE_LINEAR))
            continue;
        const int quantized = w->g->node[chain[length]].output[0];
        if (!read_quantized(w, quantized, &l->out))
            continue;
        readers_of(f, quantized, &any, &all);
        if (!any || (flat && !all))
            continue;
        l->quantized = quantized;
        l->post = post;
        for (int k = 0; k <= length; k++) /* the layer stays where it is: others may read its floats before these stood */
            f->w->dead[chain[k]] = true;
    }
    if (l->quantized >= 0 && next_user(w, l->value, -1) < 0 && !w->g->value[l->value].is_output)
        l->value = ARC_NO_VALUE;
}

/* ---- writing it ------------------------------------------------------------------------------------------------------------ */

static arc_status write_post(arc_rewrite *w, arc_node *n, int slot, const arc_node *norm, int64_t channels,
                             float quantize_scale) {
    float *factor, *shift;
    arc_status st = arc_rewrite_new_floats(w, n, slot, channels, &factor);
    if (st == ARC_OK)
        st = arc_rewrite_new_floats(w, n, slot + 1, channels, &shift);
    for (int64_t j = 0; st == ARC_OK && j < channels; j++) {
        double a, b;
        arc_rewrite_norm(w, norm, j, &a, &b);
        factor[j] = (float)(a / (double)quantize_scale);
        shift[j] = (float)(b / (double)quantize_scale);
    }
    return st;
}

/* Scale and bias of the sums: input and weight scale, the bias, the BatchNormalization, all in steps of the quantizer in
 * between. */
static arc_status write_scales(arc_rewrite *w, arc_node *n, const int8_layer *l, const arc_node *was) {
    float *scale, *bias;
    const arc_node *weights = constant_quantized(w, was, 1, ARC_I8), *bias_back;
    (void)bias_fits(w, was, l->c_out, &bias_back);
    const float *weight_scale = arc_rewrite_floats(w, weights, 1), *given = arc_rewrite_floats(w, was, 2);
    const int64_t scales = arc_shape_count(&w->g->value[weights->input[1]].shape);
    const float *bias_scale = bias_back ? arc_rewrite_floats(w, bias_back, 1) : NULL;
    const int64_t bias_scales = bias_back ? arc_shape_count(&w->g->value[bias_back->input[1]].shape) : 0;
    const int32_t *bias_int32 = bias_back ? w->g->value[bias_back->input[0]].data : NULL;
    const double step = l->has_mid ? (double)l->mid.scale : 1;
    arc_status st = arc_rewrite_new_floats(w, n, ARC_INT8_SCALE, l->c_out, &scale);
    if (st == ARC_OK)
        st = arc_rewrite_new_floats(w, n, ARC_INT8_BIAS, l->c_out, &bias);
    for (int64_t j = 0; st == ARC_OK && j < l->c_out; j++) {
        double a = (double)l->in.scale * (double)weight_scale[scales == 1 ? 0 : j], b = 0, factor = 1, shift = 0;
        if (bias_int32)
            b = (double)bias_int32[j] * (double)bias_scale[bias_scales == 1 ? 0 : j];
        else if (given)
            b = (double)given[j];
        if (l->norm)
            arc_rewrite_norm(w, l->norm, j, &factor, &shift);
        scale[j] = (float)(a * factor / step);
        bias[j] = (float)((b * factor + shift) / step);
    }
    return st;
}

static arc_status write_act(arc_rewrite *w, arc_node *n, const int8_layer *l) {
    const arc_node *act = l->act;
    if (arc_node_is(act, ARC_KIND_RELU))
        return arc_node_string(w->g, n, "arc.act", "relu");
    const float *slope = arc_node_is(act, ARC_KIND_PRELU) ? arc_rewrite_floats(w, act, 1) : NULL;
    const bool one = !slope || arc_shape_count(&w->g->value[act->input[1]].shape) == 1;
    arc_status st = arc_node_string(w->g, n, "arc.act", one ? "leaky" : "prelu");
    if (st == ARC_OK && one)
        return arc_node_float(w->g, n, "arc.alpha", slope ? *slope : arc_attr_float(act, "alpha", 0.01f));
    float *own;
    if (st == ARC_OK)
        st = arc_rewrite_new_floats(w, n, ARC_INT8_SLOPE, l->c_out, &own);
    if (st == ARC_OK)
        memcpy(own, arc_rewrite_floats(w, act, 1), (size_t)l->c_out * sizeof *own);
    return st;
}

static arc_status write_quantizers(arc_graph *g, arc_node *n, const int8_layer *l) {
    arc_status st = arc_node_int(g, n, "arc.zero", l->in.zero);
    if (st == ARC_OK && l->has_mid)
        st = arc_node_float(g, n, "arc.mid_scale", l->mid.scale);
    if (st == ARC_OK && l->has_mid)
        st = arc_node_float(g, n, "arc.mid_lo", (float)-l->mid.zero);
    if (st == ARC_OK && l->has_mid)
        st = arc_node_float(g, n, "arc.mid_hi", (float)(255 - l->mid.zero));
    if (st == ARC_OK)
        st = arc_node_int(g, n, "arc.float", l->value >= 0);
    if (st != ARC_OK || l->quantized < 0)
        return st;
    st = arc_node_int(g, n, "arc.quantized", 1);
    if (st == ARC_OK)
        st = arc_node_int(g, n, "arc.quantize_zero", l->out.zero);
    return st == ARC_OK ? arc_node_float(g, n, "arc.quantize_scale", 1 / l->out.scale) : st;
}

/* Puts the layer where the last node stood that it took in: all that it reads is made before. */
static arc_status write_layer(fuser *f, const int8_layer *l) {
    arc_rewrite *w = f->w;
    arc_graph *g = w->g;
    const arc_node was = g->node[l->index];
    arc_node *n = &g->node[l->last];
    int *io = arc_arena_new(&g->arena, ARC_INT8_INPUTS + 2, sizeof *io);
    if (!io)
        return ARC_ENOMEM;
    const arc_node act = l->act ? *l->act : was, norm = l->norm ? *l->norm : was, post = l->post ? *l->post : was;
    int8_layer own = *l; /* the nodes taken in may stand where this one goes */
    own.act = &act;
    own.norm = l->norm ? &norm : NULL;
    *n = was;
    arc_node_become(n, arc_op_find(arc_node_is(&was, ARC_KIND_GEMM) ? ARC_INT8_GEMM : ARC_INT8_CONV));
    n->input = io;
    n->inputs = ARC_INT8_INPUTS;
    for (int i = 0; i < ARC_INT8_INPUTS; i++)
        io[i] = ARC_NO_VALUE;
    io[0] = f->quantized_of[l->index];
    io[1] = constant_quantized(w, &was, 1, ARC_I8)->input[0];
    io[ARC_INT8_RESIDUAL] = l->residual;
    n->output = io + ARC_INT8_INPUTS;
    n->outputs = 0;
    if (l->value >= 0)
        n->output[n->outputs++] = l->value;
    if (l->quantized >= 0)
        n->output[n->outputs++] = l->quantized;
    arc_status st = write_quantizers(g, n, &own);
    if (st == ARC_OK)
        st = write_scales(w, n, &own, &was);
    if (st == ARC_OK && l->act)
        st = write_act(w, n, &own);
    if (st == ARC_OK)
        st = arc_node_int(g, n, "arc.act_last", l->act_last);
    if (st == ARC_OK && l->post)
        st = write_post(w, n, ARC_INT8_POST_SCALE, &post, l->c_out, l->out.scale);
    w->dead[l->index] = true;
    w->dead[l->last] = false;
    f->quantized_of[l->index] = ARC_NO_VALUE;
    for (int i = 0; i < n->outputs; i++)
        g->value[n->output[i]].producer = l->last;
    return st;
}

static arc_status convert(fuser *f, int index) {
    const arc_rewrite *w = f->w;
    const arc_node *n = &w->g->node[index];
    int8_layer l = {.index = index, .last = index, .value = n->output[0], .quantized = ARC_NO_VALUE, .residual = ARC_NO_VALUE};
    const arc_node *back = arc_rewrite_producer(w, n->input[0]);
    if (flattens(back))
        back = arc_rewrite_producer(w, back->input[0]);
    (void)read_quantizer(w, back, &l.in);
    (void)weights_fit(w, n, &l.c_out);
    while (grow(f, &l))
        continue;
    if (l.value >= 0)
        grow_second(f, &l);
    return write_layer(f, &l);
}

/* ---- quantizers that stay and whose 8-bit values are rows now
 * --------------------------------------------------------------------- */

static arc_status rewrite_quantize(fuser *f, int index) {
    arc_rewrite *w = f->w;
    arc_node *n = &w->g->node[index];
    quantizer q;
    bool any, all_gemm;
    if (!read_quantizer(w, n, &q))
        return ARC_OK;
    readers_of(f, n->output[0], &any, &all_gemm);
    if (!any)
        return ARC_OK;
    arc_node *before = arc_rewrite_producer(w, n->input[0]);
    if (before && flattens(before) && all_gemm) {
        n->input[0] = before->input[0];
        before = arc_rewrite_producer(w, n->input[0]);
    }
    int *own = arc_arena_new(&w->g->arena, 1, sizeof *own);
    if (!own)
        return ARC_ENOMEM;
    own[0] = n->input[0];
    arc_node_become(n, arc_op_find(ARC_QUANTIZE));
    n->input = own;
    n->inputs = 1;
    arc_status st = arc_node_float(w->g, n, "arc.quantize_scale", 1 / q.scale);
    if (st == ARC_OK)
        st = arc_node_int(w->g, n, "arc.quantize_zero", q.zero);
    if (st != ARC_OK || !before || !arc_node_is(before, ARC_KIND_BATCH_NORM) || before->inputs != 5 ||
        !arc_rewrite_floats(w, before, 1))
        return st;
    const int64_t channels = arc_shape_count(&w->g->value[before->input[1]].shape);
    if (!norm_fits(w, before, channels))
        return ARC_OK;
    own[0] = before->input[0];
    return write_post(w, n, 1, before, channels, q.scale);
}

static arc_status rewrite_dequantize(fuser *f, int index) {
    arc_rewrite *w = f->w;
    arc_node *n = &w->g->node[index];
    quantizer q;
    const arc_node *make = arc_rewrite_producer(w, n->input[0]);
    if (!make ||
        !(arc_node_is(make, ARC_KIND_QUANTIZE) || arc_node_is(make, ARC_KIND_INT8_CONV) ||
          arc_node_is(make, ARC_KIND_INT8_GEMM)) ||
        !read_quantizer(w, n, &q))
        return ARC_OK;
    arc_node_become(n, arc_op_find(ARC_DEQUANTIZE));
    n->inputs = 1;
    const arc_status st = arc_node_float(w->g, n, "arc.quantize_scale", q.scale);
    return st == ARC_OK ? arc_node_int(w->g, n, "arc.quantize_zero", q.zero) : st;
}

/* Nodes whose results nobody reads, from the end on. */
static void drop_unread(arc_rewrite *w) {
    for (int i = w->g->nodes - 1; i >= 0; i--) {
        const arc_node *n = &w->g->node[i];
        if (w->dead[i] || n->outputs != 1 || n->output[0] < 0)
            continue;
        if (arc_node_is(n, ARC_KIND_DEQUANTIZE_LINEAR) || arc_node_is(n, ARC_KIND_DEQUANTIZE) ||
            arc_node_is(n, ARC_KIND_BATCH_NORM) || flattens(n))
            w->dead[i] = !w->g->value[n->output[0]].is_output && next_user(w, n->output[0], -1) < 0;
    }
}

arc_status arc_fuse_int8(arc_rewrite *w, arc_error *err) {
    (void)err;
    arc_graph *g = w->g;
    int found = 0;
    for (int i = 0; i < g->nodes; i++)
        found += !w->dead[i] && arc_node_is(&g->node[i], ARC_KIND_QUANTIZE_LINEAR);
    if (found == 0)
        return ARC_OK;
    fuser f = {.w = w, .quantized_of = arc_mem_new(g->alloc, (size_t)g->nodes + 1, sizeof *f.quantized_of)};
    arc_status st = f.quantized_of ? ARC_OK : ARC_ENOMEM;
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        f.quantized_of[i] = w->dead[i] ? ARC_NO_VALUE : quantized_read(w, &g->node[i]);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (!w->dead[i] && f.quantized_of[i] >= 0)
            st = convert(&f, i);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (!w->dead[i] && arc_node_is(&g->node[i], ARC_KIND_QUANTIZE_LINEAR))
            st = rewrite_quantize(&f, i);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (!w->dead[i] && arc_node_is(&g->node[i], ARC_KIND_DEQUANTIZE_LINEAR))
            st = rewrite_dequantize(&f, i);
    arc_mem_free(g->alloc, f.quantized_of);
    if (st == ARC_OK) {
        drop_unread(w);
        arc_rewrite_recount(w);
    }
    return st;
}
