/* A loopback HTTP server for the hub's test: one folderless file, Range requests, and the ways in which real servers fail. */
#ifndef ARC_TEST_HTTP_SERVER_H
#define ARC_TEST_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct arc_test_server {
    const unsigned char *data;
    size_t bytes;
    size_t cut_after;       /* bytes of the body after which the connection breaks; 0 = never */
    bool ignores_range;     /* answers 200 with everything */
    bool wrong_range;       /* answers 206 from byte 0 */
    bool redirects_to_file; /* answers 302 to a file:// URL */
    int status;             /* 0 = serve; otherwise answer this code */
    int requests;
    long last_range; /* first byte that the last request asked for, -1 = no Range */
    char last_path[256];
    int socket, port;
    pthread_t thread;
} arc_test_server;

static inline void server_send(int fd, const void *data, size_t bytes) {
    const char *from = data;
    while (bytes) {
        ssize_t n = send(fd, from, bytes, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        from += n;
        bytes -= (size_t)n;
    }
}

static inline void server_body(arc_test_server *s, int fd) {
    char head[256];
    size_t start = s->last_range > 0 && !s->ignores_range ? (size_t)s->last_range : 0;
    if (start && start >= s->bytes) {
        int n =
            snprintf(head, sizeof head,
                     "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%zu\r\nContent-Length: 0\r\n\r\n", s->bytes);
        server_send(fd, head, (size_t)n);
        return;
    }
    size_t said = s->wrong_range ? 0 : start, bytes = s->bytes - start;
    int n = start ? snprintf(head, sizeof head,
                             "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu\r\n\r\n",
                             said, s->bytes - 1, s->bytes, bytes)
                  : snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", bytes);
    server_send(fd, head, (size_t)n);
    server_send(fd, s->data + start, s->cut_after && s->cut_after < bytes ? s->cut_after : bytes);
}

static inline void server_answer(arc_test_server *s, int fd) {
    char request[4096], head[256];
    size_t got = 0;
    while (got + 1 < sizeof request) {
        ssize_t n = recv(fd, request + got, sizeof request - 1 - got, 0);
        if (n <= 0)
            return;
        got += (size_t)n;
        request[got] = 0;
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    const char *range = strcasestr(request, "\r\nRange: bytes=");
    s->last_range = range ? strtol(range + 15, NULL, 10) : -1;
    sscanf(request, "GET %255s", s->last_path);
    s->requests++;
    if (s->redirects_to_file) {
        static const char moved[] = "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n";
        server_send(fd, moved, sizeof moved - 1);
    } else if (s->status) {
        int n = snprintf(head, sizeof head, "HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n", s->status);
        server_send(fd, head, (size_t)n);
    } else {
        server_body(s, fd);
    }
}

static inline void *server_run(void *arg) {
    arc_test_server *s = arg;
    for (;;) {
        int fd = accept(s->socket, NULL, NULL);
        if (fd < 0)
            return NULL;
        server_answer(s, fd);
        shutdown(fd, SHUT_RDWR);
        close(fd);
    }
}

static inline bool server_start(arc_test_server *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    s->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (s->socket < 0 || bind(s->socket, (struct sockaddr *)&at, sizeof at) != 0 || listen(s->socket, 8) != 0 ||
        getsockname(s->socket, (struct sockaddr *)&at, &size) != 0)
        return false;
    s->port = ntohs(at.sin_port);
    return pthread_create(&s->thread, NULL, server_run, s) == 0;
}

static inline void server_stop(arc_test_server *s) {
    shutdown(s->socket, SHUT_RDWR); /* accept returns */
    pthread_join(s->thread, NULL);
    close(s->socket);
}

#endif
