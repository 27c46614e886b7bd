/* server/http: multipart/form-data by RFC 7578, from a body that is there as a whole: parts are found, not copied. What is
 * ambiguous is refused: a body that two readers understand in two ways is how things are smuggled past one of them. */
#include "base/text.h"
#include "server/http/body.h"
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046 */
#define PART_HEAD_MAX 4096

static arc_status malformed(arc_error *err, const char *how) {
    return arc_fail(err, ARC_EINVAL, "the body is not multipart/form-data: %s", how);
}

/* The value of a parameter in a header value, unquoted; NULL: it has none, or it is malformed. */
static const char *parameter(arc_http_request *r, const char *value, const char *name) {
    const size_t n = strlen(name);
    while ((value = strchr(value, ';'))) {
        value += 1 + strspn(value + 1, " \t");
        if (strncasecmp(value, name, n) != 0 || value[n] != '=') {
            if (strchr(value, '"') && strchr(value, '"') < value + strcspn(value, ";")) { /* a ; may be within quotes */
                const char *quote = strchr(value, '"'), *close = strchr(quote + 1, '"');
                if (!close)
                    return NULL;
                value = close;
            }
            continue;
        }
        value += n + 1;
        if (*value != '"')
            return arc_arena_strndup(&r->arena, value, strcspn(value, "; \t"));
        const size_t bytes = strlen(++value);
        char *out = arc_arena_new(&r->arena, bytes + 1, 1);
        size_t k = 0;
        for (; out && *value && *value != '"'; value++) {
            if (*value == '\\' && (value[1] == '"' || value[1] == '\\'))
                value++;
            out[k++] = *value;
        }
        return *value == '"' ? out : NULL;
    }
    return NULL;
}

/* A line of a part's head. */
static arc_status read_line(arc_http_request *r, arc_http_part *part, const char *line, bool *disposed, arc_error *err) {
    const char *colon = strchr(line, ':');
    if (!colon)
        return malformed(err, "a line of a part's head has no colon");
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    const size_t name = (size_t)(colon - line);
    if (name == 12 && strncasecmp(line, "Content-Type", 12) == 0)
        part->type = value;
    if (name != 19 || strncasecmp(line, "Content-Disposition", 19) != 0)
        return ARC_OK;
    if (*disposed)
        return malformed(err, "a part has two Content-Dispositions");
    *disposed = true;
    if (strncasecmp(value, "form-data", 9) != 0)
        return malformed(err, "a part is not form-data");
    part->name = parameter(r, value, "name");
    part->file_name = parameter(r, value, "filename");
    return part->name && arc_text_is_utf8(part->name) ? ARC_OK : malformed(err, "a part has no name");
}

static arc_status read_head(arc_http_request *r, arc_http_part *part, const char *head, size_t bytes, arc_error *err) {
    bool disposed = false;
    arc_status st = ARC_OK;
    if (bytes > PART_HEAD_MAX || memchr(head, 0, bytes))
        return malformed(err, "the head of a part is too long or has a zero byte");
    for (size_t at = 0; st == ARC_OK && at < bytes;) {
        const char *end = memmem(head + at, bytes - at, "\r\n", 2);
        const size_t n = end ? (size_t)(end - head) - at : bytes - at;
        const char *line = arc_arena_strndup(&r->arena, head + at, n);
        st = line ? read_line(r, part, line, &disposed, err) : arc_fail_nomem(err, "a part");
        at += n + 2;
    }
    return st == ARC_OK && !disposed ? malformed(err, "a part has no Content-Disposition") : st;
}

/* From behind a delimiter to the next one. *last: that one ends the body. */
static arc_status read_part(arc_http_request *r, const char *delimiter, size_t n, const char **at, const char *end, bool *last,
                            arc_error *err) {
    const char *head = *at, *body = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
    if (!body)
        return malformed(err, "the head of a part does not end");
    const char *stop = memmem(body + 2, (size_t)(end - body - 2), delimiter, n);
    if (!stop)
        return malformed(err, "a part does not end");
    if (r->parts == ARC_HTTP_PARTS_MAX)
        return arc_fail(err, ARC_ELIMIT, "the body has more than %d parts", ARC_HTTP_PARTS_MAX);
    body += 4;
    arc_http_part *part = &r->part[r->parts];
    *part = (arc_http_part){.body = {body, stop > body ? (size_t)(stop - body) : 0}};
    const arc_status st = read_head(r, part, head, (size_t)(body - 4 - head), err);
    if (st != ARC_OK)
        return st;
    r->parts++;
    *at = stop + n;
    *last = end - *at >= 2 && memcmp(*at, "--", 2) == 0;
    if (*last)
        return ARC_OK;
    while (*at < end && (**at == ' ' || **at == '\t'))
        ++*at;
    if (end - *at < 2 || memcmp(*at, "\r\n", 2) != 0)
        return malformed(err, "a boundary is not followed by a line end");
    *at += 2;
    return ARC_OK;
}

arc_status arc_http_parts(arc_http_request *r, arc_error *err) {
    if (r->parts >= 0)
        return ARC_OK;
    r->parts = 0;
    if (!arc_http_is_type(r, "multipart/form-data"))
        return ARC_OK;
    char delimiter[4 + BOUNDARY_MAX + 1] = "\r\n--";
    const char *boundary = parameter(r, arc_http_header(r, "Content-Type"), "boundary");
    const size_t n = boundary ? strlen(boundary) : 0;
    if (n == 0 || n > BOUNDARY_MAX)
        return malformed(err, "its Content-Type names no boundary of 1 to 70 characters");
    memcpy(delimiter + 4, boundary, n + 1);
    const char *at = (const char *)r->body.data, *end = at ? at + r->body.bytes : NULL;
    if (r->body.bytes < n + 4 || memcmp(at, delimiter + 2, n + 2) != 0)
        return malformed(err, "it does not begin with its boundary");
    at += n + 2;
    bool last = memcmp(at, "--", 2) == 0; /* no parts at all */
    if (!last && memcmp(at, "\r\n", 2) != 0)
        return malformed(err, "a boundary is not followed by a line end");
    at += 2;
    arc_status st = ARC_OK;
    while (st == ARC_OK && !last)
        st = read_part(r, delimiter, n + 4, &at, end, &last, err);
    if (st != ARC_OK)
        r->parts = 0;
    return st;
}

const arc_http_part *arc_http_part_named(const arc_http_request *r, const char *name) {
    for (int i = 0; i < r->parts; i++)
        if (strcmp(r->part[i].name, name) == 0)
            return &r->part[i];
    return NULL;
}
