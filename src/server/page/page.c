/* server/page: handing out the web page. It may load its own files and speak to its own server, nothing else. */
#include "server/page/page.h"
#include "server/api/failure.h"
#include <string.h>

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
                             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const char *type_of(const char *name) {
    static const struct {
        const char *end, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".svg", "image/svg+xml"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < ARC_COUNT(types); i++)
        if (strcmp(dot, types[i].end) == 0)
            return types[i].type;
    return "application/octet-stream";
}

static void give(arc_http_response *response, const char *name) {
    const arc_page_file *file = arc_page_files;
    while (file->name && strcmp(file->name, name) != 0)
        file++;
    if (!file->name) {
        arc_http_fail(response, ARC_PROBLEM_NOT_FOUND, "the page has no such file");
        return;
    }
    arc_http_response_header(response, "Content-Security-Policy", "%s", policy);
    arc_http_response_header(response, "Permissions-Policy", "camera=(self), microphone=(), geolocation=()");
    arc_http_response_header(response, "Cache-Control", "no-cache");
    arc_http_response_bytes(response, type_of(name), file->data, file->bytes);
}

static void front(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    (void)server, (void)request;
    give(response, "index.html");
}

static void file(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    (void)server;
    give(response, request->argument[0]);
}

/* Without an id: the document at /openapi.json is about the addresses for programs. */
static const arc_route routes[] = {
    {.method = "GET", .path = "/", .role = ARC_ROLE_ANYBODY, .in_place = true, .answer = front, .what = "The web page"},
    {.method = "GET", .path = "/page/{file}", .role = ARC_ROLE_ANYBODY, .in_place = true, .answer = file, .what = "Its files"},
};

const arc_route_group arc_page_group = {
    .prefix = "/page",
    .route = routes,
    .routes = ARC_COUNT(routes),
    .failure = "Error",
    .write_failure = arc_api_write_failure,
};
