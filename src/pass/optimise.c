/* pass: rewriting a private copy of a graph for inference. This file owns the copy and the simplest pass (constants by name, nodes that
 * do nothing); folding and fusing stand in affine.c and fuse.c. Rewriting changes rounding, never meaning. */
#include "pass/rewrite.h"
#include <stdio.h>
#include <string.h>

#define MAX_REWRITTEN_NODES 20000 /* passes are quadratic in the worst case; graphs beyond any real net run as they are */

int arc_rewrite_index(const arc_rewrite *w, const arc_node *n) {
    return (int)(n - w->g->node);
}

int arc_rewrite_only_user(const arc_rewrite *w, int value) {
    if (value < 0 || value >= w->values || w->g->value[value].is_output || w->users[value] != 1)
        return ARC_NO_VALUE;
    return w->user[value];
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

/* ---- the copy ----------------------------------------------------------------------------------------------------------------- */

static arc_status copy_values(arc_graph *to, const arc_graph *from) {
    for (int v = 0; v < from->values; v++) {
        const int own = arc_graph_value(to, from->value[v].name);
        if (own < 0)
            return ARC_ENOMEM;
        const char *name = to->value[own].name;
        to->value[own] = from->value[v];
        to->value[own].name = name;
    }
    for (int i = 0; i < from->inputs; i++) {
        const arc_value *v = &from->value[from->input[i]];
        const arc_status st = arc_graph_add_input(to, from->input[i], v->dtype, &v->shape);
        if (st != ARC_OK)
            return st;
    }
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < from->outputs; i++)
        st = arc_graph_add_output(to, from->output[i]);
    return st;
}

static arc_status copy_nodes(arc_graph *to, const arc_graph *from) {
    for (int i = 0; i < from->nodes; i++) {
        const arc_node *n = &from->node[i];
        arc_node *own = arc_graph_node(to, n->op, n->name, n->inputs, n->input, n->outputs, n->output);
        size_t room = 1; /* attributes grow at powers of two */
        while (room < (size_t)n->attrs)
            room *= 2;
        arc_attr *attr = own ? arc_arena_new(&to->arena, room, sizeof *attr) : NULL;
        if (!attr)
            return ARC_ENOMEM;
        if (n->attrs)
            memcpy(attr, n->attr, (size_t)n->attrs * sizeof *attr);
        own->entry = n->entry;
        own->attr = attr;
        own->attrs = n->attrs;
    }
    return ARC_OK;
}

static bool does_nothing(const arc_rewrite *w, const arc_node *n) {
    if (!arc_node_is(n, ARC_KIND_IDENTITY) && !arc_node_is(n, ARC_KIND_DROPOUT))
        return false;
    if (n->inputs < 1 || n->input[0] < 0 || n->outputs < 1 || n->output[0] < 0 || w->g->value[n->output[0]].is_output)
        return false;
    for (int i = 1; i < n->outputs; i++)
        if (n->output[i] >= 0 && (w->users[n->output[i]] > 0 || w->g->value[n->output[i]].is_output))
            return false;
    return true;
}

static void simplify(arc_rewrite *w) {
    arc_graph *g = w->g;
    for (int i = 0; i < g->nodes; i++) {
        arc_node *n = &g->node[i];
        const arc_attr *tensor = arc_node_is(n, ARC_KIND_CONSTANT) ? arc_node_attr(n, "value") : NULL;
        if (tensor && tensor->kind == ARC_ATTR_TENSOR && n->outputs == 1 && n->output[0] >= 0) {
            arc_value *v = &g->value[n->output[0]];
            const arc_value *from = &g->value[tensor->value];
            v->dtype = from->dtype;
            v->shape = from->shape;
            v->data = from->data;
            v->data_bytes = from->data_bytes;
            v->producer = ARC_NO_VALUE;
            w->dead[i] = true;
        } else if (does_nothing(w, n)) {
            arc_rewrite_bypass(w, i, n->input[0]);
        }
    }
    arc_rewrite_recount(w);
}

static void remove_dead(arc_rewrite *w) {
    int kept = 0;
    for (int i = 0; i < w->g->nodes; i++)
        if (!w->dead[i])
            w->g->node[kept++] = w->g->node[i];
    w->g->nodes = kept;
}

arc_status arc_graph_optimise(const arc_graph *g, arc_graph **out, arc_error *err) {
    *out = NULL;
    arc_rewrite w = {.map = &g->map, .values = g->values};
    arc_status st = ARC_OK;
    ARC_TRY(arc_graph_new(&w.g, g->alloc, g->opset, err));
    w.dead = arc_mem_new(g->alloc, (size_t)g->nodes + 1, sizeof *w.dead);
    w.users = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *w.users);
    w.user = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *w.user);
    if (!w.dead || !w.users || !w.user)
        ARC_TRY(ARC_ENOMEM);
    ARC_TRY(copy_values(w.g, g));
    ARC_TRY(copy_nodes(w.g, g));
    if (g->nodes <= MAX_REWRITTEN_NODES) {
        arc_rewrite_recount(&w);
        simplify(&w);
        ARC_TRY(arc_fuse_codes(&w, err));
        ARC_TRY(arc_fold_affine(&w, err));
        ARC_TRY(arc_fuse_epilogues(&w, err));
        remove_dead(&w);
    }
done:
    arc_mem_free(g->alloc, w.dead);
    arc_mem_free(g->alloc, w.users);
    arc_mem_free(g->alloc, w.user);
    if (st == ARC_OK) {
        *out = w.g;
        return ARC_OK;
    }
    arc_graph_free(&w.g);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "optimising the graph") : st;
}
