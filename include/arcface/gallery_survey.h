/** @file
 * What is odd in a gallery: people who look alike, and pictures that are unlike their person's others.
 */
#ifndef ARCFACE_GALLERY_SURVEY_H
#define ARCFACE_GALLERY_SURVEY_H

#include <arcface/gallery.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a gallery is surveyed. */
typedef struct arc_gallery_survey_options {
    size_t struct_size; /**< set by arc_gallery_survey_options_default */
    /** Cosine from which on people are look-alikes, and below which pictures are outliers; default NAN: the gallery's rule */
    double threshold;
    int neighbours; /**< most others whom a template is compared with, the most similar ones; 1 to 999, default 16 */
    /** Called after every person if not NULL (default); another result than 0 ends the work with ECANCEL */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_gallery_survey_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_gallery_survey_options_default(arc_gallery_survey_options *opt);

/** Somebody of the gallery. */
typedef struct arc_survey_person {
    int64_t id;        /**< arc_identity.id */
    char *name;        /**< unique in the gallery */
    int64_t templates; /**< pictures of this person */
} arc_survey_person;

/** Two people who look alike: one under two names, or two who are taken for each other. */
typedef struct arc_survey_alike {
    int64_t person[2]; /**< places in arc_gallery_survey.person, the lower first */
    double cosine;     /**< of their most similar pictures */
} arc_survey_alike;

/** A picture that is unlike all others of the same person: somebody else's, or useless. */
typedef struct arc_survey_outlier {
    int64_t person;      /**< place in arc_gallery_survey.person */
    int64_t template_id; /**< arc_template_record.id */
    double cosine;       /**< with the most similar of the others */
} arc_survey_outlier;

/** What a survey found. */
typedef struct arc_gallery_survey {
    arc_survey_person *person;   /**< [people] by rising id */
    int64_t people;              /**< in the gallery */
    int64_t without;             /**< people without any template */
    int64_t fewest;              /**< templates of whoever has the fewest */
    int64_t most;                /**< templates of whoever has the most */
    double threshold;            /**< that was used */
    double quality_lowest;       /**< of the templates whose quality is known; NAN = of none */
    double quality_tenth;        /**< a tenth of them is below */
    double quality_median;       /**< half of them is below */
    double quality_highest;      /**< the best of them */
    arc_survey_alike *alike;     /**< [alikes] the most similar first */
    int64_t alikes;              /**< pairs of people at or above the threshold */
    arc_survey_outlier *outlier; /**< [outliers] the least similar first; an only picture is none */
    int64_t outliers;            /**< pictures below the threshold */
} arc_gallery_survey;

/** Surveys a gallery: searches every template in it, which takes as long as identifying all of them, and compares the pictures of
 * each person with each other. Somebody with more look-alikes than `neighbours` may miss some of them. Others may change the
 * gallery meanwhile; who comes or goes then may be missing. opt may be NULL.
 * Ownership: free with arc_gallery_survey_free; zeroed after a failure. Thread: any. Errors: EINVAL (options), ECANCEL, those of
 * arc_gallery_identify and arc_gallery_templates. */
ARC_API ARC_NODISCARD arc_status arc_gallery_survey_of(arc_gallery *gallery, const arc_gallery_survey_options *opt,
                                                       arc_gallery_survey *out, arc_error *err);

/** Frees what it holds and zeroes it; NULL is allowed. Thread: any. */
ARC_API void arc_gallery_survey_free(arc_context *ctx, arc_gallery_survey *survey);

#ifdef __cplusplus
}
#endif
#endif
