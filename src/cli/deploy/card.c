/* arcface card: what a model is and can do, on a page. */
#include "ui/cli.h"
#include <stdio.h>
#include <string.h>

#define CARD_SECONDS 20 /* of modelconverter's benchmark */

typedef struct files {
    const char *evaluation[ARC_CARD_MAX_FILES], *bench[ARC_CARD_MAX_FILES], *quantization[ARC_CARD_MAX_FILES],
        *resource[ARC_CARD_MAX_FILES];
    arc_bench_card speed[CLI_MAX_PRECISIONS + 1];
} files;

/* How fast a model is in one precision; nothing is added where the processor would use another one. */
static int time_one(cli *c, arc_precision precision, const char *path, double seconds, files *f, int *count) {
    arc_context *ctx = NULL;
    arc_model *model = NULL;
    arc_error err = {0};
    arc_settings s;
    arc_settings_default(&s);
    s.threads = 2;
    s.isa = cli_value(c, "isa");
    s.precision = precision;
    arc_status st = arc_context_open(&ctx, &s, &err);
    if (st == ARC_OK && arc_context_precision(ctx) != precision) {
        arc_context_close(&ctx);
        return CLI_OK;
    }
    if (st == ARC_OK)
        st = arc_model_load(ctx, path, ARC_TASK_UNKNOWN, NULL, &model, &err);
    if (st == ARC_OK)
        st = arc_bench_card_model(ctx, model, seconds, 640, &f->speed[*count], &err);
    *count += st == ARC_OK;
    arc_model_free(&model);
    arc_context_close(&ctx);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

/* The precisions asked for, else all; and 8 bits where there is a file. */
static int time_all(cli *c, files *f, int *count) {
    arc_precision precision[CLI_MAX_PRECISIONS] = {ARC_PRECISION_FP32, ARC_PRECISION_BF16, ARC_PRECISION_FP16};
    const char *int8 = cli_value(c, "int8");
    double seconds = CARD_SECONDS;
    int precisions = 3, code = CLI_OK;
    cli_progress bar;
    if (cli_given(c, "precision") && !cli_precisions(c, CLI_MAX_PRECISIONS, precision, &precisions))
        return CLI_USAGE;
    cli_float(c, "seconds", &seconds);
    cli_progress_start(&bar, c, "timing");
    for (int i = 0; code == CLI_OK && i < precisions + (int8 != NULL); i++) {
        cli_progress_tick(&bar, i, precisions + (int8 != NULL));
        code = i < precisions ? time_one(c, precision[i], c->args[0], seconds, f, count)
                              : time_one(c, ARC_PRECISION_FP32, int8, seconds, f, count);
    }
    cli_progress_end(&bar);
    return code;
}

/* The values of an option that may come again; false after an error sentence. */
static bool collect(const cli *c, const char *name, const char **values, int *count) {
    *count = cli_values(c, name, values, ARC_CARD_MAX_FILES);
    if (*count > ARC_CARD_MAX_FILES)
        cli_usage(c, "--%s is given %d times: a card has room for %d", name, *count, ARC_CARD_MAX_FILES);
    return *count <= ARC_CARD_MAX_FILES;
}

/* Files behind the model are results too, so that --eval r*.json works. */
static bool collect_all(const cli *c, arc_card_options *opt, files *f) {
    if (!collect(c, "eval", f->evaluation, &opt->evaluation_count) || !collect(c, "bench", f->bench, &opt->bench_count) ||
        !collect(c, "quantization", f->quantization, &opt->quantization_count) ||
        !collect(c, "resource", f->resource, &opt->resource_count))
        return false;
    for (int i = 1; i < c->arg_count; i++) {
        if (opt->evaluation_count == 0 || opt->evaluation_count == ARC_CARD_MAX_FILES) {
            cli_usage(c, "unexpected argument \"%s\": results stand behind --eval, at most %d", c->args[i], ARC_CARD_MAX_FILES);
            return false;
        }
        f->evaluation[opt->evaluation_count++] = c->args[i];
    }
    opt->evaluation = f->evaluation;
    opt->bench = f->bench;
    opt->quantization = f->quantization;
    opt->resource = f->resource;
    return true;
}

static void take_texts(const cli *c, arc_card_options *opt) {
    const arc_hub_entry *pack = arc_hub_find(c->args[0]);
    opt->name = cli_value(c, "name");
    opt->description = cli_value(c, "description");
    opt->developer = cli_value(c, "developer");
    opt->sharer = cli_value(c, "shared-by");
    opt->license = cli_given(c, "license") ? cli_value(c, "license") : pack ? pack->licence : NULL;
    opt->data = cli_value(c, "training-data");
    opt->recipe = cli_value(c, "recipe");
    opt->run = cli_value(c, "run");
    opt->int8 = cli_value(c, "int8");
}

static int run(cli *c) {
    const char *path = cli_value(c, "output");
    arc_card_options opt;
    arc_model *model = NULL;
    arc_error err = {0};
    arc_card_options_default(&opt);
    if (!path || !(cli_has_suffix(path, ".html") || cli_has_suffix(path, ".md")))
        return cli_usage(c, "card needs -o FILE.html or -o FILE.md");
    files *f = cli_new(1, sizeof *f);
    take_texts(c, &opt);
    int code = collect_all(c, &opt, f) ? cli_load_any(c, c->args[0], ARC_TASK_UNKNOWN, &model) : CLI_USAGE;
    if (code == CLI_OK && !cli_given(c, "no-bench") && opt.bench_count == 0)
        code = time_all(c, f, &opt.throughput_count);
    if (code == CLI_OK) {
        opt.throughput = f->speed;
        const arc_status st = arc_card_save(c->ctx, model, &opt, path, &err);
        const bool write = (st == ARC_EIO || st == ARC_ENOTFOUND) && strstr(err.text, path); /* else a file that it reads */
        code = st == ARC_OK ? CLI_OK : write ? cli_fail_write(&err) : cli_fail(&err);
    }
    if (code == CLI_OK && !c->quiet)
        fprintf(stderr, "wrote %s\n", path);
    arc_model_free(&model);
    cli_free(f);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("output", 'o', "FILE", NULL, "the card: .html for a page that stands alone, .md for Markdown and a .svg beside it"),
    CLI_FILE("eval", 0, "RESULT.json", NULL,
             "what \"arcface eval ... --json\" printed of this file; again for more, or more behind it"),
    CLI_TEXT("name", 0, "TEXT", "the file's", "what the model is called"),
    CLI_TEXT("description", 0, "TEXT", NULL, "what it is for"),
    CLI_TEXT("developer", 0, "TEXT", NULL, "who made it"),
    CLI_TEXT("shared-by", 0, "TEXT", NULL, "who offers it"),
    CLI_TEXT("license", 0, "TEXT", NULL, "what may be done with it, instead of what the file's metadata says"),
    CLI_TEXT("resource", 0, "URL", NULL, "a paper, code, data; again for more"),
    CLI_TEXT("training-data", 0, "TEXT", NULL, "what it was trained on, instead of what the file's metadata says"),
    CLI_FILE("recipe", 0, "FILE", NULL, "the recipe that trained it, instead of the one in the file's metadata"),
    CLI_FOLDER("run", 0, "DIR", NULL, "the folder of its training: recipe and log"),
    CLI_FILE("int8", 0, "FILE", NULL,
             "the same model in 8 bits, as \"arcface quantize\" wrote it: timed too; --eval takes its results"),
    CLI_FILE("quantization", 0, "FILE.json", NULL,
             "what \"arcface quantize --json\", \"export --simulate --json\" or \"compare --json\" printed; again for more"),
    CLI_FILE("bench", 0, "FILE.json", NULL,
             "what \"arcface bench MODEL --card --json\" printed, instead of timing now; again for more"),
    CLI_FLAG("no-bench", 0, "do not time: throughput is not stated"),
    CLI_REAL("seconds", 0, "S", 0.01, 3600, "20", "how long each precision is timed"),
    {0},
};

const cli_command cli_card = {
    .group = CLI_GROUP_MODELS,
    .name = "card",
    .args = "MODEL",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = -1,
    .what = "a model's card: what it is, how well and how fast it works, on a page",
    .about =
        "Writes the card that model zoos ask for (HubAI's sections): description, training, tests with protocol, intervals and "
        "provenance, input and output, the architecture as a picture, parameters, FLOPs, throughput on this machine (two "
        "threads, 20 seconds each of fp32, bf16 and fp16), what 8 bits cost, licence, SHA-256. Every field is measured, or given "
        "by "
        "you, or \"not stated\". Results that were measured with another file are refused.",
    .example = "arcface card face.onnx --eval lfw.json --license Apache-2.0 -o card.html",
    .uses = CLI_USES_PRECISIONS,
    .options = options,
    .run = run,
};
