/* reference: MaxPool, AveragePool and the global ones over any number of spatial dimensions. */
#include "device/reference/reference.h"
#include <math.h>
#include <string.h>

typedef struct window {
    int spatial;
    int64_t kernel[ARC_MAX_RANK], stride[ARC_MAX_RANK], dilation[ARC_MAX_RANK], before[ARC_MAX_RANK], after[ARC_MAX_RANK];
} window;

static window read(const arc_reference_call *c) {
    const arc_shape *x = &c->in[0]->shape, *y = &c->out[0]->shape;
    const char *mode = arc_attr_string(c->node, "auto_pad", "NOTSET");
    window w = {.spatial = x->rank - 2};
    int64_t pads[2 * ARC_MAX_RANK];
    arc_reference_ints(c->node, "kernel_shape", w.spatial, 1, w.kernel);
    arc_reference_ints(c->node, "strides", w.spatial, 1, w.stride);
    arc_reference_ints(c->node, "dilations", w.spatial, 1, w.dilation);
    arc_reference_ints(c->node, "pads", 2 * w.spatial, 0, pads);
    for (int i = 0; i < w.spatial; i++) {
        const int64_t extent = (w.kernel[i] - 1) * w.dilation[i] + 1;
        const int64_t total = ARC_MAX((y->dim[2 + i] - 1) * w.stride[i] + extent - x->dim[2 + i], (int64_t)0);
        w.before[i] = pads[i];
        w.after[i] = pads[w.spatial + i];
        if (strncmp(mode, "SAME", 4) == 0) {
            w.before[i] = strcmp(mode, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
            w.after[i] = total - w.before[i];
        } else if (strcmp(mode, "VALID") == 0) {
            w.before[i] = w.after[i] = 0;
        }
    }
    return w;
}

/* The largest or the mean of the window of one output pixel, whose coordinates are `o`. */
static double reduce(const arc_reference_call *c, const window *w, const double *image, const int64_t *o, bool mean) {
    const arc_shape *x = &c->in[0]->shape;
    const bool padding_counts = arc_attr_int(c->node, "count_include_pad", 0) != 0;
    double sum = 0, most = -INFINITY, count = 0;
    int64_t taps = 1;
    for (int i = 0; i < w->spatial; i++)
        taps *= w->kernel[i];
    for (int64_t tap = 0; tap < taps; tap++) {
        int64_t rest = tap, at = 0, step = 1;
        bool inside = true, padded = true;
        for (int i = w->spatial - 1; i >= 0; rest /= w->kernel[i], step *= x->dim[2 + i], i--) {
            const int64_t p = o[i] * w->stride[i] - w->before[i] + rest % w->kernel[i] * w->dilation[i];
            inside &= p >= 0 && p < x->dim[2 + i];
            padded &= p < x->dim[2 + i] + w->after[i];
            at += p * step;
        }
        count += inside || (padding_counts && padded);
        if (!inside)
            continue;
        sum += image[at];
        most = image[at] > most || isnan(image[at]) ? image[at] : most;
    }
    return mean ? sum / count : most;
}

static void pool(const arc_reference_call *c, bool mean) {
    const arc_shape *x = &c->in[0]->shape, *y = &c->out[0]->shape;
    const window w = read(c);
    size_t in = 1, out = 1;
    for (int i = 0; i < w.spatial; i++) {
        in *= (size_t)x->dim[2 + i];
        out *= (size_t)y->dim[2 + i];
    }
    for (size_t at = 0; at < arc_reference_count(c->out[0]); at++) {
        int64_t o[ARC_MAX_RANK], rest = (int64_t)(at % out);
        for (int i = w.spatial - 1; i >= 0; rest /= y->dim[2 + i], i--)
            o[i] = rest % y->dim[2 + i];
        c->out[0]->data[at] = reduce(c, &w, c->in[0]->data + at / out * in, o, mean);
    }
}

static void max_run(const arc_reference_call *c) {
    pool(c, false);
}
static void average_run(const arc_reference_call *c) {
    pool(c, true);
}

static void whole(const arc_reference_call *c, bool mean) {
    const size_t outputs = arc_reference_count(c->out[0]), each = arc_reference_count(c->in[0]) / outputs;
    for (size_t i = 0; i < outputs; i++) {
        const double *x = c->in[0]->data + i * each;
        double sum = 0, most = -INFINITY;
        for (size_t p = 0; p < each; p++) {
            sum += x[p];
            most = x[p] > most || isnan(x[p]) ? x[p] : most;
        }
        c->out[0]->data[i] = mean ? sum / (double)each : most;
    }
}

static void global_average_run(const arc_reference_call *c) {
    whole(c, true);
}
static void global_max_run(const arc_reference_call *c) {
    whole(c, false);
}

const arc_reference_entry arc_reference_pool[] = {{"MaxPool", max_run},
                                                  {"AveragePool", average_run},
                                                  {"GlobalAveragePool", global_average_run},
                                                  {"GlobalMaxPool", global_max_run},
                                                  {0}};
