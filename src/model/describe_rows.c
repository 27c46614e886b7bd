/* model: shapes and multiply-accumulates of every layer as the file has it, before fusion. It plans a view of the graph in
 * which the first result of each node is an output, so that all shapes are known. */
#include "model/describe_internal.h"
#include "plan/plan.h"

static arc_shape shape_of(const arc_graph *g, const arc_plan *plan, const int *row_of, const arc_shape *input, int value) {
    if (value < 0)
        return (arc_shape){.rank = -1};
    if (row_of[value] >= 0)
        return plan->output[row_of[value]].shape;
    return g->value[value].data ? g->value[value].shape : value == g->input[0] ? *input : (arc_shape){.rank = -1};
}

static void fill_rows(const arc_graph *g, const arc_plan *plan, const int *row_of, const arc_shape *input,
                      arc_describe_row *rows) {
    for (int i = 0; i < g->nodes; i++) {
        const arc_node *n = &g->node[i];
        rows[i].out = shape_of(g, plan, row_of, input, n->outputs > 0 ? n->output[0] : ARC_NO_VALUE);
        if (n->inputs > 1) {
            const arc_shape a = shape_of(g, plan, row_of, input, n->input[0]), b = shape_of(g, plan, row_of, input, n->input[1]);
            rows[i].macs = arc_op_macs(n->entry, &a, &b, &rows[i].out);
        }
    }
}

arc_status arc_describe_rows(arc_context *ctx, const arc_model *m, arc_describe_row **out, arc_error *err) {
    arc_status st;
    const arc_graph *g = m->graph;
    const arc_shape one = arc_model_report_shape(m), input[2] = {one, arc_model_points_shape(m, one.dim[0])};
    arc_plan *plan = NULL;
    arc_describe_row *rows = arc_mem_new(&ctx->alloc, (size_t)g->nodes + 1, sizeof *rows);
    int *results = arc_mem_new(&ctx->alloc, (size_t)g->nodes + 1, sizeof *results);
    int *row_of = arc_mem_raw(&ctx->alloc, (size_t)g->values + 1, sizeof *row_of);
    *out = NULL;
    if (!rows || !results || !row_of) {
        st = arc_fail_nomem(err, "the description");
        goto done;
    }
    arc_graph view = *g;
    view.output = results;
    view.outputs = 0;
    for (int v = 0; v < g->values; v++)
        row_of[v] = -1;
    for (int i = 0; i < g->nodes; i++)
        if (g->node[i].outputs > 0 && g->node[i].output[0] >= 0) {
            row_of[g->node[i].output[0]] = view.outputs;
            results[view.outputs++] = g->node[i].output[0];
        }
    const arc_execution x = arc_execution_of(ctx);
    const arc_plan_request request = {.x = &x, .graph = &view, .input_shape = input, .infer_only = true};
    ARC_TRY(arc_plan_new(&plan, &request, err));
    fill_rows(g, plan, row_of, input, rows);
    *out = rows;
    rows = NULL;
done:
    arc_plan_free(&plan);
    arc_mem_free(&ctx->alloc, row_of);
    arc_mem_free(&ctx->alloc, results);
    arc_mem_free(&ctx->alloc, rows);
    return st;
}
