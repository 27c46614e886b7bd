/* kernel: the Winograd transforms, written with the names of registers/<isa>.h, for one register of channels at a time. In one
 * dimension a transform is a few additions. A tile is transformed along its columns into a buffer in L1, then along its rows.
 * Included by winograd_<isa>.c and half_avx512.c. */
#ifndef ARC_KERNEL_SIMD_WINOGRAD_H
#define ARC_KERNEL_SIMD_WINOGRAD_H

#include "kernel/simd/epilogue.h"

#define WINOGRAD_MAX_N 6

/* B^T of F(2,3): points 0, 1, -1, infinity. */
static inline void winograd_in_2(const vf *d, vf *o) {
    o[0] = v_sub(d[0], d[2]);
    o[1] = v_add(d[1], d[2]);
    o[2] = v_sub(d[2], d[1]);
    o[3] = v_sub(d[1], d[3]);
}

static inline void winograd_out_2(const vf *m, vf *o) {
    o[0] = v_add(v_add(m[0], m[1]), m[2]);
    o[1] = v_sub(v_sub(m[1], m[2]), m[3]);
}

/* B^T of F(4,3): points 0, 1, -1, 2, -2, infinity. */
static inline void winograd_in_4(const vf *d, vf *o) {
    const vf two = v_set1(2), four = v_set1(4), five = v_set1(5);
    const vf a = v_fnma(four, d[2], d[4]), b = v_fnma(four, d[1], d[3]);
    const vf c = v_sub(d[4], d[2]), e = v_sub(d[3], d[1]);
    o[0] = v_fma(four, d[0], v_fnma(five, d[2], d[4]));
    o[1] = v_add(a, b);
    o[2] = v_sub(a, b);
    o[3] = v_fma(two, e, c);
    o[4] = v_fnma(two, e, c);
    o[5] = v_fma(four, d[1], v_fnma(five, d[3], d[5]));
}

static inline void winograd_out_4(const vf *m, vf *o) {
    const vf a = v_add(m[1], m[2]), b = v_sub(m[1], m[2]), c = v_add(m[3], m[4]), d = v_sub(m[3], m[4]);
    o[0] = v_add(v_add(m[0], a), c);
    o[1] = v_fma(v_set1(2), d, b);
    o[2] = v_fma(v_set1(4), c, a);
    o[3] = v_add(v_fma(v_set1(8), d, b), m[5]);
}

/* `in` and `out` transform one dimension from n values to k. n, k and the functions are constants in each instance. This part
 * goes along the columns; the caller transforms the rows. */
#define WINOGRAD_INSTANCE(t, n)                                                                                                  \
    INLINE void winograd_in_columns_##t(size_t j, size_t width, const float *const *x, vf *columns) {                            \
        vf d[n], o[n];                                                                                                           \
        for (int c = 0; c < n; c++) {                                                                                            \
            for (int r = 0; r < n; r++)                                                                                          \
                d[r] = v_load_w(x[r * n + c] + j, width);                                                                        \
            winograd_in_##t(d, o);                                                                                               \
            for (int r = 0; r < n; r++)                                                                                          \
                columns[r * n + c] = o[r];                                                                                       \
        }                                                                                                                        \
    }                                                                                                                            \
    INLINE void winograd_out_columns_##t(size_t j, size_t width, const float *m, size_t m_stride, vf *columns) {                 \
        vf d[n], o[t];                                                                                                           \
        for (int c = 0; c < n; c++) {                                                                                            \
            for (int r = 0; r < n; r++)                                                                                          \
                d[r] = v_load_w(m + (size_t)(r * n + c) * m_stride + j, width);                                                  \
            winograd_out_##t(d, o);                                                                                              \
            for (int r = 0; r < t; r++)                                                                                          \
                columns[r * n + c] = o[r];                                                                                       \
        }                                                                                                                        \
    }                                                                                                                            \
    static inline void winograd_in_strip_##t(size_t j, size_t width, const float *const *x, float *v, size_t v_stride) {         \
        vf o[n], columns[n * (n)];                                                                                               \
        winograd_in_columns_##t(j, width, x, columns);                                                                           \
        for (int r = 0; r < n; r++) {                                                                                            \
            winograd_in_##t(columns + r * n, o);                                                                                 \
            for (int c = 0; c < n; c++)                                                                                          \
                v_store_w(v + (size_t)(r * n + c) * v_stride + j, width, o[c]);                                                  \
        }                                                                                                                        \
    }                                                                                                                            \
    static inline void winograd_out_strip_##t(size_t j, size_t width, const float *m, size_t m_stride, float *y, size_t y_row,   \
                                              size_t y_pixel, size_t rows, size_t cols, const arc_epilogue *e) {                 \
        vf o[t], columns[t * (n)];                                                                                               \
        winograd_out_columns_##t(j, width, m, m_stride, columns);                                                                \
        const vf bias = e->bias ? v_load_w(e->bias + j, width) : v_zero();                                                       \
        const vf slope = e->act == ARC_ACT_PRELU ? v_load_w(e->slope + j, width) : v_set1(e->alpha);                             \
        const vf lo = e->act == ARC_ACT_CLIP ? v_set1(e->lo) : v_zero(), hi = v_set1(e->hi);                                     \
        for (size_t r = 0; r < rows; r++) {                                                                                      \
            winograd_out_##t(columns + r * n, o);                                                                                \
            for (size_t c = 0; c < cols; c++) {                                                                                  \
                const size_t at = r * y_row + c * y_pixel + j;                                                                   \
                vf v = v_add(o[c], bias);                                                                                        \
                if (e->residual)                                                                                                 \
                    v = v_add(v, v_load_w(e->residual + at, width));                                                             \
                v_store_w(y + at, width, v_act(v, slope, lo, hi, e->act));                                                       \
            }                                                                                                                    \
        }                                                                                                                        \
    }
WINOGRAD_INSTANCE(2, 4)
WINOGRAD_INSTANCE(4, 6)

#define WINOGRAD_STRIPS(strip, ...)                                                                                              \
    do {                                                                                                                         \
        size_t j = 0;                                                                                                            \
        for (; j + VL <= channels; j += VL)                                                                                      \
            strip(j, VL, __VA_ARGS__);                                                                                           \
        if (j < channels)                                                                                                        \
            strip(j, channels - j, __VA_ARGS__);                                                                                 \
    } while (0)

static inline void winograd_in(int t, size_t channels, const float *const *x, float *v, size_t v_stride) {
    if (t == 2)
        WINOGRAD_STRIPS(winograd_in_strip_2, x, v, v_stride);
    else
        WINOGRAD_STRIPS(winograd_in_strip_4, x, v, v_stride);
}

static inline void winograd_out(int t, size_t channels, const float *m, size_t m_stride, float *y, size_t y_row, size_t y_pixel,
                                size_t rows, size_t cols, const arc_epilogue *e) {
    if (t == 2)
        WINOGRAD_STRIPS(winograd_out_strip_2, m, m_stride, y, y_row, y_pixel, rows, cols, e);
    else
        WINOGRAD_STRIPS(winograd_out_strip_4, m, m_stride, y, y_row, y_pixel, rows, cols, e);
}

#endif
