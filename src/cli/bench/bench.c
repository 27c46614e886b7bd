/* arcface bench: how fast a network runs here, against what this machine could; bench roofline: what it could. */
#include "ui/cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RUNS 100000
#define MAX_BATCHES 16
#define WARM_UP_RUNS 3

typedef struct figures {
    int runs;
    double min_ms, median_ms, p99_ms, first_ms;
    double joules; /* of the whole package, all runs; negative where the machine does not tell */
} figures;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(arc_net *net, const float *input, const int64_t dim[4], double seconds, figures *out) {
    double *ms = cli_new(MAX_RUNS, sizeof *ms);
    arc_error err = {0};
    arc_status st = ARC_OK;
    *out = (figures){0};
    for (int i = 0; st == ARC_OK && i < WARM_UP_RUNS; i++) {
        const double from = cli_seconds();
        st = arc_net_run(net, input, dim, &err);
        if (i == 0)
            out->first_ms = (cli_seconds() - from) * 1e3;
    }
    const double begin = cli_seconds(), joules = arc_energy_joules();
    while (st == ARC_OK && out->runs < MAX_RUNS && (out->runs < 3 || cli_seconds() - begin < seconds)) {
        const double from = cli_seconds();
        st = arc_net_run(net, input, dim, &err);
        ms[out->runs++] = (cli_seconds() - from) * 1e3;
    }
    const double spent = arc_energy_joules() - joules;
    out->joules = joules >= 0 && spent >= 0 ? spent : -1;
    if (st == ARC_OK) {
        qsort(ms, (size_t)out->runs, sizeof *ms, by_value);
        out->min_ms = ms[0];
        out->median_ms = ms[out->runs / 2];
        out->p99_ms = ms[(out->runs * 99 + 99) / 100 - 1];
    }
    cli_free(ms);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

typedef struct bench {
    cli *c; /* its context is that of the precision */
    const char *name;
    arc_net *net, *alone; /* alone: on one thread, for the plan report */
    arc_model_facts facts;
    arc_roofline roof;
    double load_ms, seconds;
    int height, width;
} bench;

static const char *precision_name(const bench *b) {
    return b->facts.int8 ? "int8" : cli_precision_name(arc_context_precision(b->c->ctx));
}

static double peak_of(const bench *b) {
    return arc_context_precision(b->c->ctx) == ARC_PRECISION_BF16 ? b->roof.bf16_gflops : b->roof.fp32_gflops;
}

static void print_line(const bench *b, cli_text *t, int batch, const figures *f) {
    const double images = batch * 1e3 / f->median_ms;
    const double gflops = (double)b->facts.flops * images * 1e-9, roof = 100 * gflops / peak_of(b);
    if (cli_given(b->c, "json")) {
        cli_printf(t, "{\"model\": ");
        cli_json_string(t, b->name);
        cli_printf(t,
                   ", \"isa\": \"%s\", \"threads\": %d, \"precision\": \"%s\", \"batch\": %d, \"height\": %d, \"width\": %d, "
                   "\"runs\": %d, "
                   "\"first_ms\": %.3f, \"min_ms\": %.3f, \"median_ms\": %.3f, \"p99_ms\": %.3f, \"images_per_s\": %.2f, "
                   "\"direct_gflops\": %.1f, \"percent_of_peak\": %.1f, \"load_ms\": %.1f, \"peak_kib\": %ld, \"plan\": \"%s\"",
                   arc_context_isa(b->c->ctx), arc_context_threads(b->c->ctx), precision_name(b), batch, b->height, b->width,
                   f->runs, f->first_ms, f->min_ms, f->median_ms, f->p99_ms, images, gflops, roof, b->load_ms,
                   (long)(arc_peak_memory_bytes() / 1024), arc_net_plan_id(b->net));
        if (f->joules >= 0)
            cli_printf(t, ", \"joules_per_image\": %.4f", f->joules / f->runs / batch);
        cli_printf(t, "}\n");
        return;
    }
    cli_printf(
        t, "batch %3d  median %8.3f ms  min %8.3f  p99 %8.3f  %9.1f images/s  %7.1f GFLOP/s (%.0f %% of %.0f)  %d runs  plan %s",
        batch, f->median_ms, f->min_ms, f->p99_ms, images, gflops, roof, peak_of(b), f->runs, arc_net_plan_id(b->net));
    if (f->joules >= 0)
        cli_printf(t, "  %.3f J an image", f->joules / f->runs / batch);
    cli_printf(t, "\n");
}

static int run_batch(const bench *b, cli_text *t, int batch) {
    const int64_t dim[4] = {batch, 3, b->height, b->width};
    const size_t count = (size_t)batch * 3 * (size_t)b->height * (size_t)b->width;
    float *input = cli_new(count, sizeof *input);
    figures f;
    for (size_t i = 0; i < count; i++) /* noise, the same everywhere: bench/peers gives it to the rivals too */
        input[i] = (float)(((uint32_t)i * 2654435761u) >> 8) / 16777216.0f * 2.0f - 1.0f;
    int code = measure(b->net, input, dim, b->seconds, &f);
    if (code == CLI_OK)
        print_line(b, t, batch, &f);
    if (code == CLI_OK && cli_given(b->c, "plan-report"))
        code = cli_print_plan(&(cli_plan_report){.net = b->net,
                                                 .alone = b->alone,
                                                 .threads = arc_context_threads(b->c->ctx),
                                                 .peak_gflops = peak_of(b),
                                                 .roof = &b->roof},
                              cli_given(b->c, "json"), t, input, dim);
    cli_free(input);
    return code;
}

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

/* The network on one thread, beside which a plan report sets each step. */
static int open_alone(bench *b, const arc_model *model, arc_context **ctx) {
    arc_error err = {0};
    if (!cli_given(b->c, "plan-report") || arc_context_threads(b->c->ctx) == 1)
        return CLI_OK;
    const int code = cli_open_as(b->c, arc_context_precision(b->c->ctx), 1, ctx);
    if (code != CLI_OK)
        return code;
    return arc_net_new(*ctx, model, &b->alone, &err) == ARC_OK ? CLI_OK : cli_fail(&err);
}

/* All batch sizes in the precision of c's context. */
static int run_network(bench *b, cli_text *t, const int *batch, int batches, int size) {
    cli *c = b->c;
    arc_model *model = NULL;
    arc_context *alone = NULL;
    arc_error err = {0};
    arc_peak_memory_reset(); /* measuring the memory's speed took 256 MB that are not the network's */
    const double begin = cli_seconds();
    int code = cli_load_any(c, c->args[0], ARC_TASK_UNKNOWN, &model);
    if (code != CLI_OK)
        return code;
    b->load_ms = (cli_seconds() - begin) * 1e3;
    const arc_contract *contract = arc_model_contract(model);
    b->height = contract->input_height_px ? contract->input_height_px : size;
    b->width = contract->input_width_px ? contract->input_width_px : size;
    arc_status st = arc_model_facts_get(c->ctx, model, &b->facts, &err);
    if (st == ARC_OK)
        st = arc_net_new(c->ctx, model, &b->net, &err);
    code = st == ARC_OK ? open_alone(b, model, &alone) : cli_fail(&err);
    if (code == CLI_OK && !cli_given(c, "json"))
        cli_printf(t, "%s, %dx%d, %s, %s, %d threads; loaded in %.0f ms; %.2f GMAC an image\n", b->name, b->width, b->height,
                   arc_context_isa(c->ctx), precision_name(b), arc_context_threads(c->ctx), b->load_ms,
                   (double)b->facts.macs * 1e-9);
    for (int i = 0; code == CLI_OK && i < batches; i++)
        code = run_batch(b, t, batch[i]);
    if (code == CLI_OK && !cli_given(c, "json"))
        cli_printf(t, "peak memory %.0f MiB\n", (double)arc_peak_memory_bytes() / 1048576);
    arc_net_free(&b->alone);
    arc_net_free(&b->net);
    arc_model_free(&model);
    arc_context_close(&alone);
    return code;
}

static int run(cli *c) {
    int batch[MAX_BATCHES], batches = 0, precisions = 0, size = 640;
    arc_precision precision[CLI_MAX_PRECISIONS];
    bench b = {.c = c, .name = c->args[0], .seconds = 5};
    arc_error err = {0};
    cli_text t = {0};
    if (!read_batches(c, batch, &batches) || !cli_precisions(c, CLI_MAX_PRECISIONS, precision, &precisions))
        return CLI_USAGE;
    cli_float(c, "seconds", &b.seconds);
    cli_int(c, "size", &size);
    if (arc_roofline_measure(c->ctx, &b.roof, &err) != ARC_OK)
        return cli_fail(&err);
    int code = CLI_OK;
    for (int i = 0; code == CLI_OK && i < precisions; i++) {
        arc_context *first = c->ctx;
        code = cli_open_as(c, precision[i], 0, &c->ctx);
        if (code == CLI_OK) {
            code = run_network(&b, &t, batch, batches, size);
            arc_context_close(&c->ctx);
        }
        c->ctx = first;
    }
    if (code == CLI_OK)
        return cli_text_print(&t);
    cli_free(t.data);
    return code;
}

static int run_roofline(cli *c) {
    arc_roofline r;
    arc_error err = {0};
    cli_text t = {0};
    if (arc_roofline_measure(c->ctx, &r, &err) != ARC_OK)
        return cli_fail(&err);
    if (cli_given(c, "json"))
        cli_printf(&t,
                   "{\"isa\": \"%s\", \"threads\": %d, \"fp32_gflops\": %.1f, \"bf16_gflops\": %.1f, \"int8_gops\": %.1f, "
                   "\"read_gb_s\": %.1f}\n",
                   arc_context_isa(c->ctx), arc_context_threads(c->ctx), r.fp32_gflops, r.bf16_gflops, r.int8_gops, r.read_gb_s);
    else
        cli_printf(
            &t,
            "%s, %d threads\nfp32 multiply-add  %8.1f GFLOP/s\nbf16 products      %8.1f GFLOP/s%s\nint8 products      %8.1f "
            "GOP/s\nreading memory     %8.1f GB/s\n",
            arc_context_isa(c->ctx), arc_context_threads(c->ctx), r.fp32_gflops, r.bf16_gflops,
            r.bf16_gflops > 0 ? "" : " (not fast here: fp32 is used)", r.int8_gops, r.read_gb_s);
    return cli_text_print(&t);
}

static const cli_option options[] = {
    CLI_TEXT("batch", 'b', "N,...", "1,8", "images in one run"),
    CLI_REAL("seconds", 0, "S", 0.01, 3600, "5", "how long each batch size is timed"),
    CLI_WHOLE("size", 0, "N", 8, 8192, "640", "side of the input in pixels for models of free size"),
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
