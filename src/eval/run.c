/* Runs a model over a verification set: pictures are decoded in parallel, embedded in batches, each different picture once, and the protocol is
 * applied to the pairs. The mirrored views are embedded apart from the plain ones because XNorm is the mean norm over both. */
#include "eval/eval_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 64

typedef struct runner {
    arc_context *ctx;
    const arc_eval_set *set;
    int width_px, height_px, first, count; /* the batch: images first .. first+count-1 */
    arc_image loaded[BATCH], crop[BATCH], mirrored[BATCH];
    arc_status status[BATCH];
    arc_error *error;       /* [BATCH] */
    float *plain, *flipped; /* [BATCH][dim] */
    float *sum;             /* [images][dim] */
    double *norm;           /* [images] mean norm of the views */
    char plan_id[32];       /* of the first batch */
} runner;

/* The picture as the model wants it: as it is; the middle 96 columns of a 112x112 crop (the 112x96 template is the 112x112 one less 8 columns
 * on each side); or scaled when the shape is the same. */
static arc_status fit(runner *r, int slot, arc_error *err) {
    arc_image *in = &r->loaded[slot];
    bool same_size = in->width_px == r->width_px && in->height_px == r->height_px;
    bool middle = in->width_px == 112 && in->height_px == 112 && r->width_px == 96 && r->height_px == 112;
    if (same_size || middle) {
        r->crop[slot] = *in;
        r->crop[slot].data = in->data + 3 * ((in->width_px - r->width_px) / 2);
        r->crop[slot].width_px = r->width_px;
        return ARC_OK;
    }
    if ((int64_t)in->width_px * r->height_px != (int64_t)in->height_px * r->width_px) {
        char what[1024];
        r->set->name(r->set->source, r->first + slot, what, sizeof what);
        return arc_fail(err, ARC_ESHAPE,
                        "%.300s is %dx%d but the model wants aligned crops of %dx%d; make them with \"arcface align\"", what,
                        in->width_px, in->height_px, r->width_px, r->height_px);
    }
    arc_image scaled;
    arc_status st = arc_image_new(r->ctx, r->width_px, r->height_px, &scaled, err);
    if (st != ARC_OK)
        return st;
    arc_draw_image(&scaled, 0, 0, r->width_px, r->height_px, in);
    scaled.format = in->format;
    arc_image_free(r->ctx, in);
    *in = r->crop[slot] = scaled;
    return ARC_OK;
}

static void mirror(const arc_image *from, arc_image *to) {
    for (int y = 0; y < from->height_px; y++) {
        const uint8_t *s = from->data + y * from->stride_bytes;
        uint8_t *d = to->data + y * to->stride_bytes + 3 * (to->width_px - 1);
        for (int x = 0; x < from->width_px; x++, s += 3, d -= 3)
            memcpy(d, s, 3);
    }
    to->format = from->format;
}

static void load_tile(void *arg, size_t begin, size_t end, int thread) {
    runner *r = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        int slot = (int)i, index = r->first + slot;
        r->status[slot] = r->set->load(r->ctx, r->set->source, index, &r->loaded[slot], &r->error[slot]);
        if (r->status[slot] != ARC_OK)
            continue;
        r->status[slot] = fit(r, slot, &r->error[slot]);
        if (r->status[slot] == ARC_OK && r->mirrored[slot].data)
            mirror(&r->crop[slot], &r->mirrored[slot]);
    }
}

static double norm_of(const float *x, int dim) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

static arc_status run_batch(runner *r, arc_embedder *embedder, int dim, bool flip, arc_error *err) {
    arc_status st = ARC_OK;
    arc_pool_run(r->ctx->pool, (size_t)r->count, 1, load_tile, r);
    for (int i = 0; i < r->count; i++)
        if (r->status[i] != ARC_OK) {
            st = arc_fail(err, r->status[i], "%s", r->error[i].text);
            goto done;
        }
    ARC_TRY(arc_embed_crops(embedder, r->crop, r->count, false, r->plain, err));
    if (flip)
        ARC_TRY(arc_embed_crops(embedder, r->mirrored, r->count, false, r->flipped, err));
    for (int i = 0; i < r->count; i++) {
        const float *a = r->plain + (size_t)i * (size_t)dim, *b = r->flipped + (size_t)i * (size_t)dim;
        float *to = r->sum + (size_t)(r->first + i) * (size_t)dim;
        for (int d = 0; d < dim; d++)
            to[d] = flip ? a[d] + b[d] : a[d];
        r->norm[r->first + i] = flip ? 0.5 * (norm_of(a, dim) + norm_of(b, dim)) : norm_of(a, dim);
    }
done:
    for (int i = 0; i < r->count; i++)
        arc_image_free(r->ctx, &r->loaded[i]);
    return st;
}

static arc_status embed_all(runner *r, arc_embedder *embedder, int dim, const arc_eval_options *opt, arc_error *err) {
    int64_t views = opt->flip ? 2 : 1;
    for (r->first = 0; r->first < r->set->images; r->first += r->count) {
        r->count = ARC_MIN(BATCH, r->set->images - r->first);
        arc_status st = run_batch(r, embedder, dim, opt->flip, err);
        if (st != ARC_OK)
            return st;
        if (r->first == 0)
            snprintf(r->plan_id, sizeof r->plan_id, "%s", arc_embedder_plan_id(embedder));
        if (opt->progress && opt->progress(opt->progress_ctx, (r->first + r->count) * views, r->set->images * views) != 0)
            return arc_fail(err, ARC_ECANCEL, "evaluation was cancelled");
    }
    return ARC_OK;
}

/* Lays the embeddings out pair by pair and hands them to the protocol. XNorm counts a picture as often as the pairs name it. */
static arc_status judge(arc_context *ctx, const runner *r, int dim, const arc_eval_options *opt, arc_verification *out,
                        arc_error *err) {
    const arc_eval_set *set = r->set;
    size_t row_bytes = (size_t)dim * sizeof(float);
    float *rows = arc_mem_raw(&ctx->alloc, 2 * (size_t)set->pairs, row_bytes);
    if (!rows)
        return arc_fail_nomem(err, "the embeddings of the pairs");
    double norms = 0;
    for (int i = 0; i < set->pairs; i++)
        for (int k = 0; k < 2; k++) {
            int image = set->pair[i][k];
            memcpy(rows + (2 * (size_t)i + (size_t)k) * (size_t)dim, r->sum + (size_t)image * (size_t)dim, row_bytes);
            norms += r->norm[image];
        }
    arc_status st = arc_eval_verification(ctx, rows, dim, set->same, set->pairs, opt->folds, opt->far_target, out, err);
    arc_mem_free(&ctx->alloc, rows);
    if (st == ARC_OK) {
        out->xnorm = norms / (2.0 * set->pairs);
        out->flip = opt->flip;
        memcpy(out->plan_id, r->plan_id, sizeof out->plan_id);
    }
    return st;
}

arc_status arc_eval_set_run(arc_context *ctx, const arc_model *model, const arc_eval_set *set, const arc_eval_options *opt,
                            arc_verification *out, arc_error *err) {
    arc_status st;
    arc_embedder *embedder = NULL;
    const arc_alloc *a = &ctx->alloc;
    *out = (arc_verification){0};
    runner *r = arc_mem_new(a, 1, sizeof *r);
    if (!r)
        return arc_fail_nomem(err, "the evaluation");
    r->ctx = ctx;
    r->set = set;
    arc_template_get(arc_model_contract(model)->align, &r->width_px, &r->height_px, (float[5][2]){{0}});
    ARC_TRY(arc_embedder_new(ctx, model, &embedder, err));
    int dim = arc_embedder_dim(embedder);
    r->error = arc_mem_new(a, BATCH, sizeof(arc_error));
    r->plain = arc_mem_new(a, (size_t)BATCH * (size_t)dim, sizeof(float));
    r->flipped = arc_mem_new(a, (size_t)BATCH * (size_t)dim, sizeof(float));
    r->sum = arc_mem_raw(a, (size_t)set->images * (size_t)dim, sizeof(float));
    r->norm = arc_mem_raw(a, (size_t)set->images, sizeof(double));
    if (!r->error || !r->plain || !r->flipped || !r->sum || !r->norm) {
        st = arc_fail_nomem(err, "the evaluation's embeddings");
        goto done;
    }
    for (int i = 0; opt->flip && i < BATCH; i++)
        ARC_TRY(arc_image_new(ctx, r->width_px, r->height_px, &r->mirrored[i], err));
    ARC_TRY(embed_all(r, embedder, dim, opt, err));
    ARC_TRY(judge(ctx, r, dim, opt, out, err));
done:
    for (int i = 0; i < BATCH; i++)
        arc_image_free(ctx, &r->mirrored[i]);
    arc_mem_free(a, r->norm);
    arc_mem_free(a, r->sum);
    arc_mem_free(a, r->flipped);
    arc_mem_free(a, r->plain);
    arc_mem_free(a, r->error);
    arc_mem_free(a, r);
    arc_embedder_free(&embedder);
    return st;
}
