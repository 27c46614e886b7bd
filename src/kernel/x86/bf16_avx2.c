/* kernel: the GEMM tile over pairs of bfloat16 for AVX2, without bfloat16 instructions: both halves of a pair are widened to
 * floats and enter the sum by two multiply-adds. The loops are in simd/gemm.h and simd/tn.h. */
#include "kernel/registers/avx2.h"

static inline vf low_half(vf pair) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pair), 16));
}
static inline vf high_half(vf pair) {
    return _mm256_and_ps(pair, _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000u)));
}
static inline vf pair_dot(vf a, vf b, vf c) {
    return v_fma(high_half(a), high_half(b), v_fma(low_half(a), low_half(b), c));
}

/* simd/gemm.h is compiled here with pair_dot in place of its multiply-add. */
#define v_fma(a, b, c) pair_dot(a, b, c)
#define IGEMM_MR 6
#define IGEMM_EACH_M EACH_M_6
#include "kernel/simd/gemm.h"

static void igemm_bf16(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c,
                       size_t c_stride, const arc_epilogue *e) {
    simd_igemm(m, n, kc, taps, a, b, c, c_stride, e);
}

void arc_kernels_fill_avx2_bf16(arc_kernels *k) {
    k->igemm_bf16 = igemm_bf16;
}
