/** @file
 * Evaluations as pages and pictures: ROC, DET, histograms of scores and angles, thresholds, folds, worst pairs, provenance.
 */
#ifndef ARCFACE_EVALUATE_REPORT_H
#define ARCFACE_EVALUATE_REPORT_H

#include <arcface/evaluate_result.h>
#include <arcface/page.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most evaluations on one page. */
#define ARC_REPORT_MAX_EVALUATIONS 8

/** Writes one self-contained HTML page that needs no network. With several evaluations, of several models on one set, their
 * curves are laid over each other and the tables have a row each. evaluations: [count], 1 to
 * ARC_REPORT_MAX_EVALUATIONS; names: [count], as legends show them, NULL: the models' files (behind "A: ", "B: " where there are
 * several). Pictures of the worst pairs that cannot be read any more are left out and counted. Thread: any.
 * Errors: EINVAL (count), EIO, ENOMEM, ELIMIT (see page.h). */
ARC_API ARC_NODISCARD arc_status arc_evaluation_report(arc_context *ctx, const arc_evaluation *const *evaluations,
                                                       const char *const *names, int count, const char *path, arc_error *err);

/** Adds the same to a page that holds more, as the page of a training does. Thread: one at a time for a page. Errors: EINVAL
 * (count), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_evaluation_onto_page(arc_context *ctx, const arc_evaluation *const *evaluations,
                                                          const char *const *names, int count, arc_page *page, arc_error *err);

/** Writes the plots alone as one sheet, .svg or .png. Thread: any.
 * Errors: EINVAL (count, another suffix, or nothing to draw), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_evaluation_plot(arc_context *ctx, const arc_evaluation *const *evaluations,
                                                     const char *const *names, int count, const char *path, arc_error *err);

/** The text that `arcface eval` prints; json: one object with everything but the scores of every pair. Ownership: free with
 * arc_text_free.
 * Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_evaluation_describe(arc_context *ctx, const arc_evaluation *evaluation, bool json,
                                                         char **text, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
