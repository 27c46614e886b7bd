/* arcface bench pipeline: photographs to embeddings, and which share of the time each stage takes. */
#include "cli.h"
#include "faces.h"
#include <stdio.h>

enum { STAGE_DECODE, STAGE_DETECT, STAGE_ALIGN, STAGE_EMBED, STAGES };
static const char *const stage_names[STAGES] = {"decode", "detect", "align", "embed"};

typedef struct pipeline_bench {
    arc_embedder *embedder;
    arc_template shape;
    faces f;
    float *embedding;
    double seconds[STAGES];
    int photos, without_face, unreadable;
} pipeline_bench;

/* The largest face, as `embed` takes it. */
static arc_status embed_face(cli *c, pipeline_bench *b, const arc_image *photo, const arc_face *face, arc_error *err) {
    arc_image crop = {0};
    double matrix[2][3], from = cli_seconds();
    float points[5][2];
    int width, height;
    arc_template_get(b->shape, &width, &height, points);
    arc_status st = arc_align_estimate((const float(*)[2])face->landmark_px, b->shape, matrix, NULL, err);
    if (st == ARC_OK)
        st = arc_image_new(c->ctx, width, height, &crop, err);
    if (st == ARC_OK)
        st = arc_align_warp(photo, (const double(*)[3])matrix, ARC_WARP_EXACT, &crop, err);
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
    b->photos++;
    if (st == ARC_OK && b->f.count == 0)
        b->without_face++;
    else if (st == ARC_OK)
        st =
            embed_face(c, b, &photo, &b->f.face[faces_largest(b->f.face, b->f.count < FACES_MAX ? b->f.count : FACES_MAX)], &err);
    arc_image_free(c->ctx, &photo);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int print(const cli *c, const pipeline_bench *b) {
    cli_text t = {0};
    double total = 0;
    for (int i = 0; i < STAGES; i++)
        total += b->seconds[i];
    const int photos = b->photos ? b->photos : 1;
    if (cli_given(c, "json")) {
        cli_printf(
            &t,
            "{\"isa\": \"%s\", \"threads\": %d, \"photos\": %d, \"without_face\": %d, \"unreadable\": %d, \"ms_per_photo\": %.3f",
            arc_context_isa(c->ctx), arc_context_threads(c->ctx), b->photos, b->without_face, b->unreadable,
            1e3 * total / photos);
        for (int i = 0; i < STAGES; i++)
            cli_printf(&t, ", \"%s_ms\": %.3f", stage_names[i], 1e3 * b->seconds[i] / photos);
        cli_printf(&t, "}\n");
        return cli_text_print(&t);
    }
    cli_printf(&t, "%d photos (%d without a face, %d unreadable), %s, %d threads: %.2f ms a photo, %.1f photos/s\n", b->photos,
               b->without_face, b->unreadable, arc_context_isa(c->ctx), arc_context_threads(c->ctx), 1e3 * total / photos,
               total > 0 ? b->photos / total : 0.0);
    for (int i = 0; i < STAGES; i++)
        cli_printf(&t, "  %-8s %8.2f ms  %5.1f %%\n", stage_names[i], 1e3 * b->seconds[i] / photos,
                   total > 0 ? 100 * b->seconds[i] / total : 0.0);
    return cli_text_print(&t);
}

static int run(cli *c) {
    pipeline_bench b = {0};
    cli_paths photos = {0};
    arc_model *model = NULL;
    arc_error err = {0};
    int code = cli_paths_collect(&photos, c->args, c->arg_count) ? CLI_OK : CLI_BAD_INPUT;
    if (code == CLI_OK)
        code = faces_open(c, &b.f);
    if (code == CLI_OK)
        code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code == CLI_OK && arc_embedder_new(c->ctx, model, &b.embedder, &err) != ARC_OK)
        code = cli_fail(&err);
    if (code == CLI_OK) {
        b.shape = arc_model_contract(model)->align;
        b.embedding = cli_new((size_t)arc_embedder_dim(b.embedder), sizeof(float));
        cli_progress progress;
        code = one_photo(c, &b, photos.path[0]); /* warms up: plans, pages, caches */
        b = (pipeline_bench){.embedder = b.embedder, .shape = b.shape, .f = b.f, .embedding = b.embedding};
        cli_progress_start(&progress, c, "photos");
        for (int i = 0; code == CLI_OK && i < photos.count; i++) {
            code = one_photo(c, &b, photos.path[i]);
            cli_progress_step(&progress, i + 1, photos.count);
        }
        cli_progress_end(&progress);
    }
    if (code == CLI_OK)
        code = b.photos ? print(c, &b) : cli_bad_input("none of the %d pictures could be read", photos.count);
    cli_free(b.embedding);
    arc_embedder_free(&b.embedder);
    arc_model_free(&model);
    faces_close(&b.f);
    cli_paths_free(&photos);
    return code;
}

static const cli_option options[] = {
    FACES_OPTIONS,
    {"json", 'j', NULL, "one JSON line"},
    {0},
};

const cli_command cli_bench_pipeline = {
    "bench pipeline",
    "PHOTO|FOLDER...",
    "photographs to embeddings, with the share of each stage",
    "arcface bench pipeline photos/",
    CLI_USES_MODEL | CLI_USES_DETECTOR,
    1,
    -1,
    options,
    run,
};
