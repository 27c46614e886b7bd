/* vector/search: writing an index to its file: whole, or, where the file is the one that was loaded or saved last, what has
 * changed. */
#include "base/patch.h"
#include "vector/search/file_format.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- whole ------------------------------------------------------------------------------------------------------------------
 */

static arc_status put_segments(const arc_index *x, const uint8_t *name, arc_writer *w, arc_error *err) {
    const size_t bytes = arc_index_file_segment_bytes(x), segments = arc_slots_segments(&x->slots);
    uint8_t *sealed = x->options.seal_key ? arc_mem_raw(&x->ctx->alloc, 1, bytes) : NULL;
    if (x->options.seal_key && !sealed)
        return arc_fail_nomem(err, "a sealed index");
    arc_status st = ARC_OK;
    for (size_t i = 0; st == ARC_OK && i < segments; i++) {
        if (sealed)
            arc_index_seal(x, name, i, sealed);
        st = arc_writer_put(w, sealed ? sealed : x->slots.segment[i], bytes, err);
    }
    arc_mem_free(&x->ctx->alloc, sealed);
    return st;
}

static arc_status save_whole(arc_index *x, const char *path, const uint8_t *stamp, arc_error *err) {
    uint8_t header[ARC_INDEX_FILE_HEADER] = {0};
    arc_index_record r;
    arc_writer *w;
    arc_index_record_make(&r, x);
    randombytes_buf(r.name, sizeof r.name);
    r.version = 1;
    memcpy(r.stamp, stamp, sizeof r.stamp);
    arc_index_record_close(&r, x);
    memcpy(header, &r, sizeof r);
    x->file.known = false;
    arc_slots_clear_tail(&x->slots); /* others may have put templates there, which the mapping shows */
    arc_status st = arc_writer_open(&w, &x->ctx->alloc, path, err);
    if (st != ARC_OK)
        return st;
    st = arc_writer_put(w, header, sizeof header, err);
    if (st == ARC_OK)
        st = put_segments(x, r.name, w, err);
    st = arc_writer_finish(&w, st, err);
    x->file.known = st == ARC_OK;
    memcpy(x->file.name, r.name, sizeof r.name);
    x->file.version = r.version;
    return st;
}

/* ---- changes ----------------------------------------------------------------------------------------------------------------
 */

/* The places first..first+count-1 of a segment, all of their arrays, the ids first. */
static arc_status patch_places(const arc_index *x, arc_patch *p, size_t segment, size_t first, size_t count, arc_error *err) {
    arc_segment_array array[ARC_SEGMENT_ARRAYS];
    const uint8_t *from = x->slots.segment[segment];
    const uint64_t at = arc_index_file_segment_at(x, segment);
    arc_status st = ARC_OK;
    arc_segment_arrays(&x->slots.layout, array);
    for (size_t i = 0; st == ARC_OK && i < ARC_SEGMENT_ARRAYS; i++) {
        const size_t begin = array[i].begin + first * array[i].bytes;
        st = arc_patch_write(p, from + begin, count * array[i].bytes, at + begin, err);
    }
    return st;
}

static arc_status patch_plain(const arc_index *x, arc_patch *p, arc_error *err) {
    const arc_index_file *f = &x->file;
    arc_status st = ARC_OK;
    for (size_t i = 0; st == ARC_OK && i < f->touches; i++)
        st = patch_places(x, p, f->touched[i] / ARC_SEGMENT_SLOTS, f->touched[i] % ARC_SEGMENT_SLOTS, 1, err);
    for (int64_t slot = f->used; st == ARC_OK && slot < x->slots.used;) {
        const size_t segment = (size_t)slot / ARC_SEGMENT_SLOTS, first = (size_t)slot % ARC_SEGMENT_SLOTS;
        const size_t count = arc_slots_in(&x->slots, segment) - first;
        st = patch_places(x, p, segment, first, count, err);
        slot += (int64_t)count;
    }
    return st;
}

static int by_number(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Sealed segments are written whole, each of them once. */
static arc_status patch_sealed(const arc_index *x, arc_patch *p, arc_error *err) {
    const arc_index_file *f = &x->file;
    const size_t bytes = arc_index_file_segment_bytes(x), segments = arc_slots_segments(&x->slots);
    const size_t first_new = (size_t)f->used / ARC_SEGMENT_SLOTS; /* begun or not in the file yet */
    uint8_t *sealed = arc_mem_raw(&x->ctx->alloc, 1, bytes);
    if (!sealed)
        return arc_fail_nomem(err, "a sealed index");
    if (f->touches > 1)
        qsort(f->touched, f->touches, sizeof *f->touched, by_number);
    arc_status st = ARC_OK;
    size_t done = SIZE_MAX;
    for (size_t i = 0; st == ARC_OK && i < f->touches; i++) {
        const size_t segment = f->touched[i] / ARC_SEGMENT_SLOTS;
        if (segment == done || segment >= first_new)
            continue;
        arc_index_seal(x, f->name, segment, sealed);
        st = arc_patch_write(p, sealed, bytes, arc_index_file_segment_at(x, segment), err);
        done = segment;
    }
    const bool more = x->slots.used > f->used || f->touches > 0;
    for (size_t segment = first_new; st == ARC_OK && more && segment < segments; segment++) {
        arc_index_seal(x, f->name, segment, sealed);
        st = arc_patch_write(p, sealed, bytes, arc_index_file_segment_at(x, segment), err);
    }
    arc_mem_free(&x->ctx->alloc, sealed);
    return st;
}

static arc_status patch_all(arc_index *x, arc_patch *p, int which, const uint8_t *stamp, arc_error *err) {
    uint8_t page[ARC_INDEX_FILE_RECORD] = {0};
    arc_index_record r;
    arc_status st = arc_patch_grow(p, arc_index_file_segment_at(x, arc_slots_segments(&x->slots)), err);
    arc_slots_clear_tail(&x->slots);
    if (st == ARC_OK)
        st = x->options.seal_key ? patch_sealed(x, p, err) : patch_plain(x, p, err);
    if (st == ARC_OK)
        st = arc_patch_sync(p, err); /* the places before the record that counts them */
    if (st != ARC_OK)
        return st;
    arc_index_record_make(&r, x);
    memcpy(r.name, x->file.name, sizeof r.name);
    r.version = x->file.version + 1;
    memcpy(r.stamp, stamp, sizeof r.stamp);
    arc_index_record_close(&r, x);
    memcpy(page, &r, sizeof r);
    st = arc_patch_write(p, page, sizeof page, (uint64_t)(1 - which) * ARC_INDEX_FILE_RECORD, err);
    if (st == ARC_OK)
        st = arc_patch_sync(p, err);
    x->file.version = r.version;
    return st;
}

/* Whether the file is as this index left it; else another process has written it, and it is written anew. */
static arc_status save_changes(arc_index *x, const char *path, const uint8_t *stamp, bool *done, arc_error *err) {
    uint8_t header[ARC_INDEX_FILE_HEADER];
    arc_index_record r;
    arc_patch *p;
    int which;
    *done = false;
    if (!x->file.known || arc_patch_open(&p, &x->ctx->alloc, path, NULL) != ARC_OK)
        return ARC_OK;
    arc_status st = ARC_OK;
    if (arc_patch_read(p, header, sizeof header, NULL) == ARC_OK && arc_index_record_find(header, x, &which, &r) &&
        memcmp(r.name, x->file.name, sizeof r.name) == 0 && r.version == x->file.version) {
        *done = true;
        x->file.known = false; /* until all of it has succeeded */
        st = patch_all(x, p, which, stamp, err);
        x->file.known = st == ARC_OK;
    }
    const arc_status closed = arc_patch_close(&p, st == ARC_OK ? err : NULL);
    return st == ARC_OK ? closed : st;
}

arc_status arc_index_save(arc_index *index, const char *path, const uint8_t stamp[ARC_INDEX_STAMP_BYTES], arc_error *err) {
    bool done;
    arc_index_lock_read(index);
    pthread_mutex_lock(&index->save);
    arc_status st = save_changes(index, path, stamp, &done, err);
    if (!done)
        st = save_whole(index, path, stamp, err);
    if (st == ARC_OK) {
        index->file.used = index->slots.used;
        index->file.touches = 0;
    }
    pthread_mutex_unlock(&index->save);
    arc_index_unlock(index);
    return st;
}
