/* kernel: sums of 8-bit products with the dot-product extension: one sdot makes 16 multiply-adds. */
#include "kernel/levels.h"
#include <arm_neon.h>

static int32x4_t dots(int32x4_t acc, uint8x16_t a, int8x16_t b) {
    return vdotq_s32(acc, vreinterpretq_s8_u8(veorq_u8(a, vdupq_n_u8(128))), b);
}

static void int8_dots(size_t m, size_t n, const uint8_t *a, size_t a_stride, const int8_t *b, int32_t *sums, const void *next) {
    (void)next;
    int32x4_t all = vdupq_n_s32(0);
    for (size_t k = 0; k < n; k += 16)
        all = vdotq_s32(all, vdupq_n_s8(1), vld1q_s8(b + k));
    const int32_t turned = 128 * vaddvq_s32(all); /* what making the codes signed takes from a sum */
    size_t i = 0;
    for (; i + 4 <= m; i += 4, a += 4 * a_stride) {
        int32x4_t s0 = vdupq_n_s32(0), s1 = s0, s2 = s0, s3 = s0;
        for (size_t k = 0; k < n; k += 16) {
            const int8x16_t y = vld1q_s8(b + k);
            s0 = dots(s0, vld1q_u8(a + k), y);
            s1 = dots(s1, vld1q_u8(a + a_stride + k), y);
            s2 = dots(s2, vld1q_u8(a + 2 * a_stride + k), y);
            s3 = dots(s3, vld1q_u8(a + 3 * a_stride + k), y);
        }
        vst1q_s32(sums + i, vaddq_s32(vpaddq_s32(vpaddq_s32(s0, s1), vpaddq_s32(s2, s3)), vdupq_n_s32(turned)));
    }
    for (; i < m; i++, a += a_stride) {
        int32x4_t s = vdupq_n_s32(0);
        for (size_t k = 0; k < n; k += 16)
            s = dots(s, vld1q_u8(a + k), vld1q_s8(b + k));
        sums[i] = vaddvq_s32(s) + turned;
    }
}

void arc_kernels_fill_neon_scan_dot(arc_kernels *k) {
    k->int8_dots = int8_dots;
}
