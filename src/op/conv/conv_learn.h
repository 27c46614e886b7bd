/* op: Conv in learning. conv_learn.c is what the table lists; it leaves 3x3 convolutions to winograd_learn.c where that is
 * faster, and grouped ones to depthwise_learn.c. */
#ifndef ARC_OP_CONV_CONV_LEARN_H
#define ARC_OP_CONV_CONV_LEARN_H

#include "op/conv/geometry.h"
#include "op/conv/winograd_blocks.h"
#include "op/learn_step.h"

arc_status arc_conv_learn_prepare(arc_learn_prepare *p);
void arc_conv_forward(const arc_learn_step *s, const arc_learn_run *r);
void arc_conv_backward(const arc_learn_step *s, const arc_learn_run *r);

/* ---- winograd_learn.c ---- */

/* A 3x3 convolution of stride 1 in the Winograd domain. */
typedef struct arc_winograd_learn {
    arc_winograd_blocks forward;
    arc_winograd_blocks input; /* its gradient: the same over dy, with the weights turned and in and out exchanged */
    const float *zero;         /* [max channels] */
    size_t grad_tiles;         /* of a block of the weights' gradient */
    size_t sums_at;            /* floats of shared scratch before the gradient's sums */
} arc_winograd_learn;

/* Whether the convolution has a Winograd way that is faster. */
bool arc_winograd_learns(const arc_conv_geometry *g);
/* Fills it and raises the step's scratch. */
arc_status arc_winograd_learn_prepare(arc_learn_prepare *p, const arc_conv_geometry *g, const arc_winograd_learn **out);
void arc_winograd_learn_forward(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r);
void arc_winograd_learn_input(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r);
void arc_winograd_learn_weights(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r);

/* ---- depthwise_learn.c ---- more than one group */
typedef struct arc_grouped_learn arc_grouped_learn;
/* Makes it and sets the step's scratch. */
arc_status arc_grouped_learn_prepare(arc_learn_prepare *p, const arc_conv_geometry *g, const arc_grouped_learn **out);
void arc_grouped_learn_forward(const arc_grouped_learn *d, const arc_learn_step *s, const arc_learn_run *r);
void arc_grouped_learn_input(const arc_grouped_learn *d, const arc_learn_step *s, const arc_learn_run *r);
void arc_grouped_learn_weights(const arc_grouped_learn *d, const arc_learn_step *s, const arc_learn_run *r);

#endif
