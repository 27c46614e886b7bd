/* cost: what a network costs, layer by layer, counted as the field counts it: parameters, multiply-accumulates, bytes, and
 * operations by the conventions of several tools. */
#ifndef ARC_PLAN_COST_H
#define ARC_PLAN_COST_H

#include "graph/graph.h"
#include <arcface/profile.h>

/* Of one node. Parameters and weights count at the first node that reads them. */
typedef struct arc_node_cost {
    bool known;    /* its shapes could be inferred; else work and activations are 0 */
    bool constant; /* its result is known when the graph is planned: no work */
    arc_shape out; /* of the first output; rank < 0: none, or not known */
    int64_t parameters, running_statistics, weight_bytes, macs, activation_bytes;
    int64_t flops[ARC_FLOPS_CONVENTIONS];
} arc_node_cost;

/* Sums. Parameters are those that training learns: running statistics of BatchNormalization stand beside. weight_bytes: of all
 * initializers of the graph. */
typedef struct arc_graph_cost {
    int64_t parameters, running_statistics, weight_bytes, macs, activation_bytes;
    int64_t flops[ARC_FLOPS_CONVENTIONS];
    int nodes, unknown; /* unknown: nodes whose shapes cannot be inferred */
} arc_graph_cost;

/* input_shape: in the order of g->input; NULL: shapes are not known. each: [g->nodes], NULL: sums alone. why: what failed at the
 * first unknown node; may be NULL. Errors: ENOMEM, ESHAPE of an input. */
arc_status arc_graph_costs(const arc_graph *g, const arc_shape *input_shape, arc_node_cost *each, arc_graph_cost *out,
                           arc_error *why, arc_error *err);
/* The sums; a node whose shapes cannot be inferred is an error, after which parameters and weights are counted all the same. */
arc_status arc_graph_cost_of(const arc_graph *g, const arc_shape *input_shape, arc_graph_cost *out, arc_error *err);

#endif
