/* The operators that toolchains of opset 13 know, and what later opsets changed about them. */
#include "deploy/deploy.h"
#include "op/op.h"
#include <string.h>

/* Opsets after 13 added types or attributes alone to these: what an attribute says decides. */
static bool is_classic(const char *op) {
    static const char *const names[] = {"Abs",
                                        "Add",
                                        "And",
                                        "ArgMax",
                                        "ArgMin",
                                        "AveragePool",
                                        "BatchNormalization",
                                        "Cast",
                                        "Ceil",
                                        "Celu",
                                        "Clip",
                                        "Concat",
                                        "Constant",
                                        "ConstantOfShape",
                                        "Conv",
                                        "ConvInteger",
                                        "ConvTranspose",
                                        "Cos",
                                        "CumSum",
                                        "DepthToSpace",
                                        "DequantizeLinear",
                                        "Div",
                                        "Dropout",
                                        "DynamicQuantizeLinear",
                                        "Einsum",
                                        "Elu",
                                        "Equal",
                                        "Erf",
                                        "Exp",
                                        "Expand",
                                        "Flatten",
                                        "Floor",
                                        "Gather",
                                        "GatherElements",
                                        "GatherND",
                                        "Gemm",
                                        "GlobalAveragePool",
                                        "GlobalMaxPool",
                                        "Greater",
                                        "GreaterOrEqual",
                                        "HardSigmoid",
                                        "Hardmax",
                                        "Identity",
                                        "InstanceNormalization",
                                        "IsInf",
                                        "IsNaN",
                                        "LeakyRelu",
                                        "Less",
                                        "LessOrEqual",
                                        "Log",
                                        "LogSoftmax",
                                        "LpNormalization",
                                        "LpPool",
                                        "MatMul",
                                        "MatMulInteger",
                                        "Max",
                                        "MaxPool",
                                        "Mean",
                                        "MeanVarianceNormalization",
                                        "Min",
                                        "Mod",
                                        "Mul",
                                        "Neg",
                                        "NonMaxSuppression",
                                        "NonZero",
                                        "Not",
                                        "Or",
                                        "PRelu",
                                        "Pad",
                                        "Pow",
                                        "QuantizeLinear",
                                        "Range",
                                        "Reciprocal",
                                        "ReduceL1",
                                        "ReduceL2",
                                        "ReduceLogSum",
                                        "ReduceLogSumExp",
                                        "ReduceMax",
                                        "ReduceMean",
                                        "ReduceMin",
                                        "ReduceProd",
                                        "ReduceSum",
                                        "ReduceSumSquare",
                                        "Relu",
                                        "Reshape",
                                        "Resize",
                                        "Round",
                                        "ScatterElements",
                                        "ScatterND",
                                        "Selu",
                                        "Shape",
                                        "Sigmoid",
                                        "Sign",
                                        "Sin",
                                        "Slice",
                                        "Softmax",
                                        "Softplus",
                                        "SpaceToDepth",
                                        "Split",
                                        "Sqrt",
                                        "Squeeze",
                                        "Sub",
                                        "Sum",
                                        "Tan",
                                        "Tanh",
                                        "ThresholdedRelu",
                                        "Tile",
                                        "TopK",
                                        "Transpose",
                                        "Unsqueeze",
                                        "Where",
                                        "Xor"};
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (strcmp(names[i], op) == 0)
            return true;
    return false;
}

/* Attributes of opsets 14 to 24 with the value that says what opset 13 always does. */
static const struct {
    const char *op, *name;
    int64_t neutral;
} newer[] = {
    {"Reshape", "allowzero", 0},
    {"BatchNormalization", "training_mode", 0},
    {"Resize", "antialias", 0},
    {"Shape", "start", 0},
    {"Cast", "saturate", 1},
    {"QuantizeLinear", "saturate", 1},
    {"QuantizeLinear", "block_size", 0},
    {"QuantizeLinear", "output_dtype", 0},
    {"QuantizeLinear", "precision", 0},
    {"DequantizeLinear", "block_size", 0},
    {"DequantizeLinear", "output_dtype", 0},
    {"ReduceL2", "noop_with_empty_axes", 0},
    {"ReduceMax", "noop_with_empty_axes", 0},
    {"ReduceMean", "noop_with_empty_axes", 0},
    {"ReduceMin", "noop_with_empty_axes", 0},
};

static int newer_attribute(const arc_node *n, const arc_attr *a) {
    for (size_t i = 0; i < ARC_COUNT(newer); i++)
        if (strcmp(newer[i].op, n->op) == 0 && strcmp(newer[i].name, a->name) == 0)
            return (int)i;
    return -1;
}

static bool all_ones(const arc_attr *a) {
    bool ones = a->kind == ARC_ATTR_INTS;
    for (size_t i = 0; ones && i < a->count; i++)
        ones = a->ints[i] == 1;
    return ones;
}

bool arc_deploy_newer_attribute(const arc_graph *g, const arc_node *n, const arc_attr *a) {
    if (g->opset <= ARC_DEPLOY_OPSET)
        return false;
    if (strcmp(n->op, "AveragePool") == 0 && strcmp(a->name, "dilations") == 0)
        return all_ones(a);
    if (strcmp(n->op, "Resize") == 0 && strcmp(a->name, "keep_aspect_ratio_policy") == 0)
        return a->kind == ARC_ATTR_STRING && strcmp(a->s, "stretch") == 0;
    const int i = newer_attribute(n, a);
    return i >= 0 && a->kind == ARC_ATTR_INT && a->i == newer[i].neutral;
}

bool arc_deploy_axes_input(const arc_graph *g, const arc_node *n) {
    return g->opset >= 18 && strncmp(n->op, "Reduce", 6) == 0 && strcmp(n->op, "ReduceSum") != 0 && n->inputs > 1 &&
           n->input[1] >= 0;
}

/* Attributes whose value, not only whose absence, may be that of opset 13. */
static bool has_newer(const char *op, const char *name) {
    static const char *const names[][2] = {{"Shape", "end"},
                                           {"Split", "num_outputs"},
                                           {"AveragePool", "dilations"},
                                           {"Resize", "axes"},
                                           {"Resize", "keep_aspect_ratio_policy"}};
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (strcmp(names[i][0], op) == 0 && strcmp(names[i][1], name) == 0)
            return true;
    return false;
}

static arc_status lacks(const arc_graph *g, const arc_node *n, const char *what, arc_error *err) {
    return arc_fail(err, ARC_EUNSUPPORTED,
                    "operator %.100s of node '%.150s' (opset %d)%s%.60s can't be written in the operators of opset %d: export "
                    "the original model at "
                    "that opset",
                    n->op, n->name, g->opset, *what ? " with " : "", what, ARC_DEPLOY_OPSET);
}

arc_status arc_deploy_classic(const arc_graph *g, const arc_node *n, arc_error *err) {
    if (!is_classic(n->op) && !(g->opset <= ARC_DEPLOY_OPSET && strcmp(n->op, "Upsample") == 0))
        return lacks(g, n, "", err);
    if (g->opset <= ARC_DEPLOY_OPSET)
        return ARC_OK;
    if (strcmp(n->op, "Pad") == 0 && n->inputs > 3 && n->input[3] >= 0)
        return lacks(g, n, "axes", err);
    if (strcmp(n->op, "Pad") == 0 && strcmp(arc_attr_string(n, "mode", "constant"), "wrap") == 0)
        return lacks(g, n, "mode wrap", err);
    for (int i = 0; i < n->attrs; i++) {
        const arc_attr *a = &n->attr[i];
        const bool is_newer = newer_attribute(n, a) >= 0 || has_newer(n->op, a->name);
        if (is_newer && !arc_deploy_newer_attribute(g, n, a))
            return lacks(g, n, a->name, err);
    }
    if (arc_deploy_axes_input(g, n)) {
        const arc_value *axes = &g->value[n->input[1]];
        if (!axes->data || axes->dtype != ARC_I64 || arc_shape_count(&axes->shape) < 1)
            return lacks(g, n, "computed axes", err);
    }
    return ARC_OK;
}
