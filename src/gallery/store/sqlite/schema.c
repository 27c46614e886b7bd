/* gallery/store/sqlite: the tables, and how those of an older version become today's. user_version in the file's header is the
 * version. Each step of the list leads to the next version; all that are missing are taken in one transaction. */
#include "gallery/store/sqlite/sqlite_internal.h"
#include <string.h>

/* Embeddings and crops are apart from templates: an embedding belongs to a template and a generation, and a scan of templates
 * does not read crops. Numbers of people and templates are counted along in `galleries`; check.c compares them. `gone` holds ids
 * of removed templates, which an index has to follow; `marks` makes a revision recognisable (store.h). */
static const char *const first_tables =
    "CREATE TABLE galleries("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL DEFAULT 0,"
    " identities INTEGER NOT NULL DEFAULT 0, templates INTEGER NOT NULL DEFAULT 0, crops INTEGER NOT NULL DEFAULT 0,"
    " negatives INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE counters(name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO counters VALUES ('identity', 1), ('template', 1), ('negative', 1);"
    "CREATE TABLE meta(gallery INTEGER NOT NULL REFERENCES galleries(id), key TEXT NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY(gallery, key)) STRICT;"
    "CREATE TABLE marks(gallery INTEGER NOT NULL REFERENCES galleries(id), revision INTEGER NOT NULL, mark BLOB NOT NULL,"
    " PRIMARY KEY(gallery, revision)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE identities("
    " id INTEGER PRIMARY KEY, gallery INTEGER NOT NULL REFERENCES galleries(id), name_key BLOB NOT NULL, name BLOB NOT NULL,"
    " note BLOB, threshold REAL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, UNIQUE(gallery, name_key)) STRICT;"
    "CREATE TABLE templates("
    " id INTEGER PRIMARY KEY, gallery INTEGER NOT NULL REFERENCES galleries(id),"
    " identity INTEGER NOT NULL REFERENCES identities(id), revision INTEGER NOT NULL, source BLOB, detail BLOB, quality REAL,"
    " created_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX templates_identity ON templates(identity);"
    "CREATE INDEX templates_revision ON templates(gallery, revision);"
    "CREATE TABLE embeddings("
    " template INTEGER NOT NULL REFERENCES templates(id), generation INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(template, generation)) STRICT;"
    "CREATE TABLE crops(template INTEGER PRIMARY KEY REFERENCES templates(id), data BLOB NOT NULL) STRICT;"
    "CREATE TABLE gone(gallery INTEGER NOT NULL REFERENCES galleries(id), revision INTEGER NOT NULL, template INTEGER NOT NULL,"
    " PRIMARY KEY(gallery, revision, template)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE negatives("
    " id INTEGER PRIMARY KEY, gallery INTEGER NOT NULL REFERENCES galleries(id),"
    " identity INTEGER NOT NULL REFERENCES identities(id), generation INTEGER NOT NULL, data BLOB NOT NULL,"
    " created_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX negatives_identity ON negatives(identity);"
    "CREATE TABLE audit("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, gallery INTEGER NOT NULL REFERENCES galleries(id), when_ms INTEGER NOT NULL,"
    " actor BLOB, action BLOB, subject BLOB, detail BLOB) STRICT;"
    "CREATE INDEX audit_gallery ON audit(gallery);"
    "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;"
    "CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;";

/* Photos are recognised when they come again; lines of the log are counted along as well. */
static const char *const sources_and_counts =
    "CREATE INDEX templates_source ON templates(gallery, source) WHERE source IS NOT NULL;"
    "ALTER TABLE galleries ADD COLUMN audits INTEGER NOT NULL DEFAULT 0;"
    "UPDATE galleries SET audits = (SELECT count(*) FROM audit WHERE gallery = galleries.id);";

static const char *const steps[] = {first_tables, sources_and_counts};

arc_status arc_sqlite_schema_version(arc_sqlite *s, int64_t *version, arc_error *err) {
    return arc_sqlite_number(s, "PRAGMA user_version", NULL, 0, 0, version, "read its version", err);
}

/* Within the transaction: what the file is, whatever another process made of it meanwhile. */
static arc_status look(arc_sqlite *s, bool create, int64_t *version, arc_error *err) {
    int64_t application, objects;
    arc_status st;
    *version = 0;
    ARC_TRY(arc_sqlite_number(s, "PRAGMA application_id", NULL, 0, 0, &application, "read its kind", err));
    ARC_TRY(arc_sqlite_schema_version(s, version, err));
    ARC_TRY(arc_sqlite_number(s, "SELECT count(*) FROM sqlite_schema", NULL, 0, 0, &objects, "read its tables", err));
    if (application != ARC_SQLITE_APPLICATION && (application != 0 || *version != 0 || objects > 0))
        return arc_fail(err, ARC_EFORMAT, "%s: not a gallery: an SQLite file of another program", s->path);
    if (application == 0 && !create)
        return arc_fail(err, ARC_EFORMAT, "%s: not a gallery: an empty file", s->path);
    if (*version > (int64_t)ARC_COUNT(steps))
        return arc_fail(
            err, ARC_EUNSUPPORTED,
            "%s: made by a newer version of arcface (its tables have version %lld, this program knows %d); update the "
            "program",
            s->path, (long long)*version, (int)ARC_COUNT(steps));
    if (*version < (int64_t)ARC_COUNT(steps) && s->read_only)
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s: made by an older version of arcface; open it once for writing, which upgrades it (\"arcface gallery "
                        "check\" does)",
                        s->path);
done:
    return st;
}

static arc_status upgrade(arc_sqlite *s, int64_t from, arc_error *err) {
    char header[96];
    arc_status st = ARC_OK;
    for (size_t i = (size_t)from; i < ARC_COUNT(steps) && st == ARC_OK; i++)
        st = arc_sqlite_run(s, steps[i], "make its tables", err);
    if (st != ARC_OK)
        return st;
    sqlite3_snprintf(sizeof header, header, "PRAGMA application_id = %d; PRAGMA user_version = %d", ARC_SQLITE_APPLICATION,
                     (int)ARC_COUNT(steps));
    return arc_sqlite_run(s, header, "write its version", err);
}

arc_status arc_sqlite_schema(arc_sqlite *s, bool create, arc_error *err) {
    int64_t version;
    arc_status st = look(s, create, &version, err);
    if (st != ARC_OK || version == (int64_t)ARC_COUNT(steps))
        return st;
    /* Looked at again under the lock: two processes may open a new file at the same time. */
    ARC_TRY(arc_sqlite_run(s, "BEGIN IMMEDIATE", "begin to write", err));
    ARC_TRY(look(s, create, &version, err));
    ARC_TRY(upgrade(s, version, err));
    ARC_TRY(arc_sqlite_run(s, "COMMIT", "store its tables", err));
done:
    if (st != ARC_OK && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}
