/* A Reshape to one row, written for one picture, made one to as many rows as there are pictures. Only where the shapes prove it:
 * with 2 and with 3 pictures what goes in and what comes out have 2 and 3 rows, and each row the shape that it has with one.
 * Elements are kept in order, so that row i comes from row i. Everything else that would mix rows is seen by running the export
 * (probe.c). */
#include "deploy/deploy.h"
#include "op/op.h"
#include "plan/plan.h"
#include <stdio.h>
#include <string.h>

#define MAX_CANDIDATES 256

typedef struct candidate {
    int node, own, free; /* own, free: the shape as it was and as it is tried */
    bool dropped;
} candidate;

typedef struct search {
    arc_graph *g;
    arc_shape input; /* of one picture */
    arc_tensor *one; /* [g->values] what is known with one picture */
    candidate list[MAX_CANDIDATES];
    int count;
} search;

/* The list [1,...] that is the node's shape, with a first entry that stands for any number; ARC_NO_VALUE where it is none, or on
 * ENOMEM, which *st says. */
static int freed_shape(search *s, const arc_node *n, arc_status *st) {
    const arc_tensor *shape = &s->one[n->input[1]];
    const int producer = s->g->value[n->input[1]].producer;
    const bool literal = producer < 0 || arc_node_is(&s->g->node[producer], ARC_KIND_CONSTANT);
    if (!literal || !shape->data || shape->dtype != ARC_I64 || shape->shape.rank != 1 || shape->shape.dim[0] < 2 ||
        ((const int64_t *)shape->data)[0] != 1)
        return ARC_NO_VALUE;
    bool infers = false;
    const int64_t count = shape->shape.dim[0], *old = shape->data;
    for (int64_t i = 1; i < count; i++)
        infers |= old[i] < 0;
    if (infers && arc_attr_int(n, "allowzero", 0) != 0)
        return ARC_NO_VALUE; /* 0 would be a size here, not that of the input */
    char name[64];
    void *data = NULL;
    snprintf(name, sizeof name, "arcface/rows.%d", s->count);
    const int v =
        arc_graph_find(s->g, name) < 0 ? arc_graph_constant_new(s->g, name, ARC_I64, &shape->shape, &data) : ARC_NO_VALUE;
    if (v < 0) {
        *st = ARC_ENOMEM;
        return ARC_NO_VALUE;
    }
    memcpy(data, old, (size_t)count * sizeof *old);
    *(int64_t *)data = infers ? 0 : -1;
    return v;
}

static bool one_row(const arc_tensor *t) {
    return !t->data && t->shape.rank >= 2 && t->shape.dim[0] == 1;
}

static arc_status find_candidates(search *s) {
    arc_status st = ARC_OK;
    for (int i = 0; i < s->g->nodes && st == ARC_OK && s->count < MAX_CANDIDATES; i++) {
        arc_node *n = &s->g->node[i];
        if (!arc_node_is(n, ARC_KIND_RESHAPE) || n->inputs != 2 || n->input[0] < 0 || n->input[1] < 0 || n->output[0] < 0 ||
            !one_row(&s->one[n->input[0]]) || !one_row(&s->one[n->output[0]]))
            continue;
        const int own = n->input[1], free = freed_shape(s, n, &st);
        if (free >= 0) {
            s->list[s->count++] = (candidate){i, own, free, false};
            n->input[1] = free;
        }
    }
    return st;
}

static bool same_but_rows(const arc_tensor *t, const arc_tensor *one, int64_t rows) {
    arc_shape s = one->shape;
    s.dim[0] = rows;
    return arc_shape_equal(&t->shape, &s);
}

/* Takes back those that the shapes of `rows` pictures contradict. *good: there were none. */
static arc_status try_rows(search *s, arc_tensor *known, int64_t rows, bool *good, arc_error *err) {
    arc_plan *plan = NULL;
    arc_shape input = s->input;
    input.dim[0] = rows;
    *good = true;
    const arc_status st = arc_plan_infer(&plan, s->g, &input, known, NULL, err);
    for (int i = 0; i < s->count && st == ARC_OK; i++) {
        candidate *c = &s->list[i];
        arc_node *n = &s->g->node[c->node];
        const int in = n->input[0], out = n->output[0];
        if (c->dropped || (same_but_rows(&known[in], &s->one[in], rows) && same_but_rows(&known[out], &s->one[out], rows)))
            continue;
        n->input[1] = c->own;
        c->dropped = true;
        *good = false;
    }
    arc_plan_free(&plan);
    return st;
}

static arc_status prove(search *s, arc_error *err) {
    arc_tensor *known = arc_mem_new(s->g->alloc, (size_t)s->g->values + 1, sizeof *known);
    arc_status st = known ? ARC_OK : ARC_ENOMEM;
    for (bool good = false; st == ARC_OK && !good;) {
        bool two = false, three = false;
        st = try_rows(s, known, 2, &two, err);
        if (st == ARC_OK)
            st = try_rows(s, known, 3, &three, err);
        good = two && three;
    }
    arc_mem_free(s->g->alloc, known);
    return st;
}

arc_status arc_deploy_free_rows(const arc_graph *g, const arc_shape *one, arc_graph **out, arc_error *err) {
    arc_status st;
    arc_plan *plan = NULL;
    const arc_graph_copying how = {.borrow = true};
    search *s = arc_mem_new(g->alloc, 1, sizeof *s);
    *out = NULL;
    if (!s)
        return arc_fail_nomem(err, "an exported network");
    s->input = *one;
    ARC_TRY(arc_graph_copy(&s->g, g, g->alloc, &how, err));
    s->one = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *s->one);
    if (!s->one)
        ARC_TRY(ARC_ENOMEM);
    ARC_TRY(arc_plan_infer(&plan, g, one, s->one, NULL, err));
    ARC_TRY(find_candidates(s));
    if (s->count > 0)
        ARC_TRY(prove(s, err));
    for (int i = 0; i < s->count; i++)
        if (!s->list[i].dropped && !*out) {
            *out = s->g;
            s->g = NULL;
        }
done:
    arc_plan_free(&plan);
    arc_mem_free(g->alloc, s->one);
    arc_graph_free(&s->g);
    arc_mem_free(g->alloc, s);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "an exported network") : ARC_OK; /* the network stays as it is */
}
