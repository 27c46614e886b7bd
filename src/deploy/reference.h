/* deploy: pictures and the float32 embeddings that a network gives for them: what a converted network is held against. A folder
 * of files that other programs read too:
 *
 *   names.txt       a name a line, in the order of the embeddings
 *   NAME.png        the picture, an aligned face of the size that the network takes
 *   embeddings.npy  float32 [names][F] */
#ifndef ARC_DEPLOY_REFERENCE_H
#define ARC_DEPLOY_REFERENCE_H

#include "base/base.h"
#include <arcface/image.h>

#define ARC_REFERENCE_NAMES "names.txt"
#define ARC_REFERENCE_EMBEDDINGS "embeddings.npy"
#define ARC_REFERENCE_MAX_NAMES 1000000
#define ARC_REFERENCE_NAME_BYTES 128 /* with the terminating zero */

typedef struct arc_reference {
    arc_arena arena;
    const char *folder;
    const char **name; /* [count] */
    int count, dim;
    float *embedding; /* [count][dim] */
} arc_reference;

/* Reads names and embeddings; pictures are read one at a time by arc_reference_picture. A name is what a file can be called in
 * this folder and stands once. On errors nothing is left open. Errors: ENOTFOUND, EIO, ECORRUPT (the files contradict each other
 * or a name leads elsewhere; numbers that are not finite), ELIMIT, those of arc_npy_load, ENOMEM. */
arc_status arc_reference_open(arc_reference *out, const arc_alloc *a, const char *folder, arc_error *err);
void arc_reference_close(arc_reference *reference); /* idempotent */
/* "FOLDER/NAME.png" */
arc_status arc_reference_path(const arc_reference *r, int index, char *path, size_t bytes, arc_error *err);
/* The picture of a name; freed with arc_image_free. Errors: those of arc_image_load. */
arc_status arc_reference_picture(arc_context *ctx, const arc_reference *r, int index, arc_image *out, arc_error *err);
/* Writes the three kinds of files into a folder that is there. name, picture: [count]; embedding: [count][dim]. */
arc_status arc_reference_save(arc_context *ctx, const char *folder, const char *const *name, const arc_image *picture,
                              const float *embedding, int count, int dim, arc_error *err);

#endif
