/* server/ops: is it alive, can it work, and what has it done? Answered where requests arrive, whatever the workers do. */
#include "server/ops/health.h"

void arc_ops_health(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    (void)server, (void)request;
    arc_text_add(&response->text, "{\"status\": \"ok\", \"version\": \"%s\"}\n", arc_version());
}

void arc_ops_ready(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    (void)request;
    if (atomic_load(&server->draining))
        arc_http_fail(response, ARC_PROBLEM_STOPPING, "the server is about to stop");
    else if (!arc_work_is_ready(server->work))
        arc_http_fail(response, ARC_PROBLEM_OVERLOADED, "the networks are being prepared");
    else
        arc_text_add(&response->text, "{\"status\": \"ready\"}\n");
}

static void gauge(arc_text *t, const char *name, const char *help, long long value) {
    arc_text_add(t, "# HELP %s %s\n# TYPE %s gauge\n%s %lld\n", name, help, name, name, value);
}

void arc_ops_metrics(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_text *t = &response->text;
    (void)request;
    response->type = "text/plain; version=0.0.4; charset=utf-8";
    arc_metrics_write(&server->metrics, t);
    gauge(t, "arcface_requests_under_way", "Requests between their first and last byte.", arc_http_exchanges(server->http));
    gauge(t, "arcface_requests_waiting", "Requests that wait for a worker.", arc_http_waiting(server->http));
    gauge(t, "arcface_photos_waiting", "Photos that wait for a batch.", arc_work_waiting(server->work));
    gauge(t, "arcface_ready", "Whether the server can work.", arc_work_is_ready(server->work) && !atomic_load(&server->draining));
}
