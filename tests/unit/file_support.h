/* For the tests of base's files: an old content and a new one, written in the ways that base/file.h and store.h have, and work in
 * a process of its own. */
#ifndef ARC_FILE_SUPPORT_H
#define ARC_FILE_SUPPORT_H

#include "base/base.h"
#include "base/store.h"
#include "faulty_sys.h"
#include "folder.h"
#include "support.h"
#include <signal.h>
#include <sys/wait.h>

enum { NEW_BYTES = 600000, MOST_CALLS = 200 }; /* NEW_BYTES: more than a writer keeps back, so that it writes several times */

static uint8_t new_bytes[NEW_BYTES];
static const char old_bytes[] = "what stood there before";
static const arc_alloc *const libc = &arc_alloc_libc;

/* The setup of the tests. */
static inline int fill_new_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < NEW_BYTES; i++)
        new_bytes[i] = (uint8_t)arc_rng_hash(3, i);
    return 0;
}

static inline void put_old(const char *path) {
    assert_int_equal(arc_file_save(libc, path, old_bytes, sizeof old_bytes, NULL), ARC_OK);
}

static inline bool holds(const char *path, const void *data, size_t bytes) {
    arc_map map;
    const bool good =
        arc_map_open(&map, path, 1 << 20, NULL) == ARC_OK && map.bytes == bytes && memcmp(map.data, data, bytes) == 0;
    arc_map_close(&map);
    return good;
}

static inline size_t entries_of(const char *path) {
    arc_names names;
    assert_int_equal(arc_dir_list(&names, libc, path, 1000, NULL), ARC_OK);
    const size_t count = names.count;
    arc_names_free(&names);
    return count;
}

/* In pieces: small ones, one that is larger than the buffer, and a line; the first bytes at last. */
static inline arc_status write_new(const char *path, arc_error *err) {
    arc_writer *w = NULL;
    arc_status st;
    ARC_TRY(arc_writer_open(&w, libc, path, err));
    ARC_TRY(arc_writer_put(w, new_bytes + 1000, 1000, err));
    ARC_TRY(arc_writer_put_first(w, new_bytes + 500, 1000, err));
    ARC_TRY(arc_writer_printf(w, err, "%c", new_bytes[1000]));
    ARC_TRY(arc_writer_put(w, new_bytes + 1001, NEW_BYTES - 2001, err));
    ARC_TRY(arc_writer_put(w, new_bytes + NEW_BYTES - 1000, 1000, err));
    ARC_TRY(arc_writer_put_first(w, new_bytes, 1000, err));
done:
    return arc_writer_finish(&w, st, err);
}

static inline arc_status append(const char *path, const void *data, size_t bytes, arc_error *err) {
    arc_append *file = NULL;
    int64_t have;
    arc_status st = arc_append_open(&file, libc, path, &have, err);
    if (st == ARC_OK)
        st = arc_append_put(file, data, bytes, err);
    const arc_status closed = arc_append_close(&file, st == ARC_OK ? err : NULL);
    return st != ARC_OK ? st : closed;
}

/* ---- stores ---- */

static const arc_store_kind store_kind = {"TESTKIND", 3, "a store of the test", "make it anew", "it belongs to another test"};
enum { FIRST = 5, SECOND = 3000 };

static inline arc_status write_store(const char *path, float scale, arc_error *err) {
    static float number[SECOND];
    arc_store_writer *w = NULL;
    arc_crc_table crc;
    arc_status st;
    arc_crc_init(&crc);
    for (int i = 0; i < SECOND; i++)
        number[i] = scale * (float)i;
    ARC_TRY(arc_store_create(&w, libc, &store_kind, path, "{\"a\": 1}", err));
    ARC_TRY(arc_store_put(w, "first", number, FIRST, err));
    ARC_TRY(arc_store_begin(w, "second", SECOND, arc_crc32c(&crc, 0, number, sizeof number), err));
    ARC_TRY(arc_store_more(w, number, 1000, err));
    ARC_TRY(arc_store_more(w, number + 1000, SECOND - 1000, err));
    return arc_store_commit(&w, err);
done:
    arc_store_abort(&w);
    return st;
}

/* What stands in a store of write_store, or the error. */
static inline arc_status check_store(const arc_store_file *s, float scale) {
    static float number[SECOND];
    arc_status st;
    if (s->text_bytes != 8 || memcmp(s->text, "{\"a\": 1}", 8) != 0)
        return ARC_EFORMAT;
    ARC_TRY(arc_store_get(s, "first", FIRST, 0, FIRST, number, NULL));
    for (int i = 0; i < FIRST && st == ARC_OK; i++)
        st = number[i] == scale * (float)i ? ARC_OK : ARC_EFORMAT;
    ARC_TRY(st);
    ARC_TRY(arc_store_get(s, "second", SECOND, 0, SECOND, number, NULL));
    for (int i = 0; i < SECOND && st == ARC_OK; i++)
        st = number[i] == scale * (float)i ? ARC_OK : ARC_EFORMAT;
done:
    return st;
}

static inline arc_status read_store(const char *path, float scale) {
    arc_store_file s;
    arc_status st = arc_store_open(&s, libc, &store_kind, path, NULL);
    if (st == ARC_OK)
        st = check_store(&s, scale);
    arc_store_close(&s);
    arc_store_close(&s);
    return st;
}

/* ---- other programs ---- */

/* Runs fn in a process of its own; its answer is the exit status. */
static inline pid_t start(int (*fn)(void *), void *arg) {
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fn(arg));
    return child;
}

static inline int status_of(pid_t child) {
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
