/* What a device's arithmetic does to a model: the exported network in the device's numbers, run beside the model. */
#include "deploy/parity/parity.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HELD_OUT 5 /* every so many-th crop is measured with and not calibrated on */

typedef struct simulating {
    arc_context *ctx;
    const arc_model *model;
    const arc_image *crop;
    int crops;
    const arc_simulate_options *opt;
    arc_simulation *out;
    arc_deploy_writer writer;
    arc_contract contract; /* of the exported network */
    arc_seen *seen;        /* [values] in float32 */
    bool *border;          /* [values] */
    const char **layer;    /* [values] the layer that gives it */
    bool *calibrates;      /* [crops] */
    int values;
    int64_t done, total;
} simulating;

void arc_simulate_options_default(arc_simulate_options *opt) {
    *opt = (arc_simulate_options){.struct_size = sizeof *opt};
}

static arc_status advance(void *arg, arc_error *err) {
    simulating *s = arg;
    s->done++;
    if (s->opt->progress && s->opt->progress(s->opt->progress_ctx, s->done, ARC_MAX(s->total, s->done)) != 0)
        return arc_fail(err, ARC_ECANCEL, "the simulation was cancelled");
    return ARC_OK;
}

static arc_status check(const arc_model *model, const arc_image *crops, int count, const arc_simulate_options *opt,
                        arc_error *err) {
    arc_status st;
    ARC_TRY(ARC_CHECK_OPTIONS(arc_simulate_options, opt, err));
    if (opt)
        ARC_TRY(ARC_CHECK_OPTIONS(arc_quantize_gate, opt->gate, err));
    if (opt && ((int)opt->device < 0 || opt->device > ARC_SIMULATE_RVC4_INT16))
        ARC_TRY(arc_fail(err, ARC_EINVAL, "device %d: rvc2, rvc4-int8 and rvc4-int16 are simulated", (int)opt->device));
    if (arc_model_contract(model)->task != ARC_TASK_EMBED)
        ARC_TRY(arc_fail(err, ARC_EUNSUPPORTED, "%s makes no embeddings: only embedders are simulated",
                         model->path ? model->path : "the model"));
    if (arc_model_is_int8(model->graph))
        ARC_TRY(arc_fail(err, ARC_EUNSUPPORTED, "%s is in 8 bits already: simulate the float32 model that it was made from",
                         model->path ? model->path : "the model"));
    ARC_TRY(arc_crops_check(model, crops, count, err));
done:
    return st;
}

/* ---- the network ---- */

static arc_status take_room(simulating *s, arc_error *err) {
    const arc_graph *g = s->writer.g;
    const arc_alloc *a = &s->ctx->alloc;
    s->values = g->values;
    s->seen = arc_mem_new(a, (size_t)g->values, sizeof *s->seen);
    s->border = arc_mem_new(a, (size_t)g->values, sizeof *s->border);
    s->layer = arc_mem_new(a, (size_t)g->values, sizeof *s->layer);
    if (!s->seen || !s->border || !s->layer)
        return arc_fail_nomem(err, "a simulation");
    for (int i = 0; i < g->nodes; i++)
        for (int k = 0; k < g->node[i].outputs; k++)
            if (g->node[i].output[k] >= 0)
                s->layer[g->node[i].output[k]] = *g->node[i].name ? g->node[i].name : g->value[g->node[i].output[k]].name;
    return ARC_OK;
}

static arc_status watch(simulating *s, const bool *wanted, const bool *value, arc_seen *seen, arc_error *err) {
    arc_crop_pictures pictures = {s->ctx, &s->contract, s->crop};
    const arc_crop_source source = {.ctx = &pictures, .count = s->crops, .get = arc_crop_tensor};
    const arc_watch_run run = {.crops = &source, .wanted = wanted, .value = value, .advance = advance, .arg = s};
    return arc_watch(s->ctx, s->writer.g, &run, seen, err);
}

static void tell_range(simulating *s) {
    for (int v = 0; v < s->values; v++) {
        const double size = fmax((double)s->seen[v].most, -(double)s->seen[v].least);
        s->out->tensors += s->border[v];
        if (s->border[v] && s->layer[v] && size > s->out->largest) {
            s->out->largest = size;
            snprintf(s->out->largest_layer, sizeof s->out->largest_layer, "%s", s->layer[v]);
        }
    }
}

/* Which layers give what half precision cannot hold. */
static arc_status find_overflow(simulating *s, arc_error *err) {
    const arc_graph *g = s->writer.g;
    arc_seen *seen = arc_mem_new(&s->ctx->alloc, (size_t)g->values, sizeof *seen);
    bool *value = arc_mem_new(&s->ctx->alloc, (size_t)g->values, sizeof *value);
    arc_status st = seen && value ? ARC_OK : arc_fail_nomem(err, "a simulation");
    for (int v = 0; st == ARC_OK && v < s->values; v++)
        value[v] = s->border[v];
    if (st == ARC_OK)
        st = watch(s, NULL, value, seen, err);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        for (int k = 0; k < g->node[i].outputs; k++) {
            const int v = g->node[i].output[k];
            if (v < 0 || v >= s->values || !s->border[v] || seen[v].odd == 0)
                continue;
            const int at = s->out->overflows++;
            if (at >= ARC_SIMULATION_MAX_LAYERS)
                continue;
            s->out->overflow[at] = (arc_overflow){.numbers = seen[v].odd, .crops = seen[v].odd_crops};
            snprintf(s->out->overflow[at].layer, sizeof s->out->overflow[at].layer, "%s", s->layer[v]);
        }
    arc_mem_free(&s->ctx->alloc, seen);
    arc_mem_free(&s->ctx->alloc, value);
    return st;
}

static arc_status build(simulating *s, arc_error *err) {
    arc_status st;
    arc_export_options opt;
    arc_export_report report;
    const bool half = s->opt->device == ARC_SIMULATE_RVC2;
    arc_export_options_default(&opt);
    ARC_TRY(arc_deploy_export(s->ctx, s->model, &opt, &s->writer, &report, err));
    s->contract = s->model->contract;
    s->contract.bgr = true;
    for (int i = 0; i < 3; i++) {
        s->contract.mean[i] = 0;
        s->contract.scale[i] = 1;
    }
    ARC_TRY(arc_rounded_fold(&s->writer, err));
    ARC_TRY(take_room(s, err));
    ARC_TRY(watch(s, half ? NULL : s->calibrates, NULL, s->seen, err));
    arc_rounded_borders(s->writer.g, s->seen, s->border);
    tell_range(s);
    ARC_TRY(arc_rounded_write(&s->writer, s->opt->device, s->seen, s->border, err));
    if (half)
        ARC_TRY(find_overflow(s, err));
done:
    return st;
}

static arc_status wrap(simulating *s, arc_model **out, arc_error *err) {
    arc_model *m = arc_mem_new(&s->ctx->alloc, 1, sizeof *m);
    if (!m)
        return arc_fail_nomem(err, "a simulated model");
    *m = (arc_model){.alloc = s->ctx->alloc, .graph = s->writer.g, .contract = s->contract};
    s->writer.g = NULL;
    *out = m;
    return ARC_OK;
}

/* ---- measuring ---- */

/* Embeddings of the crops that are measured with; *finite: all of them are. What is not finite is NaN. */
static arc_status embed(simulating *s, const arc_model *model, bool may_overflow, float *rows, bool *finite, arc_error *err) {
    arc_embedder *embedder = NULL;
    const size_t dim = (size_t)s->out->parity.dim;
    arc_status st = arc_embedder_new(s->ctx, model, &embedder, err);
    for (int i = 0; st == ARC_OK && i < s->crops; i++) {
        if (s->calibrates[i])
            continue;
        st = arc_embed_crops(embedder, &s->crop[i], 1, false, rows, err);
        if (st == ARC_ECORRUPT && may_overflow) {
            for (size_t k = 0; k < dim; k++)
                rows[k] = NAN;
            *finite = false;
            st = ARC_OK;
        }
        rows += dim;
        if (st == ARC_OK)
            st = advance(s, err);
    }
    arc_embedder_free(&embedder);
    return st;
}

static arc_status measure(simulating *s, const arc_model *simulated, arc_error *err) {
    static const char *const stages[] = {"pairs, rvc2", "pairs, rvc4-int8", "pairs, rvc4-int16"};
    arc_status st;
    arc_parity *p = &s->out->parity;
    const arc_quantize_gate *gate = s->opt->gate;
    const int rows = s->crops - s->out->calibrated;
    bool finite = true;
    p->dim = s->model->contract.dim;
    float *both = arc_mem_raw(&s->ctx->alloc, 2 * (size_t)rows * (size_t)p->dim, sizeof *both);
    if (!both)
        ARC_TRY(arc_fail_nomem(err, "embeddings"));
    float *other = both + (size_t)rows * (size_t)p->dim;
    ARC_TRY(embed(s, s->model, false, both, &finite, err));
    ARC_TRY(embed(s, simulated, true, other, &finite, err));
    ARC_TRY(arc_parity_cosines_of(s->ctx, both, other, rows, p->dim, &p->cosine, err));
    for (int i = 0, row = 0; i < s->crops; i++)
        if (!s->calibrates[i] && row++ == p->cosine.worst)
            snprintf(p->worst, sizeof p->worst, "crop %d", i);
    if (gate && gate->images && gate->pairs && finite) {
        ARC_TRY(arc_quantize_verify(s->ctx, s->model, gate, "pairs, float32", &p->before, err));
        ARC_TRY(arc_quantize_verify(s->ctx, simulated, gate, stages[s->opt->device], &p->after, err));
        p->verified = true;
    }
    arc_parity_judge(p, gate);
done:
    arc_mem_free(&s->ctx->alloc, both);
    return st;
}

/* ---- whole ---- */

/* As quantizing holds crops out; half precision has nothing to calibrate. */
static arc_status choose_crops(simulating *s, arc_error *err) {
    const bool half = s->opt->device == ARC_SIMULATE_RVC2;
    s->calibrates = arc_mem_new(&s->ctx->alloc, (size_t)s->crops, sizeof *s->calibrates);
    if (!s->calibrates)
        return arc_fail_nomem(err, "a simulation");
    for (int i = 0; i < s->crops && !half; i++) {
        const bool held = i % HELD_OUT == HELD_OUT - 1 || (s->crops < HELD_OUT && i == s->crops - 1);
        s->calibrates[i] = !held;
        s->out->calibrated += !held;
    }
    s->total = half ? 4 * (int64_t)s->crops : s->out->calibrated + 2 * (int64_t)(s->crops - s->out->calibrated);
    return ARC_OK;
}

arc_status arc_parity_simulate(arc_context *ctx, const arc_model *model, const arc_image *crops, int count,
                               const arc_simulate_options *opt, arc_model **simulated, arc_simulation *out, arc_error *err) {
    arc_simulate_options own;
    arc_model *made = NULL;
    simulating s = {.ctx = ctx, .model = model, .crop = crops, .crops = count, .out = out};
    *out = (arc_simulation){0};
    if (simulated)
        *simulated = NULL;
    arc_status st = check(model, crops, count, opt, err);
    if (st != ARC_OK)
        return st;
    arc_simulate_options_default(&own);
    s.opt = opt ? opt : &own;
    out->device = s.opt->device;
    ARC_TRY(choose_crops(&s, err));
    ARC_TRY(build(&s, err));
    ARC_TRY(wrap(&s, &made, err));
    ARC_TRY(measure(&s, made, err));
    if (simulated) {
        *simulated = made;
        made = NULL;
    }
done:
    arc_model_free(&made);
    arc_deploy_writer_close(&s.writer);
    arc_mem_free(&ctx->alloc, s.seen);
    arc_mem_free(&ctx->alloc, s.border);
    arc_mem_free(&ctx->alloc, (void *)(uintptr_t)s.layer);
    arc_mem_free(&ctx->alloc, s.calibrates);
    return st;
}
