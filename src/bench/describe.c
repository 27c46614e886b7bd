/* A bench as text and as lines of JSON: a line a batch size, and with the steps a line each. */
#include "bench/bench_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The part of the threads' time that a step on one thread would not have needed: waiting for each other, and for memory that all
 * share. */
static double lost_percent(const arc_bench *b, double ms, double one_thread_ms) {
    return 100 * (1 - one_thread_ms / (b->threads * ms));
}

/* "1x64x56x56" */
static void shape_text(const arc_layer_time *l, char *text, size_t bytes) {
    text[0] = '\0';
    for (int d = 0; d < l->rank; d++) {
        const size_t at = strlen(text);
        snprintf(text + at, bytes - at, "%s%" PRId64, d ? "x" : "", l->dim[d]);
    }
}

/* ---- text ------------------------------------------------------------------------------------------------------------------ */

static void put_step(arc_text *t, const arc_bench *b, int index, const arc_bench_step *s, double total_ms) {
    const arc_layer_time *l = &s->layer;
    const double gflops = 2e-6 * (double)l->macs / l->ms, gb_s = 1e-6 * (double)l->bytes / l->ms;
    char shape[96], lost[32] = "";
    shape_text(l, shape, sizeof shape);
    if (b->threads > 1)
        snprintf(lost, sizeof lost, "%5.1f%%", lost_percent(b, l->ms, s->one_thread_ms));
    arc_text_add(t, "%4d  %-18s %-14s %-13s %-20s %9.4f %5.1f%% %9.4f %6.1f%% %9.1f %6.1f%% %9.1f %6s  %s\n", index, l->op,
                 l->algorithm, l->schedule, shape, l->ms, 100 * l->ms / total_ms, s->floor_ms, 100 * s->floor_ms / l->ms, gflops,
                 100 * gflops / b->peak_gflops, gb_s, lost, l->name);
}

static void put_steps(arc_text *t, const arc_bench *b, const arc_bench_run *r) {
    double total = 0, one_thread = 0, least = 0;
    for (int i = 0; i < r->steps; i++) {
        total += r->step[i].layer.ms;
        one_thread += r->step[i].one_thread_ms;
        least += r->step[i].floor_ms;
    }
    arc_text_add(t, "%4s  %-18s %-14s %-13s %-20s %9s %6s %9s %7s %9s %7s %9s %6s  %s\n", "step", "operator", "algorithm",
                 "schedule", "output", "ms", "share", "floor ms", "% floor", "GFLOP/s", "% peak", "GB/s",
                 b->threads > 1 ? "lost" : "", "name");
    for (int i = 0; i < r->steps; i++)
        put_step(t, b, i, &r->step[i], total);
    arc_text_add(t, "plan %s; sum of the steps' least times: %.3f ms, of their floors %.3f (%.0f %%)", r->plan_id, total, least,
                 100 * least / total);
    if (b->threads > 1)
        arc_text_add(t, ", on one thread %.3f ms: %d threads lose %.1f %% to waiting for each other and for memory", one_thread,
                     b->threads, lost_percent(b, total, one_thread));
    arc_text_add(t, " (GFLOP/s count the direct convolution: above 100 %% is what Winograd saves)\n");
}

static void put_text(arc_text *t, const arc_bench *b) {
    arc_text_add(t, "%s, %dx%d, %s, %s, %d threads; loaded in %.0f ms; %.2f GMAC an image\n", b->model, b->width_px, b->height_px,
                 b->isa, b->precision, b->threads, b->load_ms, (double)b->macs * 1e-9);
    for (int i = 0; i < b->runs; i++) {
        const arc_bench_run *r = &b->run[i];
        arc_text_add(
            t,
            "batch %3d  median %8.3f ms  min %8.3f  p99 %8.3f  %9.1f images/s  %7.1f GFLOP/s (%.0f %% of %.0f)  %d runs  "
            "plan %s",
            r->batch, r->median_ms, r->min_ms, r->p99_ms, r->images_per_s, r->direct_gflops,
            100 * r->direct_gflops / b->peak_gflops, b->peak_gflops, r->runs, r->plan_id);
        if (r->joules_per_image >= 0)
            arc_text_add(t, "  %.3f J an image", r->joules_per_image);
        arc_text_add(t, "\n");
        if (r->step)
            put_steps(t, b, r);
    }
    arc_text_add(t, "peak memory %.0f MiB\n", (double)b->peak_bytes / 1048576);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------ */

static void put_step_json(arc_text *t, const arc_bench *b, const arc_bench_run *r, int index) {
    const arc_bench_step *s = &r->step[index];
    const arc_layer_time *l = &s->layer;
    const double gflops = 2e-6 * (double)l->macs / l->ms;
    char shape[96];
    shape_text(l, shape, sizeof shape);
    arc_text_add(t, "{\"step\": %d, \"plan\": \"%s\", \"operator\": \"%s\", \"name\": ", index, r->plan_id, l->op);
    arc_text_quote(t, l->name);
    arc_text_add(t,
                 ", \"algorithm\": \"%s\", \"schedule\": \"%s\", \"output\": \"%s\", \"ms\": %.5f, \"gflops\": %.1f, "
                 "\"percent_of_peak\": %.1f, \"floor_ms\": %.5f, \"percent_of_floor\": %.1f, \"bytes\": %" PRId64,
                 l->algorithm, l->schedule, shape, l->ms, gflops, 100 * gflops / b->peak_gflops, s->floor_ms,
                 100 * s->floor_ms / l->ms, l->bytes);
    if (b->threads > 1)
        arc_text_add(t, ", \"one_thread_ms\": %.5f, \"lost_percent\": %.1f", s->one_thread_ms,
                     lost_percent(b, l->ms, s->one_thread_ms));
    arc_text_add(t, "}\n");
}

static void put_json(arc_text *t, const arc_bench *b) {
    for (int i = 0; i < b->runs; i++) {
        const arc_bench_run *r = &b->run[i];
        arc_text_add(t, "{\"model\": ");
        arc_text_quote(t, b->model);
        arc_text_add(t,
                     ", \"isa\": \"%s\", \"threads\": %d, \"precision\": \"%s\", \"batch\": %d, \"height\": %d, \"width\": %d, "
                     "\"runs\": %d, \"first_ms\": %.3f, \"min_ms\": %.3f, \"median_ms\": %.3f, \"p99_ms\": %.3f, "
                     "\"images_per_s\": %.2f, \"direct_gflops\": %.1f, \"percent_of_peak\": %.1f, \"load_ms\": %.1f, "
                     "\"peak_kib\": %" PRId64 ", \"plan\": \"%s\"",
                     b->isa, b->threads, b->precision, r->batch, b->height_px, b->width_px, r->runs, r->first_ms, r->min_ms,
                     r->median_ms, r->p99_ms, r->images_per_s, r->direct_gflops, 100 * r->direct_gflops / b->peak_gflops,
                     b->load_ms, r->peak_bytes / 1024, r->plan_id);
        if (r->joules_per_image >= 0)
            arc_text_add(t, ", \"joules_per_image\": %.4f", r->joules_per_image);
        arc_text_add(t, "}\n");
        for (int s = 0; s < r->steps; s++)
            put_step_json(t, b, r, s);
    }
}

arc_status arc_bench_describe(arc_context *ctx, const arc_bench *bench, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? put_json : put_text)(&t, bench);
    return arc_text_end(&t, text, err);
}

arc_status arc_roofline_describe(arc_context *ctx, const arc_roofline *r, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        arc_text_add(&t,
                     "{\"isa\": \"%s\", \"threads\": %d, \"fp32_gflops\": %.1f, \"bf16_gflops\": %.1f, \"int8_gops\": %.1f, "
                     "\"read_gb_s\": %.1f}\n",
                     arc_context_isa(ctx), arc_context_threads(ctx), r->fp32_gflops, r->bf16_gflops, r->int8_gops, r->read_gb_s);
    else
        arc_text_add(&t,
                     "%s, %d threads\nfp32 multiply-add  %8.1f GFLOP/s\nbf16 products      %8.1f GFLOP/s%s\n"
                     "int8 products      %8.1f GOP/s\nreading memory     %8.1f GB/s\n",
                     arc_context_isa(ctx), arc_context_threads(ctx), r->fp32_gflops, r->bf16_gflops,
                     r->bf16_gflops > 0 ? "" : " (not fast here: fp32 is used)", r->int8_gops, r->read_gb_s);
    return arc_text_end(&t, text, err);
}
