/* gallery: what searches a gallery in a server: the index in this process's memory, or the data base itself. */
#include "gallery/gallery_internal.h"
#include <arcface/index.h>
#include <stdio.h>

/* What arc_index_new says of an index's memory. */
static double index_bytes(const arc_binding *b, int64_t templates) {
    const int codes = (b->dim + 63) / 64 * 64, truth = 4 * b->dim, sketch = b->sketch ? b->dim / 8 : 0;
    return (double)templates * (codes + truth + sketch + 60);
}

/* The index of a file is mapped: the system keeps in memory what it has room for. */
bool arc_gallery_fits(const arc_gallery *g, int64_t templates) {
    return !g->store->type->vectors || g->index_memory == 0 || index_bytes(&g->binding, templates) <= (double)g->index_memory;
}

/* Nobody searches in it any more, so its memory is given back. */
static void drop_index(arc_gallery *g) {
    pthread_rwlock_wrlock(&g->index_lock);
    arc_index_free(&g->index);
    pthread_rwlock_unlock(&g->index_lock);
    g->index_behind = true;
}

arc_status arc_gallery_need_vectors(arc_gallery *g, arc_store_vectors *out, arc_error *err) {
    const arc_store_vectors_type *type = g->store->type->vectors;
    const arc_status st = type->get(g->store, g->binding.generation, out, err);
    if (st != ARC_OK || out->ready)
        return st;
    if (out->there)
        return arc_gallery_fail(g, err, ARC_EUNSUPPORTED,
                                "its vectors are being made (\"arcface gallery set --search\" again, if that was stopped)");
    if (arc_seal_index_key(g->seal))
        return arc_gallery_fail(g, err, ARC_EUNSUPPORTED,
                                "it is sealed: its templates are ciphertext in the server, which cannot compare them");
    arc_error why = {0};
    if (type->possible(g->store, &why) == ARC_EUNSUPPORTED)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s", why.text);
    return arc_gallery_fail(g, err, ARC_EUNSUPPORTED,
                            "the server has no vectors of it; \"arcface gallery set --search database\" makes them");
}

arc_status arc_gallery_place(arc_gallery *g, bool *in_database, arc_error *err) {
    arc_store_vectors vectors;
    arc_error why = {0};
    *in_database = false;
    if (!arc_gallery_fits(g, g->counts.templates)) {
        const arc_status st = arc_gallery_need_vectors(g, &vectors, &why);
        if (st == ARC_EUNSUPPORTED)
            return arc_gallery_fail(g, err, ARC_ELIMIT,
                                    "the index of its %lld templates takes %.3g GB of memory, more than the %.3g GB that it may "
                                    "have here (--index-memory), and the server cannot search instead: %s",
                                    (long long)g->counts.templates, index_bytes(&g->binding, g->counts.templates) / 1e9,
                                    (double)g->index_memory / 1e9, why.text);
        if (st != ARC_OK)
            return arc_fail(err, st, "%s", why.text);
        *in_database = true;
        if (g->index)
            drop_index(g);
    }
    g->in_database = *in_database;
    return ARC_OK;
}

/* ---- the server's vectors, made and dropped ---- */

static arc_status begin_search(arc_gallery *g, arc_gallery_search search, arc_error *err) {
    const arc_store_vectors_type *type = g->store->type->vectors;
    arc_status st;
    ARC_TRY(arc_gallery_need_binding(g, err));
    if (search == ARC_GALLERY_MEMORY)
        ARC_TRY(type->drop(g->store, g->binding.generation, err));
    else if (arc_seal_index_key(g->seal))
        ARC_TRY(arc_gallery_fail(g, err, ARC_EINVAL,
                                 "it is sealed: its templates are ciphertext in the server, and vectors that the server can "
                                 "compare would give them away; a sealed gallery is searched in memory, or in shards"));
    else
        ARC_TRY(type->make(g->store, g->binding.generation, g->binding.dim, search == ARC_GALLERY_DATABASE_HNSW, err));
    st = arc_gallery_note(g, "search", "gallery", err, "{\"in\":\"%s\"}",
                          search == ARC_GALLERY_MEMORY     ? "memory"
                          : search == ARC_GALLERY_DATABASE ? "database"
                                                           : "database-hnsw");
done:
    return st;
}

/* In transactions of their own, so that others write in between. */
static arc_status fill(arc_gallery *g, int generation, arc_error *err) {
    arc_status st = ARC_OK;
    bool ended = false;
    for (int64_t after = 0; !ended && st == ARC_OK;) {
        st = arc_gallery_enter(g, true, err);
        if (st == ARC_OK)
            st = arc_gallery_leave(g, g->store->type->vectors->fill(g->store, generation, &after, &ended, err), err);
    }
    return st;
}

arc_status arc_gallery_set_search(arc_gallery *g, arc_gallery_search search, arc_error *err) {
    const arc_store_vectors_type *type = g->store->type->vectors;
    arc_status st;
    if ((int)search < ARC_GALLERY_MEMORY || search > ARC_GALLERY_DATABASE_HNSW)
        return arc_gallery_fail(g, err, ARC_EINVAL, "%d is no way to search", (int)search);
    if (!type)
        return arc_gallery_fail(g, err, ARC_EUNSUPPORTED,
                                "it is searched by an index in memory or in a mapped file; only a "
                                "PostgreSQL server with pgvector searches by itself");
    ARC_TRY(arc_gallery_enter(g, true, err));
    st = begin_search(g, search, err);
    const int generation = g->binding.generation;
    ARC_TRY(arc_gallery_leave(g, st, err));
    if (search == ARC_GALLERY_MEMORY)
        return ARC_OK;
    ARC_TRY(fill(g, generation, err));
    pthread_mutex_lock(&g->lock);
    st = type->finish(g->store, generation, err);
    pthread_mutex_unlock(&g->lock);
done:
    return st;
}
