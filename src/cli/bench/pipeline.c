/* arcface bench pipeline: photographs to embeddings. First one after the other, with the share and the spread of each stage; then all of them
 * through the pipeline of `arcface embed`, where decoding overlaps with the networks. */
#include "ui/cli.h"
#include "ui/faces.h"
#include <stdio.h>
#include <stdlib.h>

enum { STAGE_DECODE, STAGE_DETECT, STAGE_ALIGN, STAGE_EMBED, STAGES };
static const char *const stage_names[STAGES] = {"decode", "detect", "align", "embed"};

typedef struct pipeline_bench {
    arc_embedder *embedder;
    arc_template shape;
    faces f;
    float *embedding;
    double *ms; /* [photos] of every photo that could be read, then sorted */
    double seconds[STAGES];
    double together_seconds; /* of the second pass */
    int photos, without_face, unreadable, faces_found;
    int embedded; /* by the second pass */
} pipeline_bench;

/* The largest face, as `embed` takes it. */
static arc_status embed_face(cli *c, pipeline_bench *b, const arc_image *photo, const arc_face *face, arc_error *err) {
    arc_image crop = {0};
    const double from = cli_seconds();
    arc_status st =
        arc_align_face(c->ctx, photo, (const float(*)[2])face->landmark_px, b->shape, ARC_WARP_EXACT, &crop, NULL, err);
    const double aligned = cli_seconds();
    b->seconds[STAGE_ALIGN] += aligned - from;
    if (st == ARC_OK)
        st = arc_embed_crops(b->embedder, &crop, 1, false, b->embedding, err);
    b->seconds[STAGE_EMBED] += cli_seconds() - aligned;
    arc_image_free(c->ctx, &crop);
    return st;
}

static int one_photo(cli *c, pipeline_bench *b, const char *path) {
    arc_image photo = {0};
    arc_error err = {0};
    double from = cli_seconds();
    if (arc_image_load(c->ctx, path, NULL, &photo, NULL, &err) != ARC_OK) {
        cli_warn(c, "%s", err.text);
        b->unreadable++;
        return CLI_OK;
    }
    const double decoded = cli_seconds();
    arc_status st = arc_detect(b->f.detector, &photo, &b->f.opt, b->f.face, FACES_MAX, &b->f.count, &err);
    const double detected = cli_seconds();
    b->seconds[STAGE_DECODE] += decoded - from;
    b->seconds[STAGE_DETECT] += detected - decoded;
    b->faces_found += b->f.count;
    if (st == ARC_OK && b->f.count == 0)
        b->without_face++;
    else if (st == ARC_OK)
        st =
            embed_face(c, b, &photo, &b->f.face[faces_largest(b->f.face, b->f.count < FACES_MAX ? b->f.count : FACES_MAX)], &err);
    arc_image_free(c->ctx, &photo);
    b->ms[b->photos++] = 1e3 * (cli_seconds() - from);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The pass with a stopwatch at every stage. */
static int one_after_the_other(cli *c, pipeline_bench *b, const cli_paths *photos) {
    cli_progress progress;
    int code = one_photo(c, b, photos->path[0]); /* warms up: plans, pages, caches */
    *b = (pipeline_bench){.embedder = b->embedder, .shape = b->shape, .f = b->f, .embedding = b->embedding, .ms = b->ms};
    cli_progress_start(&progress, c, "one after the other");
    for (int i = 0; code == CLI_OK && i < photos->count; i++) {
        code = one_photo(c, b, photos->path[i]);
        cli_progress_tick(&progress, i + 1, photos->count);
    }
    cli_progress_end(&progress);
    qsort(b->ms, (size_t)b->photos, sizeof *b->ms, by_value);
    if (code == CLI_OK && b->photos == 0)
        code = cli_bad_input("none of the %d pictures could be read", photos->count);
    return code;
}

static int run_pipeline(cli *c, arc_pipeline *pipeline, const cli_paths *photos, int count, cli_progress *progress,
                        int *embedded) {
    arc_error err = {0};
    arc_result *result = cli_new((size_t)count, sizeof *result);
    arc_status st = arc_pipeline_run(pipeline, (const char *const *)photos->path, count, result,
                                     progress ? cli_progress_tick_int : NULL, progress, &err);
    *embedded = 0;
    for (int i = 0; i < count; i++) {
        *embedded += result[i].faces;
        arc_result_free(c->ctx, &result[i]);
    }
    cli_free(result);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

/* The pass as `arcface embed` does it. */
static int together(cli *c, pipeline_bench *b, const arc_model *model, const cli_paths *photos) {
    enum { WARM_UP = 32 }; /* enough to make the lanes */
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_error err = {0};
    cli_progress progress;
    arc_pipeline_options_default(&opt);
    opt.detect = b->f.opt;
    if (arc_pipeline_new(c->ctx, b->f.model, model, &opt, &pipeline, &err) != ARC_OK)
        return cli_fail(&err);
    int code = run_pipeline(c, pipeline, photos, photos->count < WARM_UP ? photos->count : WARM_UP, NULL, &b->embedded);
    if (code == CLI_OK) {
        cli_progress_start(&progress, c, "together");
        const double from = cli_seconds();
        code = run_pipeline(c, pipeline, photos, photos->count, &progress, &b->embedded);
        b->together_seconds = cli_seconds() - from;
        cli_progress_end(&progress);
    }
    arc_pipeline_free(&pipeline);
    return code;
}

static double percentile(const pipeline_bench *b, int percent) {
    return b->ms[(b->photos * percent + 99) / 100 - 1];
}

static int print(const cli *c, const pipeline_bench *b) {
    cli_text t = {0};
    double total = 0;
    for (int i = 0; i < STAGES; i++)
        total += b->seconds[i];
    const int photos = b->photos;
    const double each_ms = 1e3 * total / photos, together_ms = 1e3 * b->together_seconds / photos;
    if (cli_given(c, "json")) {
        cli_printf(&t,
                   "{\"isa\": \"%s\", \"threads\": %d, \"photos\": %d, \"without_face\": %d, \"unreadable\": %d, "
                   "\"faces_found\": %d, \"embedded\": %d, \"ms_per_photo\": %.3f, \"photos_per_s\": %.2f, "
                   "\"faces_per_s\": %.2f, \"one_by_one_ms\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f",
                   arc_context_isa(c->ctx), arc_context_threads(c->ctx), photos, b->without_face, b->unreadable, b->faces_found,
                   b->embedded, together_ms, photos / b->together_seconds, b->embedded / b->together_seconds, each_ms,
                   percentile(b, 50), percentile(b, 99));
        for (int i = 0; i < STAGES; i++)
            cli_printf(&t, ", \"%s_ms\": %.3f", stage_names[i], 1e3 * b->seconds[i] / photos);
        cli_printf(&t, "}\n");
        return cli_text_print(&t);
    }
    cli_printf(&t, "%d photos (%d without a face, %d unreadable), %d faces found, %s, %d threads\n", photos, b->without_face,
               b->unreadable, b->faces_found, arc_context_isa(c->ctx), arc_context_threads(c->ctx));
    cli_printf(&t, "one after the other %8.2f ms a photo, p50 %.2f, p99 %.2f\n", each_ms, percentile(b, 50), percentile(b, 99));
    for (int i = 0; i < STAGES; i++)
        cli_printf(&t, "  %-17s %8.2f ms  %5.1f %%\n", stage_names[i], 1e3 * b->seconds[i] / photos, 100 * b->seconds[i] / total);
    cli_printf(&t, "together            %8.2f ms a photo, %.1f photos/s, %.1f faces/s; %.1f %% of the time is saved by overlap\n",
               together_ms, photos / b->together_seconds, b->embedded / b->together_seconds, 100 * (1 - together_ms / each_ms));
    return cli_text_print(&t);
}

static int run(cli *c) {
    pipeline_bench b = {0};
    cli_paths photos = {0};
    arc_model *model = NULL;
    arc_error err = {0};
    int code = cli_paths_collect(c, &photos, c->args, c->arg_count) ? CLI_OK : CLI_BAD_INPUT;
    if (code == CLI_OK)
        code = faces_open(c, &b.f);
    if (code == CLI_OK)
        code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code == CLI_OK && arc_embedder_new(c->ctx, model, &b.embedder, &err) != ARC_OK)
        code = cli_fail(&err);
    if (code == CLI_OK) {
        b.shape = arc_model_contract(model)->align;
        b.embedding = cli_new((size_t)arc_embedder_dim(b.embedder), sizeof(float));
        b.ms = cli_new((size_t)photos.count, sizeof *b.ms);
        code = one_after_the_other(c, &b, &photos);
    }
    if (code == CLI_OK)
        code = together(c, &b, model, &photos);
    if (code == CLI_OK)
        code = print(c, &b);
    cli_free(b.ms);
    cli_free(b.embedding);
    arc_embedder_free(&b.embedder);
    arc_model_free(&model);
    faces_close(&b.f);
    cli_paths_free(&photos);
    return code;
}

static const cli_option options[] = {FACES_OPTIONS, CLI_JSON_LINE, {0}};

const cli_command cli_bench_pipeline = {
    .group = CLI_GROUP_SPEED,
    .name = "bench pipeline",
    .args = "PHOTO|FOLDER...",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = -1,
    .what = "photographs to embeddings: each stage, and all of them overlapped",
    .about = "Decoding, detection, alignment and embedding of one photo after the other, then all of them overlapped as embed "
             "does it.",
    .example = "arcface bench pipeline photos/",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
