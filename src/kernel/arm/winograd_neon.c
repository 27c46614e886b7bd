/* kernel: the Winograd transforms for NEON; the loops are in simd/winograd.h. */
#include "kernel/registers/neon.h"
#include "kernel/simd/winograd.h"

void arc_kernels_fill_neon_winograd(arc_kernels *k) {
    k->winograd_in = winograd_in;
    k->winograd_out = winograd_out;
}
