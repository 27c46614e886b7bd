/* What exporters of old wrote beside the standard, told from the weights. MXNet's (the ONNX zoo's arcfaceresnet100, opset 8) mark
 * every BatchNormalization spatial = 0 although its statistics are one a channel, and give PRelu a slope [C] that ONNX lines up
 * with the last dimension although it is one a channel. Where spatial = 0 is meant (statistics [C,H,W]), the layer is a product
 * and a sum. */
#include "format/onnx/onnx_internal.h"
#include <math.h>
#include <string.h>

#define MAX_STEPS 1000 /* layers between a convolution and a slope */

static const arc_value *constant(const arc_graph *g, const arc_node *n, int i) {
    return i < n->inputs && n->input[i] >= 0 && g->value[n->input[i]].data ? &g->value[n->input[i]] : NULL;
}

static void remove_attr(arc_node *n, const char *name) {
    for (int i = 0; i < n->attrs; i++)
        if (strcmp(n->attr[i].name, name) == 0) {
            n->attr[i] = n->attr[n->attrs - 1];
            n->attrs--;
            return;
        }
}

/* Statistics [C,H,W]: y = x * scale + shift, with a node more. */
static arc_status split_norm(arc_graph *g, int index) {
    const arc_node old = g->node[index];
    const arc_value *p[4];
    for (int i = 0; i < 4; i++) {
        p[i] = constant(g, &old, 1 + i);
        if (!p[i] || p[i]->dtype != ARC_F32 || !arc_shape_equal(&p[i]->shape, &p[0]->shape))
            return ARC_OK; /* the operator itself says what it needs */
    }
    const arc_shape shape = p[0]->shape;
    const int64_t count = arc_shape_count(&shape);
    const float *data[4];
    for (int i = 0; i < 4; i++)
        data[i] = p[i]->data;
    const double epsilon = arc_attr_float(&old, "epsilon", 1e-5f);
    const char *out = g->value[old.output[0]].name;
    void *memory[2];
    int value[2];
    for (int i = 0; i < 2; i++) {
        char *name = arc_arena_printf(&g->arena, "%s.%s", out, i == 0 ? "scale" : "shift");
        value[i] =
            name && arc_graph_find(g, name) < 0 ? arc_graph_constant_new(g, name, ARC_F32, &shape, &memory[i]) : ARC_NO_VALUE;
        if (value[i] < 0)
            return ARC_ENOMEM;
    }
    float *scale = memory[0], *shift = memory[1];
    for (int64_t i = 0; i < count; i++) {
        const double factor = data[0][i] / sqrt(data[3][i] + epsilon);
        scale[i] = (float)factor;
        shift[i] = (float)(data[1][i] - data[2][i] * factor);
    }
    char *name = arc_arena_printf(&g->arena, "%s.scaled", out);
    const int scaled = name && arc_graph_find(g, name) < 0 ? arc_graph_value(g, name) : ARC_NO_VALUE;
    const int product[2] = {old.input[0], value[0]}, sum[2] = {scaled, value[1]};
    if (scaled < 0 || !arc_graph_node(g, "Mul", old.name, 2, product, 1, &scaled) ||
        !arc_graph_node(g, "Add", old.name, 2, sum, 1, old.output))
        return ARC_ENOMEM;
    g->node[index] = g->node[--g->nodes]; /* Add takes the place; arc_graph_check sorts */
    return ARC_OK;
}

static arc_status settle_norm(arc_graph *g, int index) {
    arc_node *n = &g->node[index];
    const arc_value *statistics = constant(g, n, 3);
    if (arc_attr_int(n, "spatial", 1) != 0 || !statistics || n->outputs < 1 || n->output[0] < 0)
        return ARC_OK;
    if (statistics->shape.rank != 1)
        return split_norm(g, index);
    remove_attr(n, "spatial");
    return ARC_OK;
}

/* Whether a convolution of this many channels gives the value, as its weights say; layers that keep the channels may stand
 * between them. Behind a fully connected layer the slope [C] is right as it is. The graph is not checked yet: nodes may form a
 * circle. */
static bool has_channels(const arc_graph *g, int value, int64_t channels) {
    for (int steps = 0; value >= 0 && g->value[value].producer >= 0 && steps < MAX_STEPS; steps++) {
        const arc_node *n = &g->node[g->value[value].producer];
        const arc_value *w = constant(g, n, 1);
        const bool norm = strcmp(n->op, "BatchNormalization") == 0, sum = strcmp(n->op, "Add") == 0 && n->inputs == 2;
        if (strcmp(n->op, "Conv") == 0)
            return w && w->shape.rank == 4 && w->shape.dim[0] == channels;
        if (!sum && !(norm && w && w->shape.rank == 1 && w->shape.dim[0] == channels))
            return false;
        value = n->input[0];
    }
    return false;
}

/* A slope [C] behind a convolution of C channels becomes [C,1,1]. */
static arc_status settle_slope(arc_graph *g, int index) {
    const arc_value *slope = constant(g, &g->node[index], 1);
    if (!slope || slope->shape.rank != 1 || slope->shape.dim[0] < 2 ||
        !has_channels(g, g->node[index].input[0], slope->shape.dim[0]))
        return ARC_OK;
    const arc_value old = *slope;
    const arc_shape shape = {3, {old.shape.dim[0], 1, 1}};
    char *name = arc_arena_printf(&g->arena, "%s.channels#%d", old.name, index);
    const int v =
        name && arc_graph_find(g, name) < 0 ? arc_graph_constant(g, name, old.dtype, &shape, old.data, false) : ARC_NO_VALUE;
    if (v < 0)
        return ARC_ENOMEM;
    g->node[index].input[1] = v;
    return ARC_OK;
}

arc_status arc_onnx_settle_legacy(arc_graph *g, arc_error *err) {
    arc_status st = ARC_OK;
    const int nodes = g->nodes;
    for (int i = 0; st == ARC_OK && i < nodes; i++) {
        if (strcmp(g->node[i].op, "BatchNormalization") == 0 && g->opset < 9)
            st = settle_norm(g, i);
        else if (strcmp(g->node[i].op, "PRelu") == 0 && g->opset < 9)
            st = settle_slope(g, i);
    }
    return st == ARC_OK ? ARC_OK : arc_fail_nomem(err, "a model of an old exporter");
}
