/* Shared by the files that read and write ONNX: read.c the model, declared.c its inputs and outputs, node.c its nodes, inline.c
 * functions and branches, turns.c loops, reader.c what these share, known.c what is known of integers when a model is opened,
 * tensor.c tensors, external.c weights in other files, legacy.c what old exporters meant, contrib.c what optimisers fused,
 * write.c. */
#ifndef ARC_FORMAT_ONNX_ONNX_INTERNAL_H
#define ARC_FORMAT_ONNX_ONNX_INTERNAL_H

#include "format/format.h"
#include "format/onnx/pb.h"

#define ARC_ONNX_MAX_NAME 2048              /* bytes of a value, node or attribute name */
#define ARC_ONNX_MAX_LIST ((size_t)1 << 20) /* entries of an ints or floats attribute */
#define ARC_ONNX_MIN_OPSET 7
#define ARC_ONNX_MAX_OPSET 24
#define ARC_ONNX_MAX_IR 12
#define ARC_ONNX_MAX_DEPTH 16      /* of functions and branches inside each other */
#define ARC_ONNX_MAX_BODIES 20000  /* written out in all */
#define ARC_ONNX_MAX_PREFIX 128    /* bytes that a body puts in front of its names */
#define ARC_ONNX_MAX_ATTRS 256     /* of a node, or defaults of a function */
#define ARC_ONNX_MAX_LOOKS 4000000 /* at values that decide on branches and loops, in one model: about a second */
/* A graph takes at most so many times the bytes of its files and so many more: bodies that are written out again and again would
 * make a small file a huge one. */
#define ARC_ONNX_MEMORY_TIMES 32
#define ARC_ONNX_MEMORY_BYTES ((size_t)64 << 20)
#define ARC_ONNX_OMITTED ARC_NO_VALUE
#define ARC_ONNX_NO_MEMORY (-2)

/* ---- external.c ---- */

/* The files beside a model that hold its weights. Each is mapped once, into graph->side. */
typedef struct arc_onnx_files {
    arc_graph *g;
    const char *model; /* path of the model; NULL: it was read from memory, and other files are out of reach */
    const char **name; /* [g->sides] in the graph's arena */
    int capacity;
} arc_onnx_files;

/* Where a tensor's data lie: the entries of external_data. */
typedef struct arc_onnx_place {
    char location[ARC_ONNX_MAX_NAME + 1];
    uint64_t offset, length;
    bool has_length, malformed;
} arc_onnx_place;

/* The `bytes` bytes at a place. `who` ("model.onnx: tensor 'w'") starts error texts. A location must be a relative path that
 * stays inside the model's folder, after links too: EFORMAT otherwise; ENOTFOUND for a file that is not there, ECORRUPT for one
 * that is too short. */
arc_status arc_onnx_external(arc_onnx_files *files, const arc_onnx_place *place, size_t bytes, const char *who,
                             const uint8_t **data, arc_error *err);

/* ---- tensor.c ---- */

typedef struct arc_onnx_tensor {
    char name[ARC_ONNX_MAX_NAME + 1];
    arc_dtype dtype;
    arc_shape shape;
    const void *data;
    size_t data_bytes;
    const uint8_t *copied_from; /* raw data that was copied because it lay misaligned; NULL when borrowed or decoded */
} arc_onnx_tensor;

/* Reads a TensorProto. `where` ("model.onnx: node 'x'") starts error texts; base = offset 0 of the file for them; files NULL:
 * data in other files are refused. 4-bit integers come as 8-bit ones. */
arc_status arc_onnx_read_tensor(arc_onnx_tensor *out, arc_arena *arena, arc_onnx_files *files, const arc_pb *message,
                                const char *where, const uint8_t *base, arc_error *err);

/* Copies a protobuf string into text[ARC_ONNX_MAX_NAME + 1]; false when too long or it holds a zero byte. */
bool arc_onnx_text(const arc_pb_field *f, char *text);

/* ---- the reader ---- */

/* The attributes of a call or the defaults of a function, by name. */
typedef struct arc_onnx_attrs {
    const char **name;
    arc_pb *body; /* AttributeProto */
    int count;
} arc_onnx_attrs;

/* A function of the model's own. */
typedef struct arc_onnx_function {
    const char *domain, *name, *overload;
    int opset;   /* of the default domain, 0 when it imports none */
    arc_pb body; /* FunctionProto */
    arc_onnx_attrs defaults;
} arc_onnx_function;

/* Where names of a body that is being written out in place of its node belong. Names of a function are its own; those of a branch
 * that it does not define are its surroundings'. */
typedef struct arc_onnx_scope {
    struct arc_onnx_scope *outer;
    const arc_onnx_function *function; /* NULL: a branch or loop body */
    arc_onnx_attrs given;              /* of the node that calls the function */
    const char *prefix;                /* of the names that the body defines */
    const char **alias;                /* names that stand for values of the surroundings: inputs */
    int *alias_value;
    int aliases, depth;
} arc_onnx_scope;

typedef struct arc_onnx_reader {
    arc_graph *g;
    const char *file;    /* for error texts */
    const uint8_t *base; /* offset 0 of the file */
    const arc_map *map;  /* NULL when read from memory */
    arc_onnx_files files;
    arc_onnx_function *function;
    int functions;
    arc_pb graph;          /* the main GraphProto */
    bool shapes_read;      /* of values between nodes: only where a condition asks for them */
    arc_onnx_scope *scope; /* NULL: the main graph */
    int bodies;            /* written out so far */
    size_t body_bytes;     /* of them */
    int looks;             /* left for known.c */
    /* arc_onnx_read_node: nodes have bodies and bodies have nodes, so inline.c, which node.c calls, reads those through here. */
    arc_status (*read_node)(struct arc_onnx_reader *r, const arc_pb *message);
    char text[ARC_ONNX_MAX_NAME + 1];
    char full[ARC_ONNX_MAX_DEPTH * ARC_ONNX_MAX_PREFIX + ARC_ONNX_MAX_NAME + 1]; /* a name with its prefix */
    char where[512];
    int *input, *output; /* of the node being read */
    arc_error *err;
} arc_onnx_reader;

/* ---- reader.c ---- */

arc_status arc_onnx_malformed(arc_onnx_reader *r, const arc_pb *pb, const char *what);
arc_status arc_onnx_no_memory(arc_onnx_reader *r);
/* The value that a name stands for where it is read or defined; ARC_ONNX_OMITTED or ARC_ONNX_NO_MEMORY. */
int arc_onnx_reads(arc_onnx_reader *r, const char *name);
int arc_onnx_defines(arc_onnx_reader *r, const char *name);
const arc_onnx_function *arc_onnx_find_function(const arc_onnx_reader *r, const char *domain, const char *name,
                                                const char *overload);
/* The attributes in a message that has them under this field number: NodeProto 5, FunctionProto 11. */
arc_status arc_onnx_collect_attributes(arc_onnx_reader *r, arc_pb m, uint32_t field, arc_onnx_attrs *out);
/* A TensorProto as a constant called `name` (NULL: its own name, in the scope). */
arc_status arc_onnx_read_constant(arc_onnx_reader *r, const arc_pb *message, const char *name, const char *where, int *value);
/* Makes a node the producer of its outputs now: known.c follows values to the nodes that make them while the graph is still being
 * read. */
void arc_onnx_claim(arc_graph *g, int node);
/* A node that the file does not hold: input and output values as given. */
arc_status arc_onnx_add_node(arc_onnx_reader *r, const char *op, int inputs, const int *input, int output, arc_node **node);

/* ---- declared.c ---- */

/* ValueInfoProto of the main graph. */
arc_status arc_onnx_read_input(arc_onnx_reader *r, arc_pb *m);
arc_status arc_onnx_read_output(arc_onnx_reader *r, arc_pb *m);
/* Shapes that the file declares for values between nodes, for those that are known by now. */
void arc_onnx_read_shapes(arc_onnx_reader *r);

/* ---- node.c ---- */

/* NodeProto into the graph; functions and branches are written out. */
arc_status arc_onnx_read_node(arc_onnx_reader *r, const arc_pb *message);

/* ---- inline.c ---- */

/* A node with its inputs and outputs resolved, whose body takes its place. */
typedef struct arc_onnx_call {
    const arc_pb *message; /* NodeProto */
    const char *name;
    const int *input, *output;
    int inputs, outputs;
} arc_onnx_call;
arc_status arc_onnx_inline_function(arc_onnx_reader *r, const arc_onnx_call *call, const arc_onnx_function *f);
arc_status arc_onnx_inline_if(arc_onnx_reader *r, const arc_onnx_call *call);
/* The GraphProto of an attribute. */
bool arc_onnx_find_body(arc_pb node, const char *name, arc_pb *body);
int arc_onnx_count_fields(arc_pb m, uint32_t number);
/* Writes a GraphProto out in a new scope whose inputs are `in`; out[i] are the values that its outputs stand for. */
arc_status arc_onnx_write_body(arc_onnx_reader *r, const arc_onnx_call *call, const arc_pb *body, int inputs, const int *in,
                               int *out);
/* Output i of the call, where it is wanted, is value `from`. */
arc_status arc_onnx_connect(arc_onnx_reader *r, const arc_onnx_call *call, int i, int from);

/* known.c: integers and truth values that follow from constants and declared dimensions. */
#define ARC_ONNX_MAX_KNOWN 16
typedef struct arc_onnx_known {
    int count; /* 0: nothing is known, not even how many there are */
    int64_t value[ARC_ONNX_MAX_KNOWN];
    bool known[ARC_ONNX_MAX_KNOWN];
} arc_onnx_known;
/* *looks: how many values may still be looked at. A value that is read twice is looked at twice, so a chain of sums of a value
 * with itself would take as many as there are paths through it; with none left nothing is known. */
void arc_onnx_know(const arc_graph *g, int value, int *looks, arc_onnx_known *out);
/* The same while reading; shapes that the file declares are looked up first. And whether it is one known number. */
arc_onnx_known arc_onnx_known_of(arc_onnx_reader *r, int value);
bool arc_onnx_is_known(const arc_onnx_known *k);

/* ---- turns.c ---- */

arc_status arc_onnx_inline_loop(arc_onnx_reader *r, const arc_onnx_call *call);
arc_status arc_onnx_inline_scan(arc_onnx_reader *r, const arc_onnx_call *call);

/* legacy.c: rewrites what exporters of old meant beside the standard: BatchNormalization with spatial = 0, PRelu with a slope
 * [C]. */
arc_status arc_onnx_settle_legacy(arc_graph *g, arc_error *err);

/* contrib.c: QOperator form and what ONNX Runtime fuses, in terms of standard operators. */
arc_status arc_onnx_settle_contrib(arc_graph *g, arc_error *err);
/* Operator i that contrib.c replaces, NULL behind the last: what stands for it, and what of it is refused (NULL: nothing). */
const char *arc_onnx_replaced(size_t i, const char **parts, const char **refused);

#endif
