/** @file
 * Rates with their uncertainty: Wilson intervals, ROC curves with exact counts, operating points.
 *
 * Scores are cosines unless a comment says otherwise; a pair is accepted when its score is at or above the threshold. FAR:
 * accepted impostor pairs of all impostor pairs. TAR: accepted genuine pairs of all genuine pairs. FRR = 1 - TAR. Rates are
 * fractions, 0 to 1.
 */
#ifndef ARCFACE_EVALUATE_RATES_H
#define ARCFACE_EVALUATE_RATES_H

#include <arcface/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A 95 % confidence interval. */
typedef struct arc_interval {
    double low;  /**< lower end */
    double high; /**< upper end; low > high: not computed */
} arc_interval;

/** A rate and how sure it is. */
typedef struct arc_rate {
    int64_t hits;        /**< how often it happened */
    int64_t trials;      /**< of how many */
    double value;        /**< hits / trials; 0 without trials */
    arc_interval wilson; /**< its interval */
} arc_rate;

/** The rate with Wilson's score interval at 95 %, which is 0 to 1 without trials. Thread: any. Source: Wilson, 1927. */
ARC_API arc_rate arc_rate_of(int64_t hits, int64_t trials);

/** One threshold of a curve. */
typedef struct arc_roc_point {
    double threshold; /**< score */
    int64_t genuine;  /**< pairs of one person */
    int64_t impostor; /**< pairs of two people */
} arc_roc_point;

/** What a FAR target gives, in the two flavours that the field has. */
typedef struct arc_operating_point {
    double far_target; /**< the FAR asked for */
    double threshold;  /**< exact flavour: the lowest threshold whose FAR does not exceed the target */
    arc_rate far;      /**< exact flavour: FAR at that threshold */
    arc_rate tar;      /**< exact flavour: TAR at that threshold */
    /** Over identities, the threshold chosen anew each time; low > high: not computed */
    arc_interval tar_bootstrap;
    /** Nearest flavour (InsightFace's eval_ijbc.py): the FAR of scikit-learn's roc_curve nearest the target */
    double far_nearest;
    double tar_nearest; /**< nearest flavour: TAR there */
    /** At least 10 impostor pairs are expected above the threshold: impostor * far_target >= 10 */
    bool supported;
} arc_operating_point;

/** Bins of a histogram of cosines: 0.01 each from -1 to 1; the last holds 1 too. */
#define ARC_HISTOGRAM_BINS 200
/** Most FAR targets of a curve. */
#define ARC_MAX_OPERATING 16

/** A whole ROC: exact statistics, and points thinned for drawing (neighbours differ by 1 % of FAR, 0.001 of TAR or 0.001 of
 * score). */
typedef struct arc_curve {
    int64_t genuine;  /**< pairs of one person */
    int64_t impostor; /**< pairs of two people */
    /** Exact area, ties count half (scikit-learn's roc_auc_score) */
    double auc;
    /** Rate where FAR = FRR, linear between the operating points around it */
    double eer;
    double eer_threshold;                             /**< threshold there */
    double mean_genuine;                              /**< mean of the genuine scores */
    double std_genuine;                               /**< their population deviation */
    double mean_impostor;                             /**< mean of the impostor scores */
    double std_impostor;                              /**< their population deviation */
    int64_t genuine_bin[ARC_HISTOGRAM_BINS];          /**< histogram of the genuine scores */
    int64_t impostor_bin[ARC_HISTOGRAM_BINS];         /**< histogram of the impostor scores */
    arc_operating_point operating[ARC_MAX_OPERATING]; /**< [operatings] */
    int operatings;                                   /**< number of FAR targets */
    /** [points], thresholds falling; the first accepts nothing */
    arc_roc_point *point;
    int points; /**< number of points */
} arc_curve;

/** The curve of scores, [pairs]; same: [pairs], 1 for one person, 0 for two; far_targets: [targets], NULL: 1e-6 to 1e-1 by
 * decades. Sorts a copy, which takes 16 bytes a pair. Ownership: free with arc_curve_free. Thread: any.
 * Errors: EINVAL for a score that is not finite (names the pair) or targets outside 0 to 1, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_curve_of_scores(arc_context *ctx, const double *score, const uint8_t *same, int64_t pairs,
                                                     const double *far_targets, int targets, arc_curve *out, arc_error *err);

/** Frees the points and zeroes the struct; NULL and zeroed structs are allowed. Thread: one at a time. */
ARC_API void arc_curve_free(arc_context *ctx, arc_curve *curve);

/** FAR at any threshold, linear between the thinned points. Thread: any. */
ARC_API double arc_curve_far(const arc_curve *curve, double threshold);

/** TAR at any threshold, linear between the thinned points. Thread: any. */
ARC_API double arc_curve_tar(const arc_curve *curve, double threshold);

#ifdef __cplusplus
}
#endif
#endif
