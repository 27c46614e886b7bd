/* op: what the families share: loops over tensors of mixed layouts with broadcasting, elements of any dtype, checks of an
 * infer call. Nothing here allocates. */
#ifndef ARC_OP_LAYER_H
#define ARC_OP_LAYER_H

#include "op/op.h"

/* ---- loop.c ---- */

#define ARC_LOOP_OPERANDS 4
#define ARC_LOOP_PARALLEL 16384 /* elements from which a loop is worth splitting over threads */

/* A nest of loops over the logical dimensions of operand 0 (the output); the others stand still (step 0) where they broadcast. */
typedef struct arc_loop {
    int rank, operands;
    int64_t dim[ARC_MAX_RANK];
    int64_t step[ARC_LOOP_OPERANDS][ARC_MAX_RANK]; /* in elements */
} arc_loop;

/* Handles n elements of the innermost loop: operand k begins at element at[k] and moves on by step[k]. */
typedef void arc_loop_fn(void *arg, int64_t n, const int64_t *at, const int64_t *step);

/* Element strides of the logical dimensions, by the tensor's layout. */
void arc_tensor_strides(const arc_tensor *t, int64_t stride[ARC_MAX_RANK]);
/* A loop over `shape` without operands; operands are added in order. */
void arc_loop_begin(arc_loop *l, const arc_shape *shape);
/* Adds a tensor whose shape broadcasts to the loop's (right-aligned, as numpy). */
void arc_loop_add(arc_loop *l, const arc_tensor *t);
/* Adds an operand by its strides, one a dimension. */
void arc_loop_add_strides(arc_loop *l, const int64_t *stride);
/* Runs it, split over the pool when large: dimensions sorted by operand 0's strides and merged, so the inner loop is long. Each
 * element of operand 0 is handled exactly once. */
void arc_loop_run(arc_pool *pool, arc_loop l, arc_loop_fn *fn, void *arg);

/* Copies a block: element sizes of 1, 2, 4 or 8 bytes, any strides (negative ones as well). */
void arc_copy_block(arc_pool *pool, size_t element_bytes, const arc_shape *block, void *to, const int64_t *to_stride,
                    const void *from, const int64_t *from_stride);

/* ---- element.c ---- any element as the widest integer or real; NaN and out-of-range values convert to the nearest integer
 * (NaN to 0). A uint64 from 2^63 on is a negative integer of the same bits. */
bool arc_dtype_is_int(arc_dtype t); /* bool counts */
int64_t arc_element_int(arc_dtype t, const void *data, int64_t i);
double arc_element_real(arc_dtype t, const void *data, int64_t i);
void arc_element_set_int(arc_dtype t, void *data, int64_t i, int64_t v); /* wraps as C's conversion does */
void arc_element_set_real(arc_dtype t, void *data, int64_t i, double v);

/* ---- infer.c ---- */

/* Fails unless the node has `inputs` inputs that are all given, and one wanted output. */
arc_status arc_infer_needs(const arc_infer *in, int inputs);
/* Sets output i (when wanted); ELIMIT when the shape is too large. */
arc_status arc_infer_out(arc_infer *in, int i, arc_dtype t, const arc_shape *s);
/* Output 0 takes dtype and shape of input 0. */
arc_status arc_infer_same(arc_infer *in);
/* The same for operators that compute in float32 only. */
arc_status arc_infer_same_f32(arc_infer *in);
/* Input i as integers; EUNSUPPORTED when its value is not known at plan time. *count 0 and ARC_OK when the input is omitted. */
arc_status arc_infer_ints(const arc_infer *in, int i, int max, int64_t *ints, int *count);
/* A list of integers from attribute `name`; false when absent or longer than max. */
bool arc_node_ints_of(const arc_node *n, const char *name, int max, int64_t *ints, int *count);
/* Axis in -rank..rank-1 to 0..rank-1, -1 when outside. */
int arc_axis(int64_t axis, int rank);
/* Numpy broadcast of two shapes; false when they do not fit. */
bool arc_shape_broadcast(const arc_shape *a, const arc_shape *b, arc_shape *out);

/* Of convolutions, whose weights are [C_out][...], and of matrix products over the last dimension of input 0. */
int64_t arc_macs_conv(const arc_shape *in0, const arc_shape *in1, const arc_shape *out);
int64_t arc_macs_matmul(const arc_shape *in0, const arc_shape *in1, const arc_shape *out);
/* Number of elements, 0 when it is not known. */
int64_t arc_shape_known(const arc_shape *s);

/* Plain elements, the same number: views that only rename the shape. */
void arc_copy_run(const arc_step *s);
/* The same shape, possibly another layout. */
void arc_identity_run(const arc_step *s);

/* ---- op/shape/move.c, op/shape/cut.c ---- operators listed in op/shape/shape.c's table */
arc_status arc_concat_infer(arc_infer *in);
void arc_concat_run(const arc_step *s);
arc_status arc_split_infer(arc_infer *in);
void arc_split_run(const arc_step *s);
arc_status arc_slice_infer(arc_infer *in);
arc_status arc_slice_prepare(arc_prepare *p);
void arc_slice_run(const arc_step *s);
arc_status arc_gather_infer(arc_infer *in);
void arc_gather_run(const arc_step *s);
arc_status arc_transpose_infer(arc_infer *in);
void arc_transpose_run(const arc_step *s);
arc_status arc_expand_infer(arc_infer *in);
void arc_expand_run(const arc_step *s);
arc_status arc_tile_infer(arc_infer *in);
void arc_tile_run(const arc_step *s);
arc_status arc_pad_infer(arc_infer *in);
arc_status arc_pad_prepare(arc_prepare *p);
void arc_pad_run(const arc_step *s);
enum { ARC_DEPTH_TO_SPACE, ARC_SPACE_TO_DEPTH }; /* variants of: */
arc_status arc_depth_infer(arc_infer *in);
void arc_depth_run(const arc_step *s);

/* ---- op/int8/int8.c ---- operators listed in op/int8/quantize.c's table */
arc_status arc_conv_integer_infer(arc_infer *in);
arc_status arc_conv_integer_prepare(arc_prepare *p);
void arc_conv_integer_run(const arc_step *s);
/* ---- op/int8/matmul.c ---- the same */
arc_status arc_matmul_integer_infer(arc_infer *in);
arc_status arc_matmul_integer_prepare(arc_prepare *p);
void arc_matmul_integer_run(const arc_step *s);
/* ---- op/int8/convert.c ---- */
extern const arc_op arc_ops_int8_fused[]; /* the fused 8-bit layers of op/int8/int8.h */

#endif
