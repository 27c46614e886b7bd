/* kernel: the training slots, written with the names of registers/<isa>.h. Included by learn_<isa>.c only, which defines TN_MR
 * and TN_EACH_M (a macro that lists every m up to it).
 *
 * Activations are stored as floats or as bfloat16. `half` says which and is a constant in each instance, so one body serves
 * both. */
#ifndef ARC_KERNEL_SIMD_LEARN_H
#define ARC_KERNEL_SIMD_LEARN_H

#include "kernel/simd/winograd_grad.h"

INLINE vf load_any(bool half, const void *p, size_t i, size_t width) {
    return half ? v_load_half((const uint16_t *)p + i, width) : v_load_w((const float *)p + i, width);
}
INLINE void store_any(bool half, void *p, size_t i, size_t width, vf v) {
    if (half)
        v_store_half((uint16_t *)p + i, width, v);
    else
        v_store_w((float *)p + i, width, v);
}
INLINE size_t width_at(size_t n, size_t j) {
    return n - j < VL ? n - j : VL;
}

#include "kernel/simd/tn.h"

/* ---- depthwise weights ----------------------------------------------------------------------------------------------------- */

#define DWG_TAPS 9

/* `some` taps (a constant) from `first` on, for one strip of channels. */
INLINE void dwg_strip(size_t some, size_t first, size_t j, size_t width, size_t pixels, size_t channels, size_t taps,
                      const float *const *x, const float *dy, size_t dy_stride, float *dw) {
    vf s[DWG_TAPS];
    for (size_t t = 0; t < some; t++)
        s[t] = v_zero();
    for (size_t p = 0; p < pixels; p++) {
        const vf g = v_load_w(dy + p * dy_stride + j, width);
        const float *const *at = x + p * taps + first;
#pragma GCC unroll 9
        for (size_t t = 0; t < some; t++)
            s[t] = v_fma(v_load_w(at[t] + j, width), g, s[t]);
    }
    for (size_t t = 0; t < some; t++) {
        float *to = dw + (first + t) * channels + j;
        v_store_w(to, width, v_add(v_load_w(to, width), s[t]));
    }
}

static void dwconv_grad(size_t pixels, size_t channels, size_t taps, const float *const *x, const float *dy, size_t dy_stride,
                        float *dw) {
    for (size_t j = 0; j < channels; j += VL) {
        size_t t = 0;
        for (; t + DWG_TAPS <= taps; t += DWG_TAPS)
            dwg_strip(DWG_TAPS, t, j, width_at(channels, j), pixels, channels, taps, x, dy, dy_stride, dw);
        for (; t < taps; t++)
            dwg_strip(1, t, j, width_at(channels, j), pixels, channels, taps, x, dy, dy_stride, dw);
    }
}

/* ---- Winograd -------------------------------------------------------------------------------------------------------------- */

#define GRAD_STRIP(t, n)                                                                                                         \
    INLINE void grad_strip_##t(size_t j, size_t width, const float *const *dy, float *m, size_t m_stride) {                      \
        vf d[t], o[n], columns[t * (n)];                                                                                         \
        for (int c = 0; c < t; c++) {                                                                                            \
            for (int r = 0; r < t; r++)                                                                                          \
                d[r] = v_load_w(dy[r * t + c] + j, width);                                                                       \
            grad_##t(d, o);                                                                                                      \
            for (int r = 0; r < n; r++)                                                                                          \
                columns[r * t + c] = o[r];                                                                                       \
        }                                                                                                                        \
        for (int r = 0; r < n; r++) {                                                                                            \
            grad_##t(columns + r * t, o);                                                                                        \
            for (int c = 0; c < n; c++)                                                                                          \
                v_store_w(m + (size_t)(r * n + c) * m_stride + j, width, o[c]);                                                  \
        }                                                                                                                        \
    }
GRAD_STRIP(2, 4)
GRAD_STRIP(4, 6)

static void winograd_grad(int t, size_t channels, const float *const *dy, float *m, size_t m_stride) {
    for (size_t j = 0; j < channels; j += VL)
        if (t == 2)
            grad_strip_2(j, width_at(channels, j), dy, m, m_stride);
        else
            grad_strip_4(j, width_at(channels, j), dy, m, m_stride);
}

INLINE void weights_2(const vf *d, vf *o) {
    const vf half = v_set1(0.5f), ends = v_mul(half, v_add(d[0], d[2])), middle = v_mul(half, d[1]);
    o[0] = d[0];
    o[1] = v_add(ends, middle);
    o[2] = v_sub(ends, middle);
    o[3] = d[2];
}
INLINE void weights_grad_2(const vf *u, vf *o) {
    const vf half = v_set1(0.5f), both = v_mul(half, v_add(u[1], u[2]));
    o[0] = v_add(u[0], both);
    o[1] = v_mul(half, v_sub(u[1], u[2]));
    o[2] = v_add(u[3], both);
}

INLINE void weights_4(const vf *d, vf *o) {
    const vf sixth = v_set1(1 / 6.0f), even = v_mul(sixth, v_add(d[0], d[2])), odd = v_mul(sixth, d[1]);
    const vf even2 = v_fma(v_set1(1 / 24.0f), d[0], v_mul(sixth, d[2])), odd2 = v_mul(v_set1(1 / 12.0f), d[1]);
    o[0] = v_mul(v_set1(0.25f), d[0]);
    o[1] = v_sub(v_zero(), v_add(even, odd));
    o[2] = v_sub(odd, even);
    o[3] = v_add(even2, odd2);
    o[4] = v_sub(even2, odd2);
    o[5] = d[2];
}
INLINE void weights_grad_4(const vf *u, vf *o) {
    const vf sixth = v_set1(1 / 6.0f);
    const vf near = v_add(u[1], u[2]), far = v_add(u[3], u[4]);
    o[0] = v_fma(v_set1(0.25f), u[0], v_fma(v_set1(1 / 24.0f), far, v_sub(v_zero(), v_mul(sixth, near))));
    o[1] = v_fma(v_set1(1 / 12.0f), v_sub(u[3], u[4]), v_mul(sixth, v_sub(u[2], u[1])));
    o[2] = v_fma(sixth, v_sub(far, near), u[5]);
}

#define WEIGHT_STRIPS(t, n)                                                                                                      \
    INLINE void weights_strip_##t(size_t j, size_t width, const float *w, size_t w_stride, float *u, size_t u_stride) {          \
        vf d[3], o[n], columns[3 * (n)];                                                                                         \
        for (size_t c = 0; c < 3; c++) {                                                                                         \
            for (size_t r = 0; r < 3; r++)                                                                                       \
                d[r] = v_load_w(w + (r * 3 + c) * w_stride + j, width);                                                          \
            weights_##t(d, o);                                                                                                   \
            for (size_t r = 0; r < n; r++)                                                                                       \
                columns[r * 3 + c] = o[r];                                                                                       \
        }                                                                                                                        \
        for (size_t r = 0; r < n; r++) {                                                                                         \
            weights_##t(columns + r * 3, o);                                                                                     \
            for (size_t c = 0; c < n; c++)                                                                                       \
                v_store_w(u + (r * (n) + c) * u_stride + j, width, o[c]);                                                        \
        }                                                                                                                        \
    }                                                                                                                            \
    INLINE void weights_grad_strip_##t(size_t j, size_t width, const float *u, size_t u_stride, float *w, size_t w_stride) {     \
        vf d[n], o[3], columns[3 * (n)];                                                                                         \
        for (size_t c = 0; c < n; c++) {                                                                                         \
            for (size_t r = 0; r < n; r++)                                                                                       \
                d[r] = v_load_w(u + (r * (n) + c) * u_stride + j, width);                                                        \
            weights_grad_##t(d, o);                                                                                              \
            for (size_t r = 0; r < 3; r++)                                                                                       \
                columns[r * (n) + c] = o[r];                                                                                     \
        }                                                                                                                        \
        for (size_t r = 0; r < 3; r++) {                                                                                         \
            weights_grad_##t(columns + r * (n), o);                                                                              \
            for (size_t c = 0; c < 3; c++)                                                                                       \
                v_store_w(w + (r * 3 + c) * w_stride + j, width, o[c]);                                                          \
        }                                                                                                                        \
    }
WEIGHT_STRIPS(2, 4)
WEIGHT_STRIPS(4, 6)

static void winograd_weights(int t, size_t channels, const float *w, size_t w_stride, float *u, size_t u_stride) {
    for (size_t j = 0; j < channels; j += VL)
        if (t == 2)
            weights_strip_2(j, width_at(channels, j), w, w_stride, u, u_stride);
        else
            weights_strip_4(j, width_at(channels, j), w, w_stride, u, u_stride);
}

static void winograd_weights_grad(int t, size_t channels, const float *u, size_t u_stride, float *w, size_t w_stride) {
    for (size_t j = 0; j < channels; j += VL)
        if (t == 2)
            weights_grad_strip_2(j, width_at(channels, j), u, u_stride, w, w_stride);
        else
            weights_grad_strip_4(j, width_at(channels, j), u, u_stride, w, w_stride);
}

/* ---- normalisation --------------------------------------------------------------------------------------------------------- */

#define STRIP 4 /* registers of channels side by side, so that their sums hide each other's latency */

/* `some` (a constant) registers of columns from j on; `width` is the width of the last one. */
INLINE void sums_strip(bool half, size_t some, size_t j, size_t width, size_t m, size_t n, const void *x, float *sum,
                       float *square) {
    vf first[STRIP], s[STRIP], q[STRIP];
    for (size_t r = 0; r < some; r++) {
        first[r] = load_any(half, x, j + r * VL, width);
        s[r] = q[r] = v_zero();
    }
    for (size_t i = 0; i < m; i++)
        for (size_t r = 0; r < some; r++) {
            const vf d = v_sub(load_any(half, x, i * n + j + r * VL, width), first[r]);
            s[r] = v_add(s[r], d);
            q[r] = v_fma(d, d, q[r]);
        }
    for (size_t r = 0; r < some; r++) {
        v_store_w(sum + j + r * VL, width, s[r]);
        v_store_w(square + j + r * VL, width, q[r]);
    }
}

INLINE void sums_any(bool half, size_t m, size_t n, const void *x, float *sum, float *square) {
    size_t j = 0;
    for (; j + STRIP * VL <= n; j += STRIP * VL)
        sums_strip(half, STRIP, j, VL, m, n, x, sum, square);
    for (; j < n; j += VL)
        sums_strip(half, 1, j, width_at(n, j), m, n, x, sum, square);
}

static void norm_sums(arc_store store, size_t m, size_t n, const void *x, float *sum, float *square) {
    if (store == ARC_STORE_BF16)
        sums_any(true, m, n, x, sum, square);
    else
        sums_any(false, m, n, x, sum, square);
}

INLINE void apply_any(bool half, bool act, bool residual, size_t m, size_t n, const void *x, const arc_norm *norm,
                      const void *more, void *y) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j += VL) {
            const size_t w = width_at(n, j), at = i * n + j;
            vf u = v_fma(load_any(half, x, at, w), v_load_w(norm->scale + j, w), v_load_w(norm->shift + j, w));
            if (act)
                u = v_if_negative(u, v_mul(u, v_load_w(norm->slope + j, w)), u);
            if (residual)
                u = v_add(u, load_any(half, more, at, w));
            store_any(half, y, at, w, u);
        }
}

INLINE void apply_kinds(bool half, size_t m, size_t n, const void *x, const arc_norm *norm, const void *residual, void *y) {
    if (norm->slope && residual)
        apply_any(half, true, true, m, n, x, norm, residual, y);
    else if (norm->slope)
        apply_any(half, true, false, m, n, x, norm, residual, y);
    else if (residual)
        apply_any(half, false, true, m, n, x, norm, residual, y);
    else
        apply_any(half, false, false, m, n, x, norm, residual, y);
}

static void norm_apply(arc_store store, size_t m, size_t n, const void *x, const arc_norm *norm, const void *residual, void *y) {
    if (store == ARC_STORE_BF16)
        apply_kinds(true, m, n, x, norm, residual, y);
    else
        apply_kinds(false, m, n, x, norm, residual, y);
}

INLINE void grad_sums_strip(bool half, bool act, size_t some, size_t j, size_t width, size_t m, size_t n, const void *x,
                            const void *dy, const arc_norm *norm, float *du_sum, float *dux_sum, float *dslope) {
    vf du_all[STRIP], dux_all[STRIP], slope_all[STRIP], mean[STRIP], scale[STRIP], shift[STRIP], slope[STRIP];
    for (size_t r = 0; r < some; r++) {
        const size_t at = j + r * VL;
        du_all[r] = dux_all[r] = slope_all[r] = v_zero();
        mean[r] = v_load_w(norm->mean + at, width);
        if (act) {
            scale[r] = v_load_w(norm->scale + at, width);
            shift[r] = v_load_w(norm->shift + at, width);
            slope[r] = v_load_w(norm->slope + at, width);
        }
    }
    for (size_t i = 0; i < m; i++)
        for (size_t r = 0; r < some; r++) {
            const vf v = load_any(half, x, i * n + j + r * VL, width);
            vf du = load_any(half, dy, i * n + j + r * VL, width);
            if (act) {
                const vf u = v_fma(v, scale[r], shift[r]);
                slope_all[r] = v_add(slope_all[r], v_if_negative(u, v_mul(du, u), v_zero()));
                du = v_if_negative(u, v_mul(du, slope[r]), du);
            }
            du_all[r] = v_add(du_all[r], du);
            dux_all[r] = v_fma(du, v_sub(v, mean[r]), dux_all[r]);
        }
    for (size_t r = 0; r < some; r++) {
        const size_t at = j + r * VL;
        v_store_w(du_sum + at, width, du_all[r]);
        v_store_w(dux_sum + at, width, dux_all[r]);
        if (act)
            v_store_w(dslope + at, width, slope_all[r]);
    }
}

INLINE void grad_sums_any(bool half, bool act, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm,
                          float *du_sum, float *dux_sum, float *dslope) {
    enum { SOME = 2 }; /* registers side by side: a strip needs seven values for each */
    size_t j = 0;
    for (; j + SOME * VL <= n; j += SOME * VL)
        grad_sums_strip(half, act, SOME, j, VL, m, n, x, dy, norm, du_sum, dux_sum, dslope);
    for (; j < n; j += VL)
        grad_sums_strip(half, act, 1, j, width_at(n, j), m, n, x, dy, norm, du_sum, dux_sum, dslope);
}

static void norm_grad_sums(arc_store store, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm,
                           float *du_sum, float *dux_sum, float *dslope) {
    const bool act = norm->slope != NULL;
    if (store == ARC_STORE_BF16 && act)
        grad_sums_any(true, true, m, n, x, dy, norm, du_sum, dux_sum, dslope);
    else if (store == ARC_STORE_BF16)
        grad_sums_any(true, false, m, n, x, dy, norm, du_sum, dux_sum, dslope);
    else if (act)
        grad_sums_any(false, true, m, n, x, dy, norm, du_sum, dux_sum, dslope);
    else
        grad_sums_any(false, false, m, n, x, dy, norm, du_sum, dux_sum, dslope);
}

INLINE void grad_any(bool half, bool act, bool add, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm,
                     const float *a, const float *b, const float *c, void *dx) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j += VL) {
            const size_t w = width_at(n, j), at = i * n + j;
            const vf v = load_any(half, x, at, w);
            vf du = load_any(half, dy, at, w);
            if (act) {
                const vf u = v_fma(v, v_load_w(norm->scale + j, w), v_load_w(norm->shift + j, w));
                du = v_if_negative(u, v_mul(du, v_load_w(norm->slope + j, w)), du);
            }
            vf d = v_fma(v_load_w(b + j, w), v_sub(v, v_load_w(norm->mean + j, w)), v_load_w(c + j, w));
            d = v_fma(v_load_w(a + j, w), du, d);
            store_any(half, dx, at, w, add ? v_add(load_any(half, dx, at, w), d) : d);
        }
}

INLINE void grad_kinds(bool half, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm, const float *a,
                       const float *b, const float *c, bool add, void *dx) {
    if (norm->slope && add)
        grad_any(half, true, true, m, n, x, dy, norm, a, b, c, dx);
    else if (norm->slope)
        grad_any(half, true, false, m, n, x, dy, norm, a, b, c, dx);
    else if (add)
        grad_any(half, false, true, m, n, x, dy, norm, a, b, c, dx);
    else
        grad_any(half, false, false, m, n, x, dy, norm, a, b, c, dx);
}

static void norm_grad(arc_store store, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm, const float *a,
                      const float *b, const float *c, bool add, void *dx) {
    if (store == ARC_STORE_BF16)
        grad_kinds(true, m, n, x, dy, norm, a, b, c, add, dx);
    else
        grad_kinds(false, m, n, x, dy, norm, a, b, c, add, dx);
}

/* ---- conversions ----------------------------------------------------------------------------------------------------------- */

static void store_load(arc_store store, size_t n, const void *x, float *y) {
    for (size_t i = 0; i < n; i += VL)
        v_store_w(y + i, width_at(n, i), load_any(store == ARC_STORE_BF16, x, i, width_at(n, i)));
}

static void store_save(arc_store store, size_t n, const float *x, void *y) {
    for (size_t i = 0; i < n; i += VL)
        store_any(store == ARC_STORE_BF16, y, i, width_at(n, i), v_load_w(x + i, width_at(n, i)));
}

static void store_add(arc_store store, size_t n, const void *x, void *y) {
    const bool half = store == ARC_STORE_BF16;
    for (size_t i = 0; i < n; i += VL) {
        const size_t w = width_at(n, i);
        store_any(half, y, i, w, v_add(load_any(half, y, i, w), load_any(half, x, i, w)));
    }
}

static inline void fill_learn(arc_kernels *k) {
    k->gemm_tn = gemm_tn;
    k->dwconv_grad = dwconv_grad;
    k->winograd_grad = winograd_grad;
    k->winograd_weights = winograd_weights;
    k->winograd_weights_grad = winograd_weights_grad;
    k->norm_sums = norm_sums;
    k->norm_apply = norm_apply;
    k->norm_grad_sums = norm_grad_sums;
    k->norm_grad = norm_grad;
    k->store_load = store_load;
    k->store_save = store_save;
    k->store_add = store_add;
}

#endif
