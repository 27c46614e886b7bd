/* gallery/store/qdrant: one request to the server over HTTP with JSON in and out. What comes back is bounded and checked; a
 * server that is busy, restarting or out of reach is asked again. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS 5000L
#define REQUEST_MS 60000L
#define TRIES 5
#define FIRST_PAUSE_MS 50 /* doubled after each try */
#define LONGEST_PAUSE_MS 2000
#define DEPTH_OF_REASON 160 /* characters of the server's own sentence */

void arc_qd_sleep(int ms) {
    poll(NULL, 0, ms);
}

/* What is too large ends the transfer. */
static size_t take_body(char *data, size_t size, size_t count, void *arg) {
    arc_qd *s = arg;
    return arc_buffer_put(&s->reply, data, size * count) == ARC_OK ? size * count : 0;
}

static void set_options(arc_qd *s, const char *method, const char *address, bool has_body, char *reason) {
    CURL *c = s->curl;
    curl_easy_reset(c); /* keeps the connection */
    curl_easy_setopt(c, CURLOPT_URL, address);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "arcface");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, REQUEST_MS);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, s);
    if (has_body) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body.bytes);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, s->body.data);
    }
}

/* The server's own sentence, as far as it can be shown. */
static void reason_of(const json_t *reply, char *text, size_t bytes) {
    const char *said = json_string_value(json_object_get(json_object_get(reply, "status"), "error"));
    size_t n = 0;
    for (; said && said[n] && n < DEPTH_OF_REASON && n + 1 < bytes; n++)
        text[n] = said[n] >= ' ' && said[n] < 127 ? said[n] : '?';
    text[n] = '\0';
}

static arc_status refuse(const arc_qd *s, long code, const json_t *reply, arc_error *err) {
    char reason[DEPTH_OF_REASON + 1];
    reason_of(reply, reason, sizeof reason);
    if (code == 401 || code == 403)
        return arc_fail(err, ARC_EINVAL,
                        "%s: the server refuses the key (%ld); the environment's ARCFACE_QDRANT_KEY is sent as one", s->label,
                        code);
    return arc_fail(err, code >= 500 || code == 429 ? ARC_ENETWORK : ARC_EIO, "%s: the server answers %ld%s%s", s->label, code,
                    *reason ? ": " : "", reason);
}

/* A reply is an object with the "result". */
static arc_status read_reply(arc_qd *s, arc_qd_reply *reply, arc_error *err) {
    json_error_t why;
    json_t *all = json_loadb((const char *)s->reply.data, s->reply.bytes, JSON_REJECT_DUPLICATES, &why);
    arc_status st = ARC_OK;
    if (reply->code != 200 && reply->code != 404 && reply->code != 409)
        st = refuse(s, reply->code, all, err);
    else if (reply->code == 200 && !json_is_object(all))
        st = arc_fail(err, ARC_ECORRUPT, "%s: the server's reply is no JSON object: is it Qdrant?", s->label);
    else if (reply->code == 200) {
        json_t *result = json_object_get(all, "result");
        reply->result = json_incref(result ? result : all); /* "/" answers without a result */
    }
    json_decref(all);
    return st;
}

static bool passes(CURLcode code, long http) {
    return code == CURLE_OK ? http == 429 || http == 502 || http == 503 || http == 504
                            : code == CURLE_COULDNT_CONNECT || code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR ||
                                  code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE;
}

/* As long as the server asks for, but no longer than a moment. */
static void pause_before(const arc_qd *s, int tried) {
    curl_off_t wanted_s = 0;
    curl_easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &wanted_s);
    const int own_ms = ARC_MIN(FIRST_PAUSE_MS << tried, LONGEST_PAUSE_MS);
    arc_qd_sleep(wanted_s > 0 ? (int)ARC_MIN(wanted_s, LONGEST_PAUSE_MS / 1000) * 1000 : own_ms);
}

static arc_status perform(arc_qd *s, const char *method, const char *address, bool has_body, arc_qd_reply *reply,
                          arc_error *err) {
    char reason[CURL_ERROR_SIZE] = "";
    CURLcode code = CURLE_OK;
    for (int tried = 0; tried < TRIES; tried++) {
        if (tried > 0)
            pause_before(s, tried - 1);
        s->reply.bytes = 0;
        set_options(s, method, address, has_body, reason);
        code = curl_easy_perform(s->curl);
        curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &reply->code);
        if (!passes(code, reply->code))
            break;
    }
    if (code == CURLE_WRITE_ERROR)
        return arc_fail(err, ARC_ELIMIT, "%s: the server sends more than %zu bytes for one request", s->label,
                        ARC_QD_REPLY_BYTES);
    if (code != CURLE_OK)
        return arc_fail(err, ARC_ENETWORK, "%s: %s", s->label, *reason ? reason : curl_easy_strerror(code));
    return read_reply(s, reply, err);
}

arc_status arc_qd_call(arc_qd *s, const char *method, const char *collection, const char *tail, json_t *body, arc_qd_reply *reply,
                       arc_error *err) {
    char address[sizeof s->server + ARC_QD_NAME_BYTES + 64];
    *reply = (arc_qd_reply){0};
    snprintf(address, sizeof address, "%s%s%s%s", s->server, collection ? "/collections/" : "", collection ? collection : "",
             tail);
    s->body.bytes = 0;
    arc_status st = body ? arc_qd_put_json(&s->body, body, err) : ARC_OK;
    if (st == ARC_OK)
        st = perform(s, method, address, body != NULL, reply, err);
    json_decref(body);
    return st;
}

arc_status arc_qd_update(arc_qd *s, const char *method, const char *collection, const char *tail, json_t *body, arc_error *err) {
    arc_qd_reply reply;
    arc_status st = arc_qd_call(s, method, collection, tail, body, &reply, err);
    if (st != ARC_OK)
        return st;
    const char *status = json_string_value(json_object_get(reply.result, "status"));
    if (reply.code != 200)
        st = arc_fail(err, ARC_ENOTFOUND, "%s: the collection %s is not there any more", s->label, collection);
    else if (!status || strcmp(status, "completed") != 0)
        st = arc_fail(err, ARC_ENETWORK, "%s: the server has not completed a change in time", s->label);
    json_decref(reply.result);
    return st;
}

arc_status arc_qd_ask(arc_qd *s, const char *collection, const char *tail, json_t *body, json_type type, json_t **result,
                      arc_error *err) {
    arc_qd_reply reply;
    *result = NULL;
    arc_status st = arc_qd_call(s, "POST", collection, tail, body, &reply, err);
    if (st == ARC_OK && reply.code != 200)
        st = arc_fail(err, ARC_ENOTFOUND, "%s: the collection %s is not there any more", s->label, collection);
    else if (st == ARC_OK && json_typeof(reply.result) != type)
        st = arc_fail(err, ARC_ECORRUPT, "%s: the server's reply has another form than Qdrant's", s->label);
    if (st == ARC_OK)
        *result = reply.result;
    else
        json_decref(reply.result);
    return st;
}
