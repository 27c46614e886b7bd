/* generate: judges a folder of generated faces: what each model sees in them, and the distance of their distribution from that of
 * real faces. */
#include "generate/metrics/cosines.h"
#include "generate/metrics/features.h"
#include "generate/metrics/pairs.h"
#include "model/model.h"
#include "vector/frechet.h"
#include <arcface/face.h>
#include <stdio.h>
#include <string.h>

typedef struct judging {
    arc_context *ctx;
    const arc_generate_eval_options *opt;
    arc_generated generated;
    const char **path; /* [generated.faces] */
    arc_mixed_pairs pairs;
    bool has_pairs;
    /* Of the last model: */
    float *face, *real, *listed; /* [generated.faces][dim], [opt->real_count][dim], [pairs.pictures][dim] */
    int dim;
} judging;

void arc_generate_eval_options_default(arc_generate_eval_options *opt) {
    *opt = (arc_generate_eval_options){.struct_size = sizeof *opt};
}

static const char *name_of(const arc_model *model) {
    return model->path ? arc_path_name(model->path) : "a model that was never saved";
}

/* ---- what one model sees ---- */

static arc_status embed(judging *j, const arc_model *model, const char *stage, const char *const *path, int count, float **row,
                        arc_error *err) {
    const arc_feature_run run = {model, path, count, stage, j->opt->progress, j->opt->progress_ctx, NULL};
    *row = NULL;
    return count > 0 ? arc_feature_embed(j->ctx, &run, row, &j->dim, err) : ARC_OK;
}

static arc_status embed_all(judging *j, const arc_model *model, arc_error *err) {
    arc_status st = embed(j, model, "generated faces", j->path, j->generated.faces, &j->face, err);
    if (st == ARC_OK)
        st = embed(j, model, "real faces", j->opt->real, j->opt->real_count, &j->real, err);
    if (st == ARC_OK && j->has_pairs)
        st = embed(j, model, "listed pictures", j->pairs.path, j->pairs.pictures, &j->listed, err);
    return st;
}

static void forget(judging *j) {
    arc_mem_free(&j->ctx->alloc, j->face);
    arc_mem_free(&j->ctx->alloc, j->real);
    arc_mem_free(&j->ctx->alloc, j->listed);
    j->face = j->real = j->listed = NULL;
}

static arc_status compare_targets(const judging *j, arc_generate_verdict *out, arc_error *err) {
    const arc_generated *g = &j->generated;
    if (!g->target)
        return ARC_OK;
    if (g->dim != j->dim)
        return arc_fail(
            err, ARC_ESHAPE,
            "the targets of the generated faces have %d numbers, the embeddings of %s %d: name the model that they were "
            "generated with",
            g->dim, out->model, j->dim);
    double *cosine = arc_mem_raw(&j->ctx->alloc, (size_t)g->faces, sizeof *cosine);
    if (!cosine)
        return arc_fail_nomem(err, "cosines");
    for (int i = 0; i < g->faces; i++)
        cosine[i] = arc_embedding_cosine(j->face + (size_t)i * (size_t)j->dim, g->target + (size_t)i * (size_t)j->dim, j->dim);
    arc_generate_summarise(cosine, g->faces, &out->target);
    arc_mem_free(&j->ctx->alloc, cosine);
    return ARC_OK;
}

/* Adds the pictures of the person `name` to `mean`. */
static int64_t add_person(const char *name, const char *const *path, int count, const float *row, int dim, float *mean) {
    int64_t found = 0;
    for (int i = 0; i < count; i++) {
        if (!arc_is_person(name, path[i]))
            continue;
        for (int k = 0; k < dim; k++)
            mean[k] += row[(size_t)i * (size_t)dim + (size_t)k];
        found++;
    }
    return found;
}

static arc_status compare_people(const judging *j, arc_generate_verdict *out, arc_error *err) {
    const arc_generated *g = &j->generated;
    double *cosine = arc_mem_raw(&j->ctx->alloc, (size_t)g->faces, sizeof *cosine);
    float *mean = arc_mem_raw(&j->ctx->alloc, (size_t)j->dim, sizeof *mean);
    arc_status st = cosine && mean ? ARC_OK : arc_fail_nomem(err, "cosines");
    int64_t compared = 0;
    for (int i = 0; st == ARC_OK && i < g->faces; i++) {
        memset(mean, 0, (size_t)j->dim * sizeof *mean);
        int64_t found = add_person(g->face[i].person, j->opt->real, j->opt->real_count, j->real, j->dim, mean);
        if (found == 0 && j->has_pairs)
            found = add_person(g->face[i].person, j->pairs.path, j->pairs.pictures, j->listed, j->dim, mean);
        if (found > 0)
            cosine[compared++] = arc_embedding_cosine(j->face + (size_t)i * (size_t)j->dim, mean, j->dim);
    }
    if (st == ARC_OK)
        arc_generate_summarise(cosine, compared, &out->real);
    arc_mem_free(&j->ctx->alloc, cosine);
    arc_mem_free(&j->ctx->alloc, mean);
    return st;
}

static arc_status judge(judging *j, const arc_model *model, bool generating, arc_generate_verdict *out, arc_error *err) {
    snprintf(out->model, sizeof out->model, "%s", name_of(model));
    out->generating = generating;
    arc_status st = embed_all(j, model, err);
    if (st == ARC_OK && generating)
        st = compare_targets(j, out, err);
    if (st == ARC_OK)
        st = compare_people(j, out, err);
    if (st == ARC_OK)
        st = arc_generate_diversity(j->ctx, &j->generated, j->face, j->dim, out, err);
    if (st == ARC_OK && j->has_pairs)
        st = arc_mixed_pairs_judge(j->ctx, &j->pairs, j->listed, j->face, j->dim, out, err);
    return st;
}

/* ---- distributions ---- */

/* own: the model whose embeddings are at hand is the one whose features are wanted. */
static arc_status measure_distance(judging *j, const arc_model *net, bool own, arc_generate_eval *out, arc_error *err) {
    float *generated = j->face, *real = j->real;
    int dims[2] = {j->dim, j->dim};
    arc_frechet f = {0};
    arc_status st = ARC_OK;
    if (!own) {
        arc_feature_run run = {net, j->path, j->generated.faces, "features, generated", j->opt->progress, j->opt->progress_ctx,
                               NULL};
        generated = real = NULL;
        st = arc_feature_raw(j->ctx, &run, &generated, &dims[0], err);
        run.path = j->opt->real;
        run.pictures = j->opt->real_count;
        run.stage = "features, real";
        if (st == ARC_OK)
            st = arc_feature_raw(j->ctx, &run, &real, &dims[1], err);
    }
    if (st == ARC_OK)
        st = arc_frechet_distance(j->ctx, generated, j->generated.faces, real, j->opt->real_count, dims[0], &f, err);
    if (!own) {
        arc_mem_free(&j->ctx->alloc, generated);
        arc_mem_free(&j->ctx->alloc, real);
    }
    if (st != ARC_OK)
        return st;
    snprintf(out->features, sizeof out->features, "%s", name_of(net));
    out->has_frechet = true;
    out->own_features = own;
    out->features_dim = dims[0];
    out->real = j->opt->real_count;
    out->frechet = f.distance;
    out->frechet_means = f.means;
    out->frechet_rank[0] = f.rank[0];
    out->frechet_rank[1] = f.rank[1];
    return ARC_OK;
}

static arc_status open_all(judging *j, const char *dir, arc_error *err) {
    arc_status st = arc_generated_open(&j->generated, &j->ctx->alloc, dir, err);
    if (st != ARC_OK)
        return st;
    j->path = arc_mem_raw(&j->ctx->alloc, (size_t)j->generated.faces, sizeof *j->path);
    if (!j->path)
        return arc_fail_nomem(err, "the list of generated faces");
    for (int i = 0; i < j->generated.faces; i++)
        j->path[i] = j->generated.face[i].path;
    if (j->opt->pairs)
        st = arc_mixed_pairs_open(j->ctx, j->opt->pairs, j->opt->images, &j->generated, &j->pairs, err);
    j->has_pairs = j->opt->pairs && st == ARC_OK;
    return st;
}

arc_status arc_generate_evaluate(arc_context *ctx, const char *dir, const arc_model *model, const arc_generate_eval_options *opt,
                                 arc_generate_eval *out, arc_error *err) {
    arc_generate_eval_options defaults;
    *out = (arc_generate_eval){0};
    if (ARC_CHECK_OPTIONS(arc_generate_eval_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_generate_eval_options_default(&defaults);
    judging j = {.ctx = ctx, .opt = opt ? opt : &defaults};
    if (!j.opt->pairs != !j.opt->images)
        return arc_fail(err, ARC_EINVAL, "a list of pairs and the folder of its images belong together");
    if (j.opt->judges < 0 || j.opt->judges > ARC_GENERATE_EVAL_MAX_JUDGES)
        return arc_fail(err, ARC_EINVAL, "%d judges: 0 to %d are possible", j.opt->judges, ARC_GENERATE_EVAL_MAX_JUDGES);
    arc_status st = open_all(&j, dir, err);
    out->faces = j.generated.faces;
    out->identities = j.generated.identities;
    out->verdicts = 1 + j.opt->judges;
    for (int i = 0; st == ARC_OK && i < out->verdicts; i++) {
        const arc_model *seen = i ? j.opt->judge[i - 1] : model, *net = j.opt->feature_net;
        forget(&j);
        st = judge(&j, seen, i == 0, &out->verdict[i], err);
        if (st == ARC_OK && j.opt->real_count > 0 && i == (j.opt->judges > 0)) /* its embeddings are at hand */
            st = measure_distance(&j, net ? net : seen, !net, out, err);
    }
    forget(&j);
    if (j.has_pairs)
        arc_mixed_pairs_close(ctx, &j.pairs);
    arc_mem_free(&ctx->alloc, j.path);
    arc_generated_close(&j.generated);
    if (st != ARC_OK)
        *out = (arc_generate_eval){0};
    return st;
}
