/* gallery/photo: photos of people become their templates. Results of the pipeline are judged one by one, gathered to batches, and
 * told when their batch is on the disk. */
#include "base/base.h"
#include "face/pipeline.h"
#include "face/text.h"
#include "gallery/photo/batch.h"
#include <string.h>

#define BATCH_MAX 4096

typedef struct enrolment {
    arc_enroll_options opt;
    arc_enroll_batch batch;
    arc_photo_digests digests;
    int64_t photos; /* how many there are; -1: not known */
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

/* What speaks against a photo without a look into the gallery. */
static void judge(const enrolment *en, arc_enroll_entry *e) {
    const arc_result *photo = &e->photo;
    if (photo->status != ARC_OK || photo->faces == 0) {
        arc_error why;
        arc_result_explain(photo, &why);
        arc_enroll_refuse(e, why.code, "%s", why.text);
        return;
    }
    if (photo->faces_found > 1 && !en->opt.largest) {
        arc_enroll_refuse(
            e, ARC_EINVAL,
            "%s has %d faces: which of them is %.200s's? Cut the photo to that one, or take the largest (--largest)",
            arc_enroll_label(e), photo->faces_found, e->person);
        return;
    }
    e->face = largest_face(photo);
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
    if (person || e->photo.status != ARC_OK)
        judge(en, e);
    else
        arc_enroll_refuse(e, nobody.code ? nobody.code : ARC_EINVAL, "%s", *nobody.text ? nobody.text : "nobody's photo");
    arc_status st = b->count == b->capacity ? store(en, err) : ARC_OK;
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
    arc_enrolled one = {.as = ARC_ENROLL_FAILED};
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
