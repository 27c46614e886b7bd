/* How fast a network runs: loading, batch after batch, and with `steps` where the time goes (profile.c). describe.c makes
 * text of it. */
#include "bench/bench_internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RUNS 100000
#define MAX_BATCH 4096
#define WARM_UP_RUNS 3

/* The bench with what owns its texts and arrays. */
typedef struct box {
    arc_bench b;
    arc_arena arena;
} box;

void arc_bench_options_default(arc_bench_options *opt) {
    static const int batches[] = {1, 8};
    *opt = (arc_bench_options){
        .struct_size = sizeof *opt, .batches = batches, .batch_count = ARC_COUNT(batches), .seconds = 5, .size_px = 640};
}

void arc_bench_free(arc_context *ctx, arc_bench **bench) {
    if (!bench || !*bench)
        return;
    box *owner = (*bench)->memory;
    for (int i = 0; i < (*bench)->runs; i++)
        arc_profile_free(ctx, &(*bench)->run[i].profile);
    *bench = NULL;
    arc_arena_free(&owner->arena);
    arc_mem_free(&ctx->alloc, owner);
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double ms_since(uint64_t start_ns) {
    return (double)(arc_clock_ns() - start_ns) * 1e-6;
}

static arc_status time_runs(arc_net *net, const arc_bench_input *in, double seconds, double ms[MAX_RUNS], arc_bench_run *run,
                            arc_error *err) {
    arc_status st;
    for (int i = 0; i < WARM_UP_RUNS; i++) {
        const uint64_t from = arc_clock_ns();
        ARC_TRY(arc_bench_run_once(net, in, err));
        if (i == 0)
            run->first_ms = ms_since(from);
    }
    const double joules = arc_energy_joules();
    const uint64_t begin = arc_clock_ns();
    while (run->runs < MAX_RUNS && (run->runs < 3 || ms_since(begin) < seconds * 1e3)) {
        const uint64_t from = arc_clock_ns();
        ARC_TRY(arc_bench_run_once(net, in, err));
        ms[run->runs++] = ms_since(from);
    }
    const double spent = arc_energy_joules() - joules;
    run->joules_per_image = joules >= 0 && spent >= 0 ? spent / run->runs / run->batch : -1;
    qsort(ms, (size_t)run->runs, sizeof *ms, by_value);
    run->min_ms = ms[0];
    run->median_ms = ms[run->runs / 2];
    run->p99_ms = ms[(run->runs * 99 + 99) / 100 - 1];
done:
    return st;
}

static arc_status time_batch(arc_context *ctx, box *owner, const arc_bench_options *opt, const arc_model *model, arc_net *net,
                             arc_net *alone, arc_bench_run *run, arc_error *err) {
    arc_status st;
    const arc_bench *b = &owner->b;
    arc_bench_input in = {0};
    double *ms = arc_mem_new(&ctx->alloc, MAX_RUNS, sizeof *ms);
    if (!ms)
        return arc_fail_nomem(err, "timing a network");
    ARC_TRY(arc_bench_input_new(ctx, model, run->batch, opt->size_px, &in, err));
    ARC_TRY(time_runs(net, &in, opt->seconds, ms, run, err));
    run->images_per_s = run->batch * 1e3 / run->median_ms;
    run->direct_gflops = (double)b->flops * run->images_per_s * 1e-9;
    run->peak_bytes = arc_peak_memory_bytes();
    run->plan_id = arc_arena_strdup(&owner->arena, arc_net_plan_id(net));
    if (!run->plan_id)
        st = arc_fail_nomem(err, "the plan's name");
    else if (opt->steps)
        st = arc_bench_count(ctx, model, &in, ARC_FLOPS_ARCFACE, &run->profile, err);
    if (st == ARC_OK && opt->steps)
        st = arc_bench_time(ctx, model, net, alone, &in, &b->roofline, run->profile, err);
done:
    arc_bench_input_free(ctx, &in);
    arc_mem_free(&ctx->alloc, ms);
    return st;
}

/* What is known of the network before it runs. */
static arc_status fill_facts(arc_context *ctx, const arc_model *model, int size_px, arc_bench *b, arc_error *err) {
    arc_model_facts facts;
    const arc_contract *contract = arc_model_contract(model);
    const arc_status st = arc_model_facts_get(ctx, model, &facts, err);
    if (st != ARC_OK)
        return st;
    b->macs = facts.macs;
    b->flops = facts.flops;
    b->precision = facts.int8 ? "int8" : arc_precision_name(arc_context_precision(ctx));
    b->isa = arc_context_isa(ctx);
    b->threads = arc_context_threads(ctx);
    b->peak_gflops = arc_bench_peak(ctx, facts.int8, &b->roofline);
    b->height_px = contract->input_height_px ? contract->input_height_px : size_px;
    b->width_px = contract->input_width_px ? contract->input_width_px : size_px;
    return ARC_OK;
}

static arc_status time_network(arc_context *ctx, const char *path_or_name, const arc_bench_options *opt, box *owner,
                               arc_error *err) {
    arc_status st;
    arc_bench *b = &owner->b;
    arc_model *model = NULL;
    arc_net *net = NULL, *alone = NULL;
    arc_execution one_thread = arc_execution_of(ctx);
    one_thread.pool = NULL;
    arc_peak_memory_reset(); /* measuring the memory's speed took 256 MB that are not the network's */
    const uint64_t begin = arc_clock_ns();
    ARC_TRY(arc_model_load(ctx, path_or_name, ARC_TASK_UNKNOWN, NULL, &model, err));
    b->load_ms = ms_since(begin);
    ARC_TRY(fill_facts(ctx, model, opt->size_px, b, err));
    ARC_TRY(arc_net_new(ctx, model, &net, err));
    if (opt->steps && b->threads > 1)
        ARC_TRY(arc_net_new_on(&one_thread, model, &alone, err));
    for (; b->runs < opt->batch_count; b->runs++) {
        b->run[b->runs].batch = opt->batches[b->runs];
        ARC_TRY(time_batch(ctx, owner, opt, model, net, alone, &b->run[b->runs], err));
    }
    b->peak_bytes = arc_peak_memory_bytes();
done:
    arc_net_free(&alone);
    arc_net_free(&net);
    arc_model_free(&model);
    return st;
}

static arc_status check_options(const arc_bench_options *opt, arc_error *err) {
    if (opt->batch_count < 1 || !opt->batches)
        return arc_fail(err, ARC_EINVAL, "a bench needs at least one batch size");
    for (int i = 0; i < opt->batch_count; i++)
        if (opt->batches[i] < 1 || opt->batches[i] > MAX_BATCH)
            return arc_fail(err, ARC_EINVAL, "batch %d: must be 1 to %d", opt->batches[i], MAX_BATCH);
    if (!isfinite(opt->seconds) || opt->seconds < 0)
        return arc_fail(err, ARC_EINVAL, "seconds %g: must be 0 or more", opt->seconds);
    if (opt->size_px < 8 || opt->size_px > 8192)
        return arc_fail(err, ARC_EINVAL, "size_px %d: must be 8 to 8192", opt->size_px);
    return ARC_OK;
}

arc_status arc_bench_model(arc_context *ctx, const char *path_or_name, const arc_bench_options *opt, arc_bench **out,
                           arc_error *err) {
    arc_status st;
    arc_bench_options o;
    box *owner = NULL;
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_bench_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_bench_options_default(&o);
    o = opt ? *opt : o;
    ARC_TRY(check_options(&o, err));
    owner = arc_mem_new(&ctx->alloc, 1, sizeof *owner);
    if (!owner)
        return arc_fail_nomem(err, "the bench");
    arc_arena_init(&owner->arena, &ctx->alloc, 0);
    arc_bench *b = &owner->b;
    b->memory = owner;
    b->model = arc_arena_strdup(&owner->arena, path_or_name);
    b->run = arc_arena_new(&owner->arena, (size_t)o.batch_count, sizeof *b->run);
    if (!b->model || !b->run)
        st = arc_fail_nomem(err, "the bench");
    else if (o.roofline)
        b->roofline = *o.roofline;
    else
        st = arc_roofline_measure(ctx, &b->roofline, err);
    if (st == ARC_OK)
        st = time_network(ctx, path_or_name, &o, owner, err);
    *out = b;
    if (st != ARC_OK)
        arc_bench_free(ctx, out);
done:
    return st;
}
