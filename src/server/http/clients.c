/* server/http: the list of connections, and the thread that looks through it. */
#include "server/http/clients.h"
#include "base/clock.h"
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#define ROUND_NS 500000000u /* between two looks */

struct arc_client {
    int socket;
    arc_client_phase phase;
    uint64_t since_ns;
    arc_client *next, *before;
};

struct arc_clients {
    const arc_alloc *alloc;
    double limit_s[ARC_CLIENT_PHASES];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t end;
    bool started, ending;
    arc_client *first;
};

/* The lock is held, so no socket of the list is closed meanwhile. */
static void look(const arc_clients *c, uint64_t now_ns) {
    for (const arc_client *x = c->first; x; x = x->next) {
        const double limit_s = c->limit_s[x->phase];
        if (limit_s > 0 && now_ns > x->since_ns && (double)(now_ns - x->since_ns) > limit_s * 1e9)
            (void)shutdown(x->socket, SHUT_RDWR); /* the transport sees its end and closes it */
    }
}

static void *run(void *arg) {
    arc_clients *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->ending) {
        const uint64_t now_ns = arc_clock_ns(), next_ns = now_ns + ROUND_NS;
        const struct timespec next = {.tv_sec = (time_t)(next_ns / 1000000000u), .tv_nsec = (long)(next_ns % 1000000000u)};
        look(c, now_ns);
        (void)pthread_cond_timedwait(&c->end, &c->lock, &next);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

arc_status arc_clients_new(const arc_alloc *alloc, const double *limit_s, arc_clients **out, arc_error *err) {
    pthread_condattr_t how;
    arc_clients *c = arc_mem_new(alloc, 1, sizeof *c);
    *out = c;
    if (!c)
        return arc_fail_nomem(err, "a list of clients");
    c->alloc = alloc;
    for (int i = 0; i < ARC_CLIENT_PHASES; i++)
        c->limit_s[i] = limit_s[i];
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(&c->end, &how);
    pthread_condattr_destroy(&how);
    c->started = pthread_create(&c->thread, NULL, run, c) == 0;
    if (c->started)
        return ARC_OK;
    arc_clients_free(out);
    return arc_fail(err, ARC_EIO, "a thread for clients cannot be started: too many threads for this user?");
}

void arc_clients_free(arc_clients **clients) {
    arc_clients *c = *clients;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->ending = true;
    pthread_cond_signal(&c->end);
    pthread_mutex_unlock(&c->lock);
    if (c->started)
        pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->end);
    pthread_mutex_destroy(&c->lock);
    arc_mem_free(c->alloc, c);
    *clients = NULL;
}

arc_client *arc_client_come(arc_clients *c, int socket) {
    arc_client *x = arc_mem_new(c->alloc, 1, sizeof *x);
    if (!x)
        return NULL;
    *x = (arc_client){.socket = socket, .phase = ARC_CLIENT_IDLE, .since_ns = arc_clock_ns()};
    pthread_mutex_lock(&c->lock);
    x->next = c->first;
    if (c->first)
        c->first->before = x;
    c->first = x;
    pthread_mutex_unlock(&c->lock);
    return x;
}

void arc_client_do(arc_clients *c, arc_client *client, arc_client_phase phase) {
    if (!client)
        return;
    pthread_mutex_lock(&c->lock);
    client->phase = phase;
    client->since_ns = arc_clock_ns();
    pthread_mutex_unlock(&c->lock);
}

void arc_client_go(arc_clients *c, arc_client *client) {
    if (!client)
        return;
    pthread_mutex_lock(&c->lock);
    if (client->before)
        client->before->next = client->next;
    else
        c->first = client->next;
    if (client->next)
        client->next->before = client->before;
    pthread_mutex_unlock(&c->lock);
    arc_mem_free(c->alloc, client);
}
