/* zoo: the functions that the built-in networks are written with: one call a layer, which adds the node and its weights, drawn
 * or looked up. After the first failure every call does nothing; the builder stores the status. */
#ifndef ARC_ZOO_LAYERS_H
#define ARC_ZOO_LAYERS_H

#include "zoo/zoo.h"

#define ARC_ZOO_NAME 96
#define ARC_ZOO_SIDE_PX 112 /* width and height of the images */
#define ARC_ZOO_SLOPE 0.25f /* the initial slope of PReLU */

typedef struct arc_zoo {
    arc_graph *g;
    const char *net;
    const arc_weights *weights; /* NULL: drawn from the seed */
    uint64_t seed;
    struct arc_zoo_normal *normal;
    arc_status st;
    arc_error *err;
} arc_zoo;

/* An activation. power: its expected mean square over the channels in the untrained network; running variances start there. */
typedef struct arc_zoo_x {
    int value, channels, side_px;
    double power;
} arc_zoo_x;

typedef struct arc_zoo_conv_spec {
    int out, kernel, stride, pad, groups;
    double std; /* of the normal distribution; 0: He initialisation by fan-out, sqrt(2 / (out * kernel^2)) */
} arc_zoo_conv_spec;

/* Stores "out of memory" as the status, unless there was an earlier failure. */
void arc_zoo_nomem(arc_zoo *z);
/* The graph's input as an activation; in_graph: after (images - 127.5) / 127.5, as nodes of the graph. */
arc_zoo_x arc_zoo_images(arc_zoo *z, int input, bool in_graph);
/* Modules are named prefix.leaf ("" = no prefix), and their tensors as in PyTorch: prefix.leaf.weight and so on. */
arc_zoo_x arc_zoo_conv(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf, const arc_zoo_conv_spec *spec);
arc_zoo_x arc_zoo_bn(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf); /* eps 1e-5 */
arc_zoo_x arc_zoo_prelu(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf);
arc_zoo_x arc_zoo_add(arc_zoo *z, arc_zoo_x a, arc_zoo_x b, const char *prefix);
arc_zoo_x arc_zoo_flatten(arc_zoo *z, arc_zoo_x x);
/* With bias: PyTorch's initialisation of Linear, uniform +-1/sqrt(in), for both; without: He normal by fan-out. */
arc_zoo_x arc_zoo_linear(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf, int out, bool bias);
/* The last BatchNormalization; its output is named "output". */
arc_zoo_x arc_zoo_features(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf);

/* iresnet.c, mobilefacenet.c: from the normalised image to the embedding; false if `name` is not one of theirs. */
bool arc_zoo_iresnet(arc_zoo *z, const char *name, int dim, arc_zoo_x x, arc_zoo_x *out);
bool arc_zoo_mobilefacenet(arc_zoo *z, const char *name, int dim, arc_zoo_x x, arc_zoo_x *out);

/* init.c: random numbers by (seed, name of the tensor, index), so a tensor does not depend on the others. */
typedef struct arc_zoo_normal {
    double edge[257], density[257];
} arc_zoo_normal;
void arc_zoo_normal_init(arc_zoo_normal *n);
void arc_zoo_fill_normal(const arc_zoo_normal *n, uint64_t seed, const char *name, double std, float *out, size_t count);
void arc_zoo_fill_uniform(uint64_t seed, const char *name, double bound, float *out, size_t count);

#endif
