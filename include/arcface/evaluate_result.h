/* What an evaluation found, in a form that can be printed, stored and drawn: folds, curve, identification, worst pairs, notes, provenance. */
#ifndef ARCFACE_EVALUATE_RESULT_H
#define ARCFACE_EVALUATE_RESULT_H

#include <arcface/evaluate_rates.h>
#include <arcface/image.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARC_EVALUATE_MAX_FOLDS 100

/* Result of the 10-fold verification protocol (InsightFace verification.py; docs/PROTOCOLS.md). Rates are fractions 0..1. */
typedef struct arc_verification {
    int pairs, genuine, impostor, folds;
    double accuracy, accuracy_std; /* mean and population deviation over folds */
    double fold_accuracy[ARC_EVALUATE_MAX_FOLDS];
    double fold_threshold[ARC_EVALUATE_MAX_FOLDS]; /* squared L2 distance of unit embeddings, 0..4 */
    double best_threshold_cosine;                  /* cosine form of the best single threshold over all pairs */
    double tar, tar_std, far, far_target;          /* TAR at FAR far_target by the 10-fold interpolation rule */
    double auc, eer;                               /* exact */
    double xnorm;                                  /* mean L2 norm of raw embeddings */
    double mean_genuine_cosine, mean_impostor_cosine;
    bool flip;
    int dim;
    char plan_id[32]; /* arc_net_plan_id of the first batch; "" where embeddings were given */
    double auc_grid,
        eer_grid; /* facenet's flavour: trapezoids over the folds' mean rates at the 400 thresholds, and where they cross */
    int fold_correct[ARC_EVALUATE_MAX_FOLDS], fold_pairs[ARC_EVALUATE_MAX_FOLDS];
    double fold_tar[ARC_EVALUATE_MAX_FOLDS], fold_far[ARC_EVALUATE_MAX_FOLDS]; /* at far_target */
    arc_rate correct;                                                          /* all folds together, with its Wilson interval */
} arc_verification;

/* A pair that an evaluation remembers. index: of the image (video, template) in the set; name: what people call it; path: a file that can be
 * opened, NULL when the picture lies inside a .bin (arc_bin_image_load reads it by its index). */
typedef struct arc_pair_score {
    double score;
    bool same;
    int64_t index[2];
    const char *name[2], *path[2];
} arc_pair_score;

/* A picture that could not be used, and why. Its pairs keep their place and count as rejected (cosine -1). */
typedef struct arc_missing_image {
    const char *name, *why;
} arc_missing_image;

/* 1:N search. */
#define ARC_MAX_CMC 100
typedef struct arc_identification {
    int64_t gallery, gallery_identities, distractors;
    int64_t mated, nonmated; /* searches whose identity is, is not in the gallery */
    int cmc_ranks;
    arc_rate cmc[ARC_MAX_CMC]; /* [k]: mated searches whose mate is among the best k+1 identities; ties count against it */
    /* Open set: at FPIR far_target (searches without a mate whose best score is at or above the threshold), the rate of mated searches that
     * find their mate first and at or above the threshold (DIR; FNIR = 1 - DIR). far, tar hold FPIR and DIR. */
    arc_operating_point open_set[ARC_MAX_OPERATING];
    int open_sets;
    arc_roc_point *point; /* [points] of the open-set curve: genuine = mated searches that succeed, impostor = false alarms */
    int points;
    /* InsightFace's flavour (ijb_1n.py): threshold at the ceil(searches * FPIR)-th highest score of all wrong (search, gallery) pairs. */
    double wrong_pairs_fpir[ARC_MAX_OPERATING], wrong_pairs_tpir[ARC_MAX_OPERATING], wrong_pairs_threshold[ARC_MAX_OPERATING];
    int wrong_pairs;
} arc_identification;

/* Where a result comes from. Strings are never NULL. */
typedef struct arc_provenance {
    const char *model, *model_sha256; /* file, and the hash of its bytes ("" for a network that was never stored) */
    const char *contract;             /* how pictures were fed: size, colours, normalisation, template */
    const char *set, *set_sha256; /* what was evaluated; hash of the list and of every picture's bytes, in the order of the set */
    const char *lineage;          /* known set or what is known of this one */
    const char *rule;             /* the protocol in one sentence, with everything that was chosen */
    const char *engine, *isa, *precision; /* library version, instruction set, arithmetic */
    uint64_t seed;                        /* of sampling and bootstrap */
} arc_provenance;

typedef struct arc_evaluation {
    const char *protocol; /* "pairs" "bin" "folder" "ytf" "ijb" "identify" "megaface" */
    arc_provenance provenance;
    arc_verification verification;     /* pairs 0 when the protocol has no folds */
    arc_curve curve;                   /* genuine + impostor 0 when the protocol has no pairs */
    arc_identification identification; /* mated 0 when the protocol has no searches */
    arc_identification *gallery_alone; /* [galleries_alone] IJB's two, each by itself: the open set */
    int galleries_alone;
    arc_interval accuracy_bootstrap;                /* over identities; low > high when not computed */
    int64_t images, identities;                     /* identities 0 when the set names none */
    arc_pair_score *worst_genuine, *worst_impostor; /* [worst_genuines] lowest first, [worst_impostors] highest first */
    int worst_genuines, worst_impostors;
    arc_missing_image *missing_image; /* [missing_images] the first ones; `missing` counts all */
    int missing_images;
    int64_t missing;
    const char **note; /* [notes] sentences that a reader of the numbers must know */
    int notes;
    /* Every pair in the order of the set, for protocols that list their pairs; NULL otherwise. */
    double *pair_score;
    uint8_t *pair_same;
    int *pair_identity; /* [pairs][2]; NULL when the set names no identities */
    int64_t pairs;
    void *memory; /* owns all of the above */
} arc_evaluation;

/* Frees everything and nulls the pointer; NULL-safe. */
ARC_API void arc_evaluation_free(arc_context *ctx, arc_evaluation **evaluation);
/* Image `index` of an InsightFace .bin. Ownership: arc_image_free. */
ARC_API ARC_NODISCARD arc_status arc_bin_image_load(arc_context *ctx, const char *bin_file, int64_t index, arc_image *out,
                                                    arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
