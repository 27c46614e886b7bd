/* base: what a path refers to, renaming and removing, parts of paths, and the folders in which files are stored. */
#ifndef ARC_BASE_PATHS_H
#define ARC_BASE_PATHS_H

#include "base/status.h"

#define ARC_PATH_BYTES 4096 /* with the terminating zero; the system refuses longer paths too */

typedef enum arc_path_kind { ARC_PATH_NONE, ARC_PATH_FILE, ARC_PATH_DIR, ARC_PATH_OTHER } arc_path_kind;
/* NONE also if it is unknown (a folder above it cannot be read). */
arc_path_kind arc_path_kind_of(const char *path);
/* Which file a path leads to: paths with the same identity lead to the same one. */
typedef struct arc_path_id {
    uint64_t device, number;
} arc_path_id;
/* As arc_path_kind_of, but with the reason for NONE. Errors: ENOTFOUND, EIO. */
arc_status arc_path_look(const char *path, arc_path_kind *kind, arc_path_id *id, arc_error *err);
arc_status arc_path_rename(const char *from, const char *to, arc_error *err);
arc_status arc_path_remove(const char *path, arc_error *err); /* it is no error if there is nothing */

/* The path without links, "." and "..", from the system. Errors: ENOTFOUND, EIO, or ELIMIT if it does not fit; `real` is then
 * not changed. */
arc_status arc_path_real(const char *path, char *real, size_t bytes, arc_error *err);

/* The part before the last slash: "/" of "/a", "." of "a". Returns false, and "", if it does not fit. */
bool arc_path_folder(const char *path, char *folder, size_t bytes);
/* "/tmp/a.jpg" -> "a.jpg" */
const char *arc_path_name(const char *path);

/* The folder for files that can be fetched or measured again: cache_dir or, if that is NULL or "", $ARCFACE_CACHE,
 * $XDG_CACHE_HOME/arcface or ~/.cache/arcface. Errors: EINVAL if none of them is set; ELIMIT. path is "" after a failure. */
arc_status arc_cache_root(const char *cache_dir, char *path, size_t path_bytes, arc_error *err);
/* The folder of the running program, in which its own files are found wherever it was installed; "" if unknown. */
void arc_program_folder(char *path, size_t bytes);

#endif
