/* Whether an 8-bit model may take the place of the float32 one: pairs verified with both, how fast both are, and the verdict,
 * which is also that on other arithmetic (deploy/parity). */
#include "base/base.h"
#include "quantize/quantize.h"
#include <arcface/evaluate.h>
#include <arcface/face.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEED_SECONDS 3.0
#define SPEED_ROUNDS 400
#define SPEED_MIN_ROUNDS 5
#define WARM_UP_RUNS 6

/* ---- speed ---- */

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int count) {
    qsort(x, (size_t)count, sizeof *x, by_value);
    return x[count / 2];
}

/* ms: [2][SPEED_ROUNDS] */
static arc_status take_turns(arc_net *const net[2], const float *input, const int64_t dim[4], double *ms, int *rounds,
                             arc_error *err) {
    arc_status st = ARC_OK;
    for (int i = 0; i < WARM_UP_RUNS && st == ARC_OK; i++)
        st = arc_net_run(net[i % 2], input, dim, err);
    const uint64_t begin = arc_clock_ns();
    for (*rounds = 0; st == ARC_OK && *rounds < SPEED_ROUNDS; ++*rounds) {
        if (*rounds >= SPEED_MIN_ROUNDS && (double)(arc_clock_ns() - begin) > SPEED_SECONDS * 1e9)
            break;
        for (int k = 0; k < 2 && st == ARC_OK; k++) {
            const uint64_t from = arc_clock_ns();
            st = arc_net_run(net[k], input, dim, err);
            ms[k * SPEED_ROUNDS + *rounds] = (double)(arc_clock_ns() - from) * 1e-6;
        }
    }
    return st;
}

static arc_status measure(arc_context *ctx, const arc_model *model, const arc_model *int8, arc_quantize_outcome *o,
                          arc_error *err) {
    int width, height, rounds;
    arc_net *net[2] = {NULL, NULL};
    arc_template_get(arc_model_contract(model)->align, &width, &height, NULL);
    const int64_t dim[4] = {1, 3, height, width};
    float *input = arc_mem_new(&ctx->alloc, (size_t)(3 * height * width), sizeof *input);
    double *ms = arc_mem_new(&ctx->alloc, (size_t)2 * SPEED_ROUNDS, sizeof *ms);
    arc_status st = input && ms ? arc_net_new(ctx, model, &net[0], err) : arc_fail_nomem(err, "the image to time with");
    if (st == ARC_OK)
        st = arc_net_new(ctx, int8, &net[1], err);
    if (st == ARC_OK)
        st = take_turns(net, input, dim, ms, &rounds, err);
    if (st == ARC_OK) {
        o->fp32_ms = median(ms, rounds);
        o->int8_ms = median(ms + SPEED_ROUNDS, rounds);
    }
    arc_net_free(&net[0]);
    arc_net_free(&net[1]);
    arc_mem_free(&ctx->alloc, ms);
    arc_mem_free(&ctx->alloc, input);
    return st;
}

/* ---- pairs ---- */

typedef struct stage {
    const arc_quantize_gate *gate;
    const char *name;
} stage;

static int forward(void *ctx, int64_t done, int64_t total) {
    const stage *s = ctx;
    return s->gate->progress(s->gate->progress_ctx, s->name, done, total);
}

arc_status arc_quantize_verify(arc_context *ctx, const arc_model *model, const arc_quantize_gate *gate, const char *name,
                               arc_verification *out, arc_error *err) {
    stage s = {gate, name};
    arc_evaluate_options opt;
    arc_evaluation *e = NULL;
    arc_evaluate_options_default(&opt);
    opt.strict = true;
    opt.checks = false;
    opt.bootstrap = 0;
    opt.progress = gate->progress ? forward : NULL;
    opt.progress_ctx = &s;
    const arc_status st = arc_evaluate_pairs(ctx, model, gate->images, gate->pairs, &opt, &e, err);
    if (st == ARC_OK)
        *out = e->verification;
    arc_evaluation_free(ctx, &e);
    return st;
}

/* ---- verdict ---- */

void arc_quantize_verdict(const arc_quantize_case *c, const arc_quantize_gate *g, char refused[ARC_REFUSED_BYTES]) {
    const double drop = c->before ? 100 * (c->before->accuracy - c->after->accuracy) : 0,
                 tar_drop = c->before ? 100 * (c->before->tar - c->after->tar) : 0;
    *refused = '\0';
    if (!(c->mean_cosine >= g->min_cosine))
        snprintf(refused, ARC_REFUSED_BYTES, "the mean cosine to float32 is %.5f, below %g (min-cosine)", c->mean_cosine,
                 g->min_cosine);
    else if (!(c->low_cosine >= g->min_low_cosine))
        snprintf(refused, ARC_REFUSED_BYTES, "the 1st percentile of the cosine to float32 is %.5f, below %g (min-low-cosine)",
                 c->low_cosine, g->min_low_cosine);
    else if (!(drop <= g->max_drop + 1e-9))
        snprintf(refused, ARC_REFUSED_BYTES, "accuracy falls by %.3f points, more than %g (max-drop)", drop, g->max_drop);
    else if (!(tar_drop <= g->max_tar_drop + 1e-9))
        snprintf(refused, ARC_REFUSED_BYTES, "TAR@FAR=1e-3 falls by %.3f points, more than %g (max-tar-drop)", tar_drop,
                 g->max_tar_drop);
}

void arc_quantize_judge(arc_quantize_outcome *o, const arc_quantize_gate *g) {
    const arc_quantize_case c = {.mean_cosine = o->report.mean_cosine,
                                 .low_cosine = o->report.low_cosine,
                                 .before = o->verified ? &o->before : NULL,
                                 .after = o->verified ? &o->after : NULL};
    o->min_cosine = g->min_cosine;
    o->min_low_cosine = g->min_low_cosine;
    arc_quantize_verdict(&c, g, o->refused);
}

void arc_quantize_gate_default(arc_quantize_gate *gate) {
    *gate = (arc_quantize_gate){
        .struct_size = sizeof *gate, .min_cosine = 0.985, .min_low_cosine = 0.95, .max_drop = 0.1, .max_tar_drop = 0.5};
}

arc_status arc_quantize_try(arc_context *ctx, const arc_model *model, const arc_model *int8, const arc_quantize_gate *gate,
                            arc_quantize_outcome *o, arc_error *err) {
    arc_quantize_gate own;
    arc_status st = ARC_CHECK_OPTIONS(arc_quantize_gate, gate, err);
    if (st != ARC_OK)
        return st;
    arc_quantize_gate_default(&own);
    if (!gate)
        gate = &own;
    o->verified = gate->images && gate->pairs;
    if (o->verified)
        st = arc_quantize_verify(ctx, model, gate, "pairs, float32", &o->before, err);
    if (st == ARC_OK && o->verified)
        st = arc_quantize_verify(ctx, int8, gate, "pairs, int8", &o->after, err);
    if (st == ARC_OK)
        st = measure(ctx, model, int8, o, err);
    if (st == ARC_OK)
        arc_quantize_judge(o, gate);
    return st;
}
