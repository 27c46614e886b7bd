/* What the tests of convolutions share: random cases, their data, and the comparison with the definition in double. */
#ifndef ARC_TEST_CONV_SUPPORT_H
#define ARC_TEST_CONV_SUPPORT_H

#include "op/conv/geometry.h"
#include "op_harness.h"

typedef struct conv_case {
    bool transposed;
    int64_t n, c_in, c_out, h, w, kh, kw, groups, stride[2], dilation[2], pads[4], extra[2];
    const char *act; /* NULL: none */
    bool bias, residual, pad_value, factors;
} conv_case;

typedef struct conv_data {
    float *x, *w, *bias, *slope, *residual, *pad, *out_scale, *in_scale;
} conv_data;

static const float alpha = 0.2f, lo = -0.5f, hi = 1.5f;

static inline void out_size(const conv_case *c, int64_t *oh, int64_t *ow) {
    const int64_t eh = (c->kh - 1) * c->dilation[0] + 1, ew = (c->kw - 1) * c->dilation[1] + 1;
    if (c->transposed) {
        *oh = (c->h - 1) * c->stride[0] + eh + c->extra[0] - c->pads[0] - c->pads[2];
        *ow = (c->w - 1) * c->stride[1] + ew + c->extra[1] - c->pads[1] - c->pads[3];
    } else {
        *oh = (c->h + c->pads[0] + c->pads[2] - eh) / c->stride[0] + 1;
        *ow = (c->w + c->pads[1] + c->pads[3] - ew) / c->stride[1] + 1;
    }
}

static inline conv_data make_data(const conv_case *c) {
    int64_t oh, ow;
    out_size(c, &oh, &ow);
    conv_data d = {0};
    d.x = opx_floats((size_t)(c->n * c->h * c->w * c->c_in));
    d.w = opx_floats((size_t)(c->c_in * c->c_out / c->groups * c->kh * c->kw));
    d.bias = opx_floats((size_t)c->c_out);
    d.slope = opx_floats((size_t)c->c_out);
    d.residual = opx_floats((size_t)(c->n * oh * ow * c->c_out));
    d.pad = opx_floats((size_t)c->c_in);
    d.out_scale = opx_floats((size_t)c->c_out);
    d.in_scale = opx_floats((size_t)c->c_in);
    return d;
}

static inline void free_data(conv_data *d) {
    free(d->x);
    free(d->w);
    free(d->bias);
    free(d->slope);
    free(d->residual);
    free(d->pad);
    free(d->out_scale);
    free(d->in_scale);
}

static inline void describe(opx *o, const conv_case *c, const conv_data *d) {
    int64_t oh, ow;
    out_size(c, &oh, &ow);
    opx_init(o, c->transposed ? "ConvTranspose" : "Conv");
    opx_int(o, "group", c->groups);
    opx_ints(o, "strides", 2, c->stride);
    opx_ints(o, "dilations", 2, c->dilation);
    opx_ints(o, "pads", 4, c->pads);
    if (c->transposed)
        opx_ints(o, "output_padding", 2, c->extra);
    if (c->act)
        opx_string(o, "arc.act", c->act);
    opx_float(o, "arc.alpha", alpha);
    opx_float(o, "arc.lo", lo);
    opx_float(o, "arc.hi", hi);
    opx_input(o, 0, ARC_NHWC, d->x, 4, (int64_t[]){c->n, c->c_in, c->h, c->w});
    if (c->transposed)
        opx_input(o, 1, ARC_PLAIN, d->w, 4, (int64_t[]){c->c_in, c->c_out / c->groups, c->kh, c->kw});
    else
        opx_input(o, 1, ARC_PLAIN, d->w, 4, (int64_t[]){c->c_out, c->c_in / c->groups, c->kh, c->kw});
    if (c->bias)
        opx_input(o, 2, ARC_PLAIN, d->bias, 1, &c->c_out);
    if (c->act && strcmp(c->act, "prelu") == 0)
        opx_input(o, ARC_CONV_SLOPE, ARC_PLAIN, d->slope, 1, &c->c_out);
    if (c->residual)
        opx_input(o, ARC_CONV_RESIDUAL, ARC_NHWC, d->residual, 4, (int64_t[]){c->n, c->c_out, oh, ow});
    if (c->pad_value)
        opx_input(o, ARC_CONV_PAD_VALUE, ARC_PLAIN, d->pad, 1, &c->c_in);
    if (c->factors) {
        opx_input(o, ARC_CONV_OUT_SCALE, ARC_PLAIN, d->out_scale, 1, &c->c_out);
        opx_input(o, ARC_CONV_IN_SCALE, ARC_PLAIN, d->in_scale, 1, &c->c_in);
    }
}

/* ---- comparison with the definition ---------------------------------------------------------------------------------------- */

/* Sum of the absolute weights of an output channel of a 3x3 layer, a group's once for every group: inputs are at most 1. */
static inline double weight_size(const conv_case *c, const conv_data *d, int64_t co) {
    const int64_t in_group = c->c_in / c->groups;
    double size = 2;
    for (int64_t ci = 0; ci < c->c_in; ci++)
        for (int64_t k = 0; k < 9; k++) {
            const double w = (double)d->w[(co * in_group + ci % in_group) * 9 + k];
            size += fabs(c->factors ? w * (double)d->out_scale[co] * (double)d->in_scale[ci] : w);
        }
    return size;
}

/* `bound`: of the error, in units of the sum of absolute products; those of `mixed` algorithms in units of the absolute weights,
 * because all inputs of a tile mix in each of its outputs. */
static inline void compare(const conv_case *c, const conv_data *d, const float *got, const char *level, double bound,
                           bool mixed) {
    opx o;
    describe(&o, c, d);
    double *want = opx_doubles(&o, &arc_ops_conv[c->transposed], false),
           *sizes = opx_doubles(&o, &arc_ops_conv[c->transposed], true);
    const int64_t pixels = o.out.shape.dim[2] * o.out.shape.dim[3];
    for (int64_t i = 0; i < c->n * c->c_out * pixels; i++) {
        const int64_t co = i / pixels % c->c_out, at = (i / pixels / c->c_out * pixels + i % pixels) * c->c_out + co;
        const double size = mixed ? weight_size(c, d, co) : 2 + sizes[i];
        if (!(fabs((double)got[at] - want[i]) <= bound * size))
            fail_msg("%s %s n%lld c%lld->%lld %lldx%lld k%lldx%lld g%lld at %lld: got %.8g, want %.8g", level,
                     c->transposed ? "ConvTranspose" : "Conv", (long long)c->n, (long long)c->c_in, (long long)c->c_out,
                     (long long)c->h, (long long)c->w, (long long)c->kh, (long long)c->kw, (long long)c->groups, (long long)i,
                     (double)got[at], want[i]);
    }
    free(want);
    free(sizes);
}

static inline conv_case random_case(bool transposed) {
    static const char *const acts[] = {NULL, "relu", "prelu", "leaky", "clip"};
    conv_case c = {.transposed = transposed};
    c.groups = opx_random() % 3 == 0 ? 1 + (int64_t)(opx_random() % 4) : 1;
    c.n = 1 + opx_random() % 2;
    c.c_in = c.groups * (1 + (int64_t)(opx_random() % 20));
    c.c_out = c.groups * (1 + (int64_t)(opx_random() % 40));
    if (opx_random() % 4 == 0) /* depthwise */
        c.groups = c.c_out = c.c_in;
    c.kh = 1 + opx_random() % 3;
    c.kw = 1 + opx_random() % 4;
    for (int i = 0; i < 2; i++) {
        c.stride[i] = 1 + opx_random() % 3;
        c.dilation[i] = 1 + opx_random() % 2;
    }
    for (int i = 0; i < 4; i++)
        c.pads[i] = (int64_t)opx_random() % (i % 2 ? c.kw : c.kh);
    for (int i = 0; i < 2; i++)
        c.extra[i] = transposed ? (int64_t)opx_random() % c.stride[i] : 0;
    c.h = 1 + (c.kh - 1) * c.dilation[0] + opx_random() % 8;
    c.w = 1 + (c.kw - 1) * c.dilation[1] + opx_random() % 9;
    c.act = acts[opx_random() % 5];
    c.bias = opx_random() % 2;
    c.residual = opx_random() % 2;
    c.pad_value = !transposed && opx_random() % 2;
    c.factors = opx_random() % 2;
    return c;
}

/* A test whose own prepare knows several schedules takes them in turn by this. */
static size_t conv_turn;

/* The case's output by `op` for 1 to 16 threads: the same bits. */
static inline void same_bits_for_threads(const conv_case *c, const arc_op *op, bool constant_weights) {
    conv_data d = make_data(c);
    float *want = NULL;
    for (int threads = 1; threads <= 16; threads++) {
        arc_pool *pool = NULL;
        opx o;
        conv_turn = (size_t)threads; /* a schedule is no part of the bits either */
        assert_int_equal(arc_pool_new(&pool, &arc_alloc_libc, threads, NULL), ARC_OK);
        describe(&o, c, &d);
        o.constant_weights = constant_weights;
        float *y = opx_run(&o, op, arc_kernels_get(NULL), pool);
        arc_pool_free(&pool);
        if (want) {
            assert_memory_equal(y, want, (size_t)arc_shape_count(&o.out.shape) * sizeof(float));
            free(y);
        } else {
            want = y;
        }
    }
    free(want);
    free_data(&d);
}
#endif
