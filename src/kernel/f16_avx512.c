/* kernel: the GEMM tile over weights in half precision for avx512: a register of them becomes floats as it is loaded. */
#include "kernel/simd_avx512.h"
#include <stdint.h>

static inline vf load_half(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline void store_half(uint16_t *y, vf x) {
    _mm256_storeu_si256((__m256i *)(void *)y, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

/* The tile of simd_gemm.h over such a B. */
#define IGEMM_B uint16_t
#define b_load(p) load_half(p)
#define IGEMM_MR 14
#define IGEMM_EACH_M EACH_M_14
#include "kernel/simd_gemm.h"

static void igemm_f16(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c,
                      size_t c_stride, const arc_epilogue *e) {
    simd_igemm(m, n, kc, taps, a, (const uint16_t *)(const void *)b, c, c_stride, e);
}

static void to_f16(size_t n, const float *x, uint16_t *y) {
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        store_half(y + i, v_load(x + i));
    for (; i < n; i++)
        y[i] = arc_f16(x[i]);
}

void arc_kernels_fill_avx512_f16(arc_kernels *k) {
    k->igemm_f16 = igemm_f16;
    k->f16_fast = true;
    k->to_f16 = to_f16;
}
