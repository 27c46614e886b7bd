/* pass: a graph in half precision, bfloat16 or double, kept in float32: weights, inputs and outputs are converted where they
 * stand and casts between these types lead to float32. Results are then at least as near to the true ones as those of the graph
 * as it was, except that doubles lose what float32 does not hold. Integers and truth values stay what they are. */
#include "op/layer.h"
#include "pass/pass.h"
#include <string.h>

static bool is_other_real(int64_t t) {
    return t == ARC_F16 || t == ARC_BF16 || t == ARC_F64;
}

static arc_status widen_constant(arc_graph *g, arc_value *v) {
    const int64_t count = arc_shape_count(&v->shape);
    float *wide = arc_arena_new(&g->arena, (size_t)count + 1, sizeof *wide);
    if (!wide)
        return ARC_ENOMEM;
    for (int64_t i = 0; i < count; i++)
        wide[i] = (float)arc_element_real(v->dtype, v->data, i);
    arc_map_drop(&g->map, v->data, v->data_bytes);
    for (int i = 0; i < g->sides; i++)
        arc_map_drop(&g->side[i], v->data, v->data_bytes);
    v->data = wide;
    v->data_bytes = (size_t)count * sizeof *wide;
    return ARC_OK;
}

/* Attributes that name a type: "to" of Cast, "dtype" of those that make tensors from nothing. */
static void widen_node(arc_node *n) {
    for (int i = 0; i < n->attrs; i++)
        if ((strcmp(n->attr[i].name, "to") == 0 || strcmp(n->attr[i].name, "dtype") == 0) && n->attr[i].kind == ARC_ATTR_INT &&
            is_other_real(n->attr[i].i))
            n->attr[i].i = ARC_F32;
}

arc_status arc_graph_widen(arc_graph *g, arc_error *err) {
    for (int i = 0; i < g->values; i++) {
        arc_value *v = &g->value[i];
        if (!is_other_real(v->dtype))
            continue;
        if (v->data && widen_constant(g, v) != ARC_OK)
            return arc_fail_nomem(err, "the weights in float32");
        v->dtype = ARC_F32;
    }
    for (int i = 0; i < g->nodes; i++)
        widen_node(&g->node[i]);
    return ARC_OK;
}
