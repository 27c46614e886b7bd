/* gallery/store: what a gallery needs of a data base, as a table of functions, and the data bases that provide it, in folders of
 * their own. A store holds bytes and numbers; it knows nothing of models, sealing or search. Blobs that may be sealed are opaque
 * to it. One store holds any number of galleries; an open store is one of them.
 *
 * Transactions. Every function but open, close, begin, wait, check and compact is called within one: begin ... commit, or
 * rollback. What is read in a transaction is one state of the gallery, whatever other processes write meanwhile. One transaction
 * writes at a time; another that begins to write waits for it, 10 s at most. What commit acknowledged is on the disk: neither
 * kill -9 nor a power failure takes it back. After a failed function the transaction can only be rolled back.
 *
 * Ids are reserved before rows are put (they are part of what sealed blobs are bound to), rise, and are never used twice,
 * whatever the clock says and whatever was removed.
 *
 * Revisions. A write transaction that changes templates makes one new revision of the gallery: the number rises by one, and with
 * it comes a mark, 16 random bytes. An index that was built at (revision, mark) is followed up by `changes`; if the store never
 * had that mark at that revision (another gallery, a restored backup), the index is foreign and is built anew.
 *
 * Generations. A template has one embedding for each model of the gallery: that of the bound model, and while the gallery moves
 * to another model also that of the next one. A generation is the number of such a model, from 1.
 *
 * Threads: one at a time for an open store. */
#ifndef ARC_GALLERY_STORE_H
#define ARC_GALLERY_STORE_H

#include "base/base.h"

#define ARC_STORE_MARK_BYTES 16
#define ARC_STORE_GALLERY_NAME_BYTES 64 /* of letters, digits, - _ . */

typedef struct arc_identity_row {
    int64_t id;
    arc_bytes name_key; /* unique in the gallery: what names are looked up by (the name, or a keyed hash of it) */
    arc_bytes name;     /* UTF-8, or sealed */
    arc_bytes note;     /* JSON, or sealed; empty: none */
    double threshold;   /* NAN: the gallery's */
    int64_t created_ms, changed_ms;
    int64_t templates; /* when read: how many it has */
} arc_identity_row;

typedef struct arc_template_row {
    int64_t id, identity;
    int64_t revision;        /* when read: of the gallery when it was last put, moved or given another embedding */
    int generation;          /* of the embedding */
    arc_bytes embedding;     /* float32 [dim] little-endian unit vector, or sealed; empty when read: none of this generation */
    arc_bytes crop;          /* picture file of the aligned crop, or sealed; empty: none */
    arc_bytes source_sha256; /* 32 bytes of the photo, or a keyed hash; empty: unknown */
    arc_bytes detail;        /* JSON of detector score and the like, or sealed; empty: none */
    float quality;           /* combined, 0 to 1; NAN: unknown */
    int64_t created_ms;
} arc_template_row;

/* Somebody said that this is not the identity. */
typedef struct arc_negative_row {
    int64_t id, identity;
    int generation;
    arc_bytes embedding; /* as a template's */
    int64_t created_ms;
} arc_negative_row;

/* Append-only: there is no function that changes or removes one. It holds ids, no names. */
typedef struct arc_audit_row {
    int64_t id; /* given by the store */
    int64_t when_ms;
    arc_bytes actor, action, subject, detail; /* UTF-8 */
} arc_audit_row;

/* A change that an index has to follow: the template is gone, or is new, has another owner or another embedding. */
typedef struct arc_change_row {
    int64_t revision, template_id;
    int64_t identity; /* its owner now; 0 if it is gone */
    bool removed;
} arc_change_row;

typedef struct arc_store_counts {
    int64_t identities, templates, negatives, crops, audits;
    int64_t bytes;  /* of the data base, with the other galleries in it */
    int64_t schema; /* version of the tables */
} arc_store_counts;

/* Which parts of a template are read; the others are empty then. */
enum { ARC_READ_EMBEDDING = 1, ARC_READ_CROP = 2, ARC_READ_DETAIL = 4 /* and source_sha256 */ };

/* Which templates, in the order of their ids, or of a list of ids. */
typedef struct arc_template_query {
    int64_t after_id;   /* those behind it; 0: from the first one */
    int64_t identity;   /* only this one's; 0: all */
    int generation;     /* whose embeddings are read */
    int parts;          /* ARC_READ_* */
    const int64_t *ids; /* [id_count] only these, in this order; ids that are not there are skipped; NULL: all */
    int64_t id_count;
} arc_template_query;

/* Visitors get rows that are theirs until they return. Any status but ARC_OK ends the listing, which then returns it. They must
 * not change the store; they may read it. */
typedef arc_status arc_identity_visit(void *arg, const arc_identity_row *row, arc_error *err);
typedef arc_status arc_template_visit(void *arg, const arc_template_row *row, arc_error *err);
typedef arc_status arc_negative_visit(void *arg, const arc_negative_row *row, arc_error *err);
typedef arc_status arc_audit_visit(void *arg, const arc_audit_row *row, arc_error *err);
typedef arc_status arc_change_visit(void *arg, const arc_change_row *row, arc_error *err);
typedef arc_status arc_meta_visit(void *arg, const char *key, arc_bytes value, arc_error *err);
typedef arc_status arc_problem_visit(void *arg, const char *sentence, arc_error *err);
typedef arc_status arc_gallery_name_visit(void *arg, const char *name, arc_error *err);

typedef enum arc_store_ids { ARC_IDS_IDENTITY, ARC_IDS_TEMPLATE, ARC_IDS_NEGATIVE } arc_store_ids;

enum { ARC_STORE_CREATE = 1, ARC_STORE_READ_ONLY = 2 };

typedef struct arc_gallery_store_type arc_gallery_store_type;
typedef struct arc_store_vectors_type arc_store_vectors_type; /* vectors.h */

/* What every open store begins with; the rest is its own. */
typedef struct arc_gallery_store {
    const arc_gallery_store_type *type;
} arc_gallery_store;

struct arc_gallery_store_type {
    const char *scheme;                    /* "sqlite", "postgres", "qdrant" */
    const arc_store_vectors_type *vectors; /* NULL: its data base compares no embeddings */

    /* gallery: its name in the store. flags: CREATE makes store and gallery if they are not there; without it they are
     * ENOTFOUND. Errors: EFORMAT (not a gallery store), EUNSUPPORTED (made by a newer version), ECORRUPT, EIO, ENETWORK,
     * EINVAL (the name). *out is NULL after a failure. */
    arc_status (*open)(arc_context *ctx, const char *location, const char *gallery, int flags, arc_gallery_store **out,
                       arc_error *err);
    void (*close)(arc_gallery_store **store); /* NULL-safe; an open transaction is rolled back */

    arc_status (*begin)(arc_gallery_store *s, bool write, arc_error *err); /* EIO: another process has been writing too long */
    arc_status (*commit)(arc_gallery_store *s, arc_error *err);            /* after a failure nothing of it is there */
    void (*rollback)(arc_gallery_store *s);                                /* no transaction: nothing */

    /* Small values by name, such as the binding. out: the bytes are appended. */
    arc_status (*meta_get)(arc_gallery_store *s, const char *key, arc_buffer *out, bool *found, arc_error *err);
    arc_status (*meta_put)(arc_gallery_store *s, const char *key, arc_bytes value, arc_error *err); /* data NULL: removes it */
    arc_status (*meta_each)(arc_gallery_store *s, arc_meta_visit *visit, void *arg, arc_error *err);

    /* 0 and the mark that the gallery was made with, for a new gallery. */
    arc_status (*revision)(arc_gallery_store *s, int64_t *revision, uint8_t mark[ARC_STORE_MARK_BYTES], arc_error *err);
    /* Changes behind `after`, of each template the last one, in the order of their revisions. *known false, and no visit: the
     * store had never this mark at this revision, or has forgotten what was removed since: build anew. */
    arc_status (*changes)(arc_gallery_store *s, int64_t after, const uint8_t mark[ARC_STORE_MARK_BYTES], bool *known,
                          arc_change_visit *visit, void *arg, arc_error *err);
    arc_status (*counts)(arc_gallery_store *s, arc_store_counts *out, arc_error *err);

    /* `count` ids, *first to *first + count - 1, that no row has or had and no other transaction gets. */
    arc_status (*reserve)(arc_gallery_store *s, arc_store_ids of, int64_t count, int64_t *first, arc_error *err);

    /* row->id: reserved. EINVAL: the name_key is taken. */
    arc_status (*identity_put)(arc_gallery_store *s, const arc_identity_row *row, arc_error *err);
    /* Writes everything but id, created_ms and templates. ENOTFOUND; EINVAL: the name_key is taken. */
    arc_status (*identity_update)(arc_gallery_store *s, const arc_identity_row *row, arc_error *err);
    arc_status (*identity_get)(arc_gallery_store *s, int64_t id, arc_identity_visit *visit, void *arg,
                               arc_error *err); /* ENOTFOUND */
    arc_status (*identity_find)(arc_gallery_store *s, arc_bytes name_key, int64_t *id, bool *found, arc_error *err);
    arc_status (*identity_remove)(arc_gallery_store *s, int64_t id, arc_error *err); /* with templates and negatives; ENOTFOUND */
    /* In the order of ids, those behind after_id. */
    arc_status (*identity_each)(arc_gallery_store *s, int64_t after_id, arc_identity_visit *visit, void *arg, arc_error *err);

    /* ids: reserved; identities: there, else ENOTFOUND. */
    arc_status (*template_put)(arc_gallery_store *s, const arc_template_row *rows, int64_t count, arc_error *err);
    /* A template that was made from this photo, the first one. source_sha256: as it was put. */
    arc_status (*source_find)(arc_gallery_store *s, arc_bytes source_sha256, int64_t *id, int64_t *identity, bool *found,
                              arc_error *err);
    /* Gives templates that are there another embedding of their generation (migration, rotation of a key): id, generation,
     * embedding of each row. current: an index of this generation has to follow, so that it makes a revision. */
    arc_status (*embedding_put)(arc_gallery_store *s, const arc_template_row *rows, int64_t count, bool current, arc_error *err);
    /* Overwrites crop, source_sha256 and detail of templates that are there (rotation of a key); makes no revision. */
    arc_status (*template_rewrite)(arc_gallery_store *s, const arc_template_row *rows, int64_t count, arc_error *err);
    /* All embeddings and negatives of a generation are removed, at most `most` at a time. *left: some are there still. */
    arc_status (*generation_drop)(arc_gallery_store *s, int generation, int64_t most, bool *left, arc_error *err);
    arc_status (*template_each)(arc_gallery_store *s, const arc_template_query *q, arc_template_visit *visit, void *arg,
                                arc_error *err);
    arc_status (*template_remove)(arc_gallery_store *s, const int64_t *ids, int64_t count, arc_error *err); /* ENOTFOUND */
    /* All templates and negatives of one identity become another's. */
    arc_status (*template_move)(arc_gallery_store *s, int64_t from_identity, int64_t to_identity, arc_error *err);

    arc_status (*negative_put)(arc_gallery_store *s, const arc_negative_row *row, arc_error *err); /* id: reserved, or there */
    arc_status (*negative_each)(arc_gallery_store *s, int64_t identity, int generation, arc_negative_visit *visit, void *arg,
                                arc_error *err); /* identity 0: all */
    arc_status (*negative_remove)(arc_gallery_store *s, int64_t id, arc_error *err);

    arc_status (*audit_put)(arc_gallery_store *s, const arc_audit_row *row, arc_error *err);
    arc_status (*audit_each)(arc_gallery_store *s, int64_t after_id, arc_audit_visit *visit, void *arg, arc_error *err);

    /* Outside of a transaction: waits until another process may have changed the gallery, timeout_ms at most (0: only looks).
     * *changed may be true for nothing, never false for something that was acknowledged before the call. */
    arc_status (*wait)(arc_gallery_store *s, int timeout_ms, bool *changed, arc_error *err);
    /* Outside of a transaction: visits a sentence for each thing that is wrong with the store's own structure. */
    arc_status (*check)(arc_gallery_store *s, arc_problem_visit *problem, void *arg, arc_error *err);
    /* Outside of a transaction, after a removal: nothing of what was removed is left in any file. *complete false: a reader of
     * another process holds an old state; call again. */
    arc_status (*compact)(arc_gallery_store *s, bool *complete, arc_error *err);
    /* The galleries in the store. */
    arc_status (*galleries)(arc_gallery_store *s, arc_gallery_name_visit *visit, void *arg, arc_error *err);
};

/* open.c: the type by the location's scheme: "postgres://..." and "postgresql://...", "qdrant://..." and "qdrants://..."; all
 * else is a path of SQLite. `gallery` and flags as above. Errors: also EMISSING, where this build has no such store. */
arc_status arc_gallery_store_open(arc_context *ctx, const char *location, const char *gallery, int flags, arc_gallery_store **out,
                                  arc_error *err);

#endif
