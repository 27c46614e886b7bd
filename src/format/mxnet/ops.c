/* MXNet operators as ONNX nodes of opset 13, with MXNet's own defaults: BatchNorm has eps 1e-3 and fix_gamma True unless told
 * otherwise. */
#include "format/mxnet/mxnet_internal.h"
#include <stdlib.h>
#include <string.h>

/* ---- attributes: texts such as "(3, 3)", "True", "0.25" -------------------------------------------------------------------- */

static const char *text_of(const arc_mxnet_node *n, const char *key, const char *fallback) {
    const json_t *v = n->attributes ? json_object_get(n->attributes, key) : NULL;
    return json_is_string(v) ? json_string_value(v) : fallback;
}

static bool flag_of(const arc_mxnet_node *n, const char *key, bool fallback) {
    const char *t = text_of(n, key, fallback ? "True" : "False");
    return strcmp(t, "True") == 0 || strcmp(t, "true") == 0 || strcmp(t, "1") == 0;
}

static double number_of(const arc_mxnet_node *n, const char *key, double fallback) {
    const char *t = text_of(n, key, NULL);
    const char *end;
    return t ? arc_number_read(t, &end) : fallback;
}

static int64_t integer_of(const arc_mxnet_node *n, const char *key, int64_t fallback) {
    const double v = number_of(n, key, (double)fallback);
    return v > -1e9 && v < 1e9 ? (int64_t)v : fallback;
}

/* "(1, 2)" or "2"; the number of values, at most max. */
static size_t tuple_of(const arc_mxnet_node *n, const char *key, int64_t *out, size_t max) {
    const char *p = text_of(n, key, "");
    size_t count = 0;
    while (*p && count < max) {
        char *end;
        const long long v = strtoll(p, &end, 10);
        if (end == p) {
            p++;
            continue;
        }
        out[count++] = v;
        p = end;
    }
    return count;
}

/* Two values; one stands for both, none for the fallback. */
static void pair_of(const arc_mxnet_node *n, const char *key, int64_t fallback, int64_t out[2]) {
    out[0] = out[1] = fallback;
    if (tuple_of(n, key, out, 2) == 1)
        out[1] = out[0];
}

/* ---- building -------------------------------------------------------------------------------------------------------------- */

static arc_status unsupported(const arc_mxnet_node *n, const char *what) {
    return arc_fail(n->err, ARC_EUNSUPPORTED, "%s: %.100s '%.150s': %s", n->file, n->op, n->name, what);
}

static arc_status no_memory(const arc_mxnet_node *n) {
    return arc_fail_nomem(n->err, n->file);
}

static arc_status done(const arc_mxnet_node *n, const arc_node *made) {
    return made ? ARC_OK : no_memory(n);
}

/* A node that gives the operator's own output. */
static arc_node *last(const arc_mxnet_node *n, const char *op, int inputs, const int *input) {
    for (int i = 0; i < inputs; i++)
        if (input[i] < 0)
            return NULL;
    return arc_graph_node(n->g, op, n->name, inputs, input, 1, &n->output);
}

/* A name of its own for an inner value of the operator. */
static const char *inner_name(const arc_mxnet_node *n, const char *suffix) {
    return arc_arena_printf(&n->g->arena, "%s.%s", n->name, suffix);
}

/* A node inside the operator; its output value, ARC_NO_VALUE on failure. */
static int inner(const arc_mxnet_node *n, const char *op, const char *suffix, int inputs, const int *input) {
    const char *name = inner_name(n, suffix);
    const int out = name ? arc_graph_value(n->g, name) : ARC_NO_VALUE;
    for (int i = 0; i < inputs; i++)
        if (input[i] < 0)
            return ARC_NO_VALUE;
    return out >= 0 && arc_graph_node(n->g, op, name, inputs, input, 1, &out) ? out : ARC_NO_VALUE;
}

static int constant_floats(const arc_mxnet_node *n, const char *suffix, int rank, int64_t count, float v) {
    const char *name = inner_name(n, suffix);
    const arc_shape s = {rank, {count}};
    void *data = NULL;
    const int value = name ? arc_graph_constant_new(n->g, name, ARC_F32, &s, &data) : ARC_NO_VALUE;
    for (int64_t i = 0; value >= 0 && i < count; i++)
        ((float *)data)[i] = v;
    return value;
}

static int constant_ints(const arc_mxnet_node *n, const char *suffix, size_t count, const int64_t *v) {
    const char *name = inner_name(n, suffix);
    const arc_shape s = {1, {(int64_t)count}};
    return name ? arc_graph_constant(n->g, name, ARC_I64, &s, v, true) : ARC_NO_VALUE;
}

static arc_status set_window(const arc_mxnet_node *n, arc_node *made, const char *kernel_key) {
    int64_t kernel[2], stride[2], pad[2];
    pair_of(n, kernel_key, 1, kernel);
    pair_of(n, "stride", 1, stride);
    pair_of(n, "pad", 0, pad);
    const int64_t pads[4] = {pad[0], pad[1], pad[0], pad[1]};
    if (!made || arc_node_ints(n->g, made, "kernel_shape", 2, kernel) != ARC_OK ||
        arc_node_ints(n->g, made, "strides", 2, stride) != ARC_OK || arc_node_ints(n->g, made, "pads", 4, pads) != ARC_OK)
        return no_memory(n);
    return ARC_OK;
}

/* ---- operators ------------------------------------------------------------------------------------------------------------- */

static arc_status convolution(arc_mxnet_node *n) {
    const bool transposed = strcmp(n->op, "Deconvolution") == 0, bias = !flag_of(n, "no_bias", transposed);
    int64_t dilation[2], wanted[2];
    if (n->inputs != 2 + bias)
        return unsupported(n, "has the wrong number of inputs");
    if (transposed && (tuple_of(n, "target_shape", wanted, 2) || (tuple_of(n, "adj", wanted, 2) && (wanted[0] || wanted[1]))))
        return unsupported(n, "asks for a size of its output");
    arc_node *made = last(n, transposed ? "ConvTranspose" : "Conv", n->inputs, n->input);
    pair_of(n, "dilate", 1, dilation);
    if (!made || arc_node_ints(n->g, made, "dilations", 2, dilation) != ARC_OK ||
        arc_node_int(n->g, made, "group", integer_of(n, "num_group", 1)) != ARC_OK)
        return no_memory(n);
    return set_window(n, made, "kernel");
}

static arc_status batch_norm(arc_mxnet_node *n) {
    if (n->inputs != 5)
        return unsupported(n, "has the wrong number of inputs");
    if (number_of(n, "axis", 1) != 1)
        return unsupported(n, "normalises another axis than the channels");
    int input[5];
    memcpy(input, n->input, sizeof input);
    if (flag_of(n, "fix_gamma", true)) /* the stored gamma is not used */
        input[1] = constant_floats(n, "gamma_is_1", 1, ARC_MAX(arc_shape_count(&n->g->value[n->input[2]].shape), (int64_t)1), 1);
    arc_node *made = last(n, "BatchNormalization", 5, input);
    if (!made || arc_node_float(n->g, made, "epsilon", (float)number_of(n, "eps", 1e-3)) != ARC_OK)
        return no_memory(n);
    return ARC_OK;
}

/* PRelu's slope [C] lines up from the right in ONNX: [C,1,1] for images. */
static arc_status leaky_relu(arc_mxnet_node *n) {
    const char *type = text_of(n, "act_type", "leaky");
    if (strcmp(type, "prelu") == 0 && n->inputs == 2) {
        arc_value *slope = &n->g->value[n->input[1]];
        if (slope->data && slope->shape.rank == 1 && slope->shape.dim[0] > 1)
            slope->shape = (arc_shape){3, {slope->shape.dim[0], 1, 1}};
        return done(n, last(n, "PRelu", 2, n->input));
    }
    const bool elu = strcmp(type, "elu") == 0;
    if (n->inputs != 1 || (!elu && strcmp(type, "leaky") != 0))
        return unsupported(n, "has an activation that is not supported");
    arc_node *made = last(n, elu ? "Elu" : "LeakyRelu", 1, n->input);
    if (!made || arc_node_float(n->g, made, "alpha", (float)number_of(n, "slope", 0.25)) != ARC_OK)
        return no_memory(n);
    return ARC_OK;
}

static arc_status activation(arc_mxnet_node *n) {
    static const char *const names[][2] = {{"relu", "Relu"}, {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"}, {"softrelu", "Softplus"}};
    const char *type = text_of(n, "act_type", "");
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (strcmp(type, names[i][0]) == 0)
            return done(n, last(n, names[i][1], 1, n->input));
    return unsupported(n, "has an activation that is not supported");
}

static arc_status fully_connected(arc_mxnet_node *n) {
    if (n->inputs != 3 - flag_of(n, "no_bias", false))
        return unsupported(n, "has the wrong number of inputs");
    int input[3];
    memcpy(input, n->input, sizeof input);
    if (flag_of(n, "flatten", true))
        input[0] = inner(n, "Flatten", "flat", 1, n->input);
    arc_node *made = last(n, "Gemm", n->inputs, input);
    if (!made || arc_node_int(n->g, made, "transB", 1) != ARC_OK)
        return no_memory(n);
    return ARC_OK;
}

static arc_status scalar(arc_mxnet_node *n, const char *op, bool reversed) {
    const int c = constant_floats(n, "scalar", 0, 1, (float)number_of(n, "scalar", 0));
    const int input[2] = {reversed ? c : n->input[0], reversed ? n->input[0] : c};
    return done(n, last(n, op, 2, input));
}

static arc_status pooling(arc_mxnet_node *n) {
    const char *type = text_of(n, "pool_type", "max");
    const bool max = strcmp(type, "max") == 0;
    if (!max && strcmp(type, "avg") != 0)
        return unsupported(n, "has a pooling that is not supported");
    if (flag_of(n, "global_pool", false))
        return done(n, last(n, max ? "GlobalMaxPool" : "GlobalAveragePool", 1, n->input));
    arc_node *made = last(n, max ? "MaxPool" : "AveragePool", 1, n->input);
    arc_status st = set_window(n, made, "kernel");
    if (st == ARC_OK && strcmp(text_of(n, "pooling_convention", "valid"), "full") == 0)
        st = arc_node_int(n->g, made, "ceil_mode", 1);
    if (st == ARC_OK && !max)
        st = arc_node_int(n->g, made, "count_include_pad", flag_of(n, "count_include_pad", true));
    return st;
}

static arc_status reshape(arc_mxnet_node *n) {
    int64_t shape[ARC_MAX_RANK];
    const size_t count = tuple_of(n, "shape", shape, ARC_MAX_RANK);
    for (size_t i = 0; i < count; i++)
        if (shape[i] < -1)
            return unsupported(n, "uses a shape code below -1");
    const int input[2] = {n->input[0], constant_ints(n, "shape", count, shape)};
    return done(n, last(n, "Reshape", 2, input));
}

static arc_status concat(arc_mxnet_node *n) {
    arc_node *made = last(n, "Concat", n->inputs, n->input);
    return made && arc_node_int(n->g, made, "axis", integer_of(n, "dim", 1)) == ARC_OK ? ARC_OK : no_memory(n);
}

static arc_status transpose(arc_mxnet_node *n) {
    int64_t axes[ARC_MAX_RANK];
    const size_t count = tuple_of(n, "axes", axes, ARC_MAX_RANK);
    arc_node *made = last(n, "Transpose", 1, n->input);
    return made && (!count || arc_node_ints(n->g, made, "perm", count, axes) == ARC_OK) ? ARC_OK : no_memory(n);
}

static arc_status softmax(arc_mxnet_node *n) {
    const bool channel = strcmp(text_of(n, "mode", ""), "channel") == 0;
    const int64_t axis = channel ? 1 : strcmp(n->op, "SoftmaxActivation") == 0 ? 1 : integer_of(n, "axis", -1);
    arc_node *made = last(n, "Softmax", 1, n->input);
    return made && arc_node_int(n->g, made, "axis", axis) == ARC_OK ? ARC_OK : no_memory(n);
}

static arc_status clip(arc_mxnet_node *n) {
    const int input[3] = {n->input[0], constant_floats(n, "min", 0, 1, (float)number_of(n, "a_min", -3.4e38)),
                          constant_floats(n, "max", 0, 1, (float)number_of(n, "a_max", 3.4e38))};
    return done(n, last(n, "Clip", 3, input));
}

/* x / sqrt(sum x^2 + eps), over each image (flat, then in its old shape: that fits every rank) or over channels. */
static arc_status l2_normalisation(arc_mxnet_node *n) {
    static const int64_t one = 1;
    const char *mode = text_of(n, "mode", "instance");
    const bool channel = strcmp(mode, "channel") == 0;
    if (!channel && strcmp(mode, "instance") != 0)
        return unsupported(n, "has a mode that is not supported");
    const int x = channel ? n->input[0] : inner(n, "Flatten", "flat", 1, n->input);
    const int square[2] = {x, x};
    const int sum_in[2] = {inner(n, "Mul", "square", 2, square), constant_ints(n, "axes", 1, &one)};
    const int add_in[2] = {inner(n, "ReduceSum", "sum", 2, sum_in),
                           constant_floats(n, "eps", 0, 1, (float)number_of(n, "eps", 1e-10))};
    const int sqrt_in[1] = {inner(n, "Add", "sum_eps", 2, add_in)};
    const int div_in[2] = {x, inner(n, "Sqrt", "norm", 1, sqrt_in)};
    if (channel)
        return done(n, last(n, "Div", 2, div_in));
    const int back_in[2] = {inner(n, "Div", "unit", 2, div_in), inner(n, "Shape", "shape", 1, n->input)};
    return done(n, last(n, "Reshape", 2, back_in));
}

static arc_status up_sampling(arc_mxnet_node *n) {
    const double factor = number_of(n, "scale", 1);
    if (strcmp(text_of(n, "sample_type", "nearest"), "nearest") != 0)
        return unsupported(n, "is not nearest");
    const char *name = inner_name(n, "scales");
    const float scales[4] = {1, 1, (float)factor, (float)factor};
    const arc_shape s = {1, {4}};
    const int c = name ? arc_graph_constant(n->g, name, ARC_F32, &s, scales, true) : ARC_NO_VALUE;
    const int input[3] = {n->input[0], ARC_NO_VALUE, c};
    arc_node *made = c < 0 ? NULL : arc_graph_node(n->g, "Resize", n->name, 3, input, 1, &n->output);
    if (!made || arc_node_string(n->g, made, "coordinate_transformation_mode", "asymmetric") != ARC_OK ||
        arc_node_string(n->g, made, "mode", "nearest") != ARC_OK ||
        arc_node_string(n->g, made, "nearest_mode", "floor") != ARC_OK)
        return no_memory(n);
    return ARC_OK;
}

/* Crop to the height and width of the second input. */
static arc_status crop(arc_mxnet_node *n) {
    static const int64_t two = 2, four = 4, zero = 0, zeros[2] = {0, 0}, axes[2] = {2, 3};
    if (n->inputs != 2)
        return unsupported(n, "needs a second input that gives the size");
    const int shape[1] = {n->input[1]};
    const int cut[4] = {inner(n, "Shape", "like", 1, shape), constant_ints(n, "two", 1, &two), constant_ints(n, "four", 1, &four),
                        constant_ints(n, "zero", 1, &zero)};
    const int input[4] = {n->input[0], constant_ints(n, "starts", 2, zeros), inner(n, "Slice", "ends", 4, cut),
                          constant_ints(n, "axes", 2, axes)};
    return done(n, last(n, "Slice", 4, input));
}

/* Operators that have one ONNX operator of the same meaning, no attributes, and this many inputs (0 = any). */
static const struct {
    const char *op, *onnx;
    int inputs;
} plain[] = {{"elemwise_add", "Add", 2},
             {"_Plus", "Add", 2},
             {"_plus", "Add", 2},
             {"broadcast_add", "Add", 2},
             {"broadcast_plus", "Add", 2},
             {"elemwise_sub", "Sub", 2},
             {"_minus", "Sub", 2},
             {"broadcast_sub", "Sub", 2},
             {"broadcast_minus", "Sub", 2},
             {"elemwise_mul", "Mul", 2},
             {"_mul", "Mul", 2},
             {"_Mul", "Mul", 2},
             {"broadcast_mul", "Mul", 2},
             {"elemwise_div", "Div", 2},
             {"broadcast_div", "Div", 2},
             {"add_n", "Sum", 0},
             {"ElementWiseSum", "Sum", 0},
             {"Flatten", "Flatten", 1},
             {"Dropout", "Identity", 1},
             {"identity", "Identity", 1},
             {"_copy", "Identity", 1},
             {"BlockGrad", "Identity", 1},
             {"relu", "Relu", 1},
             {"sigmoid", "Sigmoid", 1},
             {"sqrt", "Sqrt", 1},
             {"exp", "Exp", 1}};

static const struct {
    const char *op, *onnx;
    bool reversed;
} scalars[] = {{"_plus_scalar", "Add", false}, {"_PlusScalar", "Add", false},   {"_minus_scalar", "Sub", false},
               {"_MinusScalar", "Sub", false}, {"_rminus_scalar", "Sub", true}, {"_mul_scalar", "Mul", false},
               {"_MulScalar", "Mul", false},   {"_div_scalar", "Div", false},   {"_DivScalar", "Div", false},
               {"_rdiv_scalar", "Div", true}};

static const struct {
    const char *op;
    int least_inputs;
    arc_status (*convert)(arc_mxnet_node *n);
} converters[] = {{"Convolution", 2, convolution},
                  {"Deconvolution", 2, convolution},
                  {"BatchNorm", 5, batch_norm},
                  {"LeakyReLU", 1, leaky_relu},
                  {"Activation", 1, activation},
                  {"FullyConnected", 2, fully_connected},
                  {"Pooling", 1, pooling},
                  {"Reshape", 1, reshape},
                  {"reshape", 1, reshape},
                  {"Concat", 1, concat},
                  {"concat", 1, concat},
                  {"transpose", 1, transpose},
                  {"SoftmaxActivation", 1, softmax},
                  {"softmax", 1, softmax},
                  {"clip", 1, clip},
                  {"Crop", 1, crop},
                  {"L2Normalization", 1, l2_normalisation},
                  {"UpSampling", 1, up_sampling}};

arc_status arc_mxnet_convert(arc_mxnet_node *n) {
    for (size_t i = 0; i < ARC_COUNT(plain); i++)
        if (strcmp(n->op, plain[i].op) == 0)
            return plain[i].inputs && plain[i].inputs != n->inputs ? unsupported(n, "has the wrong number of inputs")
                                                                   : done(n, last(n, plain[i].onnx, n->inputs, n->input));
    for (size_t i = 0; i < ARC_COUNT(scalars); i++)
        if (strcmp(n->op, scalars[i].op) == 0)
            return n->inputs != 1 ? unsupported(n, "has the wrong number of inputs")
                                  : scalar(n, scalars[i].onnx, scalars[i].reversed);
    for (size_t i = 0; i < ARC_COUNT(converters); i++)
        if (strcmp(n->op, converters[i].op) == 0)
            return n->inputs < converters[i].least_inputs ? unsupported(n, "has the wrong number of inputs")
                                                          : converters[i].convert(n);
    return arc_fail(n->err, ARC_EUNSUPPORTED, "%s: operator '%.100s' of node '%.150s' is not supported", n->file, n->op, n->name);
}
