/** @file
 * Images: decoding photos (arc_image_formats says of which kinds), writing pictures, drawing results.
 */
#ifndef ARCFACE_IMAGE_H
#define ARCFACE_IMAGE_H

#include <arcface/context.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Order of the three bytes of a pixel. */
typedef enum arc_pixel_format {
    ARC_RGB8, /**< red, green, blue */
    ARC_BGR8  /**< blue, green, red */
} arc_pixel_format;

/** 8-bit interleaved pixels, uint8 [height_px][width_px][3], top row first. `data` may be a view of anybody's memory; what
 * arc_image_load, arc_image_decode and arc_image_new made is freed with arc_image_free. */
typedef struct arc_image {
    uint8_t *data;           /**< first pixel of the top row; NULL = no image */
    int width_px;            /**< columns */
    int height_px;           /**< rows */
    ptrdiff_t stride_bytes;  /**< from a row to the next one, at least 3*width_px */
    arc_pixel_format format; /**< order of the bytes of a pixel */
} arc_image;

/** The largest picture that is decoded unless the options say otherwise: 100 million pixels. */
#define ARC_IMAGE_MAX_PIXELS_DEFAULT 100000000

/** So many first bytes of a file tell its kind. */
#define ARC_IMAGE_KIND_BYTES 32

/** How photos are decoded. */
typedef struct arc_image_options {
    size_t struct_size; /**< set by arc_image_options_default */
    int64_t max_pixels; /**< larger pictures are refused (ELIMIT); 0 = ARC_IMAGE_MAX_PIXELS_DEFAULT */
    /** A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as long as its longer side keeps at least so many pixels; 0 (default)
     * = full size. */
    int min_side_px;
    int ignore_orientation; /**< 1: EXIF orientation is not applied; default 0 */
    /** 1: a picture that ends early or has damaged data is refused (ECORRUPT). 0 (default): what could be
     * decoded is used, arc_image_info says so, and only a file of which nothing could be decoded is refused. */
    int strict;
    /** Of a file with several pictures, from 0 (default): the frames of GIF, PNG, WebP and JPEG XL films, each as a viewer shows
     * it, the pages of TIFF, the pictures of HEIC and AVIF, of which 0 is the primary one. EINVAL when there is none of that
     * number. */
    int frame;
    int ignore_profile; /**< 1: values stay as they are stored, whatever colours the file says that they are; default 0 */
} arc_image_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_image_options_default(arc_image_options *opt);

/** What the file says about its picture. */
typedef struct arc_image_info {
    int full_width_px;  /**< width before reduction, with the orientation applied */
    int full_height_px; /**< height, likewise */
    int orientation;    /**< EXIF orientation 1 to 8; 1 when there is none */
    double scale;       /**< width of the decoded picture / full width: 1, 1/2, 1/4 or 1/8 */
    const char *kind;   /**< "jpeg", "png", "webp", "bmp", "pnm", "gif", "tiff", "heif", "avif", "jp2" or "jxl"; static storage */
    int damaged;        /**< 1: the file ends early or has damaged data; what is missing of the picture is plain */
    int converted;      /**< 1: colours were converted to sRGB, as the file says that they are others */
} arc_image_info;

/** The kind of picture that a file is, by its first `count` bytes (ARC_IMAGE_KIND_BYTES of them are enough): "jpeg", "png", ...;
 * NULL when it is none. Kinds that are known but not read are named too. Static storage. Thread: any. */
ARC_API const char *arc_image_kind(const void *bytes, size_t count);

/** The same of a file, whatever its name; *kind is NULL when it is no picture. Thread: any. Errors: ENOTFOUND, EIO. */
ARC_API ARC_NODISCARD arc_status arc_image_kind_of_file(const char *path, const char **kind, arc_error *err);

/** The kinds of pictures that this build reads, by name with blanks between them: "JPEG PNG WebP BMP PNM", and GIF, TIFF, HEIC,
 * AVIF, JPEG2000 and JPEGXL where their libraries were there. Static storage. Thread: any. */
ARC_API const char *arc_image_formats(void);

/** 1: colours of files that are others than sRGB are converted (lcms2 was there when this was built); 0: values stay as they are
 * stored. Thread: any. */
ARC_API int arc_image_has_profiles(void);

/** Reads and decodes a file to RGB8 with EXIF orientation applied. Alpha is composited on white, 10, 12 and 16 bits are rounded
 * to 8, gray is replicated, CMYK and YCCK are converted. Colours that a profile, code points or chromaticities say are others
 * than sRGB become sRGB, where lcms2 was there when this was built; a picture that says nothing or sRGB keeps its values. `opt`
 * and `info` may be NULL. On failure *out is zeroed. Ownership: free with arc_image_free. Thread: any. Errors: ENOTFOUND, EIO,
 * EFORMAT (not a picture), ECORRUPT, ELIMIT (too large), EUNSUPPORTED (a kind that is not read), EINVAL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_image_load(arc_context *ctx, const char *path, const arc_image_options *opt, arc_image *out,
                                                arc_image_info *info, arc_error *err);

/** The same from `count` bytes in memory; `name` is what error texts call them, NULL = "(memory)".
 * Ownership: free with arc_image_free. Thread: any. Errors: those of arc_image_load, without ENOTFOUND and EIO. */
ARC_API ARC_NODISCARD arc_status arc_image_decode(arc_context *ctx, const void *bytes, size_t count, const char *name,
                                                  const arc_image_options *opt, arc_image *out, arc_image_info *info,
                                                  arc_error *err);

/** A black RGB8 image of the given size. Ownership: free with arc_image_free. Thread: any. Errors: EINVAL for a size below 1
 * pixel, ELIMIT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_image_new(arc_context *ctx, int width_px, int height_px, arc_image *out, arc_error *err);

/** Frees the pixels and zeroes the struct; NULL and zeroed structs are allowed. Not for views of other memory. Thread: one at a
 * time. */
ARC_API void arc_image_free(arc_context *ctx, arc_image *image);

/** Writes .jpg (quality 95, colours in full resolution), .png or .ppm by the name's suffix, atomically. Thread: any.
 * Errors: EINVAL for another suffix or an image without pixels, ENOTFOUND (no such folder), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_image_save(arc_context *ctx, const arc_image *image, const char *path, arc_error *err);

/** The same into memory; suffix: ".jpg", ".png" or ".ppm". *bytes: [*count].
 * Ownership: free *bytes with arc_image_bytes_free. Thread: any. Errors: EINVAL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_image_encode(arc_context *ctx, const arc_image *image, const char *suffix, uint8_t **bytes,
                                                  size_t *count, arc_error *err);

/** Frees what arc_image_encode gave and nulls the pointer; NULL is allowed. Thread: any. */
ARC_API void arc_image_bytes_free(arc_context *ctx, uint8_t **bytes);

/** Draws the outline of a box into the image, corners (x1, y1) and (x2, y2); what lies outside is cut off. rgb: 0xRRGGBB. Thread:
 * one at a time. */
ARC_API void arc_draw_box(arc_image *image, float x1_px, float y1_px, float x2_px, float y2_px, int thickness_px, uint32_t rgb);

/** Draws a filled disc into the image; what lies outside is cut off. rgb: 0xRRGGBB. Thread: one at a time. */
ARC_API void arc_draw_dot(arc_image *image, float x_px, float y_px, float radius_px, uint32_t rgb);

/** Draws UTF-8 text on a dark background into the image, its top left corner at (x, y), lines height_px high. rgb: 0xRRGGBB.
 * Thread: one at a time. Errors: EINVAL for a height outside 1 to 4096 or text that is not UTF-8, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_draw_text(arc_context *ctx, arc_image *image, float x_px, float y_px, float height_px,
                                               const char *text, uint32_t rgb, arc_error *err);

/** Copies `from`, scaled bilinearly to width_px x height_px, into the image with its top left corner at (x, y); what lies outside
 * is cut off.
 * Thread: one at a time. */
ARC_API void arc_draw_image(arc_image *image, int x_px, int y_px, int width_px, int height_px, const arc_image *from);

#ifdef __cplusplus
}
#endif
#endif
