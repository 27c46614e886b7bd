/* Talks to tests/qdrant_shim.py beside what is tested: makes it fail, empties it, restarts it. */
#ifndef ARC_TEST_QDRANT_SUPPORT_H
#define ARC_TEST_QDRANT_SUPPORT_H

#include "http_server.h"
#include "support.h"

static const char *shim_at; /* "127.0.0.1:PORT" */

/* One request on a connection of its own; the body of the answer. */
static inline void shim_ask(const char *method, const char *path, const char *body, char *out, size_t bytes) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[4096];
    size_t got = 0;
    ssize_t n;
    at.sin_port = htons((uint16_t)strtol(strchr(shim_at, ':') + 1, NULL, 10));
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    const int length = snprintf(text, sizeof text,
                                "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n"
                                "Content-Length: %zu\r\n\r\n%s",
                                method, path, strlen(body), body);
    server_send(fd, text, (size_t)length);
    while (got + 1 < bytes && (n = recv(fd, out + got, bytes - 1 - got, 0)) > 0)
        got += (size_t)n;
    out[got] = '\0';
    close(fd);
}

/* How many failures that it was told of before were not needed. */
static inline int shim_tell(const char *body) {
    char answer[512];
    shim_ask("POST", "/_shim", body, answer, sizeof answer);
    const char *left = strstr(answer, "\"left\": ");
    assert_non_null(left);
    return (int)strtol(left + 8, NULL, 10);
}

static inline void shim_empty(void) {
    char answer[512];
    shim_ask("DELETE", "/_shim", "", answer, sizeof answer);
}

/* `times` requests fail after `after` more. code 0: the connection ends without an answer. */
static inline int shim_fails(int after, int times, int code, bool applies) {
    char text[128];
    snprintf(text, sizeof text, "{\"after\":%d,\"times\":%d,\"code\":%d,\"applies\":%s}", after, times, code,
             applies ? "true" : "false");
    return shim_tell(text);
}

static inline void shim_script(const char *command, const char *more) {
    char text[1024];
    snprintf(text, sizeof text, "'%s' %s '%s' %s >/dev/null", getenv("ARC_TEST_QDRANT_SCRIPT"), command,
             getenv("ARC_TEST_QDRANT_FOLDER"), more);
    assert_int_equal(system(text), 0);
}

#endif
