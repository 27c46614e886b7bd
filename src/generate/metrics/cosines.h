/* generate: figures of rows of unit length. */
#ifndef ARC_GENERATE_METRICS_COSINES_H
#define ARC_GENERATE_METRICS_COSINES_H

#include "generate/metrics/generated.h"
#include <arcface/generate_eval.h>

/* value: [count], sorted by this. Percentiles are linear between neighbours, as NumPy's. */
void arc_generate_summarise(double *value, int64_t count, arc_generate_cosines *out);

/* Mean cosines of all pairs of faces of one identity and of two; row: [faces][dim] of unit length. Errors: ENOMEM. */
arc_status arc_generate_diversity(arc_context *ctx, const arc_generated *g, const float *row, int dim, arc_generate_verdict *out,
                                  arc_error *err);

#endif
