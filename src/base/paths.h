/* paths: what stands under a path, renaming and removing, parts of paths, and the folders where things are kept. */
#ifndef ARC_BASE_PATHS_H
#define ARC_BASE_PATHS_H

#include "base/status.h"

#define ARC_PATH_BYTES 4096 /* with the terminating zero; longer ones are refused by the system too */

typedef enum arc_path_kind { ARC_PATH_NONE, ARC_PATH_FILE, ARC_PATH_DIR, ARC_PATH_OTHER } arc_path_kind;
/* NONE also when it cannot be told (a folder above it that may not be read). */
arc_path_kind arc_path_kind_of(const char *path);
arc_status arc_path_rename(const char *from, const char *to, arc_error *err);
arc_status arc_path_remove(const char *path, arc_error *err); /* no error when it is not there */

/* The path without links, "." and "..", as the system has it. ENOTFOUND, EIO, or ELIMIT when it does not fit; real is then left alone. */
arc_status arc_path_real(const char *path, char *real, size_t bytes, arc_error *err);

/* What stands before the last slash: "/" of "/a", "." of "a". false, and "", when it does not fit. */
bool arc_path_folder(const char *path, char *folder, size_t bytes);
/* "/tmp/a.jpg" -> "a.jpg" */
const char *arc_path_name(const char *path);

/* The folder of what can be fetched or measured again: cache_dir, or when it is NULL or "" $ARCFACE_CACHE, $XDG_CACHE_HOME/arcface or
 * ~/.cache/arcface. EINVAL: none of them is set; ELIMIT. path is "" after a failure. */
arc_status arc_cache_root(const char *cache_dir, char *path, size_t path_bytes, arc_error *err);
/* The folder of the running program, so that what lies beside it is found wherever it was put; "" when unknown. */
void arc_program_folder(char *path, size_t bytes);

#endif
