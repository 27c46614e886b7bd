/* The plan report of arcface bench: what was chosen for each step, what it took, how far from the peaks. */
#include "cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_LAYERS 4096
#define ROUNDS 10

static void shape_text(const arc_layer_time *l, char *text, size_t bytes) {
    text[0] = '\0';
    for (int d = 0; d < l->rank; d++) {
        const size_t at = strlen(text);
        snprintf(text + at, bytes - at, "%s%" PRId64, d ? "x" : "", l->dim[d]);
    }
}

/* The part of the threads' time that a step on one thread would not have needed: waiting for each other, and for memory that all share. */
static double lost_percent(const cli_plan_report *r, double ms, double alone_ms) {
    return 100 * (1 - alone_ms / (r->threads * ms));
}

static void print_step(const cli_plan_report *r, bool json, cli_text *t, int step, const arc_layer_time *l, double alone_ms,
                       double total_ms) {
    char shape[96], lost[32] = "";
    shape_text(l, shape, sizeof shape);
    const double gflops = 2e-6 * (double)l->macs / l->ms, gb_s = 1e-6 * (double)l->bytes / l->ms;
    if (json) {
        cli_printf(t, "{\"step\": %d, \"plan\": \"%s\", \"operator\": \"%s\", \"name\": ", step, arc_net_plan_id(r->net), l->op);
        cli_json_string(t, l->name);
        cli_printf(t,
                   ", \"algorithm\": \"%s\", \"schedule\": \"%s\", \"output\": \"%s\", \"ms\": %.5f, \"gflops\": %.1f, "
                   "\"percent_of_peak\": %.1f, \"bytes\": %" PRId64,
                   l->algorithm, l->schedule, shape, l->ms, gflops, 100 * gflops / r->peak_gflops, l->bytes);
        if (r->alone)
            cli_printf(t, ", \"one_thread_ms\": %.5f, \"lost_percent\": %.1f", alone_ms, lost_percent(r, l->ms, alone_ms));
        cli_printf(t, "}\n");
        return;
    }
    if (r->alone)
        snprintf(lost, sizeof lost, "%5.1f%%", lost_percent(r, l->ms, alone_ms));
    cli_printf(t, "%4d  %-18s %-14s %-13s %-20s %9.4f %5.1f%% %9.1f %6.1f%% %9.1f %6s  %s\n", step, l->op, l->algorithm,
               l->schedule, shape, l->ms, 100 * l->ms / total_ms, gflops, 100 * gflops / r->peak_gflops, gb_s, lost, l->name);
}

static void print_sum(const cli_plan_report *r, cli_text *t, double total, double alone) {
    cli_printf(t, "plan %s; sum of the steps' least times: %.3f ms", arc_net_plan_id(r->net), total);
    if (r->alone)
        cli_printf(t, ", on one thread %.3f ms: %d threads lose %.1f %% to waiting for each other and for memory", alone,
                   r->threads, lost_percent(r, total, alone));
    cli_printf(t, " (GFLOP/s count the direct convolution: above 100 %% is what Winograd saves)\n");
}

int cli_print_plan(const cli_plan_report *r, bool json, cli_text *t, const float *input, const int64_t dim[4]) {
    arc_layer_time *layers = cli_new(MAX_LAYERS, sizeof *layers), *alone = cli_new(MAX_LAYERS, sizeof *alone);
    arc_error err = {0};
    int count = 0, alone_count = 0;
    double total = 0, alone_total = 0;
    arc_status st = arc_net_profile(r->net, input, dim, ROUNDS, layers, MAX_LAYERS, &count, &err);
    if (st == ARC_OK && r->alone)
        st = arc_net_profile(r->alone, input, dim, ROUNDS, alone, MAX_LAYERS, &alone_count, &err);
    if (count > MAX_LAYERS)
        count = MAX_LAYERS;
    for (int i = 0; i < count; i++) {
        total += layers[i].ms;
        alone_total += alone[i].ms;
    }
    if (st == ARC_OK && !json)
        cli_printf(t, "%4s  %-18s %-14s %-13s %-20s %9s %6s %9s %7s %9s %6s  %s\n", "step", "operator", "algorithm", "schedule",
                   "output", "ms", "share", "GFLOP/s", "% peak", "GB/s", r->alone ? "lost" : "", "name");
    for (int i = 0; st == ARC_OK && i < count; i++)
        print_step(r, json, t, i, &layers[i], alone[i].ms, total);
    if (st == ARC_OK && !json)
        print_sum(r, t, total, alone_total);
    cli_free(layers);
    cli_free(alone);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}
