/* A proxy in front of a PostgreSQL server's Unix socket that cuts one connection at the moment of a COMMIT: before the server
 * gets it, or after it has got it and before its answer comes back. */
#ifndef ARC_TEST_CUT_PROXY_H
#define ARC_TEST_CUT_PROXY_H

#include "support.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CUT_NEVER, CUT_BEFORE, CUT_AFTER };

typedef struct cut_proxy {
    pthread_t thread;
    int listener;
    struct sockaddr_un server;
    atomic_int cut;
    atomic_bool ends;
} cut_proxy;

static inline bool cut_proxy_has_commit(const char *data, ssize_t bytes) {
    return memmem(data, (size_t)bytes, "COMMIT", 6) != NULL;
}

/* Carries one connection until an end closes it, or it is cut. */
static inline void cut_proxy_carry(cut_proxy *p, int client) {
    const int server = socket(AF_UNIX, SOCK_STREAM, 0);
    static char data[1 << 16];
    ssize_t n;
    bool open = connect(server, (struct sockaddr *)&p->server, sizeof p->server) == 0;
    while (open && !p->ends) {
        struct pollfd fd[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        poll(fd, 2, 100);
        if (fd[0].revents) {
            n = read(client, data, sizeof data);
            const int cut = n > 0 && cut_proxy_has_commit(data, n) ? atomic_exchange(&p->cut, CUT_NEVER) : CUT_NEVER;
            open = n > 0 && cut != CUT_BEFORE && write(server, data, (size_t)n) == n;
            if (cut == CUT_AFTER && read(server, data, sizeof data) >= 0) /* the answer, which gets lost */
                open = false;
        }
        if (open && fd[1].revents) {
            n = read(server, data, sizeof data);
            open = n > 0 && write(client, data, (size_t)n) == n;
        }
    }
    close(server);
    close(client);
}

static inline void *cut_proxy_run(void *arg) {
    cut_proxy *p = arg;
    while (!p->ends) {
        struct pollfd fd = {.fd = p->listener, .events = POLLIN};
        if (poll(&fd, 1, 100) > 0)
            cut_proxy_carry(p, accept(p->listener, NULL, NULL));
    }
    return NULL;
}

/* address: the server's, "...?host=%2F..."; folder: where the proxy's socket is made; where: the address of the proxy. */
static inline void cut_proxy_start(cut_proxy *p, const char *address, const char *folder, char *where, size_t bytes) {
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    *p = (cut_proxy){.server.sun_family = AF_UNIX};
    snprintf(p->server.sun_path, sizeof p->server.sun_path, "%s/socket/.s.PGSQL.5432", getenv("ARC_TEST_POSTGRES_FOLDER"));
    mkdir(folder, 0755);
    assert_true((size_t)snprintf(own.sun_path, sizeof own.sun_path, "%s/.s.PGSQL.5432", folder) < sizeof own.sun_path);
    p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(listen(p->listener, 4), 0);
    snprintf(where, bytes, "%.*s?host=%s", (int)strcspn(address, "?"), address, folder);
    assert_int_equal(pthread_create(&p->thread, NULL, cut_proxy_run, p), 0);
}

static inline void cut_proxy_arm(cut_proxy *p, int cut) {
    p->cut = cut;
}

static inline void cut_proxy_stop(cut_proxy *p) {
    p->ends = true;
    pthread_join(p->thread, NULL);
    close(p->listener);
}

#endif
