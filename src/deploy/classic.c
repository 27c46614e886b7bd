/* The operators that toolchains of opset 13 know, and what later opsets changed about them. */
#include "deploy/deploy.h"
#include "op/op.h"
#include <string.h>

typedef struct classic {
    const char *op;
    bool same_since; /* opsets after 13 added types or attributes alone: what an attribute says decides */
} classic;

static const classic *find(const char *op) {
    static const classic table[] = {
        {"Abs", true},
        {"Add", true},
        {"AveragePool", true},
        {"BatchNormalization", true},
        {"Cast", true},
        {"Ceil", true},
        {"Clip", true},
        {"Concat", true},
        {"Constant", true},
        {"ConstantOfShape", true},
        {"Conv", true},
        {"ConvInteger", true},
        {"ConvTranspose", true},
        {"CumSum", true},
        {"DepthToSpace", true},
        {"DequantizeLinear", true},
        {"Div", true},
        {"Dropout", true},
        {"DynamicQuantizeLinear", true},
        {"Einsum", true},
        {"Elu", true},
        {"Equal", true},
        {"Erf", true},
        {"Exp", true},
        {"Expand", true},
        {"Flatten", true},
        {"Floor", true},
        {"Gather", true},
        {"GatherElements", true},
        {"GatherND", true},
        {"Gemm", true},
        {"GlobalAveragePool", true},
        {"GlobalMaxPool", true},
        {"HardSigmoid", true},
        {"Identity", true},
        {"InstanceNormalization", true},
        {"LeakyRelu", true},
        {"Log", true},
        {"LpNormalization", true},
        {"MatMul", true},
        {"MatMulInteger", true},
        {"Max", true},
        {"MaxPool", true},
        {"Min", true},
        {"Mul", true},
        {"Neg", true},
        {"PRelu", true},
        {"Pad", false},
        {"Pow", true},
        {"QuantizeLinear", true},
        {"ReduceL2", true},
        {"ReduceMax", true},
        {"ReduceMean", true},
        {"ReduceMin", true},
        {"ReduceSum", true},
        {"Relu", true},
        {"Reshape", true},
        {"Resize", false},
        {"Selu", true},
        {"Shape", true},
        {"Sigmoid", true},
        {"Slice", true},
        {"Softmax", true},
        {"Softplus", true},
        {"SpaceToDepth", true},
        {"Split", true},
        {"Sqrt", true},
        {"Squeeze", true},
        {"Sub", true},
        {"Tanh", true},
        {"Tile", true},
        {"Transpose", true},
        {"Unsqueeze", true},
        {"Upsample", false},
        {"Where", true},
    };
    for (size_t i = 0; i < ARC_COUNT(table); i++)
        if (strcmp(table[i].op, op) == 0)
            return &table[i];
    return NULL;
}

/* Attributes of opsets 14 to 24 with the value that says what opset 13 always does. */
static const struct {
    const char *op, *name;
    int64_t neutral;
} newer[] = {
    {"Reshape", "allowzero", 0},
    {"BatchNormalization", "training_mode", 0},
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
    const int i = newer_attribute(n, a);
    return i >= 0 && a->kind == ARC_ATTR_INT && a->i == newer[i].neutral;
}

bool arc_deploy_axes_input(const arc_graph *g, const arc_node *n) {
    return g->opset >= 18 && strncmp(n->op, "Reduce", 6) == 0 && strcmp(n->op, "ReduceSum") != 0 && n->inputs > 1 &&
           n->input[1] >= 0;
}

static arc_status lacks(const arc_graph *g, const arc_node *n, const char *what, arc_error *err) {
    return arc_fail(err, ARC_EUNSUPPORTED,
                    "operator %.100s of node '%.150s' (opset %d)%s%.60s can't be written in the operators of opset %d: export "
                    "the original model at "
                    "that opset",
                    n->op, n->name, g->opset, *what ? " with " : "", what, ARC_DEPLOY_OPSET);
}

arc_status arc_deploy_classic(const arc_graph *g, const arc_node *n, arc_error *err) {
    const classic *c = find(n->op);
    if (!c || (!c->same_since && g->opset > ARC_DEPLOY_OPSET))
        return lacks(g, n, "", err);
    if (g->opset <= ARC_DEPLOY_OPSET)
        return ARC_OK;
    for (int i = 0; i < n->attrs; i++) {
        const arc_attr *a = &n->attr[i];
        const bool is_newer = newer_attribute(n, a) >= 0 || (strcmp(n->op, "Shape") == 0 && strcmp(a->name, "end") == 0) ||
                              (strcmp(n->op, "Split") == 0 && strcmp(a->name, "num_outputs") == 0) ||
                              (strcmp(n->op, "AveragePool") == 0 && strcmp(a->name, "dilations") == 0);
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
