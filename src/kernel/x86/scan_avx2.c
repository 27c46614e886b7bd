/* kernel: scanning 8-bit vectors and bits with AVX2. Products are widened to 16 bits and summed by vpmaddwd, which is exact; bits
 * are counted by a table of 16 in a register; checksums are the processor's own instruction, four rows at a time because each of
 * its steps waits for the one before. */
#include "kernel/levels.h"
#include <immintrin.h>
#include <string.h>

#define AHEAD_BYTES 2048 /* memory answers while four rows of 512 are worked on */

/* The 8 sums of four registers' lanes: one number each. */
static inline __m128i sum_four(__m256i a, __m256i b, __m256i c, __m256i d) {
    const __m256i s = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    return _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
}

static inline __m256i products(const uint8_t *a, __m256i b) {
    return _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)a)), b);
}

static void int8_dots(size_t m, size_t n, const uint8_t *a, size_t a_stride, const int8_t *b, int32_t *sums, const void *next) {
    (void)next;
    for (size_t i = 0; i < m; i += 4) {
        const uint8_t *row[4];
        __m256i acc[4];
        int32_t four[4];
        for (size_t r = 0; r < 4; r++) { /* at the end the last row takes the place of those that are missing */
            row[r] = a + (i + r < m ? i + r : m - 1) * a_stride;
            acc[r] = _mm256_setzero_si256();
        }
        for (size_t k = 0; k < n; k += 16) {
            const __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(b + k)));
            for (size_t r = 0; r < 4; r++) {
                if (k % 64 == 0)
                    _mm_prefetch((const char *)((uintptr_t)(row[r] + k) + AHEAD_BYTES), _MM_HINT_T0);
                acc[r] = _mm256_add_epi32(acc[r], products(row[r] + k, x));
            }
        }
        _mm_storeu_si128((__m128i *)(void *)four, sum_four(acc[0], acc[1], acc[2], acc[3]));
        memcpy(sums + i, four, (m - i < 4 ? m - i : 4) * sizeof *sums);
    }
}

static inline __m256 load_or(const float *p, size_t j, float otherwise) {
    return p ? _mm256_loadu_ps(p + j) : _mm256_set1_ps(otherwise);
}

static size_t bounded_reach(size_t n, const int32_t *sums, const arc_bounded_row *x, const arc_bounded_columns *c,
                            uint32_t *reach) {
    const __m256 scale = _mm256_set1_ps(x->scale), error = _mm256_set1_ps(x->error), length = _mm256_set1_ps(x->length);
    size_t count = 0, j = 0;
    for (; j + 8 <= n; j += 8) {
        const __m256i zero =
            c->zero ? _mm256_loadu_si256((const __m256i *)(const void *)(c->zero + j)) : _mm256_set1_epi32(x->zero);
        const __m256i sum = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(sums + j)), zero);
        const __m256 bound =
            _mm256_fmadd_ps(error, _mm256_loadu_ps(c->length + j), _mm256_mul_ps(length, _mm256_loadu_ps(c->error + j)));
        const __m256 upper = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_mul_ps(scale, _mm256_loadu_ps(c->scale + j)), bound);
        unsigned hit = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(upper, load_or(c->limit, j, x->limit), _CMP_GE_OQ));
        for (; hit; hit &= hit - 1)
            reach[count++] = (uint32_t)j + (uint32_t)__builtin_ctz(hit);
    }
    for (; j < n; j++) {
        const float middle = (float)(sums[j] - (c->zero ? c->zero[j] : x->zero)) * (x->scale * c->scale[j]);
        if (middle + (x->error * c->length[j] + x->length * c->error[j]) >= (c->limit ? c->limit[j] : x->limit))
            reach[count++] = (uint32_t)j;
    }
    return count;
}

/* Bits set in each byte. */
static inline __m256i byte_counts(__m256i x) {
    const __m256i table =
        _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(x, low)),
                           _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low)));
}

/* The first `left` of four words; the others read as 0, and their memory is not touched. */
static inline __m256i load_words(const uint64_t *p, size_t left) {
    static const int64_t mask[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
    if (left >= 4)
        return _mm256_loadu_si256((const __m256i *)(const void *)p);
    return _mm256_maskload_epi64((const long long *)(const void *)p,
                                 _mm256_loadu_si256((const __m256i *)(const void *)(mask + 4 - left)));
}

static void bit_dots(size_t m, size_t words, const uint64_t *bits, const uint64_t *planes, int32_t *sums) {
    const __m256i zero = _mm256_setzero_si256();
    for (size_t i = 0; i < m; i++, bits += words) {
        __m256i acc = zero;
        for (size_t w = 0; w < words; w += 4) {
            const __m256i x = load_words(bits + w, words - w);
            for (size_t p = 4; p-- > 0;) {
                const __m256i plane = load_words(planes + p * words + w, words - w);
                const __m256i count = _mm256_sad_epu8(byte_counts(_mm256_and_si256(x, plane)), zero);
                acc = _mm256_add_epi64(acc, _mm256_slli_epi64(count, (int)p));
            }
        }
        const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));
        sums[i] = _mm_cvtsi128_si32(half) + _mm_extract_epi32(half, 2);
    }
}

/* Sums and differences of neighbours: x, with the signs of the later of two turned, added to its partner. */
#define STAGE(x, partner, later) _mm256_add_ps(partner, _mm256_xor_ps(x, later))

static void hadamard(size_t n, float *y) {
    const __m256 odd1 = _mm256_setr_ps(0, -0.0f, 0, -0.0f, 0, -0.0f, 0, -0.0f);
    const __m256 odd2 = _mm256_setr_ps(0, 0, -0.0f, -0.0f, 0, 0, -0.0f, -0.0f);
    const __m256 odd4 = _mm256_setr_ps(0, 0, 0, 0, -0.0f, -0.0f, -0.0f, -0.0f);
    for (size_t at = 0; at < n; at += 8) {
        __m256 x = _mm256_loadu_ps(y + at);
        x = STAGE(x, _mm256_permute_ps(x, 0xb1), odd1);
        x = STAGE(x, _mm256_permute_ps(x, 0x4e), odd2);
        x = STAGE(x, _mm256_permute2f128_ps(x, x, 1), odd4);
        _mm256_storeu_ps(y + at, x);
    }
    for (size_t half = 8; half < n; half *= 2)
        for (size_t at = 0; at < n; at += 2 * half)
            for (size_t i = at; i < at + half; i += 8) {
                const __m256 a = _mm256_loadu_ps(y + i), b = _mm256_loadu_ps(y + i + half);
                _mm256_storeu_ps(y + i, _mm256_add_ps(a, b));
                _mm256_storeu_ps(y + i + half, _mm256_sub_ps(a, b));
            }
}

static void positive_bits(size_t n, const float *y, uint64_t *bits) {
    for (size_t at = 0; at < n; at += 64) {
        uint64_t word = 0;
        for (size_t i = 0; i < 64; i += 8) {
            const __m256 above = _mm256_cmp_ps(_mm256_loadu_ps(y + at + i), _mm256_setzero_ps(), _CMP_GT_OQ);
            word |= (uint64_t)(unsigned)_mm256_movemask_ps(above) << i;
        }
        bits[at / 64] = word;
    }
}

static inline uint64_t word_at(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static uint32_t one_crc(const uint8_t *p, size_t bytes, uint64_t crc) {
    for (; bytes >= 8; bytes -= 8, p += 8)
        crc = _mm_crc32_u64(crc, word_at(p));
    for (; bytes > 0; bytes--)
        crc = _mm_crc32_u8((uint32_t)crc, *p++);
    return (uint32_t)crc;
}

static void rows_crc32c(size_t m, size_t bytes, const void *rows, size_t stride_bytes, uint32_t *crc) {
    const size_t whole = bytes / 8 * 8;
    const uint8_t *p = rows;
    size_t i = 0;
    for (; i + 4 <= m; i += 4, p += 4 * stride_bytes) {
        uint64_t c0 = (uint32_t)~crc[i], c1 = (uint32_t)~crc[i + 1], c2 = (uint32_t)~crc[i + 2], c3 = (uint32_t)~crc[i + 3];
        for (size_t k = 0; k < whole; k += 8) {
            c0 = _mm_crc32_u64(c0, word_at(p + k));
            c1 = _mm_crc32_u64(c1, word_at(p + stride_bytes + k));
            c2 = _mm_crc32_u64(c2, word_at(p + 2 * stride_bytes + k));
            c3 = _mm_crc32_u64(c3, word_at(p + 3 * stride_bytes + k));
        }
        crc[i] = ~one_crc(p + whole, bytes - whole, c0);
        crc[i + 1] = ~one_crc(p + stride_bytes + whole, bytes - whole, c1);
        crc[i + 2] = ~one_crc(p + 2 * stride_bytes + whole, bytes - whole, c2);
        crc[i + 3] = ~one_crc(p + 3 * stride_bytes + whole, bytes - whole, c3);
    }
    for (; i < m; i++, p += stride_bytes)
        crc[i] = ~one_crc(p, bytes, (uint32_t)~crc[i]);
}

void arc_kernels_fill_avx2_scan(arc_kernels *k) {
    k->int8_dots = int8_dots;
    k->bounded_reach = bounded_reach;
    k->bit_dots = bit_dots;
    k->hadamard = hadamard;
    k->positive_bits = positive_bits;
    k->rows_crc32c = rows_crc32c;
}
