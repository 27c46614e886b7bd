/* What follows from the sizes of the picture, as constants: chains of Shape, Gather, Concat and the like that give sizes to
 * Reshape, Resize and Expand are known once the batch is, and toolchains that cannot compute them need not. */
#include "deploy/deploy.h"
#include "op/op.h"
#include "plan/plan.h"

/* Values that only shapes and constants decide, some shape among them. */
static void mark(const arc_graph *g, const arc_tensor *known, bool *follows) {
    for (int i = 0; i < g->nodes; i++) {
        const arc_node *n = &g->node[i];
        bool any = n->entry && n->entry->shape_query;
        for (int k = 0; k < n->inputs; k++)
            any |= n->input[k] >= 0 && follows[n->input[k]];
        for (int k = 0; any && k < n->outputs; k++)
            if (n->output[k] >= 0)
                follows[n->output[k]] = known[n->output[k]].data != NULL;
    }
}

/* Those that a node reads which itself depends on pixels. */
static arc_status put(arc_deploy_writer *w, const arc_tensor *known, const bool *follows) {
    const arc_graph *g = w->from;
    for (int i = 0; i < g->nodes; i++) {
        const arc_node *n = &g->node[i];
        if (n->outputs > 0 && n->output[0] >= 0 && follows[n->output[0]])
            continue;
        for (int k = 0; k < n->inputs; k++) {
            const int v = n->input[k], source = v >= 0 ? arc_deploy_source(g, v) : ARC_NO_VALUE;
            char name[ARC_DEPLOY_NAME_BYTES];
            if (v < 0 || !follows[v] || w->as[source] >= 0)
                continue;
            arc_deploy_free_name(w, g->value[source].name, name);
            w->as[source] = arc_graph_constant(w->g, name, known[v].dtype, &known[v].shape, known[v].data, true);
            if (w->as[source] < 0)
                return ARC_ENOMEM;
        }
    }
    return ARC_OK;
}

arc_status arc_deploy_fix(arc_deploy_writer *w, const arc_shape *input, arc_error *err) {
    const arc_graph *g = w->from;
    arc_plan *plan = NULL;
    arc_tensor *known = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *known);
    bool *follows = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *follows);
    arc_status st = known && follows ? arc_plan_infer(&plan, g, input, known, NULL, err) : ARC_ENOMEM;
    if (st == ARC_OK) {
        mark(g, known, follows);
        st = put(w, known, follows);
    } else if (st != ARC_ENOMEM) {
        st = ARC_OK; /* shapes that forbid this batch are told where the export is run */
    }
    arc_plan_free(&plan);
    arc_mem_free(g->alloc, known);
    arc_mem_free(g->alloc, follows);
    return st;
}
