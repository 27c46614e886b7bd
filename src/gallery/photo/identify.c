/* gallery/photo: photos in, people out. Each photo that comes out of the pipeline is searched at once: a search of all its faces
 * is short beside finding them. */
#include "base/base.h"
#include "face/pipeline.h"
#include "gallery/shards.h"
#include <arcface/identify.h>
#include <string.h>

typedef struct search {
    arc_context *ctx;
    arc_gallery *gallery; /* NULL: shards */
    arc_shards *shards;
    const arc_gallery_query *query;
    int dim;
    arc_identified_sink *sink;
    void *sink_ctx;
} search;

void arc_identified_free(arc_context *ctx, arc_identified *photo) {
    if (!photo)
        return;
    if (photo->answer)
        arc_answers_free(ctx, photo->answer, photo->photo.faces);
    arc_mem_free(&ctx->alloc, photo->answer);
    arc_result_free(ctx, &photo->photo);
    *photo = (arc_identified){.answer = NULL};
}

static arc_status ask(const search *s, arc_identified *out, float *probes, arc_error *err) {
    const int faces = out->photo.faces;
    for (int i = 0; i < faces; i++) {
        memcpy(probes + (size_t)i * (size_t)s->dim, out->photo.face[i].embedding, (size_t)s->dim * sizeof *probes);
    }
    const arc_status st = s->gallery ? arc_gallery_identify(s->gallery, probes, faces, s->query, out->answer, err)
                                     : arc_shards_identify(s->shards, probes, faces, s->query, out->answer, NULL, err);
    for (int i = 0; st == ARC_OK && i < faces; i++) {
        out->known += out->answer[i].known == ARC_KNOWN;
        out->unknown += out->answer[i].known != ARC_KNOWN;
    }
    return st;
}

static arc_status answer(const search *s, arc_identified *out, arc_error *err) {
    const arc_alloc *a = &s->ctx->alloc;
    const size_t faces = (size_t)out->photo.faces;
    if (out->photo.status != ARC_OK || faces == 0)
        return ARC_OK;
    float *probes = arc_mem_raw(a, faces * (size_t)s->dim, sizeof *probes);
    out->answer = arc_mem_new(a, faces, sizeof *out->answer);
    const arc_status st = probes && out->answer ? ask(s, out, probes, err) : arc_fail_nomem(err, "answers on faces");
    arc_mem_free(a, probes);
    return st;
}

static arc_status take(void *ctx, int64_t index, arc_result *photo, arc_error *err) {
    const search *s = ctx;
    arc_identified found = {.photo = *photo};
    *photo = (arc_result){0};
    arc_status st = answer(s, &found, err);
    if (st == ARC_OK)
        st = s->sink(s->sink_ctx, index, &found, err);
    arc_identified_free(s->ctx, &found);
    return st;
}

static arc_status begin(search *s, arc_pipeline *pipeline, const arc_gallery_query *query, arc_error *err) {
    s->query = query;
    if (ARC_CHECK_OPTIONS(arc_gallery_query, query, err) != ARC_OK)
        return ARC_EINVAL;
    const arc_model *model = arc_pipeline_model(pipeline);
    if (!model)
        return arc_fail(err, ARC_EINVAL, "a pipeline without an embedder cannot tell who somebody is");
    s->ctx = arc_pipeline_context(pipeline);
    s->dim = arc_model_contract(model)->dim;
    return s->gallery ? arc_gallery_bind(s->gallery, model, err) : arc_shards_check_model(s->shards, model, err);
}

static arc_status run(search *s, arc_pipeline *pipeline, const arc_photo_source *photos, const arc_gallery_query *query,
                      arc_error *err) {
    arc_status st = ARC_CHECK_OPTIONS(arc_photo_source, photos, err);
    if (st == ARC_OK)
        st = begin(s, pipeline, query, err);
    return st == ARC_OK ? arc_pipeline_run_source(pipeline, photos, take, s, err) : st;
}

arc_status arc_identify_source(arc_gallery *gallery, arc_pipeline *pipeline, const arc_photo_source *photos,
                               const arc_gallery_query *query, arc_identified_sink *sink, void *sink_ctx, arc_error *err) {
    search s = {.gallery = gallery, .sink = sink, .sink_ctx = sink_ctx};
    return run(&s, pipeline, photos, query, err);
}

arc_status arc_identify_shards(arc_shards *shards, arc_pipeline *pipeline, const arc_photo_source *photos,
                               const arc_gallery_query *query, arc_identified_sink *sink, void *sink_ctx, arc_error *err) {
    search s = {.shards = shards, .sink = sink, .sink_ctx = sink_ctx};
    return run(&s, pipeline, photos, query, err);
}

arc_status arc_identify_photo(arc_gallery *gallery, arc_pipeline *pipeline, const arc_photo *photo,
                              const arc_gallery_query *query, arc_identified *out, arc_error *err) {
    search s = {.gallery = gallery};
    *out = (arc_identified){.answer = NULL};
    arc_status st = begin(&s, pipeline, query, err);
    if (st == ARC_OK)
        st = arc_pipeline_run_photos(pipeline, photo, 1, &out->photo, NULL, NULL, err);
    if (st == ARC_OK && out->photo.status != ARC_OK)
        st = arc_fail(err, out->photo.status, "%s", out->photo.error.text);
    if (st == ARC_OK)
        st = answer(&s, out, err);
    return st;
}
