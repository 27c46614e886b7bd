/* zoo: the layer tables of IResNet and MobileFaceNet, with drawn weights or those of a checkpoint. layers.h is what the tables are written in. */
#ifndef ARC_ZOO_ZOO_H
#define ARC_ZOO_ZOO_H

#include "graph/graph.h"

/* Builds a fresh graph with contract metadata.
 * name: r18 r34 r50 r100 r200 mbf mbf-large tiny. dim: embedding length. Weights drawn as the reference initialises them, from seed. */
arc_status arc_zoo_new(arc_graph **out, const arc_alloc *a, const char *name, int dim, uint64_t seed, arc_error *err);
const char *const *arc_zoo_names(size_t *count);
/* The same layer tables with weights from a named source (importer of arcface_torch / MXNet checkpoints): `lookup` returns the tensor
 * or NULL (then the build fails with the missing name). */
typedef struct arc_weights {
    void *ctx;
    /* f32 data of `count` elements for a state-dict style name such as "layer1.0.conv1.weight"; NULL when absent or of another size. */
    const float *(*lookup)(void *ctx, const char *name, const arc_shape *shape);
    bool borrow; /* the data outlive the graph (the caller hands it the mapping they lie in): no copy is made */
} arc_weights;
arc_status arc_zoo_from_weights(arc_graph **out, const arc_alloc *a, const char *name, int dim, const arc_weights *w,
                                arc_error *err);

#endif
