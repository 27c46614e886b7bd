/* gallery/migrate: the move. Templates are listed in a transaction that reads, embedded without one, and stored in one that
 * writes, so that others wait only for the writing. First come those that have crops, then, by the map, the rest, and what others
 * enrol meanwhile after them; the transaction of the cut-over does what is left itself. */
#include "gallery/migrate/move.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DROP_ROWS 4096
#define MAX_BATCH 4096

void arc_gallery_migrate_options_default(arc_gallery_migrate_options *opt) {
    *opt = (arc_gallery_migrate_options){.struct_size = sizeof *opt, .least_cosine = 0.5, .batch = 64};
}

arc_status arc_move_check_options(const arc_gallery_migrate_options *opt, arc_error *err) {
    if (opt->batch < 1 || opt->batch > MAX_BATCH)
        return arc_fail(err, ARC_EINVAL, "batches of %d templates; they have 1 to %d", opt->batch, MAX_BATCH);
    if (!(opt->least_cosine >= -1 && opt->least_cosine <= 1))
        return arc_fail(err, ARC_EINVAL, "the least cosine of a map is -1 to 1, not %g", opt->least_cosine);
    return ARC_OK;
}

typedef struct place {
    arc_move_stage at;
    int64_t after;            /* templates up to this id were looked at in this stage */
    int64_t crops;            /* those up to this id had their crops looked at, when that stage ended */
    int64_t embedded, mapped; /* so many got an embedding, by all calls of this move */
} place;

enum { NUMBERS = 5 }; /* of a place */

/* ---- what is stored of it ---- */

/* Numbers that are stored as text; *found false: there are none. */
static arc_status get_numbers(arc_gallery *g, const char *key, int64_t number[NUMBERS], bool *found, arc_error *err) {
    arc_buffer text;
    arc_buffer_init(&text, &g->ctx->alloc, 256);
    arc_status st = g->store->type->meta_get(g->store, key, &text, found, err);
    if (st == ARC_OK && arc_buffer_put(&text, "", 1) != ARC_OK)
        st = arc_fail_nomem(err, "a gallery's move");
    char *at = (char *)text.data;
    for (int i = 0; i < NUMBERS; i++)
        number[i] = st == ARC_OK && *found ? strtoll(at, &at, 10) : 0;
    arc_buffer_free(&text);
    return st;
}

static arc_status put_place(arc_gallery *g, place p, arc_error *err) {
    char text[120];
    const int bytes = snprintf(text, sizeof text, "%d %lld %lld %lld %lld", (int)p.at, (long long)p.after, (long long)p.crops,
                               (long long)p.embedded, (long long)p.mapped);
    return g->store->type->meta_put(g->store, "migrate-at", (arc_bytes){text, (size_t)bytes}, err);
}

static arc_status put_old(arc_gallery *g, int generation, arc_error *err) {
    char text[24];
    const int bytes = snprintf(text, sizeof text, "%d", generation);
    return g->store->type->meta_put(g->store, "migrate-old", (arc_bytes){text, (size_t)bytes}, err);
}

static arc_status forget(arc_gallery *g, const char *key, arc_error *err) {
    return g->store->type->meta_put(g->store, key, (arc_bytes){0}, err);
}

/* Whether a move to this target is going on; EINVAL: to another one. */
static arc_status see_move(const arc_move *m, bool *going_on, arc_error *err) {
    arc_buffer ours, theirs;
    arc_status st;
    arc_buffer_init(&ours, &m->g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    arc_buffer_init(&theirs, &m->g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    ARC_TRY(m->g->store->type->meta_get(m->g->store, "migrate", &theirs, going_on, err));
    ARC_TRY(arc_binding_write(&m->target, &ours, err));
    if (*going_on && (ours.bytes != theirs.bytes || memcmp(ours.data, theirs.data, ours.bytes) != 0))
        st = arc_gallery_fail(m->g, err, ARC_EINVAL,
                              "another move has begun already; finish it by the same command, or give it up "
                              "(arcface gallery migrate --cancel)");
done:
    arc_buffer_free(&ours);
    arc_buffer_free(&theirs);
    return st;
}

/* ---- the beginning ---- */

/* What cannot be moved as it was asked for is said before anything is done. */
static arc_status check_possible(const arc_move *m, const arc_store_counts *counts, arc_error *err) {
    const int64_t without = counts->templates - counts->crops, negatives = m->opt->drop_negatives ? 0 : counts->negatives;
    if (!m->embedder || m->opt->allow_map || (without == 0 && negatives == 0))
        return ARC_OK;
    return arc_gallery_fail(
        m->g, err, ARC_EINVAL,
        "%lld of %lld templates have no crop, and there are %lld marks \"not this person\": they can only be mapped, "
        "which costs accuracy (--allow-map; the loss is measured and reported). Nothing was changed",
        (long long)without, (long long)counts->templates, (long long)negatives);
}

/* What the data base can search it can search afterwards. */
static arc_status make_vectors(arc_move *m, arc_error *err) {
    const arc_store_vectors_type *type = m->g->store->type->vectors;
    arc_store_vectors now = {.there = false};
    arc_status st = type ? type->get(m->g->store, m->g->binding.generation, &now, err) : ARC_OK;
    return st == ARC_OK && now.there ? type->make(m->g->store, m->target.generation, m->target.dim, now.hnsw, err) : st;
}

static arc_status finish_vectors(arc_move *m, arc_error *err) {
    arc_gallery *g = m->g;
    const arc_store_vectors_type *type = g->store->type->vectors;
    arc_store_vectors next = {.there = false};
    arc_status st;
    if (!type)
        return ARC_OK;
    ARC_TRY(arc_gallery_enter(g, false, err));
    ARC_TRY(arc_gallery_leave(g, type->get(g->store, m->target.generation, &next, err), err));
    if (!next.there || next.ready)
        return ARC_OK;
    pthread_mutex_lock(&g->lock);
    st = type->finish(g->store, m->target.generation, err);
    pthread_mutex_unlock(&g->lock);
done:
    return st;
}

static arc_status begin_within(arc_move *m, arc_error *err) {
    arc_gallery *g = m->g;
    const arc_gallery_store_type *type = g->store->type;
    arc_buffer text;
    arc_store_counts counts;
    bool going_on;
    arc_status st;
    arc_buffer_init(&text, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    m->target.generation = g->binding.generation + 1;
    m->target.fusion = g->binding.fusion;
    m->target.sketch = g->binding.sketch;
    if (arc_seal_renewing(g->seal))
        ARC_TRY(arc_gallery_fail(g, err, ARC_EINVAL, "its keys are being replaced; let that end first (arcface gallery renew)"));
    ARC_TRY(see_move(m, &going_on, err));
    ARC_TRY(type->counts(g->store, &counts, err));
    m->total = counts.templates;
    ARC_TRY(check_possible(m, &counts, err));
    if (going_on)
        goto done;
    ARC_TRY(arc_binding_write(&m->target, &text, err));
    ARC_TRY(type->meta_put(g->store, "migrate", (arc_bytes){text.data, text.bytes}, err));
    ARC_TRY(put_place(g, (place){.at = m->embedder ? ARC_MOVE_CROPS : ARC_MOVE_REST}, err));
    ARC_TRY(make_vectors(m, err));
    st = arc_gallery_note(g, m->embedder ? "migrate" : "protect", "gallery", err,
                          "{\"generation\":%d,\"sha256\":\"%s\",\"dim\":%d}", m->target.generation, m->target.model_sha256,
                          m->target.dim);
done:
    arc_buffer_free(&text);
    return st;
}

/* ---- batches ---- */

static arc_status read_place(arc_move *m, place *p, arc_error *err) {
    int64_t number[NUMBERS] = {0};
    bool going_on, found;
    arc_status st = see_move(m, &going_on, err);
    if (st == ARC_OK && !going_on)
        st = arc_gallery_fail(m->g, err, ARC_EINVAL, "the move was given up, or finished, by somebody else meanwhile");
    if (st == ARC_OK)
        st = get_numbers(m->g, "migrate-at", number, &found, err);
    *p = (place){(arc_move_stage)number[0], number[1], number[2], number[3], number[4]};
    m->report.embedded = p->embedded;
    m->report.mapped = p->mapped;
    return st;
}

/* The map of this move: the one that it has learned before, else a new one. */
static arc_status need_map(arc_move *m, arc_error *err) {
    const arc_status st = arc_move_recall_map(m, err);
    return st == ARC_OK && !m->matrix ? arc_move_learn(m, err) : st;
}

/* A map is learned before the first template that needs it. */
static arc_status list(arc_move *m, const place *p, arc_move_batch *b, arc_error *err) {
    b->after = p->after;
    arc_status st = arc_move_batch_list(b, m, p->at, err);
    if (st == ARC_OK && p->at == ARC_MOVE_REST && b->rows > 0 && m->embedder && !m->matrix) {
        if (!m->opt->allow_map)
            return arc_gallery_fail(m->g, err, ARC_EINVAL,
                                    "templates without a crop were enrolled meanwhile; --allow-map maps them");
        st = need_map(m, err);
    }
    return st;
}

static arc_status store(arc_move *m, place *p, arc_move_batch *b, arc_error *err) {
    arc_status st;
    ARC_TRY(arc_move_batch_store(b, m, err));
    ARC_TRY(arc_move_keep_map(m, err));
    *(p->at == ARC_MOVE_CROPS ? &p->embedded : &p->mapped) += b->rows;
    p->after = b->last;
    if (b->ended && p->at == ARC_MOVE_CROPS) { /* the rest is looked for from the beginning */
        p->crops = b->last;
        p->at = ARC_MOVE_REST;
        p->after = 0;
    }
    st = put_place(m->g, *p, err);
done:
    return st;
}

/* Another process works on the same move, and has stored meanwhile: what this one made of the batch, and its map, are not used.
 */
static void give_way(arc_move *m, arc_move_batch *b) {
    b->rows = 0;
    b->ended = false;
    if (m->matrix_kept)
        return;
    arc_mem_free(&m->g->ctx->alloc, m->matrix);
    m->matrix = NULL;
}

/* One batch in transactions of its own. *ended: it was the last one. */
static arc_status step(arc_move *m, place *p, arc_move_batch *b, bool *ended, arc_error *err) {
    place from;
    arc_status st;
    ARC_TRY(arc_gallery_enter(m->g, false, err));
    st = read_place(m, &from, err);
    if (st == ARC_OK)
        st = list(m, &from, b, err);
    ARC_TRY(arc_gallery_leave(m->g, st, err));
    ARC_TRY(arc_move_batch_embed(b, m, from.at, err));
    ARC_TRY(arc_gallery_enter(m->g, true, err));
    st = read_place(m, p, err);
    if (st == ARC_OK && (p->at != from.at || p->after != from.after))
        give_way(m, b);
    else if (st == ARC_OK)
        st = store(m, p, b, err);
    st = arc_gallery_leave(m->g, st, err);
    *ended = from.at == ARC_MOVE_REST && b->ended;
done:
    return st;
}

/* Every template gets an embedding but those that come while the last ones do. */
static arc_status move_templates(arc_move *m, arc_move_batch *b, arc_error *err) {
    place p = {.at = ARC_MOVE_CROPS};
    for (bool ended = false; !ended;) {
        const arc_status st = step(m, &p, b, &ended, err);
        if (st != ARC_OK)
            return st;
        m->report.embedded = p.embedded;
        m->report.mapped = p.mapped;
        if (!ended && m->opt->progress &&
            m->opt->progress(m->opt->progress_ctx, p.at == ARC_MOVE_CROPS ? "embed" : "map", p.embedded + p.mapped, m->total) !=
                0)
            return arc_fail(err, ARC_ECANCEL, "cancelled; the gallery is as it was, and the same command goes on from here");
    }
    return ARC_OK;
}

/* ---- the cut-over ---- */

typedef struct negatives {
    arc_move *m;
    arc_arena arena;
    arc_negative_row *row;
    int64_t rows, room;
} negatives;

static arc_status take_negative(void *arg, const arc_negative_row *in, arc_error *err) {
    negatives *n = arg;
    arc_move *m = n->m;
    const arc_alloc *alloc = &m->g->ctx->alloc;
    const float *old;
    if (n->rows == n->room) {
        const int64_t more = n->room ? 2 * n->room : 16;
        arc_negative_row *grown = arc_mem_grow(alloc, n->row, (size_t)n->room, (size_t)more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, "a gallery's move");
        n->row = grown;
        n->room = more;
    }
    float *made = arc_arena_new(&n->arena, (size_t)m->target.dim, sizeof *made);
    if (!made)
        return arc_fail_nomem(err, "a gallery's move");
    const arc_status st =
        arc_gallery_embedding(m->g, ARC_SEAL_NEGATIVE, in->id, in->embedding, &m->g->scratch.embedding, &old, err);
    if (st != ARC_OK)
        return st;
    arc_move_map(m, old, made);
    n->row[n->rows] = *in;
    n->row[n->rows].generation = m->target.generation;
    n->row[n->rows++].embedding = (arc_bytes){made, (size_t)m->target.dim * sizeof *made};
    return ARC_OK;
}

static arc_status move_negatives(arc_move *m, arc_error *err) {
    arc_gallery *g = m->g;
    negatives n = {.m = m};
    arc_store_counts counts;
    arc_status st;
    arc_arena_init(&n.arena, &g->ctx->alloc, 0);
    ARC_TRY(g->store->type->counts(g->store, &counts, err));
    if (counts.negatives == 0 || (m->embedder && m->opt->drop_negatives)) {
        m->report.negatives_dropped = counts.negatives; /* with the old generation */
        goto done;
    }
    if (m->embedder && !m->matrix)
        ARC_TRY(m->opt->allow_map
                    ? need_map(m, err)
                    : arc_gallery_fail(g, err, ARC_EINVAL, "\"not this person\" was said meanwhile; --allow-map maps it"));
    ARC_TRY(g->store->type->negative_each(g->store, 0, g->binding.generation, take_negative, &n, err));
    for (int64_t i = 0; i < n.rows; i++) {
        const arc_seal_place sealed = {.column = ARC_SEAL_NEGATIVE, .row = n.row[i].id, .generation = m->target.generation};
        ARC_TRY(arc_seal_put(g->seal, sealed, n.row[i].embedding, &g->scratch.embedding, &n.row[i].embedding, err));
        ARC_TRY(g->store->type->negative_put(g->store, &n.row[i], err));
    }
    m->report.negatives_mapped = n.rows;
done:
    arc_mem_free(&g->ctx->alloc, n.row);
    arc_arena_free(&n.arena);
    return st;
}

/* With what mapping has cost, for good. */
static arc_status note_cut_over(const arc_move *m, arc_error *err) {
    const arc_gallery_migrate_report *r = &m->report;
    if (r->mapped + r->negatives_mapped == 0 || !m->embedder)
        return arc_gallery_note(
            m->g, "cut-over", "gallery", err, "{\"generation\":%d,\"embedded\":%lld,\"rotated\":%lld,\"negatives_dropped\":%lld}",
            m->target.generation, (long long)r->embedded, (long long)r->mapped, (long long)r->negatives_dropped);
    return arc_gallery_note(m->g, "cut-over", "gallery", err,
                            "{\"generation\":%d,\"embedded\":%lld,\"mapped\":%lld,\"negatives_mapped\":%lld,\"pairs\":%lld,"
                            "\"held_out\":%lld,\"cosine\":%.4f,\"cosine_low\":%.4f}",
                            m->target.generation, (long long)r->embedded, (long long)r->mapped, (long long)r->negatives_mapped,
                            (long long)r->pairs, (long long)r->held_out, r->cosine, r->cosine_low);
}

/* All that came since, and then the gallery is the other one. */
static arc_status cut_over_within(arc_move *m, arc_move_batch *b, arc_error *err) {
    arc_gallery *g = m->g;
    place p;
    arc_status st;
    ARC_TRY(read_place(m, &p, err));
    if (m->embedder && !m->matrix) /* what an earlier call has mapped, and at what cost */
        ARC_TRY(arc_move_recall_map(m, err));
    const int64_t rest = p.after;
    if (m->embedder) { /* crops first, of those that were enrolled behind the last one that was looked at */
        p.at = ARC_MOVE_CROPS;
        p.after = p.crops;
    }
    for (bool more = true; more;) {
        const arc_move_stage stage = p.at;
        ARC_TRY(list(m, &p, b, err));
        ARC_TRY(arc_move_batch_embed(b, m, stage, err));
        ARC_TRY(store(m, &p, b, err));
        more = stage == ARC_MOVE_CROPS || !b->ended;
        if (stage == ARC_MOVE_CROPS && b->ended)
            p.after = rest;
    }
    ARC_TRY(move_negatives(m, err));
    ARC_TRY(arc_gallery_put_binding(g, &m->target, err));
    ARC_TRY(forget(g, "migrate", err));
    ARC_TRY(forget(g, "migrate-at", err));
    ARC_TRY(arc_move_forget_map(g, err));
    ARC_TRY(put_old(g, g->binding.generation, err));
    m->report.embedded = p.embedded;
    m->report.mapped = p.mapped;
    st = note_cut_over(m, err);
done:
    return st;
}

arc_status arc_move_run(arc_move *m, arc_error *err) {
    arc_move_batch b = {0};
    arc_status st;
    ARC_TRY(arc_gallery_enter(m->g, true, err));
    ARC_TRY(arc_gallery_leave(m->g, begin_within(m, err), err));
    ARC_TRY(arc_move_batch_begin(&b, m, err));
    ARC_TRY(move_templates(m, &b, err));
    ARC_TRY(finish_vectors(m, err)); /* before the gallery is the other one: it is searched all the time */
    ARC_TRY(arc_gallery_enter(m->g, true, err));
    st = arc_gallery_leave(m->g, cut_over_within(m, &b, err), err);
done:
    arc_move_batch_end(&b, m);
    return st;
}

/* ---- what was the gallery before ---- */

static arc_status drop_within(arc_gallery *g, bool *left, arc_error *err) {
    int64_t number[NUMBERS];
    const arc_status st = get_numbers(g, "migrate-old", number, left, err);
    if (st != ARC_OK || !*left)
        return st;
    const arc_status dropped = g->store->type->generation_drop(g->store, (int)number[0], DROP_ROWS, left, err);
    return dropped == ARC_OK && !*left ? forget(g, "migrate-old", err) : dropped;
}

arc_status arc_move_clean(arc_gallery *g, arc_error *err) {
    bool left = true;
    arc_status st = ARC_OK;
    while (left) {
        ARC_TRY(arc_gallery_enter(g, true, err));
        ARC_TRY(arc_gallery_leave(g, drop_within(g, &left, err), err));
    }
    st = arc_gallery_erase(g, err);
done:
    return st;
}

static arc_status cancel_within(arc_gallery *g, bool *was, arc_error *err) {
    arc_buffer text;
    arc_status st;
    arc_buffer_init(&text, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    ARC_TRY(g->store->type->meta_get(g->store, "migrate", &text, was, err));
    if (!*was)
        goto done;
    ARC_TRY(forget(g, "migrate", err));
    ARC_TRY(forget(g, "migrate-at", err));
    ARC_TRY(arc_move_forget_map(g, err));
    ARC_TRY(put_old(g, g->binding.generation + 1, err));
    st = arc_gallery_note(g, "migrate-cancel", "gallery", err, "{}");
done:
    arc_buffer_free(&text);
    return st;
}

arc_status arc_gallery_migrate_cancel(arc_gallery *g, arc_error *err) {
    bool was = false;
    arc_status st;
    ARC_TRY(arc_gallery_enter(g, true, err));
    ARC_TRY(arc_gallery_leave(g, cancel_within(g, &was, err), err));
    if (was)
        st = arc_move_clean(g, err);
done:
    return st;
}
