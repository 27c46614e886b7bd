/* kernel: the GEMM tile over pairs of bfloat16 for NEON, without bfloat16 instructions: both halves of a pair are widened to
 * floats and enter the sum by two multiply-adds. The loops are in simd/gemm.h and simd/tn.h. */
#include "kernel/registers/neon.h"

static inline vf low_half(vf pair) {
    return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(pair), 16));
}
static inline vf high_half(vf pair) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(pair), vdupq_n_u32(0xffff0000u)));
}
static inline vf pair_dot(vf a, vf b, vf c) {
    return v_fma(high_half(a), high_half(b), v_fma(low_half(a), low_half(b), c));
}

/* simd/gemm.h is compiled here with pair_dot in place of its multiply-add. */
#define v_fma(a, b, c) pair_dot(a, b, c)
#define IGEMM_MR 8
#define IGEMM_EACH_M EACH_M_8
#include "kernel/simd/gemm.h"

static void igemm_bf16(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c,
                       size_t c_stride, const arc_epilogue *e) {
    simd_igemm(m, n, kc, taps, a, b, c, c_stride, e);
}

void arc_kernels_fill_neon_bf16(arc_kernels *k) {
    k->igemm_bf16 = igemm_bf16;
}
