/* gallery/store/sqlite: templates are put, given other embeddings, moved and removed. */
#include "gallery/store/sqlite/sqlite_internal.h"

static arc_status count_on(arc_sqlite *s, const char *sql, int64_t count, arc_error *err) {
    const int64_t values[] = {count, s->gallery};
    return count ? arc_sqlite_change(s, sql, values, 2, "count", err) : ARC_OK;
}

static arc_status count_templates(arc_sqlite *s, int64_t templates, int64_t crops, arc_error *err) {
    const arc_status st = count_on(s, "UPDATE galleries SET templates = templates + ?1 WHERE id = ?2", templates, err);
    return st == ARC_OK ? count_on(s, "UPDATE galleries SET crops = crops + ?1 WHERE id = ?2", crops, err) : st;
}

static arc_status step(arc_sqlite *s, sqlite3_stmt *stmt, const char *what, arc_error *err) {
    const int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? ARC_OK : arc_sqlite_fail(s, rc, what, err);
}

static arc_status put_embedding(arc_sqlite *s, sqlite3_stmt *stmt, const arc_template_row *row, arc_error *err) {
    sqlite3_bind_int64(stmt, 1, row->id);
    sqlite3_bind_int(stmt, 2, row->generation);
    arc_sqlite_bind_bytes(stmt, 3, row->embedding);
    return step(s, stmt, "store an embedding", err);
}

static arc_status put_crop(arc_sqlite *s, sqlite3_stmt *stmt, const arc_template_row *row, arc_error *err) {
    sqlite3_bind_int64(stmt, 1, row->id);
    arc_sqlite_bind_bytes(stmt, 2, row->crop);
    return step(s, stmt, "store a crop", err);
}

static arc_status put_row(arc_sqlite *s, sqlite3_stmt *stmt, const arc_template_row *row, arc_error *err) {
    sqlite3_bind_int64(stmt, 1, row->id);
    sqlite3_bind_int64(stmt, 2, s->gallery);
    sqlite3_bind_int64(stmt, 3, row->identity);
    sqlite3_bind_int64(stmt, 4, s->revision);
    arc_sqlite_bind_bytes(stmt, 5, row->source_sha256);
    arc_sqlite_bind_bytes(stmt, 6, row->detail);
    sqlite3_bind_double(stmt, 7, (double)row->quality);
    sqlite3_bind_int64(stmt, 8, row->created_ms);
    return step(s, stmt, "store a template", err);
}

static const char *const insert_embedding = "INSERT INTO embeddings(template, generation, data) VALUES (?1, ?2, ?3)";
static const char *const insert_crop = "INSERT INTO crops(template, data) VALUES (?1, ?2)";

arc_status arc_sqlite_template_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *put = NULL, *embedding = NULL, *crop = NULL;
    int64_t crops = 0;
    arc_status st;
    if (count == 0)
        return ARC_OK;
    ARC_TRY(arc_sqlite_revise(s, err));
    ARC_TRY(arc_sqlite_take(s,
                            "INSERT INTO templates(id, gallery, identity, revision, source, detail, quality, created_ms) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                            &put, err));
    ARC_TRY(arc_sqlite_take(s, insert_embedding, &embedding, err));
    ARC_TRY(arc_sqlite_take(s, insert_crop, &crop, err));
    for (int64_t i = 0; i < count; i++) {
        if (i == 0 || rows[i].identity != rows[i - 1].identity)
            ARC_TRY(arc_sqlite_identity_there(s, rows[i].identity, err));
        ARC_TRY(put_row(s, put, &rows[i], err));
        ARC_TRY(put_embedding(s, embedding, &rows[i], err));
        if (rows[i].crop.bytes > 0) {
            ARC_TRY(put_crop(s, crop, &rows[i], err));
            crops++;
        }
    }
    ARC_TRY(count_templates(s, count, crops, err));
done:
    arc_sqlite_give(s, put);
    arc_sqlite_give(s, embedding);
    arc_sqlite_give(s, crop);
    return st;
}

static arc_status missing(arc_sqlite *s, int64_t id, arc_error *err) {
    return arc_fail(err, ARC_ENOTFOUND, "%s: there is no template %lld", s->path, (long long)id);
}

static arc_status template_there(arc_sqlite *s, int64_t id, arc_error *err) {
    const int64_t values[] = {id, s->gallery};
    int64_t there;
    const arc_status st = arc_sqlite_number(s, "SELECT 1 FROM templates WHERE id = ?1 AND gallery = ?2", values, 2, 0, &there,
                                            "read the templates", err);
    return st != ARC_OK ? st : there ? ARC_OK : missing(s, id, err);
}

arc_status arc_sqlite_embedding_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, bool current,
                                    arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *put = NULL;
    arc_status st = ARC_OK;
    if (current && count > 0)
        ARC_TRY(arc_sqlite_revise(s, err));
    ARC_TRY(arc_sqlite_take(s,
                            "INSERT INTO embeddings(template, generation, data) VALUES (?1, ?2, ?3) "
                            "ON CONFLICT DO UPDATE SET data = ?3",
                            &put, err));
    for (int64_t i = 0; i < count; i++) {
        const int64_t values[] = {s->revision, rows[i].id};
        ARC_TRY(template_there(s, rows[i].id, err));
        ARC_TRY(put_embedding(s, put, &rows[i], err));
        if (current)
            ARC_TRY(
                arc_sqlite_change(s, "UPDATE templates SET revision = ?1 WHERE id = ?2", values, 2, "change a template", err));
    }
done:
    arc_sqlite_give(s, put);
    return st;
}

static arc_status rewrite_crop(arc_sqlite *s, sqlite3_stmt *put, const arc_template_row *row, int64_t *crops, arc_error *err) {
    const arc_status st = arc_sqlite_change(s, "DELETE FROM crops WHERE template = ?1", &row->id, 1, "change a crop", err);
    if (st != ARC_OK)
        return st;
    *crops += (row->crop.bytes > 0) - sqlite3_changes(s->db);
    return row->crop.bytes > 0 ? put_crop(s, put, row, err) : ARC_OK;
}

arc_status arc_sqlite_template_rewrite(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    sqlite3_stmt *put = NULL, *crop = NULL;
    int64_t crops = 0;
    arc_status st;
    ARC_TRY(arc_sqlite_take(s, "UPDATE templates SET source = ?3, detail = ?4 WHERE id = ?1 AND gallery = ?2", &put, err));
    ARC_TRY(arc_sqlite_take(s, insert_crop, &crop, err));
    for (int64_t i = 0; i < count; i++) {
        ARC_TRY(template_there(s, rows[i].id, err));
        sqlite3_bind_int64(put, 1, rows[i].id);
        sqlite3_bind_int64(put, 2, s->gallery);
        arc_sqlite_bind_bytes(put, 3, rows[i].source_sha256);
        arc_sqlite_bind_bytes(put, 4, rows[i].detail);
        ARC_TRY(step(s, put, "change a template", err));
        ARC_TRY(rewrite_crop(s, crop, &rows[i], &crops, err));
    }
    ARC_TRY(count_templates(s, 0, crops, err));
done:
    arc_sqlite_give(s, put);
    arc_sqlite_give(s, crop);
    return st;
}

arc_status arc_sqlite_generation_drop(arc_gallery_store *store, int generation, int64_t most, bool *left, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    const int64_t values[] = {generation, s->gallery, most};
    int64_t embeddings, negatives;
    arc_status st;
    *left = true;
    ARC_TRY(arc_sqlite_change(s,
                              "DELETE FROM embeddings WHERE rowid IN (SELECT e.rowid FROM embeddings e JOIN templates t "
                              "ON t.id = e.template WHERE e.generation = ?1 AND t.gallery = ?2 LIMIT ?3)",
                              values, 3, "remove old embeddings", err));
    embeddings = sqlite3_changes64(s->db);
    ARC_TRY(
        arc_sqlite_change(s,
                          "DELETE FROM negatives WHERE id IN (SELECT id FROM negatives WHERE generation = ?1 AND gallery = ?2 "
                          "LIMIT ?3)",
                          values, 3, "remove old embeddings", err));
    negatives = sqlite3_changes64(s->db);
    ARC_TRY(count_on(s, "UPDATE galleries SET negatives = negatives + ?1 WHERE id = ?2", -negatives, err));
    *left = embeddings == most || negatives == most;
done:
    return st;
}

static arc_status remove_one(arc_sqlite *s, int64_t id, int64_t *crops, arc_error *err) {
    const int64_t gone[] = {s->gallery, s->revision, id};
    arc_status st;
    ARC_TRY(template_there(s, id, err));
    ARC_TRY(arc_sqlite_change(s, "DELETE FROM crops WHERE template = ?1", &id, 1, "remove a crop", err));
    *crops += sqlite3_changes(s->db);
    ARC_TRY(arc_sqlite_change(s, "DELETE FROM embeddings WHERE template = ?1", &id, 1, "remove an embedding", err));
    ARC_TRY(arc_sqlite_change(s, "DELETE FROM templates WHERE id = ?1", &id, 1, "remove a template", err));
    ARC_TRY(arc_sqlite_change(s, "INSERT INTO gone VALUES (?1, ?2, ?3)", gone, 3, "remove a template", err));
done:
    return st;
}

arc_status arc_sqlite_template_remove(arc_gallery_store *store, const int64_t *ids, int64_t count, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    int64_t crops = 0;
    arc_status st = ARC_OK;
    if (count > 0)
        st = arc_sqlite_revise(s, err);
    for (int64_t i = 0; i < count && st == ARC_OK; i++)
        st = remove_one(s, ids[i], &crops, err);
    return st == ARC_OK ? count_templates(s, -count, -crops, err) : st;
}

arc_status arc_sqlite_template_move(arc_gallery_store *store, int64_t from_identity, int64_t to_identity, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    arc_status st;
    ARC_TRY(arc_sqlite_identity_there(s, from_identity, err));
    ARC_TRY(arc_sqlite_identity_there(s, to_identity, err));
    ARC_TRY(arc_sqlite_revise(s, err));
    const int64_t values[] = {from_identity, to_identity, s->revision};
    ARC_TRY(arc_sqlite_change(s, "UPDATE templates SET identity = ?2, revision = ?3 WHERE identity = ?1", values, 3,
                              "move templates", err));
    ARC_TRY(arc_sqlite_change(s, "UPDATE negatives SET identity = ?2 WHERE identity = ?1", values, 2, "move templates", err));
done:
    return st;
}

/* Everything of an identity but itself, by statements over all its rows: it may have many. */
arc_status arc_sqlite_identity_empty(arc_sqlite *s, int64_t id, arc_error *err) {
    arc_status st;
    ARC_TRY(arc_sqlite_change(s, "DELETE FROM negatives WHERE identity = ?1", &id, 1, "remove a person", err));
    ARC_TRY(count_on(s, "UPDATE galleries SET negatives = negatives + ?1 WHERE id = ?2", -sqlite3_changes64(s->db), err));
    ARC_TRY(arc_sqlite_revise(s, err));
    const int64_t values[] = {id, s->gallery, s->revision};
    ARC_TRY(arc_sqlite_change(s, "INSERT INTO gone SELECT ?2, ?3, id FROM templates WHERE identity = ?1", values, 3,
                              "remove a person", err));
    ARC_TRY(arc_sqlite_change(s, "DELETE FROM crops WHERE template IN (SELECT id FROM templates WHERE identity = ?1)", &id, 1,
                              "remove a person", err));
    const int64_t crops = sqlite3_changes64(s->db);
    ARC_TRY(arc_sqlite_change(s, "DELETE FROM embeddings WHERE template IN (SELECT id FROM templates WHERE identity = ?1)", &id,
                              1, "remove a person", err));
    ARC_TRY(arc_sqlite_change(s, "DELETE FROM templates WHERE identity = ?1", &id, 1, "remove a person", err));
    ARC_TRY(count_templates(s, -sqlite3_changes64(s->db), -crops, err));
done:
    return st;
}
