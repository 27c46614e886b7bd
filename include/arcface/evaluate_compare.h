/* Two models on one set of pairs: is the difference more than chance? */
#ifndef ARCFACE_EVALUATE_COMPARE_H
#define ARCFACE_EVALUATE_COMPARE_H

#include <arcface/evaluate_result.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct arc_comparison {
    int64_t pairs, only_a, only_b; /* pairs that only A, only B decides rightly at its held-out threshold */
    double mcnemar_p;              /* exact, two-sided */
    int operatings;
    double far_target[ARC_MAX_OPERATING], tar_difference[ARC_MAX_OPERATING]; /* B - A */
    arc_interval difference[ARC_MAX_OPERATING]; /* 95 %, paired over identities; low > high when not computed */
} arc_comparison;

/* Both evaluations must be of the same listed pairs (arc_evaluate_pairs, _bin, _ytf). replicates 0: no bootstrap. Errors: EINVAL for different
 * sets, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_evaluation_compare(arc_context *ctx, const arc_evaluation *a, const arc_evaluation *b,
                                                        int replicates, uint64_t seed, arc_comparison *out, arc_error *err);

/* The text that `arcface eval compare` prints; json: one object. a and b: the evaluations that were compared. Ownership: free with
 * arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_comparison_describe(arc_context *ctx, const arc_comparison *comparison,
                                                         const arc_evaluation *a, const arc_evaluation *b, bool json, char **text,
                                                         arc_error *err);
/* One self-contained HTML page: the tests, then both models' curves over each other. Thread: any. Errors: EIO, ENOMEM, ELIMIT (see page.h). */
ARC_API ARC_NODISCARD arc_status arc_comparison_report(arc_context *ctx, const arc_comparison *comparison,
                                                       const arc_evaluation *a, const arc_evaluation *b, const char *path,
                                                       arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
