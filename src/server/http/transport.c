/* server/http: the transport. libmicrohttpd's threads receive and send; a connection whose request is being answered sleeps
 * until its worker is done, so that few threads hold many slow clients. */
#include "server/http/transport.h"
#include "server/http/clients.h"
#include "server/http/tls.h"
#include "server/http/workers.h"
#include <microhttpd.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD_BYTES_MAX (64 << 10)          /* of a request's head, and of what a connection needs beside */
#define THROWN_AWAY_MAX ((size_t)16 << 20) /* of a body that nobody wants: a client that sends more is cut off */
#define AT_ONCE_BYTES ((size_t)256 << 10)  /* a refused body up to here is received, so that the connection can go on */

struct arc_http {
    const arc_alloc *alloc;
    arc_http_options opt;
    arc_http_hooks hooks;
    arc_http_tls tls;
    struct MHD_Daemon *daemon;
    arc_workers *workers;
    arc_clients *clients;
    int port;
    atomic_int exchanges;
    atomic_int_least64_t bodies_bytes;
    atomic_bool draining;
};

/* ---- exchanges ---- */

static void name_request(arc_http_request *r) {
    uint8_t random[16];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(r->id, sizeof r->id, random, sizeof random);
}

static void notice(void *cls, struct MHD_Connection *connection, void **client, enum MHD_ConnectionNotificationCode what) {
    arc_http *h = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *client = socket ? arc_client_come(h->clients, socket->connect_fd) : NULL;
    } else {
        arc_client_go(h->clients, *client);
        *client = NULL;
    }
}

static void client_does(arc_http *h, struct MHD_Connection *connection, arc_client_phase phase) {
    const union MHD_ConnectionInfo *client = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (client)
        arc_client_do(h->clients, client->socket_context, phase);
}

/* The first that is known of a request: its target. */
static void *take_target(void *cls, const char *target, struct MHD_Connection *connection) {
    arc_http *h = cls;
    arc_error err = {0};
    arc_exchange *x = arc_mem_new(h->alloc, 1, sizeof *x);
    if (!x)
        return NULL;
    x->connection = connection;
    client_does(h, connection, ARC_CLIENT_SENDING);
    arc_http_response_begin(&x->response, h->alloc);
    const arc_status st = arc_http_request_begin(&x->request, h->alloc, target, &err);
    x->request.began_ns = arc_clock_ns();
    name_request(&x->request);
    if (st != ARC_OK) {
        arc_http_fail(&x->response, ARC_PROBLEM_BAD_REQUEST, "%s", err.text);
        x->refused = true;
    }
    atomic_fetch_add(&h->exchanges, 1);
    return x;
}

static void forget(void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how) {
    arc_http *h = cls;
    arc_exchange *x = *state;
    if (!x)
        return;
    client_does(h, connection, ARC_CLIENT_IDLE);
    h->hooks.end(h->hooks.ctx, x, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    atomic_fetch_sub(&h->bodies_bytes, x->counted_bytes);
    arc_http_response_end(&x->response);
    arc_http_request_end(&x->request);
    arc_mem_free(h->alloc, x);
    *state = NULL;
    atomic_fetch_sub(&h->exchanges, 1);
}

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
    arc_exchange *x = cls;
    arc_error err = {0};
    (void)kind;
    if (!x->refused && arc_http_request_add_header(&x->request, name, value, &err) != ARC_OK) {
        arc_http_fail(&x->response, ARC_PROBLEM_BAD_REQUEST, "%s", err.text);
        x->refused = true;
    }
    return MHD_YES;
}

/* ---- answers ---- */

static const struct {
    const char *name, *value;
} defaults[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

static enum MHD_Result answer(arc_http *h, arc_exchange *x) {
    arc_http_response *r = &x->response;
    h->hooks.finish(h->hooks.ctx, x);
    client_does(h, x->connection, ARC_CLIENT_RECEIVING);
    /* the body stays with the exchange, which outlives the sending */
    struct MHD_Response *sent =
        MHD_create_response_from_buffer(r->text.buffer.bytes, r->text.buffer.data, MHD_RESPMEM_PERSISTENT);
    if (!sent)
        return MHD_NO;
    for (size_t i = 0; i < ARC_COUNT(defaults); i++)
        if (!arc_http_response_header_of(r, defaults[i].name))
            (void)MHD_add_response_header(sent, defaults[i].name, defaults[i].value);
    for (int i = 0; i < r->headers; i++)
        (void)MHD_add_response_header(sent, r->header[i].name, r->header[i].value);
    if (r->text.buffer.bytes > 0)
        (void)MHD_add_response_header(sent, "Content-Type", r->type);
    (void)MHD_add_response_header(sent, "X-Request-Id", x->request.id);
    if (atomic_load(&h->draining))
        (void)MHD_add_response_header(sent, "Connection", "close");
    const enum MHD_Result queued = MHD_queue_response(x->connection, (unsigned)r->status, sent);
    MHD_destroy_response(sent);
    x->replied = queued == MHD_YES;
    return queued;
}

/* On a worker's thread. */
static void work(void *cls, arc_exchange *x) {
    arc_http *h = cls;
    h->hooks.answer(h->hooks.ctx, x);
    x->state = ARC_EXCHANGE_ANSWERED;
    MHD_resume_connection(x->connection);
}

/* ---- receiving ---- */

/* The length that the head tells; SIZE_MAX: it tells none, the body comes in chunks. */
static size_t told_bytes(const arc_http_request *r) {
    const char *length = arc_http_header(r, "Content-Length"), *end = NULL;
    if (!length)
        return arc_http_header(r, "Transfer-Encoding") ? SIZE_MAX : 0;
    const double bytes = arc_number_read(length, &end);
    return *end || !(bytes >= 0 && bytes < 1e15) ? SIZE_MAX : (size_t)bytes;
}

static void refuse_large(arc_exchange *x) {
    arc_http_fail(&x->response, ARC_PROBLEM_TOO_LARGE, "the body is larger than the %zu bytes that this server takes here",
                  x->max_body_bytes);
}

static enum MHD_Result begin(arc_http *h, arc_exchange *x, const char *method) {
    x->request.method = arc_arena_strdup(&x->request.arena, method);
    if (!x->request.method)
        return MHD_NO;
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, take_header, x);
    h->hooks.begin(h->hooks.ctx, x);
    const size_t told = told_bytes(&x->request);
    if (!x->response.failed && told != SIZE_MAX && told > x->max_body_bytes)
        refuse_large(x);
    x->request.body.max_bytes = x->max_body_bytes;
    x->state = ARC_EXCHANGE_RECEIVING;
    return x->response.failed && told > AT_ONCE_BYTES ? answer(h, x) : MHD_YES;
}

/* Takes a piece of the body, or throws it away. */
static enum MHD_Result receive(arc_http *h, arc_exchange *x, const char *data, size_t bytes) {
    arc_buffer *body = &x->request.body;
    x->received_bytes += bytes;
    if (x->response.failed)
        return x->received_bytes > THROWN_AWAY_MAX ? MHD_NO : MHD_YES;
    if (x->received_bytes > x->max_body_bytes) {
        refuse_large(x);
        return MHD_YES;
    }
    const arc_status st = arc_buffer_put(body, data, bytes);
    const int64_t more = (int64_t)body->capacity_bytes - x->counted_bytes;
    const int64_t all = atomic_fetch_add(&h->bodies_bytes, more) + more;
    x->counted_bytes += more;
    if (st != ARC_OK || all > h->opt.bodies_bytes) {
        arc_http_fail(&x->response, ARC_PROBLEM_OVERLOADED, "the server has no memory for more requests at once");
        arc_buffer_free(body);
    }
    return MHD_YES;
}

/* The request is whole. */
static enum MHD_Result dispatch(arc_http *h, arc_exchange *x) {
    x->whole_ns = arc_clock_ns();
    client_does(h, x->connection, ARC_CLIENT_WAITING);
    if (!x->response.failed && x->in_place)
        h->hooks.answer(h->hooks.ctx, x);
    if (x->response.failed || x->in_place)
        return answer(h, x);
    x->state = ARC_EXCHANGE_WORKING;
    MHD_suspend_connection(x->connection); /* before a worker can wake it up */
    if (!arc_workers_put(h->workers, x)) {
        arc_http_fail(&x->response, ARC_PROBLEM_OVERLOADED, "%d requests wait already", h->opt.queue);
        x->state = ARC_EXCHANGE_ANSWERED;
        MHD_resume_connection(x->connection);
    }
    return MHD_YES;
}

static enum MHD_Result take(void *cls, struct MHD_Connection *connection, const char *target, const char *method,
                            const char *version, const char *data, size_t *data_bytes, void **state) {
    arc_http *h = cls;
    arc_exchange *x = *state;
    (void)connection, (void)target, (void)version;
    if (!x)
        return MHD_NO; /* there was no memory for it */
    if (x->state == ARC_EXCHANGE_NEW)
        return begin(h, x, method);
    if (x->state == ARC_EXCHANGE_ANSWERED)
        return answer(h, x);
    if (*data_bytes == 0)
        return dispatch(h, x);
    const enum MHD_Result more = receive(h, x, data, *data_bytes);
    *data_bytes = 0;
    return more;
}

/* ---- start and stop ---- */

/* Targets are decoded by request.c, which sees them as they came. */
static size_t leave_as_it_is(void *cls, struct MHD_Connection *connection, char *text) {
    (void)cls, (void)connection;
    return strlen(text);
}

static arc_status listen_at(arc_http *h, arc_error *err) {
    const arc_http_options *o = &h->opt;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem more[4];
    int n = 0;
    if (o->address.at.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    if (h->tls.certificate) {
        flags |= MHD_USE_TLS;
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, h->tls.certificate};
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, h->tls.key};
    }
    if (o->threads > 1)
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, o->threads, NULL};
    more[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    h->daemon = MHD_start_daemon(flags, (uint16_t)o->address.port, NULL, NULL, take, h, MHD_OPTION_SOCK_ADDR, &o->address.at,
                                 MHD_OPTION_NOTIFY_COMPLETED, forget, h, MHD_OPTION_NOTIFY_CONNECTION, notice, h,
                                 MHD_OPTION_URI_LOG_CALLBACK, take_target, h, MHD_OPTION_UNESCAPE_CALLBACK, leave_as_it_is, NULL,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connections, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)(o->idle_s + 0.999), MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES_MAX,
                                 MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    if (!h->daemon)
        return arc_fail(err, ARC_EIO, "cannot listen at port %d: is another program using it, or may this user not?",
                        o->address.port);
    const union MHD_DaemonInfo *port = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    h->port = port ? port->port : o->address.port;
    return ARC_OK;
}

arc_status arc_http_start(const arc_alloc *alloc, const arc_http_options *opt, const arc_http_hooks *hooks, arc_http **out,
                          arc_error *err) {
    arc_http *h = arc_mem_new(alloc, 1, sizeof *h);
    *out = h;
    if (!h)
        return arc_fail_nomem(err, "a server");
    arc_status st;
    h->alloc = alloc;
    h->opt = *opt;
    h->hooks = *hooks;
    ARC_TRY(arc_http_tls_read(alloc, opt->certificate, opt->key, &h->tls, err));
    const double limit_s[ARC_CLIENT_PHASES] = {
        [ARC_CLIENT_IDLE] = opt->idle_s, [ARC_CLIENT_SENDING] = opt->request_s, [ARC_CLIENT_RECEIVING] = opt->request_s};
    ARC_TRY(arc_clients_new(alloc, limit_s, &h->clients, err));
    ARC_TRY(arc_workers_new(alloc, opt->workers, opt->queue, work, h, &h->workers, err));
    ARC_TRY(listen_at(h, err));
done:
    if (st != ARC_OK)
        arc_http_stop(out);
    return st;
}

int arc_http_port(const arc_http *http) {
    return http->port;
}

int arc_http_waiting(const arc_http *http) {
    return arc_workers_waiting(http->workers);
}

int arc_http_exchanges(const arc_http *http) {
    return atomic_load(&http->exchanges);
}

void arc_http_drain(arc_http *http) {
    if (atomic_exchange(&http->draining, true) || !http->daemon)
        return;
    const MHD_socket listening = MHD_quiesce_daemon(http->daemon);
    if (listening != MHD_INVALID_SOCKET)
        (void)close(listening);
}

void arc_http_stop(arc_http **http) {
    arc_http *h = *http;
    if (!h)
        return;
    arc_http_drain(h);
    if (h->workers)
        arc_workers_end(h->workers); /* every sleeping connection is woken up by its worker */
    if (h->daemon)
        MHD_stop_daemon(h->daemon);
    arc_workers_free(&h->workers);
    arc_clients_free(&h->clients);
    arc_http_tls_free(h->alloc, &h->tls);
    arc_mem_free(h->alloc, h);
    *http = NULL;
}
