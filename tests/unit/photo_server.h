/* A loopback HTTP server that behaves as its visitor's path says: a picture, pages, errors, redirects, and the ways in which a
 * server can take for ever or lie. Each connection has a thread. */
#ifndef ARC_TEST_PHOTO_SERVER_H
#define ARC_TEST_PHOTO_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef struct photo_server {
    const unsigned char *picture; /* what /photo gives, */
    size_t bytes;                 /* of so many */
    int socket, port;
    pthread_t thread;
    atomic_int requests, connections, open, most_open;
    atomic_bool stops;
} photo_server;

typedef struct photo_visit {
    photo_server *server;
    int fd;
} photo_visit;

static inline bool photo_send(int fd, const void *data, size_t bytes) {
    const char *from = data;
    while (bytes) {
        const ssize_t n = send(fd, from, bytes, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        from += n;
        bytes -= (size_t)n;
    }
    return true;
}

static inline bool photo_say(int fd, const char *text) {
    return photo_send(fd, text, strlen(text));
}

/* type NULL: none. told: the length that the head tells. */
static inline bool photo_give(int fd, const char *status, const char *type, const void *body, size_t bytes, long long told) {
    char head[512];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %lld\r\n%s%s%s\r\n", status, told, type ? "Content-Type: " : "",
             type ? type : "", type ? "\r\n" : "");
    return photo_say(fd, head) && photo_send(fd, body, bytes);
}

static inline bool photo_page(int fd, const char *status, const char *text) {
    return photo_give(fd, status, "image/jpeg", text, strlen(text), (long long)strlen(text));
}

static inline bool photo_move(int fd, const char *to) {
    char head[512];
    snprintf(head, sizeof head, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", to);
    return photo_say(fd, head);
}

static inline void photo_wait(const photo_server *s, int ms) {
    for (int i = 0; i < ms && !s->stops; i += 10)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* A body without end, in chunks; slow: a byte now and then. */
static inline bool photo_for_ever(const photo_server *s, int fd, const void *first, size_t count, bool slow) {
    static char chunk[8 + 4096 + 2] = "1000\r\n";
    char head[32];
    memcpy(chunk + 6 + 4096, "\r\n", 2);
    snprintf(head, sizeof head, "%zx\r\n", count);
    bool good = photo_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") && photo_say(fd, head) &&
                photo_send(fd, first, count) && photo_say(fd, "\r\n");
    while (good && !s->stops) {
        if (slow)
            photo_wait(s, 100);
        good = slow ? photo_say(fd, "1\r\nx\r\n") : photo_send(fd, chunk, 6 + 4096 + 2);
    }
    return false;
}

/* Whether the connection goes on. */
static inline bool photo_answer(photo_server *s, int fd, const char *path) {
    int n = 0;
    char to[256];
    if (strncmp(path, "/photo", 6) == 0)
        return photo_give(fd, "200 OK", "text/html", s->picture, s->bytes, (long long)s->bytes);
    if (strcmp(path, "/slowly") == 0) { /* but all of it */
        photo_wait(s, 300);
        return photo_give(fd, "200 OK", NULL, s->picture, s->bytes, (long long)s->bytes);
    }
    if (strcmp(path, "/page") == 0)
        return photo_page(fd, "200 OK", "\n <!DOCTYPE html><title>Please log in</title>");
    if (strcmp(path, "/json") == 0)
        return photo_page(fd, "200 OK", "{\"error\": \"secret\"}");
    if (strcmp(path, "/nothing") == 0)
        return photo_page(fd, "200 OK", "");
    if (strcmp(path, "/zip") == 0)
        return photo_page(fd, "200 OK", "PK\3\4....");
    if (sscanf(path, "/status/%d", &n) == 1) {
        snprintf(to, sizeof to, "%d Secret", n);
        return photo_page(fd, to, "secret");
    }
    if (sscanf(path, "/moved/%d", &n) == 1) { /* so many times, then the photo */
        snprintf(to, sizeof to, n > 1 ? "/moved/%d" : "/photo", n - 1);
        return photo_move(fd, to);
    }
    if (strcmp(path, "/round") == 0)
        return photo_move(fd, "/round");
    if (strcmp(path, "/file") == 0)
        return photo_move(fd, "file:///etc/hostname");
    if (strcmp(path, "/ftp") == 0)
        return photo_move(fd, "ftp://127.0.0.1/x");
    if (strcmp(path, "/short") == 0)
        return photo_give(fd, "200 OK", NULL, s->picture, s->bytes / 2, (long long)s->bytes) && false;
    if (strcmp(path, "/huge") == 0) /* it says so before */
        return photo_give(fd, "200 OK", NULL, s->picture, s->bytes, 1LL << 40) && false;
    if (strcmp(path, "/endless") == 0)
        return photo_for_ever(s, fd, s->picture, s->bytes, false);
    if (strcmp(path, "/endless-page") == 0)
        return photo_for_ever(s, fd, "<html>", 6, false);
    if (strcmp(path, "/trickle") == 0)
        return photo_for_ever(s, fd, s->picture, s->bytes, true);
    if (strcmp(path, "/silent") == 0)
        photo_wait(s, 20000);
    if (strcmp(path, "/garbage") == 0)
        (void)photo_say(fd, "220 mail.example.com ESMTP\r\n");
    return false; /* also for what closes without a word */
}

static inline void *photo_visit_run(void *arg) {
    photo_visit v = *(photo_visit *)arg;
    char request[8192], path[256] = "";
    free(arg);
    setsockopt(v.fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 1}, sizeof(struct timeval));
    for (bool more = true; more && !v.server->stops;) {
        size_t got = 0;
        request[0] = 0;
        while (!strstr(request, "\r\n\r\n") && got + 1 < sizeof request) {
            const ssize_t n = recv(v.fd, request + got, sizeof request - 1 - got, 0);
            if (n <= 0)
                goto done;
            got += (size_t)n;
            request[got] = 0;
        }
        sscanf(request, "GET %255s", path);
        path[strcspn(path, "?")] = 0;
        v.server->requests++;
        const int now = ++v.server->open;
        if (now > v.server->most_open)
            v.server->most_open = now;
        more = photo_answer(v.server, v.fd, path);
        v.server->open--;
    }
done:
    shutdown(v.fd, SHUT_RDWR);
    close(v.fd);
    v.server->connections--;
    return NULL;
}

static inline void *photo_server_run(void *arg) {
    photo_server *s = arg;
    for (;;) {
        const int fd = accept(s->socket, NULL, NULL);
        pthread_t thread;
        if (fd < 0)
            return NULL;
        photo_visit *v = malloc(sizeof *v);
        *v = (photo_visit){s, fd};
        s->connections++;
        if (pthread_create(&thread, NULL, photo_visit_run, v) == 0)
            pthread_detach(thread);
    }
}

static inline bool photo_server_start(photo_server *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    s->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (s->socket < 0 || bind(s->socket, (struct sockaddr *)&at, sizeof at) != 0 || listen(s->socket, 32) != 0 ||
        getsockname(s->socket, (struct sockaddr *)&at, &size) != 0)
        return false;
    s->port = ntohs(at.sin_port);
    return pthread_create(&s->thread, NULL, photo_server_run, s) == 0;
}

static inline void photo_server_stop(photo_server *s) {
    s->stops = true;
    shutdown(s->socket, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->socket);
    while (s->connections > 0)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

#endif
