/* kernel: the end of an 8-bit layer (requantisation) for AVX-512, and depthwise sums, where vpmaddwd adds two neighbouring
 * taps at a time. */
#include "kernel/registers/avx512.h"
#include "kernel/simd/int8_requantize.h"

enum { STRIP = 32, ROWS = 4 };

static inline __m512i widen_quantized(const uint8_t *p, __mmask32 mask) {
    return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, p));
}

static inline __m512i widen_weights(const int8_t *p, __mmask32 mask) {
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, p));
}

/* Depthwise sums of up to 32 channels of `rows` pixels. */
static inline __attribute__((always_inline)) void strip(size_t rows, size_t j, size_t width, size_t channels, size_t taps,
                                                        const uint8_t *const *x, const int8_t *w, int32_t *y) {
    const __mmask32 mask = width == STRIP ? 0xffffffffu : (1u << width) - 1u;
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __m512i lo[ROWS], hi[ROWS];
    for (size_t i = 0; i < rows; i++)
        lo[i] = hi[i] = _mm512_setzero_si512();
    for (size_t t = 0; t < taps; t += 2) {
        const bool pair = t + 1 < taps;
        const __m512i w0 = widen_weights(w + t * channels + j, mask),
                      w1 = pair ? widen_weights(w + (t + 1) * channels + j, mask) : _mm512_setzero_si512();
        const __m512i w_lo = _mm512_unpacklo_epi16(w0, w1), w_hi = _mm512_unpackhi_epi16(w0, w1);
        for (size_t i = 0; i < rows; i++) {
            const __m512i x0 = widen_quantized(x[i * taps + t] + j, mask),
                          x1 = pair ? widen_quantized(x[i * taps + t + 1] + j, mask) : _mm512_setzero_si512();
            lo[i] = _mm512_add_epi32(lo[i], _mm512_madd_epi16(_mm512_unpacklo_epi16(x0, x1), w_lo));
            hi[i] = _mm512_add_epi32(hi[i], _mm512_madd_epi16(_mm512_unpackhi_epi16(x0, x1), w_hi));
        }
    }
    for (size_t i = 0; i < rows; i++) { /* lo and hi hold alternating groups of four channels */
        _mm512_mask_storeu_epi32(y + i * channels + j, (__mmask16)mask, _mm512_permutex2var_epi64(lo[i], first, hi[i]));
        if (width > 16)
            _mm512_mask_storeu_epi32(y + i * channels + j + 16, (__mmask16)(mask >> 16),
                                     _mm512_permutex2var_epi64(lo[i], second, hi[i]));
    }
}

static void int8_dwconv(size_t pixels, size_t channels, size_t taps, const uint8_t *const *x, const int8_t *w, int32_t *y) {
    for (size_t p = 0; p < pixels; p += ROWS, x += ROWS * taps, y += ROWS * channels)
        for (size_t j = 0; j < channels; j += STRIP) {
            const size_t width = channels - j < STRIP ? channels - j : STRIP;
            if (pixels - p >= ROWS)
                strip(ROWS, j, width, channels, taps, x, w, y);
            else
                for (size_t i = 0; i < pixels - p; i++)
                    strip(1, j, width, channels, taps, x + i * taps, w, y + i * channels);
        }
}

void arc_kernels_fill_avx512_int8_requantize(arc_kernels *k) {
    fill_requantize(k);
    k->int8_dwconv = int8_dwconv;
}
