/* pass: an 8-bit layer that the 8-bit pass has put together, as a node of the graph: its inputs, scales, attributes and outputs
 * (op/int8/int8.h). */
#include "op/int8/int8.h"
#include "pass/int8.h"
#include <string.h>

arc_status arc_int8_write_post(arc_rewrite *w, arc_node *n, int slot, const arc_node *norm, int64_t channels,
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
static arc_status write_scales(arc_rewrite *w, arc_node *n, const arc_int8_layer *l, const arc_node *was) {
    float *scale, *bias;
    const arc_node *weights = arc_qdq_constant(w, was, 1, ARC_I8), *bias_back;
    (void)arc_qdq_bias_fits(w, was, l->c_out, &bias_back);
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

static arc_status write_act(arc_rewrite *w, arc_node *n, const arc_int8_layer *l) {
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

static arc_status write_quantizers(arc_graph *g, arc_node *n, const arc_int8_layer *l) {
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

arc_status arc_int8_write(arc_rewrite *w, const arc_int8_layer *l) {
    arc_graph *g = w->g;
    const arc_node was = g->node[l->index];
    arc_node *n = &g->node[l->last];
    int *io = arc_arena_new(&g->arena, ARC_INT8_INPUTS + 2, sizeof *io);
    if (!io)
        return ARC_ENOMEM;
    const arc_node act = l->act ? *l->act : was, norm = l->norm ? *l->norm : was, post = l->post ? *l->post : was;
    arc_int8_layer own = *l; /* the nodes taken in may stand where this one goes */
    own.act = &act;
    own.norm = l->norm ? &norm : NULL;
    *n = was;
    arc_node_become(n, arc_op_find(arc_node_is(&was, ARC_KIND_GEMM) ? ARC_INT8_GEMM : ARC_INT8_CONV));
    n->input = io;
    n->inputs = ARC_INT8_INPUTS;
    for (int i = 0; i < ARC_INT8_INPUTS; i++)
        io[i] = ARC_NO_VALUE;
    io[0] = l->read;
    io[1] = arc_qdq_constant(w, &was, 1, ARC_I8)->input[0];
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
        st = arc_int8_write_post(w, n, ARC_INT8_POST_SCALE, &post, l->c_out, l->out.scale);
    w->dead[l->index] = true;
    w->dead[l->last] = false;
    for (int i = 0; i < n->outputs; i++)
        g->value[n->output[i]].producer = l->last;
    return st;
}
