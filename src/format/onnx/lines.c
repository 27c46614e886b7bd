/* Convolutions over one dimension, such as the channel attention of ECA-Net has, as ones over two whose first is 1. */
#include "format/onnx/swap.h"
#include <string.h>

static const char *const lists[] = {"kernel_shape", "strides", "dilations", "output_padding", "output_shape"};

bool arc_swap_is_line(const arc_graph *g, const arc_node *n) {
    if ((strcmp(n->op, "Conv") != 0 && strcmp(n->op, "ConvTranspose") != 0) || n->inputs < 2 || n->input[0] < 0 ||
        n->input[1] < 0 || n->outputs != 1 || n->output[0] < 0)
        return false;
    const arc_attr *pads = arc_node_attr(n, "pads");
    bool line = g->value[n->input[1]].shape.rank == 3 || (pads && pads->kind == ARC_ATTR_INTS && pads->count == 2);
    for (size_t i = 0; i < ARC_COUNT(lists); i++) {
        const arc_attr *a = arc_node_attr(n, lists[i]);
        line |= a && a->kind == ARC_ATTR_INTS && a->count == 1;
    }
    return line;
}

/* The weights [out][in][k] as [out][in][1][k]. */
static int widened(arc_swap *w, int weights) {
    const arc_value *v = arc_swap_constant(w, weights);
    if (!v || v->shape.rank != 3)
        return arc_swap_expand(w, "Unsqueeze", weights, 2, ARC_NO_VALUE);
    const arc_value old = *v;
    const arc_shape shape = {4, {old.shape.dim[0], old.shape.dim[1], 1, old.shape.dim[2]}};
    char *name = arc_arena_printf(&w->g->arena, "%s.line#%d", old.name, w->g->values);
    const int wide = name && arc_graph_find(w->g, name) < 0 ? arc_graph_constant(w->g, name, old.dtype, &shape, old.data, false)
                                                            : ARC_NO_VALUE;
    w->failed |= wide < 0;
    return wide;
}

bool arc_swap_line(arc_swap *w) {
    static const char *const but[] = {"kernel_shape", "strides", "dilations", "output_padding", "output_shape", "pads", NULL};
    const int in[3] = {arc_swap_expand(w, "Unsqueeze", arc_swap_input(w, 0), 2, ARC_NO_VALUE), widened(w, arc_swap_input(w, 1)),
                       arc_swap_input(w, 2)};
    const int y = arc_swap_put(w, w->from.op, 3, in, ARC_NO_VALUE);
    arc_swap_copy_attrs(w, but);
    for (size_t i = 0; i < ARC_COUNT(lists) && !w->failed; i++) {
        const arc_attr *a = arc_node_attr(&w->from, lists[i]);
        if (!a)
            continue;
        if (a->kind != ARC_ATTR_INTS || a->count != 1)
            return false;
        const int64_t both[2] = {strcmp(lists[i], "output_padding") == 0 ? 0 : 1, a->ints[0]};
        w->failed |= arc_node_ints(w->g, w->last, lists[i], 2, both) != ARC_OK;
    }
    const arc_attr *pads = arc_node_attr(&w->from, "pads");
    if (pads && (pads->kind != ARC_ATTR_INTS || pads->count != 2))
        return false;
    if (pads && !w->failed) {
        const int64_t four[4] = {0, pads->ints[0], 0, pads->ints[1]};
        w->failed |= arc_node_ints(w->g, w->last, "pads", 4, four) != ARC_OK;
    }
    (void)arc_swap_expand(w, "Squeeze", y, 2, arc_swap_output(w, 0));
    return true;
}
