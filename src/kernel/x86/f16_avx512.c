/* kernel: the GEMM tile over half-precision weights for AVX-512. Weights are converted to floats as they are loaded; the loops
 * are in simd/gemm.h. */
#include "kernel/registers/avx512.h"
#include <stdint.h>

static inline vf load_half(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline void store_half(uint16_t *y, vf x) {
    _mm256_storeu_si256((__m256i *)(void *)y, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

#define IGEMM_MR 14
#define IGEMM_EACH_M EACH_M_14
#include "kernel/simd/f16.h"

void arc_kernels_fill_avx512_f16(arc_kernels *k) {
    fill_f16(k);
}
