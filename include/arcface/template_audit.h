/** @file
 * Audit of stored templates: what somebody who steals embeddings can do with them. Faces are rebuilt from templates by a
 * generator, and it is counted how often such a face would be accepted in the place of its owner.
 */
#ifndef ARCFACE_TEMPLATE_AUDIT_H
#define ARCFACE_TEMPLATE_AUDIT_H

#include <arcface/evaluate_rates.h>
#include <arcface/generate.h>
#include <arcface/generate_eval.h>
#include <arcface/protect.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How templates are audited. */
typedef struct arc_template_audit_options {
    size_t struct_size;           /**< set by arc_template_audit_options_default */
    const arc_model *independent; /**< another recognition model, which the faces were not made for; NULL = none */
    const char *const *photos;    /**< [photo_count] aligned crops of the owners, in the order of the templates; NULL = none */
    int photo_count;              /**< as many as templates; 0 = none */
    const uint8_t *key;           /**< [ARC_PROTECT_KEY_BYTES] also audit the templates under its rotation; NULL = do not */
    int most;                     /**< templates that are rebuilt, evenly from the file; default 16 */
    double threshold;             /**< cosine from which the model accepts; NAN (default) = by far, else the model's own */
    double far;                   /**< threshold at this FAR of the model's calibration; 0 (default) = the model's own */
    double independent_threshold; /**< the same of the independent model; NAN (default) = by far, else its own */
    const arc_generate_options *generate; /**< how faces are rebuilt; NULL = arc_generate_options_default's */
    /** May be NULL; not 0 cancels (ECANCEL) */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_template_audit_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_template_audit_options_default(arc_template_audit_options *opt);

/** What a threshold was taken from. */
typedef enum arc_threshold_source {
    ARC_THRESHOLD_GIVEN,      /**< the caller */
    ARC_THRESHOLD_FAR,        /**< the model's calibration, at the FAR asked for */
    ARC_THRESHOLD_CALIBRATED, /**< the model's calibration, as it was stored */
    ARC_THRESHOLD_CONTRACT    /**< the model's contract: nobody has measured what it gives */
} arc_threshold_source;

/** Faces held against what they stand in for. */
typedef struct arc_template_trial {
    arc_generate_cosines cosine; /**< with the owner's */
    arc_rate accepted;           /**< at or above the threshold with the owner's */
    arc_rate strangers;          /**< the same with everybody else's, for comparison */
} arc_template_trial;

/** What faces are held against by the independent model. */
typedef enum arc_template_reference {
    ARC_TEMPLATE_NO_REFERENCE, /**< it was not asked */
    ARC_TEMPLATE_PHOTOS,       /**< photos of the owners */
    ARC_TEMPLATE_SECOND_FACES  /**< second faces rebuilt from the same templates with another seed, as there are no photos */
} arc_template_reference;

/** An audit. Freed as a whole with arc_template_audit_free. */
typedef struct arc_template_audit {
    char model[256];                         /**< name of its file */
    char independent[256];                   /**< of the independent model's; "" = none */
    int64_t templates;                       /**< in the file */
    int dim;                                 /**< numbers in each */
    int rebuilt;                             /**< of them */
    int64_t steps;                           /**< of the generator */
    int64_t *row;                            /**< [rebuilt] their places in the file */
    arc_image *face;                         /**< [rebuilt] faces from plain templates */
    double *cosine;                          /**< [rebuilt] of each with its template, by the model */
    double threshold;                        /**< of the model */
    arc_threshold_source source;             /**< of the threshold */
    double far;                              /**< that the threshold gives by the model's calibration; 0 = not known */
    arc_template_trial plain;                /**< faces from plain templates, by the model */
    arc_template_reference reference;        /**< of the next */
    double independent_threshold;            /**< of the independent model */
    arc_threshold_source independent_source; /**< of its threshold */
    arc_template_trial elsewhere;            /**< faces from plain templates, by the independent model */
    bool has_protected;                      /**< the rest is there */
    arc_image *protected_face;               /**< [rebuilt] faces from protected templates, by a thief without the key */
    arc_template_trial unkeyed;              /**< these, presented where templates are protected */
    arc_generate_cosines unkeyed_fit;        /**< of these with the protected template itself, which the thief aims at */
    double cosine_change;                    /**< largest change of a cosine between two templates by the rotation */
    double key_error;                        /**< largest 1 - cosine between a template and what the key gives back */
    void *memory;                            /**< the library's */
} arc_template_audit;

/** Audits a file of templates: a .npy array of float32 or float64, [templates][dim] or [dim], as `arcface embed -o FILE.npy`
 * writes it. The thief is taken to have the model; model must be the one that made the templates. `opt` may be NULL. Ownership:
 * free with arc_template_audit_free. Thread: any. Errors: ENOTFOUND, EIO, EFORMAT (no such array), ESHAPE (templates or photos do
 * not fit), EINVAL (a template that is not finite or zero, named; a FAR without calibration; options), EUNSUPPORTED (a network
 * without gradient), ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_template_audit_run(arc_context *ctx, const char *path, const arc_model *model,
                                                        const arc_template_audit_options *opt, arc_template_audit **out,
                                                        arc_error *err);

/** Frees everything and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_template_audit_free(arc_context *ctx, arc_template_audit **audit);

/** The text that `arcface audit templates` prints; json: one object. Ownership: free with arc_text_free. Thread: any. Errors:
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_template_audit_describe(arc_context *ctx, const arc_template_audit *audit, bool json,
                                                             char **text, arc_error *err);

/** Writes a self-contained HTML page with the figures, the faces and what they mean. path: the audited file, photos: as in the
 * options, or NULL. Thread: any. Errors: EIO, ENOTFOUND, ENOMEM, ELIMIT. */
ARC_API ARC_NODISCARD arc_status arc_template_audit_report(arc_context *ctx, const arc_template_audit *audit, const char *path,
                                                           const char *const *photos, const char *html_path, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
