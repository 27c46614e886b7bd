/* data: augmentation: what a recipe does to a picture before the network sees it. Each transform happens with its own
 * probability. All random numbers come from the caller's stream, so the result depends on seed, epoch and place alone.
 *
 * Recipes: "dali" (arcface_torch's option dali_aug), "mxnet" (the options of the MXNet trainer), "adaface" (crop, low
 * resolution and colour). */
#ifndef ARC_DATA_AUGMENT_H
#define ARC_DATA_AUGMENT_H

#include "base/base.h"

typedef struct arc_augment {
    /* Probabilities, 0..1. */
    float flip;
    float crop;    /* AdaFace: only a random part (area 0.2..1, aspect 3/4..4/3) is shown, at its place, and the rest is black */
    float low_res; /* scaled down to low_res_min..low_res_max of its side, and up again */
    float low_res_min, low_res_max;
    float blur;   /* Gaussian of 3 or 5 taps */
    float jitter; /* brightness, contrast and saturation times 1 +- jitter_by, in a random order */
    float jitter_by;
    float hue; /* DALI: hue by 0..20 degrees, saturation times 1..1.2 */
    float gray;
    float jpeg;   /* compressed with quality 2..20 and decoded */
    float cutout; /* a square of up to half the side, gray 128 */
    float mask;   /* a coloured mask over nose and mouth */
} arc_augment;

/* Reads "flip,dali" or "flip,blur=0.3,mask=0.1": names of recipes or of single transforms with their probability; "none":
 * nothing. Errors: EINVAL, which names the word and the most similar known one. */
arc_status arc_augment_parse(arc_augment *out, const char *text, arc_error *err);

/* Changes the picture in place. scratch: at least arc_augment_scratch_bytes. Errors: ENOMEM (from JPEG). */
size_t arc_augment_scratch_bytes(int height, int width);
arc_status arc_augment_apply(const arc_augment *augment, const arc_context *ctx, uint8_t *rgb, int height, int width,
                             arc_rng *rng, uint8_t *scratch, arc_error *err);

#endif
