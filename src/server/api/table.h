/* server/api: the routes of /v1 and of those who watch a server. */
#ifndef ARC_SERVER_API_TABLE_H
#define ARC_SERVER_API_TABLE_H

#include "server/route/route.h"

extern const arc_route_group arc_api_group;

#endif
