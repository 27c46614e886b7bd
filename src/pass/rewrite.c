/* pass: the working copy that passes rewrite: who makes and reads a value, new constants, dropping a node; and what Conv,
 * ConvTranspose and Gemm with constant weights have in common. */
#include "pass/rewrite.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

int arc_rewrite_index(const arc_rewrite *w, const arc_node *n) {
    return (int)(n - w->g->node);
}

int arc_rewrite_only_user(const arc_rewrite *w, int value) {
    if (value < 0 || value >= w->values || w->g->value[value].is_output || w->users[value] != 1)
        return ARC_NO_VALUE;
    return w->user[value];
}

int arc_rewrite_next_user(const arc_rewrite *w, int value, int from) {
    for (int i = from + 1; i < w->g->nodes; i++)
        for (int k = 0; !w->dead[i] && k < w->g->node[i].inputs; k++)
            if (w->g->node[i].input[k] == value)
                return i;
    return ARC_NO_VALUE;
}

arc_node *arc_rewrite_producer(const arc_rewrite *w, int value) {
    const int p = value >= 0 ? w->g->value[value].producer : ARC_NO_VALUE;
    return p >= 0 && !w->dead[p] ? &w->g->node[p] : NULL;
}

void arc_rewrite_recount(arc_rewrite *w) {
    memset(w->users, 0, (size_t)w->values * sizeof *w->users);
    for (int i = 0; i < w->g->nodes; i++) {
        if (w->dead[i])
            continue;
        const arc_node *n = &w->g->node[i];
        for (int k = 0; k < n->inputs; k++)
            if (n->input[k] >= 0 && n->input[k] < w->values) {
                w->users[n->input[k]]++;
                w->user[n->input[k]] = i;
            }
        for (int k = 0; k < n->outputs; k++)
            if (n->output[k] >= 0)
                w->g->value[n->output[k]].producer = i;
    }
}

arc_status arc_rewrite_set_input(arc_rewrite *w, arc_node *n, int i, int value) {
    if (i >= n->inputs) {
        int *longer = arc_arena_new(&w->g->arena, (size_t)i + 1, sizeof *longer);
        if (!longer)
            return ARC_ENOMEM;
        for (int k = 0; k <= i; k++)
            longer[k] = k < n->inputs ? n->input[k] : ARC_NO_VALUE;
        n->input = longer;
        n->inputs = i + 1;
    }
    n->input[i] = value;
    return ARC_OK;
}

const float *arc_rewrite_floats(const arc_rewrite *w, const arc_node *n, int i) {
    if (i >= n->inputs || n->input[i] < 0 || w->g->value[n->input[i]].dtype != ARC_F32)
        return NULL;
    return w->g->value[n->input[i]].data;
}

bool arc_rewrite_is_norm(const arc_rewrite *w, const arc_node *n, int64_t channels) {
    bool is = arc_node_is(n, ARC_KIND_BATCH_NORM) && n->inputs == 5 && arc_attr_int(n, "training_mode", 0) == 0 &&
              arc_attr_int(n, "spatial", 1) == 1;
    for (int i = 1; is && i < 5; i++)
        is = arc_rewrite_floats(w, n, i) && arc_shape_count(&w->g->value[n->input[i]].shape) == channels;
    return is;
}

void arc_rewrite_norm(const arc_rewrite *w, const arc_node *norm, int64_t j, double *factor, double *shift) {
    const double variance = (double)arc_rewrite_floats(w, norm, 4)[j] + (double)arc_attr_float(norm, "epsilon", 1e-5f);
    *factor = (double)arc_rewrite_floats(w, norm, 1)[j] / sqrt(variance);
    *shift = (double)arc_rewrite_floats(w, norm, 2)[j] - *factor * (double)arc_rewrite_floats(w, norm, 3)[j];
}

arc_status arc_rewrite_new_floats(arc_rewrite *w, arc_node *n, int i, int64_t count, float **data) {
    char name[48];
    void *fresh = NULL;
    const arc_shape shape = {1, {count}};
    do
        snprintf(name, sizeof name, "arc.folded.%d", w->made++);
    while (arc_graph_find(w->g, name) >= 0);
    const int value = arc_graph_constant_new(w->g, name, ARC_F32, &shape, &fresh);
    *data = fresh;
    return value < 0 ? ARC_ENOMEM : arc_rewrite_set_input(w, n, i, value);
}

void arc_rewrite_bypass(arc_rewrite *w, int index, int value) {
    const int gone = w->g->node[index].output[0];
    w->dead[index] = true;
    for (int i = 0; i < w->g->nodes; i++) {
        arc_node *n = &w->g->node[i];
        for (int k = 0; !w->dead[i] && k < n->inputs; k++)
            if (n->input[k] == gone)
                n->input[k] = value;
    }
    arc_rewrite_recount(w);
}

int arc_rewrite_take_over(arc_rewrite *w, int index, int next) {
    arc_graph *g = w->g;
    const int out = g->node[next].output[0];
    g->node[index].output[0] = out;
    g->node[next] = g->node[index];
    w->dead[index] = true;
    g->value[out].producer = next;
    for (int k = 0; k < g->node[next].inputs; k++)
        if (g->node[next].input[k] >= 0 && g->node[next].input[k] < w->values && w->user[g->node[next].input[k]] == index)
            w->user[g->node[next].input[k]] = next;
    return next;
}

bool arc_linear_of(const arc_rewrite *w, arc_node *n, arc_linear *out) {
    const bool conv = arc_node_is(n, ARC_KIND_CONV), transposed = arc_node_is(n, ARC_KIND_CONV_TRANSPOSE),
               gemm = arc_node_is(n, ARC_KIND_GEMM);
    if (!(conv || transposed || gemm) || n->inputs < 2 || n->input[1] < 0)
        return false;
    const arc_value *v = &w->g->value[n->input[1]];
    const arc_shape *s = &v->shape;
    *out = (arc_linear){.node = n, .weights = arc_rewrite_floats(w, n, 1), .groups = 1, .taps = 1};
    if (!out->weights || v->is_input || arc_shape_count(s) <= 0 || s->rank != (gemm ? 2 : 4))
        return false;
    if (n->inputs > 2 && n->input[2] >= 0 && !arc_rewrite_floats(w, n, 2))
        return false;
    if (gemm) {
        const bool tb = arc_attr_int(n, "transB", 0) != 0;
        out->c_out = s->dim[!tb];
        out->c_in = s->dim[tb];
        out->ws_out = tb ? out->c_in : 1;
        out->ws_in = tb ? 1 : out->c_out;
        const bool plain =
            arc_attr_float(n, "alpha", 1) == 1 && arc_attr_float(n, "beta", 1) == 1 && arc_attr_int(n, "transA", 0) == 0;
        if (n->inputs < 3 || n->input[2] < 0)
            return plain;
        const arc_shape *c = &w->g->value[n->input[2]].shape; /* one row: [N] or [1,N] */
        return plain && c->rank >= 1 && arc_shape_count(c) == out->c_out && c->dim[c->rank - 1] == out->c_out;
    }
    out->groups = arc_attr_int(n, "group", 1);
    out->taps = s->dim[2] * s->dim[3];
    out->ws_tap = 1;
    if (out->groups < 1 || s->dim[0] % out->groups != 0)
        return false;
    out->c_out = transposed ? s->dim[1] * out->groups : s->dim[0];
    out->c_in = transposed ? s->dim[0] : s->dim[1] * out->groups;
    out->ws_out = transposed ? out->taps : s->dim[1] * out->taps;
    out->ws_in = transposed ? s->dim[1] * out->taps : out->taps;
    const char *automatic = arc_attr_string(n, "auto_pad", "NOTSET");
    out->padded = strncmp(automatic, "SAME", 4) == 0;
    const arc_attr *pads = arc_node_attr(n, "pads");
    for (size_t i = 0; pads && pads->kind == ARC_ATTR_INTS && i < pads->count; i++)
        out->padded |= pads->ints[i] != 0;
    return n->inputs < 3 || n->input[2] < 0 || arc_shape_count(&w->g->value[n->input[2]].shape) == out->c_out;
}
