/* vector/search: a search: filter, scan, then exact cosines of the shortlist until no other template can be an answer. */
#include "vector/search/checksum.h"
#include "vector/search/filter.h"
#include "vector/search/index_internal.h"
#include "vector/search/nominate.h"
#include "vector/search/quantise.h"
#include "vector/search/ranking.h"
#include "vector/search/scan.h"
#include "vector/search/sketch.h"
#include <math.h>
#include <string.h>

#define EXACT_ROWS 32       /* asked for at a time */
#define FEWEST_FAST 65536   /* fewer templates are scanned whole in less time */
#define NOMINEES 512        /* of a fast search, at least */
#define NOMINEES_PER_HIT 32 /* and for each answer wanted */

void arc_index_query_default(arc_index_query *query) {
    *query = (arc_index_query){.struct_size = sizeof *query, .top = 10};
}

/* One scan's worth of probes on their way to answers. */
typedef struct search {
    arc_index *index;
    const arc_index_query *query;
    const float *probes; /* [count][dim] */
    int count;
    arc_index_hit *hits; /* [count][top] */
    int *found;
    int threads;
    size_t top; /* at most the number of templates */
    const uint64_t *allowed;
    arc_shortlist *list;      /* [threads][count] */
    arc_shortlist_best *best; /* [threads][count][top] */
    arc_scan_probes scan_probes;
    arc_scan scan;
    arc_nomination nomination; /* of a fast search */
    _Atomic bool damaged;
} search;

/* ---- exact cosines ----------------------------------------------------------------------------------------------------------
 */

static arc_index_hit hit_of(const search *s, uint32_t slot, const float *row, const float *probe) {
    const arc_slots *slots = &s->index->slots;
    return (arc_index_hit){slots->id[slot], slots->owner[slot], arc_exact_cosine(row, probe, slots->layout.dim)};
}

static arc_ranking ranking_of(const search *s, int probe) {
    return (arc_ranking){s->hits + (size_t)probe * (size_t)s->query->top, s->query->top, 0, s->query->by_owner};
}

static void finish(const search *s, int probe, const arc_ranking *r, size_t compared) {
    memset(r->hit + r->count, 0, (size_t)(r->top - r->count) * sizeof *r->hit);
    s->found[probe] = r->count;
    atomic_fetch_add(&s->index->reranked, (int64_t)compared);
}

/* Whether a row may be used. Those that were never in a file are right. */
static bool row_is_right(search *s, uint32_t slot) {
    const arc_slots *slots = &s->index->slots;
    if (!slots->from_file)
        return true;
    const arc_checked checked = arc_checksum_row(s->index->ctx->kernels, slots, slot);
    if (checked == ARC_CHECKED_WRONG)
        atomic_store(&s->damaged, true);
    return checked == ARC_CHECKED_RIGHT;
}

/* Rows that the index holds: probes are independent. */
static void rank_held(void *arg, size_t begin, size_t end, int thread) {
    search *s = arg;
    (void)thread;
    for (size_t j = begin; j < end; j++) {
        const arc_shortlist *l = &s->list[j];
        const float *probe = s->probes + j * s->index->slots.layout.dim;
        arc_ranking r = ranking_of(s, (int)j);
        size_t i = 0;
        for (; i < l->count && l->list[i].upper >= arc_ranking_limit(&r); i++)
            if (row_is_right(s, l->list[i].slot))
                arc_ranking_put(&r, hit_of(s, l->list[i].slot, arc_slots_row(&s->index->slots, l->list[i].slot), probe));
        finish(s, (int)j, &r, i);
    }
}

/* Rows that the caller gives, some at a time. row: room for [EXACT_ROWS][dim]. */
static arc_status rank_given(const search *s, int probe, float *row, arc_error *err) {
    const arc_index_options *o = &s->index->options;
    const arc_shortlist *l = &s->list[probe];
    const size_t dim = s->index->slots.layout.dim;
    arc_ranking r = ranking_of(s, probe);
    arc_status st = ARC_OK;
    size_t at = 0;
    while (st == ARC_OK && at < l->count && l->list[at].upper >= arc_ranking_limit(&r)) {
        int64_t ids[EXACT_ROWS];
        size_t n = 0;
        for (; n < EXACT_ROWS && at + n < l->count && l->list[at + n].upper >= arc_ranking_limit(&r); n++)
            ids[n] = s->index->slots.id[l->list[at + n].slot];
        st = o->exact(o->exact_ctx, ids, (int)n, row, err);
        for (size_t i = 0; st == ARC_OK && i < n; i++)
            arc_ranking_put(&r, hit_of(s, l->list[at + i].slot, row + i * dim, s->probes + (size_t)probe * dim));
        at += n;
    }
    if (st == ARC_OK)
        finish(s, probe, &r, at);
    return st;
}

static arc_status rank_all_given(const search *s, arc_error *err) {
    arc_index *x = s->index;
    const size_t bytes = EXACT_ROWS * x->slots.layout.dim * sizeof(float);
    float *row = arc_mem_raw(&x->ctx->alloc, 1, bytes);
    if (!row)
        return arc_fail_nomem(err, "a search");
    arc_status st = ARC_OK;
    pthread_mutex_lock(&x->exact);
    for (int j = 0; st == ARC_OK && j < s->count; j++)
        st = rank_given(s, j, row, err);
    pthread_mutex_unlock(&x->exact);
    memset(row, 0, bytes);
    arc_mem_free(&x->ctx->alloc, row);
    return st;
}

/* ---- shortlists -------------------------------------------------------------------------------------------------------------
 */

/* The lists of all threads become the first one's. */
static arc_status join_lists(const search *s, arc_error *err) {
    for (int j = 0; j < s->count; j++) {
        for (int t = 1; t < s->threads; t++)
            arc_shortlist_merge(&s->list[j], &s->list[t * s->count + j]);
        if (s->list[j].failed)
            return arc_fail_nomem(err, "the shortlist of a search");
        arc_shortlist_sort(&s->list[j]);
    }
    return ARC_OK;
}

static arc_status damaged(arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "the index's file is damaged: make the index again from its templates");
}

/* ---- sketches ---------------------------------------------------------------------------------------------------------------
 */

static void refine_nominees(void *arg, size_t begin, size_t end, int thread) {
    search *s = arg;
    (void)thread;
    for (size_t j = begin; j < end; j++) {
        arc_nominees *best = &s->nomination.best[j];
        for (int t = 1; t < s->threads; t++)
            arc_nominees_merge(best, &s->nomination.best[(size_t)(t * s->count) + j]);
        arc_nominees_finish(best);
        for (size_t i = 0; i < best->count; i++)
            arc_scan_one(&s->scan, arc_nominee_slot(best->list[i]), (int)j, &s->list[j]);
    }
}

/* Memory for `wanted` nominees of each probe and thread, and the probes' planes, behind one another in one block. */
static arc_status nominate_and_refine(search *s, arc_error *err) {
    arc_index *x = s->index;
    const size_t words = x->slots.layout.words, lists = (size_t)s->threads * (size_t)s->count;
    const size_t asked = s->query->candidates ? (size_t)s->query->candidates : ARC_MAX(NOMINEES, NOMINEES_PER_HIT * s->top);
    const size_t wanted = ARC_MAX(ARC_MIN(asked, (size_t)x->slots.live), (size_t)1);
    uint64_t *planes = arc_mem_raw(&x->ctx->alloc, (size_t)s->count * 4 * words, sizeof *planes);
    arc_nominees *best = arc_mem_new(&x->ctx->alloc, lists, sizeof *best);
    uint64_t *list = arc_mem_raw(&x->ctx->alloc, lists * 2 * wanted, sizeof *list);
    const bool room = planes && best && list;
    for (size_t i = 0; room && i < lists; i++)
        best[i] = (arc_nominees){.list = list + i * 2 * wanted, .wanted = wanted, .limit = -INFINITY};
    for (size_t j = 0; room && j < (size_t)s->count; j++)
        arc_sketch_probe(x->ctx->kernels, s->probes + j * x->slots.layout.dim, x->slots.layout.dim, planes + j * 4 * words);
    if (room) {
        arc_nomination *n = &s->nomination;
        n->kernels = x->ctx->kernels;
        n->slots = &x->slots;
        n->planes = planes;
        n->allowed = s->allowed;
        n->best = best;
        n->probes = s->count;
        arc_nominate(x->ctx, n);
        arc_pool_run(x->ctx->pool, (size_t)s->count, 1, refine_nominees, s);
    }
    arc_mem_free(&x->ctx->alloc, planes);
    arc_mem_free(&x->ctx->alloc, best);
    arc_mem_free(&x->ctx->alloc, list);
    if (!room)
        return arc_fail_nomem(err, "a search");
    return s->nomination.damaged ? damaged(err) : ARC_OK;
}

/* ---- one round --------------------------------------------------------------------------------------------------------------
 */

static arc_status fill_lists(search *s, arc_error *err) {
    s->scan.kernels = s->index->ctx->kernels;
    s->scan.slots = &s->index->slots;
    s->scan.probes = &s->scan_probes;
    s->scan.allowed = s->allowed;
    s->scan.list = s->list;
    if (s->query->fast && (s->query->candidates || s->index->slots.live >= FEWEST_FAST))
        return nominate_and_refine(s, err);
    arc_scan_run(s->index->ctx, &s->scan);
    return s->scan.damaged ? damaged(err) : ARC_OK;
}

static arc_status rank(search *s, arc_error *err) {
    arc_index *x = s->index;
    if (x->options.exact)
        return rank_all_given(s, err);
    arc_pool_run(x->ctx->pool, (size_t)s->count, 1, rank_held, s);
    return s->damaged ? damaged(err) : ARC_OK;
}

static arc_status scan_and_rank(search *s, arc_error *err) {
    arc_index *x = s->index;
    const size_t lists = (size_t)s->threads * (size_t)s->count;
    for (size_t i = 0; i < lists; i++)
        arc_shortlist_begin(&s->list[i], &x->ctx->alloc, s->best + i * s->top, s->top, s->query->by_owner);
    arc_status st = arc_scan_probes_make(&s->scan_probes, x->ctx, &x->slots.layout, s->probes, s->count, err);
    if (st != ARC_OK)
        return st;
    st = fill_lists(s, err);
    if (st == ARC_OK)
        st = join_lists(s, err);
    if (st == ARC_OK)
        st = rank(s, err);
    for (size_t i = 0; i < lists; i++)
        arc_shortlist_end(&s->list[i]);
    arc_scan_probes_free(&s->scan_probes, x->ctx);
    return st;
}

/* ---- filter -----------------------------------------------------------------------------------------------------------------
 */

static arc_status make_filter(const arc_index *x, const arc_index_query *q, uint64_t **out, arc_error *err) {
    *out = NULL;
    if (!q->keep)
        return ARC_OK;
    uint64_t *bits = arc_mem_new(&x->ctx->alloc, x->slots.segments * ARC_FILTER_WORDS, sizeof *bits);
    if (!bits)
        return arc_fail_nomem(err, "the filter of a search");
    for (int64_t slot = 0; slot < x->slots.used; slot++)
        if (x->slots.id[slot] != 0 && q->keep(q->keep_ctx, x->slots.id[slot], x->slots.owner[slot]))
            arc_filter_add(bits, (uint32_t)slot);
    *out = bits;
    return ARC_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------
 */

static arc_status check_query(const arc_index *x, const arc_index_query *q, const float *probes, int64_t count, arc_error *err) {
    const size_t dim = (size_t)x->options.dim; /* options never change, places may until the lock is held */
    if (q->top < 1 || q->top > ARC_INDEX_MAX_TOP)
        return arc_fail(err, ARC_EINVAL, "a search for the best %d; it can be 1 to %d", q->top, ARC_INDEX_MAX_TOP);
    if (q->candidates < 0 || q->candidates > ARC_INDEX_MAX_CANDIDATES)
        return arc_fail(err, ARC_EINVAL, "a search among %d candidates; it can be 0 (chosen) to %d", q->candidates,
                        ARC_INDEX_MAX_CANDIDATES);
    if (q->fast && !x->options.sketch)
        return arc_fail(err, ARC_EINVAL, "a fast search needs an index that was made with sketches");
    for (int64_t i = 0; i < count; i++)
        if (!arc_quantise_fits(probes + (size_t)i * dim, dim))
            return arc_fail(err, ARC_EINVAL, "probe %lld of %lld: a number is not finite, or its length is far from 1",
                            (long long)i + 1, (long long)count);
    return ARC_OK;
}

static arc_status search_rounds(search *s, int64_t count, arc_error *err) {
    arc_index *x = s->index;
    const int most = (int)ARC_MIN(count, (int64_t)ARC_SCAN_MAX_PROBES);
    const size_t lists = (size_t)s->threads * (size_t)most, dim = x->slots.layout.dim;
    s->top = (size_t)ARC_MAX(ARC_MIN((int64_t)s->query->top, x->slots.live), (int64_t)1);
    s->list = arc_mem_new(&x->ctx->alloc, lists, sizeof *s->list);
    s->best = arc_mem_raw(&x->ctx->alloc, lists * s->top, sizeof *s->best);
    arc_status st = s->list && s->best ? ARC_OK : arc_fail_nomem(err, "a search");
    for (int64_t done = 0; st == ARC_OK && done < count; done += s->count) {
        s->count = (int)ARC_MIN(count - done, (int64_t)most);
        st = scan_and_rank(s, err);
        s->probes += (size_t)s->count * dim;
        s->hits += (size_t)s->count * (size_t)s->query->top;
        s->found += s->count;
    }
    arc_mem_free(&x->ctx->alloc, s->best);
    arc_mem_free(&x->ctx->alloc, s->list);
    return st;
}

arc_status arc_index_search(arc_index *index, const float *probes, int64_t count, const arc_index_query *query,
                            arc_index_hit *hits, int *found, arc_error *err) {
    arc_index_query defaults;
    arc_index_query_default(&defaults);
    const arc_index_query *q = query ? query : &defaults;
    arc_status st = ARC_CHECK_OPTIONS(arc_index_query, q, err);
    if (st == ARC_OK)
        st = check_query(index, q, probes, count, err);
    if (st != ARC_OK || count < 1)
        return st;
    memset(hits, 0, (size_t)count * (size_t)q->top * sizeof *hits);
    memset(found, 0, (size_t)count * sizeof *found);
    arc_index_lock_read(index);
    uint64_t *allowed;
    st = make_filter(index, q, &allowed, err);
    if (st == ARC_OK) {
        search s = {.index = index, .query = q, .probes = probes, .hits = hits, .found = found, .allowed = allowed};
        s.threads = arc_pool_threads(index->ctx->pool);
        st = search_rounds(&s, count, err);
        arc_mem_free(&index->ctx->alloc, allowed);
    }
    arc_index_unlock(index);
    if (st == ARC_OK)
        atomic_fetch_add(&index->searches, count);
    else { /* no half answers */
        memset(hits, 0, (size_t)count * (size_t)q->top * sizeof *hits);
        memset(found, 0, (size_t)count * sizeof *found);
    }
    return st;
}
