/* reference: Conv and ConvTranspose in two dimensions, with all that passes fuse into them (op/op.h). An item of work is one
 * channel of one image: its sums begin with the bias and take the taps in turn, input channel by input channel. */
#include "device/reference/reference.h"
#include <string.h>

typedef struct conv {
    const arc_reference_call *c;
    bool transposed;
    int64_t c_in, c_out, groups, size[2], out[2], kernel[2], stride[2], dilation[2], before[2];
} conv;

static const arc_reference_value *input(const conv *v, int i) {
    return i < v->c->inputs ? v->c->in[i] : NULL;
}

/* The padding in front of axis i, from pads, auto_pad or output_shape. */
static int64_t pad_before(const conv *v, const int64_t pads[4], int i) {
    const char *mode = arc_attr_string(v->c->node, "auto_pad", "NOTSET");
    const int64_t extent = (v->kernel[i] - 1) * v->dilation[i] + 1;
    int64_t extra[2];
    arc_reference_ints(v->c->node, "output_padding", 2, 0, extra);
    const int64_t total = v->transposed ? v->stride[i] * (v->size[i] - 1) + extra[i] + extent - v->out[i]
                                        : (v->out[i] - 1) * v->stride[i] + extent - v->size[i];
    const bool same = strncmp(mode, "SAME", 4) == 0, wanted = v->transposed && arc_node_attr(v->c->node, "output_shape");
    if (strcmp(mode, "VALID") == 0)
        return 0;
    if (!same && !wanted)
        return pads[i];
    if (total <= 0)
        return 0;
    const bool less_before = strcmp(mode, "SAME_UPPER") == 0;
    return less_before ? total / 2 : total - total / 2;
}

static conv read(const arc_reference_call *c, bool transposed) {
    const arc_shape *x = &c->in[0]->shape, *w = &c->in[1]->shape, *y = &c->out[0]->shape;
    conv v = {
        .c = c, .transposed = transposed, .c_in = x->dim[1], .c_out = y->dim[1], .groups = arc_attr_int(c->node, "group", 1)};
    int64_t pads[4];
    arc_reference_ints(c->node, "strides", 2, 1, v.stride);
    arc_reference_ints(c->node, "dilations", 2, 1, v.dilation);
    arc_reference_ints(c->node, "pads", 4, 0, pads);
    for (int i = 0; i < 2; i++) {
        v.size[i] = x->dim[2 + i];
        v.kernel[i] = w->dim[2 + i];
        v.out[i] = y->dim[2 + i];
        v.before[i] = pad_before(&v, pads, i);
    }
    return v;
}

/* Input coordinate for output coordinate o and tap k, -1: outside. */
static int64_t source(const conv *v, int axis, int64_t o, int64_t k) {
    if (!v->transposed) {
        const int64_t i = o * v->stride[axis] + k * v->dilation[axis] - v->before[axis];
        return i >= 0 && i < v->size[axis] ? i : -1;
    }
    const int64_t i = o + v->before[axis] - k * v->dilation[axis];
    return i >= 0 && i % v->stride[axis] == 0 && i / v->stride[axis] < v->size[axis] ? i / v->stride[axis] : -1;
}

static double weight_of(const conv *v, int64_t o, int64_t i, int64_t ky, int64_t kx) {
    const int64_t ig = v->c_in / v->groups, og = v->c_out / v->groups;
    const int64_t at = v->transposed ? i * og + o % og : o * ig + i % ig;
    double w = v->c->in[1]->data[(at * v->kernel[0] + ky) * v->kernel[1] + kx];
    if (input(v, ARC_CONV_OUT_SCALE))
        w *= input(v, ARC_CONV_OUT_SCALE)->data[o];
    if (input(v, ARC_CONV_IN_SCALE))
        w *= input(v, ARC_CONV_IN_SCALE)->data[i];
    return w;
}

/* Columns [from,to) of a row of y that a row of x reaches by tap kx when the convolution is not transposed. */
static void reach(const conv *v, int64_t kx, int64_t *from, int64_t *to) {
    const int64_t shift = kx * v->dilation[1] - v->before[1], stride = v->stride[1], end = v->size[1] - shift;
    *from = ARC_MIN(shift < 0 ? (-shift + stride - 1) / stride : 0, v->out[1]);
    *to = ARC_MAX(ARC_MIN(end <= 0 ? 0 : (end + stride - 1) / stride, v->out[1]), *from);
}

/* y += w * x as tap (ky,kx) sees it; `pad`: what lies outside. */
static void add_tap(const conv *v, const double *x, int64_t ky, int64_t kx, double w, double pad, double *y) {
    int64_t from = 0, to = 0;
    if (!v->transposed)
        reach(v, kx, &from, &to);
    for (int64_t oy = 0; oy < v->out[0]; oy++, y += v->out[1]) {
        const int64_t iy = source(v, 0, oy, ky);
        if (v->transposed || iy < 0) {
            for (int64_t ox = 0; ox < v->out[1]; ox++) {
                const int64_t ix = iy < 0 ? -1 : source(v, 1, ox, kx);
                y[ox] += w * (ix >= 0 ? x[iy * v->size[1] + ix] : pad);
            }
            continue;
        }
        const int64_t stride = v->stride[1], first = iy * v->size[1] + kx * v->dilation[1] - v->before[1];
        for (int64_t ox = 0; ox < from; ox++)
            y[ox] += w * pad;
        for (int64_t ox = from; ox < to; ox++)
            y[ox] += w * x[first + ox * stride];
        for (int64_t ox = to; ox < v->out[1]; ox++)
            y[ox] += w * pad;
    }
}

static void conv_items(void *arg, size_t begin, size_t end, int thread) {
    const conv *v = arg;
    const int64_t ig = v->c_in / v->groups, og = v->c_out / v->groups, plane = v->out[0] * v->out[1];
    (void)thread;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        const int64_t image = item / v->c_out, o = item % v->c_out, first = o / og * ig;
        double *y = v->c->out[0]->data + item * plane;
        for (int64_t p = 0; p < plane; p++)
            y[p] = input(v, 2) ? input(v, 2)->data[o] : 0;
        for (int64_t i = first; i < first + ig; i++)
            for (int64_t k = 0; k < v->kernel[0] * v->kernel[1]; k++)
                add_tap(v, v->c->in[0]->data + (image * v->c_in + i) * v->size[0] * v->size[1], k / v->kernel[1],
                        k % v->kernel[1], weight_of(v, o, i, k / v->kernel[1], k % v->kernel[1]),
                        input(v, ARC_CONV_PAD_VALUE) ? input(v, ARC_CONV_PAD_VALUE)->data[i] : 0, y);
        const arc_reference_value *residual = input(v, ARC_CONV_RESIDUAL);
        for (int64_t p = 0; p < plane; p++)
            y[p] = arc_reference_act(v->c, (size_t)o, y[p] + (residual ? residual->data[item * plane + p] : 0));
    }
}

static void convolve(const arc_reference_call *c, bool transposed) {
    conv v = read(c, transposed);
    arc_pool_run(c->pool, (size_t)(c->out[0]->shape.dim[0] * v.c_out), 1, conv_items, &v);
}

static void conv_run(const arc_reference_call *c) {
    convolve(c, false);
}
static void transposed_run(const arc_reference_call *c) {
    convolve(c, true);
}

const arc_reference_entry arc_reference_conv[] = {{"Conv", conv_run}, {"ConvTranspose", transposed_run}, {0}};
