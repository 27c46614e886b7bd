/* server/ops: the log: one JSON object a line, with the ids of requests and without personal data: neither addresses of clients
 * nor names, and addresses of the server by their route. */
#ifndef ARC_SERVER_OPS_LOG_H
#define ARC_SERVER_OPS_LOG_H

#include "server/server.h"

void arc_log_request(const struct arc_server *server, const arc_exchange *x, bool sent, double seconds);
/* Something that the operator should know: "started", "reloaded", ... level: "info", "warning" or "error". */
void arc_log_event(const struct arc_server *server, const char *level, const char *event, const char *sentence);

#endif
