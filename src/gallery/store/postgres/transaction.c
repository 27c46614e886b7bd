/* gallery/store/postgres: transactions, connections that are lost in the middle of one, and what other processes write. */
#include "gallery/store/postgres/postgres_internal.h"
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define REPLICA_POLL_MS 20     /* a replica gets no notifications */
#define OUTCOME_MS 5000        /* how long the outcome of a commit is asked for after the connection was lost */
#define KEPT_REVISIONS "65536" /* an index that is further behind is built anew */

static arc_status lock_gallery(arc_pg *s, arc_error *err) {
    static const arc_pg_statement lock = {
        "lock_gallery", "SELECT changes, pg_current_xact_id()::text FROM arcface.galleries WHERE id = $1::int8 FOR UPDATE",
        "begin to write"};
    arc_pg_values v = {0};
    PGresult *r = NULL;
    arc_status st;
    arc_pg_add_int(&v, s->gallery);
    st = arc_pg_run(s, &lock, &v, &r, err);
    if (st == ARC_OK && PQntuples(r) == 0)
        st = arc_fail(err, ARC_ENOTFOUND, "%s: the gallery is not there any more", s->label);
    if (st == ARC_OK) {
        const arc_bytes xid = arc_pg_bytes(r, 0, 1);
        s->changes = arc_pg_int(r, 0, 0);
        snprintf(s->xid, sizeof s->xid, "%.*s", (int)xid.bytes, (const char *)xid.data);
    }
    PQclear(r);
    return st;
}

arc_status arc_pg_ready(arc_pg *s, arc_error *err) {
    const bool connected = !arc_pg_lost(s);
    const arc_status st = arc_pg_connect(s, err);
    if (st != ARC_OK || connected)
        return st;
    return arc_pg_schema(s, err); /* it may be another server now, or one that was set back */
}

/* The lock makes writers take turns, so each sees what those before it wrote; READ COMMITTED looks after the lock was got. */
static arc_status begin_once(arc_pg *s, bool write, arc_error *err) {
    char sql[128];
    arc_status st;
    ARC_TRY(arc_pg_ready(s, err));
    snprintf(sql, sizeof sql, "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = %d", ARC_PG_LOCK_MS);
    ARC_TRY(arc_pg_text(s, write ? sql : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", write ? "begin to write" : "read it",
                        err));
    s->within = true;
    s->writing = write;
    s->revised = false;
    if (write)
        ARC_TRY(lock_gallery(s, err));
done:
    return st;
}

arc_status arc_pg_begin(arc_gallery_store *store, bool write, arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    arc_status st;
    if (write && (s->flags & ARC_STORE_READ_ONLY))
        return arc_fail(err, ARC_EINVAL, "%s: the gallery was opened for reading only", s->label);
    st = begin_once(s, write, err);
    if (st != ARC_OK && arc_pg_lost(s) && s->conn) /* the connection had ended unnoticed; nothing has been done in it */
        st = begin_once(s, write, err);
    if (st != ARC_OK)
        arc_pg_rollback(store);
    return st;
}

void arc_pg_rollback(arc_gallery_store *store) {
    arc_pg *s = arc_pg_of(store);
    if (arc_pg_lost(s) || (s->within && arc_pg_text(s, "ROLLBACK", "roll back", NULL) != ARC_OK))
        arc_pg_disconnect(s);
    s->within = s->writing = false;
}

/* ---- the outcome of a commit when the connection is lost before the server's answer ---- */

typedef enum outcome { UNKNOWN, STORED, NOT_STORED } outcome;

static outcome ask_outcome(arc_pg *s) {
    static const arc_pg_statement ask = {"ask_outcome", "SELECT pg_xact_status($1::text::xid8)", "ask for the outcome"};
    arc_pg_values v = {0};
    outcome found = UNKNOWN;
    PGresult *r = NULL;
    arc_pg_add_text(&v, s->xid);
    if (arc_pg_connect(s, NULL) == ARC_OK && arc_pg_run(s, &ask, &v, &r, NULL) == ARC_OK) {
        const arc_bytes status = arc_pg_bytes(r, 0, 0);
        if (status.data && strcmp(status.data, "committed") == 0)
            found = STORED;
        else if (status.data && strcmp(status.data, "aborted") == 0)
            found = NOT_STORED;
    }
    PQclear(r);
    return found;
}

static arc_status resolve(arc_pg *s, arc_error *err) {
    outcome found = UNKNOWN;
    for (int waited_ms = 0; found == UNKNOWN && waited_ms < OUTCOME_MS; waited_ms += 100) {
        found = ask_outcome(s);
        if (found == UNKNOWN)
            poll(NULL, 0, 100);
    }
    arc_pg_disconnect(s); /* a fresh one, which finds its gallery, comes with the next transaction */
    if (found == STORED)
        return ARC_OK;
    if (found == NOT_STORED)
        return arc_fail(err, ARC_ENETWORK, "%s: the connection was lost while storing; nothing was stored, try again", s->label);
    return arc_fail(err, ARC_ENETWORK,
                    "%s: the connection was lost while storing, and the server cannot be asked whether the change was stored; "
                    "look (\"arcface gallery list\") before trying again",
                    s->label);
}

static arc_status announce(arc_pg *s, arc_error *err) {
    static const arc_pg_statement count = {
        "announce",
        "WITH counted AS (UPDATE arcface.galleries SET changes = changes + 1 WHERE id = $1::int8)"
        "SELECT pg_notify('arcface_gallery_' || $1::int8::text, '')",
        "store the change"};
    arc_pg_values v = {0};
    arc_pg_add_int(&v, s->gallery);
    return arc_pg_run(s, &count, &v, NULL, err);
}

arc_status arc_pg_commit(arc_gallery_store *store, arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    const bool wrote = s->writing;
    PGresult *r = NULL;
    arc_status st = ARC_OK;
    if (wrote)
        ARC_TRY(announce(s, err));
    r = PQexec(s->conn, "COMMIT");
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        st = arc_pg_lost(s) && wrote ? resolve(s, err) : arc_pg_fail(s, r, "store the change", err);
    else if (strcmp(PQcmdStatus(r), "COMMIT") != 0) /* a transaction in which something failed is rolled back instead */
        st = arc_fail(err, ARC_EIO, "%s: cannot store the change: a part of it had failed", s->label);
    if (st == ARC_OK && wrote && s->seen == s->changes)
        s->seen = s->changes + 1; /* one's own change is no news */
done:
    PQclear(r);
    if (st != ARC_OK)
        arc_pg_rollback(store);
    s->within = s->writing = false;
    return st;
}

/* ---- what others write ---- */

static arc_status look(arc_pg *s, bool *changed, arc_error *err) {
    static const arc_pg_statement ask = {"ask_changes", "SELECT changes FROM arcface.galleries WHERE id = $1::int8", "read it"};
    arc_pg_values v = {0};
    int64_t changes;
    bool there;
    arc_status st;
    ARC_TRY(arc_pg_ready(s, err));
    arc_pg_add_int(&v, s->gallery);
    ARC_TRY(arc_pg_ask(s, &ask, &v, &changes, &there, err));
    if (!there)
        return arc_fail(err, ARC_ENOTFOUND, "%s: the gallery is not there any more", s->label);
    *changed = changes != s->seen;
    s->seen = changes;
done:
    return st;
}

/* Whether there were any: they may have come after the look. */
static bool take_notifications(arc_pg *s) {
    bool any = false;
    for (PGnotify *n = PQnotifies(s->conn); n; n = PQnotifies(s->conn), any = true)
        PQfreemem(n);
    return any;
}

arc_status arc_pg_wait(arc_gallery_store *store, int timeout_ms, bool *changed, arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    const uint64_t end = arc_clock_ns() + (uint64_t)ARC_MAX(timeout_ms, 0) * 1000000u;
    *changed = false;
    for (;;) {
        arc_status st = look(s, changed, err);
        if (st != ARC_OK && arc_pg_lost(s) && s->conn) /* a restart of the server, noticed now */
            st = look(s, changed, err);
        if (st != ARC_OK || *changed)
            return st;
        const uint64_t now = arc_clock_ns();
        if (now >= end)
            return ARC_OK;
        if (take_notifications(s))
            continue;
        const int left_ms = (int)((end - now + 999999) / 1000000);
        struct pollfd fd = {.fd = PQsocket(s->conn), .events = POLLIN};
        poll(&fd, 1, s->replica ? ARC_MIN(left_ms, REPLICA_POLL_MS) : left_ms);
        PQconsumeInput(s->conn); /* what failed, look finds */
    }
}

/* ---- revisions ---- */

arc_status arc_pg_revise(arc_pg *s, arc_error *err) {
    static const arc_pg_statement revise = {
        "revise",
        "WITH risen AS (UPDATE arcface.galleries SET revision = revision + 1 WHERE id = $1::int8 RETURNING revision),"
        " marked AS (INSERT INTO arcface.revisions SELECT $1::int8, revision, $2::bytea FROM risen),"
        " old AS (DELETE FROM arcface.revisions r USING risen WHERE r.gallery = $1::int8"
        "  AND r.revision < risen.revision - " KEPT_REVISIONS "),"
        " forgotten AS (DELETE FROM arcface.removals r USING risen WHERE r.gallery = $1::int8"
        "  AND r.revision <= risen.revision - " KEPT_REVISIONS ")"
        "SELECT revision FROM risen",
        "make a revision"};
    arc_pg_values v = {0};
    uint8_t mark[ARC_STORE_MARK_BYTES];
    arc_status st;
    if (s->revised)
        return ARC_OK;
    randombytes_buf(mark, sizeof mark);
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_mark(&v, mark);
    st = arc_pg_ask(s, &revise, &v, &s->revision, NULL, err);
    s->revised = st == ARC_OK;
    return st;
}
