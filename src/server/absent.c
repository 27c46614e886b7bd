/* server: what a build without libmicrohttpd has in place of a server. */
#include "base/base.h"
#include <arcface/serve.h>

void arc_server_options_default(arc_server_options *opt) {
    *opt = (arc_server_options){.struct_size = sizeof *opt};
}

arc_status arc_server_start(arc_context *ctx, const arc_server_options *opt, arc_server **out, arc_error *err) {
    (void)ctx;
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_server_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    return arc_fail(err, ARC_EMISSING, "this build has no server: install libmicrohttpd-dev and build again");
}

const char *arc_server_url(const arc_server *server) {
    (void)server;
    return "";
}

arc_status arc_server_reload(arc_server *server, arc_error *err) {
    (void)server;
    return arc_fail(err, ARC_EMISSING, "this build has no server");
}

arc_status arc_server_drain(arc_server *server, double seconds, arc_error *err) {
    (void)server, (void)seconds;
    return arc_fail(err, ARC_EMISSING, "this build has no server");
}

void arc_server_stop(arc_server **server) {
    (void)server;
}
