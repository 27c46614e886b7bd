/* The single steps of augmentation, in place on one picture. */
#ifndef ARC_DATA_AUGMENT_STEPS_H
#define ARC_DATA_AUGMENT_STEPS_H

#include "base/base.h"

typedef struct arc_picture {
    uint8_t *rgb;     /* [height, width, 3] */
    uint8_t *scratch; /* twice that */
    int height, width;
} arc_picture;

void arc_step_flip(arc_picture *p);
void arc_step_crop(arc_picture *p, arc_rng *rng);
void arc_step_low_res(arc_picture *p, arc_rng *rng, float least, float most);
void arc_step_blur(arc_picture *p, arc_rng *rng);
void arc_step_jitter(arc_picture *p, arc_rng *rng, float by);
void arc_step_hue(arc_picture *p, arc_rng *rng);
void arc_step_gray(arc_picture *p);
void arc_step_cutout(arc_picture *p, arc_rng *rng);
void arc_step_mask(arc_picture *p, arc_rng *rng);
arc_status arc_step_jpeg(arc_picture *p, const arc_context *ctx, arc_rng *rng, arc_error *err);

#endif
