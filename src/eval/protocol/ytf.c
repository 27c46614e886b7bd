/* eval: YouTube Faces: videos of frames. Frames are embedded in order and pooled as they come; only the rules on pairs of
 * frames need all frames of a video. */
#include "eval/protocol/known.h"
#include "eval/stats/bootstrap.h"
#include "format/format.h"
#include "kernel/kernel.h"
#include <arcface/evaluate_template.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FRAMES 1000000

typedef struct video {
    const char *path;      /* Name/video */
    int64_t first, frames; /* range in the list of frames */
    int usable;
    int person;
} video;

typedef struct ytf {
    arc_context *ctx;
    const arc_evaluate_ytf_options *opt;
    arc_pair_list list;
    arc_arena arena;
    video *video; /* [videos], sorted */
    int videos, people, dim;
    int (*pair)[2];
    const char **frame; /* [frames] paths */
    float (*box)[4];    /* [frames] or NULL; x2 <= x1: unknown */
    bool boxes;
    int *of; /* [frames] the video of each frame */
    int64_t frames, capacity;
    double *centre; /* [videos][dim] */
    float *unit;    /* [frames][dim], only for rules on pairs of frames */
    uint8_t *usable;
} ytf;

static int by_path(const void *a, const void *b) {
    return strcmp(((const video *)a)->path, ((const video *)b)->path);
}

static size_t person_bytes(const char *path) {
    const char *slash = strchr(path, '/');
    return slash ? (size_t)(slash - path) : strlen(path);
}

static arc_status find_videos(ytf *y, arc_error *err) {
    const arc_alloc *a = &y->ctx->alloc;
    const size_t sides = 2 * (size_t)y->list.pairs;
    y->video = arc_mem_new(a, sides, sizeof *y->video);
    y->pair = arc_mem_new(a, (size_t)y->list.pairs, sizeof *y->pair);
    if (!y->video || !y->pair)
        return arc_fail_nomem(err, "the videos");
    for (size_t i = 0; i < sides; i++)
        y->video[i].path = y->list.pair[i / 2].path[i % 2];
    qsort(y->video, sides, sizeof *y->video, by_path);
    for (size_t i = 0; i < sides; i++)
        if (i == 0 || strcmp(y->video[i].path, y->video[y->videos - 1].path) != 0)
            y->video[y->videos++] = y->video[i];
    for (int i = 0; i < y->videos; i++) {
        const size_t n = person_bytes(y->video[i].path);
        y->people += i == 0 || n != person_bytes(y->video[i - 1].path) || memcmp(y->video[i].path, y->video[i - 1].path, n) != 0;
        y->video[i].person = y->people - 1;
    }
    for (int i = 0; i < y->list.pairs; i++)
        for (int k = 0; k < 2; k++) {
            const video key = {.path = y->list.pair[i].path[k]};
            const video *v = bsearch(&key, y->video, (size_t)y->videos, sizeof *v, by_path);
            y->pair[i][k] = (int)(v - y->video);
        }
    return ARC_OK;
}

static bool is_frame(const char *name) {
    const size_t n = strlen(name);
    return name[0] != '.' && n > 4 && (strcasecmp(name + n - 4, ".jpg") == 0 || strcasecmp(name + n - 4, ".png") == 0);
}

static int by_version(const void *a, const void *b) { /* 2.10.jpg after 2.9.jpg */
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_box_path(const void *a, const void *b) {
    return strcmp(((const arc_ytf_box *)a)->path, ((const arc_ytf_box *)b)->path);
}

static arc_status add_frame(ytf *y, int v, const char *path, const arc_ytf_boxes *boxes, const char *key, arc_error *err) {
    const arc_alloc *a = &y->ctx->alloc;
    if (y->frames == y->capacity) {
        const int64_t more = y->capacity ? 2 * y->capacity : 4096;
        void *frame = arc_mem_grow(a, y->frame, (size_t)y->capacity, (size_t)more, sizeof *y->frame);
        if (frame)
            y->frame = frame;
        void *of = frame ? arc_mem_grow(a, y->of, (size_t)y->capacity, (size_t)more, sizeof *y->of) : NULL;
        if (of)
            y->of = of;
        void *box = of ? arc_mem_grow(a, y->box, (size_t)y->capacity, (size_t)more, sizeof *y->box) : NULL;
        if (!box)
            return arc_fail_nomem(err, "the frames");
        y->box = box;
        y->capacity = more;
    }
    const arc_ytf_box want = {.path = key};
    const arc_ytf_box *hit = boxes->boxes ? bsearch(&want, boxes->box, boxes->boxes, sizeof want, by_box_path) : NULL;
    memset(y->box[y->frames], 0, sizeof *y->box);
    if (hit)
        memcpy(y->box[y->frames], hit->box_px, sizeof hit->box_px);
    y->boxes |= hit != NULL;
    y->of[y->frames] = v;
    y->frame[y->frames] = arc_arena_strdup(&y->arena, path);
    return y->frame[y->frames++] ? ARC_OK : arc_fail_nomem(err, "the frames");
}

/* The frames of one video, evenly spread if fewer are requested. A missing video has none. */
static arc_status list_frames(ytf *y, const char *dir, int v, const arc_ytf_boxes *boxes, arc_error *err) {
    char path[4096], key[2048];
    arc_names names = {0};
    video *it = &y->video[v];
    it->first = y->frames;
    snprintf(path, sizeof path, "%s/%s", dir, it->path);
    if (arc_path_kind_of(path) != ARC_PATH_DIR)
        return ARC_OK;
    arc_status st = arc_dir_list(&names, &y->ctx->alloc, path, MAX_FRAMES, err);
    if (st != ARC_OK)
        return st;
    size_t count = 0;
    for (size_t i = 0; i < names.count; i++)
        if (is_frame(names.name[i]))
            names.name[count++] = names.name[i];
    if (count)
        qsort(names.name, count, sizeof *names.name, by_version);
    const size_t take = y->opt->frames > 0 ? ARC_MIN((size_t)y->opt->frames, count) : count;
    for (size_t i = 0; i < take && st == ARC_OK; i++) {
        const char *name = names.name[(2 * i + 1) * count / (2 * take)];
        snprintf(path, sizeof path, "%s/%s/%s", dir, it->path, name);
        snprintf(key, sizeof key, "%.1000s/%.1000s", it->path, name);
        st = add_frame(y, v, path, boxes, key, err);
    }
    it->frames = y->frames - it->first;
    arc_names_free(&names);
    return st;
}

static arc_status open_boxes(ytf *y, const char *dir, const char *person, size_t bytes, arc_ytf_boxes *boxes, arc_error *err) {
    char path[4096];
    arc_map map;
    *boxes = (arc_ytf_boxes){0};
    snprintf(path, sizeof path, "%s/%.*s.labeled_faces.txt", dir, (int)bytes, person);
    if (arc_path_kind_of(path) != ARC_PATH_FILE)
        return ARC_OK;
    arc_status st = arc_map_open(&map, path, (size_t)1 << 28, err);
    if (st == ARC_OK)
        st = arc_ytf_boxes_parse(boxes, &y->ctx->alloc, map.data, map.bytes, path, err);
    arc_map_close(&map);
    if (st == ARC_OK && boxes->boxes)
        qsort(boxes->box, boxes->boxes, sizeof *boxes->box, by_box_path);
    return st;
}

static arc_status find_frames(ytf *y, const char *dir, arc_error *err) {
    arc_status st = ARC_OK;
    arc_ytf_boxes boxes = {0};
    for (int v = 0; v < y->videos && st == ARC_OK; v++) {
        if (v == 0 || y->video[v].person != y->video[v - 1].person) {
            arc_ytf_boxes_close(&boxes);
            st = open_boxes(y, dir, y->video[v].path, person_bytes(y->video[v].path), &boxes, err);
        }
        if (st == ARC_OK)
            st = list_frames(y, dir, v, &boxes, err);
    }
    arc_ytf_boxes_close(&boxes);
    if (st == ARC_OK && y->frames == 0)
        st = arc_fail(err, ARC_ENOTFOUND, "%s: none of the %d videos of the splits has frames as Name/video/frame.jpg", dir,
                      y->videos);
    for (int v = 0; v < y->videos && st == ARC_OK && y->opt->eval.strict; v++)
        if (y->video[v].frames == 0)
            st = arc_fail(err, ARC_ENOTFOUND, "%s/%s is missing or holds no frames; the splits name it", dir, y->video[v].path);
    return st;
}

static arc_status open_frame(arc_context *ctx, const void *source, int64_t index, arc_eval_photo *out, arc_error *err) {
    const ytf *y = source;
    (void)ctx;
    const arc_status st = arc_eval_open_file(y->frame[index], out, err);
    if (st == ARC_OK && y->boxes) {
        memcpy(out->photo.box_px, y->box[index], sizeof *y->box);
        out->photo.has_box = out->photo.box_px[2] > out->photo.box_px[0];
    }
    return st;
}

static void name_frame(const void *source, int64_t index, char *out, size_t bytes) {
    snprintf(out, bytes, "%s", ((const ytf *)source)->frame[index]);
}

static arc_status take_frame(void *arg, int64_t index, const float *embedding, double norm, arc_error *err) {
    ytf *y = arg;
    (void)err;
    (void)norm;
    if (!embedding)
        return ARC_OK;
    double sum = 0;
    for (int k = 0; k < y->dim; k++)
        sum += (double)embedding[k] * embedding[k];
    const double scale = sum > 0 ? 1 / sqrt(sum) : 0;
    video *v = &y->video[y->of[index]];
    double *centre = y->centre + (size_t)y->of[index] * (size_t)y->dim;
    v->usable++;
    y->usable[index] = 1;
    for (int k = 0; k < y->dim; k++) {
        centre[k] += embedding[k] * scale;
        if (y->unit)
            y->unit[(size_t)index * (size_t)y->dim + (size_t)k] = (float)(embedding[k] * scale);
    }
    return ARC_OK;
}

/* ---- distances ---- */

typedef struct measuring {
    const ytf *y;
    double *dist;
} measuring;

static double centre_distance(const ytf *y, const double *a, const double *b) {
    double aa = 0, bb = 0, sum = 0;
    for (int k = 0; k < y->dim; k++) {
        aa += a[k] * a[k];
        bb += b[k] * b[k];
    }
    const double na = aa > 0 ? 1 / sqrt(aa) : 0, nb = bb > 0 ? 1 / sqrt(bb) : 0;
    for (int k = 0; k < y->dim; k++)
        sum += (a[k] * na - b[k] * nb) * (a[k] * na - b[k] * nb);
    return sum;
}

static double pairwise_distance(const ytf *y, const video *a, const video *b) {
    double low = 4, high = 0, sum = 0;
    int64_t n = 0;
    for (int64_t i = a->first; i < a->first + a->frames; i++)
        for (int64_t j = b->first; j < b->first + b->frames; j++) {
            if (!y->usable[i] || !y->usable[j])
                continue;
            const double cosine = (double)y->ctx->kernels->dot((size_t)y->dim, y->unit + (size_t)i * (size_t)y->dim,
                                                               y->unit + (size_t)j * (size_t)y->dim);
            const double d = ARC_MAX(2 - 2 * cosine, 0.0);
            low = ARC_MIN(low, d);
            high = ARC_MAX(high, d);
            sum += d;
            n++;
        }
    return y->opt->rule == ARC_VIDEO_MIN ? low : y->opt->rule == ARC_VIDEO_MAX ? high : sum / (double)n;
}

static void measure_tile(void *arg, size_t begin, size_t end, int thread) {
    const measuring *m = arg;
    const ytf *y = m->y;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const video *a = &y->video[y->pair[i][0]], *b = &y->video[y->pair[i][1]];
        if (!a->usable || !b->usable)
            m->dist[i] = 4;
        else if (y->opt->rule == ARC_VIDEO_CENTRE)
            m->dist[i] = centre_distance(y, y->centre + (size_t)y->pair[i][0] * (size_t)y->dim,
                                         y->centre + (size_t)y->pair[i][1] * (size_t)y->dim);
        else
            m->dist[i] = pairwise_distance(y, a, b);
    }
}

static void name_video(const void *source, int64_t index, char *out, size_t bytes) {
    snprintf(out, bytes, "%s", ((const ytf *)source)->video[index].path);
}

static arc_status judge(ytf *y, arc_evaluation *e, arc_error *err) {
    arc_arena *a = arc_evaluation_arena(e);
    const arc_evaluate_options *opt = &y->opt->eval;
    const int pairs = y->list.pairs;
    const int folds = opt->folds ? opt->folds : y->list.folds > 1 ? y->list.folds : 10;
    e->pairs = pairs;
    e->pair_score = arc_arena_new(a, (size_t)pairs, sizeof *e->pair_score);
    e->pair_same = arc_arena_new(a, (size_t)pairs, 1);
    e->pair_identity = arc_arena_new(a, (size_t)pairs, 2 * sizeof *e->pair_identity);
    if (!e->pair_score || !e->pair_same || !e->pair_identity)
        return arc_fail_nomem(err, "the scores of the pairs");
    measuring m = {y, e->pair_score};
    double sum[2] = {0, 0};
    arc_status st;
    arc_pool_run(y->ctx->pool, (size_t)pairs, 8, measure_tile, &m);
    for (int i = 0; i < pairs; i++) {
        e->pair_same[i] = y->list.pair[i].same;
        for (int k = 0; k < 2; k++)
            e->pair_identity[2 * i + k] = y->video[y->pair[i][k]].person;
    }
    ARC_TRY(arc_verification_of_distances(y->ctx, e->pair_score, e->pair_same, pairs, folds, opt->far_target, &e->verification,
                                          NULL, err));
    for (int i = 0; i < pairs; i++) {
        e->pair_score[i] = 1 - e->pair_score[i] / 2;
        sum[e->pair_same[i]] += e->pair_score[i];
    }
    ARC_TRY(
        arc_curve_of_scores(y->ctx, e->pair_score, e->pair_same, pairs, opt->far_targets, opt->far_target_count, &e->curve, err));
    e->verification.mean_genuine_cosine = e->verification.genuine ? sum[1] / e->verification.genuine : 0;
    e->verification.mean_impostor_cosine = e->verification.impostor ? sum[0] / e->verification.impostor : 0;
    e->verification.dim = y->dim;
    e->verification.flip = opt->flip;
    const arc_eval_set videos = {.images = y->videos, .name = name_video, .source = y};
    st = arc_evaluation_worst(e, &videos, (const int(*)[2])y->pair, opt->worst, err);
done:
    return st;
}

static arc_status notes(const ytf *y, arc_evaluation *e, arc_error *err) {
    int empty = 0;
    const char *first = NULL;
    arc_status st = ARC_OK;
    for (int v = 0; v < y->videos; v++)
        if (!y->video[v].usable) {
            empty++;
            first = first ? first : y->video[v].path;
        }
    if (empty)
        st = arc_evaluation_note(
            e, err, "%d of %d videos have no usable frame (%s%s); their pairs keep their place and count as rejected", empty,
            y->videos, first, empty > 1 ? ", ..." : "");
    if (st == ARC_OK && e->missing)
        st = arc_evaluation_note(e, err, "%lld of %lld frames show no face or cannot be read; they take no part",
                                 (long long)e->missing, (long long)y->frames);
    if (st == ARC_OK && y->opt->frames > 0)
        st = arc_evaluation_note(
            e, err, "at most %d frames of each video are used, evenly spread; the published protocol uses all", y->opt->frames);
    if (st == ARC_OK)
        st = arc_evaluation_support_notes(e, y->opt->eval.far_target, err);
    return st;
}

static arc_status provenance(const ytf *y, arc_evaluation *e, const arc_model *model, const char *splits,
                             const arc_embed_run *run, arc_error *err) {
    static const char *const rules[] = {
        "mean of unit frame embeddings, normalised", "least squared distance of all pairs of frames",
        "mean squared distance of all pairs of frames", "largest squared distance of all pairs of frames"};
    uint8_t digest[32];
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, y->list.digest, sizeof y->list.digest);
    crypto_hash_sha256_update(&hash, run->digest, sizeof run->digest);
    crypto_hash_sha256_final(&hash, digest);
    arc_status st = arc_evaluation_provenance(y->ctx, e, model, splits, digest, &y->opt->eval, err);
    if (st != ARC_OK)
        return st;
    const char *known = arc_known_list(y->list.digest);
    e->provenance.lineage = known ? known : "splits not known here (the corrected form differs from the original)";
    e->provenance.rule =
        arc_arena_printf(arc_evaluation_arena(e), "%d-fold over %d pairs of videos: %s; %s; %s; %s; %lld frames",
                         e->verification.folds, y->list.pairs, rules[y->opt->rule],
                         y->opt->frames ? "frames subsampled" : "all frames", y->opt->eval.flip ? "flip sum" : "no flip",
                         !y->opt->eval.detector ? "aligned crops"
                         : y->boxes             ? "the detected face in the labelled box"
                                                : "the detected central face",
                         (long long)y->frames);
    return e->provenance.rule ? ARC_OK : arc_fail_nomem(err, "the provenance");
}

static arc_status open_splits(ytf *y, const char *splits, arc_error *err) {
    arc_map map;
    arc_status st = arc_map_open(&map, splits, (size_t)1 << 28, err);
    if (st == ARC_OK)
        st = arc_ytf_splits_parse(&y->list, &y->ctx->alloc, map.data, map.bytes, splits, err);
    arc_map_close(&map);
    if (st == ARC_OK && y->opt->eval.max_pairs > 0)
        y->list.pairs = ARC_MIN(y->list.pairs, y->opt->eval.max_pairs);
    return st;
}

static void close_ytf(ytf *y) {
    const arc_alloc *a = &y->ctx->alloc;
    arc_mem_free(a, y->usable);
    arc_mem_free(a, y->unit);
    arc_mem_free(a, y->centre);
    arc_mem_free(a, y->of);
    arc_mem_free(a, y->box);
    arc_mem_free(a, y->frame);
    arc_mem_free(a, y->pair);
    arc_mem_free(a, y->video);
    arc_arena_free(&y->arena);
    arc_pair_list_close(&y->list);
}

arc_status arc_evaluate_ytf(arc_context *ctx, const arc_model *model, const char *frames_dir, const char *splits,
                            const arc_evaluate_ytf_options *opt, arc_evaluation **out, arc_error *err) {
    arc_status st;
    arc_evaluate_ytf_options defaults;
    arc_evaluation *e = NULL;
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_evaluate_ytf_options, opt, err) != ARC_OK ||
        (opt && arc_evaluate_options_check(&opt->eval, err) != ARC_OK))
        return ARC_EINVAL;
    if (!opt) {
        arc_evaluate_ytf_options_default(&defaults);
        opt = &defaults;
    }
    ytf y = {.ctx = ctx, .opt = opt, .dim = arc_model_contract(model)->dim};
    arc_arena_init(&y.arena, &ctx->alloc, 0);
    if (arc_path_kind_of(frames_dir) != ARC_PATH_DIR)
        return arc_fail(err, ARC_EIO, "%s is not a folder of videos", frames_dir);
    ARC_TRY(open_splits(&y, splits, err));
    ARC_TRY(arc_evaluation_new(ctx, "ytf", &e, err));
    ARC_TRY(find_videos(&y, err));
    ARC_TRY(find_frames(&y, frames_dir, err));
    y.centre = arc_mem_new(&ctx->alloc, (size_t)y.videos, (size_t)y.dim * sizeof *y.centre);
    y.usable = arc_mem_new(&ctx->alloc, (size_t)y.frames, 1);
    if (opt->rule != ARC_VIDEO_CENTRE)
        y.unit = arc_mem_raw(&ctx->alloc, (size_t)y.frames, (size_t)y.dim * sizeof *y.unit);
    if (!y.centre || !y.usable || (opt->rule != ARC_VIDEO_CENTRE && !y.unit))
        ARC_TRY(arc_fail_nomem(err, "the videos"));
    const arc_eval_set set = {.images = y.frames, .open = open_frame, .name = name_frame, .names_are_paths = true, .source = &y};
    arc_embed_run run = {.set = &set, .opt = &opt->eval, .sink = take_frame, .sink_arg = &y};
    ARC_TRY(arc_eval_embed(ctx, model, &run, e, err));
    e->images = y.frames;
    e->identities = y.people;
    ARC_TRY(judge(&y, e, err));
    memcpy(e->verification.plan_id, run.plan_id, sizeof run.plan_id);
    ARC_TRY(provenance(&y, e, model, splits, &run, err));
    ARC_TRY(notes(&y, e, err));
    if (opt->eval.bootstrap > 0)
        ARC_TRY(arc_evaluation_bootstrap(ctx, e, opt->eval.bootstrap, opt->eval.seed, err));
    *out = e;
    e = NULL;
done:
    arc_evaluation_free(ctx, &e);
    close_ytf(&y);
    return st;
}

void arc_evaluate_ytf_options_default(arc_evaluate_ytf_options *opt) {
    *opt = (arc_evaluate_ytf_options){.struct_size = sizeof *opt};
    arc_evaluate_options_default(&opt->eval);
    opt->eval.flip = false;
}
