/* generate: features of pictures, a batch at a time. */
#include "generate/metrics/features.h"
#include <arcface/face.h>
#include <arcface/image.h>
#include <string.h>

#define BATCH 16
#define FREE_SIDE_PX 112 /* of networks that take any size */
#define MAX_FEATURES 65536

typedef struct reader {
    arc_context *ctx;
    const arc_feature_run *run;
    int width_px, height_px;
    bool aligned; /* pictures are crops for a template: the shape of the face must stay */
    int first;
    arc_image picture[BATCH]; /* of this size */
    arc_status status[BATCH];
    arc_error error[BATCH];
} reader;

/* Scaled to the size; of a crop of 112 x 112 a template of 112 x 96 is the middle. */
static arc_status fit(const reader *r, const arc_image *whole, const char *path, arc_image *out, arc_error *err) {
    const bool middle =
        r->aligned && whole->width_px == 112 && whole->height_px == 112 && r->width_px == 96 && r->height_px == 112;
    if (!middle && r->aligned && (int64_t)whole->width_px * r->height_px != (int64_t)whole->height_px * r->width_px)
        return arc_fail(err, ARC_ESHAPE, "%s has %d x %d pixels; the model takes aligned crops of %d x %d", path, whole->width_px,
                        whole->height_px, r->width_px, r->height_px);
    arc_status st = arc_image_new(r->ctx, r->width_px, r->height_px, out, err);
    if (st != ARC_OK)
        return st;
    out->format = whole->format;
    if (middle)
        arc_draw_image(out, -8, 0, 112, 112, whole);
    else
        arc_draw_image(out, 0, 0, r->width_px, r->height_px, whole);
    return ARC_OK;
}

static arc_status read_one(const reader *r, int index, arc_image *out, arc_error *err) {
    const arc_feature_run *run = r->run;
    arc_image whole = {0};
    if (run->image)
        return fit(r, &run->image[index], "a picture", out, err);
    arc_status st = arc_image_load(r->ctx, run->path[index], NULL, &whole, NULL, err);
    if (st != ARC_OK || (whole.width_px == r->width_px && whole.height_px == r->height_px)) {
        *out = whole;
        return st;
    }
    st = fit(r, &whole, run->path[index], out, err);
    arc_image_free(r->ctx, &whole);
    return st;
}

static void read_pictures(void *arg, size_t begin, size_t end, int thread) {
    reader *r = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        r->status[i] = read_one(r, r->first + (int)i, &r->picture[i], &r->error[i]);
}

static void drop_pictures(reader *r) {
    for (int i = 0; i < BATCH; i++)
        arc_image_free(r->ctx, &r->picture[i]);
}

/* What is done with the pictures of a batch. */
typedef arc_status batch_fn(void *arg, const reader *r, int count, arc_error *err);

static arc_status read_all(reader *r, batch_fn *fn, void *arg, arc_error *err) {
    const arc_feature_run *run = r->run;
    arc_status st = ARC_OK;
    for (r->first = 0; st == ARC_OK && r->first < run->pictures; r->first += BATCH) {
        const int count = ARC_MIN(BATCH, run->pictures - r->first);
        arc_pool_run(r->ctx->pool, (size_t)count, 1, read_pictures, r);
        for (int i = 0; st == ARC_OK && i < count; i++)
            if (r->status[i] != ARC_OK)
                st = arc_fail(err, r->status[i], "%s", r->error[i].text);
        if (st == ARC_OK)
            st = fn(arg, r, count, err);
        drop_pictures(r);
        if (st == ARC_OK && run->progress && run->progress(run->progress_ctx, run->stage, r->first + count, run->pictures) != 0)
            st = arc_fail(err, ARC_ECANCEL, "stopped");
    }
    return st;
}

/* ---- recognition models ---- */

typedef struct embedding {
    arc_embedder *embedder;
    float *row;
    int dim;
} embedding;

static arc_status embed_batch(void *arg, const reader *r, int count, arc_error *err) {
    const embedding *e = arg;
    return arc_embed_crops(e->embedder, r->picture, count, false, e->row + (size_t)r->first * (size_t)e->dim, err);
}

arc_status arc_feature_embed(arc_context *ctx, const arc_feature_run *run, float **row, int *dim, arc_error *err) {
    reader r = {.ctx = ctx, .run = run, .aligned = true};
    embedding e = {.embedder = NULL};
    *row = NULL;
    *dim = 0;
    arc_status st = arc_embedder_new(ctx, run->model, &e.embedder, err);
    if (st != ARC_OK)
        return st;
    arc_template_get(arc_model_contract(run->model)->align, &r.width_px, &r.height_px, NULL);
    e.dim = arc_embedder_dim(e.embedder);
    e.row = arc_mem_raw(&ctx->alloc, (size_t)run->pictures, (size_t)e.dim * sizeof(float));
    st = e.row ? read_all(&r, embed_batch, &e, err) : arc_fail_nomem(err, "embeddings");
    arc_embedder_free(&e.embedder);
    if (st != ARC_OK) {
        arc_mem_free(&ctx->alloc, e.row);
        return st;
    }
    arc_embedding_normalise(e.row, run->pictures, e.dim);
    *row = e.row;
    *dim = e.dim;
    return ARC_OK;
}

/* ---- any network ---- */

typedef struct featuring {
    const arc_contract *contract;
    arc_net *net;
    float *input; /* [BATCH][3][height][width] */
    float *row;   /* taken when the first batch says how long features are */
    int dim;
} featuring;

/* The tensor of one picture, as the contract says. */
static void fill(const reader *r, const arc_contract *c, const arc_image *picture, float *out) {
    const size_t plane = (size_t)r->width_px * (size_t)r->height_px;
    for (int channel = 0; channel < 3; channel++) {
        const int from = c->bgr == (picture->format == ARC_BGR8) ? channel : 2 - channel;
        for (int y = 0; y < r->height_px; y++)
            for (int x = 0; x < r->width_px; x++)
                out[(size_t)channel * plane + (size_t)y * (size_t)r->width_px + (size_t)x] =
                    ((float)picture->data[y * picture->stride_bytes + 3 * x + from] - c->mean[channel]) * c->scale[channel];
    }
}

static arc_status feature_batch(void *arg, const reader *r, int count, arc_error *err) {
    featuring *f = arg;
    arc_net_output out;
    const int64_t shape[4] = {count, 3, r->height_px, r->width_px};
    for (int i = 0; i < count; i++)
        fill(r, f->contract, &r->picture[i], f->input + (size_t)i * 3 * (size_t)r->width_px * (size_t)r->height_px);
    arc_status st = arc_net_run(f->net, f->input, shape, err);
    if (st == ARC_OK)
        st = arc_net_output_get(f->net, 0, &out, err);
    if (st != ARC_OK)
        return st;
    int64_t floats = 1;
    for (int i = 0; i < out.rank; i++)
        floats *= out.dim[i];
    const int64_t each = floats / count;
    if (each < 1 || each * count != floats || each > MAX_FEATURES || (f->row && each != f->dim))
        return arc_fail(err, ARC_EINVAL,
                        "the feature network gives %lld numbers for %d pictures; at most %d for each can be used",
                        (long long)floats, count, MAX_FEATURES);
    if (!f->row) {
        f->dim = (int)each;
        f->row = arc_mem_raw(&r->ctx->alloc, (size_t)r->run->pictures, (size_t)each * sizeof(float));
        if (!f->row)
            return arc_fail_nomem(err, "features");
    }
    memcpy(f->row + (size_t)r->first * (size_t)each, out.data, (size_t)floats * sizeof(float));
    return ARC_OK;
}

arc_status arc_feature_raw(arc_context *ctx, const arc_feature_run *run, float **row, int *dim, arc_error *err) {
    reader r = {.ctx = ctx, .run = run};
    featuring f = {.contract = arc_model_contract(run->model)};
    r.width_px = f.contract->input_width_px > 0 ? f.contract->input_width_px : FREE_SIDE_PX;
    r.height_px = f.contract->input_height_px > 0 ? f.contract->input_height_px : FREE_SIDE_PX;
    *row = NULL;
    *dim = 0;
    arc_status st = arc_net_new(ctx, run->model, &f.net, err);
    if (st == ARC_OK) {
        f.input = arc_mem_raw(&ctx->alloc, 3 * BATCH * sizeof(float), (size_t)r.width_px * (size_t)r.height_px);
        st = f.input ? read_all(&r, feature_batch, &f, err) : arc_fail_nomem(err, "pictures of the feature network");
    }
    arc_mem_free(&ctx->alloc, f.input);
    arc_net_free(&f.net);
    if (st != ARC_OK) {
        arc_mem_free(&ctx->alloc, f.row);
        return st;
    }
    *row = f.row;
    *dim = f.dim;
    return ARC_OK;
}
