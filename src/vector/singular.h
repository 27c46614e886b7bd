/* vector: the singular values of a matrix in double. */
#ifndef ARC_VECTOR_SINGULAR_H
#define ARC_VECTOR_SINGULAR_H

#include "base/base.h"

/* a: [rows][columns], rows >= columns >= 1, finite; destroyed. value: [columns] the largest first, each as exact as the
 * largest: within some units of its last place. The same bits for any number of threads. Takes columns*32 bytes, and 8*rows.
 * Errors: ENOMEM; EINVAL for values that are not finite or too large to be squared. Source: Golub and Kahan, 1965 (bidiagonal
 * form by Householder reflections); Golub and Van Loan, 8.3 (implicit QL). */
arc_status arc_singular_values(const arc_context *ctx, double *a, size_t rows, size_t columns, double *value, arc_error *err);

#endif
