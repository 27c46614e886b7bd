/* kernel: the multiplying slots in portable C: igemm, depthwise and group convolution, and 8 bits. They run on any machine,
 * and tests compare the SIMD files with them. */
#include "kernel/levels.h"
#include <string.h>

enum { MR = 4, NR = 8, MR8 = 4, NR8 = 8 };

float arc_epilogue_finish(float x, size_t j, const float *residual_row, const arc_epilogue *e) {
    if (e->bias)
        x += e->bias[j];
    if (residual_row)
        x += residual_row[j];
    switch (e->act) {
    case ARC_ACT_RELU:
        return x < 0.0f ? 0.0f : x;
    case ARC_ACT_PRELU:
        return x < 0.0f ? x * e->slope[j] : x;
    case ARC_ACT_LEAKY:
        return x < 0.0f ? x * e->alpha : x;
    case ARC_ACT_CLIP:
        x = x < e->lo ? e->lo : x;
        return x > e->hi ? e->hi : x;
    case ARC_ACT_GELU:
        return arc_gelu(x);
    case ARC_ACT_GELU_TANH:
        return arc_gelu_tanh(x);
    case ARC_ACT_NONE:
        break;
    }
    return x;
}

static void rows_epilogue(size_t m, size_t n, const float *x, size_t x_stride, float *y, size_t y_stride, const arc_epilogue *e) {
    for (size_t i = 0; i < m; i++) {
        const float *residual = e->residual ? e->residual + i * e->residual_stride : NULL;
        for (size_t j = 0; j < n; j++)
            y[i * y_stride + j] = arc_epilogue_finish(x[i * x_stride + j], j, residual, e);
    }
}

static void igemm(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c, size_t c_stride,
                  const arc_epilogue *e) {
    float acc[MR][NR] = {{0}};
    for (size_t t = 0; t < taps; t++, a += MR)
        for (size_t k = 0; k < kc; k++, b += NR)
            for (size_t i = 0; i < m; i++) {
                const float x = a[i][k];
                for (size_t j = 0; j < NR; j++)
                    acc[i][j] += x * b[j];
            }
    rows_epilogue(m, n, acc[0], NR, c, c_stride, e);
}

static void dwconv(size_t pixels, size_t channels, size_t taps, const float *const *x, const float *w, float *y, size_t y_stride,
                   const arc_epilogue *e) {
    for (size_t p = 0; p < pixels; p++, x += taps, y += y_stride) {
        const float *residual = e->residual ? e->residual + p * e->residual_stride : NULL;
        for (size_t j = 0; j < channels; j++) {
            float acc = 0.0f;
            for (size_t t = 0; t < taps; t++)
                acc += x[t][j] * w[t * channels + j];
            y[j] = arc_epilogue_finish(acc, j, residual, e);
        }
    }
}

static float bf16_half(float pair, bool high) {
    uint32_t bits;
    float x;
    memcpy(&bits, &pair, sizeof bits);
    bits = high ? bits & 0xffff0000u : bits << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void igemm_bf16(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c,
                       size_t c_stride, const arc_epilogue *e) {
    float acc[MR][NR] = {{0}};
    for (size_t t = 0; t < taps; t++, a += MR)
        for (size_t k = 0; k < kc; k++, b += NR)
            for (size_t i = 0; i < m; i++) {
                const float low = bf16_half(a[i][k], false), high = bf16_half(a[i][k], true);
                for (size_t j = 0; j < NR; j++)
                    acc[i][j] += low * bf16_half(b[j], false) + high * bf16_half(b[j], true);
            }
    rows_epilogue(m, n, acc[0], NR, c, c_stride, e);
}

static void to_bf16(size_t n, const float *x, uint16_t *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = arc_bf16(x[i]);
}

static void groupconv(size_t group, size_t pixels, size_t channels, size_t taps, const float *const *x, const float *w, float *y,
                      size_t y_stride, const arc_epilogue *e) {
    for (size_t p = 0; p < pixels; p++, x += taps, y += y_stride) {
        const float *residual = e->residual ? e->residual + p * e->residual_stride : NULL;
        for (size_t j = 0; j < channels; j++) {
            float acc = 0.0f;
            for (size_t t = 0; t < taps; t++)
                for (size_t q = 0; q < group; q++)
                    acc += x[t][j ^ q] * w[(t * group + q) * channels + j];
            y[j] = arc_epilogue_finish(acc, j, residual, e);
        }
    }
}

static void int8_igemm(size_t m, size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c,
                       size_t c_stride) {
    int32_t acc[MR8][NR8] = {{0}};
    const size_t groups = (kc + 3) / 4;
    for (size_t t = 0; t < taps; t++, a += MR8)
        for (size_t g = 0; g < groups; g++, b += NR8 * 4) {
            const size_t width = kc - g * 4 < 4 ? kc - g * 4 : 4;
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < NR8; j++)
                    for (size_t q = 0; q < width; q++)
                        acc[i][j] += a[i][g * 4 + q] * b[j * 4 + q];
        }
    for (size_t i = 0; i < m; i++)
        memcpy(c + i * c_stride, acc[i], n * sizeof(int32_t));
}

void arc_kernels_fill_generic_gemm(arc_kernels *k) {
    k->igemm_mr = MR;
    k->igemm_nr = NR;
    k->igemm = igemm;
    k->igemm_bf16 = igemm_bf16;
    k->to_bf16 = to_bf16;
    k->dwconv = dwconv;
    k->groupconv = groupconv;
    k->rows_epilogue = rows_epilogue;
    k->int8_igemm_mr = MR8;
    k->int8_igemm_nr = NR8;
    k->int8_igemm = int8_igemm;
}
