/* server/route: whether a caller may do what is asked. */
#ifndef ARC_SERVER_ROUTE_ACCESS_H
#define ARC_SERVER_ROUTE_ACCESS_H

#include "server/server.h"

/* Finds out who asks and fills request.caller; fails the response and gives false when the route is not for them, or when a page
 * of somebody else's site asks in the name of a user of this machine. */
bool arc_access_check(struct arc_server *server, arc_exchange *x);

#endif
