/** @file
 * Evaluations over sets of pictures of a person: YouTube Faces (videos), IJB-B and IJB-C (templates).
 */
#ifndef ARCFACE_EVALUATE_TEMPLATE_H
#define ARCFACE_EVALUATE_TEMPLATE_H

#include <arcface/evaluate_search.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Templates: one vector for all pictures of a person that were enrolled together. (Not the points of arc_template, which faces
 * are aligned to.) */
typedef struct arc_templates {
    double *row;   /**< [count][dim] unit vectors, by rising template number; zero where no picture was usable */
    int *number;   /**< [count] template numbers */
    int64_t count; /**< templates */
    int dim;       /**< numbers in a vector */
} arc_templates;

/** Pools pictures into templates: feature, float32 [n][dim], times weight, [n] (NULL: 1), mean over each media of a template, sum
 * over its media, unit length. number, media: [n], the template and the media of each picture.
 * Ownership: free with arc_templates_free. Thread: any. Errors: EINVAL for a feature that is not finite, ENOMEM. Source:
 * InsightFace's eval_ijbc.py. */
ARC_API ARC_NODISCARD arc_status arc_templates_pool(arc_context *ctx, const float *feature, const float *weight,
                                                    const int *number, const int *media, int64_t n, int dim, arc_templates *out,
                                                    arc_error *err);

/** Frees the vectors and zeroes the struct; NULL is allowed. Thread: one at a time. */
ARC_API void arc_templates_free(arc_context *ctx, arc_templates *templates);

/** The curve over listed pairs of templates, pair: [pairs][3] = template number, template number, 1 for one person or 0. Scores
 * are dot products; a pair with an empty template scores -1. far_targets: [targets], NULL: 1e-6 to 1e-1 by decades.
 * Ownership: free with arc_curve_free. Thread: any. Errors: EINVAL for an unknown template (names the pair), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_templates_verify(arc_context *ctx, const arc_templates *templates, const int *pair,
                                                      int64_t pairs, const double *far_targets, int targets, arc_curve *out,
                                                      arc_error *err);

/** How two videos are compared. */
typedef enum arc_video_rule {
    ARC_VIDEO_CENTRE, /**< unit embedding of each frame, their mean, normalised: InsightFace's rule */
    ARC_VIDEO_MIN,    /**< smallest squared distance of all pairs of frames */
    ARC_VIDEO_MEAN,   /**< mean of the squared distances of all pairs of frames */
    ARC_VIDEO_MAX     /**< largest squared distance of all pairs of frames */
} arc_video_rule;

/** How YouTube Faces is evaluated. */
typedef struct arc_evaluate_ytf_options {
    size_t struct_size;        /**< set by arc_evaluate_ytf_options_default */
    arc_evaluate_options eval; /**< as for listed pairs; default without the mirrored view */
    arc_video_rule rule;       /**< how two videos are compared; default ARC_VIDEO_CENTRE */
    int frames;                /**< of each video, evenly spread; 0 (default) = all */
} arc_evaluate_ytf_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_evaluate_ytf_options_default(arc_evaluate_ytf_options *opt);

/** YouTube Faces. Frames lie in frames_dir/Name/video: aligned crops, or, when opt->eval.detector is given, the set's own
 * frame_images_DB (with Name.labeled_faces.txt beside the folders) or aligned_images_DB. splits: splits.txt or its corrected
 * form. A video without a usable frame keeps its pairs, which count as rejected. `opt` may be NULL.
 * Ownership: free with arc_evaluation_free. Thread: any. Errors: those of arc_evaluate_pairs. Source: Wolf et al., CVPR 2011. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_ytf(arc_context *ctx, const arc_model *model, const char *frames_dir,
                                                  const char *splits, const arc_evaluate_ytf_options *opt, arc_evaluation **out,
                                                  arc_error *err);

/** How IJB-B and IJB-C are evaluated. */
typedef struct arc_evaluate_ijb_options {
    size_t struct_size;        /**< set by arc_evaluate_ijb_options_default */
    arc_evaluate_options eval; /**< as for listed pairs */
    /** Pictures are not weighted by the detector's score (InsightFace's D0); default false */
    bool plain_weight;
    /** Each picture's embedding is normalised first (InsightFace's N0); default false */
    bool unit_images;
    bool search; /**< 1:N as well, with both galleries and the mixed probes; default false */
} arc_evaluate_ijb_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_evaluate_ijb_options_default(arc_evaluate_ijb_options *opt);

/** IJB-B or IJB-C as InsightFace packs them: dir/loose_crop/NAME, dir/meta/ijbc_face_tid_mid.txt, ijbc_template_pair_label.txt,
 * ijbc_name_5pts_score.txt and, for 1:N, ijbc_1N_gallery_G1.csv, ijbc_1N_gallery_G2.csv, ijbc_1N_probe_mixed.csv (IJB-B: ijbb,
 * S1, S2). Pictures are warped by the listed landmarks. `opt` may be NULL. Ownership: free with arc_evaluation_free. Thread: any.
 * Errors: those of arc_evaluate_pairs.
 * Source: InsightFace's eval_ijbc.py and ijb_1n.py; Maze et al., IJB-C, ICB 2018. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_ijb(arc_context *ctx, const arc_model *model, const char *dir,
                                                  const arc_evaluate_ijb_options *opt, arc_evaluation **out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
