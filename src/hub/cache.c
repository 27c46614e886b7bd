/* Where pulled models lie: CACHE/NAME/FILE. CACHE is the caller's folder, $ARCFACE_CACHE, $XDG_CACHE_HOME/arcface or ~/.cache/arcface. */
#include "hub/hub_internal.h"
#include <stdio.h>
#include <stdlib.h>

arc_status arc_hub_join(char *path, const char *folder, const char *name, const char *suffix, arc_error *err) {
    int n = snprintf(path, ARC_HUB_PATH_BYTES, "%s/%s%s", folder, name, suffix);
    if (n < 0 || n >= ARC_HUB_PATH_BYTES) {
        path[0] = 0;
        return arc_fail(err, ARC_ELIMIT,
                        "%s in the cache folder: the path is longer than %d bytes; choose a shorter cache folder", name,
                        ARC_HUB_PATH_BYTES - 1);
    }
    return ARC_OK;
}

static const char *set_in(const char *variable) {
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

arc_status arc_hub_cache_root(const char *cache_dir, char *path, arc_error *err) {
    const char *base = cache_dir && *cache_dir ? cache_dir : set_in("ARCFACE_CACHE"), *tail = "";
    if (!base && (base = set_in("XDG_CACHE_HOME")))
        tail = "/arcface";
    if (!base && (base = set_in("HOME")))
        tail = "/.cache/arcface";
    path[0] = 0;
    if (!base)
        return arc_fail(err, ARC_EINVAL,
                        "no cache folder: neither ARCFACE_CACHE nor HOME is set; set ARCFACE_CACHE to a folder for models");
    int n = snprintf(path, ARC_HUB_PATH_BYTES, "%s%s", base, tail);
    if (n < 0 || n >= ARC_HUB_PATH_BYTES) {
        path[0] = 0;
        return arc_fail(err, ARC_ELIMIT, "the cache folder's path is longer than %d bytes", ARC_HUB_PATH_BYTES - 1);
    }
    return ARC_OK;
}
