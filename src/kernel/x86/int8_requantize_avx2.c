/* kernel: the end of an 8-bit layer (requantisation) for AVX2, and depthwise sums, where vpmaddwd adds two neighbouring taps
 * at a time. */
#include "kernel/registers/avx2.h"
#include "kernel/simd/int8_requantize.h"

enum { STRIP = 16, ROWS = 2 };

static inline __m128i load_part(const void *p, size_t width) {
    uint8_t lane[STRIP] = {0};
    if (width == STRIP)
        return _mm_loadu_si128(p);
    memcpy(lane, p, width);
    return _mm_loadu_si128((const __m128i *)(const void *)lane);
}

static inline void store_part(int32_t *y, size_t width, __m256i first, __m256i second) {
    int32_t lane[STRIP];
    _mm256_storeu_si256((__m256i *)(void *)lane, first);
    _mm256_storeu_si256((__m256i *)(void *)(lane + 8), second);
    memcpy(y, lane, width * sizeof *y);
}

/* Depthwise sums of up to 16 channels of `rows` pixels. */
static inline __attribute__((always_inline)) void strip(size_t rows, size_t j, size_t width, size_t channels, size_t taps,
                                                        const uint8_t *const *x, const int8_t *w, int32_t *y) {
    __m256i lo[ROWS], hi[ROWS];
    for (size_t i = 0; i < rows; i++)
        lo[i] = hi[i] = _mm256_setzero_si256();
    for (size_t t = 0; t < taps; t += 2) {
        const bool pair = t + 1 < taps;
        const __m256i w0 = _mm256_cvtepi8_epi16(load_part(w + t * channels + j, width)),
                      w1 = pair ? _mm256_cvtepi8_epi16(load_part(w + (t + 1) * channels + j, width)) : _mm256_setzero_si256();
        const __m256i w_lo = _mm256_unpacklo_epi16(w0, w1), w_hi = _mm256_unpackhi_epi16(w0, w1);
        for (size_t i = 0; i < rows; i++) {
            const __m256i x0 = _mm256_cvtepu8_epi16(load_part(x[i * taps + t] + j, width)),
                          x1 = pair ? _mm256_cvtepu8_epi16(load_part(x[i * taps + t + 1] + j, width)) : _mm256_setzero_si256();
            lo[i] = _mm256_add_epi32(lo[i], _mm256_madd_epi16(_mm256_unpacklo_epi16(x0, x1), w_lo));
            hi[i] = _mm256_add_epi32(hi[i], _mm256_madd_epi16(_mm256_unpackhi_epi16(x0, x1), w_hi));
        }
    }
    for (size_t i = 0; i < rows; i++) /* lo and hi hold alternating groups of four channels */
        store_part(y + i * channels + j, width, _mm256_permute2x128_si256(lo[i], hi[i], 0x20),
                   _mm256_permute2x128_si256(lo[i], hi[i], 0x31));
}

static void int8_dwconv(size_t pixels, size_t channels, size_t taps, const uint8_t *const *x, const int8_t *w, int32_t *y) {
    for (size_t p = 0; p < pixels; p += ROWS, x += ROWS * taps, y += ROWS * channels)
        for (size_t j = 0; j < channels; j += STRIP) {
            const size_t width = channels - j < STRIP ? channels - j : STRIP;
            if (pixels - p >= ROWS)
                strip(ROWS, j, width, channels, taps, x, w, y);
            else
                strip(1, j, width, channels, taps, x, w, y);
        }
}

void arc_kernels_fill_avx2_int8_requantize(arc_kernels *k) {
    fill_requantize(k);
    k->int8_dwconv = int8_dwconv;
}
