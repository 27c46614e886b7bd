/* gallery/remote where the network is left out. */
#include "gallery/remote/remote.h"
#include <string.h>

bool arc_remote_is(const char *location) {
    return strncmp(location, "http://", 7) == 0 || strncmp(location, "https://", 8) == 0;
}

arc_status arc_remote_open(arc_context *ctx, const char *location, arc_remote **out, arc_error *err) {
    (void)ctx;
    *out = NULL;
    return arc_fail(err, ARC_EMISSING, "%s: galleries of other servers need the network: build with -DARC_NETWORK=ON", location);
}

void arc_remote_close(arc_remote **remote) {
    *remote = NULL;
}

const char *arc_remote_label(const arc_remote *remote) {
    (void)remote;
    return "";
}

arc_status arc_remote_look(arc_remote *remote, arc_binding *binding, int64_t *comparisons, arc_error *err) {
    (void)remote, (void)binding, (void)comparisons;
    return arc_fail(err, ARC_EMISSING, "the network is left out of this build");
}

arc_status arc_remote_identify(arc_remote *remote, const float *probes, int count, const arc_binding *binding,
                               const arc_gallery_query *query, arc_answer *answers, arc_error *err) {
    (void)remote, (void)probes, (void)count, (void)binding, (void)query, (void)answers;
    return arc_fail(err, ARC_EMISSING, "the network is left out of this build");
}
