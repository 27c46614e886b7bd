/* gallery/store/qdrant: transactions (qdrant_internal.h says how), and what other processes write. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 40       /* how often a waiting reader looks: two servers see an enrolment within 100 ms */
#define SETTLE_POLL_MS 5 /* the same while another process writes what it has committed */

static bool has(const char *token) {
    return strcmp(token, ARC_QD_NONE) != 0;
}

/* ---- the journal ---- */

static json_t *journal_ids(const arc_qd_head *head) {
    json_t *ids = json_array();
    for (int64_t i = 0; i < head->number[ARC_QD_H_PIECES]; i++)
        json_array_append_new(ids, json_integer(arc_qd_point_id(ARC_QD_JOURNAL, head->number[ARC_QD_H_JOURNAL] + i)));
    return ids;
}

static void drop_journal(arc_qd *s, const arc_qd_head *head) {
    (void)arc_qd_update(s, "POST", s->people, "/points/delete?wait=true&ordering=strong",
                        json_pack("{s:o}", "points", journal_ids(head)), NULL);
}

/* A transaction on its way into journal points. */
typedef struct staging {
    arc_qd *s;
    int64_t journal, commit;
    json_t *pieces; /* [[row, ...], ...] as they are in the journal */
    json_t *rows;   /* of the piece that is being filled */
    arc_buffer text;
} staging;

static arc_status close_piece(staging *g, arc_error *err) {
    const int64_t number = (int64_t)json_array_size(g->pieces);
    if (json_array_size(g->rows) == 0)
        return ARC_OK;
    arc_qd_beat(g->s);
    json_array_append_new(g->pieces, g->rows);
    g->rows = json_array();
    if (arc_buffer_put(&g->text, "]", 1) != ARC_OK)
        return arc_fail_nomem(err, "a change of the gallery");
    json_t *body = json_pack("{s:[{s:I, s:{}, s:{s:s, s:I, s:s%}}]}", "points", "id",
                             (json_int_t)arc_qd_point_id(ARC_QD_JOURNAL, g->journal + number), "vector", "payload", "kind",
                             arc_qd_kind_name(ARC_QD_JOURNAL), "commit", (json_int_t)g->commit, "rows",
                             (const char *)g->text.data, g->text.bytes);
    g->text.bytes = 0;
    return body ? arc_qd_update(g->s, "PUT", g->s->people, "/points?wait=true&ordering=strong", body, err)
                : arc_fail_nomem(err, "a change of the gallery");
}

static arc_status stage_row(staging *g, arc_qd_kind kind, int64_t id, json_t *payload, arc_error *err) {
    arc_qd_set_int(payload, "commit", g->commit);
    json_t *row = json_pack("[i, I, O]", (int)kind, (json_int_t)id, payload);
    arc_status st = ARC_OK;
    if (arc_buffer_put(&g->text, g->text.bytes ? "," : "[", 1) != ARC_OK || arc_qd_put_json(&g->text, row, NULL) != ARC_OK)
        st = arc_fail_nomem(err, "a change of the gallery");
    json_array_append_new(g->rows, row);
    return st == ARC_OK && g->text.bytes > ARC_QD_PIECE_BYTES ? close_piece(g, err) : st;
}

static arc_status stage_all(staging *g, arc_error *err) {
    arc_qd *s = g->s;
    const char *key;
    char made[24];
    json_t *payload;
    arc_status st = ARC_OK;
    for (int k = 0; k < ARC_QD_KINDS; k++)
        json_object_foreach(s->written[k], key, payload) {
            if (st == ARC_OK)
                st = stage_row(g, (arc_qd_kind)k, strtoll(key, NULL, 10), payload, err);
        }
    if (st == ARC_OK) { /* what makes the commit recognisable */
        json_t *row = json_pack("{s:s, s:s}", "kind", arc_qd_kind_name(ARC_QD_COMMIT), "token", s->token);
        if (s->revised) {
            snprintf(made, sizeof made, "%lld", (long long)s->head.number[ARC_QD_H_REVISION]);
            json_object_set_new(row, "made", json_string(made));
        }
        st = stage_row(g, ARC_QD_COMMIT, g->commit, row, err);
        json_decref(row);
    }
    return st == ARC_OK ? close_piece(g, err) : st;
}

/* ---- writing what was committed ---- */

/* Rows of a piece of the journal; *rows NULL: it is not there any more, as another process has written it. */
static arc_status read_piece(arc_qd *s, int64_t id, json_t **rows, arc_error *err) {
    json_error_t why;
    json_t *payload = NULL;
    *rows = NULL;
    arc_status st = arc_qd_get(s, ARC_QD_JOURNAL, id, &payload, err);
    if (st == ARC_OK && payload) {
        const json_t *text = json_object_get(payload, "rows");
        *rows = text ? json_loadb(json_string_value(text), json_string_length(text), JSON_REJECT_DUPLICATES, &why) : NULL;
        if (!json_is_array(*rows))
            st = arc_fail(err, ARC_ECORRUPT, "%s: its journal is none that this program wrote", s->label);
    }
    json_decref(payload);
    return st;
}

/* pieces: NULL: they are read from the server. head: with `pending`. */
static arc_status write_pending(arc_qd *s, const arc_qd_head *head, const json_t *pieces, arc_error *err) {
    arc_status st = ARC_OK;
    for (int64_t i = 0; i < head->number[ARC_QD_H_PIECES] && st == ARC_OK; i++) {
        json_t *rows = json_incref(json_array_get(pieces, (size_t)i));
        if (!pieces)
            st = read_piece(s, head->number[ARC_QD_H_JOURNAL] + i, &rows, err);
        if (st == ARC_OK && !rows)
            return ARC_OK;
        if (st == ARC_OK)
            st = arc_qd_write(s, rows, head->number[ARC_QD_H_COMMIT], err);
        json_decref(rows);
    }
    if (st == ARC_OK)
        st = arc_qd_head_swap(s, head, json_pack("{s:s, s:s}", "pending", ARC_QD_NONE, "lock", ARC_QD_NONE), err);
    if (st == ARC_OK)
        st = arc_qd_update(s, "POST", s->people, "/points/delete?wait=true&ordering=strong",
                           json_pack("{s:o}", "points", journal_ids(head)), err);
    return st;
}

/* Until nothing is pending in s->head: its writer has finished, or is helped when it takes too long, also by one who only reads:
 * the change is a part of the gallery already. */
static arc_status settle(arc_qd *s, arc_error *err) {
    char pending[ARC_QD_TOKEN_BYTES];
    uint64_t since = arc_clock_ns();
    arc_status st = ARC_OK;
    memcpy(pending, s->head.pending, sizeof pending);
    while (st == ARC_OK && has(s->head.pending)) {
        if (strcmp(pending, s->head.pending) != 0) {
            memcpy(pending, s->head.pending, sizeof pending);
            since = arc_clock_ns();
        } else if ((arc_clock_ns() - since) / 1000000 > (uint64_t)s->patience_ms / 4) {
            st = write_pending(s, &s->head, NULL, err);
            if (st != ARC_OK)
                arc_fail_in(err, st, "a change was stored whose writer ended before it was in its place");
        } else
            arc_qd_sleep(SETTLE_POLL_MS);
        if (st == ARC_OK)
            st = arc_qd_need_head(s, err);
    }
    return st;
}

/* ---- begin and end ---- */

static void leave(arc_qd *s) {
    arc_qd_forget(s);
    s->within = s->writing = s->revised = false;
}

arc_status arc_qd_begin(arc_gallery_store *store, bool write, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    arc_qd_queue queue = {0};
    arc_status st;
    if (write && (s->flags & ARC_STORE_READ_ONLY))
        return arc_fail(err, ARC_EINVAL, "%s: the gallery was opened for reading only", s->label);
    leave(s);
    for (bool ready = false; !ready;) {
        ARC_TRY(arc_qd_need_head(s, err));
        ARC_TRY(settle(s, err));
        ready = !write;
        if (write)
            ARC_TRY(arc_qd_try_lock(s, &queue, &ready, err));
        if (!ready)
            arc_qd_sleep(5 + (int)randombytes_uniform(15));
    }
    s->within = true;
    s->writing = write;
done:
    return st;
}

void arc_qd_rollback(arc_gallery_store *store) {
    arc_qd *s = arc_qd_of(store);
    if (s->within && s->writing)
        arc_qd_unlock(s);
    leave(s);
}

typedef enum outcome { UNKNOWN, STORED, NOT_STORED } outcome;

/* Whether commit number `commit` is this transaction's. */
static outcome ask_outcome(arc_qd *s, int64_t commit) {
    arc_qd_head now;
    json_t *row = NULL;
    bool found;
    outcome is = UNKNOWN;
    if (arc_qd_head_read(s, &now, &found, NULL) != ARC_OK || !found)
        return UNKNOWN;
    if (strcmp(now.pending, s->token) == 0)
        return STORED;
    if (now.number[ARC_QD_H_COMMIT] < commit)
        return NOT_STORED;
    if (arc_qd_get(s, ARC_QD_COMMIT, commit, &row, NULL) == ARC_OK) {
        const char *token = json_string_value(json_object_get(row, "token"));
        is = token && strcmp(token, s->token) == 0 ? STORED : has(now.pending) ? UNKNOWN : NOT_STORED;
    }
    json_decref(row);
    return is;
}

/* The moment that counts. Where it is not known whether the server did it, the lock is given back, so that it cannot do it any
 * more, before it is asked. */
static arc_status commit_head(arc_qd *s, const arc_qd_head *after, arc_error *err) {
    arc_error why = {0};
    const arc_status st = arc_qd_head_swap(s, &s->head, arc_qd_head_json(after), &why);
    if (st != ARC_OK)
        arc_qd_unlock(s);
    const outcome is = ask_outcome(s, after->number[ARC_QD_H_COMMIT]);
    if (is == STORED)
        return ARC_OK;
    if (is == UNKNOWN)
        return arc_fail(
            err, ARC_ENETWORK,
            "%s: the connection was lost while storing, and the server cannot be asked whether the change was stored; "
            "look (\"arcface gallery list\") before trying again",
            s->label);
    drop_journal(s, after);
    return st != ARC_OK
               ? arc_fail(err, st, "%s; nothing was stored, try again", why.text)
               : arc_fail(err, ARC_EIO, "%s: another process writes, as this one took too long; nothing was stored, try again",
                          s->label);
}

static arc_status commit_rows(arc_qd *s, arc_error *err) {
    arc_qd_head after;
    staging g = {.s = s, .commit = s->head.number[ARC_QD_H_COMMIT] + 1, .pieces = json_array(), .rows = json_array()};
    arc_status st;
    g.journal =
        (int64_t)(((uint64_t)randombytes_random() << 16 | randombytes_uniform(1 << 16)) & (uint64_t)(ARC_QD_MOST / 2 - 1));
    arc_buffer_init(&g.text, &s->ctx->alloc, ARC_QD_REPLY_BYTES);
    st = stage_all(&g, err);
    after = s->head;
    memcpy(after.pending, s->token, sizeof after.pending);
    after.number[ARC_QD_H_COMMIT] = g.commit;
    after.number[ARC_QD_H_JOURNAL] = g.journal;
    after.number[ARC_QD_H_PIECES] = (int64_t)json_array_size(g.pieces);
    if (st != ARC_OK) {
        drop_journal(s, &after);
        goto done;
    }
    ARC_TRY(commit_head(s, &after, err));
    s->writing = false; /* the lock is given back with the last row */
    if (write_pending(s, &after, g.pieces, NULL) != ARC_OK)
        arc_log(s->ctx, ARC_LOG_WARN,
                "%s: the change is stored, but the server failed while it was put in its place; the next that "
                "opens the gallery does that",
                s->label);
    if (s->seen == g.commit - 1)
        s->seen = g.commit; /* one's own change is no news */
done:
    json_decref(g.pieces);
    json_decref(g.rows);
    arc_buffer_free(&g.text);
    return st;
}

arc_status arc_qd_commit(arc_gallery_store *store, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    bool wrote = false;
    arc_status st = ARC_OK;
    for (int k = 0; k < ARC_QD_KINDS; k++)
        wrote |= json_object_size(s->written[k]) > 0;
    if (s->writing && wrote)
        st = commit_rows(s, err);
    arc_qd_rollback(store);
    return st;
}

/* ---- what others write ---- */

arc_status arc_qd_wait(arc_gallery_store *store, int timeout_ms, bool *changed, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    const uint64_t end = arc_clock_ns() + (uint64_t)ARC_MAX(timeout_ms, 0) * 1000000u;
    arc_qd_head head;
    bool found;
    *changed = false;
    for (;;) {
        arc_status st = arc_qd_head_read(s, &head, &found, err);
        if (st == ARC_OK && !found)
            st = arc_fail(err, ARC_ENOTFOUND, "%s: the gallery is not there any more", s->label);
        if (st != ARC_OK)
            return st;
        *changed = head.number[ARC_QD_H_COMMIT] != s->seen;
        s->seen = head.number[ARC_QD_H_COMMIT];
        const uint64_t now = arc_clock_ns();
        if (*changed || now >= end)
            return ARC_OK;
        arc_qd_sleep(ARC_MIN((int)ARC_MIN((end - now + 999999) / 1000000, (uint64_t)POLL_MS), POLL_MS));
    }
}

/* When Qdrant overwrites the bytes of what was removed is its own affair: what has to be unreadable at once is sealed. */
arc_status arc_qd_compact(arc_gallery_store *store, bool *complete, arc_error *err) {
    (void)store, (void)err;
    *complete = true;
    return ARC_OK;
}
