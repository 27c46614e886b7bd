/* pass: what stands behind a MatMul with constant weights becomes its epilogue: a factor and a bias a column, then an activation
 * or a residual. Such a node has Gemm's extra inputs (op/op.h). */
#include "pass/rewrite.h"
#include <math.h>
#include <string.h>

/* Columns of the constant matrix that the MatMul multiplies by, 0 when it is none of rank 2. */
static int64_t columns_of(const arc_rewrite *w, const arc_node *n) {
    if (!arc_node_is(n, ARC_KIND_MATMUL) || n->inputs < 2 || n->input[0] < 0 || n->outputs != 1 || !arc_rewrite_floats(w, n, 1))
        return 0;
    const arc_value *v = &w->g->value[n->input[1]];
    return v->is_input || v->shape.rank != 2 || n->input[0] == n->input[1] || w->g->value[n->input[0]].data ? 0 : v->shape.dim[1];
}

/* Constant floats of `next` beside `value` that are one number, or one a column; *count tells which. */
static const float *column_constant(const arc_rewrite *w, const arc_node *next, int value, int64_t columns, int64_t *count) {
    if (next->inputs != 2 || next->input[0] == next->input[1])
        return NULL;
    const int i = next->input[0] == value;
    const float *data = arc_rewrite_floats(w, next, i);
    if (!data || w->g->value[next->input[i]].is_input || w->g->value[next->input[i]].shape.rank > 1)
        return NULL;
    *count = arc_shape_count(&w->g->value[next->input[i]].shape);
    return *count == 1 || *count == columns ? data : NULL;
}

/* The floats of input i as a constant of the node's own, to be changed; `fallback` where there were none. */
static arc_status own_floats(arc_rewrite *w, arc_node *n, int i, int64_t count, float fallback, float **data) {
    const float *old = arc_rewrite_floats(w, n, i);
    const arc_status st = arc_rewrite_new_floats(w, n, i, count, data);
    for (int64_t k = 0; st == ARC_OK && k < count; k++)
        (*data)[k] = old ? old[k] : fallback;
    return st;
}

static arc_status fold_columns(arc_rewrite *w, arc_node *n, bool add, int64_t columns, const float *c, int64_t count) {
    float *bias, *factor;
    const bool has_bias = arc_rewrite_floats(w, n, 2) != NULL;
    if ((add || has_bias) && own_floats(w, n, 2, columns, 0, &bias) != ARC_OK)
        return ARC_ENOMEM;
    if (!add && own_floats(w, n, ARC_CONV_OUT_SCALE, columns, 1, &factor) != ARC_OK)
        return ARC_ENOMEM;
    for (int64_t j = 0; j < columns; j++) {
        const float v = c[count == 1 ? 0 : j];
        if (add)
            bias[j] += v;
        if (!add)
            factor[j] *= v;
        if (!add && has_bias)
            bias[j] *= v;
    }
    return ARC_OK;
}

static arc_status fuse_activation(arc_rewrite *w, arc_node *n, const arc_node *next, bool *fused) {
    const char *act = NULL;
    if (arc_node_is(next, ARC_KIND_RELU))
        act = "relu";
    else if (arc_node_is(next, ARC_KIND_GELU))
        act = strcmp(arc_attr_string(next, "approximate", "none"), "tanh") == 0 ? "gelu_tanh" : "gelu";
    *fused = act != NULL;
    return act ? arc_node_string(w->g, n, "arc.act", act) : ARC_OK;
}

/* A value that is added to the product: its shape is looked at when the network is planned. */
static int residual_of(const arc_rewrite *w, const arc_node *add, int own) {
    if (!arc_node_is(add, ARC_KIND_ADD) || add->inputs != 2)
        return ARC_NO_VALUE;
    const int other = add->input[add->input[0] == own];
    return other >= 0 && other != own && !w->g->value[other].data ? other : ARC_NO_VALUE;
}

static arc_status fuse_behind(arc_rewrite *w, int index) {
    for (;;) {
        arc_node *n = &w->g->node[index];
        const int64_t columns = columns_of(w, n);
        const int next_index = columns > 0 ? arc_rewrite_only_user(w, n->output[0]) : ARC_NO_VALUE;
        if (next_index < 0 || w->dead[next_index] || w->g->node[next_index].outputs != 1)
            return ARC_OK;
        const arc_node *next = &w->g->node[next_index];
        const bool add = arc_node_is(next, ARC_KIND_ADD);
        int64_t count = 0;
        const float *c = add || arc_node_is(next, ARC_KIND_MUL) ? column_constant(w, next, n->output[0], columns, &count) : NULL;
        if (c) {
            if (fold_columns(w, n, add, columns, c, count) != ARC_OK)
                return ARC_ENOMEM;
            index = arc_rewrite_take_over(w, index, next_index);
            continue;
        }
        bool fused;
        if (fuse_activation(w, n, next, &fused) != ARC_OK)
            return ARC_ENOMEM;
        const int other = fused ? ARC_NO_VALUE : residual_of(w, next, n->output[0]);
        if (!fused && other < 0)
            return ARC_OK;
        if (!fused && arc_rewrite_set_input(w, n, ARC_CONV_RESIDUAL, other) != ARC_OK)
            return ARC_ENOMEM;
        arc_rewrite_take_over(w, index, next_index);
        return ARC_OK;
    }
}

arc_status arc_fuse_matmul(arc_rewrite *w, arc_error *err) {
    (void)err;
    arc_rewrite_recount(w);
    for (int i = 0; i < w->g->nodes; i++)
        if (!w->dead[i] && !arc_node_attr(&w->g->node[i], "arc.act") && w->g->node[i].inputs == 2)
            if (fuse_behind(w, i) != ARC_OK)
                return ARC_ENOMEM;
    return ARC_OK;
}
