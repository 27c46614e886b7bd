/* generate: the graph that a generator learns on: the model's, or with places where folded BatchNormalizations stood. */
#include "generate/generate.h"
#include "op/op.h"

/* Whether a BatchNormalization reads the value. */
static bool is_normalised(const arc_graph *g, int value) {
    for (int i = 0; i < g->nodes; i++)
        if (arc_node_is(&g->node[i], ARC_KIND_BATCH_NORM) && g->node[i].input[0] == value)
            return true;
    return false;
}

/* The convolutions of these networks have no bias of their own: one that has it, and no normalisation behind it, took one in. */
static bool took_one_in(const arc_graph *g, const arc_node *n) {
    return arc_node_is(n, ARC_KIND_CONV) && n->inputs > 2 && n->input[2] >= 0 && g->value[n->input[2]].data &&
           !is_normalised(g, n->output[0]);
}

static arc_generate_places count_places(const arc_graph *g) {
    arc_generate_places p = {0};
    for (int i = 0; i < g->nodes; i++) {
        p.batchnorms += arc_node_is(&g->node[i], ARC_KIND_BATCH_NORM);
        p.folded += took_one_in(g, &g->node[i]);
    }
    return p;
}

/* Who read `from` read `to` instead. */
static void redirect(arc_graph *g, int from, int to) {
    for (int i = 0; i < g->nodes; i++)
        for (int k = 0; k < g->node[i].inputs; k++)
            if (g->node[i].input[k] == from)
                g->node[i].input[k] = to;
}

/* A BatchNormalization that gives what it takes, behind node i. */
static arc_status restore(arc_graph *g, int i, int64_t channels) {
    static const char *const what[4] = {"scale", "shift", "mean", "variance"};
    const int from = g->node[i].output[0];
    const char *name = arc_arena_printf(&g->arena, "%s" ARC_GENERATE_RESTORED, g->value[from].name);
    int input[5] = {from};
    const int to = name ? arc_graph_value(g, name) : ARC_NO_VALUE;
    if (to < 0)
        return ARC_ENOMEM;
    redirect(g, from, to);
    for (int k = 0; k < 4; k++) {
        void *data = NULL;
        const arc_shape shape = {.rank = 1, .dim = {channels}};
        const char *own = arc_arena_printf(&g->arena, "%s.%s", name, what[k]);
        input[k + 1] = own ? arc_graph_constant_new(g, own, ARC_F32, &shape, &data) : ARC_NO_VALUE;
        if (input[k + 1] < 0)
            return ARC_ENOMEM;
        for (int64_t c = 0; c < channels; c++)
            ((float *)data)[c] = k == 0 || k == 3 ? 1 : 0;
    }
    arc_node *n = arc_graph_node(g, "BatchNormalization", name, 5, input, 1, &to);
    return n ? arc_node_float(g, n, "epsilon", 0) : ARC_ENOMEM;
}

static arc_status restore_all(arc_graph *g, const arc_graph *from) {
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < from->nodes; i++)
        if (took_one_in(from, &from->node[i]))
            st = restore(g, i, from->value[from->node[i].input[2]].shape.dim[0]);
    return st;
}

/* ---- what a learner takes -------------------------------------------------------------------------------------------------- */

/* The weights of a fully connected layer as a learner has them, [out][in], where the file has [in][out]. */
static arc_status turn_weights(arc_graph *g, arc_node *n) {
    const arc_value *w = n->inputs > 1 && n->input[1] >= 0 ? &g->value[n->input[1]] : NULL;
    if (!w || !w->data || w->dtype != ARC_F32 || w->shape.rank != 2 || arc_attr_int(n, "transB", 0) != 0)
        return ARC_OK;
    const int64_t in = w->shape.dim[0], out = w->shape.dim[1];
    const arc_shape shape = {.rank = 2, .dim = {out, in}};
    const float *from = w->data;
    void *data = NULL;
    const char *name = arc_arena_printf(&g->arena, "%s.turned", w->name);
    const int turned = name ? arc_graph_constant_new(g, name, ARC_F32, &shape, &data) : ARC_NO_VALUE;
    if (turned < 0)
        return ARC_ENOMEM;
    for (int64_t i = 0; i < in; i++)
        for (int64_t o = 0; o < out; o++)
            ((float *)data)[o * in + i] = from[i * out + o];
    n->input[1] = turned;
    return arc_node_int(g, n, "transB", 1);
}

static arc_status turn_all(arc_graph *g) {
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (arc_node_is(&g->node[i], ARC_KIND_GEMM))
            st = turn_weights(g, &g->node[i]);
    return st;
}

arc_status arc_generate_graph(arc_graph **out, arc_generate_places *places, const arc_model *model, bool restored,
                              arc_error *err) {
    const arc_graph *from = model->graph;
    *places = count_places(from);
    const arc_graph_copying how = {.borrow = true};
    arc_status st = arc_graph_copy(out, from, &model->alloc, &how, err);
    if (st != ARC_OK)
        return st;
    for (int i = 1; i < (*out)->outputs; i++) /* a norm beside the embedding */
        (*out)->value[(*out)->output[i]].is_output = false;
    (*out)->outputs = ARC_MIN((*out)->outputs, 1);
    if (turn_all(*out) != ARC_OK || (restored && restore_all(*out, from) != ARC_OK))
        st = arc_fail_nomem(err, "a copy of the network");
    if (st == ARC_OK)
        st = arc_graph_check(*out, err);
    if (st != ARC_OK)
        arc_graph_free(out);
    return st;
}
