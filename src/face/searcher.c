/* face: searches one photo at a time: decodes it, detects faces and cuts out crops. A searcher owns a detector and the memory
 * into which photos are decoded. A pipeline has one searcher that uses all threads, for few photos, and one for each lane, for
 * many (lanes.c). */
#include "face/searcher.h"
#include "base/base.h"
#include "face/detect/look.h"
#include "face/result.h"
#include "image/image.h"
#include <math.h>
#include <string.h>

#define FACES_WITH_BOX 256 /* faces that are considered if the photo says where its face is */
#define LEAST_IOU 0.2f     /* of a face with that rectangle */

struct arc_searcher {
    const arc_pipeline_options *opt;
    arc_context *results;  /* allocates faces and crops, which outlive the searcher */
    arc_execution run;     /* of the detector, with this searcher's threads */
    arc_recycler recycler; /* memory of photos */
    arc_pool *pool;        /* its own, or NULL */
    arc_detector *detector;
    arc_template align;
    int dim;
    bool crops; /* whether crops are wanted */
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
    s->crops = dim > 0 || opt->keep_crops;
    s->run = arc_execution_of(ctx);
    arc_recycler_init(&s->recycler, &ctx->alloc);
    if (own_threads > 0) {
        if (own_threads > 1)
            ARC_TRY(arc_pool_new(&s->pool, &ctx->alloc, own_threads, err));
        s->run.pool = s->pool;
        s->run.tune = false; /* the searcher with all threads has measured; this one uses its results */
    }
    if (!opt->aligned)
        ARC_TRY(arc_detector_new_on(&s->run, detector, &s->detector, err));
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
    for (int i = 0; s->dim > 0 && i < count; i++) {
        r->face[i].embedding = arc_mem_new(a, (size_t)s->dim, sizeof(float));
        if (!r->face[i].embedding)
            return arc_fail_nomem(&r->error, "embeddings");
    }
    return ARC_OK;
}

int arc_largest_face(const arc_face *face, int count) {
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

static float overlap(const arc_face *f, const float box[4]) {
    const float w = ARC_MIN(f->x2_px, box[2]) - ARC_MAX(f->x1_px, box[0]),
                h = ARC_MIN(f->y2_px, box[3]) - ARC_MAX(f->y1_px, box[1]);
    const float both = w > 0 && h > 0 ? w * h : 0;
    const float sum = (f->x2_px - f->x1_px) * (f->y2_px - f->y1_px) + (box[2] - box[0]) * (box[3] - box[1]);
    return sum > both ? both / (sum - both) : 0;
}

/* The face that overlaps the given rectangle most; -1: none does enough. */
static int face_nearest_to(const arc_face *face, int count, const float box[4]) {
    int best = 0;
    for (int i = 1; i < count; i++)
        if (overlap(&face[i], box) > overlap(&face[best], box))
            best = i;
    return count > 0 && overlap(&face[best], box) >= LEAST_IOU ? best : -1;
}

/* The reductions that the JPEG decoder offers are exact powers of two. */
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

/* Finds faces in `image`, which is the photo scaled by `scale`. */
static arc_status find_faces(arc_searcher *s, const arc_photo *photo, const arc_image *image, double scale, arc_result *r) {
    arc_detect_options opt = s->opt->detect;
    arc_face_list list = {.alloc = s->run.alloc};
    float box[4];
    const bool all = s->opt->all_faces && !photo->has_box;
    if (photo->has_box)
        opt.max_faces = FACES_WITH_BOX;
    arc_looked looked;
    arc_status st = arc_detect_list(s->detector, image, &opt, all || photo->has_box, &list, &looked, &r->error);
    r->looks = looked.looks;
    if (st == ARC_OK) {
        const double searched = looked.scale * scale; /* from the photo at its full size */
        r->searched_px = searched < 1 ? (int)lrint(searched * ARC_MAX(r->width_px, r->height_px)) : 0;
        const arc_face *face = list.face;
        const int found = (int)list.count;
        r->faces_found = found;
        for (int i = 0; i < 4; i++)
            box[i] = photo->box_px[i] / reduction(scale);
        const int first = photo->has_box ? face_nearest_to(face, found, box) : all ? 0 : arc_largest_face(face, found);
        const int taken = found == 0 || first < 0 ? 0 : all ? found : 1;
        if (taken > 0)
            st = make_faces(s, r, taken);
        for (int i = 0; st == ARC_OK && i < taken; i++)
            r->face[i].face = enlarged(&face[first + i], reduction(scale));
    }
    arc_face_list_free(&list);
    return st;
}

/* Crops by the landmarks that came with the photo. */
static arc_status take_known_face(const arc_searcher *s, const arc_photo *photo, arc_result *r) {
    const arc_status st = make_faces(s, r, 1);
    if (st != ARC_OK)
        return st;
    arc_face *f = &r->face[0].face;
    const float(*p)[2] = photo->landmark_px;
    *f = (arc_face){p[0][0], p[0][1], p[0][0], p[0][1], 1, {{0}}, 0};
    memcpy(f->landmark_px, photo->landmark_px, sizeof f->landmark_px);
    for (int i = 1; i < 5; i++) {
        f->x1_px = ARC_MIN(f->x1_px, p[i][0]);
        f->y1_px = ARC_MIN(f->y1_px, p[i][1]);
        f->x2_px = ARC_MAX(f->x2_px, p[i][0]);
        f->y2_px = ARC_MAX(f->y2_px, p[i][1]);
    }
    if (photo->has_box) {
        f->x1_px = photo->box_px[0];
        f->y1_px = photo->box_px[1];
        f->x2_px = photo->box_px[2];
        f->y2_px = photo->box_px[3];
    }
    r->faces_found = 1;
    r->from = ARC_FACE_GIVEN;
    return ARC_OK;
}

/* Crops from an image that is the photo scaled by `scale`. */
static arc_status crop_face(const arc_searcher *s, const arc_image *image, double scale, arc_result_face *face, arc_error *err) {
    const arc_face seen = enlarged(&face->face, 1 / reduction(scale));
    return arc_align_face(s->results, image, (const float(*)[2])seen.landmark_px, s->align, s->opt->warp, &face->crop,
                          &face->align_residual_px, err);
}

/* A face that has fewer pixels in the reduced photo than in the crop needs the photo at full size. */
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

/* A square crop of another size is resized to the template's side; 112 wide ones hold the 112x96 crop in their middle. */
static arc_status resize_crop(const arc_searcher *s, arc_image *crop, arc_result *r) {
    int width, height;
    arc_image sized;
    arc_template_get(s->align, &width, &height, NULL);
    if ((crop->width_px == width && crop->height_px == height) || crop->width_px != crop->height_px ||
        (s->align == ARC_TEMPLATE_112X96 && crop->width_px == height))
        return ARC_OK; /* or what is no aligned crop: the embedder refuses it */
    arc_status st = arc_image_new(s->results, height, height, &sized, &r->error);
    if (st != ARC_OK)
        return st;
    sized.format = crop->format;
    st = arc_resize_linear(&s->results->alloc, s->run.pool, crop, &sized, &r->error);
    if (st != ARC_OK) {
        arc_image_free(s->results, &sized);
        return st;
    }
    arc_image_free(s->results, crop);
    *crop = sized;
    r->resized = 1;
    return ARC_OK;
}

/* The photo is a ready crop. */
static arc_status take_crop(arc_searcher *s, const arc_photo *photo, arc_result *r) {
    arc_image_options options = s->opt->image;
    options.min_side_px = 0;
    arc_image crop;
    arc_image_info info;
    arc_status st = arc_photo_load(s->results, photo, &options, &crop, &info, &r->error);
    r->width_px = info.full_width_px;
    r->height_px = info.full_height_px;
    r->damaged = info.damaged;
    if (st != ARC_OK)
        return st;
    st = s->dim > 0 ? resize_crop(s, &crop, r) : ARC_OK;
    if (st == ARC_OK)
        st = make_faces(s, r, 1);
    if (st != ARC_OK) {
        arc_image_free(s->results, &crop);
        return arc_fail_in(&r->error, st, arc_photo_name(photo));
    }
    r->faces_found = 1;
    r->from = ARC_FACE_CROP;
    r->face[0].face = (arc_face){0, 0, (float)crop.width_px, (float)crop.height_px, 1, {{0}}, 0};
    arc_template_get(s->align, NULL, NULL, r->face[0].face.landmark_px);
    r->face[0].crop = crop;
    return ARC_OK;
}

/* The photo that is searched. */
typedef struct opened {
    arc_image image;
    bool owned; /* false: the pixels are the caller's */
    arc_image_info info;
} opened;

static void close_photo(arc_searcher *s, opened *o) {
    if (o->owned)
        arc_image_release(&s->recycler.alloc, &o->image);
    o->owned = false;
}

static arc_status find_and_crop(arc_searcher *s, const arc_photo *photo, opened *o, arc_result *r) {
    arc_status st;
    ARC_TRY(photo->has_landmarks ? take_known_face(s, photo, r) : find_faces(s, photo, &o->image, o->info.scale, r));
    if (s->crops && o->info.scale < 1 && needs_whole(s, r, o->info.scale)) {
        arc_image_options options = s->opt->image;
        options.min_side_px = 0;
        close_photo(s, o);
        ARC_TRY(arc_photo_open(&s->recycler.alloc, photo, &options, &o->image, &o->owned, &o->info, &r->error));
    }
    for (int i = 0; s->crops && i < r->faces; i++)
        ARC_TRY(crop_face(s, &o->image, o->info.scale, &r->face[i], &r->error));
done:
    return st;
}

static arc_status search(arc_searcher *s, const arc_photo *photo, arc_result *r) {
    opened o;
    arc_status st = arc_photo_open(&s->recycler.alloc, photo, &s->opt->image, &o.image, &o.owned, &o.info, &r->error);
    r->width_px = o.info.full_width_px;
    r->height_px = o.info.full_height_px;
    r->damaged = o.info.damaged;
    if (st != ARC_OK)
        return st;
    st = find_and_crop(s, photo, &o, r);
    close_photo(s, &o);
    return st == ARC_OK ? st : arc_fail_in(&r->error, st, arc_photo_name(photo));
}

void arc_searcher_run(arc_searcher *s, const arc_photo *photo, arc_result *r) {
    const arc_status st = s->opt->aligned && !photo->has_landmarks ? take_crop(s, photo, r) : search(s, photo, r);
    if (st != ARC_OK)
        arc_result_fail(s->results, r, st);
}
