/* zoo: MobileFaceNet (ALGORITHMS 1.4; mobilefacenet.py of arcface_torch): the layers of "mbf" and "mbf-large". Modules have
 * the names of its state dict (layers.0.layers.0.weight ...). */
#include "zoo/layers.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int scale, blocks[4];
} nets[] = {
    {"mbf", 2, {1, 4, 6, 2}},
    {"mbf-large", 4, {2, 8, 12, 4}},
};

static void join(char out[ARC_ZOO_NAME], const char *prefix, int index) {
    snprintf(out, ARC_ZOO_NAME, "%s.layers.%d", prefix, index);
}

/* Convolution and BatchNormalization. */
static arc_zoo_x linear_block(arc_zoo *z, arc_zoo_x x, const char *prefix, int out, int kernel, int stride, int pad, int groups) {
    const arc_zoo_conv_spec spec = {out, kernel, stride, pad, groups, 0};
    x = arc_zoo_conv(z, x, prefix, "layers.0", &spec);
    return arc_zoo_bn(z, x, prefix, "layers.1");
}

static arc_zoo_x conv_block(arc_zoo *z, arc_zoo_x x, const char *prefix, int out, int kernel, int stride, int pad, int groups) {
    x = linear_block(z, x, prefix, out, kernel, stride, pad, groups);
    return arc_zoo_prelu(z, x, prefix, "layers.2");
}

/* 1x1 to g channels, depthwise 3x3, 1x1 to `out`; with stride 1 the input is added. */
static arc_zoo_x depthwise(arc_zoo *z, arc_zoo_x x, const char *prefix, int out, int g, int stride, bool residual) {
    char name[ARC_ZOO_NAME];
    join(name, prefix, 0);
    arc_zoo_x y = conv_block(z, x, name, g, 1, 1, 0, 1);
    join(name, prefix, 1);
    y = conv_block(z, y, name, g, 3, stride, 1, g);
    join(name, prefix, 2);
    y = linear_block(z, y, name, out, 1, 1, 0, 1);
    return residual ? arc_zoo_add(z, y, x, prefix) : y;
}

static arc_zoo_x residuals(arc_zoo *z, arc_zoo_x x, const char *prefix, int blocks, int g) {
    for (int b = 0; b < blocks; b++) {
        char name[ARC_ZOO_NAME];
        join(name, prefix, b);
        x = depthwise(z, x, name, x.channels, g, 1, true);
    }
    return x;
}

bool arc_zoo_mobilefacenet(arc_zoo *z, const char *name, int dim, arc_zoo_x x, arc_zoo_x *out) {
    size_t net = 0;
    while (net < ARC_COUNT(nets) && strcmp(nets[net].name, name) != 0)
        net++;
    if (net == ARC_COUNT(nets))
        return false;
    const int narrow = 64 * nets[net].scale, wide = 128 * nets[net].scale;
    const int *blocks = nets[net].blocks;
    x = conv_block(z, x, "layers.0", narrow, 3, 2, 1, 1);
    if (blocks[0] == 1)
        x = conv_block(z, x, "layers.1", narrow, 3, 1, 1, 64); /* 64 groups for every width: not depthwise if it is 128 */
    else
        x = residuals(z, x, "layers.1", blocks[0], 128);
    x = depthwise(z, x, "layers.2", narrow, 128, 2, false);
    x = residuals(z, x, "layers.3", blocks[1], 128);
    x = depthwise(z, x, "layers.4", wide, 256, 2, false);
    x = residuals(z, x, "layers.5", blocks[2], 256);
    x = depthwise(z, x, "layers.6", wide, 512, 2, false);
    x = residuals(z, x, "layers.7", blocks[3], 256);
    x = conv_block(z, x, "conv_sep", 512, 1, 1, 0, 1);
    x = linear_block(z, x, "features.layers.0", 512, 7, 1, 0, 512);
    x = arc_zoo_flatten(z, x);
    x = arc_zoo_linear(z, x, "features", "layers.2", dim, false);
    *out = arc_zoo_features(z, x, "features", "layers.3");
    return true;
}
