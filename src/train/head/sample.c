/* train: Partial FC's sampling of classes: those of the batch and, at random without replacement, others up to sample_rate of
 * this rank's classes. */
#include "train/head/head_internal.h"
#include <stdlib.h>
#include <string.h>

#define BINS 4096
#define BIN_SHIFT 52

static int rising(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The want-th smallest of n values, 1 <= want <= n: found by the top bits, then by sorting the values that share them. */
static uint64_t threshold(uint64_t *value, size_t n, size_t want) {
    uint32_t bin[BINS] = {0};
    for (size_t i = 0; i < n; i++)
        bin[value[i] >> BIN_SHIFT]++;
    size_t b = 0, before = 0, same = 0;
    while (before + bin[b] < want)
        before += bin[b++];
    for (size_t i = 0; i < n; i++)
        if (value[i] >> BIN_SHIFT == b)
            value[same++] = value[i];
    qsort(value, same, sizeof *value, rising);
    return value[want - before - 1];
}

static int32_t find(const int32_t *active, size_t n, int64_t value) {
    size_t lo = 0, hi = n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (active[mid] < value)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && active[lo] == value ? (int32_t)lo : -1;
}

/* Marks the classes of the labels, then draws a random number for every other class; the classes with the smallest numbers
 * take part. */
static void draw(arc_head *h, size_t n) {
    const size_t count = (size_t)h->count, want = (size_t)(h->o.sample_rate * (double)h->count);
    const uint64_t key = arc_rng_hash(h->o.seed ^ 0x6e65676174697665u, (uint64_t)h->step);
    memset(h->picked, 0, count);
    size_t positives = 0, others = 0;
    for (size_t i = 0; i < n; i++)
        if (h->label[i] >= 0 && !h->picked[h->label[i]]) {
            h->picked[h->label[i]] = 1;
            positives++;
        }
    if (want > positives) {
        for (size_t c = 0; c < count; c++)
            if (!h->picked[c])
                h->draw[others++] = arc_rng_hash(key, (uint64_t)(h->first + (int64_t)c));
        const uint64_t last = threshold(h->draw, others, want - positives);
        for (size_t c = 0; c < count; c++)
            if (!h->picked[c] && arc_rng_hash(key, (uint64_t)(h->first + (int64_t)c)) <= last)
                h->picked[c] = 1;
    }
    h->actives = 0;
    for (size_t c = 0; c < count; c++)
        if (h->picked[c])
            h->active[h->actives++] = (int32_t)c;
}

arc_status arc_head_sample(arc_head *h, const int64_t *label, size_t n, arc_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (label[i] < 0 || label[i] >= h->o.classes)
            return arc_fail(err, ARC_EINVAL, "sample %zu of the batch has the label %lld, but there are %lld classes", i,
                            (long long)label[i], (long long)h->o.classes);
        const int64_t local = label[i] - h->first;
        h->label[i] = local >= 0 && local < h->count ? local : -1;
    }
    h->actives = (size_t)h->count;
    if (h->active)
        draw(h, n);
    for (size_t i = 0; i < n; i++)
        h->position[i] = h->label[i] < 0 ? -1 : h->active ? find(h->active, h->actives, h->label[i]) : (int32_t)h->label[i];
    return ARC_OK;
}
