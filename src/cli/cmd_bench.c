/* arcface bench: how fast a network runs here, against what this machine could; bench roofline: what it could. */
#include "cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RUNS 100000
#define MAX_BATCHES 16
#define MAX_LAYERS 4096
#define WARM_UP_RUNS 3
#define PROFILE_ROUNDS 10

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
    cli *c;
    const char *name;
    arc_net *net;
    arc_model_facts facts;
    arc_roofline roof;
    double load_ms, seconds;
    int height, width;
} bench;

static const char *precision_name(const cli *c) {
    return arc_context_precision(c->ctx) == ARC_PRECISION_BF16 ? "bf16" : "fp32";
}

static void print_line(const bench *b, cli_text *t, int batch, const figures *f) {
    const double images = batch * 1e3 / f->median_ms;
    const double gflops = (double)b->facts.flops * images * 1e-9, roof = 100 * gflops / b->roof.fp32_gflops;
    if (cli_given(b->c, "json")) {
        cli_printf(t, "{\"model\": ");
        cli_json_string(t, b->name);
        cli_printf(
            t,
            ", \"isa\": \"%s\", \"threads\": %d, \"precision\": \"%s\", \"batch\": %d, \"height\": %d, \"width\": %d, "
            "\"runs\": %d, "
            "\"first_ms\": %.3f, \"min_ms\": %.3f, \"median_ms\": %.3f, \"p99_ms\": %.3f, \"images_per_s\": %.2f, "
            "\"direct_gflops\": %.1f, \"percent_of_fp32_peak\": %.1f, \"load_ms\": %.1f, \"peak_kib\": %ld, \"plan\": \"%s\"",
            arc_context_isa(b->c->ctx), arc_context_threads(b->c->ctx), precision_name(b->c), batch, b->height, b->width, f->runs,
            f->first_ms, f->min_ms, f->median_ms, f->p99_ms, images, gflops, roof, b->load_ms,
            (long)(arc_peak_memory_bytes() / 1024), arc_net_plan_id(b->net));
        if (f->joules >= 0)
            cli_printf(t, ", \"joules_per_image\": %.4f", f->joules / f->runs / batch);
        cli_printf(t, "}\n");
        return;
    }
    cli_printf(
        t, "batch %3d  median %8.3f ms  min %8.3f  p99 %8.3f  %9.1f images/s  %7.1f GFLOP/s (%.0f %% of %.0f)  %d runs  plan %s",
        batch, f->median_ms, f->min_ms, f->p99_ms, images, gflops, roof, b->roof.fp32_gflops, f->runs, arc_net_plan_id(b->net));
    if (f->joules >= 0)
        cli_printf(t, "  %.3f J an image", f->joules / f->runs / batch);
    cli_printf(t, "\n");
}

/* The plan, step by step: what was chosen, what it took, how far from the peaks. */
static int print_plan(const bench *b, cli_text *t, const float *input, const int64_t dim[4]) {
    arc_layer_time *layers = cli_new(MAX_LAYERS, sizeof *layers);
    arc_error err = {0};
    int count = 0;
    double total = 0;
    arc_status st = arc_net_profile(b->net, input, dim, PROFILE_ROUNDS, layers, MAX_LAYERS, &count, &err);
    if (count > MAX_LAYERS)
        count = MAX_LAYERS;
    for (int i = 0; i < count; i++)
        total += layers[i].ms;
    if (st == ARC_OK)
        cli_printf(t, "%4s  %-18s %-14s %-20s %9s %6s %9s %7s %9s  %s\n", "step", "operator", "algorithm", "output", "ms",
                   "share", "GFLOP/s", "% peak", "GB/s", "name");
    for (int i = 0; i < count; i++) {
        const arc_layer_time *l = &layers[i];
        char shape[96] = "";
        for (int d = 0; d < l->rank; d++) {
            const size_t at = strlen(shape);
            snprintf(shape + at, sizeof shape - at, "%s%" PRId64, d ? "x" : "", l->dim[d]);
        }
        const double gflops = 2e-6 * (double)l->macs / l->ms;
        cli_printf(t, "%4d  %-18s %-14s %-20s %9.4f %5.1f%% %9.1f %6.1f%% %9.1f  %s\n", i, l->op, l->algorithm, shape, l->ms,
                   100 * l->ms / total, gflops, 100 * gflops / b->roof.fp32_gflops, 1e-6 * (double)l->bytes / l->ms, l->name);
    }
    if (st == ARC_OK)
        cli_printf(t,
                   "sum of the steps' least times: %.3f ms (GFLOP/s count the direct convolution: above 100 %% is what Winograd "
                   "saves)\n",
                   total);
    cli_free(layers);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
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
        code = print_plan(b, t, input, dim);
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

static int run(cli *c) {
    int batch[MAX_BATCHES], batches = 0, size = 640;
    bench b = {.c = c, .name = c->args[0], .seconds = 5};
    arc_model *model = NULL;
    arc_error err = {0};
    cli_text t = {0};
    if (!read_batches(c, batch, &batches) || !cli_float(c, "seconds", 0.01, 3600, &b.seconds) ||
        !cli_int(c, "size", 8, 8192, &size))
        return CLI_USAGE;
    if (arc_roofline_measure(c->ctx, &b.roof, &err) != ARC_OK)
        return cli_fail(&err);
    arc_peak_memory_reset(); /* measuring the memory's speed took 256 MB that are not the network's */
    const double begin = cli_seconds();
    int code = cli_load_any(c, c->args[0], ARC_TASK_UNKNOWN, &model);
    if (code != CLI_OK)
        return code;
    b.load_ms = (cli_seconds() - begin) * 1e3;
    const arc_contract *contract = arc_model_contract(model);
    b.height = contract->input_height_px ? contract->input_height_px : size;
    b.width = contract->input_width_px ? contract->input_width_px : size;
    arc_status st = arc_model_facts_get(c->ctx, model, &b.facts, &err);
    if (st == ARC_OK)
        st = arc_net_new(c->ctx, model, &b.net, &err);
    code = st == ARC_OK ? CLI_OK : cli_fail(&err);
    if (code == CLI_OK && !cli_given(c, "json"))
        cli_printf(&t, "%s, %dx%d, %s, %s, %d threads; loaded in %.0f ms; %.2f GMAC an image\n", b.name, b.width, b.height,
                   arc_context_isa(c->ctx), precision_name(c), arc_context_threads(c->ctx), b.load_ms,
                   (double)b.facts.macs * 1e-9);
    for (int i = 0; code == CLI_OK && i < batches; i++)
        code = run_batch(&b, &t, batch[i]);
    if (code == CLI_OK && !cli_given(c, "json"))
        cli_printf(&t, "peak memory %.0f MiB\n", (double)arc_peak_memory_bytes() / 1048576);
    arc_net_free(&b.net);
    arc_model_free(&model);
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
        cli_printf(&t, "{\"isa\": \"%s\", \"threads\": %d, \"fp32_gflops\": %.1f, \"int8_gops\": %.1f, \"read_gb_s\": %.1f}\n",
                   arc_context_isa(c->ctx), arc_context_threads(c->ctx), r.fp32_gflops, r.int8_gops, r.read_gb_s);
    else
        cli_printf(
            &t,
            "%s, %d threads\nfp32 multiply-add  %8.1f GFLOP/s\nint8 products      %8.1f GOP/s\nreading memory     %8.1f GB/s\n",
            arc_context_isa(c->ctx), arc_context_threads(c->ctx), r.fp32_gflops, r.int8_gops, r.read_gb_s);
    return cli_text_print(&t);
}

static const cli_option options[] = {
    {"batch", 'b', "N,...", "images in one run (default 1,8)"},
    {"seconds", 0, "S", "how long each batch size is timed (default 5)"},
    {"size", 0, "N", "side of the input in pixels for models of free size (default 640)"},
    {"plan-report", 0, NULL, "every step: algorithm, time, GFLOP/s, share of the peak, bytes moved"},
    {"json", 'j', NULL, "one JSON line a batch size"},
    {0},
};
static const cli_option roofline_options[] = {
    {"json", 'j', NULL, "one JSON line"},
    {0},
};

const cli_command cli_bench = {
    "bench",
    "MODEL",
    "how fast a network runs here, and where its time goes",
    "arcface bench r100.onnx --batch 1,8 --plan-report",
    0,
    1,
    1,
    options,
    run,
};
const cli_command cli_bench_roofline = {
    "bench roofline",
    "",
    "what this machine could: arithmetic and memory",
    "arcface bench roofline --threads 2",
    0,
    0,
    0,
    roofline_options,
    run_roofline,
};
