/* op: MaxPool, AveragePool, LpPool and the global ones. Float images in NHWC run as rows of channels on the rows_max / rows_mean
 * kernels; other ranks, layouts and types, and LpPool, go element by element. */
#include "op/layer.h"
#include "op/learn_step.h"
#include <math.h>
#include <string.h>

#define MAX_SPATIAL 3

enum { MAXIMUM, MEAN, POWER }; /* variants */

typedef struct pool_state {
    bool mean, include_pad;
    double power; /* LpPool: (sum of |x|^power)^(1/power); 0: not that */
    int spatial;
    int64_t n, c, in[MAX_SPATIAL], out[MAX_SPATIAL], kernel[MAX_SPATIAL], stride[MAX_SPATIAL], dilation[MAX_SPATIAL];
    int64_t before[MAX_SPATIAL], after[MAX_SPATIAL]; /* padding */
    int64_t taps;
} pool_state;

/* ---- infer ------------------------------------------------------------------------------------------------------- */

static int64_t window_of(const pool_state *p, int i) {
    return (p->kernel[i] - 1) * p->dilation[i] + 1;
}

/* Output size and the padding that auto_pad asks for. */
static bool size_dim(pool_state *p, int i, const char *auto_pad, bool ceil_mode) {
    const int64_t window = window_of(p, i);
    if (strcmp(auto_pad, "SAME_UPPER") == 0 || strcmp(auto_pad, "SAME_LOWER") == 0) {
        p->out[i] = (p->in[i] + p->stride[i] - 1) / p->stride[i];
        const int64_t total = ARC_MAX((p->out[i] - 1) * p->stride[i] + window - p->in[i], (int64_t)0);
        p->before[i] = strcmp(auto_pad, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
        p->after[i] = total - p->before[i];
        return p->out[i] > 0;
    }
    if (strcmp(auto_pad, "VALID") == 0)
        p->before[i] = p->after[i] = 0;
    const int64_t room = p->in[i] + p->before[i] + p->after[i] - window;
    if (room < 0)
        return false;
    p->out[i] = room / p->stride[i] + 1;
    if (ceil_mode && room % p->stride[i] != 0 && p->out[i] * p->stride[i] < p->in[i] + p->before[i])
        p->out[i]++; /* a last window that begins inside the image hangs over its end */
    return true;
}

/* Reads the attributes for an input of this shape; NULL when all is well, otherwise what is wrong. */
static const char *read_pool(const arc_node *node, const arc_shape *x, pool_state *p) {
    memset(p, 0, sizeof *p);
    p->mean = node->entry->variant == MEAN;
    p->power = node->entry->variant == POWER ? (double)arc_attr_int(node, "p", 2) : 0;
    if (node->entry->variant == POWER && p->power < 1)
        return "p must be at least 1";
    p->spatial = x->rank - 2;
    if (p->spatial < 1 || p->spatial > MAX_SPATIAL)
        return "the input must have 1 to 3 spatial dimensions";
    int count;
    if (!arc_node_ints_of(node, "kernel_shape", MAX_SPATIAL, p->kernel, &count) || count != p->spatial)
        return "kernel_shape does not fit the input";
    for (int i = 0; i < p->spatial; i++)
        p->stride[i] = p->dilation[i] = 1;
    if (arc_node_attr(node, "strides") &&
        (!arc_node_ints_of(node, "strides", MAX_SPATIAL, p->stride, &count) || count != p->spatial))
        return "strides does not fit the input";
    if (arc_node_attr(node, "dilations") &&
        (!arc_node_ints_of(node, "dilations", MAX_SPATIAL, p->dilation, &count) || count != p->spatial))
        return "dilations does not fit the input";
    int64_t pads[2 * MAX_SPATIAL] = {0};
    if (arc_node_attr(node, "pads") &&
        (!arc_node_ints_of(node, "pads", 2 * MAX_SPATIAL, pads, &count) || count != 2 * p->spatial))
        return "pads does not fit the input";
    const char *auto_pad = arc_attr_string(node, "auto_pad", "NOTSET");
    p->include_pad = arc_attr_int(node, "count_include_pad", 0) != 0;
    p->n = x->dim[0];
    p->c = x->dim[1];
    p->taps = 1;
    for (int i = 0; i < p->spatial; i++) {
        p->in[i] = x->dim[2 + i];
        p->before[i] = pads[i];
        p->after[i] = pads[p->spatial + i];
        const int64_t limit = 1 << 20;
        if (p->kernel[i] < 1 || p->kernel[i] > limit || p->stride[i] < 1 || p->stride[i] > limit || p->dilation[i] < 1 ||
            p->dilation[i] > limit || p->before[i] < 0 || p->before[i] > limit || p->after[i] < 0 || p->after[i] > limit)
            return "an attribute is out of range";
        if (!size_dim(p, i, auto_pad, arc_attr_int(node, "ceil_mode", 0) != 0))
            return "the window is larger than the padded input";
        p->taps *= p->kernel[i];
        if (p->taps > limit)
            return "the window is too large";
    }
    return NULL;
}

static arc_status pool_infer(arc_infer *in) {
    pool_state p;
    const bool maximum = in->node->entry->variant == MAXIMUM;
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const char *why = read_pool(in->node, &in->in[0]->shape, &p);
    if (why)
        return arc_op_fail(in, ARC_ESHAPE, "%s", why);
    if (in->in[0]->dtype != ARC_F32 && (!maximum || (in->in[0]->dtype != ARC_U8 && in->in[0]->dtype != ARC_I8)))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "inputs of type %s", arc_dtype_name(in->in[0]->dtype));
    if (in->outputs > 1 && in->out[1])
        return arc_op_fail(in, ARC_EUNSUPPORTED, "the indices of the maxima are not computed");
    arc_shape y = in->in[0]->shape;
    memcpy(y.dim + 2, p.out, (size_t)p.spatial * sizeof *y.dim);
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

static arc_status pool_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    pool_state *state = arc_arena_new(p->arena, 1, sizeof *state);
    if (!state)
        return arc_fail_nomem(p->err, s->op->name);
    const char *why = read_pool(s->node, &s->in[0].shape, state);
    if (why)
        return arc_fail(p->err, ARC_ESHAPE, "%s '%s': %s", s->op->name, s->node->name, why);
    s->state = state;
    s->scratch_bytes = (size_t)state->taps * sizeof(float *);
    return ARC_OK;
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

/* First tap and number of taps of output `o` along dimension i that lie inside the image. */
static int64_t taps_inside(const pool_state *p, int i, int64_t o, int64_t *first) {
    const int64_t start = o * p->stride[i] - p->before[i];
    const int64_t skip = start < 0 ? (-start + p->dilation[i] - 1) / p->dilation[i] : 0;
    const int64_t reach = p->in[i] - 1 - start; /* of the last pixel */
    const int64_t last = reach < 0 ? -1 : ARC_MIN(reach / p->dilation[i], p->kernel[i] - 1);
    *first = skip;
    return ARC_MAX(last - skip + 1, (int64_t)0);
}

/* Elements that an average with count_include_pad divides by: the part of the window inside image and padding. */
static int64_t taps_padded(const pool_state *p, int i, int64_t o) {
    const int64_t start = o * p->stride[i] - p->before[i], reach = p->in[i] + p->after[i] - 1 - start;
    return ARC_MIN(reach / p->dilation[i] + 1, p->kernel[i]);
}

/* Output rows (image, y) of an NHWC image. */
static void pool_rows(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const pool_state *p = s->state;
    const float **list = (const float **)(void *)(s->scratch + (size_t)thread * s->scratch_stride);
    const size_t c = (size_t)p->c;
    for (size_t row = begin; row < end; row++) {
        const int64_t image = (int64_t)row / p->out[0], oy = (int64_t)row % p->out[0];
        const float *x = (const float *)s->in[0].data + (size_t)(image * p->in[0] * p->in[1]) * c;
        float *y = (float *)s->out[0].data + row * (size_t)p->out[1] * c;
        int64_t ty, tx;
        const int64_t rows = taps_inside(p, 0, oy, &ty);
        for (int64_t ox = 0; ox < p->out[1]; ox++, y += c) {
            const int64_t columns = taps_inside(p, 1, ox, &tx);
            size_t taps = 0;
            for (int64_t i = 0; i < rows; i++)
                for (int64_t j = 0; j < columns; j++) {
                    const int64_t iy = oy * p->stride[0] - p->before[0] + (ty + i) * p->dilation[0];
                    const int64_t ix = ox * p->stride[1] - p->before[1] + (tx + j) * p->dilation[1];
                    list[taps++] = x + (size_t)(iy * p->in[1] + ix) * c;
                }
            if (taps == 0)
                for (size_t j = 0; j < c; j++)
                    y[j] = p->mean ? 0 : -INFINITY;
            else if (p->mean)
                s->kernels->rows_mean(
                    taps, c, list, 1.0f / (float)(p->include_pad ? taps_padded(p, 0, oy) * taps_padded(p, 1, ox) : (int64_t)taps),
                    y);
            else
                s->kernels->rows_max(taps, c, list, y);
        }
    }
}

/* One output element of a plain tensor; `plane` is the number of its (image, channel). */
static double pool_element(const arc_step *s, const pool_state *p, int64_t plane, const int64_t *o) {
    int64_t first[MAX_SPATIAL], taps[MAX_SPATIAL], index[MAX_SPATIAL] = {0}, inside = 1, divisor = 1, size = 1;
    for (int i = 0; i < p->spatial; i++) {
        taps[i] = taps_inside(p, i, o[i], &first[i]);
        inside *= taps[i];
        divisor *= p->include_pad ? taps_padded(p, i, o[i]) : taps[i];
        size *= p->in[i];
    }
    double result = p->mean || p->power > 0 ? 0 : -HUGE_VAL;
    for (int64_t t = 0; t < inside; t++) {
        int64_t at = 0;
        for (int i = 0; i < p->spatial; i++)
            at = at * p->in[i] + o[i] * p->stride[i] - p->before[i] + (first[i] + index[i]) * p->dilation[i];
        const double v = arc_element_real(s->in[0].dtype, s->in[0].data, plane * size + at);
        result = p->power > 0 ? result + pow(fabs(v), p->power) : p->mean ? result + v : ARC_MAX(result, v);
        for (int i = p->spatial - 1; i >= 0 && ++index[i] == taps[i]; i--)
            index[i] = 0;
    }
    if (p->power > 0)
        return pow(result, 1 / p->power);
    return p->mean && divisor > 0 ? result / (double)divisor : result;
}

static void pool_planes(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const pool_state *p = s->state;
    int64_t size = 1;
    (void)thread;
    for (int i = 0; i < p->spatial; i++)
        size *= p->out[i];
    for (size_t plane = begin; plane < end; plane++)
        for (int64_t e = 0; e < size; e++) {
            int64_t o[MAX_SPATIAL], rest = e;
            for (int i = p->spatial - 1; i >= 0; i--) {
                o[i] = rest % p->out[i];
                rest /= p->out[i];
            }
            arc_element_set_real(s->out[0].dtype, s->out[0].data, (int64_t)plane * size + e,
                                 pool_element(s, p, (int64_t)plane, o));
        }
}

static void pool_run(const arc_step *s) {
    const pool_state *p = s->state;
    const int64_t count = arc_shape_count(&s->out[0].shape);
    arc_pool *pool = count * p->taps < ARC_LOOP_PARALLEL ? NULL : s->pool;
    if (count == 0)
        return;
    if (s->in[0].layout == ARC_NHWC)
        arc_pool_run(pool, (size_t)(p->n * p->out[0]), 0, pool_rows, (void *)(uintptr_t)s);
    else
        arc_pool_run(pool, (size_t)(p->n * p->c), 0, pool_planes, (void *)(uintptr_t)s);
}

/* ---- global pools ------------------------------------------------------------------------------------------------ */

#define GLOBAL_BLOCK 64 /* channels of one tile */

static arc_status global_infer(arc_infer *in) {
    const arc_status st = arc_infer_same_f32(in);
    if (st != ARC_OK)
        return st;
    arc_shape y = in->in[0]->shape;
    if (y.rank < 2)
        return arc_op_fail(in, ARC_ESHAPE, "needs an input of rank 2 or more");
    for (int i = 2; i < y.rank; i++)
        y.dim[i] = 1;
    return arc_infer_out(in, 0, ARC_F32, &y);
}

typedef struct global_job {
    const arc_step *s;
    bool mean;
    size_t c, pixels, blocks, width, pixel_stride, channel_stride;
} global_job;

static void global_items(void *arg, size_t begin, size_t end, int thread) {
    const global_job *job = arg;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        double sum[GLOBAL_BLOCK];
        const size_t image = item / job->blocks, channel = item % job->blocks * job->width;
        const size_t count = ARC_MIN(job->width, job->c - channel);
        const float *x = (const float *)job->s->in[0].data + image * job->c * job->pixels + channel * job->channel_stride;
        float *y = (float *)job->s->out[0].data + image * job->c + channel;
        for (size_t j = 0; j < count; j++)
            sum[j] = job->mean ? 0 : -HUGE_VAL;
        for (size_t p = 0; p < job->pixels; p++)
            for (size_t j = 0; j < count; j++) {
                const double v = x[p * job->pixel_stride + j * job->channel_stride];
                sum[j] = job->mean ? sum[j] + v : ARC_MAX(sum[j], v);
            }
        for (size_t j = 0; j < count; j++)
            y[j] = (float)(job->mean ? sum[j] / (double)job->pixels : sum[j]);
    }
}

/* The output is one row of channels an image: the same in both layouts. */
static void global_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0];
    global_job job = {.s = s, .mean = s->op->variant == MEAN, .c = (size_t)x->shape.dim[1], .pixels = 1};
    const bool channels_last = x->layout == ARC_NHWC;
    const size_t images = (size_t)x->shape.dim[0];
    for (int i = 2; i < x->shape.rank; i++)
        job.pixels *= (size_t)x->shape.dim[i];
    if (images * job.c == 0)
        return;
    job.width = channels_last ? GLOBAL_BLOCK : 1;
    job.blocks = (job.c + job.width - 1) / job.width;
    job.pixel_stride = channels_last ? job.c : 1;
    job.channel_stride = channels_last ? 1 : job.pixels;
    arc_pool_run(images * job.c * job.pixels < ARC_LOOP_PARALLEL ? NULL : s->pool, images * job.blocks, 0, global_items, &job);
}

/* (sum of |x|^p)^(1/p) of every plane. */
static void global_power_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape;
    const double power = (double)ARC_MAX(arc_attr_int(s->node, "p", 2), (int64_t)1);
    const int64_t planes = x->dim[0] * x->dim[1], pixels = planes > 0 ? arc_shape_count(x) / planes : 0;
    for (int64_t plane = 0; plane < planes; plane++) {
        double sum = 0;
        for (int64_t i = 0; i < pixels; i++)
            sum += pow(fabs((double)((const float *)s->in[0].data)[plane * pixels + i]), power);
        ((float *)s->out[0].data)[plane] = (float)pow(sum, 1 / power);
    }
}

const arc_op arc_ops_pool[] = {
    {.name = "MaxPool",
     .kernels = "rows_max",
     .refused = "indices of the maxima",
     .variant = MAXIMUM,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = pool_infer,
     .prepare = pool_prepare,
     .run = pool_run},
    {.name = "AveragePool",
     .kernels = "rows_mean",
     .variant = MEAN,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = pool_infer,
     .prepare = pool_prepare,
     .run = pool_run},
    {.name = "LpPool", .variant = POWER, .layout = ARC_OP_PLAIN, .infer = pool_infer, .prepare = pool_prepare, .run = pool_run},
    {.name = "GlobalLpPool", .variant = POWER, .layout = ARC_OP_PLAIN, .infer = global_infer, .run = global_power_run},
    {.name = "GlobalAveragePool",
     .kind = ARC_KIND_GLOBAL_AVERAGE_POOL,
     .variant = MEAN,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = global_infer,
     .run = global_run,
     .learn_prepare = arc_average_learn_prepare,
     .forward = arc_average_forward,
     .backward = arc_average_backward},
    {.name = "GlobalMaxPool",
     .variant = MAXIMUM,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = global_infer,
     .run = global_run},
    {.name = NULL},
};
