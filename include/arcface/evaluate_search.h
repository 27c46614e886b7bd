/* Evaluations over all pairs and searches: a user's own folder of identities, 1:N identification, rank-1 among distractors. */
#ifndef ARCFACE_EVALUATE_SEARCH_H
#define ARCFACE_EVALUATE_SEARCH_H

#include <arcface/evaluate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arithmetic alone ------------------------------------------------------------------------------------------------- */

/* The curve over all pairs of `count` embeddings (any norm): genuine where identity is equal. In one pass over blocks of the similarity matrix:
 * memory is that of the embeddings and 64 MiB a thread, whatever the number of pairs. Scores are float32 cosines; counts are exact for every
 * threshold of the grid of 2^-20, on which all thresholds lie.
 * Errors: EINVAL for embeddings that are not finite (names the row), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_curve_of_all_pairs(arc_context *ctx, const float *embedding, const int *identity,
                                                        int64_t count, int dim, const double *far_targets, int targets,
                                                        arc_curve *out, arc_error *err);

/* Searches probes in a gallery of one embedding an identity. gallery_identity: different numbers, negative for distractors; a probe whose identity
 * is not in the gallery is a search without a mate. Ties count against the mate. point: arc_mem of the context, free with arc_identification_free. */
ARC_API ARC_NODISCARD arc_status arc_identify(arc_context *ctx, const float *gallery, const int *gallery_identity,
                                              int64_t gallery_count, const float *probe, const int *probe_identity,
                                              int64_t probes, int dim, arc_identification *out, arc_error *err);
ARC_API void arc_identification_free(arc_context *ctx, arc_identification *identification);

/* Sets ------------------------------------------------------------------------------------------------------------- */

/* DIR/identity/picture: all genuine and all impostor pairs, or opt->impostors drawn ones. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_folder(arc_context *ctx, const arc_model *model, const char *dir,
                                                     const arc_evaluate_options *opt, arc_evaluation **out, arc_error *err);
/* DIR/identity/picture as a search: the gallery is the first picture (by name) of each identity that has several, their other pictures are
 * searches with a mate, identities with one picture searches without. distractors: a folder whose pictures join the gallery; may be NULL. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_identify(arc_context *ctx, const arc_model *model, const char *dir,
                                                       const char *distractors, const arc_evaluate_options *opt,
                                                       arc_evaluation **out, arc_error *err);
/* MegaFace's way: every ordered pair (a, b) of one identity is a search for a among b and all distractors; the curve is genuine pairs against
 * pairs of probe and distractor. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_megaface(arc_context *ctx, const arc_model *model, const char *probes,
                                                       const char *distractors, const arc_evaluate_options *opt,
                                                       arc_evaluation **out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
