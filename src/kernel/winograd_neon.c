/* kernel: the Winograd transforms for neon. */
#include "kernel/simd_neon.h"
#include "kernel/simd_winograd.h"

void arc_kernels_fill_neon_winograd(arc_kernels *k) {
    k->winograd_in = winograd_in;
    k->winograd_out = winograd_out;
}
