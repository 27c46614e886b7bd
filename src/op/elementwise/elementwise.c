/* op: element-wise arithmetic, comparison and logic of two operands or more with numpy broadcasting, Where and Cast. float32 runs
 * in typed loops; integers and the rare types go element by element through int64 or double (shape arithmetic is a handful of
 * numbers). Functions of one operand are in unary.c. */
#include "op/layer.h"
#include "op/learn_step.h"
#include <math.h>
#include <string.h>

/* The variants of the table below; Sum is a chain of ADD. */
typedef enum binary_kind {
    ADD,
    SUB,
    MUL,
    DIV,
    POW,
    MIN,
    MAX,
    MOD,
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    AND,
    OR,
    XOR,
    BIT_AND,
    BIT_OR,
    BIT_XOR,
    SHIFT_LEFT, /* of BitShift, whose direction is an attribute */
    SHIFT_RIGHT
} binary_kind;

/* ---- infer ------------------------------------------------------------------------------------------------------- */

static arc_status fail_shapes(const arc_infer *in, int i, const arc_shape *so_far) {
    char a[96], b[96];
    return arc_op_fail(in, ARC_ESHAPE, "%s and %s do not broadcast", arc_shape_text(so_far, a, sizeof a),
                       arc_shape_text(&in->in[i]->shape, b, sizeof b));
}

/* All inputs of one dtype (Pow's exponent may differ), shapes broadcast; out 0 has dtype `t`. */
static arc_status infer_broadcast(arc_infer *in, int inputs, bool mixed, arc_dtype t) {
    arc_status st = arc_infer_needs(in, inputs);
    if (st != ARC_OK)
        return st;
    arc_shape shape = in->in[0]->shape;
    for (int i = 1; i < inputs; i++) {
        if (in->in[i]->dtype != in->in[0]->dtype && !mixed)
            return arc_op_fail(in, ARC_EFORMAT, "inputs are %s and %s", arc_dtype_name(in->in[0]->dtype),
                               arc_dtype_name(in->in[i]->dtype));
        if (!arc_shape_broadcast(&shape, &in->in[i]->shape, &shape))
            return fail_shapes(in, i, &shape);
    }
    return arc_infer_out(in, 0, t, &shape);
}

static arc_status arithmetic_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 2);
    return st == ARC_OK ? infer_broadcast(in, 2, in->node->entry->variant == POW, in->in[0]->dtype) : st;
}

static arc_status variadic_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    return st == ARC_OK ? infer_broadcast(in, in->inputs, false, in->in[0]->dtype) : st;
}

static arc_status compare_infer(arc_infer *in) {
    return infer_broadcast(in, 2, false, ARC_BOOL);
}

static arc_status bits_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 2);
    const char *direction = arc_attr_string(in->node, "direction", "");
    if (st != ARC_OK)
        return st;
    if (!arc_dtype_is_int(in->in[0]->dtype))
        return arc_op_fail(in, ARC_EFORMAT, "needs integers, not %s", arc_dtype_name(in->in[0]->dtype));
    if (in->node->entry->variant == SHIFT_LEFT && strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
        return arc_op_fail(in, ARC_EFORMAT, "direction must be LEFT or RIGHT, not '%.40s'", direction);
    return infer_broadcast(in, 2, false, in->in[0]->dtype);
}

/* ---- binary ------------------------------------------------------------------------------------------------------ */

typedef struct binary_job {
    const arc_step *s;
    binary_kind kind;
    arc_dtype a_type, b_type, y_type;
    const void *a, *b;
    void *y;
} binary_job;

/* Unit strides and broadcast scalars get loops of their own, which the compiler vectorises. */
#define FLOAT_LOOP(EXPR)                                                                                                         \
    do {                                                                                                                         \
        if (sy == 1 && sa == 1 && sb == 1)                                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                                                    \
                const float p = a[i], q = b[i];                                                                                  \
                y[i] = (EXPR);                                                                                                   \
            }                                                                                                                    \
        else if (sy == 1 && sa == 1 && sb == 0) {                                                                                \
            const float q = b[0];                                                                                                \
            for (int64_t i = 0; i < n; i++) {                                                                                    \
                const float p = a[i];                                                                                            \
                y[i] = (EXPR);                                                                                                   \
            }                                                                                                                    \
        } else                                                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                                                    \
                const float p = a[i * sa], q = b[i * sb];                                                                        \
                y[i * sy] = (EXPR);                                                                                              \
            }                                                                                                                    \
    } while (0)

static float pow_float(float p, float q) {
    return q == 2.0f ? p * p : q == 0.5f ? sqrtf(p) : powf(p, q);
}

static void binary_float(const binary_job *job, int64_t n, const int64_t *at, const int64_t *step) {
    float *y = (float *)job->y + at[0];
    const float *a = (const float *)job->a + at[1], *b = (const float *)job->b + at[2];
    const int64_t sy = step[0], sa = step[1], sb = step[2];
    const bool unit = sy == 1 && sa == 1 && sb == 1;
    switch (job->kind) {
    case ADD:
        if (unit)
            job->s->kernels->add((size_t)n, a, b, y);
        else
            FLOAT_LOOP(p + q);
        break;
    case MUL:
        if (unit)
            job->s->kernels->mul((size_t)n, a, b, y);
        else
            FLOAT_LOOP(p * q);
        break;
    case SUB:
        FLOAT_LOOP(p - q);
        break;
    case DIV:
        FLOAT_LOOP(p / q);
        break;
    case MIN:
        FLOAT_LOOP(p < q || isnan(p) ? p : q);
        break;
    case MAX:
        FLOAT_LOOP(p > q || isnan(p) ? p : q);
        break;
    case MOD:
        FLOAT_LOOP(fmodf(p, q));
        break;
    default:
        FLOAT_LOOP(pow_float(p, q));
    }
}

static int64_t power_int(int64_t base, int64_t exponent) {
    uint64_t r = 1, b = (uint64_t)base;
    if (exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
    for (; exponent > 0; exponent >>= 1, b *= b)
        if (exponent & 1)
            r *= b;
    return (int64_t)r;
}

/* What a comparison says of p and q; none of the three holds where one of them is NaN. False for kinds that do not compare. */
static bool compares(binary_kind kind, bool less, bool equal, bool greater) {
    switch (kind) {
    case EQUAL:
        return equal;
    case GREATER:
        return greater;
    case GREATER_EQUAL:
        return greater || equal;
    case LESS:
        return less;
    case LESS_EQUAL:
        return less || equal;
    default:
        return false;
    }
}

/* Wraps on overflow; division by zero gives 0 (ONNX leaves both open). fmod: the sign of the dividend instead of the
 * divisor's. */
static int64_t binary_int(binary_kind kind, bool fmod_sign, int64_t p, int64_t q) {
    switch (kind) {
    case ADD:
        return (int64_t)((uint64_t)p + (uint64_t)q);
    case SUB:
        return (int64_t)((uint64_t)p - (uint64_t)q);
    case MUL:
        return (int64_t)((uint64_t)p * (uint64_t)q);
    case DIV:
        return q == 0 ? 0 : q == -1 ? (int64_t)(0 - (uint64_t)p) : p / q;
    case MOD: {
        const int64_t r = q == 0 || q == -1 ? 0 : p % q;
        return r != 0 && !fmod_sign && (r < 0) != (q < 0) ? r + q : r;
    }
    case POW:
        return power_int(p, q);
    case MIN:
        return ARC_MIN(p, q);
    case MAX:
        return ARC_MAX(p, q);
    case AND:
        return p && q;
    case OR:
        return p || q;
    case XOR:
        return !p != !q;
    case BIT_AND:
        return p & q;
    case BIT_OR:
        return p | q;
    case BIT_XOR:
        return p ^ q;
    case SHIFT_LEFT:
        return q < 0 || q > 63 ? 0 : (int64_t)((uint64_t)p << q);
    case SHIFT_RIGHT: /* the sign comes in from the left */
        return q < 0 || q > 63 ? -(int64_t)(p < 0) : p < 0 ? ~(~p >> q) : p >> q;
    default:
        return compares(kind, p<q, p == q, p> q);
    }
}

/* uint64, where the order of the bits matters; all else is as for int64. */
static int64_t binary_uint64(binary_kind kind, int64_t p, int64_t q) {
    const uint64_t a = (uint64_t)p, b = (uint64_t)q;
    switch (kind) {
    case DIV:
        return b == 0 ? 0 : (int64_t)(a / b);
    case MOD:
        return b == 0 ? 0 : (int64_t)(a % b);
    case POW:
        return b > INT64_MAX ? a == 1 : power_int(p, q);
    case MIN:
        return (int64_t)ARC_MIN(a, b);
    case MAX:
        return (int64_t)ARC_MAX(a, b);
    case SHIFT_RIGHT:
        return b > 63 ? 0 : (int64_t)(a >> b);
    case EQUAL:
    case GREATER:
    case GREATER_EQUAL:
    case LESS:
    case LESS_EQUAL:
        return compares(kind, a<b, a == b, a> b);
    default:
        return binary_int(kind, false, p, q);
    }
}

/* The sign of the dividend, or of the divisor. */
static double remainder_of(bool fmod_sign, double p, double q) {
    const double r = fmod(p, q);
    if (fmod_sign || r == 0)
        return fmod_sign || r != 0 ? r : copysign(r, q);
    return (r < 0) != (q < 0) ? r + q : r;
}

static double binary_real(binary_kind kind, bool fmod_sign, double p, double q) {
    switch (kind) {
    case ADD:
        return p + q;
    case SUB:
        return p - q;
    case MUL:
        return p * q;
    case DIV:
        return p / q;
    case MOD:
        return remainder_of(fmod_sign, p, q);
    case POW:
        return pow(p, q);
    case MIN:
        return p < q || isnan(p) ? p : q;
    case MAX:
        return p > q || isnan(p) ? p : q;
    default:
        return compares(kind, p<q, p == q, p> q);
    }
}

static void binary_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const binary_job *job = arg;
    const bool ints = arc_dtype_is_int(job->a_type) && arc_dtype_is_int(job->b_type);
    const bool wide = job->a_type == ARC_U64 && job->b_type == ARC_U64;
    const bool fmod_sign = job->kind == MOD && arc_attr_int(job->s->node, "fmod", 0) != 0;
    if (job->a_type == ARC_F32 && job->b_type == ARC_F32 && job->y_type == ARC_F32 && (job->kind != MOD || fmod_sign)) {
        binary_float(job, n, at, step);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const int64_t ia = at[1] + i * step[1], ib = at[2] + i * step[2], iy = at[0] + i * step[0];
        if (wide)
            arc_element_set_int(
                job->y_type, job->y, iy,
                binary_uint64(job->kind, arc_element_int(ARC_U64, job->a, ia), arc_element_int(ARC_U64, job->b, ib)));
        else if (ints)
            arc_element_set_int(job->y_type, job->y, iy,
                                binary_int(job->kind, fmod_sign, arc_element_int(job->a_type, job->a, ia),
                                           arc_element_int(job->b_type, job->b, ib)));
        else
            arc_element_set_real(job->y_type, job->y, iy,
                                 binary_real(job->kind, fmod_sign, arc_element_real(job->a_type, job->a, ia),
                                             arc_element_real(job->b_type, job->b, ib)));
    }
}

static void binary(const arc_step *s, const arc_tensor *a, const arc_tensor *b) {
    const arc_tensor *y = &s->out[0];
    binary_kind kind = (binary_kind)s->op->variant;
    if (kind == SHIFT_LEFT && strcmp(arc_attr_string(s->node, "direction", ""), "RIGHT") == 0)
        kind = SHIFT_RIGHT;
    binary_job job = {s, kind, a->dtype, b->dtype, y->dtype, a->data, b->data, y->data};
    arc_loop l;
    arc_loop_begin(&l, &y->shape);
    arc_loop_add(&l, y);
    arc_loop_add(&l, a);
    arc_loop_add(&l, b);
    arc_loop_run(s->pool, l, binary_items, &job);
}

static void binary_run(const arc_step *s) {
    binary(s, &s->in[0], &s->in[1]);
}

/* y = in0 op in1, then y = y op in2 and so on. */
static void variadic_run(const arc_step *s) {
    if (s->inputs == 1) {
        arc_identity_run(s);
        return;
    }
    binary(s, &s->in[0], &s->in[1]);
    for (int i = 2; i < s->inputs; i++)
        binary(s, &s->out[0], &s->in[i]);
}

/* ---- Not, Where, Cast -------------------------------------------------------------------------------------------- */

static void not_run(const arc_step *s) {
    const uint8_t *x = s->in[0].data;
    uint8_t *y = s->out[0].data;
    const int64_t n = arc_shape_count(&s->out[0].shape);
    for (int64_t i = 0; i < n; i++)
        y[i] = !x[i];
}

static arc_status where_infer(arc_infer *in) {
    arc_status st = arc_infer_needs(in, 3);
    if (st != ARC_OK)
        return st;
    if (in->in[0]->dtype != ARC_BOOL || in->in[1]->dtype != in->in[2]->dtype)
        return arc_op_fail(in, ARC_EFORMAT, "needs a bool condition and two inputs of one type");
    return infer_broadcast(in, 3, true, in->in[1]->dtype);
}

static void where_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const arc_step *s = arg;
    const size_t bytes = arc_dtype_bytes(s->out[0].dtype);
    const uint8_t *condition = s->in[0].data, *a = s->in[1].data, *b = s->in[2].data;
    uint8_t *y = s->out[0].data;
    for (int64_t i = 0; i < n; i++) {
        const bool first = condition[at[1] + i * step[1]];
        const uint8_t *from = first ? a + (size_t)(at[2] + i * step[2]) * bytes : b + (size_t)(at[3] + i * step[3]) * bytes;
        memcpy(y + (size_t)(at[0] + i * step[0]) * bytes, from, bytes);
    }
}

static void where_run(const arc_step *s) {
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    for (int i = 0; i < 3; i++)
        arc_loop_add(&l, &s->in[i]);
    arc_loop_run(s->pool, l, where_items, (void *)(uintptr_t)s);
}

static arc_status cast_infer(arc_infer *in) {
    arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const int64_t to = arc_attr_int(in->node, "to", 0);
    if (to < 0 || to > ARC_BF16 || arc_dtype_bytes((arc_dtype)to) == 0 || arc_dtype_bytes(in->in[0]->dtype) == 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "from %s to element type %s", arc_dtype_name(in->in[0]->dtype),
                           arc_dtype_name((arc_dtype)ARC_MIN(ARC_MAX(to, (int64_t)-1), (int64_t)1000)));
    return arc_infer_out(in, 0, (arc_dtype)to, &in->in[0]->shape);
}

/* The type is that of input 1, whose values are not looked at. */
static arc_status cast_like_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    if (arc_dtype_bytes(in->in[0]->dtype) == 0 || arc_dtype_bytes(in->in[1]->dtype) == 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "from %s to %s", arc_dtype_name(in->in[0]->dtype),
                           arc_dtype_name(in->in[1]->dtype));
    return arc_infer_out(in, 0, in->in[1]->dtype, &in->in[0]->shape);
}

static void cast_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const arc_step *s = arg;
    const arc_dtype from = s->in[0].dtype, to = s->out[0].dtype;
    const void *x = s->in[0].data;
    void *y = s->out[0].data;
    if (from == ARC_I32 && to == ARC_F32 && step[0] == 1 && step[1] == 1) {
        const int32_t *p = (const int32_t *)x + at[1];
        float *q = (float *)y + at[0];
        for (int64_t i = 0; i < n; i++)
            q[i] = (float)p[i];
    } else if (arc_dtype_is_int(from) && (from != ARC_U64 || arc_dtype_is_int(to)))
        for (int64_t i = 0; i < n; i++)
            arc_element_set_int(to, y, at[0] + i * step[0], arc_element_int(from, x, at[1] + i * step[1]));
    else
        for (int64_t i = 0; i < n; i++)
            arc_element_set_real(to, y, at[0] + i * step[0], arc_element_real(from, x, at[1] + i * step[1]));
}

static void cast_run(const arc_step *s) {
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_run(s->pool, l, cast_items, (void *)(uintptr_t)s);
}

/* ---- Mean of several tensors ---- */

static void divide_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const arc_step *s = arg;
    float *y = (float *)s->out[0].data + at[0];
    for (int64_t i = 0; i < n; i++)
        y[i * step[0]] /= (float)s->inputs;
}

static arc_status mean_infer(arc_infer *in) {
    const arc_status st = arc_infer_same_f32(in);
    return st == ARC_OK ? variadic_infer(in) : st;
}

static void mean_run(const arc_step *s) {
    arc_loop l;
    const arc_op sum = {.variant = ADD};
    arc_step adding = *s;
    adding.op = &sum;
    variadic_run(&adding);
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_run(s->pool, l, divide_items, (void *)(uintptr_t)s);
}

/* What the arithmetic that learners know has in common. */
#define LEARNT_ARITHMETIC                                                                                                        \
    .layout = ARC_OP_SAME, .infer = arithmetic_infer, .run = binary_run, .learn_prepare = arc_arithmetic_learn_prepare,          \
    .forward = arc_arithmetic_forward, .backward = arc_arithmetic_backward, .in_place = true

const arc_op arc_ops_elementwise[] = {
    {.name = "Add",
     .kernels = "add",
     .kind = ARC_KIND_ADD,
     .variant = ADD,
     LEARNT_ARITHMETIC,
     .weight_inputs = ARC_INPUT(0) | ARC_INPUT(1),
     .number_is_setting = true},
    {.name = "Sub", .kind = ARC_KIND_SUB, .variant = SUB, LEARNT_ARITHMETIC},
    {.name = "Mul",
     .kernels = "mul",
     .kind = ARC_KIND_MUL,
     .variant = MUL,
     LEARNT_ARITHMETIC,
     .weight_inputs = ARC_INPUT(0) | ARC_INPUT(1),
     .number_is_setting = true},
    {.name = "Div", .kind = ARC_KIND_DIV, .variant = DIV, LEARNT_ARITHMETIC},
    {.name = "Pow", .kind = ARC_KIND_POW, .variant = POW, .layout = ARC_OP_SAME, .infer = arithmetic_infer, .run = binary_run},
    {.name = "Mod", .variant = MOD, .layout = ARC_OP_SAME, .infer = arithmetic_infer, .run = binary_run},
    {.name = "Sum", .kernels = "add", .variant = ADD, .layout = ARC_OP_SAME, .infer = variadic_infer, .run = variadic_run},
    {.name = "Mean", .layout = ARC_OP_SAME, .infer = mean_infer, .run = mean_run},
    {.name = "Min", .variant = MIN, .layout = ARC_OP_SAME, .infer = variadic_infer, .run = variadic_run},
    {.name = "Max", .variant = MAX, .layout = ARC_OP_SAME, .infer = variadic_infer, .run = variadic_run},
    {.name = "Equal", .variant = EQUAL, .layout = ARC_OP_SAME, .infer = compare_infer, .run = binary_run},
    {.name = "Greater", .variant = GREATER, .layout = ARC_OP_SAME, .infer = compare_infer, .run = binary_run},
    {.name = "GreaterOrEqual", .variant = GREATER_EQUAL, .layout = ARC_OP_SAME, .infer = compare_infer, .run = binary_run},
    {.name = "Less", .variant = LESS, .layout = ARC_OP_SAME, .infer = compare_infer, .run = binary_run},
    {.name = "LessOrEqual", .variant = LESS_EQUAL, .layout = ARC_OP_SAME, .infer = compare_infer, .run = binary_run},
    {.name = "And", .variant = AND, .layout = ARC_OP_SAME, .infer = compare_infer, .run = binary_run},
    {.name = "Or", .variant = OR, .layout = ARC_OP_SAME, .infer = compare_infer, .run = binary_run},
    {.name = "Xor", .variant = XOR, .layout = ARC_OP_SAME, .infer = compare_infer, .run = binary_run},
    {.name = "BitwiseAnd", .variant = BIT_AND, .layout = ARC_OP_SAME, .infer = bits_infer, .run = binary_run},
    {.name = "BitwiseOr", .variant = BIT_OR, .layout = ARC_OP_SAME, .infer = bits_infer, .run = binary_run},
    {.name = "BitwiseXor", .variant = BIT_XOR, .layout = ARC_OP_SAME, .infer = bits_infer, .run = binary_run},
    {.name = "BitShift", .variant = SHIFT_LEFT, .layout = ARC_OP_SAME, .infer = bits_infer, .run = binary_run},
    {.name = "Not", .layout = ARC_OP_PLAIN, .infer = arc_infer_same, .run = not_run},
    {.name = "Where", .layout = ARC_OP_SAME, .infer = where_infer, .run = where_run},
    {.name = "Cast",
     .refused = "float8, float4, 2-bit and 4-bit integers, texts",
     .kind = ARC_KIND_CAST,
     .layout = ARC_OP_SAME,
     .infer = cast_infer,
     .run = cast_run},
    {.name = "CastLike",
     .refused = "float8, float4, 2-bit and 4-bit integers, texts",
     .layout = ARC_OP_PLAIN,
     .infer = cast_like_infer,
     .run = cast_run},
    {.name = NULL},
};
