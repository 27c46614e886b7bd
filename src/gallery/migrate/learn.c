/* gallery/migrate: the linear map that takes old embeddings to new ones, learned from templates that have both. A fifth of the
 * people is held out: one half of their templates chooses how strongly the map is damped, the other half measures it. */
#include "gallery/migrate/move.h"
#include "vector/ridge.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TRAIN 8192
#define MAX_HELD 2048
#define LEAST_HELD 10
#define PIECE 256

/* Pairs as they come: `id` and new embeddings, until PIECE are there and their old ones are read. */
typedef struct learning {
    arc_move *m;
    arc_ridge ridge;
    int64_t every; /* one template of so many is taken */
    int rows, olds, held;
    int64_t id[PIECE], identity[PIECE];
    float *fresh, *old;           /* [PIECE][target.dim], [PIECE][dim] */
    float *held_fresh, *held_old; /* [MAX_HELD][...] */
    double cosine[MAX_HELD];
} learning;

arc_status arc_move_open(const arc_move *m, int generation, int dim, const arc_template_row *row, arc_buffer *buffer,
                         const float **out, arc_error *err) {
    const arc_seal_place place = {.column = ARC_SEAL_EMBEDDING, .row = row->id, .generation = generation};
    const size_t bytes = (size_t)dim * sizeof(float);
    arc_bytes plain;
    uint8_t *copy;
    *out = NULL;
    const arc_status st = arc_seal_get(m->g->seal, place, row->embedding, buffer, &plain, err);
    if (st != ARC_OK)
        return st;
    if (plain.bytes != bytes)
        return arc_gallery_fail(m->g, err, ARC_ECORRUPT, "the embedding of template %lld has %zu bytes, not %zu",
                                (long long)row->id, plain.bytes, bytes);
    if (plain.data != buffer->data) { /* floats lie at their own alignment */
        buffer->bytes = 0;
        if (arc_buffer_extend(buffer, bytes, &copy) != ARC_OK)
            return arc_fail_nomem(err, "an embedding");
        memcpy(copy, plain.data, bytes);
    }
    *out = (const float *)(const void *)buffer->data;
    return ARC_OK;
}

void arc_move_map(const arc_move *m, const float *old, float *out) {
    if (m->embedder) {
        arc_ridge_map(m->matrix, m->g->binding.dim, m->target.dim, old, out);
        return;
    }
    memcpy(out, old, (size_t)m->target.dim * sizeof *out);
    if (m->from)
        arc_unprotect(m->from, out, 1, out);
    if (m->to)
        arc_protect(m->to, out, 1, out);
}

static bool is_held_out(int64_t identity) {
    return arc_rng_hash(7, (uint64_t)identity) % 5 == 0;
}

static arc_status take_old(void *arg, const arc_template_row *row, arc_error *err) {
    learning *l = arg;
    const size_t dim = (size_t)l->m->g->binding.dim;
    const float *old;
    const arc_status st = arc_move_open(l->m, l->m->g->binding.generation, (int)dim, row, &l->m->g->scratch.embedding, &old, err);
    if (st == ARC_OK && l->olds < l->rows && l->id[l->olds] == row->id)
        memcpy(l->old + (size_t)l->olds++ * dim, old, dim * sizeof *old);
    return st;
}

/* The piece's pairs to the sums or to those that are held out. */
static arc_status use_piece(learning *l, arc_error *err) {
    arc_gallery *g = l->m->g;
    const size_t dim = (size_t)g->binding.dim, out = (size_t)l->m->target.dim;
    const arc_template_query q = {
        .generation = g->binding.generation, .parts = ARC_READ_EMBEDDING, .ids = l->id, .id_count = l->rows};
    l->olds = 0;
    arc_status st = l->rows ? g->store->type->template_each(g->store, &q, take_old, l, err) : ARC_OK;
    if (st == ARC_OK && l->olds != l->rows)
        st = arc_gallery_fail(g, err, ARC_ECORRUPT, "a template has no embedding of the bound model");
    for (int i = 0; i < l->rows && st == ARC_OK; i++) {
        const float *x = l->old + (size_t)i * dim, *y = l->fresh + (size_t)i * out;
        if (!is_held_out(l->identity[i]))
            arc_ridge_add(&l->ridge, x, y, 1);
        else if (l->held < MAX_HELD) {
            memcpy(l->held_old + (size_t)l->held * dim, x, dim * sizeof *x);
            memcpy(l->held_fresh + (size_t)l->held++ * out, y, out * sizeof *y);
        }
    }
    l->rows = 0;
    return st;
}

static arc_status take_fresh(void *arg, const arc_template_row *row, arc_error *err) {
    learning *l = arg;
    const size_t out = (size_t)l->m->target.dim;
    const float *fresh;
    if (l->rows == PIECE)
        return ARC_ECANCEL;
    if (row->embedding.bytes == 0 || arc_rng_hash(11, (uint64_t)row->id) % (uint64_t)l->every != 0)
        return ARC_OK;
    const arc_status st = arc_move_open(l->m, l->m->target.generation, (int)out, row, &l->m->g->scratch.embedding, &fresh, err);
    if (st != ARC_OK)
        return st;
    l->id[l->rows] = row->id;
    l->identity[l->rows] = row->identity;
    memcpy(l->fresh + (size_t)l->rows++ * out, fresh, out * sizeof *fresh);
    return ARC_OK;
}

static arc_status read_pairs(learning *l, arc_error *err) {
    arc_gallery *g = l->m->g;
    arc_template_query q = {.generation = l->m->target.generation, .parts = ARC_READ_EMBEDDING};
    arc_status st = ARC_ECANCEL;
    while (st == ARC_ECANCEL) {
        st = g->store->type->template_each(g->store, &q, take_fresh, l, err);
        if (st != ARC_OK && st != ARC_ECANCEL)
            return st;
        q.after_id = l->rows ? l->id[l->rows - 1] : q.after_id;
        const arc_status used = use_piece(l, err);
        if (used != ARC_OK)
            return used;
    }
    return ARC_OK;
}

static double cosine_of(const float *a, const float *b, int dim) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)a[i] * (double)b[i];
    return sum; /* both have length 1 */
}

/* Cosines of one half of the held-out pairs; gives their mean. */
static double measure(learning *l, const float *matrix, int half, int *count) {
    const arc_move *m = l->m;
    double sum = 0;
    *count = 0;
    for (int i = half; i < l->held; i += 2) {
        arc_ridge_map(matrix, m->g->binding.dim, m->target.dim, l->held_old + (size_t)i * (size_t)m->g->binding.dim, l->fresh);
        l->cosine[*count] = cosine_of(l->fresh, l->held_fresh + (size_t)i * (size_t)m->target.dim, m->target.dim);
        sum += l->cosine[(*count)++];
    }
    return sum / ARC_MAX(*count, 1);
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static arc_status fit(learning *l, float *trial, arc_error *err) {
    static const double damping[] = {1e-3, 1e-2, 1e-1, 1};
    arc_move *m = l->m;
    const size_t bytes = (size_t)m->g->binding.dim * (size_t)m->target.dim * sizeof(float);
    double best = -2;
    int count;
    for (size_t k = 0; k < ARC_COUNT(damping); k++) {
        const arc_status st = arc_ridge_solve(&l->ridge, damping[k], trial, err);
        if (st != ARC_OK)
            return st;
        const double cosine = measure(l, trial, 0, &count);
        if (cosine > best) {
            best = cosine;
            memcpy(m->matrix, trial, bytes);
        }
    }
    m->report.cosine = measure(l, m->matrix, 1, &count);
    qsort(l->cosine, (size_t)count, sizeof *l->cosine, by_value);
    m->report.cosine_low = l->cosine[count / 20];
    m->report.pairs = l->ridge.pairs;
    m->report.held_out = count;
    if (m->report.cosine >= m->opt->least_cosine)
        return ARC_OK;
    return arc_gallery_fail(
        m->g, err, ARC_EINVAL,
        "the map to the new model is too bad: mapped embeddings have a cosine of %.3f with the true ones on %d "
        "templates that it had not seen, and %.3f was asked for; nothing was mapped",
        m->report.cosine, count, m->opt->least_cosine);
}

static arc_status learn_within(learning *l, arc_error *err) {
    arc_move *m = l->m;
    arc_store_counts counts;
    float *trial = NULL;
    arc_status st;
    ARC_TRY(m->g->store->type->counts(m->g->store, &counts, err));
    l->every = 1 + counts.templates / (MAX_TRAIN + MAX_HELD);
    ARC_TRY(read_pairs(l, err));
    if (l->ridge.pairs < ARC_GALLERY_MAP_PAIRS || l->held < LEAST_HELD) {
        st = arc_gallery_fail(
            m->g, err, ARC_EINVAL,
            "too few templates have a crop to learn a map from: %lld and %d to measure it with, %d and %d are needed; "
            "enrol the others anew, or into another gallery",
            (long long)l->ridge.pairs, l->held, ARC_GALLERY_MAP_PAIRS, LEAST_HELD);
        goto done;
    }
    const size_t numbers = (size_t)m->g->binding.dim * (size_t)m->target.dim;
    trial = arc_mem_raw(&m->g->ctx->alloc, numbers, sizeof *trial);
    m->matrix = arc_mem_raw(&m->g->ctx->alloc, numbers, sizeof *m->matrix);
    st = trial && m->matrix ? fit(l, trial, err) : arc_fail_nomem(err, "a map of embeddings");
done:
    arc_mem_free(&m->g->ctx->alloc, trial);
    return st;
}

arc_status arc_move_learn(arc_move *m, arc_error *err) {
    const arc_alloc *alloc = &m->g->ctx->alloc;
    const size_t dim = (size_t)m->g->binding.dim, out = (size_t)m->target.dim;
    learning *l = arc_mem_new(alloc, 1, sizeof *l);
    if (!l)
        return arc_fail_nomem(err, "a map of embeddings");
    l->m = m;
    l->fresh = arc_mem_raw(alloc, PIECE * out, sizeof *l->fresh);
    l->old = arc_mem_raw(alloc, PIECE * dim, sizeof *l->old);
    l->held_fresh = arc_mem_raw(alloc, MAX_HELD * out, sizeof *l->held_fresh);
    l->held_old = arc_mem_raw(alloc, MAX_HELD * dim, sizeof *l->held_old);
    arc_status st = l->fresh && l->old && l->held_fresh && l->held_old ? ARC_OK : arc_fail_nomem(err, "a map of embeddings");
    if (st == ARC_OK)
        st = arc_ridge_begin(&l->ridge, m->g->ctx, (int)dim, (int)out, err);
    if (st == ARC_OK)
        st = learn_within(l, err);
    arc_ridge_end(&l->ridge);
    arc_mem_free(alloc, l->fresh);
    arc_mem_free(alloc, l->old);
    arc_mem_free(alloc, l->held_fresh);
    arc_mem_free(alloc, l->held_old);
    arc_mem_free(alloc, l);
    return st;
}
