/* arcface eval lfw, arcface eval bin: the 10-fold verification protocol on a model. */
#include "cli.h"
#include <math.h>
#include <stdio.h>

void cli_print_verification(const arc_verification *v) {
    cli_text t = {0};
    cli_printf(&t, "pairs            %d (%d genuine, %d impostor), %d folds\n", v->pairs, v->genuine, v->impostor, v->folds);
    cli_printf(&t, "Accuracy%s %.5f+-%.5f\n", v->flip ? "-Flip   " : "        ", v->accuracy, v->accuracy_std);
    cli_printf(&t, "best threshold   cosine %.4f\n", v->best_threshold_cosine);
    cli_printf(&t, "TAR@FAR=%-8g %.5f+-%.5f (FAR %.5f)\n", v->far_target, v->tar, v->tar_std, v->far);
    cli_printf(&t, "AUC              %.6f\nEER              %.5f\nXNorm            %.4f\n", v->auc, v->eer, v->xnorm);
    cli_printf(&t, "mean cosine      genuine %.4f, impostor %.4f\n", v->mean_genuine_cosine, v->mean_impostor_cosine);
    if (*v->plan_id)
        cli_printf(&t, "plan             %s\n", v->plan_id);
    cli_printf(&t, "fold accuracy   ");
    for (int f = 0; f < v->folds; f++)
        cli_printf(&t, " %.5f", v->fold_accuracy[f]);
    cli_printf(&t, "\n");
    cli_text_print(&t);
}

static void put_array(cli_text *t, const char *name, const double *x, int n) {
    cli_printf(t, " \"%s\": [", name);
    for (int i = 0; i < n; i++)
        cli_printf(t, "%s%.17g", i ? ", " : "", x[i]);
    cli_printf(t, "],\n");
}

static void print_json(const arc_verification *v) {
    cli_text t = {0};
    cli_printf(&t,
               "{\"pairs\": %d, \"genuine\": %d, \"impostor\": %d, \"folds\": %d, \"flip\": %s, \"dim\": %d, \"plan\": \"%s\",\n",
               v->pairs, v->genuine, v->impostor, v->folds, v->flip ? "true" : "false", v->dim, v->plan_id);
    cli_printf(&t, " \"accuracy\": %.17g, \"accuracy_std\": %.17g, \"best_threshold_cosine\": %.17g,\n", v->accuracy,
               v->accuracy_std, v->best_threshold_cosine);
    put_array(&t, "fold_accuracy", v->fold_accuracy, v->folds);
    put_array(&t, "fold_threshold", v->fold_threshold, v->folds);
    cli_printf(&t, " \"far_target\": %.17g, \"tar\": %.17g, \"tar_std\": %.17g, \"far\": %.17g,\n", v->far_target, v->tar,
               v->tar_std, v->far);
    cli_printf(&t, " \"auc\": %.17g, \"eer\": %.17g, \"xnorm\": %.17g,\n", v->auc, v->eer, v->xnorm);
    cli_printf(&t, " \"mean_genuine_cosine\": %.17g, \"mean_impostor_cosine\": %.17g}\n", v->mean_genuine_cosine,
               v->mean_impostor_cosine);
    cli_text_print(&t);
}

static int evaluate(cli *c, const char *images, const char *set) {
    arc_eval_options opt;
    arc_model *model = NULL;
    arc_verification v;
    arc_error err = {0};
    cli_progress bar;
    arc_eval_options_default(&opt);
    opt.flip = !cli_given(c, "no-flip");
    opt.progress = cli_progress_step;
    opt.progress_ctx = &bar;
    if (!cli_float(c, "far", 0, 1, &opt.far_target) || !cli_int(c, "folds", 2, ARC_EVAL_MAX_FOLDS, &opt.folds) ||
        !cli_int(c, "limit", 1, INT32_MAX, &opt.max_pairs))
        return CLI_USAGE;
    int code = cli_load(c, ARC_TASK_EMBED, &model);
    if (code != CLI_OK)
        return code;
    double start = cli_seconds();
    cli_progress_start(&bar, c, "embedding");
    arc_status st =
        images ? arc_eval_lfw(c->ctx, model, images, set, &opt, &v, &err) : arc_eval_bin(c->ctx, model, set, &opt, &v, &err);
    cli_progress_end(&bar);
    arc_model_free(&model);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (cli_given(c, "json"))
        print_json(&v);
    else
        cli_print_verification(&v);
    if (!c->quiet)
        fprintf(stderr, "%.1f s\n", cli_seconds() - start);
    return CLI_OK;
}

static int run_lfw(cli *c) {
    const char *images = cli_value(c, "images"), *pairs = cli_value(c, "pairs");
    if (!images || !pairs)
        return cli_usage(c, "eval lfw needs --images FOLDER and --pairs FILE");
    return evaluate(c, images, pairs);
}

static int run_bin(cli *c) {
    return evaluate(c, NULL, c->args[0]);
}

/* clang-format off */
#define PROTOCOL_OPTIONS \
    {"no-flip", 0, NULL, "only the plain view, not the sum with the mirrored one"}, \
    {"far", 0, "X", "false accept rate at which the true accept rate is given (default 0.001)"}, \
    {"folds", 0, "N", "default 10"}, \
    {"limit", 0, "N", "only the first N pairs; choose --folds so that each holds both kinds"}, \
    {"json", 'j', NULL, "one JSON object with every fold"}
/* clang-format on */

static const cli_option lfw_options[] = {
    {"images", 0, "FOLDER", "aligned crops as Name/Name_0001.jpg (or .png)"},
    {"pairs", 0, "FILE", "the official pairs.txt"},
    PROTOCOL_OPTIONS,
    {0},
};
static const cli_option bin_options[] = {PROTOCOL_OPTIONS, {0}};

const cli_command cli_eval_lfw = {
    "eval lfw",
    "",
    "LFW accuracy by the 10-fold protocol",
    "arcface eval lfw --images lfw-112/ --pairs pairs.txt --model w600k_mbf.onnx",
    CLI_USES_MODEL,
    0,
    0,
    lfw_options,
    run_lfw,
};
const cli_command cli_eval_bin = {
    "eval bin",
    "FILE",
    "the same on an InsightFace .bin set",
    "arcface eval bin agedb_30.bin --model w600k_mbf.onnx",
    CLI_USES_MODEL,
    1,
    1,
    bin_options,
    run_bin,
};
