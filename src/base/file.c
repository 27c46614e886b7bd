/* base: the public function that writes a buffer to a file, atomically. */
#include "base/file.h"
#include "base/context.h"
#include <arcface/file.h>

arc_status arc_file_write(arc_context *ctx, const char *path, const void *bytes, size_t count, arc_error *err) {
    if (!ctx || !path || (!bytes && count))
        return arc_fail(err, ARC_EINVAL, "writing a file needs a context, a path and bytes");
    return arc_file_save(&ctx->alloc, path, bytes, count, err);
}
