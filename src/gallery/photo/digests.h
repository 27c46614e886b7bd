/* gallery/photo: a source of photos that takes the digest of each as it passes, so that a photo that comes again is noticed. */
#ifndef ARC_GALLERY_PHOTO_DIGESTS_H
#define ARC_GALLERY_PHOTO_DIGESTS_H

#include "base/base.h"
#include <arcface/photo.h>
#include <pthread.h>

#define ARC_PHOTO_DIGEST_BYTES 32

typedef struct arc_photo_digest {
    int64_t index; /* of the photo; -1: none yet */
    bool known;    /* the photo's bytes could be read */
    uint8_t sha256[ARC_PHOTO_DIGEST_BYTES];
} arc_photo_digest;

typedef struct arc_photo_digests {
    arc_photo_source source; /* to be used in place of `inner` */
    const arc_photo_source *inner;
    pthread_mutex_t lock;
    arc_photo_digest *place; /* of the last some thousand photos */
    const arc_alloc *alloc;
} arc_photo_digests;

/* d must not be moved afterwards. Errors: ENOMEM. */
arc_status arc_photo_digests_begin(arc_photo_digests *d, const arc_alloc *a, const arc_photo_source *inner, arc_error *err);
void arc_photo_digests_end(arc_photo_digests *d); /* a zeroed one too */
/* The next photo that goes to the pipeline. Thread: any. */
void arc_photo_digests_put(arc_photo_digests *d, int64_t index, const arc_photo *photo);
/* SHA-256 of photo `index`, which the pipeline has just handed on: of a file's bytes, of a frame's rows, and of the box or the
 * landmarks that came with it, which say what face is meant. *known: false where the photo could not be read. */
void arc_photo_digests_get(arc_photo_digests *d, int64_t index, uint8_t sha256[ARC_PHOTO_DIGEST_BYTES], bool *known);

#endif
