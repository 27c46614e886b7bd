/* kernel: indirect GEMM and depthwise convolution for AVX2; the loops are in simd/gemm.h. The tile is 6 x 16: of 16 registers,
 * 12 hold sums, 2 hold B and 1 holds the broadcast of A. */
#include "kernel/registers/avx2.h"

#define IGEMM_MR 6
#define IGEMM_EACH_M EACH_M_6
#include "kernel/simd/gemm_slots.h"

void arc_kernels_fill_avx2_gemm(arc_kernels *k) {
    fill_gemm_slots(k);
}
