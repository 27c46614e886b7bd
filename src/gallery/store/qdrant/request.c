/* gallery/store/qdrant: one request to the server over HTTP with JSON in and out. What comes back is bounded and checked; a
 * server that is busy, restarting or out of reach is asked again. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include "hub/ask.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define REASON_BYTES 161 /* of the server's own sentence */

void arc_qd_sleep(int ms) {
    poll(NULL, 0, ms);
}

static arc_status refuse(const arc_qd *s, long code, const json_t *reply, arc_error *err) {
    char reason[REASON_BYTES];
    arc_ask_reason(json_string_value(json_object_get(json_object_get(reply, "status"), "error")), reason, sizeof reason);
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

arc_status arc_qd_call(arc_qd *s, const char *method, const char *collection, const char *tail, json_t *body, arc_qd_reply *reply,
                       arc_error *err) {
    char address[sizeof s->server + ARC_QD_NAME_BYTES + 64];
    *reply = (arc_qd_reply){0};
    snprintf(address, sizeof address, "%s%s%s%s", s->server, collection ? "/collections/" : "", collection ? collection : "",
             tail);
    s->body.bytes = 0;
    arc_status st = body ? arc_qd_put_json(&s->body, body, err) : ARC_OK;
    const arc_ask ask = {.method = method,
                         .address = address,
                         .label = s->label,
                         .headers = s->headers,
                         .body = body ? &s->body : NULL,
                         .reply = &s->reply};
    if (st == ARC_OK)
        st = arc_ask_server(s->curl, &ask, &reply->code, err);
    if (st == ARC_OK)
        st = read_reply(s, reply, err);
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
