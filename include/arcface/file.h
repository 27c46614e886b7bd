/** @file
 * Files: whole-buffer output that is all there or not there.
 */
#ifndef ARCFACE_FILE_H
#define ARCFACE_FILE_H

#include <arcface/context.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Writes `count` bytes to a temporary name beside `path`, syncs and renames it: nothing half-written ever stands under the final
 * name. `path` "-" is standard output. Thread: any. Errors: EIO; ENOTFOUND when the folder is missing; ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_file_write(arc_context *ctx, const char *path, const void *bytes, size_t count,
                                                arc_error *err);

/** Writes a float32 array as NumPy's .npy (version 1.0, little-endian, C order) in the same way. data: [dim[0]]...[dim[rank -
 * 1]], rank 0 to 4. Thread: any. Errors: EINVAL for another rank or an impossible shape, those of arc_file_write. */
ARC_API ARC_NODISCARD arc_status arc_npy_save(arc_context *ctx, const char *path, const float *data, int rank, const int64_t *dim,
                                              arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
