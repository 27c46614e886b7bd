/* What the files of the reader share: errors, names in their scopes, constants, nodes that the file does not hold. */
#include "format/onnx/onnx_internal.h"
#include <stdio.h>
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

/* Valid until the next call. */
static const char *scoped(arc_onnx_reader *r, const arc_onnx_scope *s, const char *name) {
    snprintf(r->full, sizeof r->full, "%s%s", s->prefix, name);
    return r->full;
}

int arc_onnx_defines(arc_onnx_reader *r, const char *name) {
    if (!r->scope)
        return in_graph(r, name);
    return in_graph(r, scoped(r, r->scope, name));
}

int arc_onnx_reads(arc_onnx_reader *r, const char *name) {
    for (const arc_onnx_scope *s = r->scope; s; s = s->outer) {
        for (int i = 0; i < s->aliases; i++)
            if (strcmp(s->alias[i], name) == 0)
                return s->alias_value[i];
        const char *full = scoped(r, s, name);
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

/* AttributeProto: 1 name. */
arc_status arc_onnx_collect_attributes(arc_onnx_reader *r, arc_pb m, uint32_t field, arc_onnx_attrs *out) {
    arc_pb_field f, g;
    int count = 0;
    *out = (arc_onnx_attrs){.count = 0};
    for (arc_pb all = m; arc_pb_next(&all, &f);)
        count += f.number == field;
    if (count > ARC_ONNX_MAX_ATTRS)
        return arc_fail(r->err, ARC_ELIMIT, "%s: a node or function has more than %d attributes", r->file, ARC_ONNX_MAX_ATTRS);
    out->name = arc_arena_new(&r->g->arena, (size_t)count + 1, sizeof *out->name);
    out->body = arc_arena_new(&r->g->arena, (size_t)count + 1, sizeof *out->body);
    if (!out->name || !out->body)
        return arc_onnx_no_memory(r);
    while (arc_pb_next(&m, &f)) {
        if (f.number != field)
            continue;
        if (!arc_pb_enter(&m, &f, &out->body[out->count]))
            return arc_onnx_malformed(r, &m, "attribute");
        r->text[0] = 0;
        for (arc_pb inner = out->body[out->count]; arc_pb_next(&inner, &g);)
            if (g.number == 1 && !arc_onnx_text(&g, r->text))
                return arc_onnx_malformed(r, &inner, "attribute");
        out->name[out->count] = arc_arena_strdup(&r->g->arena, r->text);
        if (!out->name[out->count++])
            return arc_onnx_no_memory(r);
    }
    return ARC_OK;
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
