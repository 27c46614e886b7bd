/* generate: the statistics that real crops cause in a network, measured at every BatchNormalization that it has and at every
 * convolution in which one was folded, and the small file that keeps them. */
#include "generate/measure.h"
#include "base/hash.h"
#include "image/image.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 16

const arc_store_kind arc_generate_measured_kind = {
    .magic = "ARCMEASR",
    .version = 1,
    .what = "a file of measured statistics",
    .advice = "measure again",
    .mismatch = "it was measured on another network",
};

/* ---- the learner ----------------------------------------------------------------------------------------------------------- */

arc_shape arc_generate_input(const arc_model *model, int64_t batch) {
    const arc_contract *c = &model->contract;
    int width, height;
    arc_template_get(c->align, &width, &height, NULL);
    return (arc_shape){
        4, {batch, 3, c->input_height_px ? c->input_height_px : height, c->input_width_px ? c->input_width_px : width}};
}

arc_status arc_generate_learner(arc_learner **learner, arc_graph **graph, arc_generate_places *places, const arc_context *ctx,
                                const arc_model *model, int64_t batch, bool restored, arc_error *err) {
    const arc_learner_options o = {.batch = batch, .input_only = true, .bf16 = ctx->precision == ARC_PRECISION_BF16};
    const arc_shape shape = arc_generate_input(model, batch);
    arc_status st = arc_generate_graph(graph, places, model, restored, err);
    if (st == ARC_OK)
        st = arc_learner_new(learner, ctx, *graph, &shape, &o, err);
    if (st != ARC_OK)
        return st;
    arc_learner_evaluate(*learner, true);
    return ARC_OK;
}

uint64_t arc_generate_network_hash(arc_learner *l) {
    uint64_t h = ARC_HASH_START;
    for (size_t i = 0; i < arc_learner_parameters(l); i++) {
        const arc_learn_parameter *p = arc_learner_parameter(l, i);
        h = arc_hash_bytes(h, p->value, p->count * sizeof *p->value);
    }
    for (size_t i = 0; i < arc_learner_statistics(l); i++) {
        const arc_learn_parameter *p = arc_learner_statistic(l, i);
        h = arc_hash_bytes(h, p->value, p->count * sizeof *p->value);
    }
    return h;
}

/* ---- measuring ------------------------------------------------------------------------------------------------------------- */

typedef struct measurer {
    arc_context *ctx;
    const arc_model *model;
    arc_graph *graph;
    arc_learner *learner;
    arc_generate_statistics statistics;
    double *sum, *squares; /* [channels] of the statistics: sums over the crops */
    float *input;          /* [BATCH][3][h][w] */
} measurer;

static void load_crop(const arc_contract *c, const arc_image *crop, float *to) {
    const size_t plane = (size_t)crop->width_px * (size_t)crop->height_px;
    const bool turned = c->bgr != (crop->format == ARC_BGR8);
    for (size_t i = 0; i < plane; i++) {
        const uint8_t *pixel =
            crop->data + (ptrdiff_t)(i / (size_t)crop->width_px) * crop->stride_bytes + i % (size_t)crop->width_px * 3;
        for (size_t k = 0; k < 3; k++)
            to[k * plane + i] = ((float)pixel[turned ? 2 - k : k] - c->mean[k]) * c->scale[k];
    }
}

static arc_status measure_batch(measurer *m, const arc_image *crop, int count, arc_error *err) {
    const size_t image = 3 * (size_t)crop->width_px * (size_t)crop->height_px;
    const float *embedding;
    for (int i = 0; i < count; i++)
        load_crop(&m->model->contract, &crop[i], m->input + (size_t)i * image);
    const arc_status st = arc_learner_forward(m->learner, m->input, count, &embedding, err);
    if (st != ARC_OK)
        return st;
    if (arc_learner_not_finite(m->learner))
        return arc_fail(err, ARC_ECORRUPT, "layer '%s' of the model gives numbers that are not finite on these crops",
                        arc_learner_not_finite(m->learner));
    for (size_t i = 0; i < m->statistics.places; i++) {
        const arc_learn_norm *n = arc_learner_norm(m->learner, i);
        for (size_t c = 0; c < n->channels; c++) {
            const double mean = (double)n->mean[c];
            m->sum[m->statistics.first[i] + c] += count * mean;
            m->squares[m->statistics.first[i] + c] += count * ((double)n->variance[c] + mean * mean);
        }
    }
    return ARC_OK;
}

static arc_status check_crops(const arc_image *crop, int count, const arc_shape *want, arc_error *err) {
    if (count < 2)
        return arc_fail(err, ARC_EINVAL, "%d crops: statistics need 2 at least, hundreds to be good", count);
    for (int i = 0; i < count; i++)
        if (!crop[i].data || crop[i].width_px != want->dim[3] || crop[i].height_px != want->dim[2])
            return arc_fail(err, ARC_ESHAPE, "crop %d has %d x %d pixels, the network takes %d x %d", i, crop[i].width_px,
                            crop[i].height_px, (int)want->dim[3], (int)want->dim[2]);
    return ARC_OK;
}

static arc_status save(const measurer *m, int count, const char *path, arc_error *err) {
    arc_store_writer *w = NULL;
    char text[160], name[32];
    snprintf(text, sizeof text, "{\"network\": \"%016" PRIx64 "\", \"places\": %zu, \"crops\": %d}",
             arc_generate_network_hash(m->learner), m->statistics.places, count);
    arc_status st;
    ARC_TRY(arc_store_create(&w, &m->ctx->alloc, &arc_generate_measured_kind, path, text, err));
    for (size_t i = 0; i < m->statistics.places; i++) {
        const size_t at = m->statistics.first[i], channels = arc_learner_norm(m->learner, i)->channels;
        snprintf(name, sizeof name, "mean/%zu", i);
        ARC_TRY(arc_store_put(w, name, m->statistics.mean + at, channels, err));
        snprintf(name, sizeof name, "deviation/%zu", i);
        ARC_TRY(arc_store_put(w, name, m->statistics.deviation + at, channels, err));
    }
    return arc_store_commit(&w, err);
done:
    arc_store_abort(&w);
    return st;
}

static arc_status measure(measurer *m, const arc_image *crop, int count, const char *path,
                          int (*progress)(void *ctx, int done, int count), void *progress_ctx, arc_error *err) {
    arc_generate_places places;
    arc_status st = arc_generate_learner(&m->learner, &m->graph, &places, m->ctx, m->model, BATCH, true, err);
    if (st == ARC_OK)
        st = arc_generate_statistics_new(&m->statistics, &m->ctx->alloc, m->learner, err);
    if (st == ARC_OK && m->statistics.places == 0)
        st = arc_fail(err, ARC_EUNSUPPORTED,
                      "the network has no place to measure: no BatchNormalization, and no convolution "
                      "with a bias, in which one may have been folded");
    const arc_shape shape = arc_generate_input(m->model, BATCH);
    if (st == ARC_OK)
        st = check_crops(crop, count, &shape, err);
    if (st != ARC_OK)
        return st;
    m->sum = arc_mem_new(&m->ctx->alloc, m->statistics.channels, sizeof *m->sum);
    m->squares = arc_mem_new(&m->ctx->alloc, m->statistics.channels, sizeof *m->squares);
    m->input = arc_mem_raw(&m->ctx->alloc, BATCH * 3 * (size_t)crop->width_px * (size_t)crop->height_px, sizeof *m->input);
    if (!m->sum || !m->squares || !m->input)
        return arc_fail_nomem(err, "measuring statistics");
    for (int i = 0; st == ARC_OK && i < count; i += BATCH) {
        st = measure_batch(m, crop + i, ARC_MIN(BATCH, count - i), err);
        if (st == ARC_OK && progress && progress(progress_ctx, ARC_MIN(i + BATCH, count), count) != 0)
            st = arc_fail(err, ARC_ECANCEL, "measuring was cancelled");
    }
    for (size_t c = 0; st == ARC_OK && c < m->statistics.channels; c++) {
        const double mean = m->sum[c] / count;
        m->statistics.mean[c] = (float)mean;
        m->statistics.deviation[c] = (float)sqrt(fmax(m->squares[c] / count - mean * mean, 0) + ARC_GENERATE_LEAST_VARIANCE);
    }
    return st == ARC_OK ? save(m, count, path, err) : st;
}

arc_status arc_generate_measure(arc_context *ctx, const arc_model *model, const arc_image *crops, int count, const char *path,
                                int (*progress)(void *ctx, int done, int count), void *progress_ctx, arc_error *err) {
    measurer m = {.ctx = ctx, .model = model};
    const arc_status st = measure(&m, crops, count, path, progress, progress_ctx, err);
    arc_learner_free(&m.learner);
    arc_graph_free(&m.graph);
    arc_generate_statistics_free(&m.statistics, &ctx->alloc);
    arc_mem_free(&ctx->alloc, m.sum);
    arc_mem_free(&ctx->alloc, m.squares);
    arc_mem_free(&ctx->alloc, m.input);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

arc_status arc_generate_measured_read(const arc_store_file *f, char network[ARC_GENERATE_HASH_TEXT], arc_error *err) {
    const char *text = NULL;
    json_t *root = json_loadb(f->text, f->text_bytes, 0, NULL);
    const bool read = json_unpack(root, "{s:s}", "network", &text) == 0 && strlen(text) == ARC_GENERATE_HASH_TEXT - 1;
    if (read)
        memcpy(network, text, ARC_GENERATE_HASH_TEXT);
    json_decref(root);
    return read ? ARC_OK : arc_fail(err, ARC_ECORRUPT, "%s: its text does not name a network; measure again", f->name);
}

static arc_status check_network(const arc_store_file *f, arc_learner *l, arc_error *err) {
    char network[ARC_GENERATE_HASH_TEXT], own[ARC_GENERATE_HASH_TEXT];
    const arc_status st = arc_generate_measured_read(f, network, err);
    snprintf(own, sizeof own, "%016" PRIx64, arc_generate_network_hash(l));
    if (st != ARC_OK || strcmp(network, own) == 0)
        return st;
    return arc_fail(err, ARC_EINVAL, "%s: was measured on another network; measure on this one", f->name);
}

static arc_status read_places(const arc_store_file *f, arc_generate_statistics *s, arc_learner *l, arc_error *err) {
    char name[32];
    arc_status st = check_network(f, l, err);
    for (size_t i = 0; st == ARC_OK && i < s->places; i++) {
        const size_t channels = arc_learner_norm(l, i)->channels;
        snprintf(name, sizeof name, "mean/%zu", i);
        st = arc_store_get(f, name, channels, 0, channels, s->mean + s->first[i], err);
        snprintf(name, sizeof name, "deviation/%zu", i);
        if (st == ARC_OK)
            st = arc_store_get(f, name, channels, 0, channels, s->deviation + s->first[i], err);
    }
    for (size_t c = 0; st == ARC_OK && c < s->channels; c++)
        if (!isfinite(s->mean[c]) || !(s->deviation[c] > 0) || !isfinite(s->deviation[c]))
            st = arc_fail(err, ARC_ECORRUPT, "%s: holds numbers that are no statistics; measure again", f->name);
    return st;
}

arc_status arc_generate_measured_load(arc_generate_statistics *s, arc_learner *l, const arc_alloc *a, const char *path,
                                      arc_error *err) {
    arc_store_file f;
    arc_status st = arc_store_open(&f, a, &arc_generate_measured_kind, path, err);
    if (st != ARC_OK)
        return st;
    st = read_places(&f, s, l, err);
    arc_store_close(&f);
    return st;
}
