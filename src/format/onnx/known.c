/* What is known of a value before any picture is: short lists of integers and truth values that follow from constants, from
 * dimensions that the file declares, and from arithmetic with both. Each element is known or not by itself: of the shape
 * [N,3,112,112] the last three are. */
#include "format/onnx/onnx_internal.h"
#include "op/layer.h"
#include <string.h>

#define MAX_DEPTH 24

static void of_data(const arc_value *v, arc_onnx_known *out) {
    const int64_t n = arc_shape_count(&v->shape);
    if (!arc_dtype_is_int(v->dtype) || v->shape.rank > 1 || n < 1 || n > ARC_ONNX_MAX_KNOWN)
        return;
    out->count = (int)n;
    for (int i = 0; i < out->count; i++) {
        out->value[i] = arc_element_int(v->dtype, v->data, i);
        out->known[i] = true;
    }
}

static void of_constant(const arc_graph *g, const arc_node *n, arc_onnx_known *out) {
    const arc_attr *tensor = arc_node_attr(n, "value"), *number = arc_node_attr(n, "value_int"),
                   *list = arc_node_attr(n, "value_ints");
    if (tensor && tensor->kind == ARC_ATTR_TENSOR)
        of_data(&g->value[tensor->value], out);
    else if (number && number->kind == ARC_ATTR_INT) {
        *out = (arc_onnx_known){1, {number->i}, {true}};
    } else if (list && list->kind == ARC_ATTR_INTS && list->count >= 1 && list->count <= ARC_ONNX_MAX_KNOWN) {
        out->count = (int)list->count;
        for (int i = 0; i < out->count; i++) {
            out->value[i] = list->ints[i];
            out->known[i] = true;
        }
    }
}

static void of_shape(const arc_graph *g, const arc_node *n, arc_onnx_known *out) {
    const arc_shape *s = &g->value[n->input[0]].shape;
    if (s->rank < 1)
        return;
    int64_t start = arc_attr_int(n, "start", 0), end = arc_attr_int(n, "end", s->rank);
    start = start < 0 ? start + s->rank : start;
    end = end < 0 ? end + s->rank : ARC_MIN(end, (int64_t)s->rank);
    for (int64_t i = ARC_MAX(start, (int64_t)0); i < end; i++) {
        out->value[out->count] = s->dim[i];
        out->known[out->count++] = s->dim[i] >= 0;
    }
}

static void of_gather(const arc_onnx_known *list, const arc_onnx_known *index, arc_onnx_known *out) {
    for (int i = 0; i < index->count; i++) {
        const int64_t at = index->value[i] < 0 ? index->value[i] + list->count : index->value[i];
        if (!index->known[i] || at < 0 || at >= list->count)
            return;
    }
    out->count = list->count ? index->count : 0;
    for (int i = 0; i < out->count; i++) {
        const int64_t at = index->value[i] < 0 ? index->value[i] + list->count : index->value[i];
        out->value[i] = list->value[at];
        out->known[i] = list->known[at];
    }
}

/* One range of a list, from constants; steps are not followed. */
static void of_slice(const arc_onnx_known *list, const arc_onnx_known *start, const arc_onnx_known *end, arc_onnx_known *out) {
    if (start->count != 1 || end->count != 1 || !start->known[0] || !end->known[0])
        return;
    int64_t from = start->value[0] < 0 ? start->value[0] + list->count : start->value[0];
    const int64_t to = end->value[0] < 0 ? end->value[0] + list->count : ARC_MIN(end->value[0], (int64_t)list->count);
    for (from = ARC_MAX(from, (int64_t)0); from < to; from++) {
        out->value[out->count] = list->value[from];
        out->known[out->count++] = list->known[from];
    }
}

static bool combine(const char *op, int64_t a, int64_t b, int64_t *out) {
    const uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    if (strcmp(op, "Add") == 0)
        *out = (int64_t)(ua + ub);
    else if (strcmp(op, "Sub") == 0)
        *out = (int64_t)(ua - ub);
    else if (strcmp(op, "Mul") == 0)
        *out = (int64_t)(ua * ub);
    else if (strcmp(op, "Div") == 0 && b != 0 && b != -1)
        *out = a / b;
    else if (strcmp(op, "Mod") == 0 && b > 0)
        *out = a % b + (a % b < 0 ? b : 0);
    else if (strcmp(op, "Equal") == 0)
        *out = a == b;
    else if (strcmp(op, "Greater") == 0)
        *out = a > b;
    else if (strcmp(op, "GreaterOrEqual") == 0)
        *out = a >= b;
    else if (strcmp(op, "Less") == 0)
        *out = a < b;
    else if (strcmp(op, "LessOrEqual") == 0)
        *out = a <= b;
    else if (strcmp(op, "And") == 0)
        *out = a && b;
    else if (strcmp(op, "Or") == 0)
        *out = a || b;
    else if (strcmp(op, "Xor") == 0)
        *out = !a != !b;
    else
        return false;
    return true;
}

/* Whether the result has an element for each pair of elements, as Tile and Expand have not. */
static bool is_elementwise(const char *op) {
    static const char *const ops[] = {
        "Add",  "Sub",         "Mul", "Div", "Mod", "Pow", "Min", "Max", "Equal", "Greater", "GreaterOrEqual",
        "Less", "LessOrEqual", "And", "Or",  "Xor"};
    for (size_t i = 0; i < ARC_COUNT(ops); i++)
        if (strcmp(op, ops[i]) == 0)
            return true;
    return false;
}

static void of_pair(const char *op, const arc_onnx_known *a, const arc_onnx_known *b, arc_onnx_known *out) {
    const int count = ARC_MAX(a->count, b->count);
    const bool both = strcmp(op, "And") == 0, either = strcmp(op, "Or") == 0;
    if (!is_elementwise(op) || (a->count != b->count && a->count != 1 && b->count != 1))
        return;
    for (int i = 0; i < count; i++) {
        const int ia = a->count == 1 ? 0 : i, ib = b->count == 1 ? 0 : i;
        const bool ka = a->known[ia], kb = b->known[ib];
        out->known[i] = ka && kb && combine(op, a->value[ia], b->value[ib], &out->value[i]);
        if ((both && ((ka && !a->value[ia]) || (kb && !b->value[ib]))) ||
            (either && ((ka && a->value[ia]) || (kb && b->value[ib])))) {
            out->known[i] = true; /* whatever the other one is */
            out->value[i] = either;
        }
    }
    out->count = a->count && b->count ? count : 0;
}

static void know(const arc_graph *g, int value, int depth, int *looks, arc_onnx_known *out);

/* Lists joined behind each other; 0 counts where one of them is not known at all. */
static void of_concat(const arc_graph *g, const arc_node *n, int depth, int *looks, arc_onnx_known *out) {
    for (int i = 0; i < n->inputs; i++) {
        arc_onnx_known part;
        know(g, n->input[i], depth + 1, looks, &part);
        if (part.count == 0 || out->count + part.count > ARC_ONNX_MAX_KNOWN) {
            out->count = 0;
            return;
        }
        memcpy(out->value + out->count, part.value, (size_t)part.count * sizeof *part.value);
        memcpy(out->known + out->count, part.known, (size_t)part.count * sizeof *part.known);
        out->count += part.count;
    }
}

/* The list itself under another shape or type. One element is a list whatever its shape; several that are laid out in rows and
 * columns are none any more. */
static bool keeps_elements(const arc_node *n, const arc_onnx_known *in, const arc_onnx_known *shape) {
    const char *op = n->op;
    if (strcmp(op, "Cast") == 0) {
        const int64_t to = arc_attr_int(n, "to", 0);
        return to == ARC_I64 || to == ARC_I32;
    }
    if (strcmp(op, "Identity") == 0 || strcmp(op, "Squeeze") == 0)
        return true;
    if (strcmp(op, "Reshape") == 0 && shape->count == 1)
        return true;
    return in->count == 1 && (strcmp(op, "Reshape") == 0 || strcmp(op, "Unsqueeze") == 0 || strcmp(op, "Flatten") == 0);
}

static void of_truth(const arc_onnx_known *in, bool inverted, arc_onnx_known *out) {
    *out = *in;
    for (int i = 0; i < out->count; i++)
        out->value[i] = (in->value[i] != 0) != inverted;
}

static void of_all(const char *op, const arc_onnx_known *in, arc_onnx_known *out) {
    int64_t sum = strcmp(op, "ReduceProd") == 0 ? 1 : 0;
    if (in->count == 0)
        return;
    for (int i = 0; i < in->count; i++) {
        if (!in->known[i])
            return;
        const uint64_t v = (uint64_t)in->value[i], so_far = (uint64_t)sum;
        sum = (int64_t)(strcmp(op, "ReduceProd") == 0 ? so_far * v : so_far + v);
    }
    *out = (arc_onnx_known){1, {sum}, {true}};
}

static void know(const arc_graph *g, int value, int depth, int *looks, arc_onnx_known *out) {
    arc_onnx_known in[3] = {{.count = 0}};
    *out = (arc_onnx_known){.count = 0};
    if (value < 0 || depth > MAX_DEPTH || *looks == 0)
        return;
    --*looks;
    const arc_value *v = &g->value[value];
    if (v->data) {
        of_data(v, out);
        return;
    }
    if (v->producer < 0)
        return;
    const arc_node *n = &g->node[v->producer];
    if (strcmp(n->op, "Constant") == 0) {
        of_constant(g, n, out);
        return;
    }
    if (n->inputs < 1 || n->input[0] < 0)
        return;
    if (strcmp(n->op, "Shape") == 0) {
        of_shape(g, n, out);
        return;
    }
    if (strcmp(n->op, "Concat") == 0) {
        of_concat(g, n, depth, looks, out);
        return;
    }
    for (int i = 0; i < n->inputs && i < 3; i++)
        know(g, n->input[i], depth + 1, looks, &in[i]);
    if (keeps_elements(n, &in[0], &in[1]))
        *out = in[0];
    else if (strcmp(n->op, "Not") == 0 || (strcmp(n->op, "Cast") == 0 && arc_attr_int(n, "to", 0) == ARC_BOOL))
        of_truth(&in[0], strcmp(n->op, "Not") == 0, out);
    else if (strcmp(n->op, "Gather") == 0)
        of_gather(&in[0], &in[1], out);
    else if (strcmp(n->op, "Slice") == 0 && n->inputs >= 3 && n->inputs < 5)
        of_slice(&in[0], &in[1], &in[2], out);
    else if (strcmp(n->op, "ReduceProd") == 0 || strcmp(n->op, "ReduceSum") == 0)
        of_all(n->op, &in[0], out);
    else if (n->inputs == 2)
        of_pair(n->op, &in[0], &in[1], out);
}

void arc_onnx_know(const arc_graph *g, int value, int *looks, arc_onnx_known *out) {
    know(g, value, 0, looks, out);
}
