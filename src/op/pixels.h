/* op: interleaved 8-bit pixels as the input of a network: [n][3][h][w] floats that are looked up from bytes. A plan whose first
 * layers read rows of channels (NHWC) takes them straight from the picture, in the step that would otherwise turn planes into
 * rows. */
#ifndef ARC_OP_PIXELS_H
#define ARC_OP_PIXELS_H

#include "op/op.h"

typedef struct arc_pixel_image {
    const uint8_t *data; /* 3 bytes a pixel, first row on top */
    ptrdiff_t stride_bytes;
    bool mirror; /* from right to left */
    bool swap;   /* bytes are in the opposite order of the channels */
} arc_pixel_image;

typedef struct arc_pixels {
    const arc_pixel_image *image; /* [n] */
    const float (*value)[256];    /* [3]: what a byte of that channel means */
} arc_pixels;

/* out: [n][h][w][3] or [n][3][h][w], the shape given as n,3,h,w. The same floats. */
void arc_pixels_to_rows(arc_pool *pool, const arc_pixels *pixels, const arc_shape *shape, float *out);
void arc_pixels_to_planes(arc_pool *pool, const arc_pixels *pixels, const arc_shape *shape, float *out);

#endif
