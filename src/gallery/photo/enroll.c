/* gallery/photo: photos of people become their templates. Results of the pipeline are judged one by one, gathered to batches, and
 * told when their batch is on the disk. */
#include "base/base.h"
#include "face/pipeline.h"
#include "face/text.h"
#include "gallery/decide/quality.h"
#include "gallery/photo/batch.h"
#include "gallery/photo/norm.h"
#include <string.h>

#define BATCH_MAX 4096

typedef struct enrolment {
    arc_enroll_options opt;
    arc_enroll_batch batch;
    arc_photo_digests digests;
    int64_t photos; /* how many there are; -1: not known */
    double typical_norm;
    arc_person_fn *person;
    void *person_ctx;
    arc_enroll_tally tally;
} enrolment;

void arc_enroll_options_default(arc_enroll_options *opt) {
    *opt = (arc_enroll_options){.struct_size = sizeof *opt, .batch = 64};
}

/* ---- a photo ---- */

static int largest_face(const arc_result *photo) {
    float most = -1;
    int best = 0;
    for (int i = 0; i < photo->faces; i++) {
        const arc_face *f = &photo->face[i].face;
        const float area = (f->x2_px - f->x1_px) * (f->y2_px - f->y1_px);
        if (area > most) {
            most = area;
            best = i;
        }
    }
    return best;
}

/* Measures the face; one of low quality is refused or doubted. */
static arc_status judge_quality(const enrolment *en, arc_enroll_entry *e, arc_error *err) {
    arc_quality *q = &e->told.quality;
    char *advice = NULL;
    arc_face_quality(&e->photo.face[e->face], e->photo.from, en->typical_norm, q);
    e->measured = true;
    const bool refused = q->combined < en->opt.min_quality, poor = q->combined < ARC_QUALITY_POOR;
    if (!refused && !poor)
        return ARC_OK;
    const arc_status st = arc_quality_advise(en->batch.ctx, q, &advice, err);
    if (st != ARC_OK)
        return st;
    if (refused)
        arc_enroll_refuse(e, ARC_EINVAL, "%.200s: its quality is %.3f, below the %.3f of --min-quality; %s", arc_enroll_label(e),
                          q->combined, en->opt.min_quality, advice);
    else if (en->opt.strict)
        arc_enroll_refuse(e, ARC_EINVAL, "%.150s: its quality is %.3f, below %.3f; %s. Without --strict it is stored",
                          arc_enroll_label(e), q->combined, ARC_QUALITY_POOR, advice);
    else
        arc_enroll_doubt(e, "%.150s is stored, but its quality is %.3f; %s (--strict refuses it)", arc_enroll_label(e),
                         q->combined, advice);
    arc_text_free(en->batch.ctx, &advice);
    return ARC_OK;
}

/* What speaks against a photo without a look into the gallery. Errors: ENOMEM. */
static arc_status judge(const enrolment *en, arc_enroll_entry *e, arc_error *err) {
    const arc_result *photo = &e->photo;
    if (photo->status != ARC_OK || photo->faces == 0) {
        arc_error why;
        arc_result_explain(photo, &why);
        arc_enroll_refuse(e, why.code, "%s", why.text);
        return ARC_OK;
    }
    if (photo->faces_found > 1 && !en->opt.largest) {
        arc_enroll_refuse(
            e, ARC_EINVAL,
            "%s has %d faces: which of them is %.200s's? Cut the photo to that one, or take the largest (--largest)",
            arc_enroll_label(e), photo->faces_found, e->person);
        return ARC_OK;
    }
    e->face = largest_face(photo);
    return judge_quality(en, e, err);
}

/* ---- batches ---- */

static void tell(enrolment *en, const arc_enroll_entry *e) {
    arc_enroll_tally *t = &en->tally;
    const arc_enrolled *told = &e->told;
    t->stored += told->as == ARC_ENROLLED;
    t->before += told->as == ARC_ENROLLED_BEFORE;
    t->failed += told->as == ARC_ENROLL_FAILED;
    t->doubtful += told->as == ARC_ENROLLED && *told->doubt;
    t->people += told->as == ARC_ENROLLED && told->first;
    if (en->opt.told)
        en->opt.told(en->opt.ctx, told);
}

static arc_status store(enrolment *en, arc_error *err) {
    const arc_status st = arc_enroll_batch_store(&en->batch, err);
    for (int i = 0; i < en->batch.count; i++)
        tell(en, &en->batch.entry[i]);
    arc_enroll_batch_clear(&en->batch);
    return st;
}

/* Takes the result over. */
static arc_status take(void *ctx, int64_t index, arc_result *photo, arc_error *err) {
    enrolment *en = ctx;
    arc_enroll_batch *b = &en->batch;
    arc_error nobody = {0};
    en->tally.photos++;
    if (photo->status == ARC_OK && photo->faces > 0 && !photo->face[0].crop.data)
        return arc_fail(err, ARC_EINVAL, "enrolling needs crops: open the pipeline with keep_crops");
    const char *name = arc_face_name(photo), *person = en->person(en->person_ctx, index, name, &nobody);
    char *copy = arc_mem_strdup(&b->ctx->alloc, person ? person : "");
    if (!copy)
        return arc_fail_nomem(err, name);
    arc_enroll_entry *e = &b->entry[b->count++];
    *e = (arc_enroll_entry){.photo = *photo, .person = copy};
    *photo = (arc_result){0};
    arc_photo_digests_get(&en->digests, index, e->told.sha256, &e->has_digest);
    e->told.quality = arc_quality_unknown();
    arc_status st = ARC_OK;
    if (person || e->photo.status != ARC_OK)
        st = judge(en, e, err);
    else
        arc_enroll_refuse(e, nobody.code ? nobody.code : ARC_EINVAL, "%s", *nobody.text ? nobody.text : "nobody's photo");
    if (st == ARC_OK && b->count == b->capacity)
        st = store(en, err);
    if (st == ARC_OK && en->opt.progress && en->opt.progress(en->opt.ctx, index + 1, en->photos) != 0) {
        st = store(en, err);
        st = st == ARC_OK ? arc_fail(err, ARC_ECANCEL, "enrolling was cancelled") : st;
    }
    return st;
}

static arc_status check(const arc_pipeline *pipeline, const arc_photo_source *photos, const arc_enroll_options *opt,
                        arc_error *err) {
    if (ARC_CHECK_OPTIONS(arc_enroll_options, opt, err) != ARC_OK || ARC_CHECK_OPTIONS(arc_photo_source, photos, err) != ARC_OK)
        return ARC_EINVAL;
    if (!arc_pipeline_model(pipeline))
        return arc_fail(err, ARC_EINVAL, "a pipeline without an embedder cannot enrol");
    if (opt && (opt->batch < 1 || opt->batch > BATCH_MAX))
        return arc_fail(err, ARC_EINVAL, "batches of %d photos: 1 to %d are possible", opt->batch, BATCH_MAX);
    if (opt && !(opt->min_quality >= 0 && opt->min_quality <= 1))
        return arc_fail(err, ARC_EINVAL, "a least quality of %g: 0 to 1 is possible", opt->min_quality);
    return ARC_OK;
}

arc_status arc_enroll_source(arc_gallery *gallery, arc_pipeline *pipeline, const arc_photo_source *photos, arc_person_fn *person,
                             void *person_ctx, const arc_enroll_options *opt, arc_enroll_tally *out, arc_error *err) {
    enrolment en = {.person = person, .person_ctx = person_ctx};
    if (out)
        *out = en.tally;
    arc_status st = ARC_OK;
    ARC_TRY(check(pipeline, photos, opt, err));
    arc_enroll_options_default(&en.opt);
    if (opt)
        en.opt = *opt;
    en.photos = photos->count;
    arc_context *ctx = arc_pipeline_context(pipeline);
    const arc_model *model = arc_pipeline_model(pipeline);
    ARC_TRY(arc_gallery_bind(gallery, model, err));
    ARC_TRY(arc_photo_typical_norm(gallery, pipeline, &en.typical_norm, err));
    en.batch = (arc_enroll_batch){.ctx = ctx, .gallery = gallery, .strict = en.opt.strict, .dim = arc_model_contract(model)->dim};
    ARC_TRY(arc_enroll_batch_begin(&en.batch, en.opt.batch, err));
    ARC_TRY(arc_photo_digests_begin(&en.digests, &ctx->alloc, photos, err));
    st = arc_pipeline_run_source(pipeline, &en.digests.source, take, &en, err);
    if (st == ARC_OK || en.batch.count > 0) { /* what came before the source broke */
        const arc_status stored = store(&en, st == ARC_OK ? err : NULL);
        st = st == ARC_OK ? stored : st;
    }
done:
    arc_photo_digests_end(&en.digests);
    arc_enroll_batch_end(&en.batch);
    if (out)
        *out = en.tally;
    return st;
}

/* ---- one photo ---- */

static arc_status next_of_one(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    (void)err;
    *photo = index == 0 ? *(const arc_photo *)ctx : (arc_photo){.kind = ARC_PHOTO_END};
    return ARC_OK;
}

static const char *the_person(void *ctx, int64_t index, const char *photo, arc_error *err) {
    (void)index, (void)photo, (void)err;
    return ctx;
}

static void keep(void *ctx, const arc_enrolled *photo) {
    arc_enrolled *out = ctx;
    *out = *photo;
    out->photo = NULL;
    out->person = NULL;
}

arc_status arc_enroll(arc_gallery *gallery, arc_pipeline *pipeline, const char *person, const arc_photo *photo,
                      const arc_enroll_options *opt, arc_enrolled *out, arc_error *err) {
    arc_enrolled one = {.as = ARC_ENROLL_FAILED, .quality = arc_quality_unknown()};
    arc_photo_source source;
    arc_enroll_options own;
    arc_photo_source_default(&source);
    source.next = next_of_one;
    source.ctx = (void *)(uintptr_t)photo;
    source.count = 1;
    arc_status st = ARC_CHECK_OPTIONS(arc_enroll_options, opt, err);
    if (st == ARC_OK) {
        arc_enroll_options_default(&own);
        if (opt)
            own = *opt;
        own.progress = NULL;
        own.told = keep;
        own.ctx = &one;
        st = arc_enroll_source(gallery, pipeline, &source, the_person, (void *)(uintptr_t)person, &own, NULL, err);
    }
    if (st == ARC_OK && one.as == ARC_ENROLL_FAILED)
        st = arc_fail(err, one.error.code, "%s", one.error.text);
    if (out)
        *out = one;
    return st;
}
