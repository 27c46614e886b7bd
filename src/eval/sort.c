/* Sorting of scores: a radix sort over the bits of doubles, 11 at a time; ten million in a fifth of a second. */
#include "eval/eval_internal.h"
#include <string.h>

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)
#define PASSES 6 /* 6 * 11 >= 64 */

/* Order-preserving: negative numbers are inverted, positive ones get the sign bit. */
static uint64_t key_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & UINT64_C(1) << 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double score_of(uint64_t key) {
    uint64_t bits = key & UINT64_C(1) << 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void count_digits(const uint64_t *key, size_t n, size_t (*count)[DIGITS]) {
    memset(count, 0, PASSES * sizeof *count);
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < PASSES; p++)
            count[p][key[i] >> (p * DIGIT_BITS) & (DIGITS - 1)]++;
}

arc_status arc_sort_scores(const arc_alloc *a, double *score, size_t n, arc_error *err) {
    uint64_t *keys = arc_mem_raw(a, 2 * n, sizeof *keys);
    size_t(*count)[DIGITS] = arc_mem_raw(a, PASSES, sizeof *count);
    if (!keys || !count) {
        arc_mem_free(a, keys);
        arc_mem_free(a, count);
        return arc_fail_nomem(err, "sorting the scores");
    }
    uint64_t *from = keys, *to = keys + n;
    for (size_t i = 0; i < n; i++)
        from[i] = key_of(score[i]);
    count_digits(from, n, count);
    for (int p = 0; p < PASSES; p++) {
        size_t at = 0, largest = 0;
        for (int d = 0; d < DIGITS; d++) {
            const size_t here = count[p][d];
            largest = ARC_MAX(largest, here);
            count[p][d] = at;
            at += here;
        }
        if (largest == n) /* one digit for all */
            continue;
        for (size_t i = 0; i < n; i++)
            to[count[p][from[i] >> (p * DIGIT_BITS) & (DIGITS - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < n; i++)
        score[i] = score_of(from[n - 1 - i]);
    arc_mem_free(a, keys);
    arc_mem_free(a, count);
    return ARC_OK;
}
