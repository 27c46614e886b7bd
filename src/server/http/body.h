/* server/http: what is in a body: multipart/form-data, JSON, base64. */
#ifndef ARC_SERVER_HTTP_BODY_H
#define ARC_SERVER_HTTP_BODY_H

#include "server/http/request.h"

/* Fills request->part of a multipart/form-data body; none for other types. Parts point into the body. Errors: EINVAL (malformed,
 * says how), ELIMIT (too many), ENOMEM. */
arc_status arc_http_parts(arc_http_request *r, arc_error *err);
const arc_http_part *arc_http_part_named(const arc_http_request *r, const char *name); /* the first; NULL: none */

/* Fills request->json; it must be an object or, with array, also an array. Errors: EINVAL (says where it is no JSON). */
arc_status arc_http_json(arc_http_request *r, bool array, arc_error *err);

/* The bytes that a base64 text stands for, with or without a "data:...;base64," in front, in memory of the request's body
 * size at most. Freed with arc_mem_free. Errors: EINVAL (not base64), ENOMEM. */
arc_status arc_http_base64(const arc_alloc *alloc, const char *text, size_t text_bytes, uint8_t **data, size_t *bytes,
                           arc_error *err);

#endif
