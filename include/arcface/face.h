/* Faces: detection, alignment, embedding, and the pipeline from photos to embeddings. */
#ifndef ARCFACE_FACE_H
#define ARCFACE_FACE_H

#include <arcface/context.h>
#include <arcface/model.h>
#include <arcface/photo.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A detected face, in pixels of the original (oriented, full-size) photo. Landmarks: left eye, right eye, nose, left and right mouth
 * corner as seen in the image. */
typedef struct arc_face {
    float x1_px, y1_px, x2_px, y2_px;
    float score; /* 0..1 */
    float landmark_px[5][2];
} arc_face;

typedef struct arc_detector arc_detector; /* one thread at a time */

typedef struct arc_detect_options {
    size_t struct_size;
    float score_threshold; /* 0 = the contract's */
    float nms_iou;         /* 0 = the contract's */
    int size_px;           /* letterbox side for dynamic models; 0 = 640 (or the model's fixed size) */
    bool multi_scale;      /* also at 128 (big, close faces), merged by one NMS */
    int max_faces;         /* 0 = all; else the best by area - 2*distance^2 from the centre, as InsightFace */
} arc_detect_options;
ARC_API void arc_detect_options_default(arc_detect_options *opt);

/* The model must outlive the detector. Errors: EINVAL when the contract is not a detector. */
ARC_API ARC_NODISCARD arc_status arc_detector_new(arc_context *ctx, const arc_model *model, arc_detector **out, arc_error *err);
ARC_API void arc_detector_free(arc_detector **detector);

/* Finds faces, best score first. *count = number found, which may exceed capacity (then only `capacity` are written). No face is not an
 * error: *count = 0. faces: [capacity]. Boxes are in pixels of `image`. */
ARC_API ARC_NODISCARD arc_status arc_detect(arc_detector *detector, const arc_image *image, const arc_detect_options *opt,
                                            arc_face *faces, int capacity, int *count, arc_error *err);

/* Alignment -------------------------------------------------------------------------------------------------------- */

typedef enum arc_warp { ARC_WARP_EXACT /* float bilinear */, ARC_WARP_OPENCV /* bit-exact to OpenCV 4's fixed point */ } arc_warp;

/* The template's size and its five points. */
ARC_API void arc_template_get(arc_template t, int *width_px, int *height_px, float points_px[5][2]);

/* Closed-form least-squares 2-D similarity from landmarks to the template (Umeyama 1991 in 2-D; equals scikit-image's
 * SimilarityTransform.estimate): matrix [2][3] maps image to crop. *residual_px (may be NULL) is the root-mean-square distance in crop
 * pixels: a quality cue, large for profile or wrong landmarks. Errors: EINVAL for coincident or non-finite points. */
ARC_API ARC_NODISCARD arc_status arc_align_estimate(const float landmark_px[5][2], arc_template t, double matrix[2][3],
                                                    double *residual_px, arc_error *err);
/* Warps the face to the template's size; outside is black. out must be made with arc_image_new at that size. */
ARC_API ARC_NODISCARD arc_status arc_align_warp(const arc_image *image, const double matrix[2][3], arc_warp how, arc_image *out,
                                                arc_error *err);
/* Both in one: the face with these landmarks (pixels of `image`) as a new crop of the template's size, in the image's format. residual_px as
 * arc_align_estimate's, may be NULL. On failure *crop is zeroed. Ownership: free with arc_image_free. Errors: EINVAL (coincident or
 * non-finite points, no pixels), ENOMEM. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_align_face(arc_context *ctx, const arc_image *image, const float landmark_px[5][2],
                                                arc_template t, arc_warp how, arc_image *crop, double *residual_px,
                                                arc_error *err);

/* Embedding -------------------------------------------------------------------------------------------------------- */

typedef struct arc_embedder arc_embedder; /* one thread at a time */
ARC_API ARC_NODISCARD arc_status arc_embedder_new(arc_context *ctx, const arc_model *model, arc_embedder **out, arc_error *err);
ARC_API void arc_embedder_free(arc_embedder **embedder);
ARC_API int arc_embedder_dim(const arc_embedder *embedder);
/* arc_net_plan_id of the last batch. */
ARC_API const char *arc_embedder_plan_id(const arc_embedder *embedder);

/* Embeds aligned crops of the template's size (RGB8 or BGR8). out: [count][dim] float32, row-major, NOT normalised. flip: adds the
 * embedding of the mirrored crop (raw sum, ALGORITHMS 7.1). Any count; run in batches inside. */
ARC_API ARC_NODISCARD arc_status arc_embed_crops(arc_embedder *embedder, const arc_image *crops, int count, bool flip, float *out,
                                                 arc_error *err);

/* In place x / max(|x|, 1e-12) on count rows of dim. */
ARC_API void arc_embedding_normalise(float *embeddings, int count, int dim);
/* Cosine of two embeddings (any norm), double accumulation; 0 when one is zero. */
ARC_API double arc_embedding_cosine(const float *a, const float *b, int dim);

/* Pipeline: photos in, embeddings out ------------------------------------------------------------------------------ */

typedef struct arc_pipeline arc_pipeline; /* one thread at a time */
typedef struct arc_pipeline_options {
    size_t struct_size;
    arc_detect_options detect;
    arc_image_options
        image; /* min_side_px > 0: photos far larger are decoded reduced, for the search and for faces that keep at least
                              * the crop's pixels there; embeddings then differ a little. 0: everything from full size */
    arc_warp warp;
    bool flip;       /* sum the mirrored view */
    bool all_faces;  /* every face; otherwise the largest only */
    bool aligned;    /* photos that come without landmarks are ready crops: no detection */
    bool keep_crops; /* results carry the aligned crop */
} arc_pipeline_options;
ARC_API void arc_pipeline_options_default(arc_pipeline_options *opt);

/* One face of one photo. */
typedef struct arc_result_face {
    arc_face face;
    double align_residual_px;
    float *embedding; /* [dim], raw */
    arc_image crop;   /* data NULL unless keep_crops */
} arc_result_face;
/* One photo: status and error are its own; a photo without a face has status ARC_OK, faces_found 0. */
typedef struct arc_result {
    const char *path; /* the photo's name: the caller's pointer */
    arc_status status;
    arc_error error;
    int width_px, height_px; /* full size, oriented */
    int faces_found;         /* in the photo */
    int faces;               /* in `face` */
    arc_result_face *face;
} arc_result;

/* detector may be NULL when opt->aligned. Both models must outlive the pipeline. */
ARC_API ARC_NODISCARD arc_status arc_pipeline_new(arc_context *ctx, const arc_model *detector, const arc_model *embedder,
                                                  const arc_pipeline_options *opt, arc_pipeline **out, arc_error *err);
/* arc_net_plan_id of the embedder's last batch. */
ARC_API const char *arc_pipeline_plan_id(const arc_pipeline *pipeline);
ARC_API void arc_pipeline_free(arc_pipeline **pipeline);

/* Runs over photos, many at a time in lanes of one or more threads (at most 8 photos are held decoded, 32 ready crops), in any order; results are in
 * the order of the photos and have the same bits however many run at once. results: [count], each freed with arc_result_free. A bad photo fails
 * alone. progress (may be NULL) is called from the calling thread; a non-zero return cancels (ECANCEL): photos already begun are finished, the
 * rest have that status. arc_pipeline_run takes files; arc_pipeline_run_photos takes photos of any kind, which must stay as they are during the
 * call (their names as long as the results). A single photo, as a camera gives it, is a call with count 1. */
ARC_API ARC_NODISCARD arc_status arc_pipeline_run(arc_pipeline *pipeline, const char *const *paths, int count,
                                                  arc_result *results, int (*progress)(void *ctx, int done, int count),
                                                  void *progress_ctx, arc_error *err);
ARC_API ARC_NODISCARD arc_status arc_pipeline_run_photos(arc_pipeline *pipeline, const arc_photo *photos, int count,
                                                         arc_result *results, int (*progress)(void *ctx, int done, int count),
                                                         void *progress_ctx, arc_error *err);
ARC_API void arc_result_free(arc_context *ctx, arc_result *result);

/* Takes the result of photo `index` on the thread that called arc_pipeline_run_source, in the order of the photos. The result is freed
 * afterwards, unless the sink takes it over: by copying the struct and zeroing *result. A status other than ARC_OK ends the run with it. */
typedef arc_status arc_result_sink(void *ctx, int64_t index, arc_result *result, arc_error *err);
/* The same over a source of any length, with memory for a few hundred results: they are handed on while later photos are searched or still to
 * come, each at most some hundred photos after its own. Bits are those of arc_pipeline_run_photos over the same photos (a face that would wait
 * longer than 256 photos for company is embedded alone, which may change its last bits). When the source breaks or the sink fails, the photos
 * before it have been handed on. Errors: the source's, the sink's; EINVAL for a source that arc_photo_source_default did not fill; ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_pipeline_run_source(arc_pipeline *pipeline, const arc_photo_source *source,
                                                         arc_result_sink *sink, void *sink_ctx, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
