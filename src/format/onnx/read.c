/* Reading an ONNX ModelProto into a graph. Field numbers are those of onnx.proto (IR version 12). Weights stay where they lie in
 * the mapped file when they are aligned for their type; misaligned ones are copied and the pages they came from given back. */
#include "format/onnx/onnx_internal.h"
#include <stdio.h>
#include <string.h>

#define MAX_FUNCTIONS 10000

typedef arc_onnx_reader reader;

/* ---- graph and model ------------------------------------------------------------------------------------------------------- */

/* GraphProto: 1 node, 2 name, 5 initializer, 11 input, 12 output, 15 sparse_initializer. Initializers first: inputs leave them
 * out. */
static arc_status read_graph_fields(reader *r, const arc_pb *message, uint32_t wanted) {
    arc_pb m = *message, inner;
    arc_pb_field f;
    arc_status st = ARC_OK;
    int value;
    while (st == ARC_OK && arc_pb_next(&m, &f)) {
        if (f.number == 15)
            return arc_fail(r->err, ARC_EUNSUPPORTED, "%s: sparse initializers are not supported", r->file);
        if (f.number != wanted)
            continue;
        if (!arc_pb_enter(&m, &f, &inner))
            return arc_onnx_malformed(r, &m, "graph");
        if (f.number == 5)
            st = arc_onnx_read_constant(r, &inner, NULL, r->file, &value);
        else if (f.number == 11)
            st = arc_onnx_read_input(r, &inner);
        else if (f.number == 1)
            st = arc_onnx_read_node(r, &inner);
        else
            st = arc_onnx_read_output(r, &inner);
    }
    if (st == ARC_OK && m.bad)
        return arc_onnx_malformed(r, &m, "graph");
    return st;
}

static arc_status read_graph(reader *r, const arc_pb *message) {
    static const uint32_t order[] = {5, 11, 1, 12};
    arc_status st = ARC_OK;
    r->graph = *message;
    for (size_t i = 0; st == ARC_OK && i < ARC_COUNT(order); i++)
        st = read_graph_fields(r, message, order[i]);
    return st;
}

/* Two texts of a message: 1 and 2. */
static arc_status read_pair(reader *r, arc_pb *m, const char **first, const char **second) {
    arc_pb_field f;
    *first = *second = "";
    while (arc_pb_next(m, &f)) {
        if (f.number != 1 && f.number != 2)
            continue;
        if (f.wire != ARC_PB_BYTES || f.bytes > (1 << 20) || memchr(f.data, 0, f.bytes))
            return arc_onnx_malformed(r, m, "metadata");
        const char *copy = arc_arena_strndup(&r->g->arena, (const char *)f.data, f.bytes);
        if (!copy)
            return arc_onnx_no_memory(r);
        *(f.number == 1 ? first : second) = copy;
    }
    return m->bad ? arc_onnx_malformed(r, m, "metadata") : ARC_OK;
}

/* OperatorSetIdProto: 1 domain, 2 version. Leaves *opset alone for other domains. */
static bool read_opset(arc_pb *m, int *opset) {
    arc_pb_field f;
    bool default_domain = true;
    uint64_t version = 0;
    while (arc_pb_next(m, &f)) {
        if (f.number == 1)
            default_domain = f.bytes == 0 || (f.bytes == 7 && memcmp(f.data, "ai.onnx", 7) == 0);
        if (f.number == 2)
            version = f.value;
    }
    if (default_domain)
        *opset = version > 1000000 ? 1000000 : (int)version;
    return !m->bad;
}

/* FunctionProto: 1 name, 9 opset_import, 10 domain, 11 attributes with defaults, 13 overload. */
static arc_status read_function(reader *r, arc_pb *m, arc_onnx_function *f) {
    arc_pb_field field;
    arc_pb inner;
    *f = (arc_onnx_function){.domain = "", .name = "", .overload = "", .body = *m};
    while (arc_pb_next(m, &field)) {
        const char **text = field.number == 1    ? &f->name
                            : field.number == 10 ? &f->domain
                            : field.number == 13 ? &f->overload
                                                 : NULL;
        if (field.number == 9 && (!arc_pb_enter(m, &field, &inner) || !read_opset(&inner, &f->opset)))
            return arc_onnx_malformed(r, m, "function");
        if (!text)
            continue;
        if (!arc_onnx_text(&field, r->text))
            return arc_onnx_malformed(r, m, "function");
        *text = arc_arena_strdup(&r->g->arena, strcmp(r->text, "ai.onnx") == 0 ? "" : r->text);
        if (!*text)
            return arc_onnx_no_memory(r);
    }
    return m->bad ? arc_onnx_malformed(r, m, "function") : arc_onnx_collect_attributes(r, f->body, 11, &f->defaults);
}

/* ModelProto: 25 functions. */
static arc_status read_functions(reader *r, arc_pb m) {
    arc_pb_field f;
    arc_pb inner;
    int count = 0;
    for (arc_pb all = m; arc_pb_next(&all, &f);)
        count += f.number == 25;
    if (count > MAX_FUNCTIONS)
        return arc_fail(r->err, ARC_ELIMIT, "%s: has more than %d functions of its own", r->file, MAX_FUNCTIONS);
    r->function = arc_arena_new(&r->g->arena, (size_t)count + 1, sizeof *r->function);
    if (!r->function)
        return arc_onnx_no_memory(r);
    arc_status st = ARC_OK;
    while (st == ARC_OK && arc_pb_next(&m, &f))
        if (f.number == 25)
            st = arc_pb_enter(&m, &f, &inner) ? read_function(r, &inner, &r->function[r->functions++])
                                              : arc_onnx_malformed(r, &m, "function");
    return st;
}

/* ModelProto: 1 ir_version, 2 producer_name, 3 producer_version, 7 graph, 8 opset_import, 14 metadata_props. */
static arc_status read_model(reader *r, arc_pb m, arc_pb *graph, bool *has_graph) {
    arc_pb_field f;
    arc_pb inner;
    const char *key, *value, *producer[2] = {"", ""};
    *has_graph = false;
    while (arc_pb_next(&m, &f)) {
        if (f.number == 1 && f.wire == ARC_PB_VARINT) {
            r->g->ir_version = (int)ARC_MIN(f.value, (uint64_t)1000);
        } else if (f.number == 2 || f.number == 3) {
            if (!arc_onnx_text(&f, r->text))
                return arc_onnx_malformed(r, &m, "producer name");
            producer[f.number - 2] = arc_arena_strdup(&r->g->arena, r->text);
            if (!producer[f.number - 2])
                return arc_onnx_no_memory(r);
        } else if (f.number == 7) {
            if (!arc_pb_enter(&m, &f, graph))
                return arc_onnx_malformed(r, &m, "graph");
            *has_graph = true;
        } else if (f.number == 8) {
            if (!arc_pb_enter(&m, &f, &inner) || !read_opset(&inner, &r->g->opset))
                return arc_onnx_malformed(r, &m, "opset import");
        } else if (f.number == 14) {
            if (!arc_pb_enter(&m, &f, &inner))
                return arc_onnx_malformed(r, &m, "metadata");
            const arc_status st = read_pair(r, &inner, &key, &value);
            if (st != ARC_OK)
                return st;
            if (arc_graph_set_meta(r->g, key, value) != ARC_OK)
                return arc_onnx_no_memory(r);
        }
    }
    if (m.bad)
        return arc_onnx_malformed(r, &m, "model");
    r->g->producer = arc_arena_printf(&r->g->arena, "%s%s%s", producer[0], *producer[1] ? " " : "", producer[1]);
    return r->g->producer ? ARC_OK : arc_onnx_no_memory(r);
}

static arc_status read_whole(reader *r, const void *bytes, size_t count) {
    arc_pb m, graph;
    bool has_graph;
    arc_pb_init(&m, bytes, count);
    r->g->opset = 0;
    r->looks = ARC_ONNX_MAX_LOOKS;
    arc_status st = read_model(r, m, &graph, &has_graph);
    if (st != ARC_OK)
        return st;
    if (!has_graph)
        return arc_fail(r->err, ARC_EFORMAT, "%s: holds no graph; it is no ONNX model", r->file);
    if (r->g->opset < ARC_ONNX_MIN_OPSET || r->g->opset > ARC_ONNX_MAX_OPSET)
        return arc_fail(r->err, ARC_EUNSUPPORTED, "%s: is of opset %d; %d to %d are supported; export it with opset_version=17",
                        r->file, r->g->opset, ARC_ONNX_MIN_OPSET, ARC_ONNX_MAX_OPSET);
    if (r->g->ir_version > ARC_ONNX_MAX_IR)
        return arc_fail(r->err, ARC_EUNSUPPORTED, "%s: is of ONNX IR version %d; up to %d are supported", r->file,
                        r->g->ir_version, ARC_ONNX_MAX_IR);
    st = read_functions(r, m);
    if (st != ARC_OK)
        return st;
    r->input = arc_mem_new(r->g->alloc, ARC_MAX_NODE_IO, sizeof *r->input);
    r->output = arc_mem_new(r->g->alloc, ARC_MAX_NODE_IO, sizeof *r->output);
    st = r->input && r->output ? read_graph(r, &graph) : arc_onnx_no_memory(r);
    arc_mem_free(r->g->alloc, r->input);
    arc_mem_free(r->g->alloc, r->output);
    if (st == ARC_OK)
        st = arc_onnx_settle_legacy(r->g, r->err);
    if (st == ARC_OK)
        st = arc_onnx_settle_contrib(r->g, r->err);
    if (st != ARC_OK)
        return st;
    st = arc_graph_check(r->g, r->err);
    return st == ARC_OK ? st : arc_fail_in(r->err, st, r->file);
}

static arc_status read_file(reader *r, const void *bytes, size_t count) {
    r->g->arena.limit_bytes = ARC_ONNX_MEMORY_BYTES + ARC_ONNX_MEMORY_TIMES * count;
    const arc_status st = read_whole(r, bytes, count);
    if (st != ARC_ENOMEM || !r->g->arena.at_limit)
        return st;
    return arc_fail(r->err, ARC_ELIMIT,
                    "%s: what its functions, branches, loops and fused operators stand for is more than %d times as large as the "
                    "model, which is not supported",
                    r->file, ARC_ONNX_MEMORY_TIMES);
}

arc_status arc_onnx_parse(arc_graph **out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                          arc_error *err) {
    *out = NULL;
    reader r = {.file = name, .base = bytes, .read_node = arc_onnx_read_node, .err = err};
    arc_status st = arc_graph_new(&r.g, a, 0, err);
    r.files.g = r.g;
    if (st == ARC_OK)
        st = read_file(&r, bytes, count);
    if (st != ARC_OK)
        arc_graph_free(&r.g);
    *out = r.g;
    return st;
}

static arc_status load(arc_graph **out, const arc_alloc *a, const char *path, bool look, arc_error *err) {
    *out = NULL;
    reader r = {.file = path, .read_node = arc_onnx_read_node, .err = err};
    arc_status st = arc_graph_new(&r.g, a, 0, err);
    r.files = (arc_onnx_files){.g = r.g, .model = path};
    if (st == ARC_OK) {
        r.g->keeps_unknown = look;
        st = arc_map_open(&r.g->map, path, ARC_MAX_MODEL_BYTES, err);
    }
    if (st == ARC_OK) {
        r.base = r.g->map.data;
        r.map = &r.g->map;
        st = r.g->map.bytes ? read_file(&r, r.g->map.data, r.g->map.bytes) : arc_fail(err, ARC_EFORMAT, "%s: is empty", path);
    }
    if (st != ARC_OK)
        arc_graph_free(&r.g);
    *out = r.g;
    return st;
}

arc_status arc_onnx_load(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err) {
    return load(out, a, path, false, err);
}

arc_status arc_onnx_look(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err) {
    return load(out, a, path, true, err);
}
