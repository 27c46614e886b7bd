/* kernel: the GEMM tile over half-precision weights for AVX2. Weights are converted to floats as they are loaded; the loops
 * are in simd/gemm.h. */
#include "kernel/registers/avx2.h"
#include <stdint.h>

static inline vf load_half(const uint16_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline void store_half(uint16_t *y, vf x) {
    _mm_storeu_si128((__m128i *)(void *)y, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

#define IGEMM_MR 6
#define IGEMM_EACH_M EACH_M_6
#include "kernel/simd/f16.h"

void arc_kernels_fill_avx2_f16(arc_kernels *k) {
    fill_f16(k);
}
