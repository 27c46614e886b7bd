/* server/route: the document of OpenAPI 3.1 that describes the routes, from their table. */
#ifndef ARC_SERVER_ROUTE_OPENAPI_H
#define ARC_SERVER_ROUTE_OPENAPI_H

#include "server/server.h"

arc_route_fn arc_route_openapi;

#endif
