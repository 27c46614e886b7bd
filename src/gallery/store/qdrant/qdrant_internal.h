/* gallery/store/qdrant: what the files of this folder share. A gallery is two collections: COLLECTION holds its templates, each a
 * point under the template's id, and COLLECTION_people everything else. Truth is the payload: bytes in base64. Vectors are copies
 * for other clients of Qdrant; nothing here reads them.
 *
 * Transactions. Qdrant changes one point at a time as a whole, and a change by filter compares before it writes. Everything
 * rests on that:
 * - The head, one point, has the number of the last commit, counters, counts and the lock. Writers take turns by the lock, which
 *   is taken over from a writer that has given no sign of life for a while.
 * - A write transaction collects its rows in memory. Committing puts them into journal points, then changes the head, if the lock
 *   and the number are still its own, to the next number with `pending`: from then on it is committed. Then the rows are written
 *   to their points, `pending` is cleared and the journal deleted.
 * - Whoever finds `pending` waits, and after a while writes the rows from the journal again. A point is only overwritten by a
 *   higher commit (update_filter), and what is removed leaves a point without content behind, so that a writer that comes late
 *   changes nothing. These points are also what an index learns removals from. */
#ifndef ARC_GALLERY_QDRANT_INTERNAL_H
#define ARC_GALLERY_QDRANT_INTERNAL_H

#include "gallery/store/store.h"
#include <curl/curl.h>
#include <jansson.h>

#define ARC_QD_SCHEMA 1
#define ARC_QD_OLDEST_MINOR 16                 /* of version 1: the first with update_filter */
#define ARC_QD_REPLY_BYTES ((size_t)256 << 20) /* of the largest reply */
#define ARC_QD_PIECE_BYTES ((size_t)6 << 20)   /* of rows in a request; the server's own limit is 32 MB */
#define ARC_QD_PAGE 512                        /* points in a request */
#define ARC_QD_PAGE_WITH_CROPS 32              /* the same where each may have some ten kB */
#define ARC_QD_MOST ((int64_t)1 << 49)         /* of numbers: eight times as much is exact in a double of other clients */
#define ARC_QD_NAME_BYTES 160                  /* of a collection's name */
#define ARC_QD_TOKEN_BYTES (2 * ARC_STORE_MARK_BYTES + 1)
#define ARC_QD_NONE "-" /* no token */

/* Which point: those of one collection have ids that begin with their own. */
typedef enum arc_qd_kind {
    ARC_QD_HEAD,
    ARC_QD_META,
    ARC_QD_COMMIT,
    ARC_QD_IDENTITY,
    ARC_QD_NEGATIVE,
    ARC_QD_AUDIT,
    ARC_QD_JOURNAL,
    ARC_QD_TEMPLATE,
    ARC_QD_KINDS
} arc_qd_kind;

/* Numbers of the head, by the names that head.c lists in this order. */
enum {
    ARC_QD_H_SCHEMA,
    ARC_QD_H_COMMIT,   /* of the last one */
    ARC_QD_H_REVISION, /* store.h */
    ARC_QD_H_BEAT,     /* the lock's owner is alive: rises */
    ARC_QD_H_JOURNAL,  /* first id of the pending journal, and how many points it has */
    ARC_QD_H_PIECES,
    ARC_QD_H_NEXT_IDENTITY,
    ARC_QD_H_NEXT_TEMPLATE,
    ARC_QD_H_NEXT_NEGATIVE,
    ARC_QD_H_NEXT_AUDIT,
    ARC_QD_H_IDENTITIES,
    ARC_QD_H_TEMPLATES,
    ARC_QD_H_NEGATIVES,
    ARC_QD_H_CROPS,
    ARC_QD_H_AUDITS,
    ARC_QD_H_NUMBERS
};

typedef struct arc_qd_head {
    int64_t number[ARC_QD_H_NUMBERS];
    char mark[ARC_QD_TOKEN_BYTES];    /* of the revision */
    char lock[ARC_QD_TOKEN_BYTES];    /* token of the writing transaction, or NONE */
    char pending[ARC_QD_TOKEN_BYTES]; /* token of the commit whose rows are being written, or NONE */
} arc_qd_head;

typedef struct arc_qd {
    arc_gallery_store base;
    arc_context *ctx;
    char server[300];                                             /* "http://host:port" */
    char label[512];                                              /* "qdrant host:port/collection", for messages */
    char people[ARC_QD_NAME_BYTES], templates[ARC_QD_NAME_BYTES]; /* collections */
    char collection[ARC_QD_NAME_BYTES];                           /* as it was given: other galleries have a suffix */
    int flags;
    int patience_ms; /* after which a writer that gives no sign of life is taken for dead */
    CURL *curl;
    struct curl_slist *headers; /* with the key */
    arc_buffer reply, body;
    int dim; /* of the templates' vectors; 0: no such collection yet; -1: not looked yet */
    bool within, writing, revised;
    char token[ARC_QD_TOKEN_BYTES]; /* of the transaction that writes */
    uint64_t beat_ns;               /* when it gave its last sign of life */
    arc_qd_head head;               /* in a transaction: as it was at the beginning, with what it changes */
    json_t *written[ARC_QD_KINDS];  /* id: payload, of a transaction that writes */
    json_t *read[ARC_QD_KINDS];     /* the same of what it has read whole; null: is not there */
    json_t *names;                  /* "name_sha": id, of the people in `written` */
    int64_t seen;                   /* number of the commit that wait saw last; -1: none yet */
} arc_qd;

static inline arc_qd *arc_qd_of(arc_gallery_store *s) {
    return (arc_qd *)(void *)s;
}

/* ---- request.c ---- */

typedef struct arc_qd_reply {
    long code;      /* 200, 404 or 409; everything else is an error */
    json_t *result; /* a new reference; NULL unless 200 */
} arc_qd_reply;

/* One request, tried again after a while where the server is busy or cannot be reached: every request of this store may arrive
 * twice. collection: NULL: none; body: taken over, NULL: none. Errors: ENETWORK, EINVAL (the key), ELIMIT, ECORRUPT (no JSON). */
arc_status arc_qd_call(arc_qd *s, const char *method, const char *collection, const char *tail, json_t *body, arc_qd_reply *reply,
                       arc_error *err);
/* The same for one that changes points: it has been done when this returns. ENOTFOUND: no such collection. */
arc_status arc_qd_update(arc_qd *s, const char *method, const char *collection, const char *tail, json_t *body, arc_error *err);
/* The same for one that must have an answer, of this type. */
arc_status arc_qd_ask(arc_qd *s, const char *collection, const char *tail, json_t *body, json_type type, json_t **result,
                      arc_error *err);
void arc_qd_sleep(int ms);

/* ---- value.c: fields of payloads, which come from outside; and filters ---- */

const char *arc_qd_kind_name(arc_qd_kind kind);
const char *arc_qd_collection(const arc_qd *s, arc_qd_kind kind);
int64_t arc_qd_point_id(arc_qd_kind kind, int64_t id);
bool arc_qd_live(const json_t *payload); /* a row, not what a removed one left; NULL: false */

arc_status arc_qd_set_bytes(json_t *payload, const char *key, arc_bytes value, arc_error *err); /* empty: no such field */
void arc_qd_set_int(json_t *payload, const char *key, int64_t value);
/* 0 to ARC_QD_MOST, else ECORRUPT. */
arc_status arc_qd_get_int(const arc_qd *s, const json_t *payload, const char *key, int64_t *out, arc_error *err);

/* Appends it as text; real numbers with what a float needs. */
arc_status arc_qd_put_json(arc_buffer *out, const json_t *json, arc_error *err);

/* Room for the bytes of one payload at a time; what it gives lives until the next one begins. */
typedef struct arc_qd_decoder {
    const arc_qd *s;
    const json_t *payload;
    arc_buffer room;
    uint8_t *at;
} arc_qd_decoder;
void arc_qd_decoder_init(arc_qd_decoder *d, const arc_qd *s);
void arc_qd_decoder_free(arc_qd_decoder *d);
arc_status arc_qd_decode(arc_qd_decoder *d, const json_t *payload, arc_error *err);
arc_status arc_qd_get_bytes(arc_qd_decoder *d, const char *key, arc_bytes *out, arc_error *err); /* none: empty */

/* Which rows of a kind; what is 0 or NULL does not matter. */
typedef struct arc_qd_filter {
    arc_qd_kind kind;
    int64_t after; /* ids behind it */
    int64_t identity, generation;
    bool all;               /* also what removed ones left ... */
    int64_t newer;          /* ... of revisions above this */
    const char *key, *text; /* this field is this text */
    const char *has;        /* this field is there */
} arc_qd_filter;
json_t *arc_qd_filter_json(const arc_qd_filter *f);
bool arc_qd_filter_match(const arc_qd_filter *f, int64_t id, const json_t *payload);

/* ---- head.c ---- */

/* *found false: there is none. */
arc_status arc_qd_head_read(arc_qd *s, arc_qd_head *head, bool *found, arc_error *err);
/* A head that is not there is made; one that is there stays. */
arc_status arc_qd_head_make(arc_qd *s, arc_error *err);
json_t *arc_qd_head_json(const arc_qd_head *head);
/* Changes fields of the head (taken over) if lock, pending and commit are those of `expected`. Whether it did tells reading. */
arc_status arc_qd_head_swap(arc_qd *s, const arc_qd_head *expected, json_t *changes, arc_error *err);
/* Sets s->head. ENOTFOUND: there is none any more. */
arc_status arc_qd_need_head(arc_qd *s, arc_error *err);
/* Somebody who waits for the lock; zeros at the beginning. */
typedef struct arc_qd_queue {
    uint64_t start_ns, since_ns; /* since when it waits, and since when the owner gave no sign of life */
    char owner[ARC_QD_TOKEN_BYTES];
    int64_t beat;
} arc_qd_queue;
/* Takes the lock if it is free, or its owner dead, and nothing is pending in s->head; s->head is the head then. EIO: others have
 * been writing too long. */
arc_status arc_qd_try_lock(arc_qd *s, arc_qd_queue *queue, bool *got, arc_error *err);
void arc_qd_unlock(arc_qd *s);
/* A sign of life, when the last one was a while ago. */
void arc_qd_beat(arc_qd *s);

/* ---- rows.c: rows as this transaction sees them ---- */

typedef arc_status arc_qd_visit(void *arg, int64_t id, const json_t *payload, arc_error *err);

/* In the order of ids. fields: names of those that are wanted, ending with NULL; NULL: all. */
arc_status arc_qd_each(arc_qd *s, const arc_qd_filter *f, const char *const *fields, arc_qd_visit *visit, void *arg,
                       arc_error *err);
/* In the order of `ids`; those that are not there are skipped. */
arc_status arc_qd_each_of(arc_qd *s, arc_qd_kind kind, const int64_t *ids, int64_t count, const char *const *fields,
                          arc_qd_visit *visit, void *arg, arc_error *err);
/* Whole rows are read before they are got one by one. */
arc_status arc_qd_prefetch(arc_qd *s, arc_qd_kind kind, const int64_t *ids, int64_t count, arc_error *err);
/* *payload: a new reference, NULL when it is not there. */
arc_status arc_qd_get(arc_qd *s, arc_qd_kind kind, int64_t id, json_t **payload, arc_error *err);
/* payload: taken over; NULL: it is removed. old: the row before, NULL: none; counts follow from both. */
arc_status arc_qd_put(arc_qd *s, arc_qd_kind kind, int64_t id, json_t *payload, const json_t *old, arc_error *err);
/* Makes a revision if this transaction has not made one yet. */
void arc_qd_revise(arc_qd *s);
void arc_qd_forget(arc_qd *s);

/* ---- collection.c ---- */

/* Makes the collections that are missing. dim 0: the one of people. */
arc_status arc_qd_collection_make(arc_qd *s, const char *name, int dim, arc_error *err);
/* How many points of a collection match a filter of Qdrant (taken over), exactly. */
arc_status arc_qd_count(arc_qd *s, const char *collection, json_t *filter, int64_t *count, arc_error *err);
/* Sets s->dim. */
arc_status arc_qd_look_dim(arc_qd *s, arc_error *err);
/* Finds the gallery, makes it where the flags allow it. */
arc_status arc_qd_find(arc_qd *s, arc_error *err);
arc_status arc_qd_galleries(arc_gallery_store *store, arc_gallery_name_visit *visit, void *arg, arc_error *err);

/* ---- write.c ---- */

/* Writes rows, [[kind, id, payload], ...], to their points, where these are of an earlier commit. */
arc_status arc_qd_write(arc_qd *s, const json_t *rows, int64_t commit, arc_error *err);

/* ---- transaction.c ---- */

arc_status arc_qd_begin(arc_gallery_store *store, bool write, arc_error *err);
arc_status arc_qd_commit(arc_gallery_store *store, arc_error *err);
void arc_qd_rollback(arc_gallery_store *store);
arc_status arc_qd_wait(arc_gallery_store *store, int timeout_ms, bool *changed, arc_error *err);
arc_status arc_qd_compact(arc_gallery_store *store, bool *complete, arc_error *err);

/* ---- gallery.c ---- */

arc_status arc_qd_meta_get(arc_gallery_store *store, const char *key, arc_buffer *out, bool *found, arc_error *err);
arc_status arc_qd_meta_put(arc_gallery_store *store, const char *key, arc_bytes value, arc_error *err);
arc_status arc_qd_meta_each(arc_gallery_store *store, arc_meta_visit *visit, void *arg, arc_error *err);
arc_status arc_qd_revision(arc_gallery_store *store, int64_t *revision, uint8_t mark[ARC_STORE_MARK_BYTES], arc_error *err);
arc_status arc_qd_changes(arc_gallery_store *store, int64_t after, const uint8_t mark[ARC_STORE_MARK_BYTES], bool *known,
                          arc_change_visit *visit, void *arg, arc_error *err);
arc_status arc_qd_counts(arc_gallery_store *store, arc_store_counts *out, arc_error *err);
arc_status arc_qd_reserve(arc_gallery_store *store, arc_store_ids of, int64_t count, int64_t *first, arc_error *err);
arc_status arc_qd_check(arc_gallery_store *store, arc_problem_visit *problem, void *arg, arc_error *err);

/* ---- identity.c ---- */

arc_status arc_qd_identity_put(arc_gallery_store *store, const arc_identity_row *row, arc_error *err);
arc_status arc_qd_identity_update(arc_gallery_store *store, const arc_identity_row *row, arc_error *err);
arc_status arc_qd_identity_get(arc_gallery_store *store, int64_t id, arc_identity_visit *visit, void *arg, arc_error *err);
arc_status arc_qd_identity_find(arc_gallery_store *store, arc_bytes name_key, int64_t *id, bool *found, arc_error *err);
arc_status arc_qd_identity_each(arc_gallery_store *store, int64_t after_id, arc_identity_visit *visit, void *arg, arc_error *err);
/* The identity has so many templates more; ENOTFOUND. */
arc_status arc_qd_count_templates(arc_qd *s, int64_t identity, int64_t more, arc_error *err);

/* ---- template.c, template_read.c ---- */

arc_status arc_qd_template_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err);
arc_status arc_qd_source_find(arc_gallery_store *store, arc_bytes source_sha256, int64_t *id, int64_t *identity, bool *found,
                              arc_error *err);
arc_status arc_qd_embedding_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, bool current,
                                arc_error *err);
arc_status arc_qd_template_rewrite(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err);
arc_status arc_qd_generation_drop(arc_gallery_store *store, int generation, int64_t most, bool *left, arc_error *err);
arc_status arc_qd_template_each(arc_gallery_store *store, const arc_template_query *q, arc_template_visit *visit, void *arg,
                                arc_error *err);
arc_status arc_qd_template_remove(arc_gallery_store *store, const int64_t *ids, int64_t count, arc_error *err);
arc_status arc_qd_identity_remove(arc_gallery_store *store, int64_t id, arc_error *err);
arc_status arc_qd_template_move(arc_gallery_store *store, int64_t from_identity, int64_t to_identity, arc_error *err);
/* Ids of rows that match, `most` at most, to be freed by arc_mem_free. */
arc_status arc_qd_ids_of(arc_qd *s, const arc_qd_filter *f, int64_t most, int64_t **ids, int64_t *count, arc_error *err);

/* ---- log.c ---- */

arc_status arc_qd_negative_put(arc_gallery_store *store, const arc_negative_row *row, arc_error *err);
arc_status arc_qd_negative_each(arc_gallery_store *store, int64_t identity, int generation, arc_negative_visit *visit, void *arg,
                                arc_error *err);
arc_status arc_qd_negative_remove(arc_gallery_store *store, int64_t id, arc_error *err);
arc_status arc_qd_audit_put(arc_gallery_store *store, const arc_audit_row *row, arc_error *err);
arc_status arc_qd_audit_each(arc_gallery_store *store, int64_t after_id, arc_audit_visit *visit, void *arg, arc_error *err);

#endif
