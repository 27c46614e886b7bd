/* reference: a network in double from end to end. Shapes are inferred once by the operators' own rules; every value has its
 * memory for the network's life. */
#include "device/reference/reference.h"
#include "op/layer.h"

struct arc_reference_network {
    const arc_graph *graph;
    arc_arena arena;
    arc_reference_value *value; /* of each value of the graph */
    arc_reference_fn **fn;      /* of each node */
};

/* A value's memory; the constant's numbers. */
static arc_status take_value(arc_reference_network *r, int v, const arc_tensor *t, arc_error *err) {
    const size_t count = (size_t)arc_shape_count(&t->shape);
    double *data = arc_arena_new(&r->arena, count + 1, sizeof *data);
    if (!data)
        return arc_fail_nomem(err, "a network in double");
    for (size_t i = 0; t->data && i < count; i++)
        data[i] = arc_element_real(t->dtype, t->data, (int64_t)i);
    r->value[v] = (arc_reference_value){t->shape, data};
    return ARC_OK;
}

static arc_status take_node(arc_reference_network *r, int i, arc_tensor *tensor, arc_error *err) {
    const arc_node *n = &r->graph->node[i];
    r->fn[i] = arc_reference_find(n->op);
    if (!r->fn[i])
        return arc_fail(err, ARC_EUNSUPPORTED, "%s '%s' has no reference in double", n->op, n->name);
    arc_infer infer = {
        .graph = r->graph, .node = n, .opset = r->graph->opset, .inputs = n->inputs, .outputs = n->outputs, .err = err};
    for (int k = 0; k < n->inputs; k++)
        infer.in[k] = n->input[k] < 0 ? NULL : &tensor[n->input[k]];
    for (int k = 0; k < n->outputs; k++)
        infer.out[k] = n->output[k] < 0 ? NULL : &tensor[n->output[k]];
    arc_status st = n->entry->infer(&infer);
    for (int k = 0; st == ARC_OK && k < n->outputs; k++)
        if (n->output[k] >= 0)
            st = take_value(r, n->output[k], &tensor[n->output[k]], err);
    return st;
}

static arc_status take_graph(arc_reference_network *r, const arc_shape *input_shape, arc_error *err) {
    const arc_graph *g = r->graph;
    arc_tensor *tensor = arc_arena_new(&r->arena, (size_t)g->values + 1, sizeof *tensor);
    r->value = arc_arena_new(&r->arena, (size_t)g->values + 1, sizeof *r->value);
    r->fn = arc_arena_new(&r->arena, (size_t)g->nodes + 1, sizeof *r->fn);
    if (!tensor || !r->value || !r->fn)
        return arc_fail_nomem(err, "a network in double");
    arc_status st = ARC_OK;
    for (int v = 0; st == ARC_OK && v < g->values; v++) {
        if (!g->value[v].data)
            continue;
        tensor[v] = (arc_tensor){.dtype = g->value[v].dtype, .shape = g->value[v].shape, .is_const = true};
        tensor[v].data = (void *)(uintptr_t)g->value[v].data;
        st = take_value(r, v, &tensor[v], err);
    }
    for (int i = 0; st == ARC_OK && i < g->inputs; i++) {
        tensor[g->input[i]] = (arc_tensor){.dtype = ARC_F32, .shape = input_shape[i]};
        st = take_value(r, g->input[i], &tensor[g->input[i]], err);
    }
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        st = take_node(r, i, tensor, err);
    return st;
}

arc_status arc_reference_network_new(arc_reference_network **out, const arc_graph *g, const arc_shape *input_shape,
                                     arc_error *err) {
    *out = NULL;
    arc_reference_network *r = arc_mem_new(g->alloc, 1, sizeof *r);
    if (!r)
        return arc_fail_nomem(err, "a network in double");
    r->graph = g;
    arc_arena_init(&r->arena, g->alloc, 0);
    const arc_status st = take_graph(r, input_shape, err);
    if (st != ARC_OK)
        arc_reference_network_free(&r);
    *out = r;
    return st;
}

void arc_reference_network_free(arc_reference_network **network) {
    arc_reference_network *r = network ? *network : NULL;
    if (!r)
        return;
    arc_arena_free(&r->arena);
    arc_mem_free(r->graph->alloc, r);
    *network = NULL;
}

arc_reference_value arc_reference_network_value(const arc_reference_network *r, int value) {
    return r->value[value];
}

void arc_reference_network_run(arc_reference_network *r, bool batch_statistics) {
    for (int i = 0; i < r->graph->nodes; i++) {
        const arc_node *n = &r->graph->node[i];
        arc_reference_call call = {.node = n,
                                   .opset = r->graph->opset,
                                   .inputs = n->inputs,
                                   .outputs = n->outputs,
                                   .batch_statistics = batch_statistics};
        for (int k = 0; k < n->inputs; k++)
            call.in[k] = n->input[k] < 0 ? NULL : &r->value[n->input[k]];
        for (int k = 0; k < n->outputs; k++)
            call.out[k] = n->output[k] < 0 ? NULL : &r->value[n->output[k]];
        r->fn[i](&call);
    }
}
