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

/* layers: an array in JSON, NULL: layers are only counted by operator. f NULL: work and memory are not known. */
arc_status arc_describe_json(const arc_model *m, const arc_model_facts *f, const char *layers, arc_buffer *out, arc_error *err);

#endif
