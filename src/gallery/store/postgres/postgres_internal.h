/* gallery/store/postgres: what the files of this folder share: the connection, prepared statements with their values, and the one
 * place where the server's codes become statuses.
 *
 * All values travel in PostgreSQL's binary formats, bound to the statement and never a part of its text. Writers of a gallery
 * take turns by a lock on its row in `galleries`; readers see one snapshot (REPEATABLE READ) and wait for nobody. Memory of
 * results is libpq's own. */
#ifndef ARC_GALLERY_POSTGRES_INTERNAL_H
#define ARC_GALLERY_POSTGRES_INTERNAL_H

#include "gallery/store/vectors.h"
#include <libpq-fe.h>

#define ARC_PG_OLDEST 130000         /* of the server: 13 */
#define ARC_PG_LOCK_MS 10000         /* how long another writer is waited for */
#define ARC_PG_STATEMENTS 64         /* that are prepared on one connection */
#define ARC_PG_VALUES 12             /* of one statement */
#define ARC_PG_PAGE 1024             /* rows that a listing fetches at a time */
#define ARC_PG_BATCH 1024            /* rows that one statement writes ... */
#define ARC_PG_BATCH_BYTES (8 << 20) /* ... unless they are larger than this */

/* Statements are prepared once for each connection, and are found by their address. */
typedef struct arc_pg_statement {
    const char *name; /* unique in this folder */
    const char *sql;
    const char *what; /* "read the templates": for messages */
} arc_pg_statement;

typedef struct arc_pg {
    arc_gallery_store base;
    arc_context *ctx;
    char *location; /* as it was given: may hold a password */
    char *label;    /* "host/data base#gallery", for messages */
    char gallery_name[ARC_STORE_GALLERY_NAME_BYTES + 1];
    int64_t gallery; /* its row in `galleries` */
    int flags;
    PGconn *conn; /* NULL: not connected */
    bool replica; /* the server only follows another one */
    const arc_pg_statement *prepared[ARC_PG_STATEMENTS];
    int prepared_count;
    bool within, writing; /* a transaction is open; it writes */
    char xid[24];         /* the server's number of it, when it writes */
    int64_t changes;      /* number of the last change of the gallery when it began */
    bool revised;         /* it has made a revision, which is `revision` */
    int64_t revision;
    uint32_t vector_type;    /* number of pgvector's type in this data base; 0: not looked up yet */
    char vector_schema[160]; /* where it is installed, quoted as an identifier */
    int64_t seen;            /* number of the change that wait saw last; -1: none yet */
} arc_pg;

static inline arc_pg *arc_pg_of(arc_gallery_store *s) {
    return (arc_pg *)(void *)s;
}

/* There is no connection, or it has broken. */
static inline bool arc_pg_lost(const arc_pg *s) {
    return !s->conn || PQstatus(s->conn) != CONNECTION_OK;
}

/* ---- connection.c ---- */

/* Connects if there is no working connection. Nothing of the gallery is looked at. */
arc_status arc_pg_connect(arc_pg *s, arc_error *err);
void arc_pg_disconnect(arc_pg *s);

/* ---- statement.c ---- */

/* The values of one execution; bytes are borrowed until it is over. */
typedef struct arc_pg_values {
    int count;
    const char *value[ARC_PG_VALUES];
    int bytes[ARC_PG_VALUES];
    uint8_t room[ARC_PG_VALUES][8];
} arc_pg_values;

void arc_pg_add_int(arc_pg_values *v, int64_t value);     /* int8 */
void arc_pg_add_real(arc_pg_values *v, double value);     /* float8; NAN: null */
void arc_pg_add_text(arc_pg_values *v, const char *text); /* text */
void arc_pg_add_bytes(arc_pg_values *v, arc_bytes value); /* bytea; data NULL: null */
void arc_pg_add_mark(arc_pg_values *v, const uint8_t mark[ARC_STORE_MARK_BYTES]);

/* Executes a statement with its values; v may be NULL. *result, to be cleared with PQclear, is NULL after a failure. result may
 * be NULL when only success matters. */
arc_status arc_pg_run(arc_pg *s, const arc_pg_statement *statement, const arc_pg_values *v, PGresult **result, arc_error *err);
/* The number in the first row and column of what a statement gives; *there false, and 0: no row. there may be NULL. */
arc_status arc_pg_ask(arc_pg *s, const arc_pg_statement *statement, const arc_pg_values *v, int64_t *value, bool *there,
                      arc_error *err);
/* A listing goes page by page: `values` adds the statement's values, which say where a page begins, and `row` gets each row of
 * it. The statement gives page_rows at most; one that gives fewer is the last. */
typedef void arc_pg_values_fn(const void *arg, arc_pg_values *v);
typedef arc_status arc_pg_row_fn(void *arg, const PGresult *r, int at, arc_error *err);
arc_status arc_pg_list(arc_pg *s, const arc_pg_statement *statement, int page_rows, arc_pg_values_fn *values, arc_pg_row_fn *row,
                       void *arg, arc_error *err);
/* Executes one that changes rows: how many. */
arc_status arc_pg_change(arc_pg *s, const arc_pg_statement *statement, const arc_pg_values *v, int64_t *rows, arc_error *err);
/* A statement that names a table by a number, so that it cannot be prepared once for all galleries; as arc_pg_run otherwise. */
arc_status arc_pg_query(arc_pg *s, const char *sql, const char *what, const arc_pg_values *v, PGresult **result, arc_error *err);
/* SQL text without values, one or more commands. */
arc_status arc_pg_text(arc_pg *s, const char *sql, const char *what, arc_error *err);
/* Status and sentence of a failed result (NULL: of the connection). */
arc_status arc_pg_fail(arc_pg *s, const PGresult *result, const char *what, arc_error *err);

bool arc_pg_null(const PGresult *r, int row, int column);
int64_t arc_pg_int(const PGresult *r, int row, int column);     /* of int8; 0 for null */
double arc_pg_real(const PGresult *r, int row, int column);     /* of float8; NAN for null */
arc_bytes arc_pg_bytes(const PGresult *r, int row, int column); /* of bytea and text; lives as long as the result */

/* An array of PostgreSQL, to be given to one statement instead of many rows. The first failure is kept until it is added. */
typedef struct arc_pg_array {
    arc_buffer buffer;
    int64_t count, at;
    arc_status st;
} arc_pg_array;

typedef enum arc_pg_type { ARC_PG_BYTEA = 17, ARC_PG_INT8 = 20, ARC_PG_FLOAT8 = 701 } arc_pg_type; /* of the elements */

void arc_pg_array_begin(arc_pg_array *a, const arc_alloc *alloc, arc_pg_type type, int64_t count);
void arc_pg_array_int(arc_pg_array *a, int64_t value);
void arc_pg_array_real(arc_pg_array *a, double value);                                             /* NAN: null */
void arc_pg_array_bytes(arc_pg_array *a, arc_bytes value);                                         /* empty: null */
void arc_pg_array_ids(arc_pg_array *a, const arc_alloc *alloc, const int64_t *ids, int64_t count); /* begins and fills one */
arc_status arc_pg_add_array(arc_pg_values *v, const arc_pg_array *a, arc_error *err); /* ENOMEM, ELIMIT: what failed before */
void arc_pg_array_free(arc_pg_array *a);

/* ---- tables.c ---- */

#define ARC_PG_STEP_PARTS 2
/* [arc_pg_step_count] SQL text that leads from version i to version i + 1; parts that are not needed are NULL. */
extern const char *const arc_pg_steps[][ARC_PG_STEP_PARTS];
extern const size_t arc_pg_step_count;

/* ---- schema.c ---- */

/* Finds the tables and the gallery, makes or upgrades them where the flags allow it, and sets s->gallery. */
arc_status arc_pg_schema(arc_pg *s, arc_error *err);
arc_status arc_pg_schema_version(arc_pg *s, int64_t *version, arc_error *err);

/* ---- transaction.c ---- */

arc_status arc_pg_begin(arc_gallery_store *store, bool write, arc_error *err);
arc_status arc_pg_commit(arc_gallery_store *store, arc_error *err);
void arc_pg_rollback(arc_gallery_store *store);
arc_status arc_pg_wait(arc_gallery_store *store, int timeout_ms, bool *changed, arc_error *err);
/* Connected, and the gallery found there. */
arc_status arc_pg_ready(arc_pg *s, arc_error *err);
/* Makes a revision if this transaction has not made one yet. */
arc_status arc_pg_revise(arc_pg *s, arc_error *err);

/* ---- gallery.c: the gallery's values, revisions and ids ---- */

arc_status arc_pg_meta_get(arc_gallery_store *store, const char *key, arc_buffer *out, bool *found, arc_error *err);
arc_status arc_pg_meta_put(arc_gallery_store *store, const char *key, arc_bytes value, arc_error *err);
arc_status arc_pg_meta_each(arc_gallery_store *store, arc_meta_visit *visit, void *arg, arc_error *err);
arc_status arc_pg_revision(arc_gallery_store *store, int64_t *revision, uint8_t mark[ARC_STORE_MARK_BYTES], arc_error *err);
arc_status arc_pg_changes(arc_gallery_store *store, int64_t after, const uint8_t mark[ARC_STORE_MARK_BYTES], bool *known,
                          arc_change_visit *visit, void *arg, arc_error *err);
arc_status arc_pg_counts(arc_gallery_store *store, arc_store_counts *out, arc_error *err);
arc_status arc_pg_reserve(arc_gallery_store *store, arc_store_ids of, int64_t count, int64_t *first, arc_error *err);
arc_status arc_pg_galleries(arc_gallery_store *store, arc_gallery_name_visit *visit, void *arg, arc_error *err);
arc_status arc_pg_check(arc_gallery_store *store, arc_problem_visit *problem, void *arg, arc_error *err);
arc_status arc_pg_compact(arc_gallery_store *store, bool *complete, arc_error *err);

/* ---- identity.c ---- */

arc_status arc_pg_identity_put(arc_gallery_store *store, const arc_identity_row *row, arc_error *err);
arc_status arc_pg_identity_update(arc_gallery_store *store, const arc_identity_row *row, arc_error *err);
arc_status arc_pg_identity_get(arc_gallery_store *store, int64_t id, arc_identity_visit *visit, void *arg, arc_error *err);
arc_status arc_pg_identity_find(arc_gallery_store *store, arc_bytes name_key, int64_t *id, bool *found, arc_error *err);
arc_status arc_pg_identity_remove(arc_gallery_store *store, int64_t id, arc_error *err);
arc_status arc_pg_identity_each(arc_gallery_store *store, int64_t after_id, arc_identity_visit *visit, void *arg, arc_error *err);
/* ENOTFOUND unless the gallery has it. */
arc_status arc_pg_identity_there(arc_pg *s, int64_t id, arc_error *err);

/* ---- template.c ---- */

arc_status arc_pg_template_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err);
arc_status arc_pg_embedding_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, bool current,
                                arc_error *err);
arc_status arc_pg_template_rewrite(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err);

/* ---- template_read.c: reading, removing and moving ---- */

arc_status arc_pg_template_each(arc_gallery_store *store, const arc_template_query *q, arc_template_visit *visit, void *arg,
                                arc_error *err);
arc_status arc_pg_source_find(arc_gallery_store *store, arc_bytes source_sha256, int64_t *id, int64_t *identity, bool *found,
                              arc_error *err);
arc_status arc_pg_template_remove(arc_gallery_store *store, const int64_t *ids, int64_t count, arc_error *err);
arc_status arc_pg_template_move(arc_gallery_store *store, int64_t from_identity, int64_t to_identity, arc_error *err);
arc_status arc_pg_generation_drop(arc_gallery_store *store, int generation, int64_t most, bool *left, arc_error *err);

/* ---- pgvector.c: the extension that compares vectors ---- */

/* Finds it in this data base and sets s->vector_type and s->vector_schema. Errors: EUNSUPPORTED, with what to install. */
arc_status arc_pg_pgvector(arc_pg *s, arc_error *err);
/* Installs it if the server has it and this data base has not. */
arc_status arc_pg_pgvector_install(arc_pg *s, arc_error *err);
/* Room for "arcface.vectors_GALLERY_GENERATION". */
#define ARC_PG_VECTOR_TABLE_BYTES 80
void arc_pg_vectors_table(const arc_pg *s, int generation, char name[ARC_PG_VECTOR_TABLE_BYTES]);
/* A vector in the extension's binary format, [ARC_PG_VECTOR_BYTES(dim)], of little-endian float32 [dim]. */
#define ARC_PG_VECTOR_BYTES(dim) (4 + 4 * (size_t)(dim))
void arc_pg_vector(const void *embedding, int dim, uint8_t *out);

/* ---- vectors.c: copies of embeddings that the server can compare; nearest.c: comparing them ---- */

extern const arc_store_vectors_type arc_pg_vectors_type;
/* Within a write transaction that puts these embeddings: their copies, if such are kept of their generations. */
arc_status arc_pg_vectors_put(arc_pg *s, const arc_template_row *rows, int64_t count, arc_error *err);
arc_status arc_pg_vectors_drop(arc_gallery_store *store, int generation, arc_error *err);
/* Within a transaction: visits a sentence for each generation of which copies are lacking. */
arc_status arc_pg_vectors_check(arc_pg *s, arc_problem_visit *problem, void *arg, arc_error *err);
/* Outside of a transaction: the space of removed copies is given back. */
arc_status arc_pg_vectors_vacuum(arc_pg *s, arc_error *err);
arc_status arc_pg_nearest(arc_gallery_store *store, const arc_store_nearest *q, int64_t *id, double *cosine, int64_t *found,
                          arc_error *err);
double arc_pg_margin(int dim);

/* ---- log.c: negatives and the audit log ---- */

arc_status arc_pg_negative_put(arc_gallery_store *store, const arc_negative_row *row, arc_error *err);
arc_status arc_pg_negative_each(arc_gallery_store *store, int64_t identity, int generation, arc_negative_visit *visit, void *arg,
                                arc_error *err);
arc_status arc_pg_negative_remove(arc_gallery_store *store, int64_t id, arc_error *err);
arc_status arc_pg_audit_put(arc_gallery_store *store, const arc_audit_row *row, arc_error *err);
arc_status arc_pg_audit_each(arc_gallery_store *store, int64_t after_id, arc_audit_visit *visit, void *arg, arc_error *err);

#endif
