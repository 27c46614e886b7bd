/* arcface export --target kit: a folder with all that a conversion for OAK cameras needs. */
#ifndef ARCFACE_CLI_KIT_H
#define ARCFACE_CLI_KIT_H

#include "ui/faces.h"

/* clang-format off */
#define KIT_OPTIONS \
    CLI_FOLDER("crops", 0, "FOLDER", NULL, "--target kit: aligned faces, instead of pictures behind the model"), \
    CLI_WHOLE("calibration-count", 0, "N", ARC_KIT_MIN_CALIBRATION, ARC_KIT_MAX_CALIBRATION, "300", \
              "--target kit: faces to calibrate on, chosen from all pictures"), \
    CLI_FLAG("multi-scale", 0, "--target kit: also look at a small scale, for faces that fill the picture"), \
    LOOK_OPTIONS, \
    PHOTO_LIMITS
/* clang-format on */

int export_kit(cli *c); /* an exit status */

#endif
