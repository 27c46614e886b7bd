/* pass: what the 8-bit pass finds in a QDQ graph: quantizers, the 8-bit values between them, weights and biases that layers can
 * take. Nothing is changed here. */
#include "pass/int8.h"
#include <math.h>

static const arc_value *constant(const arc_rewrite *w, const arc_node *n, int i) {
    const arc_value *v = i < n->inputs && n->input[i] >= 0 ? &w->g->value[n->input[i]] : NULL;
    return v && v->data && !v->is_input ? v : NULL;
}

bool arc_qdq_quantizer(const arc_rewrite *w, const arc_node *n, arc_quantizer *q) {
    const arc_value *scale = constant(w, n, 1), *zero = constant(w, n, 2);
    if (n->inputs < 2 || n->outputs != 1 || n->input[0] < 0 || !scale || scale->dtype != ARC_F32 ||
        arc_shape_count(&scale->shape) != 1)
        return false;
    *q = (arc_quantizer){.scale = *(const float *)scale->data, .type = ARC_U8};
    if (n->inputs > 2 && n->input[2] >= 0) {
        if (!zero || arc_shape_count(&zero->shape) != 1 || (zero->dtype != ARC_U8 && zero->dtype != ARC_I8))
            return false;
        q->type = zero->dtype;
        q->zero = zero->dtype == ARC_I8 ? *(const int8_t *)zero->data + 128 : *(const uint8_t *)zero->data;
    }
    return q->scale > 0 && isfinite(q->scale) && 1 / q->scale <= 3e38f;
}

bool arc_qdq_values(const arc_rewrite *w, int value, arc_quantizer *q) {
    const arc_node *make = arc_rewrite_producer(w, value);
    if (!make || !arc_node_is(make, ARC_KIND_QUANTIZE_LINEAR) || !arc_qdq_quantizer(w, make, q) || w->g->value[value].is_output)
        return false;
    for (int i = arc_rewrite_next_user(w, value, -1); i >= 0; i = arc_rewrite_next_user(w, value, i)) {
        arc_quantizer back;
        if (!arc_node_is(&w->g->node[i], ARC_KIND_DEQUANTIZE_LINEAR) || w->g->node[i].input[0] != value ||
            !arc_qdq_quantizer(w, &w->g->node[i], &back) || back.scale != q->scale || back.zero != q->zero ||
            back.type != q->type)
            return false;
    }
    return true;
}

const arc_node *arc_qdq_constant(const arc_rewrite *w, const arc_node *n, int i, arc_dtype type) {
    const arc_node *back = i < n->inputs ? arc_rewrite_producer(w, n->input[i]) : NULL;
    if (!back || !arc_node_is(back, ARC_KIND_DEQUANTIZE_LINEAR) || back->inputs < 2)
        return NULL;
    const arc_value *quantized = constant(w, back, 0), *scale = constant(w, back, 1), *zero = constant(w, back, 2);
    if (!quantized || quantized->dtype != type || !scale || scale->dtype != ARC_F32 || scale->shape.rank > 1 ||
        (back->inputs > 2 && back->input[2] >= 0 && !zero))
        return NULL;
    const uint8_t *bytes = zero ? zero->data : NULL;
    for (size_t k = 0; zero && k < zero->data_bytes; k++)
        if (bytes[k] != 0)
            return NULL;
    return back;
}

bool arc_qdq_weights_fit(const arc_rewrite *w, const arc_node *n, int64_t *c_out) {
    const arc_node *back = arc_qdq_constant(w, n, 1, ARC_I8);
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

bool arc_qdq_bias_fits(const arc_rewrite *w, const arc_node *n, int64_t c_out, const arc_node **back) {
    *back = NULL;
    if (n->inputs < 3 || n->input[2] < 0)
        return true;
    const float *floats = arc_rewrite_floats(w, n, 2);
    if (floats)
        return arc_shape_count(&w->g->value[n->input[2]].shape) == c_out;
    *back = arc_qdq_constant(w, n, 2, ARC_I32);
    if (!*back)
        return false;
    const int64_t scales = arc_shape_count(&w->g->value[(*back)->input[1]].shape);
    return arc_shape_count(&w->g->value[(*back)->input[0]].shape) == c_out && (scales == 1 || scales == c_out);
}

bool arc_qdq_flattens(const arc_node *n) {
    return arc_node_is(n, ARC_KIND_FLATTEN) && arc_attr_int(n, "axis", 1) == 1 && n->inputs == 1 && n->outputs == 1;
}

bool arc_qdq_norm_fits(const arc_rewrite *w, const arc_node *n, int64_t channels) {
    return n->outputs == 1 && arc_rewrite_is_norm(w, n, channels);
}
