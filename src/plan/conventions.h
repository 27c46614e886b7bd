/* conventions: what the tools of the field call the FLOPs of one layer. */
#ifndef ARC_PLAN_CONVENTIONS_H
#define ARC_PLAN_CONVENTIONS_H

#include "op/op.h"
#include <arcface/profile.h>

/* A node as they see it. */
typedef struct arc_counted_node {
    const arc_graph *graph;
    const arc_node *node;
    int64_t macs;              /* multiply-accumulates done directly */
    const arc_shape *in, *out; /* of the first input and output */
    const arc_shape *weight;   /* of the second input; NULL: there is none */
    bool weight_is_constant;   /* it comes from the file */
} arc_counted_node;

void arc_flops_count(const arc_counted_node *n, int64_t flops[ARC_FLOPS_CONVENTIONS]);

#endif
