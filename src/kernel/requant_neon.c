/* kernel: the ends of 8-bit layers for neon. */
#include "kernel/simd_neon.h"
#include "kernel/simd_requant.h"

void arc_kernels_fill_neon_requant(arc_kernels *k) {
    fill_requant(k);
}
