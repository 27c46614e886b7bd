/* The context and the models a command works with, from options, environment and pulled packs. */
#include "ui/cli.h"
#include <stdio.h>
#include <stdlib.h>

static void log_line(void *ctx, arc_log_level level, const char *text) {
    const cli *c = ctx;
    if (level == ARC_LOG_WARN)
        cli_warn(c, "%s", text);
}

int cli_open_as(cli *c, arc_precision precision, arc_context **out) {
    arc_settings s;
    arc_error err = {0};
    arc_settings_default(&s);
    cli_int(c, "threads", &s.threads);
    s.isa = cli_value(c, "isa");
    s.precision = precision;
    s.low_memory = cli_word(c, "memory") == 1;
    s.tune = cli_given(c, "tune");
    s.log = log_line;
    s.log_ctx = c;
    arc_status st = arc_context_open(out, &s, &err);
    if (st == ARC_EINVAL)
        return cli_usage(c, "%s", err.text);
    if (st == ARC_OK && s.precision != arc_context_precision(*out))
        cli_warn(c, "this processor is not fast at %s (at instruction set %s): %s is used", arc_precision_name(precision),
                 arc_context_isa(*out), arc_precision_name(arc_context_precision(*out)));
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

int cli_open(cli *c) {
    arc_precision precision[CLI_MAX_PRECISIONS];
    int count = 1;
    const bool many = c->command->uses & CLI_USES_PRECISIONS;
    if (!cli_precisions(c, many ? CLI_MAX_PRECISIONS : 1, precision, &count))
        return CLI_USAGE;
    return cli_open_as(c, many ? ARC_PRECISION_FP32 : precision[0], &c->ctx);
}

void cli_model_options(const cli *c, arc_task task, arc_model_options *opt) {
    arc_model_options_default(opt);
    if (task != ARC_TASK_DETECT) {
        opt->colour = cli_value(c, "color");
        opt->normalise = cli_value(c, "norm");
        opt->input = cli_value(c, "model-input");
        opt->output = cli_value(c, "model-output");
    }
    if (task != ARC_TASK_EMBED)
        opt->detector = cli_value(c, "detector-kind");
}

int cli_load_any(cli *c, const char *path_or_name, arc_task task, arc_model **out) {
    return cli_load_named(c, path_or_name, task, cli_value(c, "model-input"), cli_value(c, "model-output"), out);
}

int cli_load_named(cli *c, const char *path_or_name, arc_task task, const char *input, const char *output, arc_model **out) {
    arc_model_options opt;
    arc_error err = {0};
    cli_model_options(c, task, &opt);
    opt.input = task == ARC_TASK_DETECT ? NULL : input;
    opt.output = task == ARC_TASK_DETECT ? NULL : output;
    arc_status st = arc_model_load(c->ctx, path_or_name, task, &opt, out, &err);
    if (st == ARC_OK)
        return CLI_OK;
    if (st == ARC_EINVAL && (opt.colour || opt.normalise || opt.detector || opt.input || opt.output))
        return cli_usage(c, "%s", err.text);
    return cli_fail(&err);
}

static const char *option_of(arc_task task) {
    return task == ARC_TASK_DETECT ? "detector" : "model";
}

static const char *variable_of(arc_task task) {
    return task == ARC_TASK_DETECT ? "ARCFACE_DETECTOR" : "ARCFACE_MODEL";
}

/* By option, environment, pulled pack; NULL: none of them. */
static const char *word_of(const cli *c, arc_task task) {
    const char *word = cli_value(c, option_of(task));
    if (!word && (word = getenv(variable_of(task))) && !*word)
        word = NULL;
    return word ? word : arc_hub_pulled(task, NULL);
}

bool cli_has_model(const cli *c, arc_task task) {
    return word_of(c, task) != NULL;
}

const char *cli_model_name(const cli *c, arc_task task) {
    const char *word = word_of(c, task);
    if (!word)
        (void)cli_bad_input("no %s model at hand; get one with \"arcface pull buffalo_s\", or give --%s FILE (or $%s)",
                            task == ARC_TASK_DETECT ? "detection" : "recognition", option_of(task), variable_of(task));
    return word;
}

int cli_load(cli *c, arc_task task, arc_model **out) {
    const bool detect = task == ARC_TASK_DETECT;
    const char *word = cli_model_name(c, task);
    *out = NULL;
    if (!word)
        return CLI_BAD_INPUT;
    int code = cli_load_any(c, word, task, out);
    if (code == CLI_OK && arc_model_contract(*out)->task != task) {
        const arc_contract *is = arc_model_contract(*out);
        code = cli_bad_input("%s is not a %s model: %s", word, detect ? "detection" : "recognition", is->why);
        arc_model_free(out);
    }
    return code;
}
