/* learn: a graph of its own with the weights and statistics that a learner has now. */
#include "learn/learner_internal.h"
#include <string.h>

static const void *data_of(const arc_learner *l, int value) {
    const int owner = l->owner[value];
    if (owner > 0)
        return l->parameter[owner - 1].value;
    return owner < 0 ? l->statistic[-owner - 1].value : l->graph->value[value].data;
}

static arc_status copy_values(const arc_learner *l, arc_graph *to) {
    const arc_graph *from = l->graph;
    for (int i = 0; i < from->values; i++) {
        const arc_value *v = &from->value[i];
        const int own =
            v->data ? arc_graph_constant(to, v->name, v->dtype, &v->shape, data_of(l, i), true) : arc_graph_value(to, v->name);
        if (own != i)
            return ARC_ENOMEM;
        to->value[own].dtype = v->dtype;
        to->value[own].shape = v->shape;
        for (int d = 0; d < ARC_MAX_RANK; d++)
            if (v->symbol[d] && !(to->value[own].symbol[d] = arc_arena_strdup(&to->arena, v->symbol[d])))
                return ARC_ENOMEM;
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

static arc_status copy_attr(arc_graph *to, arc_node *n, const arc_attr *a) {
    switch (a->kind) {
    case ARC_ATTR_INT:
        return arc_node_int(to, n, a->name, a->i);
    case ARC_ATTR_FLOAT:
        return arc_node_float(to, n, a->name, a->f);
    case ARC_ATTR_STRING:
        return arc_node_string(to, n, a->name, a->s);
    case ARC_ATTR_INTS:
        return arc_node_ints(to, n, a->name, a->count, a->ints);
    case ARC_ATTR_FLOATS:
        return arc_node_floats(to, n, a->name, a->count, a->floats);
    case ARC_ATTR_TENSOR:
        return arc_node_tensor(to, n, a->name, a->value);
    }
    return ARC_EINVAL;
}

static arc_status copy_nodes(arc_graph *to, const arc_graph *from) {
    for (int i = 0; i < from->nodes; i++) {
        const arc_node *n = &from->node[i];
        arc_node *own = arc_graph_node(to, n->op, n->name, n->inputs, n->input, n->outputs, n->output);
        if (!own)
            return ARC_ENOMEM;
        for (int k = 0; k < n->attrs; k++) {
            const arc_status st = copy_attr(to, own, &n->attr[k]);
            if (st != ARC_OK)
                return st;
        }
    }
    return ARC_OK;
}

/* All but a self-test, which held for the weights of before. */
static arc_status copy_meta(arc_graph *to, const arc_graph *from) {
    for (int i = 0; i < from->metas; i++) {
        if (strncmp(from->meta[i].key, "arcface.selftest", 16) == 0)
            continue;
        const arc_status st = arc_graph_set_meta(to, from->meta[i].key, from->meta[i].value);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

arc_status arc_learn_copy_graph(const arc_learner *l, arc_graph **out, arc_error *err) {
    const arc_graph *from = l->graph;
    arc_graph *to = NULL;
    *out = NULL;
    arc_status st = arc_graph_new(&to, &l->ctx->alloc, from->opset, err);
    if (st != ARC_OK)
        return st;
    to->ir_version = from->ir_version;
    to->name = arc_arena_strdup(&to->arena, from->name);
    to->producer = arc_arena_strdup(&to->arena, from->producer);
    st = to->name && to->producer ? copy_values(l, to) : ARC_ENOMEM;
    if (st == ARC_OK)
        st = copy_nodes(to, from);
    if (st == ARC_OK)
        st = copy_meta(to, from);
    if (st == ARC_ENOMEM)
        arc_fail_nomem(err, "a copy of the network");
    if (st == ARC_OK)
        st = arc_graph_check(to, err);
    if (st != ARC_OK)
        arc_graph_free(&to);
    *out = to;
    return st;
}
