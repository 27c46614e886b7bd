/* What a timed network is fed: noise, the same everywhere (bench/peers gives it to other engines too). */
#include "bench/bench_internal.h"
#include "model/pixels.h"
#include <arcface/face.h>

/* The points of every crop: the template's, divided by its sides. */
static void fill_points(arc_template align, int64_t count, float (*points)[5][2]) {
    int width, height;
    for (int64_t i = 0; i < count; i++) {
        arc_template_get(align, &width, &height, points[i]);
        for (int k = 0; k < 5; k++) {
            points[i][k][0] /= (float)width;
            points[i][k][1] /= (float)height;
        }
    }
}

arc_status arc_bench_input_new(arc_context *ctx, const arc_model *model, int batch, int size_px, arc_bench_input *out,
                               arc_error *err) {
    const arc_contract *c = arc_model_contract(model);
    const arc_shape shape = {
        .rank = 4,
        .dim = {batch, 3, c->input_height_px ? c->input_height_px : size_px, c->input_width_px ? c->input_width_px : size_px}};
    *out = (arc_bench_input){.dim = {shape.dim[0], shape.dim[1], shape.dim[2], shape.dim[3]}};
    const int64_t floats = arc_shape_count(&shape);
    if (floats < 0)
        return arc_fail(err, ARC_ELIMIT, "batch %d of %lld x %lld pixels is too large", batch, (long long)shape.dim[3],
                        (long long)shape.dim[2]);
    out->pixels = arc_mem_raw(&ctx->alloc, (size_t)floats, sizeof *out->pixels);
    out->points = arc_mem_new(&ctx->alloc, (size_t)batch, sizeof *out->points);
    if (!out->pixels || !out->points)
        return arc_fail_nomem(err, "timing a network");
    for (size_t i = 0; i < (size_t)floats; i++)
        out->pixels[i] = (float)(((uint32_t)i * 2654435761u) >> 8) / 16777216.0f * 2.0f - 1.0f;
    fill_points(c->align, batch, out->points);
    return ARC_OK;
}

void arc_bench_input_free(arc_context *ctx, arc_bench_input *in) {
    arc_mem_free(&ctx->alloc, in->points);
    arc_mem_free(&ctx->alloc, in->pixels);
    in->points = NULL;
    in->pixels = NULL;
}

arc_status arc_bench_run_once(arc_net *net, const arc_bench_input *in, arc_error *err) {
    const arc_status st = arc_net_set_points(net, (const float(*)[5][2])in->points, (int)in->dim[0], err);
    return st == ARC_OK ? arc_net_run(net, in->pixels, in->dim, err) : st;
}
