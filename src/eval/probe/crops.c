/* eval: the faces that a model is probed with, of people in a folder or of drawn ones, as a pipeline aligns them. */
#include "eval/probe/probe_internal.h"
#include "eval/protocol/folder.h"
#include "face/embed.h"
#include <arcface/data.h>
#include <string.h>

#define DRAWN_SIDE_PX 256 /* drawn faces are aligned by their landmarks, from more pixels than any template but the last has */

typedef struct gathering {
    arc_context *ctx;
    const arc_probe_options *opt;
    arc_template align;
    arc_pipeline *crops, *photos; /* of aligned crops; of photos, NULL without a detector */
    arc_probe_faces *faces;
    arc_probe *out;
} gathering;

static arc_status open_faces(gathering *g, int capacity, arc_error *err) {
    arc_probe_faces *f = g->faces;
    const arc_alloc *a = &g->ctx->alloc;
    f->result = arc_mem_new(a, (size_t)capacity, sizeof *f->result);
    f->crop = arc_mem_new(a, (size_t)capacity, sizeof *f->crop);
    f->points = arc_mem_new(a, (size_t)capacity, sizeof *f->points);
    f->person = arc_mem_new(a, (size_t)capacity, sizeof *f->person);
    f->capacity = f->result ? capacity : 0;
    return f->result && f->crop && f->points && f->person ? ARC_OK : arc_fail_nomem(err, "the probe's faces");
}

void arc_probe_faces_free(arc_context *ctx, arc_probe_faces *f) {
    for (int i = 0; i < f->capacity; i++)
        arc_result_free(ctx, &f->result[i]);
    arc_mem_free(&ctx->alloc, f->person);
    arc_mem_free(&ctx->alloc, f->points);
    arc_mem_free(&ctx->alloc, f->crop);
    arc_mem_free(&ctx->alloc, f->result);
    *f = (arc_probe_faces){0};
}

static arc_status open_pipelines(gathering *g, const arc_model *model, arc_error *err) {
    arc_pipeline_options opt;
    arc_pipeline_options_default(&opt);
    opt.detect = g->opt->detect;
    opt.keep_crops = true;
    opt.aligned = true;
    arc_status st = arc_pipeline_new(g->ctx, NULL, model, &opt, &g->crops, err);
    opt.aligned = false;
    if (st == ARC_OK && g->opt->images && g->opt->detector && !g->opt->aligned)
        st = arc_pipeline_new(g->ctx, g->opt->detector, model, &opt, &g->photos, err);
    return st;
}

static void skip(gathering *g, const arc_error *why) {
    if (g->out->skipped++ == 0)
        memcpy(g->out->first_problem, why->text, sizeof g->out->first_problem);
}

/* Takes the face of a photo of person number `person`. */
static arc_status take(gathering *g, arc_pipeline *pipeline, const arc_photo *photo, int person, arc_error *err) {
    arc_probe_faces *f = g->faces;
    arc_result *r = &f->result[f->count];
    arc_error why = {0};
    arc_status st = arc_pipeline_run_photos(pipeline, photo, 1, r, NULL, NULL, err);
    if (st != ARC_OK)
        return st;
    if (r->status != ARC_OK || r->faces == 0) {
        if (r->status == ARC_OK)
            (void)arc_fail(&why, ARC_ENOTFOUND, "%s: no face found", photo->name);
        skip(g, r->status == ARC_OK ? &why : &r->error);
        arc_result_free(g->ctx, r);
        return ARC_OK;
    }
    f->crop[f->count] = r->face[0].crop;
    arc_embed_points(&r->face[0].face, g->align, f->points[f->count]);
    f->person[f->count++] = person;
    return ARC_OK;
}

/* ---- people of a folder ---- */

/* A picture that has been aligned already is one of the template's size, or of the 112 x 112 that data sets come in. */
static bool is_crop(const gathering *g, const arc_image *image) {
    int width, height;
    arc_template_get(g->align, &width, &height, NULL);
    return g->opt->aligned || (!g->opt->photos && ((image->width_px == width && image->height_px == height) ||
                                                   (image->width_px == 112 && image->height_px == 112)));
}

static arc_status take_file(gathering *g, const char *path, int person, arc_error *err) {
    arc_image image;
    arc_error why = {0};
    if (arc_image_load(g->ctx, path, NULL, &image, NULL, &why) != ARC_OK) {
        skip(g, &why);
        return ARC_OK;
    }
    const arc_photo photo = arc_photo_from_image(&image, path);
    arc_status st = ARC_OK;
    if (is_crop(g, &image))
        st = take(g, g->crops, &photo, person, err);
    else if (g->photos)
        st = take(g, g->photos, &photo, person, err);
    else
        st = arc_fail(err, ARC_EINVAL,
                      "%s: %d x %d pixels is no aligned crop, and there is no detector to find its face: name one "
                      "(--detector), or say that the pictures are aligned (--aligned)",
                      path, image.width_px, image.height_px);
    arc_image_free(g->ctx, &image);
    return st;
}

/* The number of pictures of the person that begins at `first`. */
static int64_t pictures_of(const arc_folder_set *set, int64_t first) {
    int64_t end = first;
    while (end < set->images && set->identity[end] == set->identity[first])
        end++;
    return end - first;
}

/* People with at least so many pictures. */
static int people_with(const arc_folder_set *set, int64_t least) {
    int people = 0;
    for (int64_t i = 0; i < set->images; i += pictures_of(set, i))
        people += pictures_of(set, i) >= least;
    return people;
}

/* Takes people with as many pictures as are asked for, where there are enough, and every so manieth of them, so that an alphabet
 * or a date does not choose. */
static arc_status take_folder(gathering *g, const arc_folder_set *set, arc_error *err) {
    int least = g->opt->images_each, seen = 0;
    while (least > 2 && people_with(set, least) < g->opt->people)
        least--;
    const int usable = people_with(set, least), wanted = ARC_MIN(usable, g->opt->people);
    arc_status st = open_faces(g, ARC_MAX(1, wanted * g->opt->images_each), err);
    for (int64_t i = 0, n; st == ARC_OK && i < set->images; i += n) {
        n = pictures_of(set, i);
        if (n < least)
            continue;
        const int before = g->faces->count;
        if ((int64_t)seen * wanted / usable != (int64_t)(seen + 1) * wanted / usable) {
            for (int64_t k = 0; st == ARC_OK && k < n && g->faces->count - before < g->opt->images_each; k++)
                st = take_file(g, set->path[i + k], g->faces->people, err);
            g->faces->people += g->faces->count > before;
        }
        seen++;
    }
    return st;
}

static arc_status gather_folder(gathering *g, arc_error *err) {
    arc_folder_set set = {.path = NULL};
    arc_arena_init(&set.arena, &g->ctx->alloc, 0);
    arc_status st = arc_folder_add(&set, &g->ctx->alloc, g->opt->images, false, err);
    if (st == ARC_OK)
        st = take_folder(g, &set, err);
    arc_folder_close(&g->ctx->alloc, &set);
    return st;
}

/* ---- drawn people ---- */

static arc_status gather_drawn(gathering *g, arc_error *err) {
    const arc_probe_options *o = g->opt;
    arc_status st = open_faces(g, o->people * o->images_each, err);
    for (int i = 0; st == ARC_OK && i < o->people * o->images_each; i++) {
        arc_image image;
        arc_photo photo = {.kind = ARC_PHOTO_END};
        float points[5][2];
        st = arc_drawn_face(g->ctx, o->seed, i / o->images_each, i % o->images_each, 1, DRAWN_SIDE_PX, &image, points, err);
        if (st != ARC_OK)
            return st;
        photo = arc_photo_from_image(&image, "(drawn)");
        photo.has_landmarks = true;
        memcpy(photo.landmark_px, points, sizeof points);
        st = take(g, g->crops, &photo, i / o->images_each, err);
        arc_image_free(g->ctx, &image);
    }
    g->faces->people = o->people;
    return st;
}

static arc_status count_pairs(const gathering *g, arc_error *err) {
    const arc_probe_faces *f = g->faces;
    arc_probe *out = g->out;
    int64_t same = 0;
    for (int i = 0; i < f->count; i++)
        for (int j = i + 1; j < f->count; j++)
            same += f->person[i] == f->person[j];
    out->people = f->people;
    out->images = f->count;
    out->genuine = same;
    out->impostor = (int64_t)f->count * (f->count - 1) / 2 - same;
    if (f->people >= 2 && out->genuine >= 2 && out->impostor >= 2)
        return ARC_OK;
    return arc_fail(err, ARC_EINVAL,
                    "%s: %d usable pictures of %d people are too few to probe with: two people of two pictures are the least, "
                    "ten of three are a good number%s%.300s",
                    g->opt->images ? g->opt->images : "the drawn people", f->count, f->people, out->skipped ? "; " : "",
                    out->first_problem);
}

arc_status arc_probe_faces_gather(arc_context *ctx, const arc_model *model, const arc_probe_options *opt, arc_probe_faces *f,
                                  arc_probe *out, arc_error *err) {
    gathering g = {.ctx = ctx, .opt = opt, .align = arc_model_contract(model)->align, .faces = f, .out = out};
    *f = (arc_probe_faces){0};
    out->drawn = !opt->images;
    arc_status st = open_pipelines(&g, model, err);
    if (st == ARC_OK)
        st = opt->images ? gather_folder(&g, err) : gather_drawn(&g, err);
    if (st == ARC_OK)
        st = count_pairs(&g, err);
    arc_pipeline_free(&g.photos);
    arc_pipeline_free(&g.crops);
    return st;
}
