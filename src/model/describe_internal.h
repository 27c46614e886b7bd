/* model: what the text and the JSON description share. */
#ifndef ARC_MODEL_DESCRIBE_INTERNAL_H
#define ARC_MODEL_DESCRIBE_INTERNAL_H

#include "model/model.h"

#define ARC_DESCRIBE_MAX_OPS 128

/* The numbers of nodes of each operator, most frequent first. */
typedef struct arc_op_count {
    const char *op;
    int nodes;
    int64_t parameters; /* elements of the initializers they read */
} arc_op_count;
int arc_describe_ops(const arc_graph *g, arc_op_count ops[ARC_DESCRIBE_MAX_OPS]);
int64_t arc_describe_node_parameters(const arc_graph *g, const arc_node *n);
/* "[N,3,112,112]" with the names of symbolic dimensions, "?" if they have none. */
const char *arc_describe_shape(const arc_value *v, char *text, size_t text_bytes);
/* "[1,64,56,56]": the shape of the node's first constant input of rank 2 or more; "" if it has none. */
const char *arc_describe_weight(const arc_graph *g, const arc_node *n, char *text, size_t text_bytes);

/* What shape inference gives for each node of the graph, for the input shape arc_model_report_shape. */
typedef struct arc_describe_row {
    arc_shape out; /* of the first output; rank < 0: none */
    int64_t macs;
} arc_describe_row;
/* One entry a node, allocated with the allocator of ctx. */
arc_status arc_describe_rows(arc_context *ctx, const arc_model *m, arc_describe_row **rows, arc_error *err);

/* rows NULL: layers are only counted by operator. f NULL: work and memory are not known. */
arc_status arc_describe_json(const arc_model *m, const arc_model_facts *f, const arc_describe_row *rows, arc_buffer *out,
                             arc_error *err);

#endif
