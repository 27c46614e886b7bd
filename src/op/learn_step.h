/* op: a step is one layer with its forward and backward; learn_<layer>.c have them, learn/build.c makes the list from the
 * graph, learn/schedule.c places the activations, learn.c runs it. Rank-4 activations are NHWC, all others plain. */
#ifndef ARC_OP_LEARN_STEP_H
#define ARC_OP_LEARN_STEP_H

#include "kernel/kernel.h"
#include "op/conv/geometry.h"
#include "op/parameter.h"

#define ARC_LEARN_INPUTS 2

struct arc_learn_op;

typedef struct arc_learn_step {
    const struct arc_learn_op *op;
    const arc_node *node;
    const char *name;
    int inputs, in[ARC_LEARN_INPUTS], out;           /* values */
    arc_shape in_shape[ARC_LEARN_INPUTS], out_shape; /* with the largest batch */
    arc_store in_store[ARC_LEARN_INPUTS], out_store; /* rank-4 ones may be bfloat16 */
    arc_learn_parameter *weight, *bias, *slope;      /* NULL: none */
    arc_learn_parameter *running_mean, *running_variance;
    struct arc_learn_norm *norm;
    float flat_slope; /* a Relu behind the normalisation: 0 with relu set */
    bool relu;
    const float *constant; /* Sub, Mul ... by [1] or [channels] */
    size_t constants;
    float momentum;
    void *state;
    size_t scratch_bytes, shared_bytes; /* per thread; one block for the step */
    const char *algorithm;
    double macs;                              /* forward, an image */
    double forward_ms, backward_ms, again_ms; /* when timed: the least so far; again: of this step */
} arc_learn_step;

/* One call of a step. Pointers are to `n` images' worth of each value. */
typedef struct arc_learn_run {
    const arc_kernels *kernels;
    arc_pool *pool;
    size_t n;
    const void *x[ARC_LEARN_INPUTS]; /* backward: NULL when the op does not keep it */
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
} arc_learn_run;

typedef struct arc_learn_prepare {
    arc_learn_step *step;
    arc_arena *arena; /* the learner's life */
    const arc_kernels *kernels;
    size_t threads;
    arc_error *err;
} arc_learn_prepare;

typedef struct arc_learn_op {
    const char *name;
    arc_status (*prepare)(arc_learn_prepare *p); /* NULL = nothing to prepare */
    void (*forward)(const arc_learn_step *s, const arc_learn_run *r);
    void (*backward)(const arc_learn_step *s, const arc_learn_run *r);
    bool keeps[ARC_LEARN_INPUTS], keeps_out; /* what backward reads, */
    bool for_weights;                        /* for the gradient of its weights alone: nothing when they are frozen */
    bool passes[ARC_LEARN_INPUTS];           /* the input's gradient is the output's */
    bool in_place;                           /* dx[0] may be written over dy */
} arc_learn_op;

extern const arc_learn_op arc_learn_conv, arc_learn_depthwise, arc_learn_norm_op, arc_learn_act, arc_learn_add, arc_learn_affine,
    arc_learn_gate, arc_learn_pool, arc_learn_sigmoid, arc_learn_flatten, arc_learn_gemm;

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
static inline size_t arc_store_bytes(arc_store store) {
    return store == ARC_STORE_BF16 ? 2 : 4;
}
/* Whether this step's backward reads input k. */
static inline bool arc_learn_keeps(const arc_learn_step *s, int k) {
    return s->op->keeps[k] && !(s->op->for_weights && s->weight->frozen);
}
static inline void *arc_store_at(arc_store store, const void *p, size_t i) {
    return (uint8_t *)(uintptr_t)p + i * arc_store_bytes(store);
}
static inline size_t arc_learn_align(size_t bytes) {
    return (bytes + ARC_ALIGN - 1) / ARC_ALIGN * ARC_ALIGN;
}

/* op/conv/conv_learn.c: sums dy over everything but channels into s->bias. */
void arc_learn_bias_gradient(const arc_learn_step *s, const arc_learn_run *r);

/* ---- op/conv/phase_learn.c ---- the gradient of a convolution's input, by phases: input pixels y = y0 + i*stride, x = x0 + j*stride meet the
 * same taps, as a convolution of stride 1 over dy. */
typedef struct arc_conv_phase {
    int64_t y0, x0, rows, cols; /* pixels of the input */
    size_t taps;
    int64_t *tap;           /* ky*kw + kx */
    int64_t *off_y, *off_x; /* the output pixel of tap t is (i + off_y[t], j + off_x[t]) */
    size_t weights_at;      /* of this phase in a packed buffer; the user's */
} arc_conv_phase;
typedef struct arc_conv_phases {
    size_t count;
    arc_conv_phase *phase;
} arc_conv_phases;
arc_status arc_conv_phases_new(arc_conv_phases *out, arc_arena *arena, const arc_conv_geometry *g, arc_error *err);
/* list[i*pixel_step + t*tap_step] for `count` pixels of image `image`, row i, columns from j. */
void arc_conv_phase_pointers(const arc_conv_geometry *g, const arc_conv_phase *p, const float *dy, const float *zero,
                             size_t image, int64_t i, int64_t j, size_t count, size_t pixel_step, size_t tap_step,
                             const float **list);

#endif
