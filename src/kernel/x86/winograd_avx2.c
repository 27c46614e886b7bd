/* kernel: the Winograd transforms for AVX2; the loops are in simd/winograd.h. */
#include "kernel/registers/avx2.h"
#include "kernel/simd/winograd.h"

void arc_kernels_fill_avx2_winograd(arc_kernels *k) {
    k->winograd_in = winograd_in;
    k->winograd_out = winograd_out;
}
