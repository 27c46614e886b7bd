/* kernel: the end of an 8-bit layer (requantisation), written with the names of registers/<isa>.h. Included by
 * int8_requantize_<isa>.c only. */
#ifndef ARC_KERNEL_SIMD_INT8_REQUANTIZE_H
#define ARC_KERNEL_SIMD_INT8_REQUANTIZE_H

#include "kernel/simd/epilogue.h"

/* Which parts of arc_requantize a strip has. The compiler knows them where they are written as constants. */
typedef struct requantize_parts {
    bool mid, slope, other_act, residual, y, post, quantized;
} requantize_parts;

/* One strip of `width` columns over m rows. What depends on the column is loaded once. The input is sums or, where they are
 * NULL, floats. */
static inline __attribute__((always_inline)) void requantize_strip(size_t m, size_t j, size_t width, const int32_t *sums,
                                                                   const float *x, size_t stride, const arc_requantize *r,
                                                                   requantize_parts parts) {
    const vf scale = sums ? v_load_w(r->scale + j, width) : v_zero(), bias = sums ? v_load_w(r->bias + j, width) : v_zero();
    const vf mid_lo = v_set1(r->mid_lo), mid_hi = v_set1(r->mid_hi), mid_scale = v_set1(r->mid_scale);
    const vf slope = r->act == ARC_ACT_PRELU ? v_load_w(r->slope + j, width) : v_set1(r->alpha);
    const vf act_lo = r->act == ARC_ACT_CLIP ? v_set1(r->lo) : v_zero(), act_hi = v_set1(r->hi);
    const vf post_scale = parts.post ? v_load_w(r->post_scale + j, width) : v_set1(r->quantize_scale);
    const vf post_shift = parts.post ? v_load_w(r->post_shift + j, width) : v_zero();
    const vf quantize_lo = v_set1((float)-r->quantize_zero), quantize_hi = v_set1((float)(255 - r->quantize_zero));
    for (size_t i = 0; i < m; i++) {
        vf v = sums ? v_fma(v_load_int_n(sums + i * stride + j, width), scale, bias) : v_load_w(x + i * stride + j, width);
        if (parts.mid)
            v = v_mul(v_round(v_clamp(v, mid_lo, mid_hi)), mid_scale);
        if (parts.residual && r->act_last)
            v = v_add(v, v_load_w(r->residual + i * r->residual_stride + j, width));
        if (parts.slope)
            v = v_if_negative(v, v_mul(v, slope), v);
        else if (parts.other_act)
            v = v_act(v, slope, act_lo, act_hi, r->act);
        if (parts.residual && !r->act_last)
            v = v_add(v, v_load_w(r->residual + i * r->residual_stride + j, width));
        if (parts.y)
            v_store_w(r->y + i * r->y_stride + j, width, v);
        if (parts.quantized) {
            v = parts.post ? v_fma(v, post_scale, post_shift) : v_mul(v, post_scale);
            v_store_u8_n(r->quantized + i * r->quantized_stride + j, width, v_clamp(v, quantize_lo, quantize_hi),
                         r->quantize_zero);
        }
    }
}

static inline __attribute__((always_inline)) void requantize_rows(size_t m, size_t n, const int32_t *sums, const float *x,
                                                                  size_t stride, const arc_requantize *r,
                                                                  requantize_parts parts) {
    size_t j = 0;
    for (; j + VL <= n; j += VL)
        requantize_strip(m, j, VL, sums, x, stride, r, parts);
    if (j < n)
        requantize_strip(m, j, n - j, sums, x, stride, r, parts);
}

static requantize_parts parts_of(const arc_requantize *r) {
    const bool slope = r->act == ARC_ACT_PRELU || r->act == ARC_ACT_LEAKY;
    return (requantize_parts){.mid = r->mid_scale != 0,
                              .slope = slope,
                              .other_act = r->act != ARC_ACT_NONE && !slope,
                              .residual = r->residual != NULL,
                              .y = r->y != NULL,
                              .post = r->post_scale != NULL,
                              .quantized = r->quantized != NULL};
}

static bool same_parts(requantize_parts a, requantize_parts b) {
    return a.mid == b.mid && a.slope == b.slope && a.other_act == b.other_act && a.residual == b.residual && a.y == b.y &&
           a.post == b.post && a.quantized == b.quantized;
}

/* The two common cases of a residual block: an activation quantized to 8 bits; and the sum with the residual, both as floats
 * and normalised and quantized for the next block. */
static const requantize_parts activated = {.mid = true, .slope = true, .quantized = true},
                              summed = {.mid = true, .residual = true, .y = true, .post = true, .quantized = true};

static void requantize(size_t m, size_t n, const int32_t *sums, size_t stride, const arc_requantize *r) {
    const requantize_parts parts = parts_of(r);
    if (same_parts(parts, activated))
        requantize_rows(m, n, sums, NULL, stride, r, (requantize_parts){.mid = true, .slope = true, .quantized = true});
    else if (same_parts(parts, summed))
        requantize_rows(m, n, sums, NULL, stride, r,
                        (requantize_parts){.mid = true, .residual = true, .y = true, .post = true, .quantized = true});
    else
        requantize_rows(m, n, sums, NULL, stride, r, parts);
}

static void quantize(size_t m, size_t n, const float *x, size_t stride, const arc_requantize *r) {
    requantize_rows(m, n, NULL, x, stride, r, parts_of(r));
}

static inline void fill_requantize(arc_kernels *k) {
    k->requantize = requantize;
    k->quantize = quantize;
}

#endif
