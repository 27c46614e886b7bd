/* Operators that came after opset 13, and one that a toolchain gets wrong, spelt in those that were there: one of these at a
 * time, checked with the whole export by probe.c. */
#include "deploy/deploy.h"
#include "op/op.h"
#include <math.h>
#include <string.h>

#define LEAST_AXIS (-ARC_MAX_RANK)

/* Short names, because formulas are made of them. */
static int one(arc_deploy_writer *w, const char *op, int a, int out) {
    return arc_deploy_node(w, op, 1, &a, out, NULL);
}

static int two(arc_deploy_writer *w, const char *op, int a, int b, int out) {
    return arc_deploy_binary(w, op, a, b, out);
}

static int number(arc_deploy_writer *w, double value) {
    const float x = (float)value;
    return arc_deploy_numbers(w, ARC_F32, 1, 1, &x);
}

static int whole(arc_deploy_writer *w, int64_t value) {
    return arc_deploy_numbers(w, ARC_I64, 1, 1, &value);
}

/* The mean over the axes from `axis` (negative) to the last. */
static int mean(arc_deploy_writer *w, int x, int64_t axis) {
    int64_t axes[ARC_MAX_RANK];
    size_t count = 0;
    arc_node *n = NULL;
    for (int64_t a = axis; a < 0 && count < ARC_MAX_RANK; a++)
        axes[count++] = a;
    const int y = arc_deploy_node(w, "ReduceMean", 1, &x, ARC_NO_VALUE, &n);
    return y >= 0 && arc_node_ints(w->g, n, "axes", count, axes) == ARC_OK && arc_node_int(w->g, n, "keepdims", 1) == ARC_OK
               ? y
               : ARC_NO_VALUE;
}

/* The attribute as a negative number; 0 where the rank is needed for that and not known. */
static int64_t axis_from_the_end(const arc_graph *g, const arc_node *n) {
    const int64_t axis = arc_attr_int(n, "axis", -1);
    const int rank = g->value[n->input[0]].shape.rank;
    return axis < 0 ? (axis >= LEAST_AXIS ? axis : 0) : rank > axis ? axis - rank : 0;
}

/* ---- one operator each: from in[] to the value `out`, which is returned; ARC_NO_VALUE on ENOMEM ---- */

/* x / sqrt(mean(x^2) + epsilon), behind x - mean(x) for LayerNormalization (ONNX operators: LayerNormalization-17,
 * RMSNormalization-23), times scale, plus bias. */
static int layer_norm(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    const int64_t axis = axis_from_the_end(w->from, n);
    const bool centred = strcmp(n->op, "LayerNormalization") == 0, bias = centred && n->inputs > 2 && in[2] >= 0;
    const int x = centred ? two(w, "Sub", in[0], mean(w, in[0], axis), ARC_NO_VALUE) : in[0];
    const int square = mean(w, two(w, "Mul", x, x, ARC_NO_VALUE), axis);
    const int deviation =
        one(w, "Sqrt", two(w, "Add", square, number(w, (double)arc_attr_float(n, "epsilon", 1e-5f)), ARC_NO_VALUE), ARC_NO_VALUE);
    const int unit = two(w, "Div", x, deviation, ARC_NO_VALUE), scaled = two(w, "Mul", unit, in[1], bias ? ARC_NO_VALUE : out);
    return bias ? two(w, "Add", scaled, in[2], out) : scaled;
}

/* x / 2 (1 + erf(x / sqrt 2)) */
static int exact_gelu(arc_deploy_writer *w, int x, int out) {
    const int e = one(w, "Erf", two(w, "Div", x, number(w, M_SQRT2), ARC_NO_VALUE), ARC_NO_VALUE);
    return two(w, "Mul", two(w, "Mul", x, two(w, "Add", e, number(w, 1), ARC_NO_VALUE), ARC_NO_VALUE), number(w, 0.5), out);
}

/* x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
static int fast_gelu(arc_deploy_writer *w, int x, int out) {
    const int cube = two(w, "Mul", two(w, "Mul", x, x, ARC_NO_VALUE), x, ARC_NO_VALUE);
    const int sum = two(w, "Add", x, two(w, "Mul", cube, number(w, 0.044715), ARC_NO_VALUE), ARC_NO_VALUE);
    const int t = one(w, "Tanh", two(w, "Mul", sum, number(w, M_2_SQRTPI * M_SQRT1_2), ARC_NO_VALUE), ARC_NO_VALUE);
    return two(w, "Mul", two(w, "Mul", x, two(w, "Add", t, number(w, 1), ARC_NO_VALUE), ARC_NO_VALUE), number(w, 0.5), out);
}

static int gelu(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    const int x = n->inputs > 1 && in[1] >= 0 ? two(w, "Add", in[0], in[1], ARC_NO_VALUE) : in[0];
    const bool fast =
        strcmp(n->op, "com.microsoft.FastGelu") == 0 || strcmp(arc_attr_string(n, "approximate", "none"), "tanh") == 0;
    return fast ? fast_gelu(w, x, out) : exact_gelu(w, x, out);
}

static int mish(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    (void)n;
    return two(w, "Mul", in[0], one(w, "Tanh", one(w, "Softplus", in[0], ARC_NO_VALUE), ARC_NO_VALUE), out);
}

static int swish(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    const double alpha = (double)arc_attr_float(n, "alpha", strcmp(n->op, "Swish") == 0 ? 1 : 1.702f);
    const int x = alpha == 1 ? in[0] : two(w, "Mul", in[0], number(w, alpha), ARC_NO_VALUE);
    return two(w, "Mul", in[0], one(w, "Sigmoid", x, ARC_NO_VALUE), out);
}

static int hard_swish(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    arc_node *gate = NULL;
    (void)n;
    const int y = arc_deploy_node(w, "HardSigmoid", 1, in, ARC_NO_VALUE, &gate);
    if (y < 0 || arc_node_float(w->g, gate, "alpha", 1.0f / 6) != ARC_OK || arc_node_float(w->g, gate, "beta", 0.5f) != ARC_OK)
        return ARC_NO_VALUE;
    return two(w, "Mul", in[0], y, out);
}

/* clip(alpha x + beta, 0, 1). OpenCV 4 and 5 take every product with a HardSigmoid for x HardSigmoid(x), which they have as one
 * operator: a gate of something else gives the wrong numbers there. */
static int hard_sigmoid(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    const int scaled = two(w, "Mul", in[0], number(w, (double)arc_attr_float(n, "alpha", 0.2f)), ARC_NO_VALUE);
    const int sum = two(w, "Add", scaled, number(w, (double)arc_attr_float(n, "beta", 0.5f)), ARC_NO_VALUE);
    const bool as_inputs = w->g->opset >= 11;
    const float zero = 0, unit = 1;
    const int limits[3] = {sum, as_inputs ? arc_deploy_numbers(w, ARC_F32, 0, 0, &zero) : ARC_NO_VALUE,
                           as_inputs ? arc_deploy_numbers(w, ARC_F32, 0, 0, &unit) : ARC_NO_VALUE};
    arc_node *clip = NULL;
    const int y = arc_deploy_node(w, "Clip", as_inputs ? 3 : 1, limits, out, &clip);
    if (y >= 0 && !as_inputs &&
        (arc_node_float(w->g, clip, "min", 0) != ARC_OK || arc_node_float(w->g, clip, "max", 1) != ARC_OK))
        return ARC_NO_VALUE;
    return y;
}

/* Shape(x)[start:end] */
static int part_of_shape(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    const int parts[3] = {one(w, "Shape", in[0], ARC_NO_VALUE), whole(w, arc_attr_int(n, "start", 0)),
                          whole(w, arc_attr_int(n, "end", INT64_MAX))};
    return arc_deploy_node(w, "Slice", 3, parts, out, NULL);
}

/* allowzero asks what a 0 in the shape means: there is none. */
static int reshape(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    (void)n;
    return two(w, "Reshape", in[0], in[1], out);
}

/* ---- which ---- */

static bool spellable_axis(const arc_graph *g, const arc_node *n) {
    return n->outputs == 1 && axis_from_the_end(g, n) < 0 && arc_attr_int(n, "stash_type", 1) == 1;
}

static bool has_range(const arc_graph *g, const arc_node *n) {
    (void)g;
    return arc_attr_int(n, "start", 0) != 0 || arc_node_attr(n, "end");
}

static bool has_no_zero(const arc_graph *g, const arc_node *n) {
    const arc_value *shape = &g->value[n->input[1]];
    const int64_t count = shape->data && shape->dtype == ARC_I64 ? arc_shape_count(&shape->shape) : 0;
    for (int64_t i = 0; i < count; i++)
        if (((const int64_t *)shape->data)[i] == 0)
            return false;
    return arc_attr_int(n, "allowzero", 0) != 0; /* computed shapes hold sizes of pictures, which are not 0 */
}

static bool gates_another(const arc_graph *g, const arc_node *n) {
    const int gate = n->output[0], own = arc_deploy_source(g, n->input[0]);
    for (int i = 0; i < g->nodes; i++) {
        const arc_node *m = &g->node[i];
        for (int k = 0; k < 2 && arc_node_is(m, ARC_KIND_MUL) && m->inputs == 2; k++)
            if (m->input[k] >= 0 && m->input[!k] >= 0 && arc_deploy_source(g, m->input[k]) == gate &&
                arc_deploy_source(g, m->input[!k]) != own)
                return true;
    }
    return false;
}

static const struct {
    const char *op;
    bool (*when)(const arc_graph *g, const arc_node *n); /* NULL: always */
    int (*spell)(arc_deploy_writer *w, const arc_node *n, const int *in, int out);
} spellings[] = {
    {"LayerNormalization", spellable_axis, layer_norm},
    {"RMSNormalization", spellable_axis, layer_norm},
    {"com.microsoft.SimplifiedLayerNormalization", spellable_axis, layer_norm},
    {"Gelu", NULL, gelu},
    {"com.microsoft.Gelu", NULL, gelu},
    {"com.microsoft.BiasGelu", NULL, gelu},
    {"com.microsoft.FastGelu", NULL, gelu},
    {"Mish", NULL, mish},
    {"Swish", NULL, swish},
    {"com.microsoft.QuickGelu", NULL, swish},
    {"HardSwish", NULL, hard_swish},
    {"HardSigmoid", gates_another, hard_sigmoid},
    {"Shape", has_range, part_of_shape},
    {"Reshape", has_no_zero, reshape},
};

static int which(const arc_graph *g, const arc_node *n) {
    for (size_t i = 0; i < ARC_COUNT(spellings); i++)
        if (strcmp(spellings[i].op, n->op) == 0)
            return !spellings[i].when || spellings[i].when(g, n) ? (int)i : -1;
    return -1;
}

bool arc_deploy_spells(const arc_graph *g, const arc_node *n) {
    return which(g, n) >= 0;
}

arc_status arc_deploy_spell(arc_deploy_writer *w, const arc_node *n, const int *in, int out) {
    return spellings[which(w->from, n)].spell(w, n, in, out) == out ? ARC_OK : ARC_ENOMEM;
}
