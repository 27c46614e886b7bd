/* server/route: what happens to a request between its head and its answer. */
#ifndef ARC_SERVER_ROUTE_DISPATCH_H
#define ARC_SERVER_ROUTE_DISPATCH_H

#include "server/server.h"

/* For the transport; `server` is their ctx. */
arc_http_hooks arc_dispatch_hooks(struct arc_server *server);

#endif
