/* arcface eval ytf, eval ijb: videos and templates. */
#include "ui/evaluations.h"
#include <arcface/evaluate_template.h>

static arc_status ytf(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err) {
    arc_evaluate_ytf_options opt;
    arc_evaluate_ytf_options_default(&opt);
    opt.eval = v->opt;
    opt.eval.flip = cli_given(c, "flip");
    opt.rule = (arc_video_rule)cli_word(c, "rule");
    cli_int(c, "frames", &opt.frames);
    return arc_evaluate_ytf(c->ctx, v->model, cli_value(c, "images"), cli_value(c, "splits"), &opt, out, err);
}

static arc_status ijb(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err) {
    arc_evaluate_ijb_options opt;
    arc_evaluate_ijb_options_default(&opt);
    opt.eval = v->opt;
    opt.search = cli_given(c, "search");
    opt.plain_weight = cli_given(c, "no-weights");
    opt.unit_images = cli_given(c, "unit");
    return arc_evaluate_ijb(c->ctx, v->model, c->args[0], &opt, out, err);
}

static int run_ytf(cli *c) {
    if (!cli_given(c, "images") || !cli_given(c, "splits"))
        return cli_usage(c, "eval ytf needs --images FOLDER and --splits FILE");
    return eval_run(c, ytf);
}

static int run_ijb(cli *c) {
    return eval_run(c, ijb);
}

static const cli_option ytf_options[] = {
    CLI_FOLDER("images", 0, "FOLDER", NULL,
               "frame_images_DB, aligned_images_DB (both with --photos), or crops, as Name/video/*.jpg"),
    CLI_FILE("splits", 0, "FILE", NULL, "splits.txt or its corrected form"),
    CLI_WORD("rule", 0, "NAME", "centre min mean max", "centre",
             "centre (mean of unit frames), or min, mean or max of the squared distances of all pairs of frames"),
    CLI_WHOLE("frames", 0, "N", 1, 100000, "all, as published", "of each video, evenly spread"),
    CLI_FLAG("flip", 0, "add the mirrored view; the published protocol does not"),
    CLI_FLAG("photos", 0, "detect and align the face in the labelled box, else the central one"),
    CLI_FILE("detector", 'd', "NAME", "$ARCFACE_DETECTOR, else a pulled pack", "detection model for photos"),
    CLI_FLAG("strict", 0, "a frame that is missing, damaged or without a face is an error"),
    EVAL_FOLD_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0},
};
static const cli_option ijb_options[] = {
    CLI_FLAG("search", 0, "1:N with both galleries as well"),
    CLI_FLAG("no-weights", 0, "do not weight pictures by the detector's score"),
    CLI_FLAG("unit", 0, "normalise each picture's embedding before pooling"),
    CLI_FLAG("no-flip", 0, "only the plain view, not the sum with the mirrored one"),
    CLI_FLAG("strict", 0, "a picture that is missing or damaged is an error"),
    EVAL_PAGE_OPTIONS,
    {0},
};

const cli_command cli_eval_ytf = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval ytf",
    .args = "",
    .what = "YouTube Faces: 5,000 pairs of videos in ten folds",
    .about = "FOLDER/Name/video/ holds aligned crops, or with --photos the frames of frame_images_DB (the face in the box of "
             "Name.labeled_faces.txt) or aligned_images_DB. A video is the normalised mean of its unit frame embeddings.",
    .example = "arcface eval ytf --images frame_images_DB --splits splits.txt --photos --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = ytf_options,
    .run = run_ytf,
};
const cli_command cli_eval_ijb = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval ijb",
    .args = "DIR",
    .takes = CLI_IS_FOLDER,
    .min_args = 1,
    .max_args = 1,
    .what = "IJB-B and IJB-C: templates, TAR at FAR 1e-6 to 1e-1, 1:N",
    .about = "IJB-B and IJB-C in InsightFace's layout (loose_crop and meta): pictures warped by the listed landmarks, pooled "
             "over media and templates.",
    .example = "arcface eval ijb IJBC/ --search --model w600k_r50.onnx",
    .uses = CLI_USES_MODEL,
    .options = ijb_options,
    .run = run_ijb,
};
