/* arcface bench: how fast a network runs here, against what this machine could; bench roofline: what it could. */
#include "ui/cli.h"
#include <stdio.h>
#include <stdlib.h>

#define MAX_BATCHES 16
#define CARD_SECONDS 20 /* of modelconverter's benchmark */

/* "1,8,32" */
static bool read_batches(const cli *c, int batch[MAX_BATCHES], int *count) {
    const char *text = cli_value(c, "batch");
    *count = 0;
    for (const char *at = text ? text : "1,8"; *count < MAX_BATCHES;) {
        char *end;
        const long value = strtol(at, &end, 10);
        if (end == at || value < 1 || value > 4096 || (*end && *end != ','))
            break;
        batch[(*count)++] = (int)value;
        if (!*end)
            return true;
        at = end + 1;
    }
    cli_usage(c, "--batch %s: numbers from 1 to 4096 with commas between them are expected", text);
    return false;
}

/* In a context of that precision; *text belongs to the command's. */
static int time_network(cli *c, arc_precision precision, const arc_bench_options *opt, char **text) {
    arc_context *ctx = NULL;
    arc_bench *bench = NULL;
    arc_error err = {0};
    const int code = cli_open_as(c, precision, &ctx);
    if (code != CLI_OK)
        return code;
    arc_status st = arc_bench_model(ctx, c->args[0], opt, &bench, &err);
    if (st == ARC_OK)
        st = arc_bench_describe(c->ctx, bench, cli_given(c, "json"), text, &err);
    arc_bench_free(ctx, &bench);
    arc_context_close(&ctx);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

/* Throughput as cards state it, in a context of two threads; *text belongs to the command's. */
static int time_card(cli *c, arc_precision precision, double seconds, int size_px, char **text) {
    arc_context *ctx = NULL;
    arc_model *model = NULL;
    arc_bench_card card;
    arc_error err = {0};
    int code = cli_open_as(c, precision, &ctx);
    if (code == CLI_OK) {
        arc_status st = arc_model_load(ctx, c->args[0], ARC_TASK_UNKNOWN, NULL, &model, &err);
        if (st == ARC_OK)
            st = arc_bench_card_model(ctx, model, seconds, size_px, &card, &err);
        if (st == ARC_OK)
            st = arc_bench_card_describe(c->ctx, &card, c->args[0], cli_given(c, "json"), text, &err);
        code = st == ARC_OK ? CLI_OK : cli_fail(&err);
    }
    arc_model_free(&model);
    arc_context_close(&ctx);
    return code;
}

static int run(cli *c) {
    int batch[MAX_BATCHES], precisions = 0;
    arc_precision precision[CLI_MAX_PRECISIONS];
    char *text[CLI_MAX_PRECISIONS] = {NULL};
    arc_bench_options opt;
    arc_roofline roof;
    arc_error err = {0};
    arc_bench_options_default(&opt);
    opt.batches = batch;
    opt.roofline = &roof;
    opt.steps = cli_given(c, "plan-report");
    if (!read_batches(c, batch, &opt.batch_count) || !cli_precisions(c, CLI_MAX_PRECISIONS, precision, &precisions))
        return CLI_USAGE;
    const bool card = cli_given(c, "card");
    if (card && (cli_given(c, "batch") || opt.steps))
        return cli_usage(c, "--card times single pictures, two in flight: it goes with neither --batch nor --plan-report");
    if (card)
        opt.seconds = CARD_SECONDS;
    cli_float(c, "seconds", &opt.seconds);
    cli_int(c, "size", &opt.size_px);
    if (!card && arc_roofline_measure(c->ctx, &roof, &err) != ARC_OK)
        return cli_fail(&err);
    int code = CLI_OK;
    for (int i = 0; code == CLI_OK && i < precisions; i++)
        code =
            card ? time_card(c, precision[i], opt.seconds, opt.size_px, &text[i]) : time_network(c, precision[i], &opt, &text[i]);
    for (int i = 0; i < precisions; i++) {
        if (code == CLI_OK)
            fputs(text[i], stdout); /* main checks the stream at the end */
        arc_text_free(c->ctx, &text[i]);
    }
    return code;
}

static int run_roofline(cli *c) {
    arc_roofline r;
    arc_error err = {0};
    char *text = NULL;
    if (arc_roofline_measure(c->ctx, &r, &err) != ARC_OK)
        return cli_fail(&err);
    return cli_show(c, arc_roofline_describe(c->ctx, &r, cli_given(c, "json"), &text, &err), &text, &err);
}

static const cli_option options[] = {
    CLI_TEXT("batch", 'b', "N,...", "1,8", "images in one run"),
    CLI_REAL("seconds", 0, "S", 0.01, 3600, "5, 20 with --card", "how long each batch size is timed"),
    CLI_WHOLE("size", 0, "N", 8, 8192, "640", "side of the input in pixels for models of free size"),
    CLI_FLAG("card", 0, "throughput as cards of models state it: two threads, two pictures in flight, 20 seconds"),
    CLI_FLAG("plan-report", 0, "every step: algorithm, time, GFLOP/s, share of the peak, bytes moved, what more threads lose"),
    CLI_FLAG("json", 'j', "one JSON line a precision and batch size (and step, with --plan-report)"),
    {0},
};
static const cli_option roofline_options[] = {CLI_JSON_LINE, {0}};

const cli_command cli_bench = {
    .group = CLI_GROUP_SPEED,
    .name = "bench",
    .args = "MODEL",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "how fast a network runs here, and where its time goes",
    .about = "Least, median and 99th percentile of a run, images a second, the share of the measured peak, energy where the "
             "processor tells it.",
    .example = "arcface bench r100.onnx --batch 1,8 --precision fp32,bf16 --plan-report",
    .uses = CLI_USES_PRECISIONS,
    .options = options,
    .run = run,
};
const cli_command cli_bench_roofline = {
    .group = CLI_GROUP_SPEED,
    .name = "bench roofline",
    .args = "",
    .what = "what this machine could: arithmetic and memory",
    .about = "Multiply-adds in fp32, products of bfloat16 and of 8 bits, reading memory.",
    .example = "arcface bench roofline --threads 2",
    .options = roofline_options,
    .run = run_roofline,
};
