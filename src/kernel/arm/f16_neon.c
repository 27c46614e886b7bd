/* kernel: the GEMM tile over half-precision weights for NEON. Weights are converted to floats as they are loaded; the loops
 * are in simd/gemm.h. */
#include "kernel/registers/neon.h"
#include <stdint.h>

static inline vf load_half(const uint16_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
static inline void store_half(uint16_t *y, vf x) {
    vst1_u16(y, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}

#define IGEMM_MR 8
#define IGEMM_EACH_M EACH_M_8
#include "kernel/simd/f16.h"

void arc_kernels_fill_neon_f16(arc_kernels *k) {
    fill_f16(k);
}
