/* The graph: what every importer and the zoo build, what passes rewrite, what the planner runs and the exporter writes.
 * Operators carry ONNX names, attributes and semantics of the graph's opset, so import and export are one to one. */
#ifndef ARC_GRAPH_GRAPH_H
#define ARC_GRAPH_GRAPH_H

#include "base/base.h"

#define ARC_MAX_RANK 8
#define ARC_MAX_DIM ((int64_t)1 << 31)      /* one dimension of a tensor */
#define ARC_MAX_ELEMENTS ((int64_t)1 << 33) /* elements of a tensor */
#define ARC_MAX_NODES 200000
#define ARC_MAX_VALUES 400000
#define ARC_MAX_NODE_IO 4096

/* Numbers are those of ONNX TensorProto.DataType. */
typedef enum arc_dtype {
    ARC_NO_DTYPE = 0,
    ARC_F32 = 1,
    ARC_U8 = 2,
    ARC_I8 = 3,
    ARC_U16 = 4,
    ARC_I16 = 5,
    ARC_I32 = 6,
    ARC_I64 = 7,
    ARC_BOOL = 9,
    ARC_F16 = 10,
    ARC_F64 = 11,
    ARC_U32 = 12,
    ARC_U64 = 13,
    ARC_BF16 = 16
} arc_dtype;
size_t arc_dtype_bytes(arc_dtype t);     /* 0 for an unknown one */
const char *arc_dtype_name(arc_dtype t); /* also of ONNX's types that are none of these: "float8e5m2" */

/* dim < 0: symbolic (named in `symbol`, may be NULL); rank < 0: unknown. */
typedef struct arc_shape {
    int rank;
    int64_t dim[ARC_MAX_RANK];
} arc_shape;
/* Number of elements, or -1 when symbolic, unknown or above ARC_MAX_ELEMENTS. */
int64_t arc_shape_count(const arc_shape *s);
bool arc_shape_equal(const arc_shape *a, const arc_shape *b);
/* "[1,3,112,112]" into text. */
const char *arc_shape_text(const arc_shape *s, char *text, size_t text_bytes);

/* A named edge of the graph: graph input, initializer (data != NULL) or output of one node. */
typedef struct arc_value {
    const char *name;
    arc_dtype dtype;                  /* ARC_NO_DTYPE = not declared */
    arc_shape shape;                  /* declared shape; inference at plan time is what counts */
    const char *symbol[ARC_MAX_RANK]; /* names of symbolic dims, may be NULL */
    const void *data; /* initializer: row-major elements, little-endian. In the graph's arena or in its mapped file */
    size_t data_bytes;
    int producer; /* node index, -1 = none */
    bool is_input, is_output;
} arc_value;

typedef enum arc_attr_kind {
    ARC_ATTR_INT,
    ARC_ATTR_FLOAT,
    ARC_ATTR_STRING,
    ARC_ATTR_INTS,
    ARC_ATTR_FLOATS,
    ARC_ATTR_TENSOR
} arc_attr_kind;
typedef struct arc_attr {
    const char *name;
    arc_attr_kind kind;
    int64_t i;
    float f;
    const char *s; /* zero-terminated */
    size_t count;  /* of s without the zero, of ints or of floats */
    const int64_t *ints;
    const float *floats;
    int value; /* ARC_ATTR_TENSOR: index of a value that holds the data */
} arc_attr;

#define ARC_NO_VALUE (-1) /* an omitted optional input or output */
struct arc_op;
typedef struct arc_node {
    const char *op;             /* ONNX op_type */
    const struct arc_op *entry; /* of that operator in the table (op/op.h); NULL until arc_graph_check has looked it up */
    const char *name;           /* may be "" */
    int *input, *output;
    int inputs, outputs;
    arc_attr *attr;
    int attrs;
} arc_node;

typedef struct arc_meta {
    const char *key, *value;
} arc_meta;

typedef struct arc_graph {
    const arc_alloc *alloc;
    arc_arena arena; /* owns every name, attribute and in-memory initializer */
    arc_map map;     /* the file that borrowed initializers lie in; bytes == 0 when none */
    arc_map *side;   /* other files that they lie in */
    int sides;
    const char *name;
    const char *producer; /* "pytorch 1.10" */
    int opset;            /* of the default domain */
    int ir_version;
    bool keeps_unknown; /* arc_graph_check lets operators pass that nobody knows: for looking at the graph, which no plan can run
                         */
    arc_value *value;
    int values, value_capacity;
    int *slot; /* hash table of value names: index + 1, 0 = empty */
    size_t slots;
    arc_node *node; /* in topological order after arc_graph_check */
    int nodes, node_capacity;
    int *input, *output; /* graph inputs (initializers excluded) and outputs, value indices */
    int inputs, outputs;
    arc_meta *meta;
    int metas, meta_capacity;
} arc_graph;

arc_status arc_graph_new(arc_graph **out, const arc_alloc *a, int opset, arc_error *err);
void arc_graph_free(arc_graph **g); /* closes the map */

/* Building. Names are copied. Value -1 / NULL node on ENOMEM or limit; arc_graph_check tells the rest. */
int arc_graph_value(arc_graph *g, const char *name);      /* finds or adds (hash by name) */
int arc_graph_find(const arc_graph *g, const char *name); /* -1 = none */
/* A value with data. copy == false borrows: data must outlive the graph (it lies in g->map or the arena). */
int arc_graph_constant(arc_graph *g, const char *name, arc_dtype t, const arc_shape *s, const void *data, bool copy);
/* A zeroed constant in the arena to be filled by the caller: *data is writable. */
int arc_graph_constant_new(arc_graph *g, const char *name, arc_dtype t, const arc_shape *s, void **data);
arc_node *arc_graph_node(arc_graph *g, const char *op, const char *name, int inputs, const int *input, int outputs,
                         const int *output);
arc_status arc_node_int(arc_graph *g, arc_node *n, const char *name, int64_t i);
arc_status arc_node_float(arc_graph *g, arc_node *n, const char *name, float f);
arc_status arc_node_string(arc_graph *g, arc_node *n, const char *name, const char *s);
arc_status arc_node_ints(arc_graph *g, arc_node *n, const char *name, size_t count, const int64_t *ints);
arc_status arc_node_floats(arc_graph *g, arc_node *n, const char *name, size_t count, const float *floats);
arc_status arc_node_tensor(arc_graph *g, arc_node *n, const char *name, int value);
arc_status arc_graph_add_input(arc_graph *g, int value, arc_dtype t, const arc_shape *s);
arc_status arc_graph_add_output(arc_graph *g, int value);
arc_status arc_graph_set_meta(arc_graph *g, const char *key, const char *value); /* replaces */
const char *arc_graph_meta(const arc_graph *g, const char *key);                 /* NULL = none */
/* The number of the only node that reads a value, once; -1: several do, none does, or it is an output of the graph. */
int arc_graph_only_reader(const arc_graph *g, int value);

/* Reading attributes; the default when absent. */
const arc_attr *arc_node_attr(const arc_node *n, const char *name);
int64_t arc_attr_int(const arc_node *n, const char *name, int64_t fallback);
float arc_attr_float(const arc_node *n, const char *name, float fallback);
const char *arc_attr_string(const arc_node *n, const char *name, const char *fallback);

/* ---- copy.c ---- */

typedef struct arc_graph_copying {
    /* Symbols, attributes and data stay the source's, which must outlive the copy; false: the copy stands by itself. */
    bool borrow;
    /* Not borrowing: what initializer `value` holds in the copy; NULL: the same. */
    const void *(*data)(const void *arg, int value);
    const void *arg;
} arc_graph_copying;
/* Values and nodes keep their indices. Metadata stays behind. */
arc_status arc_graph_copy(arc_graph **out, const arc_graph *from, const arc_alloc *a, const arc_graph_copying *how,
                          arc_error *err);
/* All metadata but keys that begin with `but` (NULL: all). */
arc_status arc_graph_copy_meta(arc_graph *to, const arc_graph *from, const char *but);
/* Gives node n of g the attribute `a`, the tensor of which is g's value `value`. */
arc_status arc_node_copy_attr(arc_graph *g, arc_node *n, const arc_attr *a, int value);
/* The names of symbolic dims. */
arc_status arc_value_copy_symbols(arc_graph *g, int value, const arc_value *from);

/* ---- op/check.c ---- */

/* Checks what came from outside: every input produced or given, one producer each, no cycle, known operators, sizes of
 * initializers, no duplicate names; sets each node's entry and sorts nodes topologically. Errors name op, node and opset. */
arc_status arc_graph_check(arc_graph *g, arc_error *err);

#endif
