/* image: pictures for the rooms above, beyond what <arcface/image.h> offers everybody: decoding into a batch, encoding into
 * memory, rows, resizing, letterboxing. Decoders are behind codec.h; what is done to faces is in face/. */
#ifndef ARC_IMAGE_ROOM_H
#define ARC_IMAGE_ROOM_H

#include "base/base.h"
#include <arcface/photo.h>

/* ---- decode.c ---- */

/* As arc_image_decode and arc_image_load, in memory of `a`, for users whose pictures do not lie in the context's. On the calling
 * thread. */
arc_status arc_image_decode_in(const arc_alloc *a, const void *bytes, size_t count, const char *name,
                               const arc_image_options *opt, arc_image *out, arc_image_info *info, arc_error *err);
arc_status arc_image_load_in(const arc_alloc *a, const char *path, const arc_image_options *opt, arc_image *out,
                             arc_image_info *info, arc_error *err);
/* Decodes to packed RGB of exactly this size, for networks' batches: straight into `rgb` when the picture has that size (training
 * sets are made so), else through the largest centred part of that shape, scaled. Only from `ctx`'s memory, on the calling
 * thread. Errors: as arc_image_decode. */
arc_status arc_image_decode_into(const arc_context *ctx, const void *bytes, size_t count, const char *name, uint8_t *rgb,
                                 int width_px, int height_px, arc_error *err);

/* ---- encode.c ---- */

/* A JPEG of that quality (full_colour: 4:4:4, else 4:2:0) into memory, replacing the buffer's contents; quality 0: a PNG. */
arc_status arc_encode_memory(const arc_image *image, const arc_alloc *a, int quality, bool full_colour, arc_buffer *out,
                             arc_error *err);

/* ---- image.c ---- */

arc_status arc_image_alloc(const arc_alloc *a, int width, int height, arc_image *out, arc_error *err);
void arc_image_release(const arc_alloc *a, arc_image *image); /* empties it */
bool arc_image_valid(const arc_image *image);
/* Copies one row as R,G,B triples. */
void arc_row_rgb(const arc_image *image, int y, uint8_t *rgb);

/* ---- draw.c ---- */

int arc_draw_text_width(const char *text, float height_px); /* pixels that arc_draw_text takes; 0 for what it refuses */

/* ---- photo.c ---- */

/* As arc_photo_load, in memory of `a`, but frames that are RGB8 or BGR8 already are not copied: *owned says whether `out` is to
 * be freed. It may only be read. */
arc_status arc_photo_open(const arc_alloc *a, const arc_photo *photo, const arc_image_options *opt, arc_image *out, bool *owned,
                          arc_image_info *info, arc_error *err);
const char *arc_photo_name(const arc_photo *photo); /* for error texts; never NULL */

/* ---- photo_list.c ---- */

/* The paths in a file, one after the other: lines, or each ended by NUL when there is one. Points into the mapping. */
typedef struct arc_photo_list {
    const char *text;
    size_t bytes, at;
    char end;
} arc_photo_list;
void arc_photo_list_begin(arc_photo_list *l, const arc_map *map);
/* The next one that is not empty, [*length]; NULL: there is no more. */
const char *arc_photo_list_next(arc_photo_list *l, size_t *length);

/* ---- resize.c, letterbox.c ---- */

/* Bit-exact to OpenCV 4's cv2.resize(INTER_LINEAR) on 8-bit pixels. `to` has its size and memory; formats must agree. Rows are
 * split over the pool (NULL: the caller's thread alone); tables come from `a`. */
arc_status arc_resize_linear(const arc_alloc *a, arc_pool *pool, const arc_image *from, arc_image *to, arc_error *err);

/* InsightFace's letterbox: one scale, top-left, black below or right. Fills `to` (any size) whole; *scale = network px / image
 * px. */
void arc_letterbox_size(int width_px, int height_px, int box_width_px, int box_height_px, int *new_width, int *new_height,
                        double *scale);
arc_status arc_letterbox(const arc_alloc *a, arc_pool *pool, const arc_image *from, arc_image *to, double *scale, arc_error *err);

#endif
