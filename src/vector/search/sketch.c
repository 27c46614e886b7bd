/* vector/search: sketches. Additions and subtractions only, in a fixed order: the same bits on every machine. */
#include "vector/search/sketch.h"
#include <math.h>
#include <pthread.h>
#include <string.h>

#define MOST 4096 /* a power of two */
#define ROUNDS 2
#define CLIP 2.7f /* standard deviations that the 4 bits of a probe reach */

static float sign[ROUNDS][MOST]; /* 1 or -1 */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void draw_signs(void) {
    for (uint64_t round = 0; round < ROUNDS; round++)
        for (uint64_t i = 0; i < MOST; i++)
            sign[round][i] = arc_rng_hash(round, i / 64) >> i % 64 & 1 ? -1 : 1;
}

/* x [dim] rotated into y [MOST] (Hadamard matrices that are not normalised), of which as many numbers as there are bits are used.
 */
static void rotate(const arc_kernels *k, const float *x, size_t dim, float *y) {
    size_t n = 64;
    while (n < dim)
        n *= 2;
    pthread_once(&once, draw_signs);
    memcpy(y, x, dim * sizeof *x);
    memset(y + dim, 0, (n - dim) * sizeof *y);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < n; i++)
            y[i] *= sign[round][i];
        k->hadamard(n, y);
    }
}

/* Bits that are set: sums of pairs, of fours, of bytes, then all bytes at once. */
static int32_t count_bits(uint64_t x) {
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int32_t)(x * 0x0101010101010101u >> 56);
}

void arc_sketch(const arc_kernels *k, const float *x, size_t dim, uint64_t *bits, int32_t *bias) {
    float y[MOST];
    const size_t words = (dim + 63) / 64;
    int32_t ones = 0;
    rotate(k, x, dim, y);
    k->positive_bits(64 * words, y, bits);
    for (size_t i = 0; i < words; i++)
        ones += count_bits(bits[i]);
    *bias = 8 * ones;
}

void arc_sketch_probe(const arc_kernels *k, const float *x, size_t dim, uint64_t *planes) {
    float y[MOST];
    const size_t words = (dim + 63) / 64;
    double sum = 0;
    rotate(k, x, dim, y);
    memset(planes, 0, 4 * words * sizeof *planes);
    for (size_t i = 0; i < 64 * words; i++)
        sum += (double)y[i] * (double)y[i];
    const float step = CLIP * (float)sqrt(sum / (double)(64 * words)) / 7.5f;
    for (size_t i = 0; i < 64 * words && step > 0; i++) {
        const int q = 8 + (int)ARC_MIN(ARC_MAX(rintf(y[i] / step), -8.0f), 7.0f);
        for (size_t p = 0; p < 4; p++)
            planes[p * words + i / 64] |= (uint64_t)(q >> p & 1) << i % 64;
    }
}
