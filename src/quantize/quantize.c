/* Quantizing a model: calibration on some crops, which layers stay float32, and what it did to others. */
#include "quantize/quantize.h"
#include <arcface/face.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENSITIVITY_CROPS 16
#define SENSITIVITY_WORK                                                                                                         \
    ((int64_t)100000000000)  /* multiply-adds of a network times its layers, up to which every layer is measured alone */
#define SENSITIVE_LOSS 0.001 /* 1 - mean cosine that one layer may cost */
#define KEPT_SHARE 0.1       /* of the multiply-adds: a larger layer is not kept by itself */
#define LOW_PERCENT 1

void arc_quantize_options_default(arc_quantize_options *opt) {
    *opt = (arc_quantize_options){.struct_size = sizeof *opt, .percentile = 99.99, .held_out = 5};
}

typedef struct watched {
    int value; /* of the source */
    arc_histogram *histogram;
    double *sum; /* [channels], of a layer's input */
    int64_t channels, pixels;
} watched;

typedef struct quantizing {
    arc_context *ctx;
    const arc_model *model;
    const arc_graph *g;
    const arc_crop_source *crops;
    const arc_quantize_options *opt;
    arc_quantize_report *report;
    arc_arena arena;
    arc_shape input;
    arc_quant_layer *layer;
    int layers;
    watched *watch;
    int watches;
    arc_range *range;   /* [values] */
    const float **mean; /* [values] */
    float *tensor;      /* one crop */
    float *reference;   /* [held out][dim] in float32 */
    int *held;          /* crops that are measured with */
    int64_t dim, done, total;
} quantizing;

static arc_status advance(quantizing *q, arc_error *err) {
    q->done++;
    if (q->opt->progress && q->opt->progress(q->opt->progress_ctx, q->done, ARC_MAX(q->total, q->done)) != 0)
        return arc_fail(err, ARC_ECANCEL, "quantizing was cancelled");
    return ARC_OK;
}

static bool is_held(const quantizing *q, int crop) {
    return crop % q->opt->held_out == q->opt->held_out - 1 || (q->crops->count < q->opt->held_out && crop == q->crops->count - 1);
}

/* ---- which layers ---- */

static const char *layer_name(const quantizing *q, const arc_quant_layer *l) {
    const char *name = q->g->node[l->node].name;
    return *name ? name : q->g->value[l->y].name;
}

/* Marks the layers that `keep` names. */
static arc_status keep_named(quantizing *q, arc_error *err) {
    for (const char *at = q->opt->keep; *at;) {
        const size_t n = strcspn(at, ",");
        bool found = n == 0 || (n == 4 && strncmp(at, "none", 4) == 0);
        for (int i = 0; i < q->layers; i++) {
            const char *name = layer_name(q, &q->layer[i]);
            if (strlen(name) != n || strncmp(name, at, n) != 0)
                continue;
            found = true;
            q->layer[i].int8 = false;
        }
        if (!found)
            return arc_fail(err, ARC_EINVAL, "no layer is called '%.*s'; the first is '%s', the last '%s'",
                            (int)ARC_MIN(n, (size_t)100), at, layer_name(q, &q->layer[0]),
                            layer_name(q, &q->layer[q->layers - 1]));
        at += n + (at[n] == ',');
    }
    return ARC_OK;
}

static arc_status choose_layers(quantizing *q, arc_error *err) {
    arc_status st = arc_quant_layers(q->g, &q->layer, &q->layers, err);
    if (st != ARC_OK)
        return st;
    if (q->layers == 0 || q->layers > ARC_QUANTIZE_MAX_LAYERS)
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "the network has %d convolutions and matrix products with float32 weights: 1 to %d can be quantized",
                        q->layers, ARC_QUANTIZE_MAX_LAYERS);
    for (int i = 0; i < q->layers; i++)
        q->layer[i].int8 =
            q->opt->keep || q->layer[i].c_in % 4 == 0; /* products come in groups of four channels; pictures have three */
    return q->opt->keep ? keep_named(q, err) : ARC_OK;
}

/* ---- calibration ---- */

static arc_status watch(quantizing *q, int value, int64_t channels) {
    for (int i = 0; i < q->watches; i++)
        if (q->watch[i].value == value) {
            q->watch[i].channels = ARC_MAX(q->watch[i].channels, channels);
            return ARC_OK;
        }
    watched *w = &q->watch[q->watches++];
    w->value = value;
    w->channels = channels;
    w->histogram = arc_arena_new(&q->arena, 1, sizeof *w->histogram);
    return w->histogram ? ARC_OK : ARC_ENOMEM;
}

typedef struct count_job {
    quantizing *q;
    const arc_tensor *out; /* of the watched values */
} count_job;

static void count_items(void *arg, size_t begin, size_t end, int thread) {
    const count_job *job = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        watched *w = &job->q->watch[i];
        const arc_tensor *t = &job->out[i];
        const size_t count = (size_t)arc_shape_count(&t->shape);
        const float *x = t->data;
        arc_histogram_add(w->histogram, x, count);
        if (!w->sum || count % (size_t)w->channels != 0)
            continue;
        const size_t pixels = count / (size_t)w->channels;
        for (size_t c = 0; c < (size_t)w->channels; c++)
            for (size_t p = 0; p < pixels; p++)
                w->sum[c] += isfinite(x[c * pixels + p]) ? (double)x[c * pixels + p] : 0;
        w->pixels += (int64_t)pixels;
    }
}

static arc_status run_crop(quantizing *q, arc_session *session, int crop, arc_tensor *out, arc_error *err) {
    const arc_status st = q->crops->get(q->crops->ctx, crop, q->tensor, err);
    const arc_tensor in = {.dtype = ARC_F32, .layout = ARC_PLAIN, .shape = q->input, .data = q->tensor};
    return st == ARC_OK ? arc_session_run(session, &in, out, err) : st;
}

/* The float32 network with every watched value an output behind its own. */
static arc_status open_watching(quantizing *q, arc_graph **graph, arc_session **session, arc_error *err) {
    arc_status st;
    arc_quant_layer *none = arc_arena_new(&q->arena, (size_t)q->layers, sizeof *none);
    if (!none)
        return arc_fail_nomem(err, "calibration");
    memcpy(none, q->layer, (size_t)q->layers * sizeof *none);
    for (int i = 0; i < q->layers; i++)
        none[i].int8 = false;
    ARC_TRY(arc_quant_write(graph, q->g, none, q->layers, NULL, err));
    for (int i = 0; i < q->watches; i++) {
        const int v = arc_graph_find(*graph, q->g->value[q->watch[i].value].name);
        if (v < 0)
            return arc_fail(err, ARC_EUNSUPPORTED, "value '%.200s' is lost when the network is rewritten",
                            q->g->value[q->watch[i].value].name);
        if (arc_graph_add_output(*graph, v) != ARC_OK)
            return arc_fail_nomem(err, "calibration");
    }
    const arc_session_options exact = {.exact = true, .low_memory = true};
    ARC_TRY(arc_session_new(session, q->ctx, *graph, &exact, err));
done:
    return st;
}

static arc_status finish_watching(quantizing *q) {
    for (int i = 0; i < q->watches; i++) {
        watched *w = &q->watch[i];
        q->range[w->value] = arc_range_of(w->histogram, q->opt->method, q->opt->percentile);
        float *mean = w->sum && w->pixels ? arc_arena_new(&q->arena, (size_t)w->channels, sizeof *mean) : NULL;
        if (w->sum && w->pixels && !mean)
            return ARC_ENOMEM;
        for (int64_t c = 0; mean && c < w->channels; c++)
            mean[c] = (float)(w->sum[c] / (double)w->pixels);
        q->mean[w->value] = mean;
    }
    return ARC_OK;
}

static arc_status calibrate(quantizing *q, arc_error *err) {
    arc_status st;
    arc_graph *graph = NULL;
    arc_session *session = NULL;
    arc_tensor *out = NULL;
    q->watch = arc_arena_new(&q->arena, 2 * (size_t)q->layers, sizeof *q->watch);
    if (!q->watch)
        return arc_fail_nomem(err, "calibration");
    for (int i = 0; i < q->layers; i++)
        if (watch(q, q->layer[i].x, q->layer[i].c_in) != ARC_OK || watch(q, q->layer[i].y, 0) != ARC_OK)
            return arc_fail_nomem(err, "calibration");
    for (int i = 0; i < q->watches; i++)
        if (q->watch[i].channels > 0 &&
            !(q->watch[i].sum = arc_arena_new(&q->arena, (size_t)q->watch[i].channels, sizeof(double))))
            return arc_fail_nomem(err, "calibration");
    ARC_TRY(open_watching(q, &graph, &session, err));
    out = arc_mem_new(&q->ctx->alloc, (size_t)graph->outputs, sizeof *out);
    if (!out)
        ARC_TRY(arc_fail_nomem(err, "calibration"));
    for (int crop = 0; crop < q->crops->count; crop++) {
        if (is_held(q, crop))
            continue;
        ARC_TRY(run_crop(q, session, crop, out, err));
        count_job job = {q, out + q->g->outputs};
        arc_pool_run(q->ctx->pool, (size_t)q->watches, 1, count_items, &job);
        q->report->calibrated++;
        ARC_TRY(advance(q, err));
    }
    for (int i = 0; i < q->layers; i++) /* multiply-adds by the shape that came out */
        for (int k = 0; k < q->watches; k++)
            if (q->watch[k].value == q->layer[i].y)
                q->layer[i].macs = arc_shape_count(&out[q->g->outputs + k].shape) * q->layer[i].per_out;
    if (finish_watching(q) != ARC_OK)
        st = arc_fail_nomem(err, "calibration");
done:
    arc_session_free(&session);
    arc_graph_free(&graph);
    arc_mem_free(&q->ctx->alloc, out);
    return st;
}

/* ---- measuring ---- */

static bool all_finite(const float *x, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* Runs `count` of the held-out crops: into `embedding` (reference), or against the reference into `cosines`. */
static arc_status run_held(quantizing *q, const arc_graph *g, int count, float *embedding, double *cosines, arc_error *err) {
    arc_status st;
    arc_session *session = NULL;
    const arc_session_options exact = {.exact = true};
    arc_tensor *out = arc_mem_new(&q->ctx->alloc, (size_t)g->outputs, sizeof *out);
    if (!out)
        return arc_fail_nomem(err, "measuring");
    ARC_TRY(arc_session_new(&session, q->ctx, g, &exact, err));
    for (int i = 0; i < count; i++) {
        ARC_TRY(run_crop(q, session, q->held[i], out, err));
        if (out[0].dtype != ARC_F32 || arc_shape_count(&out[0].shape) != q->dim)
            ARC_TRY(arc_fail(err, ARC_ESHAPE, "the network does not give %lld values for a crop", (long long)q->dim));
        if (embedding && !all_finite(out[0].data, q->dim))
            ARC_TRY(arc_fail(err, ARC_ECORRUPT, "the network gives numbers that are not finite: its weights overflow float32"));
        if (embedding)
            memcpy(embedding + i * q->dim, out[0].data, (size_t)q->dim * sizeof *embedding);
        else
            cosines[i] = arc_embedding_cosine(q->reference + i * q->dim, out[0].data, (int)q->dim);
        if (embedding || count == q->report->held_out)
            ARC_TRY(advance(q, err));
    }
done:
    arc_session_free(&session);
    arc_mem_free(&q->ctx->alloc, out);
    return st;
}

static arc_status write_graph(const quantizing *q, const arc_quant_layer *layers, arc_graph **out, arc_error *err) {
    const arc_quant_facts facts = {q->range, q->mean};
    return arc_quant_write(out, q->g, layers, q->layers, &facts, err);
}

/* The loss by layer i alone in 8 bits. */
static arc_status measure_alone(quantizing *q, int i, double *loss, arc_error *err) {
    arc_graph *graph = NULL;
    double cosines[SENSITIVITY_CROPS], sum = 0;
    const int crops = ARC_MIN(q->report->held_out, SENSITIVITY_CROPS);
    arc_status st = ARC_OK;
    arc_quant_layer *alone = arc_mem_new(&q->ctx->alloc, (size_t)q->layers, sizeof *alone);
    if (!alone)
        return arc_fail_nomem(err, "measuring a layer");
    memcpy(alone, q->layer, (size_t)q->layers * sizeof *alone);
    for (int k = 0; k < q->layers; k++)
        alone[k].int8 = k == i;
    ARC_TRY(write_graph(q, alone, &graph, err));
    ARC_TRY(run_held(q, graph, crops, NULL, cosines, err));
    for (int k = 0; k < crops; k++)
        sum += cosines[k];
    *loss = 1 - sum / crops;
    ARC_TRY(advance(q, err));
done:
    arc_graph_free(&graph);
    arc_mem_free(&q->ctx->alloc, alone);
    return st;
}

static arc_status keep_sensitive(quantizing *q, arc_error *err) {
    arc_status st = ARC_OK;
    int64_t all = 0;
    for (int i = 0; i < q->layers; i++)
        all += q->layer[i].macs;
    const bool each = all * q->layers <= SENSITIVITY_WORK;
    for (int i = 0; i < q->layers; i++) {
        arc_quantize_layer *r = &q->report->layer[i];
        snprintf(r->name, sizeof r->name, "%s", layer_name(q, &q->layer[i]));
        r->loss = -1;
        r->mac_share = all > 0 ? (double)q->layer[i].macs / (double)all : 0;
        if (q->layer[i].int8 && !q->opt->keep && (each || i == q->layers - 1)) {
            ARC_TRY(measure_alone(q, i, &r->loss, err));
            if (r->loss > SENSITIVE_LOSS && r->mac_share < KEPT_SHARE)
                q->layer[i].int8 = false;
        }
        r->int8 = q->layer[i].int8;
        q->report->int8_layers += r->int8;
        q->report->int8_share += r->int8 ? r->mac_share : 0;
    }
    q->report->layers = q->layers;
    if (q->report->int8_layers == 0)
        st = arc_fail(err, ARC_EINVAL, "no layer is left to quantize");
done:
    return st;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static arc_status measure(quantizing *q, const arc_graph *graph, arc_error *err) {
    const int n = q->report->held_out;
    double *cosines = arc_arena_new(&q->arena, (size_t)n, sizeof *cosines);
    if (!cosines)
        return arc_fail_nomem(err, "measuring");
    const arc_status st = run_held(q, graph, n, NULL, cosines, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < n; i++)
        q->report->mean_cosine += cosines[i] / n;
    qsort(cosines, (size_t)n, sizeof *cosines, ascending);
    q->report->min_cosine = cosines[0];
    q->report->low_cosine = cosines[n * LOW_PERCENT / 100];
    return ARC_OK;
}

/* ---- whole ---- */

static arc_status note(const quantizing *q, arc_graph *graph) {
    static const char *const names[] = {"mse", "minmax", "percentile", "kl"};
    char text[200];
    snprintf(text, sizeof text, "%s, %d crops; on %d others cosine to float32 %.5f, 1st percentile %.5f; %d of %d layers int8",
             names[q->opt->method], q->report->calibrated, q->report->held_out, q->report->mean_cosine, q->report->low_cosine,
             q->report->int8_layers, q->report->layers);
    return arc_graph_set_meta(graph, ARC_NOTE_PREFIX "quantize", text);
}

static arc_status prepare(quantizing *q, arc_error *err) {
    const arc_shape *s = &q->input;
    q->range = arc_arena_new(&q->arena, (size_t)q->g->values + 1, sizeof *q->range);
    q->mean = arc_arena_new(&q->arena, (size_t)q->g->values + 1, sizeof *q->mean);
    q->tensor = arc_arena_new(&q->arena, (size_t)arc_shape_count(s), sizeof *q->tensor);
    q->held = arc_arena_new(&q->arena, (size_t)q->crops->count, sizeof *q->held);
    if (!q->range || !q->mean || !q->tensor || !q->held)
        return arc_fail_nomem(err, "quantizing");
    for (int i = 0; i < q->crops->count; i++)
        if (is_held(q, i))
            q->held[q->report->held_out++] = i;
    q->reference = arc_arena_new(&q->arena, (size_t)(q->report->held_out * q->dim), sizeof *q->reference);
    q->total = q->crops->count + q->report->held_out;
    return q->reference ? ARC_OK : arc_fail_nomem(err, "quantizing");
}

static arc_status wrap(const quantizing *q, arc_graph **graph, arc_model **out, arc_error *err) {
    arc_model *m = arc_mem_new(&q->ctx->alloc, 1, sizeof *m);
    if (!m || note(q, *graph) != ARC_OK) {
        arc_mem_free(&q->ctx->alloc, m);
        return arc_fail_nomem(err, "the quantized model");
    }
    *m = (arc_model){.alloc = q->ctx->alloc, .graph = *graph, .contract = q->model->contract};
    *graph = NULL;
    *out = m;
    return ARC_OK;
}

arc_status arc_quantize_model(arc_context *ctx, const arc_model *model, const arc_crop_source *crops,
                              const arc_quantize_options *opt, arc_model **out, arc_quantize_report *report, arc_error *err) {
    arc_status st;
    arc_graph *graph = NULL;
    quantizing q = {.ctx = ctx, .model = model, .g = model->graph, .crops = crops, .opt = opt, .report = report};
    *out = NULL;
    memset(report, 0, sizeof *report);
    arc_arena_init(&q.arena, &ctx->alloc, 0);
    if (model->contract.takes_points) {
        st = arc_fail(err, ARC_EUNSUPPORTED,
                      "%s takes the points of the face beside the picture: only networks of one picture are quantized",
                      model->path ? model->path : "the model");
        goto done;
    }
    q.input = arc_model_report_shape(model);
    q.dim = model->contract.dim;
    ARC_TRY(prepare(&q, err));
    ARC_TRY(choose_layers(&q, err));
    ARC_TRY(run_held(&q, q.g, report->held_out, q.reference, NULL, err));
    ARC_TRY(calibrate(&q, err));
    ARC_TRY(keep_sensitive(&q, err));
    ARC_TRY(write_graph(&q, q.layer, &graph, err));
    ARC_TRY(measure(&q, graph, err));
    ARC_TRY(wrap(&q, &graph, out, err));
done:
    arc_graph_free(&graph);
    arc_mem_free(&ctx->alloc, q.layer);
    arc_arena_free(&q.arena);
    return st;
}
