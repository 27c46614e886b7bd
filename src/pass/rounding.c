/* pass: floats that go through other numbers and come back, as one node: Cast to float16 and Cast to float32; QuantizeLinear and
 * DequantizeLinear by one scale and zero point, where no 8-bit layer took them in (int8.c). Results keep their bits. */
#include "pass/rewrite.h"
#include <math.h>

typedef struct rounding {
    float scale, lo, hi; /* scale 0: half precision */
} rounding;

static const arc_value *constant(const arc_rewrite *w, const arc_node *n, int i) {
    const arc_value *v = i < n->inputs && n->input[i] >= 0 ? &w->g->value[n->input[i]] : NULL;
    return v && v->data && !v->is_input && arc_shape_count(&v->shape) == 1 ? v : NULL;
}

/* One scale and zero point, and the integers' ends; false for other nodes. */
static bool read_steps(const arc_rewrite *w, const arc_node *n, rounding *r) {
    const arc_value *scale = constant(w, n, 1), *zero = constant(w, n, 2);
    const bool has_zero = n->inputs > 2 && n->input[2] >= 0;
    if (!scale || scale->dtype != ARC_F32 || arc_node_attr(n, "output_dtype") || arc_node_attr(n, "block_size") ||
        (has_zero && !zero))
        return false;
    const arc_dtype t = zero ? zero->dtype : ARC_U8;
    const bool wide = t == ARC_U16 || t == ARC_I16, has_sign = t == ARC_I8 || t == ARC_I16;
    if (!wide && t != ARC_U8 && t != ARC_I8)
        return false;
    const float levels = wide ? 65536 : 256, least = has_sign ? -levels / 2 : 0;
    float at = 0; /* the zero point */
    if (zero)
        at = t == ARC_U8    ? (float)*(const uint8_t *)zero->data
             : t == ARC_I8  ? (float)*(const int8_t *)zero->data
             : t == ARC_U16 ? (float)*(const uint16_t *)zero->data
                            : (float)*(const int16_t *)zero->data;
    *r = (rounding){*(const float *)scale->data, least - at, least + levels - 1 - at};
    return r->scale > 0 && isfinite(r->scale);
}

static bool read_pair(const arc_rewrite *w, const arc_node *n, const arc_node *back, rounding *r) {
    rounding other;
    *r = (rounding){0};
    if (arc_node_is(n, ARC_KIND_CAST))
        return arc_node_is(back, ARC_KIND_CAST) && arc_attr_int(n, "to", 0) == ARC_F16 && arc_attr_int(back, "to", 0) == ARC_F32;
    return arc_node_is(n, ARC_KIND_QUANTIZE_LINEAR) && arc_node_is(back, ARC_KIND_DEQUANTIZE_LINEAR) && read_steps(w, n, r) &&
           read_steps(w, back, &other) && other.scale == r->scale && other.lo == r->lo && other.hi == r->hi;
}

arc_status arc_join_rounding(arc_rewrite *w, arc_error *err) {
    arc_graph *g = w->g;
    arc_status st = ARC_OK;
    (void)err;
    arc_rewrite_recount(w);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++) {
        rounding r;
        const arc_node *n = &g->node[i];
        const int last = w->dead[i] || n->inputs < 1 || n->input[0] < 0 || n->outputs != 1
                             ? ARC_NO_VALUE
                             : arc_rewrite_only_user(w, n->output[0]);
        if (last < 0 || g->node[last].outputs != 1 || g->node[last].input[0] != n->output[0] ||
            !read_pair(w, n, &g->node[last], &r))
            continue;
        arc_node *joined = &g->node[last];
        int *input = arc_arena_new(&g->arena, 1, sizeof *input);
        if (!input)
            return ARC_ENOMEM;
        input[0] = n->input[0];
        arc_node_become(joined, arc_op_find(ARC_ROUNDING));
        joined->input = input;
        joined->inputs = 1;
        if (r.scale > 0) {
            st = arc_node_float(g, joined, "arc.scale", r.scale);
            if (st == ARC_OK)
                st = arc_node_float(g, joined, "arc.lo", r.lo);
            if (st == ARC_OK)
                st = arc_node_float(g, joined, "arc.hi", r.hi);
        }
        w->dead[i] = true;
    }
    arc_rewrite_recount(w);
    return st;
}
