/* arcface eval lfw, eval bin: listed pairs by the fold protocol; what all evaluation commands share. */
#include "ui/evaluations.h"
#include <stdio.h>
#include <string.h>

int eval_open(cli *c, eval_command *v) {
    *v = (eval_command){.started = cli_seconds()};
    arc_evaluate_options *opt = &v->opt;
    int seed = 1;
    const char *plot = cli_value(c, "plot");
    if (plot && !cli_has_suffix(plot, ".svg") && !cli_has_suffix(plot, ".png"))
        return cli_usage(c, "--plot %s: must end in .svg or .png", plot);
    arc_evaluate_options_default(opt);
    opt->flip = !cli_given(c, "no-flip");
    opt->strict = cli_given(c, "strict");
    opt->detect.multi_scale = cli_given(c, "multi-scale");
    opt->checks = !cli_given(c, "no-checks");
    opt->progress = cli_progress_step;
    opt->progress_ctx = &v->bar;
    cli_float(c, "far", &opt->far_target);
    cli_int(c, "folds", &opt->folds);
    cli_int(c, "limit", &opt->max_pairs);
    cli_int(c, "bootstrap", &opt->bootstrap);
    cli_int(c, "seed", &seed);
    cli_long(c, "impostors", &opt->impostors);
    opt->seed = (uint64_t)seed;
    int code = cli_load(c, ARC_TASK_EMBED, &v->model);
    if (code == CLI_OK && (cli_given(c, "photos") || cli_given(c, "detector")))
        code = cli_load(c, ARC_TASK_DETECT, &v->detector);
    opt->detector = v->detector;
    if (code != CLI_OK)
        arc_model_free(&v->model);
    else
        cli_progress_start(&v->bar, c, "embedding");
    return code;
}

static int draw(cli *c, const arc_evaluation *e) {
    const char *report = cli_value(c, "report"), *plot = cli_value(c, "plot");
    char name[256];
    cli_base_name(e->provenance.model, name, sizeof name);
    const char *names[] = {name[0] ? name : "model"};
    arc_error err = {0};
    if (report && arc_evaluation_report(c->ctx, &e, names, 1, report, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (plot && arc_evaluation_plot(c->ctx, &e, names, 1, plot, &err) != ARC_OK)
        return cli_fail_write(&err);
    return CLI_OK;
}

static bool has_note(const arc_evaluation *e, const char *note) {
    for (int i = 0; e && i < e->notes; i++)
        if (strcmp(e->note[i], note) == 0)
            return true;
    return false;
}

static void warn_missing(const cli *c, const arc_missing_image *m) {
    if (strstr(m->why, m->name))
        cli_warn(c, "%s", m->why);
    else
        cli_warn(c, "%s: %s", m->name, m->why);
}

void eval_warn(const cli *c, const arc_evaluation *e, const arc_evaluation *before) {
    for (int i = 0; !before && i < e->missing_images && i < 10; i++)
        warn_missing(c, &e->missing_image[i]);
    if (!before && e->missing > 10)
        cli_warn(c, "... and %lld more (--json names them)", (long long)e->missing - 10);
    for (int i = 0; i < e->notes; i++)
        if (!has_note(before, e->note[i]))
            cli_warn(c, "%s", e->note[i]);
}

int eval_close(cli *c, eval_command *v, arc_status st, arc_evaluation *e, const arc_error *err) {
    cli_progress_end(&v->bar);
    arc_model_free(&v->model);
    arc_model_free(&v->detector);
    if (st != ARC_OK)
        return cli_fail(err);
    cli_text t = {0};
    (cli_given(c, "json") ? cli_json_evaluation : cli_put_evaluation)(&t, e);
    cli_text_print(&t);
    eval_warn(c, e, NULL);
    int code = draw(c, e);
    arc_evaluation_free(c->ctx, &e);
    if (!c->quiet)
        fprintf(stderr, "%.1f s\n", cli_seconds() - v->started);
    return code;
}

static int run_pairs(cli *c) {
    const char *images = cli_value(c, "images"), *pairs = cli_value(c, "pairs");
    eval_command v;
    arc_evaluation *e = NULL;
    arc_error err = {0};
    if (!images || !pairs)
        return cli_usage(c, "%s needs --images FOLDER and --pairs FILE", c->command->name);
    int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    arc_status st = arc_evaluate_pairs(c->ctx, v.model, images, pairs, &v.opt, &e, &err);
    return eval_close(c, &v, st, e, &err);
}

static int run_bin(cli *c) {
    eval_command v;
    arc_evaluation *e = NULL;
    arc_error err = {0};
    int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    arc_status st = arc_evaluate_bin(c->ctx, v.model, c->args[0], &v.opt, &e, &err);
    return eval_close(c, &v, st, e, &err);
}

static const cli_option lfw_options[] = {
    CLI_FOLDER("images", 0, "FOLDER", NULL, "Name/Name_0001.jpg (or .png): aligned crops, or photos with --photos"),
    CLI_FILE("pairs", 0, "FILE", NULL, "the official pairs.txt"),
    EVAL_FOLD_OPTIONS,
    EVAL_FACE_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0},
};
static const cli_option pairs_options[] = {
    CLI_FOLDER("images", 0, "FOLDER", NULL, "the folder that the paths of the list start in"),
    CLI_FILE("pairs", 0, "FILE", NULL,
             "\"PATH PATH 0|1\" a line, CALFW's or CPLFW's list, pairs.txt, or CFP's Protocol/Split/FP or FF"),
    EVAL_FOLD_OPTIONS,
    EVAL_FACE_OPTIONS,
    EVAL_RESULT_OPTIONS,
    {0},
};
static const cli_option bin_options[] = {EVAL_FOLD_OPTIONS, EVAL_FACE_OPTIONS, EVAL_RESULT_OPTIONS, {0}};

const cli_command cli_eval_lfw = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval lfw",
    .args = "",
    .what = "LFW accuracy by the 10-fold protocol",
    .about = "The protocol of InsightFace: the best threshold of nine folds is judged on the tenth. Embeddings are the sum of "
             "the plain and the mirrored view. Every rate has its interval; every result names model, contract, set and rule. "
             "A picture that is missing or shows no face is named, its pairs keep their place in the fold and count as "
             "rejected. Photos are detected (the face that is large and central) and aligned.",
    .example = "arcface eval lfw --images lfw-112/ --pairs pairs.txt --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = lfw_options,
    .run = run_pairs,
};
const cli_command cli_eval_pairs = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval pairs",
    .args = "",
    .what = "the same on any list of pairs: CFP, AgeDB, CALFW, CPLFW, your own",
    .about = "A list has a line \"PATH PATH 0|1\" for each pair, or is CALFW's or CPLFW's (two lines a pair), a pairs.txt, or "
             "the folder Split/FP or Split/FF of CFP's Protocol.",
    .example = "arcface eval pairs --images cplfw-112/ --pairs pairs_CPLFW.txt --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = pairs_options,
    .run = run_pairs,
};
const cli_command cli_eval_bin = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval bin",
    .args = "FILE",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "the same on an InsightFace .bin set",
    .about = "Nothing in the file is executed.",
    .example = "arcface eval bin agedb_30.bin --model w600k_mbf.onnx",
    .uses = CLI_USES_MODEL,
    .options = bin_options,
    .run = run_bin,
};
