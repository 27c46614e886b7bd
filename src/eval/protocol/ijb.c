/* eval: IJB-B and IJB-C as InsightFace packs them. Pictures are warped by listed landmarks and pooled to templates in the
 * order of the templates, so that no picture's embedding needs to be stored; then verified by listed pairs and searched in
 * both galleries. */
#include "eval/protocol/templates.h"
#include "format/format.h"
#include <stdio.h>
#include <string.h>

typedef struct ijb {
    arc_context *ctx;
    const arc_evaluate_ijb_options *opt;
    const char *dir, *target; /* "ijbc" */
    arc_ijb_faces faces;
    arc_number_rows place, pairs; /* template and media of each picture; pairs of templates */
    arc_pooled *order;
    arc_pooling pooling;
    arc_templates templates;
    int dim;
    float *unit; /* [dim] scratch */
} ijb;

static void list_path(const ijb *j, const char *name, char *out, size_t bytes) {
    snprintf(out, bytes, "%s/meta/%s_%s", j->dir, j->target, name);
}

static arc_status choose_target(ijb *j, arc_error *err) {
    static const char *const targets[] = {"ijbc", "ijbb"};
    for (size_t i = 0; i < ARC_COUNT(targets); i++) {
        char path[4096];
        j->target = targets[i];
        list_path(j, "face_tid_mid.txt", path, sizeof path);
        if (arc_path_kind_of(path) == ARC_PATH_FILE)
            return ARC_OK;
    }
    return arc_fail(err, ARC_ENOTFOUND, "%s/meta holds neither ijbc_face_tid_mid.txt nor ijbb_face_tid_mid.txt", j->dir);
}

static arc_status read_lists(ijb *j, arc_error *err) {
    char path[4096];
    arc_map map;
    arc_status st = choose_target(j, err);
    if (st != ARC_OK)
        return st;
    list_path(j, "name_5pts_score.txt", path, sizeof path);
    st = arc_map_open(&map, path, (size_t)1 << 32, err);
    if (st == ARC_OK)
        st = arc_ijb_faces_parse(&j->faces, &j->ctx->alloc, map.data, map.bytes, path, err);
    arc_map_close(&map);
    if (st != ARC_OK)
        return st;
    list_path(j, "face_tid_mid.txt", path, sizeof path);
    st = arc_ijb_numbers_open(&j->place, &j->ctx->alloc, ARC_IJB_TID_MID, path, err);
    if (st == ARC_OK && (j->place.rows != j->faces.faces || j->place.rows == 0))
        st = arc_fail(err, ARC_ECORRUPT, "%s has %zu lines but name_5pts_score.txt has %zu", path, j->place.rows, j->faces.faces);
    if (st != ARC_OK)
        return st;
    list_path(j, "template_pair_label.txt", path, sizeof path);
    return arc_ijb_numbers_open(&j->pairs, &j->ctx->alloc, ARC_IJB_PAIRS, path, err);
}

/* ---- the pictures, in the order of the templates ---- */

static const arc_ijb_face *face_at(const ijb *j, int64_t index) {
    return &j->faces.face[j->order[index].index];
}

static void name_picture(const void *source, int64_t index, char *out, size_t bytes) {
    const ijb *j = source;
    snprintf(out, bytes, "%s/loose_crop/%s", j->dir, face_at(j, index)->name);
}

static arc_status open_picture(arc_context *ctx, const void *source, int64_t index, arc_eval_photo *out, arc_error *err) {
    char path[4096];
    (void)ctx;
    name_picture(source, index, path, sizeof path);
    const arc_status st = arc_eval_open_file(path, out, err);
    out->photo.has_landmarks = true;
    memcpy(out->photo.landmark_px, face_at(source, index)->landmark_px, sizeof out->photo.landmark_px);
    return st;
}

static arc_status pool_picture(void *arg, int64_t index, const float *embedding, double norm, arc_error *err) {
    ijb *j = arg;
    (void)norm;
    (void)err;
    if (embedding && j->opt->unit_images) {
        memcpy(j->unit, embedding, (size_t)j->dim * sizeof(float));
        arc_embedding_normalise(j->unit, 1, j->dim);
        embedding = j->unit;
    }
    arc_pooling_put(&j->pooling, j->order[index].number, j->order[index].media, embedding,
                    j->opt->plain_weight ? 1 : (double)face_at(j, index)->score);
    return ARC_OK;
}

static arc_status make_templates(ijb *j, const arc_model *model, arc_embed_run *run, arc_evaluation *e, arc_error *err) {
    const int64_t n = (int64_t)j->faces.faces;
    j->order = arc_mem_raw(&j->ctx->alloc, (size_t)n, sizeof *j->order);
    j->unit = arc_mem_raw(&j->ctx->alloc, (size_t)j->dim, sizeof *j->unit);
    if (!j->order || !j->unit)
        return arc_fail_nomem(err, "the templates");
    for (int64_t i = 0; i < n; i++)
        j->order[i] = (arc_pooled){j->place.value[2 * i], j->place.value[2 * i + 1], i};
    arc_status st = arc_pooling_begin(&j->pooling, &j->ctx->alloc, arc_pooled_sort(j->order, n), j->dim, err);
    if (st == ARC_OK)
        st = arc_eval_embed(j->ctx, model, run, e, err);
    if (st == ARC_OK)
        arc_pooling_end(&j->pooling, &j->templates);
    return st;
}

/* ---- 1:N ---- */

typedef struct side {
    float *row;
    int *subject;
    int64_t count;
} side;

static void side_close(ijb *j, side *s) {
    arc_mem_free(&j->ctx->alloc, s->row);
    arc_mem_free(&j->ctx->alloc, s->subject);
    *s = (side){0};
}

/* The templates that a list names, each once. */
static arc_status side_open(ijb *j, const char *name, side *s, arc_error *err) {
    char path[4096];
    arc_number_rows list;
    *s = (side){0};
    list_path(j, name, path, sizeof path);
    arc_status st = arc_ijb_numbers_open(&list, &j->ctx->alloc, ARC_IJB_SUBJECTS, path, err);
    if (st != ARC_OK)
        return st;
    s->row = arc_mem_raw(&j->ctx->alloc, list.rows, (size_t)j->dim * sizeof(float));
    s->subject = arc_mem_raw(&j->ctx->alloc, list.rows, sizeof *s->subject);
    uint8_t *seen = arc_mem_new(&j->ctx->alloc, (size_t)j->templates.count, 1);
    if (!s->row || !s->subject || !seen)
        st = arc_fail_nomem(err, path);
    for (size_t i = 0; i < list.rows && st == ARC_OK; i++) {
        const int64_t at = arc_templates_find(&j->templates, list.value[2 * i]);
        if (at < 0) {
            st = arc_fail(err, ARC_ECORRUPT, "%s names template %d, of which no picture is listed", path, list.value[2 * i]);
        } else if (!seen[at]) {
            seen[at] = 1;
            for (int k = 0; k < j->dim; k++)
                s->row[(size_t)s->count * (size_t)j->dim + (size_t)k] =
                    (float)j->templates.row[(size_t)at * (size_t)j->dim + (size_t)k];
            s->subject[s->count++] = list.value[2 * i + 1];
        }
    }
    arc_mem_free(&j->ctx->alloc, seen);
    arc_mem_free(&j->ctx->alloc, list.value);
    if (st != ARC_OK)
        side_close(j, s);
    return st;
}

/* A copy with the rates only; the points of its curve are released with the search. */
static arc_identification without_points(const arc_identification *d) {
    arc_identification rates = *d;
    rates.point = NULL;
    rates.points = 0;
    return rates;
}

/* Closed set over both galleries together, as in ijb_1n.py; open set in each gallery alone, where subjects of the other one
 * have no mate. */
static arc_status search_galleries(ijb *j, arc_evaluation *e, arc_error *err) {
    const bool c = strcmp(j->target, "ijbc") == 0;
    side probe = {0}, gallery[2] = {{0}, {0}}, both = {0};
    arc_identification d = {0};
    arc_status st;
    ARC_TRY(side_open(j, "1N_probe_mixed.csv", &probe, err));
    ARC_TRY(side_open(j, c ? "1N_gallery_G1.csv" : "1N_gallery_S1.csv", &gallery[0], err));
    ARC_TRY(side_open(j, c ? "1N_gallery_G2.csv" : "1N_gallery_S2.csv", &gallery[1], err));
    both.row = arc_mem_raw(&j->ctx->alloc, (size_t)(gallery[0].count + gallery[1].count), (size_t)j->dim * sizeof(float));
    both.subject = arc_mem_raw(&j->ctx->alloc, (size_t)(gallery[0].count + gallery[1].count), sizeof(int));
    if (!both.row || !both.subject)
        ARC_TRY(arc_fail_nomem(err, "the galleries"));
    for (int k = 0; k < 2; k++) {
        memcpy(both.row + (size_t)both.count * (size_t)j->dim, gallery[k].row,
               (size_t)gallery[k].count * (size_t)j->dim * sizeof(float));
        memcpy(both.subject + both.count, gallery[k].subject, (size_t)gallery[k].count * sizeof(int));
        both.count += gallery[k].count;
    }
    ARC_TRY(arc_identify(j->ctx, both.row, both.subject, both.count, probe.row, probe.subject, probe.count, j->dim, &d, err));
    e->identification = without_points(&d);
    arc_identification_free(j->ctx, &d);
    e->gallery_alone = arc_arena_new(arc_evaluation_arena(e), 2, sizeof *e->gallery_alone);
    if (!e->gallery_alone)
        ARC_TRY(arc_fail_nomem(err, "the searches in each gallery"));
    for (int k = 0; k < 2; k++) {
        ARC_TRY(arc_identify(j->ctx, gallery[k].row, gallery[k].subject, gallery[k].count, probe.row, probe.subject, probe.count,
                             j->dim, &d, err));
        e->gallery_alone[e->galleries_alone++] = without_points(&d);
        arc_identification_free(j->ctx, &d);
    }
done:
    side_close(j, &both);
    side_close(j, &gallery[1]);
    side_close(j, &gallery[0]);
    side_close(j, &probe);
    return st;
}

static arc_status finish(ijb *j, const arc_model *model, const arc_embed_run *run, arc_evaluation *e, arc_error *err) {
    arc_status st = arc_evaluation_provenance(j->ctx, e, model, j->dir, run->digest, &j->opt->eval, err);
    if (st != ARC_OK)
        return st;
    e->images = (int64_t)j->faces.faces;
    e->provenance.lineage = strcmp(j->target, "ijbc") == 0 ? "IJB-C in InsightFace's layout" : "IJB-B in InsightFace's layout";
    e->provenance.rule = arc_arena_printf(
        arc_evaluation_arena(e), "%s, %s, %s; mean over media, sum over a template's media, L2; dot product",
        j->opt->eval.flip ? "flip sum (F1)" : "plain view (F0)", j->opt->unit_images ? "unit pictures (N0)" : "norm kept (N1)",
        j->opt->plain_weight ? "no weights (D0)" : "detector's score as weight (D1)");
    if (!e->provenance.rule)
        return arc_fail_nomem(err, "the provenance");
    if (e->missing)
        st = arc_evaluation_note(
            e, err,
            "%lld pictures are missing; they take no part in their templates, and pairs of an empty template count as rejected",
            (long long)e->missing);
    return st == ARC_OK ? arc_evaluation_support_notes(e, 1e-6, err) : st;
}

arc_status arc_evaluate_ijb(arc_context *ctx, const arc_model *model, const char *dir, const arc_evaluate_ijb_options *opt,
                            arc_evaluation **out, arc_error *err) {
    arc_status st;
    arc_evaluate_ijb_options defaults;
    arc_evaluation *e = NULL;
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_evaluate_ijb_options, opt, err) != ARC_OK ||
        (opt && arc_evaluate_options_check(&opt->eval, err) != ARC_OK))
        return ARC_EINVAL;
    if (!opt) {
        arc_evaluate_ijb_options_default(&defaults);
        opt = &defaults;
    }
    ijb j = {.ctx = ctx, .opt = opt, .dir = dir, .dim = arc_model_contract(model)->dim};
    j.pooling.alloc = &ctx->alloc;
    ARC_TRY(read_lists(&j, err));
    ARC_TRY(arc_evaluation_new(ctx, "ijb", &e, err));
    const arc_eval_set set = {.images = (int64_t)j.faces.faces,
                              .open = open_picture,
                              .name = name_picture,
                              .names_are_paths = true,
                              .knows_landmarks = true,
                              .source = &j};
    arc_embed_run run = {.set = &set, .opt = &opt->eval, .sink = pool_picture, .sink_arg = &j};
    ARC_TRY(make_templates(&j, model, &run, e, err));
    ARC_TRY(arc_templates_verify(ctx, &j.templates, j.pairs.value, (int64_t)j.pairs.rows, opt->eval.far_targets,
                                 opt->eval.far_target_count, &e->curve, err));
    if (opt->search)
        ARC_TRY(search_galleries(&j, e, err));
    ARC_TRY(finish(&j, model, &run, e, err));
    *out = e;
    e = NULL;
done:
    arc_evaluation_free(ctx, &e);
    arc_templates_free(ctx, &j.templates);
    arc_pooling_abort(&j.pooling);
    arc_mem_free(&ctx->alloc, j.unit);
    arc_mem_free(&ctx->alloc, j.order);
    arc_mem_free(&ctx->alloc, j.pairs.value);
    arc_mem_free(&ctx->alloc, j.place.value);
    arc_ijb_faces_close(&j.faces);
    return st;
}

void arc_evaluate_ijb_options_default(arc_evaluate_ijb_options *opt) {
    *opt = (arc_evaluate_ijb_options){.struct_size = sizeof *opt};
    arc_evaluate_options_default(&opt->eval);
}
