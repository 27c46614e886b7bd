/** @file
 * How good the picture of a face is for recognition, before anybody is compared with it: one number for each thing that spoils
 * pictures, and one for all of them.
 */
#ifndef ARCFACE_QUALITY_H
#define ARCFACE_QUALITY_H

#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Combined quality below which a picture is called poor: enrolment doubts it, and explanations of answers name it. Of ordinary
 * small photographs (celeba-224) the worst 5 % are. */
#define ARC_QUALITY_POOR 0.7

/** The quality of one face in one photo. Qualities are 0 (useless) to 1 (nothing to wish for), NAN where unknown. */
typedef struct arc_quality {
    double combined;    /**< weighted geometric mean of those below that are known; NAN where none is that counts */
    double detector;    /**< the detector's score */
    double alignment;   /**< how well the landmarks fit the template, from the residual; does not count in `combined` */
    double sharpness;   /**< fine structure of the aligned crop, from the Laplacian's variance in the grey values' */
    double size;        /**< pixels of the photo behind the crop; 1 = at least one for each of the crop's */
    double pose;        /**< 1 = looks into the camera; cosine of the angle between the face's direction and the camera's */
    double norm;        /**< length of the embedding, against a typical one; it counts most by far */
    double yaw_deg;     /**< the face looks so far to the right of the picture, -90 to 90; NAN = unknown */
    double pitch_deg;   /**< up, -90 to 90; NAN = unknown */
    double roll_deg;    /**< is turned clockwise in the picture, -180 to 180; NAN = unknown */
    double eyes_px;     /**< between the eyes, in pixels of the photo; NAN = unknown */
    double residual_px; /**< of the alignment, in pixels of a crop that is 112 wide; NAN = unknown */
} arc_quality;

/** Measures a face that a pipeline found. Pose and size come from its landmarks, sharpness from its crop if it has one
 * (arc_pipeline_options.keep_crops), the norm from its embedding's. from: arc_result.from; where no detector has seen the photo
 * there is no score, and an aligned crop has sharpness and norm only. typical_norm: median norm of ordinary pictures with this
 * model; 0 = unknown, and the norm is left out.
 * The weights are fitted to real photographs and one network, docs/GALLERY.md has their worth.
 * Thread: any. Source: pose is the weak perspective of five points in space, by least squares; sharpness: Pech-Pacheco et al.,
 * ICPR 2000. */
ARC_API void arc_face_quality(const arc_result_face *face, arc_face_origin from, double typical_norm, arc_quality *out);

/** Every part that is known: for people in one line, "0.71 (detector 0.85, sharpness 0.60, ...)"; json: an object. Ownership:
 * free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_quality_describe(arc_context *ctx, const arc_quality *quality, bool json, char **text,
                                                      arc_error *err);

/** Which part that counts is lowest, compared with ordinary pictures, and what to do about it: "sharpness is 0.11: ...".
 * Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_quality_advise(arc_context *ctx, const arc_quality *quality, char **text, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
