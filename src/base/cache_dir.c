/* Where pulled models and measured plans lie: the caller's folder, $ARCFACE_CACHE, $XDG_CACHE_HOME/arcface or ~/.cache/arcface. */
#include "base/base.h"
#include <stdio.h>
#include <stdlib.h>

static const char *set_in(const char *variable) {
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

arc_status arc_cache_root(const char *cache_dir, char *path, size_t path_bytes, arc_error *err) {
    const char *base = cache_dir && *cache_dir ? cache_dir : set_in("ARCFACE_CACHE"), *tail = "";
    if (!base && (base = set_in("XDG_CACHE_HOME")))
        tail = "/arcface";
    if (!base && (base = set_in("HOME")))
        tail = "/.cache/arcface";
    path[0] = 0;
    if (!base)
        return arc_fail(err, ARC_EINVAL,
                        "no cache folder: neither ARCFACE_CACHE nor HOME is set; set ARCFACE_CACHE to a folder for models");
    const int n = snprintf(path, path_bytes, "%s%s", base, tail);
    if (n < 0 || (size_t)n >= path_bytes) {
        path[0] = 0;
        return arc_fail(err, ARC_ELIMIT, "the cache folder's path is longer than %zu bytes", path_bytes - 1);
    }
    return ARC_OK;
}
