/* plan: parameters, multiply-accumulates, operations and bytes of a graph, node by node. */
#include "plan/cost.h"
#include "plan/conventions.h"
#include "plan/plan.h"
#include <string.h>

enum { SEEN_BYTES = 1, SEEN_NUMBERS = 2 }; /* what of an initializer was counted at an earlier node */

/* Constants that the node is the first to read, and numbers that it is the first to read as weights or statistics. */
static void count_constants(const arc_graph *g, const arc_node *n, uint8_t *seen, arc_node_cost *out) {
    const arc_op *op = n->entry;
    for (int i = 0; i < n->inputs; i++) {
        const int v = n->input[i];
        if (v < 0 || !g->value[v].data)
            continue;
        out->weight_bytes += seen[v] & SEEN_BYTES ? 0 : (int64_t)g->value[v].data_bytes;
        seen[v] |= SEEN_BYTES;
        const bool weight = op && i < ARC_INPUT_BITS && op->weight_inputs & ARC_INPUT(i);
        const bool statistic = op && i < ARC_INPUT_BITS && op->statistic_inputs & ARC_INPUT(i);
        const int64_t count = ARC_MAX(arc_shape_count(&g->value[v].shape), (int64_t)0);
        if (!(weight || statistic) || (op->number_is_setting && count <= 1) || seen[v] & SEEN_NUMBERS)
            continue;
        seen[v] |= SEEN_NUMBERS;
        *(weight ? &out->parameters : &out->running_statistics) += count;
    }
}

static arc_status survey_shapes(const arc_graph *g, const arc_shape *input_shape, arc_survey *survey, arc_error *err) {
    arc_plan *plan = NULL;
    const arc_status st = arc_plan_infer(&plan, g, input_shape, NULL, survey, err);
    arc_plan_free(&plan);
    return st;
}

static int64_t bytes_of(const arc_survey_value *v) {
    return v->constant ? 0 : ARC_MAX(arc_shape_count(&v->shape), (int64_t)0) * (int64_t)arc_dtype_bytes(v->dtype);
}

/* Activations and work, where the shapes of all that the node reads and writes are known. */
static void count_work(const arc_graph *g, const arc_node *n, const arc_survey_value *value, arc_node_cost *out) {
    const arc_survey_value *first = n->outputs > 0 && n->output[0] >= 0 ? &value[n->output[0]] : NULL;
    out->out.rank = -1;
    out->known = first && first->known;
    if (!out->known)
        return;
    out->out = first->shape;
    out->constant = first->constant;
    if (out->constant)
        return;
    for (int i = 0; i < n->inputs; i++) {
        bool again = n->input[i] < 0; /* x + x reads x once */
        for (int k = 0; k < i && !again; k++)
            again = n->input[k] == n->input[i];
        out->activation_bytes += again ? 0 : bytes_of(&value[n->input[i]]);
    }
    for (int i = 0; i < n->outputs; i++)
        out->activation_bytes += n->output[i] < 0 ? 0 : bytes_of(&value[n->output[i]]);
    if (n->inputs < 1 || n->input[0] < 0)
        return;
    const arc_survey_value *a = &value[n->input[0]], *b = n->inputs > 1 && n->input[1] >= 0 ? &value[n->input[1]] : NULL;
    out->macs = b ? arc_op_macs(n->entry, &a->shape, &b->shape, &out->out) : 0;
    const arc_counted_node counted = {.graph = g,
                                      .node = n,
                                      .macs = out->macs,
                                      .in = &a->shape,
                                      .out = &out->out,
                                      .weight = b ? &b->shape : NULL,
                                      .weight_is_constant = a->constant || (b && b->constant)};
    arc_flops_count(&counted, out->flops);
}

static void add_up(arc_graph_cost *sum, const arc_node_cost *c) {
    sum->parameters += c->parameters;
    sum->running_statistics += c->running_statistics;
    sum->macs += c->macs;
    sum->activation_bytes += c->activation_bytes;
    for (int k = 0; k < ARC_FLOPS_CONVENTIONS; k++)
        sum->flops[k] += c->flops[k];
}

arc_status arc_graph_costs(const arc_graph *g, const arc_shape *input_shape, arc_node_cost *each, arc_graph_cost *out,
                           arc_error *why, arc_error *err) {
    arc_status st = ARC_OK;
    arc_survey survey = {.unknown = g->nodes};
    memset(out, 0, sizeof *out);
    out->nodes = g->nodes;
    uint8_t *seen = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *seen);
    survey.value = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *survey.value);
    if (!seen || !survey.value)
        st = arc_fail_nomem(err, "counting parameters");
    else if (input_shape)
        st = survey_shapes(g, input_shape, &survey, err);
    for (int i = 0; seen && survey.value && i < g->nodes; i++) {
        arc_node_cost c = {0};
        count_constants(g, &g->node[i], seen, &c);
        count_work(g, &g->node[i], survey.value, &c);
        add_up(out, &c);
        if (each)
            each[i] = c;
    }
    for (int v = 0; v < g->values; v++)
        out->weight_bytes += g->value[v].data ? (int64_t)g->value[v].data_bytes : 0;
    out->unknown = survey.unknown;
    if (why)
        *why = survey.why;
    arc_mem_free(g->alloc, survey.value);
    arc_mem_free(g->alloc, seen);
    return st;
}

arc_status arc_graph_cost_of(const arc_graph *g, const arc_shape *input_shape, arc_graph_cost *out, arc_error *err) {
    arc_error why = {0};
    const arc_status st = arc_graph_costs(g, input_shape, NULL, out, &why, err);
    return st == ARC_OK && out->unknown > 0 ? arc_fail(err, why.code, "%s", why.text) : st;
}
