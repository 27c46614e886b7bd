/* kernel: the training slots for AVX2; the loops are in simd/learn.h. */
#include "kernel/levels.h"
#include "kernel/registers/avx2.h"

/* bfloat16 is the upper half of a float. */
static inline vf v_load_half(const uint16_t *p, size_t width) {
    uint16_t lane[8] = {0};
    if (width < VL) {
        memcpy(lane, p, width * sizeof *p);
        p = lane;
    }
    const __m128i bits = _mm_loadu_si128((const __m128i *)(const void *)p);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
/* Rounded to nearest even; NaN stays NaN. */
static inline void v_store_half(uint16_t *p, size_t width, vf v) {
    const __m256i bits = _mm256_castps_si256(v), one = _mm256_set1_epi32(1);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i upper = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
    uint16_t lane[8];
    _mm_storeu_si128((__m128i *)(void *)lane, packed);
    memcpy(p, lane, (width < VL ? width : VL) * sizeof *p);
}

#define TN_MR 6
#define TN_EACH_M TN_UPTO_6
#include "kernel/simd/learn.h"

void arc_kernels_fill_avx2_learn(arc_kernels *k) {
    fill_learn(k);
}
