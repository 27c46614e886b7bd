/** @file
 * Calibration: what a score means for one model on one kind of pictures. It is kept in the model's metadata
 * (arcface.calibration.*).
 */
#ifndef ARCFACE_CALIBRATE_H
#define ARCFACE_CALIBRATE_H

#include <arcface/evaluate_result.h>
#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most points of each curve of a calibration. */
#define ARC_CALIBRATION_POINTS 48

/** What scores mean. Scores are cosines. */
typedef struct arc_calibration {
    double far;                               /**< the FAR asked for */
    double threshold;                         /**< the score that gives it */
    arc_interval threshold_interval;          /**< thresholds at the ends of the FAR's Wilson interval */
    bool supported;                           /**< at least 10 impostor pairs lie above the threshold */
    int64_t genuine;                          /**< pairs of one person that it was made from */
    int64_t impostor;                         /**< pairs of two people */
    int far_points;                           /**< points of the FAR curve */
    double far_score[ARC_CALIBRATION_POINTS]; /**< [far_points] rising */
    double far_rate[ARC_CALIBRATION_POINTS];  /**< [far_points] FAR there, falling */
    /** Probability of one person = 1/(1 + exp(-(logistic[0] + logistic[1]*score))) at equal priors */
    double logistic[2];
    /** Points of the isotonic map (pool adjacent violators), linear between */
    int knots;
    double knot_score[ARC_CALIBRATION_POINTS];       /**< [knots] rising */
    double knot_probability[ARC_CALIBRATION_POINTS]; /**< [knots] probability of one person at equal priors */
    int64_t gallery;         /**< 1:N: identities in the gallery that the threshold is for; 0 = not asked */
    double fpir;             /**< 1:N: the rate of strangers that may be found */
    double search_far;       /**< 1:N: the FAR of one comparison that gives it */
    double search_threshold; /**< 1:N: its score */
    bool search_supported;   /**< 1:N: at least 10 impostor pairs lie above it */
    char set_sha256[65];     /**< of the evaluated set, hexadecimal */
} arc_calibration;

/** Makes a calibration from an evaluation that has both kinds of pairs. gallery 0: no threshold for 1:N; else that threshold
 * takes the comparisons with strangers as independent, FAR = 1 - (1 - fpir)^(1/gallery). Thread: any. Errors: EINVAL for pairs of
 * one kind or rates outside 0 to 1.
 * Source: Platt, 1999 (logistic); Zadrozny and Elkan, KDD 2002 (isotonic). */
ARC_API ARC_NODISCARD arc_status arc_calibrate(const arc_evaluation *evaluation, double far, int64_t gallery, double fpir,
                                               arc_calibration *out, arc_error *err);

/** The FAR of a threshold at this score; linear in its logarithm between points, never below the last. Thread: any. */
ARC_API double arc_calibration_far(const arc_calibration *c, double score);

/** The lowest score whose FAR is at most `far`: the inverse of arc_calibration_far, so the last point's score for all that lies
 * below it. Thread: any. */
ARC_API double arc_calibration_score(const arc_calibration *c, double far);

/** The probability that a pair with this score is one person, at equal priors, by the isotonic map. Thread: any. */
ARC_API double arc_calibration_probability(const arc_calibration *c, double score);

/** Puts the calibration into the model: its threshold becomes the contract's, and arc_model_save keeps it. Changes the model.
 * Thread: one at a time, while nobody else uses the model. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_model_calibrate(arc_model *model, const arc_calibration *c, arc_error *err);

/** The model's calibration; *found: whether it has one. Thread: any. Errors: EFORMAT for damaged metadata. */
ARC_API ARC_NODISCARD arc_status arc_model_calibration(const arc_model *model, arc_calibration *out, bool *found, arc_error *err);

/** The text that `arcface calibrate` prints; json: one object. Ownership: free with arc_text_free. Thread: any. Errors:
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_calibration_describe(arc_context *ctx, const arc_calibration *c, bool json, char **text,
                                                          arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
