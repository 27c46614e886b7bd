/* kernel: the GEMM tile over pairs of bfloat16 for AVX-512 with its bfloat16 dot-product instruction. The loops are in
 * simd/gemm.h and simd/tn.h. */
#include "kernel/registers/avx512.h"

static inline vf pair_dot(vf a, vf b, vf c) {
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
}

/* simd/gemm.h is compiled here with pair_dot in place of its multiply-add. */
#define v_fma(a, b, c) pair_dot(a, b, c)
#define IGEMM_MR 14
#define IGEMM_EACH_M EACH_M_14
#include "kernel/simd/gemm.h"

static void igemm_bf16(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c,
                       size_t c_stride, const arc_epilogue *e) {
    simd_igemm(m, n, kc, taps, a, b, c, c_stride, e);
}

static void to_bf16(size_t n, const float *x, uint16_t *y) {
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        _mm256_storeu_si256((__m256i *)(void *)(y + i), (__m256i)_mm512_cvtneps_pbh(v_load(x + i)));
    if (i < n)
        _mm256_mask_storeu_epi16(y + i, v_mask(n - i), (__m256i)_mm512_cvtneps_pbh(v_load_n(x + i, n - i)));
}

void arc_kernels_fill_avx512_bf16(arc_kernels *k) {
    k->igemm_bf16 = igemm_bf16;
    k->bf16_fast = true;
    k->to_bf16 = to_bf16;
}
