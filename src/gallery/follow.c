/* gallery: the index follows the store. What changed since the index's revision is removed and added; if that cannot be told, or
 * is most of it, the index is built anew. */
#include "gallery/gallery_internal.h"
#include <string.h>

#define BATCH 2048

/* Templates on their way into an index. */
typedef struct filling {
    arc_gallery *g;
    arc_index *index;
    float *row; /* [BATCH][dim] */
    int64_t *id, *owner;
    int64_t count;
    arc_buffer scratch;
} filling;

static arc_status filling_begin(filling *f, arc_gallery *g, arc_index *index, arc_error *err) {
    const arc_alloc *alloc = &g->ctx->alloc;
    *f = (filling){.g = g, .index = index};
    f->row = arc_mem_raw(alloc, (size_t)BATCH * (size_t)g->binding.dim, sizeof *f->row);
    f->id = arc_mem_raw(alloc, BATCH, sizeof *f->id);
    f->owner = arc_mem_raw(alloc, BATCH, sizeof *f->owner);
    arc_buffer_init(&f->scratch, alloc, 4096 * sizeof(float) + 128);
    return f->row && f->id && f->owner ? ARC_OK : arc_fail_nomem(err, "templates for the index");
}

static void filling_end(filling *f) {
    const arc_alloc *alloc = &f->g->ctx->alloc;
    arc_mem_free(alloc, f->row);
    arc_mem_free(alloc, f->id);
    arc_mem_free(alloc, f->owner);
    arc_buffer_free(&f->scratch);
}

static arc_status pass_on(filling *f, arc_error *err) {
    const int64_t count = f->count;
    f->count = 0;
    return count ? arc_index_add(f->index, f->row, f->id, f->owner, count, err) : ARC_OK;
}

static arc_status take_template(void *arg, const arc_template_row *row, arc_error *err) {
    filling *f = arg;
    const float *embedding;
    if (row->embedding.bytes == 0)
        return ARC_OK; /* of another generation only */
    arc_status st = arc_gallery_embedding(f->g, ARC_SEAL_EMBEDDING, row->id, row->embedding, &f->scratch, &embedding, err);
    if (st != ARC_OK)
        return st;
    memcpy(f->row + f->count * f->g->binding.dim, embedding, (size_t)f->g->binding.dim * sizeof *embedding);
    f->id[f->count] = row->id;
    f->owner[f->count++] = row->identity;
    return f->count == BATCH ? pass_on(f, err) : ARC_OK;
}

static arc_status fill(filling *f, const arc_template_query *q, arc_error *err) {
    const arc_status st = f->g->store->type->template_each(f->g->store, q, take_template, f, err);
    return st == ARC_OK ? pass_on(f, err) : st;
}

static arc_status build(arc_gallery *g, arc_error *err) {
    const arc_template_query all = {.generation = g->binding.generation, .parts = ARC_READ_EMBEDDING};
    arc_index_options options;
    arc_index *index = NULL;
    filling f;
    arc_gallery_index_options(g, &options);
    arc_status st = filling_begin(&f, g, NULL, err);
    if (st == ARC_OK)
        st = arc_index_new(g->ctx, &options, &index, err);
    f.index = index;
    if (st == ARC_OK)
        st = fill(&f, &all, err);
    filling_end(&f);
    if (st == ARC_OK) {
        pthread_rwlock_wrlock(&g->index_lock);
        arc_index *const old = g->index;
        g->index = index;
        index = old;
        g->index_pending = arc_index_count(g->index);
        g->index_generation = g->binding.generation;
        arc_gallery_note_index_key(g);
        pthread_rwlock_unlock(&g->index_lock);
    }
    arc_index_free(&index);
    return st;
}

/* Ids of templates that are in the index as they were, or not yet. */
typedef struct catching_up {
    arc_gallery *g;
    int64_t *id, *there; /* all, and those that are not gone */
    size_t count, remain, capacity;
} catching_up;

static arc_status take_change(void *arg, const arc_change_row *row, arc_error *err) {
    catching_up *c = arg;
    const arc_alloc *alloc = &c->g->ctx->alloc;
    if (c->count == c->capacity) {
        const size_t more = c->capacity ? 2 * c->capacity : 256;
        int64_t *id = arc_mem_grow(alloc, c->id, c->capacity, more, sizeof *id);
        if (id)
            c->id = id;
        int64_t *there = id ? arc_mem_grow(alloc, c->there, c->capacity, more, sizeof *there) : NULL;
        if (!there)
            return arc_fail_nomem(err, "changes of templates");
        c->there = there;
        c->capacity = more;
    }
    c->id[c->count++] = row->template_id;
    if (!row->removed)
        c->there[c->remain++] = row->template_id;
    c->g->index_holds_gone |= row->removed;
    return ARC_OK;
}

/* Twice over, after a failure, it comes to the same: everything that changed is taken out first. */
static arc_status apply(arc_gallery *g, const catching_up *c, arc_error *err) {
    const arc_template_query changed = {
        .generation = g->binding.generation, .parts = ARC_READ_EMBEDDING, .ids = c->there, .id_count = (int64_t)c->remain};
    filling f;
    arc_status st = filling_begin(&f, g, g->index, err);
    pthread_rwlock_wrlock(&g->index_lock);
    if (st == ARC_OK)
        st = arc_index_remove(g->index, c->id, (int64_t)c->count, NULL, err);
    if (st == ARC_OK && c->remain > 0)
        st = fill(&f, &changed, err);
    if (st == ARC_OK)
        g->index_pending += (int64_t)c->count;
    pthread_rwlock_unlock(&g->index_lock);
    filling_end(&f);
    return st;
}

static arc_status catch_up(arc_gallery *g, bool *known, arc_error *err) {
    catching_up c = {.g = g};
    arc_status st = g->store->type->changes(g->store, g->index_revision, g->index_mark, known, take_change, &c, err);
    if (st == ARC_OK && *known && c.count > 0) {
        *known = (int64_t)c.count <= 1000 + arc_index_count(g->index); /* else anew is faster */
        if (*known)
            st = apply(g, &c, err);
    }
    arc_mem_free(&g->ctx->alloc, c.id);
    arc_mem_free(&g->ctx->alloc, c.there);
    return st;
}

arc_status arc_gallery_follow(arc_gallery *g, arc_error *err) {
    uint8_t mark[ARC_STORE_MARK_BYTES];
    int64_t revision;
    bool known;
    arc_status st;
    ARC_TRY(g->store->type->revision(g->store, &revision, mark, err));
    ARC_TRY(g->store->type->counts(g->store, &g->counts, err));
    if (!g->index)
        ARC_TRY(arc_gallery_load_index(g, err));
    known = g->index && g->index_generation == g->binding.generation && arc_gallery_index_key_is_current(g);
    if (known && (g->index_revision != revision || memcmp(g->index_mark, mark, sizeof mark) != 0))
        ARC_TRY(catch_up(g, &known, err));
    if (!known)
        ARC_TRY(build(g, err));
    g->index_revision = revision;
    memcpy(g->index_mark, mark, sizeof mark);
    g->index_behind = false;
done:
    return st;
}

#define DISTRUSTED (-1) /* index_generation of an index that is damaged: it is no model's */

void arc_gallery_distrust_index(arc_gallery *g) {
    pthread_rwlock_wrlock(&g->index_lock);
    g->index_generation = DISTRUSTED;
    pthread_rwlock_unlock(&g->index_lock);
}

static bool is_distrusted(arc_gallery *g) {
    pthread_rwlock_rdlock(&g->index_lock);
    const bool distrusted = g->index_generation == DISTRUSTED;
    pthread_rwlock_unlock(&g->index_lock);
    return distrusted;
}

/* Within a transaction. */
static arc_status look_and_follow(arc_gallery *g, arc_search_place place, bool *in_database, arc_error *err) {
    arc_status st;
    ARC_TRY(arc_gallery_need_binding(g, err));
    ARC_TRY(g->store->type->counts(g->store, &g->counts, err));
    if (place == ARC_SEARCH_AUTO)
        ARC_TRY(arc_gallery_place(g, in_database, err));
    if (!*in_database)
        ARC_TRY(arc_gallery_follow(g, err));
done:
    return st;
}

arc_status arc_gallery_refresh(arc_gallery *g, arc_search_place place, bool *in_database, arc_error *err) {
    bool changed;
    pthread_mutex_lock(&g->lock);
    arc_status st = g->store->type->wait(g->store, 0, &changed, err);
    g->index_behind |= st == ARC_OK && (changed || is_distrusted(g));
    g->place_behind |= st == ARC_OK && changed;
    *in_database = place == ARC_SEARCH_AUTO ? g->in_database : place == ARC_SEARCH_DATABASE;
    changed = g->place_behind || (!*in_database && g->index_behind);
    pthread_mutex_unlock(&g->lock);
    if (st != ARC_OK || !changed)
        return st;
    st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    st = look_and_follow(g, place, in_database, err);
    g->place_behind = st != ARC_OK || (g->place_behind && place != ARC_SEARCH_AUTO);
    return arc_gallery_leave(g, st, err);
}
