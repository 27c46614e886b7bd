/* face: image codecs, resize, alignment, detection decoding, embedding. What the units of this room share. */
#ifndef ARC_FACE_INTERNAL_H
#define ARC_FACE_INTERNAL_H

#include "base/base.h"
#include "model/pixels.h"
#include <arcface/face.h>
#include <arcface/image.h>

/* ---- codecs: image_<kind>.c ------------------------------------------------------------------------------------- */

/* One decoding job. A codec checks the size with arc_image_admit, allocates `out` with arc_image_alloc and fills it. */
typedef struct arc_decode {
    const arc_alloc *alloc;
    const uint8_t *bytes;
    size_t count;
    const char *name; /* for error texts */
    int64_t max_pixels;
    int min_side_px;
    bool want_orientation;
    arc_image *out; /* zeroed on entry; the dispatcher frees it on failure */
    uint8_t *into;  /* pixels of into_width_px x into_height_px that a picture of this size goes to, or NULL */
    int into_width_px, into_height_px;
    int full_width_px, full_height_px; /* before scaling and before orientation */
    int orientation;                   /* EXIF 1..8 */
} arc_decode;

arc_status arc_decode_jpeg(arc_decode *d, arc_error *err);
arc_status arc_decode_png(arc_decode *d, arc_error *err);
arc_status arc_decode_webp(arc_decode *d, arc_error *err);
arc_status arc_decode_bmp(arc_decode *d, arc_error *err);
arc_status arc_decode_pnm(arc_decode *d, arc_error *err);

/* Decodes to packed RGB of exactly this size, for networks' batches: straight into `rgb` when the picture has that size (training sets are
 * made so), else through the largest centred part of that shape, scaled. Only from `ctx`'s memory, on the calling thread. Errors: as
 * arc_image_decode. */
arc_status arc_image_decode_into(const arc_context *ctx, const void *bytes, size_t count, const char *name, uint8_t *rgb,
                                 int width_px, int height_px, arc_error *err);

/* EINVAL-free size check: positive and at most max_pixels; keeps the size in d. */
arc_status arc_decode_admit(arc_decode *d, int64_t width, int64_t height, arc_error *err);
/* RGB8 pixels of this size in d->out: black, or anything where the codec writes every row before it succeeds. */
arc_status arc_decode_alloc(arc_decode *d, int width, int height, bool black, arc_error *err);

/* One row of RGBA to RGB on white. */
void arc_rgba_on_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels);

/* Encoders write through an open writer. */
arc_status arc_encode_jpeg(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err);
arc_status arc_encode_png(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err);
arc_status arc_encode_ppm(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err);
/* quality 1..100; full_colour: 4:4:4, else 4:2:0 as most cameras write. */
arc_status arc_encode_jpeg_quality(const arc_image *image, const arc_alloc *a, int quality, bool full_colour, arc_writer *w,
                                   arc_error *err);
/* The same into memory, replacing the buffer's contents; quality 0: a PNG. */
arc_status arc_encode_memory(const arc_image *image, const arc_alloc *a, int quality, bool full_colour, arc_buffer *out,
                             arc_error *err);

arc_status arc_image_alloc(const arc_alloc *a, int width, int height, arc_image *out, arc_error *err);
bool arc_image_valid(const arc_image *image);
/* Copies one row as R,G,B triples. */
void arc_row_rgb(const arc_image *image, int y, uint8_t *rgb);

/* ---- orient.c ---------------------------------------------------------------------------------------------------- */

/* EXIF orientation 1..8 of an Exif block (with or without its "Exif\0\0" head); 1 when absent or unreadable. */
int arc_exif_orientation(const arc_alloc *a, const uint8_t *bytes, size_t count);
/* Replaces the image by its upright version. */
arc_status arc_image_orient(const arc_alloc *a, arc_image *image, int orientation, arc_error *err);

/* ---- resize.c, letterbox.c --------------------------------------------------------------------------------------- */

/* Bit-exact to OpenCV 4's cv2.resize(INTER_LINEAR) on 8-bit pixels. `to` has its size and memory; formats must agree. */
arc_status arc_resize_linear(const arc_context *ctx, const arc_image *from, arc_image *to, arc_error *err);

/* InsightFace's letterbox: one scale, top-left, black below or right. Fills `to` (any size) whole; *scale = network px / image px. */
void arc_letterbox_size(int width_px, int height_px, int box_width_px, int box_height_px, int *new_width, int *new_height,
                        double *scale);
arc_status arc_letterbox(const arc_context *ctx, const arc_image *from, arc_image *to, double *scale, arc_error *err);

/* ---- tensor.c: pixels to the network's float input --------------------------------------------------------------- */

typedef struct arc_view {
    const arc_image *image;
    bool mirror;
} arc_view;
#define ARC_EMBED_BATCH 16 /* views in one network run */
typedef struct arc_view_room {
    arc_pixel_image image[ARC_EMBED_BATCH];
    float value[3][256];
} arc_view_room;
/* At most ARC_EMBED_BATCH views of equal size as an input: (pixel - mean) * scale in the contract's channel order. Lives as long as `room`. */
arc_pixels arc_views_pixels(const arc_view *views, int count, const arc_contract *contract, arc_view_room *room);
arc_status arc_views_run(arc_net *net, const arc_view *views, int count, const arc_contract *contract, arc_error *err);

/* ---- detection: detect_<kind>.c, nms.c ----------------------------------------------------------------------------- */

/* Growable list of candidates. */
typedef struct arc_face_list {
    const arc_alloc *alloc;
    arc_face *face;
    size_t count, capacity;
} arc_face_list;
arc_status arc_face_list_put(arc_face_list *list, const arc_face *face, arc_error *err);
void arc_face_list_free(arc_face_list *list);

/* Raw outputs of one network run and what is needed to read them. */
typedef struct arc_raw {
    const arc_net_output *out;
    int count;
    int width_px, height_px; /* of the network's input */
    float threshold;
    const float *prior_px; /* [6], retinaface: the contract's */
} arc_raw;
/* Append every candidate at or above the threshold, in network pixels. Errors: ESHAPE when the outputs are not of this kind. */
arc_status arc_decode_scrfd(const arc_raw *raw, arc_face_list *faces, arc_error *err);
arc_status arc_decode_retinaface(const arc_raw *raw, arc_face_list *faces, arc_error *err);
arc_status arc_decode_retinaface_mxnet(const arc_raw *raw, arc_face_list *faces, arc_error *err);
arc_status arc_decode_yunet(const arc_raw *raw, arc_face_list *faces, arc_error *err);
arc_status arc_decode_faces(arc_detector_kind kind, const arc_raw *raw, arc_face_list *faces, arc_error *err);

/* Rows of an output whose last dimension is `columns`: product of the others, 0 when it is of another shape. */
int64_t arc_output_rows(const arc_net_output *out, int64_t columns);

/* Sorts by score (descending) and drops every face that overlaps a better one by more than iou. plus_one: pixel-inclusive widths. */
void arc_nms(arc_face_list *faces, float iou, float plus_one);
/* Keeps the `max_faces` best by area - 2*distance^2 from the centre; order stays. */
arc_status arc_face_list_select(arc_face_list *faces, int max_faces, int width_px, int height_px, arc_error *err);

/* ---- embed.c ----------------------------------------------------------------------------------------------------- */

const arc_contract *arc_embedder_contract(const arc_embedder *embedder);

/* ---- searcher.c: one photo to its faces and crops ------------------------------------------------------------------ */

typedef struct arc_searcher arc_searcher; /* one thread at a time */
/* `opt` and `detector` outlive it. own_threads 0: works with the context's threads; else with as many of its own. */
arc_status arc_searcher_new(arc_context *ctx, const arc_model *detector, const arc_pipeline_options *opt, arc_template align,
                            int dim, int own_threads, arc_searcher **out, arc_error *err);
void arc_searcher_free(arc_searcher **searcher);
/* Fills all of r but the embeddings' values; a failure is r's own. */
void arc_searcher_run(arc_searcher *s, arc_result *r);
/* A failed photo keeps path, size, status and error only. */
void arc_result_fail(arc_context *ctx, arc_result *r, arc_status st);

#endif
