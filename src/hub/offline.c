/* hub: in place of download.c in a build without libcurl (ARC_NETWORK). Packs can still come from files and folders. */
#include "hub/hub_internal.h"

arc_status arc_hub_download(const arc_hub_transfer *t, const char *url, const char *part_path, arc_error *err) {
    (void)part_path;
    return arc_fail(err, ARC_EMISSING, "%s: this build has no network: get %s elsewhere and give the file with --from", t->what,
                    url);
}
