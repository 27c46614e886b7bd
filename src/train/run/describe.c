/* A training as text: the line of its progress, its result. */
#include "base/text.h"
#include <arcface/train.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void arc_train_progress_line(const arc_train_progress *p, char *line, size_t bytes) {
    const int left = (int)fmin(p->left_s, 360000.0 - 1);
    snprintf(line, bytes,
             "epoch %" PRId64 " step %" PRId64 "/%" PRId64
             " loss %.4f cosine %.3f rate %.4g norm %.3g %.1f img/s %d:%02d:%02d left %.0f MB",
             p->epoch, p->step, p->steps, p->loss, p->cosine, p->rate, p->gradient_norm, p->images_per_s, left / 3600,
             left / 60 % 60, left % 60, (double)p->peak_memory_bytes / 1e6);
}

static void put_json(arc_text *t, const arc_train_result *r, double seconds) {
    arc_text_add(t,
                 "{\"steps\": %" PRId64 ", \"skipped\": %" PRId64 ", \"loss\": %.9g, \"accuracy\": %.9g, \"best\": %.9g, "
                 "\"seconds\": %.2f, \"planned_mb\": %.1f, \"peak_mb\": %.1f}\n",
                 r->steps, r->skipped, r->loss, r->accuracy, r->best, seconds, (double)r->planned_bytes / 1e6,
                 (double)r->peak_memory_bytes / 1e6);
}

static void put_text(arc_text *t, const arc_train_result *r, double seconds) {
    arc_text_add(t, "%s: %" PRId64 " steps in %.0f s, loss %.4f", r->model, r->steps, seconds, r->loss);
    if (r->accuracy >= 0)
        arc_text_add(t, ", accuracy %.5f (best %.5f)", r->accuracy, r->best);
    if (r->skipped)
        arc_text_add(t, ", %" PRId64 " steps left out (not finite)", r->skipped);
    arc_text_add(t, ", %.0f MB at most of %.0f announced\n", (double)r->peak_memory_bytes / 1e6, (double)r->planned_bytes / 1e6);
}

arc_status arc_train_result_describe(arc_context *ctx, const arc_train_result *result, double seconds, bool json, char **text,
                                     arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? put_json : put_text)(&t, result, seconds);
    return arc_text_end(&t, text, err);
}
