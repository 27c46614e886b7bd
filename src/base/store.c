/* base: writes and reads stores; store.h describes the format. */
#include "base/store.h"
#include <assert.h>
#include <string.h>

#define ALIGN 64
#define NUMBER_BYTES 4

struct arc_store_writer {
    const arc_alloc *alloc;
    arc_writer *file;
    arc_crc_table crc;
    uint64_t at;
    size_t left; /* numbers of the last array that have not been given yet */
    uint32_t arrays;
};

/* ---- writing ---- */

static arc_status put(arc_store_writer *w, const void *data, size_t bytes, arc_error *err) {
    w->at += bytes;
    return arc_writer_put(w->file, data, bytes, err);
}

static size_t store(uint8_t *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
    return bytes;
}

arc_status arc_store_create(arc_store_writer **out, const arc_alloc *a, const arc_store_kind *kind, const char *path,
                            const char *text, arc_error *err) {
    arc_status st;
    uint8_t head[16];
    *out = NULL;
    const size_t bytes = strlen(text);
    if (bytes > ARC_STORE_MAX_TEXT)
        return arc_fail(err, ARC_ELIMIT, "%s: a text of %zu bytes, at most %zu can be kept", path, bytes, ARC_STORE_MAX_TEXT);
    arc_store_writer *w = arc_mem_new(a, 1, sizeof *w);
    if (!w)
        return arc_fail_nomem(err, path);
    w->alloc = a;
    arc_crc_init(&w->crc);
    memcpy(head, kind->magic, 8);
    store(head + 8, kind->version, 4);
    store(head + 12, bytes, 4);
    ARC_TRY(arc_writer_open(&w->file, a, path, err));
    ARC_TRY(put(w, head, sizeof head, err));
    ARC_TRY(put(w, text, bytes, err));
    store(head, arc_crc32c(&w->crc, arc_crc32c(&w->crc, 0, head, sizeof head), text, bytes), 4);
    ARC_TRY(put(w, head, 4, err));
    *out = w;
    return ARC_OK;
done:
    arc_store_abort(&w);
    return st;
}

arc_status arc_store_begin(arc_store_writer *w, const char *name, size_t count, uint32_t crc, arc_error *err) {
    static const uint8_t nothing[ALIGN];
    uint8_t head[16];
    const size_t bytes = strlen(name);
    arc_status st;
    assert(w->left == 0 && bytes > 0);
    if (bytes > ARC_STORE_MAX_NAME || w->arrays == ARC_STORE_MAX_ARRAYS)
        return arc_fail(err, ARC_ELIMIT, "%.40s: the name is longer than %d bytes, or there are more than %d arrays", name,
                        ARC_STORE_MAX_NAME, ARC_STORE_MAX_ARRAYS);
    store(head, bytes, 2);
    ARC_TRY(put(w, head, 2, err));
    ARC_TRY(put(w, name, bytes, err));
    store(head, count, 8);
    store(head + 8, crc, 4);
    ARC_TRY(put(w, head, 12, err));
    ARC_TRY(put(w, nothing, (size_t)((ALIGN - w->at % ALIGN) % ALIGN), err));
    w->arrays++;
    w->left = count;
done:
    return st;
}

arc_status arc_store_more(arc_store_writer *w, const void *data, size_t count, arc_error *err) {
    assert(count <= w->left);
    w->left -= count;
    return put(w, data, count * NUMBER_BYTES, err);
}

arc_status arc_store_put(arc_store_writer *w, const char *name, const void *data, size_t count, arc_error *err) {
    const arc_status st = arc_store_begin(w, name, count, arc_crc32c(&w->crc, 0, data, count * NUMBER_BYTES), err);
    return st == ARC_OK ? arc_store_more(w, data, count, err) : st;
}

arc_status arc_store_commit(arc_store_writer **writer, arc_error *err) {
    arc_store_writer *w = *writer;
    uint8_t tail[6];
    assert(w->left == 0);
    store(tail, 0, 2);
    store(tail + 2, w->arrays, 4);
    arc_status st = put(w, tail, sizeof tail, err);
    if (st == ARC_OK)
        st = arc_writer_commit(&w->file, err);
    arc_store_abort(writer);
    return st;
}

void arc_store_abort(arc_store_writer **writer) {
    arc_store_writer *w = *writer;
    *writer = NULL;
    if (!w)
        return;
    arc_writer_abort(&w->file);
    arc_mem_free(w->alloc, w);
}

/* ---- reading ---- */

static uint64_t load(const uint8_t *p, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)p[i] << 8 * i;
    return value;
}

static arc_status broken(const arc_store_file *s, size_t at, const char *what, arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "%s: %s at byte %zu; %s", s->name, what, at, s->kind->advice);
}

static arc_status read_head(arc_store_file *s, size_t *at, arc_error *err) {
    const uint8_t *p = s->map.data;
    if (s->map.bytes < 20 || memcmp(p, s->kind->magic, 8) != 0)
        return arc_fail(err, ARC_EFORMAT, "%s: not %s", s->name, s->kind->what);
    if (load(p + 8, 4) != s->kind->version)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: %s in version %llu, this program reads %u", s->name, s->kind->what,
                        (unsigned long long)load(p + 8, 4), s->kind->version);
    s->text_bytes = (size_t)load(p + 12, 4);
    if (s->text_bytes > ARC_STORE_MAX_TEXT || s->text_bytes > s->map.bytes - 20)
        return broken(s, 12, "the text is longer than the file", err);
    s->text = (const char *)p + 16;
    *at = 16 + s->text_bytes;
    if (arc_crc32c(&s->crc, 0, p, *at) != load(p + *at, 4))
        return broken(s, *at, "the checksum of the text is wrong", err);
    *at += 4;
    return ARC_OK;
}

static arc_status read_array(arc_store_file *s, size_t *at, arc_store_array *out, arc_error *err) {
    const uint8_t *p = s->map.data;
    const size_t end = s->map.bytes, name_bytes = (size_t)load(p + *at, 2);
    if (name_bytes > ARC_STORE_MAX_NAME || end - *at < 2 + name_bytes + 12)
        return broken(s, *at, "an array without its head", err);
    out->name = arc_arena_strndup(&s->arena, (const char *)p + *at + 2, name_bytes);
    *at += 2 + name_bytes;
    const uint64_t count = load(p + *at, 8);
    out->crc = (uint32_t)load(p + *at + 8, 4);
    *at = (*at + 12 + ALIGN - 1) / ALIGN * ALIGN;
    if (*at > end || count > (end - *at) / NUMBER_BYTES)
        return broken(s, *at, "an array that is longer than the file", err);
    out->count = (size_t)count;
    out->data = p + *at;
    *at += out->count * NUMBER_BYTES;
    return out->name ? ARC_OK : arc_fail_nomem(err, s->name);
}

static arc_status read_arrays(arc_store_file *s, size_t at, arc_error *err) {
    size_t capacity = 0;
    for (;;) {
        if (s->map.bytes - at < 6)
            return broken(s, at, "the end is missing", err);
        if (load(s->map.data + at, 2) == 0)
            break;
        if (s->arrays == ARC_STORE_MAX_ARRAYS)
            return broken(s, at, "too many arrays", err);
        if (s->arrays == capacity) {
            arc_store_array *more =
                arc_mem_grow(s->arena.alloc, s->array, capacity, ARC_MAX(capacity * 2, (size_t)256), sizeof *more);
            if (!more)
                return arc_fail_nomem(err, s->name);
            s->array = more;
            capacity = ARC_MAX(capacity * 2, (size_t)256);
        }
        const arc_status st = read_array(s, &at, &s->array[s->arrays], err);
        if (st != ARC_OK)
            return st;
        s->arrays++;
    }
    if (load(s->map.data + at + 2, 4) != s->arrays || s->map.bytes - at != 6)
        return broken(s, at, "the end is wrong", err);
    return ARC_OK;
}

static arc_status read_all(arc_store_file *s, arc_error *err) {
    size_t at = 0;
    arc_crc_init(&s->crc);
    arc_status st = read_head(s, &at, err);
    if (st == ARC_OK)
        st = read_arrays(s, at, err);
    if (st != ARC_OK)
        arc_store_close(s);
    return st;
}

arc_status arc_store_parse(arc_store_file *out, const arc_alloc *a, const arc_store_kind *kind, const void *bytes, size_t count,
                           const char *name, arc_error *err) {
    *out = (arc_store_file){.kind = kind, .map = {bytes, count, false}, .name = name};
    arc_arena_init(&out->arena, a, ARC_STORE_MAX_TEXT * 16);
    return read_all(out, err);
}

arc_status arc_store_open(arc_store_file *out, const arc_alloc *a, const arc_store_kind *kind, const char *path, arc_error *err) {
    *out = (arc_store_file){.kind = kind};
    arc_arena_init(&out->arena, a, ARC_STORE_MAX_TEXT * 16);
    const arc_status st = arc_map_open(&out->map, path, ARC_STORE_MAX_BYTES, err);
    if (st != ARC_OK)
        return st;
    out->name = arc_arena_strdup(&out->arena, path);
    if (!out->name) {
        arc_store_close(out);
        return arc_fail_nomem(err, path);
    }
    return read_all(out, err);
}

void arc_store_close(arc_store_file *s) {
    if (s->arena.alloc)
        arc_mem_free(s->arena.alloc, s->array);
    s->array = NULL;
    s->arrays = 0;
    arc_arena_free(&s->arena);
    arc_map_close(&s->map);
}

static const arc_store_array *find(const arc_store_file *s, const char *name) {
    for (size_t i = 0; i < s->arrays; i++)
        if (strcmp(s->array[i].name, name) == 0)
            return &s->array[i];
    return NULL;
}

bool arc_store_has(const arc_store_file *s, const char *name) {
    return find(s, name) != NULL;
}

arc_status arc_store_get(const arc_store_file *s, const char *name, size_t whole, size_t from, size_t count, void *out,
                         arc_error *err) {
    const arc_store_array *a = find(s, name);
    if (!a)
        return arc_fail(err, ARC_EFORMAT, "%s: has no \"%s\": %s", s->name, name, s->kind->mismatch);
    if (a->count != whole)
        return arc_fail(err, ARC_ESHAPE, "%s: \"%s\" has %zu numbers, %zu are needed: %s", s->name, name, a->count, whole,
                        s->kind->mismatch);
    if (from == 0 && arc_crc32c(&s->crc, 0, a->data, a->count * NUMBER_BYTES) != a->crc)
        return arc_fail(err, ARC_ECORRUPT, "%s: the checksum of \"%s\" is wrong; %s", s->name, name, s->kind->advice);
    memcpy(out, (const uint8_t *)a->data + from * NUMBER_BYTES, count * NUMBER_BYTES);
    return ARC_OK;
}
