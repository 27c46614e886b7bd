/* kernel: the element-wise and reducing slots for NEON; the loops are in simd/slots.h. */
#include "kernel/registers/neon.h"
#include "kernel/simd/slots.h"

void arc_kernels_fill_neon(arc_kernels *k) {
    fill_slots(k);
}
