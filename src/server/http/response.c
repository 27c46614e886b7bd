/* server/http: building an answer. */
#include "server/http/response.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

void arc_http_response_begin(arc_http_response *r, const arc_alloc *alloc) {
    *r = (arc_http_response){.status = 200, .type = "application/json"};
    arc_text_begin(&r->text, alloc);
}

void arc_http_response_end(arc_http_response *r) {
    arc_buffer_free(&r->text.buffer);
}

void arc_http_response_header(arc_http_response *r, const char *name, const char *fmt, ...) {
    va_list args;
    int at = 0;
    while (at < r->headers && strcasecmp(r->header[at].name, name) != 0)
        at++;
    if (at == ARC_HTTP_RESPONSE_HEADERS_MAX || strlen(name) >= sizeof r->header[at].name)
        return;
    va_start(args, fmt);
    const int n = arc_number_print(r->header[at].value, sizeof r->header[at].value, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof r->header[at].value || strpbrk(r->header[at].value, "\r\n"))
        return;
    snprintf(r->header[at].name, sizeof r->header[at].name, "%s", name);
    if (at == r->headers)
        r->headers++;
}

const char *arc_http_response_header_of(const arc_http_response *r, const char *name) {
    for (int i = 0; i < r->headers; i++)
        if (strcasecmp(r->header[i].name, name) == 0)
            return r->header[i].value;
    return NULL;
}

void arc_http_response_bytes(arc_http_response *r, const char *type, const void *data, size_t bytes) {
    r->type = type;
    if (r->text.st == ARC_OK)
        r->text.st = arc_buffer_put(&r->text.buffer, data, bytes);
}

void arc_http_fail(arc_http_response *r, arc_problem problem, const char *fmt, ...) {
    va_list args;
    r->failed = true;
    r->problem = problem;
    r->status = arc_problem_status(problem);
    va_start(args, fmt);
    arc_number_print(r->sentence, sizeof r->sentence, fmt, args);
    va_end(args);
}

void arc_http_fail_status(arc_http_response *r, arc_status st, const arc_error *err) {
    arc_http_fail(r, arc_problem_of(st), "%s", err && *err->text ? err->text : arc_status_text(st));
}
