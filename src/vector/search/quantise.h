/* vector/search: a vector as 8-bit integers with a scale, and a bound on what that changes.
 *
 * x is about scale * code, code in -127..127, and e = x - scale * code is what is left. For a template t and a probe p
 *   p.t = scale_p scale_t (code_p . code_t) + p.e_t + e_p.(scale_t code_t),
 * so by the inequality of Cauchy and Schwarz the first term, an integer product, is wrong by at most
 *   |p| |e_t| + |e_p| |scale_t code_t|.
 * The three lengths are stored, rounded up. */
#ifndef ARC_VECTOR_SEARCH_QUANTISE_H
#define ARC_VECTOR_SEARCH_QUANTISE_H

#include "base/base.h"

typedef struct arc_quantised {
    float scale;
    float error;  /* |e| or a little more */
    float length; /* |scale * code| or a little more */
    float whole;  /* |x| or a little more */
} arc_quantised;

/* Shortest and longest vectors but zero, so that no product of scales leaves the range of float. */
#define ARC_QUANTISE_SHORTEST 1e-9
#define ARC_QUANTISE_LONGEST 1e9

/* Whether x is finite and its length 0 or in that range. */
bool arc_quantise_fits(const float *x, size_t dim);

/* x [dim] -> code [stride], zeros behind dim. */
arc_quantised arc_quantise(const float *x, size_t dim, int8_t *code, size_t stride);

/* The probe's error and length as they enter a bound: with room for every rounding of the arithmetic in float, that of the exact
 * product to float32 included. */
arc_quantised arc_quantised_probe(arc_quantised q);

#endif
