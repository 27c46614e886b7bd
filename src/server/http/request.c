/* server/http: the target of a request, path and query, decoded by RFC 3986, and look-ups in what a request brought. Every
 * byte is a stranger's. */
#include "server/http/request.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ARENA_BYTES (1 << 20) /* of decoded names, values and parts */

static int digit_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A decoded copy of `bytes` bytes. plus: "+" is a blank, as in queries. */
static arc_status decode(arc_http_request *r, const char *from, size_t bytes, bool plus, const char **out, arc_error *err) {
    char *to = arc_arena_new(&r->arena, bytes + 1, 1);
    size_t n = 0;
    *out = "";
    if (!to)
        return arc_fail_nomem(err, "a request's target");
    for (size_t i = 0; i < bytes; i++) {
        int c = (unsigned char)from[i];
        if (c == '%') {
            const int high = bytes - i > 2 ? digit_of(from[i + 1]) : -1, low = bytes - i > 2 ? digit_of(from[i + 2]) : -1;
            if (high < 0 || low < 0)
                return arc_fail(err, ARC_EINVAL, "the address has a %% without two hexadecimal digits behind it");
            c = high << 4 | low;
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == 0)
            return arc_fail(err, ARC_EINVAL, "the address has a zero byte in it");
        to[n++] = (char)c;
    }
    if (!arc_text_is_utf8(to))
        return arc_fail(err, ARC_EINVAL, "the address is not UTF-8");
    *out = to;
    return ARC_OK;
}

static arc_status split_path(arc_http_request *r, const char *path, size_t bytes, arc_error *err) {
    size_t at = 0;
    arc_status st = decode(r, path, bytes, false, &r->path, err);
    if (st == ARC_OK && (bytes == 0 || path[0] != '/'))
        st = arc_fail(err, ARC_EINVAL, "the address does not begin with /");
    while (st == ARC_OK && at < bytes) {
        const char *from = path + ++at, *slash = memchr(from, '/', bytes - at);
        const size_t n = slash ? (size_t)(slash - from) : bytes - at;
        if (n == 0 && at + n >= bytes) /* one slash at the end means the same as none */
            break;
        if (r->segments == ARC_HTTP_SEGMENTS_MAX)
            return arc_fail(err, ARC_ELIMIT, "the address has more than %d parts", ARC_HTTP_SEGMENTS_MAX);
        st = decode(r, from, n, false, &r->segment[r->segments++], err);
        at += n;
    }
    return st;
}

static arc_status split_query(arc_http_request *r, const char *query, arc_error *err) {
    arc_status st = ARC_OK;
    while (st == ARC_OK && *query) {
        const size_t n = strcspn(query, "&");
        const char *equals = memchr(query, '=', n);
        const size_t name = equals ? (size_t)(equals - query) : n;
        if (n > 0 && r->queries == ARC_HTTP_FIELDS_MAX)
            return arc_fail(err, ARC_ELIMIT, "the address has more than %d fields in its query", ARC_HTTP_FIELDS_MAX);
        if (n > 0) { /* "?&limit=1" is what some clients send */
            arc_http_field *f = &r->query[r->queries++];
            *f = (arc_http_field){"", ""};
            st = decode(r, query, name, true, &f->name, err);
            if (st == ARC_OK && equals)
                st = decode(r, equals + 1, n - name - 1, true, &f->value, err);
        }
        query += query[n] ? n + 1 : n;
    }
    return st;
}

arc_status arc_http_request_begin(arc_http_request *r, const arc_alloc *alloc, const char *target, arc_error *err) {
    const size_t path = strcspn(target, "?#");
    *r = (arc_http_request){.method = "", .path = "", .parts = -1};
    arc_arena_init(&r->arena, alloc, ARENA_BYTES);
    arc_buffer_init(&r->body, alloc, 1); /* until the head says how much it may have */
    arc_status st = split_path(r, target, path, err);
    if (st == ARC_OK && target[path] == '?')
        st = split_query(r, target + path + 1, err);
    return st;
}

void arc_http_request_end(arc_http_request *r) {
    json_decref(r->json);
    r->json = NULL;
    if (r->body.alloc)
        arc_buffer_free(&r->body);
    arc_arena_free(&r->arena);
}

arc_status arc_http_request_add_header(arc_http_request *r, const char *name, const char *value, arc_error *err) {
    if (r->headers == ARC_HTTP_FIELDS_MAX)
        return arc_fail(err, ARC_ELIMIT, "the request has more than %d header fields", ARC_HTTP_FIELDS_MAX);
    arc_http_field *f = &r->header[r->headers];
    f->name = arc_arena_strdup(&r->arena, name);
    f->value = arc_arena_strdup(&r->arena, value ? value : "");
    if (!f->name || !f->value)
        return arc_fail_nomem(err, "a header field");
    r->headers++;
    return ARC_OK;
}

/* ---- look-ups ---- */

const char *arc_http_header(const arc_http_request *r, const char *name) {
    for (int i = 0; i < r->headers; i++)
        if (strcasecmp(r->header[i].name, name) == 0)
            return r->header[i].value;
    return NULL;
}

const char *arc_http_query(const arc_http_request *r, const char *name) {
    for (int i = 0; i < r->queries; i++)
        if (strcmp(r->query[i].name, name) == 0)
            return r->query[i].value;
    return NULL;
}

arc_status arc_http_query_int(const arc_http_request *r, const char *name, int64_t least, int64_t most, int64_t *value,
                              arc_error *err) {
    const char *text = arc_http_query(r, name);
    if (!text)
        return ARC_OK;
    char *end = NULL;
    const bool digits = strspn(text, "0123456789-") == strlen(text) && *text && strlen(text) < 20;
    const int64_t n = digits ? strtoll(text, &end, 10) : 0;
    if (!digits || *end || n < least || n > most)
        return arc_fail(err, ARC_EINVAL, "%s is a whole number from %lld to %lld", name, (long long)least, (long long)most);
    *value = n;
    return ARC_OK;
}

arc_status arc_http_query_real(const arc_http_request *r, const char *name, double least, double most, double *value,
                               arc_error *err) {
    const char *text = arc_http_query(r, name), *end = NULL;
    if (!text)
        return ARC_OK;
    const double x = arc_number_read(text, &end);
    if (end == text || *end || !(x >= least && x <= most))
        return arc_fail(err, ARC_EINVAL, "%s is a number from %g to %g", name, least, most);
    *value = x;
    return ARC_OK;
}

arc_status arc_http_query_bool(const arc_http_request *r, const char *name, bool *value, arc_error *err) {
    const char *text = arc_http_query(r, name);
    if (!text)
        return ARC_OK;
    const bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return arc_fail(err, ARC_EINVAL, "%s is true or false", name);
    *value = yes;
    return ARC_OK;
}

bool arc_http_is_type(const arc_http_request *r, const char *type) {
    const char *is = arc_http_header(r, "Content-Type");
    const size_t n = strlen(type);
    return is && strncasecmp(is, type, n) == 0 && (is[n] == '\0' || strchr("; \t", is[n]) != NULL);
}
