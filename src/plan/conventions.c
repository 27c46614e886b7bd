/* conventions: thop 0.1.1, ptflops 0.7.5 and torch's FlopCounterMode count modules and calls of PyTorch. A layer of a graph is
 * counted as the module that exporters write it for, so totals are theirs for networks of convolutions, fully connected layers,
 * normalisations, activations and pooling; what they miss of attention depends on how its code is written. */
#include "plan/conventions.h"
#include <string.h>

typedef struct element_rule {
    const char *op;
    bool of_input; /* elements of the input count, not of the output */
    int thop, ptflops;
} element_rule;

/* Operations an element of layers without products. ptflops counts an activation or a pooling twice where it hooks the module
 * and also patches the function that the module calls. */
static const element_rule element_rules[] = {
    {"BatchNormalization", true, 4, 2},
    {"InstanceNormalization", true, 4, 2},
    {"LayerNormalization", true, 4, 2},
    {"GroupNormalization", true, 0, 2},
    {"PRelu", true, 1, 2},
    {"Relu", true, 0, 2},
    {"Elu", true, 0, 2},
    {"Gelu", true, 0, 2},
    {"com.microsoft.Gelu", true, 0, 2},
    {"LeakyRelu", true, 0, 1},
    {"Clip", true, 0, 1}, /* ReLU6 */
    {"Softmax", true, 0, 1},
    {"MaxPool", true, 0, 2},
    {"AveragePool", true, 0, 2},
    {"GlobalAveragePool", true, 0, 2},
    {"GlobalMaxPool", true, 0, 2},
    {"Resize", false, 1, 2},
    {"Upsample", false, 1, 2},
};

static int64_t elements(const arc_shape *s) {
    return ARC_MAX(arc_shape_count(s), (int64_t)0);
}

/* What thop has beyond a number an element. */
static int64_t thop_special(const arc_counted_node *n) {
    const char *op = n->node->op;
    if (strcmp(op, "AveragePool") == 0)
        return elements(n->out);
    if (strcmp(op, "GlobalAveragePool") == 0) /* a sum of all pixels and a division for each output */
        return elements(n->in) + elements(n->out);
    if (strcmp(op, "Softmax") == 0 && n->in->rank > 0) {
        const int64_t axis = arc_attr_int(n->node, "axis", -1), at = axis < 0 ? axis + n->in->rank : axis;
        const int64_t row = at >= 0 && at < n->in->rank ? n->in->dim[at] : 0;
        return row > 0 ? elements(n->in) / row * (3 * row - 1) : 0;
    }
    if (strcmp(op, "Resize") == 0 || strcmp(op, "Upsample") == 0) {
        const char *mode = arc_attr_string(n->node, "mode", "nearest");
        return elements(n->out) * (strcmp(mode, "linear") == 0 ? 10 : strcmp(mode, "cubic") == 0 ? 258 : 0);
    }
    return 0;
}

/* Of thop's product alone: it takes a transposed convolution for a plain one, each output from every input channel. */
static int64_t thop_macs(const arc_counted_node *n) {
    if (!arc_node_is(n->node, ARC_KIND_CONV_TRANSPOSE) || !n->weight || n->weight->rank < 3 || n->in->rank < 2)
        return n->macs;
    const int64_t groups = ARC_MAX(arc_attr_int(n->node, "group", 1), (int64_t)1);
    int64_t taps = 1;
    for (int i = 2; i < n->weight->rank; i++)
        taps *= n->weight->dim[i];
    return elements(n->out) * (n->in->dim[1] / groups) * taps;
}

static bool has_input(const arc_node *n, int i) {
    return n->inputs > i && n->input[i] >= 0;
}

/* One kernel or matrix of PyTorch's floats: not the integers of 8-bit graphs, which it does not have. */
static bool is_float_product(const arc_node *n) {
    return arc_node_is(n, ARC_KIND_CONV) || arc_node_is(n, ARC_KIND_CONV_TRANSPOSE) || arc_node_is(n, ARC_KIND_GEMM) ||
           arc_node_is(n, ARC_KIND_MATMUL);
}

static void count_product(const arc_counted_node *n, int64_t flops[ARC_FLOPS_CONVENTIONS]) {
    const bool matmul = arc_node_is(n->node, ARC_KIND_MATMUL);
    const int64_t bias = !matmul && has_input(n->node, 2) ? elements(n->out) : 0;
    /* A product of two results is a call of an operator in PyTorch, which only the tools below modules see. */
    const bool module = !matmul || n->weight_is_constant;
    flops[ARC_FLOPS_THOP] = module ? thop_macs(n) : 0;
    flops[ARC_FLOPS_PTFLOPS] = module ? n->macs + bias : 0;
    flops[ARC_FLOPS_PTFLOPS_ATEN] = n->macs + bias;
    flops[ARC_FLOPS_TORCH] = 2 * n->macs;
}

void arc_flops_count(const arc_counted_node *n, int64_t flops[ARC_FLOPS_CONVENTIONS]) {
    memset(flops, 0, ARC_FLOPS_CONVENTIONS * sizeof *flops);
    flops[ARC_FLOPS_ARCFACE] = 2 * n->macs;
    if (is_float_product(n->node)) {
        count_product(n, flops);
        return;
    }
    for (size_t i = 0; i < ARC_COUNT(element_rules); i++) {
        const element_rule *r = &element_rules[i];
        if (strcmp(r->op, n->node->op) != 0)
            continue;
        const int64_t count = elements(r->of_input ? n->in : n->out);
        flops[ARC_FLOPS_THOP] = r->thop * count + thop_special(n);
        flops[ARC_FLOPS_PTFLOPS] = r->ptflops * count;
    }
}

static const struct {
    const char *name, *about;
} conventions[ARC_FLOPS_CONVENTIONS] = {
    [ARC_FLOPS_ARCFACE] = {"arcface", "2 for each multiply-add of convolutions and matrix products, in 8 bits too; nothing else"},
    [ARC_FLOPS_THOP] = {"thop", "multiply-adds, 4 for each element of a normalisation, 1 of PReLU, pooling as sums and "
                                "divisions; no biases, ReLU or additions (thop 0.1.1)"},
    [ARC_FLOPS_PTFLOPS] = {"ptflops", "multiply-adds, biases, 2 for each element of a normalisation, PReLU, ReLU or pooling; no "
                                      "additions (ptflops 0.7.5, backend pytorch)"},
    [ARC_FLOPS_PTFLOPS_ATEN] = {"ptflops-aten", "multiply-adds of convolutions and matrix products and their biases; nothing "
                                                "else (ptflops 0.7.5, backend aten)"},
    [ARC_FLOPS_TORCH] = {"torch", "2 for each multiply-add of convolutions and matrix products of floats; no biases (torch's "
                                  "FlopCounterMode)"},
};

const char *arc_flops_convention_name(arc_flops_convention convention) {
    return (size_t)convention < ARC_COUNT(conventions) ? conventions[convention].name : "";
}

const char *arc_flops_convention_about(arc_flops_convention convention) {
    return (size_t)convention < ARC_COUNT(conventions) ? conventions[convention].about : "";
}
