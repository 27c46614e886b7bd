/* Writes a .tar.xz or a zip with libarchive, through the atomic writer. */
#include "deploy/archive/archive.h"
#include <archive.h>
#include <archive_entry.h>

#define LEVEL "1" /* trained weights shrink by a twelfth at any level, and at this one five times as fast */

typedef struct sink {
    arc_writer *w;
    arc_status st;
    arc_error *err;
} sink;

static la_ssize_t put(struct archive *tar, void *user, const void *data, size_t bytes) {
    sink *s = user;
    (void)tar;
    s->st = arc_writer_put(s->w, data, bytes, s->err);
    return s->st == ARC_OK ? (la_ssize_t)bytes : -1;
}

static arc_status fail(const sink *s, struct archive *tar, const char *path) {
    if (s->st != ARC_OK)
        return s->st; /* the writer has said why */
    const char *why = archive_error_string(tar);
    return arc_fail(s->err, ARC_EIO, "%s: cannot be packed: %s", path, why ? why : "libarchive gives no reason");
}

static arc_status put_member(struct archive *tar, const arc_pack_member *m, sink *s, const char *path) {
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return arc_fail_nomem(s->err, path);
    archive_entry_set_pathname(entry, m->name);
    archive_entry_set_size(entry, (la_int64_t)m->bytes);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, 0, 0);
    const bool good =
        archive_write_header(tar, entry) == ARCHIVE_OK && archive_write_data(tar, m->data, m->bytes) == (la_ssize_t)m->bytes;
    archive_entry_free(entry);
    return good ? ARC_OK : fail(s, tar, path);
}

/* ustar has no times but whole seconds and no owner's name unless one is set: the same bytes every time. */
static bool begin_tar_xz(struct archive *tar) {
    return archive_write_set_format_ustar(tar) == ARCHIVE_OK && archive_write_add_filter_xz(tar) == ARCHIVE_OK &&
           archive_write_set_filter_option(tar, "xz", "compression-level", LEVEL) == ARCHIVE_OK;
}

/* Pictures are compressed already. */
static bool begin_zip(struct archive *zip) {
    return archive_write_set_format_zip(zip) == ARCHIVE_OK &&
           archive_write_set_format_option(zip, "zip", "compression", "store") == ARCHIVE_OK;
}

static arc_status save(const arc_alloc *a, const char *path, const arc_pack_member *member, int members,
                       bool (*begin)(struct archive *), arc_error *err) {
    arc_status st;
    sink s = {.st = ARC_OK, .err = err};
    struct archive *into = NULL;
    ARC_TRY(arc_writer_open(&s.w, a, path, err));
    into = archive_write_new();
    if (!into)
        ARC_TRY(arc_fail_nomem(err, path));
    if (!begin(into) || archive_write_set_bytes_in_last_block(into, 1) != ARCHIVE_OK ||
        archive_write_open(into, &s, NULL, put, NULL) != ARCHIVE_OK)
        ARC_TRY(fail(&s, into, path));
    for (int i = 0; i < members; i++)
        ARC_TRY(put_member(into, &member[i], &s, path));
    if (archive_write_close(into) != ARCHIVE_OK)
        ARC_TRY(fail(&s, into, path));
done:
    archive_write_free(into);
    return arc_writer_finish(&s.w, st, err);
}

arc_status arc_pack_save(const arc_alloc *a, const char *path, const arc_pack_member *member, int members, arc_error *err) {
    return save(a, path, member, members, begin_tar_xz, err);
}

arc_status arc_pack_zip(const arc_alloc *a, const char *path, const arc_pack_member *member, int members, arc_error *err) {
    return save(a, path, member, members, begin_zip, err);
}
