/* face: the embedder: aligned crops to raw embeddings, in batches whose sizes are powers of two, so that few plans are made. */
#include "face/embed.h"
#include "base/base.h"
#include "face/views.h"
#include "image/image.h"
#include <math.h>
#include <string.h>

struct arc_embedder {
    arc_context *ctx;
    const arc_contract *contract;
    arc_net *net;
    int width_px, height_px;
    int batch; /* most views in one run; 1 after the model refused more */
};

arc_status arc_embedder_new(arc_context *ctx, const arc_model *model, arc_embedder **out, arc_error *err) {
    *out = NULL;
    const arc_contract *c = arc_model_contract(model);
    if (c->task != ARC_TASK_EMBED || c->dim <= 0)
        return arc_fail(err, ARC_EINVAL, "this model does not make embeddings: %.300s", c->why);
    arc_embedder *e = arc_mem_new(&ctx->alloc, 1, sizeof *e);
    if (!e)
        return arc_fail_nomem(err, "an embedder");
    e->ctx = ctx;
    e->contract = c;
    e->batch = ARC_EMBED_BATCH;
    arc_template_get(c->align, &e->width_px, &e->height_px, NULL);
    arc_status st;
    if ((c->input_width_px > 0 && c->input_width_px != e->width_px) ||
        (c->input_height_px > 0 && c->input_height_px != e->height_px)) {
        st = arc_fail(err, ARC_ESHAPE, "the model takes %dx%d pixels, but its template is %dx%d", c->input_width_px,
                      c->input_height_px, e->width_px, e->height_px);
        goto done;
    }
    ARC_TRY(arc_net_new(ctx, model, &e->net, err));
done:
    if (st != ARC_OK)
        arc_embedder_free(&e);
    *out = e;
    return st;
}

void arc_embedder_free(arc_embedder **embedder) {
    if (!embedder || !*embedder)
        return;
    arc_embedder *e = *embedder;
    arc_net_free(&e->net);
    arc_mem_free(&e->ctx->alloc, e);
    *embedder = NULL;
}

int arc_embedder_dim(const arc_embedder *embedder) {
    return embedder->contract->dim;
}

const char *arc_embedder_plan_id(const arc_embedder *embedder) {
    return arc_net_plan_id(embedder->net);
}

const arc_contract *arc_embedder_contract(const arc_embedder *embedder) {
    return embedder->contract;
}

/* Runs the network once over `n` views. *data: [n][dim]. */
static arc_status run_views(arc_embedder *e, const arc_view *views, const float (*points)[5][2], int n, const float **data,
                            arc_error *err) {
    arc_status st = arc_net_set_points(e->net, points, n, err);
    if (st == ARC_OK)
        st = arc_views_run(e->net, views, n, e->contract, err);
    if (st != ARC_OK)
        return st;
    arc_net_output out;
    st = arc_net_output_get(e->net, 0, &out, err);
    if (st != ARC_OK)
        return st;
    int64_t floats = 1;
    for (int i = 0; i < out.rank; i++)
        floats *= out.dim[i];
    if (floats != (int64_t)n * e->contract->dim)
        return arc_fail(err, ARC_ESHAPE, "the network gave %lld values for %d crops of dimension %d", (long long)floats, n,
                        e->contract->dim);
    for (int64_t i = 0; i < floats; i++)
        if (!isfinite(out.data[i]))
            return arc_fail(err, ARC_ECORRUPT, "the network gives numbers that are not finite: its weights overflow float32");
    *data = out.data;
    return ARC_OK;
}

void arc_embed_mirror_points(const float points[5][2], int width_px, float out[5][2]) {
    static const int other[5] = {1, 0, 2, 4, 3};
    for (int i = 0; i < 5; i++) {
        out[i][0] = (float)(width_px - 1) - points[other[i]][0];
        out[i][1] = points[other[i]][1];
    }
}

/* Five points of a view, divided by the sides. */
static void view_points(const arc_embedder *e, const float (*given)[2], bool mirror, float out[5][2]) {
    float middle[5][2], mirrored[5][2];
    arc_template_get(e->contract->align, NULL, NULL, middle);
    const float(*p)[2] = given ? given : (const float(*)[2])middle;
    if (mirror) {
        arc_embed_mirror_points(p, e->width_px, mirrored);
        p = (const float(*)[2])mirrored;
    }
    for (int i = 0; i < 5; i++) {
        out[i][0] = p[i][0] / (float)e->width_px;
        out[i][1] = p[i][1] / (float)e->height_px;
    }
}

void arc_embed_points(const arc_face *face, arc_template align, float out[5][2]) {
    double m[2][3];
    arc_template_get(align, NULL, NULL, out);
    if (arc_align_estimate((const float(*)[2])face->landmark_px, align, m, NULL, NULL) != ARC_OK)
        return;
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 2; k++)
            out[i][k] = (float)(m[k][0] * (double)face->landmark_px[i][0] + m[k][1] * (double)face->landmark_px[i][1] + m[k][2]);
}

static float length_of(const float *x, size_t dim) {
    double sum = 0;
    for (size_t k = 0; k < dim; k++)
        sum += (double)x[k] * (double)x[k];
    return (float)sqrt(sum);
}

/* Adds the norms of the last run, whose embeddings are `data`, to those of their crops: the mean over views. */
static arc_status add_norms(const arc_embedder *e, const float *data, int64_t first, int n, int views_each, float *norm,
                            arc_error *err) {
    const size_t dim = (size_t)e->contract->dim;
    arc_net_output out;
    if (!norm)
        return ARC_OK;
    for (int i = 0; i < n && !e->contract->norm_output; i++)
        norm[(first + i) / views_each] += length_of(data + (size_t)i * dim, dim) / (float)views_each;
    if (!e->contract->norm_output)
        return ARC_OK;
    const arc_status st = arc_net_output_get(e->net, e->contract->norm_output, &out, err);
    if (st != ARC_OK)
        return st;
    int64_t have = 1;
    for (int i = 0; i < out.rank; i++)
        have *= out.dim[i];
    if (have != n)
        return arc_fail(err, ARC_ESHAPE, "output '%s' gave %lld norms for %d crops", out.name, (long long)have, n);
    for (int i = 0; i < n; i++)
        norm[(first + i) / views_each] += out.data[i] / (float)views_each;
    return ARC_OK;
}

/* The crop at the model's size: unchanged, or the middle 96 columns of a crop of 112 x 112, which is the 112 x 96 template. */
static arc_status fit_crop(const arc_embedder *e, const arc_image *crop, arc_image *fitted, arc_error *err) {
    if (!arc_image_valid(crop))
        return arc_fail(err, ARC_EINVAL, "a crop without pixels");
    *fitted = *crop;
    if (crop->width_px == e->width_px && crop->height_px == e->height_px)
        return ARC_OK;
    if (e->contract->align == ARC_TEMPLATE_112X96 && crop->width_px == 112 && crop->height_px == 112) {
        fitted->data += (ptrdiff_t)8 * 3;
        fitted->width_px = 96;
        return ARC_OK;
    }
    return arc_fail(err, ARC_ESHAPE, "a crop of %dx%d pixels, but the model takes %dx%d", crop->width_px, crop->height_px,
                    e->width_px, e->height_px);
}

arc_status arc_embed_crops(arc_embedder *embedder, const arc_image *crops, int count, bool flip, float *out, arc_error *err) {
    const arc_embed_extra none = {.points = NULL};
    return arc_embed_faces(embedder, crops, &none, count, flip, out, err);
}

arc_status arc_embed_faces(arc_embedder *embedder, const arc_image *crops, const arc_embed_extra *extra, int count, bool flip,
                           float *out, arc_error *err) {
    arc_embedder *e = embedder;
    if (extra->norm)
        memset(extra->norm, 0, (size_t)ARC_MAX(count, 0) * sizeof *extra->norm);
    size_t dim = (size_t)e->contract->dim;
    int views_each = flip ? 2 : 1;
    memset(out, 0, (size_t)ARC_MAX(count, 0) * dim * sizeof *out);
    int64_t total = (int64_t)ARC_MAX(count, 0) * views_each;
    for (int64_t at = 0; at < total;) {
        int n = e->batch;
        while (n > total - at)
            n /= 2;
        arc_image fitted[ARC_EMBED_BATCH];
        arc_view views[ARC_EMBED_BATCH];
        float points[ARC_EMBED_BATCH][5][2];
        for (int i = 0; i < n; i++) {
            arc_status st = fit_crop(e, &crops[(at + i) / views_each], &fitted[i], err);
            if (st != ARC_OK)
                return st;
            views[i] = (arc_view){&fitted[i], flip && (at + i) % 2 == 1};
            view_points(e, extra->points ? extra->points[(at + i) / views_each] : NULL, views[i].mirror, points[i]);
        }
        const float *data = NULL;
        arc_status st = run_views(e, views, (const float(*)[5][2])points, n, &data, err);
        if (st == ARC_ESHAPE && n > 1) { /* the model was exported with a fixed batch of one */
            e->batch = 1;
            continue;
        }
        if (st == ARC_OK)
            st = add_norms(e, data, at, n, views_each, extra->norm, err);
        if (st != ARC_OK)
            return st;
        for (int i = 0; i < n; i++) {
            float *to = out + (size_t)((at + i) / views_each) * dim;
            for (size_t k = 0; k < dim; k++)
                to[k] += data[(size_t)i * dim + k];
            if (extra->plain && !views[i].mirror)
                memcpy(extra->plain + (size_t)((at + i) / views_each) * dim, data + (size_t)i * dim, dim * sizeof *data);
        }
        at += n;
    }
    return ARC_OK;
}

void arc_embedding_normalise(float *embeddings, int count, int dim) {
    for (int i = 0; i < count; i++) {
        float *x = embeddings + (size_t)i * (size_t)dim;
        double sum = 0;
        for (int k = 0; k < dim; k++)
            sum += (double)x[k] * (double)x[k];
        double norm = ARC_MAX(sqrt(sum), 1e-12);
        for (int k = 0; k < dim; k++)
            x[k] = (float)((double)x[k] / norm);
    }
}

double arc_embedding_cosine(const float *a, const float *b, int dim) {
    double ab = 0, aa = 0, bb = 0;
    for (int k = 0; k < dim; k++) {
        ab += (double)a[k] * (double)b[k];
        aa += (double)a[k] * (double)a[k];
        bb += (double)b[k] * (double)b[k];
    }
    return aa > 0 && bb > 0 ? ab / (sqrt(aa) * sqrt(bb)) : 0;
}
