/* Throughput as the model zoo of OAK states it (modelconverter's benchmark: two inferences in flight, one resident tensor of
 * random numbers, 20 seconds): nothing is decoded, copied or waited for, and it is not the inverse of a latency. */
#include "base/text.h"
#include "bench/bench_internal.h"
#include <math.h>
#include <stdio.h>

#define IN_FLIGHT 2
#define WARM_UP_RUNS 3

typedef struct lane {
    arc_net *net;
    int64_t runs;
    uint64_t busy_ns; /* all its runs together */
    arc_status st;
    arc_error err;
} lane;

typedef struct flight {
    lane lane[IN_FLIGHT];
    const float *input;
    int64_t dim[4];
    double seconds;
    uint64_t begin_ns;
} flight;

/* One lane: runs until the time is over, at least once. */
static void fly(void *arg, size_t begin, size_t end, int thread) {
    flight *f = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        lane *l = &f->lane[i];
        do {
            const uint64_t from = arc_clock_ns();
            l->st = arc_net_run(l->net, f->input, f->dim, &l->err);
            l->busy_ns += arc_clock_ns() - from;
            l->runs += l->st == ARC_OK;
        } while (l->st == ARC_OK && (double)(arc_clock_ns() - f->begin_ns) * 1e-9 < f->seconds);
    }
}

static arc_status open_lanes(arc_context *ctx, const arc_model *model, flight *f, arc_error *err) {
    arc_status st = ARC_OK;
    arc_execution one_thread = arc_execution_of(ctx);
    one_thread.pool = NULL;
    for (int i = 0; st == ARC_OK && i < IN_FLIGHT; i++) {
        st = arc_net_new_on(&one_thread, model, &f->lane[i].net, err);
        for (int k = 0; st == ARC_OK && k < WARM_UP_RUNS; k++)
            st = arc_net_run(f->lane[i].net, f->input, f->dim, err);
    }
    return st;
}

static arc_status time_lanes(arc_context *ctx, flight *f, arc_bench_card *out, arc_error *err) {
    int64_t runs = 0;
    uint64_t busy = 0;
    f->begin_ns = arc_clock_ns();
    arc_pool_run(ctx->pool, IN_FLIGHT, 0, fly, f); /* a lane is a thread's own */
    const double seconds = (double)(arc_clock_ns() - f->begin_ns) * 1e-9;
    for (int i = 0; i < IN_FLIGHT; i++) {
        if (f->lane[i].st != ARC_OK)
            return arc_fail(err, f->lane[i].st, "%s", f->lane[i].err.text);
        runs += f->lane[i].runs;
        busy += f->lane[i].busy_ns;
    }
    out->inferences = runs;
    out->seconds = seconds;
    out->fps = (double)runs / seconds;
    out->latency_ms = (double)busy * 1e-6 / (double)runs;
    return ARC_OK;
}

arc_status arc_bench_card_model(arc_context *ctx, const arc_model *model, double seconds, int size_px, arc_bench_card *out,
                                arc_error *err) {
    arc_status st;
    flight f = {.seconds = seconds};
    float *input = NULL;
    arc_model_facts facts;
    *out = (arc_bench_card){0};
    if (arc_context_threads(ctx) < IN_FLIGHT)
        return arc_fail(err, ARC_EINVAL, "two inferences in flight need a context of two threads");
    if (!isfinite(seconds) || seconds < 0 || size_px < 8 || size_px > 8192)
        return arc_fail(err, ARC_EINVAL, "seconds %g, size_px %d: must be 0 or more, and 8 to 8192", seconds, size_px);
    const arc_contract *c = arc_model_contract(model);
    const int64_t dim[4] = {1, 3, c->input_height_px ? c->input_height_px : size_px,
                            c->input_width_px ? c->input_width_px : size_px};
    const size_t count = (size_t)(dim[1] * dim[2] * dim[3]);
    for (int i = 0; i < 4; i++)
        f.dim[i] = dim[i];
    if (!(input = arc_mem_raw(&ctx->alloc, count, sizeof *input)))
        return arc_fail_nomem(err, "a tensor of noise");
    arc_rng rng;
    arc_rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < count; i++)
        input[i] = arc_rng_uniform(&rng) * 2 - 1;
    f.input = input;
    ARC_TRY(arc_model_facts_get(ctx, model, &facts, err));
    ARC_TRY(open_lanes(ctx, model, &f, err));
    ARC_TRY(time_lanes(ctx, &f, out, err));
    out->precision = facts.int8 ? "int8" : arc_precision_name(arc_context_precision(ctx));
    out->isa = arc_context_isa(ctx);
    arc_processor_name(out->processor, sizeof out->processor);
    snprintf(out->sha256, sizeof out->sha256, "%s", facts.sha256);
done:
    for (int i = 0; i < IN_FLIGHT; i++)
        arc_net_free(&f.lane[i].net);
    arc_mem_free(&ctx->alloc, input);
    return st;
}

arc_status arc_bench_card_describe(arc_context *ctx, const arc_bench_card *card, const char *model, bool json, char **text,
                                   arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json) {
        arc_text_add(&t, "{\"model\": ");
        arc_text_quote(&t, model);
        arc_text_add(
            &t,
            ", \"isa\": \"%s\", \"precision\": \"%s\", \"threads\": %d, \"in_flight\": %d, \"seconds\": %.2f, \"inferences\": "
            "%lld, \"fps\": %.2f, \"latency_ms\": %.3f, \"processor\": ",
            card->isa, card->precision, IN_FLIGHT, IN_FLIGHT, card->seconds, (long long)card->inferences, card->fps,
            card->latency_ms);
        arc_text_quote(&t, card->processor);
        arc_text_add(&t, ", \"sha256\": \"%s\"}\n", card->sha256);
    } else {
        arc_text_add(&t, "%-5s %10.2f FPS %10.3f ms latency   %s, %d threads, %d in flight, %.1f s, %lld inferences of %s\n",
                     card->precision, card->fps, card->latency_ms, card->isa, IN_FLIGHT, IN_FLIGHT, card->seconds,
                     (long long)card->inferences, model);
    }
    return arc_text_end(&t, text, err);
}
