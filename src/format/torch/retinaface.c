/* RetinaFace with MobileNet 0.25 as github.com/biubug6/Pytorch_Retinaface and Face-Detector-1MB-with-landmark have it. */
#include "format/torch/net.h"
#include <stdio.h>

#define OPSET 13
#define LEAK 0.1f

/* Depthwise 3x3 and pointwise 1x1, both with leaky activation. */
static int separable(arc_torch_net *n, int x, const char *stage, int index, int stride) {
    char prefix[ARC_TORCH_NAME];
    snprintf(prefix, sizeof prefix, "body.%s.%d", stage, index);
    x = arc_torch_unit(n, x, prefix, "0", "1", stride, 1, 0, ARC_TORCH_LEAKY, "");
    return arc_torch_unit(n, x, prefix, "3", "4", 1, 0, 1, ARC_TORCH_LEAKY, "");
}

/* x, made as large as y by repeating pixels, plus y. All levels have as many channels, so the whole shape of y is the wanted
 * one. */
static int up_add(arc_torch_net *n, int x, int y, const char *name) {
    char text[ARC_TORCH_NAME];
    int up, in[4] = {x, ARC_NO_VALUE, ARC_NO_VALUE, ARC_NO_VALUE};
    snprintf(text, sizeof text, "%s.size", name);
    arc_torch_node(n, "Shape", text, 1, &y, &in[3]);
    snprintf(text, sizeof text, "%s.up", name);
    arc_node *node = arc_torch_node(n, "Resize", text, 4, in, &up);
    if (node) {
        arc_torch_net_check(n, arc_node_string(n->g, node, "mode", "nearest"));
        arc_torch_net_check(n, arc_node_string(n->g, node, "coordinate_transformation_mode", "asymmetric"));
        arc_torch_net_check(n, arc_node_string(n->g, node, "nearest_mode", "floor"));
    }
    const int sum[2] = {y, up};
    return arc_torch_many(n, "Add", name, 2, sum, -1);
}

static int ssh(arc_torch_net *n, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    const int five = arc_torch_unit(n, x, prefix, "conv5X5_1.0", "conv5X5_1.1", 1, 1, 1, ARC_TORCH_LEAKY, "");
    const int seven = arc_torch_unit(n, five, prefix, "conv7X7_2.0", "conv7X7_2.1", 1, 1, 1, ARC_TORCH_LEAKY, "");
    const int in[3] = {arc_torch_unit(n, x, prefix, "conv3X3.0", "conv3X3.1", 1, 1, 1, ARC_TORCH_NO_ACT, ""),
                       arc_torch_unit(n, five, prefix, "conv5X5_2.0", "conv5X5_2.1", 1, 1, 1, ARC_TORCH_NO_ACT, ""),
                       arc_torch_unit(n, seven, prefix, "conv7x7_3.0", "conv7x7_3.1", 1, 1, 1, ARC_TORCH_NO_ACT, "")};
    snprintf(name, sizeof name, "%s.concat", prefix);
    const int all = arc_torch_many(n, "Concat", name, 3, in, 1);
    snprintf(name, sizeof name, "%s.relu", prefix);
    return arc_torch_activate(n, all, name, ARC_TORCH_RELU, "");
}

/* One kind of head over the three levels: [N, anchors, values]. */
static int heads(arc_torch_net *n, const int level[3], const char *kind, int64_t values, const char *name) {
    static const int64_t rows[4] = {0, 2, 3, 1};
    const int64_t shape[3] = {0, -1, values};
    const arc_shape s = {1, {3}};
    char text[ARC_TORCH_NAME];
    int flat[3];
    snprintf(text, sizeof text, "%s.shape", kind);
    const int to = arc_graph_constant(n->g, text, ARC_I64, &s, shape, true);
    if (to < 0)
        arc_torch_net_check(n, ARC_ENOMEM);
    for (int i = 0; i < 3; i++) {
        int out;
        snprintf(text, sizeof text, "%s.%d.conv1x1", kind, i);
        const int x = arc_torch_conv(n, level[i], text, 1, 0, 1);
        snprintf(text, sizeof text, "%s.%d.rows", kind, i);
        arc_node *node = arc_torch_node(n, "Transpose", text, 1, &x, &out);
        if (node)
            arc_torch_net_check(n, arc_node_ints(n->g, node, "perm", 4, rows));
        const int in[2] = {out, to};
        snprintf(text, sizeof text, "%s.%d", kind, i);
        arc_torch_node(n, "Reshape", text, 2, in, &flat[i]);
    }
    return arc_torch_many(n, "Concat", name, 3, flat, 1);
}

/* Pytorch_Retinaface has leaky activations and priors of 16 to 512 pixels, Face-Detector-1MB-with-landmark has ReLU and priors of
 * 10 to
 * 256; their state dicts have the same names and shapes. */
static arc_status read_family(arc_torch_net *n) {
    double relu = 0, leaky = 0;
    bool found = true;
    for (int stage = 1; stage <= 3; stage++)
        for (int i = 1; i < (stage == 3 ? 2 : 6); i++) {
            char before[ARC_TORCH_NAME], conv_name[ARC_TORCH_NAME], after[ARC_TORCH_NAME];
            snprintf(before, sizeof before, "body.stage%d.%d.%d", stage, i - 1, stage == 1 && i == 1 ? 1 : 4);
            snprintf(conv_name, sizeof conv_name, "body.stage%d.%d.0", stage, i);
            snprintf(after, sizeof after, "body.stage%d.%d.1", stage, i);
            found = found && arc_torch_leak_errors(n->s, before, conv_name, after, LEAK, &relu, &leaky);
        }
    if (!found)
        return arc_fail(n->err, ARC_EMISSING, "%s: the state dict has no BatchNorm statistics of RetinaFace mobilenet0.25",
                        n->file);
    return arc_torch_choose_leak(relu, leaky, LEAK, n->file, &n->leak, n->err);
}

arc_status arc_torch_build_retinaface_mnet025(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                              arc_error *err) {
    static const int strides[] = {2, 1, 2, 1, 2, 1}, widths[] = {4, 2, 10};
    const arc_shape input = {4, {-1, 3, -1, -1}};
    arc_torch_net n = {.s = s, .file = name, .err = err};
    int x;
    if (arc_torch_net_start(&n, a, OPSET, &input, &x) != ARC_OK || (n.st = read_family(&n)) != ARC_OK)
        return arc_torch_net_finish(&n, false, out);
    if (n.leak == 0)
        arc_torch_net_check(&n, arc_graph_set_meta(n.g, "arcface.priors", "10,20,32,64,128,256"));
    x = arc_torch_unit(&n, x, "body.stage1.0", "0", "1", strides[0], 1, 1, ARC_TORCH_LEAKY, "");
    for (int i = 1; i < 6; i++)
        x = separable(&n, x, "stage1", i, strides[i]);
    const int c1 = x;
    for (int i = 0; i < 6; i++)
        x = separable(&n, x, "stage2", i, i == 0 ? 2 : 1);
    const int c2 = x;
    for (int i = 0; i < 2; i++)
        x = separable(&n, x, "stage3", i, i == 0 ? 2 : 1);
    const int p1 = arc_torch_unit(&n, c1, "fpn", "output1.0", "output1.1", 1, 0, 1, ARC_TORCH_LEAKY, "");
    int p2 = arc_torch_unit(&n, c2, "fpn", "output2.0", "output2.1", 1, 0, 1, ARC_TORCH_LEAKY, "");
    const int p3 = arc_torch_unit(&n, x, "fpn", "output3.0", "output3.1", 1, 0, 1, ARC_TORCH_LEAKY, "");
    p2 = arc_torch_unit(&n, up_add(&n, p3, p2, "fpn.sum2"), "fpn", "merge2.0", "merge2.1", 1, 1, 1, ARC_TORCH_LEAKY, "");
    const int m1 =
        arc_torch_unit(&n, up_add(&n, p2, p1, "fpn.sum1"), "fpn", "merge1.0", "merge1.1", 1, 1, 1, ARC_TORCH_LEAKY, "");
    const int level[3] = {ssh(&n, m1, "ssh1"), ssh(&n, p2, "ssh2"), ssh(&n, p3, "ssh3")};
    const int logits = heads(&n, level, "ClassHead", 2, "class_logits");
    int result[3] = {heads(&n, level, "BboxHead", 4, "loc"), arc_torch_many(&n, "Softmax", "conf", 1, &logits, 2),
                     heads(&n, level, "LandmarkHead", 10, "landms")};
    for (int i = 0; i < 3; i++)
        arc_torch_net_give(&n, result[i], (arc_shape){3, {-1, -1, widths[i]}});
    return arc_torch_net_finish(&n, false, out);
}
