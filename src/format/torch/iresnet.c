/* IResNet beside arcface_torch's own: with squeeze and excitation under its names; the improved blocks of foamliu's
 * InsightFace-v2 and ronghuaiyang's arcface-pytorch (one PReLU slope, used again behind the sum); LResNet-E-IR and its SE variant
 * with the names that MXNet gives (stage1_unit1_bn1), as converters keep them. Depth and widths are the tensors'. */
#include "format/torch/net.h"
#include <stdio.h>

#define OPSET 13
#define STAGES 4
#define MAX_BLOCKS 1000
#define EPSILON 1e-5f
#define MXNET_EPSILON 2e-5f

enum { BEFORE, FIRST, BETWEEN, SLOPE, SECOND, BEHIND, SHORTCUT, SHORTCUT_NORM, SQUEEZE, LEAVES }; /* of a block */

typedef struct scheme {
    const char *family;
    bool mxnet; /* blocks are called stage1_unit1, otherwise layer1.0 */
    const char *leaf[LEAVES];
    const char *stem, *stem_norm, *stem_slope, *norm, *linear, *features;
    float epsilon;
    bool pooled;      /* a MaxPool of two pixels behind the stem, and so no stride in the first stage */
    bool slope_again; /* behind the sum */
    int stem_pad;
    const char *scale; /* of the pixels, where it is not 1 / 127.5 */
} scheme;

static const scheme schemes[] = {
    {.family = "IResNet of arcface_torch with SE",
     .leaf = {"bn1", "conv1", "bn2", "prelu", "conv2", "bn3", "downsample.0", "downsample.1", "se"},
     .stem = "conv1",
     .stem_norm = "bn1",
     .stem_slope = "prelu",
     .norm = "bn2",
     .linear = "fc",
     .features = "features",
     .epsilon = EPSILON,
     .stem_pad = 1},
    {.family = "ResNet-IR of InsightFace-v2",
     .leaf = {"bn0", "conv1", "bn1", "prelu", "conv2", "bn2", "downsample.0", "downsample.1", "se"},
     .stem = "conv1",
     .stem_norm = "bn1",
     .stem_slope = "prelu",
     .norm = "bn2",
     .linear = "fc",
     .features = "bn3",
     .epsilon = EPSILON,
     .pooled = true,
     .slope_again = true},
    {.family = "ResNet-face of arcface-pytorch",
     .leaf = {"bn0", "conv1", "bn1", "prelu", "conv2", "bn2", "downsample.0", "downsample.1", "se"},
     .stem = "conv1",
     .stem_norm = "bn1",
     .stem_slope = "prelu",
     .norm = "bn4",
     .linear = "fc5",
     .features = "bn5",
     .epsilon = EPSILON,
     .pooled = true,
     .slope_again = true,
     .stem_pad = 1},
    {.family = "LResNet-E-IR with MXNet's names",
     .mxnet = true,
     .leaf = {"_bn1", "_conv1", "_bn2", "_relu1", "_conv2", "_bn3", "_conv1sc", "_sc", "_se"},
     .stem = "conv0",
     .stem_norm = "bn0",
     .stem_slope = "relu0",
     .norm = "bn1",
     .linear = "pre_fc1",
     .features = "fc1",
     .epsilon = MXNET_EPSILON,
     .stem_pad = 1,
     .scale = "0.0078125,0.0078125,0.0078125"},
};

static void leaf_name(char out[ARC_TORCH_NAME], const scheme *by, int stage, int block, const char *leaf) {
    char prefix[ARC_TORCH_NAME];
    snprintf(prefix, sizeof prefix, by->mxnet ? "stage%d_unit%d" : "layer%d.%d", stage + 1, block + by->mxnet);
    snprintf(out, ARC_TORCH_NAME, "%.60s%s%.40s", prefix, by->mxnet ? "" : ".", leaf);
}

static bool has(const arc_torch_net *n, const char *prefix, const char *leaf) {
    return arc_torch_net_find(n, prefix, leaf);
}

/* A linear layer or 1x1 convolution over [N,C,1,1]: the weight of either is [out][in]. */
static int pointwise(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    const bool bias = has(n, prefix, "bias");
    const arc_shape shape = {4, {arc_torch_net_dim(n, prefix, "weight", 0), arc_torch_net_dim(n, prefix, "weight", 1), 1, 1}};
    const int in[3] = {x, arc_torch_weight(n, prefix, "weight", &shape),
                       bias ? arc_torch_weight(n, prefix, "bias", NULL) : ARC_NO_VALUE};
    int out;
    arc_torch_join(name, prefix, "conv");
    arc_torch_node(n, "Conv", name, 2 + bias, in, &out);
    return out;
}

/* x times the sigmoid of what two layers make of its mean. The names of the layers are one of three pairs. */
static int squeeze(arc_torch_net *n, int x, const char *se) {
    static const struct {
        const char *down, *slope, *up;
    } names[] = {{".fc.0", ".fc.1", ".fc.2"}, {".fc1", ".prelu", ".fc2"}, {"_conv1", "_relu1", "_conv2"}};
    char down[ARC_TORCH_NAME], slope[ARC_TORCH_NAME], up[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        snprintf(down, sizeof down, "%.80s%s", se, names[i].down);
        snprintf(slope, sizeof slope, "%.80s%s", se, names[i].slope);
        snprintf(up, sizeof up, "%.80s%s", se, names[i].up);
        if (has(n, down, "weight"))
            break;
    }
    arc_torch_join(name, se, "pool");
    int y = pointwise(n, arc_torch_unary(n, "GlobalAveragePool", name, x), down);
    arc_torch_join(name, se, "act");
    y = arc_torch_activate(n, y, name, has(n, slope, "weight") ? ARC_TORCH_PRELU : ARC_TORCH_RELU, slope);
    y = pointwise(n, y, up);
    arc_torch_join(name, se, "gate");
    y = arc_torch_unary(n, "Sigmoid", name, y);
    arc_torch_join(name, se, "scale");
    return arc_torch_binary(n, "Mul", name, x, y);
}

static bool has_squeeze(const arc_torch_net *n, const char *se) {
    static const char *const down[] = {".fc.0.weight", ".fc1.weight", "_conv1.weight"};
    char name[ARC_TORCH_NAME];
    for (size_t i = 0; i < ARC_COUNT(down); i++) {
        snprintf(name, sizeof name, "%.80s%s", se, down[i]);
        if (arc_torch_find(n->s, name))
            return true;
    }
    return false;
}

static int block(arc_torch_net *n, const scheme *by, int x, int stage, int index, int stride) {
    char name[LEAVES][ARC_TORCH_NAME], out[ARC_TORCH_NAME];
    for (int i = 0; i < LEAVES; i++)
        leaf_name(name[i], by, stage, index, by->leaf[i]);
    int y = arc_torch_batch_norm(n, x, name[BEFORE], by->epsilon), shortcut = x;
    y = arc_torch_conv(n, y, name[FIRST], 1, -1, 1);
    y = arc_torch_batch_norm(n, y, name[BETWEEN], by->epsilon);
    arc_torch_join(out, name[SLOPE], "act");
    y = arc_torch_activate(n, y, out, ARC_TORCH_PRELU, name[SLOPE]);
    y = arc_torch_conv(n, y, name[SECOND], stride, -1, 1);
    y = arc_torch_batch_norm(n, y, name[BEHIND], by->epsilon);
    if (has_squeeze(n, name[SQUEEZE]))
        y = squeeze(n, y, name[SQUEEZE]);
    if (has(n, name[SHORTCUT], "weight")) {
        shortcut = arc_torch_conv(n, x, name[SHORTCUT], stride, 0, 1);
        shortcut = arc_torch_batch_norm(n, shortcut, name[SHORTCUT_NORM], by->epsilon);
    }
    arc_torch_join(out, name[BEFORE], "sum");
    y = arc_torch_binary(n, "Add", out, y, shortcut);
    arc_torch_join(out, name[SLOPE], "again");
    return by->slope_again ? arc_torch_activate(n, y, out, ARC_TORCH_PRELU, name[SLOPE]) : y;
}

static int stages(arc_torch_net *n, const scheme *by, int x) {
    char name[ARC_TORCH_NAME];
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < MAX_BLOCKS; i++) {
            leaf_name(name, by, stage, i, by->leaf[FIRST]);
            if (!has(n, name, "weight"))
                break;
            x = block(n, by, x, stage, i, i == 0 && !(by->pooled && stage == 0) ? 2 : 1);
        }
    return x;
}

static int max_pool(arc_torch_net *n, int x) {
    const int64_t two[2] = {2, 2};
    int out;
    arc_node *node = arc_torch_node(n, "MaxPool", "maxpool", 1, &x, &out);
    if (node) {
        arc_torch_net_check(n, arc_node_ints(n->g, node, "kernel_shape", 2, two));
        arc_torch_net_check(n, arc_node_ints(n->g, node, "strides", 2, two));
    }
    return out;
}

/* Where the tensors are those of one scheme alone. */
static const scheme *scheme_of(const arc_torch_state *s) {
    if (arc_torch_find(s, "stage1_unit1_conv1.weight"))
        return &schemes[3];
    if (!arc_torch_find(s, "layer1.0.bn0.weight"))
        return &schemes[0];
    return arc_torch_find(s, "fc5.weight") ? &schemes[2] : &schemes[1];
}

arc_status arc_torch_build_iresnet(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                   arc_error *err) {
    const scheme *by = scheme_of(s);
    arc_torch_net n = {.s = s, .file = name, .family = by->family, .err = err};
    const int64_t channels = arc_torch_net_dim(&n, by->norm, "running_mean", 0),
                  taken = arc_torch_net_dim(&n, by->linear, "weight", 1);
    int64_t side = 1;
    while (channels > 0 && side < 64 && channels * side * side < taken)
        side++;
    const arc_shape input = {4, {-1, arc_torch_net_dim(&n, by->stem, "weight", 1), 16 * side, 16 * side}};
    int x;
    if (arc_torch_net_start(&n, a, OPSET, &input, &x) != ARC_OK)
        return arc_torch_net_finish(&n, true, out);
    if (channels * side * side != taken)
        arc_torch_net_refuse(&n, by->linear, "takes no square map of as many channels as the BatchNorm before it has");
    x = arc_torch_conv(&n, x, by->stem, 1, by->stem_pad, 1);
    x = arc_torch_batch_norm(&n, x, by->stem_norm, by->epsilon);
    x = arc_torch_activate(&n, x, "stem.act", ARC_TORCH_PRELU, by->stem_slope);
    if (by->pooled)
        x = max_pool(&n, x);
    x = stages(&n, by, x);
    x = arc_torch_batch_norm(&n, x, by->norm, by->epsilon);
    x = arc_torch_many(&n, "Flatten", "flatten", 1, &x, 1);
    x = arc_torch_gemm(&n, x, by->linear);
    x = arc_torch_batch_norm(&n, x, by->features, by->epsilon);
    arc_torch_net_give(&n, x, (arc_shape){2, {-1, arc_torch_net_dim(&n, by->linear, "weight", 0)}});
    arc_torch_net_contract(&n, false);
    if (n.st == ARC_OK && by->scale)
        arc_torch_net_check(&n, arc_graph_set_meta(n.g, "arcface.scale", by->scale));
    return arc_torch_net_finish(&n, true, out);
}
