/* vector/search: the file of an index: a header, then the segments as they are in memory, each with its checksum. Numbers are
 * little-endian. */
#include "base/crc32c.h"
#include "vector/search/index_internal.h"
#include <string.h>

#define MAGIC "ARCINDEX"
#define VERSION 1
#define HEADER_BYTES 4096
#define MOST_BYTES ((size_t)1 << 46)

typedef struct file_header {
    char magic[8];
    uint32_t version, header_crc; /* of this struct with header_crc 0 */
    uint32_t dim, sketch, rows, sealed;
    int64_t used, live;
    uint64_t segment_bytes;
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
} file_header;

static uint32_t header_crc(const arc_crc_table *table, file_header h) {
    h.header_crc = 0;
    return arc_crc32c(table, 0, &h, sizeof h);
}

static size_t segments_of(const arc_slots *s) {
    return (size_t)(s->used + ARC_SEGMENT_SLOTS - 1) / ARC_SEGMENT_SLOTS;
}

static arc_status put_all(const arc_index *x, const uint8_t *stamp, arc_writer *w, arc_error *err) {
    const arc_slots *s = &x->slots;
    arc_crc_table table;
    arc_crc_init(&table);
    uint8_t page[HEADER_BYTES] = {0};
    file_header h = {.version = VERSION,
                     .dim = (uint32_t)s->layout.dim,
                     .sketch = s->layout.words > 0,
                     .rows = s->layout.rows,
                     .used = s->used,
                     .live = s->live,
                     .segment_bytes = s->layout.bytes};
    memcpy(h.magic, MAGIC, sizeof h.magic);
    memcpy(h.stamp, stamp, sizeof h.stamp);
    h.header_crc = header_crc(&table, h);
    memcpy(page, &h, sizeof h);
    arc_status st = arc_writer_put(w, page, sizeof page, err);
    for (size_t i = 0; st == ARC_OK && i < segments_of(s); i++)
        st = arc_writer_put(w, s->segment[i], s->layout.bytes, err);
    for (size_t i = 0; st == ARC_OK && i < segments_of(s); i++) {
        const uint32_t crc = arc_crc32c(&table, 0, s->segment[i], s->layout.bytes);
        st = arc_writer_put(w, &crc, sizeof crc, err);
    }
    return st;
}

arc_status arc_index_save(arc_index *index, const char *path, const uint8_t stamp[ARC_INDEX_STAMP_BYTES], arc_error *err) {
    arc_writer *w;
    pthread_rwlock_rdlock(&index->lock);
    arc_status st = arc_writer_open(&w, &index->ctx->alloc, path, err);
    if (st == ARC_OK)
        st = arc_writer_finish(&w, put_all(index, stamp, w, err), err);
    pthread_rwlock_unlock(&index->lock);
    return st;
}

static arc_status check_header(const file_header *h, const arc_map *map, const arc_index *x, const char *path, arc_error *err) {
    const arc_segment_layout *l = &x->slots.layout;
    arc_crc_table table;
    arc_crc_init(&table);
    if (map->bytes < HEADER_BYTES || memcmp(h->magic, MAGIC, sizeof h->magic) != 0)
        return arc_fail(err, ARC_EFORMAT, "%s: not an index of templates", path);
    if (h->version != VERSION)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: version %u of the format, this program reads %d: make it again", path,
                        h->version, VERSION);
    if (header_crc(&table, *h) != h->header_crc)
        return arc_fail(err, ARC_ECORRUPT, "%s: its header is damaged: make it again", path);
    if (h->dim != l->dim || (h->sketch != 0) != (l->words > 0) || (h->rows != 0) != l->rows || h->segment_bytes != l->bytes)
        return arc_fail(err, ARC_ESHAPE, "%s: made for templates of %u numbers or with other options: make it again", path,
                        h->dim);
    const size_t segments = h->used < 0 ? 0 : ((size_t)h->used + ARC_SEGMENT_SLOTS - 1) / ARC_SEGMENT_SLOTS;
    if (h->used < 0 || h->used > UINT32_MAX - 1 || h->live < 0 || h->live > h->used ||
        map->bytes != HEADER_BYTES + segments * (l->bytes + sizeof(uint32_t)))
        return arc_fail(err, ARC_ECORRUPT, "%s: not as long as its header says: make it again", path);
    return ARC_OK;
}

static arc_status read_segments(arc_index *x, const file_header *h, const arc_map *map, const char *path, arc_error *err) {
    arc_crc_table table;
    arc_crc_init(&table);
    arc_status st = arc_slots_reserve(&x->slots, h->used, err);
    const size_t segments = x->slots.segments, bytes = x->slots.layout.bytes;
    int64_t live = 0;
    for (size_t i = 0; st == ARC_OK && i < segments; i++) {
        const uint8_t *from = map->data + HEADER_BYTES + i * bytes;
        uint32_t crc;
        memcpy(&crc, map->data + HEADER_BYTES + segments * bytes + i * sizeof crc, sizeof crc);
        if (arc_crc32c(&table, 0, from, bytes) != crc)
            return arc_fail(err, ARC_ECORRUPT, "%s: segment %zu is damaged: make the index again", path, i);
        memcpy(x->slots.segment[i], from, bytes);
        const arc_segment g = arc_slots_segment(&x->slots, i);
        for (size_t at = 0; at < ARC_SEGMENT_SLOTS; at++)
            live += g.id[at] != 0;
    }
    if (st == ARC_OK && live != h->live)
        return arc_fail(err, ARC_ECORRUPT, "%s: %lld templates instead of %lld: make the index again", path, (long long)live,
                        (long long)h->live);
    x->slots.used = h->used;
    x->slots.live = live;
    return st;
}

arc_status arc_index_load(arc_context *ctx, const arc_index_options *options, const char *path, arc_index **out,
                          uint8_t stamp[ARC_INDEX_STAMP_BYTES], arc_error *err) {
    arc_map map;
    memset(stamp, 0, ARC_INDEX_STAMP_BYTES);
    arc_status st = arc_index_new(ctx, options, out, err);
    if (st != ARC_OK)
        return st;
    st = arc_map_open(&map, path, MOST_BYTES, err);
    if (st == ARC_OK) {
        file_header h = {0};
        memcpy(&h, map.data, ARC_MIN(map.bytes, sizeof h));
        st = check_header(&h, &map, *out, path, err);
        if (st == ARC_OK)
            st = read_segments(*out, &h, &map, path, err);
        memcpy(stamp, h.stamp, ARC_INDEX_STAMP_BYTES);
        arc_map_close(&map);
    }
    if (st != ARC_OK) {
        memset(stamp, 0, ARC_INDEX_STAMP_BYTES);
        arc_index_free(out);
    }
    return st;
}
