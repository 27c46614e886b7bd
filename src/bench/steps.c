/* Where a network's time goes: every step of its plan, beside the least that it could take here. */
#include "bench/bench_internal.h"
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

/* The products that the algorithm makes, at the measured peak, or its weights at the speed of memory. */
static double floor_ms(const arc_roofline *roof, const arc_layer_time *l, bool weights_stream) {
    const double peak = is_int8(l) ? roof->int8_gops : strstr(l->algorithm, "bf16") ? roof->bf16_gflops : roof->fp32_gflops;
    const double products = 2e-6 * (double)l->macs * winograd_share(l, false) / peak;
    const double weights = weights_stream ? 1e-6 * weight_bytes(l) / roof->read_gb_s : 0;
    return products > weights ? products : weights;
}

/* The texts of a layer belong to its network until the next run: the arena gets them. */
static bool keep_texts(arc_arena *arena, arc_layer_time *l) {
    const char **text[] = {&l->op, &l->name, &l->algorithm, &l->schedule};
    for (size_t i = 0; i < ARC_COUNT(text); i++) {
        *text[i] = arc_arena_strdup(arena, *text[i]);
        if (!*text[i])
            return false;
    }
    return true;
}

static arc_status fill(const arc_roofline *roof, const arc_layer_time *layers, const arc_layer_time *alone, arc_arena *arena,
                       arc_bench_run *run, arc_error *err) {
    double weights = 0;
    run->step = arc_arena_new(arena, (size_t)ARC_MAX(run->steps, 1), sizeof *run->step);
    if (!run->step)
        return arc_fail_nomem(err, "the steps");
    for (int i = 0; i < run->steps; i++)
        weights += weight_bytes(&layers[i]);
    for (int i = 0; i < run->steps; i++) {
        run->step[i] = (arc_bench_step){.layer = layers[i],
                                        .one_thread_ms = alone[i].ms,
                                        .floor_ms = floor_ms(roof, &layers[i], weights > CACHED_WEIGHT_BYTES)};
        if (!keep_texts(arena, &run->step[i].layer))
            return arc_fail_nomem(err, "the steps");
    }
    return ARC_OK;
}

arc_status arc_bench_steps(const arc_roofline *roof, arc_net *net, arc_net *alone, const float *input, const int64_t dim[4],
                           arc_arena *arena, arc_bench_run *run, arc_error *err) {
    arc_status st;
    int count, alone_count;
    arc_layer_time *layers = arc_mem_new(arena->alloc, MAX_STEPS, sizeof *layers);
    arc_layer_time *one_thread = arc_mem_new(arena->alloc, MAX_STEPS, sizeof *one_thread);
    if (!layers || !one_thread) {
        st = arc_fail_nomem(err, "the steps");
        goto done;
    }
    ARC_TRY(arc_net_profile(net, input, dim, ROUNDS, layers, MAX_STEPS, &count, err));
    if (alone)
        ARC_TRY(arc_net_profile(alone, input, dim, ROUNDS, one_thread, MAX_STEPS, &alone_count, err));
    run->steps = ARC_MIN(count, MAX_STEPS);
    st = fill(roof, layers, one_thread, arena, run, err);
done:
    arc_mem_free(arena->alloc, one_thread);
    arc_mem_free(arena->alloc, layers);
    return st;
}
