/* Pictures to aligned faces, with what they differ by: embedding, light and pose. One pipeline takes photos and ready crops
 * alike: a picture of the template's size is given the template's own landmarks, by which it is aligned to itself. */
#include "deploy/kit/kit.h"
#include "image/image.h"
#include <math.h>
#include <string.h>

#define SEED 20190609u
#define SMALL_FILE_BYTES ((size_t)1 << 18) /* a crop, even uncompressed; what is larger is searched */

/* ---- ready crops among photos ---- */

typedef struct opening {
    arc_context *ctx;
    const arc_photo_source *inner;
    int width_px, height_px;
    float points_px[5][2];
} opening;

/* Whether an encoded picture has the template's size. Whatever cannot be decoded is left for the pipeline to speak of. */
static bool has_size(const opening *o, const void *bytes, size_t count) {
    arc_image image = {0};
    const bool same = arc_image_decode_in(&o->ctx->alloc, bytes, count, NULL, NULL, &image, NULL, NULL) == ARC_OK &&
                      image.width_px == o->width_px && image.height_px == o->height_px;
    arc_image_release(&o->ctx->alloc, &image);
    return same;
}

static bool is_crop(const opening *o, const arc_photo *p) {
    arc_map map = {0};
    bool crop = false;
    if (p->has_landmarks || p->has_box)
        return false;
    if (p->kind == ARC_PHOTO_FRAME)
        return p->frame.width_px == o->width_px && p->frame.height_px == o->height_px;
    if (p->kind == ARC_PHOTO_BYTES)
        return p->byte_count <= SMALL_FILE_BYTES && has_size(o, p->bytes, p->byte_count);
    if (p->kind == ARC_PHOTO_PATH && arc_map_open(&map, p->name, SMALL_FILE_BYTES, NULL) == ARC_OK)
        crop = has_size(o, map.data, map.bytes);
    arc_map_close(&map);
    return crop;
}

static arc_status next_photo(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    const opening *o = ctx;
    const arc_status st = o->inner->next(o->inner->ctx, index, photo, err);
    if (st == ARC_OK && photo->kind != ARC_PHOTO_END && is_crop(o, photo)) {
        photo->has_landmarks = true;
        memcpy(photo->landmark_px, o->points_px, sizeof photo->landmark_px);
    }
    return st;
}

static void release_photo(void *ctx, int64_t index, arc_photo *photo) {
    const opening *o = ctx;
    if (o->inner->release)
        o->inner->release(o->inner->ctx, index, photo);
}

/* ---- light and pose ---- */

/* Turned sideways and nodding, from where the nose is between eyes and mouth, in parts of the distance of the eyes. */
static void pose_of(const float p[5][2], float pose[2]) {
    const float eye_x = (p[0][0] + p[1][0]) / 2, eye_y = (p[0][1] + p[1][1]) / 2;
    const float dx = p[1][0] - p[0][0], dy = p[1][1] - p[0][1], square = fmaxf(dx * dx + dy * dy, 1e-6f);
    const float x = p[2][0] - eye_x, y = p[2][1] - eye_y;
    pose[0] = (x * dx + y * dy) / square;
    pose[1] = (y * dx - x * dy) / square;
}

/* Brightness, contrast and how much brighter the right half is, each from 0 (-1) to 1 over what pictures have. */
static void light_of(const arc_image *crop, float light[3]) {
    double sum = 0, squares = 0, half[2] = {0};
    const int w = crop->width_px, h = crop->height_px;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const uint8_t *p = crop->data + y * crop->stride_bytes + (ptrdiff_t)3 * x;
            const double luma = (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) / 255;
            sum += luma;
            squares += luma * luma;
            half[2 * x >= w] += luma;
        }
    const double n = (double)w * h, mean = sum / n;
    light[0] = (float)mean;
    light[1] = (float)(2 * sqrt(fmax(squares / n - mean * mean, 0)));
    light[2] = (float)(2 * (half[1] - half[0]) / n);
}

/* ---- keeping ---- */

typedef struct gathering {
    arc_context *ctx;
    const arc_kit_options *opt;
    arc_kit_faces *faces;
    arc_kit_report *report;
    const arc_photo_source *source;
    int width_px, height_px;
    float level[2]; /* pose of the template's own landmarks */
} gathering;

/* Where the next face goes: a free place, then any place with the chance that keeps all faces equally likely (reservoir
 * sampling); -1: nowhere. */
static int place_of_next(arc_kit_faces *f) {
    const int64_t seen = f->seen++;
    if (f->count < ARC_KIT_MAX_FACES)
        return f->count++;
    const uint64_t any = ((uint64_t)arc_rng_u32(&f->rng) << 32 | arc_rng_u32(&f->rng)) % ((uint64_t)seen + 1);
    return any < ARC_KIT_MAX_FACES ? (int)any : -1;
}

static void keep(gathering *g, arc_result_face *face, bool ready) {
    arc_kit_faces *f = g->faces;
    const int at = place_of_next(f);
    if (at < 0)
        return;
    float *trait = f->trait + (size_t)at * ARC_KIT_TRAITS, *row = f->embedding + (size_t)at * (size_t)f->dim;
    arc_image_free(g->ctx, &f->crop[at]);
    f->crop[at] = face->crop;
    face->crop = (arc_image){0};
    memcpy(row, face->embedding, (size_t)f->dim * sizeof *row);
    arc_embedding_normalise(row, 1, f->dim);
    f->norm[at] = face->norm;
    light_of(&f->crop[at], trait);
    pose_of((const float(*)[2])face->face.landmark_px, trait + 3);
    for (int i = 0; i < 2; i++)
        trait[3 + i] = ready ? 0 : trait[3 + i] - g->level[i];
}

static arc_status take(void *ctx, int64_t index, arc_result *r, arc_error *err) {
    gathering *g = ctx;
    arc_kit_report *report = g->report;
    report->pictures++;
    if (r->status == ARC_OK && r->faces > 0 && r->resized)
        return arc_fail(err, ARC_ESHAPE,
                        "%s is %dx%d pixels, no aligned face of %dx%d: \"arcface align\" cuts faces out of photos; \"arcface "
                        "export\" does so too of photos behind the model, with --detector",
                        r->label ? r->label : r->path, r->width_px, r->height_px, g->width_px, g->height_px);
    if (r->status != ARC_OK) {
        report->unreadable++;
        arc_log(g->ctx, ARC_LOG_WARN, "%s", r->error.text);
    } else if (r->faces == 0) {
        report->faceless++;
    } else {
        keep(g, &r->face[0], r->width_px == g->width_px && r->height_px == g->height_px);
    }
    if (g->opt->progress && g->opt->progress(g->opt->progress_ctx, "finding faces", index + 1, g->source->count) != 0)
        return arc_fail(err, ARC_ECANCEL, "the kit was cancelled");
    return ARC_OK;
}

static arc_status make_room(arc_context *ctx, const arc_model *model, arc_kit_faces *f, arc_error *err) {
    const size_t dim = (size_t)model->contract.dim;
    *f = (arc_kit_faces){.dim = (int)dim};
    arc_rng_seed(&f->rng, SEED, 0);
    f->crop = arc_mem_new(&ctx->alloc, ARC_KIT_MAX_FACES, sizeof *f->crop);
    f->embedding = arc_mem_raw(&ctx->alloc, ARC_KIT_MAX_FACES * dim, sizeof *f->embedding);
    f->trait = arc_mem_raw(&ctx->alloc, ARC_KIT_MAX_FACES * ARC_KIT_TRAITS, sizeof *f->trait);
    f->norm = arc_mem_raw(&ctx->alloc, ARC_KIT_MAX_FACES, sizeof *f->norm);
    return f->crop && f->embedding && f->trait && f->norm ? ARC_OK : arc_fail_nomem(err, "faces to calibrate on");
}

arc_status arc_kit_gather(arc_context *ctx, const arc_model *model, const arc_photo_source *pictures, const arc_kit_options *opt,
                          arc_kit_faces *faces, arc_kit_report *report, arc_error *err) {
    arc_status st;
    arc_pipeline_options how;
    arc_pipeline *pipeline = NULL;
    arc_photo_source source = *pictures;
    opening o = {.ctx = ctx, .inner = pictures};
    gathering g = {.ctx = ctx, .opt = opt, .faces = faces, .report = report, .source = &source};
    arc_template_get(model->contract.align, &o.width_px, &o.height_px, o.points_px);
    g.width_px = o.width_px;
    g.height_px = o.height_px;
    pose_of((const float(*)[2])o.points_px, g.level);
    arc_pipeline_options_default(&how);
    how.detect = opt->detect;
    how.aligned = !opt->detector;
    how.keep_crops = true;
    if (opt->detector) {
        source.next = next_photo;
        source.release = release_photo;
        source.ctx = &o;
    }
    ARC_TRY(make_room(ctx, model, faces, err));
    ARC_TRY(arc_pipeline_new(ctx, opt->detector, model, &how, &pipeline, err));
    ARC_TRY(arc_pipeline_run_source(pipeline, &source, take, &g, err));
    report->faces = faces->seen;
done:
    arc_pipeline_free(&pipeline);
    return st;
}

void arc_kit_faces_free(arc_context *ctx, arc_kit_faces *f) {
    for (int i = 0; i < f->count; i++)
        arc_image_free(ctx, &f->crop[i]);
    arc_mem_free(&ctx->alloc, f->crop);
    arc_mem_free(&ctx->alloc, f->embedding);
    arc_mem_free(&ctx->alloc, f->trait);
    arc_mem_free(&ctx->alloc, f->norm);
    *f = (arc_kit_faces){0};
}
