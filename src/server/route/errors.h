/* server/route: the one table of what can be wrong with a request: a code that programs read, and the status of HTTP. */
#ifndef ARC_SERVER_ROUTE_ERRORS_H
#define ARC_SERVER_ROUTE_ERRORS_H

#include <arcface/status.h>

/* X(name, code, status of HTTP, what it means) */
#define ARC_PROBLEM_MAP(X)                                                                                                       \
    X(BAD_REQUEST, "bad_request", 400, "the request cannot be understood")                                                       \
    X(INVALID_PARAMETER, "invalid_parameter", 400, "a field of the query or of the body has a value that it cannot have")        \
    X(MISSING_PHOTO, "missing_photo", 400, "the request has no photo where one is needed")                                       \
    X(BAD_PHOTO, "bad_photo", 400, "the photo cannot be decoded")                                                                \
    X(UNAUTHORIZED, "unauthorized", 401, "no API key, or one that is unknown or revoked")                                        \
    X(FORBIDDEN, "forbidden", 403, "the caller may not do this")                                                                 \
    X(NOT_FOUND, "not_found", 404, "there is no such address, person or template")                                               \
    X(METHOD_NOT_ALLOWED, "method_not_allowed", 405, "the address does not know this method")                                    \
    X(CONFLICT, "conflict", 409, "the name is taken, or the photo is somebody else's already")                                   \
    X(TOO_LARGE, "too_large", 413, "the body is larger than this server takes")                                                  \
    X(PHOTO_TOO_LARGE, "photo_too_large", 413, "the photo has more pixels than this server takes")                               \
    X(UNSUPPORTED_TYPE, "unsupported_type", 415, "the body is of a type that is not read here")                                  \
    X(NO_FACE, "no_face", 422, "no face was found in the photo")                                                                 \
    X(SEVERAL_FACES, "several_faces", 422, "the photo has several faces where one is needed")                                    \
    X(DOUBTFUL, "doubtful", 422, "the face is unlike the person's others")                                                       \
    X(RATE_LIMITED, "rate_limited", 429, "too many requests for this key")                                                       \
    X(INTERNAL, "internal", 500, "the server failed; its log has the request id")                                                \
    X(OVERLOADED, "overloaded", 503, "too many requests at once; try again after Retry-After seconds")                           \
    X(TIMED_OUT, "timed_out", 503, "the request waited longer than its time limit")                                              \
    X(STOPPING, "stopping", 503, "the server is about to stop")

typedef enum arc_problem {
#define ARC_PROBLEM_ENUM(name, code, status, text) ARC_PROBLEM_##name,
    ARC_PROBLEM_MAP(ARC_PROBLEM_ENUM)
#undef ARC_PROBLEM_ENUM
        ARC_PROBLEMS
} arc_problem;

const char *arc_problem_code(arc_problem p);
const char *arc_problem_text(arc_problem p);
int arc_problem_status(arc_problem p);
arc_problem arc_problem_of(arc_status st);       /* what a failure of the library comes to */
arc_problem arc_problem_of_photo(arc_status st); /* the same of a photo that gave nothing */

#endif
