/* reference: counting, broadcasting, attributes and fused activations, shared by the operators. */
#include "device/reference/reference.h"
#include <math.h>
#include <string.h>

size_t arc_reference_count(const arc_reference_value *v) {
    return (size_t)arc_shape_count(&v->shape);
}

size_t arc_reference_broadcast(const arc_shape *v, const arc_shape *out, size_t i) {
    size_t at = 0, step = 1;
    for (int d = out->rank - 1, k = v->rank - 1; k >= 0; d--, k--) {
        const size_t index = i % (size_t)out->dim[d];
        i /= (size_t)out->dim[d];
        at += v->dim[k] == 1 ? 0 : index * step;
        step *= (size_t)v->dim[k];
    }
    return at;
}

void arc_reference_ints(const arc_node *n, const char *name, int count, int64_t fallback, int64_t *ints) {
    const arc_attr *a = arc_node_attr(n, name);
    for (int i = 0; i < count; i++)
        ints[i] = a && a->kind == ARC_ATTR_INTS && (size_t)i < a->count ? a->ints[i] : fallback;
}

double arc_reference_gelu(double v) {
    return 0.5 * v * erfc(-sqrt(0.5) * v);
}

double arc_reference_gelu_tanh(double v) {
    return 0.5 * v * (1 + tanh(sqrt(2 / acos(-1)) * (v + 0.044715 * v * v * v)));
}

double arc_reference_act(const arc_reference_call *c, size_t j, double v) {
    const char *act = arc_attr_string(c->node, "arc.act", "");
    if (strcmp(act, "relu") == 0)
        return v < 0 ? 0 : v;
    if (strcmp(act, "prelu") == 0)
        return v < 0 ? v * c->in[ARC_CONV_SLOPE]->data[j] : v;
    if (strcmp(act, "leaky") == 0)
        return v < 0 ? v * (double)arc_attr_float(c->node, "arc.alpha", 0) : v;
    if (strcmp(act, "gelu") == 0)
        return arc_reference_gelu(v);
    if (strcmp(act, "gelu_tanh") == 0)
        return arc_reference_gelu_tanh(v);
    if (strcmp(act, "clip") == 0) {
        const double lo = (double)arc_attr_float(c->node, "arc.lo", 0), hi = (double)arc_attr_float(c->node, "arc.hi", 0);
        return v < lo ? lo : v > hi ? hi : v;
    }
    return v;
}
