/* op: element-wise functions of one operand: roots, exponentials, angles, rounding, signs, and what asks for NaN and infinity.
 * exp, erf and sqrt of float32 run in typed loops, all else goes element by element through double, or through int64 where that
 * is exact. */
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

typedef enum unary_function {
    SQRT,
    EXP,
    LOG,
    ABS,
    NEG,
    FLOOR,
    CEIL,
    RECIPROCAL,
    ROUND,
    SIGN,
    ERF,
    SIN,
    COS,
    TAN,
    ASIN,
    ACOS,
    ATAN,
    SINH,
    COSH,
    ASINH,
    ACOSH,
    ATANH
} unary_function;

static double (*const unary[])(double) = {
    [SQRT] = sqrt,          [EXP] = exp,       [LOG] = log,      [ABS] = fabs,  [NEG] = negated, [FLOOR] = floor, [CEIL] = ceil,
    [RECIPROCAL] = inverse, [ROUND] = rounded, [SIGN] = sign_of, [ERF] = erf,   [SIN] = sin,     [COS] = cos,     [TAN] = tan,
    [ASIN] = asin,          [ACOS] = acos,     [ATAN] = atan,    [SINH] = sinh, [COSH] = cosh,   [ASINH] = asinh, [ACOSH] = acosh,
    [ATANH] = atanh};

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

static void each_of(const arc_step *s, arc_loop_fn *fn, void *arg) {
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_run(s->pool, l, fn, arg);
}

static void unary_run(const arc_step *s) {
    unary_job job = {s, unary[s->op->variant]};
    each_of(s, unary_items, &job);
}

/* ---- IsNaN, IsInf, BitwiseNot, Shrink ---- */

static arc_status asks_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    if (arc_dtype_is_int(in->in[0]->dtype))
        return arc_op_fail(in, ARC_EFORMAT, "needs floating-point numbers, not %s", arc_dtype_name(in->in[0]->dtype));
    return arc_infer_out(in, 0, ARC_BOOL, &in->in[0]->shape);
}

typedef struct asks_job {
    const arc_step *s;
    bool nan, above, below; /* which of the three count */
} asks_job;

static void asks_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const asks_job *job = arg;
    const arc_tensor *x = &job->s->in[0];
    uint8_t *y = job->s->out[0].data;
    for (int64_t i = 0; i < n; i++) {
        const double v = arc_element_real(x->dtype, x->data, at[1] + i * step[1]);
        y[at[0] + i * step[0]] = isnan(v) ? job->nan : isinf(v) ? v > 0 ? job->above : job->below : false;
    }
}

static void is_nan_run(const arc_step *s) {
    asks_job job = {s, true, false, false};
    each_of(s, asks_items, &job);
}

static void is_inf_run(const arc_step *s) {
    asks_job job = {s, false, arc_attr_int(s->node, "detect_positive", 1) != 0, arc_attr_int(s->node, "detect_negative", 1) != 0};
    each_of(s, asks_items, &job);
}

static arc_status bits_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    if (!arc_dtype_is_int(in->in[0]->dtype))
        return arc_op_fail(in, ARC_EFORMAT, "needs integers, not %s", arc_dtype_name(in->in[0]->dtype));
    return arc_infer_same(in);
}

static void bits_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const arc_step *s = arg;
    for (int64_t i = 0; i < n; i++)
        arc_element_set_int(s->out[0].dtype, s->out[0].data, at[0] + i * step[0],
                            ~arc_element_int(s->in[0].dtype, s->in[0].data, at[1] + i * step[1]));
}

static void bits_run(const arc_step *s) {
    each_of(s, bits_items, (void *)(uintptr_t)s);
}

/* Numbers nearer to zero than lambd become zero, the others come nearer by bias. */
static void shrink_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const arc_step *s = arg;
    const double limit = arc_attr_float(s->node, "lambd", 0.5f), bias = arc_attr_float(s->node, "bias", 0);
    for (int64_t i = 0; i < n; i++) {
        const double v = arc_element_real(s->in[0].dtype, s->in[0].data, at[1] + i * step[1]);
        arc_element_set_real(s->out[0].dtype, s->out[0].data, at[0] + i * step[0],
                             v < -limit  ? v + bias
                             : v > limit ? v - bias
                                         : 0);
    }
}

static void shrink_run(const arc_step *s) {
    each_of(s, shrink_items, (void *)(uintptr_t)s);
}

const arc_op arc_ops_unary[] = {
    {.name = "Sqrt",
     .kind = ARC_KIND_SQRT,
     .variant = SQRT,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same,
     .run = unary_run,
     .in_place = true},
    {.name = "Exp",
     .kernels = "exp",
     .variant = EXP,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same,
     .run = unary_run,
     .in_place = true},
    {.name = "Log", .variant = LOG, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Abs", .variant = ABS, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run, .in_place = true},
    {.name = "Neg", .variant = NEG, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run, .in_place = true},
    {.name = "Floor", .variant = FLOOR, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Ceil", .variant = CEIL, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Reciprocal", .variant = RECIPROCAL, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Round", .variant = ROUND, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Sign", .variant = SIGN, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Erf",
     .kernels = "erf",
     .kind = ARC_KIND_ERF,
     .variant = ERF,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same,
     .run = unary_run,
     .in_place = true},
    {.name = "Sin", .variant = SIN, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Cos", .variant = COS, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Tan", .variant = TAN, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Asin", .variant = ASIN, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Acos", .variant = ACOS, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Atan", .variant = ATAN, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Sinh", .variant = SINH, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Cosh", .variant = COSH, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Asinh", .variant = ASINH, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Acosh", .variant = ACOSH, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "Atanh", .variant = ATANH, .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = unary_run},
    {.name = "IsNaN", .layout = ARC_OP_SAME, .infer = asks_infer, .run = is_nan_run},
    {.name = "IsInf", .layout = ARC_OP_SAME, .infer = asks_infer, .run = is_inf_run},
    {.name = "BitwiseNot", .layout = ARC_OP_SAME, .infer = bits_infer, .run = bits_run},
    {.name = "Shrink", .layout = ARC_OP_SAME, .infer = arc_infer_same, .run = shrink_run},
    {.name = NULL},
};
