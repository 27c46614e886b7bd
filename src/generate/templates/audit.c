/* generate: the audit of stored templates: which are rebuilt, what becomes of the faces, and the same under a keyed rotation. */
#include "generate/metrics/features.h"
#include "generate/templates/templates.h"
#include "model/model.h"
#include <arcface/face.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct work {
    arc_context *ctx;
    const arc_model *model;
    const arc_template_audit_options *opt;
    arc_generate_options generate;
    arc_template_audit *audit;
    float *all;    /* [templates][dim] */
    float *target; /* [rebuilt][dim] of unit length */
} work;

void arc_template_audit_options_default(arc_template_audit_options *opt) {
    *opt = (arc_template_audit_options){.struct_size = sizeof *opt, .most = 16, .threshold = NAN, .independent_threshold = NAN};
}

static void name_model(const arc_model *model, char *out, size_t bytes) {
    snprintf(out, bytes, "%s", model->path ? arc_path_name(model->path) : "a model that was never saved");
}

/* ---- steps of an audit ---- */

static arc_status choose_rows(work *w, arc_error *err) {
    arc_template_audit *a = w->audit;
    arc_arena *arena = a->memory;
    const size_t dim = (size_t)a->dim;
    a->rebuilt = (int)ARC_MIN((int64_t)w->opt->most, a->templates);
    const size_t count = (size_t)a->rebuilt;
    a->row = arc_arena_new(arena, count, sizeof *a->row);
    a->face = arc_arena_new(arena, count, sizeof *a->face);
    a->cosine = arc_arena_new(arena, count, sizeof *a->cosine);
    a->protected_face = arc_arena_new(arena, count, sizeof *a->protected_face);
    w->target = arc_arena_new(arena, count * dim, sizeof(float));
    if (!a->row || !a->face || !a->cosine || !a->protected_face || !w->target)
        return arc_fail_nomem(err, "the audit of templates");
    for (size_t i = 0; i < count; i++) {
        a->row[i] = (int64_t)i * a->templates / a->rebuilt;
        memcpy(w->target + i * dim, w->all + (size_t)a->row[i] * dim, dim * sizeof(float));
    }
    arc_embedding_normalise(w->target, a->rebuilt, a->dim);
    return ARC_OK;
}

static arc_status rebuild(work *w, const float *target, const char *stage, uint64_t seed, arc_image *face, arc_error *err) {
    arc_generate_options options = w->generate;
    options.seed = seed;
    const arc_rebuild r = {w->model, target, w->audit->rebuilt, w->audit->dim,
                           &options, stage,  w->opt->progress,  w->opt->progress_ctx};
    return arc_rebuild_faces(w->ctx, &r, face, err);
}

/* Pictures by a model, of unit length; the caller frees *row. */
static arc_status embed(work *w, const arc_model *model, const arc_image *image, const char *const *path, float **row, int *dim,
                        arc_error *err) {
    const arc_feature_run run = {model, path, w->audit->rebuilt, "comparing", w->opt->progress, w->opt->progress_ctx, image};
    return arc_feature_embed(w->ctx, &run, row, dim, err);
}

static arc_status try_plain(work *w, arc_error *err) {
    arc_template_audit *a = w->audit;
    float *face = NULL;
    int dim;
    arc_status st = rebuild(w, w->target, "rebuilding faces", w->generate.seed, a->face, err);
    if (st == ARC_OK)
        st = embed(w, w->model, a->face, NULL, &face, &dim, err);
    if (st == ARC_OK)
        st = arc_trial_run(w->ctx, face, w->target, a->rebuilt, a->dim, a->threshold, a->cosine, &a->plain, err);
    arc_mem_free(&w->ctx->alloc, face);
    return st;
}

/* What the independent model compares the faces with: the owners' photos, or second faces of the same templates. */
static arc_status make_reference(work *w, float **row, int *dim, arc_error *err) {
    arc_template_audit *a = w->audit;
    arc_arena *arena = a->memory;
    const size_t count = (size_t)a->rebuilt;
    if (w->opt->photo_count > 0) {
        const char **path = arc_arena_new(arena, count, sizeof *path);
        if (!path)
            return arc_fail_nomem(err, "the list of photos");
        for (size_t i = 0; i < count; i++)
            path[i] = w->opt->photos[a->row[i]];
        a->reference = ARC_TEMPLATE_PHOTOS;
        return embed(w, w->opt->independent, NULL, path, row, dim, err);
    }
    arc_image *second = arc_arena_new(arena, count, sizeof *second);
    arc_status st = second ? rebuild(w, w->target, "rebuilding them again", w->generate.seed + 1, second, err)
                           : arc_fail_nomem(err, "second faces");
    if (st == ARC_OK)
        st = embed(w, w->opt->independent, second, NULL, row, dim, err);
    for (size_t i = 0; second && i < count; i++)
        arc_image_free(w->ctx, &second[i]);
    a->reference = ARC_TEMPLATE_SECOND_FACES;
    return st;
}

static arc_status try_elsewhere(work *w, arc_error *err) {
    arc_template_audit *a = w->audit;
    float *face = NULL, *reference = NULL;
    int dim;
    double rate;
    arc_status st = arc_threshold_of(w->opt->independent, w->opt->independent_threshold, 0, &a->independent_threshold,
                                     &a->independent_source, &rate, err);
    name_model(w->opt->independent, a->independent, sizeof a->independent);
    if (st == ARC_OK)
        st = make_reference(w, &reference, &dim, err);
    if (st == ARC_OK)
        st = embed(w, w->opt->independent, a->face, NULL, &face, &dim, err);
    if (st == ARC_OK)
        st = arc_trial_run(w->ctx, face, reference, a->rebuilt, dim, a->independent_threshold, NULL, &a->elsewhere, err);
    arc_mem_free(&w->ctx->alloc, face);
    arc_mem_free(&w->ctx->alloc, reference);
    return st;
}

/* What the rotation changes for those who hold the key: nothing, but for rounding. */
static void measure_rotation(const work *w, const arc_protection *p, const float *hidden, float *back) {
    arc_template_audit *a = w->audit;
    const size_t dim = (size_t)a->dim, count = (size_t)a->rebuilt;
    arc_unprotect(p, hidden, a->rebuilt, back);
    for (size_t i = 0; i < count; i++) {
        const double kept = arc_embedding_cosine(back + i * dim, w->target + i * dim, a->dim);
        a->key_error = ARC_MAX(a->key_error, 1 - kept);
        for (size_t j = 0; j < i; j++) {
            const double before = arc_embedding_cosine(w->target + i * dim, w->target + j * dim, a->dim);
            const double after = arc_embedding_cosine(hidden + i * dim, hidden + j * dim, a->dim);
            a->cosine_change = ARC_MAX(a->cosine_change, fabs(after - before));
        }
    }
}

/* A thief without the key aims at the protected template. Where the face is presented its embedding is rotated too, so it is
 * the plain template that it must come near. */
static arc_status try_protected(work *w, arc_error *err) {
    arc_template_audit *a = w->audit;
    arc_arena *arena = a->memory;
    arc_protection *p = NULL;
    arc_template_trial fit = {.cosine = {0}};
    float *face = NULL;
    int dim;
    float *hidden = arc_arena_new(arena, (size_t)a->rebuilt * (size_t)a->dim, sizeof(float));
    float *back = arc_arena_new(arena, (size_t)a->rebuilt * (size_t)a->dim, sizeof(float));
    arc_status st =
        hidden && back ? arc_protection_new(w->ctx, w->opt->key, a->dim, &p, err) : arc_fail_nomem(err, "protected templates");
    if (st == ARC_OK) {
        arc_protect(p, w->target, a->rebuilt, hidden);
        measure_rotation(w, p, hidden, back);
        arc_protection_free(w->ctx, &p);
        st = rebuild(w, hidden, "rebuilding from protected templates", w->generate.seed, a->protected_face, err);
    }
    if (st == ARC_OK)
        st = embed(w, w->model, a->protected_face, NULL, &face, &dim, err);
    if (st == ARC_OK)
        st = arc_trial_run(w->ctx, face, w->target, a->rebuilt, a->dim, a->threshold, NULL, &a->unkeyed, err);
    if (st == ARC_OK)
        st = arc_trial_run(w->ctx, face, hidden, a->rebuilt, a->dim, a->threshold, NULL, &fit, err);
    arc_mem_free(&w->ctx->alloc, face);
    a->unkeyed_fit = fit.cosine;
    a->has_protected = st == ARC_OK;
    return st;
}

/* ---- the whole ---- */

static arc_status check_sizes(const work *w, const char *path, arc_error *err) {
    const arc_template_audit *a = w->audit;
    const int dim = arc_model_contract(w->model)->dim;
    if (dim != a->dim)
        return arc_fail(err, ARC_ESHAPE,
                        "%s: templates have %d numbers, but %s makes %d: name the model that made them with --model", path,
                        a->dim, a->model, dim);
    if (w->opt->photo_count > 0 && w->opt->photo_count != a->templates)
        return arc_fail(err, ARC_ESHAPE, "%d photos for %lld templates: each template needs its owner's, in the same order",
                        w->opt->photo_count, (long long)a->templates);
    return ARC_OK;
}

static arc_status run(work *w, const char *path, arc_error *err) {
    arc_template_audit *a = w->audit;
    name_model(w->model, a->model, sizeof a->model);
    a->steps = w->generate.steps;
    arc_status st = arc_threshold_of(w->model, w->opt->threshold, w->opt->far, &a->threshold, &a->source, &a->far, err);
    if (st == ARC_OK)
        st = arc_templates_read(w->ctx, path, &w->all, &a->templates, &a->dim, err);
    if (st == ARC_OK)
        st = check_sizes(w, path, err);
    if (st == ARC_OK)
        st = choose_rows(w, err);
    if (st == ARC_OK)
        st = try_plain(w, err);
    if (st == ARC_OK && w->opt->independent)
        st = try_elsewhere(w, err);
    if (st == ARC_OK && w->opt->key)
        st = try_protected(w, err);
    return st;
}

arc_status arc_template_audit_run(arc_context *ctx, const char *path, const arc_model *model,
                                  const arc_template_audit_options *opt, arc_template_audit **out, arc_error *err) {
    arc_template_audit_options defaults;
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_template_audit_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_template_audit_options_default(&defaults);
    work w = {.ctx = ctx, .model = model, .opt = opt ? opt : &defaults};
    if (w.opt->most < 1)
        return arc_fail(err, ARC_EINVAL, "%d templates to rebuild: one at least", w.opt->most);
    arc_generate_options_default(&w.generate);
    if (w.opt->generate)
        w.generate = *w.opt->generate;
    w.audit = arc_mem_new(&ctx->alloc, 1, sizeof *w.audit);
    arc_arena *arena = arc_mem_new(&ctx->alloc, 1, sizeof *arena);
    if (!w.audit || !arena) {
        arc_mem_free(&ctx->alloc, w.audit);
        arc_mem_free(&ctx->alloc, arena);
        return arc_fail_nomem(err, "the audit of templates");
    }
    arc_arena_init(arena, &ctx->alloc, 0);
    w.audit->memory = arena;
    const arc_status st = run(&w, path, err);
    arc_mem_free(&ctx->alloc, w.all);
    if (st != ARC_OK)
        arc_template_audit_free(ctx, &w.audit);
    *out = w.audit;
    return st;
}

void arc_template_audit_free(arc_context *ctx, arc_template_audit **audit) {
    if (!audit || !*audit)
        return;
    arc_template_audit *a = *audit;
    for (int i = 0; i < a->rebuilt; i++) {
        if (a->face)
            arc_image_free(ctx, &a->face[i]);
        if (a->protected_face)
            arc_image_free(ctx, &a->protected_face[i]);
    }
    arc_arena_free(a->memory);
    arc_mem_free(&ctx->alloc, a->memory);
    arc_mem_free(&ctx->alloc, a);
    *audit = NULL;
}
