/** @file
 * Metrics of generated faces, as the ArcFace paper has them: how alike they are to whom they shall show, whether a model verifies
 * people by them, how far their distribution is from that of real faces, and how different they are from each other.
 */
#ifndef ARCFACE_GENERATE_EVAL_H
#define ARCFACE_GENERATE_EVAL_H

#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most judges of an evaluation. */
#define ARC_GENERATE_EVAL_MAX_JUDGES 8

/** What generated faces are compared with. Pointers may be NULL. */
typedef struct arc_generate_eval_options {
    size_t struct_size;            /**< set by arc_generate_eval_options_default */
    const arc_model *const *judge; /**< [judges] independent recognition models */
    int judges;                    /**< default 0; at most ARC_GENERATE_EVAL_MAX_JUDGES */
    const arc_model *feature_net;  /**< network of the Frechet distance; NULL = the first judge, else the generating model */
    const char *const *real;       /**< [real_count] files of aligned crops of real people */
    int real_count;                /**< of them; 0 = none: no Frechet distance */
    const char *pairs;             /**< list of pairs as LFW's; NULL = none: no verification accuracy */
    const char *images;            /**< folder of aligned crops that the list names */
    /** May be NULL; not 0 cancels (ECANCEL) */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_generate_eval_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_generate_eval_options_default(arc_generate_eval_options *opt);

/** Cosines of a set of pictures with what they shall be like. */
typedef struct arc_generate_cosines {
    int64_t count; /**< of cosines; 0 = nothing to compare with */
    double mean;   /**< of them */
    double least;  /**< the lowest */
    double p5;     /**< 5 % are below */
    double median; /**< half are below */
    double p95;    /**< 95 % are below */
} arc_generate_cosines;

/** Which pictures the sides of a pair are. */
typedef enum arc_generate_pairs {
    ARC_GENERATE_REAL_REAL,           /**< as the list says */
    ARC_GENERATE_GENERATED_REAL,      /**< either side by turns is a generated one of that picture or person */
    ARC_GENERATE_GENERATED_GENERATED, /**< both sides are, by two different pictures */
    ARC_GENERATE_PAIR_KINDS           /**< how many kinds there are */
} arc_generate_pairs;

/** Verification of people by pairs of one kind. */
typedef struct arc_generate_accuracy {
    int64_t pairs;       /**< of the list for which there are such pictures; a generated-real pair counts for each side */
    int64_t genuine;     /**< of one person */
    int folds;           /**< of the protocol; 0 = too few pairs for it */
    double accuracy;     /**< InsightFace's k-fold protocol */
    double accuracy_std; /**< deviation over folds */
    double at_threshold; /**< decided rightly at the best threshold of the real pairs */
} arc_generate_accuracy;

/** What one model sees. */
typedef struct arc_generate_verdict {
    char model[256];             /**< name of its file */
    bool generating;             /**< it is the model that the faces were generated with */
    arc_generate_cosines target; /**< with the target embeddings; the generating model's only */
    arc_generate_cosines real;   /**< with the mean embedding of the real pictures of the same person */
    int64_t same_pairs;          /**< pairs of generated pictures of one identity */
    double same;                 /**< their mean cosine: the lower the more different they are */
    int64_t other_pairs;         /**< pairs of two identities */
    double other;                /**< their mean cosine */
    double threshold;            /**< best of the real pairs, as a cosine */
    arc_generate_accuracy accuracy[ARC_GENERATE_PAIR_KINDS]; /**< by kind of pairs */
} arc_generate_verdict;

/** Everything. */
typedef struct arc_generate_eval {
    int64_t faces;                                                  /**< generated pictures */
    int64_t identities;                                             /**< whom they shall show */
    int verdicts;                                                   /**< 1, and 1 for each judge */
    arc_generate_verdict verdict[1 + ARC_GENERATE_EVAL_MAX_JUDGES]; /**< the generating model's, the judges' */
    bool has_frechet;                                               /**< the rest is there */
    bool own_features;    /**< features are the embeddings, of unit length, of a model above: no FID */
    char features[256];   /**< name of the feature network's file */
    int features_dim;     /**< numbers that it gives */
    int64_t real;         /**< real pictures */
    double frechet;       /**< the distance, between the features of generated and of real pictures */
    double frechet_means; /**< part of it that comes from the means */
    int frechet_rank[2];  /**< ranks of the covariances, of generated and of real pictures */
} arc_generate_eval;

/** Judges the folder that `arcface generate` wrote. model: the one that the faces were generated with. Every model sees plain
 * pictures, without their mirror images. Pictures of a person are those whose file has the identity's name, LFW's number at its
 * end set aside, among options->real and the listed images. `opt` may be NULL. Thread: any.
 * Errors: ENOTFOUND, EIO, EFORMAT (the folder's description), ESHAPE (targets or pictures do not fit the model), EINVAL (a model
 * that does not embed, fewer than two pictures for a distance, options), ECANCEL, ENOMEM.
 * Source: Deng et al., ArcFace, TPAMI 2021, 4.5; Heusel et al., NeurIPS 2017. */
ARC_API ARC_NODISCARD arc_status arc_generate_evaluate(arc_context *ctx, const char *dir, const arc_model *model,
                                                       const arc_generate_eval_options *opt, arc_generate_eval *out,
                                                       arc_error *err);

/** The text that `arcface generate eval` prints, a table as the paper's; json: one object. Ownership: free with arc_text_free.
 * Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_generate_eval_describe(arc_context *ctx, const arc_generate_eval *eval, bool json,
                                                            char **text, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
