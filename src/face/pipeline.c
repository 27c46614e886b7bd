/* Photos in, embeddings out. Many photos are searched in lanes, each lane a photo at a time from file to crops with its share of the threads,
 * so that decoding overlaps with the network; a few photos go one by one with all threads. Crops are embedded in batches that span photos.
 * A photo that fails keeps its own error and stops nobody else; order and bits don't depend on lanes. */
#include "base/base.h"
#include "face/embed.h"
#include "face/searcher.h"
#include "face/views.h"
#include <arcface/image.h>
#include <stdatomic.h>
#include <string.h>

#define LANES_MAX 8       /* photos held decoded at once: bounds memory */
#define ROUND_PHOTOS 16   /* of a lane, between embeddings: bounds the crops that wait */
#define LANE_PHOTOS_MIN 2 /* for each lane, else all threads work on one photo */

struct arc_pipeline {
    arc_context *ctx;
    const arc_model *detector;
    arc_searcher *whole; /* uses all threads */
    arc_searcher *lane[LANES_MAX];
    int lanes; /* how many there may be; made when first needed */
    arc_embedder *embedder;
    arc_pipeline_options opt;
};

void arc_pipeline_options_default(arc_pipeline_options *opt) {
    *opt = (arc_pipeline_options){.struct_size = sizeof *opt};
    arc_detect_options_default(&opt->detect);
    arc_image_options_default(&opt->image);
}

static arc_status new_searcher(arc_pipeline *p, int own_threads, arc_searcher **out, arc_error *err) {
    return arc_searcher_new(p->ctx, p->detector, &p->opt, arc_embedder_contract(p->embedder)->align,
                            arc_embedder_dim(p->embedder), own_threads, out, err);
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
    p->detector = detector;
    arc_pipeline_options_default(&p->opt);
    if (opt)
        p->opt = *opt;
    /* A lane holds a network's activations of its own. */
    p->lanes = ctx->low_memory ? 1 : ARC_MIN(LANES_MAX, arc_pool_threads(ctx->pool));
    arc_status st;
    if (!p->opt.aligned && !detector) {
        st = arc_fail(err, ARC_EINVAL, "photos need a detector; only ready crops (aligned) do without");
        goto done;
    }
    ARC_TRY(arc_embedder_new(ctx, embedder, &p->embedder, err));
    ARC_TRY(new_searcher(p, 0, &p->whole, err));
done:
    if (st != ARC_OK)
        arc_pipeline_free(&p);
    *out = p;
    return st;
}

const char *arc_pipeline_plan_id(const arc_pipeline *pipeline) {
    return arc_embedder_plan_id(pipeline->embedder);
}

void arc_pipeline_free(arc_pipeline **pipeline) {
    if (!pipeline || !*pipeline)
        return;
    arc_pipeline *p = *pipeline;
    for (int i = 0; i < LANES_MAX; i++)
        arc_searcher_free(&p->lane[i]);
    arc_searcher_free(&p->whole);
    arc_embedder_free(&p->embedder);
    arc_mem_free(&p->ctx->alloc, p);
    *pipeline = NULL;
}

void arc_result_free(arc_context *ctx, arc_result *result) {
    if (!result)
        return;
    for (int i = 0; result->face && i < result->faces; i++) {
        arc_mem_free(&ctx->alloc, result->face[i].embedding);
        arc_image_free(ctx, &result->face[i].crop);
    }
    arc_mem_free(&ctx->alloc, result->face);
    *result = (arc_result){0};
}

/* ---- searching ---- */

typedef struct search_run {
    arc_pipeline *p;
    arc_result *result; /* [count] */
    int count;
    int (*progress)(void *ctx, int done, int count);
    void *progress_ctx;
    atomic_int next, done;
    int reported; /* photos that progress was last called with; the caller's thread alone */
    atomic_bool cancelled;
} search_run;

/* On the caller's thread. */
static void report(search_run *run, int done) {
    if (!run->progress || done <= run->reported)
        return;
    run->reported = done;
    if (run->progress(run->progress_ctx, done, run->count) != 0)
        atomic_store(&run->cancelled, true);
}

/* Takes photos up to `end` in their order until there are none. `reports`: this is the caller's thread. */
static void search_photos(search_run *run, arc_searcher *searcher, int end, bool reports) {
    while (!atomic_load(&run->cancelled)) {
        const int i = atomic_fetch_add(&run->next, 1);
        if (i >= end)
            break;
        arc_searcher_run(searcher, &run->result[i]);
        const int done = atomic_fetch_add(&run->done, 1) + 1;
        if (reports)
            report(run, done);
    }
}

typedef struct round {
    search_run *run;
    int end;
} round_of;

static void search_lanes(void *arg, size_t begin, size_t end, int thread) {
    const round_of *r = arg;
    for (size_t i = begin; i < end; i++)
        search_photos(r->run, r->run->p->lane[i], r->end, thread == 0);
}

static arc_status make_lanes(arc_pipeline *p, arc_error *err) {
    for (int i = 0; i < p->lanes; i++)
        if (!p->lane[i]) {
            const arc_status st = new_searcher(p, arc_pool_threads(p->ctx->pool) / p->lanes, &p->lane[i], err);
            if (st != ARC_OK)
                return st;
        }
    return ARC_OK;
}

/* Searches the next round of photos from `from` on; *end = the first that was left. Photos that were begun are finished. */
static arc_status search_round(search_run *run, int from, int *end, arc_error *err) {
    arc_pipeline *p = run->p;
    const int left = run->count - from;
    /* what the planner measures, it measures with all threads, and the lanes find it on record */
    const bool first_of_all = p->ctx->tune && from == 0;
    const bool lanes = p->lanes > 1 && left >= LANE_PHOTOS_MIN * p->lanes && !first_of_all;
    round_of r = {run, from + (first_of_all ? 1 : ARC_MIN(left, ROUND_PHOTOS * p->lanes))};
    *end = from;
    arc_status st = lanes ? make_lanes(p, err) : ARC_OK;
    if (st != ARC_OK)
        return st;
    atomic_store(&run->next, from);
    if (lanes)
        arc_pool_run(p->ctx->pool, (size_t)p->lanes, 1, search_lanes, &r);
    else
        search_photos(run, p->whole, r.end, true);
    if (!atomic_load(&run->cancelled)) /* the other lanes may have been the last to finish */
        report(run, atomic_load(&run->done));
    *end = ARC_MIN(atomic_load(&run->next), r.end);
    if (atomic_load(&run->cancelled))
        st = arc_fail(err, ARC_ECANCEL, "cancelled after %d of %d photos", *end, run->count);
    return st;
}

/* ---- embedding across photos ---- */

typedef struct pending {
    int result, face;
} pending;

/* Where one bad crop fails a batch, each crop is tried alone, so that the others go on. */
static void embed_one(arc_pipeline *p, arc_result *results, const pending *at) {
    arc_result *r = &results[at->result];
    if (r->status != ARC_OK)
        return;
    arc_result_face *face = &r->face[at->face];
    arc_status st = arc_embed_crops(p->embedder, &face->crop, 1, p->opt.flip, face->embedding, &r->error);
    if (st != ARC_OK)
        arc_result_fail(p->ctx, r, arc_fail_in(&r->error, st, r->path));
}

static void embed_pending(arc_pipeline *p, arc_result *results, const pending *at, int count, float *buffer) {
    arc_image crops[ARC_EMBED_BATCH];
    size_t dim = (size_t)arc_embedder_dim(p->embedder);
    for (int i = 0; i < count; i++)
        crops[i] = results[at[i].result].face[at[i].face].crop;
    bool together = arc_embed_crops(p->embedder, crops, count, p->opt.flip, buffer, NULL) == ARC_OK;
    for (int i = 0; i < count; i++) {
        if (together)
            memcpy(results[at[i].result].face[at[i].face].embedding, buffer + (size_t)i * dim, dim * sizeof *buffer);
        else
            embed_one(p, results, &at[i]);
    }
    for (int i = 0; i < count && !p->opt.keep_crops; i++) {
        arc_result *r = &results[at[i].result];
        if (r->status == ARC_OK)
            arc_image_free(p->ctx, &r->face[at[i].face].crop);
    }
}

/* Adds the crops of results[from, to) to the queue and embeds every full batch; with `flush` the rest too. */
static int embed_ready(arc_pipeline *p, arc_result *results, int from, int to, pending *queue, int queued, float *buffer,
                       bool flush) {
    for (int i = from; i < to; i++)
        for (int k = 0; results[i].status == ARC_OK && k < results[i].faces; k++) {
            queue[queued++] = (pending){i, k};
            if (queued == ARC_EMBED_BATCH) {
                embed_pending(p, results, queue, queued, buffer);
                queued = 0;
            }
        }
    if (flush && queued > 0) {
        embed_pending(p, results, queue, queued, buffer);
        queued = 0;
    }
    return queued;
}

arc_status arc_pipeline_run(arc_pipeline *pipeline, const char *const *paths, int count, arc_result *results,
                            int (*progress)(void *ctx, int done, int count), void *progress_ctx, arc_error *err) {
    arc_pipeline *p = pipeline;
    for (int i = 0; i < count; i++)
        results[i] = (arc_result){.path = paths[i]};
    pending queue[ARC_EMBED_BATCH];
    search_run run = {.p = p, .result = results, .count = count, .progress = progress, .progress_ctx = progress_ctx};
    int queued = 0, done = 0;
    float *buffer = arc_mem_raw(&p->ctx->alloc, ARC_EMBED_BATCH * sizeof *buffer, (size_t)arc_embedder_dim(p->embedder));
    arc_status st = buffer ? ARC_OK : arc_fail_nomem(err, "embeddings");
    while (st == ARC_OK && done < count) {
        int end = done;
        st = search_round(&run, done, &end, err);
        queued = embed_ready(p, results, done, end, queue, queued, buffer, end == count || st != ARC_OK);
        done = end;
    }
    for (int i = done; i < count; i++)
        results[i].status = st;
    arc_mem_free(&p->ctx->alloc, buffer);
    return st;
}
