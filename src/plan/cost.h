/* cost: what a network costs, counted as the field counts it: parameters, multiply-accumulates, bytes of weights. */
#ifndef ARC_PLAN_COST_H
#define ARC_PLAN_COST_H

#include "graph/graph.h"

/* Parameters (trainable, as the field counts: BN running statistics excluded), MACs of conv + gemm for batch 1. */
typedef struct arc_graph_cost {
    int64_t parameters, running_statistics, macs, weight_bytes;
    int nodes;
} arc_graph_cost;
arc_status arc_graph_cost_of(const arc_graph *g, const arc_shape *input_shape, arc_graph_cost *out, arc_error *err);

#endif
