/* Archives that tests make, in memory, by libarchive's own writers. */
#ifndef ARC_TEST_ARCHIVE_SUPPORT_H
#define ARC_TEST_ARCHIVE_SUPPORT_H

#include "support.h"
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

typedef struct test_archive {
    struct archive *writer;
    unsigned char *bytes;
    size_t count, room;
} test_archive;

static inline la_ssize_t test_archive_take(struct archive *writer, void *user, const void *data, size_t bytes) {
    test_archive *t = user;
    (void)writer;
    if (t->count + bytes > t->room) {
        t->room = 2 * (t->count + bytes);
        t->bytes = realloc(t->bytes, t->room);
    }
    memcpy(t->bytes + t->count, data, bytes);
    t->count += bytes;
    return (la_ssize_t)bytes;
}

/* format: "zip", "ustar", "pax", ...; filter: ARCHIVE_FILTER_GZIP and the like; options: libarchive's, or NULL. */
static inline void test_archive_begin(test_archive *t, const char *format, int filter, const char *options) {
    *t = (test_archive){.writer = archive_write_new()};
    assert_int_equal(archive_write_set_format_by_name(t->writer, format), ARCHIVE_OK);
    assert_int_equal(archive_write_add_filter(t->writer, filter), ARCHIVE_OK);
    if (options)
        assert_int_equal(archive_write_set_options(t->writer, options), ARCHIVE_OK);
    if (options && strstr(options, "encryption"))
        assert_int_equal(archive_write_set_passphrase(t->writer, "secret"), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(t->writer, 1);
    assert_int_equal(archive_write_open(t->writer, t, NULL, test_archive_take, NULL), ARCHIVE_OK);
}

/* link: where a link leads; NULL for other types. size -1: not told beforehand. */
static inline void test_archive_put(test_archive *t, const char *name, int type, const char *link, const void *bytes,
                                    size_t count, bool told) {
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, (unsigned)type);
    archive_entry_set_perm(e, 0644);
    if (told)
        archive_entry_set_size(e, (la_int64_t)count);
    if (link && type == AE_IFLNK)
        archive_entry_set_symlink(e, link);
    else if (link)
        archive_entry_set_hardlink(e, link);
    assert_true(archive_write_header(t->writer, e) >= ARCHIVE_WARN);
    if (count)
        assert_int_equal(archive_write_data(t->writer, bytes, count), (la_ssize_t)count);
    archive_entry_free(e);
}

static inline void test_archive_file(test_archive *t, const char *name, const void *bytes, size_t count) {
    test_archive_put(t, name, AE_IFREG, NULL, bytes, count, true);
}

static inline void test_archive_end(test_archive *t) {
    assert_int_equal(archive_write_close(t->writer), ARCHIVE_OK);
    archive_write_free(t->writer);
    t->writer = NULL;
}

static inline void test_archive_free(test_archive *t) {
    free(t->bytes);
    *t = (test_archive){0};
}

#endif
