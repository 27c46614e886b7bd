/* kernel: scanning 8-bit vectors in portable C. Tests compare the SIMD files with it. */
#include "base/crc32c.h"
#include "kernel/levels.h"

static void int8_dots(size_t m, size_t n, const uint8_t *a, size_t a_stride, const int8_t *b, int32_t *sums, const void *next) {
    (void)next;
    for (size_t i = 0; i < m; i++, a += a_stride) {
        int32_t sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += a[k] * b[k];
        sums[i] = sum;
    }
}

static size_t bounded_reach(size_t n, const int32_t *sums, const arc_bounded_row *x, const arc_bounded_columns *c,
                            uint32_t *reach) {
    size_t count = 0;
    for (size_t j = 0; j < n; j++) {
        const float middle = (float)(sums[j] - (c->zero ? c->zero[j] : x->zero)) * (x->scale * c->scale[j]);
        const float bound = x->error * c->length[j] + x->length * c->error[j];
        if (middle + bound >= (c->limit ? c->limit[j] : x->limit))
            reach[count++] = (uint32_t)j;
    }
    return count;
}

/* The bits set in a word: sums of pairs, of fours, of bytes, then all bytes at once. */
static int32_t popcount(uint64_t x) {
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int32_t)(x * 0x0101010101010101u >> 56);
}

static void bit_dots(size_t m, size_t words, const uint64_t *bits, const uint64_t *planes, int32_t *sums) {
    for (size_t i = 0; i < m; i++, bits += words) {
        int32_t sum = 0;
        for (size_t p = 0; p < 4; p++)
            for (size_t w = 0; w < words; w++)
                sum += popcount(bits[w] & planes[p * words + w]) << p;
        sums[i] = sum;
    }
}

static void hadamard(size_t n, float *y) {
    for (size_t half = 1; half < n; half *= 2)
        for (size_t at = 0; at < n; at += 2 * half)
            for (size_t i = at; i < at + half; i++) {
                const float a = y[i], b = y[i + half];
                y[i] = a + b;
                y[i + half] = a - b;
            }
}

static void positive_bits(size_t n, const float *y, uint64_t *bits) {
    for (size_t at = 0; at < n; at += 64) {
        uint64_t word = 0;
        for (size_t i = 0; i < 64; i++)
            word |= (uint64_t)(y[at + i] > 0) << i;
        bits[at / 64] = word;
    }
}

static void rows_crc32c(size_t m, size_t bytes, const void *rows, size_t stride_bytes, uint32_t *crc) {
    arc_crc_table table;
    arc_crc_init(&table);
    for (size_t i = 0; i < m; i++)
        crc[i] = arc_crc32c(&table, crc[i], (const uint8_t *)rows + i * stride_bytes, bytes);
}

void arc_kernels_fill_generic_scan(arc_kernels *k) {
    k->int8_dots = int8_dots;
    k->bounded_reach = bounded_reach;
    k->bit_dots = bit_dots;
    k->hadamard = hadamard;
    k->positive_bits = positive_bits;
    k->rows_crc32c = rows_crc32c;
}
