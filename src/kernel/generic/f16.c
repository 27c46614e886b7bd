/* kernel: half-precision weights in portable C: conversion to and from float, and the GEMM tile that reads them. */
#include "kernel/levels.h"

#define MR 4 /* the same as in gemm.c */
#define NR 8

uint16_t arc_f16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return sign | 0x7e00;
    if (bits >= 0x47800000) /* 65536 and above */
        return sign | 0x7c00;
    if (bits >= 0x38800000) /* from 2^-14: a carry out of the mantissa raises the exponent, up to infinity */
        return sign | (uint16_t)((bits - 0x38000000 + 0xfff + (bits >> 13 & 1)) >> 13);
    if (bits < 0x33000000) /* below half of the smallest subnormal */
        return sign;
    const uint32_t shift = 126 - (bits >> 23), mantissa = (bits & 0x7fffff) | 0x800000;
    const uint32_t half = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), middle = 1u << (shift - 1);
    return sign | (uint16_t)(half + (rest > middle || (rest == middle && (half & 1))));
}

float arc_f16_float(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 0x3ffu;
    if (exponent == 0) {
        const float x = (float)mantissa * 0x1p-24f;
        return sign ? -x : x;
    }
    const uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void to_f16(size_t n, const float *x, uint16_t *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = arc_f16(x[i]);
}

static void igemm_f16(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c,
                      size_t c_stride, const arc_epilogue *e) {
    const uint16_t *half = (const uint16_t *)(const void *)b;
    float acc[MR][NR] = {{0}};
    for (size_t t = 0; t < taps; t++, a += MR)
        for (size_t k = 0; k < kc; k++, half += NR)
            for (size_t j = 0; j < NR; j++) {
                const float w = arc_f16_float(half[j]);
                for (size_t i = 0; i < m; i++)
                    acc[i][j] += a[i][k] * w;
            }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            c[i * c_stride + j] = arc_epilogue_finish(acc[i][j], j, e->residual ? e->residual + i * e->residual_stride : NULL, e);
}

void arc_kernels_fill_generic_f16(arc_kernels *k) {
    k->igemm_f16 = igemm_f16;
    k->to_f16 = to_f16;
}
