/* gallery/store/qdrant: the head, the one point that decides what is committed, and the lock in it. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define LOCK_MS 10000      /* how long other writers are waited for */
#define BEAT_NS 1000000000 /* between two signs of life */

static const char *const numbers[ARC_QD_H_NUMBERS] = {
    "schema",        "commit",     "revision",   "beat",      "journal",   "pieces", "next_identity", "next_template",
    "next_negative", "next_audit", "identities", "templates", "negatives", "crops",  "audits"};

static arc_status read_token(const arc_qd *s, const json_t *payload, const char *key, char token[ARC_QD_TOKEN_BYTES],
                             arc_error *err) {
    const json_t *value = json_object_get(payload, key);
    const size_t bytes = json_string_length(value);
    const bool none = bytes == 1 && strcmp(json_string_value(value), ARC_QD_NONE) == 0;
    if (!none && (bytes != ARC_QD_TOKEN_BYTES - 1 || strspn(json_string_value(value), "0123456789abcdef") != bytes))
        return arc_fail(err, ARC_ECORRUPT, "%s: the gallery's \"%s\" is none that this program wrote", s->label, key);
    memcpy(token, json_string_value(value), bytes + 1);
    return ARC_OK;
}

static arc_status read_head(const arc_qd *s, const json_t *payload, arc_qd_head *head, arc_error *err) {
    arc_status st;
    ARC_TRY(arc_qd_get_int(s, payload, numbers[ARC_QD_H_SCHEMA], &head->number[ARC_QD_H_SCHEMA], err));
    if (head->number[ARC_QD_H_SCHEMA] > ARC_QD_SCHEMA)
        return arc_fail(
            err, ARC_EUNSUPPORTED,
            "%s: made by a newer version of arcface (its form has version %lld, this program knows %d); update the program",
            s->label, (long long)head->number[ARC_QD_H_SCHEMA], ARC_QD_SCHEMA);
    for (int i = 1; i < ARC_QD_H_NUMBERS; i++)
        ARC_TRY(arc_qd_get_int(s, payload, numbers[i], &head->number[i], err));
    ARC_TRY(read_token(s, payload, "mark", head->mark, err));
    ARC_TRY(read_token(s, payload, "lock", head->lock, err));
    st = read_token(s, payload, "pending", head->pending, err);
done:
    return st;
}

arc_status arc_qd_head_read(arc_qd *s, arc_qd_head *head, bool *found, arc_error *err) {
    json_t *points = NULL;
    *head = (arc_qd_head){0};
    json_t *body =
        json_pack("{s:[I], s:b, s:b}", "ids", (json_int_t)arc_qd_point_id(ARC_QD_HEAD, 0), "with_payload", 1, "with_vector", 0);
    arc_status st = arc_qd_ask(s, s->people, "/points?consistency=majority", body, JSON_ARRAY, &points, err);
    *found = st == ARC_OK && json_array_size(points) > 0;
    if (*found)
        st = read_head(s, json_object_get(json_array_get(points, 0), "payload"), head, err);
    json_decref(points);
    return st;
}

json_t *arc_qd_head_json(const arc_qd_head *head) {
    json_t *out = json_pack("{s:s, s:s, s:s, s:s}", "kind", arc_qd_kind_name(ARC_QD_HEAD), "mark", head->mark, "lock", head->lock,
                            "pending", head->pending);
    for (int i = 0; i < ARC_QD_H_NUMBERS; i++)
        arc_qd_set_int(out, numbers[i], head->number[i]);
    return out;
}

static void make_token(char token[ARC_QD_TOKEN_BYTES]) {
    uint8_t bytes[ARC_STORE_MARK_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(token, ARC_QD_TOKEN_BYTES, bytes, sizeof bytes);
}

/* Its mark is the one that an index of the empty gallery knows, so that is put in a point of its own as well. */
arc_status arc_qd_head_make(arc_qd *s, arc_error *err) {
    arc_qd_head head = {.lock = ARC_QD_NONE, .pending = ARC_QD_NONE};
    bool found = false;
    arc_status st;
    make_token(head.mark);
    head.number[ARC_QD_H_SCHEMA] = ARC_QD_SCHEMA;
    head.number[ARC_QD_H_COMMIT] = 1;
    for (int i = ARC_QD_H_NEXT_IDENTITY; i <= ARC_QD_H_NEXT_AUDIT; i++)
        head.number[i] = 1;
    /* A filter that nothing matches: what is there stays. */
    json_t *never = json_pack("{s:[{s:s, s:{s:s}}]}", "must", "key", "kind", "match", "value", ARC_QD_NONE);
    ARC_TRY(arc_qd_update(s, "PUT", s->people, "/points?wait=true&ordering=strong",
                          json_pack("{s:[{s:I, s:{}, s:o}], s:o}", "points", "id", (json_int_t)arc_qd_point_id(ARC_QD_HEAD, 0),
                                    "vector", "payload", arc_qd_head_json(&head), "update_filter", never),
                          err));
    ARC_TRY(arc_qd_head_read(s, &head, &found, err));
    if (found && head.number[ARC_QD_H_COMMIT] == 1)
        st = arc_qd_update(s, "PUT", s->people, "/points?wait=true&ordering=strong",
                           json_pack("{s:[{s:I, s:{}, s:{s:s, s:i, s:s, s:s}}]}", "points", "id",
                                     (json_int_t)arc_qd_point_id(ARC_QD_COMMIT, 1), "vector", "payload", "kind",
                                     arc_qd_kind_name(ARC_QD_COMMIT), "commit", 1, "made", "0", "token", head.mark),
                           err);
done:
    return st;
}

arc_status arc_qd_head_swap(arc_qd *s, const arc_qd_head *expected, json_t *changes, arc_error *err) {
    json_t *must = json_pack("[{s:[I]}, {s:s, s:{s:s}}, {s:s, s:{s:s}}, {s:s, s:{s:I}}]", "has_id",
                             (json_int_t)arc_qd_point_id(ARC_QD_HEAD, 0), "key", "lock", "match", "value", expected->lock, "key",
                             "pending", "match", "value", expected->pending, "key", "commit", "match", "value",
                             (json_int_t)expected->number[ARC_QD_H_COMMIT]);
    json_t *body = json_pack("{s:o, s:{s:o}}", "payload", changes, "filter", "must", must);
    return body ? arc_qd_update(s, "POST", s->people, "/points/payload?wait=true&ordering=strong", body, err)
                : arc_fail_nomem(err, "a request to Qdrant");
}

/* ---- the lock ---- */

arc_status arc_qd_need_head(arc_qd *s, arc_error *err) {
    bool found;
    const arc_status st = arc_qd_head_read(s, &s->head, &found, err);
    return st == ARC_OK && !found ? arc_fail(err, ARC_ENOTFOUND, "%s: the gallery is not there any more", s->label) : st;
}

/* What writers left that ended before they committed; nobody else writes now. */
static arc_status remove_journals(arc_qd *s, arc_error *err) {
    const arc_qd_filter f = {.kind = ARC_QD_JOURNAL};
    return arc_qd_update(s, "POST", s->people, "/points/delete?wait=true&ordering=strong",
                         json_pack("{s:o}", "filter", arc_qd_filter_json(&f)), err);
}

arc_status arc_qd_try_lock(arc_qd *s, arc_qd_queue *queue, bool *got, arc_error *err) {
    const bool taken = strcmp(s->head.lock, ARC_QD_NONE) != 0;
    const uint64_t now = arc_clock_ns();
    arc_status st = ARC_OK;
    *got = false;
    if (queue->start_ns == 0)
        queue->start_ns = now;
    if (strcmp(queue->owner, s->head.lock) != 0 || queue->beat != s->head.number[ARC_QD_H_BEAT]) {
        memcpy(queue->owner, s->head.lock, sizeof queue->owner);
        queue->beat = s->head.number[ARC_QD_H_BEAT];
        queue->since_ns = now;
    }
    const bool dead = taken && now - queue->since_ns >= (uint64_t)s->patience_ms * 1000000u;
    if (taken && !dead)
        return now - queue->start_ns < (uint64_t)LOCK_MS * 1000000u
                   ? ARC_OK
                   : arc_fail(err, ARC_EIO, "%s: others have been writing for more than %d s; try again", s->label,
                              LOCK_MS / 1000);
    make_token(s->token);
    ARC_TRY(arc_qd_head_swap(s, &s->head, json_pack("{s:s, s:i}", "lock", s->token, "beat", 0), err));
    ARC_TRY(arc_qd_need_head(s, err));
    *got = strcmp(s->head.lock, s->token) == 0;
    s->beat_ns = arc_clock_ns();
    if (*got && dead)
        st = remove_journals(s, err);
done:
    return st;
}

void arc_qd_unlock(arc_qd *s) {
    (void)arc_qd_head_swap(s, &s->head, json_pack("{s:s}", "lock", ARC_QD_NONE), NULL); /* or others lose patience */
}

void arc_qd_beat(arc_qd *s) {
    const uint64_t now = arc_clock_ns();
    if (!s->writing || now - s->beat_ns < BEAT_NS)
        return;
    s->beat_ns = now;
    s->head.number[ARC_QD_H_BEAT]++;
    (void)arc_qd_head_swap(s, &s->head, json_pack("{s:I}", "beat", (json_int_t)s->head.number[ARC_QD_H_BEAT]), NULL);
}
