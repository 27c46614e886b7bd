/* server/http: HTTP/1.1 with keep-alive over libmicrohttpd, TLS by GnuTLS. It receives bodies within bounds, hands requests to
 * workers while their connections sleep, and sends answers. It knows no routes. */
#ifndef ARC_SERVER_HTTP_TRANSPORT_H
#define ARC_SERVER_HTTP_TRANSPORT_H

#include "server/http/address.h"
#include "server/http/exchange.h"

typedef struct arc_http_options {
    arc_http_address address;
    const char *certificate, *key; /* PEM files; NULL: no TLS */
    int connections;               /* most at a time */
    int threads;                   /* that receive and send */
    int workers;                   /* that answer */
    int queue;                     /* requests that wait for a worker */
    int64_t bodies_bytes;          /* of all bodies in memory at a time */
    double idle_s;                 /* a connection without a byte is closed */
    double request_s;              /* for a request to arrive whole, and for its answer to be fetched */
} arc_http_options;

typedef struct arc_http arc_http;
arc_status arc_http_start(const arc_alloc *alloc, const arc_http_options *opt, const arc_http_hooks *hooks, arc_http **out,
                          arc_error *err);
int arc_http_port(const arc_http *http);
int arc_http_waiting(const arc_http *http);   /* requests that wait for a worker */
int arc_http_exchanges(const arc_http *http); /* requests under way */
void arc_http_drain(arc_http *http);          /* takes no new connections, and closes each after its next answer */
void arc_http_stop(arc_http **http);          /* after what was begun is answered; NULL-safe */

#endif
