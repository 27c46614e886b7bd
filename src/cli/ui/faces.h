/* What several commands need of photos with faces: options of detection, crops from a folder. */
#ifndef ARCFACE_CLI_FACES_H
#define ARCFACE_CLI_FACES_H

#include "ui/cli.h"

/* The options that belong to detection; put into a command's table. */
/* clang-format off */
#define LOOK_OPTIONS \
    CLI_FLAG("no-turn", 0, "do not look at photos turned by 90, 180 and 270 degrees when faces seem to lie or hang"), \
    CLI_FLAG("one-look", 0, "never look a second time: not turned, not with a border, not in tiles for small faces")
#define FACES_OPTIONS \
    CLI_WHOLE("size", 0, "N", 32, 4096, "640", "letterbox side in pixels for models of free size"), \
    CLI_FLAG("multi-scale", 0, "also look at a small scale, for faces that fill the picture"), \
    LOOK_OPTIONS
/* clang-format on */

void faces_options(const cli *c, arc_detect_options *opt); /* the values of FACES_OPTIONS */
/* Crops for a model from a folder, at most --count, evenly; from photos when there is a detector. The caller frees each, then
 * *crop with cli_free, also after a failure. */
int faces_crops(cli *c, const arc_model *model, const arc_model *detector, const char *folder, arc_image **crop, int *crops);
/* The same from several folders and files. */
int faces_crops_of(cli *c, const arc_model *model, const arc_model *detector, const char *const *names, int name_count,
                   arc_image **crop, int *crops);

#endif
