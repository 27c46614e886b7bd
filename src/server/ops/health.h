/* server/ops: addresses for whoever watches the server. */
#ifndef ARC_SERVER_OPS_HEALTH_H
#define ARC_SERVER_OPS_HEALTH_H

#include "server/server.h"

arc_route_fn arc_ops_health, arc_ops_ready, arc_ops_metrics;

#endif
