/* A bench as text and as lines of JSON: a line a batch size, and with the steps a line each. */
#include "bench/bench_internal.h"
#include "model/layers.h"
#include <inttypes.h>

/* ---- text ------------------------------------------------------------------------------------------------------------------ */

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
        if (r->profile)
            arc_layers_put_steps(t, r->profile);
    }
    arc_text_add(t, "peak memory %.0f MiB\n", (double)b->peak_bytes / 1048576);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------ */

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
        for (int s = 0; r->profile && s < r->profile->steps; s++) {
            arc_layers_put_step_json(t, r->profile, s);
            arc_text_add(t, "\n");
        }
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
