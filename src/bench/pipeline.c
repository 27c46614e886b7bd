/* Photographs to embeddings. First one after the other, with a stopwatch at every stage; then all of them through the pipeline,
 * where decoding overlaps with the networks. */
#include "base/text.h"
#include "face/searcher.h"
#include <arcface/bench.h>
#include <stdlib.h>
#include <string.h>

#define FACES_MAX 2048
#define WARM_UP_PHOTOS 32 /* of the pipeline: enough to make its lanes */

typedef struct job {
    arc_context *ctx;
    const arc_bench_photos_options *opt;
    const arc_photo *photos; /* [count] */
    int count;
    arc_template align;
    arc_detector *detector;
    arc_embedder *embedder;
    arc_face *face;   /* [FACES_MAX] of the last photo */
    float *embedding; /* [dim] */
    double *ms;       /* [count] of every photo that could be read */
    arc_bench_photos *out;
} job;

void arc_bench_photos_options_default(arc_bench_photos_options *opt) {
    *opt = (arc_bench_photos_options){.struct_size = sizeof *opt};
    arc_detect_options_default(&opt->detect);
}

static double seconds_since(uint64_t start_ns) {
    return (double)(arc_clock_ns() - start_ns) * 1e-9;
}

/* ---- one after the other --------------------------------------------------------------------------------------------------- */

static arc_status embed_face(job *b, const arc_image *photo, const arc_face *face, arc_error *err) {
    arc_image crop = {0};
    const uint64_t from = arc_clock_ns();
    arc_status st =
        arc_align_face(b->ctx, photo, (const float(*)[2])face->landmark_px, b->align, ARC_WARP_EXACT, &crop, NULL, err);
    b->out->stage_seconds[ARC_BENCH_ALIGN] += seconds_since(from);
    const uint64_t aligned = arc_clock_ns();
    if (st == ARC_OK)
        st = arc_embed_crops(b->embedder, &crop, 1, false, b->embedding, err);
    b->out->stage_seconds[ARC_BENCH_EMBED] += seconds_since(aligned);
    arc_image_free(b->ctx, &crop);
    return st;
}

/* The largest face, as a pipeline takes it. */
static arc_status one_photo(job *b, const arc_photo *source, arc_error *err) {
    arc_bench_photos *o = b->out;
    arc_image photo = {0};
    arc_error unreadable = {0};
    int found = 0;
    const uint64_t from = arc_clock_ns();
    if (arc_photo_load(b->ctx, source, NULL, &photo, NULL, &unreadable) != ARC_OK) {
        arc_log(b->ctx, ARC_LOG_WARN, "%s", unreadable.text);
        o->unreadable++;
        return ARC_OK;
    }
    o->stage_seconds[ARC_BENCH_DECODE] += seconds_since(from);
    const uint64_t decoded = arc_clock_ns();
    arc_status st = arc_detect(b->detector, &photo, &b->opt->detect, b->face, FACES_MAX, &found, err);
    o->stage_seconds[ARC_BENCH_DETECT] += seconds_since(decoded);
    o->faces_found += found;
    if (st == ARC_OK && found == 0)
        o->without_face++;
    else if (st == ARC_OK)
        st = embed_face(b, &photo, &b->face[arc_largest_face(b->face, ARC_MIN(found, FACES_MAX))], err);
    arc_image_free(b->ctx, &photo);
    b->ms[o->photos++] = 1e3 * seconds_since(from);
    return st;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const job *b, int percent) {
    return b->ms[(b->out->photos * percent + 99) / 100 - 1];
}

static arc_status tell(const job *b, const char *stage, int done, arc_error *err) {
    if (b->opt->progress && b->opt->progress(b->opt->progress_ctx, stage, done, b->count) != 0)
        return arc_fail(err, ARC_ECANCEL, "cancelled after %d of %d photos", done, b->count);
    return ARC_OK;
}

static arc_status one_after_the_other(job *b, arc_error *err) {
    arc_status st;
    ARC_TRY(one_photo(b, &b->photos[0], err)); /* warms up: plans, pages, caches */
    *b->out = (arc_bench_photos){.isa = b->out->isa, .threads = b->out->threads};
    for (int i = 0; i < b->count; i++) {
        ARC_TRY(one_photo(b, &b->photos[i], err));
        ARC_TRY(tell(b, "one after the other", i + 1, err));
    }
    if (b->out->photos == 0)
        return arc_fail(err, ARC_EFORMAT, "none of the %d pictures could be read", b->count);
    qsort(b->ms, (size_t)b->out->photos, sizeof *b->ms, by_value);
    b->out->p50_ms = percentile(b, 50);
    b->out->p99_ms = percentile(b, 99);
done:
    return st;
}

/* ---- together -------------------------------------------------------------------------------------------------------------- */

static int tell_together(void *ctx, int done, int count) {
    const job *b = ctx;
    (void)count;
    return b->opt->progress(b->opt->progress_ctx, "together", done, b->count);
}

static arc_status run_pipeline(job *b, arc_pipeline *pipeline, int count, bool timed, arc_error *err) {
    arc_result *result = arc_mem_new(&b->ctx->alloc, (size_t)count, sizeof *result);
    if (!result)
        return arc_fail_nomem(err, "results");
    const arc_status st =
        arc_pipeline_run_photos(pipeline, b->photos, count, result, timed && b->opt->progress ? tell_together : NULL, b, err);
    b->out->embedded = 0;
    for (int i = 0; i < count; i++) {
        b->out->embedded += result[i].faces;
        arc_result_free(b->ctx, &result[i]);
    }
    arc_mem_free(&b->ctx->alloc, result);
    return st;
}

static arc_status together(job *b, const arc_model *detector, const arc_model *embedder, arc_error *err) {
    arc_status st;
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_pipeline_options_default(&opt);
    opt.detect = b->opt->detect;
    ARC_TRY(arc_pipeline_new(b->ctx, detector, embedder, &opt, &pipeline, err));
    ARC_TRY(run_pipeline(b, pipeline, ARC_MIN(b->count, WARM_UP_PHOTOS), false, err));
    const uint64_t from = arc_clock_ns();
    ARC_TRY(run_pipeline(b, pipeline, b->count, true, err));
    b->out->together_seconds = seconds_since(from);
done:
    arc_pipeline_free(&pipeline);
    return st;
}

arc_status arc_bench_pipeline(arc_context *ctx, const arc_model *detector, const arc_model *embedder, const arc_photo *photos,
                              int count, const arc_bench_photos_options *opt, arc_bench_photos *out, arc_error *err) {
    arc_status st;
    arc_bench_photos_options o;
    *out = (arc_bench_photos){.isa = arc_context_isa(ctx), .threads = arc_context_threads(ctx)};
    if (ARC_CHECK_OPTIONS(arc_bench_photos_options, opt, err) != ARC_OK ||
        (opt && ARC_CHECK_OPTIONS(arc_detect_options, &opt->detect, err) != ARC_OK))
        return ARC_EINVAL;
    arc_bench_photos_options_default(&o);
    o = opt ? *opt : o;
    if (count < 1)
        return arc_fail(err, ARC_EINVAL, "a bench of photographs needs at least one");
    job b = {.ctx = ctx, .opt = &o, .photos = photos, .count = count, .out = out};
    ARC_TRY(arc_detector_new(ctx, detector, &b.detector, err));
    ARC_TRY(arc_embedder_new(ctx, embedder, &b.embedder, err));
    b.align = arc_model_contract(embedder)->align;
    b.face = arc_mem_new(&ctx->alloc, FACES_MAX, sizeof *b.face);
    b.embedding = arc_mem_new(&ctx->alloc, (size_t)arc_embedder_dim(b.embedder), sizeof *b.embedding);
    b.ms = arc_mem_new(&ctx->alloc, (size_t)count, sizeof *b.ms);
    if (!b.face || !b.embedding || !b.ms) {
        st = arc_fail_nomem(err, "timing photographs");
        goto done;
    }
    ARC_TRY(one_after_the_other(&b, err));
    st = together(&b, detector, embedder, err);
done:
    arc_mem_free(&ctx->alloc, b.ms);
    arc_mem_free(&ctx->alloc, b.embedding);
    arc_mem_free(&ctx->alloc, b.face);
    arc_embedder_free(&b.embedder);
    arc_detector_free(&b.detector);
    return st;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------ */

static const char *const stage_names[ARC_BENCH_STAGES] = {"decode", "detect", "align", "embed"};

static double sum_seconds(const arc_bench_photos *b) {
    double sum = 0;
    for (int i = 0; i < ARC_BENCH_STAGES; i++)
        sum += b->stage_seconds[i];
    return sum;
}

static void put_json(arc_text *t, const arc_bench_photos *b) {
    const int photos = b->photos;
    arc_text_add(t,
                 "{\"isa\": \"%s\", \"threads\": %d, \"photos\": %d, \"without_face\": %d, \"unreadable\": %d, "
                 "\"faces_found\": %d, \"embedded\": %d, \"ms_per_photo\": %.3f, \"photos_per_s\": %.2f, "
                 "\"faces_per_s\": %.2f, \"one_by_one_ms\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f",
                 b->isa, b->threads, photos, b->without_face, b->unreadable, b->faces_found, b->embedded,
                 1e3 * b->together_seconds / photos, photos / b->together_seconds, b->embedded / b->together_seconds,
                 1e3 * sum_seconds(b) / photos, b->p50_ms, b->p99_ms);
    for (int i = 0; i < ARC_BENCH_STAGES; i++)
        arc_text_add(t, ", \"%s_ms\": %.3f", stage_names[i], 1e3 * b->stage_seconds[i] / photos);
    arc_text_add(t, "}\n");
}

static void put_text(arc_text *t, const arc_bench_photos *b) {
    const int photos = b->photos;
    const double total = sum_seconds(b), each_ms = 1e3 * total / photos, together_ms = 1e3 * b->together_seconds / photos;
    arc_text_add(t, "%d photos (%d without a face, %d unreadable), %d faces found, %s, %d threads\n", photos, b->without_face,
                 b->unreadable, b->faces_found, b->isa, b->threads);
    arc_text_add(t, "one after the other %8.2f ms a photo, p50 %.2f, p99 %.2f\n", each_ms, b->p50_ms, b->p99_ms);
    for (int i = 0; i < ARC_BENCH_STAGES; i++)
        arc_text_add(t, "  %-17s %8.2f ms  %5.1f %%\n", stage_names[i], 1e3 * b->stage_seconds[i] / photos,
                     100 * b->stage_seconds[i] / total);
    arc_text_add(t,
                 "together            %8.2f ms a photo, %.1f photos/s, %.1f faces/s; %.1f %% of the time is saved by overlap\n",
                 together_ms, photos / b->together_seconds, b->embedded / b->together_seconds, 100 * (1 - together_ms / each_ms));
}

arc_status arc_bench_photos_describe(arc_context *ctx, const arc_bench_photos *bench, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? put_json : put_text)(&t, bench);
    return arc_text_end(&t, text, err);
}
