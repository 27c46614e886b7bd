/* kernel: scanning 8-bit vectors and bits with NEON. Templates' codes are made signed by turning their first bit; what that takes
 * from every sum, 128 times the sum of the probe, is added again. */
#include "kernel/levels.h"
#include <arm_neon.h>

static int32_t sum_of(size_t n, const int8_t *b) {
    int32x4_t sum = vdupq_n_s32(0);
    for (size_t k = 0; k < n; k += 16)
        sum = vpadalq_s16(sum, vpaddlq_s8(vld1q_s8(b + k)));
    return vaddvq_s32(sum);
}

static void int8_dots(size_t m, size_t n, const uint8_t *a, size_t a_stride, const int8_t *b, int32_t *sums, const void *next) {
    (void)next;
    const int32_t turned = 128 * sum_of(n, b);
    const uint8x16_t first_bit = vdupq_n_u8(128);
    for (size_t i = 0; i < m; i++, a += a_stride) {
        int32x4_t sum = vdupq_n_s32(0);
        for (size_t k = 0; k < n; k += 16) {
            const int8x16_t x = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(a + k), first_bit)), y = vld1q_s8(b + k);
            sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(x), vget_low_s8(y))); /* 128 * 128 fits 16 bits, two of them do not */
            sum = vpadalq_s16(sum, vmull_high_s8(x, y));
        }
        sums[i] = vaddvq_s32(sum) + turned;
    }
}

static size_t bounded_reach(size_t n, const int32_t *sums, const arc_bounded_row *x, const arc_bounded_columns *c,
                            uint32_t *reach) {
    size_t count = 0, j = 0;
    for (; j + 4 <= n; j += 4) {
        const int32x4_t zero = c->zero ? vld1q_s32(c->zero + j) : vdupq_n_s32(x->zero);
        const float32x4_t limit = c->limit ? vld1q_f32(c->limit + j) : vdupq_n_f32(x->limit);
        const float32x4_t sum = vcvtq_f32_s32(vsubq_s32(vld1q_s32(sums + j), zero));
        const float32x4_t bound =
            vfmaq_n_f32(vmulq_n_f32(vld1q_f32(c->error + j), x->length), vld1q_f32(c->length + j), x->error);
        const float32x4_t upper = vfmaq_f32(bound, sum, vmulq_n_f32(vld1q_f32(c->scale + j), x->scale));
        uint32_t hit[4];
        vst1q_u32(hit, vcgeq_f32(upper, limit));
        if (hit[0] | hit[1] | hit[2] | hit[3])
            for (size_t q = 0; q < 4; q++)
                if (hit[q])
                    reach[count++] = (uint32_t)(j + q);
    }
    for (; j < n; j++) {
        const float middle = (float)(sums[j] - (c->zero ? c->zero[j] : x->zero)) * (x->scale * c->scale[j]);
        if (middle + (x->error * c->length[j] + x->length * c->error[j]) >= (c->limit ? c->limit[j] : x->limit))
            reach[count++] = (uint32_t)j;
    }
    return count;
}

/* Two words; where there is one only, the other reads as 0. */
static inline uint8x16_t load_words(const uint64_t *p, size_t left) {
    return vreinterpretq_u8_u64(left >= 2 ? vld1q_u64(p) : vcombine_u64(vld1_u64(p), vdup_n_u64(0)));
}

static void bit_dots(size_t m, size_t words, const uint64_t *bits, const uint64_t *planes, int32_t *sums) {
    for (size_t i = 0; i < m; i++, bits += words) {
        uint16x8_t acc[4] = {vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0)};
        int32_t sum = 0;
        for (size_t w = 0; w < words; w += 2) {
            const uint8x16_t x = load_words(bits + w, words - w);
            for (size_t p = 0; p < 4; p++)
                acc[p] = vpadalq_u8(acc[p], vcntq_u8(vandq_u8(x, load_words(planes + p * words + w, words - w))));
        }
        for (size_t p = 0; p < 4; p++)
            sum += (int32_t)vaddlvq_u16(acc[p]) << p;
        sums[i] = sum;
    }
}

void arc_kernels_fill_neon_scan(arc_kernels *k) {
    k->int8_dots = int8_dots;
    k->bounded_reach = bounded_reach;
    k->bit_dots = bit_dots;
}
