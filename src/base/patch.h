/* base: files that are changed in place, for large ones of which little changes at a time (patch.c). What is written can be half
 * there after a crash, so the format must tell what of it is valid, and one kind of write must come after another has reached the
 * disk: arc_patch_sync. */
#ifndef ARC_BASE_PATCH_H
#define ARC_BASE_PATCH_H

#include "base/file.h"

typedef struct arc_patch arc_patch;
/* An existing file, locked against other programs that do the same. Errors: ENOTFOUND, EIO (also if another has it), ENOMEM. */
arc_status arc_patch_open(arc_patch **out, const arc_alloc *a, const char *path, arc_error *err);
/* The first bytes, once, before anything else. Errors: EIO (also if there are fewer). */
arc_status arc_patch_read(arc_patch *p, void *data, size_t bytes, arc_error *err);
arc_status arc_patch_write(arc_patch *p, const void *data, size_t bytes, uint64_t at, arc_error *err);
arc_status arc_patch_grow(arc_patch *p, uint64_t bytes, arc_error *err); /* zeros behind its end; never shorter */
arc_status arc_patch_sync(arc_patch *p, arc_error *err);
arc_status arc_patch_close(arc_patch **p, arc_error *err); /* nulls *p, NULL-safe */

/* arc_map_open, but the memory may be changed; the file is not. Pages that were not changed show what others patch. */
arc_status arc_map_private(arc_map *out, const char *path, size_t max_bytes, arc_error *err);

#endif
