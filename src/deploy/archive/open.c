/* Reads a container: a tar of some compression, a blob or a superblob. Nothing is written to disk; what a member's header says is
 * never believed further than what comes. */
#include "deploy/archive/archive.h"
#include "format/format.h"
#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 18)
/* Weights do not shrink to a hundredth; what does is made to fill memory. */
#define MOST_EXPANSION 100
#define EXPANSION_FLOOR ((uint64_t)64 << 20)
#define MAX_NAME_BYTES 1024

typedef struct reading {
    arc_archive *a;
    struct archive *tar;
    uint8_t *chunk;
    uint64_t unpacked; /* bytes so far */
    arc_error *err;
} reading;

static arc_status damaged(const reading *r) {
    const char *why = archive_error_string(r->tar);
    return arc_fail(r->err, ARC_ECORRUPT, "%s: damaged or cut short: %s", r->a->path, why ? why : "it cannot be unpacked");
}

static arc_status open_tar(reading *r) {
    const arc_archive *a = r->a;
    r->unpacked = 0;
    if (!(r->tar = archive_read_new()))
        return arc_fail_nomem(r->err, a->path);
    if (archive_read_support_filter_xz(r->tar) < ARCHIVE_WARN || archive_read_support_filter_gzip(r->tar) < ARCHIVE_WARN ||
        archive_read_support_filter_bzip2(r->tar) < ARCHIVE_WARN || archive_read_support_format_tar(r->tar) < ARCHIVE_WARN)
        return arc_fail(r->err, ARC_EUNSUPPORTED, "this libarchive cannot read .tar.xz");
    if (archive_read_open_memory(r->tar, a->map.data, a->map.bytes) != ARCHIVE_OK)
        return arc_fail(r->err, ARC_EFORMAT, "%s: neither an NN Archive (tar, .tar.xz, .tar.gz) nor a blob or superblob",
                        a->path);
    return ARC_OK;
}

/* Everything a member has, into `out` or nowhere. */
static arc_status read_member(reading *r, const char *name, arc_buffer *out) {
    const uint64_t most = ARC_MAX(EXPANSION_FLOOR, (uint64_t)r->a->map.bytes * MOST_EXPANSION);
    for (;;) {
        const la_ssize_t n = archive_read_data(r->tar, r->chunk, CHUNK_BYTES);
        if (n == 0)
            return ARC_OK;
        if (n < 0)
            return damaged(r);
        r->unpacked += (uint64_t)n;
        if (r->unpacked > most || r->unpacked > ARC_ARCHIVE_MAX_BYTES)
            return arc_fail(r->err, ARC_ELIMIT, "%s: unpacks to more than %llu bytes from %llu: not weights", r->a->path,
                            (unsigned long long)ARC_MIN(most, (uint64_t)ARC_ARCHIVE_MAX_BYTES),
                            (unsigned long long)r->a->map.bytes);
        const arc_status st = out ? arc_buffer_put(out, r->chunk, (size_t)n) : ARC_OK;
        if (st == ARC_ELIMIT)
            return arc_fail(r->err, ARC_ELIMIT, "%s: member %.100s is longer than %llu bytes", r->a->path, name,
                            (unsigned long long)out->max_bytes);
        if (st != ARC_OK)
            return arc_fail_nomem(r->err, r->a->path);
    }
}

/* The next member's header; *entry NULL at the end. */
static arc_status next(reading *r, struct archive_entry **entry) {
    const int code = archive_read_next_header(r->tar, entry);
    if (code == ARCHIVE_EOF)
        *entry = NULL;
    else if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
        return r->a->members == 0 ? arc_fail(r->err, ARC_EFORMAT,
                                             "%s: neither an NN Archive (tar, .tar.xz, .tar.gz) nor a blob or superblob: %s",
                                             r->a->path, archive_error_string(r->tar) ? archive_error_string(r->tar) : "no tar")
                                  : damaged(r);
    return ARC_OK;
}

/* What is done with a member. *into: where its bytes go, NULL for nowhere; *enough: nothing behind it is wanted. */
typedef arc_status visit(reading *r, struct archive_entry *entry, const char *name, arc_buffer **into, bool *enough);

/* Every member in order; *compression (may be NULL): the archive's. */
static arc_status walk(reading *r, visit *see, const char **compression) {
    arc_status st;
    struct archive_entry *entry;
    bool enough = false;
    ARC_TRY(open_tar(r));
    while (!enough) {
        arc_buffer *into = NULL;
        ARC_TRY(next(r, &entry));
        if (!entry)
            break;
        const char *name = archive_entry_pathname(entry) ? archive_entry_pathname(entry) : "";
        ARC_TRY(see(r, entry, name, &into, &enough));
        ARC_TRY(read_member(r, name, into));
    }
    if (compression) {
        const char *filter = archive_filter_name(r->tar, 0);
        if (!(*compression = arc_arena_strdup(&r->a->arena, filter ? filter : "none")))
            ARC_TRY(arc_fail_nomem(r->err, r->a->path));
    }
done:
    archive_read_free(r->tar);
    r->tar = NULL;
    return st;
}

/* Its header, and of config.json its bytes. */
static arc_status list_member(reading *r, struct archive_entry *entry, const char *name, arc_buffer **into, bool *enough) {
    arc_archive *a = r->a;
    (void)enough;
    if (a->members == ARC_ARCHIVE_MAX_MEMBERS)
        return arc_fail(r->err, ARC_ELIMIT, "%s: more than %d members", a->path, ARC_ARCHIVE_MAX_MEMBERS);
    arc_member *m = &a->member[a->members];
    if (!(m->name = arc_arena_strndup(&a->arena, name, strnlen(name, MAX_NAME_BYTES))))
        return arc_fail_nomem(r->err, a->path);
    m->file = archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry);
    m->bytes = archive_entry_size(entry);
    a->members++;
    if (strcmp(m->name, ARC_ARCHIVE_CONFIG) == 0 && a->config.bytes == 0)
        *into = &a->config;
    return ARC_OK;
}

/* The bytes of the member that config.json calls the network. */
static arc_status take_executable(reading *r, struct archive_entry *entry, const char *name, arc_buffer **into, bool *enough) {
    (void)entry;
    *enough = strcmp(name, r->a->executable_name) == 0;
    *into = *enough ? &r->a->executable : NULL;
    return ARC_OK;
}

static bool ends(const char *name, const char *suffix) {
    const size_t n = strlen(name), k = strlen(suffix);
    return n >= k && strcmp(name + n - k, suffix) == 0;
}

/* What lies inside is read as what it is; damage there is a finding, not a reason to say nothing of the rest. */
static arc_status read_network(arc_archive *a, const void *bytes, size_t count, const char *name, arc_error *err) {
    arc_error why = {0};
    arc_status st = ARC_OK;
    if (arc_superblob_is(bytes, count)) {
        st = arc_superblob_parse(&a->blob, &a->arena, bytes, count, name, &why);
        a->has_superblob = st == ARC_OK;
    } else if (arc_blob_is(bytes, count)) {
        st = arc_blob_parse(&a->blob.base, &a->arena, bytes, count, name, &why);
        a->has_blob = st == ARC_OK;
    } else if (ends(name, ".onnx")) {
        st = arc_onnx_parse(&a->graph, a->arena.alloc, bytes, count, name, &why);
    } else if (ends(name, ".blob") || ends(name, ".superblob")) {
        arc_archive_find(a, true, name, "no blob is in it: no %s begins like this", ends(name, ".blob") ? ".blob" : ".superblob");
    }
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, a->path);
    if (st != ARC_OK)
        arc_archive_find(a, st == ARC_ECORRUPT || st == ARC_EFORMAT, name, "arcface cannot read it: %s", why.text);
    return ARC_OK;
}

static arc_status read_config(arc_archive *a) {
    json_error_t where;
    const arc_member *m = arc_archive_member(a, ARC_ARCHIVE_CONFIG);
    if (a->config.bytes == 0) {
        if (m && m->file)
            arc_archive_find(a, true, ARC_ARCHIVE_CONFIG, "it is empty");
        return ARC_OK;
    }
    a->json = json_loadb((const char *)a->config.data, a->config.bytes, JSON_REJECT_DUPLICATES, &where);
    if (!a->json)
        arc_archive_find(a, true, ARC_ARCHIVE_CONFIG, "line %d, column %d: %s", where.line, where.column, where.text);
    const json_t *metadata = json_object_get(json_object_get(a->json, "model"), "metadata");
    a->executable_name = arc_archive_text(metadata, "path");
    return ARC_OK;
}

static arc_status read_archive(arc_archive *a, arc_error *err) {
    reading r = {.a = a, .err = err};
    arc_status st;
    if (!(r.chunk = arc_mem_raw(a->arena.alloc, CHUNK_BYTES, 1)))
        return arc_fail_nomem(err, a->path);
    ARC_TRY(walk(&r, list_member, &a->compression));
    if (a->members == 0)
        ARC_TRY(arc_fail(err, ARC_EFORMAT, "%s: neither an NN Archive nor a blob: nothing is in it", a->path));
    ARC_TRY(read_config(a));
    const arc_member *m = a->executable_name ? arc_archive_member(a, a->executable_name) : NULL;
    if (m && m->file) {
        ARC_TRY(walk(&r, take_executable, NULL));
        ARC_TRY(read_network(a, a->executable.data, a->executable.bytes, a->executable_name, err));
    }
done:
    arc_mem_free(a->arena.alloc, r.chunk);
    return st;
}

/* The container in a->map. What is called a blob is read as one, so that its damage is named. */
static arc_status read_container(arc_archive *a, arc_error *err) {
    const void *bytes = a->map.data;
    const size_t count = a->map.bytes;
    if (arc_superblob_is(bytes, count) || ends(a->path, ".superblob")) {
        a->container = ARC_CONTAINER_SUPERBLOB;
        a->has_superblob = true;
        return arc_superblob_parse(&a->blob, &a->arena, bytes, count, a->path, err);
    }
    if (arc_blob_is(bytes, count) || ends(a->path, ".blob")) {
        a->container = ARC_CONTAINER_BLOB;
        a->has_blob = true;
        return arc_blob_parse(&a->blob.base, &a->arena, bytes, count, a->path, err);
    }
    return read_archive(a, err);
}

static arc_status begin(arc_archive *a, const arc_alloc *alloc, const char *path, arc_error *err) {
    *a = (arc_archive){0};
    arc_arena_init(&a->arena, alloc, 0);
    a->found.arena = &a->arena;
    arc_buffer_init(&a->config, alloc, ARC_ARCHIVE_MAX_CONFIG_BYTES);
    arc_buffer_init(&a->executable, alloc, ARC_ARCHIVE_MAX_BYTES);
    a->path = arc_arena_strdup(&a->arena, path);
    return a->path ? ARC_OK : arc_fail_nomem(err, path);
}

arc_status arc_archive_open(arc_archive *out, const arc_alloc *a, const char *path, arc_error *err) {
    arc_status st;
    ARC_TRY(begin(out, a, path, err));
    ARC_TRY(arc_map_open_real(&out->map, path, ARC_ARCHIVE_MAX_BYTES, err));
    ARC_TRY(read_container(out, err));
done:
    if (st != ARC_OK)
        arc_archive_close(out);
    return st;
}

arc_status arc_archive_parse(arc_archive *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                             arc_error *err) {
    arc_status st;
    ARC_TRY(begin(out, a, name, err));
    out->map = (arc_map){.data = bytes, .bytes = count};
    ARC_TRY(read_container(out, err));
done:
    if (st != ARC_OK)
        arc_archive_close(out);
    return st;
}

void arc_archive_close(arc_archive *a) {
    if (!a->arena.alloc)
        return;
    arc_graph_free(&a->graph);
    json_decref(a->json);
    arc_buffer_free(&a->config);
    arc_buffer_free(&a->executable);
    arc_map_close(&a->map);
    arc_arena_free(&a->arena);
    *a = (arc_archive){0};
}
