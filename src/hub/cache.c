/* hub: where pulled models lie: CACHE/NAME/FILE; arc_cache_root gives CACHE. */
#include "hub/hub_internal.h"
#include <stdio.h>

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
