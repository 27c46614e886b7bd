/* data: data sets of drawn people: persons and pictures are numbered, drawn by all threads and written in order. drawn/ draws
 * one picture. */
#include "base/base.h"
#include "data/sink.h"
#include "drawn/drawn.h"
#include "format/format.h"
#include "image/image.h"
#include <arcface/face.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BATCH 256 /* pictures that are drawn before they are written */
#define PAIR_STREAM 0x7061697273u
#define PHOTO_STREAM 0x70686f746fu
#define MAX_COUNT ((int64_t)1 << 31)
#define FEWEST_PAIR_IDENTITIES 50

void arc_drawn_options_default(arc_drawn_options *opt) {
    *opt = (arc_drawn_options){
        .struct_size = sizeof *opt, .identities = 100, .images = 20, .nuisance = 1, .size_px = 112, .quality = 95};
}

static arc_status check(const arc_drawn_options *o, const char *path, arc_error *err) {
    if (o->identities < 1 || o->images < 1 || o->identities > MAX_COUNT / o->images)
        return arc_fail(err, ARC_EINVAL, "%s: %lld identities with %d images each cannot be drawn", path,
                        (long long)o->identities, o->images);
    if (o->first_identity < 0 || o->first_identity > INT64_MAX / 2 || o->pairs < 0 || o->pairs > MAX_COUNT / 4)
        return arc_fail(err, ARC_EINVAL, "%s: first identity %lld, %lld pairs: out of range", path, (long long)o->first_identity,
                        (long long)o->pairs);
    if (!(o->nuisance >= 0 && o->nuisance <= 2) || o->size_px < 32 || o->size_px > ARC_DRAWN_MAX_SIZE_PX || o->quality < 0 ||
        o->quality > 100)
        return arc_fail(err, ARC_EINVAL, "%s: nuisance is 0 to 2, the size 32 to %d pixels, the quality 0 to 100", path,
                        ARC_DRAWN_MAX_SIZE_PX);
    return ARC_OK;
}

/* The memory that one thread draws with. */
typedef struct draw_scratch {
    void *work;
    uint8_t *rgb;
} draw_scratch;

/* One picture to draw. */
typedef struct picture_number {
    uint64_t identity, image;
} picture_number;

typedef struct draw_job {
    arc_context *ctx;
    const arc_drawn_options *opt;
    draw_scratch *scratch; /* [threads] */
    picture_number *who;   /* [BATCH] */
    arc_buffer *out;       /* [BATCH] encoded */
    arc_status st[BATCH];
    arc_error err[BATCH];
} draw_job;

static void draw_some(void *arg, size_t begin, size_t end, int thread) {
    draw_job *s = arg;
    const arc_drawn_options *o = s->opt;
    const draw_scratch *p = &s->scratch[thread];
    const arc_image image = {p->rgb, o->size_px, o->size_px, (ptrdiff_t)o->size_px * 3, ARC_RGB8};
    const arc_drawn_place place = {.size_px = o->size_px};
    for (size_t i = begin; i < end; i++) {
        arc_drawn_identity who;
        arc_drawn_view view;
        float landmarks[5][2];
        arc_drawn_identity_make(&who, o->seed, s->who[i].identity);
        arc_drawn_view_make(&view, o->seed, s->who[i].identity, s->who[i].image, o->nuisance);
        arc_drawn_draw(&who, &view, &place, p->work, p->rgb, landmarks);
        s->st[i] = arc_encode_memory(&image, &s->ctx->alloc, o->quality, false, &s->out[i], &s->err[i]);
    }
}

static arc_status job_open(draw_job *s, arc_error *err) {
    const int threads = arc_pool_threads(s->ctx->pool);
    const arc_alloc *a = &s->ctx->alloc;
    const size_t pixels = (size_t)s->opt->size_px * (size_t)s->opt->size_px;
    s->scratch = arc_mem_new(a, (size_t)threads, sizeof *s->scratch);
    s->who = arc_mem_new(a, BATCH, sizeof *s->who);
    s->out = arc_mem_new(a, BATCH, sizeof *s->out);
    bool good = s->scratch && s->who && s->out;
    for (int i = 0; good && i < threads; i++) {
        s->scratch[i].work = arc_mem_raw(a, 1, arc_drawn_work_bytes(s->opt->size_px));
        s->scratch[i].rgb = arc_mem_raw(a, pixels, 3);
        good = s->scratch[i].work && s->scratch[i].rgb;
    }
    for (int i = 0; good && i < BATCH; i++)
        arc_buffer_init(&s->out[i], a, pixels * 8 + 65536);
    return good ? ARC_OK : arc_fail_nomem(err, "drawing");
}

static void job_close(draw_job *s) {
    const arc_alloc *a = &s->ctx->alloc;
    for (int i = 0; s->scratch && i < arc_pool_threads(s->ctx->pool); i++) {
        arc_mem_free(a, s->scratch[i].work);
        arc_mem_free(a, s->scratch[i].rgb);
    }
    for (int i = 0; s->out && i < BATCH; i++)
        if (s->out[i].alloc)
            arc_buffer_free(&s->out[i]);
    arc_mem_free(a, s->scratch);
    arc_mem_free(a, s->who);
    arc_mem_free(a, s->out);
}

static arc_status draw(draw_job *s, size_t count, arc_error *err) {
    arc_pool_run(s->ctx->pool, count, 4, draw_some, s);
    for (size_t i = 0; i < count; i++)
        if (s->st[i] != ARC_OK) {
            if (err)
                *err = s->err[i];
            return s->st[i];
        }
    return ARC_OK;
}

static arc_status report(const arc_drawn_options *o, int64_t done, int64_t total, arc_error *err) {
    if (o->progress && o->progress(o->progress_ctx, done, total) != 0)
        return arc_fail(err, ARC_ECANCEL, "drawing was stopped");
    return ARC_OK;
}

static arc_status draw_set(draw_job *s, const char *path, int64_t all, arc_error *err) {
    const arc_drawn_options *o = s->opt;
    const int64_t total = o->identities * o->images;
    arc_data_sink *sink = NULL;
    arc_status st;
    ARC_TRY(arc_data_sink_open(&sink, s->ctx, path, o->layout, o->size_px, o->size_px, err));
    for (int64_t done = 0; done < total;) {
        const int64_t count = ARC_MIN(total - done, (int64_t)BATCH);
        for (int64_t i = 0; i < count; i++)
            s->who[i] =
                (picture_number){(uint64_t)(o->first_identity + (done + i) / o->images), (uint64_t)((done + i) % o->images)};
        ARC_TRY(draw(s, (size_t)count, err));
        for (int64_t i = 0; i < count; i++) {
            char name[32];
            snprintf(name, sizeof name, "%05lld.%s", (long long)((done + i) % o->images), o->quality ? "jpg" : "png");
            ARC_TRY(arc_data_sink_put(sink, (done + i) / o->images, name, s->out[i].data, s->out[i].bytes, err));
        }
        done += count;
        ARC_TRY(report(o, done, all, err));
    }
    return arc_data_sink_commit(&sink, err);
done:
    arc_data_sink_abort(&sink);
    return st;
}

/* Chooses pair i of the verification set out of the people first..first+people-1. Even pairs are genuine, so that every fold
 * has both kinds. */
static void choose_pair(const arc_drawn_options *o, int64_t first, int64_t people, int64_t pair, picture_number who[2]) {
    const uint64_t key = arc_rng_hash(arc_rng_hash(o->seed, PAIR_STREAM), (uint64_t)pair);
    const uint64_t a = arc_rng_hash(key, 0) % (uint64_t)people, away = 1 + arc_rng_hash(key, 1) % (uint64_t)(people - 1);
    const uint64_t view = arc_rng_hash(key, 2) % (uint64_t)o->images;
    const uint64_t other = (view + 1 + arc_rng_hash(key, 3) % (uint64_t)(o->images - 1)) % (uint64_t)o->images;
    who[0] = (picture_number){(uint64_t)first + a, view};
    who[1] = (picture_number){(uint64_t)first + (pair % 2 ? (a + away) % (uint64_t)people : a), other};
}

static arc_status draw_pairs(draw_job *s, const char *path, int64_t first, int64_t people, int64_t before, int64_t all,
                             arc_error *err) {
    const arc_drawn_options *o = s->opt;
    arc_bin_writer *bin = NULL;
    arc_status st;
    if (people < 2 || o->images < 2)
        return arc_fail(err, ARC_EINVAL, "%s: pairs need at least two identities of two images", path);
    uint8_t *same = arc_mem_new(&s->ctx->alloc, (size_t)o->pairs, 1);
    if (!same)
        return arc_fail_nomem(err, path);
    ARC_TRY(arc_bin_writer_open(&bin, &s->ctx->alloc, path, (size_t)o->pairs, err));
    for (int64_t done = 0; done < o->pairs;) {
        const int64_t count = ARC_MIN(o->pairs - done, (int64_t)BATCH / 2);
        for (int64_t i = 0; i < count; i++) {
            choose_pair(o, first, people, done + i, &s->who[2 * i]);
            same[done + i] = (done + i) % 2 == 0;
        }
        ARC_TRY(draw(s, 2 * (size_t)count, err));
        for (int64_t i = 0; i < 2 * count; i++)
            ARC_TRY(arc_bin_writer_put(bin, s->out[i].data, s->out[i].bytes, err));
        done += count;
        ARC_TRY(report(o, before + 2 * done, all, err));
    }
    st = arc_bin_writer_commit(&bin, same, err);
done:
    arc_bin_writer_abort(&bin);
    arc_mem_free(&s->ctx->alloc, same);
    return st;
}

static arc_status bin_path(const char *path, char *out, size_t bytes, arc_error *err) {
    const size_t n = strlen(path);
    const char *slash = strrchr(path, '/');
    int made;
    if (n > 4 && strcasecmp(path + n - 4, ".rec") == 0)
        made = snprintf(out, bytes, "%.*sverification.bin", slash ? (int)(slash - path + 1) : 0, path);
    else
        made = snprintf(out, bytes, "%s/verification.bin", path);
    return made > 0 && (size_t)made < bytes ? ARC_OK : arc_fail(err, ARC_ELIMIT, "%s: the path is too long", path);
}

arc_status arc_data_drawn(arc_context *ctx, const char *path, const arc_drawn_options *opt, arc_error *err) {
    arc_drawn_options o;
    arc_status st;
    char bin[4096];
    draw_job s = {.ctx = ctx, .opt = &o};
    if (ARC_CHECK_OPTIONS(arc_drawn_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (opt)
        o = *opt;
    else
        arc_drawn_options_default(&o);
    const size_t n = strlen(path);
    const bool pairs_only = n > 4 && strcasecmp(path + n - 4, ".bin") == 0;
    if (pairs_only && o.pairs == 0)
        o.pairs = 6000;
    const int64_t pictures = pairs_only ? 0 : o.identities * o.images;
    ARC_TRY(check(&o, path, err));
    ARC_TRY(job_open(&s, err));
    if (!pairs_only)
        ARC_TRY(draw_set(&s, path, pictures + 2 * o.pairs, err));
    if (pairs_only)
        ARC_TRY(draw_pairs(&s, path, o.first_identity, o.identities, 0, 2 * o.pairs, err));
    else if (o.pairs) {
        ARC_TRY(bin_path(path, bin, sizeof bin, err));
        ARC_TRY(draw_pairs(&s, bin, o.first_identity + o.identities, ARC_MAX(o.identities / 5, (int64_t)FEWEST_PAIR_IDENTITIES),
                           pictures, pictures + 2 * o.pairs, err));
    }
done:
    job_close(&s);
    return st;
}

static arc_status draw_one(arc_context *ctx, uint64_t seed, int64_t identity, int64_t image, float nuisance,
                           const arc_drawn_place *place, arc_image *out, float landmark_px[5][2], arc_error *err) {
    arc_drawn_identity who;
    arc_drawn_view view;
    *out = (arc_image){0};
    if (identity < 0 || image < 0 || !(nuisance >= 0 && nuisance <= 2) || place->size_px < 32 ||
        place->size_px > ARC_DRAWN_MAX_SIZE_PX)
        return arc_fail(err, ARC_EINVAL,
                        "a face needs an identity and an image from 0 on, nuisance of 0 to 2 and a size of 32 to %d px",
                        ARC_DRAWN_MAX_SIZE_PX);
    void *work = arc_mem_raw(&ctx->alloc, 1, arc_drawn_work_bytes(place->size_px));
    if (!work)
        return arc_fail_nomem(err, "drawing");
    const arc_status st = arc_image_new(ctx, place->size_px, place->size_px, out, err);
    if (st == ARC_OK) {
        arc_drawn_identity_make(&who, seed, (uint64_t)identity);
        arc_drawn_view_make(&view, seed, (uint64_t)identity, (uint64_t)image, nuisance);
        arc_drawn_draw(&who, &view, place, work, out->data, landmark_px);
    }
    arc_mem_free(&ctx->alloc, work);
    return st;
}

arc_status arc_drawn_face(arc_context *ctx, uint64_t seed, int64_t identity, int64_t image, float nuisance, int size_px,
                          arc_image *out, float landmark_px[5][2], arc_error *err) {
    float landmarks[5][2];
    const arc_drawn_place place = {.size_px = size_px};
    return draw_one(ctx, seed, identity, image, nuisance, &place, out, landmark_px ? landmark_px : landmarks, err);
}

arc_status arc_drawn_photo(arc_context *ctx, uint64_t seed, int64_t identity, int64_t image, float nuisance, int size_px,
                           arc_image *out, arc_face *face, arc_error *err) {
    const float size = (float)size_px;
    arc_rng r;
    arc_drawn_place place = {.size_px = size_px, .free = true};
    arc_rng_seed(&r, arc_rng_hash(arc_rng_hash(seed, PHOTO_STREAM), (uint64_t)identity), (uint64_t)image);
    place.scale = size / 112 * (0.42f + 0.16f * arc_rng_uniform(&r));
    place.x_px = size * (0.42f + 0.16f * arc_rng_uniform(&r));
    place.y_px = size * (0.5f + 0.1f * arc_rng_uniform(&r));
    place.turn_radian = 0.5f * (arc_rng_uniform(&r) - 0.5f);
    memset(face, 0, sizeof *face);
    const arc_status st = draw_one(ctx, seed, identity, image, nuisance, &place, out, face->landmark_px, err);
    face->x1_px = place.x_px - 42 * place.scale;
    face->x2_px = place.x_px + 42 * place.scale;
    face->y1_px = place.y_px - 60 * place.scale;
    face->y2_px = place.y_px + 48 * place.scale;
    face->score = 1;
    return st;
}
