/* kernel: the GEMM tile over half-precision weights, which are converted to floats as they are loaded. The including file
 * defines load_half and store_half, and IGEMM_MR and IGEMM_EACH_M as gemm.h requires, and calls fill_f16. */
#ifndef ARC_KERNEL_SIMD_F16_H
#define ARC_KERNEL_SIMD_F16_H

#define IGEMM_B uint16_t
#define b_load(p) load_half(p)
#include "kernel/simd/gemm.h"

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

static inline void fill_f16(arc_kernels *k) {
    k->igemm_f16 = igemm_f16;
    k->f16_fast = true;
    k->to_f16 = to_f16;
}

#endif
