/* arcface eval ytf, eval ijb: videos and templates. */
#include "ui/evaluations.h"
#include <arcface/evaluate_template.h>
#include <string.h>

static int run_ytf(cli *c) {
    static const char *const rules[] = {"centre", "min", "mean", "max"};
    const char *frames = cli_value(c, "images"), *splits = cli_value(c, "splits"), *rule = cli_value(c, "rule");
    eval_command v;
    arc_evaluation *e = NULL;
    arc_error err = {0};
    arc_evaluate_ytf_options opt;
    arc_evaluate_ytf_options_default(&opt);
    if (!frames || !splits)
        return cli_usage(c, "eval ytf needs --images FOLDER and --splits FILE");
    int chosen = 0;
    while (rule && chosen < CLI_COUNT(rules) && strcmp(rule, rules[chosen]) != 0)
        chosen++;
    if (chosen == CLI_COUNT(rules))
        return cli_usage(c, "--rule %s: must be centre, min, mean or max", rule);
    if (!cli_int(c, "frames", 1, 100000, &opt.frames))
        return CLI_USAGE;
    int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    opt.eval = v.opt;
    opt.eval.flip = cli_given(c, "flip");
    opt.rule = (arc_video_rule)chosen;
    arc_status st = arc_evaluate_ytf(c->ctx, v.model, frames, splits, &opt, &e, &err);
    return eval_close(c, &v, st, e, &err);
}

static int run_ijb(cli *c) {
    eval_command v;
    arc_evaluation *e = NULL;
    arc_error err = {0};
    arc_evaluate_ijb_options opt;
    arc_evaluate_ijb_options_default(&opt);
    int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    opt.eval = v.opt;
    opt.search = cli_given(c, "search");
    opt.plain_weight = cli_given(c, "no-weights");
    opt.unit_images = cli_given(c, "unit");
    arc_status st = arc_evaluate_ijb(c->ctx, v.model, c->args[0], &opt, &e, &err);
    return eval_close(c, &v, st, e, &err);
}

static const cli_option ytf_options[] = {
    {"images", 0, "FOLDER", "frame_images_DB, aligned_images_DB (both with --photos), or crops, as Name/video/*.jpg"},
    {"splits", 0, "FILE", "splits.txt or its corrected form"},
    {"rule", 0, "NAME", "centre (default: mean of unit frames), or min, mean, max of all pairs of frames"},
    {"frames", 0, "N", "of each video, evenly spread (default: all, as published)"},
    {"flip", 0, NULL, "add the mirrored view; the published protocol does not"},
    {"photos", 0, NULL, "detect and align the face in the labelled box, else the central one"},
    {"detector", 'd', "NAME", "detection model for photos (default: $ARCFACE_DETECTOR, else a pulled pack)"},
    {"strict", 0, NULL, "a frame that is missing or without a face is an error"},
    EVAL_FOLD_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0},
};
static const cli_option ijb_options[] = {
    {"search", 0, NULL, "1:N with both galleries as well"},
    {"no-weights", 0, NULL, "do not weight pictures by the detector's score"},
    {"unit", 0, NULL, "normalise each picture's embedding before pooling"},
    {"no-flip", 0, NULL, "only the plain view, not the sum with the mirrored one"},
    {"strict", 0, NULL, "a picture that is missing is an error"},
    EVAL_PAGE_OPTIONS,
    {0},
};

const cli_command cli_eval_ytf = {
    "eval ytf",
    "",
    "YouTube Faces: 5,000 pairs of videos in ten folds",
    "arcface eval ytf --images frame_images_DB --splits splits.txt --photos --model w600k_mbf.onnx",
    CLI_USES_MODEL,
    0,
    0,
    ytf_options,
    run_ytf,
};
const cli_command cli_eval_ijb = {
    "eval ijb",
    "DIR",
    "IJB-B and IJB-C: templates, TAR at FAR 1e-6 to 1e-1, 1:N",
    "arcface eval ijb IJBC/ --search --model w600k_r50.onnx",
    CLI_USES_MODEL,
    1,
    1,
    ijb_options,
    run_ijb,
};
