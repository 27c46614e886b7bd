/* Operators: all that the project knows of one stands in one table entry, arc_op, in the folder of its family.
 *
 * A node goes through an entry in one of two ways, which share infer (dtype and shape of the outputs from the inputs; knows
 * constants):
 *
 *   inference  prepare (algorithm, packed weights, scratch size; once a plan) -> run (cannot fail, allocates nothing), over an
 *              arc_step: weights do not change, so they are packed once, and what stands around the node is fused into it by
 *              passes;
 *   learning   learn_prepare (state, scratch size, what backward reads; once a learner) -> forward and backward in each training
 *              step, over an arc_learn_step (learn_step.h): weights are parameters that change, so they are not kept packed.
 *
 * The facts of an entry tell planning (plan/), rewriting (pass/) and counting what they may do with the operator. Nodes find
 * their entry once, when the graph is checked (check.c).
 *
 * Layout. Rank-4 f32 activations live as NHWC inside a plan (channels contiguous: every kernel vectorises over channels, an
 * implicit GEMM needs no im2col); everything else is plain row-major. Shapes are always written in logical N,C,H,W order. */
#ifndef ARC_OP_OP_H
#define ARC_OP_OP_H

#include "graph/graph.h"
#include "kernel/kernel.h"

typedef enum arc_layout { ARC_PLAIN, ARC_NHWC, ARC_PIXELS /* an input: data is a const arc_pixels * (pixels.h) */ } arc_layout;

/* A concrete tensor at plan or run time. data == NULL at infer time means "not known yet". */
typedef struct arc_tensor {
    arc_dtype dtype;
    arc_layout layout; /* ARC_NHWC only when shape.rank == 4 */
    arc_shape shape;   /* all dims known; logical order */
    void *data;
    bool is_const; /* data known at plan time (initializer or folded) */
} arc_tensor;

#define ARC_OP_MAX_IO 64 /* inputs or outputs of one node (Concat is the widest) */

struct arc_op;
typedef struct arc_step arc_step;
typedef struct arc_learn_step arc_learn_step; /* learn_step.h */
typedef struct arc_learn_run arc_learn_run;
typedef struct arc_learn_prepare arc_learn_prepare;

/* What infer sees. in[i] == NULL: optional input omitted. */
typedef struct arc_infer {
    const arc_graph *graph;
    const arc_node *node;
    int opset;
    int inputs, outputs;
    const arc_tensor *in[ARC_OP_MAX_IO];
    arc_tensor *out[ARC_OP_MAX_IO]; /* to fill: dtype and shape; NULL: output not wanted */
    arc_error *err;
} arc_infer;

/* Memory for plan-lifetime data such as packed weights. One store a session: plans of other shapes find the same pack. */
typedef struct arc_packs arc_packs;
/* Finds the pack under key (what, value data pointer, variant) or makes room for it; *fresh tells to fill it. NULL on ENOMEM. */
void *arc_packs_get(arc_packs *packs, const char *what, const void *source, int variant, size_t bytes, bool *fresh);

/* What prepare fills and run reads. */
struct arc_step {
    const struct arc_op *op;
    const arc_graph *graph; /* the node's: attributes that are tensors lie in its values */
    const arc_node *node;
    int opset;
    int inputs, outputs;
    arc_tensor in[ARC_OP_MAX_IO]; /* in[i].dtype == ARC_NO_DTYPE: omitted. data is bound before each run */
    arc_tensor out[ARC_OP_MAX_IO];
    const arc_kernels *kernels;
    arc_pool *pool;
    bool low_memory; /* keep weights once */
    bool bf16;       /* multiply in bfloat16 where it is fast */
    bool f16;        /* keep weights in half precision where it is fast */
    /* set by prepare: */
    void *state;                 /* from the plan's arena, freed with the plan */
    size_t scratch_bytes;        /* per thread, 64-byte aligned; may be 0 */
    size_t shared_scratch_bytes; /* one block for the step (im2col-like buffers); may be 0 */
    const char *algorithm;       /* shown in plan reports: "igemm 14x32" */
    const char *schedule;        /* how its work is cut, "" or NULL where there is one way */
    /* bound by the session: */
    uint8_t *scratch; /* thread t has scratch + t * scratch_stride */
    size_t scratch_stride;
    uint8_t *shared_scratch;
};

typedef struct arc_chooser arc_chooser;

typedef struct arc_prepare {
    arc_step *step;
    arc_arena *arena; /* plan lifetime */
    arc_packs *packs;
    const arc_map *map;         /* file that weights may lie in: their pages can go as they are packed. NULL = none */
    const arc_chooser *chooser; /* candidate.h; NULL: the cost model alone */
    arc_error *err;
} arc_prepare;

typedef enum arc_op_layout {
    ARC_OP_PLAIN, /* all inputs and outputs plain */
    ARC_OP_NHWC,  /* rank-4 f32 data input 0 and output 0 NHWC, the rest plain (Conv, pools, Resize...) */
    ARC_OP_ROWS,  /* every rank-4 f32 input and output NHWC, the rest plain (8-bit layers) */
    ARC_OP_SAME,  /* element-wise: works in either, all rank-4 tensors alike; run sees which in tensor.layout */
} arc_op_layout;

/* The operators that code outside their family tells apart; all others are ARC_KIND_OTHER. */
typedef enum arc_op_kind {
    ARC_KIND_OTHER,
    ARC_KIND_CONV,
    ARC_KIND_CONV_TRANSPOSE,
    ARC_KIND_GEMM,
    ARC_KIND_MATMUL,
    ARC_KIND_BATCH_NORM,
    ARC_KIND_RELU,
    ARC_KIND_PRELU,
    ARC_KIND_LEAKY_RELU,
    ARC_KIND_CLIP,
    ARC_KIND_SIGMOID,
    ARC_KIND_GELU,
    ARC_KIND_ERF,
    ARC_KIND_SQRT,
    ARC_KIND_POW,
    ARC_KIND_SOFTMAX,
    ARC_KIND_ATTENTION,
    ARC_KIND_SQUEEZE,
    ARC_KIND_SLICE,
    ARC_KIND_SPLIT,
    ARC_KIND_GATHER,
    ARC_KIND_CONCAT,
    ARC_KIND_SHAPE,
    ARC_KIND_REDUCE_MEAN,
    ARC_KIND_ADD,
    ARC_KIND_SUB,
    ARC_KIND_MUL,
    ARC_KIND_DIV,
    ARC_KIND_GLOBAL_AVERAGE_POOL,
    ARC_KIND_FLATTEN,
    ARC_KIND_RESHAPE,
    ARC_KIND_TRANSPOSE,
    ARC_KIND_RESIZE,
    ARC_KIND_UPSAMPLE,
    ARC_KIND_CAST,
    ARC_KIND_IDENTITY,
    ARC_KIND_DROPOUT,
    ARC_KIND_CONSTANT,
    ARC_KIND_QUANTIZE_LINEAR,
    ARC_KIND_DEQUANTIZE_LINEAR,
    ARC_KIND_DYNAMIC_QUANTIZE_LINEAR,
    ARC_KIND_INT8_CONV,
    ARC_KIND_INT8_GEMM,
    ARC_KIND_QUANTIZE,
    ARC_KIND_DEQUANTIZE,
    ARC_KIND_ROUNDING,
} arc_op_kind;

#define ARC_INPUT_BITS 32
#define ARC_INPUT(i) (1u << (i)) /* a set of the first ARC_INPUT_BITS inputs, one bit each */

/* Multiply-accumulates of one node with these shapes of inputs 0 and 1 and of output 0. */
typedef int64_t arc_op_macs_fn(const arc_shape *in0, const arc_shape *in1, const arc_shape *out);

typedef struct arc_op {
    const char *name; /* ONNX op_type */
    arc_op_kind kind;
    int variant; /* which of the operators that share these functions it is, by the family's own numbers */
    arc_op_layout layout;
    unsigned nhwc_inputs; /* ARC_OP_NHWC: the inputs that are read as NHWC where they are rank-4 f32 */
    arc_status (*infer)(arc_infer *in);
    /* inference */
    arc_status (*prepare)(arc_prepare *p); /* NULL = nothing to prepare */
    void (*run)(const arc_step *s);
    /* learning: all three or none */
    arc_status (*learn_prepare)(arc_learn_prepare *p);
    void (*forward)(const arc_learn_step *s, const arc_learn_run *r);
    void (*backward)(const arc_learn_step *s, const arc_learn_run *r);
    /* planning */
    bool in_place;       /* reads element i of input 0 before it writes element i of output 0 */
    bool view;           /* output 0 is input 0's bytes with another shape or name */
    bool shape_query;    /* the outputs depend on the shape of the input alone */
    bool moves;          /* the outputs hold elements of the inputs, or one number, unchanged: exact in any precision */
    bool made_by_passes; /* never in a file */
    /* counting */
    unsigned weight_inputs;    /* constants there are trained */
    unsigned statistic_inputs; /* constants there are running statistics */
    bool number_is_setting;    /* a single number as a weight is none: it scales or shifts the input picture */
    arc_op_macs_fn *macs;      /* NULL: neither convolution nor matrix product, counts as 0 */
    /* what docs/OPERATORS.md says beside */
    const char *kernels; /* the slots of kernel/kernel.h that sessions run it on where they fit, by name; NULL: plain C */
    const char *refused; /* of what the standard has; NULL: nothing but types */
} arc_op;

/* NULL when unknown. */
const arc_op *arc_op_find(const char *name);
/* Entry i of the whole table, NULL behind the last. */
const arc_op *arc_op_at(size_t i);

/* Whether the node, of a checked graph, is such an operator. */
static inline bool arc_node_is(const arc_node *n, arc_op_kind kind) {
    return n->entry && n->entry->kind == kind;
}
/* Makes the node another operator: for passes. */
static inline void arc_node_become(arc_node *n, const arc_op *op) {
    n->op = op->name;
    n->entry = op;
}
/* What op->macs says, 0 where it has none. */
static inline int64_t arc_op_macs(const arc_op *op, const arc_shape *in0, const arc_shape *in1, const arc_shape *out) {
    return op->macs ? op->macs(in0, in1, out) : 0;
}

/* Error helper that names op, node and opset: "Conv 'conv1' (opset 11): weights [..] do not fit input [..]". */
arc_status arc_op_fail(const arc_infer *in, arc_status code, const char *fmt, ...) ARC_PRINTF(3, 4);

/* The tables, one a family; table.c joins them. */
extern const arc_op arc_ops_conv[];        /* op/conv/conv.c: Conv, ConvTranspose (+ fused epilogue attributes, below) */
extern const arc_op arc_ops_gemm[];        /* op/dense/gemm.c: Gemm, MatMul */
extern const arc_op arc_ops_norm[];        /* op/norm/norm.c: BatchNormalization, InstanceNormalization */
extern const arc_op arc_ops_activation[];  /* op/activation/activation.c: Relu PRelu Clip Sigmoid HardSwish Softmax ... */
extern const arc_op arc_ops_elementwise[]; /* op/elementwise/elementwise.c: Add Sub Mul Div Pow Equal Where Cast ... */
extern const arc_op arc_ops_unary[];       /* op/elementwise/unary.c: Sqrt Exp Log Abs Floor Round Erf ... */
extern const arc_op arc_ops_rounding[];    /* op/elementwise/rounding.c: arc.Rounding */
extern const arc_op arc_ops_pool[];        /* op/pool/pool.c: MaxPool AveragePool GlobalAveragePool GlobalMaxPool */
extern const arc_op arc_ops_resize[];      /* op/resize/resize.c: Resize Upsample */
extern const arc_op arc_ops_shape[];       /* op/shape/shape.c: Shape Reshape Flatten Concat Slice Gather Transpose ... */
extern const arc_op arc_ops_reduce[];      /* op/reduce/reduce.c: ReduceMean ReduceL2 ... */
extern const arc_op arc_ops_row_norm[];    /* op/norm/row.c: Layer-, RMS-, Group- and LpNormalization */
extern const arc_op arc_ops_smooth[];      /* op/activation/smooth.c: Gelu Mish Swish Celu */
extern const arc_op arc_ops_einsum[];      /* op/dense/einsum.c */
extern const arc_op arc_ops_index[]; /* op/shape/index.c: GatherElements GatherND ScatterElements ScatterND TopK CumSum Trilu */
extern const arc_op arc_ops_heads[]; /* op/attention/fused.c: arc.Attention */
extern const arc_op arc_ops_attention[];  /* op/attention/attention.c: Attention RotaryEmbedding */
extern const arc_op arc_ops_grid[];       /* op/resize/grid.c: GridSample AffineGrid */
extern const arc_op arc_ops_select[];     /* op/shape/select.c: NonZero Compress OneHot EyeLike Hardmax */
extern const arc_op arc_ops_suppress[];   /* op/shape/suppress.c: NonMaxSuppression */
extern const arc_op arc_ops_local_norm[]; /* op/norm/local.c: LRN MeanVarianceNormalization */
extern const arc_op arc_ops_deform[];     /* op/conv/deform.c: DeformConv */
extern const arc_op arc_ops_quant[]; /* op/int8/quantize.c: DynamicQuantizeLinear ConvInteger MatMulInteger Quantize/Dequantize */

/* Made by passes of Cast to float16 and back, and of QuantizeLinear with DequantizeLinear: "arc.scale", "arc.lo" and "arc.hi"
 * floats: the size of a step and the whole numbers of steps between which results lie; without a scale half precision. */
#define ARC_ROUNDING "arc.Rounding"

/* Fused convolution, made by passes from Conv + BatchNormalization + activation + Add. It is Conv with these extra attributes
 * (never exported): "arc.act" string relu|prelu|leaky|clip, "arc.alpha"/"arc.lo"/"arc.hi" floats, and extra inputs: 3 = slope [C]
 * (prelu), 4 = residual (added before the activation), 5 = pad values [C_in]: what zero padding becomes when a BatchNormalization
 * in front was folded in; 6 = factor [C_out] and 7 = factor [C_in] that multiply the weights while they are packed (a folded
 * BatchNormalization needs no second copy of the weights). Any may be omitted. Pad values and factors are constants. Input 2
 * (bias) already holds the folded bias. Gemm likewise takes "arc.act" and the inputs 3, 6 [N] and 7 [K]; "arc.act" may be
 * gelu or gelu_tanh there. MatMul with a matrix of rank 2 on the right takes "arc.act" and the inputs 2 (bias [N]), 3, 4 and 6
 * [N]; its residual may broadcast, and may broadcast the product. */
#define ARC_CONV_SLOPE 3
#define ARC_CONV_RESIDUAL 4
#define ARC_CONV_PAD_VALUE 5
#define ARC_CONV_OUT_SCALE 6
#define ARC_CONV_IN_SCALE 7

#endif
