/* One photo at a time: decoded, searched, its faces cropped. A searcher owns a detector and the memory that photos are decoded into; a
 * pipeline has one that uses all threads, for few photos, and one a lane, for many: each lane then works on a photo of its own, so that
 * some decode while others search. */
#include "face/searcher.h"
#include "base/base.h"
#include <arcface/image.h>
#include <math.h>

#define FACES_FIRST 64 /* capacity of the first try */

struct arc_searcher {
    const arc_pipeline_options *opt;
    arc_context *results; /* faces and crops outlive the searcher */
    arc_context run;      /* of the detector: the threads of this searcher */
    arc_context photos;   /* the same with recycled memory */
    arc_recycler recycler;
    arc_pool *pool; /* its own, or NULL */
    arc_detector *detector;
    arc_template align;
    int dim;
};

arc_status arc_searcher_new(arc_context *ctx, const arc_model *detector, const arc_pipeline_options *opt, arc_template align,
                            int dim, int own_threads, arc_searcher **out, arc_error *err) {
    *out = NULL;
    arc_searcher *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, "a searcher");
    arc_status st = ARC_OK;
    s->opt = opt;
    s->results = ctx;
    s->align = align;
    s->dim = dim;
    s->run = *ctx;
    arc_recycler_init(&s->recycler, &ctx->alloc);
    if (own_threads > 0) {
        if (own_threads > 1)
            ARC_TRY(arc_pool_new(&s->pool, &ctx->alloc, own_threads, err));
        s->run.pool = s->pool;
        s->run.tune = false; /* what the searcher of all threads measured is on record */
    }
    s->photos = s->run;
    s->photos.alloc = s->recycler.alloc;
    if (!opt->aligned)
        ARC_TRY(arc_detector_new(&s->run, detector, &s->detector, err));
done:
    if (st != ARC_OK)
        arc_searcher_free(&s);
    *out = s;
    return st;
}

void arc_searcher_free(arc_searcher **searcher) {
    if (!searcher || !*searcher)
        return;
    arc_searcher *s = *searcher;
    arc_detector_free(&s->detector);
    arc_recycler_free(&s->recycler);
    arc_pool_free(&s->pool);
    arc_mem_free(&s->results->alloc, s);
    *searcher = NULL;
}

static arc_status make_faces(const arc_searcher *s, arc_result *r, int count) {
    const arc_alloc *a = &s->results->alloc;
    r->face = arc_mem_new(a, (size_t)count, sizeof *r->face);
    if (!r->face)
        return arc_fail_nomem(&r->error, "faces");
    r->faces = count;
    for (int i = 0; i < count; i++) {
        r->face[i].embedding = arc_mem_new(a, (size_t)s->dim, sizeof(float));
        if (!r->face[i].embedding)
            return arc_fail_nomem(&r->error, "embeddings");
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

/* Of JPEG's reductions, which are exact powers of two. */
static float reduction(double scale) {
    return (float)lrint(1 / scale);
}

static arc_face enlarged(const arc_face *face, float by) {
    arc_face out = *face;
    out.x1_px *= by;
    out.y1_px *= by;
    out.x2_px *= by;
    out.y2_px *= by;
    for (int i = 0; i < 10; i++)
        out.landmark_px[i / 2][i % 2] *= by;
    return out;
}

static arc_status find_faces(arc_searcher *s, const arc_image *image, double scale, arc_result *r) {
    const arc_alloc *a = &s->run.alloc;
    int capacity = FACES_FIRST, found = 0;
    arc_face *face = arc_mem_raw(a, (size_t)capacity, sizeof *face);
    arc_status st;
    if (!face)
        return arc_fail_nomem(&r->error, "faces");
    ARC_TRY(arc_detect(s->detector, image, &s->opt->detect, face, capacity, &found, &r->error));
    if (found > capacity) { /* a crowd: once more with room for all */
        arc_mem_free(a, face);
        capacity = found;
        face = arc_mem_raw(a, (size_t)capacity, sizeof *face);
        if (!face)
            return arc_fail_nomem(&r->error, "faces");
        ARC_TRY(arc_detect(s->detector, image, &s->opt->detect, face, capacity, &found, &r->error));
    }
    r->faces_found = found;
    if (found == 0)
        goto done;
    int first = s->opt->all_faces ? 0 : largest_of(face, found);
    ARC_TRY(make_faces(s, r, s->opt->all_faces ? found : 1));
    for (int i = 0; i < r->faces; i++)
        r->face[i].face = enlarged(&face[first + i], reduction(scale));
done:
    arc_mem_free(a, face);
    return st;
}

/* Crop from an image that is `scale` of the photo. */
static arc_status crop_face(const arc_searcher *s, const arc_image *image, double scale, arc_result_face *face, arc_error *err) {
    const arc_face seen = enlarged(&face->face, 1 / reduction(scale));
    return arc_align_face(s->results, image, (const float(*)[2])seen.landmark_px, s->align, s->opt->warp, &face->crop,
                          &face->align_residual_px, err);
}

/* A face that the reduced photo shows with fewer pixels than the crop has needs the whole photo. */
static bool needs_whole(const arc_searcher *s, const arc_result *r, double scale) {
    for (int i = 0; i < r->faces; i++) {
        double matrix[2][3];
        arc_face seen = enlarged(&r->face[i].face, 1 / reduction(scale));
        if (arc_align_estimate((const float(*)[2])seen.landmark_px, s->align, matrix, NULL, NULL) == ARC_OK &&
            hypot(matrix[0][0], matrix[1][0]) > 1)
            return true;
    }
    return false;
}

/* The photo is the crop. */
static arc_status take_crop(arc_searcher *s, arc_result *r) {
    arc_image_options options = s->opt->image;
    options.min_side_px = 0;
    arc_image photo;
    arc_image_info info;
    arc_status st = arc_image_load(s->results, r->path, &options, &photo, &info, &r->error);
    r->width_px = info.full_width_px;
    r->height_px = info.full_height_px;
    if (st != ARC_OK)
        return st;
    st = make_faces(s, r, 1);
    if (st != ARC_OK) {
        arc_image_free(s->results, &photo);
        return arc_fail_in(&r->error, st, r->path);
    }
    r->faces_found = 1;
    r->face[0].face = (arc_face){0, 0, (float)photo.width_px, (float)photo.height_px, 1, {{0}}};
    arc_template_get(s->align, NULL, NULL, r->face[0].face.landmark_px);
    r->face[0].crop = photo;
    return ARC_OK;
}

static arc_status find_and_crop(arc_searcher *s, arc_image *photo, arc_image_info *info, arc_result *r) {
    arc_status st;
    ARC_TRY(find_faces(s, photo, info->scale, r));
    if (info->scale < 1 && needs_whole(s, r, info->scale)) {
        arc_image_options options = s->opt->image;
        options.min_side_px = 0;
        arc_image_free(&s->photos, photo);
        ARC_TRY(arc_image_load(&s->photos, r->path, &options, photo, info, &r->error));
    }
    for (int i = 0; i < r->faces; i++)
        ARC_TRY(crop_face(s, photo, info->scale, &r->face[i], &r->error));
done:
    return st;
}

static arc_status search(arc_searcher *s, arc_result *r) {
    arc_image photo;
    arc_image_info info;
    arc_status st = arc_image_load(&s->photos, r->path, &s->opt->image, &photo, &info, &r->error);
    r->width_px = info.full_width_px;
    r->height_px = info.full_height_px;
    if (st != ARC_OK)
        return st;
    st = find_and_crop(s, &photo, &info, r);
    arc_image_free(&s->photos, &photo);
    return st == ARC_OK ? st : arc_fail_in(&r->error, st, r->path);
}

void arc_result_fail(arc_context *ctx, arc_result *r, arc_status st) {
    arc_result kept = {.path = r->path, .status = st, .error = r->error, .width_px = r->width_px, .height_px = r->height_px};
    arc_result_free(ctx, r);
    *r = kept;
}

void arc_searcher_run(arc_searcher *s, arc_result *r) {
    arc_status st = s->opt->aligned ? take_crop(s, r) : search(s, r);
    if (st != ARC_OK)
        arc_result_fail(s->results, r, st);
}
