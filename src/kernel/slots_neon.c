/* kernel: the element-wise and reducing slots for neon. */
#include "kernel/simd_neon.h"
#include "kernel/simd_slots.h"

void arc_kernels_fill_neon(arc_kernels *k) {
    fill_slots(k);
}
