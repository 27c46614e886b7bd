/* Indexes of RecordIO files: read, written, and made again from the file itself. */
#include "format/record/recordio.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INDEX_BYTES ((size_t)64 << 30)
#define PROGRESS_EVERY 4096 /* records */

static arc_status add(arc_record_index *index, size_t *capacity, uint64_t key, uint64_t offset, const char *name,
                      arc_error *err) {
    if (index->count == ARC_RECORD_MAX_COUNT)
        return arc_fail(err, ARC_ELIMIT, "%s: more than %zu records", name, ARC_RECORD_MAX_COUNT);
    if (index->count == *capacity) {
        const size_t more = ARC_MAX(*capacity * 2, (size_t)256);
        uint64_t *keys = arc_mem_grow(index->alloc, index->key, index->count, more, sizeof *keys);
        if (!keys)
            return arc_fail_nomem(err, name);
        index->key = keys;
        uint64_t *offsets = arc_mem_grow(index->alloc, index->offset, index->count, more, sizeof *offsets);
        if (!offsets)
            return arc_fail_nomem(err, name);
        index->offset = offsets;
        *capacity = more;
    }
    index->key[index->count] = key;
    index->offset[index->count++] = offset;
    return ARC_OK;
}

/* Digits up to `stop`; false for anything else, or beyond 63 bits. */
static bool number(const char **at, const char *end, uint64_t *out) {
    const char *from = *at;
    uint64_t v = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        if (v > (uint64_t)INT64_MAX / 10 - 1)
            return false;
        v = v * 10 + (uint64_t)(**at - '0');
    }
    *out = v;
    return *at > from;
}

static void skip_spaces(const char **at, const char *end) {
    while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
        ++*at;
}

arc_status arc_record_index_parse(arc_record_index *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                                  arc_error *err) {
    const char *at = bytes, *end = at + count;
    size_t capacity = 0, line = 0;
    arc_status st = ARC_OK;
    *out = (arc_record_index){.alloc = a};
    while (at < end && st == ARC_OK) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop ? stop + 1 : end, *to = stop ? stop : end;
        uint64_t key = 0, offset = 0;
        line++;
        skip_spaces(&at, to);
        if (at < to) {
            bool good = number(&at, to, &key);
            skip_spaces(&at, to);
            good = good && number(&at, to, &offset);
            skip_spaces(&at, to);
            st = good && at == to ? add(out, &capacity, key, offset, name, err)
                                  : arc_fail(err, ARC_EFORMAT, "%s: line %zu is not \"key<TAB>offset\"", name, line);
        }
        at = next;
    }
    if (st == ARC_OK && out->count == 0)
        st = arc_fail(err, ARC_EFORMAT, "%s: the index is empty", name);
    if (st != ARC_OK)
        arc_record_index_free(out);
    return st;
}

arc_status arc_record_index_open(arc_record_index *out, const arc_alloc *a, const char *path, arc_error *err) {
    arc_map map = {0};
    *out = (arc_record_index){.alloc = a};
    arc_status st = arc_map_open(&map, path, MAX_INDEX_BYTES, err);
    if (st == ARC_OK)
        st = arc_record_index_parse(out, a, map.data, map.bytes, path, err);
    arc_map_close(&map);
    return st;
}

arc_status arc_record_index_save(const arc_record_index *index, const arc_alloc *a, const char *path, arc_error *err) {
    arc_writer *w = NULL;
    arc_status st = arc_writer_open(&w, a, path, err);
    for (size_t i = 0; st == ARC_OK && i < index->count; i++)
        st = arc_writer_printf(w, err, "%" PRIu64 "\t%" PRIu64 "\n", index->key[i], index->offset[i]);
    return arc_writer_finish(&w, st, err);
}

void arc_record_index_free(arc_record_index *index) {
    if (index->alloc) {
        arc_mem_free(index->alloc, index->key);
        arc_mem_free(index->alloc, index->offset);
    }
    index->key = index->offset = NULL;
    index->count = 0;
}

/* ---- scanning ---- */

static int by_value(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static arc_status all_different(const arc_record_index *index, bool *different, const char *name, arc_error *err) {
    uint64_t *sorted = arc_mem_raw(index->alloc, index->count, sizeof *sorted);
    if (!sorted)
        return arc_fail_nomem(err, name);
    memcpy(sorted, index->key, index->count * sizeof *sorted);
    qsort(sorted, index->count, sizeof *sorted, by_value);
    *different = true;
    for (size_t i = 1; i < index->count; i++)
        *different &= sorted[i] != sorted[i - 1];
    arc_mem_free(index->alloc, sorted);
    return ARC_OK;
}

/* The last record is InsightFace's header when it has no picture and two labels, the second of which is the number of records. */
static bool is_set_header(const arc_image_record *last, size_t count) {
    return last->labels == 2 && last->image_bytes == 0 && arc_image_record_label(last, 1) == (float)count &&
           arc_image_record_label(last, 0) <= arc_image_record_label(last, 1);
}

static arc_status give_keys(arc_record_index *index, bool header_last, arc_record_scan *scan, const char *name, arc_error *err) {
    bool different = true;
    const arc_status st = all_different(index, &different, name, err);
    if (st != ARC_OK)
        return st;
    scan->keys = different ? "ids" : header_last ? "layout" : "order";
    for (size_t i = 0; !different && i < index->count; i++)
        index->key[i] = i + header_last;
    if (!different && header_last)
        index->key[index->count - 1] = 0;
    return ARC_OK;
}

/* A damaged length: what follows is no record, and another record begins inside this one. */
static bool swallows_others(const arc_record *record, const uint8_t *file, uint64_t file_bytes) {
    return arc_record_find(file, ARC_MIN(record->next_offset + 8, file_bytes), record->next_offset) != record->next_offset &&
           arc_record_find(file, file_bytes, record->offset + 1) < record->next_offset;
}

arc_status arc_record_index_scan(arc_record_index *out, const arc_alloc *a, const uint8_t *file, uint64_t file_bytes,
                                 const char *name, arc_record_scan *scan, arc_error *err) {
    arc_status st = ARC_OK;
    arc_buffer joined;
    size_t capacity = 0;
    bool header_last = false;
    arc_buffer_init(&joined, a, ARC_RECORD_MAX_BYTES);
    *out = (arc_record_index){.alloc = a};
    for (uint64_t at = 0; at < file_bytes;) {
        arc_record record;
        arc_image_record image;
        st = arc_record_read(&record, file, file_bytes, at, &joined, name, err);
        if (st == ARC_OK && swallows_others(&record, file, file_bytes))
            st = ARC_ECORRUPT;
        if (st == ARC_OK)
            st = arc_image_record_parse(&image, record.data, record.bytes, err);
        if (st == ARC_ECORRUPT) {
            const uint64_t found = arc_record_find(file, file_bytes, at + 1);
            scan->damaged++;
            scan->damaged_bytes += found - at;
            at = found;
            continue;
        }
        if (st == ARC_OK)
            st = add(out, &capacity, image.id, at, name, err);
        if (st == ARC_OK && out->count % PROGRESS_EVERY == 0 && scan->progress &&
            scan->progress(scan->progress_ctx, (int64_t)at, (int64_t)file_bytes) != 0)
            st = arc_fail(err, ARC_ECANCEL, "%s: stopped", name);
        if (st != ARC_OK)
            goto done;
        header_last = is_set_header(&image, out->count);
        at = record.next_offset;
    }
    st = out->count ? give_keys(out, header_last, scan, name, err) : arc_fail(err, ARC_EFORMAT, "%s: holds no records", name);
done:
    arc_buffer_free(&joined);
    if (st != ARC_OK)
        arc_record_index_free(out);
    return st;
}
