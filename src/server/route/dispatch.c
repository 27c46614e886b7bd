/* server/route: from a request to its route's handler, and what is counted and logged of it. */
#include "server/route/dispatch.h"
#include "server/ops/log.h"
#include "server/route/access.h"
#include <string.h>

#define SMALL_BODY_BYTES ((size_t)64 << 10) /* where none is expected */
#define RETRY_AFTER_S 1
#define CLIENT_WENT 499 /* in metrics and log: the client went away before it could be answered */

static double seconds_since(uint64_t ns) {
    return (double)(arc_clock_ns() - ns) * 1e-9;
}

static void begin(void *ctx, arc_exchange *x) {
    struct arc_server *s = ctx;
    char methods[64];
    x->request.deadline_ns = x->request.began_ns + (uint64_t)(s->opt.timeout_s * 1e9);
    x->max_body_bytes = SMALL_BODY_BYTES;
    x->route = arc_route_find(s->groups, &x->request, &x->group, methods);
    if (x->refused)
        return;
    if (!x->route && *methods) {
        arc_http_response_header(&x->response, "Allow", "%s", methods);
        arc_http_fail(&x->response, ARC_PROBLEM_METHOD_NOT_ALLOWED, "this address knows %s", methods);
    } else if (!x->route) {
        arc_http_fail(&x->response, ARC_PROBLEM_NOT_FOUND, "there is no such address; /openapi.json lists those there are");
    }
    if (!x->route || !arc_access_check(s, x))
        return;
    x->in_place = x->route->in_place;
    if (x->route->body == ARC_BODY_ARCHIVE)
        x->max_body_bytes = (size_t)s->opt.max_archive_bytes;
    else if (x->route->body != ARC_BODY_NONE)
        x->max_body_bytes = (size_t)s->opt.max_body_bytes;
    if (x->route->photos) {
        x->request.expected = true;
        arc_work_expect(s->work);
    }
}

static void answer(void *ctx, arc_exchange *x) {
    struct arc_server *s = ctx;
    if (!x->in_place) {
        arc_metrics_stage(&s->metrics, ARC_STAGE_RECEIVE, (double)(x->whole_ns - x->request.began_ns) * 1e-9);
        arc_metrics_stage(&s->metrics, ARC_STAGE_QUEUE, seconds_since(x->whole_ns));
    }
    if (arc_clock_ns() >= x->request.deadline_ns)
        arc_http_fail(&x->response, ARC_PROBLEM_TIMED_OUT, "the request waited longer than %g seconds", s->opt.timeout_s);
    else
        x->route->answer(s, &x->request, &x->response);
    if (!x->response.failed && x->response.text.st != ARC_OK)
        arc_http_fail(&x->response, ARC_PROBLEM_INTERNAL, "the answer could not be written: %s",
                      arc_status_text(x->response.text.st));
}

static void finish(void *ctx, arc_exchange *x) {
    arc_http_response *r = &x->response;
    (void)ctx;
    if (!r->failed)
        return;
    r->text.st = ARC_OK;
    r->text.buffer.bytes = 0;
    r->type = "application/json";
    r->status = arc_problem_status(r->problem);
    if (r->problem == ARC_PROBLEM_UNAUTHORIZED)
        arc_http_response_header(r, "WWW-Authenticate", "Bearer");
    if (r->status == 503 || r->status == 429)
        arc_http_response_header(r, "Retry-After", "%d", RETRY_AFTER_S);
    x->group->write_failure(&x->request, r);
}

static void end(void *ctx, arc_exchange *x, bool sent) {
    struct arc_server *s = ctx;
    const double seconds = seconds_since(x->request.began_ns);
    if (x->request.expected)
        arc_work_expect_no_more(s->work);
    if (x->state == ARC_EXCHANGE_NEW) /* the client went away before its head was whole */
        return;
    if (!x->replied)
        x->response.status = CLIENT_WENT;
    arc_metrics_request(&s->metrics, x->request.method, x->route ? x->route->path : "", x->response.status, seconds);
    arc_log_request(s, x, sent, seconds);
}

arc_http_hooks arc_dispatch_hooks(struct arc_server *server) {
    return (arc_http_hooks){.begin = begin, .answer = answer, .finish = finish, .end = end, .ctx = server};
}
