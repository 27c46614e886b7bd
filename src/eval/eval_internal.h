/* eval: the common runner under the LFW and .bin protocols. */
#ifndef ARC_EVAL_INTERNAL_H
#define ARC_EVAL_INTERNAL_H

#include "base/base.h"
#include <arcface/eval.h>

/* A verification set: `images` different pictures, and pairs that name two of them by index. */
typedef struct arc_eval_set {
    int images, pairs;
    int (*pair)[2];      /* [pairs] indices of images */
    const uint8_t *same; /* [pairs], in fold order */
    /* Decodes image `index`; called from any thread of the pool. */
    arc_status (*load)(arc_context *ctx, const void *source, int index, arc_image *out, arc_error *err);
    /* What people call image `index`, for error texts. */
    void (*name)(const void *source, int index, char *out, size_t bytes);
    const void *source;
} arc_eval_set;

/* Embeds every image once (twice with flip) and applies the protocol. */
arc_status arc_eval_set_run(arc_context *ctx, const arc_model *model, const arc_eval_set *set, const arc_eval_options *opt,
                            arc_verification *out, arc_error *err);

#endif
