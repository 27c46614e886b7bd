/* gallery/store/sqlite: the gallery's own row, its values by name, its revisions, ids, and whether one is there. */
#include "gallery/store/sqlite/sqlite_internal.h"
#include <sodium.h>
#include <string.h>

arc_status arc_sqlite_meta_get(arc_gallery_store *store, const char *key, arc_buffer *out, bool *found, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    *found = false;
    arc_status st = arc_sqlite_take(s, "SELECT value FROM meta WHERE gallery = ?1 AND key = ?2", &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
    const int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const arc_bytes value = arc_sqlite_bytes(stmt, 0);
        *found = true;
        st = arc_buffer_put(out, value.data, value.bytes);
        if (st != ARC_OK)
            st = arc_fail(err, st, "%s: its value \"%s\" does not fit", s->path, key);
    } else if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read its values", err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_meta_put(arc_gallery_store *store, const char *key, arc_bytes value, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    arc_status st = arc_sqlite_take(s,
                                    value.data ? "INSERT INTO meta VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = ?3"
                                               : "DELETE FROM meta WHERE gallery = ?1 AND key = ?2",
                                    &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
    if (value.data)
        arc_sqlite_bind_bytes(stmt, 3, value);
    const int rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "write its values", err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_meta_each(arc_gallery_store *store, arc_meta_visit *visit, void *arg, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt;
    int rc = SQLITE_DONE;
    arc_status st = arc_sqlite_take(s, "SELECT key, value FROM meta WHERE gallery = ?1 ORDER BY key", &stmt, err);
    if (st == ARC_OK)
        sqlite3_bind_int64(stmt, 1, s->gallery);
    while (st == ARC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        st = visit(arg, (const char *)sqlite3_column_text(stmt, 0), arc_sqlite_bytes(stmt, 1), err);
    if (st == ARC_OK && rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read its values", err);
    arc_sqlite_give(s, stmt);
    return st;
}

static arc_status read_mark(arc_sqlite *s, int64_t revision, uint8_t mark[ARC_STORE_MARK_BYTES], bool *found, arc_error *err) {
    sqlite3_stmt *stmt;
    *found = false;
    arc_status st = arc_sqlite_take(s, "SELECT mark FROM marks WHERE gallery = ?1 AND revision = ?2", &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_int64(stmt, 2, revision);
    const int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const arc_bytes value = arc_sqlite_bytes(stmt, 0);
        *found = value.bytes == ARC_STORE_MARK_BYTES;
        if (*found)
            memcpy(mark, value.data, ARC_STORE_MARK_BYTES);
    } else if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read its revisions", err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_revision(arc_gallery_store *store, int64_t *revision, uint8_t mark[ARC_STORE_MARK_BYTES], arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    bool found;
    memset(mark, 0, ARC_STORE_MARK_BYTES);
    arc_status st = arc_sqlite_number(s, "SELECT revision FROM galleries WHERE id = ?1", &s->gallery, 1, -1, revision,
                                      "read its revision", err);
    if (st != ARC_OK)
        return st;
    if (*revision < 0)
        return arc_fail(err, ARC_ENOTFOUND, "%s: this gallery is no longer in it", s->path);
    st = read_mark(s, *revision, mark, &found, err);
    if (st == ARC_OK && !found)
        st = arc_fail(err, ARC_ECORRUPT, "%s: its revision %lld has no mark; \"arcface gallery check\" says what else is wrong",
                      s->path, (long long)*revision);
    return st;
}

arc_status arc_sqlite_revise(arc_sqlite *s, arc_error *err) {
    sqlite3_stmt *stmt;
    uint8_t mark[ARC_STORE_MARK_BYTES];
    if (s->revised)
        return ARC_OK;
    arc_status st = arc_sqlite_number(s, "UPDATE galleries SET revision = revision + 1 WHERE id = ?1 RETURNING revision",
                                      &s->gallery, 1, -1, &s->revision, "make a revision", err);
    if (st == ARC_OK)
        st = arc_sqlite_take(s, "INSERT INTO marks VALUES (?1, ?2, ?3)", &stmt, err);
    if (st != ARC_OK)
        return st;
    randombytes_buf(mark, sizeof mark);
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_int64(stmt, 2, s->revision);
    sqlite3_bind_blob(stmt, 3, mark, sizeof mark, SQLITE_STATIC);
    const int rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "make a revision", err);
    arc_sqlite_give(s, stmt);
    s->revised = st == ARC_OK;
    return st;
}

/* A template whose embedding or owner changed has the revision of its last change; what was removed is in `gone`. */
static const char *const changes_since = "SELECT revision, id, identity FROM templates WHERE gallery = ?1 AND revision > ?2 "
                                         "UNION ALL SELECT revision, template, 0 FROM gone WHERE gallery = ?1 AND revision > ?2 "
                                         "ORDER BY 1, 2";

arc_status arc_sqlite_changes(arc_gallery_store *store, int64_t after, const uint8_t mark[ARC_STORE_MARK_BYTES], bool *known,
                              arc_change_visit *visit, void *arg, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    uint8_t there[ARC_STORE_MARK_BYTES];
    sqlite3_stmt *stmt = NULL;
    int rc = SQLITE_DONE;
    arc_status st = read_mark(s, after, there, known, err);
    *known = *known && memcmp(there, mark, sizeof there) == 0;
    if (st != ARC_OK || !*known)
        return st;
    st = arc_sqlite_take(s, changes_since, &stmt, err);
    if (st != ARC_OK)
        return st;
    sqlite3_bind_int64(stmt, 1, s->gallery);
    sqlite3_bind_int64(stmt, 2, after);
    while (st == ARC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const arc_change_row row = {.revision = sqlite3_column_int64(stmt, 0),
                                    .template_id = sqlite3_column_int64(stmt, 1),
                                    .identity = sqlite3_column_int64(stmt, 2),
                                    .removed = sqlite3_column_int64(stmt, 2) == 0};
        st = visit(arg, &row, err);
    }
    if (st == ARC_OK && rc != SQLITE_DONE)
        st = arc_sqlite_fail(s, rc, "read its changes", err);
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_counts(arc_gallery_store *store, arc_store_counts *out, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *stmt = NULL;
    int64_t pages, page_bytes;
    arc_status st;
    *out = (arc_store_counts){0};
    ARC_TRY(arc_sqlite_number(s, "PRAGMA page_count", NULL, 0, 0, &pages, "read its size", err));
    ARC_TRY(arc_sqlite_number(s, "PRAGMA page_size", NULL, 0, 0, &page_bytes, "read its size", err));
    out->bytes = pages * page_bytes;
    ARC_TRY(arc_sqlite_schema_version(s, &out->schema, err));
    ARC_TRY(
        arc_sqlite_take(s, "SELECT identities, templates, crops, negatives, audits FROM galleries WHERE id = ?1", &stmt, err));
    sqlite3_bind_int64(stmt, 1, s->gallery);
    const int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        out->identities = sqlite3_column_int64(stmt, 0);
        out->templates = sqlite3_column_int64(stmt, 1);
        out->crops = sqlite3_column_int64(stmt, 2);
        out->negatives = sqlite3_column_int64(stmt, 3);
        out->audits = sqlite3_column_int64(stmt, 4);
    } else
        st = rc == SQLITE_DONE ? arc_fail(err, ARC_ENOTFOUND, "%s: this gallery is no longer in it", s->path)
                               : arc_sqlite_fail(s, rc, "count", err);
done:
    arc_sqlite_give(s, stmt);
    return st;
}

arc_status arc_sqlite_reserve(arc_gallery_store *store, arc_store_ids of, int64_t count, int64_t *first, arc_error *err) {
    static const char *const next[] = {
        [ARC_IDS_IDENTITY] = "UPDATE counters SET next = next + ?1 WHERE name = 'identity' RETURNING next - ?1",
        [ARC_IDS_TEMPLATE] = "UPDATE counters SET next = next + ?1 WHERE name = 'template' RETURNING next - ?1",
        [ARC_IDS_NEGATIVE] = "UPDATE counters SET next = next + ?1 WHERE name = 'negative' RETURNING next - ?1",
    };
    arc_sqlite *s = arc_sqlite_of(store);
    const arc_status st = arc_sqlite_number(s, next[of], &count, 1, 0, first, "reserve numbers", err);
    if (st == ARC_OK && *first <= 0)
        return arc_fail(err, ARC_ECORRUPT, "%s: its counter of ids is damaged; \"arcface gallery check\" says what else is",
                        s->path);
    return st;
}

arc_status arc_sqlite_no_identity(arc_sqlite *s, int64_t id, arc_error *err) {
    return arc_fail(err, ARC_ENOTFOUND, "%s: there is no identity %lld", s->path, (long long)id);
}

arc_status arc_sqlite_identity_there(arc_sqlite *s, int64_t id, arc_error *err) {
    const int64_t values[] = {id, s->gallery};
    int64_t there;
    const arc_status st = arc_sqlite_number(s, "SELECT 1 FROM identities WHERE id = ?1 AND gallery = ?2", values, 2, 0, &there,
                                            "read the people", err);
    return st != ARC_OK ? st : there ? ARC_OK : arc_sqlite_no_identity(s, id, err);
}
