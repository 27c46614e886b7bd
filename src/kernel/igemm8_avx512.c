/* kernel: u8 x i8 -> i32 tile of 14 x 32 with VNNI: one vpdpbusd is 64 exact multiply-adds (it does not saturate). Used only where the
 * CPU has AVX512-VNNI. */
#include "kernel/internal.h"
#include <immintrin.h>
#include <string.h>

enum { MR = 14, NR = 32, LANES = 16 };

/* One quad of activations in every lane times the panel's columns. */
static inline __attribute__((always_inline)) void step(size_t m, const int32_t *quads, const int8_t *b, __m512i acc[][2]) {
    const __m512i b0 = _mm512_loadu_si512(b), b1 = _mm512_loadu_si512(b + 64);
    for (size_t i = 0; i < m; i++) {
        const __m512i x = _mm512_set1_epi32(quads[i]);
        acc[i][0] = _mm512_dpbusd_epi32(acc[i][0], x, b0);
        acc[i][1] = _mm512_dpbusd_epi32(acc[i][1], x, b1);
    }
}

/* m is a constant after inlining: the accumulators stay in registers. The last one to three activations of a row are read singly. */
static inline __attribute__((always_inline)) void rows(size_t m, size_t n, size_t kc, size_t taps, const uint8_t *const *a,
                                                       const int8_t *b, int32_t *c, size_t c_stride) {
    __m512i acc[7][2];
    int32_t quads[7];
    for (size_t i = 0; i < m; i++)
        acc[i][0] = acc[i][1] = _mm512_setzero_si512();
    for (size_t t = 0; t < taps; t++, a += MR) {
        const uint8_t *p[7];
        size_t k = 0;
        for (size_t i = 0; i < m; i++)
            p[i] = a[i];
        for (; k + 4 <= kc; k += 4, b += NR * 4) {
            for (size_t i = 0; i < m; i++)
                memcpy(&quads[i], p[i] + k, 4);
            step(m, quads, b, acc);
        }
        if (k == kc)
            continue;
        for (size_t i = 0; i < m; i++) {
            uint32_t quad = 0;
            for (size_t q = kc; q > k; q--)
                quad = quad << 8 | p[i][q - 1];
            quads[i] = (int32_t)quad;
        }
        step(m, quads, b, acc);
        b += NR * 4;
    }
    const uint32_t mask = n == NR ? 0xffffffffu : (1u << n) - 1u;
    for (size_t i = 0; i < m; i++) {
        _mm512_mask_storeu_epi32(c + i * c_stride, (__mmask16)mask, acc[i][0]);
        if (n > LANES)
            _mm512_mask_storeu_epi32(c + i * c_stride + LANES, (__mmask16)(mask >> LANES), acc[i][1]);
    }
}

static void igemm8(size_t m, size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c,
                   size_t c_stride) {
    size_t i = 0;
    for (; i + 7 <= m; i += 7)
        rows(7, n, kc, taps, a + i, b, c + i * c_stride, c_stride);
    if (m - i >= 4) {
        rows(4, n, kc, taps, a + i, b, c + i * c_stride, c_stride);
        i += 4;
    }
    if (m - i == 3)
        rows(3, n, kc, taps, a + i, b, c + i * c_stride, c_stride);
    else if (m - i == 2)
        rows(2, n, kc, taps, a + i, b, c + i * c_stride, c_stride);
    else if (m - i == 1)
        rows(1, n, kc, taps, a + i, b, c + i * c_stride, c_stride);
}

void arc_kernels_fill_avx512_igemm8(arc_kernels *k) {
    k->igemm8_mr = MR;
    k->igemm8_nr = NR;
    k->igemm8 = igemm8;
}
