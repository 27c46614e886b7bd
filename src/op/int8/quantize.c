/* op: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, and the table of the int8 operators (int8.c). */
#include "op/layer.h"
#include <math.h>
#include <string.h>

/* ---- QuantizeLinear, DequantizeLinear: one scale, or one an index of the axis ------------------------------------ */

/* Axis of a per-axis scale, -1 for a single one, -2 when it does not fit. */
static int scale_axis(const arc_node *node, const arc_shape *x, const arc_tensor *scale) {
    if (arc_shape_count(&scale->shape) == 1 &&
        (scale->shape.rank == 0 || x->rank == 0 || arc_axis(arc_attr_int(node, "axis", 1), x->rank) < 0))
        return -1;
    if (scale->shape.rank == 0)
        return -1;
    const int axis = arc_axis(arc_attr_int(node, "axis", 1), x->rank);
    if (scale->shape.rank != 1 || axis < 0 || scale->shape.dim[0] != x->dim[axis])
        return scale->shape.rank == 1 && scale->shape.dim[0] == 1 ? -1 : -2;
    return axis;
}

static arc_status linear_infer(arc_infer *in) {
    const bool quantize = arc_node_is(in->node, ARC_KIND_QUANTIZE_LINEAR);
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    const arc_tensor *x = in->in[0], *scale = in->in[1], *zero = in->inputs > 2 ? in->in[2] : NULL;
    const arc_dtype coded = quantize ? zero ? zero->dtype : ARC_U8 : x->dtype;
    const bool known = coded == ARC_U8 || coded == ARC_I8 || (!quantize && coded == ARC_I32);
    if (!known || scale->dtype != ARC_F32 ||
        (quantize ? x->dtype != ARC_F32 && x->dtype != ARC_I32 : zero && zero->dtype != x->dtype))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "from %s with 8-bit values of type %s", arc_dtype_name(x->dtype),
                           arc_dtype_name(coded));
    if (scale_axis(in->node, &x->shape, scale) == -2 || (zero && arc_shape_count(&zero->shape) != arc_shape_count(&scale->shape)))
        return arc_op_fail(in, ARC_ESHAPE, "scale or zero point do not fit the input");
    return arc_infer_out(in, 0, quantize ? coded : ARC_F32, &x->shape);
}

static void linear_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const arc_step *s = arg;
    const arc_tensor *x = &s->in[0], *y = &s->out[0], *zero = s->inputs > 2 && s->in[2].dtype != ARC_NO_DTYPE ? &s->in[2] : NULL;
    const bool quantize = y->dtype != ARC_F32;
    const double lo = y->dtype == ARC_I8 ? -128 : 0, hi = y->dtype == ARC_I8 ? 127 : 255;
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = at[2] + i * step[2], ix = at[1] + i * step[1], iy = at[0] + i * step[0];
        const float scale = ((const float *)s->in[1].data)[k];
        const int64_t z = zero ? arc_element_int(zero->dtype, zero->data, k) : 0;
        if (quantize) {
            const float quantized = nearbyintf((float)arc_element_real(x->dtype, x->data, ix) / scale);
            arc_element_set_real(y->dtype, y->data, iy, fmin(fmax((double)quantized + (double)z, lo), hi));
        } else
            ((float *)y->data)[iy] = (float)(arc_element_int(x->dtype, x->data, ix) - z) * scale;
    }
}

static void linear_run(const arc_step *s) {
    const int axis = scale_axis(s->node, &s->in[0].shape, &s->in[1]);
    int64_t still[ARC_MAX_RANK] = {0};
    arc_loop l;
    if (axis >= 0)
        still[axis] = 1;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_add_strides(&l, still);
    arc_loop_run(s->pool, l, linear_items, (void *)(uintptr_t)s);
}

/* ---- DynamicQuantizeLinear --------------------------------------------------------------------------------------- */

static arc_status dynamic_infer(arc_infer *in) {
    const arc_shape scalar = {0};
    arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    if (in->in[0]->dtype != ARC_F32)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only float32 is supported, the input is %s", arc_dtype_name(in->in[0]->dtype));
    st = arc_infer_out(in, 0, ARC_U8, &in->in[0]->shape);
    if (st == ARC_OK)
        st = arc_infer_out(in, 1, ARC_F32, &scalar);
    return st == ARC_OK ? arc_infer_out(in, 2, ARC_U8, &scalar) : st;
}

#define LANES 16 /* partial extremes: the compiler keeps them in vector registers, and no order changes the result */

static void extremes(const float *x, size_t n, float *least, float *most) {
    float lo[LANES] = {0}, hi[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) {
            lo[j] = x[i + j] < lo[j] ? x[i + j] : lo[j];
            hi[j] = x[i + j] > hi[j] ? x[i + j] : hi[j];
        }
    for (; i < n; i++) {
        lo[0] = x[i] < lo[0] ? x[i] : lo[0];
        hi[0] = x[i] > hi[0] ? x[i] : hi[0];
    }
    for (size_t j = 0; j < LANES; j++) {
        *least = j == 0 || lo[j] < *least ? lo[j] : *least;
        *most = j == 0 || hi[j] > *most ? hi[j] : *most;
    }
}

typedef struct dynamic_job {
    const float *x;
    uint8_t *y;
    size_t count;
    float scale;
    int zero;
} dynamic_job;

#define DYNAMIC_BLOCK 8192

static void dynamic_items(void *arg, size_t begin, size_t end, int thread) {
    const dynamic_job *job = arg;
    const float lo = (float)-job->zero, hi = (float)(255 - job->zero), scale = job->scale;
    const float round_magic =
        12582912.0f; /* 1.5 * 2^23: adding it rounds to the nearest integer, ties to even, in the low bits */
    const uint8_t zero = (uint8_t)job->zero;
    const float *restrict x = job->x;
    uint8_t *restrict y = job->y;
    (void)thread;
    for (size_t i = begin * DYNAMIC_BLOCK, last = ARC_MIN(end * DYNAMIC_BLOCK, job->count); i < last; i++) {
        float v = x[i] / scale;
        uint32_t bits;
        v = v > lo ? v : lo; /* also NaN */
        v = (v < hi ? v : hi) + round_magic;
        memcpy(&bits, &v, sizeof bits);
        y[i] = (uint8_t)((uint8_t)bits + zero);
    }
}

static void dynamic_run(const arc_step *s) {
    dynamic_job job = {s->in[0].data, s->out[0].data, (size_t)arc_shape_count(&s->in[0].shape), 1, 0};
    float least = 0, most = 0;
    extremes(job.x, job.count, &least, &most);
    if (most > least) {
        job.scale = (most - least) / 255.0f;
        job.zero = (int)fminf(fmaxf(nearbyintf(0.0f - least / job.scale), 0), 255);
    }
    if (s->out[1].data && s->outputs > 1)
        *(float *)s->out[1].data = job.scale;
    if (s->outputs > 2 && s->out[2].data)
        *(uint8_t *)s->out[2].data = (uint8_t)job.zero;
    if (job.count > 0)
        arc_pool_run(job.count < ARC_LOOP_PARALLEL ? NULL : s->pool, (job.count + DYNAMIC_BLOCK - 1) / DYNAMIC_BLOCK, 0,
                     dynamic_items, &job);
}

const arc_op arc_ops_quant[] = {
    {.name = "QuantizeLinear",
     .kind = ARC_KIND_QUANTIZE_LINEAR,
     .layout = ARC_OP_PLAIN,
     .infer = linear_infer,
     .run = linear_run},
    {.name = "DequantizeLinear",
     .kind = ARC_KIND_DEQUANTIZE_LINEAR,
     .layout = ARC_OP_PLAIN,
     .infer = linear_infer,
     .run = linear_run,
     .weight_inputs = ARC_INPUT(0)},
    {.name = "DynamicQuantizeLinear",
     .kind = ARC_KIND_DYNAMIC_QUANTIZE_LINEAR,
     .layout = ARC_OP_PLAIN,
     .infer = dynamic_infer,
     .run = dynamic_run},
    {.name = "ConvInteger",
     .layout = ARC_OP_PLAIN,
     .infer = arc_conv_integer_infer,
     .prepare = arc_conv_integer_prepare,
     .run = arc_conv_integer_run,
     .weight_inputs = ARC_INPUT(1),
     .macs = arc_macs_conv},
    {.name = "MatMulInteger",
     .layout = ARC_OP_PLAIN,
     .infer = arc_matmul_integer_infer,
     .prepare = arc_matmul_integer_prepare,
     .run = arc_matmul_integer_run,
     .weight_inputs = ARC_INPUT(0) | ARC_INPUT(1),
     .macs = arc_macs_matmul},
    {.name = NULL},
};
