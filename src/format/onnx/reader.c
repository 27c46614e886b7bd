/* What the files of the reader share: errors, names in their scopes, constants, nodes that the file does not hold. */
#include "format/onnx/onnx_internal.h"
#include <string.h>

#define DROP_MIN_BYTES ((size_t)64 << 10)

/* ---- errors ---- */

static size_t offset_of(const arc_onnx_reader *r, const arc_pb *pb) {
    return (size_t)(pb->at - r->base);
}

arc_status arc_onnx_malformed(arc_onnx_reader *r, const arc_pb *pb, const char *what) {
    return arc_fail(r->err, ARC_ECORRUPT, "%s: byte %zu: malformed %s; the file is damaged or is no ONNX model", r->file,
                    offset_of(r, pb), what);
}

arc_status arc_onnx_no_memory(arc_onnx_reader *r) {
    return arc_fail(r->err, ARC_ENOMEM, "%s: out of memory, or more than %d nodes or %d values", r->file, ARC_MAX_NODES,
                    ARC_MAX_VALUES);
}

/* ---- names ---- */

static int in_graph(arc_onnx_reader *r, const char *name) {
    const int v = arc_graph_value(r->g, name);
    return v < 0 ? ARC_ONNX_NO_MEMORY : v;
}

static char *scoped(arc_onnx_reader *r, const arc_onnx_scope *s, const char *name) {
    return arc_arena_printf(&r->g->arena, "%s%s", s->prefix, name);
}

int arc_onnx_defines(arc_onnx_reader *r, const char *name) {
    if (!r->scope)
        return in_graph(r, name);
    const char *full = scoped(r, r->scope, name);
    return full ? in_graph(r, full) : ARC_ONNX_NO_MEMORY;
}

int arc_onnx_reads(arc_onnx_reader *r, const char *name) {
    for (const arc_onnx_scope *s = r->scope; s; s = s->outer) {
        for (int i = 0; i < s->aliases; i++)
            if (strcmp(s->alias[i], name) == 0)
                return s->alias_value[i];
        const char *full = scoped(r, s, name);
        if (!full)
            return ARC_ONNX_NO_MEMORY;
        const int v = arc_graph_find(r->g, full);
        if (v >= 0 || s->function)
            return v >= 0 ? v : in_graph(r, full);
    }
    return in_graph(r, name);
}

const arc_onnx_function *arc_onnx_find_function(const arc_onnx_reader *r, const char *domain, const char *name,
                                                const char *overload) {
    for (int i = 0; i < r->functions; i++) {
        const arc_onnx_function *f = &r->function[i];
        if (strcmp(f->name, name) == 0 && strcmp(f->domain, domain) == 0 && strcmp(f->overload, overload) == 0)
            return f;
    }
    return NULL;
}

/* ---- constants and nodes ---- */

arc_status arc_onnx_read_constant(arc_onnx_reader *r, const arc_pb *message, const char *name, const char *where, int *value) {
    arc_onnx_tensor t;
    const arc_status st = arc_onnx_read_tensor(&t, &r->g->arena, &r->files, message, where, r->base, r->err);
    if (st != ARC_OK)
        return st;
    if (r->map && t.copied_from && t.data_bytes >= DROP_MIN_BYTES)
        arc_map_drop(r->map, t.copied_from, t.data_bytes);
    if (!name && !t.name[0])
        return arc_fail(r->err, ARC_EFORMAT, "%s: an initializer has no name", where);
    *value = name ? arc_graph_value(r->g, name) : arc_onnx_defines(r, t.name);
    if (*value < 0)
        return arc_onnx_no_memory(r);
    name = r->g->value[*value].name;
    if (r->g->value[*value].data)
        return arc_fail(r->err, ARC_EFORMAT, "%s: initializer '%.200s' is given twice", where, t.name);
    *value = arc_graph_constant(r->g, name, t.dtype, &t.shape, t.data, false);
    return *value < 0 ? arc_onnx_no_memory(r) : ARC_OK;
}

void arc_onnx_claim(arc_graph *g, int node) {
    for (int i = 0; i < g->node[node].outputs; i++)
        if (g->node[node].output[i] >= 0)
            g->value[g->node[node].output[i]].producer = node;
}

arc_status arc_onnx_add_node(arc_onnx_reader *r, const char *op, int inputs, const int *input, int output, arc_node **node) {
    arc_node *n = arc_graph_node(r->g, op, "", inputs, input, 1, &output);
    if (node)
        *node = n;
    if (!n)
        return arc_onnx_no_memory(r);
    arc_onnx_claim(r->g, r->g->nodes - 1);
    return ARC_OK;
}
