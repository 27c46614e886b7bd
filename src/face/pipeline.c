/* face: photos in, embeddings out. Photos are searched in lanes (lanes.c); their crops are embedded with all threads, in
 * batches that may contain crops of several photos. There are two forms: an array of photos with an array of results, and a
 * source of any length whose results are given to a callback one by one. */
#include "face/pipeline.h"
#include "base/base.h"
#include "face/embed.h"
#include "face/lanes.h"
#include "face/result.h"
#include "face/text.h"
#include "face/views.h"
#include <string.h>

#define WAIT_MAX 256 /* after so many further photos a crop is embedded even if its batch is not full */

struct arc_pipeline {
    arc_context *ctx;
    const arc_model *model; /* the embedder's model */
    arc_lanes *lanes;
    arc_embedder *embedder;
    arc_pipeline_options opt;
};

void arc_pipeline_options_default(arc_pipeline_options *opt) {
    *opt = (arc_pipeline_options){.struct_size = sizeof *opt};
    arc_detect_options_default(&opt->detect);
    arc_image_options_default(&opt->image);
}

/* 0: nothing is embedded */
static int dim_of(const arc_pipeline *p) {
    return p->embedder ? arc_embedder_dim(p->embedder) : 0;
}

arc_status arc_pipeline_new(arc_context *ctx, const arc_model *detector, const arc_model *embedder,
                            const arc_pipeline_options *opt, arc_pipeline **out, arc_error *err) {
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_pipeline_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (opt && (ARC_CHECK_OPTIONS(arc_detect_options, &opt->detect, err) != ARC_OK ||
                ARC_CHECK_OPTIONS(arc_image_options, &opt->image, err) != ARC_OK))
        return ARC_EINVAL;
    arc_pipeline *p = arc_mem_new(&ctx->alloc, 1, sizeof *p);
    if (!p)
        return arc_fail_nomem(err, "a pipeline");
    p->ctx = ctx;
    p->model = embedder;
    arc_pipeline_options_default(&p->opt);
    if (opt)
        p->opt = *opt;
    arc_status st;
    if (!p->opt.aligned && !detector) {
        st = arc_fail(err, ARC_EINVAL, "photos need a detector; only ready crops (aligned) do without");
        goto done;
    }
    if (embedder)
        ARC_TRY(arc_embedder_new(ctx, embedder, &p->embedder, err));
    const arc_template align = embedder ? arc_embedder_contract(p->embedder)->align : p->opt.align;
    ARC_TRY(arc_lanes_new(ctx, detector, &p->opt, align, dim_of(p), &p->lanes, err));
done:
    if (st != ARC_OK)
        arc_pipeline_free(&p);
    *out = p;
    return st;
}

const char *arc_pipeline_plan_id(const arc_pipeline *pipeline) {
    return pipeline->embedder ? arc_embedder_plan_id(pipeline->embedder) : "";
}

arc_context *arc_pipeline_context(const arc_pipeline *pipeline) {
    return pipeline->ctx;
}

const arc_model *arc_pipeline_model(const arc_pipeline *pipeline) {
    return pipeline->model;
}

void arc_pipeline_free(arc_pipeline **pipeline) {
    if (!pipeline || !*pipeline)
        return;
    arc_pipeline *p = *pipeline;
    arc_lanes_free(&p->lanes);
    arc_embedder_free(&p->embedder);
    arc_mem_free(&p->ctx->alloc, p);
    *pipeline = NULL;
}

/* ---- embedding across photos ---- */

typedef struct pending {
    int result, face;
} pending;

typedef struct queue {
    pending at[ARC_EMBED_BATCH];
    int count;
    float *buffer; /* [ARC_EMBED_BATCH][dim] */
} queue;

/* If a batch fails because of one bad crop, each crop is tried alone, so that the others succeed. */
static void embed_one(arc_pipeline *p, arc_result *results, const pending *at) {
    arc_result *r = &results[at->result];
    if (r->status != ARC_OK)
        return;
    arc_result_face *face = &r->face[at->face];
    float points[1][5][2];
    arc_embed_points(&face->face, arc_embedder_contract(p->embedder)->align, points[0]);
    const arc_embed_extra extra = {.points = (const float(*)[5][2])points, .norm = &face->norm};
    const arc_status st = arc_embed_faces(p->embedder, &face->crop, &extra, 1, p->opt.flip, face->embedding, &r->error);
    if (st != ARC_OK)
        arc_result_fail(p->ctx, r, arc_fail_in(&r->error, st, arc_face_label(r)));
}

static void embed_queued(arc_pipeline *p, arc_result *results, queue *q) {
    arc_image crops[ARC_EMBED_BATCH];
    const size_t dim = (size_t)dim_of(p);
    if (q->count == 0)
        return;
    float points[ARC_EMBED_BATCH][5][2], norm[ARC_EMBED_BATCH];
    for (int i = 0; i < q->count; i++) {
        const arc_result_face *face = &results[q->at[i].result].face[q->at[i].face];
        crops[i] = face->crop;
        arc_embed_points(&face->face, arc_embedder_contract(p->embedder)->align, points[i]);
    }
    const arc_embed_extra extra = {.points = (const float(*)[5][2])points, .norm = norm};
    const bool together = arc_embed_faces(p->embedder, crops, &extra, q->count, p->opt.flip, q->buffer, NULL) == ARC_OK;
    for (int i = 0; i < q->count; i++) {
        arc_result_face *face = &results[q->at[i].result].face[q->at[i].face];
        if (together) {
            memcpy(face->embedding, q->buffer + (size_t)i * dim, dim * sizeof *q->buffer);
            face->norm = norm[i];
        } else
            embed_one(p, results, &q->at[i]);
    }
    for (int i = 0; i < q->count && !p->opt.keep_crops; i++) {
        arc_result *r = &results[q->at[i].result];
        if (r->status == ARC_OK)
            arc_image_free(p->ctx, &r->face[q->at[i].face].crop);
    }
    q->count = 0;
}

/* Adds the crops of results[from, to) to the queue and embeds every full batch. wait: photos that a crop waits at most; 0: any
 * number. */
static void embed_ready(arc_pipeline *p, arc_result *results, int from, int to, queue *q, int wait) {
    for (int i = from; i < to; i++) {
        if (wait && q->count && i - q->at[0].result >= wait)
            embed_queued(p, results, q);
        for (int k = 0; p->embedder && results[i].status == ARC_OK && k < results[i].faces; k++) {
            q->at[q->count++] = (pending){i, k};
            if (q->count == ARC_EMBED_BATCH)
                embed_queued(p, results, q);
        }
    }
}

static arc_status begin_queue(const arc_pipeline *p, queue *q, arc_error *err) {
    q->count = 0;
    q->buffer = arc_mem_raw(&p->ctx->alloc, ARC_EMBED_BATCH * sizeof *q->buffer, (size_t)dim_of(p));
    return q->buffer ? ARC_OK : arc_fail_nomem(err, "embeddings");
}

/* ---- an array of photos ---- */

/* An array of photos or, if `photo` is NULL, of paths. */
typedef struct listed {
    const arc_photo *photo;
    const char *const *path;
} listed;

static arc_photo listed_photo(const listed *l, int64_t index) {
    static const arc_error no_kind = {ARC_EINVAL, "a photo of no kind; arc_photo_from_path and its like make one"};
    const arc_photo photo = l->photo ? l->photo[index] : arc_photo_from_path(l->path[index]);
    return photo.kind == ARC_PHOTO_END ? arc_photo_failed(&no_kind, photo.name) : photo;
}

static arc_status next_listed(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    (void)err;
    *photo = listed_photo(ctx, index);
    return ARC_OK;
}

static arc_status run_listed(arc_pipeline *p, listed *photos, int count, arc_result *results,
                             int (*progress)(void *ctx, int done, int count), void *progress_ctx, arc_error *err) {
    arc_photo_source source;
    arc_search search = {0};
    queue q = {.buffer = NULL};
    int done = 0;
    arc_photo_source_default(&source);
    source.next = next_listed;
    source.ctx = photos;
    source.count = ARC_MAX(count, 0);
    source.concurrent = true;
    arc_status st = begin_queue(p, &q, err);
    if (st == ARC_OK)
        st = arc_search_begin(&search, p->lanes, &source, err);
    search.progress = progress;
    search.progress_ctx = progress_ctx;
    while (st == ARC_OK && done < count) {
        int found = 0;
        st = arc_search_round(&search, results + done, count - done, &found, err);
        embed_ready(p, results, done, done + found, &q, 0);
        done += found;
    }
    embed_queued(p, results, &q);
    for (int i = done; i < count; i++)
        results[i] = (arc_result){.path = listed_photo(photos, i).name, .status = st};
    arc_search_end(&search);
    arc_mem_free(&p->ctx->alloc, q.buffer);
    return st;
}

arc_status arc_pipeline_run(arc_pipeline *pipeline, const char *const *paths, int count, arc_result *results,
                            int (*progress)(void *ctx, int done, int count), void *progress_ctx, arc_error *err) {
    return run_listed(pipeline, &(listed){.path = paths}, count, results, progress, progress_ctx, err);
}

arc_status arc_pipeline_run_photos(arc_pipeline *pipeline, const arc_photo *photos, int count, arc_result *results,
                                   int (*progress)(void *ctx, int done, int count), void *progress_ctx, arc_error *err) {
    if (count > 0 && (!photos || !results))
        return arc_fail(err, ARC_EINVAL, "%d photos, but no array of %s", count, photos ? "results" : "photos");
    return run_listed(pipeline, &(listed){.photo = photos}, count, results, progress, progress_ctx, err);
}

/* ---- a source ---- */

/* Results that wait for their embeddings, in the order of photos. */
typedef struct waiting {
    arc_result *result;
    int count, capacity;
    int64_t first; /* index of the photo of result[0] */
    queue q;
} waiting;

static arc_status make_room(const arc_pipeline *p, waiting *w, arc_error *err) {
    const int capacity = w->count + ARC_ROUND_MAX;
    if (capacity <= w->capacity)
        return ARC_OK;
    arc_result *more = arc_mem_grow(&p->ctx->alloc, w->result, (size_t)w->capacity, (size_t)capacity, sizeof *more);
    if (!more)
        return arc_fail_nomem(err, "results");
    w->result = more;
    w->capacity = capacity;
    return ARC_OK;
}

/* Gives the results to the callback that have no crop in the queue any more. */
static arc_status hand_on(const arc_pipeline *p, waiting *w, arc_result_sink *sink, void *sink_ctx, arc_error *err) {
    const int ready = w->q.count ? w->q.at[0].result : w->count;
    arc_status st = ARC_OK;
    for (int i = 0; i < ready; i++) {
        if (st == ARC_OK)
            st = sink(sink_ctx, w->first + i, &w->result[i], err);
        arc_result_free(p->ctx, &w->result[i]);
    }
    w->count -= ready;
    w->first += ready;
    memmove(w->result, w->result + ready, (size_t)w->count * sizeof *w->result);
    for (int i = 0; i < w->q.count; i++)
        w->q.at[i].result -= ready;
    return st;
}

arc_status arc_pipeline_run_source(arc_pipeline *pipeline, const arc_photo_source *source, arc_result_sink *sink, void *sink_ctx,
                                   arc_error *err) {
    if (ARC_CHECK_OPTIONS(arc_photo_source, source, err) != ARC_OK)
        return ARC_EINVAL;
    arc_pipeline *p = pipeline;
    arc_search search = {0};
    waiting w = {.result = NULL};
    arc_status st = sink ? ARC_OK : arc_fail(err, ARC_EINVAL, "no function that takes the results");
    if (st == ARC_OK)
        st = begin_queue(p, &w.q, err);
    if (st == ARC_OK)
        st = arc_search_begin(&search, p->lanes, source, err);
    while (st == ARC_OK && !search.ended) {
        int found = 0;
        st = make_room(p, &w, err);
        if (st != ARC_OK)
            break;
        st = arc_search_round(&search, w.result + w.count, ARC_ROUND_MAX, &found, err);
        embed_ready(p, w.result, w.count, w.count + found, &w.q, WAIT_MAX);
        w.count += found;
        if (st != ARC_OK || search.ended)
            embed_queued(p, w.result, &w.q);
        const arc_status handed = hand_on(p, &w, sink, sink_ctx, st == ARC_OK ? err : NULL);
        st = st == ARC_OK ? handed : st;
    }
    for (int i = 0; i < w.count; i++)
        arc_result_free(p->ctx, &w.result[i]);
    arc_search_end(&search);
    arc_mem_free(&p->ctx->alloc, w.result);
    arc_mem_free(&p->ctx->alloc, w.q.buffer);
    return st;
}
