/* kernel: the matrix A of Winograd's output transform in one dimension, from t values to t + 2, written with the names of
 * registers/<isa>.h. The gradient of the output transform uses it. */
#ifndef ARC_KERNEL_SIMD_WINOGRAD_GRAD_H
#define ARC_KERNEL_SIMD_WINOGRAD_GRAD_H

#include "kernel/simd/epilogue.h"

INLINE void grad_2(const vf *d, vf *o) {
    o[0] = d[0];
    o[1] = v_add(d[0], d[1]);
    o[2] = v_sub(d[0], d[1]);
    o[3] = v_sub(v_zero(), d[1]);
}

INLINE void grad_4(const vf *d, vf *o) {
    const vf even = v_add(d[0], d[2]), odd = v_add(d[1], d[3]);
    const vf even2 = v_fma(v_set1(4), d[2], d[0]), odd2 = v_mul(v_set1(2), v_fma(v_set1(4), d[3], d[1]));
    o[0] = d[0];
    o[1] = v_add(even, odd);
    o[2] = v_sub(even, odd);
    o[3] = v_add(even2, odd2);
    o[4] = v_sub(even2, odd2);
    o[5] = d[3];
}

#endif
