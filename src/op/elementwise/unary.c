/* op: element-wise functions of one operand: roots, exponentials, rounding, signs. exp, erf and sqrt of float32 run in typed
 * loops, all else goes element by element through double, or through int64 where that is exact. */
#include "op/layer.h"
#include <math.h>

static double rounded(double x) {
    return nearbyint(x);
}
static double sign_of(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : x;
}
static double negated(double x) {
    return -x;
}
static double inverse(double x) {
    return 1 / x;
}

typedef enum unary_function { SQRT, EXP, LOG, ABS, NEG, FLOOR, CEIL, RECIPROCAL, ROUND, SIGN, ERF, SIN, COS } unary_function;

static double (*const unary[])(double) = {
    [SQRT] = sqrt,          [EXP] = exp,       [LOG] = log,      [ABS] = fabs, [NEG] = negated, [FLOOR] = floor, [CEIL] = ceil,
    [RECIPROCAL] = inverse, [ROUND] = rounded, [SIGN] = sign_of, [ERF] = erf,  [SIN] = sin,     [COS] = cos};

typedef struct unary_job {
    const arc_step *s;
    double (*fn)(double);
} unary_job;

static void unary_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const unary_job *job = arg;
    const arc_tensor *x = &job->s->in[0], *y = &job->s->out[0];
    const bool unit = step[0] == 1 && step[1] == 1 && x->dtype == ARC_F32;
    const float *from = (const float *)x->data + (x->dtype == ARC_F32 ? at[1] : 0);
    float *to = (float *)y->data + (x->dtype == ARC_F32 ? at[0] : 0);
    if (unit && job->fn == exp)
        job->s->kernels->exp((size_t)n, from, to);
    else if (unit && job->fn == erf)
        job->s->kernels->erf((size_t)n, from, to);
    else if (unit && job->fn == sqrt)
        for (int64_t i = 0; i < n; i++)
            to[i] = sqrtf(from[i]);
    else if (arc_dtype_is_int(x->dtype) && (job->fn == fabs || job->fn == negated))
        for (int64_t i = 0; i < n; i++) {
            const int64_t v = arc_element_int(x->dtype, x->data, at[1] + i * step[1]);
            arc_element_set_int(y->dtype, y->data, at[0] + i * step[0],
                                job->fn == fabs && v >= 0 ? v : (int64_t)(0 - (uint64_t)v));
        }
    else
        for (int64_t i = 0; i < n; i++)
            arc_element_set_real(y->dtype, y->data, at[0] + i * step[0],
                                 job->fn(arc_element_real(x->dtype, x->data, at[1] + i * step[1])));
}

static void unary_run(const arc_step *s) {
    unary_job job = {s, unary[s->op->variant]};
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_run(s->pool, l, unary_items, &job);
}

const arc_op arc_ops_unary[] = {
    {.name = "Sqrt", .variant = SQRT, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run, .in_place = true},
    {.name = "Exp", .variant = EXP, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run, .in_place = true},
    {.name = "Log", .variant = LOG, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Abs", .variant = ABS, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run, .in_place = true},
    {.name = "Neg", .variant = NEG, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run, .in_place = true},
    {.name = "Floor", .variant = FLOOR, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Ceil", .variant = CEIL, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Reciprocal", .variant = RECIPROCAL, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Round", .variant = ROUND, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Sign", .variant = SIGN, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Erf", .variant = ERF, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run, .in_place = true},
    {.name = "Sin", .variant = SIN, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Cos", .variant = COS, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = NULL},
};
