/* generate: faces from templates. */
#include "generate/templates/templates.h"

#define BATCH 16 /* pictures in memory; the statistics of a batch are those of faces when different people share it */

typedef struct batch {
    const arc_rebuild *r;
    int first, count;
    int64_t total; /* steps of all batches */
} batch;

static arc_status rebuild_batch(arc_context *ctx, const batch *b, arc_image *face, arc_error *err) {
    const arc_rebuild *r = b->r;
    arc_generate_targets targets;
    arc_generator *generator;
    arc_generate_targets_default(&targets);
    targets.images = b->count;
    targets.dim = r->dim;
    targets.embedding = r->target + (size_t)b->first * (size_t)r->dim;
    arc_status st = arc_generator_new(ctx, r->model, &targets, r->options, &generator, err);
    if (st != ARC_OK)
        return st;
    const int64_t before = b->first / BATCH * r->options->steps;
    for (int64_t step = 0; st == ARC_OK && step < r->options->steps; step++) {
        st = arc_generator_step(generator, NULL, err);
        if (st == ARC_OK && r->progress && r->progress(r->progress_ctx, r->stage, before + step + 1, b->total) != 0)
            st = arc_fail(err, ARC_ECANCEL, "stopped");
    }
    for (int i = 0; st == ARC_OK && i < b->count; i++)
        st = arc_generator_image(generator, i, &face[b->first + i], err);
    arc_generator_free(&generator);
    return st;
}

arc_status arc_rebuild_faces(arc_context *ctx, const arc_rebuild *r, arc_image *face, arc_error *err) {
    batch b = {.r = r, .total = (r->count + BATCH - 1) / BATCH * r->options->steps};
    arc_status st = ARC_OK;
    for (; st == ARC_OK && b.first < r->count; b.first += b.count) {
        b.count = ARC_MIN(BATCH, r->count - b.first);
        st = rebuild_batch(ctx, &b, face, err);
    }
    return st;
}
