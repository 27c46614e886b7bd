/* kernel: 16 floats in a zmm register under the names that simd/ write their loops with. Only for *_avx512.c. */
#ifndef ARC_KERNEL_REGISTERS_AVX512_H
#define ARC_KERNEL_REGISTERS_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VL ((size_t)16)
typedef __m512 vf;
#define V(name) _mm512_##name
#include "kernel/registers/x86.h"
#undef V

static inline __mmask16 v_mask(size_t n) {
    return (__mmask16)((1u << n) - 1u);
}
/* The first n < VL lanes; the others read as 0 and are not touched in memory. */
static inline vf v_load_n(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps(v_mask(n), p);
}
/* The first n < VL lanes, `fill` in the others. */
static inline vf v_load_or_n(const float *p, size_t n, vf fill) {
    return _mm512_mask_loadu_ps(fill, v_mask(n), p);
}
static inline void v_store_n(float *p, size_t n, vf v) {
    _mm512_mask_storeu_ps(p, v_mask(n), v);
}
/* x < 0 ? neg : pos, lane by lane. */
static inline vf v_if_negative(vf x, vf neg, vf pos) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), pos, neg);
}
static inline vf v_round(vf x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* x * 2^n for whole n in [-160,130], rounded once or (where the result is subnormal) twice. */
static inline vf v_scale2(vf x, vf n) {
    return _mm512_scalef_ps(x, n);
}
/* The first n <= VL int32 as floats; n lanes as round(x) + zero, which is in 0..255. */
static inline vf v_load_int_n(const int32_t *p, size_t n) {
    return _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(v_mask(n), p));
}
static inline void v_store_u8_n(uint8_t *p, size_t n, vf x, int32_t zero) {
    const __m512i quantized = _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(zero));
    _mm512_mask_cvtepi32_storeu_epi8(p, v_mask(n), quantized);
}
static inline float v_sum(vf v) {
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
/* The largest lane; which of NaN and numbers is not said. */
static inline float v_largest(vf v) {
    const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

#endif
