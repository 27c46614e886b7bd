/* arcface bench pipeline: photographs to embeddings, one after the other and all of them overlapped. */
#include "ui/faces.h"

static int measure(cli *c, const arc_model *detector, const arc_model *model, cli_photos *named) {
    arc_bench_photos_options opt;
    arc_bench_photos bench;
    arc_error err = {0};
    cli_progress bar;
    char *text = NULL;
    arc_bench_photos_options_default(&opt);
    faces_options(c, &opt.detect);
    opt.progress = cli_progress_stage;
    opt.progress_ctx = &bar;
    cli_progress_start(&bar, c, "photographs");
    arc_photo *photos;
    int count;
    const int code = cli_photos_all(named, &photos, &count);
    arc_status st = code == CLI_OK ? arc_bench_pipeline(c->ctx, detector, model, photos, count, &opt, &bench, &err) : ARC_OK;
    cli_free(photos);
    cli_progress_end(&bar);
    if (code != CLI_OK)
        return code;
    if (st == ARC_OK)
        st = arc_bench_photos_describe(c->ctx, &bench, cli_given(c, "json"), &text, &err);
    return cli_show(c, st, &text, &err);
}

static int run(cli *c) {
    cli_photos photos = {.feed = NULL};
    arc_model *detector = NULL, *model = NULL;
    int code = cli_photos_open(c, (const char *const *)c->args, c->arg_count, &photos);
    if (code == CLI_OK)
        code = cli_load(c, ARC_TASK_DETECT, &detector);
    if (code == CLI_OK)
        code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code == CLI_OK)
        code = measure(c, detector, model, &photos);
    arc_model_free(&model);
    arc_model_free(&detector);
    cli_photos_close(&photos);
    return code;
}

static const cli_option options[] = {PHOTO_LIMITS, FACES_OPTIONS, CLI_JSON_LINE, {0}};

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
