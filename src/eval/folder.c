/* A folder of identities: DIR/identity/picture. All pairs, searches, and searches among distractors. */
#include "eval/all_pairs.h"
#include "eval/bootstrap.h"
#include "eval/similarity.h"
#include <arcface/evaluate_search.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_ENTRIES 10000000

typedef struct folder_set {
    arc_arena arena;
    const char **path; /* [images], by identity, then by name */
    int *identity;     /* [images] */
    int64_t images, capacity;
    int identities;
} folder_set;

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

static arc_status add_picture(folder_set *f, const arc_alloc *a, const char *dir, const char *person, const char *name,
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

static arc_status add_person(folder_set *f, const arc_alloc *a, const char *dir, const char *person, arc_error *err) {
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

static void folder_close(const arc_alloc *a, folder_set *f) {
    arc_mem_free(a, f->path);
    arc_mem_free(a, f->identity);
    arc_arena_free(&f->arena);
    *f = (folder_set){0};
}

/* Appends the pictures of dir/x/; with `loose` also those of dir itself. */
static arc_status folder_add(folder_set *f, const arc_alloc *a, const char *dir, bool loose, arc_error *err) {
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

static arc_status load_image(arc_context *ctx, const void *source, int64_t index, arc_image *out, uint8_t digest[32],
                             arc_error *err) {
    return arc_eval_load_file(ctx, ((const folder_set *)source)->path[index], out, digest, err);
}

static void name_image(const void *source, int64_t index, char *out, size_t bytes) {
    snprintf(out, bytes, "%s", ((const folder_set *)source)->path[index]);
}

/* What the three protocols share. */
typedef struct work {
    arc_context *ctx;
    folder_set set;
    arc_rows rows;
    arc_evaluation *e;
    arc_eval_options opt;
} work;

static arc_status embed(work *w, const arc_model *model, const char *name, const char *rule, arc_error *err) {
    arc_evaluation *e = w->e;
    const arc_eval_set set = {
        .images = w->set.images, .load = load_image, .name = name_image, .names_are_paths = true, .source = &w->set};
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

static arc_status open_work(work *w, arc_context *ctx, const char *protocol, const arc_eval_options *opt, arc_error *err) {
    *w = (work){.ctx = ctx};
    arc_arena_init(&w->set.arena, &ctx->alloc, 0);
    if (opt)
        w->opt = *opt;
    else
        arc_eval_options_default(&w->opt);
    return arc_evaluation_new(ctx, protocol, &w->e, err);
}

static void close_work(work *w, arc_status st, arc_evaluation **out) {
    *out = st == ARC_OK ? w->e : NULL;
    if (st != ARC_OK)
        arc_evaluation_free(w->ctx, &w->e);
    arc_rows_free(w->ctx, &w->rows);
    folder_close(&w->ctx->alloc, &w->set);
}

static arc_status keep_worst(work *w, const arc_worst_list *list, bool same, arc_pair_score **out, int *count, arc_error *err) {
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

/* TAR over resampled identities at the thresholds of the whole set: each identity brings its own genuine pairs. */
static arc_status resample_genuine(work *w, arc_error *err) {
    const arc_alloc *a = &w->ctx->alloc;
    arc_curve *c = &w->e->curve;
    const int people = w->set.identities, replicates = w->opt.bootstrap, dim = w->rows.dim;
    arc_status st = ARC_OK;
    int64_t(*hits)[ARC_MAX_OPERATING + 1] = arc_mem_new(a, (size_t)people, sizeof *hits); /* last: all pairs */
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

static arc_status missing_note(const work *w, arc_error *err) {
    if (!w->e->missing)
        return ARC_OK;
    return arc_evaluation_note(w->e, err, "%lld pictures are missing or show no face; they take no part",
                               (long long)w->e->missing);
}

arc_status arc_evaluate_folder(arc_context *ctx, const arc_model *model, const char *dir, const arc_eval_options *opt,
                               arc_evaluation **out, arc_error *err) {
    arc_status st;
    work w;
    *out = NULL;
    ARC_TRY(open_work(&w, ctx, "folder", opt, err));
    ARC_TRY(folder_add(&w.set, &ctx->alloc, dir, false, err));
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
    ARC_TRY(embed(&w, model, dir, rule, err));
    const int keep = ARC_MAX(0, ARC_MIN(w.opt.worst, ARC_WORST_MAX));
    arc_worst_list worst[2] = {{.capacity = keep}, {.lowest = true, .capacity = keep}};
    const arc_pairs_of_rows rows = {w.rows.row,        w.set.identity, w.set.images, w.rows.dim, .impostors = w.opt.impostors,
                                    .seed = w.opt.seed};
    ARC_TRY(arc_all_pairs(ctx, &rows, w.opt.far_targets, w.opt.far_target_count, worst, &w.e->curve, err));
    ARC_TRY(keep_worst(&w, &worst[0], false, &w.e->worst_impostor, &w.e->worst_impostors, err));
    ARC_TRY(keep_worst(&w, &worst[1], true, &w.e->worst_genuine, &w.e->worst_genuines, err));
    if (w.opt.bootstrap > 0)
        ARC_TRY(resample_genuine(&w, err));
    ARC_TRY(missing_note(&w, err));
    if (w.e->curve.genuine == 0 || w.e->curve.impostor == 0)
        ARC_TRY(arc_evaluation_note(w.e, err,
                                    "%s: %d identities with %lld pictures give pairs of one kind only: there is no curve", dir,
                                    w.set.identities, (long long)w.set.images));
    ARC_TRY(arc_evaluation_support_notes(w.e, w.opt.far_target, err));
done:
    close_work(&w, st, out);
    return st;
}

/* ---- searches ---- */

/* Gathers rows into `gallery` and `probe`: first pictures of identities with several, the others; distractors keep identity -1. */
typedef struct split {
    float *row;
    int *identity;
    int64_t gallery, probes;
} split;

static arc_status split_rows(const work *w, int64_t first_distractor, split *s, arc_error *err) {
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
            for (; i < end; i++) {
                if (!w->rows.present[i])
                    continue;
                const bool first = seen++ == 0 && present > 1, to_gallery = distractor || first;
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

static arc_status adopt_points(work *w, arc_identification *d, arc_error *err) {
    arc_roc_point *own = arc_arena_new(arc_evaluation_arena(w->e), (size_t)d->points, sizeof *own);
    if (own && d->points)
        memcpy(own, d->point, (size_t)d->points * sizeof *own);
    w->e->identification = *d;
    w->e->identification.point = own;
    arc_identification_free(w->ctx, d);
    return own ? ARC_OK : arc_fail_nomem(err, "the points of the open-set curve");
}

arc_status arc_evaluate_identify(arc_context *ctx, const arc_model *model, const char *dir, const char *distractors,
                                 const arc_eval_options *opt, arc_evaluation **out, arc_error *err) {
    arc_status st;
    work w;
    split s = {0};
    arc_identification d = {0};
    *out = NULL;
    ARC_TRY(open_work(&w, ctx, "identify", opt, err));
    ARC_TRY(folder_add(&w.set, &ctx->alloc, dir, false, err));
    const int64_t first_distractor = w.set.images;
    if (distractors)
        ARC_TRY(folder_add(&w.set, &ctx->alloc, distractors, true, err));
    ARC_TRY(
        embed(&w, model, dir,
              "gallery: the first picture of each identity with several; searches with a mate: their others; without: identities "
              "of one picture; ties count against the mate",
              err));
    ARC_TRY(split_rows(&w, first_distractor, &s, err));
    if (s.gallery < 1 || s.probes < 1)
        ARC_TRY(arc_fail(err, ARC_EINVAL, "%s: no identity has two usable pictures, so there is nothing to search", dir));
    ARC_TRY(arc_identify(ctx, s.row, s.identity, s.gallery, s.row + (size_t)s.gallery * (size_t)w.rows.dim,
                         s.identity + s.gallery, s.probes, w.rows.dim, &d, err));
    ARC_TRY(adopt_points(&w, &d, err));
    ARC_TRY(missing_note(&w, err));
done:
    arc_mem_free(&ctx->alloc, s.identity);
    arc_mem_free(&ctx->alloc, s.row);
    close_work(&w, st, out);
    return st;
}

/* ---- among distractors ---- */

typedef struct among {
    const int64_t *first;   /* [probes+1] of each probe's mates */
    const float *mate;      /* scores, rising within a probe */
    int64_t *above;         /* distractors that reach this mate but not the next higher one */
    uint64_t **grid;        /* [threads] */
    const uint8_t *present; /* of probes, then of distractors */
    int64_t probes;
} among;

static void count_distractors(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                              size_t stride) {
    among *m = arg;
    for (int i = 0; i < rows; i++) {
        const int64_t p = row + i, first = m->first[p], end = m->first[p + 1];
        if (!m->present[p])
            continue;
        for (int j = 0; j < columns; j++) {
            if (!m->present[m->probes + column + j])
                continue;
            const float x = score[(size_t)i * stride + (size_t)j];
            m->grid[thread][arc_grid_point(x)]++;
            if (first == end || x < m->mate[first])
                continue;
            int64_t low = first, high = end - 1; /* the last mate at or below x */
            while (low < high) {
                const int64_t middle = (low + high + 1) / 2;
                if (m->mate[middle] <= x)
                    low = middle;
                else
                    high = middle - 1;
            }
            m->above[low]++;
        }
    }
}

static void sort_rising(float *x, int64_t n) {
    for (int64_t i = 1; i < n; i++) { /* an identity has few pictures */
        const float v = x[i];
        int64_t j = i;
        for (; j > 0 && x[j - 1] > v; j--)
            x[j] = x[j - 1];
        x[j] = v;
    }
}

/* Scores of every ordered pair of one identity. */
static int64_t mates_of(const work *w, int64_t probes, int64_t *first, float *mate) {
    int64_t n = 0;
    const size_t dim = (size_t)w->rows.dim;
    for (int64_t i = 0; i < probes; i++) {
        if (first)
            first[i] = n;
        const int64_t begin = n;
        int64_t from = i, to = i + 1;
        while (from > 0 && w->set.identity[from - 1] == w->set.identity[i])
            from--;
        while (to < probes && w->set.identity[to] == w->set.identity[i])
            to++;
        for (int64_t j = from; j < to; j++) {
            if (j == i || !w->rows.present[i] || !w->rows.present[j])
                continue;
            if (mate)
                mate[n] = (float)arc_embedding_cosine(w->rows.row + (size_t)i * dim, w->rows.row + (size_t)j * dim, (int)dim);
            n++;
        }
        if (mate)
            sort_rising(mate + begin, n - begin);
    }
    if (first)
        first[probes] = n;
    return n;
}

static void fill_ranks(const among *m, arc_identification *d) {
    int64_t hits[ARC_MAX_CMC] = {0};
    for (int64_t p = 0; p < m->probes; p++) {
        int64_t above = 0;
        for (int64_t k = m->first[p + 1] - 1; k >= m->first[p]; k--) {
            above += m->above[k];
            if (above < ARC_MAX_CMC)
                hits[above]++;
        }
    }
    d->cmc_ranks = ARC_MAX_CMC;
    for (int k = 0; k < ARC_MAX_CMC; k++) {
        if (k)
            hits[k] += hits[k - 1];
        d->cmc[k] = arc_rate_of(hits[k], d->mated);
    }
}

static arc_status rank_among(work *w, int64_t probes, arc_error *err) {
    const arc_alloc *a = &w->ctx->alloc;
    const int threads = arc_pool_threads(w->ctx->pool), dim = w->rows.dim;
    arc_status st = ARC_OK;
    arc_identification *d = &w->e->identification;
    const int64_t mates = mates_of(w, probes, NULL, NULL);
    int64_t *first = arc_mem_raw(a, (size_t)probes + 1, sizeof *first), *above = arc_mem_new(a, (size_t)mates, sizeof *above);
    float *mate = arc_mem_raw(a, (size_t)mates, sizeof *mate);
    uint64_t **grid = arc_mem_new(a, (size_t)threads + 1, sizeof *grid);
    bool good = first && above && mate && grid;
    for (int t = 0; t <= threads && good; t++)
        good = (grid[t] = arc_mem_new(a, ARC_GRID_POINTS, sizeof **grid)) != NULL;
    if (!good)
        ARC_TRY(arc_fail_nomem(err, "the searches among distractors"));
    mates_of(w, probes, first, mate);
    for (int64_t i = 0; i < mates; i++)
        grid[threads][arc_grid_point(mate[i])]++;
    among m = {first, mate, above, grid, w->rows.present, probes};
    const arc_similarity s = {.row = w->rows.row,
                              .column = w->rows.row + (size_t)probes * (size_t)dim,
                              .rows = probes,
                              .columns = w->set.images - probes,
                              .dim = dim,
                              .visit = count_distractors,
                              .arg = &m};
    ARC_TRY(arc_similarity_run(w->ctx, &s, err));
    for (int t = 1; t < threads; t++)
        for (int i = 0; i < ARC_GRID_POINTS; i++)
            grid[0][i] += grid[t][i];
    d->mated = mates;
    d->distractors = d->gallery = w->set.images - probes;
    fill_ranks(&m, d);
    ARC_TRY(arc_curve_of_grid(a, grid[0], grid[threads], w->opt.far_targets, w->opt.far_target_count, &w->e->curve, err));
done:
    for (int t = 0; grid && t <= threads; t++)
        arc_mem_free(a, grid[t]);
    arc_mem_free(a, grid);
    arc_mem_free(a, mate);
    arc_mem_free(a, above);
    arc_mem_free(a, first);
    return st;
}

arc_status arc_evaluate_megaface(arc_context *ctx, const arc_model *model, const char *probes, const char *distractors,
                                 const arc_eval_options *opt, arc_evaluation **out, arc_error *err) {
    arc_status st;
    work w;
    *out = NULL;
    ARC_TRY(open_work(&w, ctx, "megaface", opt, err));
    ARC_TRY(folder_add(&w.set, &ctx->alloc, probes, false, err));
    const int64_t count = w.set.images;
    w.set.identities++; /* distractors are nobody's */
    ARC_TRY(folder_add(&w.set, &ctx->alloc, distractors, true, err));
    ARC_TRY(embed(&w, model, probes,
                  "each ordered pair (a, b) of one identity: search a among b and all distractors; ties count against b; genuine "
                  "pairs against pairs of probe and distractor",
                  err));
    ARC_TRY(rank_among(&w, count, err));
    ARC_TRY(missing_note(&w, err));
    ARC_TRY(arc_evaluation_support_notes(w.e, 1e-6, err));
done:
    close_work(&w, st, out);
    return st;
}
