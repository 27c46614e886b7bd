/* vector: the Frechet distance of two sets of vectors, each taken as a normal distribution. */
#ifndef ARC_VECTOR_FRECHET_H
#define ARC_VECTOR_FRECHET_H

#include "base/base.h"

typedef struct arc_frechet {
    double distance; /* means + spreads */
    double means;    /* |m1 - m2|^2 */
    double spreads;  /* tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)), not negative */
    int rank[2];     /* of the covariances as they were found; at most rows - 1 */
} arc_frechet;

/* a: [a_rows][dim], b: [b_rows][dim]; at least two rows each. Covariances are divided by rows - 1, everything is in double.
 * Covariances may be singular, as they are for fewer rows than numbers. The same bits for any number of threads. Memory: at most
 * 4 * dim^2 * 8 bytes. Errors: EINVAL (fewer than two rows; numbers that are not finite or too large to be squared; names set and
 * row), ENOMEM. Source: Frechet, 1957; Dowson and Landau, J. Multivariate Analysis 12, 1982; Heusel et al., NeurIPS 2017. */
arc_status arc_frechet_distance(const arc_context *ctx, const float *a, int64_t a_rows, const float *b, int64_t b_rows, int dim,
                                arc_frechet *out, arc_error *err);

#endif
