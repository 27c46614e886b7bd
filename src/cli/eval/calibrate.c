/* arcface calibrate: thresholds and probabilities for a model on one's own pictures, kept in the model. */
#include "ui/evaluations.h"
#include <arcface/calibrate.h>

static int finish(cli *c, eval_command *v, const arc_evaluation *e, double far, int gallery, double fpir) {
    arc_calibration k;
    arc_error err = {0};
    const char *output = cli_value(c, "output");
    if (arc_calibrate(e, far, gallery, fpir, &k, &err) != ARC_OK)
        return cli_fail(&err);
    if (output && (arc_model_calibrate(v->model, &k, &err) != ARC_OK || arc_model_save(c->ctx, v->model, output, &err) != ARC_OK))
        return cli_fail_write(&err);
    char *text = NULL;
    const arc_status st = arc_calibration_describe(c->ctx, &k, cli_given(c, "json"), &text, &err);
    const int code = cli_show(c, st, &text, &err);
    for (int i = 0; i < e->notes; i++)
        cli_warn(c, "%s", e->note[i]);
    if (!output)
        cli_warn(c, "nothing is stored; -o FILE.onnx keeps the calibration in a model");
    return code;
}

static int run(cli *c) {
    const char *images = cli_value(c, "images"), *pairs = cli_value(c, "pairs");
    double far = 1e-4, fpir = 0.01;
    int gallery = 0;
    eval_command v;
    arc_evaluation *e = NULL;
    arc_error err = {0};
    if (!images)
        return cli_usage(c, "calibrate needs --images FOLDER (of identities, or with --pairs FILE)");
    cli_float(c, "far", &far);
    cli_float(c, "fpir", &fpir);
    cli_int(c, "gallery", &gallery);
    int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    v.opt.far_target = far;
    v.opt.bootstrap = 0;
    arc_status st = pairs ? arc_evaluate_pairs(c->ctx, v.model, images, pairs, &v.opt, &e, &err)
                          : arc_evaluate_folder(c->ctx, v.model, images, &v.opt, &e, &err);
    cli_progress_end(&v.bar);
    code = st == ARC_OK ? finish(c, &v, e, far, gallery, fpir) : cli_fail(&err);
    arc_evaluation_free(c->ctx, &e);
    arc_model_free(&v.model);
    arc_model_free(&v.detector);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("images", 0, "FOLDER", NULL, "DIR/identity/picture, or where the list's paths start"),
    CLI_FILE("pairs", 0, "FILE", "all pairs of the folder", "a list of pairs (as eval pairs)"),
    CLI_REAL("far", 0, "X", 1e-9, 0.5, "0.0001", "false accept rate of the threshold"),
    CLI_WHOLE("gallery", 0, "N", 1, INT32_MAX, NULL, "also the threshold of searches among N identities"),
    CLI_REAL("fpir", 0, "X", 1e-6, 0.5, "0.01", "share of searches without a mate that may raise an alarm"),
    CLI_FILE("output", 'o', "FILE", NULL, "the model with its calibration, as .onnx"),
    EVAL_FACE_OPTIONS,
    CLI_FLAG("no-checks", 0, "do not look for exchanged colours and bad alignment on 100 pairs"),
    CLI_FLAG("json", 'j', "one JSON object"),
    {0},
};

const cli_command cli_calibrate = {
    .group = CLI_GROUP_EVALUATION,
    .name = "calibrate",
    .args = "",
    .what = "threshold, its interval, and probabilities from your own pictures",
    .about = "The cosine threshold that gives a false accept rate on your own pictures, with its interval; what FAR and what "
             "probability (at equal priors) any score has. Kept in the model's metadata with -o; verify then uses the "
             "threshold and prints FAR and probability beside each decision.",
    .example = "arcface calibrate --images people/ --photos --far 1e-4 -m w600k_mbf.onnx -o mine.onnx",
    .uses = CLI_USES_MODEL,
    .options = options,
    .run = run,
};
