/* kernel: the Winograd transforms for AVX-512; the loops are in simd/winograd.h. */
#include "kernel/registers/avx512.h"
#include "kernel/simd/winograd.h"

void arc_kernels_fill_avx512_winograd(arc_kernels *k) {
    k->winograd_in = winograd_in;
    k->winograd_out = winograd_out;
}
