/* op: DeformConv (19, 22): a convolution each tap of which reads the input at a place of its own, moved by offsets that the
 * network computes, between pixels by linear interpolation, outside as zero; a mask may weigh the taps. Each output pixel gathers
 * its taps into a row, which the dot kernel multiplies with the weights. */
#include "op/layer.h"
#include <math.h>

enum { INPUT, WEIGHTS, OFFSETS, BIAS, MASK, INPUTS }; /* inputs */

#define MAX_KERNEL 1024 /* pixels a side */

typedef struct deform {
    int64_t n, c_in, h, w, c_out, oh, ow, groups, offset_groups;
    int64_t kernel[2], stride[2], dilation[2], pad[4];
    int64_t taps, row; /* of the kernel; floats that one output channel multiplies */
} deform;

static bool read_list(const arc_node *n, const char *name, int count, int64_t least, int64_t *out) {
    int given;
    if (!arc_node_attr(n, name))
        return true;
    if (!arc_node_ints_of(n, name, count, out, &given) || given != count)
        return false;
    for (int i = 0; i < count; i++)
        if (out[i] < least || out[i] > 1 << 20)
            return false;
    return true;
}

static bool has_shape(const arc_tensor *t, int64_t a, int64_t b, int64_t c, int64_t d) {
    const arc_shape wanted = {4, {a, b, c, d}};
    return arc_shape_equal(&t->shape, &wanted);
}

/* What is wrong, or NULL. in[i] NULL: omitted. */
static const char *read_deform(const arc_node *node, const arc_tensor *const *in, deform *d) {
    const arc_shape *x = &in[INPUT]->shape, *w = &in[WEIGHTS]->shape;
    *d = (deform){.stride = {1, 1}, .dilation = {1, 1}, .groups = arc_attr_int(node, "group", 1)};
    d->offset_groups = arc_attr_int(node, "offset_group", 1);
    for (int i = 0; i < INPUTS; i++)
        if (in[i] && in[i]->dtype != ARC_F32)
            return "only float32 is supported";
    if (x->rank != 4 || w->rank != 4)
        return "only 2-D convolution is supported";
    d->n = x->dim[0], d->c_in = x->dim[1], d->h = x->dim[2], d->w = x->dim[3], d->c_out = w->dim[0];
    d->kernel[0] = w->dim[2], d->kernel[1] = w->dim[3];
    int64_t kernel[2] = {d->kernel[0], d->kernel[1]};
    if (!read_list(node, "strides", 2, 1, d->stride) || !read_list(node, "dilations", 2, 1, d->dilation) ||
        !read_list(node, "pads", 4, 0, d->pad) || !read_list(node, "kernel_shape", 2, 1, kernel))
        return "strides, dilations, pads or kernel_shape are out of range";
    if (kernel[0] != d->kernel[0] || kernel[1] != d->kernel[1] || d->kernel[0] < 1 || d->kernel[1] < 1 ||
        d->kernel[0] > MAX_KERNEL || d->kernel[1] > MAX_KERNEL)
        return "kernel_shape does not fit the weights, or the kernel is too large";
    if (d->groups < 1 || d->offset_groups < 1 || d->c_in % d->groups != 0 || d->c_out % d->groups != 0 ||
        d->c_in % d->offset_groups != 0 || w->dim[1] != d->c_in / d->groups)
        return "the channels do not divide into the groups";
    const int64_t size[2] = {d->h, d->w};
    int64_t out[2];
    for (int i = 0; i < 2; i++) {
        const int64_t room = size[i] + d->pad[i] + d->pad[2 + i] - (d->dilation[i] * (d->kernel[i] - 1) + 1);
        if (room < 0)
            return "the kernel is larger than the padded input";
        out[i] = room / d->stride[i] + 1;
    }
    d->oh = out[0], d->ow = out[1];
    d->taps = d->kernel[0] * d->kernel[1];
    d->row = d->c_in / d->groups * d->taps;
    if (!has_shape(in[OFFSETS], d->n, d->offset_groups * d->taps * 2, d->oh, d->ow) ||
        (in[MASK] && !has_shape(in[MASK], d->n, d->offset_groups * d->taps, d->oh, d->ow)) ||
        (in[BIAS] && (in[BIAS]->shape.rank != 1 || in[BIAS]->shape.dim[0] != d->c_out)))
        return "offsets, mask or bias do not fit";
    return NULL;
}

static arc_status deform_infer(arc_infer *in) {
    const arc_tensor *given[INPUTS] = {NULL};
    deform d;
    const arc_status st = arc_infer_needs(in, 3);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < in->inputs && i < INPUTS; i++)
        given[i] = in->in[i];
    const char *why = read_deform(in->node, given, &d);
    if (why)
        return arc_op_fail(in, ARC_ESHAPE, "%s", why);
    const arc_shape y = {4, {d.n, d.c_out, d.oh, d.ow}};
    return arc_infer_out(in, 0, ARC_F32, &y);
}

static arc_status deform_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    const arc_tensor *given[INPUTS];
    deform *d = arc_arena_new(p->arena, 1, sizeof *d);
    if (!d)
        return arc_fail_nomem(p->err, "DeformConv");
    for (int i = 0; i < INPUTS; i++)
        given[i] = i < s->inputs && s->in[i].dtype != ARC_NO_DTYPE ? &s->in[i] : NULL;
    const char *why = read_deform(s->node, given, d);
    if (why)
        return arc_fail(p->err, ARC_ESHAPE, "DeformConv '%s': %s", s->node->name, why);
    s->state = d;
    s->scratch_bytes = (size_t)(d->c_in * d->taps) * sizeof(float);
    return ARC_OK;
}

/* The plane [h][w] at (y, x), between its pixels. */
static float sample(const deform *d, const float *plane, double y, double x) {
    if (!(y > -1 && y < (double)d->h && x > -1 && x < (double)d->w))
        return 0;
    const int64_t y0 = (int64_t)floor(y), x0 = (int64_t)floor(x);
    const double dy = y - (double)y0, dx = x - (double)x0;
    double sum = 0;
    for (int64_t i = 0; i < 2; i++)
        for (int64_t k = 0; k < 2; k++)
            if (y0 + i >= 0 && y0 + i < d->h && x0 + k >= 0 && x0 + k < d->w)
                sum += (i ? dy : 1 - dy) * (k ? dx : 1 - dx) * plane[(y0 + i) * d->w + x0 + k];
    return (float)sum;
}

/* What the taps of one output pixel read: row [c_in][taps]. */
static void gather(const arc_step *s, const deform *d, int64_t image, int64_t oy, int64_t ox, float *row) {
    const int64_t pixels = d->oh * d->ow, at = oy * d->ow + ox, share = d->c_in / d->offset_groups;
    const bool masked = s->inputs > MASK && s->in[MASK].dtype != ARC_NO_DTYPE;
    const float *x = (const float *)s->in[INPUT].data + image * d->c_in * d->h * d->w;
    for (int64_t group = 0; group < d->offset_groups; group++)
        for (int64_t t = 0; t < d->taps; t++) {
            const int64_t tap = (image * d->offset_groups + group) * d->taps + t;
            const float *move = (const float *)s->in[OFFSETS].data + 2 * tap * pixels + at;
            const double y_px = (double)(oy * d->stride[0] - d->pad[0] + t / d->kernel[1] * d->dilation[0]) + move[0];
            const double x_px = (double)(ox * d->stride[1] - d->pad[1] + t % d->kernel[1] * d->dilation[1]) + move[pixels];
            const float weight = masked ? ((const float *)s->in[MASK].data)[tap * pixels + at] : 1;
            for (int64_t c = group * share; c < (group + 1) * share; c++)
                row[c * d->taps + t] = weight * sample(d, x + c * d->h * d->w, y_px, x_px);
        }
}

static void deform_pixels(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const deform *d = s->state;
    float *row = (float *)(void *)(s->scratch + (size_t)thread * s->scratch_stride);
    const float *bias = s->inputs > BIAS && s->in[BIAS].dtype != ARC_NO_DTYPE ? s->in[BIAS].data : NULL;
    const int64_t pixels = d->oh * d->ow, each = d->c_out / d->groups;
    for (size_t item = begin; item < end; item++) {
        const int64_t image = (int64_t)item / pixels, at = (int64_t)item % pixels;
        gather(s, d, image, at / d->ow, at % d->ow, row);
        for (int64_t c = 0; c < d->c_out; c++) {
            const float *w = (const float *)s->in[WEIGHTS].data + c * d->row;
            const float sum = s->kernels->dot((size_t)d->row, row + c / each * d->row, w);
            ((float *)s->out[0].data)[(image * d->c_out + c) * pixels + at] = bias ? sum + bias[c] : sum;
        }
    }
}

static void deform_run(const arc_step *s) {
    const deform *d = s->state;
    const int64_t items = d->n * d->oh * d->ow;
    if (items > 0 && d->c_out > 0)
        arc_pool_run(items < ARC_LOOP_PARALLEL / ARC_MAX(d->c_in * d->taps, (int64_t)1) ? NULL : s->pool, (size_t)items, 0,
                     deform_pixels, (void *)(uintptr_t)s);
}

const arc_op arc_ops_deform[] = {
    {.name = "DeformConv",
     .kernels = "dot",
     .refused = "one or three spatial dimensions",
     .layout = ARC_OP_PLAIN,
     .infer = deform_infer,
     .prepare = deform_prepare,
     .run = deform_run,
     .weight_inputs = ARC_INPUT(1) | ARC_INPUT(3),
     .macs = arc_macs_conv},
    {.name = NULL},
};
