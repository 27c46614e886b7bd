/* What several commands need of photos with faces: options of detection, crops from a folder. */
#ifndef ARCFACE_CLI_FACES_H
#define ARCFACE_CLI_FACES_H

#include "ui/cli.h"

/* The options that belong to detection; put into a command's table. */
/* clang-format off */
#define FACES_OPTIONS \
    CLI_WHOLE("size", 0, "N", 32, 4096, "640", "letterbox side in pixels for models of free size"), \
    CLI_FLAG("multi-scale", 0, "also look at a small scale, for faces that fill the picture")
/* clang-format on */

void faces_options(const cli *c, arc_detect_options *opt); /* --size and --multi-scale */
/* Crops for a model from a folder, at most --count, evenly; from photos when there is a detector. The caller frees each, then
 * *crop with cli_free, also after a failure. */
int faces_crops(cli *c, const arc_model *model, const arc_model *detector, const char *folder, arc_image **crop, int *crops);

#endif
