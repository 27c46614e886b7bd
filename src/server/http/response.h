/* server/http: what is answered. A handler writes the text of the body and the status; or says what is wrong, and the door of its
 * route writes that as its clients expect it. */
#ifndef ARC_SERVER_HTTP_RESPONSE_H
#define ARC_SERVER_HTTP_RESPONSE_H

#include "base/text.h"
#include "server/route/errors.h"

#define ARC_HTTP_RESPONSE_HEADERS_MAX 8

typedef struct arc_http_response {
    int status;       /* of HTTP; 200 to begin with */
    const char *type; /* of the body; static storage; "application/json" to begin with */
    arc_text text;    /* the body */
    struct {
        char name[40], value[216];
    } header[ARC_HTTP_RESPONSE_HEADERS_MAX];
    int headers;
    bool failed; /* the next two say why; whatever text there is is thrown away */
    arc_problem problem;
    char sentence[ARC_ERROR_TEXT_BYTES];
} arc_http_response;

void arc_http_response_begin(arc_http_response *r, const arc_alloc *alloc);
void arc_http_response_end(arc_http_response *r);
/* In place of the default of the same name, if there is one; values that are too long or have a line end are left out. */
void arc_http_response_header(arc_http_response *r, const char *name, const char *fmt, ...) ARC_PRINTF(3, 4);
/* The header of this name that was set; NULL: none. */
const char *arc_http_response_header_of(const arc_http_response *r, const char *name);
void arc_http_response_bytes(arc_http_response *r, const char *type, const void *data, size_t bytes);
void arc_http_fail(arc_http_response *r, arc_problem problem, const char *fmt, ...) ARC_PRINTF(3, 4);
/* By a status of the library, with its sentence. What is no fault of the client's is told in general words: the sentence is in
 * `sentence` for the log, and may name files of the server. */
void arc_http_fail_status(arc_http_response *r, arc_status st, const arc_error *err);

#endif
