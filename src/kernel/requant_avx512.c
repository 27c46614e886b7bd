/* kernel: the ends of 8-bit layers for avx512. */
#include "kernel/simd_avx512.h"
#include "kernel/simd_requant.h"

void arc_kernels_fill_avx512_requant(arc_kernels *k) {
    fill_requant(k);
}
