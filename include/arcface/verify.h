/** @file
 * Verification: are two photos of one person? One rule decides, whether photos or embeddings are at hand.
 */
#ifndef ARCFACE_VERIFY_H
#define ARCFACE_VERIFY_H

#include <arcface/calibrate.h>
#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

/** From which cosine on two faces are taken for one person's, and what a cosine means. */
typedef struct arc_verify_rule {
    double threshold;            /**< cosine, -1 to 1 */
    bool calibrated;             /**< `calibration` is filled */
    arc_calibration calibration; /**< what a cosine means */
} arc_verify_rule;

/** The model's own rule: its contract's threshold, and its calibration when it has one (arc_calibrate). The threshold may be
 * changed afterwards.
 * Thread: any. Errors: EINVAL when the model makes no embeddings, EFORMAT for damaged metadata. */
ARC_API ARC_NODISCARD arc_status arc_verify_rule_of(const arc_model *embedder, arc_verify_rule *out, arc_error *err);

/** Whether two faces are one person's, and how sure that is. */
typedef struct arc_verdict {
    bool same;               /**< cosine >= threshold */
    double cosine;           /**< of the two embeddings */
    double angle_degrees;    /**< between them */
    double threshold;        /**< the rule's */
    bool calibrated;         /**< whether the next three are known; else they are 0 */
    double probability;      /**< of one person, at equal priors */
    double far;              /**< false accept rate of a threshold at this cosine */
    double far_of_threshold; /**< false accept rate of the rule's threshold */
} arc_verdict;

/** Judges two embeddings, [dim], of any length. Thread: any. */
ARC_API void arc_verify_embeddings(const arc_verify_rule *rule, const float *a, const float *b, int dim, arc_verdict *out);

/** Two photos and what was found in them. */
typedef struct arc_verified {
    arc_result photo[2]; /**< what was found in each */
    int face[2];         /**< indices into photo[k].face: the two faces with the highest cosine */
    arc_verdict verdict; /**< on these two faces */
    arc_verdict *pair;   /**< [photo[0].faces][photo[1].faces], on every face with every face */
} arc_verified;

/** Runs both photos through the pipeline and judges their largest faces; with all_faces every face of one against every face of
 * the other, and the pair with the highest cosine counts. rule NULL: the model's own. On failure *out is filled as far as it
 * went.
 * Ownership: free with arc_verified_free, also after a failure. Thread: one at a time for a pipeline.
 * Errors: a photo's own (it cannot be read, ...), ENOTFOUND for a photo without a face, EINVAL for a pipeline without an
 * embedder, those of arc_pipeline_run_photos. */
ARC_API ARC_NODISCARD arc_status arc_verify(arc_pipeline *pipeline, const arc_photo photos[2], const arc_verify_rule *rule,
                                            arc_verified *out, arc_error *err);

/** The text that `arcface verify` prints; json: one object.
 * Ownership: free with arc_text_free. Thread: any. Errors: EINVAL when arc_verify failed; ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_verified_describe(arc_context *ctx, const arc_verified *verified, bool json, char **text,
                                                       arc_error *err);

/** Frees both results and zeroes the struct; NULL is allowed. Thread: one at a time. */
ARC_API void arc_verified_free(arc_context *ctx, arc_verified *verified);

#ifdef __cplusplus
}
#endif
#endif
