/* Nodes that take the place of one that a file holds. */
#include "format/onnx/swap.h"
#include <string.h>

int arc_swap_input(const arc_swap *w, int i) {
    return i < w->from.inputs ? w->from.input[i] : ARC_NO_VALUE;
}

int arc_swap_output(const arc_swap *w, int i) {
    return i < w->from.outputs ? w->from.output[i] : ARC_NO_VALUE;
}

int arc_swap_value(arc_swap *w) {
    char *name = arc_arena_printf(&w->g->arena, "%s#%d", w->base, w->g->values);
    const int v = name && arc_graph_find(w->g, name) < 0 ? arc_graph_value(w->g, name) : ARC_NO_VALUE;
    w->failed |= v < 0;
    return v;
}

int arc_swap_put(arc_swap *w, const char *op, int inputs, const int *in, int out) {
    while (inputs > 0 && in[inputs - 1] < 0)
        inputs--;
    if (out < 0)
        out = arc_swap_value(w);
    w->last = w->failed ? NULL : arc_graph_node(w->g, op, w->from.name, inputs, in, 1, &out);
    w->failed |= !w->last;
    return out;
}

void arc_swap_int(arc_swap *w, const char *name, int64_t v) {
    w->failed |= w->failed || arc_node_int(w->g, w->last, name, v) != ARC_OK;
}

static void copy_attr(arc_swap *w, const arc_attr *a, const char *name) {
    if (w->failed)
        return;
    arc_status st = ARC_OK;
    switch (a->kind) {
    case ARC_ATTR_INT:
        st = arc_node_int(w->g, w->last, name, a->i);
        break;
    case ARC_ATTR_FLOAT:
        st = arc_node_float(w->g, w->last, name, a->f);
        break;
    case ARC_ATTR_STRING:
        st = arc_node_string(w->g, w->last, name, a->s);
        break;
    case ARC_ATTR_INTS:
        st = arc_node_ints(w->g, w->last, name, a->count, a->ints);
        break;
    case ARC_ATTR_FLOATS:
        st = arc_node_floats(w->g, w->last, name, a->count, a->floats);
        break;
    case ARC_ATTR_TENSOR:
        st = arc_node_tensor(w->g, w->last, name, a->value);
        break;
    }
    w->failed |= st != ARC_OK;
}

void arc_swap_copy_attrs(arc_swap *w, const char *const *but) {
    for (int i = 0; i < w->from.attrs; i++) {
        bool leave = false;
        for (const char *const *b = but; b && *b; b++)
            leave |= strcmp(*b, w->from.attr[i].name) == 0;
        if (!leave)
            copy_attr(w, &w->from.attr[i], w->from.attr[i].name);
    }
}

const arc_value *arc_swap_constant(const arc_swap *w, int v) {
    return v >= 0 && w->g->value[v].data ? &w->g->value[v] : NULL;
}

int arc_swap_list(arc_swap *w, arc_dtype t, int rank, int64_t count, const void *data) {
    const arc_shape shape = {rank, {count}};
    char *name = w->failed ? NULL : arc_arena_printf(&w->g->arena, "%s.list#%d", w->base, w->g->values);
    const int v = name ? arc_graph_constant(w->g, name, t, &shape, data, true) : ARC_NO_VALUE;
    w->failed |= v < 0;
    return v;
}

int arc_swap_expand(arc_swap *w, const char *op, int x, int64_t axis, int out) {
    const bool listed = w->g->opset < 13;
    const int in[2] = {x, listed ? ARC_NO_VALUE : arc_swap_list(w, ARC_I64, 1, 1, &axis)};
    const int y = arc_swap_put(w, op, 2, in, out);
    if (listed && !w->failed)
        w->failed |= arc_node_ints(w->g, w->last, "axes", 1, &axis) != ARC_OK;
    return y;
}

/* ---- channels last ---- */

static const int64_t to_front[4] = {0, 3, 1, 2}, to_back[4] = {0, 2, 3, 1};

static int turned(arc_swap *w, int x, const int64_t *perm, int out) {
    const int y = arc_swap_put(w, "Transpose", 1, &x, out);
    w->failed |= w->failed || arc_node_ints(w->g, w->last, "perm", 4, perm) != ARC_OK;
    return y;
}

int arc_swap_planes(arc_swap *w, int x) {
    return x >= 0 && x < w->values && w->planes[x] > 0 ? w->planes[x] - 1 : turned(w, x, to_front, ARC_NO_VALUE);
}

void arc_swap_rows(arc_swap *w, int y, int out) {
    (void)turned(w, y, to_back, out);
    if (out >= 0 && out < w->values)
        w->planes[out] = y + 1;
}

void arc_swap_note_transpose(const arc_swap *w, arc_node *n) {
    const arc_attr *perm = arc_node_attr(n, "perm");
    if (n->inputs != 1 || n->outputs != 1 || n->input[0] < 0 || n->output[0] < 0 || n->input[0] >= w->values ||
        n->output[0] >= w->values || !perm || perm->kind != ARC_ATTR_INTS || perm->count != 4)
        return;
    if (memcmp(perm->ints, to_back, sizeof to_back) == 0)
        w->planes[n->output[0]] = n->input[0] + 1;
    else if (memcmp(perm->ints, to_front, sizeof to_front) == 0 && w->planes[n->input[0]] > 0) {
        n->op = "Identity";
        n->input[0] = w->planes[n->input[0]] - 1;
        n->attrs = 0;
    }
}
