/* Rates with their uncertainty: Wilson intervals, ROC curves with exact counts, operating points. Scores are cosines unless a caller says
 * otherwise; a pair is accepted when its score is at or above the threshold. FAR: accepted impostor pairs of all impostor pairs; TAR: accepted
 * genuine pairs of all genuine pairs; FRR = 1 - TAR. */
#ifndef ARCFACE_EVALUATE_RATES_H
#define ARCFACE_EVALUATE_RATES_H

#include <arcface/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A 95 % confidence interval. */
typedef struct arc_interval {
    double low, high;
} arc_interval;

typedef struct arc_rate {
    int64_t hits, trials;
    double value; /* hits / trials, 0 without trials */
    arc_interval wilson;
} arc_rate;
/* Wilson's score interval (1927), 95 %; without trials 0 to 1. */
ARC_API arc_rate arc_rate_of(int64_t hits, int64_t trials);

/* One threshold of a curve: pairs of each kind at or above it. */
typedef struct arc_roc_point {
    double threshold;
    int64_t genuine, impostor;
} arc_roc_point;

/* What a FAR target gives, in the two flavours that the field has. */
typedef struct arc_operating_point {
    double far_target;
    double threshold; /* exact flavour: the lowest threshold whose FAR does not exceed the target */
    arc_rate far, tar;
    arc_interval tar_bootstrap; /* over identities, with the threshold chosen anew each time; low > high when not computed */
    double far_nearest,
        tar_nearest; /* nearest flavour (InsightFace's eval_ijbc): the point of scikit-learn's roc_curve nearest to the target */
    bool supported;  /* at least 10 impostor pairs are expected above the threshold: impostor * far_target >= 10 */
} arc_operating_point;

#define ARC_HISTOGRAM_BINS 200 /* of 0.01 from -1 to 1; the last holds 1 too */
#define ARC_MAX_OPERATING 16

/* A whole ROC: exact statistics, and points thinned for drawing (neighbours differ by 1 % of FAR, 0.001 of TAR or 0.001 of score). */
typedef struct arc_curve {
    int64_t genuine, impostor;
    double auc; /* exact area, ties count half (scikit-learn's roc_auc_score) */
    double eer; /* linear between the operating points around FAR = FRR */
    double eer_threshold;
    double mean_genuine, std_genuine, mean_impostor, std_impostor;
    int64_t genuine_bin[ARC_HISTOGRAM_BINS], impostor_bin[ARC_HISTOGRAM_BINS];
    arc_operating_point operating[ARC_MAX_OPERATING];
    int operatings;
    arc_roc_point *point; /* [points], thresholds falling; the first accepts nothing */
    int points;
} arc_curve;

/* The curve of `pairs` scores. same: [pairs], 0 or 1. far_targets NULL: 1e-6 to 1e-1 by decades. Sorts a copy: 16 bytes a pair.
 * Ownership: arc_curve_free. Errors: EINVAL for a score that is not finite (names the pair), ENOMEM. Thread: as the context. */
ARC_API ARC_NODISCARD arc_status arc_curve_of_scores(arc_context *ctx, const double *score, const uint8_t *same, int64_t pairs,
                                                     const double *far_targets, int targets, arc_curve *out, arc_error *err);
/* Frees the points and zeroes the struct; NULL-safe, idempotent. */
ARC_API void arc_curve_free(arc_context *ctx, arc_curve *curve);
/* FAR and TAR at any threshold, from the thinned points (linear between them). */
ARC_API double arc_curve_far(const arc_curve *curve, double threshold);
ARC_API double arc_curve_tar(const arc_curve *curve, double threshold);

#ifdef __cplusplus
}
#endif
#endif
