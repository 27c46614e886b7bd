/* server/http: addresses to listen at. */
#include "server/http/address.h"
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_BYTES 256

static bool is_loopback(const struct sockaddr_storage *at) {
    if (at->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)at)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)at)->sin6_addr);
}

/* Splits at the last colon; the host loses its brackets. */
static bool split(const char *text, char host[HOST_BYTES], const char **port) {
    const char *colon = strrchr(text, ':');
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5)
        return false;
    const bool brackets = text[0] == '[' && colon > text && colon[-1] == ']';
    const char *from = text + brackets;
    const size_t n = (size_t)(colon - brackets - from);
    if (n >= HOST_BYTES || (!brackets && memchr(from, ':', n)))
        return false;
    memcpy(host, from, n);
    host[n] = '\0';
    *port = colon + 1;
    return true;
}

arc_status arc_http_address_read(const char *text, arc_http_address *out, arc_error *err) {
    char host[HOST_BYTES];
    const char *port = NULL;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    *out = (arc_http_address){.port = 0};
    int number = 0;
    if (!split(text, host, &port) || sscanf(port, "%d", &number) != 1 || number > 65535)
        return arc_fail(err, ARC_EINVAL, "\"%.100s\" is nowhere to listen: write 127.0.0.1:8080, [::1]:8080 or :8080", text);
    const int failed = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (failed)
        return arc_fail(err, ARC_EINVAL, "the address %.100s is not known: %s", text, gai_strerror(failed));
    memcpy(&out->at, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    out->loopback = *host && is_loopback(&out->at);
    out->port = number;
    return ARC_OK;
}

bool arc_http_host_is_loopback(const char *host) {
    const char *end = host[0] == '[' ? strchr(host, ']') : host + strcspn(host, ":");
    if (!end || (*end == ']' && end[1] && end[1] != ':'))
        return false;
    const size_t n = (size_t)(end - host) + (*end == ']');
    unsigned a, b, c, d;
    int read = 0;
    if ((n == 9 && strncasecmp(host, "localhost", 9) == 0) || (n == 5 && memcmp(host, "[::1]", 5) == 0))
        return true;
    return sscanf(host, "%3u.%3u.%3u.%3u%n", &a, &b, &c, &d, &read) == 4 && (size_t)read == n && a == 127;
}
