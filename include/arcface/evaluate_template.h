/* Evaluations over sets of pictures of a person: YouTube Faces (videos), IJB-B and IJB-C (templates). */
#ifndef ARCFACE_EVALUATE_TEMPLATE_H
#define ARCFACE_EVALUATE_TEMPLATE_H

#include <arcface/evaluate_search.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arithmetic alone ------------------------------------------------------------------------------------------------- */

/* Templates: [count][dim] unit vectors in double precision, by rising template number; zero where nothing was usable. */
typedef struct arc_templates {
    double *row;
    int *number; /* [count] */
    int64_t count;
    int dim;
} arc_templates;
/* InsightFace's pooling (eval_ijbc.py): feature times weight (NULL: 1), mean over each media of a template, sum over media, L2. feature [n][dim].
 * Ownership: arc_templates_free. Errors: EINVAL for a feature that is not finite, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_templates_pool(arc_context *ctx, const float *feature, const float *weight,
                                                    const int *number, const int *media, int64_t n, int dim, arc_templates *out,
                                                    arc_error *err);
ARC_API void arc_templates_free(arc_context *ctx, arc_templates *templates);
/* The curve over listed pairs of template numbers, pair [pairs][3]: number, number, 1 same or 0. Scores are dot products; a pair with an empty
 * template scores -1. Errors: EINVAL for an unknown template (names the pair). */
ARC_API ARC_NODISCARD arc_status arc_templates_verify(arc_context *ctx, const arc_templates *templates, const int *pair,
                                                      int64_t pairs, const double *far_targets, int targets, arc_curve *out,
                                                      arc_error *err);

/* Sets ------------------------------------------------------------------------------------------------------------- */

typedef enum arc_video_rule {
    ARC_VIDEO_CENTRE, /* normalise every frame, mean, normalise: InsightFace's rule */
    ARC_VIDEO_MIN,    /* of the squared distances of all pairs of frames */
    ARC_VIDEO_MEAN,
    ARC_VIDEO_MAX
} arc_video_rule;
typedef struct arc_evaluate_ytf_options {
    size_t struct_size;
    arc_evaluate_options eval;
    arc_video_rule rule;
    int frames; /* of each video, evenly spread; 0 = all */
} arc_evaluate_ytf_options;
ARC_API void arc_evaluate_ytf_options_default(arc_evaluate_ytf_options *opt); /* no flip, 10 folds, all frames */
/* frames_dir/Name/video/ *.jpg: aligned crops, or frame_images_DB (with Name.labeled_faces.txt beside the folders) or aligned_images_DB when
 * opt->eval.detector is given. splits: splits.txt or its corrected form. A video without a usable frame keeps its pairs, which count as rejected. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_ytf(arc_context *ctx, const arc_model *model, const char *frames_dir,
                                                  const char *splits, const arc_evaluate_ytf_options *opt, arc_evaluation **out,
                                                  arc_error *err);

typedef struct arc_evaluate_ijb_options {
    size_t struct_size;
    arc_evaluate_options eval;
    bool plain_weight; /* do not weight by the detector's score */
    bool unit_images;  /* normalise each picture's embedding first */
    bool search;       /* 1:N with both galleries and the mixed probes as well */
} arc_evaluate_ijb_options;
ARC_API void arc_evaluate_ijb_options_default(arc_evaluate_ijb_options *opt);
/* InsightFace's package: dir/loose_crop/NAME, dir/meta/ijbc_face_tid_mid.txt, ijbc_template_pair_label.txt, ijbc_name_5pts_score.txt and for 1:N
 * ijbc_1N_gallery_G1.csv, _G2.csv, ijbc_1N_probe_mixed.csv (ijbb: S1, S2). Pictures are warped by the listed landmarks. */
ARC_API ARC_NODISCARD arc_status arc_evaluate_ijb(arc_context *ctx, const arc_model *model, const char *dir,
                                                  const arc_evaluate_ijb_options *opt, arc_evaluation **out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
