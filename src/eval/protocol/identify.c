/* eval: 1:N searches. A first pass over the similarities of probes and gallery finds each probe's mate and its best non-mate;
 * a second one counts the non-mates that score at least as high as the mate. */
#include "eval/protocol/all_pairs.h"
#include "eval/stats/curve.h"
#include "vector/similarity.h"
#include <arcface/evaluate_search.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const double fpir_targets[] = {1e-3, 1e-2, 1e-1};
static const double wrong_targets[] = {1e-2, 1e-1}; /* the targets of InsightFace's ijb_1n.py */

typedef struct searching {
    const int64_t *mate; /* [probes] index in the gallery, -1: no mate */
    float *mate_score, *stranger_score;
    int64_t *above;   /* [probes] non-mates that score at least as high as the mate */
    uint64_t **wrong; /* [threads][ARC_GRID_POINTS] counts of non-mates' scores */
    double *tail;     /* the highest scores of non-mates, from grid point `tail_from` on */
    int tail_from;
    atomic_size_t tails;
} searching;

static void find_mates(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                       size_t stride) {
    searching *s = arg;
    uint64_t *wrong = s->wrong[thread];
    for (int i = 0; i < rows; i++) {
        const int64_t p = row + i, mate = s->mate[p] - column;
        for (int j = 0; j < columns; j++) {
            const float x = score[(size_t)i * stride + (size_t)j];
            if (j == mate) {
                s->mate_score[p] = x;
                continue;
            }
            s->stranger_score[p] = ARC_MAX(s->stranger_score[p], x);
            wrong[arc_grid_point(x)]++;
        }
    }
}

static void count_above(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                        size_t stride) {
    searching *s = arg;
    (void)thread;
    for (int i = 0; i < rows; i++) {
        const int64_t p = row + i, mate = s->mate[p] - column;
        const float own = s->mate[p] >= 0 ? s->mate_score[p] : INFINITY;
        for (int j = 0; j < columns; j++) {
            const float x = score[(size_t)i * stride + (size_t)j];
            if (j == mate)
                continue;
            s->above[p] += x >= own;
            if (arc_grid_point(x) >= s->tail_from)
                s->tail[atomic_fetch_add(&s->tails, 1)] = (double)x;
        }
    }
}

typedef struct numbered {
    int identity;
    int64_t index;
} numbered;

static int by_identity(const void *a, const void *b) {
    const numbered *x = a, *y = b;
    return (x->identity > y->identity) - (x->identity < y->identity);
}

static arc_status find_places(arc_context *ctx, const int *gallery_identity, int64_t gallery_count, const int *probe_identity,
                              int64_t probes, int64_t *mate, arc_identification *out, arc_error *err) {
    numbered *n = arc_mem_raw(&ctx->alloc, (size_t)gallery_count, sizeof *n);
    arc_status st = n ? ARC_OK : arc_fail_nomem(err, "the gallery's identities");
    size_t known = 0;
    for (int64_t i = 0; n && i < gallery_count; i++)
        if (gallery_identity[i] >= 0)
            n[known++] = (numbered){gallery_identity[i], i};
    if (known)
        qsort(n, known, sizeof *n, by_identity);
    for (size_t i = 1; i < known && st == ARC_OK; i++)
        if (n[i].identity == n[i - 1].identity)
            st = arc_fail(err, ARC_EINVAL, "identity %d stands in the gallery twice; a gallery has one template an identity",
                          n[i].identity);
    for (int64_t p = 0; p < probes && st == ARC_OK; p++) {
        const numbered key = {probe_identity[p], 0};
        const numbered *hit = known ? bsearch(&key, n, known, sizeof *n, by_identity) : NULL;
        mate[p] = hit ? hit->index : -1;
        out->mated += hit != NULL;
    }
    out->gallery = gallery_count;
    out->gallery_identities = (int64_t)known;
    out->distractors = gallery_count - (int64_t)known;
    out->nonmated = probes - out->mated;
    arc_mem_free(&ctx->alloc, n);
    return st;
}

static void fill_cmc(const searching *s, int64_t probes, arc_identification *out) {
    int64_t hits[ARC_MAX_CMC] = {0};
    out->cmc_ranks = (int)ARC_MIN((int64_t)ARC_MAX_CMC, out->gallery);
    for (int64_t p = 0; p < probes; p++)
        if (s->mate[p] >= 0 && s->above[p] < ARC_MAX_CMC)
            hits[s->above[p]]++;
    for (int k = 0; k < out->cmc_ranks; k++) {
        if (k)
            hits[k] += hits[k - 1];
        out->cmc[k] = arc_rate_of(hits[k], out->mated);
    }
}

/* Open set: scores of searches that succeed at rank 1, against the best scores of searches without a mate. */
static arc_status fill_open_set(arc_context *ctx, const searching *s, int64_t probes, arc_identification *out, arc_error *err) {
    double *score = arc_mem_raw(&ctx->alloc, (size_t)probes, sizeof *score);
    if (!score)
        return arc_fail_nomem(err, "the open-set scores");
    int64_t right = 0, false_alarms = 0;
    for (int64_t p = 0; p < probes; p++)
        if (s->mate[p] >= 0 && s->above[p] == 0)
            score[right++] = (double)s->mate_score[p];
    for (int64_t p = 0; p < probes; p++)
        if (s->mate[p] < 0)
            score[right + false_alarms++] = (double)s->stranger_score[p];
    arc_status st = arc_sort_scores(&ctx->alloc, score, (size_t)right, err);
    if (st == ARC_OK)
        st = arc_sort_scores(&ctx->alloc, score + right, (size_t)false_alarms, err);
    arc_curve c = {0};
    arc_curve_builder b;
    arc_curve_begin(&b, &ctx->alloc, out->mated, out->nonmated, fpir_targets, ARC_COUNT(fpir_targets), &c);
    if (st == ARC_OK)
        st = arc_curve_put_sorted(&b, score, right, score + right, false_alarms, err);
    out->open_sets = c.operatings;
    memcpy(out->open_set, c.operating, sizeof out->open_set);
    out->point = c.point;
    out->points = c.points;
    arc_mem_free(&ctx->alloc, score);
    return st;
}

static void fill_wrong_pairs(const searching *s, int64_t probes, arc_identification *out) {
    const size_t tails = atomic_load(&s->tails);
    for (size_t k = 0; k < ARC_COUNT(wrong_targets); k++) {
        const size_t rank = (size_t)ceil((double)probes * wrong_targets[k]);
        int64_t found = 0;
        if (rank < 1 || rank > tails)
            continue;
        const double threshold = s->tail[rank - 1];
        for (int64_t p = 0; p < probes; p++)
            found += s->mate[p] >= 0 && (double)s->mate_score[p] > threshold;
        out->wrong_pairs_fpir[out->wrong_pairs] = wrong_targets[k];
        out->wrong_pairs_tpir[out->wrong_pairs] = out->mated ? (double)found / (double)out->mated : 0;
        out->wrong_pairs_threshold[out->wrong_pairs++] = threshold;
    }
}

/* The lowest grid point at or above which at least `want` scores lie; *count is how many. */
static int tail_start(uint64_t **wrong, int threads, uint64_t want, uint64_t *count) {
    int at = ARC_GRID_POINTS;
    *count = 0;
    while (at > 0 && *count < want) {
        at--;
        for (int t = 0; t < threads; t++)
            *count += wrong[t][at];
    }
    return at;
}

static arc_status search(arc_context *ctx, searching *s, arc_similarity *m, int64_t probes, arc_identification *out,
                         arc_error *err) {
    uint64_t tails;
    m->arg = s;
    m->visit = find_mates;
    arc_status st = arc_similarity_run(ctx, m, err);
    if (st != ARC_OK)
        return st;
    s->tail_from = tail_start(s->wrong, arc_pool_threads(ctx->pool), (uint64_t)ceil((double)probes * wrong_targets[1]), &tails);
    s->tail = arc_mem_raw(&ctx->alloc, (size_t)tails, sizeof *s->tail);
    if (!s->tail)
        return arc_fail_nomem(err, "the highest wrong scores");
    m->visit = count_above;
    st = arc_similarity_run(ctx, m, err);
    if (st == ARC_OK)
        st = arc_sort_scores(&ctx->alloc, s->tail, (size_t)tails, err);
    if (st != ARC_OK)
        return st;
    fill_cmc(s, probes, out);
    fill_wrong_pairs(s, probes, out);
    return fill_open_set(ctx, s, probes, out, err);
}

arc_status arc_identify(arc_context *ctx, const float *gallery, const int *gallery_identity, int64_t gallery_count,
                        const float *probe, const int *probe_identity, int64_t probes, int dim, arc_identification *out,
                        arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    const int threads = arc_pool_threads(ctx->pool);
    arc_status st = ARC_OK;
    *out = (arc_identification){0};
    if (gallery_count < 1 || probes < 1 || dim < 1)
        return arc_fail(err, ARC_EINVAL, "a search needs a gallery and probes: %lld and %lld given", (long long)gallery_count,
                        (long long)probes);
    searching s = {0};
    int64_t *mate = arc_mem_raw(a, (size_t)probes, sizeof *mate);
    float *unit = arc_mem_raw(a, (size_t)(gallery_count + probes), (size_t)dim * sizeof(float));
    s.mate_score = arc_mem_new(a, (size_t)probes, sizeof(float));
    s.stranger_score = arc_mem_new(a, (size_t)probes, sizeof(float));
    s.above = arc_mem_new(a, (size_t)probes, sizeof *s.above);
    s.wrong = arc_mem_new(a, (size_t)threads, sizeof *s.wrong);
    s.mate = mate;
    bool good = mate && unit && s.mate_score && s.stranger_score && s.above && s.wrong;
    for (int t = 0; t < threads && good; t++)
        good = (s.wrong[t] = arc_mem_new(a, ARC_GRID_POINTS, sizeof(uint64_t))) != NULL;
    if (!good)
        ARC_TRY(arc_fail_nomem(err, "the searches"));
    float *unit_probe = unit + (size_t)gallery_count * (size_t)dim;
    ARC_TRY(arc_unit_rows(gallery, gallery_count, dim, unit, err));
    ARC_TRY(arc_unit_rows(probe, probes, dim, unit_probe, err));
    for (int64_t p = 0; p < probes; p++)
        s.stranger_score[p] = -1;
    ARC_TRY(find_places(ctx, gallery_identity, gallery_count, probe_identity, probes, mate, out, err));
    arc_similarity m = {.row = unit_probe, .column = unit, .rows = probes, .columns = gallery_count, .dim = dim};
    ARC_TRY(search(ctx, &s, &m, probes, out, err));
done:
    if (st != ARC_OK)
        arc_identification_free(ctx, out);
    for (int t = 0; s.wrong && t < threads; t++)
        arc_mem_free(a, s.wrong[t]);
    arc_mem_free(a, s.tail);
    arc_mem_free(a, s.wrong);
    arc_mem_free(a, s.above);
    arc_mem_free(a, s.stranger_score);
    arc_mem_free(a, s.mate_score);
    arc_mem_free(a, unit);
    arc_mem_free(a, mate);
    return st;
}

void arc_identification_free(arc_context *ctx, arc_identification *identification) {
    if (!identification)
        return;
    arc_mem_free(&ctx->alloc, identification->point);
    *identification = (arc_identification){0};
}
