/* nn: what the files of the 8-bit operators share. */
#ifndef ARC_NN_LAYER_INT8_H
#define ARC_NN_LAYER_INT8_H

#include "nn/conv.h"
#include "nn/layer.h"

bool arc_int8_is(arc_dtype t); /* int8 or uint8 */
/* The optional zero point `input` is of this type and holds one element or `many`. */
bool arc_int8_zero_fits(const arc_infer *in, int input, arc_dtype t, int64_t many);
/* Zero point j of an optional input that holds one or many, shifted as its data are. */
int32_t arc_int8_zero(const arc_step *s, int input, int64_t j, int shift);
/* Rounded up to whole cache lines. */
size_t arc_int8_aligned(size_t bytes);

/* ---- layer_int8_pack.c ---- weights in panels [set][panel][tap][k/4][nr][4], then a column sum for each of sets*n columns. */
typedef struct arc_int8_pack {
    size_t sets, n, kc, taps, per_set, panel_bytes, bytes;
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

/* ---- layer_int8_depthwise.c ---- */
bool arc_int8_is_depthwise(const arc_conv_geometry *g);
arc_status arc_int8_depthwise_prepare(arc_prepare *p, const arc_conv_geometry *g, void **state);
void arc_int8_depthwise_run(const arc_step *s, const void *state);

#endif
