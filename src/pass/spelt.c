/* pass: operators that exporters spell out become one node again: Gelu written with Erf, LayerNormalization written with
 * ReduceMean. What lies between must be read by nobody else. Another name of Gelu becomes Gelu, which other passes know. */
#include "pass/rewrite.h"
#include <math.h>
#include <string.h>

/* Whether input i of the node is one constant number; *v is then it. */
static bool number_at(const arc_rewrite *w, const arc_node *n, int i, float *v) {
    const float *data = arc_rewrite_floats(w, n, i);
    if (!data || w->g->value[n->input[i]].is_input || arc_shape_count(&w->g->value[n->input[i]].shape) != 1 ||
        w->g->value[n->input[i]].shape.rank > 1)
        return false;
    *v = *data;
    return true;
}

static bool is_near(double v, double wanted) {
    return fabs(v - wanted) <= 1e-6 * fabs(wanted);
}

/* For a node of two inputs one of which is a constant number: the other one's value, the number in *v. Else ARC_NO_VALUE. */
static int beside_number(const arc_rewrite *w, const arc_node *n, float *v) {
    if (!n || n->inputs != 2 || n->outputs != 1)
        return ARC_NO_VALUE;
    if (number_at(w, n, 1, v))
        return n->input[0];
    return number_at(w, n, 0, v) && !arc_node_is(n, ARC_KIND_SUB) && !arc_node_is(n, ARC_KIND_DIV) ? n->input[1] : ARC_NO_VALUE;
}

/* The only node that reads the value, of that kind; NULL when there is none. */
static arc_node *only_user(const arc_rewrite *w, int value, arc_op_kind kind) {
    const int user = arc_rewrite_only_user(w, value);
    arc_node *n = user >= 0 && !w->dead[user] ? &w->g->node[user] : NULL;
    return n && arc_node_is(n, kind) && n->outputs == 1 ? n : NULL;
}

static void kill_node(arc_rewrite *w, const arc_node *n) {
    w->dead[arc_rewrite_index(w, n)] = true;
}

/* ---- Gelu: x, 1 + erf(x / sqrt 2) and 0.5, multiplied in whichever order ----------------------------------------------------
 */

typedef struct product {
    bool has_x, has_half;
    arc_node *node[3]; /* that multiply; the last one makes the result */
    int nodes;
} product;

/* Takes in the other operand of a Mul: x, 0.5 or 0.5 x. */
static bool take_factor(const arc_rewrite *w, product *p, int x, int other, arc_node *mul, int own) {
    float number;
    if (other == x && !p->has_x) {
        p->has_x = true;
    } else if (beside_number(w, mul, &number) == own && number == 0.5f && !p->has_half) {
        p->has_half = true;
    } else {
        arc_node *half = arc_rewrite_producer(w, other);
        if (p->nodes > 0 || !half || !arc_node_is(half, ARC_KIND_MUL) || beside_number(w, half, &number) != x || number != 0.5f ||
            arc_rewrite_only_user(w, other) < 0)
            return false;
        p->has_x = p->has_half = true;
        p->node[p->nodes++] = half;
    }
    p->node[p->nodes++] = mul;
    return true;
}

static bool read_product(const arc_rewrite *w, int x, int sum, product *p) {
    *p = (product){.nodes = 0};
    for (int v = sum; !p->has_x || !p->has_half; v = p->node[p->nodes - 1]->output[0]) {
        arc_node *mul = only_user(w, v, ARC_KIND_MUL);
        if (!mul || mul->inputs != 2 || mul->input[0] == mul->input[1] ||
            !take_factor(w, p, x, mul->input[mul->input[0] == v], mul, v))
            return false;
    }
    return true;
}

static void join_gelu(arc_rewrite *w, arc_node *erf) {
    float number;
    arc_node *scaled = arc_rewrite_producer(w, erf->input[0]);
    const int x = beside_number(w, scaled, &number);
    if (x < 0 || w->g->value[x].data || arc_rewrite_only_user(w, scaled->output[0]) < 0 ||
        !((arc_node_is(scaled, ARC_KIND_DIV) && is_near((double)number, sqrt(2))) ||
          (arc_node_is(scaled, ARC_KIND_MUL) && is_near((double)number, sqrt(0.5)))))
        return;
    product p;
    arc_node *sum = only_user(w, erf->output[0], ARC_KIND_ADD);
    if (!sum || beside_number(w, sum, &number) != erf->output[0] || number != 1 || !read_product(w, x, sum->output[0], &p))
        return;
    kill_node(w, scaled);
    kill_node(w, erf);
    kill_node(w, sum);
    for (int i = 0; i + 1 < p.nodes; i++)
        kill_node(w, p.node[i]);
    arc_node *last = p.node[p.nodes - 1];
    last->input[0] = x;
    last->inputs = 1;
    arc_node_become(last, arc_op_find("Gelu"));
    arc_rewrite_recount(w);
}

/* ---- LayerNormalization of the last dimension: d = x - mean(x), d / sqrt(mean(d^2) + epsilon) * scale + shift ---------------
 */

/* Whether it is a ReduceMean over the last dimension alone that keeps it. */
static bool is_row_mean(const arc_rewrite *w, const arc_node *n) {
    if (!n || n->inputs < 1 || !arc_node_is(n, ARC_KIND_REDUCE_MEAN) || arc_attr_int(n, "keepdims", 1) != 1 || n->outputs != 1)
        return false;
    const arc_attr *axes = arc_node_attr(n, "axes");
    if (axes)
        return axes->kind == ARC_ATTR_INTS && axes->count == 1 && axes->ints[0] == -1;
    const arc_value *given = n->inputs > 1 && n->input[1] >= 0 ? &w->g->value[n->input[1]] : NULL;
    return given && given->data && !given->is_input && given->dtype == ARC_I64 && arc_shape_count(&given->shape) == 1 &&
           *(const int64_t *)given->data == -1;
}

/* Whether the node makes the square of d. */
static bool is_square(const arc_rewrite *w, const arc_node *n, int d) {
    float exponent = 0;
    if (!n || n->inputs != 2 || n->input[0] != d)
        return false;
    return arc_node_is(n, ARC_KIND_POW) ? number_at(w, n, 1, &exponent) && exponent == 2
                                        : arc_node_is(n, ARC_KIND_MUL) && n->input[1] == d;
}

/* The constant vector beside `value` in a Mul or Add of it: input index of the vector, or -1. */
static int vector_beside(const arc_rewrite *w, const arc_node *n, int value) {
    if (!n || n->inputs != 2)
        return -1;
    const int i = n->input[0] == value;
    const arc_value *v = n->input[i] >= 0 ? &w->g->value[n->input[i]] : NULL;
    return v && arc_rewrite_floats(w, n, i) && !v->is_input && v->shape.rank == 1 && n->input[!i] == value ? i : -1;
}

/* The nodes that make the deviation's root from d, innermost last; false when it is something else. */
static bool read_deviation(const arc_rewrite *w, int root, int d, arc_node *node[4], float *epsilon) {
    node[0] = arc_rewrite_producer(w, root);
    if (!node[0] || node[0]->inputs != 1 || !arc_node_is(node[0], ARC_KIND_SQRT))
        return false;
    node[1] = arc_rewrite_producer(w, node[0]->input[0]);
    const int variance = node[1] && arc_node_is(node[1], ARC_KIND_ADD) ? beside_number(w, node[1], epsilon) : ARC_NO_VALUE;
    node[2] = arc_rewrite_producer(w, variance);
    if (!is_row_mean(w, node[2]))
        return false;
    node[3] = arc_rewrite_producer(w, node[2]->input[0]);
    if (!is_square(w, node[3], d))
        return false;
    for (int i = 0; i < 4; i++)
        if (arc_rewrite_only_user(w, node[i]->output[0]) < 0)
            return false;
    return true;
}

static arc_status join_layer_norm(arc_rewrite *w, arc_node *div) {
    arc_node *part[4];
    float epsilon;
    const int d = div->input[0];
    arc_node *difference = arc_rewrite_producer(w, d);
    if (!difference || difference->inputs != 2 || difference->input[0] < 0 || !arc_node_is(difference, ARC_KIND_SUB) ||
        w->g->value[d].is_output || !read_deviation(w, div->input[1], d, part, &epsilon) || !(epsilon > 0))
        return ARC_OK;
    const int x = difference->input[0], squares = arc_node_is(part[3], ARC_KIND_MUL) ? 2 : 1;
    arc_node *mean = arc_rewrite_producer(w, difference->input[1]);
    if (!is_row_mean(w, mean) || mean->input[0] != x || w->users[d] != 1 + squares ||
        arc_rewrite_only_user(w, mean->output[0]) < 0)
        return ARC_OK;
    arc_node *mul = only_user(w, div->output[0], ARC_KIND_MUL), *add = mul ? only_user(w, mul->output[0], ARC_KIND_ADD) : NULL;
    const int scale_at = mul ? vector_beside(w, mul, div->output[0]) : -1;
    const int shift_at = add ? vector_beside(w, add, mul->output[0]) : -1;
    if (scale_at < 0 || shift_at < 0)
        return ARC_OK;
    const int input[3] = {x, mul->input[scale_at], add->input[shift_at]};
    if (!arc_shape_equal(&w->g->value[input[1]].shape, &w->g->value[input[2]].shape))
        return ARC_OK;
    arc_node *gone[] = {part[0], part[1], part[2], part[3], div, difference, mean, mul};
    for (size_t i = 0; i < ARC_COUNT(gone); i++)
        kill_node(w, gone[i]);
    for (int i = 0; i < 3; i++)
        if (arc_rewrite_set_input(w, add, i, input[i]) != ARC_OK)
            return ARC_ENOMEM;
    arc_node_become(add, arc_op_find("LayerNormalization"));
    arc_rewrite_recount(w);
    return arc_node_float(w->g, add, "epsilon", epsilon);
}

arc_status arc_join_spelt(arc_rewrite *w, arc_error *err) {
    (void)err;
    for (int i = 0; i < w->g->nodes; i++) {
        arc_node *n = &w->g->node[i];
        if (w->dead[i] || n->inputs < 1 || n->outputs != 1)
            continue;
        if (arc_node_is(n, ARC_KIND_ERF))
            join_gelu(w, n);
        else if (strcmp(n->op, "com.microsoft.Gelu") == 0)
            arc_node_become(n, arc_op_find("Gelu"));
        else if (arc_node_is(n, ARC_KIND_DIV) && n->inputs == 2 && join_layer_norm(w, n) != ARC_OK)
            return ARC_ENOMEM;
    }
    return ARC_OK;
}
