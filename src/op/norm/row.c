/* op: normalisations of whole rows: LayerNormalization, RMSNormalization (and com.microsoft's SimplifiedLayerNormalization),
 * GroupNormalization, LpNormalization. Each row is one thread's work in a fixed order; what the slot does not do takes its
 * statistics in double. */
#include "op/layer.h"
#include <math.h>

static double real_at(const arc_tensor *t, int64_t i) {
    return t->dtype == ARC_F32 ? ((const float *)t->data)[i] : arc_element_real(t->dtype, t->data, i);
}

static void set_real(const arc_tensor *t, int64_t i, double v) {
    if (t->dtype == ARC_F32)
        ((float *)t->data)[i] = (float)v;
    else
        arc_element_set_real(t->dtype, t->data, i, v);
}

static bool is_given(const arc_step *s, int i) {
    return i < s->inputs && s->in[i].dtype != ARC_NO_DTYPE;
}

static bool is_wanted(const arc_step *s, int i) {
    return i < s->outputs && s->out[i].dtype != ARC_NO_DTYPE && s->out[i].data;
}

static arc_status check_real(const arc_infer *in) {
    const arc_dtype t = in->in[0]->dtype;
    if (t != ARC_F32 && t != ARC_F16 && t != ARC_BF16 && t != ARC_F64)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only floating-point inputs are supported, this is %s", arc_dtype_name(t));
    return ARC_OK;
}

/* ---- LayerNormalization, RMSNormalization: over all dimensions from the axis on ----------------------------------- */

static int64_t length_from(const arc_shape *x, int axis) {
    int64_t n = 1;
    for (int i = axis; i < x->rank; i++)
        n *= x->dim[i];
    return n;
}

enum { LAYER, RMS }; /* variants */

static arc_status infer_rows(arc_infer *in, bool rms) {
    arc_status st = arc_infer_needs(in, 2);
    if (st == ARC_OK)
        st = check_real(in);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape;
    const int axis = arc_axis(arc_attr_int(in->node, "axis", -1), x->rank);
    if (axis < 0)
        return arc_op_fail(in, ARC_ESHAPE, "the axis is outside rank %d", x->rank);
    const int64_t length = length_from(x, axis);
    for (int i = 1; i < in->inputs && i < (rms ? 2 : 3); i++) {
        const int64_t n = in->in[i] ? arc_shape_count(&in->in[i]->shape) : length;
        if (n != length && n != 1)
            return arc_op_fail(in, ARC_ESHAPE, "input %d holds %lld numbers for rows of %lld", i, (long long)n,
                               (long long)length);
    }
    arc_shape rest = *x;
    for (int i = axis; i < rest.rank; i++)
        rest.dim[i] = 1;
    st = arc_infer_out(in, 0, in->in[0]->dtype, x);
    for (int i = 1; st == ARC_OK && i < in->outputs && i < 3; i++) /* mean and 1 / deviation */
        st = arc_infer_out(in, i, ARC_F32, &rest);
    return st;
}

static arc_status layer_infer(arc_infer *in) {
    return infer_rows(in, false);
}

static arc_status rms_infer(arc_infer *in) {
    return infer_rows(in, true);
}

typedef struct layer_job {
    const arc_step *s;
    int64_t length;
    double epsilon;
    bool rms;
} layer_job;

static void layer_rows(void *arg, size_t begin, size_t end, int thread) {
    const layer_job *job = arg;
    const arc_step *s = job->s;
    const arc_tensor *x = &s->in[0], *y = &s->out[0], *scale = &s->in[1], *shift = !job->rms && is_given(s, 2) ? &s->in[2] : NULL;
    const int64_t n = job->length, scale_step = arc_shape_count(&scale->shape) == 1 ? 0 : 1;
    const int64_t shift_step = shift && arc_shape_count(&shift->shape) == 1 ? 0 : 1;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        const int64_t at = (int64_t)row * n;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < n && !job->rms; i++)
            mean += real_at(x, at + i);
        mean /= (double)n;
        for (int64_t i = 0; i < n; i++) {
            const double d = real_at(x, at + i) - mean;
            variance += d * d;
        }
        const double factor = 1 / sqrt(variance / (double)n + job->epsilon);
        for (int64_t i = 0; i < n; i++) {
            const double v = (real_at(x, at + i) - mean) * factor * real_at(scale, i * scale_step);
            set_real(y, at + i, shift ? v + real_at(shift, i * shift_step) : v);
        }
        if (is_wanted(s, 1))
            set_real(&s->out[1], (int64_t)row, job->rms ? factor : mean);
        if (is_wanted(s, 2))
            set_real(&s->out[2], (int64_t)row, factor);
    }
}

/* Rows of float32 with a scale, and a shift if any, of one number an element: the slot's work. */
static bool rows_are_plain(const arc_step *s, int64_t length, bool rms) {
    bool plain = s->in[0].dtype == ARC_F32 && s->in[1].dtype == ARC_F32 && arc_shape_count(&s->in[1].shape) == length;
    if (!rms && is_given(s, 2))
        plain &= s->in[2].dtype == ARC_F32 && arc_shape_count(&s->in[2].shape) == length;
    return plain;
}

static void plain_rows(void *arg, size_t begin, size_t end, int thread) {
    const layer_job *job = arg;
    const arc_step *s = job->s;
    const size_t n = (size_t)job->length;
    arc_layer_norm l = {.scale = s->in[1].data, .epsilon = (float)job->epsilon, .rms = job->rms};
    (void)thread;
    l.shift = !job->rms && is_given(s, 2) ? s->in[2].data : NULL;
    l.mean = is_wanted(s, 1) && !job->rms ? (float *)s->out[1].data + begin : NULL;
    const int factor = job->rms ? 1 : 2;
    l.factor = is_wanted(s, factor) ? (float *)s->out[factor].data + begin : NULL;
    s->kernels->rows_layer_norm(end - begin, n, (const float *)s->in[0].data + begin * n, &l,
                                (float *)s->out[0].data + begin * n);
}

static void layer_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape;
    const int64_t count = arc_shape_count(x);
    layer_job job = {s, length_from(x, arc_axis(arc_attr_int(s->node, "axis", -1), x->rank)),
                     arc_attr_float(s->node, "epsilon", 1e-5f), s->op->variant == RMS};
    if (count > 0)
        arc_pool_run(count < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)(count / job.length), 0,
                     rows_are_plain(s, job.length, job.rms) ? plain_rows : layer_rows, &job);
}

/* ---- GroupNormalization: scale and shift one a group before opset 21, then one a channel -------------------------- */

static arc_status group_infer(arc_infer *in) {
    arc_status st = arc_infer_needs(in, 3);
    if (st == ARC_OK)
        st = check_real(in);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape;
    const int64_t groups = arc_attr_int(in->node, "num_groups", 0);
    if (x->rank < 2 || groups < 1 || x->dim[1] % groups != 0)
        return arc_op_fail(in, ARC_ESHAPE, "the channels do not divide into %lld groups", (long long)groups);
    for (int i = 1; i < 3; i++)
        if (in->in[i]->shape.rank != 1 || in->in[i]->shape.dim[0] != (in->opset < 21 ? groups : x->dim[1]))
            return arc_op_fail(in, ARC_ESHAPE, "input %d must hold one number a %s", i, in->opset < 21 ? "group" : "channel");
    return arc_infer_out(in, 0, in->in[0]->dtype, x);
}

static void group_items(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const arc_tensor *x = &s->in[0], *y = &s->out[0];
    const int64_t groups = arc_attr_int(s->node, "num_groups", 1), channels = x->shape.dim[1], each = channels / groups;
    const int64_t plane = length_from(&x->shape, 2), n = each * plane;
    const double epsilon = arc_attr_float(s->node, "epsilon", 1e-5f);
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const int64_t at = (int64_t)item * n, group = (int64_t)item % groups;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < n; i++)
            mean += real_at(x, at + i);
        mean /= (double)n;
        for (int64_t i = 0; i < n; i++) {
            const double d = real_at(x, at + i) - mean;
            variance += d * d;
        }
        const double factor = 1 / sqrt(variance / (double)n + epsilon);
        for (int64_t i = 0; i < n; i++) {
            const int64_t k = s->opset < 21 ? group : group * each + i / plane;
            set_real(y, at + i, (real_at(x, at + i) - mean) * factor * real_at(&s->in[1], k) + real_at(&s->in[2], k));
        }
    }
}

static void group_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape;
    const int64_t count = arc_shape_count(x), items = x->dim[0] * arc_attr_int(s->node, "num_groups", 1);
    if (count > 0)
        arc_pool_run(count < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)items, 0, group_items, (void *)(uintptr_t)s);
}

/* ---- LpNormalization: p is 1 or 2; a row of zeros stays one ------------------------------------------------------- */

static arc_status lp_infer(arc_infer *in) {
    arc_status st = arc_infer_needs(in, 1);
    if (st == ARC_OK)
        st = check_real(in);
    if (st != ARC_OK)
        return st;
    const int64_t p = arc_attr_int(in->node, "p", 2);
    if (arc_axis(arc_attr_int(in->node, "axis", -1), in->in[0]->shape.rank) < 0 || p < 1 || p > 2)
        return arc_op_fail(in, ARC_ESHAPE, "the axis is outside the input, or p is neither 1 nor 2");
    return arc_infer_same(in);
}

typedef struct lp_job {
    const arc_step *s;
    int64_t n, stride;
    bool square;
} lp_job;

static void lp_rows(void *arg, size_t begin, size_t end, int thread) {
    const lp_job *job = arg;
    const arc_tensor *x = &job->s->in[0], *y = &job->s->out[0];
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        const int64_t at = (int64_t)row / job->stride * job->n * job->stride + (int64_t)row % job->stride;
        double sum = 0;
        for (int64_t i = 0; i < job->n; i++) {
            const double v = real_at(x, at + i * job->stride);
            sum += job->square ? v * v : fabs(v);
        }
        const double norm = job->square ? sqrt(sum) : sum;
        for (int64_t i = 0; i < job->n; i++)
            set_real(y, at + i * job->stride, norm != 0 ? real_at(x, at + i * job->stride) / norm : 0);
    }
}

static void lp_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape;
    const int axis = arc_axis(arc_attr_int(s->node, "axis", -1), x->rank);
    const int64_t count = arc_shape_count(x);
    lp_job job = {s, x->dim[axis], length_from(x, axis + 1), arc_attr_int(s->node, "p", 2) == 2};
    if (count > 0)
        arc_pool_run(count < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)(count / job.n), 0, lp_rows, &job);
}

#define RMS_ENTRY                                                                                                                \
    .kernels = "rows_layer_norm", .variant = RMS, .layout = ARC_OP_PLAIN, .infer = rms_infer, .run = layer_run,                  \
    .weight_inputs = ARC_INPUT(1)
const arc_op arc_ops_row_norm[] = {
    {.name = "LayerNormalization",
     .kernels = "rows_layer_norm",
     .variant = LAYER,
     .layout = ARC_OP_PLAIN,
     .infer = layer_infer,
     .run = layer_run,
     .weight_inputs = ARC_INPUT(1) | ARC_INPUT(2)},
    {.name = "RMSNormalization", RMS_ENTRY},
    {.name = "SimplifiedLayerNormalization", RMS_ENTRY}, /* as ONNX Runtime's optimiser writes it */
    {.name = "com.microsoft.SimplifiedLayerNormalization", RMS_ENTRY},
    {.name = "GroupNormalization",
     .layout = ARC_OP_PLAIN,
     .infer = group_infer,
     .run = group_run,
     .weight_inputs = ARC_INPUT(1) | ARC_INPUT(2)},
    {.name = "LpNormalization", .layout = ARC_OP_PLAIN, .infer = lp_infer, .run = lp_run},
    {.name = NULL},
};
