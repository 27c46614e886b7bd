/* kernel: indirect GEMM and depthwise convolution for NEON; the loops are in simd/gemm.h. The tile is 8 x 8: 16 of the 32
 * registers hold sums, enough to hide the latency of an FMA on two pipes. */
#include "kernel/registers/neon.h"

#define IGEMM_MR 8
#define IGEMM_EACH_M EACH_M_8
#include "kernel/simd/gemm_slots.h"

void arc_kernels_fill_neon_gemm(arc_kernels *k) {
    fill_gemm_slots(k);
}
