/* plan: parameters, multiply-accumulates and bytes of weights, counted as the field counts them. */
#include "plan/cost.h"
#include "plan/plan.h"
#include <string.h>

static int64_t count_of(const arc_shape *s) {
    return ARC_MAX(arc_shape_count(s), (int64_t)0);
}

int64_t arc_node_macs(const char *op, const arc_shape *in0, const arc_shape *in1, const arc_shape *out) {
    if (strcmp(op, "Conv") == 0 || strcmp(op, "ConvInteger") == 0 || strcmp(op, "arc.Conv8") == 0)
        return in1->rank > 1 && in1->dim[0] > 0 ? count_of(out) * (count_of(in1) / in1->dim[0]) : 0;
    if (strcmp(op, "ConvTranspose") == 0)
        return in1->rank > 1 && in1->dim[0] > 0 ? count_of(in0) * (count_of(in1) / in1->dim[0]) : 0;
    if (strcmp(op, "Gemm") == 0)
        return in0->rank == 2 && out->rank == 2 && out->dim[0] > 0 ? count_of(in0) / out->dim[0] * count_of(out) : 0;
    if (strcmp(op, "arc.Gemm8") == 0)
        return out->rank == 2 && out->dim[1] > 0 ? count_of(out) * (count_of(in1) / out->dim[1]) : 0;
    if (strcmp(op, "MatMul") == 0 || strcmp(op, "MatMulInteger") == 0)
        return in0->rank > 0 ? count_of(out) * in0->dim[in0->rank - 1] : 0;
    return 0;
}

/* What an operator's constant inputs are to someone who counts parameters. */
static void count_node(const arc_graph *g, const arc_node *n, bool *seen, arc_graph_cost *out) {
    static const struct {
        const char *op;
        unsigned weights, statistics; /* bit i: input i */
    } roles[] = {{"Conv", 6, 0},
                 {"ConvTranspose", 6, 0},
                 {"ConvInteger", 2, 0},
                 {"Gemm", 6, 0},
                 {"MatMul", 3, 0},
                 {"MatMulInteger", 3, 0},
                 {"PRelu", 2, 0},
                 {"BatchNormalization", 6, 24},
                 {"InstanceNormalization", 6, 0},
                 {"Add", 3, 0},
                 {"Mul", 3, 0},
                 {"DequantizeLinear", 1, 0}};
    for (size_t r = 0; r < ARC_COUNT(roles); r++) {
        if (strcmp(n->op, roles[r].op) != 0)
            continue;
        for (int i = 0; i < n->inputs && i < 8; i++) {
            const int v = n->input[i];
            if (v < 0 || !g->value[v].data || seen[v])
                continue;
            const int64_t count = count_of(&g->value[v].shape);
            const bool scalar = count <= 1 && (strcmp(n->op, "Add") == 0 || strcmp(n->op, "Mul") == 0); /* input normalisation */
            if (scalar)
                continue;
            if (roles[r].weights >> i & 1)
                out->parameters += count;
            else if (roles[r].statistics >> i & 1)
                out->running_statistics += count;
            else
                continue;
            seen[v] = true;
        }
    }
}

/* Shapes alone are wanted: a plan that packs and runs nothing. */
static arc_status count_macs(const arc_graph *g, const arc_shape *input_shape, int64_t *macs, arc_error *err) {
    const arc_context shapes_only = {.alloc = *g->alloc, .kernels = arc_kernels_of(ARC_ISA_GENERIC)};
    const arc_plan_request request = {.ctx = &shapes_only, .graph = g, .input_shape = input_shape, .infer_only = true};
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
