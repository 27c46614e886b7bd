/* Writing a graph as an ONNX file. Nodes and names are small and go through buffers; weights stream from where they lie. Raw data
 * of large tensors starts at a multiple of 64 bytes of the file (a doc_string of blanks in front fills the gap), so that reading
 * it back needs no copy. */
#include "base/paths.h"
#include "format/onnx/onnx_internal.h"
#include <string.h>

#define BUFFER_MAX ((size_t)512 << 20)
#define METADATA_PROPS 14 /* field of ModelProto */
#define LARGE_BYTES 4096  /* from here on a tensor is worth a gap of up to 64 bytes */

typedef struct message {
    arc_buffer b;
    bool failed;
} message;

static void open_message(message *m, const arc_alloc *a) {
    arc_buffer_init(&m->b, a, BUFFER_MAX);
    m->failed = false;
}

static void put(message *m, const void *data, size_t bytes) {
    if (!m->failed && bytes && arc_buffer_put(&m->b, data, bytes) != ARC_OK)
        m->failed = true;
}

static size_t varint_bytes(uint64_t v) {
    size_t n = 1;
    for (; v >= 128; v >>= 7)
        n++;
    return n;
}

static void put_varint(message *m, uint64_t v) {
    uint8_t bytes[10];
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        bytes[n++] = (uint8_t)(v | 128);
    bytes[n++] = (uint8_t)v;
    put(m, bytes, n);
}

static void put_int(message *m, uint32_t field, uint64_t v) {
    put_varint(m, (uint64_t)field << 3 | ARC_PB_VARINT);
    put_varint(m, v);
}

static void put_bytes(message *m, uint32_t field, const void *data, size_t bytes) {
    put_varint(m, (uint64_t)field << 3 | ARC_PB_BYTES);
    put_varint(m, bytes);
    put(m, data, bytes);
}

static void put_text(message *m, uint32_t field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

/* Closes `inner` as a field of `m`. */
static void put_message(message *m, uint32_t field, message *inner) {
    put_bytes(m, field, inner->b.data, inner->b.bytes);
    m->failed |= inner->failed;
    arc_buffer_free(&inner->b);
}

static void put_float(message *m, uint32_t field, float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint8_t bytes[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
    put_varint(m, (uint64_t)field << 3 | ARC_PB_FIXED32);
    put(m, bytes, sizeof bytes);
}

/* ---- tensors --------------------------------------------------------------------------------------------------------------- */

/* TensorProto up to its raw data: 1 dims, 2 data_type, 8 name. */
static void put_tensor_head(message *m, const arc_value *v, const char *name) {
    for (int i = 0; i < v->shape.rank; i++)
        put_int(m, 1, (uint64_t)v->shape.dim[i]);
    put_int(m, 2, (uint64_t)v->dtype);
    put_text(m, 8, name);
}

static size_t raw_field_bytes(size_t raw) {
    return 1 + varint_bytes(raw) + raw;
}

/* Bytes of the doc_string field that moves the raw data of a tensor at file offset `at` to its boundary; 0 = no field. */
static size_t gap_bytes(size_t at, size_t head, size_t raw) {
    const size_t boundary = raw >= LARGE_BYTES ? 64 : 8;
    for (size_t gap = 0; gap <= 129; gap += gap ? 1 : 2) {
        const size_t body = head + gap + raw_field_bytes(raw);
        const size_t data_at = at + 1 + varint_bytes(body) + head + gap + 1 + varint_bytes(raw);
        if (data_at % boundary == 0)
            return gap;
    }
    return 0;
}

static void put_gap(message *m, size_t gap) {
    if (gap == 0)
        return;
    put_varint(m, 12 << 3 | ARC_PB_BYTES);
    put_varint(m, gap - 2);
    for (size_t i = 2; i < gap; i++)
        put(m, " ", 1);
}

/* ---- nodes, inputs, outputs ------------------------------------------------------------------------------------------------ */

static void put_attr(message *node, const arc_graph *g, const arc_attr *a) {
    message m, t;
    open_message(&m, g->alloc);
    put_text(&m, 1, a->name);
    switch (a->kind) {
    case ARC_ATTR_FLOAT:
        put_float(&m, 2, a->f);
        put_int(&m, 20, 1);
        break;
    case ARC_ATTR_INT:
        put_int(&m, 3, (uint64_t)a->i);
        put_int(&m, 20, 2);
        break;
    case ARC_ATTR_STRING:
        put_text(&m, 4, a->s);
        put_int(&m, 20, 3);
        break;
    case ARC_ATTR_TENSOR:
        open_message(&t, g->alloc);
        put_tensor_head(&t, &g->value[a->value], "");
        put_bytes(&t, 9, g->value[a->value].data, g->value[a->value].data_bytes);
        put_message(&m, 5, &t);
        put_int(&m, 20, 4);
        break;
    case ARC_ATTR_FLOATS:
        for (size_t i = 0; i < a->count; i++)
            put_float(&m, 7, a->floats[i]);
        put_int(&m, 20, 6);
        break;
    case ARC_ATTR_INTS:
        for (size_t i = 0; i < a->count; i++)
            put_int(&m, 8, (uint64_t)a->ints[i]);
        put_int(&m, 20, 7);
        break;
    }
    put_message(node, 5, &m);
}

static void put_node(message *graph, const arc_graph *g, const arc_node *n) {
    message m;
    open_message(&m, g->alloc);
    for (int i = 0; i < n->inputs; i++)
        put_text(&m, 1, n->input[i] < 0 ? "" : g->value[n->input[i]].name);
    for (int i = 0; i < n->outputs; i++)
        put_text(&m, 2, n->output[i] < 0 ? "" : g->value[n->output[i]].name);
    if (*n->name)
        put_text(&m, 3, n->name);
    const char *dot = strrchr(n->op, '.'); /* "domain.Operator" */
    put_text(&m, 4, dot ? dot + 1 : n->op);
    if (dot)
        put_bytes(&m, 7, n->op, (size_t)(dot - n->op));
    for (int i = 0; i < n->attrs; i++)
        put_attr(&m, g, &n->attr[i]);
    put_message(graph, 1, &m);
}

static void put_value_info(message *graph, const arc_graph *g, uint32_t field, const arc_value *v) {
    message info, type, tensor, shape, dim;
    open_message(&info, g->alloc);
    open_message(&type, g->alloc);
    open_message(&tensor, g->alloc);
    put_text(&info, 1, v->name);
    put_int(&tensor, 1, v->dtype == ARC_NO_DTYPE ? ARC_F32 : (uint64_t)v->dtype);
    if (v->shape.rank >= 0) {
        open_message(&shape, g->alloc);
        for (int i = 0; i < v->shape.rank; i++) {
            open_message(&dim, g->alloc);
            if (v->shape.dim[i] >= 0)
                put_int(&dim, 1, (uint64_t)v->shape.dim[i]);
            else if (v->symbol[i])
                put_text(&dim, 2, v->symbol[i]);
            put_message(&shape, 1, &dim);
        }
        put_message(&tensor, 2, &shape);
    }
    put_message(&type, 1, &tensor);
    put_message(&info, 2, &type);
    put_message(graph, field, &info);
}

/* ---- file ------------------------------------------------------------------------------------------------------------------ */

/* Version 1 of every other domain, in the order in which nodes name them. */
static void put_domains(message *m, const arc_graph *g) {
    for (int i = 0; i < g->nodes; i++) {
        const char *op = g->node[i].op, *dot = strrchr(op, '.');
        const size_t bytes = dot ? (size_t)(dot - op) : 0;
        bool known = !dot;
        for (int k = 0; !known && k < i; k++)
            known = strncmp(g->node[k].op, op, bytes + 1) == 0 && !strchr(g->node[k].op + bytes + 1, '.');
        if (known)
            continue;
        message opset;
        open_message(&opset, g->alloc);
        put_bytes(&opset, 1, op, bytes);
        put_int(&opset, 2, 1);
        put_message(m, 8, &opset);
    }
}

static void put_metadata(message *m, const arc_alloc *a, const arc_meta *meta, int metas) {
    message entry;
    for (int i = 0; i < metas; i++) {
        open_message(&entry, a);
        put_text(&entry, 1, meta[i].key);
        put_text(&entry, 2, meta[i].value);
        put_message(m, METADATA_PROPS, &entry);
    }
}

static void put_model_head(message *m, const arc_graph *g) {
    message opset;
    put_int(m, 1, (uint64_t)ARC_MAX(g->ir_version, g->opset >= 15 ? 8 : 7));
    put_text(m, 2, "arcface");
    put_text(m, 3, arc_version());
    open_message(&opset, g->alloc);
    put_text(&opset, 1, "");
    put_int(&opset, 2, (uint64_t)g->opset);
    put_message(m, 8, &opset);
    put_domains(m, g);
    put_metadata(m, g->alloc, g->meta, g->metas);
}

static void put_graph_head(message *m, const arc_graph *g) {
    for (int i = 0; i < g->nodes; i++)
        put_node(m, g, &g->node[i]);
    put_text(m, 2, *g->name ? g->name : "arcface");
    for (int i = 0; i < g->inputs; i++)
        put_value_info(m, g, 11, &g->value[g->input[i]]);
    for (int i = 0; i < g->outputs; i++)
        put_value_info(m, g, 12, &g->value[g->output[i]]);
}

/* Constants that nodes or outputs read: the initializers. Those of attributes stand in their nodes. */
static bool *find_initializers(const arc_graph *g) {
    bool *is = arc_mem_new(g->alloc, (size_t)g->values + 1, sizeof *is);
    for (int i = 0; is && i < g->nodes; i++)
        for (int k = 0; k < g->node[i].inputs; k++)
            if (g->node[i].input[k] >= 0)
                is[g->node[i].input[k]] = g->value[g->node[i].input[k]].data != NULL;
    for (int i = 0; is && i < g->outputs; i++)
        is[g->output[i]] = g->value[g->output[i]].data != NULL;
    return is;
}

static size_t tensor_head_bytes(const arc_graph *g, const arc_value *v, bool *failed) {
    message m;
    open_message(&m, g->alloc);
    put_tensor_head(&m, v, v->name);
    const size_t bytes = m.b.bytes;
    *failed |= m.failed;
    arc_buffer_free(&m.b);
    return bytes;
}

/* Where the file ends when the initializers start at `at`. */
static size_t end_of_tensors(const arc_graph *g, const bool *is, size_t at, bool *failed) {
    for (int v = 0; v < g->values; v++) {
        if (!is[v])
            continue;
        const size_t head = tensor_head_bytes(g, &g->value[v], failed), raw = g->value[v].data_bytes;
        const size_t body = head + gap_bytes(at, head, raw) + raw_field_bytes(raw);
        at += 1 + varint_bytes(body) + body;
    }
    return at;
}

static arc_status write_tensor(arc_writer *w, const arc_graph *g, const arc_value *v, size_t *at, arc_error *err) {
    message m, body;
    bool failed = false;
    const size_t head = tensor_head_bytes(g, v, &failed), raw = v->data_bytes, gap = gap_bytes(*at, head, raw);
    const size_t bytes = head + gap + raw_field_bytes(raw);
    open_message(&m, g->alloc);
    open_message(&body, g->alloc);
    put_tensor_head(&body, v, v->name);
    put_gap(&body, gap);
    put_varint(&body, 9 << 3 | ARC_PB_BYTES);
    put_varint(&body, raw);
    put_varint(&m, 5 << 3 | ARC_PB_BYTES);
    put_varint(&m, bytes);
    put(&m, body.b.data, body.b.bytes);
    failed |= m.failed || body.failed;
    arc_status st = failed ? arc_fail_nomem(err, "writing a model") : arc_writer_put(w, m.b.data, m.b.bytes, err);
    if (st == ARC_OK)
        st = arc_writer_put(w, v->data, raw, err);
    *at += 1 + varint_bytes(bytes) + bytes;
    arc_buffer_free(&m.b);
    arc_buffer_free(&body.b);
    return st;
}

static arc_status refuse_fused(const arc_graph *g, arc_error *err) {
    for (int i = 0; i < g->nodes; i++)
        for (int k = 0; k < g->node[i].attrs; k++)
            if (strncmp(g->node[i].attr[k].name, "arc.", 4) == 0)
                return arc_fail(err, ARC_EINVAL, "node '%.200s' was fused for inference and can't be written as ONNX",
                                g->node[i].name);
    return ARC_OK;
}

/* The graph field's length is written in front of it, and alignment depends on how many bytes that length takes. */
static size_t graph_length(const arc_graph *g, const bool *is, size_t model_head, size_t graph_head, bool *failed) {
    for (size_t width = 1; width <= 6; width++) {
        const size_t start = model_head + 1 + width;
        const size_t length = end_of_tensors(g, is, start + graph_head, failed) - start;
        if (varint_bytes(length) == width)
            return length;
    }
    *failed = true;
    return 0;
}

arc_status arc_onnx_write(const arc_graph *g, arc_writer *w, arc_error *err) {
    arc_status st = refuse_fused(g, err);
    if (st != ARC_OK)
        return st;
    message model, graph;
    open_message(&model, g->alloc);
    open_message(&graph, g->alloc);
    bool *is = find_initializers(g), failed = !is;
    put_model_head(&model, g);
    put_graph_head(&graph, g);
    const size_t length = is ? graph_length(g, is, model.b.bytes, graph.b.bytes, &failed) : 0;
    put_varint(&model, 7 << 3 | ARC_PB_BYTES);
    put_varint(&model, length);
    if (failed || model.failed || graph.failed)
        ARC_TRY(arc_fail_nomem(err, "writing a model"));
    ARC_TRY(arc_writer_put(w, model.b.data, model.b.bytes, err));
    ARC_TRY(arc_writer_put(w, graph.b.data, graph.b.bytes, err));
    size_t at = model.b.bytes + graph.b.bytes;
    for (int v = 0; v < g->values; v++)
        if (is[v])
            ARC_TRY(write_tensor(w, g, &g->value[v], &at, err));
done:
    arc_buffer_free(&model.b);
    arc_buffer_free(&graph.b);
    arc_mem_free(g->alloc, is);
    return st;
}

arc_status arc_onnx_save(const arc_graph *g, const char *path, arc_error *err) {
    arc_writer *w = NULL;
    arc_status st = arc_writer_open(&w, g->alloc, path, err);
    if (st == ARC_OK)
        st = arc_onnx_write(g, w, err);
    return arc_writer_finish(&w, st, err);
}

/* ---- new metadata for a file --------------------------------------------------------------------------------------------- */

/* A ModelProto is a row of fields in any order: everything but its metadata is copied as it stands. */
static arc_status copy_rest(arc_writer *w, const arc_map *map, const char *path, arc_error *err) {
    arc_pb m;
    arc_pb_field f;
    arc_status st = ARC_OK;
    arc_pb_init(&m, map->data, map->bytes);
    for (const uint8_t *from = m.at; st == ARC_OK && arc_pb_next(&m, &f); from = m.at)
        if (f.number != METADATA_PROPS)
            st = arc_writer_put(w, from, (size_t)(m.at - from), err);
    if (st == ARC_OK && m.bad)
        st = arc_fail(err, ARC_ECORRUPT, "%s: is no ONNX file from byte %zu on", path, (size_t)(m.at - map->data));
    return st;
}

arc_status arc_onnx_replace_metadata(const arc_alloc *a, const char *path, const arc_meta *meta, int metas, arc_error *err) {
    arc_status st;
    arc_map map = {0};
    arc_writer *w = NULL;
    message entries;
    char real[ARC_PATH_BYTES];
    open_message(&entries, a);
    put_metadata(&entries, a, meta, metas);
    if (entries.failed)
        ARC_TRY(arc_fail_nomem(err, "writing metadata"));
    ARC_TRY(arc_path_real(path, real, sizeof real, err));
    ARC_TRY(arc_map_open(&map, real, ARC_MAX_MODEL_BYTES, err));
    ARC_TRY(arc_writer_open(&w, a, real, err));
    ARC_TRY(copy_rest(w, &map, path, err));
    ARC_TRY(arc_writer_put(w, entries.b.data, entries.b.bytes, err));
    ARC_TRY(arc_writer_commit(&w, err));
done:
    arc_writer_abort(&w);
    arc_map_close(&map);
    arc_buffer_free(&entries.b);
    return st;
}
