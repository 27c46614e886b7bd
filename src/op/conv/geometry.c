/* op: geometry of Conv and ConvTranspose: attributes to sizes, the pointer lists by which the kernels see their input, and the
 * blocks of their tiles. Padding is a pointer to a pad row, so the kernels have no border cases; a transposed convolution is the
 * same gather with the division by the stride done here. */
#include "op/conv/geometry.h"
#include <stdio.h>
#include <string.h>

#define BLOCK_INPUT_BYTES ((size_t)384 << 10) /* of L2 for the input of a block: the rest is for its panel */
#define BLOCK_LIST_BYTES ((size_t)16 << 10)   /* of pointers: half of L1 */

static arc_status refuse(char *why, size_t why_bytes, const char *text) {
    snprintf(why, why_bytes, "%s", text);
    return ARC_EFORMAT;
}

/* Two or four ints of an attribute, each in [low, 2^30]; absent: `fallback`. */
static bool read_ints(const arc_node *node, const char *name, size_t count, int64_t low, int64_t fallback, int64_t *out,
                      char *why, size_t why_bytes) {
    const arc_attr *a = arc_node_attr(node, name);
    for (size_t i = 0; i < count; i++)
        out[i] = fallback;
    if (!a)
        return true;
    if (a->kind != ARC_ATTR_INTS || a->count != count) {
        snprintf(why, why_bytes, "%s must be %d integers (only 2-D convolution is supported)", name, (int)count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (a->ints[i] < low || a->ints[i] > (int64_t)1 << 30) {
            snprintf(why, why_bytes, "%s holds %lld", name, (long long)a->ints[i]);
            return false;
        }
        out[i] = a->ints[i];
    }
    return true;
}

typedef enum pad_mode { PAD_EXPLICIT, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID } pad_mode;

static bool read_pad_mode(const arc_node *node, pad_mode *mode) {
    static const char *const name[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    const char *text = arc_attr_string(node, "auto_pad", "NOTSET");
    for (int i = 0; i < 4; i++)
        if (strcmp(text, name[i]) == 0 || (i == 0 && *text == '\0')) {
            *mode = (pad_mode)i;
            return true;
        }
    return false;
}

/* One axis of Conv: output size and first pad. extent = (kernel-1)*dilation + 1. */
static int64_t forward_axis(pad_mode mode, int64_t in, int64_t extent, int64_t stride, int64_t begin, int64_t end, int64_t *pad) {
    *pad = mode == PAD_EXPLICIT ? begin : 0;
    if (mode == PAD_EXPLICIT || mode == PAD_VALID) {
        const int64_t room = in + (mode == PAD_EXPLICIT ? begin + end : 0) - extent;
        return room < 0 ? 0 : room / stride + 1;
    }
    const int64_t out = (in + stride - 1) / stride;
    const int64_t total = ARC_MAX((out - 1) * stride + extent - in, 0);
    *pad = mode == PAD_SAME_UPPER ? total / 2 : total - total / 2;
    return out;
}

/* One axis of ConvTranspose; wanted < 0: no output_shape. */
static int64_t backward_axis(pad_mode mode, int64_t in, int64_t extent, int64_t stride, int64_t begin, int64_t end, int64_t extra,
                             int64_t wanted, int64_t *pad) {
    const int64_t full = stride * (in - 1) + extra + extent;
    *pad = 0;
    if (wanted < 0 && mode == PAD_EXPLICIT) {
        *pad = begin;
        return full - begin - end;
    }
    if (wanted < 0 && mode == PAD_VALID)
        return full;
    if (wanted < 0)
        wanted = in * stride;
    const int64_t total = ARC_MAX(full - wanted, 0);
    *pad = mode == PAD_SAME_UPPER ? total / 2 : total - total / 2;
    return wanted;
}

static bool read_output_shape(const arc_node *node, int64_t wanted[2]) {
    const arc_attr *a = arc_node_attr(node, "output_shape");
    wanted[0] = wanted[1] = -1;
    if (!a || a->count == 0)
        return true;
    if (a->kind != ARC_ATTR_INTS || (a->count != 2 && a->count != 4))
        return false;
    for (int i = 0; i < 2; i++) {
        wanted[i] = a->ints[a->count - 2 + (size_t)i];
        if (wanted[i] < 1 || wanted[i] > (int64_t)1 << 30)
            return false;
    }
    return true;
}

static arc_status read_channels(const arc_shape *x, const arc_shape *w, arc_conv_geometry *g, char *why, size_t why_bytes) {
    g->n = x->dim[0];
    g->c_in = x->dim[1];
    g->h = x->dim[2];
    g->w = x->dim[3];
    g->kh = w->dim[2];
    g->kw = w->dim[3];
    const int64_t weights_in = g->transposed ? w->dim[0] : w->dim[1] * g->groups;
    g->c_out = g->transposed ? w->dim[1] * g->groups : w->dim[0];
    char xt[96], wt[96];
    if (weights_in != g->c_in || g->c_in % g->groups || g->c_out % g->groups || g->c_out < 1 || g->c_in < 1 || g->kh < 1 ||
        g->kw < 1 || g->h < 1 || g->w < 1 || g->n < 0) {
        snprintf(why, why_bytes, "weights %s do not fit input %s with group %lld", arc_shape_text(w, wt, sizeof wt),
                 arc_shape_text(x, xt, sizeof xt), (long long)g->groups);
        return ARC_ESHAPE;
    }
    return ARC_OK;
}

arc_status arc_conv_read(const arc_node *node, bool transposed, const arc_shape *x, const arc_shape *w, arc_conv_geometry *g,
                         char *why, size_t why_bytes) {
    int64_t stride[2], dilation[2], pads[4], kernel[2], extra[2], wanted[2];
    pad_mode mode;
    memset(g, 0, sizeof *g);
    g->transposed = transposed;
    if (x->rank != 4 || w->rank != 4) {
        snprintf(why, why_bytes, "only 2-D convolution is supported; input has rank %d, weights %d", x->rank, w->rank);
        return ARC_EUNSUPPORTED;
    }
    g->groups = arc_attr_int(node, "group", 1);
    if (g->groups < 1 || g->groups > (int64_t)1 << 30)
        return refuse(why, why_bytes, "group is out of range");
    arc_status st = read_channels(x, w, g, why, why_bytes);
    if (st != ARC_OK)
        return st;
    if (!read_ints(node, "strides", 2, 1, 1, stride, why, why_bytes) ||
        !read_ints(node, "dilations", 2, 1, 1, dilation, why, why_bytes) ||
        !read_ints(node, "pads", 4, 0, 0, pads, why, why_bytes) ||
        !read_ints(node, "kernel_shape", 2, 1, -1, kernel, why, why_bytes) ||
        !read_ints(node, "output_padding", 2, 0, 0, extra, why, why_bytes))
        return ARC_EFORMAT;
    if ((kernel[0] != -1 && kernel[0] != g->kh) || (kernel[1] != -1 && kernel[1] != g->kw))
        return refuse(why, why_bytes, "kernel_shape contradicts the shape of the weights");
    if (!read_pad_mode(node, &mode))
        return refuse(why, why_bytes, "auto_pad is none of NOTSET SAME_UPPER SAME_LOWER VALID");
    if (!read_output_shape(node, wanted))
        return refuse(why, why_bytes, "output_shape must be 2 positive integers");
    g->stride_h = stride[0];
    g->stride_w = stride[1];
    g->dilation_h = dilation[0];
    g->dilation_w = dilation[1];
    const int64_t extent_h = (g->kh - 1) * dilation[0] + 1, extent_w = (g->kw - 1) * dilation[1] + 1;
    if (transposed) {
        g->oh = backward_axis(mode, g->h, extent_h, stride[0], pads[0], pads[2], extra[0], wanted[0], &g->pad_top);
        g->ow = backward_axis(mode, g->w, extent_w, stride[1], pads[1], pads[3], extra[1], wanted[1], &g->pad_left);
    } else {
        g->oh = forward_axis(mode, g->h, extent_h, stride[0], pads[0], pads[2], &g->pad_top);
        g->ow = forward_axis(mode, g->w, extent_w, stride[1], pads[1], pads[3], &g->pad_left);
    }
    const arc_shape out = {4, {g->n, g->c_out, g->oh, g->ow}};
    if (g->oh < 1 || g->ow < 1 || g->oh >= ARC_MAX_DIM || g->ow >= ARC_MAX_DIM || arc_shape_count(&out) < 0) {
        char xt[96];
        snprintf(why, why_bytes, "input %s with a %lldx%lld kernel gives an output of %lldx%lld",
                 arc_shape_text(x, xt, sizeof xt), (long long)g->kh, (long long)g->kw, (long long)g->oh, (long long)g->ow);
        return ARC_ESHAPE;
    }
    return ARC_OK;
}

/* Input coordinate of kernel position k for output coordinate o, or -1 (padding, or between the strides of a transposed one). */
static int64_t source(bool transposed, int64_t o, int64_t k, int64_t stride, int64_t dilation, int64_t pad, int64_t size) {
    int64_t i = transposed ? o + pad - k * dilation : o * stride - pad + k * dilation;
    if (i < 0)
        return -1;
    if (transposed) {
        if (i % stride)
            return -1;
        i /= stride;
    }
    return i < size ? i : -1;
}

static void border_pixel(const arc_conv_geometry *g, const float *image, const float *pad, int64_t oy, int64_t ox,
                         size_t tap_stride, const float **list) {
    for (int64_t ky = 0; ky < g->kh; ky++) {
        const int64_t y = source(g->transposed, oy, ky, g->stride_h, g->dilation_h, g->pad_top, g->h);
        for (int64_t kx = 0; kx < g->kw; kx++, list += tap_stride) {
            const int64_t x = source(g->transposed, ox, kx, g->stride_w, g->dilation_w, g->pad_left, g->w);
            *list = y < 0 || x < 0 ? pad : image + (y * g->w + x) * g->c_in;
        }
    }
}

/* `count` pixels of one output row whose windows lie inside the input; `first` is the input row of the first one's first tap. */
static void inner_pixels(const arc_conv_geometry *g, const float *first, int64_t count, size_t pixel_stride, size_t tap_stride,
                         const float **list) {
    const int64_t across = g->stride_w * g->c_in;
    for (int64_t ky = 0; ky < g->kh; ky++)
        for (int64_t kx = 0; kx < g->kw; kx++, list += tap_stride) {
            const float *from = first + (ky * g->dilation_h * g->w + kx * g->dilation_w) * g->c_in;
            for (int64_t i = 0; i < count; i++, from += across)
                list[(size_t)i * pixel_stride] = from;
        }
}

void arc_conv_pointers(const arc_conv_geometry *g, const float *x, const float *pad, size_t channel, size_t first, size_t pixels,
                       size_t pixel_stride, size_t tap_stride, const float **list) {
    const int64_t plane = g->oh * g->ow, image_floats = g->h * g->w * g->c_in;
    const int64_t reach_h = (g->kh - 1) * g->dilation_h, reach_w = (g->kw - 1) * g->dilation_w;
    /* Columns [inner, outer) have their whole window inside, where the row does. */
    const int64_t inner = (g->pad_left + g->stride_w - 1) / g->stride_w, room = g->w - 1 - reach_w + g->pad_left;
    const int64_t outer = room < 0 ? 0 : ARC_MIN(room / g->stride_w + 1, g->ow);
    int64_t image = (int64_t)first / plane, oy = (int64_t)first % plane / g->ow, ox = (int64_t)first % g->ow;
    for (int64_t left = (int64_t)pixels; left > 0;) {
        const float *base = x + image * image_floats + (int64_t)channel;
        const int64_t y = oy * g->stride_h - g->pad_top;
        int64_t run = 1;
        if (!g->transposed && y >= 0 && y + reach_h < g->h && ox >= inner && ox < outer) {
            run = ARC_MIN(left, outer - ox);
            inner_pixels(g, base + (y * g->w + ox * g->stride_w - g->pad_left) * g->c_in, run, pixel_stride, tap_stride, list);
        } else {
            border_pixel(g, base, pad + channel, oy, ox, tap_stride, list);
        }
        list += (size_t)run * pixel_stride;
        left -= run;
        ox += run;
        if (ox == g->ow) {
            ox = 0;
            if (++oy == g->oh) {
                oy = 0;
                image++;
            }
        }
    }
}

arc_conv_blocks arc_conv_blocks_of(const arc_conv_geometry *g, size_t mr, size_t row_bytes, size_t panels, size_t threads) {
    const size_t taps = (size_t)(g->kh * g->kw), overlap = (size_t)ARC_MIN(g->stride_h * g->stride_w, g->kh * g->kw);
    arc_conv_blocks b = {.all_tiles = ((size_t)(g->n * g->oh * g->ow) + mr - 1) / mr};
    const size_t most = ARC_MIN(BLOCK_INPUT_BYTES / (mr * row_bytes * overlap), BLOCK_LIST_BYTES / (mr * taps * sizeof(void *)));
    size_t blocks = (b.all_tiles + ARC_MAX(most, (size_t)1) - 1) / ARC_MAX(most, (size_t)1);
    if (threads > 1)
        blocks = ARC_MAX(blocks, ARC_MIN(b.all_tiles, (8 * threads + panels - 1) / panels));
    b.tiles = ARC_MAX((b.all_tiles + blocks - 1) / ARC_MAX(blocks, (size_t)1), (size_t)1);
    b.count = (b.all_tiles + b.tiles - 1) / b.tiles;
    return b;
}
