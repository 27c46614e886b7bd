/* icc: colour profiles by lcms2. Only where it is (ARC_WITH_LCMS). */
#ifndef ARC_IMAGE_ICC_H
#define ARC_IMAGE_ICC_H

#include "image/colour.h"

/* Of an RGB profile made from these instead of one of the file's: curve[points] is light by value, both 0..1. */
typedef struct arc_icc_matrix {
    const double (*xy)[2]; /* white, red, green, blue */
    const float *curve;
    int points;
} arc_icc_matrix;

/* As arc_colour_open: of an ICC file or, where that is NULL, of a matrix. */
arc_status arc_icc_open(const arc_alloc *a, const arc_colours *says, const arc_icc_matrix *matrix, arc_pixels layout,
                        const char *name, arc_colour **out, arc_error *err);
void arc_icc_free(arc_colour **colour);
void arc_icc_convert(const arc_colour *colour, const void *from, void *to, size_t pixels);
/* sRGB: value (0..1) of light (0..1). */
double arc_srgb_value(double light);

#endif
