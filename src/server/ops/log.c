/* server/ops: lines of the log. */
#include "server/ops/log.h"
#include <stdio.h>
#include <time.h>

#define SENTENCE_BYTES 2048

static void begin(const struct arc_server *server, arc_text *t, const char *level, const char *event) {
    const int64_t ms = arc_clock_today_ms();
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char when[32] = "";
    arc_text_begin(t, &server->ctx->alloc);
    if (gmtime_r(&seconds, &parts))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
    arc_text_add(t, "{\"time\": \"%s.%03dZ\", \"level\": \"%s\", \"event\": \"%s\"", when, (int)(ms % 1000), level, event);
}

static void end(const struct arc_server *server, arc_text *t) {
    char *line = NULL;
    arc_text_add(t, "}");
    if (arc_text_end(t, &line, NULL) == ARC_OK)
        server->opt.log(server->opt.log_ctx, line);
    arc_text_free(server->ctx, &line);
}

void arc_log_request(const struct arc_server *server, const arc_exchange *x, bool sent, double seconds) {
    arc_text t;
    const bool internal = x->response.failed && x->response.problem == ARC_PROBLEM_INTERNAL;
    if (!server->opt.log)
        return;
    begin(server, &t, internal ? "error" : x->response.status >= 500 ? "warning" : "info", "request");
    arc_text_add(&t, ", \"request_id\": \"%s\", \"method\": ", x->request.id);
    arc_text_quote(&t, x->request.method);
    arc_text_add(&t, ", \"route\": ");
    arc_text_quote(&t, x->route ? x->route->path : "");
    arc_text_add(&t, ", \"status\": %d, \"ms\": %.3f, \"bytes_in\": %zu, \"bytes_out\": %zu, \"sent\": %s", x->response.status,
                 seconds * 1e3, x->received_bytes, x->response.text.buffer.bytes, arc_text_bool(sent));
    if (x->request.caller.key)
        arc_text_add(&t, ", \"key\": %lld", (long long)x->request.caller.key);
    if (x->response.failed)
        arc_text_add(&t, ", \"code\": \"%s\"", arc_problem_code(x->response.problem));
    if (internal) {
        arc_text_add(&t, ", \"error\": ");
        arc_text_quote(&t, x->response.sentence);
    }
    end(server, &t);
}

void arc_log_event(const struct arc_server *server, const char *level, const char *event, const char *sentence) {
    arc_text t;
    if (!server->opt.log)
        return;
    begin(server, &t, level, event);
    arc_text_add(&t, ", \"message\": ");
    arc_text_quote(&t, sentence);
    end(server, &t);
}
