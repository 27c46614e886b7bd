/* server/route: who asks, and by what right. A server without keys trusts whoever reaches it, so it is for its own machine; what
 * reaches that by way of a browser (a page of another site, a name that was bent to 127.0.0.1) is refused. */
#include "server/route/access.h"
#include <string.h>

/* Whether a page of this very server asks, or no page at all. */
static bool is_own_page(const arc_http_request *r) {
    const char *origin = arc_http_header(r, "Origin"), *host = arc_http_header(r, "Host");
    if (!origin)
        return true;
    const char *from = strstr(origin, "://");
    return from && host && strcmp(from + 3, host) == 0;
}

static bool is_own_name(const struct arc_server *server, const arc_http_request *r) {
    const char *host = arc_http_header(r, "Host");
    return !server->loopback || server->opt.insecure || (host && arc_http_host_is_loopback(host));
}

bool arc_access_check(struct arc_server *server, arc_exchange *x) {
    arc_http_request *r = &x->request;
    r->caller = (arc_server_caller){.role = ARC_ROLE_ADMIN};
    if (x->route->role == ARC_ROLE_ANYBODY)
        return true;
    if (!is_own_name(server, r))
        arc_http_fail(&x->response, ARC_PROBLEM_FORBIDDEN, "this server answers to localhost only, not to another name");
    else if (!is_own_page(r))
        arc_http_fail(&x->response, ARC_PROBLEM_FORBIDDEN, "a page of another site may not ask this server");
    else if (r->caller.role < x->route->role)
        arc_http_fail(&x->response, ARC_PROBLEM_FORBIDDEN, "this key may not do that");
    return !x->response.failed;
}
