/* source: the pictures in a zip or tar archive (archive.h), by libarchive. */
#include "source/archive.h"
#include "base/hash.h"
#include "source/kinds.h"
#include <arcface/image.h>
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES ((size_t)1 << 16) /* of the archive, given at a time */
#define NAMES_MAX ((size_t)1 << 20)   /* members whose names are compared with the others' */

struct arc_photo_archive {
    const arc_alloc *alloc;
    arc_photo_archive_limits limits;
    const uint8_t *bytes;
    size_t count, at; /* at: where it is read next */
    const arc_map *map;
    struct archive *reader;
    locale_t utf8; /* in which names are read, whatever the program's is; 0: there is none */
    char *path;    /* ARCHIVE/MEMBER */
    size_t archive_bytes, path_bytes;
    int64_t taken;    /* bytes of the archive, those that were read again included */
    int64_t unpacked; /* bytes of members */
    int64_t members;
    bool packed; /* what is passed over is unpacked as well, and watched */
    bool ended;
    uint64_t *seen; /* [places] hashes of the names of members; 0: a free place */
    size_t places, names;
};

/* ---- the archive's bytes ---- */

static la_ssize_t give_bytes(struct archive *reader, void *user, const void **out) {
    arc_photo_archive *z = user;
    const size_t bytes = ARC_MIN(PIECE_BYTES, z->count - z->at);
    (void)reader;
    if (z->map && z->at >= PIECE_BYTES)
        arc_map_drop(z->map, z->bytes + z->at - PIECE_BYTES, PIECE_BYTES);
    *out = z->bytes + z->at;
    z->at += bytes;
    z->taken += (int64_t)bytes;
    return (la_ssize_t)bytes;
}

static la_int64_t skip_bytes(struct archive *reader, void *user, la_int64_t request) {
    arc_photo_archive *z = user;
    const size_t left = z->count - z->at, bytes = request < 0 ? 0 : ARC_MIN(left, (size_t)request);
    (void)reader;
    z->at += bytes;
    z->taken += (int64_t)bytes;
    return (la_int64_t)bytes;
}

static la_int64_t seek_bytes(struct archive *reader, void *user, la_int64_t offset, int whence) {
    arc_photo_archive *z = user;
    const la_int64_t from = whence == SEEK_SET ? 0 : (la_int64_t)(whence == SEEK_CUR ? z->at : z->count);
    (void)reader;
    if (offset < -from || offset > (la_int64_t)z->count - from)
        return ARCHIVE_FATAL;
    z->at = (size_t)(from + offset);
    return from + offset;
}

/* ---- which readers ---- */

static uint64_t number_at(const uint8_t *p, int bytes) {
    uint64_t n = 0;
    for (int i = bytes - 1; i >= 0; i--)
        n = n << 8 | p[i];
    return n;
}

/* Whether a zip's list of members, from its place to the end of the file, is short enough to be read whole. */
static bool has_short_list(const uint8_t *bytes, size_t count) {
    enum { END_BYTES = 22, COMMENT_MAX = 65535, LOCATOR_BYTES = 20 };
    const size_t back = ARC_MIN(count, (size_t)END_BYTES + COMMENT_MAX);
    for (size_t i = END_BYTES; i <= back; i++) {
        const size_t end = count - i;
        if (memcmp(bytes + end, "PK\5\6", 4) != 0)
            continue;
        uint64_t from = number_at(bytes + end + 16, 4);
        if (from == UINT32_MAX && end >= LOCATOR_BYTES && memcmp(bytes + end - LOCATOR_BYTES, "PK\6\7", 4) == 0) {
            const uint64_t long_end = number_at(bytes + end - LOCATOR_BYTES + 8, 8);
            from = long_end <= count - 56 && count >= 56 ? number_at(bytes + long_end + 48, 8) : 0;
        }
        return from <= count && count - from <= ARC_ZIP_LIST_BYTES;
    }
    return false;
}

/* Only the readers that this archive needs, none of which starts a program. */
static int support(arc_photo_archive *z, const char *kind) {
    struct archive *r = z->reader;
    if (strcmp(kind, "zip") == 0) {
        z->packed = !has_short_list(z->bytes, z->count); /* the end of a member may be known only from unpacking it */
        return z->packed ? archive_read_support_format_zip_streamable(r) : archive_read_support_format_zip_seekable(r);
    }
    const int tar = archive_read_support_format_tar(r);
    z->packed = strcmp(kind, "tar") != 0;
    if (!z->packed || tar != ARCHIVE_OK)
        return tar;
    if (strcmp(kind, "gzip") == 0)
        return archive_read_support_filter_gzip(r);
    if (strcmp(kind, "xz") == 0)
        return archive_read_support_filter_xz(r);
    if (strcmp(kind, "zstd") == 0)
        return archive_read_support_filter_zstd(r);
    return archive_read_support_filter_bzip2(r);
}

static const char *reason(const arc_photo_archive *z) {
    const char *text = archive_error_string(z->reader);
    return text ? text : "damaged";
}

/* libarchive gives no name that the locale has no letters for: UTF-8 has all. */
static locale_t speak_utf8(const arc_photo_archive *z) {
    return z->utf8 ? uselocale(z->utf8) : (locale_t)0;
}

static void speak_as_before(locale_t before) {
    if (before)
        (void)uselocale(before);
}

static arc_status open_reader(arc_photo_archive *z, const char *name, arc_error *err) {
    const char *kind = arc_photo_archive_kind(z->bytes, z->count);
    z->reader = archive_read_new();
    if (!z->reader)
        return arc_fail_nomem(err, name);
    if (!kind)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: no zip or tar archive", name);
    if (support(z, kind) != ARCHIVE_OK)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: a %s file, which the libarchive here does not read by itself; unpack it",
                        name, kind);
    archive_read_set_callback_data(z->reader, z);
    archive_read_set_read_callback(z->reader, give_bytes);
    archive_read_set_skip_callback(z->reader, skip_bytes);
    archive_read_set_seek_callback(z->reader, seek_bytes);
    z->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    const locale_t before = speak_utf8(z);
    const int code = archive_read_open1(z->reader);
    speak_as_before(before);
    if (code != ARCHIVE_OK)
        return arc_fail(err, ARC_ECORRUPT, "%s: a damaged %s file, or one that holds no archive: %s", name, kind, reason(z));
    return ARC_OK;
}

arc_status arc_photo_archive_open(arc_photo_archive **out, const arc_alloc *a, const char *name, const void *bytes, size_t count,
                                  const arc_map *map, const arc_photo_archive_limits *limits, arc_error *err) {
    arc_photo_archive *z = *out = arc_mem_new(a, 1, sizeof *z);
    if (!z)
        return arc_fail_nomem(err, name);
    *z = (arc_photo_archive){.alloc = a, .limits = *limits, .bytes = bytes, .count = count, .map = map};
    z->archive_bytes = strlen(name) + 1;
    z->path_bytes = z->archive_bytes + 1;
    z->path = arc_mem_raw(a, z->path_bytes, 1);
    arc_status st = z->path ? open_reader(z, name, err) : arc_fail_nomem(err, name);
    if (st != ARC_OK) {
        arc_photo_archive_close(out);
        return st;
    }
    snprintf(z->path, z->path_bytes, "%s/", name);
    return ARC_OK;
}

void arc_photo_archive_close(arc_photo_archive **archive) {
    if (!archive || !*archive)
        return;
    arc_photo_archive *z = *archive;
    if (z->reader)
        archive_read_free(z->reader);
    if (z->utf8)
        freelocale(z->utf8);
    arc_mem_free(z->alloc, z->path);
    arc_mem_free(z->alloc, z->seen);
    arc_mem_free(z->alloc, z);
    *archive = NULL;
}

/* ---- names ---- */

static bool is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Behind the next slash; NULL: there is none. */
static const char *next_part(const char *part) {
    const char *slash = strchr(part, '/');
    return slash ? slash + 1 : NULL;
}

/* What is wrong with a member's name; NULL: nothing. */
static const char *fault_of(const char *name) {
    if (!*name)
        return "has no name";
    if (name[0] == '/')
        return "has an absolute name";
    for (const char *c = name; *c; c++)
        if (is_control(*c))
            return "has control characters in its name";
    for (const char *part = name; part; part = next_part(part)) {
        const size_t bytes = strcspn(part, "/\\");
        if (bytes == 2 && part[0] == '.' && part[1] == '.')
            return "has a name that points outside the archive";
    }
    return strlen(name) >= ARC_PATH_BYTES ? "has too long a name" : NULL;
}

/* A part of it begins with a dot, as in folders; or it is what macOS puts beside each file. */
static bool is_hidden(const char *name) {
    for (const char *part = name; part; part = next_part(part)) {
        const size_t bytes = strcspn(part, "/");
        if (part[0] == '.' && bytes > 1 && !(bytes == 2 && part[1] == '.'))
            return true;
    }
    return strncmp(name, "__MACOSX/", 9) == 0;
}

/* Whether the set of names has this one already; it has it then. */
static arc_status note_name(arc_photo_archive *z, const char *name, bool *again, arc_error *err) {
    const uint64_t hash = ARC_MAX(arc_hash_bytes(ARC_HASH_START, name, strlen(name)), (uint64_t)1);
    *again = false;
    if (z->names == NAMES_MAX)
        return ARC_OK;
    if (2 * z->names >= z->places) {
        const size_t places = z->places ? 2 * z->places : 256;
        uint64_t *seen = arc_mem_new(z->alloc, places, sizeof *seen);
        if (!seen)
            return arc_fail_nomem(err, z->path);
        for (size_t i = 0; i < z->places; i++) {
            size_t k = (size_t)z->seen[i] & (places - 1);
            while (z->seen[i] && seen[k])
                k = (k + 1) & (places - 1);
            if (z->seen[i])
                seen[k] = z->seen[i];
        }
        arc_mem_free(z->alloc, z->seen);
        z->seen = seen;
        z->places = places;
    }
    size_t k = (size_t)hash & (z->places - 1);
    while (z->seen[k] && z->seen[k] != hash)
        k = (k + 1) & (z->places - 1);
    *again = z->seen[k] != 0;
    z->names += !*again;
    z->seen[k] = hash;
    return ARC_OK;
}

/* ARCHIVE/MEMBER as the path; `number` > 0: the member is told apart from others of its name. Control characters become "?". */
static arc_status set_path(arc_photo_archive *z, const char *name, int64_t number, arc_error *err) {
    const size_t bytes = z->archive_bytes + strlen(name) + 32;
    if (bytes > z->path_bytes) {
        char *path = arc_mem_grow(z->alloc, z->path, z->path_bytes, bytes, 1);
        if (!path)
            return arc_fail_nomem(err, z->path);
        z->path = path;
        z->path_bytes = bytes;
    }
    char *to = z->path + z->archive_bytes;
    if (number > 0)
        snprintf(to, bytes - z->archive_bytes, "%s#%lld", name, (long long)number);
    else
        snprintf(to, bytes - z->archive_bytes, "%s", name);
    for (; *to; to++)
        if (is_control(*to))
            *to = '?';
    return ARC_OK;
}

/* ---- members ---- */

static int64_t unpacked_bytes(const arc_photo_archive *z) {
    return ARC_MAX(z->unpacked, (int64_t)archive_filter_bytes(z->reader, 0));
}

/* A tiny file that unpacks to a huge one. */
static bool is_bomb(const arc_photo_archive *z) {
    const int64_t out = unpacked_bytes(z);
    return out > z->limits.bomb_bytes && out / ARC_BOMB_RATIO > ARC_MIN(z->taken, (int64_t)z->count);
}

static void give_up(arc_photo_archive *z, arc_photo_member *m) {
    z->path[z->archive_bytes - 1] = '\0';
    (void)arc_fail(&m->failure, ARC_ELIMIT,
                   "%s: unpacks to more than %d times its size: taken for a bomb after %lld members and %lld bytes, not read on",
                   z->path, ARC_BOMB_RATIO, (long long)z->members, (long long)unpacked_bytes(z));
    m->kind = ARC_MEMBER_BROKEN;
    z->ended = true;
}

/* Up to `most` bytes of the member. -1: the data are damaged. */
static la_ssize_t read_piece(arc_photo_archive *z, uint8_t *to, size_t most) {
    size_t got = 0;
    while (got < most && !is_bomb(z)) {
        const la_ssize_t n = archive_read_data(z->reader, to + got, most - got);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
        z->unpacked += n;
    }
    return (la_ssize_t)got;
}

/* What is left of the member. */
static void pass_over(arc_photo_archive *z, arc_photo_member *m) {
    const void *piece;
    size_t bytes;
    la_int64_t offset;
    if (!z->packed) {
        (void)archive_read_data_skip(z->reader); /* damage comes again with the next head */
        return;
    }
    while (!is_bomb(z) && archive_read_data_block(z->reader, &piece, &bytes, &offset) == ARCHIVE_OK)
        ;
    if (is_bomb(z) && m->kind != ARC_MEMBER_BROKEN) {
        arc_mem_free(z->alloc, m->bytes);
        *m = (arc_photo_member){.name = z->path};
        give_up(z, m);
    }
}

static arc_status refuse(const arc_photo_archive *z, arc_photo_member *m, arc_status code, const char *why) {
    m->kind = ARC_MEMBER_FAILED;
    (void)arc_fail(&m->failure, code, "%s: %s", z->path, why);
    return ARC_OK;
}

static arc_status refuse_size(const arc_photo_archive *z, arc_photo_member *m) {
    m->kind = ARC_MEMBER_FAILED;
    (void)arc_fail(&m->failure, ARC_ELIMIT, "%s: more than the limit of %lld bytes (--max-bytes)", z->path,
                   (long long)z->limits.max_bytes);
    return ARC_OK;
}

/* The rest of a picture, whose first bytes are known. */
static arc_status read_picture(arc_photo_archive *z, const uint8_t *head, size_t count, arc_photo_member *m, arc_error *err) {
    uint8_t piece[16384];
    arc_buffer b;
    la_ssize_t n;
    arc_buffer_init(&b, z->alloc, (size_t)z->limits.max_bytes);
    arc_status st = arc_buffer_put(&b, head, count);
    while (st == ARC_OK && (n = read_piece(z, piece, sizeof piece)) != 0)
        st = n < 0 ? ARC_ECORRUPT : arc_buffer_put(&b, piece, (size_t)n);
    if (st == ARC_OK) {
        m->kind = ARC_MEMBER_PICTURE;
        m->bytes = b.data;
        m->byte_count = b.bytes;
        return ARC_OK;
    }
    arc_buffer_free(&b);
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, z->path);
    return st == ARC_ELIMIT ? refuse_size(z, m) : refuse(z, m, st, reason(z));
}

static arc_status read_member(arc_photo_archive *z, struct archive_entry *entry, arc_photo_member *m, arc_error *err) {
    uint8_t head[ARC_ARCHIVE_KIND_BYTES];
    if (archive_entry_is_encrypted(entry))
        return refuse(z, m, ARC_EUNSUPPORTED, "is encrypted; unpack the archive with its password and name the folder");
    const la_ssize_t count = read_piece(z, head, sizeof head);
    if (count < 0)
        return refuse(z, m, ARC_ECORRUPT, reason(z));
    if (!arc_image_kind(head, (size_t)count)) {
        m->kind = arc_photo_archive_kind(head, (size_t)count) ? ARC_MEMBER_CLOSED : ARC_MEMBER_SKIPPED;
        return ARC_OK;
    }
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > z->limits.max_bytes)
        return refuse_size(z, m);
    m->kind = ARC_MEMBER_PICTURE;
    return z->limits.names_only ? ARC_OK : read_picture(z, head, (size_t)count, m, err);
}

/* m->kind stays END for what is passed over without a word: folders and what is hidden. */
static arc_status take_member(arc_photo_archive *z, struct archive_entry *entry, arc_photo_member *m, arc_error *err) {
    const char *name = archive_entry_pathname(entry), *fault;
    const int type = (int)archive_entry_filetype(entry);
    bool again = false;
    if (!name)
        name = archive_entry_pathname_utf8(entry);
    name = name ? name : "";
    while (strncmp(name, "./", 2) == 0)
        name += 2 + strspn(name + 2, "/");
    if (type == AE_IFDIR || is_hidden(name))
        return ARC_OK;
    fault = fault_of(name);
    arc_status st = fault ? ARC_OK : note_name(z, name, &again, err);
    if (st == ARC_OK)
        st = set_path(z, name, again || !*name ? z->members : 0, err);
    m->name = z->path;
    if (st != ARC_OK)
        return st;
    if (fault)
        return refuse(z, m, ARC_ECORRUPT, fault);
    if (archive_entry_hardlink(entry) || type == AE_IFLNK)
        return refuse(z, m, ARC_EUNSUPPORTED, "is a link, which is not followed in archives");
    if (type == AE_IFREG)
        return read_member(z, entry, m, err);
    m->kind = ARC_MEMBER_SKIPPED;
    return ARC_OK;
}

static void end_damaged(arc_photo_archive *z, arc_photo_member *m) {
    const char *what = reason(z);
    z->path[z->archive_bytes - 1] = '\0';
    m->kind = ARC_MEMBER_BROKEN;
    m->name = z->path;
    if (z->members == 0)
        (void)arc_fail(&m->failure, ARC_ECORRUPT, "%s: damaged, or no archive of files: %s", z->path, what);
    else
        (void)arc_fail(&m->failure, ARC_ECORRUPT, "%s: damaged or cut off after %lld member%s: %s", z->path,
                       (long long)z->members, z->members == 1 ? "" : "s", what);
    z->ended = true;
}

/* The next member that is worth a word. */
static arc_status next_member(arc_photo_archive *z, arc_photo_member *m, arc_error *err) {
    arc_status st = ARC_OK;
    while (st == ARC_OK && m->kind == ARC_MEMBER_END && !z->ended) {
        struct archive_entry *entry;
        const int code = archive_read_next_header(z->reader, &entry);
        if (code == ARCHIVE_EOF) {
            z->path[z->archive_bytes - 1] = '\0';
            z->ended = true;
            break;
        }
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) {
            end_damaged(z, m);
            break;
        }
        z->members++;
        st = take_member(z, entry, m, err);
        if (st == ARC_OK && is_bomb(z)) {
            arc_mem_free(z->alloc, m->bytes);
            *m = (arc_photo_member){.name = z->path};
            give_up(z, m);
        } else if (st == ARC_OK) {
            pass_over(z, m);
        }
    }
    return st;
}

arc_status arc_photo_archive_next(arc_photo_archive *z, arc_photo_member *m, arc_error *err) {
    *m = (arc_photo_member){.kind = ARC_MEMBER_END, .name = z->path};
    const locale_t before = speak_utf8(z);
    const arc_status st = next_member(z, m, err);
    speak_as_before(before);
    return st;
}
