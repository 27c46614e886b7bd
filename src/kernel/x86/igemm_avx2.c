/* kernel: indirect GEMM and depthwise convolution for avx2. Tile 6 x 16: 12 accumulators, 2 registers of B, 1 broadcast of A, of 16. */
#include "kernel/registers/avx2.h"

#define IGEMM_MR 6
#define IGEMM_EACH_M EACH_M_6
#include "kernel/simd/gemm_slots.h"

void arc_kernels_fill_avx2_gemm(arc_kernels *k) {
    fill_gemm_slots(k);
}
