/* kernel: the end of an 8-bit layer over the names of registers/<isa>.h. Included by requant_<isa>.c only. */
#ifndef ARC_KERNEL_SIMD_REQUANT_H
#define ARC_KERNEL_SIMD_REQUANT_H

#include "kernel/simd/epilogue.h"

/* What a strip does, known to the compiler where it is written as constants. */
typedef struct requant_parts {
    bool mid, slope, other_act, residual, y, post, codes;
} requant_parts;

/* One column strip of `width` lanes over m rows: what depends on the column is loaded once. Sums or, where they are NULL, floats. */
static inline __attribute__((always_inline)) void requant_strip(size_t m, size_t j, size_t width, const int32_t *sums,
                                                                const float *x, size_t stride, const arc_requant *r,
                                                                requant_parts parts) {
    const vf scale = sums ? v_load_w(r->scale + j, width) : v_zero(), bias = sums ? v_load_w(r->bias + j, width) : v_zero();
    const vf mid_lo = v_set1(r->mid_lo), mid_hi = v_set1(r->mid_hi), mid_scale = v_set1(r->mid_scale);
    const vf slope = r->act == ARC_ACT_PRELU ? v_load_w(r->slope + j, width) : v_set1(r->alpha);
    const vf act_lo = r->act == ARC_ACT_CLIP ? v_set1(r->lo) : v_zero(), act_hi = v_set1(r->hi);
    const vf post_scale = parts.post ? v_load_w(r->post_scale + j, width) : v_set1(r->code_scale);
    const vf post_shift = parts.post ? v_load_w(r->post_shift + j, width) : v_zero();
    const vf code_lo = v_set1((float)-r->code_zero), code_hi = v_set1((float)(255 - r->code_zero));
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
        if (parts.codes) {
            v = parts.post ? v_fma(v, post_scale, post_shift) : v_mul(v, post_scale);
            v_store_code_n(r->codes + i * r->code_stride + j, width, v_clamp(v, code_lo, code_hi), r->code_zero);
        }
    }
}

static inline __attribute__((always_inline)) void requant_rows(size_t m, size_t n, const int32_t *sums, const float *x,
                                                               size_t stride, const arc_requant *r, requant_parts parts) {
    size_t j = 0;
    for (; j + VL <= n; j += VL)
        requant_strip(m, j, VL, sums, x, stride, r, parts);
    if (j < n)
        requant_strip(m, j, n - j, sums, x, stride, r, parts);
}

static requant_parts parts_of(const arc_requant *r) {
    const bool slope = r->act == ARC_ACT_PRELU || r->act == ARC_ACT_LEAKY;
    return (requant_parts){.mid = r->mid_scale != 0,
                           .slope = slope,
                           .other_act = r->act != ARC_ACT_NONE && !slope,
                           .residual = r->residual != NULL,
                           .y = r->y != NULL,
                           .post = r->post_scale != NULL,
                           .codes = r->codes != NULL};
}

static bool same_parts(requant_parts a, requant_parts b) {
    return a.mid == b.mid && a.slope == b.slope && a.other_act == b.other_act && a.residual == b.residual && a.y == b.y &&
           a.post == b.post && a.codes == b.codes;
}

/* The two ends of a residual block: to the activation's codes; onto the sum, and its normalised codes for the next block. */
static const requant_parts activated = {.mid = true, .slope = true, .codes = true},
                           summed = {.mid = true, .residual = true, .y = true, .post = true, .codes = true};

static void requantise(size_t m, size_t n, const int32_t *sums, size_t stride, const arc_requant *r) {
    const requant_parts parts = parts_of(r);
    if (same_parts(parts, activated))
        requant_rows(m, n, sums, NULL, stride, r, (requant_parts){.mid = true, .slope = true, .codes = true});
    else if (same_parts(parts, summed))
        requant_rows(m, n, sums, NULL, stride, r,
                     (requant_parts){.mid = true, .residual = true, .y = true, .post = true, .codes = true});
    else
        requant_rows(m, n, sums, NULL, stride, r, parts);
}

static void quantise(size_t m, size_t n, const float *x, size_t stride, const arc_requant *r) {
    requant_rows(m, n, NULL, x, stride, r, parts_of(r));
}

static inline void fill_requant(arc_kernels *k) {
    k->requantise = requantise;
    k->quantise = quantise;
}

#endif
