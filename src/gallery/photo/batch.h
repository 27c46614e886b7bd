/* gallery/photo: photos that are to be enrolled, between the pipeline and the gallery: a batch is decided and stored together. */
#ifndef ARC_GALLERY_PHOTO_BATCH_H
#define ARC_GALLERY_PHOTO_BATCH_H

#include "gallery/photo/digests.h"
#include <arcface/enroll.h>

typedef struct arc_enroll_entry {
    arc_enrolled told; /* what is known of it; as: ARC_ENROLLED as long as nothing speaks against it */
    arc_result photo;  /* told.photo points at it */
    char *person;      /* told.person points at it */
    int face;          /* which of the photo's faces */
    bool has_digest;   /* told.sha256 is one */
} arc_enroll_entry;

typedef struct arc_enroll_batch {
    arc_context *ctx;
    arc_gallery *gallery;
    bool strict;
    int dim;
    arc_enroll_entry *entry; /* [capacity] */
    int count, capacity;
} arc_enroll_batch;

/* Errors: ENOMEM. */
arc_status arc_enroll_batch_begin(arc_enroll_batch *b, int capacity, arc_error *err);
void arc_enroll_batch_clear(arc_enroll_batch *b);
void arc_enroll_batch_end(arc_enroll_batch *b); /* a zeroed one too */
/* Says of an entry that nothing of it is stored, and why. */
void arc_enroll_refuse(arc_enroll_entry *e, arc_status code, const char *fmt, ...) ARC_PRINTF(3, 4);
void arc_enroll_doubt(arc_enroll_entry *e, const char *fmt, ...) ARC_PRINTF(2, 3); /* it is stored all the same */
const char *arc_enroll_label(const arc_enroll_entry *e);                           /* what sentences call the photo */
/* Decides about all entries and stores those that hold, in one transaction; afterwards each says what became of it. Errors: those
 * of arc_gallery_add; then nothing was stored, and entries that held say so. */
arc_status arc_enroll_batch_store(arc_enroll_batch *b, arc_error *err);

#endif
