/** @file
 * Photos from anywhere: a file, encoded bytes, pixels in memory, or a callback that gives one after the other.
 *
 * Everything that takes photos (arc_pipeline_run_photos, arc_pipeline_run_source, arc_verify) takes them in this form. A photo
 * only points at what it is made of: the caller's memory is read, never changed and never kept.
 */
#ifndef ARCFACE_PHOTO_H
#define ARCFACE_PHOTO_H

#include <arcface/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Pixels of 8 bits a channel, channels interleaved, as video decoders, cameras and array libraries give them. */
typedef enum arc_frame_format {
    ARC_FRAME_RGB8,  /**< red, green, blue */
    ARC_FRAME_BGR8,  /**< blue, green, red */
    ARC_FRAME_RGBA8, /**< with alpha, not premultiplied; composited on white, as from files */
    ARC_FRAME_BGRA8, /**< the same, blue first */
    ARC_FRAME_RGBX8, /**< with a fourth byte that means nothing */
    ARC_FRAME_BGRX8, /**< the same, blue first */
    ARC_FRAME_GRAY8  /**< one channel, which becomes all three */
} arc_frame_format;

/** A view of decoded pixels, upright: uint8 [height_px][width_px][1, 3 or 4]. */
typedef struct arc_frame {
    const uint8_t *data; /**< the first byte of the top row */
    int width_px;        /**< columns */
    int height_px;       /**< rows */
    /** From a row to the one below it, at least the bytes of a row; negative when the bottom row lies first in memory. */
    ptrdiff_t stride_bytes;
    arc_frame_format format; /**< channels of a pixel */
} arc_frame;

/** What a photo is made of. */
typedef enum arc_photo_kind {
    ARC_PHOTO_END,   /**< of a source: there are no more */
    ARC_PHOTO_PATH,  /**< the file `name` */
    ARC_PHOTO_BYTES, /**< a file of one of arc_image_formats, in memory */
    ARC_PHOTO_FRAME, /**< pixels */
    /** could not be had (a damaged frame, a file that is gone): fails alone, its source goes on */
    ARC_PHOTO_FAILED
} arc_photo_kind;

/** One photo. Made by one of the functions below; the landmarks or the box are filled in afterwards where they are known. With
 * landmarks nothing is searched: the face is aligned by them. With a box alone the photo is searched, and the face that overlaps
 * the box most is taken (intersection over union of at least 0.2). */
typedef struct arc_photo {
    arc_photo_kind kind; /**< which of the next fields count */
    /** the file; for other kinds what results and error texts call the photo, NULL: "(memory)" */
    const char *name;
    const char *label;        /**< what error texts call it; NULL: as `name` says */
    const void *bytes;        /**< ARC_PHOTO_BYTES: [byte_count] */
    size_t byte_count;        /**< ARC_PHOTO_BYTES */
    arc_frame frame;          /**< ARC_PHOTO_FRAME */
    const arc_error *failure; /**< ARC_PHOTO_FAILED: why */
    bool has_landmarks;       /**< landmark_px is known */
    bool has_box;             /**< box_px is known */
    float landmark_px[5][2];  /**< x, y as in arc_face, in pixels of the upright, full-size photo */
    float box_px[4];          /**< left, top, right, bottom, in the same pixels */
} arc_photo;

/** The photo in a file. Ownership: points at path. Thread: any. */
ARC_API arc_photo arc_photo_from_path(const char *path);

/** The photo encoded in bytes, [count]. Ownership: points at bytes and name. Thread: any. */
ARC_API arc_photo arc_photo_from_bytes(const void *bytes, size_t count, const char *name);

/** The photo that an image shows. Ownership: points at the image's pixels and at name. Thread: any. */
ARC_API arc_photo arc_photo_from_image(const arc_image *image, const char *name);

/** The photo that a frame shows. Ownership: points at the frame's pixels and at name. Thread: any. */
ARC_API arc_photo arc_photo_from_frame(const arc_frame *frame, const char *name);

/** A photo that could not be had. Ownership: points at failure and name. Thread: any. */
ARC_API arc_photo arc_photo_failed(const arc_error *failure, const char *name);

/** Decodes or copies a photo into an image of its own: RGB8, but BGR8 for frames in that order. opt (may be NULL) as for
 * arc_image_decode; of it only max_pixels concerns frames. info may be NULL; its kind is "frame" for frames. On failure *out is
 * zeroed.
 * Ownership: free with arc_image_free. Thread: any.
 * Errors: those of arc_image_load and arc_image_decode; EINVAL for a photo without a path, bytes or pixels, a stride less than a
 * row, and ARC_PHOTO_END; the failure's own. */
ARC_API ARC_NODISCARD arc_status arc_photo_load(arc_context *ctx, const arc_photo *photo, const arc_image_options *opt,
                                                arc_image *out, arc_image_info *info, arc_error *err);

/** Reads a list of photos: a file of paths, one a line or each ended by NUL (as find -print0 writes them); empty ones are left
 * out.
 * *paths: [*count], as they stand in the file.
 * Ownership: free *paths with arc_photo_paths_free. Thread: any. Errors: ENOTFOUND, EIO, EFORMAT (no paths), ELIMIT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_photo_paths_load(arc_context *ctx, const char *file, char ***paths, int *count,
                                                      arc_error *err);

/** Frees what arc_photo_paths_load gave and nulls the pointer. Thread: any. */
ARC_API void arc_photo_paths_free(arc_context *ctx, char ***paths);

/** Photos one after the other: a folder, a database, a video, a queue of requests. */
typedef struct arc_photo_source {
    size_t struct_size; /**< set by arc_photo_source_default */
    /** Gives photo `index` (0, 1, 2, ...) or sets kind ARC_PHOTO_END. What the photo points at stays valid until release of that
     * index is called, its name until the photo's result was handed on. Up to 32 photos are out at once, so a reader of a video
     * needs a buffer for each. A status other than ARC_OK means that the source itself broke: the run ends with it after the
     * photos before it; one bad photo among good ones is ARC_PHOTO_FAILED. */
    arc_status (*next)(void *ctx, int64_t index, arc_photo *photo, arc_error *err);
    /** Called once for each photo that next gave, when its pixels are no longer needed; not for the end. May be NULL. */
    void (*release)(void *ctx, int64_t index, arc_photo *photo);
    void *ctx;     /**< passed to both */
    int64_t count; /**< how many there are; -1 (default): as many as come before ARC_PHOTO_END */
    /** Both are called from threads of the context's pool and from the caller's. false (default): one call at a time, next in the
     * order of the indices, so neither needs locks. true: many at once and in any order, so that they may read files or decode
     * meanwhile. */
    bool concurrent;
} arc_photo_source;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_photo_source_default(arc_photo_source *source);

/** Makes a source of files. paths: [count]. Ownership: the source points at paths. Thread: any. */
ARC_API void arc_photo_source_of_paths(arc_photo_source *source, const char *const *paths, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
