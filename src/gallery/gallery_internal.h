/* gallery: what the files of this room share: an open gallery, and how one enters and leaves it.
 *
 * Locks. `lock` guards the store, the seal and the binding: whoever calls the store holds it, from arc_gallery_enter to
 * arc_gallery_leave. `index_lock` guards the index as a whole: searches share it, and it is taken alone to bring the index up to
 * date. It is taken after `lock`, never before; a search holds it without `lock`, so that searches run side by side while others
 * read and write the store. */
#ifndef ARC_GALLERY_INTERNAL_H
#define ARC_GALLERY_INTERNAL_H

#include "gallery/binding.h"
#include "gallery/seal/seal.h"
#include "gallery/store/vectors.h"
#include <arcface/gallery_search.h>
#include <arcface/index.h>
#include <arcface/protect.h>
#include <pthread.h>

/* Values are unsealed into buffers, one for each column, which are used again for the next row. */
typedef struct arc_gallery_scratch {
    arc_buffer name, note, embedding, crop, detail;
} arc_gallery_scratch;

struct arc_gallery {
    arc_context *ctx;
    arc_gallery_store *store;
    char *location;   /* as it was given: what error texts begin with */
    char *index_path; /* NULL: the index is in memory only */
    char name[ARC_STORE_GALLERY_NAME_BYTES + 1];
    char *actor;
    bool read_only, keep_crops;
    bool writing;         /* the transaction that is open may change something */
    bool index_behind;    /* something may have changed since the index was brought up to date */
    bool place_behind;    /* ... since it was looked whether the index fits into memory */
    bool in_database;     /* it does not: who does not say where is answered by the data base */
    int64_t index_memory; /* bytes that it may take */
    pthread_mutex_t lock;
    arc_seal *seal;
    arc_binding binding;
    bool protecting; /* a key of protection was given */
    uint8_t protect_key[ARC_PROTECT_KEY_BYTES];
    arc_protection *protection;      /* of protect_key, once the number of dimensions is known */
    int protection_dim;              /* that number */
    arc_buffer binding_text, record; /* as they were last read from the store */
    arc_gallery_scratch scratch;     /* for whoever holds `lock` */
    arc_store_counts counts;         /* when the index was last brought up to date */
    pthread_rwlock_t index_lock;
    arc_index *index; /* NULL: not asked for yet */
    int64_t index_revision;
    uint8_t index_mark[ARC_STORE_MARK_BYTES];
    int index_generation;
    uint8_t index_key[ARC_SEAL_KEY_BYTES]; /* that its file is sealed with; zero: none */
    int64_t index_pending;                 /* templates that changed since the index was read from its file or written to it */
    bool index_holds_gone; /* the file has templates that were removed: a process ended before it could write it */
};

/* ---- access.c ---- */

/* Takes the lock and begins a transaction, with seal and binding as they are in it. After a failure neither is held. Errors:
 * EINVAL (writing to what was opened for reading), those of the store, of the seal. */
arc_status arc_gallery_enter(arc_gallery *g, bool write, arc_error *err);
/* Ends what enter began: commits if st is OK, else rolls back; returns st or why the commit failed. */
arc_status arc_gallery_leave(arc_gallery *g, arc_status st, arc_error *err);
/* Lets go of the lock after the caller has ended the transaction. */
void arc_gallery_release(arc_gallery *g);
/* Stores the binding as it is in g. */
arc_status arc_gallery_put_binding(arc_gallery *g, const arc_binding *binding, arc_error *err);
/* EINVAL unless the gallery is bound. */
arc_status arc_gallery_need_binding(const arc_gallery *g, arc_error *err);
/* Puts "LOCATION: " before the sentence. */
arc_status arc_gallery_fail(const arc_gallery *g, arc_error *err, arc_status code, const char *fmt, ...) ARC_PRINTF(4, 5);

/* ---- audit.c ---- */

/* A line of the audit log, within a write transaction. fmt gives the detail, a JSON object. */
arc_status arc_gallery_note(arc_gallery *g, const char *action, const char *subject, arc_error *err, const char *fmt, ...)
    ARC_PRINTF(5, 6);

/* ---- values.c: what is in a row ---- */

arc_status arc_gallery_check_name(const arc_gallery *g, const char *name, arc_error *err);
/* NULL and "" are no object, which is allowed. */
arc_status arc_gallery_check_json(const arc_gallery *g, const char *json, const char *what, arc_error *err);
/* out: [dim] of length 1, as it is stored: rotated in a gallery with protected templates. EINVAL for numbers that are not finite
 * and for a vector of zeros; `what` names it. */
arc_status arc_gallery_unit(const arc_gallery *g, const float *in, float *out, const char *what, int64_t number, arc_error *err);
/* The text in a buffer, with a zero behind it. */
arc_status arc_gallery_text(const arc_gallery *g, arc_seal_place place, arc_bytes value, arc_buffer *buffer, const char **text,
                            arc_error *err);
/* [dim]: opened, checked for size, as it is stored. Borrowed from `buffer`. */
arc_status arc_gallery_embedding(const arc_gallery *g, arc_seal_column column, int64_t row, arc_bytes value, arc_buffer *buffer,
                                 const float **out, arc_error *err);
void arc_gallery_scratch_begin(arc_gallery_scratch *s, const arc_alloc *alloc);
void arc_gallery_scratch_end(arc_gallery_scratch *s);

/* ---- crop.c ---- */

/* A stored crop, or one that is to be stored: whole, and of a million pixels at most. Free with arc_image_free. Errors: those of
 * arc_image_decode. */
arc_status arc_gallery_decode_crop(const arc_gallery *g, arc_bytes file, arc_image *out, arc_error *err);

/* ---- identities.c ---- */

/* Within a transaction: the opened values of a row, in g->scratch. */
arc_status arc_gallery_open_identity(arc_gallery *g, const arc_identity_row *row, arc_identity *out, arc_error *err);
/* The reverse: the row, with sealed values in g->scratch, and with what it is looked up by in `lookup`. */
arc_status arc_gallery_close_identity(arc_gallery *g, const arc_identity *in, arc_seal_lookup *lookup, arc_identity_row *out,
                                      arc_error *err);
/* Within a transaction, the name checked. */
arc_status arc_gallery_find_within(arc_gallery *g, const char *name, int64_t *id, bool *found, arc_error *err);
/* Within a write transaction, name and note checked. EINVAL: the name is taken. */
arc_status arc_gallery_add_within(arc_gallery *g, const char *name, const char *note_json, int64_t *id, arc_error *err);

/* ---- templates.c ---- */

/* Within a transaction: the opened values of a row, in g->scratch. */
arc_status arc_gallery_open_template(arc_gallery *g, const arc_template_row *row, arc_template_record *out, arc_error *err);
/* Within a write transaction of a gallery that is bound: stores them, people by new names included, with ids from *first on. */
arc_status arc_gallery_put_templates(arc_gallery *g, const arc_template_in *in, int64_t count, int64_t *first, arc_error *err);

/* ---- protection.c: templates that are rotated by a key of the user ---- */

/* The key that opt->protect names; g->protecting tells whether there is one. */
arc_status arc_gallery_protection_open(arc_gallery *g, const char *name, arc_error *err);
/* Within a transaction, the binding read: EINVAL if the gallery is protected by another key, or by one that was not given, or is
 * not protected although one was given. */
arc_status arc_gallery_protection_follow(arc_gallery *g, arc_error *err);
/* Takes over another key and the rotation of it, or NULL and NULL; nobody else uses the gallery. */
void arc_gallery_protection_change(arc_gallery *g, const uint8_t *key, arc_protection **rotation);
/* What a binding holds of a key: nothing that tells the key. NULL: "". */
void arc_gallery_protection_check(const uint8_t *key, char check[ARC_BINDING_CHECK_BYTES]);
void arc_gallery_protection_close(arc_gallery *g);
/* An embedding as it was given, of one that is stored: in place. */
void arc_gallery_plain(const arc_gallery *g, float *embedding);

/* ---- removal.c ---- */

/* After something was removed or sealed anew and that is committed: nothing of it is left in any file. What fails here is told,
 * for it is not what was asked for. */
arc_status arc_gallery_erase(arc_gallery *g, arc_error *err);

/* ---- bind.c ---- */

/* What a gallery of this model is bound to; generation and the gallery's own settings are zero. */
arc_status arc_gallery_binding_of(const arc_gallery *g, const arc_model *embedder, arc_binding *out, arc_error *err);
arc_status arc_gallery_binding_of_model(const arc_model *embedder, arc_binding *out, arc_error *err); /* without a gallery */

/* ---- index_file.c ---- */

void arc_gallery_index_options(const arc_gallery *g, arc_index_options *out);
/* The key of the seal is the one of g->index; whether it still is: a file under a key that was replaced would be of use to
 * nobody. */
void arc_gallery_note_index_key(arc_gallery *g);
bool arc_gallery_index_key_is_current(const arc_gallery *g);
/* Reads the index from its file; leaves g without one if there is none of use. Errors: ENOMEM. */
arc_status arc_gallery_load_index(arc_gallery *g, arc_error *err);
/* Writes the index as it is. For save.c. */
arc_status arc_gallery_write_index(arc_gallery *g, arc_error *err);

/* ---- follow.c ---- */

/* Within a transaction of a gallery that is bound: brings the index to the state of the gallery in it. */
arc_status arc_gallery_follow(arc_gallery *g, arc_error *err);
/* A search found the index's file damaged: the next arc_gallery_refresh builds the index anew. */
void arc_gallery_distrust_index(arc_gallery *g);
/* The same with a transaction of its own, if anything may have changed and the index is what is searched. *in_database: it is the
 * data base. g->counts are of the state that is searched, or of one before. */
arc_status arc_gallery_refresh(arc_gallery *g, arc_search_place place, bool *in_database, arc_error *err);

/* ---- place.c: index or data base ---- */

/* Within a transaction of a gallery that is bound, g->counts read: where is it searched? ELIMIT if the index is too large and the
 * data base cannot; what is lost is said. */
arc_status arc_gallery_place(arc_gallery *g, bool *in_database, arc_error *err);
/* Whether an index of so many templates may be had in memory. */
bool arc_gallery_fits(const arc_gallery *g, int64_t templates);
/* Within a transaction: its vectors, which must be ready. */
arc_status arc_gallery_need_vectors(arc_gallery *g, arc_store_vectors *out, arc_error *err);

/* ---- nearest.c: searching in the data base ---- */

typedef struct arc_nearest_query {
    int dim, generation, top;
    const int64_t *only; /* [only_count] identities; NULL: all */
    int64_t only_count;
    bool fast; /* by the data base's index of neighbours, which may miss some; else exactly as an index in memory answers */
} arc_nearest_query;

/* Within a transaction. The best template of each of the `top` nearest identities to probe [dim], as arc_index_search gives them:
 * hit [top], *found. Errors: EUNSUPPORTED (no vectors, or no index of them), ELIMIT, those of the store. */
arc_status arc_gallery_nearest(arc_gallery *g, const float *probe, const arc_nearest_query *q, arc_index_hit *hit, int *found,
                               arc_error *err);

/* ---- save.c ---- */

/* Writes the index to its file, brought to the state of the gallery. No transaction is open. */
arc_status arc_gallery_save_index(arc_gallery *g, arc_error *err);

#endif
