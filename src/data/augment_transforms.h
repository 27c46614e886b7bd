/* data: the single transforms of augmentation, in place on one picture. */
#ifndef ARC_DATA_AUGMENT_TRANSFORMS_H
#define ARC_DATA_AUGMENT_TRANSFORMS_H

#include "base/base.h"

typedef struct arc_picture {
    uint8_t *rgb;     /* [height, width, 3] */
    uint8_t *scratch; /* twice as large */
    int height, width;
} arc_picture;

void arc_transform_flip(arc_picture *p);
void arc_transform_crop(arc_picture *p, arc_rng *rng);
void arc_transform_low_res(arc_picture *p, arc_rng *rng, float least, float most);
void arc_transform_blur(arc_picture *p, arc_rng *rng);
void arc_transform_jitter(arc_picture *p, arc_rng *rng, float by);
void arc_transform_hue(arc_picture *p, arc_rng *rng);
void arc_transform_gray(arc_picture *p);
void arc_transform_cutout(arc_picture *p, arc_rng *rng);
void arc_transform_mask(arc_picture *p, arc_rng *rng);
arc_status arc_transform_jpeg(arc_picture *p, const arc_context *ctx, arc_rng *rng, arc_error *err);

#endif
