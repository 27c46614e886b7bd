/* eval: runs a model over a set of pictures. They are decoded in parallel, detected and aligned if they are photos, embedded
 * in batches, and given to the sink in order. The mirrored views are embedded separately from the plain ones because XNorm is
 * the mean norm over both. */
#include "eval/eval_internal.h"
#include "face/embed.h"
#include "face/lanes.h"
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BATCH 64

typedef struct slot {
    arc_eval_photo photo;
    arc_image crop;   /* lies in the result or in `fitted` */
    arc_image fitted; /* holds the scaled picture, if it had another size */
    arc_image mirrored;
    float points[5][2]; /* of the face, in pixels of the crop */
    arc_status status;
    arc_error error;
} slot;

typedef struct runner {
    arc_context *ctx;
    arc_embed_run *run;
    arc_evaluation *e;
    arc_embedder *embedder;
    arc_pipeline_options opt;
    arc_lanes *lanes;
    arc_photo_source source; /* gives the set's photos to the search and fills the slots */
    arc_template align;
    int width_px, height_px, dim, count;
    int64_t first;
    slot *slot;             /* [BATCH] */
    arc_result *result;     /* [BATCH] */
    float *plain, *flipped; /* [BATCH][dim] */
    int64_t damaged;        /* pictures of which only a part could be decoded */
    char first_damaged[1024];
    crypto_hash_sha256_state hash;
} runner;

static void name_of(const runner *r, int i, char *out, size_t bytes) {
    r->run->set->name(r->run->set->source, r->first + i, out, bytes);
}

/* The picture at the model's input size: unchanged; or the middle 96 columns of a 112x112 crop (the 112x96 template is the
 * 112x112 one less 8 columns on each side); or scaled, if the aspect ratio is the same. */
static arc_status fit(runner *r, int i, arc_error *err) {
    slot *s = &r->slot[i];
    const arc_image *in = &r->result[i].face[0].crop;
    bool same_size = in->width_px == r->width_px && in->height_px == r->height_px;
    bool middle = in->width_px == 112 && in->height_px == 112 && r->width_px == 96 && r->height_px == 112;
    if (same_size || middle) {
        s->crop = *in;
        s->crop.data = in->data + 3 * ((in->width_px - r->width_px) / 2);
        s->crop.width_px = r->width_px;
        return ARC_OK;
    }
    if ((int64_t)in->width_px * r->height_px != (int64_t)in->height_px * r->width_px) {
        char what[1024];
        name_of(r, i, what, sizeof what);
        return arc_fail(
            err, ARC_ESHAPE,
            "%.300s is %dx%d but the model wants aligned crops of %dx%d; give a detector (photos), or make crops with "
            "\"arcface align\"",
            what, in->width_px, in->height_px, r->width_px, r->height_px);
    }
    arc_status st = arc_image_new(r->ctx, r->width_px, r->height_px, &s->fitted, err);
    if (st != ARC_OK)
        return st;
    arc_draw_image(&s->fitted, 0, 0, r->width_px, r->height_px, in);
    s->fitted.format = in->format;
    s->crop = s->fitted;
    return ARC_OK;
}

static void mirror(const arc_image *from, arc_image *to) {
    for (int y = 0; y < from->height_px; y++) {
        const uint8_t *s = from->data + y * from->stride_bytes;
        uint8_t *d = to->data + y * to->stride_bytes + 3 * (to->width_px - 1);
        for (int x = 0; x < from->width_px; x++, s += 3, d -= 3)
            memcpy(d, s, 3);
    }
    to->format = from->format;
}

/* ---- the set as a source of photos, called by many threads ---- */

static arc_status next_photo(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    runner *r = ctx;
    slot *s = &r->slot[index - r->first];
    const arc_eval_set *set = r->run->set;
    (void)err; /* a photo that cannot be opened fails alone */
    s->photo = (arc_eval_photo){.map = {0}};
    const arc_status st = set->open(r->ctx, set->source, index, &s->photo, &s->error);
    *photo = st == ARC_OK ? s->photo.photo : arc_photo_failed(&s->error, NULL);
    return ARC_OK;
}

static void release_photo(void *ctx, int64_t index, arc_photo *photo) {
    runner *r = ctx;
    (void)photo;
    arc_eval_photo_close(r->ctx, &r->slot[index - r->first].photo);
}

/* The result of the search for picture i, as a crop of the model's size. */
static arc_status take_result(runner *r, int i, arc_error *err) {
    slot *s = &r->slot[i];
    const arc_result *found = &r->result[i];
    if (found->status != ARC_OK)
        return arc_fail(err, found->status, "%s", found->error.text);
    if (found->faces == 0)
        return arc_fail(err, ARC_ENOTFOUND, "no face found%s", found->faces_found > 0 ? " in the labelled box" : "");
    arc_embed_points(&found->face[0].face, r->align, s->points);
    if (r->opt.aligned && !s->photo.photo.has_landmarks)
        return fit(r, i, err);
    s->crop = found->face[0].crop;
    return ARC_OK;
}

/* Takes the next batch of pictures from the set and turns it into crops. */
static arc_status search_batch(runner *r, arc_search *search, arc_error *err) {
    arc_status st = ARC_OK;
    r->count = 0;
    while (st == ARC_OK && r->count < BATCH && !search->ended) {
        int found = 0;
        st = arc_search_round(search, r->result + r->count, BATCH - r->count, &found, err);
        r->count += found;
    }
    for (int i = 0; i < r->count; i++)
        r->slot[i].status = take_result(r, i, &r->slot[i].error);
    return st;
}

/* A picture that is absent, broken or without a face is recorded as missing; other errors end the run. */
static bool is_missing(arc_status st) {
    return st == ARC_ENOTFOUND || st == ARC_EIO || st == ARC_EFORMAT || st == ARC_ECORRUPT || st == ARC_EUNSUPPORTED ||
           st == ARC_ELIMIT || st == ARC_EINVAL;
}

/* Fails with a sentence that names the picture, unless it does so already. */
static arc_status fail_naming(arc_status status, const char *before, const char *name, const char *why, arc_error *err) {
    const bool named = strstr(why, name) != NULL;
    return arc_fail(err, status, "%s%.300s%s%s", before, named ? "" : name, named ? "" : ": ", why);
}

static arc_status report_missing(runner *r, arc_error *err) {
    for (int i = 0; i < r->count; i++) {
        slot *s = &r->slot[i];
        char name[1024];
        if (s->status == ARC_OK)
            continue;
        if (!is_missing(s->status))
            return arc_fail(err, s->status, "%s", s->error.text);
        name_of(r, i, name, sizeof name);
        if (!r->e || r->run->opt->strict)
            return fail_naming(s->status, "", name, s->error.text, err);
        const size_t named = strlen(name); /* most sentences begin with the name */
        const bool twice = strncmp(s->error.text, name, named) == 0 && strncmp(s->error.text + named, ": ", 2) == 0;
        arc_status st = arc_evaluation_missing(r->e, name, s->error.text + (twice ? named + 2 : 0), err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

/* Counts the pictures of the batch that end early or have damaged data. */
static void count_damaged(runner *r) {
    for (int i = 0; i < r->count; i++)
        if (r->slot[i].status == ARC_OK && r->result[i].damaged && r->damaged++ == 0)
            name_of(r, i, r->first_damaged, sizeof r->first_damaged);
}

static double norm_of(const float *x, int dim) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* Embeds the pictures of the batch that are there; the rows of the others are not touched. */
static arc_status embed_batch(runner *r, arc_error *err) {
    arc_image crop[BATCH];
    float points[BATCH][5][2];
    const arc_embed_extra extra = {.points = (const float(*)[5][2])points};
    int n = 0;
    for (int i = 0; i < r->count; i++)
        if (r->slot[i].status == ARC_OK) {
            memcpy(points[n], r->slot[i].points, sizeof points[n]);
            crop[n++] = r->slot[i].crop;
        }
    arc_status st = arc_embed_faces(r->embedder, crop, &extra, n, false, r->plain, err);
    if (st != ARC_OK || !r->run->opt->flip)
        return st;
    n = 0;
    for (int i = 0; i < r->count; i++)
        if (r->slot[i].status == ARC_OK) {
            mirror(&r->slot[i].crop, &r->slot[i].mirrored);
            arc_embed_mirror_points((const float(*)[2])r->slot[i].points, r->width_px, points[n]);
            crop[n++] = r->slot[i].mirrored;
        }
    return arc_embed_faces(r->embedder, crop, &extra, n, false, r->flipped, err);
}

static arc_status hand_on(runner *r, arc_error *err) {
    arc_status st = ARC_OK;
    const bool flip = r->run->opt->flip;
    int n = 0;
    for (int i = 0; i < r->count && st == ARC_OK; i++) {
        crypto_hash_sha256_update(&r->hash, r->slot[i].photo.digest, sizeof r->slot[i].photo.digest);
        if (r->slot[i].status != ARC_OK) {
            st = r->run->sink(r->run->sink_arg, r->first + i, NULL, 0, err);
            continue;
        }
        float *a = r->plain + (size_t)n * (size_t)r->dim;
        const float *b = r->flipped + (size_t)n * (size_t)r->dim;
        double norm = norm_of(a, r->dim);
        if (flip) {
            norm = 0.5 * (norm + norm_of(b, r->dim));
            for (int d = 0; d < r->dim; d++)
                a[d] += b[d];
        }
        st = r->run->sink(r->run->sink_arg, r->first + i, a, norm, err);
        n++;
    }
    return st;
}

static void clear_slots(runner *r) {
    for (int i = 0; i < r->count; i++) {
        arc_image_free(r->ctx, &r->slot[i].fitted);
        arc_result_free(r->ctx, &r->result[i]);
        r->slot[i].crop = (arc_image){0};
    }
}

static arc_status embed_all(runner *r, arc_error *err) {
    const arc_evaluate_options *opt = r->run->opt;
    const int64_t images = r->run->set->images;
    arc_search search = {0};
    arc_status st = arc_search_begin(&search, r->lanes, &r->source, err);
    for (r->first = 0; r->first < images && st == ARC_OK; r->first += r->count) {
        st = search_batch(r, &search, err);
        if (st == ARC_OK)
            st = report_missing(r, err);
        count_damaged(r);
        if (st == ARC_OK)
            st = embed_batch(r, err);
        if (st == ARC_OK && r->first == 0)
            snprintf(r->run->plan_id, sizeof r->run->plan_id, "%s", arc_embedder_plan_id(r->embedder));
        if (st == ARC_OK)
            st = hand_on(r, err);
        clear_slots(r);
        if (st == ARC_OK && opt->progress && opt->progress(opt->progress_ctx, r->first + r->count, images) != 0)
            st = arc_fail(err, ARC_ECANCEL, "evaluation was cancelled");
    }
    arc_search_end(&search);
    return st;
}

static arc_status open_lanes(runner *r, arc_template align, arc_error *err) {
    arc_pipeline_options_default(&r->opt);
    r->opt.detect = r->run->opt->detect;
    r->opt.image.strict = r->run->opt->strict;
    r->opt.detect.max_faces = 1; /* the large and central one, as InsightFace chooses */
    r->opt.aligned = !r->run->opt->detector;
    r->opt.keep_crops = true;
    arc_photo_source_default(&r->source);
    r->source.next = next_photo;
    r->source.release = release_photo;
    r->source.ctx = r;
    r->source.count = r->run->set->images;
    r->source.concurrent = true;
    return arc_lanes_new(r->ctx, r->run->opt->detector, &r->opt, align, 0, &r->lanes, err);
}

static arc_status prepare(runner *r, const arc_model *model, arc_error *err) {
    const arc_alloc *a = &r->ctx->alloc;
    const arc_evaluate_options *opt = r->run->opt;
    const arc_template align = arc_model_contract(model)->align;
    r->align = align;
    arc_template_get(align, &r->width_px, &r->height_px, NULL);
    arc_status st = arc_embedder_new(r->ctx, model, &r->embedder, err);
    if (st == ARC_OK)
        st = open_lanes(r, align, err);
    if (st != ARC_OK)
        return st;
    r->dim = arc_embedder_dim(r->embedder);
    r->slot = arc_mem_new(a, BATCH, sizeof *r->slot);
    r->result = arc_mem_new(a, BATCH, sizeof *r->result);
    r->plain = arc_mem_new(a, (size_t)BATCH * (size_t)r->dim, sizeof(float));
    r->flipped = arc_mem_new(a, (size_t)BATCH * (size_t)r->dim, sizeof(float));
    if (!r->slot || !r->result || !r->plain || !r->flipped)
        return arc_fail_nomem(err, "the evaluation's embeddings");
    for (int i = 0; opt->flip && i < BATCH && st == ARC_OK; i++)
        st = arc_image_new(r->ctx, r->width_px, r->height_px, &r->slot[i].mirrored, err);
    return st;
}

static arc_status none_usable(const arc_evaluation *e, arc_error *err) {
    char before[80];
    snprintf(before, sizeof before, "none of the %lld pictures can be used; ", (long long)e->missing);
    return fail_naming(ARC_ENOTFOUND, before, e->missing_image[0].name, e->missing_image[0].why, err);
}

arc_status arc_eval_embed(arc_context *ctx, const arc_model *model, arc_embed_run *run, arc_evaluation *e, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    runner *r = arc_mem_new(a, 1, sizeof *r);
    if (!r)
        return arc_fail_nomem(err, "the evaluation");
    *r = (runner){.ctx = ctx, .run = run, .e = e};
    crypto_hash_sha256_init(&r->hash);
    arc_status st = prepare(r, model, err);
    if (st == ARC_OK)
        st = embed_all(r, err);
    if (st == ARC_OK && e && e->missing == run->set->images)
        st = none_usable(e, err);
    if (st == ARC_OK && e && r->damaged > 0)
        st =
            arc_evaluation_note(e, err, "pictures that end early or are damaged, used as far as they go: %lld; the first: %.300s",
                                (long long)r->damaged, r->first_damaged);
    crypto_hash_sha256_final(&r->hash, run->digest);
    for (int i = 0; r->slot && i < BATCH; i++)
        arc_image_free(ctx, &r->slot[i].mirrored);
    arc_mem_free(a, r->flipped);
    arc_mem_free(a, r->plain);
    arc_mem_free(a, r->result);
    arc_mem_free(a, r->slot);
    arc_lanes_free(&r->lanes);
    arc_embedder_free(&r->embedder);
    arc_mem_free(a, r);
    return st;
}

/* ---- into rows ---- */

static arc_status keep_row(void *arg, int64_t index, const float *embedding, double norm, arc_error *err) {
    arc_rows *rows = arg;
    (void)err;
    if (embedding)
        memcpy(rows->row + (size_t)index * (size_t)rows->dim, embedding, (size_t)rows->dim * sizeof(float));
    rows->norm[index] = norm;
    rows->present[index] = embedding != NULL;
    return ARC_OK;
}

arc_status arc_eval_embed_rows(arc_context *ctx, const arc_model *model, arc_embed_run *run, arc_evaluation *e, arc_rows *out,
                               arc_error *err) {
    const size_t images = (size_t)run->set->images;
    *out = (arc_rows){.dim = arc_model_contract(model)->dim};
    out->row = arc_mem_new(&ctx->alloc, images, (size_t)out->dim * sizeof(float));
    out->norm = arc_mem_new(&ctx->alloc, images, sizeof *out->norm);
    out->present = arc_mem_new(&ctx->alloc, images, 1);
    arc_status st = out->row && out->norm && out->present ? ARC_OK : arc_fail_nomem(err, "the evaluation's embeddings");
    run->sink = keep_row;
    run->sink_arg = out;
    if (st == ARC_OK)
        st = arc_eval_embed(ctx, model, run, e, err);
    if (st != ARC_OK)
        arc_rows_free(ctx, out);
    return st;
}

void arc_rows_free(arc_context *ctx, arc_rows *rows) {
    arc_mem_free(&ctx->alloc, rows->present);
    arc_mem_free(&ctx->alloc, rows->norm);
    arc_mem_free(&ctx->alloc, rows->row);
    *rows = (arc_rows){0};
}
