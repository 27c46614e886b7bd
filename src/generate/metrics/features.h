/* generate: picture files to rows of numbers by any network. */
#ifndef ARC_GENERATE_METRICS_FEATURES_H
#define ARC_GENERATE_METRICS_FEATURES_H

#include "base/base.h"
#include <arcface/image.h>
#include <arcface/model.h>

typedef struct arc_feature_run {
    const arc_model *model;
    const char *const *path; /* [pictures] files */
    int pictures;
    const char *stage; /* for progress */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx;
    const arc_image *image; /* [pictures] in memory; then path is NULL */
} arc_feature_run;

/* Embeddings of aligned crops by a recognition model, of unit length: *row [pictures][*dim], to be freed with arc_mem_free. A
 * picture that cannot be used is an error. Errors: those of arc_embedder_new and of reading pictures, ECANCEL, ENOMEM. */
arc_status arc_feature_embed(arc_context *ctx, const arc_feature_run *run, float **row, int *dim, arc_error *err);

/* The first output of any network of pictures, flattened, as it is: pictures are scaled to its input (112 x 112 where that is
 * free), colour order, mean and scale are its contract's. Errors: EINVAL (not a network of one picture), and as above. */
arc_status arc_feature_raw(arc_context *ctx, const arc_feature_run *run, float **row, int *dim, arc_error *err);

#endif
