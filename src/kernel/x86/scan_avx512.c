/* kernel: scanning 8-bit vectors with AVX-512, with VNNI where there is one: vpdpbusd makes 64 exact multiply-adds of unsigned
 * and signed bytes, so 512 products are eight instructions and the rest is reading. */
#include "kernel/levels.h"
#include <immintrin.h>

#define AHEAD_BYTES 4096 /* the processor's own prefetchers stop at the end of a page */
#define ROWS 8           /* accumulators, enough to hide the five cycles of a product */

/* acc += x . b. Written as an instruction because GCC 12 copies and spills every accumulator when the intrinsic is used. */
#define ADD_PRODUCTS(acc, x, b) __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(b))
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define START(r) __m512i s##r = _mm512_setzero_si512();
#define STEP(r)                                                                                                                  \
    {                                                                                                                            \
        _mm_prefetch((const char *)(ahead + (r)*a_stride + k), _MM_HINT_T1);                                                     \
        const __m512i x = _mm512_loadu_si512(a + (r)*a_stride + k);                                                              \
        ADD_PRODUCTS(s##r, x, y);                                                                                                \
    }
#define STORE(r) sums[i + (r)] = _mm512_reduce_add_epi32(s##r);

/* What to fetch while the row at `a` is worked on: rows further on, then what follows their end. */
static inline uintptr_t fetched(const uint8_t *a, uintptr_t end, const void *next) {
    const uintptr_t ahead = (uintptr_t)a + AHEAD_BYTES;
    return ahead < end ? ahead : next ? (uintptr_t)next + (ahead - end) : (uintptr_t)a;
}

static void int8_dots(size_t m, size_t n, const uint8_t *a, size_t a_stride, const int8_t *b, int32_t *sums, const void *next) {
    const uintptr_t end = (uintptr_t)(a + m * a_stride);
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS, a += ROWS * a_stride) {
        const uintptr_t ahead = fetched(a, end, next);
        EACH_ROW(START)
        for (size_t k = 0; k < n; k += 64) {
            const __m512i y = _mm512_loadu_si512(b + k);
            EACH_ROW(STEP)
        }
        EACH_ROW(STORE)
    }
    for (; i < m; i++, a += a_stride) {
        const uintptr_t ahead = fetched(a, end, next);
        START(0)
        for (size_t k = 0; k < n; k += 64) {
            const __m512i y = _mm512_loadu_si512(b + k);
            STEP(0)
        }
        STORE(0)
    }
}

static size_t bounded_reach(size_t n, const int32_t *sums, const arc_bounded_row *x, const arc_bounded_columns *c,
                            uint32_t *reach) {
    const __m512 scale = _mm512_set1_ps(x->scale), error = _mm512_set1_ps(x->error), length = _mm512_set1_ps(x->length);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t count = 0;
    for (size_t j = 0; j < n; j += 16) {
        for (size_t line = 0; x->next && line < 4; line++)
            _mm_prefetch((const char *)x->next + 16 * j + 64 * line, _MM_HINT_T1);
        const __mmask16 in = n - j >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - j)) - 1);
        const __m512i zero = c->zero ? _mm512_maskz_loadu_epi32(in, c->zero + j) : _mm512_set1_epi32(x->zero);
        const __m512 limit = c->limit ? _mm512_maskz_loadu_ps(in, c->limit + j) : _mm512_set1_ps(x->limit);
        const __m512 sum = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_maskz_loadu_epi32(in, sums + j), zero));
        const __m512 bound = _mm512_fmadd_ps(error, _mm512_maskz_loadu_ps(in, c->length + j),
                                             _mm512_mul_ps(length, _mm512_maskz_loadu_ps(in, c->error + j)));
        const __m512 upper = _mm512_fmadd_ps(sum, _mm512_mul_ps(scale, _mm512_maskz_loadu_ps(in, c->scale + j)), bound);
        const __mmask16 hit = _mm512_mask_cmp_ps_mask(in, upper, limit, _CMP_GE_OQ);
        if (hit) {
            _mm512_mask_compressstoreu_epi32(reach + count, hit, _mm512_add_epi32(lanes, _mm512_set1_epi32((int)j)));
            count += (size_t)__builtin_popcount(hit);
        }
    }
    return count;
}

/* Sums and differences of neighbours: x, with the signs of the later of two turned, added to its partner. */
#define STAGE(x, partner, later) _mm512_add_ps(partner, _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(x), later)))

static void hadamard(size_t n, float *y) {
    const __m512i sign = _mm512_set1_epi32(INT32_MIN);
    const __m512i odd1 = _mm512_maskz_mov_epi32(0xaaaa, sign), odd2 = _mm512_maskz_mov_epi32(0xcccc, sign);
    const __m512i odd4 = _mm512_maskz_mov_epi32(0xf0f0, sign), odd8 = _mm512_maskz_mov_epi32(0xff00, sign);
    for (size_t at = 0; at < n; at += 16) {
        __m512 x = _mm512_loadu_ps(y + at);
        x = STAGE(x, _mm512_permute_ps(x, 0xb1), odd1);
        x = STAGE(x, _mm512_permute_ps(x, 0x4e), odd2);
        x = STAGE(x, _mm512_shuffle_f32x4(x, x, 0xb1), odd4);
        x = STAGE(x, _mm512_shuffle_f32x4(x, x, 0x4e), odd8);
        _mm512_storeu_ps(y + at, x);
    }
    for (size_t half = 16; half < n; half *= 2)
        for (size_t at = 0; at < n; at += 2 * half)
            for (size_t i = at; i < at + half; i += 16) {
                const __m512 a = _mm512_loadu_ps(y + i), b = _mm512_loadu_ps(y + i + half);
                _mm512_storeu_ps(y + i, _mm512_add_ps(a, b));
                _mm512_storeu_ps(y + i + half, _mm512_sub_ps(a, b));
            }
}

static void positive_bits(size_t n, const float *y, uint64_t *bits) {
    for (size_t at = 0; at < n; at += 64) {
        uint64_t word = 0;
        for (size_t i = 0; i < 64; i += 16)
            word |= (uint64_t)_mm512_cmp_ps_mask(_mm512_loadu_ps(y + at + i), _mm512_setzero_ps(), _CMP_GT_OQ) << i;
        bits[at / 64] = word;
    }
}

void arc_kernels_fill_avx512_scan(arc_kernels *k) {
    k->bounded_reach = bounded_reach;
    k->hadamard = hadamard;
    k->positive_bits = positive_bits;
}

void arc_kernels_fill_avx512_scan_vnni(arc_kernels *k) {
    k->int8_dots = int8_dots;
}
