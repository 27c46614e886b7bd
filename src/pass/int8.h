/* pass: what the files of the 8-bit pass share. int8.c decides what becomes one layer, by what int8_read.c finds in the graph,
 * and int8_write.c puts the layer there. */
#ifndef ARC_PASS_INT8_H
#define ARC_PASS_INT8_H

#include "pass/rewrite.h"

typedef struct arc_quantizer {
    float scale;
    int zero; /* of the 8-bit value as uint8 */
    arc_dtype type;
} arc_quantizer;

/* One 8-bit layer while nodes are taken into it. */
typedef struct arc_int8_layer {
    int index, last; /* its Conv or Gemm, and the last node taken in */
    int read;        /* the 8-bit values that it reads */
    int value;       /* the float result so far */
    int quantized;   /* the 8-bit values that leave, or ARC_NO_VALUE */
    int64_t c_out;
    arc_quantizer in, mid, out;
    bool has_mid, has_act, act_last;
    int residual;
    /* Nodes taken in, or NULL; norm: the BatchNormalization right behind, post: the one in front of the 8-bit values. */
    const arc_node *act, *norm, *post;
} arc_int8_layer;

/* ---- int8_read.c ---- */

/* The numbers of a QuantizeLinear or DequantizeLinear; false where they are not constant, one each and usable. */
bool arc_qdq_quantizer(const arc_rewrite *w, const arc_node *n, arc_quantizer *q);
/* Whether a QuantizeLinear makes these 8-bit values, and nothing but its inverses reads them. */
bool arc_qdq_values(const arc_rewrite *w, int value, arc_quantizer *q);
/* The DequantizeLinear of constants of this type behind input i, whose zero point is 0; NULL when there is none. */
const arc_node *arc_qdq_constant(const arc_rewrite *w, const arc_node *n, int i, arc_dtype type);
/* Whether a Conv or Gemm has symmetric int8 weights, with one scale or one an output channel. */
bool arc_qdq_weights_fit(const arc_rewrite *w, const arc_node *n, int64_t *c_out);
/* Whether it has no bias, or one a channel, of floats or of int32 values; *back: the node of the latter, else NULL. */
bool arc_qdq_bias_fits(const arc_rewrite *w, const arc_node *n, int64_t c_out, const arc_node **back);
/* Whether the node is a Flatten of each image. */
bool arc_qdq_flattens(const arc_node *n);
/* Whether the node is a BatchNormalization (arc_rewrite_is_norm) with one output. */
bool arc_qdq_norm_fits(const arc_rewrite *w, const arc_node *n, int64_t channels);

/* ---- int8_write.c ---- */

/* Puts the layer where the last node stood that it took in: all that it reads is made before. Errors: ENOMEM. */
arc_status arc_int8_write(arc_rewrite *w, const arc_int8_layer *l);
/* Inputs `slot` and slot + 1 of n become what `norm` multiplies and adds, in quanta of `quantize_scale`. Errors: ENOMEM. */
arc_status arc_int8_write_post(arc_rewrite *w, arc_node *n, int slot, const arc_node *norm, int64_t channels,
                               float quantize_scale);

#endif
