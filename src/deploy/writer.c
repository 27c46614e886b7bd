/* A network under construction beside the one that it is made of: names that are free, constants, nodes. */
#include "deploy/deploy.h"
#include <stdio.h>
#include <string.h>

arc_status arc_deploy_writer_open(arc_deploy_writer *w, const arc_graph *from, arc_error *err) {
    *w = (arc_deploy_writer){.from = from};
    w->as = arc_mem_new(from->alloc, (size_t)from->values + 1, sizeof *w->as);
    w->needed = arc_mem_new(from->alloc, (size_t)from->nodes + 1, sizeof *w->needed);
    w->called = arc_mem_new(from->alloc, (size_t)from->values + 1, sizeof *w->called);
    arc_status st = w->as && w->needed && w->called ? ARC_OK : arc_fail_nomem(err, "an exported network");
    for (int v = 0; w->as && v < from->values; v++)
        w->as[v] = ARC_NO_VALUE;
    if (st == ARC_OK)
        st = arc_graph_new(&w->g, from->alloc, ARC_MIN(from->opset, ARC_DEPLOY_OPSET), err);
    if (st != ARC_OK) {
        arc_deploy_writer_close(w);
        return st;
    }
    w->g->ir_version = 7; /* of opset 13's time */
    w->g->name = "arcface";
    return ARC_OK;
}

void arc_deploy_writer_close(arc_deploy_writer *w) {
    if (!w->from)
        return;
    const arc_alloc *a = w->from->alloc;
    arc_mem_free(a, w->as);
    arc_mem_free(a, w->needed);
    arc_mem_free(a, (void *)(uintptr_t)w->called);
    arc_graph_free(&w->g);
    arc_graph_free(&w->own);
    *w = (arc_deploy_writer){0};
}

int arc_deploy_source(const arc_graph *g, int value) {
    for (int p = g->value[value].producer; p >= 0; p = g->value[value].producer) {
        const arc_node *n = &g->node[p];
        if ((!arc_node_is(n, ARC_KIND_IDENTITY) && !arc_node_is(n, ARC_KIND_DROPOUT)) || n->input[0] < 0 || n->output[0] != value)
            break;
        value = n->input[0];
    }
    return value;
}

void arc_deploy_free_name(arc_deploy_writer *w, const char *of, char name[ARC_DEPLOY_NAME_BYTES]) {
    snprintf(name, ARC_DEPLOY_NAME_BYTES, "%.440s", of);
    while (arc_graph_find(w->g, name) >= 0)
        snprintf(name, ARC_DEPLOY_NAME_BYTES, "%.440s.%d", of, ++w->made);
}

int arc_deploy_value(arc_deploy_writer *w, const char *of) {
    char name[ARC_DEPLOY_NAME_BYTES];
    arc_deploy_free_name(w, of, name);
    return arc_graph_value(w->g, name);
}

int arc_deploy_constant(arc_deploy_writer *w, const char *of, arc_dtype t, const arc_shape *s, void **data) {
    char name[ARC_DEPLOY_NAME_BYTES];
    arc_deploy_free_name(w, of, name);
    return arc_graph_constant_new(w->g, name, t, s, data);
}

int arc_deploy_numbers(arc_deploy_writer *w, arc_dtype t, int rank, int64_t count, const void *number) {
    const arc_shape s = {rank, {count}};
    char name[ARC_DEPLOY_NAME_BYTES];
    arc_deploy_free_name(w, "arcface/number", name);
    return arc_graph_constant(w->g, name, t, &s, number, true);
}

int arc_deploy_node(arc_deploy_writer *w, const char *op, int inputs, const int *in, int out, arc_node **made) {
    char name[64];
    for (int i = 0; i < inputs; i++)
        if (in[i] < 0)
            return ARC_NO_VALUE;
    snprintf(name, sizeof name, "arcface/%.40s", op);
    if (out < 0)
        out = arc_deploy_value(w, name);
    arc_node *n = out >= 0 ? arc_graph_node(w->g, op, w->g->value[out].name, inputs, in, 1, &out) : NULL;
    if (made)
        *made = n;
    return n ? out : ARC_NO_VALUE;
}

int arc_deploy_binary(arc_deploy_writer *w, const char *op, int a, int b, int out) {
    const int in[2] = {a, b};
    return arc_deploy_node(w, op, 2, in, out, NULL);
}

arc_status arc_deploy_output(arc_deploy_writer *w, int value, const arc_shape *s) {
    w->g->value[value].dtype = ARC_F32;
    w->g->value[value].shape = *s;
    return arc_graph_add_output(w->g, value);
}
