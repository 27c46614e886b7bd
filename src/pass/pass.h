/* pass: what is done to a graph before it is planned for inference. optimise.c runs the passes in order; rewrite.h is what they
 * share. */
#ifndef ARC_PASS_PASS_H
#define ARC_PASS_PASS_H

#include "graph/graph.h"

/* Rewrites a private copy of the graph for inference: drops Identity/Dropout, folds BatchNormalization into Conv
 * and Gemm (backwards, and forwards through zero padding with the exact pad value), fuses activation and residual. The source
 * graph is not changed; initializers are shared, folded ones are new. `*out` must not outlive `g`. */
arc_status arc_graph_optimise(const arc_graph *g, arc_graph **out, arc_error *err);

/* Changes a graph of float16, bfloat16 or double tensors into one of float32, in place (widen.c). Errors: ENOMEM. */
arc_status arc_graph_widen(arc_graph *g, arc_error *err);

#endif
