/* vector: the linear map that takes one set of embeddings to another, by ridge regression in double. */
#ifndef ARC_VECTOR_RIDGE_H
#define ARC_VECTOR_RIDGE_H

#include "base/base.h"

/* The sums that a map is made of, which pairs are added to one after the other. */
typedef struct arc_ridge {
    const arc_context *ctx;
    int in_dim, out_dim;
    int64_t pairs;
    double *in_in;  /* [in][in] sum of x x' */
    double *in_out; /* [in][out] sum of x y' */
} arc_ridge;

/* Takes in*(in + out)*8 bytes. Errors: ENOMEM; nothing is to be freed then. */
arc_status arc_ridge_begin(arc_ridge *r, const arc_context *ctx, int in_dim, int out_dim, arc_error *err);
/* x: [rows][in], y: [rows][out]. The same bits for any number of threads. */
void arc_ridge_add(arc_ridge *r, const float *x, const float *y, int64_t rows);
/* map: [in][out], so that |x map - y|^2, summed over the pairs, plus lambda * |map|^2 is least; lambda > 0 is a share of the mean
 * of the diagonal of the sum of x x'. Errors: EINVAL (no pairs, or values that are not finite), ENOMEM. */
arc_status arc_ridge_solve(const arc_ridge *r, double lambda, float *map, arc_error *err);
void arc_ridge_end(arc_ridge *r); /* idempotent */

/* x: [in] through map: [in][out], to length 1 (0 stays 0). */
void arc_ridge_map(const float *map, int in_dim, int out_dim, const float *x, float *out);

#endif
