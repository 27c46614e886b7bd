/* kernel: rows that are normalised as a whole, LayerNormalization and softmax, written with the names of registers/<isa>.h.
 * Included by slots_<isa>.c only. */
#ifndef ARC_KERNEL_SIMD_NORMALISE_H
#define ARC_KERNEL_SIMD_NORMALISE_H

#include "kernel/simd/epilogue.h"
#include <math.h>

#define SUM_FLOATS 2048 /* that are summed in float; the sums of longer rows are joined in double */

static inline size_t lanes_left(size_t n, size_t i) {
    return n - i < VL ? n - i : VL;
}

/* Sums of x - shift (square: of its square) over n floats, n <= SUM_FLOATS, in four chains. */
INLINE float sum_part(size_t n, const float *x, float shift, bool square) {
    const vf c = v_set1(shift);
    vf s0 = v_zero(), s1 = v_zero(), s2 = v_zero(), s3 = v_zero();
    size_t i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
        const vf a = v_sub(v_load(x + i), c), b = v_sub(v_load(x + i + VL), c);
        const vf d = v_sub(v_load(x + i + 2 * VL), c), e = v_sub(v_load(x + i + 3 * VL), c);
        s0 = square ? v_fma(a, a, s0) : v_add(s0, a);
        s1 = square ? v_fma(b, b, s1) : v_add(s1, b);
        s2 = square ? v_fma(d, d, s2) : v_add(s2, d);
        s3 = square ? v_fma(e, e, s3) : v_add(s3, e);
    }
    for (; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        const vf a = v_sub(w == VL ? v_load(x + i) : v_load_or_n(x + i, w, c), c);
        s0 = square ? v_fma(a, a, s0) : v_add(s0, a);
    }
    return v_sum(v_add(v_add(s0, s1), v_add(s2, s3)));
}

INLINE double sum_row(size_t n, const float *x, float shift, bool square) {
    double sum = 0;
    for (size_t i = 0; i < n; i += SUM_FLOATS)
        sum += (double)sum_part(n - i < SUM_FLOATS ? n - i : SUM_FLOATS, x + i, shift, square);
    return sum;
}

static void rows_layer_norm(size_t m, size_t n, const float *x, const arc_layer_norm *l, float *y) {
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        const float mean = l->rms ? 0.0f : (float)(sum_row(n, x, 0.0f, false) / (double)n);
        const float factor = (float)(1 / sqrt(sum_row(n, x, mean, true) / (double)n + (double)l->epsilon));
        const vf c = v_set1(mean), f = v_set1(factor);
        for (size_t j = 0; j < n; j += VL) {
            const size_t w = lanes_left(n, j);
            const vf v = v_mul(v_sub(v_load_w(x + j, w), c), f), g = v_load_w(l->scale + j, w);
            v_store_w(y + j, w, l->shift ? v_fma(v, g, v_load_w(l->shift + j, w)) : v_mul(v, g));
        }
        if (l->mean)
            l->mean[i] = mean;
        if (l->factor)
            l->factor[i] = factor;
    }
}

static void rows_softmax(size_t m, size_t n, const float *x, size_t x_stride, float scale, float *y, size_t y_stride) {
    const vf none = v_set1(-INFINITY), s = v_set1(scale);
    for (size_t i = 0; i < m; i++, x += x_stride, y += y_stride) {
        vf most = none, total = v_zero();
        for (size_t j = 0; j < n; j += VL) {
            const size_t w = lanes_left(n, j);
            most = v_max(most, w == VL ? v_load(x + j) : v_load_or_n(x + j, w, none));
        }
        most = v_set1(v_largest(most));
        for (size_t j = 0; j < n; j += VL) {
            const size_t w = lanes_left(n, j);
            const vf v = v_exp(v_mul(v_sub(w == VL ? v_load(x + j) : v_load_or_n(x + j, w, none), most), s));
            v_store_w(y + j, w, v);
            total = v_add(total, v);
        }
        const vf inverse = v_set1(1.0f / v_sum(total));
        for (size_t j = 0; j < n; j += VL) {
            const size_t w = lanes_left(n, j);
            v_store_w(y + j, w, v_mul(v_load_w(y + j, w), inverse));
        }
    }
}

#endif
