/* The public whole-buffer writer over the atomic file door. */
#include "base/base.h"
#include <arcface/file.h>

arc_status arc_file_write(arc_context *ctx, const char *path, const void *bytes, size_t count, arc_error *err) {
    if (!ctx || !path || (!bytes && count))
        return arc_fail(err, ARC_EINVAL, "writing a file needs a context, a path and bytes");
    arc_writer *w = NULL;
    arc_status st = arc_writer_open(&w, &ctx->alloc, path, err);
    if (st == ARC_OK && count)
        st = arc_writer_put(w, bytes, count, err);
    if (st == ARC_OK)
        return arc_writer_commit(&w, err);
    arc_writer_abort(&w);
    return st;
}
