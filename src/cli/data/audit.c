/* arcface data audit: what a model sees in a set that its labels do not say. */
#include "ui/cli.h"

static int show(cli *c, const arc_audit *a) {
    const char *list = cli_value(c, "output"), *report = cli_value(c, "report"), *against = cli_value(c, "against"),
               *sheet = cli_value(c, "sheet");
    arc_error err = {0};
    if (list && arc_audit_findings(c->ctx, a, list, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (report && arc_audit_report(c->ctx, a, c->args[0], against, report, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (sheet && arc_audit_sheet(c->ctx, a, c->args[0], sheet, &err) != ARC_OK)
        return cli_fail_write(&err);
    char *text = NULL;
    return cli_show(c, arc_audit_describe(c->ctx, a, cli_given(c, "json"), &text, &err), &text, &err);
}

static int run(cli *c) {
    arc_audit_options opt;
    arc_audit *audit = NULL;
    arc_model *model = NULL;
    arc_error err = {0};
    cli_progress bar;
    arc_audit_options_default(&opt);
    opt.progress = cli_progress_stage;
    opt.progress_ctx = &bar;
    cli_float(c, "noise-angle", &opt.noise_angle_deg);
    cli_float(c, "duplicate", &opt.duplicate_cosine);
    cli_float(c, "shared", &opt.shared_cosine);
    cli_long(c, "limit", &opt.limit);
    int code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code != CLI_OK)
        return code;
    cli_progress_start(&bar, c, "embedding");
    arc_status st = arc_audit_run(c->ctx, model, c->args[0], cli_value(c, "against"), &opt, &audit, &err);
    cli_progress_end(&bar);
    code = st == ARC_OK ? show(c, audit) : cli_fail(&err);
    arc_audit_free(c->ctx, &audit);
    arc_model_free(&model);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("against", 0, "SET", NULL, "another set (the one to be tested on): which identities are in both"),
    CLI_REAL("noise-angle", 0, "DEG", 0, 180, "70", "pictures farther than this from the centre of their identity are doubtful"),
    CLI_REAL("duplicate", 0, "COS", -1, 1, "0.98", "pictures at least this alike are the same"),
    CLI_REAL("shared", 0, "COS", -1, 1, "0.6", "identities whose centres are at least this alike are one person"),
    CLI_WHOLE("limit", 0, "N", 1, INT32_MAX, "10000", "longest list of findings of a kind (all are counted)"),
    CLI_FILE("output", 'o', "FILE", NULL, "every finding as a line of tab-separated values"),
    CLI_FILE("report", 0, "FILE.html", NULL, "a page with histograms and pictures of what was found"),
    CLI_FILE("sheet", 0, "FILE", NULL, "the worst doubtful labels on one picture, .png or .jpg"),
    CLI_FLAG("json", 'j', "one JSON object with everything"),
    {0},
};

const cli_command cli_data_audit = {
    .group = CLI_GROUP_DATA,
    .name = "data audit",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "wrong labels, duplicates and shared identities of a set, seen by a model",
    .about = "What a model sees in a set that its labels do not say: pictures far from the centre of their identity, or "
             "nearer to another one; the same picture twice (looked for inside each identity and in the one whose centre is "
             "nearest); one person under two identities; sizes of identities and quality of pictures. On the sheet each "
             "doubtful picture stands beside another one of its identity and one of the nearest other identity.",
    .example = "arcface data audit train.rec --against lfw/ --report audit.html --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = options,
    .run = run,
};
