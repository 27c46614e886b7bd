/* Where a network's work and time go: its layers counted, every step of its plan timed, beside the least that it could take
 * here. */
#include "bench/bench_internal.h"
#include "model/layers.h"
#include "model/pixels.h"
#include <stdlib.h>
#include <string.h>

#define MAX_STEPS 4096
#define ROUNDS 10
#define CACHED_WEIGHT_BYTES 16e6 /* a network of more reads its weights from memory at every run */

/* Points of its transform an output pixel, of the nine taps of the direct way; 1 where there is no transform. */
static double winograd_share(const arc_layer_time *l, bool weights) {
    static const char prefix[] = "winograd ";
    if (strncmp(l->algorithm, prefix, sizeof prefix - 1) != 0 || l->rank != 4)
        return 1;
    const int64_t named = strtol(l->algorithm + sizeof prefix - 1, NULL, 10); /* 4 of "4x4" */
    const int64_t tile = named > 0 ? named : 2;
    const int64_t across = (l->dim[2] + tile - 1) / tile, along = (l->dim[3] + tile - 1) / tile;
    const double points = (double)((tile + 2) * (tile + 2)) / 9.0;
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

static double peak_of(const arc_roofline *roof, const arc_layer_time *l) {
    return is_int8(l) ? roof->int8_gops : strstr(l->algorithm, "bf16") ? roof->bf16_gflops : roof->fp32_gflops;
}

/* The products that the algorithm makes, at the measured peak, or its weights at the speed of memory. */
static double floor_ms(const arc_roofline *roof, const arc_layer_time *l, bool weights_stream) {
    const double products = 2e-6 * (double)l->macs * winograd_share(l, false) / peak_of(roof, l);
    const double weights = weights_stream ? 1e-6 * weight_bytes(l) / roof->read_gb_s : 0;
    return products > weights ? products : weights;
}

/* Products done directly at the peak, or all bytes at the speed of memory. */
static double roof_ms(const arc_roofline *roof, const arc_layer_time *l) {
    const double products = 2e-6 * (double)l->macs / peak_of(roof, l), bytes = 1e-6 * (double)l->bytes / roof->read_gb_s;
    return products > bytes ? products : bytes;
}

/* The texts of a layer belong to its network until the next run: the arena gets them. */
static bool keep_texts(arc_arena *arena, arc_layer_time *l) {
    const char **text[] = {&l->op, &l->name, &l->output, &l->algorithm, &l->schedule};
    for (size_t i = 0; i < ARC_COUNT(text); i++) {
        *text[i] = arc_arena_strdup(arena, *text[i]);
        if (!*text[i])
            return false;
    }
    return true;
}

/* one_thread: of the same steps, NULL: not timed. */
static arc_status set_steps(arc_profile *p, const arc_graph *g, const arc_roofline *roof, const arc_layer_time *layers,
                            const arc_layer_time *one_thread, int count, arc_error *err) {
    double weights = 0;
    arc_arena *arena = arc_layers_arena(p);
    arc_profile_step *step = arc_arena_new(arena, (size_t)ARC_MAX(count, 1), sizeof *step);
    if (!step)
        return arc_fail_nomem(err, "the steps");
    for (int i = 0; i < count; i++)
        weights += weight_bytes(&layers[i]);
    for (int i = 0; i < count; i++) {
        step[i] = (arc_profile_step){.layer = layers[i],
                                     .one_thread_ms = one_thread ? one_thread[i].ms : 0,
                                     .floor_ms = floor_ms(roof, &layers[i], weights > CACHED_WEIGHT_BYTES),
                                     .roof_ms = roof_ms(roof, &layers[i])};
        if (!keep_texts(arena, &step[i].layer))
            return arc_fail_nomem(err, "the steps");
    }
    return arc_layers_set_steps(p, g, step, count, err);
}

static arc_status time_steps(arc_net *net, const arc_bench_input *in, arc_layer_time *layers, int *count, arc_error *err) {
    arc_status st = arc_net_set_points(net, (const float(*)[5][2])in->points, (int)in->dim[0], err);
    if (st == ARC_OK)
        st = arc_net_profile(net, in->pixels, in->dim, ROUNDS, layers, MAX_STEPS, count, err);
    *count = ARC_MIN(*count, MAX_STEPS);
    return st;
}

arc_status arc_bench_time(arc_context *ctx, const arc_model *model, arc_net *net, arc_net *alone, const arc_bench_input *in,
                          const arc_roofline *roof, arc_profile *p, arc_error *err) {
    arc_status st;
    int count, alone_count;
    arc_layer_time *layers = arc_mem_new(&ctx->alloc, MAX_STEPS, sizeof *layers);
    arc_layer_time *one_thread = arc_mem_new(&ctx->alloc, MAX_STEPS, sizeof *one_thread);
    if (!layers || !one_thread) {
        st = arc_fail_nomem(err, "the steps");
        goto done;
    }
    ARC_TRY(time_steps(net, in, layers, &count, err));
    p->roofline = *roof;
    p->peak_gflops = arc_bench_peak(ctx, strcmp(p->precision, "int8") == 0, roof);
    p->plan_id = arc_arena_strdup(arc_layers_arena(p), arc_net_plan_id(net));
    if (!p->plan_id)
        ARC_TRY(arc_fail_nomem(err, "the plan's name"));
    if (alone)
        ARC_TRY(time_steps(alone, in, one_thread, &alone_count, err));
    st = set_steps(p, model->graph, roof, layers, alone ? one_thread : NULL, count, err);
done:
    arc_mem_free(&ctx->alloc, one_thread);
    arc_mem_free(&ctx->alloc, layers);
    return st;
}

double arc_bench_peak(const arc_context *ctx, bool int8, const arc_roofline *roof) {
    return int8 ? roof->int8_gops : arc_context_precision(ctx) == ARC_PRECISION_BF16 ? roof->bf16_gflops : roof->fp32_gflops;
}

arc_status arc_bench_count(arc_context *ctx, const arc_model *model, const arc_bench_input *in, arc_flops_convention convention,
                           arc_profile **out, arc_error *err) {
    const int64_t piece = arc_net_piece(model, in->dim[0]);
    const arc_shape input[2] = {{.rank = 4, .dim = {piece, in->dim[1], in->dim[2], in->dim[3]}},
                                arc_model_points_shape(model, piece)};
    const arc_status st = arc_layers_count(ctx, model, arc_model_takes_picture(model) ? input : NULL, convention, out, err);
    if (st == ARC_OK)
        (*out)->pieces = (int)((in->dim[0] + piece - 1) / piece);
    return st;
}

/* ---- a model --------------------------------------------------------------------------------------------------------------- */

void arc_profile_options_default(arc_profile_options *opt) {
    *opt = (arc_profile_options){.struct_size = sizeof *opt, .batch = 1, .size_px = 640, .timed = true};
}

static arc_status check_options(const arc_profile_options *o, arc_error *err) {
    if ((unsigned)o->convention >= ARC_FLOPS_CONVENTIONS)
        return arc_fail(err, ARC_EINVAL, "convention %d: must be 0 to %d", (int)o->convention, ARC_FLOPS_CONVENTIONS - 1);
    if (o->batch < 1 || o->batch > 4096)
        return arc_fail(err, ARC_EINVAL, "batch %d: must be 1 to 4096", o->batch);
    if (o->size_px < 8 || o->size_px > 8192)
        return arc_fail(err, ARC_EINVAL, "size_px %d: must be 8 to 8192", o->size_px);
    return ARC_OK;
}

static arc_status add_times(arc_context *ctx, const arc_model *model, const arc_profile_options *o, const arc_bench_input *in,
                            arc_profile *p, arc_error *err) {
    arc_status st;
    arc_roofline roof;
    arc_net *net = NULL, *alone = NULL;
    arc_execution one_thread = arc_execution_of(ctx);
    one_thread.pool = NULL;
    ARC_TRY(arc_net_new(ctx, model, &net, err));
    if (o->one_thread && arc_context_threads(ctx) > 1)
        ARC_TRY(arc_net_new_on(&one_thread, model, &alone, err));
    if (o->roofline)
        roof = *o->roofline;
    else
        ARC_TRY(arc_roofline_measure(ctx, &roof, err));
    st = arc_bench_time(ctx, model, net, alone, in, &roof, p, err);
done:
    arc_net_free(&alone);
    arc_net_free(&net);
    return st;
}

arc_status arc_profile_model(arc_context *ctx, const arc_model *model, const arc_profile_options *opt, arc_profile **out,
                             arc_error *err) {
    arc_profile_options o;
    arc_bench_input in;
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_profile_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_profile_options_default(&o);
    o = opt ? *opt : o;
    arc_status st = check_options(&o, err);
    if (st != ARC_OK)
        return st;
    const arc_shape *fixed = &model->graph->value[model->graph->input[0]].shape;
    const int batch = fixed->rank == 4 && fixed->dim[0] > 0 && fixed->dim[0] <= 4096 ? (int)fixed->dim[0] : o.batch;
    st = arc_bench_input_new(ctx, model, batch, o.size_px, &in, err);
    if (st == ARC_OK)
        st = arc_bench_count(ctx, model, &in, o.convention, out, err);
    if (st == ARC_OK && o.timed)
        st = add_times(ctx, model, &o, &in, *out, err);
    if (st != ARC_OK)
        arc_profile_free(ctx, out);
    arc_bench_input_free(ctx, &in);
    return st;
}
