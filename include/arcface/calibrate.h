/* Calibration: what a score means for one model on one kind of pictures. Lives in the model's metadata (arcface.calibration.*). */
#ifndef ARCFACE_CALIBRATE_H
#define ARCFACE_CALIBRATE_H

#include <arcface/evaluate_result.h>
#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARC_CALIBRATION_POINTS 48

typedef struct arc_calibration {
    double far, threshold;           /* the FAR asked for and the cosine that gives it */
    arc_interval threshold_interval; /* thresholds at the Wilson bounds of the FAR that the impostor pairs can tell */
    bool supported;                  /* at least 10 impostor pairs lie above */
    int64_t genuine, impostor;
    int far_points; /* FAR falling, score rising */
    double far_score[ARC_CALIBRATION_POINTS], far_rate[ARC_CALIBRATION_POINTS];
    double logistic[2]; /* probability of one person = 1/(1 + exp(-(logistic[0] + logistic[1]*cosine))) at equal priors */
    int knots;          /* isotonic (pool adjacent violators), linear between; scores rising */
    double knot_score[ARC_CALIBRATION_POINTS], knot_probability[ARC_CALIBRATION_POINTS];
    int64_t gallery; /* 1:N: a gallery of so many identities, 0 = not asked */
    double fpir, search_far, search_threshold;
    bool search_supported;
    char set_sha256[65];
} arc_calibration;

/* From the curve of an evaluation that has both kinds of pairs. gallery 0: no 1:N threshold. The 1:N threshold takes strangers as independent:
 * FAR = 1 - (1 - fpir)^(1/gallery). Errors: EINVAL for pairs of one kind or rates outside (0, 1). */
ARC_API ARC_NODISCARD arc_status arc_calibrate(const arc_evaluation *evaluation, double far, int64_t gallery, double fpir,
                                               arc_calibration *out, arc_error *err);
/* FAR of a threshold at this score; linear in the logarithm between points, never below the last. */
ARC_API double arc_calibration_far(const arc_calibration *c, double score);
/* Probability that a pair with this score is one person, at equal priors, by the isotonic map. */
ARC_API double arc_calibration_probability(const arc_calibration *c, double score);

/* Puts it into the model: its threshold becomes `verify`'s default. Not while other threads use the model. arc_model_save keeps it. */
ARC_API ARC_NODISCARD arc_status arc_model_calibrate(arc_model *model, const arc_calibration *c, arc_error *err);
/* *found: whether the model has one. Errors: EFORMAT for damaged metadata. */
ARC_API ARC_NODISCARD arc_status arc_model_calibration(const arc_model *model, arc_calibration *out, bool *found, arc_error *err);

/* The text that `arcface calibrate` prints; json: one object. Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_calibration_describe(arc_context *ctx, const arc_calibration *c, bool json, char **text,
                                                          arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
