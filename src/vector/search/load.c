/* vector/search: opening the file of an index. A plain one is mapped: nothing but ids and owners is read until a search comes to
 * it, and templates are checked when they are first used. A sealed one is opened into memory by all threads. */
#include "base/patch.h"
#include "vector/search/file_format.h"
#include <stdatomic.h>
#include <string.h>

#define MOST_BYTES ((size_t)1 << 46)

typedef struct opening {
    arc_index *index;
    const arc_map *map;
    const arc_index_record *record;
    _Atomic bool damaged;
} opening;

static void unseal_segments(void *arg, size_t begin, size_t end, int thread) {
    opening *o = arg;
    (void)thread;
    for (size_t i = begin; i < end && !o->damaged; i++)
        if (!arc_index_unseal(o->index, o->record->name, i, o->map->data + arc_index_file_segment_at(o->index, i)))
            atomic_store(&o->damaged, true);
}

static arc_status unseal_all(arc_index *x, const arc_map *map, const arc_index_record *r, const char *path, arc_error *err) {
    opening o = {.index = x, .map = map, .record = r};
    const arc_status st = arc_slots_reserve(&x->slots, r->used, err);
    if (st != ARC_OK)
        return st;
    arc_pool_run(x->ctx->pool, x->slots.segments, 4, unseal_segments, &o);
    if (o.damaged)
        return arc_fail(err, ARC_ECORRUPT, "%s: damaged: make the index again", path);
    x->slots.used = r->used;
    return ARC_OK;
}

/* Everything behind the header. The mapping is the index's if map->mapped is false afterwards. */
static arc_status read_segments(arc_index *x, arc_map *map, const arc_index_record *r, const char *path, arc_error *err) {
    const size_t segments = (size_t)(r->used + ARC_SEGMENT_SLOTS - 1) / ARC_SEGMENT_SLOTS;
    arc_status st = ARC_OK;
    const bool exact_length = map->bytes == arc_index_file_segment_at(x, segments);
    if (map->bytes < arc_index_file_segment_at(x, segments))
        return arc_fail(err, ARC_ECORRUPT, "%s: it ends early: make the index again", path);
    if (x->options.seal_key)
        st = unseal_all(x, map, r, path, err);
    else {
        st = arc_slots_map(&x->slots, map, ARC_INDEX_FILE_HEADER, r->used, err);
        if (st == ARC_OK)
            *map = (arc_map){0};
    }
    if (st != ARC_OK)
        return st;
    arc_slots_read_ids(&x->slots);
    if (x->slots.live > r->live) /* there may be fewer: a removal that was interrupted */
        return arc_fail(err, ARC_ECORRUPT, "%s: %lld templates, not %lld: make the index again", path, (long long)x->slots.live,
                        (long long)r->live);
    /* templates that a crash left uncounted must not stay in the file after their removal: then it is written anew */
    x->file.known = exact_length && !arc_slots_tail_is_used(&x->slots);
    memcpy(x->file.name, r->name, sizeof x->file.name);
    x->file.version = r->version;
    x->file.used = r->used;
    return ARC_OK;
}

static arc_status read_file(arc_index *x, arc_map *map, const char *path, uint8_t *stamp, arc_error *err) {
    arc_index_record r;
    int which;
    if (map->bytes < ARC_INDEX_FILE_HEADER)
        return arc_fail(err, ARC_EFORMAT, "%s: not an index of templates", path);
    arc_status st = arc_index_record_check(map->data, x, path, err);
    if (st == ARC_OK && arc_index_record_find(map->data, x, &which, &r))
        st = read_segments(x, map, &r, path, err);
    if (st == ARC_OK)
        memcpy(stamp, r.stamp, ARC_INDEX_STAMP_BYTES);
    return st;
}

arc_status arc_index_load(arc_context *ctx, const arc_index_options *options, const char *path, arc_index **out,
                          uint8_t stamp[ARC_INDEX_STAMP_BYTES], arc_error *err) {
    arc_map map;
    memset(stamp, 0, ARC_INDEX_STAMP_BYTES);
    arc_status st = arc_index_new(ctx, options, out, err);
    if (st != ARC_OK)
        return st;
    st = arc_map_private(&map, path, MOST_BYTES, err);
    if (st == ARC_OK) {
        st = read_file(*out, &map, path, stamp, err);
        arc_map_close(&map);
    }
    if (st != ARC_OK)
        arc_index_free(out);
    return st;
}
