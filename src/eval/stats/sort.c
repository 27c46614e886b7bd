/* eval: sorting of scores. One array of scores: a radix sort over the bits of doubles, 11 bits at a time, over the digits that
 * differ. Scores of pairs of both kinds: first partitioned by kind and by value with all threads, then each part is sorted
 * within a core's cache. */
#include "eval/eval_internal.h"
#include <math.h>
#include <string.h>

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)
#define KEY_BITS 64

#define BUCKETS 512    /* of each kind, equally spaced over its scores; with ten million pairs about 80 KB each */
#define MAX_CHUNKS 64  /* parts of the list of pairs; the same for any number of threads */
#define MIN_CHUNK 4096 /* pairs */

/* Reverses the order: the highest score has the lowest key. */
static uint64_t key_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & UINT64_C(1) << 63 ? bits : ~(bits | UINT64_C(1) << 63);
}

static double score_of(uint64_t key) {
    const uint64_t bits = key & UINT64_C(1) << 63 ? key : ~(key | UINT64_C(1) << 63);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The start of each digit, from their counts. */
static void starts_of(size_t *count, size_t n) {
    size_t at = 0;
    for (size_t d = 0; d < n; d++) {
        const size_t here = count[d];
        count[d] = at;
        at += here;
    }
}

/* Sorts keys, using a scratch array of the same size; returns whichever of the two holds the result. */
static const uint64_t *sort_keys(uint64_t *key, uint64_t *scratch, size_t n) {
    size_t count[DIGITS];
    uint64_t differs = 0, *from = key, *to = scratch;
    for (size_t i = 1; i < n; i++)
        differs |= key[i] ^ key[0];
    for (int shift = 0; shift < KEY_BITS; shift += DIGIT_BITS) {
        if ((differs >> shift & (DIGITS - 1)) == 0)
            continue;
        memset(count, 0, sizeof count);
        for (size_t i = 0; i < n; i++)
            count[from[i] >> shift & (DIGITS - 1)]++;
        starts_of(count, DIGITS);
        for (size_t i = 0; i < n; i++)
            to[count[from[i] >> shift & (DIGITS - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

arc_status arc_sort_scores(const arc_alloc *a, double *score, size_t n, arc_error *err) {
    uint64_t *key = arc_mem_raw(a, 2 * n, sizeof *key);
    if (!key)
        return arc_fail_nomem(err, "sorting the scores");
    for (size_t i = 0; i < n; i++)
        key[i] = key_of(score[i]);
    const uint64_t *sorted = sort_keys(key, key + n, n);
    for (size_t i = 0; i < n; i++)
        score[i] = score_of(sorted[i]);
    arc_mem_free(a, key);
    return ARC_OK;
}

/* ---- pairs of two kinds ---- */

/* The counts of one chunk of pairs. */
typedef struct chunk {
    int64_t bad; /* the first pair whose score is not finite, -1: none */
    double low[2], high[2];
    size_t at[2 * BUCKETS]; /* number of pairs by kind and bucket, later the place of the next one */
} chunk;

typedef struct parting {
    const arc_alloc *alloc;
    const arc_scored_pairs *from;
    int64_t chunks;
    chunk *chunk;                  /* [chunks] */
    double high[2], scale[2];      /* bucket = (high - score) * scale */
    size_t begin[2 * BUCKETS + 1]; /* where each bucket starts in `out` */
    uint8_t full[2 * BUCKETS];     /* set if there was no memory to sort the bucket */
    uint64_t *out;                 /* keys, at the end scores */
} parting;

static double pair_score(const arc_scored_pairs *p, int64_t i) {
    return p->offset + p->scale * p->value[i];
}

static int64_t chunk_begin(const parting *p, size_t c) {
    return p->from->pairs / p->chunks * (int64_t)c + ARC_MIN((int64_t)c, p->from->pairs % p->chunks);
}

static size_t bucket_of(const parting *p, int kind, double score) {
    const int bucket = p->scale[kind] > 0 ? (int)((p->high[kind] - score) * p->scale[kind]) : 0;
    return (size_t)(kind * BUCKETS + ARC_MIN(bucket, BUCKETS - 1));
}

static void find_ranges(void *arg, size_t begin, size_t end, int thread) {
    parting *p = arg;
    (void)thread;
    for (size_t c = begin; c < end; c++) {
        chunk *k = &p->chunk[c];
        *k = (chunk){.bad = -1, .low = {INFINITY, INFINITY}, .high = {-INFINITY, -INFINITY}};
        for (int64_t i = chunk_begin(p, c); i < chunk_begin(p, c + 1); i++) {
            const int kind = p->from->same[i] != 0;
            const double x = pair_score(p->from, i);
            if (!isfinite(x)) {
                k->bad = i;
                break;
            }
            k->low[kind] = ARC_MIN(k->low[kind], x);
            k->high[kind] = ARC_MAX(k->high[kind], x);
        }
    }
}

static void count_buckets(void *arg, size_t begin, size_t end, int thread) {
    parting *p = arg;
    (void)thread;
    for (size_t c = begin; c < end; c++)
        for (int64_t i = chunk_begin(p, c); i < chunk_begin(p, c + 1); i++)
            p->chunk[c].at[bucket_of(p, p->from->same[i] != 0, pair_score(p->from, i))]++;
}

static void scatter(void *arg, size_t begin, size_t end, int thread) {
    parting *p = arg;
    (void)thread;
    for (size_t c = begin; c < end; c++)
        for (int64_t i = chunk_begin(p, c); i < chunk_begin(p, c + 1); i++) {
            const double x = pair_score(p->from, i);
            p->out[p->chunk[c].at[bucket_of(p, p->from->same[i] != 0, x)]++] = key_of(x);
        }
}

static void sort_buckets(void *arg, size_t begin, size_t end, int thread) {
    parting *p = arg;
    (void)thread;
    for (size_t b = begin; b < end; b++) {
        const size_t n = p->begin[b + 1] - p->begin[b];
        uint64_t *key = p->out + p->begin[b], *scratch = n ? arc_mem_raw(p->alloc, n, sizeof *scratch) : NULL;
        p->full[b] = n && !scratch;
        if (!scratch)
            continue;
        const uint64_t *sorted = sort_keys(key, scratch, n);
        for (size_t i = 0; i < n; i++) {
            const double x = score_of(sorted[i]);
            memcpy(&key[i], &x, sizeof x);
        }
        arc_mem_free(p->alloc, scratch);
    }
}

static void set_ranges(parting *p) {
    for (int kind = 0; kind < 2; kind++) {
        double low = INFINITY, high = -INFINITY;
        for (int64_t c = 0; c < p->chunks; c++) {
            low = ARC_MIN(low, p->chunk[c].low[kind]);
            high = ARC_MAX(high, p->chunk[c].high[kind]);
        }
        const double scale = BUCKETS / (high - low);
        p->high[kind] = high;
        p->scale[kind] = isfinite(high - low) && isfinite(scale) ? scale : 0; /* 0: the range is not worth partitioning */
    }
}

/* Computes each chunk's place in each bucket. */
static void place_buckets(parting *p) {
    size_t at = 0;
    for (size_t b = 0; b < 2 * BUCKETS; b++) {
        p->begin[b] = at;
        for (int64_t c = 0; c < p->chunks; c++) {
            const size_t here = p->chunk[c].at[b];
            p->chunk[c].at[b] = at;
            at += here;
        }
    }
    p->begin[2 * BUCKETS] = at;
}

static arc_status part(arc_context *ctx, parting *p, arc_error *err) {
    const size_t chunks = (size_t)p->chunks;
    arc_pool_run(ctx->pool, chunks, 1, find_ranges, p);
    for (size_t c = 0; c < chunks; c++)
        if (p->chunk[c].bad >= 0)
            return arc_fail(err, ARC_EINVAL, "the score of pair %lld is not finite", (long long)p->chunk[c].bad);
    set_ranges(p);
    arc_pool_run(ctx->pool, chunks, 1, count_buckets, p);
    place_buckets(p);
    arc_pool_run(ctx->pool, chunks, 1, scatter, p);
    arc_pool_run(ctx->pool, 2 * BUCKETS, 1, sort_buckets, p);
    for (size_t b = 0; b < 2 * BUCKETS; b++)
        if (p->full[b])
            return arc_fail_nomem(err, "sorting the scores");
    return ARC_OK;
}

arc_status arc_sort_pairs(arc_context *ctx, const arc_scored_pairs *from, double **sorted, int64_t count[2], arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    *sorted = NULL;
    count[0] = count[1] = 0;
    parting *p = arc_mem_new(a, 1, sizeof *p);
    if (!p)
        return arc_fail_nomem(err, "sorting the scores");
    p->alloc = a;
    p->from = from;
    p->chunks = ARC_MAX((int64_t)1, ARC_MIN((int64_t)MAX_CHUNKS, from->pairs / MIN_CHUNK));
    p->chunk = arc_mem_raw(a, (size_t)p->chunks, sizeof *p->chunk);
    p->out = arc_mem_raw(a, (size_t)from->pairs, sizeof *p->out);
    arc_status st = p->chunk && p->out ? part(ctx, p, err) : arc_fail_nomem(err, "the scores");
    if (st == ARC_OK) {
        count[0] = (int64_t)p->begin[BUCKETS];
        count[1] = from->pairs - count[0];
        *sorted = (double *)(void *)p->out;
        p->out = NULL;
    }
    arc_mem_free(a, p->out);
    arc_mem_free(a, p->chunk);
    arc_mem_free(a, p);
    return st;
}
