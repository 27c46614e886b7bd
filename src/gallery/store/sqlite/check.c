/* gallery/store/sqlite: what can be wrong with the file itself. What is in the blobs is the gallery's to check. */
#include "gallery/store/sqlite/sqlite_internal.h"
#include <string.h>

/* Each row that a query gives is one thing that is wrong; ?1 is the gallery. */
static const char *const rules[] = {
    "SELECT 'identities: ' || identities || ' are counted, there are ' || n FROM galleries, "
    "(SELECT count(*) AS n FROM identities WHERE gallery = ?1) WHERE id = ?1 AND identities <> n",
    "SELECT 'templates: ' || templates || ' are counted, there are ' || n FROM galleries, "
    "(SELECT count(*) AS n FROM templates WHERE gallery = ?1) WHERE id = ?1 AND templates <> n",
    "SELECT 'crops: ' || crops || ' are counted, there are ' || n FROM galleries, "
    "(SELECT count(*) AS n FROM crops JOIN templates ON id = template WHERE gallery = ?1) WHERE id = ?1 AND crops <> n",
    "SELECT 'negatives: ' || negatives || ' are counted, there are ' || n FROM galleries, "
    "(SELECT count(*) AS n FROM negatives WHERE gallery = ?1) WHERE id = ?1 AND negatives <> n",
    "SELECT 'audit log: ' || audits || ' lines are counted, there are ' || n FROM galleries, "
    "(SELECT count(*) AS n FROM audit WHERE gallery = ?1) WHERE id = ?1 AND audits <> n",
    "SELECT 'template ' || t.id || ' belongs to a person of another gallery' FROM templates t JOIN identities i "
    "ON i.id = t.identity WHERE t.gallery = ?1 AND i.gallery <> ?1",
    "SELECT 'template ' || t.id || ' has no embedding' FROM templates t WHERE gallery = ?1 "
    "AND NOT EXISTS (SELECT 1 FROM embeddings WHERE template = t.id)",
    "SELECT 'template ' || t.id || ' has revision ' || t.revision || ', the gallery only ' || g.revision FROM galleries g "
    "JOIN templates t ON t.gallery = g.id WHERE g.id = ?1 AND t.revision > g.revision",
    "SELECT 'template ' || t.id || ' is counted as removed' FROM templates t JOIN gone ON gone.gallery = ?1 AND template = t.id "
    "WHERE t.gallery = ?1",
    "SELECT 'revision ' || revision || ' has no mark' FROM galleries g WHERE id = ?1 "
    "AND NOT EXISTS (SELECT 1 FROM marks WHERE gallery = ?1 AND revision = g.revision)",
    "SELECT 'ids: the next ' || name || ' would be ' || next || ', which was used' FROM counters WHERE next <= CASE name "
    "WHEN 'identity' THEN (SELECT max(id) FROM identities) WHEN 'template' THEN (SELECT max(id) FROM templates) "
    "ELSE (SELECT max(id) FROM negatives) END AND ?1 > 0",
};

static arc_status visit_sentences(arc_sqlite *s, const char *sql, const int64_t *gallery, arc_problem_visit *problem, void *arg,
                                  arc_error *err) {
    sqlite3_stmt *stmt = NULL;
    arc_status st = ARC_OK;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK && gallery)
        rc = sqlite3_bind_int64(stmt, 1, *gallery);
    if (rc == SQLITE_OK)
        while (st == ARC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            const char *sentence = (const char *)sqlite3_column_text(stmt, 0);
            if (sentence && strcmp(sentence, "ok") != 0)
                st = problem(arg, sentence, err);
        }
    if (st == ARC_OK && rc != SQLITE_DONE && rc != SQLITE_OK) {
        /* A damaged file cannot answer every question: that is what was asked. */
        if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_ERROR)
            st = problem(arg, sqlite3_errmsg(s->db), err);
        else
            st = arc_sqlite_fail(s, rc, "check it", err);
    }
    sqlite3_finalize(stmt);
    return st;
}

arc_status arc_sqlite_check(arc_gallery_store *store, arc_problem_visit *problem, void *arg, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    arc_status st;
    ARC_TRY(visit_sentences(s, "PRAGMA integrity_check", NULL, problem, arg, err));
    ARC_TRY(
        visit_sentences(s,
                        "SELECT 'a row of ' || \"table\" || ' (' || coalesce(rowid, '?') || ') refers to nothing in ' || parent "
                        "FROM pragma_foreign_key_check",
                        NULL, problem, arg, err));
    for (size_t i = 0; i < ARC_COUNT(rules); i++)
        ARC_TRY(visit_sentences(s, rules[i], &s->gallery, problem, arg, err));
done:
    return st;
}
