/* gallery: how many pictures people have and how good they are, who looks like whom, and which pictures are unlike their person's
 * others. It is made of searches, as any application could make them. */
#include "gallery/gallery_internal.h"
#include "gallery/pictures.h"
#include <arcface/gallery_survey.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOGETHER = 64 }; /* templates in one search */

typedef struct surveying {
    arc_gallery *g;
    const arc_alloc *alloc;
    const arc_gallery_survey_options *opt;
    arc_gallery_survey *out;
    int64_t person_room, alike_room, outlier_room;
    float *quality; /* [qualities] that are known */
    int64_t qualities, quality_room;
    arc_status st; /* of what a visitor did */
    arc_error *err;
} surveying;

void arc_gallery_survey_options_default(arc_gallery_survey_options *opt) {
    *opt = (arc_gallery_survey_options){.struct_size = sizeof *opt, .threshold = (double)NAN, .neighbours = 16};
}

void arc_gallery_survey_free(arc_context *ctx, arc_gallery_survey *survey) {
    if (!survey)
        return;
    for (int64_t i = 0; i < survey->people; i++)
        arc_mem_free(&ctx->alloc, survey->person[i].name);
    arc_mem_free(&ctx->alloc, survey->person);
    arc_mem_free(&ctx->alloc, survey->alike);
    arc_mem_free(&ctx->alloc, survey->outlier);
    *survey = (arc_gallery_survey){.person = NULL};
}

/* The list with room for one more; NULL: memory is refused, and the old list is what it was. */
static void *roomy(const surveying *s, void *list, int64_t count, int64_t *room, size_t size) {
    if (count < *room)
        return list;
    const int64_t more = 2 * count + 64;
    void *grown = arc_mem_grow(s->alloc, list, (size_t)count, (size_t)more, size);
    *room = grown ? more : *room;
    return grown;
}

/* ---- gathering ---- */

static int gather_person(void *arg, const arc_identity *identity) {
    surveying *s = arg;
    arc_gallery_survey *out = s->out;
    arc_survey_person *person = roomy(s, out->person, out->people, &s->person_room, sizeof *person);
    out->person = person ? person : out->person;
    char *name = person ? arc_mem_strdup(s->alloc, identity->name) : NULL;
    if (!name) {
        s->st = arc_fail_nomem(s->err, "a gallery's people");
        return 1;
    }
    out->fewest = out->people == 0 ? identity->templates : ARC_MIN(out->fewest, identity->templates);
    out->most = ARC_MAX(out->most, identity->templates);
    out->without += identity->templates == 0;
    person[out->people++] = (arc_survey_person){.id = identity->id, .name = name, .templates = identity->templates};
    return 0;
}

static int gather_quality(void *arg, const arc_template_record *record) {
    surveying *s = arg;
    if (!isfinite(record->quality))
        return 0;
    float *quality = roomy(s, s->quality, s->qualities, &s->quality_room, sizeof *quality);
    if (!quality) {
        s->st = arc_fail_nomem(s->err, "the quality of pictures");
        return 1;
    }
    s->quality = quality;
    quality[s->qualities++] = record->quality;
    return 0;
}

/* ---- comparing ---- */

static int by_id(const void *a, const void *b) {
    const int64_t x = ((const arc_survey_person *)a)->id, y = ((const arc_survey_person *)b)->id;
    return (x > y) - (x < y);
}

/* A pair may be found from both sides and by several pictures: all are noted here, one is left in the end. */
static arc_status note_alike(surveying *s, int64_t place, const arc_match *match) {
    arc_gallery_survey *out = s->out;
    const arc_survey_person key = {.id = match->identity};
    const arc_survey_person *other = bsearch(&key, out->person, (size_t)out->people, sizeof key, by_id);
    if (!other || other - out->person == place || !(match->best_cosine >= out->threshold))
        return ARC_OK;
    arc_survey_alike *alike = roomy(s, out->alike, out->alikes, &s->alike_room, sizeof *alike);
    if (!alike)
        return arc_fail_nomem(s->err, "people who look alike");
    const int64_t second = other - out->person;
    out->alike = alike;
    alike[out->alikes++] =
        (arc_survey_alike){.person = {ARC_MIN(place, second), ARC_MAX(place, second)}, .cosine = match->best_cosine};
    return ARC_OK;
}

static arc_status compare_with_others(surveying *s, int64_t place, const arc_pictures *own) {
    arc_gallery_query query;
    arc_answer answer[TOGETHER];
    arc_gallery_query_default(&query);
    query.top = s->opt->neighbours + 1; /* oneself is among them */
    arc_status st = ARC_OK;
    for (int64_t from = 0; st == ARC_OK && from < own->count; from += TOGETHER) {
        const int count = (int)ARC_MIN(own->count - from, TOGETHER);
        st = arc_gallery_identify(s->g, own->row + from * own->dim, count, &query, answer, s->err);
        for (int i = 0; st == ARC_OK && i < count; i++)
            for (int k = 0; st == ARC_OK && k < answer[i].matches; k++)
                st = note_alike(s, place, &answer[i].match[k]);
        arc_answers_free(s->g->ctx, answer, count);
    }
    return st;
}

static arc_status compare_within(surveying *s, int64_t place, const arc_pictures *own) {
    arc_gallery_survey *out = s->out;
    for (int64_t i = 0; own->count > 1 && i < own->count; i++) {
        const double cosine = arc_pictures_nearest(own, i);
        if (cosine >= out->threshold)
            continue;
        arc_survey_outlier *outlier = roomy(s, out->outlier, out->outliers, &s->outlier_room, sizeof *outlier);
        if (!outlier)
            return arc_fail_nomem(s->err, "pictures unlike others");
        out->outlier = outlier;
        outlier[out->outliers++] = (arc_survey_outlier){.person = place, .template_id = own->template_id[i], .cosine = cosine};
    }
    return ARC_OK;
}

static arc_status compare(surveying *s, int dim) {
    arc_pictures own;
    arc_status st = ARC_OK;
    arc_pictures_begin(&own, s->alloc, dim);
    for (int64_t i = 0; i < s->out->people; i++) {
        arc_pictures_clear(&own);
        ARC_TRY(arc_pictures_add_stored(&own, s->g, s->out->person[i].id, s->err));
        ARC_TRY(compare_within(s, i, &own));
        ARC_TRY(compare_with_others(s, i, &own));
        if (s->opt->progress && s->opt->progress(s->opt->progress_ctx, "compare", i + 1, s->out->people) != 0)
            ARC_TRY(arc_fail(s->err, ARC_ECANCEL, "cancelled"));
    }
done:
    arc_pictures_end(&own);
    return st;
}

/* ---- what it comes to ---- */

static int by_pair(const void *a, const void *b) {
    const arc_survey_alike *x = a, *y = b;
    for (int i = 0; i < 2; i++)
        if (x->person[i] != y->person[i])
            return x->person[i] < y->person[i] ? -1 : 1;
    return (x->cosine < y->cosine) - (x->cosine > y->cosine);
}

static int most_alike_first(const void *a, const void *b) {
    const double x = ((const arc_survey_alike *)a)->cosine, y = ((const arc_survey_alike *)b)->cosine;
    return x == y ? by_pair(a, b) : x < y ? 1 : -1;
}

static int least_alike_first(const void *a, const void *b) {
    const arc_survey_outlier *x = a, *y = b;
    if (x->cosine != y->cosine)
        return x->cosine < y->cosine ? -1 : 1;
    return (x->template_id > y->template_id) - (x->template_id < y->template_id);
}

static int rising(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Each pair once, by its highest cosine. */
static void keep_best(arc_gallery_survey *out) {
    int64_t kept = 0;
    qsort(out->alike, (size_t)out->alikes, sizeof *out->alike, by_pair);
    for (int64_t i = 0; i < out->alikes; i++)
        if (i == 0 || memcmp(out->alike[i].person, out->alike[kept - 1].person, sizeof out->alike->person) != 0)
            out->alike[kept++] = out->alike[i];
    out->alikes = kept;
    qsort(out->alike, (size_t)kept, sizeof *out->alike, most_alike_first);
}

static double quality_at(const surveying *s, double share) {
    return s->qualities ? (double)s->quality[(int64_t)(share * (double)(s->qualities - 1))] : (double)NAN;
}

static void conclude(surveying *s) {
    arc_gallery_survey *out = s->out;
    if (out->alikes > 0)
        keep_best(out);
    if (out->outliers > 0)
        qsort(out->outlier, (size_t)out->outliers, sizeof *out->outlier, least_alike_first);
    if (s->qualities > 0)
        qsort(s->quality, (size_t)s->qualities, sizeof *s->quality, rising);
    out->quality_lowest = quality_at(s, 0);
    out->quality_tenth = quality_at(s, 0.1);
    out->quality_median = quality_at(s, 0.5);
    out->quality_highest = quality_at(s, 1);
}

static arc_status survey(surveying *s) {
    arc_gallery_facts facts;
    arc_status st;
    ARC_TRY(arc_gallery_facts_of(s->g, &facts, s->err));
    s->out->threshold = isnan(s->opt->threshold) ? facts.threshold : s->opt->threshold;
    ARC_TRY(arc_gallery_list(s->g, 0, gather_person, s, s->err));
    ARC_TRY(s->st);
    ARC_TRY(arc_gallery_templates(s->g, 0, false, gather_quality, s, s->err));
    ARC_TRY(s->st);
    if (facts.dim > 0)
        ARC_TRY(compare(s, facts.dim));
    conclude(s);
done:
    return st;
}

arc_status arc_gallery_survey_of(arc_gallery *g, const arc_gallery_survey_options *opt, arc_gallery_survey *out, arc_error *err) {
    arc_gallery_survey_options defaults;
    const arc_status checked = ARC_CHECK_OPTIONS(arc_gallery_survey_options, opt, err);
    *out = (arc_gallery_survey){.person = NULL};
    if (checked != ARC_OK)
        return checked;
    arc_gallery_survey_options_default(&defaults);
    opt = opt ? opt : &defaults;
    if (opt->neighbours < 1 || opt->neighbours >= ARC_GALLERY_MAX_TOP)
        return arc_fail(err, ARC_EINVAL, "%d neighbours of a template: 1 to %d can be compared", opt->neighbours,
                        ARC_GALLERY_MAX_TOP - 1);
    surveying s = {.g = g, .alloc = &g->ctx->alloc, .opt = opt, .out = out, .err = err};
    const arc_status st = survey(&s);
    arc_mem_free(s.alloc, s.quality);
    if (st != ARC_OK)
        arc_gallery_survey_free(g->ctx, out);
    return st;
}
