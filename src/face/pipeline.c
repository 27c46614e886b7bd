/* Photos in, embeddings out. Photos go through in small windows: decoded in parallel, searched one by one (the network uses all threads
 * itself), cropped in parallel, embedded in batches that span photos. A photo that fails keeps its own error and stops nobody else. */
#include "face_internal.h"
#include <math.h>
#include <string.h>

#define WINDOW_MAX 8    /* photos held decoded at once: bounds memory, not speed */
#define FACES_FIRST 64  /* capacity of the first try */
#define REDUCE_FACTOR 2 /* a photo is searched at reduced size when that still is this many times the network's side */

typedef struct photo {
    arc_image image;
    arc_image_info info;
    arc_image_options options;
} photo;

struct arc_pipeline {
    arc_context *ctx;
    arc_detector *detector; /* NULL when aligned */
    arc_embedder *embedder;
    arc_pipeline_options opt;
    arc_template align;
    int width_px, height_px;
    int window;
};

void arc_pipeline_options_default(arc_pipeline_options *opt) {
    *opt = (arc_pipeline_options){.struct_size = sizeof *opt};
    arc_detect_options_default(&opt->detect);
    arc_image_options_default(&opt->image);
}

arc_status arc_pipeline_new(arc_context *ctx, const arc_model *detector, const arc_model *embedder,
                            const arc_pipeline_options *opt, arc_pipeline **out, arc_error *err) {
    *out = NULL;
    arc_pipeline *p = arc_mem_new(&ctx->alloc, 1, sizeof *p);
    if (!p)
        return arc_fail_nomem(err, "a pipeline");
    p->ctx = ctx;
    arc_pipeline_options_default(&p->opt);
    if (opt)
        p->opt = *opt;
    p->window = ARC_MIN(WINDOW_MAX, arc_pool_threads(ctx->pool));
    arc_status st;
    if (!p->opt.aligned && !detector) {
        st = arc_fail(err, ARC_EINVAL, "photos need a detector; only ready crops (aligned) do without");
        goto done;
    }
    ARC_TRY(arc_embedder_new(ctx, embedder, &p->embedder, err));
    p->align = arc_embedder_contract(p->embedder)->align;
    arc_template_get(p->align, &p->width_px, &p->height_px, NULL);
    if (!p->opt.aligned)
        ARC_TRY(arc_detector_new(ctx, detector, &p->detector, err));
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
    arc_detector_free(&p->detector);
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

/* A failed photo keeps path, status and error only. */
static void fail_result(arc_pipeline *p, arc_result *r, arc_status st) {
    arc_result kept = {.path = r->path, .status = st, .error = r->error, .width_px = r->width_px, .height_px = r->height_px};
    arc_result_free(p->ctx, r);
    *r = kept;
}

/* ---- a window of photos ---- */

typedef struct window {
    arc_pipeline *p;
    photo *photo;       /* [count] */
    arc_result *result; /* [count] */
    int count;
} window;

static void load_photo(window *w, int i) {
    arc_result *r = &w->result[i];
    photo *f = &w->photo[i];
    arc_status st = arc_image_load(w->p->ctx, r->path, &f->options, &f->image, &f->info, &r->error);
    if (st != ARC_OK)
        fail_result(w->p, r, st);
    r->width_px = f->info.full_width_px;
    r->height_px = f->info.full_height_px;
}

static void load_tiles(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    for (size_t i = begin; i < end; i++)
        load_photo(arg, (int)i);
}

static arc_status make_faces(arc_pipeline *p, arc_result *r, int count) {
    r->face = arc_mem_new(&p->ctx->alloc, (size_t)count, sizeof *r->face);
    if (!r->face)
        return arc_fail_in(&r->error, arc_fail_nomem(&r->error, "faces"), r->path);
    r->faces = count;
    for (int i = 0; i < count; i++) {
        r->face[i].embedding = arc_mem_new(&p->ctx->alloc, (size_t)arc_embedder_dim(p->embedder), sizeof(float));
        if (!r->face[i].embedding)
            return arc_fail_in(&r->error, arc_fail_nomem(&r->error, "embeddings"), r->path);
    }
    return ARC_OK;
}

static int largest_of(const arc_face *face, int count) {
    int best = 0;
    double best_area = -1;
    for (int i = 0; i < count; i++) {
        double area = ((double)face[i].x2_px - (double)face[i].x1_px) * ((double)face[i].y2_px - (double)face[i].y1_px);
        if (area > best_area) {
            best_area = area;
            best = i;
        }
    }
    return best;
}

/* Pixels of a reduced decode to pixels of the photo. The JPEG reductions are exact powers of two. */
static void enlarge_face(arc_face *face, float by) {
    face->x1_px *= by;
    face->y1_px *= by;
    face->x2_px *= by;
    face->y2_px *= by;
    for (int i = 0; i < 10; i++)
        face->landmark_px[i / 2][i % 2] *= by;
}

static arc_status search_photo(arc_pipeline *p, const photo *f, arc_result *r) {
    const arc_alloc *a = &p->ctx->alloc;
    int capacity = FACES_FIRST, found = 0;
    arc_face *face = arc_mem_raw(a, (size_t)capacity, sizeof *face);
    arc_status st;
    if (!face)
        return arc_fail_nomem(&r->error, r->path);
    st = arc_detect(p->detector, &f->image, &p->opt.detect, face, capacity, &found, &r->error);
    if (st == ARC_OK && found > capacity) { /* a crowd: once more with room for all */
        arc_mem_free(a, face);
        capacity = found;
        face = arc_mem_raw(a, (size_t)capacity, sizeof *face);
        if (!face)
            return arc_fail_nomem(&r->error, r->path);
        st = arc_detect(p->detector, &f->image, &p->opt.detect, face, capacity, &found, &r->error);
    }
    if (st != ARC_OK) {
        arc_fail_in(&r->error, st, r->path);
        goto done;
    }
    r->faces_found = found;
    if (found == 0)
        goto done;
    int first = p->opt.all_faces ? 0 : largest_of(face, found);
    ARC_TRY(make_faces(p, r, p->opt.all_faces ? found : 1));
    for (int i = 0; i < r->faces; i++) {
        r->face[i].face = face[first + i];
        enlarge_face(&r->face[i].face, (float)lrint(1 / f->info.scale));
    }
done:
    arc_mem_free(a, face);
    return st;
}

/* Crops of one photo, from full resolution. */
static arc_status crop_photo(window *w, int i) {
    arc_pipeline *p = w->p;
    arc_result *r = &w->result[i];
    photo *f = &w->photo[i];
    arc_status st = ARC_OK;
    if (f->info.scale < 1) {
        f->options.min_side_px = 0;
        arc_image_free(p->ctx, &f->image);
        ARC_TRY(arc_image_load(p->ctx, r->path, &f->options, &f->image, &f->info, &r->error));
    }
    for (int k = 0; k < r->faces; k++) {
        arc_result_face *face = &r->face[k];
        double matrix[2][3];
        ARC_TRY(
            arc_align_estimate((const float(*)[2])face->face.landmark_px, p->align, matrix, &face->align_residual_px, &r->error));
        ARC_TRY(arc_image_new(p->ctx, p->width_px, p->height_px, &face->crop, &r->error));
        ARC_TRY(arc_align_warp(&f->image, (const double(*)[3])matrix, p->opt.warp, &face->crop, &r->error));
    }
done:
    return st;
}

static void crop_tiles(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    window *w = arg;
    for (size_t i = begin; i < end; i++) {
        arc_result *r = &w->result[i];
        if (r->status != ARC_OK || r->faces == 0)
            continue;
        arc_status st = crop_photo(w, (int)i);
        if (st != ARC_OK)
            fail_result(w->p, r, arc_fail_in(&r->error, st, r->path));
    }
}

/* The photo is the crop: it moves into the result. */
static arc_status take_crop(arc_pipeline *p, photo *f, arc_result *r) {
    arc_face whole = {0, 0, (float)f->image.width_px, (float)f->image.height_px, 1, {{0}}};
    arc_template_get(p->align, NULL, NULL, whole.landmark_px);
    arc_status st = make_faces(p, r, 1);
    if (st != ARC_OK)
        return st;
    r->faces_found = 1;
    r->face[0].face = whole;
    r->face[0].crop = f->image;
    f->image = (arc_image){0};
    return ARC_OK;
}

static void run_window(window *w) {
    arc_pipeline *p = w->p;
    int reduced = p->opt.image.min_side_px;
    if (!p->opt.aligned && reduced <= 0)
        reduced = REDUCE_FACTOR * (p->opt.detect.size_px > 0 ? p->opt.detect.size_px : 640);
    for (int i = 0; i < w->count; i++) {
        w->photo[i] = (photo){.options = p->opt.image};
        w->photo[i].options.min_side_px = p->opt.aligned ? 0 : reduced;
    }
    arc_pool_run(p->ctx->pool, (size_t)w->count, 1, load_tiles, w);
    for (int i = 0; i < w->count; i++) {
        arc_result *r = &w->result[i];
        if (r->status != ARC_OK)
            continue;
        arc_status st = p->opt.aligned ? take_crop(p, &w->photo[i], r) : search_photo(p, &w->photo[i], r);
        if (st != ARC_OK)
            fail_result(p, r, st);
        if (r->faces == 0)
            arc_image_free(p->ctx, &w->photo[i].image);
    }
    if (!p->opt.aligned)
        arc_pool_run(p->ctx->pool, (size_t)w->count, 1, crop_tiles, w);
    for (int i = 0; i < w->count; i++)
        arc_image_free(p->ctx, &w->photo[i].image);
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
        fail_result(p, r, arc_fail_in(&r->error, st, r->path));
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
    photo photos[WINDOW_MAX];
    pending queue[ARC_EMBED_BATCH];
    int queued = 0, done = 0;
    float *buffer = arc_mem_raw(&p->ctx->alloc, ARC_EMBED_BATCH * sizeof *buffer, (size_t)arc_embedder_dim(p->embedder));
    arc_status st = buffer ? ARC_OK : arc_fail_nomem(err, "embeddings");
    while (st == ARC_OK && done < count) {
        window w = {p, photos, results + done, ARC_MIN(p->window, count - done)};
        run_window(&w);
        queued = embed_ready(p, results, done, done + w.count, queue, queued, buffer, done + w.count == count);
        done += w.count;
        if (progress && progress(progress_ctx, done, count) != 0)
            st = arc_fail(err, ARC_ECANCEL, "cancelled after %d of %d photos", done, count);
    }
    if (st == ARC_ECANCEL && queued > 0)
        embed_pending(p, results, queue, queued, buffer);
    for (int i = done; i < count; i++)
        results[i].status = st;
    arc_mem_free(&p->ctx->alloc, buffer);
    return st;
}
