/* Evaluation by the field's protocols: LFW (folder and pairs.txt) and InsightFace-style .bin sets. */
#ifndef ARCFACE_EVAL_H
#define ARCFACE_EVAL_H

#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARC_EVAL_MAX_FOLDS 100

/* Result of the 10-fold verification protocol (InsightFace verification.py; docs/RESULTS.md). Rates are fractions 0..1. */
typedef struct arc_verification {
    int pairs, genuine, impostor, folds;
    double accuracy, accuracy_std; /* mean and population deviation over folds */
    double fold_accuracy[ARC_EVAL_MAX_FOLDS];
    double fold_threshold[ARC_EVAL_MAX_FOLDS]; /* squared L2 distance of unit embeddings, 0..4 */
    double best_threshold_cosine;              /* cosine form of the best single threshold over all pairs */
    double tar, tar_std, far, far_target;      /* TAR at FAR far_target by the 10-fold interpolation rule */
    double auc, eer;
    double xnorm; /* mean L2 norm of raw embeddings */
    double mean_genuine_cosine, mean_impostor_cosine;
    bool flip;
    int dim;
    char plan_id[32]; /* arc_net_plan_id of the first batch; "" where embeddings were given */
} arc_verification;

/* Protocol arithmetic alone. embeddings: [2*pairs][dim] already flip-summed, pair i = rows 2i and 2i+1; same: [pairs] 0 or 1, in fold order.
 * Fills everything but xnorm and flip. Errors: EINVAL for too few pairs or non-finite embeddings (names the row). */
ARC_API ARC_NODISCARD arc_status arc_eval_verification(arc_context *ctx, const float *embeddings, int dim, const uint8_t *same,
                                                       int pairs, int folds, double far_target, arc_verification *out,
                                                       arc_error *err);

typedef struct arc_eval_options {
    size_t struct_size;
    bool flip;         /* default true */
    double far_target; /* default 1e-3 */
    int folds;         /* default 10 */
    int max_pairs;     /* only the first so many pairs; 0 = all */
    int (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx;
} arc_eval_options;
ARC_API void arc_eval_options_default(arc_eval_options *opt);

/* LFW: aligned crops under images_dir as Name/Name_0001.jpg (also .png), official pairs.txt. A missing image is an error that names it. */
ARC_API ARC_NODISCARD arc_status arc_eval_lfw(arc_context *ctx, const arc_model *model, const char *images_dir,
                                              const char *pairs_file, const arc_eval_options *opt, arc_verification *out,
                                              arc_error *err);
/* InsightFace .bin (pickle of encoded images and labels, every flavour in the wild; nothing is executed). */
ARC_API ARC_NODISCARD arc_status arc_eval_bin(arc_context *ctx, const arc_model *model, const char *bin_file,
                                              const arc_eval_options *opt, arc_verification *out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
