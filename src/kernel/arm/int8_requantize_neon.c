/* kernel: the end of an 8-bit layer (requantisation) for NEON, and depthwise sums of eight channels at a time. */
#include "kernel/registers/neon.h"
#include "kernel/simd/int8_requantize.h"

enum { STRIP = 8 };

static inline void strip(size_t j, size_t channels, size_t taps, const uint8_t *const *x, const int8_t *w, int32_t *y) {
    int32x4_t lo = vdupq_n_s32(0), hi = lo;
    for (size_t t = 0; t < taps; t++) {
        const int16x8_t quantized = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(x[t] + j))),
                        weights = vmovl_s8(vld1_s8(w + t * channels + j));
        lo = vmlal_s16(lo, vget_low_s16(quantized), vget_low_s16(weights));
        hi = vmlal_high_s16(hi, quantized, weights);
    }
    vst1q_s32(y + j, lo);
    vst1q_s32(y + j + 4, hi);
}

static void int8_dwconv(size_t pixels, size_t channels, size_t taps, const uint8_t *const *x, const int8_t *w, int32_t *y) {
    for (size_t p = 0; p < pixels; p++, x += taps, y += channels) {
        size_t j = 0;
        for (; j + STRIP <= channels; j += STRIP)
            strip(j, channels, taps, x, w, y);
        for (; j < channels; j++) {
            y[j] = 0;
            for (size_t t = 0; t < taps; t++)
                y[j] += x[t][j] * w[t * channels + j];
        }
    }
}

void arc_kernels_fill_neon_int8_requantize(arc_kernels *k) {
    fill_requantize(k);
    k->int8_dwconv = int8_dwconv;
}
