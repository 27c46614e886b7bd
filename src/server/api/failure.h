/* server/api: failures as the clients of /v1 read them. */
#ifndef ARC_SERVER_API_FAILURE_H
#define ARC_SERVER_API_FAILURE_H

#include "server/http/exchange.h"

/* {"error": {"code", "message", "request_id"}} */
void arc_api_write_failure(const arc_http_request *request, arc_http_response *response);

#endif
