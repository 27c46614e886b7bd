/* zoo: the layers of the built-in networks. Each call adds a node and its weights, which are drawn as the reference draws them
 * or looked up in a state dict. iresnet.c and mobilefacenet.c call them. */
#include "zoo/layers.h"
#include <math.h>
#include <stdio.h>

#define BN_EPS 1e-5f
#define UNIFORM_POWER (1.0 / 3) /* mean square of a normalised image that is uniform noise */

void arc_zoo_nomem(arc_zoo *z) {
    if (z->st == ARC_OK)
        z->st = arc_fail_nomem(z->err, "the network's graph");
}

static void module_name(char out[ARC_ZOO_NAME], const char *prefix, const char *leaf) {
    snprintf(out, ARC_ZOO_NAME, "%.63s%s%.31s", prefix, *prefix ? "." : "", leaf);
}

typedef enum fill { FILL_CONSTANT, FILL_NORMAL, FILL_UNIFORM } fill;

/* Adds the tensor module.what. `stored` is its shape in the state dict, `used` its shape in the graph (with the same number of
 * elements). */
static int tensor(arc_zoo *z, const char *module, const char *what, arc_shape stored, const arc_shape *used, fill how,
                  double amount) {
    if (z->st != ARC_OK)
        return ARC_NO_VALUE;
    char name[ARC_ZOO_NAME + 16], shape_text[128];
    snprintf(name, sizeof name, "%s.%s", module, what);
    const arc_shape *shape = used ? used : &stored;
    const size_t count = (size_t)arc_shape_count(&stored);
    int value;
    if (z->weights) {
        const float *data = z->weights->lookup(z->weights->ctx, name, &stored);
        if (!data) {
            z->st = arc_fail(z->err, ARC_EFORMAT, "%s: tensor '%s' %s is missing or has another shape", z->net, name,
                             arc_shape_text(&stored, shape_text, sizeof shape_text));
            return ARC_NO_VALUE;
        }
        value = arc_graph_constant(z->g, name, ARC_F32, shape, data, !z->weights->borrow);
    } else {
        void *room = NULL;
        value = arc_graph_constant_new(z->g, name, ARC_F32, shape, &room);
        float *data = room;
        if (value >= 0 && how == FILL_NORMAL)
            arc_zoo_fill_normal(z->normal, z->seed, name, amount, data, count);
        else if (value >= 0 && how == FILL_UNIFORM)
            arc_zoo_fill_uniform(z->seed, name, amount, data, count);
        else if (value >= 0 && amount != 0)
            for (size_t i = 0; i < count; i++)
                data[i] = (float)amount;
    }
    if (value < 0)
        arc_zoo_nomem(z);
    return value;
}

static arc_shape shape_of(int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    return (arc_shape){.rank = rank, .dim = {a, b, c, d}};
}

/* Adds a node with one output named `out`. NULL after a failure. */
static arc_node *node(arc_zoo *z, const char *op, const char *name, const char *out, int inputs, const int *input, int *value) {
    *value = ARC_NO_VALUE;
    if (z->st != ARC_OK)
        return NULL;
    arc_node *n = NULL;
    if ((*value = arc_graph_value(z->g, out)) >= 0)
        n = arc_graph_node(z->g, op, name, inputs, input, 1, value);
    if (!n)
        arc_zoo_nomem(z);
    return n;
}

static void check(arc_zoo *z, arc_status st) {
    if (st != ARC_OK)
        arc_zoo_nomem(z);
}

arc_zoo_x arc_zoo_conv(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf, const arc_zoo_conv_spec *s) {
    char name[ARC_ZOO_NAME];
    module_name(name, prefix, leaf);
    const int k = s->kernel, fan_in = x.channels / s->groups * k * k;
    const double std = s->std > 0 ? s->std : sqrt(2.0 / ((double)s->out * k * k));
    int in[2] = {x.value, tensor(z, name, "weight", shape_of(4, s->out, x.channels / s->groups, k, k), NULL, FILL_NORMAL, std)},
        out;
    arc_node *n = node(z, "Conv", name, name, 2, in, &out);
    if (n) {
        const int64_t kernel[2] = {k, k}, stride[2] = {s->stride, s->stride}, pad[4] = {s->pad, s->pad, s->pad, s->pad},
                      one[2] = {1, 1};
        check(z, arc_node_ints(z->g, n, "dilations", 2, one));
        check(z, arc_node_int(z->g, n, "group", s->groups));
        check(z, arc_node_ints(z->g, n, "kernel_shape", 2, kernel));
        check(z, arc_node_ints(z->g, n, "pads", 4, pad));
        check(z, arc_node_ints(z->g, n, "strides", 2, stride));
    }
    return (arc_zoo_x){out, s->out, (x.side_px + 2 * s->pad - k) / s->stride + 1, x.power * fan_in * std * std};
}

/* Running variances start at the values of the untrained network. With 1, as in PyTorch, nothing would be normalised before
 * training, and r100 would overflow float32. */
static arc_zoo_x batch_norm(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf, const char *out_name) {
    char name[ARC_ZOO_NAME];
    module_name(name, prefix, leaf);
    const arc_shape c = shape_of(1, x.channels, 0, 0, 0);
    int in[5] = {x.value};
    in[1] = tensor(z, name, "weight", c, NULL, FILL_CONSTANT, 1);
    in[2] = tensor(z, name, "bias", c, NULL, FILL_CONSTANT, 0);
    in[3] = tensor(z, name, "running_mean", c, NULL, FILL_CONSTANT, 0);
    in[4] = tensor(z, name, "running_var", c, NULL, FILL_CONSTANT, x.power);
    int out;
    arc_node *n = node(z, "BatchNormalization", name, out_name ? out_name : name, 5, in, &out);
    if (n)
        check(z, arc_node_float(z->g, n, "epsilon", BN_EPS));
    return (arc_zoo_x){out, x.channels, x.side_px, 1};
}

arc_zoo_x arc_zoo_bn(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf) {
    return batch_norm(z, x, prefix, leaf, NULL);
}

arc_zoo_x arc_zoo_features(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf) {
    return batch_norm(z, x, prefix, leaf, "output");
}

arc_zoo_x arc_zoo_prelu(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf) {
    char name[ARC_ZOO_NAME];
    module_name(name, prefix, leaf);
    const arc_shape used = shape_of(3, x.channels, 1, 1, 0); /* ONNX broadcasts from the right, PyTorch keeps [C] */
    int in[2] = {x.value, tensor(z, name, "weight", shape_of(1, x.channels, 0, 0, 0), &used, FILL_CONSTANT, ARC_ZOO_SLOPE)}, out;
    node(z, "PRelu", name, name, 2, in, &out);
    return (arc_zoo_x){out, x.channels, x.side_px, x.power * (1 + (double)ARC_ZOO_SLOPE * ARC_ZOO_SLOPE) / 2};
}

arc_zoo_x arc_zoo_add(arc_zoo *z, arc_zoo_x a, arc_zoo_x b, const char *prefix) {
    char name[ARC_ZOO_NAME];
    module_name(name, prefix, "add");
    int in[2] = {a.value, b.value}, out;
    node(z, "Add", name, name, 2, in, &out);
    return (arc_zoo_x){out, a.channels, a.side_px, a.power + b.power};
}

arc_zoo_x arc_zoo_flatten(arc_zoo *z, arc_zoo_x x) {
    int out;
    arc_node *n = node(z, "Flatten", "flatten", "flatten", 1, &x.value, &out);
    if (n)
        check(z, arc_node_int(z->g, n, "axis", 1));
    return (arc_zoo_x){out, x.channels * x.side_px * x.side_px, 1, x.power};
}

arc_zoo_x arc_zoo_linear(arc_zoo *z, arc_zoo_x x, const char *prefix, const char *leaf, int out_count, bool bias) {
    char name[ARC_ZOO_NAME];
    module_name(name, prefix, leaf);
    const double bound = 1 / sqrt((double)x.channels), std = bias ? bound / sqrt(3.0) : sqrt(2.0 / out_count);
    int in[3] = {x.value}, out;
    in[1] = tensor(z, name, "weight", shape_of(2, out_count, x.channels, 0, 0), NULL, bias ? FILL_UNIFORM : FILL_NORMAL,
                   bias ? bound : std);
    if (bias)
        in[2] = tensor(z, name, "bias", shape_of(1, out_count, 0, 0, 0), NULL, FILL_UNIFORM, bound);
    arc_node *n = node(z, "Gemm", name, name, bias ? 3 : 2, in, &out);
    if (n)
        check(z, arc_node_int(z->g, n, "transB", 1));
    return (arc_zoo_x){out, out_count, 1, x.power * x.channels * std * std};
}

/* images -> (images - 127.5) / 127.5. The names begin with Sub and Mul, because InsightFace's tools recognise such a graph by
 * them. */
static arc_zoo_x normalise(arc_zoo *z, int input) {
    static const struct {
        const char *op, *node, *constant;
        float value;
    } part[2] = {{"Sub", "Sub_mean", "images.mean", 127.5f}, {"Mul", "Mul_scale", "images.scale", 1 / 127.5f}};
    int value = input;
    for (int i = 0; i < 2; i++) {
        const arc_shape one = shape_of(1, 1, 0, 0, 0);
        int in[2] = {value, arc_graph_constant(z->g, part[i].constant, ARC_F32, &one, &part[i].value, true)};
        if (in[1] < 0)
            arc_zoo_nomem(z);
        node(z, part[i].op, part[i].node, part[i].node, 2, in, &value);
    }
    return (arc_zoo_x){value, 3, ARC_ZOO_SIDE_PX, UNIFORM_POWER};
}

arc_zoo_x arc_zoo_images(arc_zoo *z, int input, bool in_graph) {
    return in_graph ? normalise(z, input) : (arc_zoo_x){input, 3, ARC_ZOO_SIDE_PX, UNIFORM_POWER};
}
