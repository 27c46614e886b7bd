/* eval: what the files of this room share. A set lists pictures; embed_set.c turns them into embeddings and calls a sink for
 * each picture in order; the protocols compute the results; report/evaluation.c holds them. */
#ifndef ARC_EVAL_EVAL_INTERNAL_H
#define ARC_EVAL_EVAL_INTERNAL_H

#include "base/base.h"
#include <arcface/evaluate.h>

/* ---- sort.c: sorts scores in falling order, in place; they must not be NaN ---- */
arc_status arc_sort_scores(const arc_alloc *a, double *score, size_t n, arc_error *err);

/* Scores of pairs of two kinds (genuine and impostor): offset + scale * value. */
typedef struct arc_scored_pairs {
    const double *value;
    const uint8_t *same;
    int64_t pairs;
    double offset, scale;
} arc_scored_pairs;
/* The impostors' scores, then the genuine ones', each in falling order; count: of both. The same for any number of threads.
 * The caller frees *sorted with arc_mem_free. Errors: EINVAL for a score that is not finite, ENOMEM. */
arc_status arc_sort_pairs(arc_context *ctx, const arc_scored_pairs *from, double **sorted, int64_t count[2], arc_error *err);

/* ---- verification.c ---- Squared distance of the unit vectors of two rows and their cosine; false when a row is not finite. */
bool arc_pair_distance(const float *a, const float *b, int dim, double *dist, double *cosine);

/* ---- pair_set.c ---- Checks the struct_size of the options and of the photo options in them. Errors: EINVAL. */
arc_status arc_evaluate_options_check(const arc_evaluate_options *opt, arc_error *err);

/* ---- evaluation.c ---- */
arc_status arc_evaluation_new(arc_context *ctx, const char *protocol, arc_evaluation **out, arc_error *err);
arc_arena *arc_evaluation_arena(arc_evaluation *e);
arc_status arc_evaluation_note(arc_evaluation *e, arc_error *err, const char *fmt, ...) ARC_PRINTF(3, 4);
arc_status arc_evaluation_missing(arc_evaluation *e, const char *name, const char *why, arc_error *err);
/* Stores the `worst` worst pairs of each kind, by e->pair_score. image: [pairs][2] indices; set: gives names and paths. */
struct arc_eval_set;
arc_status arc_evaluation_worst(arc_evaluation *e, const struct arc_eval_set *set, const int (*image)[2], int worst,
                                arc_error *err);
/* Adds a sentence for every FAR target that there are too few impostor pairs to estimate. */
arc_status arc_evaluation_support_notes(arc_evaluation *e, double far_target, arc_error *err);

/* ---- provenance.c ---- Model, contract, engine. set_digest: SHA-256 of the set (embed_set.c). */
arc_status arc_evaluation_provenance(arc_context *ctx, arc_evaluation *e, const arc_model *model, const char *set,
                                     const uint8_t set_digest[32], const arc_evaluate_options *opt, arc_error *err);

/* ---- embed_set.c ---- */
typedef struct arc_eval_photo {
    arc_photo photo;    /* points at the three below or at memory of the set; with landmarks or face rectangle if known */
    uint8_t digest[32]; /* SHA-256 of its bytes */
    char name[4096];
    arc_map map;
    arc_image image;
} arc_eval_photo;

typedef struct arc_eval_set {
    int64_t images;
    /* Opens photo `index` (out is zeroed before). Called from any thread of the pool. A failure concerns this photo only. */
    arc_status (*open)(arc_context *ctx, const void *source, int64_t index, arc_eval_photo *out, arc_error *err);
    /* The name of image `index` for people and error texts; names_are_paths: it is also a path that can be opened. */
    void (*name)(const void *source, int64_t index, char *out, size_t bytes);
    bool names_are_paths;
    bool knows_landmarks; /* photos come with landmarks and are aligned by them */
    const void *source;
} arc_eval_set;

/* embedding: [dim], raw, both views added; NULL if the picture is missing. norm: mean L2 norm of the views. */
typedef arc_status arc_eval_sink(void *arg, int64_t index, const float *embedding, double norm, arc_error *err);

typedef struct arc_embed_run {
    const arc_eval_set *set;
    const arc_evaluate_options *opt;
    arc_eval_sink *sink;
    void *sink_arg;
    uint8_t digest[32]; /* out: digest over the digests of all pictures, in order */
    char plan_id[32];   /* out: arc_net_plan_id of the first batch */
} arc_embed_run;
/* Embeds a set. Missing pictures are listed in e (e NULL: they are errors). It is an error if all are missing. */
arc_status arc_eval_embed(arc_context *ctx, const arc_model *model, arc_embed_run *run, arc_evaluation *e, arc_error *err);

/* Embeds a set into rows: [images][dim] and norms; present: [images], 0 for missing pictures, whose rows are zero. */
typedef struct arc_rows {
    int dim;
    float *row;
    double *norm;
    uint8_t *present;
} arc_rows;
arc_status arc_eval_embed_rows(arc_context *ctx, const arc_model *model, arc_embed_run *run, arc_evaluation *e, arc_rows *out,
                               arc_error *err);
void arc_rows_free(arc_context *ctx, arc_rows *rows);

/* ---- set_photo.c ---- */
/* Opens a picture file, with the digest of its bytes. */
arc_status arc_eval_open_file(const char *path, arc_eval_photo *out, arc_error *err);
void arc_eval_photo_close(arc_context *ctx,
                          arc_eval_photo *photo); /* leaves name, digest and what is known of the face; idempotent */

/* ---- pair_set.c: evaluates listed pairs of embedded pictures ---- */
typedef struct arc_pair_set {
    const arc_eval_set *set;
    int pairs, list_pairs;    /* used pairs, out of list_pairs in the file */
    const int (*image)[2];    /* [pairs] */
    const uint8_t *same;      /* [pairs], in fold order */
    const int (*identity)[2]; /* [pairs] or NULL */
    int identities, folds;    /* folds 0: the list does not say */
    const char *name;         /* of the set: its list or its .bin */
    int64_t list_bytes;
    uint8_t list_digest[32];
} arc_pair_set;
arc_status arc_pair_set_run(arc_context *ctx, const arc_model *model, const arc_pair_set *pairs, const arc_evaluate_options *opt,
                            arc_evaluation *e, arc_error *err);

#endif
