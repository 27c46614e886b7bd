/* op: float32 rounded to what other numbers can hold and kept as float32: to half precision, or to steps of one size between two
 * ends. Passes make it of the standard operators that say the same in two nodes (pass/rounding.c); results have their bits. */
#include "op/layer.h"
#include <string.h>

typedef struct rounding_job {
    const arc_step *s;
    float scale, lo, hi; /* scale 0: half precision. lo and hi are whole numbers of steps */
} rounding_job;

static float float_of(int32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static int32_t bits_of(float f) {
    int32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* To the nearest half, ties to even, with masks for branches, so that compilers vectorise it. */
static float to_half(float x) {
    const int32_t bits = bits_of(x), size = bits & 0x7fffffff;
    const int32_t normal = (size + 0xfff + (size >> 13 & 1)) & ~0x1fff;
    /* Halves below 2^-14 are multiples of 2^-24, as floats from 0.5 to 1 are. */
    const int32_t small = bits_of((float_of(size) + 0.5f) - 0.5f);
    const int32_t is_small = -(size < 0x38800000), is_large = -(size >= 0x477ff000) /* 65520 */, is_nan = -(size > 0x7f800000);
    const int32_t finite = (small & is_small) | (normal & ~is_small);
    const int32_t half = (finite & ~is_large) | (0x7f800000 & is_large) | (0x00400000 & is_nan);
    return float_of(half | (bits & ~0x7fffffff));
}

static void halves(size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = to_half(y[i]);
}

static void steps(const rounding_job *job, size_t n, float *y) {
    const float scale = job->scale, lo = job->lo, hi = job->hi;
    const float round_magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to the nearest integer, ties to even */
    for (size_t i = 0; i < n; i++) {
        float v = y[i] / scale;
        v = v > lo ? v : lo; /* also NaN */
        v = v < hi ? v : hi;
        y[i] = ((v + round_magic) - round_magic) * scale;
    }
}

/* Where it lies: one pointer, so that compilers need not ask whether two overlap. */
static void round_row(const rounding_job *job, size_t n, float *y) {
    if (job->scale > 0)
        steps(job, n, y);
    else
        halves(n, y);
}

static void rounding_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const rounding_job *job = arg;
    const float *x = (const float *)job->s->in[0].data + at[1];
    float *y = (float *)job->s->out[0].data + at[0];
    if (step[0] == 1 && step[1] == 1) {
        if (x != y)
            memcpy(y, x, (size_t)n * sizeof *y);
        round_row(job, (size_t)n, y);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        y[i * step[0]] = x[i * step[1]];
        round_row(job, 1, y + i * step[0]);
    }
}

static void rounding_run(const arc_step *s) {
    rounding_job job = {.s = s, .scale = arc_attr_float(s->node, "arc.scale", 0)};
    job.lo = arc_attr_float(s->node, "arc.lo", 0);
    job.hi = arc_attr_float(s->node, "arc.hi", 0);
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_run(s->pool, l, rounding_items, &job);
}

const arc_op arc_ops_rounding[] = {
    {.name = ARC_ROUNDING,
     .kind = ARC_KIND_ROUNDING,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same_f32,
     .run = rounding_run,
     .in_place = true,
     .made_by_passes = true},
    {.name = NULL},
};
