/* Runs what was built beside what it was built from, on a drawn picture. */
#include "deploy/deploy.h"
#include <arcface/face.h>
#include <math.h>
#include <string.h>

#define SEED 20190609u
#define ORDER 3 /* channels of a picture */

/* Pixels BGR 0..255 of picture `index`: smooth, so that no network sees mere noise, and a little noise on it. */
static float pixel(uint64_t index, int channel, int64_t y, int64_t x, arc_rng *rng) {
    const double wave = sin(0.05 * (double)(y + 3 * channel) + (double)index) * cos(0.07 * (double)x + 0.4 * channel);
    const double value = 127.5 + 95 * wave + 32 * ((double)arc_rng_uniform(rng) - 0.5);
    return (float)nearbyint(fmin(fmax(value, 0), 255));
}

/* [batch][3][h][w], pictures `first` and on: pixels, or with `c` what they become under that contract. */
static void draw(int64_t first, int64_t batch, int64_t h, int64_t w, const arc_contract *c, float *out) {
    arc_deploy_pixels p = {0};
    if (c)
        arc_deploy_pixels_of(&p, c);
    for (int64_t b = 0; b < batch; b++) {
        arc_rng rng;
        arc_rng_seed(&rng, SEED, (uint64_t)(first + b));
        for (int channel = 0; channel < ORDER; channel++) {
            float *plane = out + (b * ORDER + (p.swap ? ORDER - 1 - channel : channel)) * h * w;
            for (int64_t i = 0; i < h * w; i++) {
                const float value = pixel((uint64_t)(first + b), channel, i / w, i % w, &rng);
                plane[i] = c ? (value - p.mean[channel]) / p.divisor[channel] : value;
            }
        }
    }
}

void arc_deploy_trial_free(arc_deploy_trial *t, const arc_alloc *a) {
    arc_session_free(&t->session);
    arc_mem_free(a, t->image);
    arc_mem_free(a, t->out);
}

arc_status arc_deploy_try(arc_context *ctx, const arc_graph *g, const int64_t size[3], int64_t first, const arc_contract *c,
                          arc_deploy_trial *t, arc_error *err) {
    arc_status st;
    const int64_t batch = size[0], h = size[1], w = size[2];
    const bool bytes = g->value[g->input[0]].dtype == ARC_U8;
    const size_t count = (size_t)(batch * ORDER * h * w);
    const arc_session_options options = {.low_memory = true, .exact = true, .no_tuning = true};
    t->image = arc_mem_raw(&ctx->alloc, count, sizeof *t->image);
    t->out = arc_mem_new(&ctx->alloc, (size_t)g->outputs, sizeof *t->out);
    if (!t->image || !t->out)
        ARC_TRY(arc_fail_nomem(err, "a picture to try an export with"));
    draw(first, batch, h, w, c, t->image);
    for (size_t i = 0; bytes && i < count; i++)
        ((uint8_t *)t->image)[i] = (uint8_t)t->image[i]; /* a byte never lies in front of a float that is still to be read */
    const arc_tensor in = {.dtype = bytes ? ARC_U8 : ARC_F32,
                           .layout = ARC_PLAIN,
                           .shape = {.rank = 4, .dim = {batch, ORDER, h, w}},
                           .data = t->image};
    ARC_TRY(arc_session_new(&t->session, ctx, g, &options, err));
    ARC_TRY(arc_session_run(t->session, &in, t->out, err));
done:
    return st;
}

/* The embedding of picture `index`, into row[dim]. */
static arc_status embed(arc_context *ctx, const arc_model *model, int64_t index, float *row, int *rank, arc_error *err) {
    arc_deploy_trial p = {0};
    const arc_graph *g = model->graph;
    const arc_shape *declared = &g->value[g->input[0]].shape;
    const int64_t batch = declared->rank == 4 && declared->dim[0] > 0 ? declared->dim[0] : 1;
    char text[128];
    const arc_shape one = arc_model_report_shape(model);
    const int64_t size[3] = {batch, one.dim[2], one.dim[3]};
    arc_status st = arc_deploy_try(ctx, g, size, index, &model->contract, &p, err);
    const arc_shape *s = st == ARC_OK ? &p.out->shape : NULL;
    if (st == ARC_OK &&
        (p.out->dtype != ARC_F32 || s->dim[0] != batch || !(s->rank == 2 || (s->rank == 4 && s->dim[2] == 1 && s->dim[3] == 1)) ||
         s->dim[1] != model->contract.dim))
        st = arc_fail(err, ARC_ESHAPE, "the network gives %s where embeddings [%lld,%d] are expected",
                      arc_shape_text(s, text, sizeof text), (long long)batch, model->contract.dim);
    if (st == ARC_OK) {
        *rank = s->rank;
        memcpy(row, p.out->data, (size_t)model->contract.dim * sizeof *row);
    }
    arc_deploy_trial_free(&p, &ctx->alloc);
    return st;
}

arc_status arc_deploy_reference(arc_context *ctx, const arc_model *model, float **rows, int64_t *dim, int *rank, arc_error *err) {
    arc_status st = ARC_OK;
    *dim = model->contract.dim;
    *rows = arc_mem_raw(&ctx->alloc, (size_t)(ARC_DEPLOY_ROWS * *dim), sizeof **rows);
    if (!*rows)
        return arc_fail_nomem(err, "an embedding");
    for (int i = 0; st == ARC_OK && i < ARC_DEPLOY_ROWS; i++)
        st = embed(ctx, model, i, *rows + i * *dim, rank, err);
    return st;
}

arc_status arc_deploy_probe(arc_context *ctx, const arc_model *model, const arc_graph *g, int64_t batch, bool raw,
                            const float *rows, int64_t dim, double tolerance, arc_error *err) {
    arc_deploy_trial p = {0};
    char text[128];
    const arc_shape one = arc_model_report_shape(model), wanted = {2, {batch, dim}};
    const int64_t size[3] = {batch, one.dim[2], one.dim[3]};
    arc_status st = arc_deploy_try(ctx, g, size, 0, raw ? &model->contract : NULL, &p, err);
    const arc_shape *s = st == ARC_OK ? &p.out->shape : NULL;
    if (st == ARC_ESHAPE || (st == ARC_OK && !arc_shape_equal(s, &wanted)))
        st = arc_fail(err, ARC_ESHAPE,
                      "shapes inside the network forbid a batch of %lld%s%s: export it with the batch that it was made for",
                      (long long)batch, st == ARC_OK ? ", which gives " : "",
                      st == ARC_OK ? arc_shape_text(s, text, sizeof text) : "");
    for (int64_t i = 0; st == ARC_OK && i < ARC_MIN(batch, ARC_DEPLOY_ROWS); i++) {
        const double c = arc_embedding_cosine(rows + i * dim, (const float *)p.out->data + i * dim, (int)dim);
        if (!(c >= 1 - tolerance))
            st = arc_fail(err, ARC_ECORRUPT, "the exported network gives another embedding than the model: cosine %.6f", c);
    }
    arc_deploy_trial_free(&p, &ctx->alloc);
    return st;
}
