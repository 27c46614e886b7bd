/* kernel: indirect GEMM and depthwise convolution for avx512. Tile 14 x 32: 28 accumulators, 2 registers of B, 1-2 broadcasts of A, of 32. */
#include "kernel/registers/avx512.h"

#define IGEMM_MR 14
#define IGEMM_EACH_M EACH_M_14
#include "kernel/simd/gemm_slots.h"

void arc_kernels_fill_avx512_gemm(arc_kernels *k) {
    fill_gemm_slots(k);
}
