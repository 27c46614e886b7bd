/* gallery: searches whose cosines a cohort normalises. The search itself is by cosines; here the matches that it found get
 * scores, from the cosines of the probe and of each identity with the cohort, and are decided anew. An identity's cosine with one
 * of the cohort is made of its templates' as its cosine with a probe is, by the gallery's fusion. */
#include "gallery/cohort.h"
#include "gallery/decide/decide.h"
#include "gallery/gallery_internal.h"
#include "vector/similarity.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 4096 /* identities whose nearest are remembered */ };

/* An identity's nearest of the cohort. */
typedef struct known {
    int64_t identity;
    arc_cohort_near *near; /* [nearest + 1]; NULL: it has no templates any more */
} known;

struct arc_normaliser {
    arc_gallery *g;
    const arc_alloc *alloc;
    const arc_cohort *cohort;
    arc_fusion fusion;
    int generation;
    int most;     /* nearest that are kept: one more than count, as one may be left out */
    float *score; /* [rows][cohort] of the rows at work */
    int64_t rows;
    float *row;      /* [templates][dim] of the identity at work */
    double *quality; /* [templates] */
    int64_t templates, room;
    known *known; /* [knowns] in the order of identities */
    int64_t knowns;
    arc_status st; /* of what a visitor did */
    arc_error *err;
};

static void forget(arc_normaliser *n) {
    for (int64_t i = 0; i < n->knowns; i++)
        arc_mem_free(n->alloc, n->known[i].near);
    n->knowns = 0;
}

arc_status arc_normaliser_new(arc_gallery *g, const arc_cohort *cohort, arc_normaliser **out, arc_error *err) {
    const arc_alloc *alloc = &g->ctx->alloc;
    arc_normaliser *n = arc_mem_new(alloc, 1, sizeof *n);
    *out = n;
    if (!n)
        return arc_fail_nomem(err, "scores");
    *n = (arc_normaliser){.g = g, .alloc = alloc, .cohort = cohort};
    n->most = (int)ARC_MIN((int64_t)cohort->nearest + 1, cohort->count);
    pthread_mutex_lock(&g->lock);
    n->fusion = g->binding.fusion;
    n->generation = g->binding.generation;
    pthread_mutex_unlock(&g->lock);
    n->known = arc_mem_new(alloc, KEPT, sizeof *n->known);
    return n->known ? ARC_OK : arc_fail_nomem(err, "scores");
}

void arc_normaliser_free(arc_normaliser **normaliser) {
    arc_normaliser *n = *normaliser;
    if (!n)
        return;
    if (n->known)
        forget(n);
    arc_mem_free(n->alloc, n->known);
    arc_mem_free(n->alloc, n->score);
    arc_mem_free(n->alloc, n->row);
    arc_mem_free(n->alloc, n->quality);
    arc_mem_free(n->alloc, n);
    *normaliser = NULL;
}

/* ---- cosines with the cohort ---- */

static void keep_scores(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                        size_t stride) {
    const arc_normaliser *n = arg;
    (void)thread;
    for (int i = 0; i < rows; i++)
        memcpy(n->score + (row + i) * n->cohort->count + column, score + (size_t)i * stride, (size_t)columns * sizeof *score);
}

/* n->score: of these unit rows with all of the cohort. */
static arc_status compare(arc_normaliser *n, const float *row, int64_t rows) {
    if (rows > n->rows) {
        arc_mem_free(n->alloc, n->score);
        n->score = arc_mem_raw(n->alloc, (size_t)rows, (size_t)n->cohort->count * sizeof *n->score);
        n->rows = n->score ? rows : 0;
        if (!n->score)
            return arc_fail_nomem(n->err, "cosines with a cohort");
    }
    const arc_similarity s = {.row = row,
                              .column = n->cohort->unit,
                              .rows = rows,
                              .columns = n->cohort->count,
                              .dim = n->cohort->dim,
                              .visit = keep_scores,
                              .arg = n};
    return arc_similarity_run(n->g->ctx, &s, n->err);
}

/* ---- identities ---- */

static int take_template(void *arg, const arc_template_record *record) {
    arc_normaliser *n = arg;
    const size_t dim = (size_t)n->cohort->dim;
    if (n->g->binding.generation != n->generation) { /* the visitor is called under the gallery's lock */
        n->st = arc_gallery_fail(n->g, n->err, ARC_EIO, "moved to another model while it was searched; search again");
        return 1;
    }
    if (n->templates == n->room) {
        const size_t more = 2 * (size_t)n->room + 16;
        float *row = arc_mem_grow(n->alloc, n->row, (size_t)n->room, more, dim * sizeof *row);
        n->row = row ? row : n->row;
        double *quality = row ? arc_mem_grow(n->alloc, n->quality, (size_t)n->room, more, sizeof *quality) : NULL;
        n->quality = quality ? quality : n->quality;
        n->st = quality ? ARC_OK : arc_fail_nomem(n->err, "a person's templates");
        if (!quality)
            return 1;
        n->room = (int64_t)more;
    }
    memcpy(n->row + n->templates * n->cohort->dim, record->embedding, dim * sizeof *n->row);
    n->quality[n->templates++] = (double)record->quality;
    return 0;
}

/* The identity's cosines with the cohort, by the gallery's fusion, into the first row of n->score. */
static arc_status fuse(arc_normaliser *n) {
    double *cosine = arc_mem_raw(n->alloc, (size_t)n->templates, sizeof *cosine);
    if (!cosine)
        return arc_fail_nomem(n->err, "cosines with a cohort");
    for (int64_t m = 0; m < n->cohort->count; m++) {
        for (int64_t t = 0; t < n->templates; t++)
            cosine[t] = (double)n->score[t * n->cohort->count + m];
        n->score[m] = (float)arc_fuse(n->fusion, cosine, n->quality, n->templates);
    }
    arc_mem_free(n->alloc, cosine);
    return ARC_OK;
}

static arc_status look_at(arc_normaliser *n, known *k) {
    arc_status st;
    n->templates = 0;
    ARC_TRY(arc_gallery_templates(n->g, k->identity, false, take_template, n, n->err));
    ARC_TRY(n->st);
    if (n->templates == 0)
        return ARC_OK;
    ARC_TRY(compare(n, n->row, n->templates));
    ARC_TRY(fuse(n));
    k->near = arc_mem_raw(n->alloc, (size_t)n->most, sizeof *k->near);
    if (!k->near)
        return arc_fail_nomem(n->err, "the nearest of a cohort");
    arc_cohort_nearest(n->score, n->cohort->count, n->most, k->near);
done:
    return st;
}

/* Where the identity is among the known, or should be. */
static int64_t place_of(const arc_normaliser *n, int64_t identity) {
    int64_t low = 0, high = n->knowns;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (n->known[middle].identity < identity)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* *near: NULL if the identity has nothing to compare with any more. */
static arc_status nearest_of(arc_normaliser *n, int64_t identity, const arc_cohort_near **near) {
    int64_t at = place_of(n, identity);
    *near = NULL;
    if (at == n->knowns || n->known[at].identity != identity) {
        known k = {.identity = identity};
        if (n->knowns == KEPT)
            forget(n);
        at = place_of(n, identity);
        const arc_status st = look_at(n, &k);
        if (st != ARC_OK) {
            arc_mem_free(n->alloc, k.near);
            return st;
        }
        memmove(n->known + at + 1, n->known + at, (size_t)(n->knowns - at) * sizeof k);
        n->known[at] = k;
        n->knowns++;
    }
    *near = n->known[at].near;
    return ARC_OK;
}

/* ---- answers ---- */

/* Those who were removed since they were found are dropped. */
static arc_status score_matches(arc_normaliser *n, const arc_cohort_near *probe, int64_t member, arc_answer *answer) {
    const arc_cohort_side side = arc_cohort_side_of(probe, n->cohort->nearest, member);
    arc_status st = ARC_OK;
    int kept = 0;
    for (int i = 0; i < answer->matches; i++) {
        const arc_cohort_near *near;
        arc_match m = answer->match[i];
        st = nearest_of(n, m.identity, &near);
        if (st != ARC_OK)
            return st;
        if (!near)
            continue;
        m.score = arc_cohort_score(m.cosine, side, arc_cohort_side_of(near, n->cohort->nearest, member));
        answer->match[kept++] = m;
    }
    answer->matches = kept;
    return ARC_OK;
}

/* Of length 1: [count][dim]. */
static float *units_of(const arc_normaliser *n, const float *probes, int count) {
    const int dim = n->cohort->dim;
    float *unit = arc_mem_raw(n->alloc, (size_t)count * (size_t)dim, sizeof *unit);
    for (int i = 0; unit && i < count; i++) {
        double sum = 0;
        for (int k = 0; k < dim; k++)
            sum += (double)probes[i * dim + k] * (double)probes[i * dim + k];
        for (int k = 0; k < dim; k++)
            unit[i * dim + k] = (float)((double)probes[i * dim + k] / sqrt(sum));
    }
    return unit;
}

arc_status arc_normaliser_apply(arc_normaliser *n, const float *probes, int count, int64_t member, const arc_search_rule *rule,
                                int top, arc_answer *answers, arc_error *err) {
    arc_status st = ARC_OK;
    n->err = err;
    float *unit = units_of(n, probes, count);
    arc_cohort_near *near = arc_mem_raw(n->alloc, (size_t)count * (size_t)n->most, sizeof *near);
    if (!unit || !near)
        ARC_TRY(arc_fail_nomem(n->err, "cosines with a cohort"));
    ARC_TRY(compare(n, unit, count));
    for (int i = 0; i < count; i++)
        arc_cohort_nearest(n->score + i * n->cohort->count, n->cohort->count, n->most, near + (ptrdiff_t)i * n->most);
    for (int i = 0; i < count; i++) {
        ARC_TRY(score_matches(n, near + (ptrdiff_t)i * n->most, member < 0 ? -1 : member + i, &answers[i]));
        arc_decide_by_scores(rule, &answers[i]);
        answers[i].matches = ARC_MIN(answers[i].matches, top);
    }
done:
    arc_mem_free(n->alloc, near);
    arc_mem_free(n->alloc, unit);
    return st;
}
