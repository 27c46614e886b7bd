/* deploy: what the families of detectors do about their outputs, each in a file of its own (scrfd.c, yunet.c); detector.c calls
 * them. */
#ifndef ARC_DEPLOY_DETECTOR_H
#define ARC_DEPLOY_DETECTOR_H

#include "deploy/deploy.h"
#include "face/detect/decode.h"

#define ARC_DEPLOY_MAX_OUTPUTS 32
#define ARC_YUNET_LEVELS 3 /* strides 8, 16, 32 */

typedef struct arc_deploy_detection {
    arc_raw raw; /* what the model itself gives for a drawn picture; out points to `own` */
    arc_net_output own[ARC_DEPLOY_MAX_OUTPUTS];
    int needed[ARC_DEPLOY_MAX_OUTPUTS], count; /* the model's outputs that the export needs */
    int levels;
    int scrfd[ARC_SCRFD_MAX_LEVELS][ARC_SCRFD_KINDS], yunet[ARC_YUNET_LEVELS][ARC_YUNET_KINDS]; /* which output is what */
} arc_deploy_detection;

typedef struct arc_deploy_family {
    /* Fills `needed` and says what they are called. Errors: ESHAPE, ENOMEM. */
    arc_status (*find)(arc_deploy_writer *w, arc_deploy_detection *d, arc_error *err);
    /* What comes behind the network, and the outputs. Errors: ENOMEM. */
    arc_status (*finish)(arc_deploy_writer *w, const arc_deploy_detection *d);
    /* Whether the export's outputs for the same picture say what the model's own say. Errors: ECORRUPT. */
    arc_status (*compare)(const arc_deploy_detection *d, const arc_deploy_writer *w, const arc_tensor *got, double tolerance,
                          arc_error *err);
} arc_deploy_family;

extern const arc_deploy_family arc_deploy_scrfd, arc_deploy_yunet;

#endif
