/* kernel: the u8 x i8 -> i32 tile of 4 x 4 for AArch64 without the dot-product extension. Both operands are widened to 16
 * bits. The products of one column for four consecutive k are summed in the four lanes of its accumulator, and the lanes are
 * added once, at the end. */
#include "kernel/levels.h"
#include <arm_neon.h>
#include <string.h>

enum { MR = 4, NR = 4 };

/* Loads four activations and widens them; at the end of a row there may be fewer, and the rest is 0. */
static inline int16x4_t quad(const uint8_t *p, size_t width) {
    uint8_t lane[8] = {0};
    memcpy(lane, p, width);
    return vreinterpret_s16_u16(vget_low_u16(vmovl_u8(vld1_u8(lane))));
}

static void row(size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c) {
    int32x4_t s0 = vdupq_n_s32(0), s1 = s0, s2 = s0, s3 = s0;
    for (size_t t = 0; t < taps; t++, a += MR)
        for (size_t k = 0; k < kc; k += 4, b += NR * 4) {
            const int16x4_t x = quad(a[0] + k, kc - k < 4 ? kc - k : 4);
            const int16x8_t b01 = vmovl_s8(vld1_s8(b)), b23 = vmovl_s8(vld1_s8(b + 8));
            s0 = vmlal_s16(s0, vget_low_s16(b01), x);
            s1 = vmlal_s16(s1, vget_high_s16(b01), x);
            s2 = vmlal_s16(s2, vget_low_s16(b23), x);
            s3 = vmlal_s16(s3, vget_high_s16(b23), x);
        }
    int32_t out[NR];
    vst1q_s32(out, vpaddq_s32(vpaddq_s32(s0, s1), vpaddq_s32(s2, s3)));
    memcpy(c, out, n * sizeof(int32_t));
}

static void int8_igemm(size_t m, size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c,
                       size_t c_stride) {
    for (size_t i = 0; i < m; i++)
        row(n, kc, taps, a + i, b, c + i * c_stride);
}

void arc_kernels_fill_neon_int8_igemm(arc_kernels *k) {
    k->int8_igemm_mr = MR;
    k->int8_igemm_nr = NR;
    k->int8_igemm = int8_igemm;
}
