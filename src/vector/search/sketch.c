/* vector/search: sketches. Additions and subtractions only, in a fixed order: the same bits on every machine. */
#include "vector/search/sketch.h"
#include <math.h>
#include <pthread.h>
#include <string.h>

#define MOST 4096 /* a power of two */
#define ROUNDS 2
#define CLIP 2.7f /* standard deviations that the 4 bits of a probe reach */

/* y [n], n a power of two: the Hadamard transform, not normalised. */
static void hadamard(float *y, size_t n) {
    for (size_t half = 1; half < n; half *= 2)
        for (size_t at = 0; at < n; at += 2 * half)
            for (size_t i = at; i < at + half; i++) {
                const float a = y[i], b = y[i + half];
                y[i] = a + b;
                y[i + half] = a - b;
            }
}

static float sign[ROUNDS][MOST]; /* 1 or -1 */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void draw_signs(void) {
    for (uint64_t round = 0; round < ROUNDS; round++)
        for (uint64_t i = 0; i < MOST; i++)
            sign[round][i] = arc_rng_hash(round, i / 64) >> i % 64 & 1 ? -1 : 1;
}

/* x [dim] rotated into y [MOST], of which as many numbers as there are bits are used. */
static void rotate(const float *x, size_t dim, float *y) {
    size_t n = 64;
    while (n < dim)
        n *= 2;
    pthread_once(&once, draw_signs);
    memcpy(y, x, dim * sizeof *x);
    memset(y + dim, 0, (n - dim) * sizeof *y);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < n; i++)
            y[i] *= sign[round][i];
        hadamard(y, n);
    }
}

void arc_sketch(const float *x, size_t dim, uint64_t *bits, int32_t *bias) {
    float y[MOST];
    int32_t ones = 0;
    rotate(x, dim, y);
    for (size_t word = 0; word < (dim + 63) / 64; word++) {
        uint64_t b = 0;
        for (size_t i = 0; i < 64; i++) {
            const bool positive = y[64 * word + i] > 0;
            b |= (uint64_t)positive << i;
            ones += positive;
        }
        bits[word] = b;
    }
    *bias = 8 * ones;
}

void arc_sketch_probe(const float *x, size_t dim, uint64_t *planes) {
    float y[MOST];
    const size_t words = (dim + 63) / 64;
    double sum = 0;
    rotate(x, dim, y);
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
