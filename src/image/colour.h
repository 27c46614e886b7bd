/* colour: from the colours of a file to sRGB, and from 16 bits to 8. A picture that says nothing, or sRGB, keeps its values. */
#ifndef ARC_IMAGE_COLOUR_H
#define ARC_IMAGE_COLOUR_H

#include "base/base.h"

/* What a file says about its colours: an ICC profile, or code points of ITU-T H.273, or chromaticities and an exponent. The first
 * of these that is there counts; all zero: nothing. */
typedef struct arc_colours {
    const uint8_t *icc; /* [icc_bytes], read during the call only */
    size_t icc_bytes;
    int primaries, transfer; /* code points; 0 and 2: not said */
    bool has_xy;             /* chromaticities are there */
    double xy[4][2];         /* white, red, green, blue */
    double gamma;            /* light = value^gamma; 0: not said, sRGB's curve */
    bool gray;               /* the picture has one channel, which became all three */
} arc_colours;

/* Says Adobe RGB (1998). */
void arc_colours_adobe_rgb(arc_colours *says);

/* How pixels lie in memory, before and after: CMYK becomes RGB of 8 bits, the others stay as they are. Alpha is not touched. */
typedef enum arc_pixels {
    ARC_PIXELS_RGB8,
    ARC_PIXELS_RGBA8,
    ARC_PIXELS_RGB16, /* of the machine's byte order */
    ARC_PIXELS_RGBA16,
    ARC_PIXELS_CMYK8,         /* 255: full ink */
    ARC_PIXELS_CMYK8_INVERTED /* 255: no ink, as Adobe stores it */
} arc_pixels;

typedef struct arc_colour arc_colour; /* a conversion to sRGB */

/* *out is NULL where values stay as they are: the colours are sRGB's to within one and a half of 255 steps, the profile cannot be
 * read or belongs to another kind of picture (as if there were none), or this build has no lcms2. Errors: ENOMEM. */
arc_status arc_colour_open(const arc_alloc *a, const arc_colours *says, arc_pixels layout, const char *name, arc_colour **out,
                           arc_error *err);
void arc_colour_free(arc_colour **colour); /* NULL-safe */
/* `from` and `to` may be the same memory where the layout stays. NULL: nothing is done. */
void arc_colour_convert(const arc_colour *colour, const void *from, void *to, size_t pixels);

#endif
