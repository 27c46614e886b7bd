/* gallery/photo: photos that are to be enrolled, between the pipeline and the gallery: a batch is decided and stored together. */
#ifndef ARC_GALLERY_PHOTO_BATCH_H
#define ARC_GALLERY_PHOTO_BATCH_H

#include "gallery/photo/entry.h"

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
/* Measures the quality of entries where nobody has, decides about all and stores those that hold, in one transaction; afterwards
 * each says what became of it. Errors: those of arc_gallery_add; then nothing was stored, and entries that held say so. */
arc_status arc_enroll_batch_store(arc_enroll_batch *b, arc_error *err);

#endif
