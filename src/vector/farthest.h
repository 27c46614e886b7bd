/* vector: rows that differ from each other: each next one is the row that is farthest from all chosen before (Gonzalez's
 * farthest-point order, which covers a set within twice the best possible radius). */
#ifndef ARC_VECTOR_FARTHEST_H
#define ARC_VECTOR_FARTHEST_H

#include "base/base.h"

typedef struct arc_farthest {
    const float *row;   /* [rows][dim], unit vectors */
    const float *trait; /* [rows][traits]; NULL where traits is 0 */
    int32_t rows;
    int dim, traits;
    /* Of rows whose cosine to their nearest chosen row is within so much of the least one, the one whose traits are farthest from
     * all chosen ones' is taken. */
    float band;
    float alike; /* a row with a larger cosine than this to a chosen row is never chosen */
    int (*progress)(void *ctx, int64_t done, int64_t total); /* may be NULL; not 0 cancels */
    void *progress_ctx;
} arc_farthest;

/* The first is the row nearest to the sum of all rows; of equals always the first. chosen: [count], in the order of choice, of
 * which *found are filled: fewer when no other row is unlike enough. *left_out: the rows that are not chosen and too much like a
 * chosen one. Takes count passes over all rows. The same for any number of threads. Source: Gonzalez, Clustering to minimize the
 * maximum intercluster distance, Theoretical Computer Science 38, 1985. Errors: ENOMEM; ECANCEL if progress says so. */
arc_status arc_farthest_choose(const arc_context *ctx, const arc_farthest *f, int32_t count, int32_t *chosen, int32_t *found,
                               int32_t *left_out, arc_error *err);

#endif
