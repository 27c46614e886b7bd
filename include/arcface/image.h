/* Images: decoding photos (JPEG, PNG, WebP, BMP, PPM/PGM), writing pictures, drawing results. */
#ifndef ARCFACE_IMAGE_H
#define ARCFACE_IMAGE_H

#include <arcface/context.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum arc_pixel_format { ARC_RGB8, ARC_BGR8 } arc_pixel_format;

/* 8-bit interleaved pixels, top row first. Views may point anywhere; images made by arc_image_* own `data`. */
typedef struct arc_image {
    uint8_t *data;
    int width_px, height_px;
    ptrdiff_t stride_bytes; /* between rows, at least 3*width_px */
    arc_pixel_format format;
} arc_image;

#define ARC_IMAGE_MAX_PIXELS_DEFAULT 100000000 /* 100 MP */

typedef struct arc_image_options {
    size_t struct_size;
    int64_t max_pixels; /* refuse larger pictures (ELIMIT); 0 = ARC_IMAGE_MAX_PIXELS_DEFAULT */
    int min_side_px; /* JPEG only: may decode at 1/2, 1/4 or 1/8 size as long as the longer side keeps at least this; 0 = full size */
    int ignore_orientation; /* 1: leave EXIF orientation unapplied */
} arc_image_options;
ARC_API void arc_image_options_default(arc_image_options *opt);

/* What the file said, before scaling and after orientation. */
typedef struct arc_image_info {
    int full_width_px, full_height_px; /* oriented */
    int orientation;                   /* EXIF 1..8, 1 when absent */
    double scale;                      /* decoded width / full width */
    const char *kind;                  /* "jpeg" "png" "webp" "bmp" "pnm" */
} arc_image_info;

/* Reads and decodes a file to RGB8 with EXIF orientation applied; alpha is composited on white, 16 bit reduced, gray replicated,
 * CMYK/YCCK converted. opt and info may be NULL. On failure *out is zeroed. Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT, ELIMIT, EUNSUPPORTED, ENOMEM.
 * Ownership: free with arc_image_free. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_image_load(arc_context *ctx, const char *path, const arc_image_options *opt, arc_image *out,
                                                arc_image_info *info, arc_error *err);
/* The same from memory; `name` is used in error texts. */
ARC_API ARC_NODISCARD arc_status arc_image_decode(arc_context *ctx, const void *bytes, size_t count, const char *name,
                                                  const arc_image_options *opt, arc_image *out, arc_image_info *info,
                                                  arc_error *err);
/* A black RGB8 image. */
ARC_API ARC_NODISCARD arc_status arc_image_new(arc_context *ctx, int width_px, int height_px, arc_image *out, arc_error *err);
/* Frees data and zeroes the struct; NULL-safe, idempotent. */
ARC_API void arc_image_free(arc_context *ctx, arc_image *image);

/* Writes .jpg (quality 95, 4:4:4), .png or .ppm by the name's suffix, atomically. Errors: EINVAL for another suffix, ENOTFOUND (no such folder), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_image_save(arc_context *ctx, const arc_image *image, const char *path, arc_error *err);

/* The same into memory: suffix ".jpg", ".png" or ".ppm". Ownership: free *bytes with arc_image_bytes_free. Errors: EINVAL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_image_encode(arc_context *ctx, const arc_image *image, const char *suffix, uint8_t **bytes,
                                                  size_t *count, arc_error *err);
ARC_API void arc_image_bytes_free(arc_context *ctx, uint8_t **bytes); /* NULL-safe, nulls */

/* Drawing in place, for pictures that people look at. Colours are 0xRRGGBB. Coordinates may lie outside: clipped. */
ARC_API void arc_draw_box(arc_image *image, float x1_px, float y1_px, float x2_px, float y2_px, int thickness_px, uint32_t rgb);
ARC_API void arc_draw_dot(arc_image *image, float x_px, float y_px, float radius_px, uint32_t rgb);
/* UTF-8 text with a dark backing, top-left at x,y; height of a line in pixels. */
ARC_API ARC_NODISCARD arc_status arc_draw_text(arc_context *ctx, arc_image *image, float x_px, float y_px, float height_px,
                                               const char *text, uint32_t rgb, arc_error *err);
/* Copies `from`, scaled bilinearly to width x height, to x,y of `image`; clipped. */
ARC_API void arc_draw_image(arc_image *image, int x_px, int y_px, int width_px, int height_px, const arc_image *from);

#ifdef __cplusplus
}
#endif
#endif
