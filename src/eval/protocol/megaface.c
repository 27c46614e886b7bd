/* eval: searches among distractors, by MegaFace's protocol. */
#include "eval/protocol/all_pairs.h"
#include "eval/protocol/folder.h"
#include "vector/similarity.h"
#include <arcface/evaluate_search.h>
#include <string.h>

typedef struct among {
    const int64_t *first;   /* [probes+1] index of each probe's first mate */
    const float *mate;      /* scores, in rising order for each probe */
    int64_t *above;         /* distractors that score at least as high as this mate but lower than the next */
    uint64_t **grid;        /* [threads] */
    const uint8_t *present; /* for the probes, then for the distractors */
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
            int64_t low = first, high = end - 1; /* finds the last mate at or below x */
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
    for (int64_t i = 1; i < n; i++) { /* insertion sort: an identity has few pictures */
        const float v = x[i];
        int64_t j = i;
        for (; j > 0 && x[j - 1] > v; j--)
            x[j] = x[j - 1];
        x[j] = v;
    }
}

/* One past the last picture of one identity. */
static int64_t end_of_identity(const arc_folder_work *w, int64_t i, int64_t probes) {
    const int identity = w->set.identity[i];
    while (i < probes && w->set.identity[i] == identity)
        i++;
    return i;
}

/* Fills the index of each probe's first mate; returns the number of mates. */
static int64_t count_mates(const arc_folder_work *w, int64_t probes, int64_t *first) {
    int64_t mates = 0;
    for (int64_t i = 0, end; i < probes; i = end) {
        int64_t present = 0;
        end = end_of_identity(w, i, probes);
        for (int64_t p = i; p < end; p++)
            present += w->rows.present[p];
        for (int64_t p = i; p < end; p++) {
            first[p] = mates;
            mates += w->rows.present[p] ? present - 1 : 0;
        }
    }
    first[probes] = mates;
    return mates;
}

typedef struct mating {
    const arc_folder_work *w;
    int64_t from; /* the first picture of the identity */
    int64_t *next;
    float *mate;
} mating;

static void keep_mates(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                       size_t stride) {
    mating *g = arg;
    const uint8_t *present = g->w->rows.present;
    (void)thread;
    for (int i = 0; i < rows; i++) {
        const int64_t a = g->from + row + i;
        for (int j = 0; j < columns; j++) {
            const int64_t b = g->from + column + j;
            if (a != b && present[a] && present[b])
                g->mate[g->next[a]++] = score[(size_t)i * stride + (size_t)j];
        }
    }
}

/* Scores of every ordered pair of one identity, computed by the same products as those of distractors, so that equal pictures
 * tie. */
static arc_status measure_mates(arc_folder_work *w, int64_t probes, const int64_t *first, float *mate, arc_error *err) {
    mating g = {.w = w, .next = arc_mem_raw(&w->ctx->alloc, (size_t)probes, sizeof *g.next), .mate = mate};
    arc_status st = g.next ? ARC_OK : arc_fail_nomem(err, "the scores of mates");
    if (st == ARC_OK)
        memcpy(g.next, first, (size_t)probes * sizeof *first);
    for (int64_t end; st == ARC_OK && g.from < probes; g.from = end) {
        end = end_of_identity(w, g.from, probes);
        const float *row = w->rows.row + (size_t)g.from * (size_t)w->rows.dim;
        const arc_similarity s = {.row = row,
                                  .column = row,
                                  .rows = end - g.from,
                                  .columns = end - g.from,
                                  .dim = w->rows.dim,
                                  .visit = keep_mates,
                                  .arg = &g};
        st = arc_similarity_run(w->ctx, &s, err);
        for (int64_t p = g.from; p < end; p++)
            sort_rising(mate + first[p], first[p + 1] - first[p]);
    }
    arc_mem_free(&w->ctx->alloc, g.next);
    return st;
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

static arc_status rank_among(arc_folder_work *w, int64_t probes, arc_error *err) {
    const arc_alloc *a = &w->ctx->alloc;
    const int threads = arc_pool_threads(w->ctx->pool), dim = w->rows.dim;
    arc_status st = ARC_OK;
    arc_identification *d = &w->e->identification;
    int64_t *first = arc_mem_raw(a, (size_t)probes + 1, sizeof *first);
    const int64_t mates = first ? count_mates(w, probes, first) : 0;
    int64_t *above = arc_mem_new(a, (size_t)mates, sizeof *above);
    float *mate = arc_mem_raw(a, (size_t)mates, sizeof *mate);
    uint64_t **grid = arc_mem_new(a, (size_t)threads + 1, sizeof *grid);
    bool good = first && above && mate && grid;
    for (int t = 0; t <= threads && good; t++)
        good = (grid[t] = arc_mem_new(a, ARC_GRID_POINTS, sizeof **grid)) != NULL;
    if (!good)
        ARC_TRY(arc_fail_nomem(err, "the searches among distractors"));
    ARC_TRY(measure_mates(w, probes, first, mate, err));
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
                                 const arc_evaluate_options *opt, arc_evaluation **out, arc_error *err) {
    arc_status st;
    arc_folder_work w;
    *out = NULL;
    ARC_TRY(arc_folder_work_open(&w, ctx, "megaface", opt, err));
    ARC_TRY(arc_folder_add(&w.set, &ctx->alloc, probes, false, err));
    const int64_t count = w.set.images;
    w.set.identities++; /* distractors belong to no identity of the set */
    ARC_TRY(arc_folder_add(&w.set, &ctx->alloc, distractors, true, err));
    ARC_TRY(arc_folder_embed(
        &w, model, probes,
        "each ordered pair (a, b) of one identity: search a among b and all distractors; ties count against b; genuine "
        "pairs against pairs of probe and distractor",
        err));
    ARC_TRY(rank_among(&w, count, err));
    ARC_TRY(arc_folder_missing_note(&w, err));
    ARC_TRY(arc_evaluation_support_notes(w.e, 1e-6, err));
done:
    arc_folder_work_close(&w, st, out);
    return st;
}
