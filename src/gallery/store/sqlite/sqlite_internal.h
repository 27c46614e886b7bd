/* gallery/store/sqlite: galleries in a file of SQLite. What the files of this folder share: the connection, prepared statements,
 * and the one place where SQLite's codes become statuses. */
#ifndef ARC_GALLERY_SQLITE_INTERNAL_H
#define ARC_GALLERY_SQLITE_INTERNAL_H

#include "gallery/store/store.h"
#include <sqlite3.h>

#define ARC_SQLITE_APPLICATION 0x41524347 /* "ARCG", in the file's header */
#define ARC_SQLITE_BUSY_MS 10000          /* how long a lock of another process is waited for */
/* Two embeddings of 512 numbers do not fit a page of 4 KiB: half the file would be air. */
#define ARC_SQLITE_PAGE_BYTES 16384
#define ARC_SQLITE_STATEMENTS 64

typedef struct arc_sqlite_statement {
    const char *sql; /* the literal: statements are found by its address */
    sqlite3_stmt *stmt;
    bool used;
} arc_sqlite_statement;

typedef struct arc_sqlite {
    arc_gallery_store base;
    arc_context *ctx;
    sqlite3 *db;
    char *path;
    int64_t gallery; /* its row in `galleries` */
    bool read_only;
    bool within;      /* a transaction is open */
    bool revised;     /* it has made a revision, which is `revision` */
    int64_t revision; /* see revised */
    int data_version; /* PRAGMA data_version when it was last looked at; -1: never */
    arc_sqlite_statement statement[ARC_SQLITE_STATEMENTS];
    int statements;
} arc_sqlite;

static inline arc_sqlite *arc_sqlite_of(arc_gallery_store *s) {
    return (arc_sqlite *)(void *)s;
}

/* ---- statement.c ---- */

/* The status and sentence of a code of SQLite; what: "read the templates". */
arc_status arc_sqlite_fail(arc_sqlite *s, int rc, const char *what, arc_error *err);
/* A statement ready to be bound, prepared once for each literal. Must be given back; NULL-safe. */
arc_status arc_sqlite_take(arc_sqlite *s, const char *sql, sqlite3_stmt **out, arc_error *err);
void arc_sqlite_give(arc_sqlite *s, sqlite3_stmt *stmt);
void arc_sqlite_finalise(arc_sqlite *s); /* all of them */
/* Runs a statement that gives no rows, bound to these numbers. */
arc_status arc_sqlite_change(arc_sqlite *s, const char *sql, const int64_t *values, int count, const char *what, arc_error *err);
/* The first column of the only row, a number; `missing` if there is no row. */
arc_status arc_sqlite_number(arc_sqlite *s, const char *sql, const int64_t *values, int count, int64_t missing, int64_t *out,
                             const char *what, arc_error *err);
/* Runs SQL text without values. */
arc_status arc_sqlite_run(arc_sqlite *s, const char *sql, const char *what, arc_error *err);
/* Bound and read values. Bytes without data are NULL in the table. */
int arc_sqlite_bind_bytes(sqlite3_stmt *stmt, int at, arc_bytes value);
arc_bytes arc_sqlite_bytes(sqlite3_stmt *stmt, int column);

/* ---- schema.c ---- */

/* Creates or upgrades the tables, in one transaction. create: an empty file may become a store. */
arc_status arc_sqlite_schema(arc_sqlite *s, bool create, arc_error *err);
arc_status arc_sqlite_schema_version(arc_sqlite *s, int64_t *version, arc_error *err);

/* ---- connection.c ---- */

/* `open` of the table, but for the store's type, which sqlite.c sets. */
arc_status arc_sqlite_connect(arc_context *ctx, const char *location, const char *gallery, int flags, arc_gallery_store **out,
                              arc_error *err);
void arc_sqlite_close(arc_gallery_store **store);
arc_status arc_sqlite_galleries(arc_gallery_store *store, arc_gallery_name_visit *visit, void *arg, arc_error *err);

/* ---- transaction.c ---- */

arc_status arc_sqlite_begin(arc_gallery_store *store, bool write, arc_error *err);
arc_status arc_sqlite_commit(arc_gallery_store *store, arc_error *err);
void arc_sqlite_rollback(arc_gallery_store *store);
arc_status arc_sqlite_wait(arc_gallery_store *store, int timeout_ms, bool *changed, arc_error *err);
arc_status arc_sqlite_compact(arc_gallery_store *store, bool *complete, arc_error *err);

/* ---- gallery.c: the gallery's own row, its values, revisions and ids ---- */

arc_status arc_sqlite_meta_get(arc_gallery_store *store, const char *key, arc_buffer *out, bool *found, arc_error *err);
arc_status arc_sqlite_meta_put(arc_gallery_store *store, const char *key, arc_bytes value, arc_error *err);
arc_status arc_sqlite_meta_each(arc_gallery_store *store, arc_meta_visit *visit, void *arg, arc_error *err);
arc_status arc_sqlite_revision(arc_gallery_store *store, int64_t *revision, uint8_t mark[ARC_STORE_MARK_BYTES], arc_error *err);
arc_status arc_sqlite_changes(arc_gallery_store *store, int64_t after, const uint8_t mark[ARC_STORE_MARK_BYTES], bool *known,
                              arc_change_visit *visit, void *arg, arc_error *err);
arc_status arc_sqlite_counts(arc_gallery_store *store, arc_store_counts *out, arc_error *err);
arc_status arc_sqlite_reserve(arc_gallery_store *store, arc_store_ids of, int64_t count, int64_t *first, arc_error *err);
/* Makes a revision if this transaction has not made one yet. */
arc_status arc_sqlite_revise(arc_sqlite *s, arc_error *err);

/* ENOTFOUND unless the gallery has it. */
arc_status arc_sqlite_identity_there(arc_sqlite *s, int64_t id, arc_error *err);
arc_status arc_sqlite_no_identity(arc_sqlite *s, int64_t id, arc_error *err); /* says so: ENOTFOUND */

/* ---- identity.c ---- */

arc_status arc_sqlite_identity_put(arc_gallery_store *store, const arc_identity_row *row, arc_error *err);
arc_status arc_sqlite_identity_update(arc_gallery_store *store, const arc_identity_row *row, arc_error *err);
arc_status arc_sqlite_identity_get(arc_gallery_store *store, int64_t id, arc_identity_visit *visit, void *arg, arc_error *err);
arc_status arc_sqlite_identity_find(arc_gallery_store *store, arc_bytes name_key, int64_t *id, bool *found, arc_error *err);
arc_status arc_sqlite_identity_remove(arc_gallery_store *store, int64_t id, arc_error *err);
arc_status arc_sqlite_identity_each(arc_gallery_store *store, int64_t after_id, arc_identity_visit *visit, void *arg,
                                    arc_error *err);

/* ---- template.c ---- */

arc_status arc_sqlite_template_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err);
arc_status arc_sqlite_embedding_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, bool current,
                                    arc_error *err);
arc_status arc_sqlite_template_rewrite(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err);
arc_status arc_sqlite_generation_drop(arc_gallery_store *store, int generation, int64_t most, bool *left, arc_error *err);
arc_status arc_sqlite_template_remove(arc_gallery_store *store, const int64_t *ids, int64_t count, arc_error *err);
arc_status arc_sqlite_template_move(arc_gallery_store *store, int64_t from_identity, int64_t to_identity, arc_error *err);

/* Removes everything of an identity but itself. */
arc_status arc_sqlite_identity_empty(arc_sqlite *s, int64_t id, arc_error *err);

/* ---- template_read.c ---- */

arc_status arc_sqlite_template_each(arc_gallery_store *store, const arc_template_query *q, arc_template_visit *visit, void *arg,
                                    arc_error *err);

arc_status arc_sqlite_source_find(arc_gallery_store *store, arc_bytes source_sha256, int64_t *id, int64_t *identity, bool *found,
                                  arc_error *err);

/* ---- log.c: negatives and the audit log ---- */

arc_status arc_sqlite_negative_put(arc_gallery_store *store, const arc_negative_row *row, arc_error *err);
arc_status arc_sqlite_negative_each(arc_gallery_store *store, int64_t identity, int generation, arc_negative_visit *visit,
                                    void *arg, arc_error *err);
arc_status arc_sqlite_negative_remove(arc_gallery_store *store, int64_t id, arc_error *err);
arc_status arc_sqlite_audit_put(arc_gallery_store *store, const arc_audit_row *row, arc_error *err);
arc_status arc_sqlite_audit_each(arc_gallery_store *store, int64_t after_id, arc_audit_visit *visit, void *arg, arc_error *err);

/* ---- check.c ---- */

arc_status arc_sqlite_check(arc_gallery_store *store, arc_problem_visit *problem, void *arg, arc_error *err);

#endif
