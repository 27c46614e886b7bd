/* kernel: the training slots for NEON; the loops are in simd/learn.h. */
#include "kernel/levels.h"
#include "kernel/registers/neon.h"

/* bfloat16 is the upper half of a float. */
static inline vf v_load_half(const uint16_t *p, size_t width) {
    uint16_t lane[4] = {0};
    memcpy(lane, p, (width < VL ? width : VL) * sizeof *p);
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(lane), 16));
}
static inline void v_store_half(uint16_t *p, size_t width, vf v) {
    float lane[4];
    vst1q_f32(lane, v);
    for (size_t i = 0; i < width; i++)
        p[i] = arc_bf16(lane[i]);
}

#define TN_MR 8
#define TN_EACH_M TN_UPTO_8
#include "kernel/simd/learn.h"

void arc_kernels_fill_neon_learn(arc_kernels *k) {
    fill_learn(k);
}
