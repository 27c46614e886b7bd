/* gallery: entering and leaving an open gallery. Within, seal and binding are those of the transaction's state: another process
 * may have bound the gallery, moved it to another model or replaced its keys since. */
#include "gallery/gallery_internal.h"
#include <string.h>

arc_status arc_gallery_need_binding(const arc_gallery *g, arc_error *err) {
    return g->binding.dim > 0
               ? ARC_OK
               : arc_gallery_fail(g, err, ARC_EINVAL, "bound to no model yet; the first enrolment binds it to one");
}

static arc_status read_record(arc_gallery *g, arc_error *err) {
    bool found;
    g->record.bytes = 0;
    const arc_status st = g->store->type->meta_get(g->store, "seal", &g->record, &found, err);
    if (st != ARC_OK)
        return st;
    return arc_seal_follow(g->seal, NULL, (arc_bytes){.data = g->record.data, .bytes = g->record.bytes}, err);
}

static arc_status read_binding(arc_gallery *g, arc_error *err) {
    arc_buffer text;
    arc_binding now;
    bool found;
    arc_buffer_init(&text, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    arc_status st = g->store->type->meta_get(g->store, "binding", &text, &found, err);
    const bool same =
        text.bytes == g->binding_text.bytes && text.bytes > 0 && memcmp(text.data, g->binding_text.data, text.bytes) == 0;
    if (st == ARC_OK && found && !same) {
        st = arc_binding_read((arc_bytes){.data = text.data, .bytes = text.bytes}, &now, err);
        if (st == ARC_OK) {
            const arc_buffer old = g->binding_text;
            g->binding = now;
            g->binding_text = text;
            text = old;
        } else
            arc_fail_in(err, st, g->location);
    }
    arc_buffer_free(&text);
    return st;
}

arc_status arc_gallery_put_binding(arc_gallery *g, const arc_binding *binding, arc_error *err) {
    arc_buffer text;
    arc_buffer_init(&text, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    arc_status st = arc_binding_write(binding, &text, err);
    if (st == ARC_OK)
        st = g->store->type->meta_put(g->store, "binding", (arc_bytes){.data = text.data, .bytes = text.bytes}, err);
    arc_buffer_free(&text);
    return st;
}

arc_status arc_gallery_enter(arc_gallery *g, bool write, arc_error *err) {
    if (write && g->read_only)
        return arc_gallery_fail(g, err, ARC_EINVAL, "opened for reading only: nothing can be changed");
    pthread_mutex_lock(&g->lock);
    arc_status st = g->store->type->begin(g->store, write, err);
    if (st == ARC_OK) {
        st = read_record(g, err);
        if (st == ARC_OK)
            st = read_binding(g, err);
        if (st == ARC_OK)
            st = arc_gallery_protection_follow(g, err);
        if (st != ARC_OK)
            g->store->type->rollback(g->store);
    }
    g->writing = write;
    if (st != ARC_OK)
        pthread_mutex_unlock(&g->lock);
    return st;
}

void arc_gallery_release(arc_gallery *g) {
    g->index_behind |= g->writing;
    g->place_behind |= g->writing;
    pthread_mutex_unlock(&g->lock);
}

arc_status arc_gallery_leave(arc_gallery *g, arc_status st, arc_error *err) {
    if (st == ARC_OK)
        st = g->store->type->commit(g->store, err);
    else
        g->store->type->rollback(g->store);
    if (st != ARC_OK)
        g->binding_text.bytes = 0; /* what was read may have been taken back: it is read anew */
    arc_gallery_release(g);
    return st;
}
