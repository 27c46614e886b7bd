/** @file
 * Two models on one set of pairs: is the difference more than chance?
 */
#ifndef ARCFACE_EVALUATE_COMPARE_H
#define ARCFACE_EVALUATE_COMPARE_H

#include <arcface/evaluate_result.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Model A beside model B. */
typedef struct arc_comparison {
    int64_t pairs;  /**< of the set */
    int64_t only_a; /**< pairs that only A decides rightly at the threshold of its other folds */
    int64_t only_b; /**< pairs that only B decides rightly */
    /** McNemar's exact test, two-sided: probability of so uneven a split by chance */
    double mcnemar_p;
    int operatings;                           /**< number of FAR targets below */
    double far_target[ARC_MAX_OPERATING];     /**< [operatings] */
    double tar_difference[ARC_MAX_OPERATING]; /**< [operatings] TAR of B - TAR of A */
    /** [operatings] its 95 % interval, paired over identities; low > high: not computed */
    arc_interval difference[ARC_MAX_OPERATING];
} arc_comparison;

/** Compares two evaluations of the same listed pairs (arc_evaluate_pairs, arc_evaluate_bin, arc_evaluate_ytf). replicates: of the
 * bootstrap, 0 = none.
 * Thread: any. Errors: EINVAL for different sets, ENOMEM. Source: McNemar, 1947; Efron, 1979. */
ARC_API ARC_NODISCARD arc_status arc_evaluation_compare(arc_context *ctx, const arc_evaluation *a, const arc_evaluation *b,
                                                        int replicates, uint64_t seed, arc_comparison *out, arc_error *err);

/** The text that `arcface eval compare` prints; json: one object. a and b: the evaluations that were compared. Ownership: free
 * with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_comparison_describe(arc_context *ctx, const arc_comparison *comparison,
                                                         const arc_evaluation *a, const arc_evaluation *b, bool json, char **text,
                                                         arc_error *err);

/** Writes one self-contained HTML page: the tests, then both models' curves over each other. Thread: any. Errors: EIO, ENOMEM,
 * ELIMIT (see page.h). */
ARC_API ARC_NODISCARD arc_status arc_comparison_report(arc_context *ctx, const arc_comparison *comparison,
                                                       const arc_evaluation *a, const arc_evaluation *b, const char *path,
                                                       arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
