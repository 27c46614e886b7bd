/* arcface eval compare: two models on one set of pairs. */
#include "ui/evaluations.h"
#include <arcface/evaluate_compare.h>

static int draw(cli *c, const arc_comparison *k, const arc_evaluation *const e[2]) {
    const char *report = cli_value(c, "report"), *plot = cli_value(c, "plot");
    arc_error err = {0};
    if (report && arc_comparison_report(c->ctx, k, e[0], e[1], report, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (plot && arc_evaluation_plot(c->ctx, e, NULL, 2, plot, &err) != ARC_OK)
        return cli_fail_write(&err);
    return CLI_OK;
}

static int compare(cli *c, const arc_evaluate_options *opt, arc_model *const model[2], arc_evaluation *e[2]) {
    const char *images = cli_value(c, "images"), *pairs = cli_value(c, "pairs"), *bin = cli_value(c, "bin");
    arc_comparison k;
    arc_error err = {0};
    for (int i = 0; i < 2; i++) {
        arc_status st = bin ? arc_evaluate_bin(c->ctx, model[i], bin, opt, &e[i], &err)
                            : arc_evaluate_pairs(c->ctx, model[i], images, pairs, opt, &e[i], &err);
        if (st != ARC_OK)
            return cli_fail(&err);
    }
    int replicates = 1000;
    cli_int(c, "bootstrap", &replicates);
    if (arc_evaluation_compare(c->ctx, e[0], e[1], replicates, opt->seed, &k, &err) != ARC_OK)
        return cli_fail(&err);
    char *text = NULL;
    const arc_status st = arc_comparison_describe(c->ctx, &k, e[0], e[1], cli_given(c, "json"), &text, &err);
    const int code = cli_show(c, st, &text, &err);
    if (code != CLI_OK)
        return code;
    eval_warn(c, e[0], NULL);
    eval_warn(c, e[1], e[0]);
    return draw(c, &k, (const arc_evaluation *const *)e);
}

static int run(cli *c) {
    eval_command v;
    arc_model *other = NULL;
    arc_evaluation *e[2] = {NULL, NULL};
    if (!cli_value(c, "bin") && !(cli_value(c, "images") && cli_value(c, "pairs")))
        return cli_usage(c, "eval compare needs --images FOLDER and --pairs FILE, or --bin FILE");
    for (int i = 0; i < c->options; i++) /* A is the model of the shared options */
        if (c->option[i]->letter == 'm')
            c->value[i] = c->args[0];
    int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    v.opt.bootstrap = 0;
    v.opt.checks = false;
    code = cli_load_any(c, c->args[1], ARC_TASK_EMBED, &other);
    if (code == CLI_OK)
        code = compare(c, &v.opt, (arc_model *[]){v.model, other}, e);
    cli_progress_end(&v.bar);
    for (int i = 0; i < 2; i++)
        arc_evaluation_free(c->ctx, &e[i]);
    arc_model_free(&other);
    arc_model_free(&v.model);
    arc_model_free(&v.detector);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("images", 0, "FOLDER", NULL, "the folder that the paths of the list start in"),
    CLI_FILE("pairs", 0, "FILE", NULL, "a list of pairs (as eval pairs)"),
    CLI_FILE("bin", 0, "FILE", NULL, "or an InsightFace .bin set (it names no identities: no bootstrap)"),
    EVAL_FOLD_OPTIONS,
    EVAL_FACE_OPTIONS,
    CLI_WHOLE("bootstrap", 0, "N", 0, 100000, "1000", "replicates over identities, 0 = none"),
    CLI_WHOLE("seed", 0, "N", 0, INT32_MAX, "1", "of the bootstrap"),
    EVAL_PAGE_OPTIONS,
    {0},
};

const cli_command cli_eval_compare = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval compare",
    .args = "A B",
    .takes = CLI_IS_FILE,
    .min_args = 2,
    .max_args = 2,
    .what = "is model B really better than A? paired tests",
    .about = "Both models see the same pairs: McNemar's exact test of their held-out decisions, and a paired bootstrap over "
             "identities of the difference in TAR. The set is --images FOLDER --pairs FILE or --bin FILE. The page shows the "
             "curves of both models over each other, and the tests.",
    .example = "arcface eval compare old.onnx new.onnx --images lfw-112/ --pairs pairs.txt",
    .uses = CLI_USES_MODEL,
    .options = options,
    .run = run,
};
