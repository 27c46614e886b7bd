/* reference: operators in double, each by plain loops from its ONNX definition: what a result is held against, never what a
 * program runs. Values are plain row-major. Two things stand on them: a column of the device table (column.c), which rounds every
 * layer's output to float32 once and so runs any session, and a network in double from end to end (network.c), whose differences
 * are fine enough to hold gradients against.
 *
 * The fused convolution and fully connected layer of op/op.h are known as well. What only moves values (Transpose, Concat, Slice
 * ...) has no double of its own: the column lets the operator's entry move them. */
#ifndef ARC_DEVICE_REFERENCE_REFERENCE_H
#define ARC_DEVICE_REFERENCE_REFERENCE_H

#include "device/device.h"

typedef struct arc_reference_value {
    arc_shape shape;
    double *data;
} arc_reference_value;

/* One node. Shapes of outputs are known, by the operator's own infer; data of outputs is to fill. */
typedef struct arc_reference_call {
    const arc_node *node;
    int opset;
    int inputs, outputs;
    const arc_reference_value *in[ARC_OP_MAX_IO]; /* NULL: omitted */
    arc_reference_value *out[ARC_OP_MAX_IO];
    arc_pool *pool;        /* splits outputs; NULL: the caller's thread */
    bool batch_statistics; /* BatchNormalization by the mean and biased variance of its input */
} arc_reference_call;

typedef void arc_reference_fn(const arc_reference_call *c);
/* NULL: no such operator. */
arc_reference_fn *arc_reference_find(const char *op);

/* ---- column.c ---- */

/* Sessions on it compute every layer in double. Its memory counts as the device's own, so inputs and outputs are copied. No
 * learners. */
extern const arc_device arc_device_reference;

/* ---- network.c ---- */

typedef struct arc_reference_network arc_reference_network;
/* A network whose operators all have a double here. The graph is checked and outlives it; input_shape in the order of g->input.
 * Errors: ENOMEM, ESHAPE, EUNSUPPORTED names the operator. */
arc_status arc_reference_network_new(arc_reference_network **out, const arc_graph *g, const arc_shape *input_shape,
                                     arc_error *err);
void arc_reference_network_free(arc_reference_network **network);
/* A value of the graph: inputs and constants are there to be written (constants begin as the graph's), all others are filled by
 * run. data NULL: the graph does not compute it. */
arc_reference_value arc_reference_network_value(const arc_reference_network *network, int value);
void arc_reference_network_run(arc_reference_network *network, bool batch_statistics);

/* ---- table entries, by file ---- */

typedef struct arc_reference_entry {
    const char *op;
    arc_reference_fn *fn;
} arc_reference_entry;
extern const arc_reference_entry arc_reference_attention[];   /* attention.c: arc.Attention */
extern const arc_reference_entry arc_reference_conv[];        /* conv.c: with their fused forms */
extern const arc_reference_entry arc_reference_dense[];       /* dense.c: Gemm, MatMul */
extern const arc_reference_entry arc_reference_elementwise[]; /* elementwise.c: of one and two operands; what renames a shape */
extern const arc_reference_entry arc_reference_norm[];        /* norm.c: normalisations, Softmax, reductions */
extern const arc_reference_entry arc_reference_pool[];        /* pool.c */

/* ---- values.c: what they share ---- */

size_t arc_reference_count(const arc_reference_value *v);
/* Where element i of `out` finds its operand in `v`, which broadcasts to it from the right as numpy has it. */
size_t arc_reference_broadcast(const arc_shape *v, const arc_shape *out, size_t i);
/* A list of integers, `fallback` where the attribute is missing. */
void arc_reference_ints(const arc_node *n, const char *name, int count, int64_t fallback, int64_t *ints);
/* Gelu, and its form by tanh. */
double arc_reference_gelu(double v);
double arc_reference_gelu_tanh(double v);
/* The activation of a fused layer for channel j. */
double arc_reference_act(const arc_reference_call *c, size_t j, double v);

#endif
