/* kernel: the ends of 8-bit layers for avx2. */
#include "kernel/simd_avx2.h"
#include "kernel/simd_requant.h"

void arc_kernels_fill_avx2_requant(arc_kernels *k) {
    fill_requant(k);
}
