/* vector/search: one bit for each dimension: the signs of a vector's numbers after a fixed rotation that spreads them evenly. The
 * product of the signs (1 or -1) of a template with a probe's numbers estimates their cosine, and takes a 32nd of the bytes of
 * float32 to read. Source: Gao & Long, RaBitQ, SIGMOD 2024; the rotation is a product of random signs and Hadamard matrices
 * (Ailon & Chazelle 2006). */
#ifndef ARC_VECTOR_SEARCH_SKETCH_H
#define ARC_VECTOR_SEARCH_SKETCH_H

#include "base/base.h"
#include "kernel/kernel.h"

/* x [dim] -> bits [words], words = dim / 64 rounded up. *bias: what 8 in every number of a probe adds to a sum. */
void arc_sketch(const arc_kernels *k, const float *x, size_t dim, uint64_t *bits, int32_t *bias);

/* A probe as numbers of -8 to 7, plus 8, in four planes of bits [4][words] (kernel bit_dots). A sum less the template's bias
 * orders templates by the estimate. */
void arc_sketch_probe(const arc_kernels *k, const float *x, size_t dim, uint64_t *planes);

#endif
