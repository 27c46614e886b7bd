/* model: the self-test vector: a seed, and the first values of the first output on a random image from that seed. It detects a
 * damaged file, or a machine that computes wrongly, when the model is loaded, at the cost of one forward pass. */
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 20190609u
#define VALUES 8
#define MAX_BATCH 1024      /* of files that fix it */
#define FREE_SIDE_PX 160    /* for models that take any size; strides up to 32 divide it */
#define TOLERANCE 1e-3      /* relative to the largest value */
#define INT8_TOLERANCE 5e-2 /* a rounding difference of one quantum can change an output by this much */

bool arc_model_is_int8(const arc_graph *g) {
    for (int i = 0; i < g->nodes; i++)
        if (arc_node_is(&g->node[i], ARC_KIND_DYNAMIC_QUANTIZE_LINEAR) || arc_node_is(&g->node[i], ARC_KIND_QUANTIZE_LINEAR))
            return true;
    return false;
}

/* Pixels 0..255 from the counter-based generator, normalised as in the contract. */
static void draw_image(const arc_contract *c, uint64_t seed, int64_t plane, float *out) {
    arc_rng rng;
    arc_rng_seed(&rng, seed, 0);
    for (int channel = 0; channel < 3; channel++)
        for (int64_t i = 0; i < plane; i++)
            out[channel * plane + i] = ((float)(arc_rng_u32(&rng) >> 24) - c->mean[channel]) * c->scale[channel];
}

static arc_status first_values(arc_context *ctx, const arc_graph *g, const arc_contract *c, uint64_t seed, float value[VALUES],
                               int *count, arc_error *err) {
    arc_status st;
    arc_session *session = NULL;
    float *image = NULL;
    arc_tensor *out = NULL;
    *count = 0;
    const int64_t h = c->input_height_px > 0 ? c->input_height_px : FREE_SIDE_PX,
                  w = c->input_width_px > 0 ? c->input_width_px : FREE_SIDE_PX;
    const arc_shape *declared = &g->value[g->input[0]].shape;
    const int64_t batch = declared->rank == 4 && declared->dim[0] > 0 && declared->dim[0] <= MAX_BATCH ? declared->dim[0] : 1;
    image = arc_mem_raw(&ctx->alloc, (size_t)(batch * 3 * h * w), sizeof *image);
    out = arc_mem_new(&ctx->alloc, (size_t)g->outputs, sizeof *out);
    if (!image || !out) {
        st = arc_fail_nomem(err, "the self-test image");
        goto done;
    }
    draw_image(c, seed, h * w, image);
    for (int64_t i = 1; i < batch; i++)
        memcpy(image + i * 3 * h * w, image, (size_t)(3 * h * w) * sizeof *image);
    const arc_session_options options = {
        .low_memory = true, .exact = true, .no_tuning = true}; /* loading needs no more memory than the weights */
    ARC_TRY(arc_session_new(&session, ctx, g, &options, err));
    const arc_tensor in = {.dtype = ARC_F32, .layout = ARC_PLAIN, .shape = {.rank = 4, .dim = {batch, 3, h, w}}, .data = image};
    ARC_TRY(arc_session_run(session, &in, out, err));
    if (out[0].dtype == ARC_F32) {
        const int64_t have = arc_shape_count(&out[0].shape);
        *count = (int)ARC_MIN(have, VALUES);
        memcpy(value, out[0].data, (size_t)*count * sizeof *value);
    }
done:
    arc_session_free(&session);
    arc_mem_free(&ctx->alloc, out);
    arc_mem_free(&ctx->alloc, image);
    return st;
}

static bool can_test(const arc_graph *g) {
    return g->inputs == 1 && g->outputs > 0;
}

arc_status arc_selftest_make(arc_context *ctx, const arc_graph *g, const arc_contract *c, char text[ARC_SELFTEST_TEXT],
                             arc_error *err) {
    float value[VALUES];
    int count = 0;
    text[0] = '\0';
    if (!can_test(g))
        return ARC_OK;
    arc_status st = first_values(ctx, g, c, SEED, value, &count, err);
    if (st != ARC_OK)
        return st;
    int used = snprintf(text, ARC_SELFTEST_TEXT, "%u", SEED);
    for (int i = 0; i < count; i++) {
        if (!isfinite(value[i]))
            return arc_fail(err, ARC_ESELFTEST, "the network's output %d on the self-test image is %g: its weights are damaged",
                            i, (double)value[i]);
        text[used++] = ' ';
        used += arc_number_write(text + used, ARC_SELFTEST_TEXT - (size_t)used, (double)value[i]);
    }
    return ARC_OK;
}

/* "seed v0 v1 ..." */
static bool parse(const char *text, uint64_t *seed, float want[VALUES], int *count) {
    char *stop;
    *seed = strtoull(text, &stop, 10);
    const char *end = stop;
    if (end == text || *text == '-')
        return false;
    for (*count = 0; *count < VALUES && *end == ' '; ++*count) {
        const char *at = end + 1;
        want[*count] = (float)arc_number_read(at, &end);
        if (end == at || !isfinite(want[*count]))
            return false;
    }
    return *end == '\0' && *count > 0;
}

arc_status arc_selftest_run(arc_context *ctx, const arc_graph *g, const arc_contract *c, arc_error *err) {
    const char *text = arc_graph_meta(g, ARC_SELFTEST_KEY);
    if (!text || !can_test(g))
        return ARC_OK;
    uint64_t seed;
    float want[VALUES], got[VALUES], largest = 0;
    int count, have;
    if (!parse(text, &seed, want, &count))
        return arc_fail(err, ARC_EFORMAT, "metadata " ARC_SELFTEST_KEY " is '%.60s': a seed and numbers are expected", text);
    arc_status st = first_values(ctx, g, c, seed, got, &have, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(want[i]));
    const double allowed = (arc_model_is_int8(g) ? INT8_TOLERANCE : TOLERANCE) * (double)fmaxf(largest, 1e-6f);
    for (int i = 0; i < count; i++)
        if (i >= have || !(fabs((double)got[i] - (double)want[i]) <= allowed))
            return arc_fail(
                err, ARC_ESELFTEST,
                "self-test: output %d is %g where the file says %g; the weights are damaged or this machine computes wrongly", i,
                i < have ? (double)got[i] : NAN, (double)want[i]);
    return ARC_OK;
}
