/* eval: 1:N searches. A first pass over the similarities of probes and gallery finds the score of each probe's mate and the best
 * of anybody else; a second one counts the others who score at least as high as the mate. An identity's score is the highest of
 * its templates', which therefore lie side by side. */
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
    float *unit;    /* [templates + probes][dim] */
    int64_t *owner; /* [templates] whose each is, rising; every distractor is an owner of its own */
    int64_t *mate;  /* [probes] the owner that is right, -1: no mate */
    float *mate_score, *stranger_score;
    int64_t *above;   /* [probes] other owners that score at least as high as the mate */
    int64_t *counted; /* [probes] the last of them */
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
        const int64_t p = row + i;
        for (int j = 0; j < columns; j++) {
            const float x = score[(size_t)i * stride + (size_t)j];
            if (s->owner[column + j] == s->mate[p]) {
                s->mate_score[p] = ARC_MAX(s->mate_score[p], x);
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
        const int64_t p = row + i;
        const float own = s->mate[p] >= 0 ? s->mate_score[p] : INFINITY;
        for (int j = 0; j < columns; j++) {
            const float x = score[(size_t)i * stride + (size_t)j];
            const int64_t owner = s->owner[column + j];
            if (owner == s->mate[p])
                continue;
            if (x >= own && s->counted[p] != owner) { /* the templates of one are met one after the other */
                s->above[p]++;
                s->counted[p] = owner;
            }
            if (arc_grid_point(x) >= s->tail_from)
                s->tail[atomic_fetch_add(&s->tails, 1)] = (double)x;
        }
    }
}

typedef struct numbered {
    int identity;
    int64_t index, owner;
} numbered;

static int by_identity(const void *a, const void *b) {
    const numbered *x = a, *y = b;
    if (x->identity != y->identity)
        return x->identity > y->identity ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* The gallery's templates in the order of identities, numbers from 0 for those whom they are of, and who is right for each
 * probe. */
static void find_places(numbered *n, const int *gallery_identity, int64_t gallery_count, const int *probe_identity,
                        int64_t probes, int64_t *mate, arc_identification *out) {
    int64_t owner = -1;
    for (int64_t i = 0; i < gallery_count; i++)
        n[i] = (numbered){.identity = gallery_identity[i], .index = i};
    qsort(n, (size_t)gallery_count, sizeof *n, by_identity);
    for (int64_t i = 0; i < gallery_count; i++) {
        const bool distractor = n[i].identity < 0, first = i == 0 || n[i].identity != n[i - 1].identity;
        n[i].owner = owner += distractor || first;
        out->distractors += distractor;
        out->gallery_identities += !distractor && first;
    }
    const int64_t known = gallery_count - out->distractors; /* distractors come first */
    for (int64_t p = 0; p < probes; p++) {
        int64_t low = out->distractors, high = gallery_count;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (n[middle].identity < probe_identity[p])
                low = middle + 1;
            else
                high = middle;
        }
        mate[p] = known && low < gallery_count && n[low].identity == probe_identity[p] ? n[low].owner : -1;
        out->mated += mate[p] >= 0;
    }
    out->gallery = gallery_count;
    out->nonmated = probes - out->mated;
}

/* Row i becomes the one that was at place[i].index, along the cycles of the permutation; the places become 0, 1, 2, ... */
static void put_in_order(float *row, size_t dim, numbered *place, int64_t count, float *held) {
    const size_t bytes = dim * sizeof *row;
    for (int64_t start = 0; start < count; start++) {
        int64_t at = start;
        if (place[start].index == start)
            continue;
        memcpy(held, row + (size_t)start * dim, bytes);
        for (int64_t next; (next = place[at].index) != start; at = next) {
            memcpy(row + (size_t)at * dim, row + (size_t)next * dim, bytes);
            place[at].index = at;
        }
        memcpy(row + (size_t)at * dim, held, bytes);
        place[at].index = at;
    }
}

static void fill_cmc(const searching *s, int64_t probes, arc_identification *out) {
    int64_t hits[ARC_MAX_CMC] = {0};
    out->cmc_ranks = (int)ARC_MIN((int64_t)ARC_MAX_CMC, out->gallery_identities + out->distractors);
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

static arc_status begin(arc_context *ctx, searching *s, int64_t templates, int64_t probes, int dim, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    const int threads = arc_pool_threads(ctx->pool);
    s->unit = arc_mem_raw(a, (size_t)(templates + probes), (size_t)dim * sizeof(float));
    s->owner = arc_mem_raw(a, (size_t)templates, sizeof *s->owner);
    s->mate = arc_mem_raw(a, (size_t)probes, sizeof *s->mate);
    s->mate_score = arc_mem_new(a, (size_t)probes, sizeof(float));
    s->stranger_score = arc_mem_new(a, (size_t)probes, sizeof(float));
    s->above = arc_mem_new(a, (size_t)probes, sizeof *s->above);
    s->counted = arc_mem_raw(a, (size_t)probes, sizeof *s->counted);
    s->wrong = arc_mem_new(a, (size_t)threads, sizeof *s->wrong);
    bool good = s->unit && s->owner && s->mate && s->mate_score && s->stranger_score && s->above && s->counted && s->wrong;
    for (int t = 0; t < threads && good; t++)
        good = (s->wrong[t] = arc_mem_new(a, ARC_GRID_POINTS, sizeof(uint64_t))) != NULL;
    if (!good)
        return arc_fail_nomem(err, "the searches");
    for (int64_t p = 0; p < probes; p++) {
        s->mate_score[p] = -2; /* below every cosine */
        s->stranger_score[p] = -1;
        s->counted[p] = -1;
    }
    return ARC_OK;
}

static void end(arc_context *ctx, searching *s) {
    const arc_alloc *a = &ctx->alloc;
    for (int t = 0; s->wrong && t < arc_pool_threads(ctx->pool); t++)
        arc_mem_free(a, s->wrong[t]);
    arc_mem_free(a, s->tail);
    arc_mem_free(a, s->wrong);
    arc_mem_free(a, s->counted);
    arc_mem_free(a, s->above);
    arc_mem_free(a, s->stranger_score);
    arc_mem_free(a, s->mate_score);
    arc_mem_free(a, s->mate);
    arc_mem_free(a, s->owner);
    arc_mem_free(a, s->unit);
}

/* Templates and mates by their owners, from what identities they have. */
static arc_status arrange(arc_context *ctx, searching *s, const int *gallery_identity, int64_t gallery_count,
                          const int *probe_identity, int64_t probes, int dim, arc_identification *out, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    numbered *place = arc_mem_raw(a, (size_t)gallery_count, sizeof *place);
    float *held = arc_mem_raw(a, (size_t)dim, sizeof *held);
    const bool good = place && held;
    if (good) {
        find_places(place, gallery_identity, gallery_count, probe_identity, probes, s->mate, out);
        put_in_order(s->unit, (size_t)dim, place, gallery_count, held);
    }
    for (int64_t i = 0; good && i < gallery_count; i++)
        s->owner[i] = place[i].owner;
    arc_mem_free(a, held);
    arc_mem_free(a, place);
    return good ? ARC_OK : arc_fail_nomem(err, "the gallery's identities");
}

arc_status arc_identify(arc_context *ctx, const float *gallery, const int *gallery_identity, int64_t gallery_count,
                        const float *probe, const int *probe_identity, int64_t probes, int dim, arc_identification *out,
                        arc_error *err) {
    arc_status st;
    *out = (arc_identification){0};
    if (gallery_count < 1 || probes < 1 || dim < 1)
        return arc_fail(err, ARC_EINVAL, "a search needs a gallery and probes: %lld and %lld given", (long long)gallery_count,
                        (long long)probes);
    searching s = {0};
    ARC_TRY(begin(ctx, &s, gallery_count, probes, dim, err));
    float *unit_probe = s.unit + (size_t)gallery_count * (size_t)dim;
    ARC_TRY(arc_unit_rows(gallery, gallery_count, dim, s.unit, err));
    ARC_TRY(arc_unit_rows(probe, probes, dim, unit_probe, err));
    ARC_TRY(arrange(ctx, &s, gallery_identity, gallery_count, probe_identity, probes, dim, out, err));
    arc_similarity m = {.row = unit_probe, .column = s.unit, .rows = probes, .columns = gallery_count, .dim = dim};
    ARC_TRY(search(ctx, &s, &m, probes, out, err));
done:
    if (st != ARC_OK)
        arc_identification_free(ctx, out);
    end(ctx, &s);
    return st;
}

void arc_identification_free(arc_context *ctx, arc_identification *identification) {
    if (!identification)
        return;
    arc_mem_free(&ctx->alloc, identification->point);
    *identification = (arc_identification){0};
}
