/* What the layer tables of the zoo are written in: one call a layer, each adding the node and its weights, drawn or looked up.
 * After the first failure every call does nothing; the builder keeps the status. */
#ifndef ARC_ZOO_LAYERS_H
#define ARC_ZOO_LAYERS_H

#include "zoo/zoo.h"

#define ARC_ZOO_NAME 96
#define ARC_ZOO_SIDE_PX 112 /* of the images */
#define ARC_ZOO_SLOPE 0.25f /* PReLU's start */

typedef struct arc_zoo {
    arc_graph *g;
    const char *net;
    const arc_weights *weights; /* NULL: draw from seed */
    uint64_t seed;
    struct arc_zoo_normal *normal;
    arc_status st;
    arc_error *err;
} arc_zoo;

/* An activation. power = expected mean square over the channels of an untrained net: running variances start there. */
typedef struct arc_zoo_x {
    int value, channels, side_px;
    double power;
} arc_zoo_x;

typedef struct arc_zoo_conv_spec {
    int out, kernel, stride, pad, groups;
    double std; /* of the normal draw; 0 = He, fan out: sqrt(2 / (out * kernel^2)) */
} arc_zoo_conv_spec;

/* Keeps "out of memory" as the status, unless an earlier failure is kept already. */
void arc_zoo_nomem(arc_zoo *z);
/* The graph's input as an activation; in_graph: behind (images - 127.5) / 127.5, as nodes of the graph. */
arc_zoo_x arc_zoo_images(arc_zoo *z, int input, bool in_graph);
/* Modules are named prefix.leaf ("" = no prefix), their tensors as PyTorch names them: prefix.leaf.weight and so on. */
arc_zoo_x arc_zoo_conv(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf, const arc_zoo_conv_spec *spec);
arc_zoo_x arc_zoo_bn(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf); /* eps 1e-5 */
arc_zoo_x arc_zoo_prelu(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf);
arc_zoo_x arc_zoo_add(arc_zoo *z, arc_zoo_x a, arc_zoo_x b, const char *prefix);
arc_zoo_x arc_zoo_flatten(arc_zoo *z, arc_zoo_x x);
/* bias: PyTorch's Linear start, uniform +-1/sqrt(in), for both; without bias: He normal, fan out. */
arc_zoo_x arc_zoo_linear(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf, int out, bool bias);
/* The last BatchNormalization: its output value is called "output". */
arc_zoo_x arc_zoo_features(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf);

/* iresnet.c, mobilefacenet.c: from the normalised image to the embedding; false when `name` is not theirs. */
bool arc_zoo_iresnet(arc_zoo *z, const char *name, int dim, arc_zoo_x x, arc_zoo_x *out);
bool arc_zoo_mobilefacenet(arc_zoo *z, const char *name, int dim, arc_zoo_x x, arc_zoo_x *out);

/* init.c: draws by (seed, name of the tensor, index), so a tensor does not depend on its neighbours. */
typedef struct arc_zoo_normal {
    double edge[257], density[257];
} arc_zoo_normal;
void arc_zoo_normal_init(arc_zoo_normal *n);
void arc_zoo_fill_normal(const arc_zoo_normal *n, uint64_t seed, const char *name, double std, float *out, size_t count);
void arc_zoo_fill_uniform(uint64_t seed, const char *name, double bound, float *out, size_t count);

#endif
