/* arcface data clean: what a sub-center training says about labels. */
#include "ui/cli.h"
#include <inttypes.h>
#include <stdio.h>

static int run(cli *c) {
    arc_clean_options o;
    arc_clean_result r;
    arc_model *model = NULL;
    arc_error err = {0};
    cli_progress bar;
    const char *centres = cli_value(c, "centers"), *path = cli_value(c, "output");
    arc_clean_options_default(&o);
    if (!centres)
        return cli_usage(c, "data clean needs --centers RUN/step-NNNNNNNN.state");
    cli_float(c, "drop-angle", &o.drop_angle);
    o.list = cli_value(c, "list");
    o.undo = cli_value(c, "undo");
    o.sheet = cli_value(c, "sheet");
    o.progress = cli_progress_tick;
    o.progress_ctx = &bar;
    int code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code != CLI_OK)
        return code;
    cli_progress_start(&bar, c, "embedding");
    const arc_status st = arc_data_clean(c->ctx, c->args[0], model, centres, path, &o, &r, &err);
    cli_progress_end(&bar);
    arc_model_free(&model);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (cli_given(c, "json"))
        printf("{\"kept\": %" PRId64 ", \"dropped\": %" PRId64 ", \"unreadable\": %" PRId64 ", \"identities\": %" PRId64 "}\n",
               r.kept, r.dropped, r.unreadable, r.identities);
    else
        printf("%" PRId64 " pictures of %" PRId64 " identities stay, %" PRId64 " dropped (%.2f %%), %" PRId64 " unreadable\n",
               r.kept, r.identities, r.dropped, 100.0 * (double)r.dropped / (double)(r.kept + r.dropped ? r.kept + r.dropped : 1),
               r.unreadable);
    return CLI_OK;
}

static const cli_option options[] = {
    CLI_FILE("centers", 0, "FILE", NULL, "the .state file of the training with several centres"),
    CLI_REAL("drop-angle", 0, "DEG", 0.1, 180, "75", "pictures farther from their identity's dominant centre are dropped"),
    CLI_FILE("output", 'o', "PATH", NULL, "the cleaned set: a .rec or a folder"),
    CLI_FILE("list", 0, "FILE", NULL, "the dropped with their angles, tab-separated"),
    CLI_FILE("undo", 0, "FILE", NULL, "for each picture that stays its key, its label before and its label now"),
    CLI_FILE("sheet", 0, "FILE", NULL, "a picture of the first of the dropped, .png or .jpg"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_data_clean = {
    .group = CLI_GROUP_DATA,
    .name = "data clean",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "drop pictures with wrong labels, by a sub-center training",
    .about = "Sub-center cleaning: pictures farther than an angle from the dominant centre of their identity are dropped. The "
             "model and its centres come from a training with --centers 3.",
    .example = "arcface data clean noisy/ --model run/model.onnx --centers run/step-00001000.state -o clean/ --sheet dropped.png",
    .uses = CLI_USES_MODEL,
    .options = options,
    .run = run,
};
