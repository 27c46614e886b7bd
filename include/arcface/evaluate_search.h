/** @file
 * Evaluations over all pairs and searches: a folder of identities, 1:N identification, rank 1 among distractors.
 */
#ifndef ARCFACE_EVALUATE_SEARCH_H
#define ARCFACE_EVALUATE_SEARCH_H

#include <arcface/evaluate.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The curve over all pairs of embeddings, float32 [count][dim] of any length; genuine where identity, [count], is equal;
 * far_targets: [targets], NULL: 1e-6 to 1e-1 by decades. In one pass over blocks of the similarity matrix: memory is that of the
 * embeddings and 64 MiB a thread, whatever the number of pairs. Scores are float32 cosines; counts are exact for every threshold
 * of the grid of 2^-20, on which all thresholds lie.
 * Ownership: free with arc_curve_free. Thread: any. Errors: EINVAL for embeddings that are not finite (names the row), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_curve_of_all_pairs(arc_context *ctx, const float *embedding, const int *identity,
                                                        int64_t count, int dim, const double *far_targets, int targets,
                                                        arc_curve *out, arc_error *err);

/** Searches probes, float32 [probes][dim], in a gallery, float32 [gallery_count][dim]. gallery_identity: [gallery_count],
 * negative for distractors, each of which is somebody else. An identity that stands several times has the highest of its scores,
 * as in a gallery with ARC_FUSE_MAX. probe_identity: [probes]; a probe whose identity is not in the gallery is a search without a
 * mate. Ties count against the mate. Ownership: free with arc_identification_free. Thread: any. Errors: EINVAL (embeddings that
 * are not finite), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_identify(arc_context *ctx, const float *gallery, const int *gallery_identity,
                                              int64_t gallery_count, const float *probe, const int *probe_identity,
                                              int64_t probes, int dim, arc_identification *out, arc_error *err);

/** Frees the points and zeroes the struct; NULL is allowed. Thread: one at a time. */
ARC_API void arc_identification_free(arc_context *ctx, arc_identification *identification);

/** DIR/identity/picture: all genuine and all impostor pairs, or opt->impostors drawn ones. `opt` may be NULL.
 * Ownership: free with arc_evaluation_free. Thread: any. Errors: those of arc_evaluate_pairs. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_folder(arc_context *ctx, const arc_model *model, const char *dir,
                                                     const arc_evaluate_options *opt, arc_evaluation **out, arc_error *err);

/** DIR/identity/picture as a search: the gallery is the first picture (by name) of each identity that has several, or a share of
 * them (opt->enrol_share), their other pictures are searches with a mate, identities with one picture are searches without.
 * distractors: a folder whose pictures join
 * the gallery; may be NULL, as `opt`.
 * Ownership: free with arc_evaluation_free. Thread: any. Errors: those of arc_evaluate_pairs. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_identify(arc_context *ctx, const arc_model *model, const char *dir,
                                                       const char *distractors, const arc_evaluate_options *opt,
                                                       arc_evaluation **out, arc_error *err);

/** MegaFace's way: every ordered pair (a, b) of one identity of the folder probes/identity/picture is a search for a among b and
 * all distractors; the curve is genuine pairs against pairs of probe and distractor. `opt` may be NULL. Ownership: free with
 * arc_evaluation_free. Thread: any.
 * Errors: those of arc_evaluate_pairs. Source: Kemelmacher-Shlizerman et al., The MegaFace Benchmark, CVPR 2016. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_megaface(arc_context *ctx, const arc_model *model, const char *probes,
                                                       const char *distractors, const arc_evaluate_options *opt,
                                                       arc_evaluation **out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
