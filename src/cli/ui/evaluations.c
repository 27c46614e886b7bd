/* An evaluation from options to result, as all evaluation commands run it. */
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
    opt->detect.no_turn = cli_given(c, "no-turn");
    opt->detect.one_look = cli_given(c, "one-look");
    opt->checks = !cli_given(c, "no-checks");
    opt->progress = cli_progress_tick;
    opt->progress_ctx = &v->bar;
    cli_float(c, "far", &opt->far_target);
    cli_int(c, "folds", &opt->folds);
    cli_int(c, "limit", &opt->max_pairs);
    cli_int(c, "bootstrap", &opt->bootstrap);
    cli_int(c, "seed", &seed);
    cli_long(c, "impostors", &opt->impostors);
    cli_float(c, "enrol", &opt->enrol_share);
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
    arc_error err = {0};
    if (report && arc_evaluation_report(c->ctx, &e, NULL, 1, report, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (plot && arc_evaluation_plot(c->ctx, &e, NULL, 1, plot, &err) != ARC_OK)
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

static int close_and_show(cli *c, eval_command *v, arc_status st, arc_evaluation *e, const arc_error *err) {
    cli_progress_end(&v->bar);
    arc_model_free(&v->model);
    arc_model_free(&v->detector);
    if (st != ARC_OK)
        return cli_fail(err);
    char *text = NULL;
    arc_error problem = {0};
    st = arc_evaluation_describe(c->ctx, e, cli_given(c, "json"), &text, &problem);
    int code = cli_show(c, st, &text, &problem);
    eval_warn(c, e, NULL);
    if (code == CLI_OK)
        code = draw(c, e);
    arc_evaluation_free(c->ctx, &e);
    if (!c->quiet)
        fprintf(stderr, "%.1f s\n", cli_seconds() - v->started);
    return code;
}

int eval_run(cli *c, eval_call *evaluate) {
    eval_command v;
    arc_evaluation *e = NULL;
    arc_error err = {0};
    const int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    const arc_status st = evaluate(c, &v, &e, &err);
    return close_and_show(c, &v, st, e, &err);
}
