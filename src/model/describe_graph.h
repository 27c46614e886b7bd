/* model: facts of a graph as every description gives them: counts of operators, the parameters that a node reads, shapes as text.
 */
#ifndef ARC_MODEL_DESCRIBE_GRAPH_H
#define ARC_MODEL_DESCRIBE_GRAPH_H

#include "graph/graph.h"

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

#endif
