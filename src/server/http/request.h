/* server/http: a request as handlers see it: method, decoded path, query, headers, and the body whole, as parts or as JSON. What
 * it gives is its own and lives as long as the request. */
#ifndef ARC_SERVER_HTTP_REQUEST_H
#define ARC_SERVER_HTTP_REQUEST_H

#include "base/base.h"
#include "server/route/caller.h"
#include <jansson.h>

#define ARC_HTTP_SEGMENTS_MAX 16
#define ARC_HTTP_FIELDS_MAX 64
#define ARC_HTTP_PARTS_MAX 64
#define ARC_HTTP_ID_BYTES 33

typedef struct arc_http_field {
    const char *name, *value; /* both decoded; the value of a query field without "=" is "" */
} arc_http_field;

/* A part of multipart/form-data. */
typedef struct arc_http_part {
    const char *name;
    const char *file_name; /* NULL: none */
    const char *type;      /* NULL: none */
    arc_bytes body;
} arc_http_part;

typedef struct arc_http_request {
    arc_arena arena;
    const char *method;
    const char *path;                           /* decoded; for people to read, routes are matched by segments */
    const char *segment[ARC_HTTP_SEGMENTS_MAX]; /* decoded: a %2F within one is no separator */
    int segments;
    arc_http_field query[ARC_HTTP_FIELDS_MAX];
    int queries;
    arc_http_field header[ARC_HTTP_FIELDS_MAX];
    int headers;
    arc_buffer body;
    arc_http_part part[ARC_HTTP_PARTS_MAX]; /* after arc_http_parts */
    int parts;                              /* -1: not looked at yet */
    json_t *json;                           /* after arc_http_json */
    char id[ARC_HTTP_ID_BYTES];             /* tells one request from all others: hexadecimal */
    arc_server_caller caller;
    const char *argument[ARC_HTTP_SEGMENTS_MAX]; /* what stands for {NAME} in the route's path, in order */
    uint64_t began_ns, deadline_ns;              /* by arc_clock_ns */
    bool expected;                               /* the micro-batcher counts on its photos */
} arc_http_request;

/* target: "/path?query" as it came. Errors: EINVAL (malformed escapes, zero bytes, no UTF-8), ELIMIT (too many segments or
 * fields), ENOMEM. body_bytes: the most the body may have. */
arc_status arc_http_request_begin(arc_http_request *r, const arc_alloc *alloc, const char *target, arc_error *err);
void arc_http_request_end(arc_http_request *r); /* a zeroed one too */
arc_status arc_http_request_add_header(arc_http_request *r, const char *name, const char *value, arc_error *err);

const char *arc_http_header(const arc_http_request *r, const char *name); /* in any letter case; NULL: it has none */
const char *arc_http_query(const arc_http_request *r, const char *name);  /* NULL: it has none */
/* A number of the query within bounds; left as it is when there is none. Errors: EINVAL. */
arc_status arc_http_query_int(const arc_http_request *r, const char *name, int64_t least, int64_t most, int64_t *value,
                              arc_error *err);
arc_status arc_http_query_real(const arc_http_request *r, const char *name, double least, double most, double *value,
                               arc_error *err);
/* true, 1, false or 0. */
arc_status arc_http_query_bool(const arc_http_request *r, const char *name, bool *value, arc_error *err);
/* Whether the Content-Type is this, whatever its parameters. */
bool arc_http_is_type(const arc_http_request *r, const char *type);

#endif
