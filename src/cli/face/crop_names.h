/* What the crops of photos are called: each its own name, in the folders that the photos have below the arguments. */
#ifndef ARCFACE_CLI_FACE_CROP_NAMES_H
#define ARCFACE_CLI_FACE_CROP_NAMES_H

#include "ui/cli.h"

#define CROP_NAME_BYTES 512 /* of a crop below the folder of crops */
#define CROP_PATH_BYTES (CLI_PATH_BYTES + CROP_NAME_BYTES)

typedef struct crop_names {
    uint64_t *used; /* [places], hashes of the names so far; 0: a free place */
    size_t places, count;
} crop_names;

/* The file in `dir` for a face of a photo: photo.png, photo_1.png for the second face, photo-2.png when another photo had that
 * name. */
void crop_name(const cli *c, crop_names *n, const char *dir, const char *photo, int face, char out[CROP_PATH_BYTES]);
void crop_names_free(crop_names *n);

#endif
