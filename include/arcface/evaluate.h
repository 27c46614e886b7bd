/** @file
 * Evaluation by the field's protocols (docs/PROTOCOLS.md): listed pairs (LFW, CFP, AgeDB, CALFW, CPLFW) and InsightFace's .bin
 * sets.
 *
 * The family: evaluate.h (options, listed pairs), evaluate_search.h (folders, 1:N), evaluate_template.h (videos, IJB),
 * evaluate_result.h (what they find), evaluate_rates.h (rates and curves), evaluate_compare.h (two models), evaluate_report.h
 * (pages and plots).
 */
#ifndef ARCFACE_EVALUATE_H
#define ARCFACE_EVALUATE_H

#include <arcface/evaluate_result.h>
#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The k-fold verification protocol on embeddings that the caller has: float32 [2*pairs][dim], the views of a picture already
 * summed, pair i in rows 2i and 2i+1; same: [pairs], 1 for one person, 0 for two, in the order of the folds. Everything is filled
 * but xnorm and flip.
 * Thread: any. Errors: EINVAL (fewer than two pairs a fold, folds outside 2 to ARC_EVALUATE_MAX_FOLDS, embeddings that are not
 * finite; names the pair), ENOMEM. Source: InsightFace's verification.py; Huang et al., LFW, 2007. */
ARC_API ARC_NODISCARD arc_status arc_verification_of_embeddings(arc_context *ctx, const float *embeddings, int dim,
                                                                const uint8_t *same, int pairs, int folds, double far_target,
                                                                arc_verification *out, arc_error *err);

/** The same on squared distances of unit embeddings, [pairs], 0 to 4. `curve` may be NULL; its scores are cosines, 1 -
 * distance/2.
 * Ownership: free *curve with arc_curve_free. Thread: any. Errors: those of arc_verification_of_embeddings. */
ARC_API ARC_NODISCARD arc_status arc_verification_of_distances(arc_context *ctx, const double *distance, const uint8_t *same,
                                                               int pairs, int folds, double far_target, arc_verification *out,
                                                               arc_curve *curve, arc_error *err);

/** How a set is evaluated. */
typedef struct arc_evaluate_options {
    size_t struct_size; /**< set by arc_evaluate_options_default */
    bool flip;          /**< add the embedding of the mirrored picture; default true */
    double far_target;  /**< of the folds' TAR; default 1e-3 */
    int folds;          /**< 0 (default): what the list says, else 10 */
    int max_pairs;      /**< only the first so many pairs; 0 (default) = all */
    /** Pictures; may be NULL; not 0 cancels (ECANCEL) */
    int (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
    /** The pictures are photos: faces are detected and aligned; NULL (default): aligned crops */
    const arc_model *detector;
    arc_detect_options detect; /**< for photos */
    /** A picture that is missing, damaged or without a face is an error; default false: a missing one or one without a face is
     * named and its pairs count as rejected; of a damaged one what could be decoded is used, and a note says so */
    bool strict;
    bool checks;               /**< look for exchanged colours and bad alignment on 100 pairs; default true */
    int bootstrap;             /**< replicates over identities; 0 = none; default 1000 */
    uint64_t seed;             /**< of everything drawn; default 1 */
    const double *far_targets; /**< [far_target_count] of the curve; NULL (default): 1e-6 to 1e-1 by decades */
    int far_target_count;      /**< at most ARC_MAX_OPERATING */
    int worst;                 /**< pairs of each kind to remember; default 20 */
    /** arc_evaluate_folder: so many different impostor pairs, drawn with the seed; 0 (default) = all */
    int64_t impostors;
    /** arc_evaluate_identify: share of an identity's pictures that the gallery gets, 0 to 1, rounded; at least one of them, and
     * at least one is left to search for. The identity's score is the highest of theirs. 0 (default): the first one only */
    double enrol_share;
} arc_evaluate_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_evaluate_options_default(arc_evaluate_options *opt);

/** A list of pairs over a folder of images. The list is LFW's pairs.txt (Name/Name_0001.jpg), lines "PATH PATH LABEL", or two
 * lines a pair, "PATH LABEL" (CALFW, CPLFW), label 1 for one person; or CFP's Protocol folder with "FF" or "FP" behind a colon.
 * `opt` may be NULL.
 * Ownership: free with arc_evaluation_free. Thread: any.
 * Errors: EIO, ENOTFOUND, EFORMAT (names the line), EINVAL (options, or too few pairs), ESHAPE (a crop of another size),
 * ECORRUPT, ECANCEL, ENOMEM.
 * Source: InsightFace's verification.py; docs/PROTOCOLS.md. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_pairs(arc_context *ctx, const arc_model *model, const char *images_dir,
                                                    const char *pairs_file, const arc_evaluate_options *opt, arc_evaluation **out,
                                                    arc_error *err);

/** InsightFace's .bin: a pickle of encoded pictures and labels, in every flavour that is about; nothing in it is executed. `opt`
 * may be NULL.
 * Ownership: free with arc_evaluation_free. Thread: any. Errors: those of arc_evaluate_pairs. Source: InsightFace's
 * verification.py, load_bin. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_bin(arc_context *ctx, const arc_model *model, const char *bin_file,
                                                  const arc_evaluate_options *opt, arc_evaluation **out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
