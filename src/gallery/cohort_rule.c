/* gallery: the threshold of scores that a cohort gives: each of its faces is searched for, and is a stranger. */
#include "gallery/cohort.h"
#include "gallery/decide/decide.h"
#include "gallery/gallery_internal.h"
#include <math.h>

enum { TOGETHER = 64 /* faces that are searched for at once */ };

/* The best score of each of the cohort, searched for by itself; score: [count]. */
static arc_status search_all(arc_gallery *g, const arc_cohort *c, arc_normaliser *n, double *score, int64_t *compared,
                             arc_error *err) {
    const arc_search_rule none = {.threshold = -INFINITY, .normalised = true};
    arc_gallery_query query;
    arc_answer answer[TOGETHER];
    arc_status st = ARC_OK;
    arc_gallery_query_default(&query);
    query.top = ARC_COHORT_CANDIDATES;
    for (int64_t from = 0; st == ARC_OK && from < c->count; from += TOGETHER) {
        const int count = (int)ARC_MIN(c->count - from, TOGETHER);
        const float *probes = c->unit + from * c->dim;
        st = arc_gallery_identify(g, probes, count, &query, answer, err);
        if (st == ARC_OK)
            st = arc_normaliser_apply(n, probes, count, from, &none, 1, answer, err);
        for (int i = 0; st == ARC_OK && i < count; i++) {
            *compared = answer[i].compared;
            score[from + i] = answer[i].matches > 0 ? answer[i].match[0].score : -INFINITY;
        }
        arc_answers_free(g->ctx, answer, count);
    }
    return st;
}

arc_status arc_cohort_rule_of(arc_gallery *gallery, const arc_cohort *cohort, double fpir, arc_search_rule *out, arc_error *err) {
    arc_normaliser *n = NULL;
    int64_t above, compared = 0;
    *out = (arc_search_rule){.source = ARC_RULE_COHORT};
    if (!(fpir >= 0 && fpir < 1))
        return arc_gallery_fail(gallery, err, ARC_EINVAL, "a rate of strangers is above 0 and below 1, not %g", fpir);
    arc_status st = arc_cohort_check(gallery, cohort, err);
    if (st != ARC_OK)
        return st;
    double *score = arc_mem_raw(&gallery->ctx->alloc, (size_t)cohort->count, sizeof *score);
    st = score ? arc_normaliser_new(gallery, cohort, &n, err) : arc_fail_nomem(err, "scores");
    if (st == ARC_OK)
        st = search_all(gallery, cohort, n, score, &compared, err);
    if (st == ARC_OK && compared == 0)
        st = arc_gallery_fail(gallery, err, ARC_EINVAL, "nobody is enrolled, so there is nothing that a threshold could be for");
    if (st == ARC_OK) {
        const double wished = fpir > 0 ? fpir : ARC_FPIR_DEFAULT;
        *out = (arc_search_rule){.threshold = arc_cohort_threshold(score, cohort->count, wished, &above),
                                 .source = ARC_RULE_COHORT,
                                 .comparisons = compared,
                                 .far = (double)NAN,
                                 .fpir = wished,
                                 .impostor = cohort->count,
                                 .normalised = true};
        out->supported = above >= 10;
    }
    arc_mem_free(&gallery->ctx->alloc, score);
    arc_normaliser_free(&n);
    return st;
}
