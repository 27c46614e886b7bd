/* file: the one door to files. Reading is a mapping (map.c), writing is all or nothing (writer.c) or appending under a lock (append.c), folders
 * are listed sorted (folder.c). Every error names the path and the system's reason.
 *
 * What holds when any system call fails, the disk is full or the program is killed in the middle (tests/unit/test_store.c lets each
 * call fail in turn): under a writer's final name stands the old file, whole, or the new one, whole; an append file holds what was put
 * before, and of the last put all or nothing unless the program was killed within it. Files that are locked and changed by
 * several programs: lock.h; files with checksums: store.h. */
#ifndef ARC_BASE_FILE_H
#define ARC_BASE_FILE_H

#include "base/memory.h"

/* ---- map.c ---- */

/* A whole file, mapped read-only. data is never NULL after success (an empty file gives bytes == 0). */
typedef struct arc_map {
    const uint8_t *data;
    size_t bytes;
    bool mapped;
} arc_map;
/* Errors: ENOTFOUND, EIO (also for folders and devices), ELIMIT (longer than max_bytes), ENOMEM. */
arc_status arc_map_open(arc_map *out, const char *path, size_t max_bytes, arc_error *err);
void arc_map_close(arc_map *map); /* idempotent */
/* Tells the kernel that these mapped pages are not needed now: keeps peak RSS at one copy of the weights. */
void arc_map_drop(const arc_map *map, const void *from, size_t bytes);

/* ---- writer.c ---- */

/* Atomic writer: a temporary name beside `path`, synced and renamed by commit; abort leaves no trace.
 * path "-" is standard output (no rename). */
typedef struct arc_writer arc_writer;
arc_status arc_writer_open(arc_writer **out, const arc_alloc *a, const char *path, arc_error *err);
/* The same into memory: what is put goes into `out`, whose maximum it keeps; commit and abort only free the writer. */
arc_status arc_writer_open_memory(arc_writer **out, const arc_alloc *a, arc_buffer *buffer, arc_error *err);
/* After a failed put or printf the file can only be aborted: a commit fails. */
arc_status arc_writer_put(arc_writer *w, const void *data, size_t bytes, arc_error *err);
arc_status arc_writer_printf(arc_writer *w, arc_error *err, const char *fmt, ...) ARC_PRINTF(3, 4);
/* Leaves out waiting for the disk at commit: for thousands of small files that can be made again. Still all there or not there. */
void arc_writer_unsynced(arc_writer *w);
/* Nulls *w. On failure the old file stands, unless only the folder's own sync failed: then the new one stands, and a power cut may undo it. */
arc_status arc_writer_commit(arc_writer **w, arc_error *err);
void arc_writer_abort(arc_writer **w); /* NULL-safe */
/* The end of every function that writes one file: commits when `st` is OK, otherwise aborts and gives `st` back. NULL-safe. */
arc_status arc_writer_finish(arc_writer **w, arc_status st, arc_error *err);
/* Open, put, commit. */
arc_status arc_file_save(const arc_alloc *a, const char *path, const void *data, size_t bytes, arc_error *err);

/* ---- append.c: a file that grows over several attempts: downloads, logs ---- */

/* Opens or makes `path` for appending, locked against other programs; *have_bytes = what is there already. The file stays after close. */
typedef struct arc_append arc_append;
arc_status arc_append_open(arc_append **out, const arc_alloc *a, const char *path, int64_t *have_bytes, arc_error *err);
arc_status arc_append_put(arc_append *file, const void *data, size_t bytes, arc_error *err); /* all of it, or as before */
arc_status arc_append_restart(arc_append *file, arc_error *err);                             /* empties it */
arc_status arc_append_close(arc_append **file, arc_error *err);                              /* synced; nulls *file, NULL-safe */

/* ---- folder.c ---- */

/* Sorted names of a folder's entries (without . and ..). */
typedef struct arc_names {
    char **name;
    size_t count;
    arc_arena arena;
} arc_names;
/* Errors: ENOTFOUND, EIO, ELIMIT (more than max_count entries), ENOMEM. */
arc_status arc_dir_list(arc_names *out, const arc_alloc *a, const char *path, size_t max_count, arc_error *err);
void arc_names_free(arc_names *names);
arc_status arc_dir_make(const char *path, arc_error *err); /* with parents; no error when it is there */
/* Makes the folder that is to hold the file `path`, with parents. */
arc_status arc_dir_make_for(const char *path, arc_error *err);

#endif
