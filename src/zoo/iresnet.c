/* zoo: IResNet (ALGORITHMS 1.1; iresnet.py of arcface_torch): a table of the number of blocks of each stage. Modules have the
 * names of its state dict. */
#include "zoo/layers.h"
#include <stdio.h>
#include <string.h>

#define STAGES 4
#define CONV_STD 0.1 /* independent of fan-in, as in the reference */

static const struct {
    const char *name;
    int width; /* channels of the stem and of stage 1; doubled from stage to stage */
    int blocks[STAGES];
} nets[] = {
    {"r18", 64, {2, 2, 2, 2}},    {"r34", 64, {3, 4, 6, 3}},    {"r50", 64, {3, 4, 14, 3}},
    {"r100", 64, {3, 13, 30, 3}}, {"r200", 64, {6, 26, 60, 6}}, {"tiny", 16, {1, 1, 1, 1}}, /* our own: minutes on two cores */
};

/* y = bn3(conv2(prelu(bn2(conv1(bn1(x)))))) + shortcut(x). conv2 has the stride; the shortcut takes x before bn1. */
static arc_zoo_x block(arc_zoo *z, arc_zoo_x x, const char *prefix, int channels, int stride) {
    const arc_zoo_conv_spec first = {channels, 3, 1, 1, 1, CONV_STD}, second = {channels, 3, stride, 1, 1, CONV_STD};
    const arc_zoo_conv_spec project = {channels, 1, stride, 0, 1, CONV_STD};
    arc_zoo_x y = arc_zoo_bn(z, x, prefix, "bn1");
    y = arc_zoo_conv(z, y, prefix, "conv1", &first);
    y = arc_zoo_bn(z, y, prefix, "bn2");
    y = arc_zoo_prelu(z, y, prefix, "prelu");
    y = arc_zoo_conv(z, y, prefix, "conv2", &second);
    y = arc_zoo_bn(z, y, prefix, "bn3");
    arc_zoo_x shortcut = x;
    if (stride != 1) {
        shortcut = arc_zoo_conv(z, x, prefix, "downsample.0", &project);
        shortcut = arc_zoo_bn(z, shortcut, prefix, "downsample.1");
    }
    return arc_zoo_add(z, y, shortcut, prefix);
}

bool arc_zoo_iresnet(arc_zoo *z, const char *name, int dim, arc_zoo_x x, arc_zoo_x *out) {
    size_t net = 0;
    while (net < ARC_COUNT(nets) && strcmp(nets[net].name, name) != 0)
        net++;
    if (net == ARC_COUNT(nets))
        return false;
    const int width = nets[net].width;
    const arc_zoo_conv_spec stem = {width, 3, 1, 1, 1, CONV_STD};
    x = arc_zoo_conv(z, x, "", "conv1", &stem);
    x = arc_zoo_bn(z, x, "", "bn1");
    x = arc_zoo_prelu(z, x, "", "prelu");
    for (int stage = 0; stage < STAGES; stage++)
        for (int b = 0; b < nets[net].blocks[stage]; b++) {
            char prefix[ARC_ZOO_NAME];
            snprintf(prefix, sizeof prefix, "layer%d.%d", stage + 1, b);
            x = block(z, x, prefix, width << stage, b == 0 ? 2 : 1);
        }
    x = arc_zoo_bn(z, x, "", "bn2");
    x = arc_zoo_flatten(z, x);
    x = arc_zoo_linear(z, x, "", "fc", dim, true);
    *out = arc_zoo_features(z, x, "", "features");
    return true;
}
