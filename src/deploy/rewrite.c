/* Copies the nodes that the embedding needs into a new graph with other names at its ends. Constants are shared with the
 * model. */
#include "deploy/deploy.h"
#include <string.h>

static int value_here(arc_deploy_writer *w, int v) {
    v = arc_deploy_source(w->from, v);
    const arc_value *from = &w->from->value[v];
    char name[ARC_DEPLOY_NAME_BYTES];
    if (w->as[v] >= 0 || !from->data)
        return w->as[v];
    arc_deploy_free_name(w, from->name, name);
    return w->as[v] = arc_graph_constant(w->g, name, from->dtype, &from->shape, from->data, false);
}

/* From the outputs, whose producers are marked, back to the input. Nodes are in topological order. */
static void mark_needed(arc_deploy_writer *w) {
    const arc_graph *g = w->from;
    for (int i = g->nodes - 1; i >= 0; i--)
        for (int k = 0; w->needed[i] && k < g->node[i].inputs; k++) {
            const int v = g->node[i].input[k] >= 0 ? arc_deploy_source(g, g->node[i].input[k]) : ARC_NO_VALUE;
            if (v >= 0 && w->as[v] < 0 && g->value[v].producer >= 0)
                w->needed[g->value[v].producer] = true;
        }
}

static arc_status copy_attributes(arc_deploy_writer *w, arc_node *n, const arc_node *from) {
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < from->attrs; i++) {
        const arc_attr *a = &from->attr[i];
        if (arc_deploy_newer_attribute(w->from, from, a) || (strcmp(a->name, "spatial") == 0 && w->g->opset >= 9))
            continue;
        const int value = a->kind == ARC_ATTR_TENSOR ? value_here(w, a->value) : ARC_NO_VALUE;
        st = a->kind == ARC_ATTR_TENSOR && value < 0 ? ARC_ENOMEM : arc_node_copy_attr(w->g, n, a, value);
    }
    return st;
}

static arc_status copy_node(arc_deploy_writer *w, const arc_node *from, arc_error *err) {
    const bool axes = arc_deploy_axes_input(w->from, from);
    const int inputs = axes ? 1 : from->inputs;
    arc_arena scratch;
    arc_arena_init(&scratch, w->g->alloc, 0);
    int *in = arc_arena_new(&scratch, (size_t)inputs + 1, sizeof *in),
        *out = arc_arena_new(&scratch, (size_t)from->outputs + 1, sizeof *out);
    const bool spelt = arc_deploy_spells(w->from, from);
    arc_status st = !in || !out ? ARC_ENOMEM : spelt ? ARC_OK : arc_deploy_classic(w->from, from, err);
    for (int i = 0; st == ARC_OK && i < inputs; i++) {
        in[i] = from->input[i] < 0 ? ARC_NO_VALUE : value_here(w, from->input[i]);
        if (in[i] < 0 && from->input[i] >= 0)
            st = ARC_ENOMEM;
    }
    for (int i = 0; st == ARC_OK && i < from->outputs; i++) {
        const int v = from->output[i];
        out[i] = v < 0          ? ARC_NO_VALUE
                 : w->called[v] ? arc_graph_value(w->g, w->called[v])
                                : arc_deploy_value(w, w->from->value[v].name);
        if (v >= 0 && (w->as[v] = out[i]) < 0)
            st = ARC_ENOMEM;
    }
    if (st == ARC_OK && spelt) {
        st = arc_deploy_spell(w, from, in, out[0]);
        goto done;
    }
    arc_node *n = st == ARC_OK ? arc_graph_node(w->g, from->op, from->name, inputs, in, from->outputs, out) : NULL;
    if (st == ARC_OK)
        st = n ? copy_attributes(w, n, from) : ARC_ENOMEM;
    if (st == ARC_OK && axes) {
        const arc_value *v = &w->from->value[from->input[1]];
        st = arc_node_ints(w->g, n, "axes", (size_t)arc_shape_count(&v->shape), v->data);
    }
done:
    arc_arena_free(&scratch);
    return st;
}

arc_status arc_deploy_nodes(arc_deploy_writer *w, const int *outputs, int count, arc_error *err) {
    const arc_graph *g = w->from;
    for (int i = 0; i < count; i++) {
        const int v = arc_deploy_source(g, outputs[i]);
        if (g->value[v].producer < 0)
            return arc_fail(err, ARC_EUNSUPPORTED, "output '%.200s' is not made by the network", g->value[v].name);
        w->needed[g->value[v].producer] = true;
        if (w->called[v] && arc_graph_value(w->g, w->called[v]) < 0) /* taken before another value gets the name */
            return arc_fail_nomem(err, "an exported network");
    }
    mark_needed(w);
    for (int i = 0; i < g->nodes; i++) {
        const arc_node *n = &g->node[i];
        if (!w->needed[i] || arc_node_is(n, ARC_KIND_IDENTITY) || arc_node_is(n, ARC_KIND_DROPOUT))
            continue;
        const arc_status st = copy_node(w, n, err);
        if (st != ARC_OK)
            return st == ARC_ENOMEM ? arc_fail_nomem(err, "an exported network") : st;
    }
    return ARC_OK;
}
