/* op: what the files of the 8-bit operators share. */
#ifndef ARC_OP_INT8_INT8_H
#define ARC_OP_INT8_INT8_H

#include "op/conv/geometry.h"
#include "op/layer.h"

bool arc_int8_is(arc_dtype t); /* int8 or uint8 */
/* The optional zero point `input` is of this type and holds one element or `many`. */
bool arc_int8_zero_fits(const arc_infer *in, int input, arc_dtype t, int64_t many);
/* Zero point j of an optional input that holds one or many, shifted as its data are. */
int32_t arc_int8_zero(const arc_step *s, int input, int64_t j, int shift);

/* ---- the fused 8-bit layers, made by pass/int8.c from QDQ graphs (never exported) ----
 *
 * 8-bit values are uint8, rows of channels: [N,H,W,C], or [N,K]; int8 ones are shifted by 128 together with their zero points.
 *   arc.Int8Conv, arc.Int8Gemm   inputs: 8-bit values, int8 weights, and as float32: scale, bias [C_out], slope, residual,
 *                                post scale, post shift
 *                                outputs: the float result (when "arc.float"), then 8-bit values (when "arc.quantized")
 *   arc.Quantize                 inputs: floats, post scale, post shift (may be omitted); output: 8-bit values
 *   arc.Dequantize               input: 8-bit values; output: floats
 * Attributes are named as arc_requantize's fields; "arc.zero" is the zero point of the 8-bit values read. Int8Gemm reads the
 * weights of a flattened [N,C,H,W] and takes 8-bit values in rows all the same: it is a convolution whose kernel covers the
 * map. */
#define ARC_INT8_CONV "arc.Int8Conv"
#define ARC_INT8_GEMM "arc.Int8Gemm"
#define ARC_QUANTIZE "arc.Quantize"
#define ARC_DEQUANTIZE "arc.Dequantize"
enum {
    ARC_INT8_SCALE = 2,
    ARC_INT8_BIAS,
    ARC_INT8_SLOPE,
    ARC_INT8_RESIDUAL,
    ARC_INT8_POST_SCALE,
    ARC_INT8_POST_SHIFT,
    ARC_INT8_INPUTS
};

/* requantize.c: the parts of a requantization that are attributes. */
void arc_requantize_read(const arc_node *n, arc_requantize *r);

arc_status arc_int8_conv_infer(arc_infer *in);
arc_status arc_int8_conv_prepare(arc_prepare *p);
void arc_int8_conv_run(const arc_step *s);

/* ---- pack.c ---- weights in panels [set][panel][tap][k/4][nr][4], then a column sum for each of sets*n columns. */
typedef struct arc_int8_pack {
    size_t sets, n, kc, taps, per_set, panel_bytes, bytes;
    /* Of groups merged into one set: column j is multiplied by the k of its own group, other weights are 0. 0: not merged. */
    size_t group_n, group_k;
    size_t step_set, step_n, step_k, step_tap; /* strides of the source */
    const int8_t *packed;                      /* NULL: the weights are no constant, pack into shared scratch */
} arc_int8_pack;

/* Fills per_set, panel_bytes, bytes; false on overflow. */
bool arc_int8_pack_size(const arc_kernels *k, arc_int8_pack *p);
/* Constant weights go to the session's store; false when memory is short. */
bool arc_int8_pack_constant(arc_prepare *prepare, arc_int8_pack *p, const arc_tensor *w, const char *what);
/* The packed weights; packs input 1 into shared scratch at `at` when they are no constant. */
const int8_t *arc_int8_packed(const arc_step *s, const arc_int8_pack *p, size_t at);
const int32_t *arc_int8_column_sums(const arc_int8_pack *p, const int8_t *packed);

/* ---- depthwise.c ---- */
bool arc_int8_is_depthwise(const arc_conv_geometry *g);
arc_status arc_int8_depthwise_prepare(arc_prepare *p, const arc_conv_geometry *g, void **state);
void arc_int8_depthwise_run(const arc_step *s, const void *state);

#endif
