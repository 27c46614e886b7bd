/* gallery/seal: what a gallery stores, readable only with its key. Every value is encrypted and authenticated by itself
 * (XChaCha20-Poly1305 with a random nonce), together with the gallery, column, row and generation that it belongs to: a value
 * that was changed, or put into another row or gallery, is refused. Names are looked up by a keyed hash (BLAKE2b).
 *
 * Values are sealed under data keys, which are random numbers; the user's key only wraps them, in a record that the gallery
 * stores. So the user's key is changed by writing the record anew (arc_seal_rewrap). A data key is replaced while the gallery is
 * in use: arc_seal_renew makes a second one, then each value is sealed again, in any number of batches, then arc_seal_retire
 * forgets the first. In between both are known and new values are sealed under the new one.
 *
 * What can be seen without the key: how many rows there are and when they were made, how long each value is, and which templates
 * belong to the same person. Whoever can write to the store can also remove rows, and put back older ones.
 *
 * A gallery without a key has an arc_seal too, which lets all values through as they are.
 *
 * Pure functions over bytes: they neither know stores nor files. Threads: any number may put, get and look up at a time; the
 * functions that change an arc_seal need it for themselves. */
#ifndef ARC_GALLERY_SEAL_H
#define ARC_GALLERY_SEAL_H

#include "base/base.h"

#define ARC_SEAL_KEY_BYTES 32
#define ARC_SEAL_LOOKUP_BYTES 32
#define ARC_SEAL_EXTRA_BYTES 44 /* a sealed value is so much longer than the plain one; an empty one stays empty */

/* The columns that hold sealed values. The numbers are part of what is stored. */
typedef enum arc_seal_column {
    ARC_SEAL_NAME = 1,      /* of an identity */
    ARC_SEAL_NOTE = 2,      /* of an identity */
    ARC_SEAL_EMBEDDING = 3, /* of a template */
    ARC_SEAL_CROP = 4,      /* of a template */
    ARC_SEAL_DETAIL = 5,    /* of a template */
    ARC_SEAL_NEGATIVE = 6,  /* the embedding of a negative */
    ARC_SEAL_MAP = 7        /* of a move to another model, row 0 */
} arc_seal_column;

/* What a value belongs to. */
typedef struct arc_seal_place {
    arc_seal_column column;
    int64_t row;        /* its id, which is therefore known before the value is stored */
    int32_t generation; /* of the model, for embeddings; else 0 */
} arc_seal_place;

typedef struct arc_seal arc_seal;

/* ---- seal.c ---- */

/* Sealed, for a new row or a changed one. *out is borrowed: from `scratch`, which is emptied first, or `plain` itself in a
 * gallery without a key. Errors: ENOMEM, ELIMIT (scratch's). */
arc_status arc_seal_put(const arc_seal *seal, arc_seal_place place, arc_bytes plain, arc_buffer *scratch, arc_bytes *out,
                        arc_error *err);
/* The reverse. Errors: ECORRUPT (not what was sealed for this place), ENOTFOUND (sealed under a data key that is not known: read
 * the record again, arc_seal_follow, and try once more), ENOMEM, ELIMIT. */
arc_status arc_seal_get(const arc_seal *seal, arc_seal_place place, arc_bytes sealed, arc_buffer *scratch, arc_bytes *out,
                        arc_error *err);
/* Whether a stored value is under the newest data key (or empty): nothing to do for it while keys are being replaced. */
bool arc_seal_newest(const arc_seal *seal, arc_bytes sealed);

/* What rows are looked up by. */
typedef enum arc_seal_by { ARC_SEAL_BY_NAME = 1, ARC_SEAL_BY_SOURCE = 2 } arc_seal_by;

/* The keys under which a row with this value may be stored, newest first: a new row gets key[0], a search tries all. There are
 * two while data keys are being replaced. They point into `hash`, or are `value` itself in a gallery without a key. */
typedef struct arc_seal_lookup {
    int keys;
    arc_bytes key[2];
    uint8_t hash[2][ARC_SEAL_LOOKUP_BYTES];
} arc_seal_lookup;
void arc_seal_lookup_of(const arc_seal *seal, arc_seal_by by, arc_bytes value, arc_seal_lookup *out);

/* The key that the index file is sealed with, [ARC_SEAL_KEY_BYTES]; NULL in a gallery without a key. Another one after
 * arc_seal_renew: the file under the old one is made anew. */
const uint8_t *arc_seal_index_key(const arc_seal *seal);

/* ---- record.c ---- */

/* For a new gallery, with random keys. user_key: [ARC_SEAL_KEY_BYTES] (arcface/protect.h: arc_protect_key), or NULL for a gallery
 * without a key. `record` becomes what the gallery has to store: empty without a key. Errors: ENOMEM. */
arc_status arc_seal_create(arc_context *ctx, const uint8_t *user_key, arc_seal **out, arc_buffer *record, arc_error *err);
/* For a gallery with this record (empty: it has none). `where` names the gallery in error texts. Errors: EINVAL (the key is
 * missing, wrong, or one too many), ECORRUPT (the record), EUNSUPPORTED (a later version's), ENOMEM. */
arc_status arc_seal_open(arc_context *ctx, const uint8_t *user_key, arc_bytes record, const char *where, arc_seal **out,
                         arc_error *err);
/* Overwrites the keys; nulls the pointer, NULL-safe. */
void arc_seal_free(arc_seal **seal);

/* The record as it is now, which another process may have changed. Cheap if it did not. user_key: NULL if it is the same as
 * before. Errors: EINVAL: it is under another user's key now; ECORRUPT. The seal is as it was then. */
arc_status arc_seal_follow(arc_seal *seal, const uint8_t *user_key, arc_bytes record, arc_error *err);
/* Whether data keys are being replaced. */
bool arc_seal_renewing(const arc_seal *seal);

/* Each makes the record that has to be stored and leaves `seal` as it is; once it is stored, arc_seal_follow makes it true:
 * rewrap puts the data keys under another user's key, renew adds a data key, retire leaves the older one out, after all values
 * were sealed under the newer. Errors: EINVAL (a gallery without a key; renew: a replacement is not finished; retire: there is
 * none), ENOMEM. */
arc_status arc_seal_rewrap(const arc_seal *seal, const uint8_t user_key[ARC_SEAL_KEY_BYTES], arc_buffer *record, arc_error *err);
arc_status arc_seal_renew(const arc_seal *seal, arc_buffer *record, arc_error *err);
arc_status arc_seal_retire(const arc_seal *seal, arc_buffer *record, arc_error *err);

#endif
