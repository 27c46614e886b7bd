/* gallery: cohorts, from embeddings, a file, or a gallery of other people. */
#include "gallery/cohort.h"
#include "format/format.h"
#include "gallery/gallery_internal.h"
#include "gallery/pictures.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* x: [dim] to length 1. */
static arc_status to_unit(float *x, int dim, int64_t row, arc_error *err) {
    double sum = 0;
    for (int k = 0; k < dim; k++)
        sum += (double)x[k] * (double)x[k];
    if (!isfinite(sum))
        return arc_fail(err, ARC_EINVAL, "face %lld of the cohort has a number that is not finite", (long long)row);
    if (sum < 1e-24)
        return arc_fail(err, ARC_EINVAL, "face %lld of the cohort is zero: it has no direction", (long long)row);
    const double scale = 1 / sqrt(sum);
    for (int k = 0; k < dim; k++)
        x[k] = (float)((double)x[k] * scale);
    return ARC_OK;
}

arc_status arc_cohort_new(arc_context *ctx, const float *embedding, int64_t count, int dim, int nearest, arc_cohort **out,
                          arc_error *err) {
    *out = NULL;
    if (count < ARC_COHORT_LEAST || count > ARC_COHORT_MOST)
        return arc_fail(err, ARC_EINVAL, "a cohort has %d to %d faces, not %lld", ARC_COHORT_LEAST, ARC_COHORT_MOST,
                        (long long)count);
    if (dim < 1 || nearest == 1 || nearest < 0)
        return arc_fail(err, ARC_EINVAL, "a cohort of embeddings of %d numbers of which the %d nearest count", dim, nearest);
    arc_cohort *c = arc_mem_new(&ctx->alloc, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(err, "a cohort");
    const int64_t wanted = nearest > 0 ? nearest : ARC_COHORT_NEAREST;
    *c = (arc_cohort){.ctx = ctx, .count = count, .dim = dim, .nearest = (int)ARC_MIN(wanted, count - 1)};
    c->unit = arc_mem_raw(&ctx->alloc, (size_t)count, (size_t)dim * sizeof *c->unit);
    arc_status st = c->unit ? ARC_OK : arc_fail_nomem(err, "a cohort");
    if (st == ARC_OK)
        memcpy(c->unit, embedding, (size_t)count * (size_t)dim * sizeof *c->unit);
    for (int64_t i = 0; st == ARC_OK && i < count; i++)
        st = to_unit(c->unit + i * dim, dim, i, err);
    if (st != ARC_OK)
        arc_cohort_free(&c);
    *out = c;
    return st;
}

arc_status arc_cohort_load(arc_context *ctx, const char *npy_path, int nearest, arc_cohort **out, arc_error *err) {
    arc_dtype type;
    arc_shape shape;
    void *data = NULL;
    *out = NULL;
    arc_status st = arc_npy_load(&ctx->alloc, npy_path, &type, &shape, &data, err);
    if (st != ARC_OK)
        return st;
    if (type != ARC_F32 || shape.rank != 2 || shape.dim[1] < 1 || shape.dim[1] > INT32_MAX)
        st = arc_fail(err, ARC_ESHAPE, "%s: a cohort is an array of float32, [faces][numbers], as \"arcface embed -o\" writes it",
                      npy_path);
    else
        st = arc_cohort_new(ctx, data, shape.dim[0], (int)shape.dim[1], nearest, out, err);
    arc_mem_free(&ctx->alloc, data);
    return st == ARC_OK || st == ARC_ESHAPE ? st : arc_fail_in(err, st, npy_path);
}

/* ---- of a gallery ---- */

typedef struct people {
    int64_t id[ARC_COHORT_MOST];
    int64_t count; /* of those with templates; more than there is room for are counted only */
} people;

static int take_person(void *arg, const arc_identity *identity) {
    people *p = arg;
    if (identity->templates == 0)
        return 0;
    if (p->count < ARC_COHORT_MOST)
        p->id[p->count] = identity->id;
    p->count++;
    return 0;
}

/* Mean directions: [people][dim]. Templates have length 1, so their sum is the direction of their mean. */
static arc_status add_up(arc_gallery *g, const people *p, int dim, float *mean, arc_error *err) {
    arc_pictures own;
    arc_status st = ARC_OK;
    arc_pictures_begin(&own, &g->ctx->alloc, dim);
    for (int64_t i = 0; st == ARC_OK && i < p->count; i++) {
        arc_pictures_clear(&own);
        st = arc_pictures_add_stored(&own, g, p->id[i], err);
        for (int64_t t = 0; st == ARC_OK && t < own.count; t++)
            for (int k = 0; k < dim; k++)
                mean[i * dim + k] += own.row[t * dim + k];
    }
    arc_pictures_end(&own);
    return st;
}

arc_status arc_cohort_of_gallery(arc_gallery *gallery, int nearest, arc_cohort **out, arc_error *err) {
    const arc_alloc *alloc = &gallery->ctx->alloc;
    arc_gallery_facts facts;
    float *mean = NULL;
    *out = NULL;
    people *p = arc_mem_new(alloc, 1, sizeof *p);
    arc_status st = p ? ARC_OK : arc_fail_nomem(err, "a cohort");
    ARC_TRY(st);
    ARC_TRY(arc_gallery_facts_of(gallery, &facts, err));
    if (facts.dim == 0)
        ARC_TRY(arc_gallery_fail(gallery, err, ARC_EINVAL, "nobody is enrolled, so it is no cohort"));
    ARC_TRY(arc_gallery_list(gallery, 0, take_person, p, err));
    if (p->count < ARC_COHORT_LEAST || p->count > ARC_COHORT_MOST)
        ARC_TRY(arc_gallery_fail(gallery, err, ARC_EINVAL, "a cohort has %d to %d people, this gallery has %lld",
                                 ARC_COHORT_LEAST, ARC_COHORT_MOST, (long long)p->count));
    mean = arc_mem_new(alloc, (size_t)p->count, (size_t)facts.dim * sizeof *mean);
    if (!mean)
        ARC_TRY(arc_fail_nomem(err, "a cohort"));
    ARC_TRY(add_up(gallery, p, facts.dim, mean, err));
    st = arc_cohort_new(gallery->ctx, mean, p->count, facts.dim, nearest, out, err);
    if (st == ARC_OK)
        snprintf((*out)->model_sha256, sizeof(*out)->model_sha256, "%s", facts.model_sha256);
    else
        st = arc_fail_in(err, st, gallery->location);
done:
    arc_mem_free(alloc, mean);
    arc_mem_free(alloc, p);
    return st;
}

/* ---- the rest ---- */

void arc_cohort_free(arc_cohort **cohort) {
    arc_cohort *c = *cohort;
    if (!c)
        return;
    arc_mem_free(&c->ctx->alloc, c->unit);
    arc_mem_free(&c->ctx->alloc, c);
    *cohort = NULL;
}

int64_t arc_cohort_count(const arc_cohort *cohort) {
    return cohort->count;
}

void arc_cohort_rule_given(double score, arc_search_rule *out) {
    *out = (arc_search_rule){.threshold = score,
                             .source = ARC_RULE_GIVEN,
                             .comparisons = 1,
                             .far = (double)NAN,
                             .fpir = (double)NAN,
                             .normalised = true};
}

arc_status arc_cohort_check(arc_gallery *g, const arc_cohort *cohort, arc_error *err) {
    arc_gallery_facts facts;
    const arc_status st = arc_gallery_facts_of(g, &facts, err);
    if (st != ARC_OK)
        return st;
    if (facts.dim > 0 && facts.dim != cohort->dim)
        return arc_gallery_fail(g, err, ARC_EINVAL,
                                "embeddings have %d numbers, those of the cohort %d: embed the cohort with the gallery's model",
                                facts.dim, cohort->dim);
    if (*cohort->model_sha256 && *facts.model_sha256 && strcmp(cohort->model_sha256, facts.model_sha256) != 0)
        return arc_gallery_fail(g, err, ARC_EINVAL,
                                "the cohort's embeddings are another model's: embed the cohort with the gallery's model");
    return ARC_OK;
}
