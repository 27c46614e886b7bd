/* kernel: the element-wise and reducing slots for avx2. */
#include "kernel/registers/avx2.h"
#include "kernel/simd/slots.h"

void arc_kernels_fill_avx2(arc_kernels *k) {
    fill_slots(k);
}
