/* server/http: where a server listens. */
#ifndef ARC_SERVER_HTTP_ADDRESS_H
#define ARC_SERVER_HTTP_ADDRESS_H

#include "base/status.h"
#include <sys/socket.h>

typedef struct arc_http_address {
    struct sockaddr_storage at;
    bool loopback; /* reached from this machine only */
    int port;
} arc_http_address;

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" for every address of the machine; port 0: a free one. Errors: EINVAL
 * (says what it should look like). */
arc_status arc_http_address_read(const char *text, arc_http_address *out, arc_error *err);
/* Whether a Host header names this machine from itself: localhost, 127.x.x.x or [::1], with or without a port. */
bool arc_http_host_is_loopback(const char *host);

#endif
