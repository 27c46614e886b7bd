/* arcface calibrate: thresholds and probabilities for a model on one's own pictures, kept in the model. */
#include "ui/evaluations.h"
#include <arcface/calibrate.h>
#include <stdio.h>

static void print_plain(cli_text *t, const arc_calibration *k) {
    cli_printf(t, "pairs            %lld genuine, %lld impostor\n", (long long)k->genuine, (long long)k->impostor);
    cli_printf(t, "threshold        cosine %.4f for FAR %g, 95 %% interval %.4f to %.4f%s\n", k->threshold, k->far,
               k->threshold_interval.low, k->threshold_interval.high, k->supported ? "" : "  too few impostor pairs");
    if (k->gallery)
        cli_printf(t, "1:%-14lld cosine %.4f for FPIR %g (FAR %.3g a comparison)%s\n", (long long)k->gallery, k->search_threshold,
                   k->fpir, k->search_far, k->search_supported ? "" : "  too few impostor pairs");
    cli_printf(t, "probability      logistic %.4f + %.4f * cosine; isotonic with %d knots\n", k->logistic[0], k->logistic[1],
               k->knots);
    cli_printf(t, "FAR of scores   ");
    for (int i = 0; i < k->far_points; i += 3)
        cli_printf(t, " %.3f:%.2g", k->far_score[i], k->far_rate[i]);
    cli_printf(t, "\n");
}

static void put_list(cli_text *t, const char *name, const double *score, const double *value, int count) {
    cli_printf(t, " \"%s\": [", name);
    for (int i = 0; i < count; i++)
        cli_printf(t, "%s[%.9g, %.9g]", i ? ", " : "", score[i], value[i]);
    cli_printf(t, "]");
}

static void print_json(cli_text *t, const arc_calibration *k) {
    cli_printf(t,
               "{\"far\": %.9g, \"threshold\": %.9g, \"threshold_low\": %.9g, \"threshold_high\": %.9g, \"supported\": %s, "
               "\"genuine\": %lld, "
               "\"impostor\": %lld,\n",
               k->far, k->threshold, k->threshold_interval.low, k->threshold_interval.high, k->supported ? "true" : "false",
               (long long)k->genuine, (long long)k->impostor);
    if (k->gallery)
        cli_printf(
            t,
            " \"gallery\": %lld, \"fpir\": %.9g, \"search_far\": %.9g, \"search_threshold\": %.9g, \"search_supported\": %s,\n",
            (long long)k->gallery, k->fpir, k->search_far, k->search_threshold, k->search_supported ? "true" : "false");
    cli_printf(t, " \"logistic\": [%.9g, %.9g],\n", k->logistic[0], k->logistic[1]);
    put_list(t, "far_of_score", k->far_score, k->far_rate, k->far_points);
    cli_printf(t, ",\n");
    put_list(t, "probability_of_score", k->knot_score, k->knot_probability, k->knots);
    cli_printf(t, ",\n \"set_sha256\": \"%s\"}\n", k->set_sha256);
}

static int finish(cli *c, eval_command *v, const arc_evaluation *e, double far, int gallery, double fpir) {
    arc_calibration k;
    arc_error err = {0};
    const char *output = cli_value(c, "output");
    if (arc_calibrate(e, far, gallery, fpir, &k, &err) != ARC_OK)
        return cli_fail(&err);
    if (output && (arc_model_calibrate(v->model, &k, &err) != ARC_OK || arc_model_save(c->ctx, v->model, output, &err) != ARC_OK))
        return cli_fail_write(&err);
    cli_text t = {0};
    (cli_given(c, "json") ? print_json : print_plain)(&t, &k);
    cli_text_print(&t);
    for (int i = 0; i < e->notes; i++)
        cli_warn(c, "%s", e->note[i]);
    if (!output)
        cli_warn(c, "nothing is stored; -o FILE.onnx keeps the calibration in a model");
    return CLI_OK;
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
