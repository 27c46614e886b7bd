/* kernel: the element-wise and reducing slots for AVX-512; the loops are in simd/slots.h. */
#include "kernel/registers/avx512.h"
#include "kernel/simd/slots.h"

void arc_kernels_fill_avx512(arc_kernels *k) {
    fill_slots(k);
}
