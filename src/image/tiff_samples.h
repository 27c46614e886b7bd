/* tiff_samples: a TIFF's samples as they are stored, for pictures that libtiff's RGBA reader would round too early. */
#ifndef ARC_IMAGE_TIFF_SAMPLES_H
#define ARC_IMAGE_TIFF_SAMPLES_H

#include "base/base.h"
#include "image/colour.h"
#include <tiffio.h>

typedef struct arc_tiff_samples {
    uint32_t width, height;
    int stored;       /* samples of a pixel in the file */
    int stored_bytes; /* of a sample there */
    int channels;     /* in data: RGB, RGBA or CMYK */
    int bytes;        /* of a sample: 2, or of CMYK 1 */
    uint32_t pieces;  /* scan lines or tiles, of all planes */
    bool alpha, premultiplied, inverted, gray, planes;
    arc_pixels layout;
    uint8_t *data; /* [height][width][channels] */
} arc_tiff_samples;

/* Whether the current page is gray or RGB of 16 bits, gray with alpha of 8 (which becomes 16), or CMYK of 8: its sizes and layout
 * in *t. */
bool arc_tiff_samples_fit(arc_tiff_samples *t, TIFF *tiff);
/* Reads it into t->data, zeros where the file lacks something; *read: how many pieces were there.
 * Ownership: arc_mem_free(a, t->data). Errors: ENOMEM, ELIMIT (tiles much larger than the picture). */
arc_status arc_tiff_samples_read(arc_tiff_samples *t, TIFF *tiff, const arc_alloc *a, uint32_t *read);

#endif
