/* deploy/card: what people call the operators of a network. */
#include "deploy/card/card.h"
#include "op/op.h"
#include <stdio.h>
#include <string.h>

#define TIMES "\xc3\x97"

typedef struct word {
    const char *op, *word;
} word;

/* Operators that are a layer of their own, without settings that matter to a reader. */
static const word words[] = {{"PRelu", "PReLU"},
                             {"Relu", "ReLU"},
                             {"LeakyRelu", "leaky ReLU"},
                             {"Elu", "ELU"},
                             {"Selu", "SELU"},
                             {"Sigmoid", "sigmoid"},
                             {"HardSigmoid", "hard sigmoid"},
                             {"HardSwish", "hard swish"},
                             {"Swish", "swish"},
                             {"Mish", "mish"},
                             {"Tanh", "tanh"},
                             {"Gelu", "GELU"},
                             {"FastGelu", "GELU"},
                             {"QuickGelu", "GELU"},
                             {"BiasGelu", "GELU"},
                             {"Erf", "GELU"}, /* exporters spell GELU with it */
                             {"Softmax", "softmax"},
                             {"Attention", "attention"},
                             {"MultiHeadAttention", "attention"},
                             {"BatchNormalization", "BN"},
                             {"InstanceNormalization", "instance norm"},
                             {"LayerNormalization", "layer norm"},
                             {"SkipLayerNormalization", "layer norm"},
                             {"SimplifiedLayerNormalization", "RMS norm"},
                             {"RMSNormalization", "RMS norm"},
                             {"GroupNormalization", "group norm"},
                             {"GlobalAveragePool", "global average"},
                             {"GlobalMaxPool", "global maximum"},
                             {"AveragePool", "average pool"},
                             {"MaxPool", "max pool"},
                             {"Resize", "resize"},
                             {"Upsample", "resize"},
                             {"Concat", "concat"}};

static arc_shape shape_of(const arc_card_network *net, int value) {
    const arc_value *v = &net->g->value[value];
    if (v->data)
        return v->shape;
    return v->producer >= 0 && net->g->node[v->producer].output[0] == value ? net->out[v->producer] : (arc_shape){.rank = -1};
}

/* Of the weights: the first input of several dimensions behind the data that does not depend on the picture. Operators of 8 bits
 * have them in other places than Conv and Gemm. */
static arc_shape weights_of(const arc_card_network *net, const arc_node *n) {
    for (int i = 1; n->entry->macs && i < n->inputs; i++) {
        const int v = n->input[i];
        const arc_shape s = v >= 0 && !net->live[v] ? shape_of(net, v) : (arc_shape){.rank = -1};
        if (s.rank >= 2)
            return s;
    }
    return (arc_shape){.rank = -1};
}

bool arc_card_has_weights(const arc_card_network *net, const arc_node *n) {
    return weights_of(net, n).rank >= 2;
}

static void convolution(const arc_card_network *net, const arc_node *n, const arc_shape *w, char *text, size_t bytes) {
    const arc_shape *out = &net->out[n - net->g->node];
    const arc_attr *strides = arc_node_attr(n, "strides");
    const int64_t groups = arc_attr_int(n, "group", 1);
    char stride[32] = "", several[48] = "";
    if (strides && strides->count == 2 && (strides->ints[0] > 1 || strides->ints[1] > 1))
        snprintf(stride, sizeof stride, "/%lld", (long long)strides->ints[0]);
    const bool depthwise = groups > 1 && w->dim[1] == 1;
    if (groups > 1 && !depthwise)
        snprintf(several, sizeof several, " in %lld groups", (long long)groups);
    snprintf(text, bytes, "%s %lld" TIMES "%lld%s%s, %lld",
             arc_node_is(n, ARC_KIND_CONV_TRANSPOSE) ? "transposed conv"
             : depthwise                             ? "depthwise"
                                                     : "conv",
             (long long)w->dim[2], (long long)w->dim[3], stride, several, (long long)(out->rank == 4 ? out->dim[1] : w->dim[0]));
}

/* The one number of a constant, in the file or of a Constant node. */
static bool number_of(const arc_graph *g, int value, float *out) {
    const arc_value *v = value >= 0 ? &g->value[value] : NULL;
    if (v && !v->data && v->producer >= 0 && arc_node_is(&g->node[v->producer], ARC_KIND_CONSTANT)) {
        const arc_attr *a = arc_node_attr(&g->node[v->producer], "value");
        v = a && a->kind == ARC_ATTR_TENSOR ? &g->value[a->value] : NULL;
    }
    if (!v || !v->data || v->dtype != ARC_F32 || v->data_bytes != sizeof *out)
        return false;
    memcpy(out, v->data, sizeof *out);
    return true;
}

static const char *clip(const arc_graph *g, const arc_node *n) {
    float low = arc_attr_float(n, "min", -1), high = arc_attr_float(n, "max", -1);
    if (n->inputs > 2)
        (void)(number_of(g, n->input[1], &low) && number_of(g, n->input[2], &high));
    return low == 0 && high == 6 ? "ReLU6" : "clip";
}

void arc_card_word(const arc_card_network *net, const arc_node *n, char *text, size_t bytes) {
    const arc_shape *out = &net->out[n - net->g->node], w = weights_of(net, n);
    text[0] = '\0';
    if (w.rank == 4)
        convolution(net, n, &w, text, bytes);
    else if (w.rank >= 2 && out->rank > 0)
        snprintf(text, bytes, "linear, %lld", (long long)out->dim[out->rank - 1]);
    else if (arc_node_is(n, ARC_KIND_CLIP))
        snprintf(text, bytes, "%s", clip(net->g, n));
    for (size_t i = 0; !*text && i < ARC_COUNT(words); i++)
        if (strcmp(n->op, words[i].op) == 0)
            snprintf(text, bytes, "%s", words[i].word);
}
