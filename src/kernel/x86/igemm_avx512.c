/* kernel: indirect GEMM and depthwise convolution for AVX-512; the loops are in simd/gemm.h. The tile is 14 x 32: of 32
 * registers, 28 hold sums, 2 hold B and 1 or 2 hold broadcasts of A. */
#include "kernel/registers/avx512.h"

#define IGEMM_MR 14
#define IGEMM_EACH_M EACH_M_14
#include "kernel/simd/gemm_slots.h"

void arc_kernels_fill_avx512_gemm(arc_kernels *k) {
    fill_gemm_slots(k);
}
