/* op: floats to 8-bit values and back at the ends of the fused 8-bit layers, and the table of those layers (int8.h). */
#include "op/fused.h"
#include "op/int8/int8.h"

#define ROWS 16 /* pixels of one item */

/* [N,C,H,W] as rows of channels: [N,H,W,C]. */
static arc_shape rows_of(const arc_shape *s) {
    const arc_shape rows = {4, {s->dim[0], s->dim[2], s->dim[3], s->dim[1]}};
    return s->rank == 4 ? rows : *s;
}

static arc_status quantize_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape, y = rows_of(x);
    if (in->in[0]->dtype != ARC_F32 || (x->rank != 4 && x->rank != 2))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "takes float32 maps or vectors");
    for (int i = 1; i < in->inputs; i++)
        if (in->in[i] && (in->in[i]->dtype != ARC_F32 || !in->in[i]->data || arc_shape_count(&in->in[i]->shape) != x->dim[1]))
            return arc_op_fail(in, ARC_ESHAPE, "a factor is no constant of %lld float32", (long long)x->dim[1]);
    return arc_infer_out(in, 0, ARC_U8, &y);
}

static arc_status dequantize_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape, planes = {4, {x->dim[0], x->dim[3], x->dim[1], x->dim[2]}};
    if (in->in[0]->dtype != ARC_U8 || (x->rank != 4 && x->rank != 2))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "takes uint8 rows");
    return arc_infer_out(in, 0, ARC_F32, x->rank == 4 ? &planes : x);
}

typedef struct convert_job {
    const arc_step *s;
    size_t rows, channels;
    arc_requantize r;
    float scale;
    int32_t zero;
} convert_job;

static void quantize_items(void *arg, size_t begin, size_t end, int thread) {
    const convert_job *job = arg;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const size_t row = item * ROWS, at = row * job->channels;
        arc_requantize r = job->r;
        r.quantized = (uint8_t *)job->s->out[0].data + at;
        job->s->kernels->quantize(ARC_MIN((size_t)ROWS, job->rows - row), job->channels, (const float *)job->s->in[0].data + at,
                                  job->channels, &r);
    }
}

static void dequantize_items(void *arg, size_t begin, size_t end, int thread) {
    const convert_job *job = arg;
    const uint8_t *x = job->s->in[0].data;
    float *y = job->s->out[0].data;
    (void)thread;
    for (size_t i = begin * ROWS * job->channels, last = ARC_MIN(end * ROWS, job->rows) * job->channels; i < last; i++)
        y[i] = (float)(x[i] - job->zero) * job->scale;
}

static void run_rows(const arc_step *s, convert_job *job, const arc_shape *rows, arc_pool_fn *fn) {
    job->channels = (size_t)rows->dim[rows->rank - 1];
    job->rows = job->channels ? (size_t)arc_shape_count(rows) / job->channels : 0;
    const size_t items = (job->rows + ROWS - 1) / ROWS;
    if (items > 0)
        arc_pool_run(job->rows * job->channels < ARC_LOOP_PARALLEL ? NULL : s->pool, items, 0, fn, job);
}

static void quantize_run(const arc_step *s) {
    convert_job job = {.s = s};
    arc_requantize_read(s->node, &job.r);
    job.r.post_scale = arc_step_floats(s, 1);
    job.r.post_shift = arc_step_floats(s, 2);
    job.r.quantized_stride = (size_t)s->out[0].shape.dim[s->out[0].shape.rank - 1];
    run_rows(s, &job, &s->out[0].shape, quantize_items);
}

static void dequantize_run(const arc_step *s) {
    convert_job job = {.s = s, .scale = arc_attr_float(s->node, "arc.quantize_scale", 1)};
    job.zero = (int32_t)arc_attr_int(s->node, "arc.quantize_zero", 0);
    run_rows(s, &job, &s->in[0].shape, dequantize_items);
}

static int64_t int8_gemm_macs(const arc_shape *in0, const arc_shape *in1, const arc_shape *out) {
    (void)in0;
    return out->rank == 2 && out->dim[1] > 0 ? arc_shape_known(out) * (arc_shape_known(in1) / out->dim[1]) : 0;
}

const arc_op arc_ops_int8_fused[] = {
    {.name = ARC_INT8_CONV,
     .kernels = "int8_igemm int8_dwconv requantize",
     .kind = ARC_KIND_INT8_CONV,
     .layout = ARC_OP_ROWS,
     .infer = arc_int8_conv_infer,
     .prepare = arc_int8_conv_prepare,
     .run = arc_int8_conv_run,
     .made_by_passes = true,
     .macs = arc_macs_conv},
    {.name = ARC_INT8_GEMM,
     .kernels = "int8_igemm requantize",
     .kind = ARC_KIND_INT8_GEMM,
     .layout = ARC_OP_ROWS,
     .infer = arc_int8_conv_infer,
     .prepare = arc_int8_conv_prepare,
     .run = arc_int8_conv_run,
     .made_by_passes = true,
     .macs = int8_gemm_macs},
    {.name = ARC_QUANTIZE,
     .kernels = "quantize",
     .kind = ARC_KIND_QUANTIZE,
     .layout = ARC_OP_ROWS,
     .infer = quantize_infer,
     .run = quantize_run,
     .made_by_passes = true},
    {.name = ARC_DEQUANTIZE,
     .kind = ARC_KIND_DEQUANTIZE,
     .layout = ARC_OP_ROWS,
     .infer = dequantize_infer,
     .run = dequantize_run,
     .made_by_passes = true},
    {.name = NULL},
};
