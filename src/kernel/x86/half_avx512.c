/* kernel: the bfloat16 training slots for AVX-512 with bfloat16 instructions. Values are widened when loaded and rounded to
 * nearest even when stored; transforms and sums are computed in fp32. */
#include "kernel/registers/avx512.h"
#include "kernel/simd/winograd.h"
#include "kernel/simd/winograd_grad.h"

static inline vf pair_dot(vf a, vf b, vf c) {
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
}

#define TN_MR 14
#define TN_EACH_M TN_UPTO_14
#define v_fma(a, b, c) pair_dot(a, b, c)
#include "kernel/simd/tn.h"
#undef v_fma

/* bfloat16 is the upper half of a float. */
INLINE vf widen(__m256i bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
INLINE __m256i load_bits(const uint16_t *p, size_t width) {
    return width == VL ? _mm256_loadu_si256((const __m256i *)(const void *)p) : _mm256_maskz_loadu_epi16(v_mask(width), p);
}
INLINE vf load_half(const uint16_t *p, size_t width) {
    return widen(load_bits(p, width));
}
INLINE void store_half(uint16_t *p, size_t width, vf v) {
    const __m256i bits = (__m256i)_mm512_cvtneps_pbh(v);
    if (width == VL)
        _mm256_storeu_si256((__m256i *)(void *)p, bits);
    else
        _mm256_mask_storeu_epi16(p, v_mask(width), bits);
}
INLINE vf pair_bits(__m256i low, __m256i high) {
    return _mm512_castsi512_ps(_mm512_or_si512(_mm512_cvtepu16_epi32(low), _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16)));
}
INLINE vf pair_of(vf low, vf high) {
    return pair_bits((__m256i)_mm512_cvtneps_pbh(low), (__m256i)_mm512_cvtneps_pbh(high));
}
INLINE size_t width_at(size_t n, size_t j) {
    return n - j < VL ? n - j : VL;
}

static void pair_rows(size_t n, const uint16_t *low, const uint16_t *high, float *y) {
    for (size_t j = 0; j < n; j += VL) {
        const size_t w = width_at(n, j);
        v_store_w(y + j, w, pair_bits(load_bits(low + j, w), high ? load_bits(high + j, w) : _mm256_setzero_si256()));
    }
}

/* ---- Winograd -------------------------------------------------------------------------------------------------------------- */

/* B^T x B and A dy A^T of one strip of channels: n*n registers. */
#define STRIP_FUNCTIONS(t, n)                                                                                                    \
    INLINE void in_registers_##t(size_t j, size_t width, const uint16_t *const *x, vf *o) {                                      \
        vf d[n], row[n], columns[n * (n)];                                                                                       \
        for (int c = 0; c < n; c++) {                                                                                            \
            for (int r = 0; r < n; r++)                                                                                          \
                d[r] = load_half(x[r * n + c] + j, width);                                                                       \
            winograd_in_##t(d, row);                                                                                             \
            for (int r = 0; r < n; r++)                                                                                          \
                columns[r * n + c] = row[r];                                                                                     \
        }                                                                                                                        \
        for (int r = 0; r < n; r++)                                                                                              \
            winograd_in_##t(columns + r * n, o + r * n);                                                                         \
    }                                                                                                                            \
    INLINE void grad_registers_##t(size_t j, size_t width, const uint16_t *const *dy, vf *o) {                                   \
        vf d[t], row[n], columns[t * (n)];                                                                                       \
        for (int c = 0; c < t; c++) {                                                                                            \
            for (int r = 0; r < t; r++)                                                                                          \
                d[r] = load_half(dy[r * t + c] + j, width);                                                                      \
            grad_##t(d, row);                                                                                                    \
            for (int r = 0; r < n; r++)                                                                                          \
                columns[r * t + c] = row[r];                                                                                     \
        }                                                                                                                        \
        for (int r = 0; r < n; r++)                                                                                              \
            grad_##t(columns + r * t, o + r * n);                                                                                \
    }                                                                                                                            \
    static void in_rounded_##t(size_t channels, const float *const *x, uint16_t *v, size_t v_stride) {                           \
        for (size_t j = 0; j < channels; j += VL) {                                                                              \
            const size_t w = width_at(channels, j);                                                                              \
            vf o[n], columns[n * (n)];                                                                                           \
            winograd_in_columns_##t(j, w, x, columns);                                                                           \
            for (int r = 0; r < n; r++) {                                                                                        \
                winograd_in_##t(columns + r * n, o);                                                                             \
                for (int c = 0; c < n; c++)                                                                                      \
                    store_half(v + (size_t)(r * n + c) * v_stride + j, w, o[c]);                                                 \
            }                                                                                                                    \
        }                                                                                                                        \
    }                                                                                                                            \
    static void in_half_##t(size_t channels, const uint16_t *const *x, uint16_t *v, size_t v_stride) {                           \
        for (size_t j = 0; j < channels; j += VL) {                                                                              \
            vf o[n * (n)];                                                                                                       \
            in_registers_##t(j, width_at(channels, j), x, o);                                                                    \
            for (size_t i = 0; i < n * (n); i++)                                                                                 \
                store_half(v + i * v_stride + j, width_at(channels, j), o[i]);                                                   \
        }                                                                                                                        \
    }                                                                                                                            \
    static void in_pairs_##t(size_t channels, const uint16_t *const *x0, const uint16_t *const *x1, float *v, size_t v_stride) { \
        for (size_t j = 0; j < channels; j += VL) {                                                                              \
            const size_t w = width_at(channels, j);                                                                              \
            vf a[n * (n)], b[n * (n)];                                                                                           \
            in_registers_##t(j, w, x0, a);                                                                                       \
            if (x1)                                                                                                              \
                in_registers_##t(j, w, x1, b);                                                                                   \
            for (size_t i = 0; i < n * (n); i++)                                                                                 \
                v_store_w(v + i * v_stride + j, w, pair_of(a[i], x1 ? b[i] : v_zero()));                                         \
        }                                                                                                                        \
    }                                                                                                                            \
    static void grad_pairs_##t(size_t channels, const uint16_t *const *d0, const uint16_t *const *d1, float *m,                  \
                               size_t m_stride) {                                                                                \
        for (size_t j = 0; j < channels; j += VL) {                                                                              \
            const size_t w = width_at(channels, j);                                                                              \
            vf a[n * (n)], b[n * (n)];                                                                                           \
            grad_registers_##t(j, w, d0, a);                                                                                     \
            if (d1)                                                                                                              \
                grad_registers_##t(j, w, d1, b);                                                                                 \
            for (size_t i = 0; i < n * (n); i++)                                                                                 \
                v_store_w(m + i * m_stride + j, w, pair_of(a[i], d1 ? b[i] : v_zero()));                                         \
        }                                                                                                                        \
    }                                                                                                                            \
    static void out_half_##t(size_t channels, const float *m, size_t m_stride, uint16_t *y, size_t y_row, size_t y_pixel,        \
                             size_t rows, size_t cols, const float *bias, bool add) {                                            \
        for (size_t j = 0; j < channels; j += VL) {                                                                              \
            const size_t w = width_at(channels, j);                                                                              \
            vf o[t], columns[t * (n)];                                                                                           \
            const vf more = bias ? v_load_w(bias + j, w) : v_zero();                                                             \
            winograd_out_columns_##t(j, w, m, m_stride, columns);                                                                \
            for (size_t r = 0; r < rows; r++) {                                                                                  \
                winograd_out_##t(columns + r * (n), o);                                                                          \
                for (size_t c = 0; c < cols; c++) {                                                                              \
                    uint16_t *to = y + r * y_row + c * y_pixel + j;                                                              \
                    const vf sum = v_add(o[c], more);                                                                            \
                    store_half(to, w, add ? v_add(sum, load_half(to, w)) : sum);                                                 \
                }                                                                                                                \
            }                                                                                                                    \
        }                                                                                                                        \
    }
STRIP_FUNCTIONS(2, 4)
STRIP_FUNCTIONS(4, 6)

static void winograd_in_bf16(int t, size_t channels, const float *const *x, uint16_t *v, size_t v_stride) {
    if (t == 2)
        in_rounded_2(channels, x, v, v_stride);
    else
        in_rounded_4(channels, x, v, v_stride);
}
static void winograd_in_half(int t, size_t channels, const uint16_t *const *x, uint16_t *v, size_t v_stride) {
    if (t == 2)
        in_half_2(channels, x, v, v_stride);
    else
        in_half_4(channels, x, v, v_stride);
}
static void winograd_in_pairs(int t, size_t channels, const uint16_t *const *x0, const uint16_t *const *x1, float *v,
                              size_t v_stride) {
    if (t == 2)
        in_pairs_2(channels, x0, x1, v, v_stride);
    else
        in_pairs_4(channels, x0, x1, v, v_stride);
}
static void winograd_grad_pairs(int t, size_t channels, const uint16_t *const *d0, const uint16_t *const *d1, float *m,
                                size_t m_stride) {
    if (t == 2)
        grad_pairs_2(channels, d0, d1, m, m_stride);
    else
        grad_pairs_4(channels, d0, d1, m, m_stride);
}
static void winograd_out_half(int t, size_t channels, const float *m, size_t m_stride, uint16_t *y, size_t y_row, size_t y_pixel,
                              size_t rows, size_t cols, const float *bias, bool add) {
    if (t == 2)
        out_half_2(channels, m, m_stride, y, y_row, y_pixel, rows, cols, bias, add);
    else
        out_half_4(channels, m, m_stride, y, y_row, y_pixel, rows, cols, bias, add);
}

/* ---- depthwise ------------------------------------------------------------------------------------------------------------- */

INLINE vf exchange(size_t q, vf x) {
    x = q & 1 ? v_swap1(x) : x;
    return q & 2 ? v_swap2(x) : x;
}

#define DW_ROWS 4

/* `rows` and `group` are compile-time constants in each instance. */
INLINE void dw_strip(size_t group, size_t rows, size_t j, size_t width, size_t channels, size_t taps, const uint16_t *const *x,
                     const float *w, const float *bias, uint16_t *y, size_t y_stride, bool add) {
    vf s[DW_ROWS];
    for (size_t i = 0; i < rows; i++)
        s[i] = bias ? v_load_w(bias + j, width) : v_zero();
    for (size_t t = 0; t < taps; t++)
        for (size_t q = 0; q < group; q++) {
            const vf f = v_load_w(w + (t * group + q) * channels + j, width);
            for (size_t i = 0; i < rows; i++)
                s[i] = v_fma(exchange(q, load_half(x[i * taps + t] + j, width)), f, s[i]);
        }
    for (size_t i = 0; i < rows; i++) {
        uint16_t *to = y + i * y_stride + j;
        store_half(to, width, add ? v_add(s[i], load_half(to, width)) : s[i]);
    }
}

INLINE void dw_group(size_t group, size_t pixels, size_t channels, size_t taps, const uint16_t *const *x, const float *w,
                     const float *bias, uint16_t *y, size_t y_stride, bool add) {
    for (size_t j = 0; j < channels; j += VL) {
        const size_t width = width_at(channels, j);
        size_t p = 0;
        for (; p + DW_ROWS <= pixels; p += DW_ROWS)
            dw_strip(group, DW_ROWS, j, width, channels, taps, x + p * taps, w, bias, y + p * y_stride, y_stride, add);
        for (; p < pixels; p++)
            dw_strip(group, 1, j, width, channels, taps, x + p * taps, w, bias, y + p * y_stride, y_stride, add);
    }
}

static void dwconv_half(size_t group, size_t pixels, size_t channels, size_t taps, const uint16_t *const *x, const float *w,
                        const float *bias, uint16_t *y, size_t y_stride, bool add) {
    if (group == 1)
        dw_group(1, pixels, channels, taps, x, w, bias, y, y_stride, add);
    else if (group == 2)
        dw_group(2, pixels, channels, taps, x, w, bias, y, y_stride, add);
    else
        dw_group(4, pixels, channels, taps, x, w, bias, y, y_stride, add);
}

#define DWG_TAPS 9

INLINE void dwg_strip(size_t some, size_t first, size_t q, size_t j, size_t width, size_t pixels, size_t channels, size_t taps,
                      const uint16_t *const *x, const uint16_t *dy, size_t dy_stride, float *dw) {
    vf s[DWG_TAPS];
    for (size_t t = 0; t < some; t++)
        s[t] = v_zero();
    for (size_t p = 0; p < pixels; p++) {
        const vf g = exchange(q, load_half(dy + p * dy_stride + j, width));
        const uint16_t *const *at = x + p * taps + first;
#pragma GCC unroll 9
        for (size_t t = 0; t < some; t++)
            s[t] = v_fma(load_half(at[t] + j, width), g, s[t]);
    }
    for (size_t t = 0; t < some; t++) {
        float *to = dw + (first + t) * channels + j;
        v_store_w(to, width, v_add(v_load_w(to, width), s[t]));
    }
}

static void dwconv_grad_half(size_t q, size_t pixels, size_t channels, size_t taps, const uint16_t *const *x, const uint16_t *dy,
                             size_t dy_stride, float *dw) {
    for (size_t j = 0; j < channels; j += VL) {
        size_t t = 0;
        for (; t + DWG_TAPS <= taps; t += DWG_TAPS)
            dwg_strip(DWG_TAPS, t, q, j, width_at(channels, j), pixels, channels, taps, x, dy, dy_stride, dw);
        for (; t < taps; t++)
            dwg_strip(1, t, q, j, width_at(channels, j), pixels, channels, taps, x, dy, dy_stride, dw);
    }
}

void arc_kernels_fill_avx512_half(arc_kernels *k) {
    k->gemm_tn_bf16 = gemm_tn;
    k->pair_rows = pair_rows;
    k->winograd_in_bf16 = winograd_in_bf16;
    k->winograd_in_half = winograd_in_half;
    k->winograd_in_pairs = winograd_in_pairs;
    k->winograd_grad_pairs = winograd_grad_pairs;
    k->winograd_out_half = winograd_out_half;
    k->dwconv_half = dwconv_half;
    k->dwconv_grad_half = dwconv_grad_half;
}
