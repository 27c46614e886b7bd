/* Writing and reading of state files. What is read may be anything: every length is held against the file's end. */
#include "train/run/state_file.h"
#include <string.h>

#define MAGIC "ARCSTATE"
#define VERSION 1u
#define ALIGN 64
#define MAX_NAME 512

struct arc_state_writer {
    const arc_alloc *alloc;
    arc_writer *file;
    arc_crc_table crc;
    uint64_t at;
    uint32_t arrays;
};

/* ---- writing ---- */

static arc_status put(arc_state_writer *w, const void *data, size_t bytes, arc_error *err) {
    w->at += bytes;
    return arc_writer_put(w->file, data, bytes, err);
}

static size_t store(uint8_t *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
    return bytes;
}

arc_status arc_state_create(arc_state_writer **out, const arc_alloc *a, const char *path, const char *json, arc_error *err) {
    arc_status st;
    uint8_t head[16];
    *out = NULL;
    arc_state_writer *w = arc_mem_new(a, 1, sizeof *w);
    if (!w)
        return arc_fail_nomem(err, path);
    w->alloc = a;
    arc_crc_init(&w->crc);
    const size_t bytes = strlen(json);
    memcpy(head, MAGIC, 8);
    store(head + 8, VERSION, 4);
    store(head + 12, bytes, 4);
    ARC_TRY(arc_writer_open(&w->file, a, path, err));
    ARC_TRY(put(w, head, sizeof head, err));
    ARC_TRY(put(w, json, bytes, err));
    store(head, arc_crc32c(&w->crc, arc_crc32c(&w->crc, 0, head, sizeof head), json, bytes), 4);
    ARC_TRY(put(w, head, 4, err));
    *out = w;
    return ARC_OK;
done:
    arc_state_abort(&w);
    return st;
}

arc_status arc_state_begin(arc_state_writer *w, const char *name, size_t count, uint32_t crc, arc_error *err) {
    static const uint8_t nothing[ALIGN];
    uint8_t head[16];
    const size_t bytes = strlen(name);
    arc_status st;
    store(head, bytes, 2);
    ARC_TRY(put(w, head, 2, err));
    ARC_TRY(put(w, name, bytes, err));
    store(head, count, 8);
    store(head + 8, crc, 4);
    ARC_TRY(put(w, head, 12, err));
    ARC_TRY(put(w, nothing, (size_t)((ALIGN - w->at % ALIGN) % ALIGN), err));
    w->arrays++;
done:
    return st;
}

arc_status arc_state_more(arc_state_writer *w, const float *data, size_t count, arc_error *err) {
    return put(w, data, count * sizeof *data, err);
}

arc_status arc_state_put(arc_state_writer *w, const char *name, const float *data, size_t count, arc_error *err) {
    const arc_status st = arc_state_begin(w, name, count, arc_crc32c(&w->crc, 0, data, count * sizeof *data), err);
    return st == ARC_OK ? arc_state_more(w, data, count, err) : st;
}

arc_status arc_state_commit(arc_state_writer **writer, arc_error *err) {
    arc_state_writer *w = *writer;
    uint8_t tail[6];
    store(tail, 0, 2);
    store(tail + 2, w->arrays, 4);
    arc_status st = put(w, tail, sizeof tail, err);
    if (st == ARC_OK)
        st = arc_writer_commit(&w->file, err);
    arc_state_abort(writer);
    return st;
}

void arc_state_abort(arc_state_writer **writer) {
    arc_state_writer *w = *writer;
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

static arc_status broken(const arc_state *s, size_t at, const char *what, arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "%s: %s at byte %zu; use an older checkpoint", s->name, what, at);
}

static arc_status read_head(arc_state *s, size_t *at, arc_error *err) {
    const uint8_t *p = s->map.data;
    if (s->map.bytes < 20 || memcmp(p, MAGIC, 8) != 0)
        return arc_fail(err, ARC_EFORMAT, "%s: not the state of a training", s->name);
    if (load(p + 8, 4) != VERSION)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: state version %llu, this program reads %u", s->name,
                        (unsigned long long)load(p + 8, 4), VERSION);
    s->json_bytes = (size_t)load(p + 12, 4);
    if (s->json_bytes > ARC_STATE_MAX_TEXT || s->json_bytes > s->map.bytes - 20)
        return broken(s, 12, "the text is longer than the file", err);
    s->json = (const char *)p + 16;
    *at = 16 + s->json_bytes;
    if (arc_crc32c(&s->crc, 0, p, *at) != load(p + *at, 4))
        return broken(s, *at, "the checksum of the text is wrong", err);
    *at += 4;
    return ARC_OK;
}

static arc_status read_array(arc_state *s, size_t *at, arc_state_array *out, arc_error *err) {
    const uint8_t *p = s->map.data;
    const size_t end = s->map.bytes, name_bytes = (size_t)load(p + *at, 2);
    if (name_bytes > MAX_NAME || end - *at < 2 + name_bytes + 12)
        return broken(s, *at, "an array without its head", err);
    out->name = arc_arena_strndup(&s->arena, (const char *)p + *at + 2, name_bytes);
    *at += 2 + name_bytes;
    const uint64_t count = load(p + *at, 8);
    out->crc = (uint32_t)load(p + *at + 8, 4);
    *at = (*at + 12 + ALIGN - 1) / ALIGN * ALIGN;
    if (*at > end || count > (end - *at) / sizeof(float))
        return broken(s, *at, "an array that is longer than the file", err);
    out->count = (size_t)count;
    out->data = (const float *)(const void *)(p + *at);
    *at += out->count * sizeof(float);
    return out->name ? ARC_OK : arc_fail_nomem(err, s->name);
}

static arc_status read_arrays(arc_state *s, size_t at, arc_error *err) {
    size_t capacity = 0;
    for (;;) {
        if (s->map.bytes - at < 6)
            return broken(s, at, "the end is missing", err);
        if (load(s->map.data + at, 2) == 0)
            break;
        if (s->arrays == ARC_STATE_MAX_ARRAYS)
            return broken(s, at, "too many arrays", err);
        if (s->arrays == capacity) {
            arc_state_array *more =
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

static arc_status read_all(arc_state *s, arc_error *err) {
    size_t at = 0;
    arc_crc_init(&s->crc);
    arc_status st = read_head(s, &at, err);
    if (st == ARC_OK)
        st = read_arrays(s, at, err);
    if (st != ARC_OK)
        arc_state_close(s);
    return st;
}

arc_status arc_state_parse(arc_state *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                           arc_error *err) {
    *out = (arc_state){.map = {bytes, count, false}, .name = name};
    arc_arena_init(&out->arena, a, ARC_STATE_MAX_TEXT * 16);
    return read_all(out, err);
}

arc_status arc_state_open(arc_state *out, const arc_alloc *a, const char *path, arc_error *err) {
    *out = (arc_state){0};
    arc_arena_init(&out->arena, a, ARC_STATE_MAX_TEXT * 16);
    const arc_status st = arc_map_open(&out->map, path, ARC_STATE_MAX_BYTES, err);
    if (st != ARC_OK)
        return st;
    out->name = arc_arena_strdup(&out->arena, path);
    if (!out->name) {
        arc_state_close(out);
        return arc_fail_nomem(err, path);
    }
    return read_all(out, err);
}

void arc_state_close(arc_state *s) {
    if (s->arena.alloc)
        arc_mem_free(s->arena.alloc, s->array);
    s->array = NULL;
    s->arrays = 0;
    arc_arena_free(&s->arena);
    arc_map_close(&s->map);
}

static const arc_state_array *find(const arc_state *s, const char *name) {
    for (size_t i = 0; i < s->arrays; i++)
        if (strcmp(s->array[i].name, name) == 0)
            return &s->array[i];
    return NULL;
}

bool arc_state_has(const arc_state *s, const char *name) {
    return find(s, name) != NULL;
}

arc_status arc_state_get(const arc_state *s, const char *name, size_t whole, size_t from, size_t count, float *out,
                         arc_error *err) {
    const arc_state_array *a = find(s, name);
    if (!a)
        return arc_fail(err, ARC_EFORMAT, "%s: has no \"%s\": it belongs to another network or recipe", s->name, name);
    if (a->count != whole)
        return arc_fail(err, ARC_ESHAPE, "%s: \"%s\" has %zu numbers, %zu are needed: it belongs to another network or data set",
                        s->name, name, a->count, whole);
    if (from == 0 && arc_crc32c(&s->crc, 0, a->data, a->count * sizeof(float)) != a->crc)
        return arc_fail(err, ARC_ECORRUPT, "%s: the checksum of \"%s\" is wrong; use an older checkpoint", s->name, name);
    memcpy(out, a->data + from, count * sizeof(float));
    return ARC_OK;
}
