/* kernel: 8 floats in a ymm register under the names that simd/ write their loops with. Only for *_avx2.c. */
#ifndef ARC_KERNEL_REGISTERS_AVX2_H
#define ARC_KERNEL_REGISTERS_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VL ((size_t)8)
typedef __m256 vf;
#define V(name) _mm256_##name
#include "kernel/registers/x86.h"
#undef V

/* Lanes below n all ones. */
static inline __m256i v_mask(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/* The first n < VL lanes; the others read as 0 and are not touched in memory. */
static inline vf v_load_n(const float *p, size_t n) {
    return _mm256_maskload_ps(p, v_mask(n));
}
/* The first n < VL lanes, `fill` in the others. */
static inline vf v_load_or_n(const float *p, size_t n, vf fill) {
    return _mm256_blendv_ps(fill, _mm256_maskload_ps(p, v_mask(n)), _mm256_castsi256_ps(v_mask(n)));
}
static inline void v_store_n(float *p, size_t n, vf v) {
    _mm256_maskstore_ps(p, v_mask(n), v);
}
/* x < 0 ? neg : pos, lane by lane. */
static inline vf v_if_negative(vf x, vf neg, vf pos) {
    return _mm256_blendv_ps(pos, neg, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
}
static inline vf v_round(vf x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf v_power2(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
/* x * 2^n for whole n in [-160,130], in two halves so that neither factor leaves the normal range. */
static inline vf v_scale2(vf x, vf n) {
    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    return _mm256_mul_ps(_mm256_mul_ps(x, v_power2(half)), v_power2(_mm256_sub_epi32(whole, half)));
}
/* The first n <= VL int32 as floats; n lanes as round(x) + zero, which is in 0..255. */
static inline vf v_load_int_n(const int32_t *p, size_t n) {
    return _mm256_cvtepi32_ps(_mm256_maskload_epi32(p, v_mask(n)));
}
static inline void v_store_u8_n(uint8_t *p, size_t n, vf x, int32_t zero) {
    const __m256i quantized = _mm256_add_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(zero));
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(quantized), _mm256_extracti128_si256(quantized, 1));
    uint8_t lane[16];
    _mm_storeu_si128((__m128i *)(void *)lane, _mm_packus_epi16(words, words));
    if (n == VL)
        memcpy(p, lane, VL);
    else
        memcpy(p, lane, n);
}
static inline float v_sum(vf v) {
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
/* The largest lane; which of NaN and numbers is not said. */
static inline float v_largest(vf v) {
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

#endif
