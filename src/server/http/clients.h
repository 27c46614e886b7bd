/* server/http: connections by what they are doing, and for how long: one that takes too long over it is cut off. libmicrohttpd
 * only ends connections that send nothing at all; a client that sends a byte now and then would keep its place for ever. */
#ifndef ARC_SERVER_HTTP_CLIENTS_H
#define ARC_SERVER_HTTP_CLIENTS_H

#include "base/memory.h"

/* What a client does. */
typedef enum arc_client_phase {
    ARC_CLIENT_IDLE,      /* between requests: the next one has not even an address yet */
    ARC_CLIENT_SENDING,   /* its request is arriving */
    ARC_CLIENT_WAITING,   /* for its answer: not its fault */
    ARC_CLIENT_RECEIVING, /* its answer */
    ARC_CLIENT_PHASES
} arc_client_phase;

typedef struct arc_clients arc_clients;
typedef struct arc_client arc_client;

/* limit_s: [ARC_CLIENT_PHASES], the most seconds in each; 0: any number. */
arc_status arc_clients_new(const arc_alloc *alloc, const double *limit_s, arc_clients **out, arc_error *err);
void arc_clients_free(arc_clients **clients); /* all of them must be gone; NULL-safe */
/* NULL: no memory; the other functions do nothing with it then. */
arc_client *arc_client_come(arc_clients *c, int socket);
void arc_client_do(arc_clients *c, arc_client *client, arc_client_phase phase);
void arc_client_go(arc_clients *c, arc_client *client); /* before its socket is closed */

#endif
