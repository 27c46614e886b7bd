/* op: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, and the table of the int8 operators (int8.c). */
#include "op/layer.h"
#include <math.h>
#include <string.h>

/* ---- QuantizeLinear, DequantizeLinear: one scale, one an index of the axis, or one a block along it ----------------- */

enum { ONE_SCALE = -1, NO_FIT = -2 };

/* Neighbours along the axis that share a scale; 0: scales are not blocked. */
static int64_t block_of(const arc_node *node) {
    return arc_attr_int(node, "block_size", 0);
}

/* A scale for every block: the input's shape, shorter along the axis. */
static bool blocks_fit(const arc_node *node, const arc_shape *x, const arc_shape *scale) {
    const int axis = arc_axis(arc_attr_int(node, "axis", 1), x->rank);
    const int64_t block = block_of(node);
    if (axis < 0 || block < 1 || scale->rank != x->rank)
        return false;
    for (int i = 0; i < x->rank; i++)
        if (scale->dim[i] != (i == axis ? (x->dim[i] + block - 1) / block : x->dim[i]))
            return false;
    return true;
}

/* Axis of a per-axis or blocked scale, ONE_SCALE, or NO_FIT. */
static int scale_axis(const arc_node *node, const arc_shape *x, const arc_tensor *scale) {
    const int axis = arc_axis(arc_attr_int(node, "axis", 1), x->rank);
    if (block_of(node) != 0)
        return blocks_fit(node, x, &scale->shape) ? axis : NO_FIT;
    if (scale->shape.rank == 0 || (arc_shape_count(&scale->shape) == 1 && axis < 0))
        return ONE_SCALE;
    if (scale->shape.rank != 1 || axis < 0 || scale->shape.dim[0] != x->dim[axis])
        return scale->shape.rank == 1 && scale->shape.dim[0] == 1 ? ONE_SCALE : NO_FIT;
    return axis;
}

static bool is_coded(arc_dtype t) {
    return t == ARC_U8 || t == ARC_I8 || t == ARC_U16 || t == ARC_I16;
}

static arc_status linear_infer(arc_infer *in) {
    const bool quantize = arc_node_is(in->node, ARC_KIND_QUANTIZE_LINEAR);
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    const arc_tensor *x = in->in[0], *scale = in->in[1], *zero = in->inputs > 2 ? in->in[2] : NULL;
    const int64_t asked = arc_attr_int(in->node, "output_dtype", 0);
    const arc_dtype coded = !quantize ? x->dtype : zero ? zero->dtype : asked ? (arc_dtype)asked : ARC_U8;
    const bool known = asked >= 0 && asked <= ARC_BF16 && (is_coded(coded) || (!quantize && coded == ARC_I32));
    if (!known || scale->dtype != ARC_F32 || (!quantize && asked && asked != ARC_F32) ||
        (quantize && asked && asked != (int64_t)coded) ||
        (quantize ? x->dtype != ARC_F32 && x->dtype != ARC_I32 : zero && zero->dtype != x->dtype))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "from %s with integers of type %s and scales of type %s",
                           arc_dtype_name(x->dtype), arc_dtype_name(coded), arc_dtype_name(scale->dtype));
    if (scale_axis(in->node, &x->shape, scale) == NO_FIT ||
        (zero && arc_shape_count(&zero->shape) != arc_shape_count(&scale->shape)))
        return arc_op_fail(in, ARC_ESHAPE, "scale or zero point do not fit the input");
    return arc_infer_out(in, 0, quantize ? coded : ARC_F32, &x->shape);
}

typedef struct linear_job {
    const arc_step *s;
    const arc_tensor *zero; /* NULL: none */
    double lo, hi;          /* of the integers that are made */
} linear_job;

static linear_job job_of(const arc_step *s) {
    const arc_dtype t = s->out[0].dtype;
    linear_job job = {s, s->inputs > 2 && s->in[2].dtype != ARC_NO_DTYPE ? &s->in[2] : NULL, 0, 255};
    if (t == ARC_I8)
        job.lo = -128, job.hi = 127;
    else if (t == ARC_I16)
        job.lo = -32768, job.hi = 32767;
    else if (t == ARC_U16)
        job.hi = 65535;
    return job;
}

/* Elements iy of the output and ix of the input, by scale k. */
static void linear_one(const linear_job *job, int64_t iy, int64_t ix, int64_t k) {
    const arc_tensor *x = &job->s->in[0], *y = &job->s->out[0];
    const float scale = ((const float *)job->s->in[1].data)[k];
    const int64_t z = job->zero ? arc_element_int(job->zero->dtype, job->zero->data, k) : 0;
    if (y->dtype != ARC_F32) {
        const float quantized = nearbyintf((float)arc_element_real(x->dtype, x->data, ix) / scale);
        arc_element_set_real(y->dtype, y->data, iy, fmin(fmax((double)quantized + (double)z, job->lo), job->hi));
    } else
        ((float *)y->data)[iy] = (float)(arc_element_int(x->dtype, x->data, ix) - z) * scale;
}

static void linear_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    for (int64_t i = 0; i < n; i++)
        linear_one(arg, at[0] + i * step[0], at[1] + i * step[1], at[2] + i * step[2]);
}

static void blocked_run(const arc_step *s, int axis) {
    const linear_job job = job_of(s);
    const arc_shape *x = &s->in[0].shape;
    const int64_t block = block_of(s->node), blocks = s->in[1].shape.dim[axis];
    int64_t inner = 1;
    for (int i = axis + 1; i < x->rank; i++)
        inner *= x->dim[i];
    for (int64_t e = 0, n = arc_shape_count(x); e < n; e++) {
        const int64_t outer = e / inner / x->dim[axis], at = e / inner % x->dim[axis];
        linear_one(&job, e, e, (outer * blocks + at / block) * inner + e % inner);
    }
}

static void linear_run(const arc_step *s) {
    const int axis = scale_axis(s->node, &s->in[0].shape, &s->in[1]);
    int64_t still[ARC_MAX_RANK] = {0};
    linear_job job = job_of(s);
    arc_loop l;
    if (block_of(s->node) != 0) {
        blocked_run(s, axis);
        return;
    }
    if (axis >= 0)
        still[axis] = 1;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_add_strides(&l, still);
    arc_loop_run(s->pool, l, linear_items, &job);
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
     .refused = "float8 and integers of 2 and 4 bits; scales of other types than float32",
     .kind = ARC_KIND_QUANTIZE_LINEAR,
     .layout = ARC_OP_PLAIN,
     .infer = linear_infer,
     .run = linear_run},
    {.name = "DequantizeLinear",
     .refused = "float8 and float4 (4-bit integers are read as 8-bit ones); scales of other types than float32",
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
     .kernels = "int8_igemm",
     .layout = ARC_OP_PLAIN,
     .infer = arc_conv_integer_infer,
     .prepare = arc_conv_integer_prepare,
     .run = arc_conv_integer_run,
     .weight_inputs = ARC_INPUT(1),
     .macs = arc_macs_conv},
    {.name = "MatMulInteger",
     .kernels = "int8_igemm",
     .layout = ARC_OP_PLAIN,
     .infer = arc_matmul_integer_infer,
     .prepare = arc_matmul_integer_prepare,
     .run = arc_matmul_integer_run,
     .weight_inputs = ARC_INPUT(0) | ARC_INPUT(1),
     .macs = arc_macs_matmul},
    {.name = NULL},
};
