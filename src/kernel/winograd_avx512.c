/* kernel: the Winograd transforms for avx512. */
#include "kernel/simd_avx512.h"
#include "kernel/simd_winograd.h"

void arc_kernels_fill_avx512_winograd(arc_kernels *k) {
    k->winograd_in = winograd_in;
    k->winograd_out = winograd_out;
}
