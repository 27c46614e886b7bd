/** @file
 * What an evaluation found, in a form that can be printed, stored and drawn: folds, curve, searches, worst pairs, notes,
 * provenance.
 */
#ifndef ARCFACE_EVALUATE_RESULT_H
#define ARCFACE_EVALUATE_RESULT_H

#include <arcface/evaluate_rates.h>
#include <arcface/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most folds of the verification protocol. */
#define ARC_EVALUATE_MAX_FOLDS 100

/** Result of the k-fold verification protocol (InsightFace's verification.py; docs/PROTOCOLS.md). Rates are fractions, 0 to 1. */
typedef struct arc_verification {
    int pairs;                                    /**< pairs in all */
    int genuine;                                  /**< of one person */
    int impostor;                                 /**< of two people */
    int folds;                                    /**< parts that take turns in being judged */
    double accuracy;                              /**< mean over folds */
    double accuracy_std;                          /**< population deviation over folds */
    double fold_accuracy[ARC_EVALUATE_MAX_FOLDS]; /**< [folds] */
    /** [folds] squared distance of unit embeddings, 0 to 4, from the other folds */
    double fold_threshold[ARC_EVALUATE_MAX_FOLDS];
    double best_threshold_cosine; /**< best single threshold over all pairs, as a cosine */
    double tar;                   /**< TAR at far_target, mean over folds */
    double tar_std;               /**< population deviation over folds */
    double far;                   /**< mean FAR that the folds' thresholds give */
    double far_target;            /**< the FAR asked for */
    double auc;                   /**< area under the ROC, exact, over all pairs */
    double eer;                   /**< rate where FAR = FRR, exact, over all pairs */
    double xnorm;                 /**< mean L2 norm of the raw embeddings of all views */
    double mean_genuine_cosine;   /**< mean score of the pairs of one person */
    double mean_impostor_cosine;  /**< mean score of the pairs of two people */
    bool flip;                    /**< embeddings are sums with the mirrored picture */
    int dim;                      /**< numbers in an embedding */
    /** arc_net_plan_id of the first batch; "" where embeddings were given */
    char plan_id[32];
    double auc_grid; /**< facenet's flavour of auc: trapezoids over the folds' mean rates at 400 thresholds */
    double eer_grid; /**< facenet's flavour of eer, of the same rates */
    int fold_correct[ARC_EVALUATE_MAX_FOLDS]; /**< [folds] pairs decided rightly */
    int fold_pairs[ARC_EVALUATE_MAX_FOLDS];   /**< [folds] pairs in the fold */
    double fold_tar[ARC_EVALUATE_MAX_FOLDS];  /**< [folds] at far_target */
    double fold_far[ARC_EVALUATE_MAX_FOLDS];  /**< [folds] at far_target */
    arc_rate correct;                         /**< pairs decided rightly in all folds together */
} arc_verification;

/** A pair that an evaluation remembers. */
typedef struct arc_pair_score {
    double score;        /**< cosine */
    bool same;           /**< one person */
    int64_t index[2];    /**< of the picture, video or template in the set */
    const char *name[2]; /**< what people call them */
    /** A file that can be opened; NULL inside a .bin, where arc_bin_image_load reads the picture by its index */
    const char *path[2];
} arc_pair_score;

/** A picture that could not be used. Its pairs keep their place and count as rejected (cosine -1). */
typedef struct arc_missing_image {
    const char *name; /**< what people call it */
    const char *why;  /**< one sentence */
} arc_missing_image;

/** Most ranks of a CMC curve. */
#define ARC_MAX_CMC 100

/** What 1:N searches found. A search has a mate when its identity is in the gallery. */
typedef struct arc_identification {
    int64_t gallery;            /**< embeddings in the gallery, distractors included */
    int64_t gallery_identities; /**< identities in it that may be searched for */
    int64_t distractors;        /**< embeddings of nobody who is searched for */
    int64_t mated;              /**< searches with a mate */
    int64_t nonmated;           /**< searches without */
    int cmc_ranks;              /**< number of ranks below */
    /** [k]: mated searches whose mate is among the best k+1; ties count against it */
    arc_rate cmc[ARC_MAX_CMC];
    /** [open_sets] open-set search: at FPIR far_target (searches without a mate whose best score is at or above the threshold)
     * the rate of mated searches that find their mate first and at or above the threshold (DIR; FNIR = 1 - DIR). `far` and `tar`
     * hold FPIR and DIR. */
    arc_operating_point open_set[ARC_MAX_OPERATING];
    int open_sets; /**< number of FPIR targets */
    /** [points] of the open-set curve: genuine = mated searches that succeed, impostor = false alarms */
    arc_roc_point *point;
    int points; /**< number of points */
    /** [wrong_pairs] InsightFace's flavour (ijb_1n.py): FPIR targets; the threshold is the ceil(searches * FPIR)-th highest score
     * of all wrong pairs of search and gallery. */
    double wrong_pairs_fpir[ARC_MAX_OPERATING];
    /** [wrong_pairs] mated searches that find their mate above the threshold */
    double wrong_pairs_tpir[ARC_MAX_OPERATING];
    double wrong_pairs_threshold[ARC_MAX_OPERATING]; /**< [wrong_pairs] the threshold */
    int wrong_pairs;                                 /**< number of targets of this flavour */
} arc_identification;

/** Where a result comes from. Texts are never NULL. */
typedef struct arc_provenance {
    const char *model;        /**< its file */
    const char *model_sha256; /**< hash of that file; "" for a network that was never stored */
    const char *contract;     /**< how pictures were fed: size, colours, normalisation, template */
    const char *set;          /**< what was evaluated */
    const char *set_sha256;   /**< hash of the list and of every picture's bytes, in the order of the set */
    const char *lineage;      /**< the known set that this is, or what is known of it */
    const char *rule;         /**< the protocol in one sentence, with everything that was chosen */
    const char *engine;       /**< version of the library */
    const char *isa;          /**< instruction set */
    const char *precision;    /**< arithmetic of convolutions */
    uint64_t seed;            /**< of sampling and bootstrap */
} arc_provenance;

/** What an arc_evaluate_... function found. Freed as a whole with arc_evaluation_free. */
typedef struct arc_evaluation {
    const char *protocol;              /**< "pairs", "bin", "folder", "ytf", "ijb", "identify" or "megaface" */
    arc_provenance provenance;         /**< where it comes from */
    arc_verification verification;     /**< pairs 0 when the protocol has no folds */
    arc_curve curve;                   /**< genuine and impostor 0 when the protocol has no pairs */
    arc_identification identification; /**< mated 0 when the protocol has no searches */
    /** [galleries_alone] IJB's two galleries, each by itself: the open set */
    arc_identification *gallery_alone;
    int galleries_alone;              /**< 0 or 2 */
    arc_interval accuracy_bootstrap;  /**< of the accuracy, over identities; low > high: not computed */
    int64_t images;                   /**< different pictures */
    int64_t identities;               /**< different people; 0 when the set names none */
    arc_pair_score *worst_genuine;    /**< [worst_genuines] lowest score first */
    arc_pair_score *worst_impostor;   /**< [worst_impostors] highest score first */
    int worst_genuines;               /**< genuine pairs remembered */
    int worst_impostors;              /**< impostor pairs remembered */
    arc_missing_image *missing_image; /**< [missing_images] the first ones */
    int missing_images;               /**< how many are listed */
    int64_t missing;                  /**< how many there are */
    const char **note;                /**< [notes] sentences that a reader of the numbers must know */
    int notes;                        /**< number of notes */
    /** [pairs] in the order of the set, where the protocol lists its pairs; else NULL */
    double *pair_score;
    uint8_t *pair_same; /**< [pairs] 1 for one person; else NULL */
    int *pair_identity; /**< [pairs][2]; NULL when the set names no identities */
    int64_t pairs;      /**< listed pairs */
    void *memory;       /**< the library's: owns all of the above */
} arc_evaluation;

/** Frees everything and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_evaluation_free(arc_context *ctx, arc_evaluation **evaluation);

/** Decodes picture `index` of an InsightFace .bin. Ownership: free with arc_image_free. Thread: any.
 * Errors: ENOTFOUND, EIO, EFORMAT, EINVAL (index), ECORRUPT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_bin_image_load(arc_context *ctx, const char *bin_file, int64_t index, arc_image *out,
                                                    arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
