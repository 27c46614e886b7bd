/* op: an operator in learning: the step of a training schedule that an entry's learn_prepare, forward and backward (op.h) work
 * on, and what those functions share. learn/build.c makes the steps from the graph, learn/schedule.c places their activations and
 * gradients, learn/learner.c runs them. Rank-4 activations are NHWC, all others plain. */
#ifndef ARC_OP_LEARN_STEP_H
#define ARC_OP_LEARN_STEP_H

#include "op/op.h"
#include "op/parameter.h"

#define ARC_LEARN_INPUTS 2 /* activations that a step reads */

struct arc_learn_step {
    const arc_op *op;
    const arc_node *node;
    const char *name;
    int inputs, in[ARC_LEARN_INPUTS], out;           /* values */
    arc_shape in_shape[ARC_LEARN_INPUTS], out_shape; /* with the largest batch */
    arc_store in_store[ARC_LEARN_INPUTS], out_store; /* rank-4 ones may be bfloat16 */
    arc_learn_parameter *weight, *bias, *slope;      /* NULL: none */
    arc_learn_parameter *running_mean, *running_variance;
    arc_learn_norm *norm;  /* of a BatchNormalization */
    bool relu;             /* the activation, or the one behind a normalisation, is Relu; with a slope it is PRelu */
    const float *constant; /* Sub, Mul ... by [1] or [channels] */
    size_t constants;
    float momentum; /* of running statistics */
    /* set by learn_prepare: */
    void *state;                        /* lives as long as the learner */
    size_t scratch_bytes, shared_bytes; /* per thread; one block for the step */
    const char *algorithm;
    double macs;                             /* forward, an image */
    bool keeps[ARC_LEARN_INPUTS], keeps_out; /* what backward reads */
    bool passes[ARC_LEARN_INPUTS];           /* the input's gradient is the output's */
    bool in_place;                           /* dx[0] may be written over dy */
    /* the learner's: */
    double forward_ms, backward_ms, again_ms; /* when timed: the least so far; again: of this step */
};

/* One call of a step. Pointers are to `n` images' worth of each value. */
struct arc_learn_run {
    const arc_kernels *kernels;
    arc_pool *pool;
    size_t n;
    const void *x[ARC_LEARN_INPUTS]; /* backward: NULL when the step does not keep it */
    void *y;                         /* forward; backward: NULL when not kept */
    const void *dy;
    void *dx[ARC_LEARN_INPUTS]; /* NULL: not wanted, or the same memory as dy */
    bool add[ARC_LEARN_INPUTS]; /* dx += */
    bool again;                 /* forward once more for backward: running statistics stay */
    bool accumulate;            /* gradients of parameters += */
    bool evaluating;
    uint8_t *scratch; /* thread t has scratch + t*scratch_stride */
    size_t scratch_stride;
    uint8_t *shared;
    bool *finite; /* cleared when a sum over an input (forward) or gradient (backward) was not finite */
};

struct arc_learn_prepare {
    arc_learn_step *step;
    arc_arena *arena; /* the learner's life */
    const arc_kernels *kernels;
    size_t threads;
    arc_error *err;
};

static inline size_t arc_learn_pixels(const arc_shape *s) {
    return s->rank == 4 ? (size_t)(s->dim[2] * s->dim[3]) : 1;
}
/* Elements of one image. */
static inline size_t arc_learn_row(const arc_shape *s) {
    size_t row = 1;
    for (int i = 1; i < s->rank; i++)
        row *= (size_t)s->dim[i];
    return row;
}

/* ---- learn_step.c ---- */

/* "Conv 'conv1' cannot learn: why". */
arc_status arc_learn_refuse(const arc_node *n, const char *why, arc_error *err);
/* Thread t's scratch, as floats. */
float *arc_learn_scratch(const arc_learn_run *r, int thread);
/* `count` elements of x or y from element `at` on as floats: where they lie, or loaded `to` when they are stored as bfloat16. */
const float *arc_learn_load(const arc_learn_run *r, arc_store store, const void *x, size_t at, size_t count, float *to);
/* dx[input] from element `at` on becomes d, or grows by it when the run adds; `old` is room for as many floats, d is spent. */
void arc_learn_give(const arc_learn_step *s, const arc_learn_run *r, int input, size_t at, size_t count, float *d, float *old);
/* Sums dy over everything but channels into the gradient of s->bias. */
void arc_learn_bias_gradient(const arc_learn_step *s, const arc_learn_run *r);

/* ---- the families' functions, listed in their tables ---- */
arc_status arc_norm_learn_prepare(arc_learn_prepare *p); /* norm/norm_learn.c */
void arc_norm_forward(const arc_learn_step *s, const arc_learn_run *r);
void arc_norm_backward(const arc_learn_step *s, const arc_learn_run *r);
arc_status arc_gemm_learn_prepare(arc_learn_prepare *p); /* dense/gemm_learn.c */
void arc_gemm_forward(const arc_learn_step *s, const arc_learn_run *r);
void arc_gemm_backward(const arc_learn_step *s, const arc_learn_run *r);
arc_status arc_relu_learn_prepare(arc_learn_prepare *p); /* activation/activation_learn.c: Relu and PRelu */
void arc_relu_forward(const arc_learn_step *s, const arc_learn_run *r);
void arc_relu_backward(const arc_learn_step *s, const arc_learn_run *r);
arc_status arc_sigmoid_learn_prepare(arc_learn_prepare *p);
void arc_sigmoid_forward(const arc_learn_step *s, const arc_learn_run *r);
void arc_sigmoid_backward(const arc_learn_step *s, const arc_learn_run *r);
arc_status arc_arithmetic_learn_prepare(arc_learn_prepare *p); /* elementwise/elementwise_learn.c: Add Sub Mul Div */
void arc_arithmetic_forward(const arc_learn_step *s, const arc_learn_run *r);
void arc_arithmetic_backward(const arc_learn_step *s, const arc_learn_run *r);
arc_status arc_flatten_learn_prepare(arc_learn_prepare *p); /* shape/shape_learn.c: Flatten, Reshape to rows */
void arc_flatten_forward(const arc_learn_step *s, const arc_learn_run *r);
void arc_flatten_backward(const arc_learn_step *s, const arc_learn_run *r);
arc_status arc_average_learn_prepare(arc_learn_prepare *p); /* pool/pool_learn.c: GlobalAveragePool */
void arc_average_forward(const arc_learn_step *s, const arc_learn_run *r);
void arc_average_backward(const arc_learn_step *s, const arc_learn_run *r);

#endif
