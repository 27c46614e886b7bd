/* server/api: the one shape of a failure. */
#include "server/api/failure.h"

void arc_api_write_failure(const arc_http_request *request, arc_http_response *response) {
    const bool private = response->problem == ARC_PROBLEM_INTERNAL; /* the log has the sentence */
    arc_text *t = &response->text;
    arc_text_add(t, "{\"error\": {\"code\": \"%s\", \"message\": ", arc_problem_code(response->problem));
    arc_text_quote(t, private ? arc_problem_text(response->problem) : response->sentence);
    arc_text_add(t, ", \"request_id\": \"%s\"}}\n", request->id);
}
