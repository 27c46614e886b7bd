/* kernel: the epilogue y = act(x + bias + residual) in registers, written with the names of registers/<isa>.h. Included by
 * *_<isa>.c only. */
#ifndef ARC_KERNEL_SIMD_EPILOGUE_H
#define ARC_KERNEL_SIMD_EPILOGUE_H

#include "kernel/levels.h"
#include "kernel/simd/smooth.h"

/* For functions that are only fast when the caller passes constants for their widths. */
#define INLINE static inline __attribute__((always_inline))

/* Full registers and the masked last one go through the same loop bodies: width is VL except at the end of a row. */
static inline vf v_load_w(const float *p, size_t width) {
    return width == VL ? v_load(p) : v_load_n(p, width);
}
static inline void v_store_w(float *p, size_t width, vf v) {
    if (width == VL)
        v_store(p, v);
    else
        v_store_n(p, width, v);
}

static inline vf v_act(vf x, vf slope, vf lo, vf hi, arc_act act) {
    switch (act) {
    case ARC_ACT_RELU:
        return v_max(lo, x);
    case ARC_ACT_PRELU:
    case ARC_ACT_LEAKY:
        return v_if_negative(x, v_mul(x, slope), x);
    case ARC_ACT_CLIP:
        return v_min(hi, v_max(lo, x));
    case ARC_ACT_NONE:
    case ARC_ACT_GELU: /* in smooth_epilogue below, to keep its long code out of every loop */
    case ARC_ACT_GELU_TANH:
        break;
    }
    return x;
}

/* The values that depend on the column, for a strip of `width` lanes; loaded once for all rows. */
typedef struct strip_end {
    vf bias, slope, lo, hi;
} strip_end;
static inline strip_end strip_end_at(size_t j, size_t width, const arc_epilogue *e) {
    return (strip_end){.bias = e->bias ? v_load_w(e->bias + j, width) : v_zero(),
                       .slope = e->act == ARC_ACT_PRELU ? v_load_w(e->slope + j, width) : v_set1(e->alpha),
                       .lo = e->act == ARC_ACT_CLIP ? v_set1(e->lo) : v_zero(),
                       .hi = v_set1(e->hi)};
}

/* The epilogue of one strip of columns over m rows. */
static inline void strip_epilogue(size_t m, size_t j, size_t width, const float *x, size_t x_stride, float *y, size_t y_stride,
                                  const arc_epilogue *e) {
    const strip_end end = strip_end_at(j, width, e);
    if (e->residual) {
        for (size_t i = 0; i < m; i++) {
            const vf r = v_load_w(e->residual + i * e->residual_stride + j, width);
            const vf v = v_add(v_add(v_load_w(x + i * x_stride + j, width), end.bias), r);
            v_store_w(y + i * y_stride + j, width, v_act(v, end.slope, end.lo, end.hi, e->act));
        }
        return;
    }
    for (size_t i = 0; i < m; i++) {
        const vf v = v_add(v_load_w(x + i * x_stride + j, width), end.bias);
        v_store_w(y + i * y_stride + j, width, v_act(v, end.slope, end.lo, end.hi, e->act));
    }
}

/* The epilogue of one row with a Gelu. */
static inline void smooth_epilogue(size_t n, const float *x, const float *residual, float *y, const arc_epilogue *e) {
    for (size_t j = 0; j < n; j += VL) {
        const size_t w = n - j < VL ? n - j : VL;
        vf v = v_load_w(x + j, w);
        v = e->bias ? v_add(v, v_load_w(e->bias + j, w)) : v;
        v = residual ? v_add(v, v_load_w(residual + j, w)) : v;
        v_store_w(y + j, w, e->act == ARC_ACT_GELU ? v_gelu(v) : v_gelu_tanh(v));
    }
}

static inline void simd_rows_epilogue(size_t m, size_t n, const float *x, size_t x_stride, float *y, size_t y_stride,
                                      const arc_epilogue *e) {
    if (e->act == ARC_ACT_GELU || e->act == ARC_ACT_GELU_TANH) {
        for (size_t i = 0; i < m; i++)
            smooth_epilogue(n, x + i * x_stride, e->residual ? e->residual + i * e->residual_stride : NULL, y + i * y_stride, e);
        return;
    }
    size_t j = 0;
    for (; j + VL <= n; j += VL)
        strip_epilogue(m, j, VL, x, x_stride, y, y_stride, e);
    if (j < n)
        strip_epilogue(m, j, n - j, x, x_stride, y, y_stride, e);
}

#endif
