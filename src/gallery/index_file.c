/* gallery: the index in its file beside the store. It holds nothing that is not in the store, and its stamp says which state:
 * revision, mark and generation. A file that is missing, damaged, foreign or of other options is made anew. */
#include "gallery/gallery_internal.h"
#include <string.h>

static void stamp_of(const arc_gallery *g, uint8_t stamp[ARC_INDEX_STAMP_BYTES]) {
    const uint64_t revision = (uint64_t)g->index_revision, generation = (uint64_t)g->index_generation;
    for (int i = 0; i < 8; i++) {
        stamp[i] = (uint8_t)(revision >> 8 * i);
        stamp[24 + i] = (uint8_t)(generation >> 8 * i);
    }
    memcpy(stamp + 8, g->index_mark, ARC_STORE_MARK_BYTES);
}

static void take_stamp(arc_gallery *g, const uint8_t stamp[ARC_INDEX_STAMP_BYTES]) {
    uint64_t revision = 0, generation = 0;
    for (int i = 8; i-- > 0;) {
        revision = revision << 8 | stamp[i];
        generation = generation << 8 | stamp[24 + i];
    }
    g->index_revision = (int64_t)revision;
    g->index_generation = (int)generation;
    memcpy(g->index_mark, stamp + 8, ARC_STORE_MARK_BYTES);
}

void arc_gallery_index_options(const arc_gallery *g, arc_index_options *out) {
    arc_index_options_default(out);
    out->dim = g->binding.dim;
    out->sketch = g->binding.sketch;
    out->seal_key = arc_seal_index_key(g->seal);
}

void arc_gallery_note_index_key(arc_gallery *g) {
    const uint8_t *key = arc_seal_index_key(g->seal);
    if (key)
        memcpy(g->index_key, key, sizeof g->index_key);
}

bool arc_gallery_index_key_is_current(const arc_gallery *g) {
    const uint8_t *key = arc_seal_index_key(g->seal);
    return !key || memcmp(g->index_key, key, sizeof g->index_key) == 0;
}

arc_status arc_gallery_load_index(arc_gallery *g, arc_error *err) {
    arc_index_options options;
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
    arc_index *index = NULL;
    arc_error why = {0};
    if (!g->index_path)
        return ARC_OK;
    arc_gallery_index_options(g, &options);
    const arc_status st = arc_index_load(g->ctx, &options, g->index_path, &index, stamp, &why);
    if (st == ARC_ENOMEM)
        return arc_fail(err, st, "%s", why.text);
    if (st != ARC_OK && st != ARC_ENOTFOUND)
        arc_log(g->ctx, ARC_LOG_INFO, "%s; the index is built anew", why.text);
    if (st == ARC_OK) {
        g->index = index;
        take_stamp(g, stamp);
        arc_gallery_note_index_key(g);
        g->index_pending = 0;
    }
    return ARC_OK;
}

arc_status arc_gallery_write_index(arc_gallery *g, arc_error *err) {
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
    stamp_of(g, stamp);
    const arc_status st = arc_index_save(g->index, g->index_path, stamp, err);
    if (st == ARC_OK) {
        g->index_pending = 0;
        g->index_holds_gone = false;
    }
    return st;
}
