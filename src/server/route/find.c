/* server/route: finding the route for an address. */
#include "server/route/route.h"
#include <stdio.h>
#include <string.h>

/* Whether the segments of the request are those of the pattern; what stands for {NAME} goes to request->argument. */
static bool fits(const char *pattern, arc_http_request *r) {
    int arguments = 0, at = 0;
    while (*pattern == '/') {
        const char *from = ++pattern;
        const size_t n = strcspn(from, "/");
        pattern += n;
        if (n == 0 && *pattern == '\0') /* "/" */
            break;
        if (at == r->segments)
            return false;
        const char *is = r->segment[at++];
        if (from[0] == '{' && *is)
            r->argument[arguments++] = is;
        else if (strlen(is) != n || memcmp(is, from, n) != 0)
            return false;
    }
    return at == r->segments;
}

static bool is_below(const char *prefix, const arc_http_request *r) {
    const size_t n = strlen(prefix);
    return strncmp(r->path, prefix, n) == 0 && (r->path[n] == '\0' || r->path[n] == '/');
}

/* HEAD is GET whose body is not sent. */
static bool has_method(const arc_route *route, const char *method) {
    return strcmp(route->method, strcmp(method, "HEAD") == 0 ? "GET" : method) == 0;
}

const arc_route *arc_route_find(const arc_route_group *const *groups, arc_http_request *request, const arc_route_group **group,
                                char methods[64]) {
    size_t longest = 0, bytes = 0;
    *group = groups[0];
    methods[0] = '\0';
    for (int g = 0; groups[g]; g++) {
        if (is_below(groups[g]->prefix, request) && strlen(groups[g]->prefix) > longest) {
            longest = strlen(groups[g]->prefix);
            *group = groups[g];
        }
        for (int i = 0; i < groups[g]->routes; i++) {
            const arc_route *route = &groups[g]->route[i];
            if (!fits(route->path, request))
                continue;
            *group = groups[g];
            if (has_method(route, request->method))
                return route;
            if (bytes + strlen(route->method) + 3 < 64)
                bytes += (size_t)snprintf(methods + bytes, 64 - bytes, "%s%s", bytes ? ", " : "", route->method);
        }
    }
    return NULL;
}
