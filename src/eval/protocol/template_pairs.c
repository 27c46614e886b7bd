/* eval: verification of templates in double precision. The templates of a large set exceed every cache and its list names the
 * second templates in random order. Therefore pairs are scored in another order: in blocks of first templates that fit a
 * core's cache, and within a block by the second template, so that these are read sequentially, once a block. The order does
 * not change any score. */
#include "eval/protocol/templates.h"
#include "eval/stats/curve.h"

#define BLOCK_BYTES ((size_t)640 << 10) /* first templates of a block; leaves room in a second-level cache of 1 MiB */
#define MAX_CHUNKS 32                   /* parts of the list; the same for any number of threads */
#define MIN_CHUNK 4096                  /* pairs */

typedef struct listed_pair {
    uint32_t a, b : 31, same : 1; /* a, b: rows of the templates */
} listed_pair;

typedef struct matching {
    const arc_alloc *alloc;
    const arc_templates *t;
    const int *pair;
    int64_t pairs, chunks, blocks, block_rows;
    int shift;          /* a template's number >> shift is its bucket */
    size_t *first;      /* [buckets + 1] the first row of each bucket */
    size_t *at;         /* [chunks][blocks] number of pairs, later the place of the next one */
    size_t *begin;      /* [blocks + 1] where each block starts in `order` */
    listed_pair *order; /* [pairs] sorted by block */
    int64_t *unknown;   /* [chunks] the first pair whose template does not exist, -1: none */
    double *score;      /* [pairs] sorted by block and second template, as is same */
    uint8_t *same, *empty;
    uint8_t *full; /* [blocks] set if there was no memory to score the block */
} matching;

/* Eight partial sums in a fixed order, which the compiler can vectorise. */
static double dot(const double *a, const double *b, int dim) {
    double s[8] = {0};
    int k = 0;
    for (; k + 8 <= dim; k += 8)
        for (int i = 0; i < 8; i++)
            s[i] += a[k + i] * b[k + i];
    for (; k < dim; k++)
        s[k % 8] += a[k] * b[k];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static const double *row_of(const arc_templates *t, int64_t i) {
    return t->row + (size_t)i * (size_t)t->dim;
}

static int64_t chunk_begin(const matching *m, size_t c) {
    return m->pairs / m->chunks * (int64_t)c + ARC_MIN((int64_t)c, m->pairs % m->chunks);
}

/* ---- rows by template number: buckets of equal ranges of numbers, so that consecutive numbers are found at once ---- */

static size_t bucket_of(const matching *m, int number) {
    return (size_t)(((int64_t)number - m->t->number[0]) >> m->shift);
}

/* Chooses the number of buckets: at most four for each template. */
static size_t choose_buckets(matching *m) {
    const arc_templates *t = m->t;
    if (t->count == 0)
        return 0;
    while (bucket_of(m, t->number[t->count - 1]) >= 4 * (size_t)t->count)
        m->shift++;
    return bucket_of(m, t->number[t->count - 1]) + 1;
}

static void fill_buckets(const matching *m, size_t buckets) {
    size_t bucket = 0;
    for (int64_t i = 0; i < m->t->count; i++)
        for (const size_t own = bucket_of(m, m->t->number[i]); bucket <= own; bucket++)
            m->first[bucket] = (size_t)i;
    m->first[buckets] = (size_t)m->t->count;
}

static int64_t find_row(const matching *m, int number) {
    const arc_templates *t = m->t;
    if (t->count == 0 || number < t->number[0] || number > t->number[t->count - 1])
        return -1;
    const size_t *first = &m->first[bucket_of(m, number)];
    return arc_templates_find_among(t, number, (int64_t)first[0], (int64_t)first[1]);
}

/* The row of a pair's first template. Lists are sorted by it, so it is mostly the same as for the pair before. */
static int64_t find_first(const matching *m, int64_t i, int64_t before) {
    const int number = m->pair[3 * i];
    return before >= 0 && m->t->number[before] == number ? before : find_row(m, number);
}

/* ---- blocks ---- */

static void count_blocks(void *arg, size_t begin, size_t end, int thread) {
    matching *m = arg;
    (void)thread;
    for (size_t c = begin; c < end; c++) {
        size_t *count = m->at + c * (size_t)m->blocks;
        int64_t a = -1;
        m->unknown[c] = -1;
        for (int64_t i = chunk_begin(m, c); i < chunk_begin(m, c + 1); i++) {
            a = find_first(m, i, a);
            if (a < 0) {
                m->unknown[c] = i;
                break;
            }
            count[a / m->block_rows]++;
        }
    }
}

static void place_blocks(matching *m) {
    size_t at = 0;
    for (int64_t b = 0; b < m->blocks; b++) {
        m->begin[b] = at;
        for (int64_t c = 0; c < m->chunks; c++) {
            size_t *count = &m->at[c * m->blocks + b];
            const size_t here = *count;
            *count = at;
            at += here;
        }
    }
    m->begin[m->blocks] = at;
}

/* Sorts the pairs into blocks; pairs whose first template is unknown are left out. */
static void scatter(void *arg, size_t begin, size_t end, int thread) {
    matching *m = arg;
    (void)thread;
    for (size_t c = begin; c < end; c++) {
        const int64_t last = m->unknown[c] >= 0 ? m->unknown[c] : chunk_begin(m, c + 1);
        size_t *at = m->at + c * (size_t)m->blocks;
        int64_t a = -1;
        for (int64_t i = chunk_begin(m, c); i < last; i++) {
            const int *p = m->pair + 3 * i;
            a = find_first(m, i, a);
            const int64_t b = find_row(m, p[1]);
            if (b < 0) {
                m->unknown[c] = i;
                break;
            }
            m->order[at[a / m->block_rows]++] = (listed_pair){(uint32_t)a, (uint32_t)b & INT32_MAX, p[2] != 0};
        }
    }
}

/* Sorts the pairs of one block by their second template. next [templates + 1] must be zeros. */
static void order_by_second(const listed_pair *p, size_t n, listed_pair *sorted, size_t *next, int64_t templates) {
    for (size_t i = 0; i < n; i++)
        next[p[i].b + 1]++;
    for (int64_t b = 0; b < templates; b++)
        next[b + 1] += next[b];
    for (size_t i = 0; i < n; i++)
        sorted[next[p[i].b]++] = p[i];
}

static void match_blocks(void *arg, size_t begin, size_t end, int thread) {
    matching *m = arg;
    (void)thread;
    for (size_t block = begin; block < end; block++) {
        const size_t from = m->begin[block], n = m->begin[block + 1] - from;
        if (n == 0)
            continue;
        listed_pair *sorted = arc_mem_raw(m->alloc, n, sizeof *sorted);
        size_t *next = arc_mem_new(m->alloc, (size_t)m->t->count + 1, sizeof *next);
        m->full[block] = !sorted || !next;
        if (!m->full[block]) {
            order_by_second(m->order + from, n, sorted, next, m->t->count);
            for (size_t i = 0; i < n; i++) {
                const listed_pair x = sorted[i];
                m->score[from + i] = m->empty[x.a] || m->empty[x.b] ? -1 : dot(row_of(m->t, x.a), row_of(m->t, x.b), m->t->dim);
                m->same[from + i] = x.same;
            }
        }
        arc_mem_free(m->alloc, next);
        arc_mem_free(m->alloc, sorted);
    }
}

static arc_status match(arc_context *ctx, matching *m, arc_error *err) {
    const size_t chunks = (size_t)m->chunks, blocks = (size_t)m->blocks;
    for (int64_t i = 0; i < m->t->count; i++)
        m->empty[i] = !(dot(row_of(m->t, i), row_of(m->t, i), m->t->dim) > 0);
    arc_pool_run(ctx->pool, chunks, 1, count_blocks, m);
    place_blocks(m);
    arc_pool_run(ctx->pool, chunks, 1, scatter, m);
    for (size_t c = 0; c < chunks; c++)
        if (m->unknown[c] >= 0)
            return arc_fail(err, ARC_EINVAL, "pair %lld names template %d or %d, of which no picture is listed",
                            (long long)m->unknown[c] + 1, m->pair[3 * m->unknown[c]], m->pair[3 * m->unknown[c] + 1]);
    arc_pool_run(ctx->pool, blocks, 1, match_blocks, m);
    for (size_t b = 0; b < blocks; b++)
        if (m->full[b])
            return arc_fail_nomem(err, "matching the template pairs");
    return ARC_OK;
}

/* Frees what only the scoring of pairs needs. */
static void free_order(const arc_alloc *a, matching *m) {
    arc_mem_free(a, m->first);
    arc_mem_free(a, m->at);
    arc_mem_free(a, m->begin);
    arc_mem_free(a, m->order);
    arc_mem_free(a, m->unknown);
    arc_mem_free(a, m->empty);
    arc_mem_free(a, m->full);
}

arc_status arc_templates_verify(arc_context *ctx, const arc_templates *t, const int *pair, int64_t pairs,
                                const double *far_targets, int targets, arc_curve *out, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    *out = (arc_curve){0};
    for (int64_t i = 1; i < t->count; i++)
        if (t->number[i] <= t->number[i - 1])
            return arc_fail(err, ARC_EINVAL, "the templates are not in the order of their numbers: %d stands behind %d",
                            t->number[i], t->number[i - 1]);
    matching m = {.alloc = a, .t = t, .pair = pair, .pairs = pairs};
    m.chunks = ARC_MAX((int64_t)1, ARC_MIN((int64_t)MAX_CHUNKS, pairs / MIN_CHUNK));
    m.block_rows = (int64_t)ARC_MAX((size_t)1, BLOCK_BYTES / ((size_t)t->dim * sizeof *t->row));
    m.blocks = (t->count + m.block_rows - 1) / m.block_rows;
    const size_t buckets = choose_buckets(&m);
    m.first = arc_mem_raw(a, buckets + 1, sizeof *m.first);
    m.at = arc_mem_new(a, (size_t)(m.chunks * m.blocks), sizeof *m.at);
    m.begin = arc_mem_raw(a, (size_t)m.blocks + 1, sizeof *m.begin);
    m.order = arc_mem_raw(a, (size_t)pairs, sizeof *m.order);
    m.unknown = arc_mem_raw(a, (size_t)m.chunks, sizeof *m.unknown);
    m.empty = arc_mem_raw(a, (size_t)t->count, 1);
    m.full = arc_mem_new(a, (size_t)m.blocks, 1);
    m.score = arc_mem_raw(a, (size_t)pairs, sizeof *m.score);
    m.same = arc_mem_raw(a, (size_t)pairs, 1);
    const bool good = m.first && m.at && m.begin && m.order && m.unknown && m.empty && m.full && m.score && m.same;
    if (good)
        fill_buckets(&m, buckets);
    arc_status st = good ? match(ctx, &m, err) : arc_fail_nomem(err, "the scores of the template pairs");
    free_order(a, &m);
    if (st == ARC_OK)
        st = arc_curve_of_scores(ctx, m.score, m.same, pairs, far_targets, targets, out, err);
    arc_mem_free(a, m.same);
    arc_mem_free(a, m.score);
    return st;
}
