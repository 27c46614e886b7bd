/* zoo: the built-in networks IResNet and MobileFaceNet, with random weights or those of a checkpoint. layers.h has the
 * functions that they are written with. */
#ifndef ARC_ZOO_ZOO_H
#define ARC_ZOO_ZOO_H

#include "graph/graph.h"

/* Builds a new graph with contract metadata. name: r18 r34 r50 r100 r200 mbf mbf-large tiny. dim: length of the embedding.
 * Weights are drawn from the seed as the reference initialises them. */
arc_status arc_zoo_new(arc_graph **out, const arc_alloc *a, const char *name, int dim, uint64_t seed, arc_error *err);
const char *const *arc_zoo_names(size_t *count);
/* Builds the same networks with weights from a named source (used by the importers of arcface_torch and MXNet checkpoints).
 * `lookup` returns the tensor, or NULL: the build then fails and names the missing tensor. */
typedef struct arc_weights {
    void *ctx;
    /* float32 data of `count` elements for a name of the state dict such as "layer1.0.conv1.weight"; NULL if missing or of
     * another size */
    const float *(*lookup)(void *ctx, const char *name, const arc_shape *shape);
    bool borrow; /* the data outlive the graph (the caller gives it the mapping in which they lie), so they are not copied */
} arc_weights;
arc_status arc_zoo_from_weights(arc_graph **out, const arc_alloc *a, const char *name, int dim, const arc_weights *w,
                                arc_error *err);

#endif
