/* gallery/store/sqlite: identities. */
#include "gallery/store/sqlite/sqlite_internal.h"
#include <math.h>

/* A bound NAN is stored as NULL. */
static void bind_values(sqlite3_stmt *stmt, int64_t gallery, const arc_identity_row *row) {
    sqlite3_bind_int64(stmt, 1, row->id);
    sqlite3_bind_int64(stmt, 2, gallery);
    arc_sqlite_bind_bytes(stmt, 3, row->name_key);
    arc_sqlite_bind_bytes(stmt, 4, row->name);
    arc_sqlite_bind_bytes(stmt, 5, row->note);
    sqlite3_bind_double(stmt, 6, row->threshold);
    sqlite3_bind_int64(stmt, 7, row->changed_ms);
}

static arc_status run(arc_sqlite *s, sqlite3_stmt *stmt, const char *what, arc_error *err) {
    const int rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE)
        return ARC_OK;
    if (rc == SQLITE_CONSTRAINT_UNIQUE)
        return arc_fail(err, ARC_EINVAL, "%s: there is a person of this name already", s->path);
    return arc_sqlite_fail(s, rc, what, err);
}

arc_status arc_sqlite_identity_put(arc_gallery_store *store, const arc_identity_row *row, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    arc_status st =
        arc_sqlite_take(s,
                        "INSERT INTO identities(id, gallery, name_key, name, note, threshold, changed_ms, created_ms) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                        &stmt, err);
    if (st != ARC_OK)
        return st;
    bind_values(stmt, s->gallery, row);
    sqlite3_bind_int64(stmt, 8, row->created_ms);
    st = run(s, stmt, "store a person", err);
    arc_sqlite_give(s, stmt);
    if (st == ARC_OK)
        st = arc_sqlite_change(s, "UPDATE galleries SET identities = identities + 1 WHERE id = ?1", &s->gallery, 1, "count", err);
    return st;
}

arc_status arc_sqlite_identity_update(arc_gallery_store *store, const arc_identity_row *row, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    arc_status st = arc_sqlite_take(s,
                                    "UPDATE identities SET name_key = ?3, name = ?4, note = ?5, threshold = ?6, changed_ms = ?7 "
                                    "WHERE id = ?1 AND gallery = ?2",
                                    &stmt, err);
    if (st != ARC_OK)
        return st;
    bind_values(stmt, s->gallery, row);
    st = run(s, stmt, "change a person", err);
    if (st == ARC_OK && sqlite3_changes(s->db) == 0)
        st = arc_sqlite_no_identity(s, row->id, err);
    arc_sqlite_give(s, stmt);
    return st;
}

#define COLUMNS                                                                                                                  \
    "SELECT id, name_key, name, note, threshold, created_ms, changed_ms,"                                                        \
    " (SELECT count(*) FROM templates WHERE identity = identities.id) FROM identities WHERE gallery = ?1 "

static arc_identity_row row_of(sqlite3_stmt *stmt) {
    return (arc_identity_row){
        .id = sqlite3_column_int64(stmt, 0),
        .name_key = arc_sqlite_bytes(stmt, 1),
        .name = arc_sqlite_bytes(stmt, 2),
        .note = arc_sqlite_bytes(stmt, 3),
        .threshold = sqlite3_column_type(stmt, 4) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(stmt, 4),
        .created_ms = sqlite3_column_int64(stmt, 5),
        .changed_ms = sqlite3_column_int64(stmt, 6),
        .templates = sqlite3_column_int64(stmt, 7),
    };
}

static arc_status each(arc_sqlite *s, const char *sql, int64_t id, arc_identity_visit *visit, void *arg, int64_t *visited,
                       arc_error *err) {
    sqlite3_stmt *stmt;
    int rc = SQLITE_DONE;
    *visited = 0;
    arc_status st = arc_sqlite_take(s, sql, &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_int64(stmt, 2, id);
    while (st == ARC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const arc_identity_row row = row_of(stmt);
        ++*visited;
        st = visit(arg, &row, err);
    }
    if (st == ARC_OK && rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read the people", err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_identity_get(arc_gallery_store *store, int64_t id, arc_identity_visit *visit, void *arg, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    int64_t visited;
    const arc_status st = each(s, COLUMNS "AND id = ?2", id, visit, arg, &visited, err);
    return st == ARC_OK && visited == 0 ? arc_sqlite_no_identity(s, id, err) : st;
}

arc_status arc_sqlite_identity_each(arc_gallery_store *store, int64_t after_id, arc_identity_visit *visit, void *arg,
                                    arc_error *err) {
    int64_t visited;
    return each(arc_sqlite_of(store), COLUMNS "AND id > ?2 ORDER BY id", after_id, visit, arg, &visited, err);
}

arc_status arc_sqlite_identity_find(arc_gallery_store *store, arc_bytes name_key, int64_t *id, bool *found, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    *id = 0;
    *found = false;
    arc_status st = arc_sqlite_take(s, "SELECT id FROM identities WHERE gallery = ?1 AND name_key = ?2", &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    arc_sqlite_bind_bytes(stmt, 2, name_key);
    const int rc = sqlite3_step(stmt);
    *found = rc == SQLITE_ROW;
    if (*found)
        *id = sqlite3_column_int64(stmt, 0);
    else if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read the people", err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_identity_remove(arc_gallery_store *store, int64_t id, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    arc_status st;
    ARC_TRY(arc_sqlite_identity_there(s, id, err));
    ARC_TRY(arc_sqlite_identity_empty(s, id, err));
    ARC_TRY(arc_sqlite_change(s, "DELETE FROM identities WHERE id = ?1", &id, 1, "remove a person", err));
    ARC_TRY(arc_sqlite_change(s, "UPDATE galleries SET identities = identities - 1 WHERE id = ?1", &s->gallery, 1, "count", err));
done:
    return st;
}
