/* gallery/keys: the gallery opens with another user's key. */
#include "gallery/gallery_internal.h"
#include <arcface/gallery_keys.h>
#include <arcface/protect.h>
#include <sodium.h>

static arc_status rekey_within(arc_gallery *g, const uint8_t *key, arc_buffer *record, arc_error *err) {
    arc_status st;
    ARC_TRY(arc_seal_rewrap(g->seal, key, record, err));
    ARC_TRY(g->store->type->meta_put(g->store, "seal", (arc_bytes){record->data, record->bytes}, err));
    ARC_TRY(arc_gallery_note(g, "rekey", "gallery", err, "{}"));
    ARC_TRY(g->store->type->commit(g->store, err));
    /* Before anybody else enters, who would find a record under a key that is not known here. */
    st = arc_seal_follow(g->seal, key, (arc_bytes){record->data, record->bytes}, err);
done:
    if (st != ARC_OK)
        g->store->type->rollback(g->store);
    return st;
}

arc_status arc_gallery_rekey(arc_gallery *g, const char *new_key, arc_error *err) {
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    arc_buffer record;
    arc_status st;
    arc_buffer_init(&record, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    ARC_TRY(arc_protect_key(new_key, key, NULL, err));
    ARC_TRY(arc_gallery_enter(g, true, err));
    st = rekey_within(g, key, &record, err);
    arc_gallery_release(g);
    if (st == ARC_OK)
        st = arc_gallery_erase(g, err); /* the record under the old key */
done:
    sodium_memzero(key, sizeof key);
    arc_buffer_free(&record);
    return st;
}
