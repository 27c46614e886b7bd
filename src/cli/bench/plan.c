/* The plan report of arcface bench: what was chosen for each step, what it took, how far from the peaks. */
#include "ui/cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_LAYERS 4096
#define ROUNDS 10
#define CACHED_WEIGHT_BYTES 16e6 /* a network of more reads its weights from memory at every run */

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

/* ---- floors ------------------------------------------------------------------------------------------------------------------- */

/* Points of its transform an output pixel, of the nine taps of the direct way; 1 where there is no transform. */
static double winograd_share(const arc_layer_time *l, bool weights) {
    int tile = 2;
    if (strncmp(l->algorithm, "winograd", 8) != 0 || l->rank != 4)
        return 1;
    sscanf(l->algorithm, "winograd %dx", &tile);
    const int64_t across = (l->dim[2] + tile - 1) / tile, along = (l->dim[3] + tile - 1) / tile;
    const double points = (tile + 2) * (tile + 2) / 9.0;
    return weights ? points : points * (double)(across * along) / (double)(l->dim[2] * l->dim[3]);
}

static bool is_int8(const arc_layer_time *l) {
    return strstr(l->algorithm, "int8");
}

/* Of the weights as the algorithm keeps them. */
static double weight_bytes(const arc_layer_time *l) {
    const int64_t pixels = l->rank == 4 ? l->dim[0] * l->dim[2] * l->dim[3] : l->rank == 2 ? l->dim[0] : 0;
    const int bytes = is_int8(l) ? 1 : strstr(l->algorithm, "16") ? 2 : 4;
    return pixels > 0 ? (double)l->macs / (double)pixels * winograd_share(l, true) * bytes : 0;
}

/* The least that a step could take here: the products that its algorithm makes, at the measured peak, or its weights at the speed of memory. */
static double floor_ms(const cli_plan_report *r, const arc_layer_time *l) {
    const double peak = is_int8(l)                     ? r->roof->int8_gops
                        : strstr(l->algorithm, "bf16") ? r->roof->bf16_gflops
                                                       : r->roof->fp32_gflops;
    const double products = 2e-6 * (double)l->macs * winograd_share(l, false) / peak;
    const double weights = r->weights_stream ? 1e-6 * weight_bytes(l) / r->roof->read_gb_s : 0;
    return products > weights ? products : weights;
}

/* ---- lines -------------------------------------------------------------------------------------------------------------------- */

static void print_step(const cli_plan_report *r, bool json, cli_text *t, int step, const arc_layer_time *l, double alone_ms,
                       double total_ms) {
    const double least = floor_ms(r, l);
    char shape[96], lost[32] = "";
    shape_text(l, shape, sizeof shape);
    const double gflops = 2e-6 * (double)l->macs / l->ms, gb_s = 1e-6 * (double)l->bytes / l->ms;
    if (json) {
        cli_printf(t, "{\"step\": %d, \"plan\": \"%s\", \"operator\": \"%s\", \"name\": ", step, arc_net_plan_id(r->net), l->op);
        cli_json_string(t, l->name);
        cli_printf(t,
                   ", \"algorithm\": \"%s\", \"schedule\": \"%s\", \"output\": \"%s\", \"ms\": %.5f, \"gflops\": %.1f, "
                   "\"percent_of_peak\": %.1f, \"floor_ms\": %.5f, \"percent_of_floor\": %.1f, \"bytes\": %" PRId64,
                   l->algorithm, l->schedule, shape, l->ms, gflops, 100 * gflops / r->peak_gflops, least, 100 * least / l->ms,
                   l->bytes);
        if (r->alone)
            cli_printf(t, ", \"one_thread_ms\": %.5f, \"lost_percent\": %.1f", alone_ms, lost_percent(r, l->ms, alone_ms));
        cli_printf(t, "}\n");
        return;
    }
    if (r->alone)
        snprintf(lost, sizeof lost, "%5.1f%%", lost_percent(r, l->ms, alone_ms));
    cli_printf(t, "%4d  %-18s %-14s %-13s %-20s %9.4f %5.1f%% %9.4f %6.1f%% %9.1f %6.1f%% %9.1f %6s  %s\n", step, l->op,
               l->algorithm, l->schedule, shape, l->ms, 100 * l->ms / total_ms, least, 100 * least / l->ms, gflops,
               100 * gflops / r->peak_gflops, gb_s, lost, l->name);
}

static void print_sum(const cli_plan_report *r, cli_text *t, double total, double alone, double least) {
    cli_printf(t, "plan %s; sum of the steps' least times: %.3f ms, of their floors %.3f (%.0f %%)", arc_net_plan_id(r->net),
               total, least, 100 * least / total);
    if (r->alone)
        cli_printf(t, ", on one thread %.3f ms: %d threads lose %.1f %% to waiting for each other and for memory", alone,
                   r->threads, lost_percent(r, total, alone));
    cli_printf(t, " (GFLOP/s count the direct convolution: above 100 %% is what Winograd saves)\n");
}

int cli_print_plan(const cli_plan_report *report, bool json, cli_text *t, const float *input, const int64_t dim[4]) {
    cli_plan_report mine = *report, *r = &mine;
    arc_layer_time *layers = cli_new(MAX_LAYERS, sizeof *layers), *alone = cli_new(MAX_LAYERS, sizeof *alone);
    arc_error err = {0};
    int count = 0, alone_count = 0;
    double total = 0, alone_total = 0, least = 0, weights = 0;
    arc_status st = arc_net_profile(r->net, input, dim, ROUNDS, layers, MAX_LAYERS, &count, &err);
    if (st == ARC_OK && r->alone)
        st = arc_net_profile(r->alone, input, dim, ROUNDS, alone, MAX_LAYERS, &alone_count, &err);
    if (count > MAX_LAYERS)
        count = MAX_LAYERS;
    for (int i = 0; i < count; i++) {
        total += layers[i].ms;
        alone_total += alone[i].ms;
        weights += weight_bytes(&layers[i]);
    }
    r->weights_stream = weights > CACHED_WEIGHT_BYTES;
    for (int i = 0; i < count; i++)
        least += floor_ms(r, &layers[i]);
    if (st == ARC_OK && !json)
        cli_printf(t, "%4s  %-18s %-14s %-13s %-20s %9s %6s %9s %7s %9s %7s %9s %6s  %s\n", "step", "operator", "algorithm",
                   "schedule", "output", "ms", "share", "floor ms", "% floor", "GFLOP/s", "% peak", "GB/s",
                   r->alone ? "lost" : "", "name");
    for (int i = 0; st == ARC_OK && i < count; i++)
        print_step(r, json, t, i, &layers[i], alone[i].ms, total);
    if (st == ARC_OK && !json)
        print_sum(r, t, total, alone_total, least);
    cli_free(layers);
    cli_free(alone);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}
