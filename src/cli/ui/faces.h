/* Detection as several commands need it: one detector, its options, faces of one photo at a time. */
#ifndef ARCFACE_CLI_FACES_H
#define ARCFACE_CLI_FACES_H

#include "ui/cli.h"

#define FACES_MAX 2048

typedef struct faces {
    arc_model *model;
    arc_detector *detector;
    arc_detect_options opt;
    arc_face *face; /* [FACES_MAX] of the last photo, best score first */
    int count;
} faces;

/* The options that belong to detection; put into a command's table. */
/* clang-format off */
#define FACES_OPTIONS \
    CLI_WHOLE("size", 0, "N", 32, 4096, "640", "letterbox side in pixels for models of free size"), \
    CLI_FLAG("multi-scale", 0, "also look at a small scale, for faces that fill the picture")
/* clang-format on */

void faces_options(const cli *c, arc_detect_options *opt); /* --size and --multi-scale */
int faces_open(cli *c, faces *f);
void faces_close(faces *f);
/* Loads a photo and finds its faces; the photo is the caller's to free. */
int faces_find(cli *c, faces *f, const char *path, arc_image *photo);
/* Crops for a model from a folder, at most --count, evenly; from photos when there is a detector. The caller frees each, then *crop with cli_free,
 * also after a failure. */
int faces_crops(cli *c, const arc_model *model, const arc_model *detector, const char *folder, arc_image **crop, int *crops);
int faces_largest(const arc_face *face, int count);

#endif
