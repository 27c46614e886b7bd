/* Audit of a set of faces: what a model sees that its labels do not say. */
#ifndef ARCFACE_AUDIT_H
#define ARCFACE_AUDIT_H

#include <arcface/face.h>
#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A picture whose label is doubtful. Keys are what people call samples (a record's key, a path); NULL from arc_audit_embeddings. */
typedef struct arc_audit_suspect {
    int64_t sample, identity;
    const char *key;
    int64_t own_example, nearest_example; /* other samples of its identity and of the nearest one; -1 = none */
    double angle_deg;                     /* to the centre of the other pictures of its identity */
    int64_t nearest_identity;             /* whose centre is nearest; -1 = there is no other */
    double nearest_angle_deg;
    bool elsewhere; /* nearer to another identity than to its own: mislabelled rather than hard */
} arc_audit_suspect;

/* Two pictures that are one: equal bytes, or embeddings nearly equal. */
typedef struct arc_audit_duplicate {
    int64_t sample[2];
    const char *key[2];
    double cosine;
    bool same_bytes, same_identity;
} arc_audit_duplicate;

/* Two identities whose centres are so near that they are one person. In one set: a person split in two; across sets: a leak. */
typedef struct arc_audit_shared {
    int64_t identity[2]; /* the second of the other set when there is one */
    int64_t sample[2];   /* the first of each */
    const char *key[2];
    double cosine;
} arc_audit_shared;

#define ARC_AUDIT_BINS 32

typedef struct arc_audit {
    int64_t samples, identities, unreadable, singletons, empty_identities;
    int64_t least_samples, most_samples; /* of an identity that has any */
    double mean_samples;
    int64_t size_bin[ARC_AUDIT_BINS]; /* [b]: identities of 2^(b/2) up to 2^((b+1)/2) pictures */
    double norm_low, norm_high;       /* ends of the bins below */
    int64_t
        norm_bin[ARC_AUDIT_BINS]; /* length of the raw embedding: low for blurred, small and hidden faces (MagFace, CVPR 2021) */
    int64_t sharpness_bin[ARC_AUDIT_BINS]; /* [b]: log2 of the Laplacian's variance in [b/2, (b+1)/2); the last holds the rest */
    int64_t angle_bin[90];                 /* [d]: pictures d..d+1 degrees from their centre; the last holds the rest */
    arc_audit_suspect *suspect;            /* [suspects], the worst first; `suspects_all` counts what the limit left out too */
    int64_t suspects, suspects_all;
    arc_audit_duplicate *duplicate;
    int64_t duplicates, duplicates_all;
    arc_audit_shared *shared;
    int64_t shareds, shareds_all;
    int64_t other_samples, other_identities; /* of the set compared with */
    void *memory;                            /* owns the keys */
} arc_audit;

typedef struct arc_audit_options {
    size_t struct_size;
    double noise_angle_deg;  /* suspects are farther from their centre; default 70 */
    double duplicate_cosine; /* default 0.98 */
    double shared_cosine;    /* of centres; default 0.6 */
    int64_t limit;           /* longest list; default 10000 */
    bool flip;               /* default false: one view is enough for an audit */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx;
} arc_audit_options;
ARC_API void arc_audit_options_default(arc_audit_options *opt);

/* The arithmetic alone. embeddings [samples][dim] raw, a row of zeros = unreadable; identity [samples] 0..identities-1. The other set may be
 * NULL. Duplicates are looked for inside each identity and between a picture's identity and the one whose centre is nearest to it: not
 * between all pairs. Ownership: arc_audit_free. Errors: EINVAL (a value that is not finite, a label out of range; names the sample), ENOMEM. */
typedef struct arc_audit_set {
    const float *embeddings;
    const int64_t *identity;
    const uint64_t *content; /* [samples] hash of the picture's bytes, NULL = unknown */
    const float *sharpness;  /* [samples] variance of the Laplacian, NULL = unknown */
    int64_t samples, identities;
} arc_audit_set;
ARC_API ARC_NODISCARD arc_status arc_audit_embeddings(arc_context *ctx, const arc_audit_set *set, const arc_audit_set *other,
                                                      int dim, const arc_audit_options *opt, arc_audit **out, arc_error *err);

/* Embeds a set (RecordIO, folder of identities or list, as training takes them; pictures are aligned crops) and audits it; `other_path` NULL =
 * no other set. Pictures that cannot be read are counted. Memory: samples * (dim*4 + 24) bytes. Errors: as opening, loading and above. */
ARC_API ARC_NODISCARD arc_status arc_audit_run(arc_context *ctx, const arc_model *model, const char *path, const char *other_path,
                                               const arc_audit_options *opt, arc_audit **out, arc_error *err);
/* A self-contained HTML page: figures, histograms, and pictures of what was found (the worst 40 of each kind). The paths are those that the audit
 * was run on; other_path NULL = none. Errors: EIO, ENOMEM, ELIMIT. */
ARC_API ARC_NODISCARD arc_status arc_audit_report(arc_context *ctx, const arc_audit *audit, const char *path,
                                                  const char *other_path, const char *html_path, arc_error *err);
/* A contact sheet of the worst 120 doubtful labels: the picture, another one of its identity, one of the nearest other identity. .png, .jpg or .ppm by
 * the suffix. Errors: EINVAL (suffix), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_audit_sheet(arc_context *ctx, const arc_audit *audit, const char *path,
                                                 const char *sheet_path, arc_error *err);
ARC_API void arc_audit_free(arc_context *ctx, arc_audit **audit); /* NULL-safe, nulls */

#ifdef __cplusplus
}
#endif
#endif
