/* kernel: the u8 x i8 -> i32 tile of 14 x 32 for AVX-512 with VNNI: one vpdpbusd makes 64 exact multiply-adds (it does not
 * saturate). Used only where the CPU has AVX512-VNNI. One function for each m holds its 2 m accumulators in registers. */
#include "kernel/levels.h"
#include "kernel/simd/rows.h"
#include <immintrin.h>
#include <string.h>

enum { MR = 14, NR = 32, LANES = 16 };

static inline __m512i quad(const uint8_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}

/* Loads the last one to three activations of a row. */
static inline __m512i part_quad(const uint8_t *p, size_t width) {
    uint32_t four = 0;
    for (size_t q = width; q > 0; q--)
        four = four << 8 | p[q - 1];
    return _mm512_set1_epi32((int32_t)four);
}

/* acc += x . b. Written as an instruction because GCC 12 copies and spills every accumulator when the intrinsic is used. */
#define ADD_PRODUCTS(acc, x, b) __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(b))

#define START(i) __m512i lo##i = _mm512_setzero_si512(), hi##i = lo##i;
#define MULTIPLY(i, x)                                                                                                           \
    ADD_PRODUCTS(lo##i, x, b0);                                                                                                  \
    ADD_PRODUCTS(hi##i, x, b1);
#define STEP(i)                                                                                                                  \
    {                                                                                                                            \
        const __m512i x = quad(a[i] + k);                                                                                        \
        MULTIPLY(i, x)                                                                                                           \
    }
#define LAST_STEP(i)                                                                                                             \
    {                                                                                                                            \
        const __m512i x = part_quad(a[i] + k, kc - k);                                                                           \
        MULTIPLY(i, x)                                                                                                           \
    }
#define STORE(i)                                                                                                                 \
    _mm512_mask_storeu_epi32(c + (i)*c_stride, (__mmask16)mask, lo##i);                                                          \
    if (n > LANES)                                                                                                               \
        _mm512_mask_storeu_epi32(c + (i)*c_stride + LANES, (__mmask16)(mask >> LANES), hi##i);

#define TILE_FUNCTION(m)                                                                                                         \
    static void tile_##m(size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c,                 \
                         size_t c_stride) {                                                                                      \
        ROWS_##m(START) for (size_t t = 0; t < taps; t++, a += MR) {                                                             \
            size_t k = 0;                                                                                                        \
            for (; k + 4 <= kc; k += 4, b += NR * 4) {                                                                           \
                const __m512i b0 = _mm512_loadu_si512(b), b1 = _mm512_loadu_si512(b + 64);                                       \
                _mm_prefetch((const char *)((uintptr_t)b + AHEAD_BYTES), _MM_HINT_T1);                                           \
                _mm_prefetch((const char *)((uintptr_t)b + AHEAD_BYTES + 64), _MM_HINT_T1);                                      \
                ROWS_##m(STEP)                                                                                                   \
            }                                                                                                                    \
            if (k < kc) {                                                                                                        \
                const __m512i b0 = _mm512_loadu_si512(b), b1 = _mm512_loadu_si512(b + 64);                                       \
                ROWS_##m(LAST_STEP) b += NR * 4;                                                                                 \
            }                                                                                                                    \
        }                                                                                                                        \
        const uint32_t mask = n == NR ? 0xffffffffu : (1u << n) - 1u;                                                            \
        ROWS_##m(STORE)                                                                                                          \
    }
EACH_M_14(TILE_FUNCTION)

typedef void tile_fn(size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c, size_t c_stride);
#define TILE_ENTRY(m) tile_##m,
static tile_fn *const tile_of[MR] = {EACH_M_14(TILE_ENTRY)};

static void int8_igemm(size_t m, size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c,
                       size_t c_stride) {
    tile_of[m - 1](n, kc, taps, a, b, c, c_stride);
}

void arc_kernels_fill_avx512_int8_igemm(arc_kernels *k) {
    k->int8_igemm_mr = MR;
    k->int8_igemm_nr = NR;
    k->int8_igemm = int8_igemm;
}
