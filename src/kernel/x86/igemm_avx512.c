/* kernel: indirect GEMM and depthwise convolution for avx512. Tile 14 x 32: 28 accumulators, 2 registers of B, 1-2 broadcasts of A, of 32. */
#include "kernel/registers/avx512.h"

#define IGEMM_MR 14
#define IGEMM_EACH_M EACH_M_14
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

void arc_kernels_fill_avx512_gemm(arc_kernels *k) {
    k->igemm_mr = IGEMM_MR;
    k->igemm_nr = IGEMM_NR;
    k->igemm = igemm;
    k->dwconv = dwconv;
    k->groupconv = groupconv;
}
