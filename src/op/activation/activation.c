/* op: activations. All but the softmaxes work element by element in either layout. */
#include "op/layer.h"
#include "op/learn_step.h"
#include <float.h>
#include <math.h>

/* ---- activations of one input: float32 runs of any length -------------------------------------------------------- */

typedef enum activation_kind {
    RELU,
    LEAKY_RELU,
    SIGMOID,
    HARD_SIGMOID,
    HARD_SWISH,
    TANH,
    ELU,
    SELU,
    SOFTPLUS,
    SOFTSIGN,
    THRESHOLDED_RELU
} activation_kind;

typedef struct activation {
    float alpha, beta; /* defaults of the attributes */
    void (*fn)(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y);
} activation;

static void relu(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    const arc_epilogue e = {.act = ARC_ACT_RELU};
    (void)alpha, (void)beta;
    s->kernels->rows_epilogue(1, n, x, n, y, n, &e);
}
static void leaky(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    const arc_epilogue e = {.act = ARC_ACT_LEAKY, .alpha = alpha};
    (void)beta;
    s->kernels->rows_epilogue(1, n, x, n, y, n, &e);
}
static void sigmoid(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    (void)alpha, (void)beta;
    s->kernels->sigmoid(n, x, y);
}
static void hard_sigmoid(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    (void)s;
    for (size_t i = 0; i < n; i++)
        y[i] = fmaxf(0, fminf(1, alpha * x[i] + beta));
}
static void hard_swish(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    (void)s, (void)alpha, (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * fmaxf(0, fminf(1, x[i] / 6 + 0.5f));
}
static void hyperbolic_tangent(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    (void)s, (void)alpha, (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = tanhf(x[i]);
}
static void elu(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    (void)s, (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? alpha * expm1f(x[i]) : x[i];
}
static void selu(const arc_step *s, float alpha, float gamma, size_t n, const float *x, float *y) {
    (void)s;
    for (size_t i = 0; i < n; i++)
        y[i] = gamma * (x[i] < 0 ? alpha * expm1f(x[i]) : x[i]);
}
static void softplus(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    (void)s, (void)alpha, (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = fmaxf(x[i], 0) + log1pf(expf(-fabsf(x[i])));
}
static void softsign(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    (void)s, (void)alpha, (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] / (1 + fabsf(x[i]));
}
static void thresholded(const arc_step *s, float alpha, float beta, size_t n, const float *x, float *y) {
    (void)s, (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > alpha ? x[i] : 0;
}

static const activation activations[] = {
    [RELU] = {0, 0, relu},
    [LEAKY_RELU] = {0.01f, 0, leaky},
    [SIGMOID] = {0, 0, sigmoid},
    [HARD_SIGMOID] = {0.2f, 0.5f, hard_sigmoid},
    [HARD_SWISH] = {0, 0, hard_swish},
    [TANH] = {0, 0, hyperbolic_tangent},
    [ELU] = {1, 0, elu},
    [SELU] = {1.67326319217681884765625f, 1.05070102214813232421875f, selu},
    [SOFTPLUS] = {0, 0, softplus},
    [SOFTSIGN] = {0, 0, softsign},
    [THRESHOLDED_RELU] = {1, 0, thresholded},
};

typedef struct activation_job {
    const arc_step *s;
    const activation *kind;
    float alpha, beta;
} activation_job;

static void activation_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const activation_job *job = arg;
    const float *x = (const float *)job->s->in[0].data + at[1];
    float *y = (float *)job->s->out[0].data + at[0];
    if (step[0] == 1 && step[1] == 1)
        job->kind->fn(job->s, job->alpha, job->beta, (size_t)n, x, y);
    else
        for (int64_t i = 0; i < n; i++)
            job->kind->fn(job->s, job->alpha, job->beta, 1, x + i * step[1], y + i * step[0]);
}

static void activation_run(const arc_step *s) {
    activation_job job = {s, &activations[s->op->variant], 0, 0};
    job.alpha = arc_attr_float(s->node, "alpha", job.kind->alpha);
    job.beta = arc_attr_float(s->node, s->op->variant == SELU ? "gamma" : "beta", job.kind->beta);
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_run(s->pool, l, activation_items, &job);
}

/* ---- PRelu ------------------------------------------------------------------------------------------------------- */

static arc_status prelu_infer(arc_infer *in) {
    arc_shape shape;
    arc_status st = arc_infer_needs(in, 2);
    if (st == ARC_OK)
        st = arc_infer_same_f32(in);
    if (st != ARC_OK)
        return st;
    if (in->in[1]->dtype != ARC_F32 || !arc_shape_broadcast(&in->in[0]->shape, &in->in[1]->shape, &shape) ||
        !arc_shape_equal(&shape, &in->in[0]->shape))
        return arc_op_fail(in, ARC_ESHAPE, "the slope does not broadcast to the input");
    return ARC_OK;
}

static void prelu_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const arc_step *s = arg;
    const float *x = (const float *)s->in[0].data + at[1], *slope = (const float *)s->in[1].data + at[2];
    float *y = (float *)s->out[0].data + at[0];
    const arc_epilogue e = {.act = ARC_ACT_PRELU, .slope = slope};
    if (step[0] == 1 && step[1] == 1 && step[2] == 1)
        s->kernels->rows_epilogue(1, (size_t)n, x, (size_t)n, y, (size_t)n, &e);
    else if (step[0] == 1 && step[1] == 1 && step[2] == 0)
        leaky(s, slope[0], 0, (size_t)n, x, y);
    else
        for (int64_t i = 0; i < n; i++) {
            const float v = x[i * step[1]];
            y[i * step[0]] = v < 0 ? v * slope[i * step[2]] : v;
        }
}

static void prelu_run(const arc_step *s) {
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_add(&l, &s->in[1]);
    arc_loop_run(s->pool, l, prelu_items, (void *)(uintptr_t)s);
}

/* ---- Clip: attributes before opset 11, then inputs --------------------------------------------------------------- */

static arc_status clip_infer(arc_infer *in) {
    const arc_status st = arc_infer_same(in);
    for (int i = 1; st == ARC_OK && i < in->inputs && i < 3; i++)
        if (in->in[i] && (in->in[i]->dtype != in->in[0]->dtype || arc_shape_count(&in->in[i]->shape) != 1))
            return arc_op_fail(in, ARC_ESHAPE, "bounds must be scalars of the input's type");
    return st;
}

typedef struct clip_job {
    const arc_step *s;
    double lo, hi;
} clip_job;

static double clip_bound(const arc_step *s, int i, const char *name, double none) {
    if (s->opset < 11)
        return arc_attr_float(s->node, name, (float)none);
    return i < s->inputs && s->in[i].dtype != ARC_NO_DTYPE ? arc_element_real(s->in[i].dtype, s->in[i].data, 0) : none;
}

static void clip_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const clip_job *job = arg;
    const arc_tensor *in = &job->s->in[0], *out = &job->s->out[0];
    if (in->dtype == ARC_F32) {
        const float lo = (float)job->lo, hi = (float)job->hi;
        const float *x = (const float *)in->data + at[1];
        float *y = (float *)out->data + at[0];
        const arc_epilogue e = {.act = ARC_ACT_CLIP, .lo = lo, .hi = hi};
        if (step[0] == 1 && step[1] == 1) {
            job->s->kernels->rows_epilogue(1, (size_t)n, x, (size_t)n, y, (size_t)n, &e);
            return;
        }
        for (int64_t i = 0; i < n; i++) {
            const float v = x[i * step[1]], raised = v < lo ? lo : v;
            y[i * step[0]] = raised > hi ? hi : raised;
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const int64_t ix = at[1] + i * step[1], iy = at[0] + i * step[0];
        const double v = arc_element_real(in->dtype, in->data, ix);
        if (v < job->lo || v > job->hi || job->lo > job->hi)
            arc_element_set_real(out->dtype, out->data, iy, ARC_MIN(ARC_MAX(v, job->lo), job->hi));
        else if (arc_dtype_is_int(in->dtype))
            arc_element_set_int(out->dtype, out->data, iy, arc_element_int(in->dtype, in->data, ix));
        else
            arc_element_set_real(out->dtype, out->data, iy, v);
    }
}

static void clip_run(const arc_step *s) {
    const bool real = s->in[0].dtype == ARC_F32;
    clip_job job = {s, clip_bound(s, 1, "min", real ? -FLT_MAX : -HUGE_VAL), clip_bound(s, 2, "max", real ? FLT_MAX : HUGE_VAL)};
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_run(s->pool, l, clip_items, &job);
}

/* ---- Softmax, LogSoftmax: before opset 13 over all dimensions from the axis on ----------------------------------- */

enum { SOFTMAX, LOG_SOFTMAX };

typedef struct softmax_job {
    const arc_step *s;
    int64_t length, stride; /* of one softmax; stride of its elements */
    bool log;
} softmax_job;

static arc_status softmax_infer(arc_infer *in) {
    const arc_status st = arc_infer_same_f32(in);
    if (st != ARC_OK)
        return st;
    const int rank = in->in[0]->shape.rank;
    const int64_t axis = arc_attr_int(in->node, "axis", in->opset < 13 ? 1 : -1);
    if (arc_axis(axis, rank) < 0 && !(in->opset < 13 && axis == rank))
        return arc_op_fail(in, ARC_ESHAPE, "axis %lld is outside a tensor of rank %d", (long long)axis, rank);
    return ARC_OK;
}

static void softmax_one(const softmax_job *job, const float *x, float *y) {
    const int64_t n = job->length, stride = job->stride;
    float most = -INFINITY, total = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmaxf(most, x[i * stride]);
    for (int64_t i = 0; i < n; i++)
        y[i * stride] = x[i * stride] - most;
    if (job->log) {
        for (int64_t i = 0; i < n; i++)
            total += expf(y[i * stride]);
        total = logf(total);
        for (int64_t i = 0; i < n; i++)
            y[i * stride] -= total;
        return;
    }
    for (int64_t i = 0; i < n; i++)
        total += y[i * stride] = expf(y[i * stride]);
    for (int64_t i = 0; i < n; i++)
        y[i * stride] /= total;
}

static void softmax_items(void *arg, size_t begin, size_t end, int thread) {
    const softmax_job *job = arg;
    (void)thread;
    if (job->stride == 1 && !job->log) {
        const size_t n = (size_t)job->length;
        job->s->kernels->rows_softmax(end - begin, n, (const float *)job->s->in[0].data + begin * n, n, 1,
                                      (float *)job->s->out[0].data + begin * n, n);
        return;
    }
    for (size_t row = begin; row < end; row++) {
        const int64_t at = (int64_t)row / job->stride * job->length * job->stride + (int64_t)row % job->stride;
        softmax_one(job, (const float *)job->s->in[0].data + at, (float *)job->s->out[0].data + at);
    }
}

static void softmax_run(const arc_step *s) {
    const arc_shape *shape = &s->in[0].shape;
    const int64_t count = arc_shape_count(shape), given = arc_attr_int(s->node, "axis", s->opset < 13 ? 1 : -1);
    softmax_job job = {s, 1, 1, s->op->variant == LOG_SOFTMAX};
    int axis = arc_axis(given, shape->rank);
    if (axis < 0)
        axis = shape->rank;
    if (count == 0)
        return;
    for (int i = axis; i < shape->rank; i++)
        if (i == axis || s->opset < 13)
            job.length *= shape->dim[i];
        else
            job.stride *= shape->dim[i];
    arc_pool_run(count < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)(count / job.length), 0, softmax_items, &job);
}

const arc_op arc_ops_activation[] = {
    {.name = "Relu",
     .kernels = "rows_epilogue",
     .kind = ARC_KIND_RELU,
     .variant = RELU,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same_f32,
     .run = activation_run,
     .learn_prepare = arc_relu_learn_prepare,
     .forward = arc_relu_forward,
     .backward = arc_relu_backward,
     .in_place = true},
    {.name = "PRelu",
     .kernels = "rows_epilogue",
     .kind = ARC_KIND_PRELU,
     .layout = ARC_OP_SAME,
     .infer = prelu_infer,
     .run = prelu_run,
     .learn_prepare = arc_relu_learn_prepare,
     .forward = arc_relu_forward,
     .backward = arc_relu_backward,
     .in_place = true,
     .weight_inputs = ARC_INPUT(1)},
    {.name = "LeakyRelu",
     .kernels = "rows_epilogue",
     .kind = ARC_KIND_LEAKY_RELU,
     .variant = LEAKY_RELU,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same_f32,
     .run = activation_run,
     .in_place = true},
    {.name = "Clip",
     .kernels = "rows_epilogue",
     .kind = ARC_KIND_CLIP,
     .layout = ARC_OP_SAME,
     .infer = clip_infer,
     .run = clip_run,
     .in_place = true},
    {.name = "Sigmoid",
     .kernels = "sigmoid",
     .kind = ARC_KIND_SIGMOID,
     .variant = SIGMOID,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same_f32,
     .run = activation_run,
     .learn_prepare = arc_sigmoid_learn_prepare,
     .forward = arc_sigmoid_forward,
     .backward = arc_sigmoid_backward,
     .in_place = true},
    {.name = "HardSigmoid",
     .variant = HARD_SIGMOID,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same_f32,
     .run = activation_run,
     .in_place = true},
    {.name = "HardSwish",
     .variant = HARD_SWISH,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same_f32,
     .run = activation_run,
     .in_place = true},
    {.name = "Tanh",
     .variant = TANH,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same_f32,
     .run = activation_run,
     .in_place = true},
    {.name = "Elu", .variant = ELU, .layout = ARC_OP_SAME, .infer = arc_infer_same_f32, .run = activation_run},
    {.name = "Selu", .variant = SELU, .layout = ARC_OP_SAME, .infer = arc_infer_same_f32, .run = activation_run},
    {.name = "Softplus", .variant = SOFTPLUS, .layout = ARC_OP_SAME, .infer = arc_infer_same_f32, .run = activation_run},
    {.name = "Softsign", .variant = SOFTSIGN, .layout = ARC_OP_SAME, .infer = arc_infer_same_f32, .run = activation_run},
    {.name = "ThresholdedRelu",
     .variant = THRESHOLDED_RELU,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same_f32,
     .run = activation_run},
    {.name = "Softmax",
     .kernels = "rows_softmax",
     .kind = ARC_KIND_SOFTMAX,
     .variant = SOFTMAX,
     .layout = ARC_OP_PLAIN,
     .infer = softmax_infer,
     .run = softmax_run},
    {.name = "LogSoftmax", .variant = LOG_SOFTMAX, .layout = ARC_OP_PLAIN, .infer = softmax_infer, .run = softmax_run},
    {.name = NULL},
};
