/* Which activation stood between two layers of a checkpoint, told by its BatchNorm statistics.
 *
 * A state dict has the weights of a net and not its activations, and leaky ReLU and ReLU look alike in it. But the running mean
 * of a BatchNorm is the mean of what the convolution in front of it gave, and that follows from the mean of the activations in
 * front of the convolution. A channel behind a BatchNorm is close to normal with the BatchNorm's own bias and weight as mean and
 * deviation, so the mean behind leaky ReLU of slope a is (1-a) E[max(x,0)] + a E[x]. The slope with which the predicted means
 * come closer to the stored ones, in deviations of each channel, is the one that the net was trained with. */
#include "format/torch/torch_internal.h"
#include <math.h>
#include <stdio.h>

#define NAME_BYTES 128
#define CLEAR 2.0 /* how much better one slope has to fit than the other */

static const float *numbers(const arc_torch_state *s, const char *prefix, const char *leaf, int rank, int64_t *count) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", prefix, leaf);
    const arc_torch_tensor *t = arc_torch_find(s, name);
    if (!t || t->shape.rank != rank)
        return NULL;
    *count = arc_shape_count(&t->shape);
    return t->data;
}

/* E[max(x,0)] of x ~ N(mean, deviation). */
static double mean_above_zero(double mean, double deviation) {
    const double d = fabs(deviation) + 1e-12, t = mean / d;
    return mean * 0.5 * erfc(-t * 0.70710678118654752) + d * exp(-0.5 * t * t) * 0.39894228040143268;
}

/* Adds the squared errors of a depthwise convolution behind BatchNorm `before` and in front of BatchNorm `after`. */
bool arc_torch_leak_errors(const arc_torch_state *s, const char *before, const char *conv, const char *after, float slope,
                           double *relu, double *leaky) {
    int64_t channels = 0, count = 0, taps = 0;
    const float *scale = numbers(s, before, "weight", 1, &channels), *shift = numbers(s, before, "bias", 1, &count);
    if (!scale || !shift || count != channels || channels < 1)
        return false;
    const float *weight = numbers(s, conv, "weight", 4, &taps), *mean = numbers(s, after, "running_mean", 1, &count);
    if (!weight || !mean || count != channels || taps % channels)
        return false;
    const float *variance = numbers(s, after, "running_var", 1, &count);
    if (!variance || count != channels)
        return false;
    taps /= channels;
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t t = 0; t < taps; t++)
            sum += (double)weight[c * taps + t];
        const double above = mean_above_zero((double)shift[c], (double)scale[c]),
                     deviation = sqrt(fmax((double)variance[c], 0) + 1e-5);
        const double a = (sum * above - (double)mean[c]) / deviation;
        const double b = (sum * (above + (double)slope * ((double)shift[c] - above)) - (double)mean[c]) / deviation;
        *relu += a * a;
        *leaky += b * b;
    }
    return true;
}

arc_status arc_torch_choose_leak(double relu, double leaky, float slope, const char *name, float *out, arc_error *err) {
    if (relu * CLEAR < leaky)
        *out = 0;
    else if (leaky * CLEAR < relu)
        *out = slope;
    else
        return arc_fail(
            err, ARC_EUNSUPPORTED,
            "%s: its BatchNorm statistics don't tell whether it was trained with ReLU or leaky ReLU (errors %.3g and %.3g); "
            "export it to ONNX instead",
            name, relu, leaky);
    return ARC_OK;
}
