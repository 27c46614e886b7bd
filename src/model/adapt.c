/* Files as people export them to the form that the project works on: pictures as channels-last, as gray, as bytes or without a
 * batch are led to the input by layers of the graph itself, so that sessions, self-test, quantisation and saved files need to
 * know one form only. */
#include "model/edges.h"
#include "op/op.h"
#include <stdio.h>
#include <string.h>

typedef struct adapting {
    arc_graph *g;
    int value; /* what the next layer reads */
    arc_status st;
} adapting;

/* A layer that reads a->value and makes `to`, or a new value when that is -1. */
static arc_node *put(adapting *a, const char *op, const char *name, int second, int to) {
    char text[96];
    snprintf(text, sizeof text, "%s.out", name);
    if (to < 0)
        to = arc_graph_value(a->g, text);
    const int in[2] = {a->value, second};
    arc_node *n = a->value < 0 || to < 0 ? NULL : arc_graph_node(a->g, op, name, second < 0 ? 1 : 2, in, 1, &to);
    if (!n)
        a->st = ARC_ENOMEM;
    a->value = to;
    return n;
}

static void put_gray(adapting *a, int to) {
    static const float luma[3] = {0.299f, 0.587f, 0.114f}; /* ITU-R 601 */
    const int w = arc_graph_constant(a->g, ARC_ADAPT_GRAY ".weight", ARC_F32, &(arc_shape){4, {1, 3, 1, 1}}, luma, true);
    if (w < 0)
        a->st = ARC_ENOMEM;
    else
        (void)put(a, "Conv", ARC_ADAPT_GRAY, w, to);
}

static void put_last(adapting *a, int to) {
    static const int64_t perm[4] = {0, 2, 3, 1};
    arc_node *n = put(a, "Transpose", ARC_ADAPT_LAST, -1, to);
    if (n && arc_node_ints(a->g, n, "perm", 4, perm) != ARC_OK)
        a->st = ARC_ENOMEM;
}

static void put_cast(adapting *a, arc_dtype t, int to) {
    arc_node *n = put(a, "Cast", ARC_ADAPT_CAST, -1, to);
    if (n && arc_node_int(a->g, n, "to", t) != ARC_OK)
        a->st = ARC_ENOMEM;
}

static void put_single(adapting *a, const arc_shape *s, int to) {
    const int shape = arc_graph_constant(a->g, ARC_ADAPT_SINGLE ".shape", ARC_I64, &(arc_shape){1, {3}}, s->dim, true);
    if (shape < 0)
        a->st = ARC_ENOMEM;
    else
        (void)put(a, "Reshape", ARC_ADAPT_SINGLE, shape, to);
}

bool arc_adapt_has(const arc_graph *g, const char *layer) {
    for (int i = 0; i < g->nodes; i++)
        if (strcmp(g->node[i].name, layer) == 0)
            return true;
    return false;
}

/* Layers from a new input [N,3,H,W] to the picture input of the file. */
static arc_status lead_to(arc_graph *g, arc_picture_layout layout, arc_error *err) {
    const int old = g->input[0];
    const arc_dtype t = g->value[old].dtype;
    const arc_shape s = g->value[old].shape;
    const bool last = layout == ARC_PICTURE_LAST || layout == ARC_PICTURE_GRAY_LAST, single = s.rank == 3,
               gray = layout == ARC_PICTURE_GRAY || layout == ARC_PICTURE_GRAY_LAST, cast = t != ARC_F32 && t != ARC_NO_DTYPE;
    int left = gray + last + single + cast;
    if (left == 0)
        return ARC_OK;
    const int64_t *side = s.dim + (single ? 0 : 1) + (last ? 0 : 1);
    const arc_shape shape = {4, {single ? 1 : s.dim[0], 3, side[0], side[1]}};
    const char *symbol = single ? NULL : g->value[old].symbol[0];
    adapting a = {g, arc_graph_value(g, "arcface.input"), ARC_OK};
    if (a.value < 0 || arc_graph_add_input(g, a.value, ARC_F32, &shape) != ARC_OK)
        return arc_fail_nomem(err, "the model's input");
    g->value[a.value].symbol[0] = symbol;
    g->input[0] = a.value;
    g->inputs--;
    g->value[old].is_input = false;
    if (gray)
        put_gray(&a, --left ? -1 : old);
    if (last && a.st == ARC_OK)
        put_last(&a, --left ? -1 : old);
    if (single && a.st == ARC_OK)
        put_single(&a, &s, --left ? -1 : old);
    if (cast && a.st == ARC_OK)
        put_cast(&a, t, old);
    return a.st == ARC_OK ? arc_graph_check(g, err) : arc_fail_nomem(err, "the model's input");
}

static void move_to_front(int *list, int from, int to) {
    const int moved = list[from];
    for (int i = from; i > to; i--)
        list[i] = list[i - 1];
    list[to] = moved;
}

static int named(const arc_graph *g, const int *list, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(g->value[list[i]].name, name) == 0)
            return i;
    return -1;
}

/* "'a', 'b'" */
static const char *names(const arc_graph *g, const int *list, int count, char *text, size_t bytes) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s'%s'", i ? ", " : "", g->value[list[i]].name);
    return text;
}

arc_status arc_graph_adapt(arc_graph *g, const char *input, const char *output, arc_edges_why *why, arc_error *err) {
    char text[256];
    *why = (arc_edges_why){"", ""};
    const int picture = input ? named(g, g->input, g->inputs, input) : arc_edges_picture(g);
    if (input && picture < 0)
        return arc_fail(err, ARC_EINVAL, "the model has no input '%.60s': its inputs are %s", input,
                        names(g, g->input, g->inputs, text, sizeof text));
    const int embedding = output ? named(g, g->output, g->outputs, output) : arc_edges_embedding(g);
    if (output && embedding < 0)
        return arc_fail(err, ARC_EINVAL, "the model has no output '%.60s': its outputs are %s", output,
                        names(g, g->output, g->outputs, text, sizeof text));
    if (output && !arc_edges_is_row(g, embedding))
        return arc_fail(err, ARC_EINVAL, "output '%.60s' is no embedding: 64 to 4096 numbers a picture are expected", output);
    arc_edges_explain(g, picture, embedding, input != NULL, output != NULL, why);
    if (embedding >= 0) {
        const int norm = arc_edges_norm(g, embedding);
        move_to_front(g->output, embedding, 0);
        if (norm >= 0)
            move_to_front(g->output, norm < embedding ? norm + 1 : norm, 1);
    }
    if (picture < 0)
        return ARC_OK;
    move_to_front(g->input, picture, 0);
    const arc_shape *s = &g->value[g->input[0]].shape;
    const arc_picture_layout layout = arc_edges_layout(s);
    return layout == ARC_PICTURE_NONE ? ARC_OK : lead_to(g, layout, err);
}
