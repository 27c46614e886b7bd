/* server/http: the certificate and the key of a server. */
#ifndef ARC_SERVER_HTTP_TLS_H
#define ARC_SERVER_HTTP_TLS_H

#include "base/memory.h"

typedef struct arc_http_tls {
    char *certificate, *key; /* PEM, with a zero behind it; NULL: no TLS */
} arc_http_tls;

/* Reads both files and checks that they belong together. Errors: EINVAL (one without the other; they don't), ENOTFOUND, EIO,
 * EFORMAT, ENOMEM. */
arc_status arc_http_tls_read(const arc_alloc *alloc, const char *certificate, const char *key, arc_http_tls *out, arc_error *err);
void arc_http_tls_free(const arc_alloc *alloc, arc_http_tls *tls);

#endif
