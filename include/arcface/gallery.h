/** @file
 * Galleries: people by name with their face embeddings, kept in a data base, and who a face is.
 *
 * A gallery is a file of SQLite, which any number of processes read while one at a time writes, or lives in a PostgreSQL server
 * or in Qdrant. It is bound to one model: embeddings of another one are refused. What a call acknowledged is on the disk and
 * survives kill -9 and power failures; a call that fails changes nothing.
 */
#ifndef ARCFACE_GALLERY_H
#define ARCFACE_GALLERY_H

#include <arcface/decide.h>
#include <arcface/image.h>
#include <arcface/model.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most bytes of an identity's name, UTF-8 without control characters. */
#define ARC_GALLERY_NAME_BYTES 1000

/** Most bytes of a note and of a template's detail, JSON. */
#define ARC_GALLERY_NOTE_BYTES 65536

/** How deep lists and objects may lie in each other in a note or detail. */
#define ARC_GALLERY_NOTE_DEPTH 64

/** Most bytes of a stored crop, a picture file. */
#define ARC_GALLERY_CROP_BYTES (4 << 20)

/** An open gallery. Any number of threads may search it at the same time; one at a time changes it. */
typedef struct arc_gallery arc_gallery;

/** How a gallery is opened. */
typedef struct arc_gallery_options {
    size_t struct_size; /**< set by arc_gallery_options_default */
    bool create;        /**< make it if it is not there; default false */
    bool read_only;     /**< change nothing, not even the index file beside it; default false */
    /** Seals templates, crops and names: a name as arc_protect_key takes, or "command:WORDS", whose output is the key; NULL =
     * not sealed */
    const char *key;
    /** Rotates templates by a key (arcface/protect.h), so that they can be revoked; named as `key` is; NULL = plain templates.
     * What the gallery gives back is rotated back */
    const char *protect;
    bool keep_crops;   /**< store aligned crops with templates, which moving to another model needs; default true */
    arc_fusion fusion; /**< of a new gallery; default ARC_FUSE_MAX */
    bool sketch;       /**< keep 1-bit sketches too, for fast searches; default false */
    const char *actor; /**< who is named in the audit log; NULL = "" */
    /** Most memory that the index of a gallery in a server may take in this process; 0 (default) = half of this machine's memory
     * (of the container's, where that has less). A gallery whose index would take more is searched by the server
     * (arc_gallery_set_search). An index in a file is mapped and has no such limit */
    int64_t index_memory_bytes;
} arc_gallery_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_gallery_options_default(arc_gallery_options *opt);

/** Opens a gallery. location: the path of its file (an index for searching lies beside it as PATH.index),
 * "postgres://USER@HOST/DATABASE", or "qdrant://HOST[:PORT]/COLLECTION" ("qdrants://" for TLS; the environment's
 * ARCFACE_QDRANT_KEY is the server's key); with "#NAME" behind it one of several galleries in there (letters, digits, - _ . up to
 * 64; "main" without). opt may be NULL.
 * Ownership: close with arc_gallery_close, before the context. Thread: any.
 * Errors: ENOTFOUND (not there, and not to be made), EFORMAT (another kind of file), ECORRUPT, EUNSUPPORTED (made by a newer
 * version), EMISSING (this build has no such store), EINVAL (options, the key), EIO, ENETWORK, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_open(arc_context *ctx, const char *location, const arc_gallery_options *opt,
                                                  arc_gallery **out, arc_error *err);

/** Closes the gallery and nulls the pointer; NULL is allowed. Nothing that was acknowledged waits for this. Thread: any, as its
 * last user. */
ARC_API void arc_gallery_close(arc_gallery **gallery);

/** Binds a gallery that is not bound yet to this model, its decision rule included (arc_verify_rule_of), or checks that it is
 * bound to this one. Thread: one at a time. Errors: EINVAL (bound to another model: says what to do; a model that makes no
 * embeddings), EUNSUPPORTED (a model that was never saved), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_bind(arc_gallery *gallery, const arc_model *embedder, arc_error *err);

/** Binds to embeddings of `dim` numbers that come from elsewhere; name says from where. As arc_gallery_bind otherwise.
 * threshold: the cosine from which on two faces are one person's. Thread: one at a time. Errors: EINVAL, EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_bind_foreign(arc_gallery *gallery, const char *name, int dim, double threshold,
                                                          arc_error *err);

/** What can search a gallery beside the index that every process has in its memory. */
typedef enum arc_gallery_search {
    ARC_GALLERY_MEMORY,       /**< nothing else */
    ARC_GALLERY_DATABASE,     /**< the PostgreSQL server: it compares all vectors (pgvector) */
    ARC_GALLERY_DATABASE_HNSW /**< the same, and for fast searches it has an index of nearest neighbours */
} arc_gallery_search;

/** What a gallery is. */
typedef struct arc_gallery_facts {
    int64_t identities;    /**< people */
    int64_t templates;     /**< embeddings of them */
    int64_t crops;         /**< templates with their aligned crop */
    int64_t negatives;     /**< embeddings that somebody said are not a certain person */
    int64_t audits;        /**< lines of the audit log */
    int64_t revision;      /**< rises with every change of templates */
    int dim;               /**< numbers in an embedding; 0 = not bound yet */
    char model_sha256[65]; /**< of the model's file, hexadecimal; "" = embeddings from elsewhere, or not bound */
    char model_name[256];  /**< the model's file, or where embeddings come from */
    char name[65];         /**< of the gallery in its store */
    const char *store;     /**< "sqlite", "postgres" or "qdrant"; static storage */
    bool sealed;           /**< templates, crops and names are encrypted */
    bool is_protected;     /**< templates are rotated by a key */
    bool sketch;           /**< the index has 1-bit sketches */
    arc_fusion fusion;     /**< how templates' cosines become a score */
    double threshold;      /**< cosine of the bound model's rule */
    bool calibrated;       /**< cosines have probabilities and false accept rates */
    int64_t store_bytes;   /**< files of the store, with other galleries in it; 0 = it does not say */
    int64_t index_bytes;   /**< file of the index; 0 = none */
    int64_t memory_bytes;  /**< memory of the index */
    int64_t schema;        /**< version of the store's tables */
    /** What can search it beside the index, and whether that is ready (it is not while it is being made) */
    arc_gallery_search search;
    bool search_ready;    /**< see search */
    int64_t vector_bytes; /**< of what the server searches, part of store_bytes */
} arc_gallery_facts;

/** Gathers the facts. Thread: any. Errors: EIO, ECORRUPT, ENETWORK, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_facts_of(arc_gallery *gallery, arc_gallery_facts *out, arc_error *err);

/** A person. Texts are the gallery's until the visit ends. */
typedef struct arc_identity {
    int64_t id;            /**< stable, never used twice */
    const char *name;      /**< unique in the gallery */
    const char *note_json; /**< what one wants to remember, a JSON object; "" = nothing */
    double threshold;      /**< cosine for this person; NAN = the gallery's */
    int64_t templates;     /**< embeddings of this person */
    int64_t created_ms;    /**< since 1970, by the clock of that time */
    int64_t changed_ms;    /**< since 1970: name, note or threshold */
} arc_identity;

/** Gets one person after the other; 0 = go on, anything else ends the listing, which is no error. Must not call the gallery. */
typedef int arc_identity_fn(void *arg, const arc_identity *identity);

/** Adds a person. note_json may be NULL. *id is 0 after a failure. Thread: one at a time. Errors: EINVAL (a name that is taken,
 * empty, too long or not UTF-8; a note that is no JSON object), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_add_identity(arc_gallery *gallery, const char *name, const char *note_json,
                                                          int64_t *id, arc_error *err);

/** The person of this name; *found tells whether there is one, else *id is 0. Thread: any. Errors: EINVAL (no possible name),
 * EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_find(arc_gallery *gallery, const char *name, int64_t *id, bool *found,
                                                  arc_error *err);

/** Visits the person of this id. Thread: any. Errors: ENOTFOUND, EIO, ECORRUPT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_identity(arc_gallery *gallery, int64_t id, arc_identity_fn *visit, void *arg,
                                                      arc_error *err);

/** Visits everybody behind after_id (0: from the first) in the order of ids. Thread: any. Errors: EIO, ECORRUPT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_list(arc_gallery *gallery, int64_t after_id, arc_identity_fn *visit, void *arg,
                                                  arc_error *err);

/** Another name. Thread: one at a time. Errors: ENOTFOUND, EINVAL (as for arc_gallery_add_identity), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_rename(arc_gallery *gallery, int64_t id, const char *name, arc_error *err);

/** Another note; NULL or "": none. Thread: one at a time. Errors: ENOTFOUND, EINVAL (no JSON object), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_annotate(arc_gallery *gallery, int64_t id, const char *note_json, arc_error *err);

/** A cosine from which on a face is this person's; NAN: the gallery's. Thread: one at a time. Errors: ENOTFOUND, EINVAL (outside
 * -1 to 1), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_set_threshold(arc_gallery *gallery, int64_t id, double cosine, arc_error *err);

/** Two are one person: `into` gets the templates and negatives of `from`, which is removed. Thread: one at a time. Errors:
 * ENOTFOUND, EINVAL (the same twice), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_merge(arc_gallery *gallery, int64_t into, int64_t from, arc_error *err);

/** Removes a person with all templates, crops and negatives. Nothing of them is left in any file of the gallery when this
 * returns, unless another process still reads an older state; then it goes with the next removal, and the log says so. A
 * PostgreSQL server keeps their bytes in its pages, log and replicas until it uses those again, Qdrant in its segments: seal
 * such a gallery. Thread: one at a time. Errors: ENOTFOUND, EIO, ENETWORK, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_remove(arc_gallery *gallery, int64_t id, arc_error *err);

/** Removes one template, in the same way. Thread: one at a time. Errors: ENOTFOUND, EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_remove_template(arc_gallery *gallery, int64_t template_id, arc_error *err);

/** A template to be stored; what it points to is borrowed for the call. */
typedef struct arc_template_in {
    int64_t identity; /**< whose; 0 = of `name` */
    /** Person of this name, who is added in the same transaction if there is none; looked at when identity is 0 */
    const char *name;
    const float *embedding;       /**< [dim], any length above 0: it is scaled to 1 */
    const arc_image *crop;        /**< aligned crop, stored as PNG; NULL = none */
    const void *crop_file;        /**< [crop_file_bytes] the same as a picture file; NULL = none; one of both */
    size_t crop_file_bytes;       /**< see crop_file */
    float quality;                /**< 0 to 1; NAN = unknown */
    const char *detail_json;      /**< a JSON object; NULL = none */
    const uint8_t *source_sha256; /**< [32] of the photo; NULL = unknown */
    int64_t created_ms;           /**< since 1970; 0 = now */
} arc_template_in;

/** Stores templates, all or none, in one transaction that is on the disk when this returns. ids: [count], may be NULL. Thread:
 * one at a time. Errors: EINVAL (a gallery that is not bound; a number that is not finite, an embedding of zeros; names the
 * template), ENOTFOUND (an identity), EIO (the disk is full, ...), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_add(arc_gallery *gallery, const arc_template_in *templates, int64_t count,
                                                 int64_t *ids, arc_error *err);

/** A template that was made from the photo with this digest, [32], if there is one: *template_id and *identity, else 0. Thread:
 * any. Errors: EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_find_source(arc_gallery *gallery, const uint8_t *source_sha256, int64_t *template_id,
                                                         int64_t *identity, bool *found, arc_error *err);

/** A stored template. What it points to is the gallery's until the visit ends. */
typedef struct arc_template_record {
    int64_t id;                   /**< stable, never used twice */
    int64_t identity;             /**< whose */
    const float *embedding;       /**< [dim] of length 1 */
    const void *crop_file;        /**< [crop_file_bytes] a picture file; NULL = none */
    size_t crop_file_bytes;       /**< see crop_file */
    float quality;                /**< 0 to 1; NAN = unknown */
    const char *detail_json;      /**< a JSON object; "" = none */
    const uint8_t *source_sha256; /**< [32] of the photo (in a sealed gallery a keyed hash of it); NULL = unknown */
    int64_t created_ms;           /**< since 1970, by the clock of that time */
} arc_template_record;

/** Gets one template after the other; 0 = go on, anything else ends the listing, which is no error. Must not call the gallery. */
typedef int arc_template_fn(void *arg, const arc_template_record *record);

/** Visits an identity's templates in the order of ids; identity 0: everybody's. crops: with their crops. Thread: any. Errors:
 * EIO, ECORRUPT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_templates(arc_gallery *gallery, int64_t identity, bool crops, arc_template_fn *visit,
                                                       void *arg, arc_error *err);

/** "This face is not that person": stored, and honoured by every later search. probe: [dim]. Thread: one at a time. Errors:
 * ENOTFOUND, EINVAL (as for arc_gallery_add), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_reject(arc_gallery *gallery, const float *probe, int64_t identity, arc_error *err);

/** A line of the audit log, which is only ever appended to. It names people by id. */
typedef struct arc_audit_entry {
    int64_t id;          /**< rises */
    int64_t when_ms;     /**< since 1970, by the clock of that time */
    const char *actor;   /**< who (arc_gallery_options); may be "" */
    const char *action;  /**< "bind", "add", "rename", "merge", "remove", "identify", ... */
    const char *subject; /**< what was acted on, such as "identity 12" */
    const char *detail;  /**< a JSON object; "" = none */
} arc_audit_entry;

/** Gets one line after the other; 0 = go on, anything else ends the listing, which is no error. Must not call the gallery. */
typedef int arc_audit_fn(void *arg, const arc_audit_entry *entry);

/** Visits the log behind after_id (0: from the first line). Thread: any. Errors: EIO, ECORRUPT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_audit_log(arc_gallery *gallery, int64_t after_id, arc_audit_fn *visit, void *arg,
                                                       arc_error *err);

/** Gets a sentence for each thing that is wrong; 0 = go on, anything else ends the check. */
typedef int arc_gallery_problem_fn(void *arg, const char *sentence);

/** Checks everything: the data base's own structure, that all rows belong together, that every embedding can be opened, has the
 * right number of finite numbers and length 1, and counts. *problems: how many sentences were visited; 0 = it is whole. Reads the
 * whole gallery. Thread: one at a time. Errors: EIO (it cannot be read at all), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_check(arc_gallery *gallery, arc_gallery_problem_fn *visit, void *arg,
                                                   int64_t *problems, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
