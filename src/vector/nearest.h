/* vector: for every row of one matrix the row of another with the largest dot product, computed with the engine's matrix
 * kernels. similarity.h gives all dot products. */
#ifndef ARC_VECTOR_NEAREST_H
#define ARC_VECTOR_NEAREST_H

#include "base/base.h"

/* row [rows][dim], target [targets][dim]. excluded: [rows] a target that the row must not find, -1: none; NULL: none for all.
 * A target of zeros is never found. best: [rows] the target (the first of equals), -1 if there is none; cosine: [rows] its dot
 * product. Needs targets*dim*4 bytes of memory, at most 256 MiB at a time. Errors: ENOMEM; ECANCEL if progress says so. */
typedef struct arc_nearest_progress {
    int (*step)(void *ctx, int64_t done, int64_t total); /* NULL: none */
    void *ctx;
} arc_nearest_progress;
arc_status arc_nearest(const arc_context *ctx, const float *row, int64_t rows, const float *target, int64_t targets, int dim,
                       const int32_t *excluded, int32_t *best, float *cosine, const arc_nearest_progress *progress,
                       arc_error *err);

#endif
