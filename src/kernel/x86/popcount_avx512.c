/* kernel: products of bits with 4-bit numbers where vpopcntq counts the bits of eight words at once. */
#include "kernel/levels.h"
#include <immintrin.h>

#define AHEAD_BYTES 2048

static inline __m512i weighted_counts(__m512i x, const __m512i plane[4]) {
    const __m512i c0 = _mm512_popcnt_epi64(_mm512_and_si512(x, plane[0])),
                  c1 = _mm512_popcnt_epi64(_mm512_and_si512(x, plane[1]));
    const __m512i c2 = _mm512_popcnt_epi64(_mm512_and_si512(x, plane[2])),
                  c3 = _mm512_popcnt_epi64(_mm512_and_si512(x, plane[3]));
    const __m512i low = _mm512_add_epi64(c0, _mm512_add_epi64(c1, c1)), high = _mm512_add_epi64(c2, _mm512_add_epi64(c3, c3));
    return _mm512_add_epi64(low, _mm512_slli_epi64(high, 2));
}

/* The sums of the eight lanes of each of eight registers, one number each. */
static inline __m256i sum_each(const __m512i v[8]) {
    __m512i pair[4], four[2];
    for (int i = 0; i < 4; i++) /* counts are small: the halves of one register hold the sums of two */
        pair[i] = _mm512_add_epi64(v[2 * i], _mm512_slli_epi64(v[2 * i + 1], 32));
    for (int i = 0; i < 2; i++)
        four[i] = _mm512_add_epi32(_mm512_unpacklo_epi64(pair[2 * i], pair[2 * i + 1]),
                                   _mm512_unpackhi_epi64(pair[2 * i], pair[2 * i + 1]));
    const __m512i low = _mm512_shuffle_i64x2(four[0], four[1], 0x44), high = _mm512_shuffle_i64x2(four[0], four[1], 0xee);
    const __m512i sum = _mm512_add_epi32(low, high); /* lanes of 128: first half, first half, second half, second half */
    const __m512i turned = _mm512_shuffle_i64x2(sum, sum, 0xb1);
    return _mm512_castsi512_si256(
        _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 1, 4, 5, 0, 0, 0, 0), _mm512_add_epi32(sum, turned)));
}

/* Rows of 512 bits, a register each. */
static size_t rows_of_eight(size_t m, const uint64_t *bits, const uint64_t *planes, int32_t *sums) {
    __m512i plane[4], count[8];
    size_t i = 0;
    for (int p = 0; p < 4; p++)
        plane[p] = _mm512_loadu_si512(planes + 8 * p);
    for (; i + 8 <= m; i += 8, bits += 64) {
        for (size_t r = 0; r < 8; r++) {
            _mm_prefetch((const char *)((uintptr_t)(bits + 8 * r) + AHEAD_BYTES), _MM_HINT_T0);
            count[r] = weighted_counts(_mm512_loadu_si512(bits + 8 * r), plane);
        }
        _mm256_storeu_si256((__m256i *)(void *)(sums + i), sum_each(count));
    }
    return i;
}

static void bit_dots(size_t m, size_t words, const uint64_t *bits, const uint64_t *planes, int32_t *sums) {
    for (size_t i = words == 8 ? rows_of_eight(m, bits, planes, sums) : 0; i < m; i++) {
        __m512i acc = _mm512_setzero_si512();
        for (size_t w = 0; w < words; w += 8) {
            const __mmask8 in = words - w >= 8 ? (__mmask8)0xff : (__mmask8)((1u << (words - w)) - 1);
            __m512i plane[4];
            for (size_t p = 0; p < 4; p++)
                plane[p] = _mm512_maskz_loadu_epi64(in, planes + p * words + w);
            acc = _mm512_add_epi64(acc, weighted_counts(_mm512_maskz_loadu_epi64(in, bits + i * words + w), plane));
        }
        sums[i] = (int32_t)_mm512_reduce_add_epi64(acc);
    }
}

void arc_kernels_fill_avx512_scan_popcount(arc_kernels *k) {
    k->bit_dots = bit_dots;
}
