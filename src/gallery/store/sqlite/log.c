/* gallery/store/sqlite: what people said of answers (negatives), and the audit log. */
#include "gallery/store/sqlite/sqlite_internal.h"

arc_status arc_sqlite_negative_put(arc_gallery_store *store, const arc_negative_row *row, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int64_t before, after;
    int rc;
    static const char *const count = "SELECT count(*) FROM negatives WHERE id = ?1";
    arc_status st;
    ARC_TRY(arc_sqlite_identity_there(s, row->identity, err));
    ARC_TRY(arc_sqlite_number(s, count, &row->id, 1, 0, &before, "count", err));
    ARC_TRY(arc_sqlite_take(s,
                            "INSERT INTO negatives(id, gallery, identity, generation, data, created_ms) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET identity = ?3, generation = ?4, data = ?5",
                            &stmt, err));
    sqlite3_bind_int64(stmt, 1, row->id);
    sqlite3_bind_int64(stmt, 2, s->gallery);
    sqlite3_bind_int64(stmt, 3, row->identity);
    sqlite3_bind_int(stmt, 4, row->generation);
    arc_sqlite_bind_bytes(stmt, 5, row->embedding);
    sqlite3_bind_int64(stmt, 6, row->created_ms);
    if ((rc = sqlite3_step(stmt)) != SQLITE_DONE) {
        st = arc_sqlite_fail(s, rc, "store a negative", err);
        goto done;
    }
    ARC_TRY(arc_sqlite_number(s, count, &row->id, 1, 0, &after, "count", err));
    const int64_t values[] = {after - before, s->gallery};
    ARC_TRY(arc_sqlite_change(s, "UPDATE galleries SET negatives = negatives + ?1 WHERE id = ?2", values, 2, "count", err));
done:
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_negative_each(arc_gallery_store *store, int64_t identity, int generation, arc_negative_visit *visit,
                                    void *arg, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    int rc = SQLITE_DONE;
    arc_status st = arc_sqlite_take(s,
                                    "SELECT id, identity, generation, data, created_ms FROM negatives WHERE gallery = ?1 "
                                    "AND generation = ?2 AND (?3 = 0 OR identity = ?3) ORDER BY id",
                                    &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_int(stmt, 2, generation);
    sqlite3_bind_int64(stmt, 3, identity);
    while (st == ARC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const arc_negative_row row = {.id = sqlite3_column_int64(stmt, 0),
                                      .identity = sqlite3_column_int64(stmt, 1),
                                      .generation = sqlite3_column_int(stmt, 2),
                                      .embedding = arc_sqlite_bytes(stmt, 3),
                                      .created_ms = sqlite3_column_int64(stmt, 4)};
        st = visit(arg, &row, err);
    }
    if (st == ARC_OK && rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read the negatives", err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_negative_remove(arc_gallery_store *store, int64_t id, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    const int64_t values[] = {id, s->gallery};
    const arc_status st =
        arc_sqlite_change(s, "DELETE FROM negatives WHERE id = ?1 AND gallery = ?2", values, 2, "remove a negative", err);
    if (st != ARC_OK)
        return st;
    if (sqlite3_changes(s->db) == 0)
        return arc_fail(err, ARC_ENOTFOUND, "%s: there is no negative %lld", s->path, (long long)id);
    return arc_sqlite_change(s, "UPDATE galleries SET negatives = negatives - 1 WHERE id = ?1", &s->gallery, 1, "count", err);
}

arc_status arc_sqlite_audit_put(arc_gallery_store *store, const arc_audit_row *row, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    arc_status st = arc_sqlite_take(s,
                                    "INSERT INTO audit(gallery, when_ms, actor, action, subject, detail) "
                                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                                    &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_int64(stmt, 2, row->when_ms);
    arc_sqlite_bind_bytes(stmt, 3, row->actor);
    arc_sqlite_bind_bytes(stmt, 4, row->action);
    arc_sqlite_bind_bytes(stmt, 5, row->subject);
    arc_sqlite_bind_bytes(stmt, 6, row->detail);
    const int rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "write the audit log", err);
    arc_sqlite_give(s, stmt);
    return st == ARC_OK
               ? arc_sqlite_change(s, "UPDATE galleries SET audits = audits + 1 WHERE id = ?1", &s->gallery, 1, "count", err)
               : st;
}

arc_status arc_sqlite_audit_each(arc_gallery_store *store, int64_t after_id, arc_audit_visit *visit, void *arg, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    int rc = SQLITE_DONE;
    arc_status st = arc_sqlite_take(s,
                                    "SELECT id, when_ms, actor, action, subject, detail FROM audit "
                                    "WHERE gallery = ?1 AND id > ?2 ORDER BY id",
                                    &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_int64(stmt, 2, after_id);
    while (st == ARC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const arc_audit_row row = {.id = sqlite3_column_int64(stmt, 0),
                                   .when_ms = sqlite3_column_int64(stmt, 1),
                                   .actor = arc_sqlite_bytes(stmt, 2),
                                   .action = arc_sqlite_bytes(stmt, 3),
                                   .subject = arc_sqlite_bytes(stmt, 4),
                                   .detail = arc_sqlite_bytes(stmt, 5)};
        st = visit(arg, &row, err);
    }
    if (st == ARC_OK && rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read the audit log", err);
    arc_sqlite_give(s, stmt);
    return st;
}
