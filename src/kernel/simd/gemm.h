/* kernel: the indirect GEMM tile and the depthwise convolution, written with the names of registers/<isa>.h. The including
 * file defines IGEMM_MR and IGEMM_EACH_M (a macro that lists every m up to it). A tile is IGEMM_MR rows of two registers.
 *
 * There is one function for each number of rows and registers, so that all accumulators stay in registers and edge tiles run
 * as fast as full ones. Each accumulator is one FMA chain over tap and then k, wherever it lies in a tile, so every tiling
 * gives the same bits. Full tiles apply the most common epilogues in registers; other tiles write their sums to a buffer in
 * L1, which the general epilogue reads. */
#ifndef ARC_KERNEL_SIMD_GEMM_H
#define ARC_KERNEL_SIMD_GEMM_H

#include "kernel/simd/epilogue.h"
#include "kernel/simd/rows.h"

#define IGEMM_NR (2 * VL)

/* How B is stored, and how a register of it is loaded as floats. */
#ifndef IGEMM_B
#define IGEMM_B float
#define b_load(p) v_load(p)
#endif

#define PREFETCH_B(b)                                                                                                            \
    for (size_t line = 0; line < IGEMM_NR * sizeof(IGEMM_B); line += 64)                                                         \
        __builtin_prefetch((const void *)((uintptr_t)(b) + AHEAD_BYTES + line), 0, 2);

#define START_2(i) vf lo##i = v_zero(), hi##i = v_zero();
#define STEP_2(i)                                                                                                                \
    {                                                                                                                            \
        const vf x = v_set1(a[i][k]);                                                                                            \
        lo##i = v_fma(x, b0, lo##i);                                                                                             \
        hi##i = v_fma(x, b1, hi##i);                                                                                             \
    }
#define STORE_2(i)                                                                                                               \
    v_store(tile + (i)*stride, lo##i);                                                                                           \
    v_store(tile + (i)*stride + VL, hi##i);

/* Stores a full register of columns after bias and slope, or bias and residual: the epilogue of most layers. */
#define FINISH_2(i)                                                                                                              \
    {                                                                                                                            \
        const vf x = v_add(lo##i, bias0), z = v_add(hi##i, bias1);                                                               \
        v_store(c + (i)*c_stride, v_if_negative(x, v_mul(x, slope0), x));                                                        \
        v_store(c + (i)*c_stride + VL, v_if_negative(z, v_mul(z, slope1), z));                                                   \
    }
#define FINISH_RESIDUAL_2(i)                                                                                                     \
    {                                                                                                                            \
        const float *r = e->residual + (i)*e->residual_stride;                                                                   \
        const vf x = v_add(v_add(lo##i, bias0), v_load(r)), z = v_add(v_add(hi##i, bias1), v_load(r + VL));                      \
        v_store(c + (i)*c_stride, v_if_negative(x, v_mul(x, slope0), x));                                                        \
        v_store(c + (i)*c_stride + VL, v_if_negative(z, v_mul(z, slope1), z));                                                   \
    }

#define START_1(i) vf lo##i = v_zero();
#define STEP_1(i) lo##i = v_fma(v_set1(a[i][k]), b0, lo##i);
#define STORE_1(i) v_store(tile + (i)*stride, lo##i);

/* The sums of a tile of m x 2 VL (tile_m_2) or of m x VL (tile_m_1, for panels that are at most half full). */
#define TILE_FUNCTIONS(m)                                                                                                        \
    static void tile_##m##_2(size_t kc, size_t taps, const float *const *a, const IGEMM_B *b, float *tile, size_t stride) {      \
        ROWS_##m(START_2) for (size_t t = 0; t < taps; t++, a += IGEMM_MR) for (size_t k = 0; k < kc; k++, b += IGEMM_NR) {      \
            const vf b0 = b_load(b), b1 = b_load(b + VL);                                                                        \
            PREFETCH_B(b)                                                                                                        \
            ROWS_##m(STEP_2)                                                                                                     \
        }                                                                                                                        \
        ROWS_##m(STORE_2)                                                                                                        \
    }                                                                                                                            \
    static void finished_##m(size_t kc, size_t taps, const float *const *a, const IGEMM_B *b, float *c, size_t c_stride,         \
                             const arc_epilogue *e) {                                                                            \
        ROWS_##m(START_2) for (size_t t = 0; t < taps; t++, a += IGEMM_MR) for (size_t k = 0; k < kc; k++, b += IGEMM_NR) {      \
            const vf b0 = b_load(b), b1 = b_load(b + VL);                                                                        \
            PREFETCH_B(b)                                                                                                        \
            ROWS_##m(STEP_2)                                                                                                     \
        }                                                                                                                        \
        const float *slope = e->act == ARC_ACT_PRELU ? e->slope : NULL;                                                          \
        const vf flat = v_set1(e->act == ARC_ACT_LEAKY ? e->alpha : 1.0f);                                                       \
        const vf bias0 = e->bias ? v_load(e->bias) : v_zero(), bias1 = e->bias ? v_load(e->bias + VL) : v_zero();                \
        const vf slope0 = slope ? v_load(slope) : flat, slope1 = slope ? v_load(slope + VL) : flat;                              \
        if (e->residual) {                                                                                                       \
            ROWS_##m(FINISH_RESIDUAL_2)                                                                                          \
        } else {                                                                                                                 \
            ROWS_##m(FINISH_2)                                                                                                   \
        }                                                                                                                        \
    }                                                                                                                            \
    static void tile_##m##_1(size_t kc, size_t taps, const float *const *a, const IGEMM_B *b, float *tile, size_t stride) {      \
        ROWS_##m(START_1) for (size_t t = 0; t < taps; t++, a += IGEMM_MR) for (size_t k = 0; k < kc; k++, b += IGEMM_NR) {      \
            const vf b0 = b_load(b);                                                                                             \
            ROWS_##m(STEP_1)                                                                                                     \
        }                                                                                                                        \
        ROWS_##m(STORE_1)                                                                                                        \
    }
IGEMM_EACH_M(TILE_FUNCTIONS)

typedef void tile_fn(size_t kc, size_t taps, const float *const *a, const IGEMM_B *b, float *tile, size_t stride);
#define TILE_ENTRY(m) {tile_##m##_1, tile_##m##_2},
static tile_fn *const tile_table[IGEMM_MR][2] = {IGEMM_EACH_M(TILE_ENTRY)};

typedef void finished_fn(size_t kc, size_t taps, const float *const *a, const IGEMM_B *b, float *c, size_t c_stride,
                         const arc_epilogue *e);
#define FINISHED_ENTRY(m) finished_##m,
static finished_fn *const finished_table[IGEMM_MR] = {IGEMM_EACH_M(FINISHED_ENTRY)};

static inline void simd_igemm(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const IGEMM_B *b, float *c,
                              size_t c_stride, const arc_epilogue *e) {
    float tile[IGEMM_MR * IGEMM_NR] __attribute__((aligned(64)));
    const size_t width = n > VL ? 2 : 1;
    tile_fn *const sums = tile_table[m - 1][width - 1];
    if (n == width * VL && !e->bias && !e->residual && e->act == ARC_ACT_NONE) {
        sums(kc, taps, a, b, c, c_stride);
        return;
    }
    if (n == IGEMM_NR && (e->act == ARC_ACT_NONE || e->act == ARC_ACT_PRELU || e->act == ARC_ACT_LEAKY)) {
        finished_table[m - 1](kc, taps, a, b, c, c_stride, e);
        return;
    }
    sums(kc, taps, a, b, tile, IGEMM_NR);
    simd_rows_epilogue(m, n, tile, IGEMM_NR, c, c_stride, e);
}

/* ---- depthwise convolution and small groups: DW_ROWS output pixels of one strip of columns at a time, so that weights are
 * loaded once for all of them. x: rows*taps pointers. The sums and the epilogue stay in registers. */

#define DW_ROWS 4

static inline void strip_finish(size_t j, size_t width, vf sum, size_t row, float *y, size_t y_stride, const arc_epilogue *e,
                                const strip_end *end) {
    sum = v_add(sum, end->bias);
    if (e->residual)
        sum = v_add(sum, v_load_w(e->residual + row * e->residual_stride + j, width));
    v_store_w(y + row * y_stride + j, width, v_act(sum, end->slope, end->lo, end->hi, e->act));
}

/* Whether the four pixels are neighbours whose 3x3 windows overlap in two of their three columns. Six columns of input then
 * serve all four. */
static inline bool windows_slide(size_t rows, size_t taps, const float *const *x) {
    if (rows != DW_ROWS || taps != 9)
        return false;
    for (size_t i = 0; i + 1 < DW_ROWS; i++, x += 9)
        for (size_t t = 0; t < 9; t += 3)
            if (x[t + 1] != x[9 + t] || x[t + 2] != x[9 + t + 1])
                return false;
    return true;
}

#define DW_START(i) vf s##i = v_zero();
#define DW_STEP(i) s##i = v_fma(v_load_w(x[(i)*taps + t] + j, width), f, s##i);
#define DW_SLIDE(i) s##i = v_fma(c2_##i, f2, v_fma(c1_##i, f1, v_fma(c0_##i, f0, s##i)));
#define DW_FINISH(i) strip_finish(j, width, s##i, i, y, y_stride, e, &end);

static inline void dw_strip(size_t rows, bool slide, size_t j, size_t width, size_t channels, size_t taps, const float *const *x,
                            const float *w, float *y, size_t y_stride, const arc_epilogue *e) {
    const strip_end end = strip_end_at(j, width, e);
    if (slide) {
        ROWS_4(DW_START)
        for (size_t t = 0; t < 9; t += 3) {
            const float *f = w + t * channels + j;
            const vf f0 = v_load_w(f, width), f1 = v_load_w(f + channels, width), f2 = v_load_w(f + 2 * channels, width);
            const vf c0_0 = v_load_w(x[t] + j, width), c1_0 = v_load_w(x[t + 1] + j, width), c2_0 = v_load_w(x[t + 2] + j, width);
            const vf c0_1 = c1_0, c1_1 = c2_0, c2_1 = v_load_w(x[9 + t + 2] + j, width);
            const vf c0_2 = c1_1, c1_2 = c2_1, c2_2 = v_load_w(x[18 + t + 2] + j, width);
            const vf c0_3 = c1_2, c1_3 = c2_2, c2_3 = v_load_w(x[27 + t + 2] + j, width);
            ROWS_4(DW_SLIDE)
        }
        ROWS_4(DW_FINISH)
        return;
    }
    if (rows == DW_ROWS) {
        ROWS_4(DW_START)
        for (size_t t = 0; t < taps; t++) {
            const vf f = v_load_w(w + t * channels + j, width);
            ROWS_4(DW_STEP)
        }
        ROWS_4(DW_FINISH)
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        vf s = v_zero();
        for (size_t t = 0; t < taps; t++)
            s = v_fma(v_load_w(x[i * taps + t] + j, width), v_load_w(w + t * channels + j, width), s);
        strip_finish(j, width, s, i, y, y_stride, e, &end);
    }
}

/* The same for groups of `group` channels (2 or 4): lane j meets inputs j^0, j^1 ... of its group one after the other. */
#define GROUP_START(i) vf s##i = v_zero(), r##i = v_zero();
#define GROUP_STEP_2(i)                                                                                                          \
    {                                                                                                                            \
        const vf v = v_load_w(x[i * taps + t] + j, width);                                                                       \
        s##i = v_fma(v, f0, s##i);                                                                                               \
        r##i = v_fma(v_swap1(v), f1, r##i);                                                                                      \
    }
#define GROUP_STEP_4(i)                                                                                                          \
    {                                                                                                                            \
        const vf v = v_load_w(x[i * taps + t] + j, width), swapped = v_swap1(v);                                                 \
        s##i = v_fma(v_swap2(v), f2, v_fma(v, f0, s##i));                                                                        \
        r##i = v_fma(v_swap2(swapped), f3, v_fma(swapped, f1, r##i));                                                            \
    }
#define GROUP_FINISH(i) strip_finish(j, width, v_add(s##i, r##i), i, y, y_stride, e, &end);
#define GROUP_ROWS(EACH)                                                                                                         \
    static inline void group_strip_##EACH(size_t group, size_t j, size_t width, size_t channels, size_t taps,                    \
                                          const float *const *x, const float *w, float *y, size_t y_stride,                      \
                                          const arc_epilogue *e) {                                                               \
        const strip_end end = strip_end_at(j, width, e);                                                                         \
        EACH(GROUP_START)                                                                                                        \
        for (size_t t = 0; t < taps; t++) {                                                                                      \
            const float *f = w + t * group * channels + j;                                                                       \
            const vf f0 = v_load_w(f, width), f1 = v_load_w(f + channels, width);                                                \
            if (group == 2) {                                                                                                    \
                EACH(GROUP_STEP_2)                                                                                               \
            } else {                                                                                                             \
                const vf f2 = v_load_w(f + 2 * channels, width), f3 = v_load_w(f + 3 * channels, width);                         \
                EACH(GROUP_STEP_4)                                                                                               \
            }                                                                                                                    \
        }                                                                                                                        \
        EACH(GROUP_FINISH)                                                                                                       \
    }
GROUP_ROWS(ROWS_1)
GROUP_ROWS(ROWS_4)

/* Groups of two with overlapping windows: a column is loaded and swapped once for all pixels that use it, in the order of taps
 * above. */
#define PAIR_TAP(i, f, g)                                                                                                        \
    s##i = v_fma(v, f, s##i);                                                                                                    \
    r##i = v_fma(swapped, g, r##i);
static inline void pair_strip_slide(size_t j, size_t width, size_t channels, const float *const *x, const float *w, float *y,
                                    size_t y_stride, const arc_epilogue *e) {
    const strip_end end = strip_end_at(j, width, e);
    ROWS_4(GROUP_START)
    for (size_t t = 0; t < 9; t += 3) {
        const float *f = w + t * 2 * channels + j;
        const vf f0 = v_load_w(f, width), g0 = v_load_w(f + channels, width), f1 = v_load_w(f + 2 * channels, width);
        const vf g1 = v_load_w(f + 3 * channels, width), f2 = v_load_w(f + 4 * channels, width);
        const vf g2 = v_load_w(f + 5 * channels, width);
        vf v = v_load_w(x[t] + j, width), swapped = v_swap1(v);
        PAIR_TAP(0, f0, g0)
        v = v_load_w(x[t + 1] + j, width), swapped = v_swap1(v);
        PAIR_TAP(0, f1, g1) PAIR_TAP(1, f0, g0) v = v_load_w(x[t + 2] + j, width), swapped = v_swap1(v);
        PAIR_TAP(0, f2, g2) PAIR_TAP(1, f1, g1) PAIR_TAP(2, f0, g0) v = v_load_w(x[9 + t + 2] + j, width), swapped = v_swap1(v);
        PAIR_TAP(1, f2, g2) PAIR_TAP(2, f1, g1) PAIR_TAP(3, f0, g0) v = v_load_w(x[18 + t + 2] + j, width), swapped = v_swap1(v);
        PAIR_TAP(2, f2, g2) PAIR_TAP(3, f1, g1) v = v_load_w(x[27 + t + 2] + j, width), swapped = v_swap1(v);
        PAIR_TAP(3, f2, g2)
    }
    ROWS_4(GROUP_FINISH)
}

static inline void group_strip(size_t rows, bool slide, size_t group, size_t j, size_t width, size_t channels, size_t taps,
                               const float *const *x, const float *w, float *y, size_t y_stride, const arc_epilogue *e) {
    if (slide)
        pair_strip_slide(j, width, channels, x, w, y, y_stride, e);
    else if (rows == DW_ROWS)
        group_strip_ROWS_4(group, j, width, channels, taps, x, w, y, y_stride, e);
    else
        for (size_t i = 0; i < rows; i++) {
            arc_epilogue at = *e;
            at.residual = e->residual ? e->residual + i * e->residual_stride : NULL;
            group_strip_ROWS_1(group, j, width, channels, taps, x + i * taps, w, y + i * y_stride, y_stride, &at);
        }
}

static inline void simd_groupconv(size_t group, size_t pixels, size_t channels, size_t taps, const float *const *x,
                                  const float *w, float *y, size_t y_stride, const arc_epilogue *e) {
    arc_epilogue at = *e;
    for (size_t p = 0; p < pixels; p += DW_ROWS, x += DW_ROWS * taps, y += DW_ROWS * y_stride) {
        const size_t rows = pixels - p < DW_ROWS ? pixels - p : DW_ROWS;
        const bool slide = group == 2 && windows_slide(rows, taps, x);
        at.residual = e->residual ? e->residual + p * e->residual_stride : NULL;
        size_t j = 0;
        for (; j + VL <= channels; j += VL)
            group_strip(rows, slide, group, j, VL, channels, taps, x, w, y, y_stride, &at);
        if (j < channels)
            group_strip(rows, slide, group, j, channels - j, channels, taps, x, w, y, y_stride, &at);
    }
}

static inline void simd_dwconv(size_t pixels, size_t channels, size_t taps, const float *const *x, const float *w, float *y,
                               size_t y_stride, const arc_epilogue *e) {
    arc_epilogue at = *e;
    for (size_t p = 0; p < pixels; p += DW_ROWS, x += DW_ROWS * taps, y += DW_ROWS * y_stride) {
        const size_t rows = pixels - p < DW_ROWS ? pixels - p : DW_ROWS;
        const bool slide = windows_slide(rows, taps, x);
        at.residual = e->residual ? e->residual + p * e->residual_stride : NULL;
        size_t j = 0;
        for (; j + VL <= channels; j += VL)
            dw_strip(rows, slide, j, VL, channels, taps, x, w, y, y_stride, &at);
        if (j < channels)
            dw_strip(rows, slide, j, channels - j, channels, taps, x, w, y, y_stride, &at);
    }
}

#endif
