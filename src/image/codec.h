/* codec: what decode.c, encode.c and the codecs share; one file a container. The room's interface is image.h. */
#ifndef ARC_IMAGE_CODEC_H
#define ARC_IMAGE_CODEC_H

#include "base/base.h"
#include "image/colour.h"
#include <arcface/image.h>

/* One decoding job. A codec checks the size with arc_decode_admit, allocates `out` with
 * arc_decode_alloc and fills it. */
typedef struct arc_decode {
    const arc_alloc *alloc;
    const uint8_t *bytes;
    size_t count;
    const char *name; /* for error texts */
    int64_t max_pixels;
    int min_side_px;
    bool want_orientation;
    bool keep_colours; /* profiles are not applied */
    int frame;         /* of files with several */
    bool strict;       /* damaged files are refused */
    bool damaged;      /* set by the codec: a part of the picture may be missing */
    arc_image *out;    /* zeroed on entry; the dispatcher frees it on failure */
    uint8_t *into;     /* pixels of into_width_px x into_height_px that a picture of this size goes to, or NULL */
    int into_width_px, into_height_px;
    int full_width_px, full_height_px; /* before scaling and before orientation */
    int orientation;                   /* EXIF 1..8 */
    arc_colour *colour;                /* by arc_decode_colours; the dispatcher frees it */
} arc_decode;

arc_status arc_decode_jpeg(arc_decode *d, arc_error *err);
arc_status arc_decode_png(arc_decode *d, arc_error *err);
arc_status arc_decode_webp(arc_decode *d, arc_error *err);
arc_status arc_decode_bmp(arc_decode *d, arc_error *err);
arc_status arc_decode_pnm(arc_decode *d, arc_error *err);
/* Only where their libraries are: ARC_WITH_GIF and so on. */
arc_status arc_decode_gif(arc_decode *d, arc_error *err);
arc_status arc_decode_tiff(arc_decode *d, arc_error *err);
arc_status arc_decode_heif(arc_decode *d, arc_error *err);
arc_status arc_decode_jxl(arc_decode *d, arc_error *err);
arc_status arc_decode_jp2(arc_decode *d, arc_error *err);

/* Checks that the size is positive and at most max_pixels, and stores it as the full size. Errors: ECORRUPT, ELIMIT. */
arc_status arc_decode_admit(arc_decode *d, int64_t width, int64_t height, arc_error *err);
/* RGB8 pixels of this size in d->out: black, or anything where the codec writes every row before it succeeds. */
arc_status arc_decode_alloc(arc_decode *d, int width, int height, bool black, arc_error *err);

/* Sets d->colour by what the file says, unless profiles are not to be applied. Errors: ENOMEM. */
arc_status arc_decode_colours(arc_decode *d, const arc_colours *says, arc_pixels layout, arc_error *err);
/* Converts d->out (a codec that has rows of another layout converts those itself). */
void arc_decode_convert(const arc_decode *d);

/* One row of RGBA to RGB on white. */
void arc_rgba_on_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels);
/* One row of 16 bits a channel, 3 or 4 channels: its colours converted in place, rounded to 8 bits, on white. */
void arc_deep_row(const arc_colour *colour, uint16_t *row, int channels, uint8_t *rgb, size_t pixels);
/* From 0..most to 0..65535 and to 0..255, rounded. */
uint16_t arc_to_16(uint32_t value, uint32_t most);
uint8_t arc_to_8(uint32_t value, uint32_t most);

/* png.c, for apng.c: the file's own picture; and RGBA as stored, [full_height_px][full_width_px], of a file that was made of a
 * frame, whose checksums need not be right. Ownership: arc_mem_free. */
arc_status arc_png_still(arc_decode *d, arc_error *err);
arc_status arc_png_frame(arc_decode *d, uint8_t **rgba, arc_error *err);

/* Encoders write through an open writer. */
arc_status arc_encode_jpeg(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err);
arc_status arc_encode_png(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err);
arc_status arc_encode_ppm(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err);
/* quality 1..100; full_colour: 4:4:4, else 4:2:0 as most cameras write. */
arc_status arc_encode_jpeg_quality(const arc_image *image, const arc_alloc *a, int quality, bool full_colour, arc_writer *w,
                                   arc_error *err);

/* orient.c: EXIF orientation 1..8 of an Exif block (with or without its "Exif\0\0" head); 1 when absent or unreadable. */
int arc_exif_orientation(const arc_alloc *a, const uint8_t *bytes, size_t count);
/* Whether a camera says that its colours are Adobe RGB's (DCF 2.0, "option file"), as some do without a profile. */
bool arc_exif_is_adobe_rgb(const arc_alloc *a, const uint8_t *bytes, size_t count);
/* Replaces the image by its upright version. */
arc_status arc_image_orient(const arc_alloc *a, arc_image *image, int orientation, arc_error *err);

#endif
