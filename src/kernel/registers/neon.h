/* kernel: 4 floats in a NEON register, under the names (v_load, v_fma, ...) that the loops in simd/ are written with.
 * Only the neon files of arm/ include it. */
#ifndef ARC_KERNEL_REGISTERS_NEON_H
#define ARC_KERNEL_REGISTERS_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#define VL ((size_t)4)
typedef float32x4_t vf;

static inline vf v_zero(void) {
    return vdupq_n_f32(0.0f);
}
static inline vf v_set1(float x) {
    return vdupq_n_f32(x);
}
static inline vf v_load(const float *p) {
    return vld1q_f32(p);
}
static inline void v_store(float *p, vf v) {
    vst1q_f32(p, v);
}
/* Loads or stores the first n < VL lanes. The other lanes read as 0, and their memory is not touched. */
static inline vf v_load_n(const float *p, size_t n) {
    float lane[4] = {0};
    for (size_t i = 0; i < n; i++)
        lane[i] = p[i];
    return vld1q_f32(lane);
}
/* Loads the first n < VL lanes; the others are those of `fill`. */
static inline vf v_load_or_n(const float *p, size_t n, vf fill) {
    float lane[4];
    vst1q_f32(lane, fill);
    for (size_t i = 0; i < n; i++)
        lane[i] = p[i];
    return vld1q_f32(lane);
}
static inline void v_store_n(float *p, size_t n, vf v) {
    float lane[4];
    vst1q_f32(lane, v);
    for (size_t i = 0; i < n; i++)
        p[i] = lane[i];
}
static inline vf v_add(vf a, vf b) {
    return vaddq_f32(a, b);
}
static inline vf v_sub(vf a, vf b) {
    return vsubq_f32(a, b);
}
/* v_swap1: lane j takes lane j^1. v_swap2: lane j takes lane j^2. */
static inline vf v_swap1(vf x) {
    return vrev64q_f32(x);
}
static inline vf v_swap2(vf x) {
    return vextq_f32(x, x, 2);
}
static inline vf v_mul(vf a, vf b) {
    return vmulq_f32(a, b);
}
static inline vf v_div(vf a, vf b) {
    return vdivq_f32(a, b);
}
static inline vf v_fma(vf a, vf b, vf c) {
    return vfmaq_f32(c, a, b);
}
static inline vf v_fnma(vf a, vf b, vf c) {
    return vfmsq_f32(c, a, b);
}
/* The larger of two; a NaN is passed on. */
static inline vf v_max(vf a, vf b) {
    return vmaxq_f32(a, b);
}
static inline vf v_min(vf a, vf b) {
    return vminq_f32(a, b);
}
/* x limited to lo..hi; NaN becomes lo. */
static inline vf v_clamp(vf x, vf lo, vf hi) {
    return vminq_f32(vbslq_f32(vcgtq_f32(x, lo), x, lo), hi);
}
/* x < 0 ? neg : pos, in each lane. */
static inline vf v_if_negative(vf x, vf neg, vf pos) {
    return vbslq_f32(vcltzq_f32(x), neg, pos);
}
static inline vf v_round(vf x) {
    return vrndnq_f32(x);
}
static inline vf v_negative_abs(vf x) {
    return vnegq_f32(vabsq_f32(x));
}
static inline vf v_power2(int32x4_t n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
/* x * 2^n for whole n in [-160,130], as two factors so that neither leaves the normal range. */
static inline vf v_scale2(vf x, vf n) {
    const int32x4_t whole = vcvtq_s32_f32(n);
    const int32x4_t half = vshrq_n_s32(whole, 1);
    return vmulq_f32(vmulq_f32(x, v_power2(half)), v_power2(vsubq_s32(whole, half)));
}
/* Loads the first n <= VL int32 values as floats. The store writes n lanes as round(x) + zero, which is within 0..255. */
static inline vf v_load_int_n(const int32_t *p, size_t n) {
    int32_t lane[4] = {0};
    for (size_t i = 0; i < n; i++)
        lane[i] = p[i];
    return vcvtq_f32_s32(vld1q_s32(lane));
}
static inline void v_store_u8_n(uint8_t *p, size_t n, vf x, int32_t zero) {
    int32_t lane[4];
    vst1q_s32(lane, vaddq_s32(vcvtnq_s32_f32(x), vdupq_n_s32(zero)));
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)lane[i];
}
static inline float v_sum(vf v) {
    const float32x2_t q = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(vpadd_f32(q, q), 0);
}
/* The largest lane. What it is where some are NaN is not said. */
static inline float v_largest(vf v) {
    return vmaxvq_f32(v);
}

#endif
