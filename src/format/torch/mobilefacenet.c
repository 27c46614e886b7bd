/* MobileFaceNet as github.com/Xiaoccer/MobileFaceNet_Pytorch has it (112 high, 96 wide) and as
 * github.com/TreB1eN/InsightFace_Pytorch has it, from which face.evoLVe took it. */
#include "format/torch/net.h"
#include <stdio.h>

#define OPSET 13
#define BN_EPSILON 1e-5f
#define MAX_BLOCKS 1000

static int bottleneck(arc_torch_net *n, int x, int index, int stride, bool residual) {
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    snprintf(prefix, sizeof prefix, "blocks.%d.conv", index);
    int y = arc_torch_unit(n, x, prefix, "0", "1", 1, 0, 1, ARC_TORCH_PRELU, "2");
    y = arc_torch_unit(n, y, prefix, "3", "4", stride, 1, 0, ARC_TORCH_PRELU, "5");
    y = arc_torch_unit(n, y, prefix, "6", "7", 1, 0, 1, ARC_TORCH_NO_ACT, "");
    if (!residual)
        return y;
    snprintf(name, sizeof name, "blocks.%d.sum", index);
    const int in[2] = {x, y};
    return arc_torch_many(n, "Add", name, 2, in, -1);
}

arc_status arc_torch_build_mobilefacenet_xiaoccer(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                                  arc_error *err) {
    static const struct { int blocks, stride; } stages[] = {{5, 2}, {1, 2}, {6, 1}, {1, 2}, {2, 1}};
    arc_torch_net n = {.s = s, .file = name, .err = err};
    const arc_torch_tensor *gdc = arc_torch_find(s, "linear7.conv.weight"); /* [512,1,7,6]: the input is 16 times as large */
    if (!gdc || gdc->shape.rank != 4)
        return arc_fail(err, ARC_EMISSING, "%s: the state dict has no 'linear7.conv.weight' of a depthwise convolution", name);
    const arc_shape input = {4, {-1, 3, 16 * gdc->shape.dim[2], 16 * gdc->shape.dim[3]}};
    int x;
    if (arc_torch_net_start(&n, a, OPSET, &input, &x) != ARC_OK)
        return arc_torch_net_finish(&n, false, out);
    x = arc_torch_unit(&n, x, "conv1", "conv", "bn", 2, 1, 1, ARC_TORCH_PRELU, "prelu");
    x = arc_torch_unit(&n, x, "dw_conv1", "conv", "bn", 1, 1, 0, ARC_TORCH_PRELU, "prelu");
    for (int stage = 0, index = 0; stage < (int)ARC_COUNT(stages); stage++)
        for (int i = 0; i < stages[stage].blocks; i++, index++) {
            const int stride = i == 0 ? stages[stage].stride : 1;
            /* stage 2 starts with as many channels as it has, so its first block is residual too */
            x = bottleneck(&n, x, index, stride, stride == 1);
        }
    x = arc_torch_unit(&n, x, "conv2", "conv", "bn", 1, 0, 1, ARC_TORCH_PRELU, "prelu");
    x = arc_torch_unit(&n, x, "linear7", "conv", "bn", 1, 0, 0, ARC_TORCH_NO_ACT, "");
    x = arc_torch_unit(&n, x, "linear1", "conv", "bn", 1, 0, 1, ARC_TORCH_NO_ACT, "");
    x = arc_torch_many(&n, "Flatten", "output", 1, &x, 1);
    const arc_torch_tensor *last = arc_torch_find(s, "linear1.conv.weight");
    arc_torch_net_give(&n, x, (arc_shape){2, {-1, last ? last->shape.dim[0] : -1}});
    return arc_torch_net_finish(&n, false, out);
}

/* ---- of InsightFace_Pytorch ------------------------------------------------------------------------------------------------ */

/* 1x1 to more channels, depthwise 3x3, 1x1 back. */
static int depth_wise(arc_torch_net *n, int x, const char *prefix, int stride, bool residual) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "conv");
    int y = arc_torch_unit(n, x, name, "conv", "bn", 1, 0, 1, ARC_TORCH_PRELU, "prelu");
    arc_torch_join(name, prefix, "conv_dw");
    y = arc_torch_unit(n, y, name, "conv", "bn", stride, 1, 0, ARC_TORCH_PRELU, "prelu");
    arc_torch_join(name, prefix, "project");
    y = arc_torch_unit(n, y, name, "conv", "bn", 1, 0, 1, ARC_TORCH_NO_ACT, "");
    arc_torch_join(name, prefix, "sum");
    return residual ? arc_torch_binary(n, "Add", name, x, y) : y;
}

static int residuals(arc_torch_net *n, int x, const char *stage) {
    char prefix[ARC_TORCH_NAME];
    for (int i = 0; i < MAX_BLOCKS; i++) {
        snprintf(prefix, sizeof prefix, "%.40s.model.%d", stage, i);
        if (!arc_torch_net_find(n, prefix, "conv.conv.weight"))
            break;
        x = depth_wise(n, x, prefix, 1, true);
    }
    return x;
}

arc_status arc_torch_build_mobilefacenet_tre(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                             arc_error *err) {
    static const char *const down[] = {"conv_23", "conv_34", "conv_45"}, *const same[] = {"conv_3", "conv_4", "conv_5"};
    arc_torch_net n = {.s = s, .file = name, .family = "MobileFaceNet of InsightFace_Pytorch", .err = err};
    const int64_t high = arc_torch_net_dim(&n, "conv_6_dw", "conv.weight", 2),
                  wide = arc_torch_net_dim(&n, "conv_6_dw", "conv.weight", 3); /* the input is 16 times as large */
    const arc_shape input = {4, {-1, 3, 16 * high, 16 * wide}};
    int x;
    if (arc_torch_net_start(&n, a, OPSET, &input, &x) != ARC_OK)
        return arc_torch_net_finish(&n, true, out);
    x = arc_torch_unit(&n, x, "conv1", "conv", "bn", 2, 1, 1, ARC_TORCH_PRELU, "prelu");
    x = arc_torch_unit(&n, x, "conv2_dw", "conv", "bn", 1, 1, 0, ARC_TORCH_PRELU, "prelu");
    for (int stage = 0; stage < 3; stage++) {
        x = depth_wise(&n, x, down[stage], 2, false);
        x = residuals(&n, x, same[stage]);
    }
    x = arc_torch_unit(&n, x, "conv_6_sep", "conv", "bn", 1, 0, 1, ARC_TORCH_PRELU, "prelu");
    x = arc_torch_unit(&n, x, "conv_6_dw", "conv", "bn", 1, 0, 0, ARC_TORCH_NO_ACT, "");
    x = arc_torch_many(&n, "Flatten", "flatten", 1, &x, 1);
    x = arc_torch_gemm(&n, x, "linear");
    x = arc_torch_batch_norm(&n, x, "bn", BN_EPSILON);
    arc_torch_net_give(&n, x, (arc_shape){2, {-1, arc_torch_net_dim(&n, "linear", "weight", 0)}});
    arc_torch_net_contract(&n, false);
    return arc_torch_net_finish(&n, true, out);
}
