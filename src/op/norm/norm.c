/* op: BatchNormalization (inference) and InstanceNormalization. Batch normalisation is y = x*scale + shift per channel;
 * usually a pass has folded it into a convolution and only those left over run here. */
#include "op/layer.h"
#include "op/learn_step.h"
#include <math.h>

#define CHANNEL_BLOCK 64 /* channels of one NHWC instance that one tile normalises: accumulators stay on the stack */

static arc_status check_channels(const arc_infer *in, int first, int last) {
    const arc_shape *x = &in->in[0]->shape;
    if (in->in[0]->dtype != ARC_F32)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only float32 is supported, the input is %s", arc_dtype_name(in->in[0]->dtype));
    if (x->rank < 2)
        return arc_op_fail(in, ARC_ESHAPE, "needs an input of rank 2 or more");
    for (int i = first; i <= last; i++)
        if (in->in[i]->dtype != ARC_F32 || in->in[i]->shape.rank != 1 || in->in[i]->shape.dim[0] != x->dim[1])
            return arc_op_fail(in, ARC_ESHAPE, "input %d must hold %lld floats, one a channel", i, (long long)x->dim[1]);
    return ARC_OK;
}

/* Images, channels and elements of one channel; channels are contiguous in NHWC and for rank 2. */
typedef struct channel_view {
    size_t n, c, hw;
    bool channels_last;
} channel_view;

static channel_view view_of(const arc_tensor *x) {
    channel_view v = {(size_t)x->shape.dim[0], (size_t)x->shape.dim[1], 1, x->layout == ARC_NHWC || x->shape.rank == 2};
    for (int i = 2; i < x->shape.rank; i++)
        v.hw *= (size_t)x->shape.dim[i];
    return v;
}

/* ---- BatchNormalization ------------------------------------------------------------------------------------------ */

static arc_status batch_infer(arc_infer *in) {
    arc_status st = arc_infer_needs(in, 5);
    if (st == ARC_OK)
        st = check_channels(in, 1, 4);
    if (st != ARC_OK)
        return st;
    if (arc_attr_int(in->node, "training_mode", 0) != 0 || arc_attr_int(in->node, "spatial", 1) != 1)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only inference with statistics per channel is supported");
    for (int i = 1; i < in->outputs; i++)
        if (in->out[i])
            return arc_op_fail(in, ARC_EUNSUPPORTED, "output %d exists in training only", i);
    return arc_infer_out(in, 0, ARC_F32, &in->in[0]->shape);
}

static void batch_factors(const arc_step *s, float *scale, float *shift) {
    const float *gamma = s->in[1].data, *beta = s->in[2].data, *mean = s->in[3].data, *variance = s->in[4].data;
    const double epsilon = arc_attr_float(s->node, "epsilon", 1e-5f);
    for (int64_t i = 0; i < s->in[0].shape.dim[1]; i++) {
        const double factor = gamma[i] / sqrt(variance[i] + epsilon);
        scale[i] = (float)factor;
        shift[i] = (float)(beta[i] - mean[i] * factor);
    }
}

static arc_status batch_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    const size_t channels = (size_t)s->in[0].shape.dim[1];
    for (int i = 1; i <= 4; i++)
        if (!s->in[i].is_const || !s->in[i].data) {
            s->shared_scratch_bytes = 2 * channels * sizeof(float);
            return ARC_OK;
        }
    float *factors = arc_arena_new(p->arena, ARC_MAX(2 * channels, (size_t)1), sizeof *factors);
    if (!factors)
        return arc_fail_nomem(p->err, "BatchNormalization");
    batch_factors(s, factors, factors + channels);
    s->state = factors;
    return ARC_OK;
}

typedef struct batch_job {
    const arc_step *s;
    const float *scale, *shift;
    channel_view v;
} batch_job;

static void batch_rows(void *arg, size_t begin, size_t end, int thread) {
    const batch_job *job = arg;
    const size_t c = job->v.c;
    (void)thread;
    job->s->kernels->rows_scale_shift(end - begin, c, (const float *)job->s->in[0].data + begin * c,
                                      (float *)job->s->out[0].data + begin * c, job->scale, job->shift);
}

static void batch_planes(void *arg, size_t begin, size_t end, int thread) {
    const batch_job *job = arg;
    const size_t hw = job->v.hw;
    (void)thread;
    for (size_t plane = begin; plane < end; plane++) {
        const float *x = (const float *)job->s->in[0].data + plane * hw;
        float *y = (float *)job->s->out[0].data + plane * hw;
        const float scale = job->scale[plane % job->v.c], shift = job->shift[plane % job->v.c];
        for (size_t i = 0; i < hw; i++)
            y[i] = x[i] * scale + shift;
    }
}

static void batch_run(const arc_step *s) {
    batch_job job = {s, s->state, NULL, view_of(&s->in[0])};
    const channel_view *v = &job.v;
    if (!job.scale) {
        float *factors = (float *)(void *)s->shared_scratch;
        batch_factors(s, factors, factors + v->c);
        job.scale = factors;
    }
    job.shift = job.scale + v->c;
    if (v->n * v->c * v->hw == 0)
        return;
    arc_pool *pool = v->n * v->c * v->hw < ARC_LOOP_PARALLEL ? NULL : s->pool;
    if (v->channels_last)
        arc_pool_run(pool, v->n * v->hw, 0, batch_rows, &job);
    else
        arc_pool_run(pool, v->n * v->c, 0, batch_planes, &job);
}

/* ---- InstanceNormalization --------------------------------------------------------------------------------------- */

static arc_status instance_infer(arc_infer *in) {
    arc_status st = arc_infer_needs(in, 3);
    if (st == ARC_OK)
        st = check_channels(in, 1, 2);
    return st == ARC_OK ? arc_infer_out(in, 0, ARC_F32, &in->in[0]->shape) : st;
}

typedef struct instance_job {
    const arc_step *s;
    channel_view v;
    size_t blocks, pixel_stride, channel_stride; /* strides of one image */
    double epsilon;
} instance_job;

/* Mean and variance of `count` neighbouring channels in two passes over the pixels, in double. */
static void instance_statistics(const instance_job *job, const float *x, size_t count, double *mean, double *variance) {
    const size_t hw = job->v.hw;
    for (size_t j = 0; j < count; j++)
        mean[j] = variance[j] = 0;
    for (size_t p = 0; p < hw; p++)
        for (size_t j = 0; j < count; j++)
            mean[j] += x[p * job->pixel_stride + j * job->channel_stride];
    for (size_t j = 0; j < count; j++)
        mean[j] /= (double)hw;
    for (size_t p = 0; p < hw; p++)
        for (size_t j = 0; j < count; j++) {
            const double d = x[p * job->pixel_stride + j * job->channel_stride] - mean[j];
            variance[j] += d * d;
        }
    for (size_t j = 0; j < count; j++)
        variance[j] /= (double)hw;
}

static void instance_items(void *arg, size_t begin, size_t end, int thread) {
    const instance_job *job = arg;
    const channel_view *v = &job->v;
    const float *gamma = job->s->in[1].data, *beta = job->s->in[2].data;
    const size_t width = v->channels_last ? CHANNEL_BLOCK : 1;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        double mean[CHANNEL_BLOCK], variance[CHANNEL_BLOCK];
        float scale[CHANNEL_BLOCK], shift[CHANNEL_BLOCK];
        const size_t channel = item % job->blocks * width, count = ARC_MIN(width, v->c - channel);
        const size_t at = item / job->blocks * v->c * v->hw + channel * job->channel_stride;
        const float *x = (const float *)job->s->in[0].data + at;
        float *y = (float *)job->s->out[0].data + at;
        instance_statistics(job, x, count, mean, variance);
        for (size_t j = 0; j < count; j++) {
            const double factor = gamma[channel + j] / sqrt(variance[j] + job->epsilon);
            scale[j] = (float)factor;
            shift[j] = (float)(beta[channel + j] - mean[j] * factor);
        }
        for (size_t p = 0; p < v->hw; p++)
            for (size_t j = 0; j < count; j++) {
                const size_t i = p * job->pixel_stride + j * job->channel_stride;
                y[i] = x[i] * scale[j] + shift[j];
            }
    }
}

static void instance_run(const arc_step *s) {
    instance_job job = {.s = s, .v = view_of(&s->in[0]), .epsilon = arc_attr_float(s->node, "epsilon", 1e-5f)};
    const channel_view *v = &job.v;
    if (v->n * v->c * v->hw == 0)
        return;
    job.blocks = v->channels_last ? (v->c + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK : v->c;
    job.pixel_stride = v->channels_last ? v->c : 1;
    job.channel_stride = v->channels_last ? 1 : v->hw;
    arc_pool_run(v->n * v->c * v->hw < ARC_LOOP_PARALLEL ? NULL : s->pool, v->n * job.blocks, 0, instance_items, &job);
}

const arc_op arc_ops_norm[] = {
    {.name = "BatchNormalization",
     .kernels = "rows_scale_shift",
     .refused = "training mode",
     .kind = ARC_KIND_BATCH_NORM,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = batch_infer,
     .prepare = batch_prepare,
     .run = batch_run,
     .learn_prepare = arc_norm_learn_prepare,
     .forward = arc_norm_forward,
     .backward = arc_norm_backward,
     .weight_inputs = ARC_INPUT(1) | ARC_INPUT(2),
     .statistic_inputs = ARC_INPUT(3) | ARC_INPUT(4)},
    {.name = "InstanceNormalization",
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = instance_infer,
     .run = instance_run,
     .weight_inputs = ARC_INPUT(1) | ARC_INPUT(2)},
    {.name = NULL},
};
