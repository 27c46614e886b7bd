/* plan: parameters, multiply-accumulates and bytes of weights, counted as the field counts them. */
#include "plan/cost.h"
#include "plan/plan.h"
#include <string.h>

static void count_node(const arc_graph *g, const arc_node *n, bool *seen, arc_graph_cost *out) {
    const arc_op *op = n->entry;
    for (int i = 0; op && i < n->inputs; i++) {
        const int v = n->input[i];
        const bool weight = i < ARC_INPUT_BITS && op->weight_inputs & ARC_INPUT(i);
        const bool statistic = i < ARC_INPUT_BITS && op->statistic_inputs & ARC_INPUT(i);
        if (v < 0 || !g->value[v].data || seen[v] || !(weight || statistic))
            continue;
        const int64_t count = ARC_MAX(arc_shape_count(&g->value[v].shape), (int64_t)0);
        if (op->number_is_setting && count <= 1)
            continue;
        *(weight ? &out->parameters : &out->running_statistics) += count;
        seen[v] = true;
    }
}

/* Makes a plan for its shapes alone: nothing is packed and nothing can be run. */
static arc_status count_macs(const arc_graph *g, const arc_shape *input_shape, int64_t *macs, arc_error *err) {
    const arc_execution host = {.device = &arc_device_cpu, .alloc = g->alloc, .kernels = arc_kernels_of(ARC_ISA_GENERIC)};
    const arc_plan_request request = {.x = &host, .graph = g, .input_shape = input_shape, .infer_only = true};
    arc_plan *plan = NULL;
    const arc_status st = arc_plan_new(&plan, &request, err);
    if (st == ARC_OK)
        *macs = plan->macs;
    arc_plan_free(&plan);
    return st;
}

arc_status arc_graph_cost_of(const arc_graph *g, const arc_shape *input_shape, arc_graph_cost *out, arc_error *err) {
    memset(out, 0, sizeof *out);
    bool *seen = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *seen);
    if (!seen)
        return arc_fail_nomem(err, "counting parameters");
    for (int i = 0; i < g->nodes; i++)
        count_node(g, &g->node[i], seen, out);
    arc_mem_free(g->alloc, seen);
    for (int v = 0; v < g->values; v++)
        out->weight_bytes += g->value[v].data ? (int64_t)g->value[v].data_bytes : 0;
    out->nodes = g->nodes;
    return count_macs(g, input_shape, &out->macs, err);
}
