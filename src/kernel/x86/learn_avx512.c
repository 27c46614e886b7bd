/* kernel: the training slots for AVX-512; the loops are in simd/learn.h. The bfloat16 ones are in half_avx512.c. */
#include "kernel/registers/avx512.h"
#include <stdint.h>

/* bfloat16 is the upper half of a float. */
static inline vf v_load_half(const uint16_t *p, size_t width) {
    const __m256i bits =
        width == VL ? _mm256_loadu_si256((const __m256i *)(const void *)p) : _mm256_maskz_loadu_epi16(v_mask(width), p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
/* Rounded to nearest even; NaN stays NaN. */
static inline void v_store_half(uint16_t *p, size_t width, vf v) {
    const __m512i bits = _mm512_castps_si512(v), one = _mm512_set1_epi32(1);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i whole = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
    const __m256i upper = _mm512_cvtepi32_epi16(_mm512_srli_epi32(whole, 16));
    if (width == VL)
        _mm256_storeu_si256((__m256i *)(void *)p, upper);
    else
        _mm256_mask_storeu_epi16(p, v_mask(width), upper);
}

#define TN_MR 14
#define TN_EACH_M TN_UPTO_14
#include "kernel/simd/learn.h"

void arc_kernels_fill_avx512_learn(arc_kernels *k) {
    fill_learn(k);
}
