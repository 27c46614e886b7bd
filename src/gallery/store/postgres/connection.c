/* gallery/store/postgres: connecting, and connecting again: a server that was restarted is found by the next transaction. */
#include "gallery/store/postgres/postgres_internal.h"
#include <stdio.h>
#include <string.h>

void arc_pg_disconnect(arc_pg *s) {
    PQfinish(s->conn); /* NULL-safe; the server rolls back */
    s->conn = NULL;
    s->prepared_count = 0;
    s->vector_type = 0; /* it may be another server the next time */
    s->within = s->writing = false;
}

/* "host/data base#gallery": no user, no password, no options. */
static arc_status set_label(arc_pg *s, arc_error *err) {
    const char *host = s->conn ? PQhost(s->conn) : NULL, *base = s->conn ? PQdb(s->conn) : NULL;
    char text[512];
    char *label;
    snprintf(text, sizeof text, "postgres %s/%s#%s", host && *host ? host : "server", base && *base ? base : "?",
             s->gallery_name);
    label = arc_mem_strdup(&s->ctx->alloc, text);
    if (!label)
        return arc_fail_nomem(err, "a connection");
    arc_mem_free(&s->ctx->alloc, s->label);
    s->label = label;
    return ARC_OK;
}

/* Every statement here walks along an index. Without figures about its tables, which a gallery that was filled a moment ago has
 * not, the server would rather read a table as a whole, once for each page, and keep to that plan while the table grows. */
static const char *const walks =
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;"
    "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET jit = off";

/* What the session of a gallery needs: commits are on the disk when they return, whatever the data base's own setting, and a
 * gallery that is opened for reading cannot write. */
static arc_status configure(arc_pg *s, arc_error *err) {
    static const arc_pg_statement ask_replica = {"ask_replica", "SELECT pg_is_in_recovery()::int4::int8", "open it"};
    int64_t replica;
    arc_status st = arc_pg_ask(s, &ask_replica, NULL, &replica, NULL, err);
    if (st != ARC_OK)
        return st;
    s->replica = replica != 0;
    st = arc_pg_text(s,
                     "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
                     "SET client_min_messages = error; SET standard_conforming_strings = on",
                     "open it", err);
    if (st == ARC_OK)
        st = arc_pg_text(s, walks, "open it", err);
    if (st == ARC_OK && (s->flags & ARC_STORE_READ_ONLY))
        st = arc_pg_text(s, "SET default_transaction_read_only = on", "open it", err);
    return st;
}

arc_status arc_pg_connect(arc_pg *s, arc_error *err) {
    /* Those behind dbname, which may be a whole address, cannot be changed by it. */
    static const char *const names[] = {
        "connect_timeout", "keepalives_idle", "tcp_user_timeout", "fallback_application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {"10", "30", "30000", "arcface", s->location, "UTF8", NULL};
    arc_status st;
    if (!arc_pg_lost(s))
        return ARC_OK;
    arc_pg_disconnect(s);
    s->conn = PQconnectdbParams(names, values, 1);
    if (!s->conn)
        return arc_fail_nomem(err, "a connection");
    st = set_label(s, err);
    if (st == ARC_OK && PQstatus(s->conn) != CONNECTION_OK) {
        /* A failure to connect has no code of its own: the sentence is the server's, or the system's. */
        const char *message = PQerrorMessage(s->conn);
        const bool refused = strstr(message, "authentication") || strstr(message, "role \"") || strstr(message, "password");
        const bool absent = strstr(message, "database \"") && strstr(message, "does not exist");
        st = arc_fail(err,
                      absent    ? ARC_ENOTFOUND
                      : refused ? ARC_EINVAL
                                : ARC_ENETWORK,
                      "%s: cannot connect: %.*s", s->label, (int)strcspn(message, "\n"), message);
    }
    if (st == ARC_OK && PQserverVersion(s->conn) < ARC_PG_OLDEST)
        st = arc_fail(err, ARC_EUNSUPPORTED, "%s: a server of version %d; galleries need PostgreSQL 13 or newer", s->label,
                      PQserverVersion(s->conn) / 10000);
    if (st == ARC_OK)
        PQsetNoticeProcessor(s->conn, NULL, NULL);
    if (st == ARC_OK)
        st = configure(s, err);
    if (st != ARC_OK)
        arc_pg_disconnect(s);
    return st;
}
