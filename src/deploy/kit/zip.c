/* Reads calibration.zip, a member at a time, into memory; nothing is written anywhere. */
#include "deploy/kit/kit.h"
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MEMBERS 100000
#define MAX_MEMBER_BYTES ((size_t)4 << 20) /* a face of 256 x 256 pixels, uncompressed, is a fifth of it */
#define MAX_NAME_BYTES 128
#define CHUNK_BYTES ((size_t)1 << 16)

typedef struct reading {
    arc_arena arena;
    const char **name; /* [count] */
    int count, room;
    struct archive *zip;
    arc_buffer member;
    arc_error *err;
} reading;

static arc_status damaged(const reading *r) {
    const char *why = archive_error_string(r->zip);
    return arc_fail(r->err, ARC_ECORRUPT, "damaged: %s", why ? why : "it cannot be unpacked");
}

/* Pictures lie beside each other: modelconverter looks at no folders below. */
static arc_status check_entry(const reading *r, struct archive_entry *entry, const char *name) {
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || archive_entry_is_encrypted(entry))
        return arc_fail(r->err, ARC_ECORRUPT, "%.100s is no plain file", name);
    if (!*name || *name == '.' || strlen(name) >= MAX_NAME_BYTES || strpbrk(name, "/\\"))
        return arc_fail(r->err, ARC_ECORRUPT, "%.100s: members are pictures beside each other, in no folder", name);
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return arc_fail(r->err, ARC_ECORRUPT, "a member's name has control characters");
    return ARC_OK;
}

static arc_status add_name(reading *r, const char *name) {
    if (r->count == MAX_MEMBERS)
        return arc_fail(r->err, ARC_ELIMIT, "more than %d members", MAX_MEMBERS);
    if (r->count == r->room) {
        const int more = r->room ? 2 * r->room : 64;
        const char **grown = arc_mem_grow(r->arena.alloc, r->name, (size_t)r->room, (size_t)more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(r->err, ARC_KIT_ZIP);
        r->name = grown;
        r->room = more;
    }
    if (!(r->name[r->count] = arc_arena_strdup(&r->arena, name)))
        return arc_fail_nomem(r->err, ARC_KIT_ZIP);
    r->count++;
    return ARC_OK;
}

static arc_status read_member(reading *r, const char *name) {
    uint8_t chunk[CHUNK_BYTES];
    r->member.bytes = 0;
    for (;;) {
        const la_ssize_t n = archive_read_data(r->zip, chunk, sizeof chunk);
        if (n == 0)
            return ARC_OK;
        if (n < 0)
            return damaged(r);
        const arc_status st = arc_buffer_put(&r->member, chunk, (size_t)n);
        if (st == ARC_ELIMIT)
            return arc_fail(r->err, ARC_ELIMIT, "%.100s is longer than %zu bytes", name, MAX_MEMBER_BYTES);
        if (st != ARC_OK)
            return arc_fail_nomem(r->err, ARC_KIT_ZIP);
    }
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static arc_status check_once(const reading *r) {
    if (r->count)
        qsort(r->name, (size_t)r->count, sizeof *r->name, by_text);
    for (int i = 1; i < r->count; i++)
        if (strcmp(r->name[i - 1], r->name[i]) == 0)
            return arc_fail(r->err, ARC_ECORRUPT, "two members are called %s", r->name[i]);
    return ARC_OK;
}

static arc_status open_zip(reading *r, const void *bytes, size_t count) {
    if (!(r->zip = archive_read_new()))
        return arc_fail_nomem(r->err, ARC_KIT_ZIP);
    if (archive_read_support_format_zip_seekable(r->zip) != ARCHIVE_OK ||
        archive_read_open_memory(r->zip, bytes, count) != ARCHIVE_OK)
        return arc_fail(r->err, ARC_ECORRUPT, "no zip archive");
    return ARC_OK;
}

arc_status arc_kit_zip_read(const arc_alloc *a, const void *bytes, size_t count, arc_kit_zip_visit *visit, void *visit_ctx,
                            arc_error *err) {
    arc_status st;
    reading r = {.err = err};
    arc_arena_init(&r.arena, a, 0);
    arc_buffer_init(&r.member, a, MAX_MEMBER_BYTES);
    ARC_TRY(open_zip(&r, bytes, count));
    for (;;) {
        struct archive_entry *entry;
        const int code = archive_read_next_header(r.zip, &entry);
        if (code == ARCHIVE_EOF)
            break;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            ARC_TRY(damaged(&r));
        const char *member = archive_entry_pathname(entry) ? archive_entry_pathname(entry) : "";
        ARC_TRY(check_entry(&r, entry, member));
        ARC_TRY(add_name(&r, member));
        ARC_TRY(read_member(&r, member));
        ARC_TRY(visit(visit_ctx, r.name[r.count - 1], r.member.data, r.member.bytes, err));
    }
    ARC_TRY(check_once(&r));
done:
    archive_read_free(r.zip);
    arc_buffer_free(&r.member);
    arc_mem_free(a, r.name);
    arc_arena_free(&r.arena);
    return st;
}
