/* gallery/store/sqlite: prepared statements, which are kept for as long as the store is open, and SQLite's codes as sentences.
 * Values are bound, never written into SQL. */
#include "gallery/store/sqlite/sqlite_internal.h"
#include <string.h>

arc_status arc_sqlite_fail(arc_sqlite *s, int rc, const char *what, arc_error *err) {
    const char *reason = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return arc_fail_nomem(err, s->path);
    case SQLITE_NOTADB:
        return arc_fail(err, ARC_EFORMAT, "%s: not a gallery: no file of SQLite", s->path);
    case SQLITE_CORRUPT:
        return arc_fail(err, ARC_ECORRUPT, "%s: cannot %s: the file is damaged (%s); \"arcface gallery check\" says where",
                        s->path, what, reason);
    case SQLITE_FULL:
        return arc_fail(err, ARC_EIO, "%s: cannot %s: the disk is full; nothing of this change was stored", s->path, what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return arc_fail(err, ARC_EIO, "%s: cannot %s: another process has been writing for %d seconds; try again", s->path, what,
                        ARC_SQLITE_BUSY_MS / 1000);
    case SQLITE_READONLY:
        return arc_fail(err, ARC_EIO, "%s: cannot %s: the file or its folder cannot be written", s->path, what);
    case SQLITE_TOOBIG:
        return arc_fail(err, ARC_ELIMIT, "%s: cannot %s: a value is too large", s->path, what);
    default:
        return arc_fail(err, ARC_EIO, "%s: cannot %s: %s", s->path, what, reason);
    }
}

static arc_status prepare(arc_sqlite *s, const char *sql, unsigned flags, sqlite3_stmt **out, arc_error *err) {
    const int rc = sqlite3_prepare_v3(s->db, sql, -1, flags, out, NULL);
    return rc == SQLITE_OK ? ARC_OK : arc_sqlite_fail(s, rc, "read its tables", err);
}

arc_status arc_sqlite_take(arc_sqlite *s, const char *sql, sqlite3_stmt **out, arc_error *err) {
    *out = NULL;
    for (int i = 0; i < s->statements; i++)
        if (s->statement[i].sql == sql && !s->statement[i].used) {
            s->statement[i].used = true;
            *out = s->statement[i].stmt;
            return ARC_OK;
        }
    if (s->statements == ARC_SQLITE_STATEMENTS) /* a visitor reads what is being listed: for this once */
        return prepare(s, sql, 0, out, err);
    const arc_status st = prepare(s, sql, SQLITE_PREPARE_PERSISTENT, out, err);
    if (st == ARC_OK)
        s->statement[s->statements++] = (arc_sqlite_statement){.sql = sql, .stmt = *out, .used = true};
    return st;
}

void arc_sqlite_give(arc_sqlite *s, sqlite3_stmt *stmt) {
    if (!stmt)
        return;
    for (int i = 0; i < s->statements; i++)
        if (s->statement[i].stmt == stmt) {
            sqlite3_reset(stmt);
            sqlite3_clear_bindings(stmt);
            s->statement[i].used = false;
            return;
        }
    sqlite3_finalize(stmt);
}

void arc_sqlite_finalise(arc_sqlite *s) {
    for (int i = 0; i < s->statements; i++)
        sqlite3_finalize(s->statement[i].stmt);
    s->statements = 0;
}

static int bind_numbers(sqlite3_stmt *stmt, const int64_t *values, int count) {
    int rc = SQLITE_OK;
    for (int i = 0; i < count && rc == SQLITE_OK; i++)
        rc = sqlite3_bind_int64(stmt, i + 1, values[i]);
    return rc;
}

arc_status arc_sqlite_change(arc_sqlite *s, const char *sql, const int64_t *values, int count, const char *what, arc_error *err) {
    sqlite3_stmt *stmt;
    arc_status st = arc_sqlite_take(s, sql, &stmt, err);
    if (st != ARC_OK)
        return st;
    int rc = bind_numbers(stmt, values, count);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, what, err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_number(arc_sqlite *s, const char *sql, const int64_t *values, int count, int64_t missing, int64_t *out,
                             const char *what, arc_error *err) {
    sqlite3_stmt *stmt;
    *out = missing;
    arc_status st = arc_sqlite_take(s, sql, &stmt, err);
    if (st != ARC_OK)
        return st;
    int rc = bind_numbers(stmt, values, count);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    else if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, what, err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_run(arc_sqlite *s, const char *sql, const char *what, arc_error *err) {
    const int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ARC_OK : arc_sqlite_fail(s, rc, what, err);
}

int arc_sqlite_bind_bytes(sqlite3_stmt *stmt, int at, arc_bytes value) {
    return value.data ? sqlite3_bind_blob64(stmt, at, value.data, value.bytes, SQLITE_STATIC) : sqlite3_bind_null(stmt, at);
}

arc_bytes arc_sqlite_bytes(sqlite3_stmt *stmt, int column) {
    const void *data = sqlite3_column_blob(stmt, column);
    return (arc_bytes){.data = data, .bytes = data ? (size_t)sqlite3_column_bytes(stmt, column) : 0};
}
