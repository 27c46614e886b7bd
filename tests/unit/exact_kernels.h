/* The layer-exact reference: the generic table with its sums in double, rounded once a layer. */
#ifndef ARC_TEST_EXACT_KERNELS_H
#define ARC_TEST_EXACT_KERNELS_H

#include "kernel/kernel.h"
#include "support.h"
#include <string.h>

static inline void exact_finish(size_t n, const double *sum, float *y, const float *residual, const arc_epilogue *e) {
    for (size_t j = 0; j < n; j++) {
        double v = sum[j] + (e->bias ? (double)e->bias[j] : 0) + (residual ? (double)residual[j] : 0);
        if (e->act == ARC_ACT_RELU)
            v = v < 0 ? 0 : v;
        else if (e->act == ARC_ACT_PRELU)
            v = v < 0 ? v * (double)e->slope[j] : v;
        else if (e->act == ARC_ACT_LEAKY)
            v = v < 0 ? v * (double)e->alpha : v;
        else if (e->act == ARC_ACT_CLIP)
            v = v < (double)e->lo ? (double)e->lo : v > (double)e->hi ? (double)e->hi : v;
        y[j] = (float)v;
    }
}

enum { EXACT_MR = 4, EXACT_NR = 8, EXACT_MAX_CHANNELS = 4096 };

static inline void exact_igemm(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c,
                               size_t c_stride, const arc_epilogue *e) {
    double sum[EXACT_MR][EXACT_NR] = {{0}};
    for (size_t t = 0; t < taps; t++, a += EXACT_MR)
        for (size_t k = 0; k < kc; k++, b += EXACT_NR)
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < EXACT_NR; j++)
                    sum[i][j] += (double)a[i][k] * (double)b[j];
    for (size_t i = 0; i < m; i++)
        exact_finish(n, sum[i], c + i * c_stride, e->residual ? e->residual + i * e->residual_stride : NULL, e);
}

static inline void exact_groupconv(size_t group, size_t pixels, size_t channels, size_t taps, const float *const *x,
                                   const float *w, float *y, size_t y_stride, const arc_epilogue *e) {
    double sum[EXACT_MAX_CHANNELS];
    assert_true(channels <= EXACT_MAX_CHANNELS);
    for (size_t p = 0; p < pixels; p++, x += taps) {
        memset(sum, 0, channels * sizeof *sum);
        for (size_t t = 0; t < taps; t++)
            for (size_t q = 0; q < group; q++)
                for (size_t j = 0; j < channels; j++)
                    sum[j] += (double)x[t][j ^ q] * (double)w[(t * group + q) * channels + j];
        exact_finish(channels, sum, y + p * y_stride, e->residual ? e->residual + p * e->residual_stride : NULL, e);
    }
}

static inline void exact_dwconv(size_t pixels, size_t channels, size_t taps, const float *const *x, const float *w, float *y,
                                size_t y_stride, const arc_epilogue *e) {
    exact_groupconv(1, pixels, channels, taps, x, w, y, y_stride, e);
}

static inline void exact_mean(size_t taps, size_t n, const float *const *x, float scale, float *y) {
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t t = 0; t < taps; t++)
            sum += (double)x[t][j];
        y[j] = (float)(sum * (double)scale);
    }
}

static inline const arc_kernels *exact_kernels(void) {
    static arc_kernels k;
    k = *arc_kernels_of(ARC_ISA_GENERIC);
    assert_int_equal(k.igemm_mr, EXACT_MR);
    assert_int_equal(k.igemm_nr, EXACT_NR);
    k.igemm = exact_igemm;
    k.dwconv = exact_dwconv;
    k.groupconv = exact_groupconv;
    k.rows_mean = exact_mean;
    return &k;
}

#endif
