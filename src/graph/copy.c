/* graph: copies. Passes rewrite one that borrows what the source holds, a learner gives out one that stands by itself. */
#include "graph/graph.h"
#include <string.h>

arc_status arc_value_copy_symbols(arc_graph *g, int value, const arc_value *from) {
    for (int d = 0; d < ARC_MAX_RANK; d++) {
        g->value[value].symbol[d] = from->symbol[d] ? arc_arena_strdup(&g->arena, from->symbol[d]) : NULL;
        if (from->symbol[d] && !g->value[value].symbol[d])
            return ARC_ENOMEM;
    }
    return ARC_OK;
}

arc_status arc_node_copy_attr(arc_graph *g, arc_node *n, const arc_attr *a, int value) {
    switch (a->kind) {
    case ARC_ATTR_INT:
        return arc_node_int(g, n, a->name, a->i);
    case ARC_ATTR_FLOAT:
        return arc_node_float(g, n, a->name, a->f);
    case ARC_ATTR_STRING:
        return arc_node_string(g, n, a->name, a->s);
    case ARC_ATTR_INTS:
        return arc_node_ints(g, n, a->name, a->count, a->ints);
    case ARC_ATTR_FLOATS:
        return arc_node_floats(g, n, a->name, a->count, a->floats);
    case ARC_ATTR_TENSOR:
        return arc_node_tensor(g, n, a->name, value);
    }
    return ARC_EINVAL;
}

arc_status arc_graph_copy_meta(arc_graph *to, const arc_graph *from, const char *but) {
    for (int i = 0; i < from->metas; i++) {
        if (but && strncmp(from->meta[i].key, but, strlen(but)) == 0)
            continue;
        const arc_status st = arc_graph_set_meta(to, from->meta[i].key, from->meta[i].value);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

/* ---- values ---------------------------------------------------------------------------------------------------------------- */

static arc_status borrow_value(arc_graph *to, const arc_value *v, int index) {
    if (arc_graph_value(to, v->name) != index)
        return ARC_ENOMEM;
    const char *name = to->value[index].name;
    to->value[index] = *v;
    to->value[index].name = name;
    return ARC_OK;
}

static arc_status own_value(arc_graph *to, const arc_value *v, int index, const arc_graph_copying *how) {
    const void *data = v->data && how->data ? how->data(how->arg, index) : v->data;
    const int own = v->data ? arc_graph_constant(to, v->name, v->dtype, &v->shape, data, true) : arc_graph_value(to, v->name);
    if (own != index)
        return ARC_ENOMEM;
    to->value[index].dtype = v->dtype;
    to->value[index].shape = v->shape;
    return arc_value_copy_symbols(to, index, v);
}

static arc_status copy_ends(arc_graph *to, const arc_graph *from) {
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < from->inputs; i++) {
        const arc_value *v = &from->value[from->input[i]];
        st = arc_graph_add_input(to, from->input[i], v->dtype, &v->shape);
    }
    for (int i = 0; st == ARC_OK && i < from->outputs; i++)
        st = arc_graph_add_output(to, from->output[i]);
    return st;
}

/* ---- nodes ----------------------------------------------------------------------------------------------------------------- */

static arc_status borrow_attrs(arc_graph *to, arc_node *own, const arc_node *n) {
    size_t room = 1; /* attributes grow at powers of two */
    while (room < (size_t)n->attrs)
        room *= 2;
    own->attr = arc_arena_new(&to->arena, room, sizeof *own->attr);
    if (!own->attr)
        return ARC_ENOMEM;
    if (n->attrs)
        memcpy(own->attr, n->attr, (size_t)n->attrs * sizeof *own->attr);
    own->attrs = n->attrs;
    return ARC_OK;
}

static arc_status copy_node(arc_graph *to, const arc_node *n, const arc_graph_copying *how) {
    arc_node *own = arc_graph_node(to, n->op, n->name, n->inputs, n->input, n->outputs, n->output);
    arc_status st = own ? ARC_OK : ARC_ENOMEM;
    if (st == ARC_OK)
        own->entry = n->entry;
    if (st == ARC_OK && how->borrow)
        return borrow_attrs(to, own, n);
    for (int i = 0; st == ARC_OK && i < n->attrs; i++)
        st = arc_node_copy_attr(to, own, &n->attr[i], n->attr[i].value);
    return st;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */

static const char *text_of(arc_graph *to, const char *text, const arc_graph_copying *how, arc_status *st) {
    if (!text || how->borrow)
        return text;
    const char *own = arc_arena_strdup(&to->arena, text);
    *st = own ? *st : ARC_ENOMEM;
    return own;
}

arc_status arc_graph_copy(arc_graph **out, const arc_graph *from, const arc_alloc *a, const arc_graph_copying *how,
                          arc_error *err) {
    arc_graph *to = NULL;
    *out = NULL;
    arc_status st = arc_graph_new(&to, a, from->opset, err);
    if (st != ARC_OK)
        return st;
    to->ir_version = from->ir_version;
    to->name = text_of(to, from->name, how, &st);
    to->producer = text_of(to, from->producer, how, &st);
    for (int v = 0; st == ARC_OK && v < from->values; v++)
        st = how->borrow ? borrow_value(to, &from->value[v], v) : own_value(to, &from->value[v], v, how);
    if (st == ARC_OK)
        st = copy_ends(to, from);
    for (int i = 0; st == ARC_OK && i < from->nodes; i++)
        st = copy_node(to, &from->node[i], how);
    if (st == ARC_OK) {
        *out = to;
        return ARC_OK;
    }
    arc_graph_free(&to);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "a copy of a graph") : st;
}
