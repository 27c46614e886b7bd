/* Verification: are two photos of one person? One rule decides, whether photos or embeddings are at hand. */
#ifndef ARCFACE_VERIFY_H
#define ARCFACE_VERIFY_H

#include <arcface/calibrate.h>
#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From which cosine on two faces are taken for one person's, and what a cosine means. */
typedef struct arc_verify_rule {
    double threshold; /* cosine, -1..1 */
    bool calibrated;  /* whether `calibration` is filled */
    arc_calibration calibration;
} arc_verify_rule;

/* The model's own rule: its contract's threshold, and its calibration when it has one (arc_calibrate). The threshold may be changed afterwards.
 * Errors: EINVAL when the model makes no embeddings, EFORMAT for damaged metadata. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_verify_rule_of(const arc_model *embedder, arc_verify_rule *out, arc_error *err);

typedef struct arc_verdict {
    bool same; /* cosine >= threshold */
    double cosine, angle_degrees, threshold;
    bool calibrated;         /* whether the rest is known; else 0 */
    double probability;      /* of one person, at equal priors */
    double far;              /* false accept rate of a threshold at this cosine */
    double far_of_threshold; /* and at the rule's */
} arc_verdict;

/* Judges two embeddings of dim values (any norm). Thread: any. */
ARC_API void arc_verify_embeddings(const arc_verify_rule *rule, const float *a, const float *b, int dim, arc_verdict *out);

/* Two photos and what was found in them. */
typedef struct arc_verified {
    arc_result photo[2];
    int face[2]; /* of each photo, in photo[k].face: the two with the highest cosine */
    arc_verdict verdict;
} arc_verified;

/* Runs both photos through the pipeline and judges their largest faces; with all_faces every face of one against every face of the other, and the
 * pair with the highest cosine counts. rule NULL: the model's own. *out is filled as far as it went on failure too. Ownership: arc_verified_free.
 * Errors: a photo's own (unreadable, ...), ENOTFOUND for a photo without a face, the pipeline's. Thread: the pipeline's. */
ARC_API ARC_NODISCARD arc_status arc_verify(arc_pipeline *pipeline, const arc_photo photos[2], const arc_verify_rule *rule,
                                            arc_verified *out, arc_error *err);
ARC_API void arc_verified_free(arc_context *ctx, arc_verified *verified); /* NULL-safe, idempotent */

#ifdef __cplusplus
}
#endif
#endif
