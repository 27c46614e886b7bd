/** @file
 * Faces: detection, alignment, embedding, and the pipeline from photos to embeddings.
 */
#ifndef ARCFACE_FACE_H
#define ARCFACE_FACE_H

#include <arcface/context.h>
#include <arcface/model.h>
#include <arcface/photo.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A detected face, in pixels of the original photo: full size, upright. */
typedef struct arc_face {
    float x1_px; /**< left side of the box */
    float y1_px; /**< its top */
    float x2_px; /**< its right side */
    float y2_px; /**< its bottom */
    float score; /**< 0 to 1 */
    /** X, y of left eye, right eye, nose, left and right corner of the mouth, as seen in the image; in one that is turned, as
     * seen when the face stands upright */
    float landmark_px[5][2];
    /** By how much the image was turned clockwise when the face was found upright: 0, 90, 180 or 270 */
    int turned_degrees;
} arc_face;

/** Second looks at an image; a set of them is their sum. */
typedef enum arc_look_kind {
    ARC_LOOK_TURNED = 1, /**< turned by 90, 180 or 270 degrees */
    ARC_LOOK_BORDER = 2, /**< small, with a border around it, for a face that fills the image */
    ARC_LOOK_TILES = 4   /**< in tiles that are reduced less, for small faces */
} arc_look_kind;

/** A detector ready to run. One thread at a time. */
typedef struct arc_detector arc_detector;

/** How faces are looked for. */
typedef struct arc_detect_options {
    size_t struct_size;    /**< set by arc_detect_options_default */
    float score_threshold; /**< least score; 0 (default) = the contract's */
    /** Overlap above which the weaker of two boxes is dropped; 0 (default) = the contract's */
    float nms_iou;
    int size_px;      /**< side that the photo is fitted into, for models of any size; 0 (default) = 640 */
    bool multi_scale; /**< look also at 128 pixels, for faces that fill the photo; default false */
    /** 0 (default) = all; else the best by area - 2*distance^2 from the centre of the photo, as InsightFace */
    int max_faces;
    /** Never look at the photo turned; default false: when no face is found, or one whose landmarks or low score say that it is
     * not upright, the photo is also looked at turned by 90, 180 and 270 degrees. Of each face the orientation is taken in which
     * its landmarks are upright and its score is highest. What an upright photo gives does not change. */
    bool no_turn;
    /** Never look a second time, neither turned nor otherwise; default false: when no face is found, also with a border around
     * the photo, for a face that fills it; when no face or only small ones are found in a photo that was reduced to fit, also
     * in tiles that are reduced less. Small faces are then replaced by
     * what the tiles show; others of the first look stay as they are. */
    bool one_look;
} arc_detect_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_detect_options_default(arc_detect_options *opt);

/** A detector over a model, which must outlive it. Ownership: free with arc_detector_free. Thread: any.
 * Errors: EINVAL when the model is not a detector, EUNSUPPORTED, ESHAPE, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_detector_new(arc_context *ctx, const arc_model *model, arc_detector **out, arc_error *err);

/** Frees the detector and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_detector_free(arc_detector **detector);

/** Finds the faces of an image, best score first. faces: [capacity]; *count = number found, which may exceed the capacity: then
 * only `capacity` are written. No face is not an error: *count = 0. Boxes are in pixels of `image`; `opt` may be NULL. Thread:
 * one at a time.
 * Errors: EINVAL (no pixels, options), ESHAPE, ENOMEM. Source: SCRFD, Guo et al., ICLR 2022; RetinaFace, Deng et al., CVPR
 * 2020. */
ARC_API ARC_NODISCARD arc_status arc_detect(arc_detector *detector, const arc_image *image, const arc_detect_options *opt,
                                            arc_face *faces, int capacity, int *count, arc_error *err);

/** How pixels are interpolated when a face is warped. */
typedef enum arc_warp {
    ARC_WARP_EXACT, /**< bilinear in float32 */
    ARC_WARP_OPENCV /**< bilinear in the fixed point of OpenCV 4, bit for bit */
} arc_warp;

/** The size of a template and its five points, points_px: [5][2] x, y. Each of the three may be NULL. Thread: any.
 * Source: InsightFace's face_align.py. */
ARC_API void arc_template_get(arc_template t, int *width_px, int *height_px, float points_px[5][2]);

/** The least-squares similarity (turn, scale, shift) from landmarks, [5][2] in pixels of the image, to the template: matrix,
 * double [2][3], maps (x, y, 1) of the image to the crop. *residual_px (may be NULL): root-mean-square distance in pixels of the
 * crop, large for profiles and wrong landmarks. Thread: any. Errors: EINVAL for landmarks that coincide or are not finite.
 * Source: Umeyama, TPAMI 1991; equals scikit-image's SimilarityTransform.estimate. */
ARC_API ARC_NODISCARD arc_status arc_align_estimate(const float landmark_px[5][2], arc_template t, double matrix[2][3],
                                                    double *residual_px, arc_error *err);

/** Warps a face into `out`, an image of the template's size made by arc_image_new; outside the image it is black. matrix: of
 * arc_align_estimate.
 * Thread: any, for different `out`. Errors: EINVAL (no pixels, a matrix without inverse). */
ARC_API ARC_NODISCARD arc_status arc_align_warp(const arc_image *image, const double matrix[2][3], arc_warp how, arc_image *out,
                                                arc_error *err);

/** Both in one: the face with these landmarks, [5][2] in pixels of `image`, as a new crop of the template's size in the image's
 * format. residual_px as in arc_align_estimate. On failure *crop is zeroed.
 * Ownership: free with arc_image_free. Thread: any. Errors: EINVAL (landmarks that coincide or are not finite, no pixels),
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_align_face(arc_context *ctx, const arc_image *image, const float landmark_px[5][2],
                                                arc_template t, arc_warp how, arc_image *crop, double *residual_px,
                                                arc_error *err);

/** An embedder ready to run. One thread at a time. */
typedef struct arc_embedder arc_embedder;

/** An embedder over a model, which must outlive it. Ownership: free with arc_embedder_free. Thread: any.
 * Errors: EINVAL when the model does not embed (the sentence says why), EUNSUPPORTED, ESHAPE, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_embedder_new(arc_context *ctx, const arc_model *model, arc_embedder **out, arc_error *err);

/** Frees the embedder and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_embedder_free(arc_embedder **embedder);

/** Numbers in an embedding. Thread: any. */
ARC_API int arc_embedder_dim(const arc_embedder *embedder);

/** arc_net_plan_id of the last batch; valid until the next one. Thread: one at a time. */
ARC_API const char *arc_embedder_plan_id(const arc_embedder *embedder);

/** Embeds aligned crops of the template's size, [count], RGB8 or BGR8; any count, run in batches. out: float32 [count][dim], not
 * normalised. flip: adds the embedding of the mirrored crop. Thread: one at a time.
 * Errors: ESHAPE for a crop of another size, EINVAL for one without pixels, ECORRUPT (the network gives numbers that are not
 * finite), ENOMEM.
 * Source: Deng et al., ArcFace, CVPR 2019; the sum of both views is InsightFace's verification.py. */
ARC_API ARC_NODISCARD arc_status arc_embed_crops(arc_embedder *embedder, const arc_image *crops, int count, bool flip, float *out,
                                                 arc_error *err);

/** Divides each row of embeddings, float32 [count][dim], by max(its length, 1e-12), in place. Thread: any, for different rows. */
ARC_API void arc_embedding_normalise(float *embeddings, int count, int dim);

/** Cosine of two embeddings, [dim], of any length, summed in double; 0 when one is zero. Thread: any. */
ARC_API double arc_embedding_cosine(const float *a, const float *b, int dim);

/** Photos in, embeddings out. One thread at a time. */
typedef struct arc_pipeline arc_pipeline;

/** What a pipeline does with a photo. */
typedef struct arc_pipeline_options {
    size_t struct_size;        /**< set by arc_pipeline_options_default */
    arc_detect_options detect; /**< how faces are looked for */
    /** How photos are decoded. With min_side_px > 0 photos far larger are decoded at reduced size, for the search and for faces
     * that keep at least the crop's pixels there; embeddings then differ a little. 0 (default): everything from full size. */
    arc_image_options image;
    arc_warp warp;   /**< default ARC_WARP_EXACT */
    bool flip;       /**< add the embedding of the mirrored crop; default false */
    bool all_faces;  /**< every face; default false: the largest only */
    bool aligned;    /**< photos without landmarks are aligned crops, nothing is detected; default false */
    bool keep_crops; /**< results carry the aligned crops; default false */
    /** template of the crops of a pipeline without an embedder; otherwise the embedder's counts; default ARC_TEMPLATE_112 */
    arc_template align;
} arc_pipeline_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_pipeline_options_default(arc_pipeline_options *opt);

/** One face of one photo. */
typedef struct arc_result_face {
    arc_face face;            /**< where it is */
    double align_residual_px; /**< of arc_align_estimate */
    float *embedding;         /**< [dim], not normalised; NULL without an embedder */
    arc_image crop;           /**< aligned; data is NULL unless keep_crops */
    /** The norm, large for good pictures: the one that the model gives beside the embedding (arc_contract.norm_output), else the
     * length of the embedding; of a face and its mirror image the mean. 0 without an embedder */
    float norm;
} arc_result_face;

/** Where a photo's faces come from. */
typedef enum arc_face_origin {
    ARC_FACE_DETECTED, /**< a detector found them */
    ARC_FACE_GIVEN,    /**< the photo came with landmarks: the score is 1, nothing has measured it */
    ARC_FACE_CROP      /**< the photo is an aligned crop: score and landmarks are what such a crop has to have */
} arc_face_origin;

/** One photo. Its status and error are its own; a photo without a face has status ARC_OK and faces_found 0. */
typedef struct arc_result {
    const char *path;      /**< the photo's name: the caller's pointer */
    const char *label;     /**< the photo's label, which messages use: the caller's pointer; NULL: path */
    arc_status status;     /**< ARC_OK, or why the photo gave nothing */
    arc_error error;       /**< the sentence */
    int width_px;          /**< full width, upright */
    int height_px;         /**< full height, upright */
    int damaged;           /**< 1: the file ends early or has damaged data; what could be decoded was used */
    int resized;           /**< 1: an aligned crop of another size than the template's was resized to it */
    int looks;             /**< arc_look_kind: second looks that added faces; if there are none, those that were tried */
    int searched_px;       /**< longer side that the photo was reduced to for the first look; 0: it was not reduced */
    arc_face_origin from;  /**< where the faces come from */
    int faces_found;       /**< in the photo */
    int faces;             /**< in `face` */
    arc_result_face *face; /**< [faces] */
} arc_result;

/** A pipeline over two models, which must outlive it. detector may be NULL when opt->aligned; `opt` may be NULL. embedder may be
 * NULL: then faces are found, and cropped when opt->keep_crops, but not embedded.
 * Ownership: free with arc_pipeline_free. Thread: any. Errors: those of arc_detector_new and arc_embedder_new; EINVAL (options,
 * no detector). */
ARC_API ARC_NODISCARD arc_status arc_pipeline_new(arc_context *ctx, const arc_model *detector, const arc_model *embedder,
                                                  const arc_pipeline_options *opt, arc_pipeline **out, arc_error *err);

/** arc_net_plan_id of the embedder's last batch, "" without an embedder; valid until the next one. Thread: one at a time. */
ARC_API const char *arc_pipeline_plan_id(const arc_pipeline *pipeline);

/** Frees the pipeline and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_pipeline_free(arc_pipeline **pipeline);

/** Runs over photo files, paths: [count], many at a time (at most 8 photos are held decoded, and 32 aligned crops). results:
 * [count], in the order of the paths, with the same bits however many run at once. A photo that fails has the error in its own
 * result and stops nobody else. progress (may be NULL) is called from the calling thread; anything but 0 cancels: photos already
 * begun are finished, the rest have the status ARC_ECANCEL.
 * Ownership: free each result with arc_result_free, also after a failure. Thread: one at a time. Errors: ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_pipeline_run(arc_pipeline *pipeline, const char *const *paths, int count,
                                                  arc_result *results, int (*progress)(void *ctx, int done, int count),
                                                  void *progress_ctx, arc_error *err);

/** The same over photos of any kind, photos: [count], which must stay as they are during the call, their names as long as the
 * results. A single photo, as a camera gives it, is a call with count 1.
 * Ownership: free each result with arc_result_free, also after a failure. Thread: one at a time. Errors: ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_pipeline_run_photos(arc_pipeline *pipeline, const arc_photo *photos, int count,
                                                         arc_result *results, int (*progress)(void *ctx, int done, int count),
                                                         void *progress_ctx, arc_error *err);

/** Frees what a result holds and zeroes it; NULL is allowed. Thread: one at a time. */
ARC_API void arc_result_free(arc_context *ctx, arc_result *result);

/** Takes the result of photo `index` on the thread that called arc_pipeline_run_source, in the order of the photos. The result is
 * freed afterwards, unless the sink takes it over: by copying the struct and zeroing *result. A status other than ARC_OK ends the
 * run with it. */
typedef arc_status arc_result_sink(void *ctx, int64_t index, arc_result *result, arc_error *err);

/** The same over a source of any length, with memory for a few hundred results: they are handed on while later photos are
 * searched or still to come, each at most some hundred photos after its own. Bits are those of arc_pipeline_run_photos over the
 * same photos (a face that would wait longer than 256 photos for company is embedded alone, which may change its last bits). When
 * the source breaks or the sink fails, the photos before it have been handed on. Thread: one at a time.
 * Errors: the source's and the sink's; EINVAL for a source that arc_photo_source_default did not fill; ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_pipeline_run_source(arc_pipeline *pipeline, const arc_photo_source *source,
                                                         arc_result_sink *sink, void *sink_ctx, arc_error *err);

/** Draws boxes, landmarks and scores of faces on a copy of their photo. faces: [count]. Ownership: free *out with arc_image_free;
 * zeroed after a failure. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_draw_faces(arc_context *ctx, const arc_image *photo, const arc_face *faces, int count,
                                                arc_image *out, arc_error *err);
/** A face to be drawn with what is said of it. */
typedef struct arc_labelled_face {
    const arc_face *face; /**< where it is */
    const char *label;    /**< UTF-8; NULL or "" = none */
    uint32_t rgb;         /**< of its box, 0xRRGGBB */
} arc_labelled_face;
/** Draws boxes, landmarks and labels of faces on a copy of their photo; labels that would leave the photo are moved into it.
 * faces: [count]. Ownership: free *out with arc_image_free; zeroed after a failure. Thread: any. Errors: EINVAL for a label that
 * is not UTF-8, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_draw_labelled_faces(arc_context *ctx, const arc_image *photo, const arc_labelled_face *faces,
                                                         int count, arc_image *out, arc_error *err);
/** One of two photos that were compared. */
typedef struct arc_pair_side {
    const arc_image *photo; /**< the whole photo */
    const arc_face *face;   /**< the face in it */
    const arc_image *crop;  /**< aligned; may be NULL */
} arc_pair_side;
/** Draws two photos side by side with their faces and crops, a title (green when `yes`, else red) and a line of text. Ownership:
 * free *out with arc_image_free; zeroed after a failure. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_draw_pair(arc_context *ctx, const arc_pair_side side[2], const char *title, const char *text,
                                               bool yes, arc_image *out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
