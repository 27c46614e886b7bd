/* gallery/remote: one request to the other server. What comes back is bounded; a server that is busy is asked again. */
#include "gallery/remote/remote_internal.h"
#include "hub/ask.h"
#include "hub/network.h"
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCATION_BYTES 512
#define REPLY_BYTES ((size_t)64 << 20)
#define QUESTION_BYTES ((size_t)16 << 20)
#define REASON_BYTES 161 /* of the other server's sentence */

struct arc_remote {
    arc_context *ctx;
    char location[LOCATION_BYTES]; /* without a slash at its end */
    struct curl_slist *headers;
    pthread_mutex_t lock;
    CURL *idle; /* a connection that is not in use; NULL: none. Several threads may ask at the same time */
};

bool arc_remote_is(const char *location) {
    return strncmp(location, "http://", 7) == 0 || strncmp(location, "https://", 8) == 0;
}

const char *arc_remote_label(const arc_remote *remote) {
    return remote->location;
}

arc_context *arc_remote_context(const arc_remote *remote) {
    return remote->ctx;
}

static arc_status add_header(arc_remote *r, const char *line, arc_error *err) {
    struct curl_slist *longer = curl_slist_append(r->headers, line);
    if (!longer)
        return arc_fail_nomem(err, "a header");
    r->headers = longer;
    return ARC_OK;
}

static arc_status add_key(arc_remote *r, arc_error *err) {
    const char *key = getenv("ARCFACE_SERVER_KEY");
    char line[300];
    if (!key || !*key)
        return ARC_OK;
    if (strlen(key) > 256 || strpbrk(key, "\r\n"))
        return arc_fail(err, ARC_EINVAL, "ARCFACE_SERVER_KEY is no API key: it has a line end or more than 256 letters");
    snprintf(line, sizeof line, "X-Api-Key: %s", key);
    const arc_status st = add_header(r, line, err);
    sodium_memzero(line, sizeof line);
    if (strncmp(r->location, "http:", 5) == 0 && strncmp(r->location, "http://127.", 11) != 0 &&
        strncmp(r->location, "http://localhost", 16) != 0)
        arc_log(r->ctx, ARC_LOG_WARN, "%s: the key is sent readable for everybody on the way; https:// encrypts it", r->location);
    return st;
}

arc_status arc_remote_open(arc_context *ctx, const char *location, arc_remote **out, arc_error *err) {
    size_t bytes = strlen(location);
    *out = NULL;
    while (bytes > 0 && location[bytes - 1] == '/')
        bytes--;
    if (bytes >= LOCATION_BYTES || strpbrk(location, "?#@ "))
        return arc_fail(err, ARC_EINVAL, "%.100s: the address of another server is http://HOST:PORT or https://HOST:PORT",
                        location);
    arc_status st = arc_network_start(err);
    if (st != ARC_OK)
        return st;
    arc_remote *r = arc_mem_new(&ctx->alloc, 1, sizeof *r);
    if (!r)
        return arc_fail_nomem(err, "a server");
    r->ctx = ctx;
    memcpy(r->location, location, bytes);
    pthread_mutex_init(&r->lock, NULL);
    st = add_header(r, "Content-Type: application/json", err);
    if (st == ARC_OK)
        st = add_header(r, "Expect:", err); /* no question in front of a large body */
    if (st == ARC_OK)
        st = add_key(r, err);
    if (st != ARC_OK)
        arc_remote_close(&r);
    *out = r;
    return st;
}

void arc_remote_close(arc_remote **remote) {
    arc_remote *r = *remote;
    if (!r)
        return;
    if (r->idle)
        curl_easy_cleanup(r->idle);
    for (struct curl_slist *line = r->headers; line; line = line->next)
        sodium_memzero(line->data, strlen(line->data)); /* there may be the key in it */
    curl_slist_free_all(r->headers);
    pthread_mutex_destroy(&r->lock);
    arc_mem_free(&r->ctx->alloc, r);
    *remote = NULL;
}

static CURL *take_connection(arc_remote *r) {
    pthread_mutex_lock(&r->lock);
    CURL *c = r->idle;
    r->idle = NULL;
    pthread_mutex_unlock(&r->lock);
    return c ? c : curl_easy_init();
}

static void give_connection(arc_remote *r, CURL *c) {
    pthread_mutex_lock(&r->lock);
    CURL *surplus = r->idle ? c : NULL;
    if (!surplus)
        r->idle = c;
    pthread_mutex_unlock(&r->lock);
    if (surplus)
        curl_easy_cleanup(surplus);
}

static arc_status refuse(const arc_remote *r, long code, const json_t *reply, arc_error *err) {
    char reason[REASON_BYTES];
    arc_ask_reason(json_string_value(json_object_get(json_object_get(reply, "error"), "message")), reason, sizeof reason);
    if (code == 401 || code == 403)
        return arc_fail(err, ARC_EINVAL,
                        "%s: the server refuses the key (%ld): the environment's ARCFACE_SERVER_KEY is sent as one", r->location,
                        code);
    if (code == 404)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: %s", r->location,
                        *reason ? reason : "the server does not know what is asked: is it arcface serve?");
    return arc_fail(err, code >= 500 || code == 429 ? ARC_ENETWORK : ARC_EIO, "%s: the server answers %ld%s%s", r->location, code,
                    *reason ? ": " : "", reason);
}

static int append(const char *data, size_t bytes, void *arg) {
    return arc_buffer_put(arg, data, bytes) == ARC_OK ? 0 : -1;
}

bool arc_remote_put_json(arc_buffer *out, const json_t *value) {
    return value && json_dump_callback(value, append, out, JSON_COMPACT) == 0; /* numbers with all digits */
}

arc_status arc_remote_call(arc_remote *r, const char *tail, json_t *body, json_t **reply, arc_error *err) {
    char address[LOCATION_BYTES + 64];
    arc_buffer sent, got;
    long code = 0;
    *reply = NULL;
    snprintf(address, sizeof address, "%s%s", r->location, tail);
    arc_buffer_init(&got, &r->ctx->alloc, REPLY_BYTES);
    arc_buffer_init(&sent, &r->ctx->alloc, QUESTION_BYTES);
    CURL *c = take_connection(r);
    arc_status st = c && (!body || arc_remote_put_json(&sent, body)) ? ARC_OK : arc_fail_nomem(err, "a request");
    const arc_ask ask = {.method = body ? "POST" : "GET",
                         .address = address,
                         .label = r->location,
                         .headers = r->headers,
                         .body = body ? &sent : NULL,
                         .reply = &got};
    if (st == ARC_OK)
        st = arc_ask_server(c, &ask, &code, err);
    if (c)
        give_connection(r, c);
    if (st == ARC_OK) {
        json_t *all = json_loadb((const char *)got.data, got.bytes, JSON_REJECT_DUPLICATES, NULL);
        if (code != 200)
            st = refuse(r, code, all, err);
        else if (!json_is_object(all))
            st = arc_fail(err, ARC_ECORRUPT, "%s: the server's reply is no JSON object: is it arcface serve?", r->location);
        if (st == ARC_OK)
            *reply = json_incref(all);
        json_decref(all);
    }
    json_decref(body);
    arc_buffer_free(&sent);
    arc_buffer_free(&got);
    return st;
}
