/** @file
 * Cohorts: faces of other people, beside whose cosines a face's cosine with somebody is judged (adaptive s-norm).
 *
 * Some faces are like everybody's, blurred ones for instance, and some people resemble many. A cohort shows by how much: a cosine
 * s of probe t with identity e becomes the score
 *
 *     1/2 * ((s - mean_t) / deviation_t + (s - mean_e) / deviation_e)
 *
 * with mean and deviation of the cosines of t, and of e, with those K of the cohort that each is most similar to. Scores are no
 * cosines: 0 is what a stranger among the most similar ones has, and thresholds of cosines mean nothing to them.
 * Source: Matejka et al., Analysis of Score Normalization in Multilingual Speaker Recognition, Interspeech 2017 (adaptive
 * S-norm).
 */
#ifndef ARCFACE_COHORT_H
#define ARCFACE_COHORT_H

#include <arcface/gallery_search.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The fewest faces of a cohort. */
#define ARC_COHORT_LEAST 10
/** The most faces of a cohort. */
#define ARC_COHORT_MOST 20000
/** How many of a cohort count where nobody says it (K above). */
#define ARC_COHORT_NEAREST 200

/** A cohort of embeddings, [count][dim] of any length above 0, which are copied: each of somebody else, none of anybody in the
 * galleries that are searched with it. nearest: how many of the most similar ones count, at least 2; 0 = ARC_COHORT_NEAREST; at
 * most count - 1 are taken. Takes count*dim*4 bytes.
 * Ownership: free with arc_cohort_free, before the context. Thread: any. Errors: EINVAL (too few or too many; a number that is
 * not finite, an embedding of zeros; names the row), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_cohort_new(arc_context *ctx, const float *embedding, int64_t count, int dim, int nearest,
                                                arc_cohort **out, arc_error *err);

/** The same of a .npy array of float32, [count][dim], as `arcface embed -o FILE.npy` writes it.
 * Ownership: as arc_cohort_new. Thread: any. Errors: those of arc_cohort_new, ESHAPE (another array), EFORMAT, EIO. */
ARC_API ARC_NODISCARD arc_status arc_cohort_load(arc_context *ctx, const char *npy_path, int nearest, arc_cohort **out,
                                                 arc_error *err);

/** The same of a gallery of other people: of everybody in it the mean direction of the templates. Its model is remembered.
 * Ownership: as arc_cohort_new. Thread: any. Errors: EINVAL (not bound to a model; too few people, or too many), EIO, ECORRUPT,
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_cohort_of_gallery(arc_gallery *gallery, int nearest, arc_cohort **out, arc_error *err);

/** Frees it and nulls the pointer; NULL is allowed. Thread: any, as its last user. */
ARC_API void arc_cohort_free(arc_cohort **cohort);

/** How many faces it has. Thread: any. */
ARC_API int64_t arc_cohort_count(const arc_cohort *cohort);

/** A rule whose threshold the caller knows: a score, not a cosine. Nothing is known of its rates. Thread: any. */
ARC_API void arc_cohort_rule_given(double score, arc_search_rule *out);

/** The lowest score that at most `fpir` of the cohort's own faces reach, each searched for in the gallery as it is now, without
 * being in the cohort itself. So it knows the gallery's size and people; with less than 10 / fpir faces it is uncertain
 * (out->supported). Takes about as long as searching for that many faces. fpir 0: ARC_FPIR_DEFAULT.
 * Thread: any. Errors: EINVAL (fpir; the gallery is not bound, has nobody, or is of another model), those of
 * arc_gallery_identify. */
ARC_API ARC_NODISCARD arc_status arc_cohort_rule_of(arc_gallery *gallery, const arc_cohort *cohort, double fpir,
                                                    arc_search_rule *out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
