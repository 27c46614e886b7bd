/* Weights in half precision: float16 initializers, each behind a Cast to float32. Only storage is halved. A graph that computed
 * in float16 would need float16 kernels, which ONNX Runtime and OpenCV do not have on a processor, and would overflow in sums of
 * squares. */
#include "deploy/deploy.h"
#include "op/layer.h"
#include <math.h>
#include <stdio.h>

#define LEAST_ELEMENTS 256 /* statistics and slopes are small and stay exact */
#define HALF_MAX 65504.0f

static bool fits(const arc_value *v) {
    const int64_t count = arc_shape_count(&v->shape);
    if (!v->data || v->is_input || v->dtype != ARC_F32 || v->shape.rank < 2 || count < LEAST_ELEMENTS)
        return false;
    const float *x = v->data;
    for (int64_t i = 0; i < count; i++)
        if (!(fabsf(x[i]) <= HALF_MAX))
            return false;
    return true;
}

/* The same weights as a float32 value behind a Cast; the float32 constant is read by nobody then and is not written. */
static arc_status halve(arc_deploy_writer *w, int value, int *wide) {
    arc_graph *g = w->g;
    const arc_shape shape = g->value[value].shape;
    char name[512];
    void *data = NULL;
    snprintf(name, sizeof name, "%.440s.float16", g->value[value].name);
    const int half = arc_deploy_constant(w, name, ARC_F16, &shape, &data);
    *wide = arc_deploy_value(w, g->value[value].name);
    if (half < 0 || *wide < 0)
        return ARC_ENOMEM;
    const float *from = g->value[value].data;
    for (int64_t i = 0; i < arc_shape_count(&shape); i++)
        arc_element_set_real(ARC_F16, data, i, (double)from[i]);
    arc_node *n = arc_graph_node(g, "Cast", name, 1, &half, 1, wide);
    return n ? arc_node_int(g, n, "to", ARC_F32) : ARC_ENOMEM;
}

arc_status arc_deploy_halve(arc_deploy_writer *w, int *count) {
    const int nodes = w->g->nodes, values = w->g->values;
    int *as = arc_mem_new(w->g->alloc, (size_t)values + 1, sizeof *as);
    arc_status st = as ? ARC_OK : ARC_ENOMEM;
    *count = 0;
    for (int i = 0; st == ARC_OK && i < nodes; i++)
        for (int k = 0; st == ARC_OK && k < w->g->node[i].inputs; k++) {
            const int v = w->g->node[i].input[k];
            if (v < 0 || v >= values || (!as[v] && !fits(&w->g->value[v])))
                continue;
            if (!as[v]) {
                int wide;
                st = halve(w, v, &wide);
                as[v] = wide;
                ++*count;
            }
            if (st == ARC_OK)
                w->g->node[i].input[k] = as[v];
        }
    arc_mem_free(w->g->alloc, as);
    return st;
}
