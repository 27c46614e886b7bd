/* Shared by the tests of the index: made-up templates of several kinds, some of them as awkward as can be for 8 bits, and a plain
 * search in double to compare with. */
#ifndef ARC_SEARCH_SUPPORT_H
#define ARC_SEARCH_SUPPORT_H

#include "shared_context.h"
#include <arcface/index.h>
#include <string.h>

enum kind { NOISE, CLUSTERS, NEAR_TIES, EQUAL, DUPLICATES, ZEROS, SPIKES, LENGTHS, KINDS };

static uint64_t seed = 1;
static inline double uniform(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) * 0x1p-53;
}
static inline float bump(void) { /* about normal, -1..1 */
    return (float)((uniform() + uniform() + uniform() + uniform()) / 2 - 1);
}

static inline void to_length(float *x, int dim, double length) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)x[i] * (double)x[i];
    for (int i = 0; i < dim && sum > 0; i++)
        x[i] = (float)((double)x[i] * length / sqrt(sum));
}

/* Row number `row` of a set of a kind. */
static inline void make_row(enum kind kind, int64_t row, int dim, float *x) {
    const uint64_t old = seed;
    const bool shared = kind == CLUSTERS || kind == NEAR_TIES || kind == EQUAL;
    if (shared)
        seed = kind == CLUSTERS ? (uint64_t)(row / 10) * 977 + 5 : 7;
    for (int i = 0; i < dim; i++)
        x[i] = bump();
    if (shared)
        seed = old * 31 + 17;
    for (int i = 0; i < dim; i++)
        x[i] += kind == CLUSTERS ? 0.5f * bump() : kind == NEAR_TIES ? 1e-6f * bump() : 0;
    if (kind == SPIKES) /* one number takes all of the 8 bits, the others round to almost nothing */
        x[(int)(uniform() * dim) % dim] += 40;
    to_length(x, dim, kind == LENGTHS ? pow(10, 16 * uniform() - 8) : 1);
    if (kind == ZEROS && row % 3 != 0)
        memset(x, 0, (size_t)dim * sizeof *x);
}

typedef struct search_set {
    int dim;
    int64_t count;
    float *row;          /* [count][dim] */
    int64_t *id, *owner; /* [count]; id 0: removed */
} search_set;

static inline search_set make_set(enum kind kind, int64_t count, int dim) {
    search_set s = {dim, count, calloc((size_t)count * (size_t)dim, sizeof(float)), calloc((size_t)count, sizeof(int64_t)),
                    calloc((size_t)count, sizeof(int64_t))};
    assert_true(s.row && s.id && s.owner);
    for (int64_t i = 0; i < count; i++) {
        if (kind == DUPLICATES && i >= 5)
            memcpy(s.row + i * dim, s.row + i % 5 * dim, (size_t)dim * sizeof(float));
        else
            make_row(kind, i, dim, s.row + i * dim);
        s.id[i] = 1000 + (i * 7919) % 100003; /* not in the order of places; 100003 is a prime */
        s.owner[i] = i / 3;
    }
    return s;
}

static inline void free_set(search_set *s) {
    free(s->row);
    free(s->id);
    free(s->owner);
}

/* The templates of a set by id, as a gallery gives them. */
static inline arc_status set_exact(void *arg, const int64_t *ids, int count, float *out, arc_error *err) {
    const search_set *s = arg;
    (void)err;
    for (int i = 0; i < count; i++) {
        int64_t at = 0;
        while (at < s->count && s->id[at] != ids[i])
            at++;
        assert_true(at < s->count);
        memcpy(out + (size_t)i * (size_t)s->dim, s->row + at * s->dim, (size_t)s->dim * sizeof *out);
    }
    return ARC_OK;
}

static inline arc_index_options index_options(int dim) {
    arc_index_options o;
    arc_index_options_default(&o);
    o.dim = dim;
    return o;
}

static inline arc_index *index_of(arc_context *context, const search_set *s, const arc_index_options *o) {
    arc_index *x = NULL;
    arc_error err = {0};
    if (arc_index_new(context, o, &x, &err) != ARC_OK || arc_index_add(x, s->row, s->id, s->owner, s->count, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return x;
}

/* As in the library: partial sums of every eighth product, in double. */
static inline float plain_cosine(const float *a, const float *b, int dim) {
    double part[8] = {0}, sum = 0;
    for (int i = 0; i < dim; i++)
        part[i % 8] += (double)a[i] * (double)b[i];
    for (int i = 0; i < 8; i++)
        sum += part[i];
    return (float)sum;
}

static inline int best_first(const void *a, const void *b) {
    const arc_index_hit *x = a, *y = b;
    if (x->cosine != y->cosine)
        return x->cosine > y->cosine ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* The first `top` of all, sorted. */
static inline int plain_search(const search_set *s, const float *probe, const arc_index_query *q, arc_index_hit *out) {
    arc_index_hit *all = malloc((size_t)s->count * sizeof *all);
    int n = 0, found = 0;
    assert_non_null(all);
    for (int64_t i = 0; i < s->count; i++)
        if (s->id[i] != 0 && (!q->keep || q->keep(q->keep_ctx, s->id[i], s->owner[i])))
            all[n++] = (arc_index_hit){s->id[i], s->owner[i], plain_cosine(s->row + i * s->dim, probe, s->dim)};
    qsort(all, (size_t)n, sizeof *all, best_first);
    for (int i = 0; i < n && found < q->top; i++) {
        bool seen = false;
        for (int k = 0; k < found && q->by_owner; k++)
            seen = seen || out[k].owner == all[i].owner;
        if (!seen)
            out[found++] = all[i];
    }
    free(all);
    return found;
}

/* Every answer to every probe is the plain search's. */
static inline void expect_exact(arc_index *x, const search_set *s, const float *probes, int count, const arc_index_query *q,
                                const char *what) {
    arc_index_hit *got = calloc((size_t)count * (size_t)q->top, sizeof *got), *want = calloc((size_t)q->top, sizeof *want);
    int *found = calloc((size_t)count, sizeof *found);
    arc_error err = {0};
    assert_true(got && want && found);
    if (arc_index_search(x, probes, count, q, got, found, &err) != ARC_OK)
        fail_msg("%s: %s", what, err.text);
    for (int p = 0; p < count; p++) {
        const int n = plain_search(s, probes + (size_t)p * (size_t)s->dim, q, want);
        if (found[p] != n)
            fail_msg("%s: %d answers, not %d", what, found[p], n);
        for (int i = 0; i < n; i++) {
            const arc_index_hit *g = &got[p * q->top + i];
            if (g->id != want[i].id || g->owner != want[i].owner || g->cosine != want[i].cosine)
                fail_msg("%s: %lld numbers %d, probe %d, answer %d: id %lld %.9g, not id %lld %.9g", what, (long long)s->count,
                         s->dim, p, i, (long long)g->id, (double)g->cosine, (long long)want[i].id, (double)want[i].cosine);
        }
        for (int i = n; i < q->top; i++)
            assert_true(got[p * q->top + i].id == 0);
    }
    free(got);
    free(want);
    free(found);
}

static inline arc_index_query query_of(int top) {
    arc_index_query q;
    arc_index_query_default(&q);
    q.top = top;
    return q;
}

#endif
