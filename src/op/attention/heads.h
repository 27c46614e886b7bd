/* attention: softmax(scale q k^T + bias) v for heads that lie anywhere in their tensors, on the multiplying tile. Keys and values
 * are packed once a run; then each tile of rows of a head has its scores in a thread's scratch, so that the whole matrix of
 * scores is never in memory. */
#ifndef ARC_OP_ATTENTION_HEADS_H
#define ARC_OP_ATTENTION_HEADS_H

#include "op/op.h"

/* [batch][heads][length][size] with strides in elements. */
typedef struct arc_heads {
    int64_t batch, heads, length, size;
    int64_t batch_stride, head_stride, row_stride, element_stride;
} arc_heads;

typedef struct arc_heads_attention {
    arc_heads q, k, v,
        y;         /* of as many batches, by strides of 0 where they broadcast; k and v of as many heads; y's element_stride: 1 */
    int64_t group; /* heads of q for each head of k and v */
    float scale;
    int64_t bias_stride[4]; /* of batch, head, row and key */
    /* set by arc_heads_prepare: */
    size_t tiles, row_floats, key_panels, value_panels, key_floats, value_floats; /* floats: of the packed panels of one head */
} arc_heads_attention;

/* Fills in the rest and adds the scratch that the step needs; false when it would be too large. */
bool arc_heads_prepare(arc_step *s, arc_heads_attention *a);
/* bias, head_scale ([heads], multiplies scale): NULL where there is none. */
void arc_heads_run(const arc_step *s, const arc_heads_attention *a, const float *q, const float *k, const float *v,
                   const float *bias, const float *head_scale, float *y);

extern const arc_op arc_ops_heads[]; /* fused.c: arc.Attention, which passes make */

#endif
