/* base: all access to files. A file is read through a mapping (map.c), written completely or not at all (writer.c), or
 * appended to under a lock (append.c); folders are listed in sorted order (folder.c, listing.c). Every error names the path and
 * the system's reason.
 *
 * These guarantees hold if any system call fails, the disk is full or the program is killed (tests/unit/test_store.c makes
 * each call fail in turn). The final name of a writer has the complete old file or the complete new one. A file that is
 * appended to has everything that was put before, and all or nothing of the last put unless the program was killed during it.
 * For files that several programs change, see lock.h; with checksums, store.h. */
#ifndef ARC_BASE_FILE_H
#define ARC_BASE_FILE_H

#include "base/memory.h"

/* ---- map.c ---- */

/* A whole file, mapped read-only. data is never NULL after success (bytes is 0 for an empty file). */
typedef struct arc_map {
    const uint8_t *data;
    size_t bytes;
    bool mapped;
} arc_map;
/* Errors: ENOTFOUND, EIO (also for folders and devices), ELIMIT (longer than max_bytes), ENOMEM. */
arc_status arc_map_open(arc_map *out, const char *path, size_t max_bytes, arc_error *err);
/* The same, but a symbolic link is refused (EIO) instead of followed: for names that a file or folder from outside gives, so that
 * it cannot have other files of this machine read. Links of folders on the way are followed. */
arc_status arc_map_open_unlinked(arc_map *out, const char *path, size_t max_bytes, arc_error *err);
void arc_map_close(arc_map *map); /* idempotent */
/* Tells the system that these mapped pages are not needed now, so that the peak of resident memory is one copy of the weights. */
void arc_map_drop(const arc_map *map, const void *from, size_t bytes);

/* ---- input.c ---- */

/* Everything that standard input gives, up to the buffer's maximum. Errors: EIO, ELIMIT, ENOMEM. */
arc_status arc_input_read(arc_buffer *out, arc_error *err);

/* ---- command.c ---- */

/* What the program of these words writes to standard output: words without quotes, separated by blanks, without a shell; the
 * first is looked for in PATH. Waits for its end. Errors: ENOTFOUND (no such program), EIO (it failed), ELIMIT (more than
 * `capacity` bytes of output, or too many words), EINVAL (no words). After a failure nothing of the output is left. */
arc_status arc_command_output(const char *words, uint8_t *out, size_t capacity, size_t *bytes, arc_error *err);

/* ---- writer.c ---- */

/* Atomic writer: writes a temporary file beside `path`, which commit syncs and renames; abort removes it. path "-" is standard
 * output (no rename). */
typedef struct arc_writer arc_writer;
arc_status arc_writer_open(arc_writer **out, const arc_alloc *a, const char *path, arc_error *err);
/* The same into memory: what is put goes into `out`, up to its maximum; commit and abort only free the writer. */
arc_status arc_writer_open_memory(arc_writer **out, const arc_alloc *a, arc_buffer *buffer, arc_error *err);
/* After a failed put or printf only abort is possible: commit fails. Numbers have a decimal point in every locale. */
arc_status arc_writer_put(arc_writer *w, const void *data, size_t bytes, arc_error *err);
arc_status arc_writer_printf(arc_writer *w, arc_error *err, const char *fmt, ...) ARC_PRINTF(3, 4);
/* Whether arc_writer_put_first works: not for standard output, devices and memory. */
bool arc_writer_can_go_back(const arc_writer *w);
/* Replaces the first bytes of what was put before, for headers that say how much follows. */
arc_status arc_writer_put_first(arc_writer *w, const void *data, size_t bytes, arc_error *err);
/* Commit will not wait for the disk: for thousands of small files that can be made again. The file is still complete or
 * absent. */
void arc_writer_unsynced(arc_writer *w);
/* Sets *w to NULL. After a failure the old file remains, unless only the sync of the folder failed: then the new file is
 * there, but a power failure may undo that. */
arc_status arc_writer_commit(arc_writer **w, arc_error *err);
void arc_writer_abort(arc_writer **w); /* NULL-safe */
/* The end of every function that writes one file: commits if `st` is OK, otherwise aborts and returns `st`. NULL-safe. */
arc_status arc_writer_finish(arc_writer **w, arc_status st, arc_error *err);
/* Opens, puts and commits. */
arc_status arc_file_save(const arc_alloc *a, const char *path, const void *data, size_t bytes, arc_error *err);

/* ---- append.c: a file that grows over several attempts: downloads, logs ---- */

/* Opens or creates `path` for appending, locked against other programs. *have_bytes: its size now. Closing does not remove it. */
typedef struct arc_append arc_append;
arc_status arc_append_open(arc_append **out, const arc_alloc *a, const char *path, int64_t *have_bytes, arc_error *err);
arc_status arc_append_put(arc_append *file, const void *data, size_t bytes, arc_error *err); /* everything or nothing */
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
arc_status arc_dir_make(const char *path, arc_error *err); /* with its parents; it is no error if it exists */
/* Removes a folder with nothing in it; it is no error if there is none. */
arc_status arc_dir_remove(const char *path, arc_error *err);
/* Creates the folder in which the file `path` is to be written, with its parents. */
arc_status arc_dir_make_for(const char *path, arc_error *err);

/* ---- listing.c ---- */

/* The same names one after the other, with memory for at most `most` of them: a folder with more is read again for each further
 * `most`. Files that come or go meanwhile are in it or not; no name comes twice. */
typedef struct arc_listing arc_listing;
arc_status arc_listing_open(arc_listing **out, const arc_alloc *a, const char *path, size_t most, arc_error *err);
arc_status arc_listing_next(arc_listing *l, const char **name, arc_error *err); /* NULL: no more; good until the next call */
void arc_listing_close(arc_listing **listing);                                  /* NULL-safe */

#endif
