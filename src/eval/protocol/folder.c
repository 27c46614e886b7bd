/* eval: a folder of identities, DIR/identity/picture: verification over all pairs, and searches. */
#include "eval/protocol/folder.h"
#include "eval/protocol/all_pairs.h"
#include "eval/stats/bootstrap.h"
#include <arcface/evaluate_search.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_ENTRIES 10000000

static bool is_picture(const char *name) {
    static const char *const suffix[] = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".pgm", ".pnm"};
    const size_t n = strlen(name);
    for (size_t i = 0; i < ARC_COUNT(suffix); i++) {
        const size_t m = strlen(suffix[i]);
        if (n > m && strcasecmp(name + n - m, suffix[i]) == 0)
            return true;
    }
    return false;
}

static arc_status add_picture(arc_folder_set *f, const arc_alloc *a, const char *dir, const char *person, const char *name,
                              arc_error *err) {
    if (f->images == f->capacity) {
        const int64_t more = f->capacity ? 2 * f->capacity : 1024;
        const char **path = arc_mem_grow(a, f->path, (size_t)f->capacity, (size_t)more, sizeof *path);
        if (path)
            f->path = path;
        int *identity = path ? arc_mem_grow(a, f->identity, (size_t)f->capacity, (size_t)more, sizeof *identity) : NULL;
        if (!identity)
            return arc_fail_nomem(err, dir);
        f->identity = identity;
        f->capacity = more;
    }
    f->path[f->images] =
        *person ? arc_arena_printf(&f->arena, "%s/%s/%s", dir, person, name) : arc_arena_printf(&f->arena, "%s/%s", dir, name);
    f->identity[f->images] = f->identities;
    return f->path[f->images++] ? ARC_OK : arc_fail_nomem(err, dir);
}

static arc_status add_person(arc_folder_set *f, const arc_alloc *a, const char *dir, const char *person, arc_error *err) {
    char path[4096];
    arc_names names;
    snprintf(path, sizeof path, "%s%s%s", dir, *person ? "/" : "", person);
    arc_status st = arc_dir_list(&names, a, path, MAX_ENTRIES, err);
    if (st != ARC_OK)
        return st;
    const int64_t before = f->images;
    for (size_t i = 0; i < names.count && st == ARC_OK; i++)
        if (names.name[i][0] != '.' && is_picture(names.name[i]))
            st = add_picture(f, a, dir, person, names.name[i], err);
    f->identities += f->images > before;
    arc_names_free(&names);
    return st;
}

void arc_folder_close(const arc_alloc *a, arc_folder_set *f) {
    arc_mem_free(a, f->path);
    arc_mem_free(a, f->identity);
    arc_arena_free(&f->arena);
    *f = (arc_folder_set){0};
}

arc_status arc_folder_add(arc_folder_set *f, const arc_alloc *a, const char *dir, bool loose, arc_error *err) {
    arc_names people;
    const int64_t before = f->images;
    arc_status st = arc_dir_list(&people, a, dir, MAX_ENTRIES, err);
    if (st != ARC_OK)
        return st;
    if (loose)
        st = add_person(f, a, dir, "", err);
    for (size_t i = 0; i < people.count && st == ARC_OK; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir, people.name[i]);
        if (people.name[i][0] != '.' && arc_path_kind_of(path) == ARC_PATH_DIR)
            st = add_person(f, a, dir, people.name[i], err);
    }
    arc_names_free(&people);
    if (st == ARC_OK && f->images == before)
        st = arc_fail(err, ARC_EFORMAT, "%s: holds no pictures as identity/picture.jpg", dir);
    return st;
}

static arc_status open_image(arc_context *ctx, const void *source, int64_t index, arc_eval_photo *out, arc_error *err) {
    (void)ctx;
    return arc_eval_open_file(((const arc_folder_set *)source)->path[index], out, err);
}

static void name_image(const void *source, int64_t index, char *out, size_t bytes) {
    snprintf(out, bytes, "%s", ((const arc_folder_set *)source)->path[index]);
}

arc_status arc_folder_embed(arc_folder_work *w, const arc_model *model, const char *name, const char *rule, arc_error *err) {
    arc_evaluation *e = w->e;
    const arc_eval_set set = {
        .images = w->set.images, .open = open_image, .name = name_image, .names_are_paths = true, .source = &w->set};
    arc_embed_run run = {.set = &set, .opt = &w->opt};
    arc_status st = arc_eval_embed_rows(w->ctx, model, &run, e, &w->rows, err);
    if (st != ARC_OK)
        return st;
    e->images = w->set.images;
    e->identities = w->set.identities;
    st = arc_evaluation_provenance(w->ctx, e, model, name, run.digest, &w->opt, err);
    e->provenance.rule = arc_arena_printf(arc_evaluation_arena(e), "%s; %s; %s", rule,
                                          w->opt.flip ? "raw sum of plain and mirrored view" : "plain view",
                                          w->opt.detector ? "photos, detected and aligned" : "aligned crops");
    e->provenance.lineage = "a folder of identities";
    if (st == ARC_OK && !e->provenance.rule)
        st = arc_fail_nomem(err, "the provenance");
    if (st == ARC_OK)
        st = arc_unit_rows(w->rows.row, w->set.images, w->rows.dim, w->rows.row, err);
    return st;
}

arc_status arc_folder_work_open(arc_folder_work *w, arc_context *ctx, const char *protocol, const arc_evaluate_options *opt,
                                arc_error *err) {
    *w = (arc_folder_work){.ctx = ctx};
    arc_arena_init(&w->set.arena, &ctx->alloc, 0);
    if (arc_evaluate_options_check(opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (opt)
        w->opt = *opt;
    else
        arc_evaluate_options_default(&w->opt);
    return arc_evaluation_new(ctx, protocol, &w->e, err);
}

void arc_folder_work_close(arc_folder_work *w, arc_status st, arc_evaluation **out) {
    *out = st == ARC_OK ? w->e : NULL;
    if (st != ARC_OK)
        arc_evaluation_free(w->ctx, &w->e);
    arc_rows_free(w->ctx, &w->rows);
    arc_folder_close(&w->ctx->alloc, &w->set);
}

static arc_status keep_worst(arc_folder_work *w, const arc_worst_list *list, bool same, arc_pair_score **out, int *count,
                             arc_error *err) {
    arc_arena *a = arc_evaluation_arena(w->e);
    *out = arc_arena_new(a, (size_t)list->count, sizeof **out);
    if (!*out)
        return arc_fail_nomem(err, "the worst pairs");
    *count = list->count;
    for (int i = 0; i < list->count; i++) {
        const arc_index_pair *p = &list->pair[i];
        const char *name[2] = {arc_arena_strdup(a, w->set.path[p->a]), arc_arena_strdup(a, w->set.path[p->b])};
        if (!name[0] || !name[1])
            return arc_fail_nomem(err, "the worst pairs");
        (*out)[i] = (arc_pair_score){(double)p->score, same, {p->a, p->b}, {name[0], name[1]}, {name[0], name[1]}};
    }
    return ARC_OK;
}

/* TAR over resampled identities at the thresholds of the whole set: each drawn identity contributes its own genuine pairs. */
static arc_status resample_genuine(arc_folder_work *w, arc_error *err) {
    const arc_alloc *a = &w->ctx->alloc;
    arc_curve *c = &w->e->curve;
    const int people = w->set.identities, replicates = w->opt.bootstrap, dim = w->rows.dim;
    arc_status st = ARC_OK;
    int64_t(*hits)[ARC_MAX_OPERATING + 1] = arc_mem_new(a, (size_t)people, sizeof *hits); /* the last column counts all pairs */
    int *times = arc_mem_raw(a, (size_t)people, sizeof *times);
    double *tar = arc_mem_raw(a, (size_t)replicates * ARC_MAX_OPERATING, sizeof *tar);
    if (!hits || !times || !tar)
        ARC_TRY(arc_fail_nomem(err, "the bootstrap"));
    for (int64_t i = 0; i < w->set.images; i++)
        for (int64_t j = i + 1; j < w->set.images && w->set.identity[j] == w->set.identity[i]; j++) {
            if (!w->rows.present[i] || !w->rows.present[j])
                continue;
            const double score =
                arc_embedding_cosine(w->rows.row + (size_t)i * (size_t)dim, w->rows.row + (size_t)j * (size_t)dim, dim);
            for (int k = 0; k < c->operatings; k++)
                hits[w->set.identity[i]][k] += score >= c->operating[k].threshold;
            hits[w->set.identity[i]][ARC_MAX_OPERATING]++;
        }
    for (int r = 0; r < replicates; r++) {
        double sum[ARC_MAX_OPERATING] = {0}, all = 0;
        arc_bootstrap_draw(w->opt.seed, r, people, times);
        for (int p = 0; p < people; p++) {
            all += (double)times[p] * (double)hits[p][ARC_MAX_OPERATING];
            for (int k = 0; k < c->operatings; k++)
                sum[k] += (double)times[p] * (double)hits[p][k];
        }
        for (int k = 0; k < c->operatings; k++)
            tar[(size_t)k * (size_t)replicates + (size_t)r] = all > 0 ? sum[k] / all : 0;
    }
    for (int k = 0; k < c->operatings; k++)
        c->operating[k].tar_bootstrap = arc_bootstrap_interval(tar + (size_t)k * (size_t)replicates, replicates);
done:
    arc_mem_free(a, tar);
    arc_mem_free(a, times);
    arc_mem_free(a, hits);
    return st;
}

arc_status arc_folder_missing_note(const arc_folder_work *w, arc_error *err) {
    if (!w->e->missing)
        return ARC_OK;
    return arc_evaluation_note(w->e, err, "%lld pictures are missing or show no face; they take no part",
                               (long long)w->e->missing);
}

arc_status arc_evaluate_folder(arc_context *ctx, const arc_model *model, const char *dir, const arc_evaluate_options *opt,
                               arc_evaluation **out, arc_error *err) {
    arc_status st;
    arc_folder_work w;
    *out = NULL;
    ARC_TRY(arc_folder_work_open(&w, ctx, "folder", opt, err));
    ARC_TRY(arc_folder_add(&w.set, &ctx->alloc, dir, false, err));
    const char *impostors = w.opt.impostors > 0
                                ? arc_arena_printf(&w.set.arena, "at most %lld impostor pairs, drawn with seed %llu",
                                                   (long long)w.opt.impostors, (unsigned long long)w.opt.seed)
                                : "all impostor pairs";
    const char *rule = impostors
                           ? arc_arena_printf(&w.set.arena,
                                              "all genuine and %s; thresholds on a grid of 2^-20; intervals over identities at "
                                              "fixed thresholds",
                                              impostors)
                           : NULL;
    if (!rule)
        ARC_TRY(arc_fail_nomem(err, dir));
    ARC_TRY(arc_folder_embed(&w, model, dir, rule, err));
    const int keep = ARC_MAX(0, ARC_MIN(w.opt.worst, ARC_WORST_MAX));
    arc_worst_list worst[2] = {{.capacity = keep}, {.lowest = true, .capacity = keep}};
    const arc_pairs_of_rows rows = {w.rows.row,        w.set.identity, w.set.images, w.rows.dim, .impostors = w.opt.impostors,
                                    .seed = w.opt.seed};
    ARC_TRY(arc_all_pairs(ctx, &rows, w.opt.far_targets, w.opt.far_target_count, worst, &w.e->curve, err));
    ARC_TRY(keep_worst(&w, &worst[0], false, &w.e->worst_impostor, &w.e->worst_impostors, err));
    ARC_TRY(keep_worst(&w, &worst[1], true, &w.e->worst_genuine, &w.e->worst_genuines, err));
    if (w.opt.bootstrap > 0)
        ARC_TRY(resample_genuine(&w, err));
    ARC_TRY(arc_folder_missing_note(&w, err));
    if (w.e->curve.genuine == 0 || w.e->curve.impostor == 0)
        ARC_TRY(arc_evaluation_note(w.e, err,
                                    "%s: %d identities with %lld pictures give pairs of one kind only: there is no curve", dir,
                                    w.set.identities, (long long)w.set.images));
    ARC_TRY(arc_evaluation_support_notes(w.e, w.opt.far_target, err));
done:
    arc_folder_work_close(&w, st, out);
    return st;
}

/* ---- searches ---- */

/* Distributes rows to `gallery` and `probe`: the first pictures of each identity that has several, and its other pictures.
 * Distractors have identity -1. */
typedef struct split {
    float *row;
    int *identity;
    int64_t gallery, probes;
} split;

/* How many of an identity's pictures the gallery gets. */
static int64_t enrolled_of(double share, int64_t present) {
    const int64_t wanted = llround(share * (double)present);
    return present < 2 ? 0 : ARC_MIN(ARC_MAX(wanted, (int64_t)1), present - 1);
}

static arc_status split_rows(const arc_folder_work *w, int64_t first_distractor, split *s, arc_error *err) {
    const arc_alloc *a = &w->ctx->alloc;
    const int64_t images = w->set.images;
    const size_t dim = (size_t)w->rows.dim;
    s->row = arc_mem_raw(a, (size_t)images, dim * sizeof(float));
    s->identity = arc_mem_raw(a, (size_t)images, sizeof *s->identity);
    if (!s->row || !s->identity)
        return arc_fail_nomem(err, "the gallery");
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < images;) {
            const bool distractor = i >= first_distractor;
            int64_t end = i, present = 0, seen = 0;
            for (; end < images && w->set.identity[end] == w->set.identity[i]; end++)
                present += w->rows.present[end];
            const int64_t enrolled = enrolled_of(w->opt.enrol_share, present);
            for (; i < end; i++) {
                if (!w->rows.present[i])
                    continue;
                const bool first = seen++ < enrolled, to_gallery = distractor || first;
                if (to_gallery != (pass == 0))
                    continue;
                const int64_t at = s->gallery + s->probes;
                memcpy(s->row + (size_t)at * dim, w->rows.row + (size_t)i * dim, dim * sizeof(float));
                s->identity[at] = distractor ? -1 : w->set.identity[i];
                s->gallery += to_gallery;
                s->probes += !to_gallery;
            }
        }
    return ARC_OK;
}

static arc_status adopt_points(arc_folder_work *w, arc_identification *d, arc_error *err) {
    arc_roc_point *own = arc_arena_new(arc_evaluation_arena(w->e), (size_t)d->points, sizeof *own);
    if (own && d->points)
        memcpy(own, d->point, (size_t)d->points * sizeof *own);
    w->e->identification = *d;
    w->e->identification.point = own;
    arc_identification_free(w->ctx, d);
    return own ? ARC_OK : arc_fail_nomem(err, "the points of the open-set curve");
}

static const char *search_rule(arc_arena *arena, double share) {
    const char *rest = "searches with a mate: their others; without: identities of one picture; ties count against the mate";
    return share > 0 ? arc_arena_printf(arena,
                                        "gallery: the first %g %% of the pictures of each identity with several, whose score is "
                                        "the highest of theirs; %s",
                                        100 * share, rest)
                     : arc_arena_printf(arena, "gallery: the first picture of each identity with several; %s", rest);
}

arc_status arc_evaluate_identify(arc_context *ctx, const arc_model *model, const char *dir, const char *distractors,
                                 const arc_evaluate_options *opt, arc_evaluation **out, arc_error *err) {
    arc_status st;
    arc_folder_work w;
    split s = {0};
    arc_identification d = {0};
    *out = NULL;
    ARC_TRY(arc_folder_work_open(&w, ctx, "identify", opt, err));
    if (!(w.opt.enrol_share >= 0 && w.opt.enrol_share <= 1))
        ARC_TRY(
            arc_fail(err, ARC_EINVAL, "the gallery gets a share of 0 to 1 of an identity's pictures, not %g", w.opt.enrol_share));
    ARC_TRY(arc_folder_add(&w.set, &ctx->alloc, dir, false, err));
    const int64_t first_distractor = w.set.images;
    if (distractors)
        ARC_TRY(arc_folder_add(&w.set, &ctx->alloc, distractors, true, err));
    const char *rule = search_rule(&w.set.arena, w.opt.enrol_share);
    if (!rule)
        ARC_TRY(arc_fail_nomem(err, dir));
    ARC_TRY(arc_folder_embed(&w, model, dir, rule, err));
    ARC_TRY(split_rows(&w, first_distractor, &s, err));
    if (s.gallery < 1 || s.probes < 1)
        ARC_TRY(arc_fail(err, ARC_EINVAL, "%s: no identity has two usable pictures, so there is nothing to search", dir));
    ARC_TRY(arc_identify(ctx, s.row, s.identity, s.gallery, s.row + (size_t)s.gallery * (size_t)w.rows.dim,
                         s.identity + s.gallery, s.probes, w.rows.dim, &d, err));
    ARC_TRY(adopt_points(&w, &d, err));
    ARC_TRY(arc_folder_missing_note(&w, err));
done:
    arc_mem_free(&ctx->alloc, s.identity);
    arc_mem_free(&ctx->alloc, s.row);
    arc_folder_work_close(&w, st, out);
    return st;
}
