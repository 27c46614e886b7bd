/* server/api: what bodies and answers of /v1 look like. */
#ifndef ARC_SERVER_API_SCHEMAS_H
#define ARC_SERVER_API_SCHEMAS_H

#include "server/route/route.h"

extern const arc_route_schema arc_api_schemas[];

#endif
