/* kernel: the u8 x i8 -> i32 tile of 4 x 8 for AVX2. Both operands are widened to 16 bits and multiplied by vpmaddwd, which is
 * exact (vpmaddubsw saturates). An accumulator holds two partial sums a column, of even and of odd k, which are added once, at
 * the end. */
#include "kernel/levels.h"
#include <immintrin.h>
#include <string.h>

enum { MR = 4, NR = 8 };

/* Loads four activations, widens them and repeats them four times; at the end of a row there may be fewer, and the rest is 0. */
static inline __m256i quad(const uint8_t *p, size_t width) {
    uint32_t v = 0;
    if (width == 4)
        memcpy(&v, p, 4);
    else
        memcpy(&v, p, width);
    return _mm256_cvtepu8_epi16(_mm_set1_epi32((int)v));
}

static inline __attribute__((always_inline)) void rows(size_t m, size_t n, size_t kc, size_t taps, const uint8_t *const *a,
                                                       const int8_t *b, int32_t *c, size_t c_stride) {
    __m256i acc[MR][2];
    for (size_t i = 0; i < m; i++)
        acc[i][0] = acc[i][1] = _mm256_setzero_si256();
    for (size_t t = 0; t < taps; t++, a += MR)
        for (size_t k = 0; k < kc; k += 4, b += NR * 4) {
            const __m256i b0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)b));
            const __m256i b1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(b + 16)));
            const size_t width = kc - k < 4 ? kc - k : 4;
            for (size_t i = 0; i < m; i++) {
                const __m256i x = quad(a[i] + k, width);
                acc[i][0] = _mm256_add_epi32(acc[i][0], _mm256_madd_epi16(x, b0));
                acc[i][1] = _mm256_add_epi32(acc[i][1], _mm256_madd_epi16(x, b1));
            }
        }
    for (size_t i = 0; i < m; i++) {
        int32_t out[NR];
        /* hadd works within 128-bit halves, so the columns come in the order 0 1, 4 5, 2 3, 6 7. */
        const __m256i pairs = _mm256_hadd_epi32(acc[i][0], acc[i][1]);
        _mm256_storeu_si256((__m256i *)(void *)out, _mm256_permute4x64_epi64(pairs, _MM_SHUFFLE(3, 1, 2, 0)));
        memcpy(c + i * c_stride, out, n * sizeof(int32_t));
    }
}

static void int8_igemm(size_t m, size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c,
                       size_t c_stride) {
    if (m == 4)
        rows(4, n, kc, taps, a, b, c, c_stride);
    else if (m == 3)
        rows(3, n, kc, taps, a, b, c, c_stride);
    else if (m == 2)
        rows(2, n, kc, taps, a, b, c, c_stride);
    else
        rows(1, n, kc, taps, a, b, c, c_stride);
}

void arc_kernels_fill_avx2_int8_igemm(arc_kernels *k) {
    k->int8_igemm_mr = MR;
    k->int8_igemm_nr = NR;
    k->int8_igemm = int8_igemm;
}
