/* The zoo: builds IResNet and MobileFaceNet graphs from their layer tables, with weights drawn as the reference draws them or
 * taken from a state dict. Fresh nets carry their normalisation in the graph and take BGR 0..255; nets with given weights are
 * the PyTorch module as it is, RGB and (x - 127.5) / 127.5. */
#include "zoo/layers.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OPSET 13
#define IR_VERSION 7
#define SIDE_PX 112
#define MAX_DIM 65536
#define BN_EPS 1e-5f
#define UNIFORM_POWER (1.0 / 3) /* mean square of a normalised image of uniform noise */

static const char *const names[] = {"r18", "r34", "r50", "r100", "r200", "mbf", "mbf-large", "tiny"};

const char *const *arc_zoo_names(size_t *count) {
    *count = ARC_COUNT(names);
    return names;
}

static void nomem(arc_zoo *z) {
    if (z->st == ARC_OK)
        z->st = arc_fail_nomem(z->err, "the network's graph");
}

static void module_name(char out[ARC_ZOO_NAME], const char *prefix, const char *leaf) {
    snprintf(out, ARC_ZOO_NAME, "%.63s%s%.31s", prefix, *prefix ? "." : "", leaf);
}

typedef enum fill { FILL_CONSTANT, FILL_NORMAL, FILL_UNIFORM } fill;

/* Adds the tensor module.what; `stored` is its shape in the state dict, `used` its shape in the graph (same elements). */
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
        nomem(z);
    return value;
}

static arc_shape shape_of(int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    return (arc_shape){.rank = rank, .dim = {a, b, c, d}};
}

/* Adds a node with one output called `out`. NULL after a failure. */
static arc_node *node(arc_zoo *z, const char *op, const char *name, const char *out, int inputs, const int *input, int *value) {
    *value = ARC_NO_VALUE;
    if (z->st != ARC_OK)
        return NULL;
    arc_node *n = NULL;
    if ((*value = arc_graph_value(z->g, out)) >= 0)
        n = arc_graph_node(z->g, op, name, inputs, input, 1, value);
    if (!n)
        nomem(z);
    return n;
}

static void check(arc_zoo *z, arc_status st) {
    if (st != ARC_OK)
        nomem(z);
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

/* Running variances start at what the untrained net gives: with 1, as in PyTorch, nothing normalises until training begins, and r100
 * overflows float32. */
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

/* images -> (images - 127.5) / 127.5. The names begin with Sub and Mul, by which InsightFace's tools know such a graph. */
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
            nomem(z);
        node(z, part[i].op, part[i].node, part[i].node, 2, in, &value);
    }
    return (arc_zoo_x){value, 3, SIDE_PX, UNIFORM_POWER};
}

static void write_contract(arc_zoo *z, int dim, bool in_graph) {
    char dim_text[16];
    snprintf(dim_text, sizeof dim_text, "%d", dim);
    const char *const meta[][2] = {
        {"arcface.contract", "1"},
        {"arcface.network", z->net},
        {"arcface.task", "embed"},
        {"arcface.template", "112"},
        {"arcface.input", "112x112"},
        {"arcface.color", in_graph ? "bgr" : "rgb"},
        {"arcface.mean", in_graph ? "0,0,0" : "127.5,127.5,127.5"},
        {"arcface.scale", in_graph ? "1,1,1" : "0.00784313725,0.00784313725,0.00784313725"},
        {"arcface.dim", dim_text},
        {"arcface.threshold", "0.28"},
    };
    for (size_t i = 0; i < ARC_COUNT(meta) && z->st == ARC_OK; i++)
        check(z, arc_graph_set_meta(z->g, meta[i][0], meta[i][1]));
}

static void build(arc_zoo *z, int dim) {
    arc_graph *g = z->g;
    g->ir_version = IR_VERSION;
    g->producer = "arcface";
    g->name = arc_arena_strdup(&g->arena, z->net);
    const arc_shape in_shape = shape_of(4, -1, 3, SIDE_PX, SIDE_PX);
    int input = arc_graph_value(g, "images");
    if (!g->name || input < 0 || arc_graph_add_input(g, input, ARC_F32, &in_shape) != ARC_OK ||
        !(g->value[input].symbol[0] = arc_arena_strdup(&g->arena, "N"))) {
        nomem(z);
        return;
    }
    const bool in_graph = !z->weights;
    arc_zoo_x x = in_graph ? normalise(z, input) : (arc_zoo_x){input, 3, SIDE_PX, UNIFORM_POWER};
    arc_zoo_x out = {.value = ARC_NO_VALUE};
    if (!arc_zoo_iresnet(z, z->net, dim, x, &out))
        arc_zoo_mobilefacenet(z, z->net, dim, x, &out);
    if (z->st == ARC_OK && arc_graph_add_output(g, out.value) != ARC_OK)
        nomem(z);
    if (z->st != ARC_OK)
        return;
    arc_value *v = &g->value[out.value];
    v->dtype = ARC_F32;
    v->shape = shape_of(2, -1, dim, 0, 0);
    v->symbol[0] = g->value[input].symbol[0];
    write_contract(z, dim, in_graph);
    if (z->st == ARC_OK)
        z->st = arc_graph_check(g, z->err);
}

static arc_status make(arc_graph **out, const arc_alloc *a, const char *name, int dim, uint64_t seed, const arc_weights *w,
                       arc_error *err) {
    *out = NULL;
    const char *net = NULL;
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            net = names[i];
    if (!net)
        return arc_fail(err, ARC_EINVAL, "no network is called '%s': r18 r34 r50 r100 r200 mbf mbf-large tiny are", name);
    if (dim < 1 || dim > MAX_DIM)
        return arc_fail(err, ARC_EINVAL, "%s: an embedding of %d numbers: 1 to %d are possible", name, dim, MAX_DIM);
    arc_zoo_normal normal;
    arc_zoo z = {.net = net, .weights = w, .seed = seed, .normal = &normal, .st = ARC_OK, .err = err};
    arc_zoo_normal_init(&normal);
    arc_status st = arc_graph_new(&z.g, a, OPSET, err);
    if (st != ARC_OK)
        return st;
    build(&z, dim);
    if (z.st != ARC_OK) {
        arc_graph_free(&z.g);
        return z.st;
    }
    *out = z.g;
    return ARC_OK;
}

arc_status arc_zoo_new(arc_graph **out, const arc_alloc *a, const char *name, int dim, uint64_t seed, arc_error *err) {
    return make(out, a, name, dim, seed, NULL, err);
}

arc_status arc_zoo_from_weights(arc_graph **out, const arc_alloc *a, const char *name, int dim, const arc_weights *w,
                                arc_error *err) {
    return make(out, a, name, dim, 0, w, err);
}
