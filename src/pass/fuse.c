/* pass: fusing what follows a convolution or Gemm into its epilogue: y = act(acc + bias + residual). */
#include "pass/rewrite.h"
#include <math.h>
#include <string.h>

/* Bounds of a Clip; false when they are not constants. */
static bool clip_bounds(const arc_rewrite *w, const arc_node *n, float *lo, float *hi) {
    *lo = arc_attr_float(n, "min", -INFINITY);
    *hi = arc_attr_float(n, "max", INFINITY);
    for (int i = 1; i < n->inputs && i < 3; i++) {
        if (n->input[i] < 0)
            continue;
        const float *bound = arc_rewrite_floats(w, n, i);
        if (!bound || arc_shape_count(&w->g->value[n->input[i]].shape) != 1)
            return false;
        *(i == 1 ? lo : hi) = *bound;
    }
    return true;
}

/* The slope of a PRelu as one value a channel; ONNX lines it up from the right, so a channel slope is [C,1,1] behind a
 * convolution and [C] behind Gemm. */
static bool slope_per_channel(const arc_rewrite *w, const arc_node *n, const arc_linear *l, const float **slope, int64_t *count) {
    *slope = arc_rewrite_floats(w, n, 1);
    if (!*slope)
        return false;
    const arc_shape *s = &w->g->value[n->input[1]].shape;
    *count = arc_shape_count(s);
    if (*count == 1)
        return true;
    const bool gemm = arc_node_is(l->node, ARC_KIND_GEMM);
    const int channel = gemm ? s->rank - 1 : s->rank - 3;
    return channel >= 0 && s->dim[channel] == *count && *count == l->c_out;
}

static arc_status set_act(arc_rewrite *w, const arc_linear *l, const char *act, float alpha, float lo, float hi) {
    arc_status st = arc_node_string(w->g, l->node, "arc.act", act);
    if (st == ARC_OK)
        st = arc_node_float(w->g, l->node, "arc.alpha", alpha);
    if (st == ARC_OK)
        st = arc_node_float(w->g, l->node, "arc.lo", lo);
    return st == ARC_OK ? arc_node_float(w->g, l->node, "arc.hi", hi) : st;
}

static arc_status fuse_act(arc_rewrite *w, const arc_linear *l, const arc_node *n, bool *fused) {
    float lo, hi;
    const float *slope;
    int64_t count;
    *fused = true;
    if (arc_node_is(n, ARC_KIND_RELU))
        return set_act(w, l, "relu", 0, 0, 0);
    if (arc_node_is(n, ARC_KIND_LEAKY_RELU))
        return set_act(w, l, "leaky", arc_attr_float(n, "alpha", 0.01f), 0, 0);
    if (arc_node_is(n, ARC_KIND_CLIP) && clip_bounds(w, n, &lo, &hi))
        return set_act(w, l, "clip", 0, lo, hi);
    if (arc_node_is(n, ARC_KIND_GELU) && arc_node_is(l->node, ARC_KIND_GEMM))
        return set_act(w, l, strcmp(arc_attr_string(n, "approximate", "none"), "tanh") == 0 ? "gelu_tanh" : "gelu", 0, 0, 0);
    if (arc_node_is(n, ARC_KIND_PRELU) && slope_per_channel(w, n, l, &slope, &count)) {
        if (count == 1)
            return set_act(w, l, "leaky", *slope, 0, 0);
        float *own;
        const arc_status st = arc_rewrite_new_floats(w, l->node, ARC_CONV_SLOPE, l->c_out, &own);
        if (st != ARC_OK)
            return st;
        memcpy(own, slope, (size_t)count * sizeof *own);
        return set_act(w, l, "prelu", 0, 0, 0);
    }
    *fused = false;
    return ARC_OK;
}

/* The other operand of an Add that may become a residual. */
static int residual_of(const arc_rewrite *w, const arc_node *add, int own) {
    if (!arc_node_is(add, ARC_KIND_ADD) || add->inputs != 2)
        return ARC_NO_VALUE;
    const int other = add->input[0] == own ? add->input[1] : add->input[0];
    return other >= 0 && other != own && !w->g->value[other].data ? other : ARC_NO_VALUE;
}

static arc_status fuse_behind(arc_rewrite *w, int index) {
    arc_linear l;
    const arc_node *first = &w->g->node[index];
    bool residual_done = first->inputs > ARC_CONV_RESIDUAL && first->input[ARC_CONV_RESIDUAL] >= 0;
    while (arc_linear_of(w, &w->g->node[index], &l) && l.node->outputs == 1) {
        const int next = arc_rewrite_only_user(w, l.node->output[0]);
        if (next < 0 || w->dead[next] || w->g->node[next].outputs != 1)
            return ARC_OK;
        bool fused = false;
        const arc_status st = fuse_act(w, &l, &w->g->node[next], &fused);
        if (st != ARC_OK)
            return st;
        if (fused) {
            arc_rewrite_take_over(w, index, next);
            return ARC_OK;
        }
        const int other = residual_of(w, &w->g->node[next], l.node->output[0]);
        if (other < 0 || residual_done || !arc_node_is(l.node, ARC_KIND_CONV))
            return ARC_OK;
        if (arc_rewrite_set_input(w, l.node, ARC_CONV_RESIDUAL, other) != ARC_OK)
            return ARC_ENOMEM;
        residual_done = true;
        if (w->user[other] == next && other < w->values)
            w->user[other] = next;
        index = arc_rewrite_take_over(w, index, next);
    }
    return ARC_OK;
}

arc_status arc_fuse_epilogues(arc_rewrite *w, arc_error *err) {
    (void)err;
    for (int i = 0; i < w->g->nodes; i++) {
        if (w->dead[i] || arc_node_attr(&w->g->node[i], "arc.act"))
            continue;
        const arc_status st = fuse_behind(w, i);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}
