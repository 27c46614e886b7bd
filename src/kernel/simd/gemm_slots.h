/* kernel: the float32 slots that gemm.h makes at every instruction set. What IGEMM_MR is, and in which registers, the including
 * file says. */
#ifndef ARC_KERNEL_SIMD_GEMM_SLOTS_H
#define ARC_KERNEL_SIMD_GEMM_SLOTS_H

#include "kernel/simd/gemm.h"

static void igemm(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c, size_t c_stride,
                  const arc_epilogue *e) {
    simd_igemm(m, n, kc, taps, a, b, c, c_stride, e);
}

static void dwconv(size_t pixels, size_t channels, size_t taps, const float *const *x, const float *w, float *y, size_t y_stride,
                   const arc_epilogue *e) {
    simd_dwconv(pixels, channels, taps, x, w, y, y_stride, e);
}

static void groupconv(size_t group, size_t pixels, size_t channels, size_t taps, const float *const *x, const float *w, float *y,
                      size_t y_stride, const arc_epilogue *e) {
    simd_groupconv(group, pixels, channels, taps, x, w, y, y_stride, e);
}

static void fill_gemm_slots(arc_kernels *k) {
    k->igemm_mr = IGEMM_MR;
    k->igemm_nr = IGEMM_NR;
    k->igemm = igemm;
    k->dwconv = dwconv;
    k->groupconv = groupconv;
}

#endif
