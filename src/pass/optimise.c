/* pass: a private copy of a graph made ready for inference: the passes in their order, of which the simplest stands here
 * (constants by name, nodes that do nothing). Rewriting changes rounding, never meaning. */
#include "pass/rewrite.h"

#define MAX_REWRITTEN_NODES 20000 /* passes are quadratic in the worst case; graphs beyond any real net run as they are */

static bool does_nothing(const arc_rewrite *w, const arc_node *n) {
    if (!arc_node_is(n, ARC_KIND_IDENTITY) && !arc_node_is(n, ARC_KIND_DROPOUT))
        return false;
    if (n->inputs < 1 || n->input[0] < 0 || n->outputs < 1 || n->output[0] < 0 || w->g->value[n->output[0]].is_output)
        return false;
    for (int i = 1; i < n->outputs; i++)
        if (n->output[i] >= 0 && (w->users[n->output[i]] > 0 || w->g->value[n->output[i]].is_output))
            return false;
    return true;
}

static void simplify(arc_rewrite *w) {
    arc_graph *g = w->g;
    for (int i = 0; i < g->nodes; i++) {
        arc_node *n = &g->node[i];
        const arc_attr *tensor = arc_node_is(n, ARC_KIND_CONSTANT) ? arc_node_attr(n, "value") : NULL;
        if (tensor && tensor->kind == ARC_ATTR_TENSOR && n->outputs == 1 && n->output[0] >= 0) {
            arc_value *v = &g->value[n->output[0]];
            const arc_value *from = &g->value[tensor->value];
            v->dtype = from->dtype;
            v->shape = from->shape;
            v->data = from->data;
            v->data_bytes = from->data_bytes;
            v->producer = ARC_NO_VALUE;
            w->dead[i] = true;
        } else if (does_nothing(w, n)) {
            arc_rewrite_bypass(w, i, n->input[0]);
        }
    }
    arc_rewrite_recount(w);
}

static void remove_dead(arc_rewrite *w) {
    int kept = 0;
    for (int i = 0; i < w->g->nodes; i++)
        if (!w->dead[i])
            w->g->node[kept++] = w->g->node[i];
    w->g->nodes = kept;
}

arc_status arc_graph_optimise(const arc_graph *g, arc_graph **out, arc_error *err) {
    *out = NULL;
    arc_rewrite w = {.map = &g->map, .values = g->values};
    const arc_graph_copying how = {.borrow = true};
    arc_status st = arc_graph_copy(&w.g, g, g->alloc, &how, err);
    if (st != ARC_OK)
        return st;
    w.dead = arc_mem_new(g->alloc, (size_t)g->nodes + 1, sizeof *w.dead);
    w.users = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *w.users);
    w.user = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *w.user);
    if (!w.dead || !w.users || !w.user)
        ARC_TRY(ARC_ENOMEM);
    if (g->nodes <= MAX_REWRITTEN_NODES) {
        arc_rewrite_recount(&w);
        simplify(&w);
        ARC_TRY(arc_fuse_int8(&w, err));
        ARC_TRY(arc_join_rounding(&w, err));
        ARC_TRY(arc_join_spelt(&w, err));
        ARC_TRY(arc_fold_affine(&w, err));
        ARC_TRY(arc_fuse_epilogues(&w, err));
        ARC_TRY(arc_fuse_matmul(&w, err));
        ARC_TRY(arc_fuse_attention(&w, err));
        remove_dead(&w);
    }
done:
    arc_mem_free(g->alloc, w.dead);
    arc_mem_free(g->alloc, w.users);
    arc_mem_free(g->alloc, w.user);
    if (st == ARC_OK) {
        *out = w.g;
        return ARC_OK;
    }
    arc_graph_free(&w.g);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "optimising the graph") : st;
}
