/* gallery/store/sqlite: templates are read, in the order of their ids. */
#include "gallery/store/sqlite/sqlite_internal.h"
#include <math.h>

/* Scans go along the table of templates, not along an index (the plus signs), so that rows come in the order that they lie in. */
#define PLAIN(where)                                                                                                             \
    "SELECT t.id, t.identity, t.revision, t.quality, t.created_ms, t.source, t.detail, e.data, NULL"                             \
    " FROM templates t LEFT JOIN embeddings e ON e.template = t.id AND e.generation = ?2 WHERE +t.gallery = ?1 AND " where
#define WITH_CROP(where)                                                                                                         \
    "SELECT t.id, t.identity, t.revision, t.quality, t.created_ms, t.source, t.detail, e.data, c.data"                           \
    " FROM templates t LEFT JOIN embeddings e ON e.template = t.id AND e.generation = ?2"                                        \
    " LEFT JOIN crops c ON c.template = t.id WHERE +t.gallery = ?1 AND " where

#define OF_ALL "t.id > ?3 ORDER BY t.id"
#define OF_IDENTITY "t.identity = ?4 AND t.id > ?3 ORDER BY t.id"
#define OF_ID "t.id = ?3"

static const char *const query[3][2] = {
    {PLAIN(OF_ALL), WITH_CROP(OF_ALL)},
    {PLAIN(OF_IDENTITY), WITH_CROP(OF_IDENTITY)},
    {PLAIN(OF_ID), WITH_CROP(OF_ID)},
};

static arc_template_row row_of(sqlite3_stmt *stmt, const arc_template_query *q) {
    arc_template_row row = {
        .id = sqlite3_column_int64(stmt, 0),
        .identity = sqlite3_column_int64(stmt, 1),
        .revision = sqlite3_column_int64(stmt, 2),
        .generation = q->generation,
        .quality = sqlite3_column_type(stmt, 3) == SQLITE_NULL ? NAN : (float)sqlite3_column_double(stmt, 3),
        .created_ms = sqlite3_column_int64(stmt, 4),
    };
    if (q->parts & ARC_READ_DETAIL) {
        row.source_sha256 = arc_sqlite_bytes(stmt, 5);
        row.detail = arc_sqlite_bytes(stmt, 6);
    }
    if (q->parts & ARC_READ_EMBEDDING)
        row.embedding = arc_sqlite_bytes(stmt, 7);
    if (q->parts & ARC_READ_CROP)
        row.crop = arc_sqlite_bytes(stmt, 8);
    return row;
}

static arc_status visit_rows(arc_sqlite *s, sqlite3_stmt *stmt, const arc_template_query *q, arc_template_visit *visit, void *arg,
                             arc_error *err) {
    arc_status st = ARC_OK;
    int rc = SQLITE_DONE;
    while (st == ARC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const arc_template_row row = row_of(stmt, q);
        if (q->identity == 0 || row.identity == q->identity)
            st = visit(arg, &row, err);
    }
    return st == ARC_OK && rc != SQLITE_DONE ? arc_sqlite_fail(s, rc, "read the templates", err) : st;
}

arc_status arc_sqlite_template_each(arc_gallery_store *store, const arc_template_query *q, arc_template_visit *visit, void *arg,
                                    arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    const int kind = q->ids ? 2 : q->identity != 0;
    arc_status st = arc_sqlite_take(s, query[kind][(q->parts & ARC_READ_CROP) != 0], &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_int(stmt, 2, q->generation);
    if (kind == 2)
        for (int64_t i = 0; i < q->id_count && st == ARC_OK; i++) {
            sqlite3_reset(stmt);
            sqlite3_bind_int64(stmt, 3, q->ids[i]);
            st = visit_rows(s, stmt, q, visit, arg, err);
        }
    else {
        sqlite3_bind_int64(stmt, 3, q->after_id);
        if (kind == 1)
            sqlite3_bind_int64(stmt, 4, q->identity);
        st = visit_rows(s, stmt, q, visit, arg, err);
    }
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_source_find(arc_gallery_store *store, arc_bytes source_sha256, int64_t *id, int64_t *identity, bool *found,
                                  arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    *id = *identity = 0;
    *found = false;
    arc_status st = arc_sqlite_take(
        s, "SELECT id, identity FROM templates WHERE gallery = ?1 AND source = ?2 ORDER BY id LIMIT 1", &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    arc_sqlite_bind_bytes(stmt, 2, source_sha256);
    const int rc = sqlite3_step(stmt);
    *found = rc == SQLITE_ROW;
    if (*found) {
        *id = sqlite3_column_int64(stmt, 0);
        *identity = sqlite3_column_int64(stmt, 1);
    } else if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read the templates", err);
    arc_sqlite_give(s, stmt);
    return st;
}
