/* op: what a graph from outside must hold before anything else looks at it, each node's entry in the operator table, and the
 * topological order. */
#include "graph/graph.h"
#include "op/op.h"
#include <stdio.h>
#include <string.h>

#define NODE_TEXT 360

/* "Conv 'conv1'", by its first output when it has no name. */
static const char *node_text(const arc_graph *g, const arc_node *n, char text[NODE_TEXT]) {
    const char *name = n->name;
    for (int i = 0; i < n->outputs && !*name; i++)
        if (n->output[i] >= 0 && n->output[i] < g->values)
            name = g->value[n->output[i]].name;
    snprintf(text, NODE_TEXT, "%.100s '%.200s'", n->op, name);
    return text;
}

static arc_status check_constant(const arc_value *v, arc_error *err) {
    const int64_t count = arc_shape_count(&v->shape);
    char text[160];
    if (count < 0)
        return arc_fail(err, ARC_ELIMIT, "initializer '%.200s' has the impossible shape %s", v->name,
                        arc_shape_text(&v->shape, text, sizeof text));
    const size_t each = arc_dtype_bytes(v->dtype);
    if (each == 0)
        return arc_fail(err, ARC_EUNSUPPORTED, "initializer '%.200s' has an unsupported element type", v->name);
    if (v->data_bytes != (size_t)count * each)
        return arc_fail(err, ARC_ECORRUPT, "initializer '%.200s' of shape %s needs %zu bytes and has %zu", v->name,
                        arc_shape_text(&v->shape, text, sizeof text), (size_t)count * each, v->data_bytes);
    return ARC_OK;
}

/* Every output has one producer, and it is this node. */
static arc_status claim_outputs(arc_graph *g, int index, arc_error *err) {
    const arc_node *n = &g->node[index];
    char text[NODE_TEXT];
    for (int i = 0; i < n->outputs; i++) {
        const int o = n->output[i];
        if (o == ARC_NO_VALUE)
            continue;
        if (o < 0 || o >= g->values)
            return arc_fail(err, ARC_EFORMAT, "%s names an output that is not there", node_text(g, n, text));
        arc_value *v = &g->value[o];
        if (v->producer >= 0 || v->data || v->is_input)
            return arc_fail(err, ARC_EFORMAT, "output '%.100s' of %s is also given by another node, input or initializer",
                            v->name, node_text(g, n, text));
        v->producer = index;
    }
    return ARC_OK;
}

static arc_status infer_unknown(arc_infer *in) {
    return arc_op_fail(in, ARC_EUNSUPPORTED, "the operator is not supported");
}

static const arc_op unknown = {.name = "?", .infer = infer_unknown};

static arc_status check_node(const arc_graph *g, arc_node *n, arc_error *err) {
    char text[NODE_TEXT];
    n->entry = arc_op_find(n->op);
    const bool known = n->entry && !n->entry->made_by_passes;
    if (!known && g->keeps_unknown) {
        n->entry = &unknown;
    } else if (!known) {
        const bool called = *n->name || n->outputs == 0 || n->output[0] < 0; /* a node without a name is known by its output */
        return arc_fail(err, ARC_EUNSUPPORTED, "operator '%.100s' of node '%.200s' (opset %d) is not supported", n->op,
                        called ? n->name : g->value[n->output[0]].name, g->opset);
    }
    if (n->inputs > ARC_OP_MAX_IO || n->outputs > ARC_OP_MAX_IO)
        return arc_fail(err, ARC_ELIMIT, "%s has %d inputs and %d outputs, at most %d of each are supported",
                        node_text(g, n, text), n->inputs, n->outputs, ARC_OP_MAX_IO);
    for (int i = 0; i < n->inputs; i++) {
        const int v = n->input[i];
        if (v == ARC_NO_VALUE)
            continue;
        if (v < 0 || v >= g->values)
            return arc_fail(err, ARC_EFORMAT, "%s names an input that is not there", node_text(g, n, text));
        if (g->value[v].producer < 0 && !g->value[v].data && !g->value[v].is_input)
            return arc_fail(err, ARC_EFORMAT, "input '%.100s' of %s is given by no node, input or initializer", g->value[v].name,
                            node_text(g, n, text));
    }
    return ARC_OK;
}

/* Attributes that are tensors name a value with data. */
static arc_status check_attributes(const arc_graph *g, const arc_node *n, arc_error *err) {
    char text[NODE_TEXT];
    for (int i = 0; i < n->attrs; i++) {
        const arc_attr *a = &n->attr[i];
        if (a->kind == ARC_ATTR_TENSOR && (a->value < 0 || a->value >= g->values || !g->value[a->value].data))
            return arc_fail(err, ARC_EFORMAT, "attribute '%.100s' of %s holds no tensor", a->name, node_text(g, n, text));
    }
    return ARC_OK;
}

/* An input is declared once and is not an initializer. */
static arc_status check_inputs(const arc_graph *g, arc_error *err) {
    bool *seen = arc_mem_new(g->alloc, (size_t)g->values, sizeof *seen);
    if (!seen)
        return arc_fail_nomem(err, "checking a graph");
    int bad = ARC_NO_VALUE;
    for (int i = 0; i < g->inputs && bad < 0; i++) {
        const int v = g->input[i];
        if (seen[v] || g->value[v].data)
            bad = v;
        seen[v] = true;
    }
    arc_mem_free(g->alloc, seen);
    return bad < 0 ? ARC_OK : arc_fail(err, ARC_EFORMAT, "graph input '%.200s' is given twice", g->value[bad].name);
}

typedef struct visit {
    int node, next_input;
} visit;

/* Depth-first from `root`: producers before users. order[*sorted...] is filled; state: 0 new, 1 on the stack, 2 done. */
static arc_status visit_from(const arc_graph *g, int root, uint8_t *state, visit *stack, int *order, int *sorted,
                             arc_error *err) {
    char text[NODE_TEXT];
    int depth = 0;
    if (state[root])
        return ARC_OK;
    stack[depth++] = (visit){root, 0};
    state[root] = 1;
    while (depth > 0) {
        visit *top = &stack[depth - 1];
        const arc_node *n = &g->node[top->node];
        if (top->next_input == n->inputs) {
            state[top->node] = 2;
            order[(*sorted)++] = top->node;
            depth--;
            continue;
        }
        const int v = n->input[top->next_input++];
        const int producer = v >= 0 ? g->value[v].producer : ARC_NO_VALUE;
        if (producer < 0 || state[producer] == 2)
            continue;
        if (state[producer] == 1)
            return arc_fail(err, ARC_EFORMAT, "the graph has a cycle through %s", node_text(g, &g->node[producer], text));
        state[producer] = 1;
        stack[depth++] = (visit){producer, 0};
    }
    return ARC_OK;
}

static void reorder(arc_graph *g, const int *order, arc_node *sorted) {
    for (int i = 0; i < g->nodes; i++)
        sorted[i] = g->node[order[i]];
    memcpy(g->node, sorted, (size_t)g->nodes * sizeof *sorted);
    for (int i = 0; i < g->nodes; i++)
        for (int o = 0; o < g->node[i].outputs; o++)
            if (g->node[i].output[o] >= 0)
                g->value[g->node[i].output[o]].producer = i;
}

/* A graph that is in topological order keeps its order. */
static arc_status sort_nodes(arc_graph *g, arc_error *err) {
    const size_t count = (size_t)g->nodes;
    arc_status st = ARC_OK;
    if (count == 0)
        return ARC_OK;
    uint8_t *state = arc_mem_new(g->alloc, count, 1);
    visit *stack = arc_mem_new(g->alloc, count, sizeof *stack);
    int *order = arc_mem_new(g->alloc, count, sizeof *order);
    arc_node *sorted_nodes = arc_mem_new(g->alloc, count, sizeof *sorted_nodes);
    int sorted = 0;
    if (!state || !stack || !order || !sorted_nodes)
        st = arc_fail_nomem(err, "sorting a graph");
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        st = visit_from(g, i, state, stack, order, &sorted, err);
    if (st == ARC_OK)
        reorder(g, order, sorted_nodes);
    arc_mem_free(g->alloc, state);
    arc_mem_free(g->alloc, stack);
    arc_mem_free(g->alloc, order);
    arc_mem_free(g->alloc, sorted_nodes);
    return st;
}

arc_status arc_graph_check(arc_graph *g, arc_error *err) {
    arc_status st = ARC_OK;
    for (int v = 0; v < g->values; v++) {
        g->value[v].producer = ARC_NO_VALUE;
        if (g->value[v].data)
            ARC_TRY(check_constant(&g->value[v], err));
    }
    ARC_TRY(check_inputs(g, err));
    for (int i = 0; i < g->nodes; i++)
        ARC_TRY(claim_outputs(g, i, err));
    for (int i = 0; i < g->nodes; i++) {
        ARC_TRY(check_node(g, &g->node[i], err));
        ARC_TRY(check_attributes(g, &g->node[i], err));
    }
    if (g->outputs == 0)
        ARC_TRY(arc_fail(err, ARC_EFORMAT, "the graph has no outputs"));
    for (int i = 0; i < g->outputs; i++) {
        const arc_value *v = &g->value[g->output[i]];
        if (v->producer < 0 && !v->data && !v->is_input)
            ARC_TRY(arc_fail(err, ARC_EFORMAT, "graph output '%.200s' is given by no node", v->name));
    }
    ARC_TRY(sort_nodes(g, err));
done:
    return st;
}
