/* kernel: the end of an 8-bit layer (requantisation) and depthwise 8-bit sums in portable C. Tests compare the SIMD files with
 * them. */
#include "kernel/levels.h"
#include <math.h>

/* x limited to lo..hi; NaN becomes lo. */
static float clamp(float v, float lo, float hi) {
    v = v > lo ? v : lo;
    return v < hi ? v : hi;
}

static float activate(float v, size_t j, const arc_requantize *r) {
    switch (r->act) {
    case ARC_ACT_RELU:
        return v < 0 ? 0 : v;
    case ARC_ACT_PRELU:
        return v < 0 ? v * r->slope[j] : v;
    case ARC_ACT_LEAKY:
        return v < 0 ? v * r->alpha : v;
    case ARC_ACT_CLIP:
        return v < r->lo ? r->lo : v > r->hi ? r->hi : v;
    case ARC_ACT_NONE:
    case ARC_ACT_GELU:
    case ARC_ACT_GELU_TANH:
        break;
    }
    return v;
}

static void finish(float v, size_t i, size_t j, const arc_requantize *r) {
    const float residual = r->residual ? r->residual[i * r->residual_stride + j] : 0;
    if (r->mid_scale != 0)
        v = nearbyintf(clamp(v, r->mid_lo, r->mid_hi)) * r->mid_scale;
    if (r->residual && r->act_last)
        v += residual;
    v = activate(v, j, r);
    if (r->residual && !r->act_last)
        v += residual;
    if (r->y)
        r->y[i * r->y_stride + j] = v;
    if (r->quantized) {
        v = r->post_scale ? fmaf(v, r->post_scale[j], r->post_shift[j]) : v * r->quantize_scale;
        const float lo = (float)-r->quantize_zero, hi = (float)(255 - r->quantize_zero);
        r->quantized[i * r->quantized_stride + j] = (uint8_t)((int32_t)nearbyintf(clamp(v, lo, hi)) + r->quantize_zero);
    }
}

static void requantize(size_t m, size_t n, const int32_t *sums, size_t stride, const arc_requantize *r) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            finish(fmaf((float)sums[i * stride + j], r->scale[j], r->bias[j]), i, j, r);
}

static void quantize(size_t m, size_t n, const float *x, size_t stride, const arc_requantize *r) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            finish(x[i * stride + j], i, j, r);
}

static void int8_dwconv(size_t pixels, size_t channels, size_t taps, const uint8_t *const *x, const int8_t *w, int32_t *y) {
    for (size_t p = 0; p < pixels; p++, x += taps, y += channels)
        for (size_t j = 0; j < channels; j++) {
            int32_t sum = 0;
            for (size_t t = 0; t < taps; t++)
                sum += x[t][j] * w[t * channels + j];
            y[j] = sum;
        }
}

void arc_kernels_fill_generic_int8(arc_kernels *k) {
    k->requantize = requantize;
    k->quantize = quantize;
    k->int8_dwconv = int8_dwconv;
}
