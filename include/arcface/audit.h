/** @file
 * Audit of a set of faces: what a model sees that the labels do not say.
 */
#ifndef ARCFACE_AUDIT_H
#define ARCFACE_AUDIT_H

#include <arcface/face.h>
#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A picture whose label is doubtful. Keys are what people call samples (a record's key, a path); NULL from
 * arc_audit_embeddings. */
typedef struct arc_audit_suspect {
    int64_t sample;           /**< the picture */
    int64_t identity;         /**< its label */
    const char *key;          /**< of the picture */
    int64_t own_example;      /**< another sample of its identity; -1 = none */
    int64_t nearest_example;  /**< a sample of the nearest other identity; -1 = none */
    double angle_deg;         /**< to the centre of the other pictures of its identity */
    int64_t nearest_identity; /**< the other identity whose centre is nearest; -1 = there is no other */
    double nearest_angle_deg; /**< to that centre */
    bool elsewhere;           /**< nearer to another identity than to its own: mislabelled rather than hard */
} arc_audit_suspect;

/** Two pictures that are one: equal bytes, or embeddings nearly equal. */
typedef struct arc_audit_duplicate {
    int64_t sample[2];  /**< the two */
    const char *key[2]; /**< their keys */
    double cosine;      /**< of their embeddings */
    bool same_bytes;    /**< equal byte for byte */
    bool same_identity; /**< they have one label */
} arc_audit_duplicate;

/** Two identities whose centres are so near that they are one person. In one set: a person split in two; across sets: a leak. */
typedef struct arc_audit_shared {
    int64_t identity[2]; /**< the two labels; the second of the other set when there is one */
    int64_t sample[2];   /**< the first picture of each */
    const char *key[2];  /**< their keys */
    double cosine;       /**< of the centres */
} arc_audit_shared;

/** Bins of the histograms of an audit. */
#define ARC_AUDIT_BINS 32

/** What an audit found. Freed as a whole with arc_audit_free. */
typedef struct arc_audit {
    int64_t samples;                  /**< pictures */
    int64_t identities;               /**< labels */
    int64_t unreadable;               /**< pictures that could not be decoded */
    int64_t singletons;               /**< identities with one picture */
    int64_t empty_identities;         /**< labels without a picture */
    int64_t least_samples;            /**< fewest pictures of an identity that has any */
    int64_t most_samples;             /**< most pictures of an identity */
    double mean_samples;              /**< pictures of an identity that has any */
    int64_t size_bin[ARC_AUDIT_BINS]; /**< [b]: identities of 2^(b/2) up to 2^((b+1)/2) pictures */
    double norm_low;                  /**< lower end of the next histogram */
    double norm_high;                 /**< its upper end */
    /** Lengths of raw embeddings: low for blurred, small, hidden faces (MagFace, CVPR 2021) */
    int64_t norm_bin[ARC_AUDIT_BINS];
    /** [b]: log2 of the Laplacian's variance in [b/2, (b+1)/2); the last holds the rest */
    int64_t sharpness_bin[ARC_AUDIT_BINS];
    /** [d]: pictures d to d+1 degrees from their centre; the last holds the rest */
    int64_t angle_bin[90];
    arc_audit_suspect *suspect;     /**< [suspects] the worst first */
    int64_t suspects;               /**< listed */
    int64_t suspects_all;           /**< in all: arc_audit_options.limit cuts the list */
    arc_audit_duplicate *duplicate; /**< [duplicates] the most alike first */
    int64_t duplicates;             /**< listed */
    int64_t duplicates_all;         /**< in all */
    arc_audit_shared *shared;       /**< [shareds] the nearest first */
    int64_t shareds;                /**< listed */
    int64_t shareds_all;            /**< in all */
    int64_t other_samples;          /**< pictures of the set compared with; 0 without one */
    int64_t other_identities;       /**< its labels */
    void *memory;                   /**< the library's: owns the keys */
} arc_audit;

/** What counts as doubtful. */
typedef struct arc_audit_options {
    size_t struct_size;      /**< set by arc_audit_options_default */
    double noise_angle_deg;  /**< suspects are farther from their centre; default 70 */
    double duplicate_cosine; /**< duplicates are at least so alike; default 0.98 */
    double shared_cosine;    /**< centres of one person are at least so alike; default 0.6 */
    int64_t limit;           /**< longest list; default 10000 */
    bool flip;               /**< add the embedding of the mirrored picture; default false, one view is enough */
    /** May be NULL; not 0 cancels (ECANCEL) */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_audit_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_audit_options_default(arc_audit_options *opt);

/** A set as embeddings. */
typedef struct arc_audit_set {
    const float *embeddings; /**< [samples][dim] raw; a row of zeros = unreadable */
    const int64_t *identity; /**< [samples] 0 to identities-1 */
    const uint64_t *content; /**< [samples] hash of the picture's bytes; NULL = unknown */
    const float *sharpness;  /**< [samples] variance of the Laplacian; NULL = unknown */
    int64_t samples;         /**< pictures */
    int64_t identities;      /**< labels */
} arc_audit_set;

/** The arithmetic alone. `other` and `opt` may be NULL. Duplicates are looked for inside each identity and between a picture's
 * identity and the one whose centre is nearest to it, not between all pairs. Ownership: free with arc_audit_free. Thread: any.
 * Errors: EINVAL (a value that is not finite, a label out of range; names the sample), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_audit_embeddings(arc_context *ctx, const arc_audit_set *set, const arc_audit_set *other,
                                                      int dim, const arc_audit_options *opt, arc_audit **out, arc_error *err);

/** Embeds a set of aligned crops (RecordIO, folder of identities or list, as training takes them) and audits it; other_path: a
 * set to compare with, NULL = none. Pictures that cannot be read are counted. Memory: samples * (dim*4 + 24) bytes. `opt` may be
 * NULL.
 * Ownership: free with arc_audit_free. Thread: any.
 * Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT, ESHAPE, ECANCEL, EINVAL (the model does not embed; options), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_audit_run(arc_context *ctx, const arc_model *model, const char *path, const char *other_path,
                                               const arc_audit_options *opt, arc_audit **out, arc_error *err);

/** Writes a self-contained HTML page: figures, histograms, and pictures of what was found (the worst 40 of each kind). path,
 * other_path: the sets that the audit was run on; other_path NULL = none. Thread: any. Errors: EIO, ENOTFOUND, ENOMEM, ELIMIT. */
ARC_API ARC_NODISCARD arc_status arc_audit_report(arc_context *ctx, const arc_audit *audit, const char *path,
                                                  const char *other_path, const char *html_path, arc_error *err);

/** Writes a contact sheet of the worst 120 doubtful labels: the picture, another one of its identity, one of the nearest other
 * identity; .png, .jpg or .ppm by the suffix of sheet_path. path: the set that the audit was run on. Thread: any. Errors: EINVAL
 * (suffix), ENOTFOUND, EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_audit_sheet(arc_context *ctx, const arc_audit *audit, const char *path,
                                                 const char *sheet_path, arc_error *err);

/** Frees everything and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_audit_free(arc_context *ctx, arc_audit **audit);

/** The text that `arcface data audit` prints; json: one object with every finding. Ownership: free with arc_text_free. Thread:
 * any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_audit_describe(arc_context *ctx, const arc_audit *audit, bool json, char **text,
                                                    arc_error *err);
/** Writes every finding as a line of tab-separated values below a line of names; path "-" is standard output. Thread: any.
 * Errors: EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_audit_findings(arc_context *ctx, const arc_audit *audit, const char *path, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
