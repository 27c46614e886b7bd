/* Evaluation by the field's protocols (docs/PROTOCOLS.md): pair lists (LFW, CFP, AgeDB, CALFW, CPLFW), InsightFace .bin sets. */
#ifndef ARCFACE_EVALUATE_H
#define ARCFACE_EVALUATE_H

#include <arcface/evaluate_result.h>
#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Protocol arithmetic alone. embeddings: [2*pairs][dim] already flip-summed, pair i = rows 2i and 2i+1; same: [pairs] 0 or 1, in fold order.
 * Fills everything but xnorm and flip. Errors: EINVAL for too few pairs or non-finite embeddings (names the row). */
ARC_API ARC_NODISCARD arc_status arc_verification_of_embeddings(arc_context *ctx, const float *embeddings, int dim,
                                                                const uint8_t *same, int pairs, int folds, double far_target,
                                                                arc_verification *out, arc_error *err);
/* The same from squared distances of unit embeddings (0..4). curve may be NULL; its scores are cosines, 1 - distance/2. */
ARC_API ARC_NODISCARD arc_status arc_verification_of_distances(arc_context *ctx, const double *distance, const uint8_t *same,
                                                               int pairs, int folds, double far_target, arc_verification *out,
                                                               arc_curve *curve, arc_error *err);

typedef struct arc_evaluate_options {
    size_t struct_size;
    bool flip;         /* default true */
    double far_target; /* default 1e-3 */
    int folds;         /* default 0: what the list says, else 10 */
    int max_pairs;     /* only the first so many pairs; 0 = all */
    int (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx;
    const arc_model *detector; /* NULL: the images are aligned crops; otherwise photos: detected, aligned */
    arc_detect_options detect; /* for photos */
    bool strict;   /* a picture that is missing or without a face is an error; default: named, its pairs count as rejected */
    bool checks;   /* look for swapped colours and bad alignment on 100 pairs; default true */
    int bootstrap; /* replicates over identities; 0 = none; default 1000 */
    uint64_t seed; /* default 1 */
    const double *far_targets; /* of the curve; NULL: 1e-6 to 1e-1 */
    int far_target_count;
    int worst;         /* pairs of each kind to remember; default 20 */
    int64_t impostors; /* arc_evaluate_folder: so many different impostor pairs, drawn with the seed; default 0: all */
} arc_evaluate_options;
ARC_API void arc_evaluate_options_default(arc_evaluate_options *opt);

/* A list of pairs over a folder of images. The list is LFW's pairs.txt (Name/Name_0001.jpg), lines "PATH PATH LABEL", or two lines a pair
 * "PATH LABEL" (CALFW, CPLFW); or CFP's Protocol folder with "FF" or "FP" behind a colon. Ownership: arc_evaluation_free. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_pairs(arc_context *ctx, const arc_model *model, const char *images_dir,
                                                    const char *pairs_file, const arc_evaluate_options *opt, arc_evaluation **out,
                                                    arc_error *err);
/* InsightFace .bin (pickle of encoded images and labels, every flavour in the wild; nothing is executed). */
ARC_API ARC_NODISCARD arc_status arc_evaluate_bin(arc_context *ctx, const arc_model *model, const char *bin_file,
                                                  const arc_evaluate_options *opt, arc_evaluation **out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
