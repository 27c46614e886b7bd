/* kernel: the element-wise and reducing slots for AVX2; the loops are in simd/slots.h. */
#include "kernel/registers/avx2.h"
#include "kernel/simd/slots.h"

void arc_kernels_fill_avx2(arc_kernels *k) {
    fill_slots(k);
}
