/* Reading an ONNX ModelProto into a graph. Field numbers are those of onnx.proto (IR version 8). Weights stay where they lie in the
 * mapped file when they are aligned for their type; misaligned ones are copied and the pages they came from given back. */
#include "format/onnx/onnx_internal.h"
#include <stdio.h>
#include <string.h>

#define DROP_MIN_BYTES ((size_t)64 << 10)

typedef struct reader {
    arc_graph *g;
    const char *file;    /* for error texts */
    const uint8_t *base; /* offset 0 of the file */
    const arc_map *map;  /* NULL when read from memory */
    char text[ARC_ONNX_MAX_NAME + 1];
    char where[512];
    int *input, *output; /* of the node being read */
    arc_error *err;
} reader;

static size_t offset_of(const reader *r, const arc_pb *pb) {
    return (size_t)(pb->at - r->base);
}

static arc_status malformed(reader *r, const arc_pb *pb, const char *what) {
    return arc_fail(r->err, ARC_ECORRUPT, "%s: byte %zu: malformed %s; the file is damaged or is no ONNX model", r->file,
                    offset_of(r, pb), what);
}

static arc_status no_memory(reader *r) {
    return arc_fail(r->err, ARC_ENOMEM, "%s: out of memory, or more than %d nodes or %d values", r->file, ARC_MAX_NODES,
                    ARC_MAX_VALUES);
}

/* ---- tensors ------------------------------------------------------------------------------------------------------------------ */

/* Reads a TensorProto as a constant called `name` (NULL: its own name). */
static arc_status read_constant(reader *r, const arc_pb *message, const char *name, const char *where, int *value) {
    arc_onnx_tensor t;
    const arc_status st = arc_onnx_read_tensor(&t, &r->g->arena, message, where, r->base, r->err);
    if (st != ARC_OK)
        return st;
    if (r->map && t.copied_from && t.data_bytes >= DROP_MIN_BYTES)
        arc_map_drop(r->map, t.copied_from, t.data_bytes);
    if (!name && !t.name[0])
        return arc_fail(r->err, ARC_EFORMAT, "%s: an initializer has no name", where);
    const int known = arc_graph_find(r->g, name ? name : t.name);
    if (known >= 0 && r->g->value[known].data)
        return arc_fail(r->err, ARC_EFORMAT, "%s: initializer '%.200s' is given twice", where, t.name);
    *value = arc_graph_constant(r->g, name ? name : t.name, t.dtype, &t.shape, t.data, false);
    return *value < 0 ? no_memory(r) : ARC_OK;
}

/* ---- inputs and outputs ------------------------------------------------------------------------------------------------------- */

typedef struct declared {
    arc_dtype dtype;
    arc_shape shape;
    char symbol[ARC_MAX_RANK][64];
} declared;

static bool read_dim(arc_pb *m, declared *d) {
    arc_pb_field f;
    if (d->shape.rank == ARC_MAX_RANK)
        return false;
    const int i = d->shape.rank++;
    d->shape.dim[i] = -1;
    while (arc_pb_next(m, &f)) {
        if (f.number == 1 && f.wire == ARC_PB_VARINT) {
            if ((int64_t)f.value > ARC_MAX_DIM)
                return false;
            d->shape.dim[i] = (int64_t)f.value > 0 ? (int64_t)f.value : -1; /* exporters write 0 or -1 for "any" */
        } else if (f.number == 2 && f.wire == ARC_PB_BYTES) {
            snprintf(d->symbol[i], sizeof d->symbol[i], "%.*s", (int)ARC_MIN(f.bytes, sizeof d->symbol[i] - 1),
                     (const char *)f.data);
        }
    }
    return !m->bad;
}

/* TypeProto.Tensor: 1 elem_type, 2 shape. */
static bool read_tensor_type(arc_pb *m, declared *d) {
    arc_pb_field f, g;
    while (arc_pb_next(m, &f)) {
        if (f.number == 1 && f.wire == ARC_PB_VARINT)
            d->dtype = f.value <= ARC_BF16 ? (arc_dtype)f.value : ARC_NO_DTYPE;
        if (f.number != 2)
            continue;
        arc_pb shape, dim;
        d->shape.rank = 0;
        if (!arc_pb_enter(m, &f, &shape))
            return false;
        while (arc_pb_next(&shape, &g))
            if (g.number == 1 && (!arc_pb_enter(&shape, &g, &dim) || !read_dim(&dim, d)))
                return false;
        if (shape.bad)
            return false;
    }
    return !m->bad;
}

/* ValueInfoProto: 1 name, 2 type (TypeProto: 1 tensor_type). */
static bool read_value_info(reader *r, arc_pb *m, declared *d) {
    arc_pb_field f, g;
    *d = (declared){.shape.rank = -1};
    r->text[0] = 0;
    while (arc_pb_next(m, &f)) {
        arc_pb type, tensor;
        if (f.number == 1 && !arc_onnx_text(&f, r->text))
            return false;
        if (f.number != 2)
            continue;
        if (!arc_pb_enter(m, &f, &type))
            return false;
        while (arc_pb_next(&type, &g))
            if (g.number == 1 && (!arc_pb_enter(&type, &g, &tensor) || !read_tensor_type(&tensor, d)))
                return false;
        if (type.bad)
            return false;
    }
    return !m->bad && r->text[0];
}

static bool keep_symbols(reader *r, int value, const declared *d) {
    for (int i = 0; i < d->shape.rank; i++) {
        if (!d->symbol[i][0])
            continue;
        r->g->value[value].symbol[i] = arc_arena_strdup(&r->g->arena, d->symbol[i]);
        if (!r->g->value[value].symbol[i])
            return false;
    }
    return true;
}

static arc_status read_input(reader *r, arc_pb *m) {
    declared d;
    if (!read_value_info(r, m, &d))
        return malformed(r, m, "graph input");
    const int known = arc_graph_find(r->g, r->text);
    if (known >= 0 && r->g->value[known].data)
        return ARC_OK; /* before IR 4 initializers were inputs too */
    if (known >= 0 && r->g->value[known].is_input)
        return arc_fail(r->err, ARC_EFORMAT, "%s: input '%.200s' is declared twice", r->file, r->text);
    const int value = arc_graph_value(r->g, r->text);
    if (value < 0 || arc_graph_add_input(r->g, value, d.dtype, &d.shape) != ARC_OK || !keep_symbols(r, value, &d))
        return no_memory(r);
    if (d.dtype == ARC_NO_DTYPE)
        return arc_fail(r->err, ARC_EUNSUPPORTED, "%s: input '%.200s' is no tensor of a supported type", r->file, r->text);
    return ARC_OK;
}

static arc_status read_output(reader *r, arc_pb *m) {
    declared d;
    if (!read_value_info(r, m, &d))
        return malformed(r, m, "graph output");
    const int value = arc_graph_value(r->g, r->text);
    if (value < 0)
        return no_memory(r);
    arc_value *v = &r->g->value[value];
    if (!v->data && !v->is_input) {
        v->dtype = d.dtype;
        v->shape = d.shape;
        if (!keep_symbols(r, value, &d))
            return no_memory(r);
    }
    return arc_graph_add_output(r->g, value) == ARC_OK ? ARC_OK : no_memory(r);
}

/* ---- nodes -------------------------------------------------------------------------------------------------------------------- */

typedef struct attr_scan {
    char name[ARC_ONNX_MAX_NAME + 1];
    uint64_t type, i;
    uint32_t f;
    arc_pb_field s, t;
    size_t ints, floats;
    bool has_f, has_i, has_s, has_t, other; /* other: graphs, sparse tensors, lists of strings or tensors */
} attr_scan;

/* AttributeProto: 1 name, 2 f, 3 i, 4 s, 5 t, 6 g, 7 floats, 8 ints, 9 strings, 10 tensors, 11 graphs, 20 type. */
static bool scan_attr(arc_pb *m, attr_scan *a) {
    arc_pb_field f;
    memset(a, 0, sizeof *a);
    while (arc_pb_next(m, &f)) {
        switch (f.number) {
        case 1:
            if (!arc_onnx_text(&f, a->name))
                return false;
            break;
        case 2:
            a->has_f = f.wire == ARC_PB_FIXED32;
            a->f = (uint32_t)f.value;
            break;
        case 3:
            a->has_i = f.wire == ARC_PB_VARINT;
            a->i = f.value;
            break;
        case 4:
            a->has_s = f.wire == ARC_PB_BYTES;
            a->s = f;
            break;
        case 5:
            a->has_t = f.wire == ARC_PB_BYTES;
            a->t = f;
            break;
        case 7:
            arc_pb_count(m, &f, ARC_PB_FIXED32, &a->floats);
            break;
        case 8:
            arc_pb_count(m, &f, ARC_PB_VARINT, &a->ints);
            break;
        case 6:
        case 9:
        case 10:
        case 11:
        case 22:
        case 23:
            a->other = true;
            break;
        case 20:
            a->type = f.value;
            break;
        default:
            break;
        }
    }
    return !m->bad && a->name[0];
}

typedef struct list_sink {
    int64_t *ints;
    float *floats;
} list_sink;

static void put_element(void *arg, size_t i, uint64_t bits) {
    const list_sink *to = arg;
    const uint32_t low = (uint32_t)bits;
    if (to->ints)
        to->ints[i] = (int64_t)bits;
    else
        memcpy(&to->floats[i], &low, sizeof low);
}

static arc_status read_list(reader *r, arc_node *n, const attr_scan *a, arc_pb m) {
    const bool ints = a->ints > 0 || a->type == 7;
    const size_t count = ints ? a->ints : a->floats;
    if (count > ARC_ONNX_MAX_LIST)
        return arc_fail(r->err, ARC_ELIMIT, "%s: attribute '%.100s' has %zu elements", r->where, a->name, count);
    list_sink to = {0};
    void *list = arc_arena_new(&r->g->arena, count + 1, ints ? sizeof(int64_t) : sizeof(float));
    if (!list)
        return no_memory(r);
    to.ints = ints ? list : NULL;
    to.floats = ints ? NULL : list;
    arc_pb_field f;
    size_t at = 0;
    while (arc_pb_next(&m, &f))
        if (f.number == (ints ? 8u : 7u))
            arc_pb_each(&f, ints ? ARC_PB_VARINT : ARC_PB_FIXED32, &at, put_element, &to);
    const arc_status st =
        ints ? arc_node_ints(r->g, n, a->name, count, to.ints) : arc_node_floats(r->g, n, a->name, count, to.floats);
    return st == ARC_OK ? st : no_memory(r);
}

static arc_status read_tensor_attr(reader *r, arc_node *n, const attr_scan *a) {
    char *name = arc_arena_printf(&r->g->arena, "%.200s.%.100s#%d", n->name, a->name, r->g->values);
    arc_pb message;
    int value;
    if (!name)
        return no_memory(r);
    arc_pb_init(&message, a->t.data, a->t.bytes);
    const arc_status st = read_constant(r, &message, name, r->where, &value);
    if (st != ARC_OK)
        return st;
    return arc_node_tensor(r->g, n, a->name, value) == ARC_OK ? ARC_OK : no_memory(r);
}

static arc_status read_attr(reader *r, arc_node *n, arc_pb m) {
    attr_scan a;
    const arc_pb whole = m;
    if (!scan_attr(&m, &a))
        return malformed(r, &m, "attribute");
    if (a.other)
        return arc_fail(r->err, ARC_EUNSUPPORTED,
                        "%s (opset %d): attribute '%.100s' is a graph or a list of texts, which is not supported", r->where,
                        r->g->opset, a.name);
    arc_status st = ARC_OK;
    if (a.ints || a.floats || a.type == 6 || a.type == 7)
        return read_list(r, n, &a, whole);
    if (a.has_t)
        return read_tensor_attr(r, n, &a);
    if (a.has_s || a.type == 3) {
        if (a.s.bytes && !arc_onnx_text(&a.s, r->text))
            return malformed(r, &m, "text attribute");
        if (!a.s.bytes)
            r->text[0] = 0;
        st = arc_node_string(r->g, n, a.name, r->text);
    } else if (a.has_f || a.type == 1) {
        float f;
        memcpy(&f, &a.f, sizeof f);
        st = arc_node_float(r->g, n, a.name, f);
    } else if (a.has_i || a.type == 2) { /* proto3 leaves zeros out: the type tells which zero it is */
        st = arc_node_int(r->g, n, a.name, (int64_t)a.i);
    }
    return st == ARC_OK ? st : no_memory(r);
}

/* NodeProto: 1 input, 2 output, 3 name, 4 op_type, 5 attribute, 7 domain. */
static arc_status scan_node(reader *r, arc_pb m, char op[128], char *name, size_t name_bytes, int *inputs, int *outputs) {
    arc_pb_field f;
    *inputs = *outputs = 0;
    op[0] = name[0] = 0;
    while (arc_pb_next(&m, &f)) {
        if (f.number == 5 || f.number > 7)
            continue;
        if (!arc_onnx_text(&f, r->text))
            return malformed(r, &m, "node");
        if (f.number == 1 || f.number == 2) {
            int *count = f.number == 1 ? inputs : outputs, *list = f.number == 1 ? r->input : r->output;
            if (*count == ARC_MAX_NODE_IO)
                return arc_fail(r->err, ARC_ELIMIT, "%s: a node has more than %d inputs or outputs", r->file, ARC_MAX_NODE_IO);
            const int value = r->text[0] ? arc_graph_value(r->g, r->text) : ARC_NO_VALUE;
            if (r->text[0] && value < 0)
                return no_memory(r);
            list[(*count)++] = value;
        } else if (f.number == 3) {
            snprintf(name, name_bytes, "%s", r->text);
        } else if (f.number == 4) {
            snprintf(op, 128, "%.127s", r->text);
        } else if (f.number == 7 && r->text[0] && strcmp(r->text, "ai.onnx") != 0) {
            return arc_fail(r->err, ARC_EUNSUPPORTED,
                            "%s: operator '%.100s' of node '%.150s' is from the domain '%.100s', which is not supported", r->file,
                            op, name, r->text);
        }
    }
    if (m.bad || !op[0])
        return malformed(r, &m, "node");
    return ARC_OK;
}

static arc_status read_node(reader *r, const arc_pb *message) {
    char op[128], name[ARC_ONNX_MAX_NAME + 1];
    int inputs, outputs;
    arc_status st = scan_node(r, *message, op, name, sizeof name, &inputs, &outputs);
    if (st != ARC_OK)
        return st;
    arc_node *n = arc_graph_node(r->g, op, name, inputs, r->input, outputs, r->output);
    if (!n)
        return no_memory(r);
    snprintf(r->where, sizeof r->where, "%.200s: %.100s '%.150s'", r->file, op, name);
    arc_pb m = *message, attr;
    arc_pb_field f;
    while (st == ARC_OK && arc_pb_next(&m, &f))
        if (f.number == 5) {
            if (!arc_pb_enter(&m, &f, &attr))
                return malformed(r, &m, "node");
            st = read_attr(r, n, attr);
        }
    return st;
}

/* ---- graph and model ---------------------------------------------------------------------------------------------------------- */

/* GraphProto: 1 node, 2 name, 5 initializer, 11 input, 12 output, 15 sparse_initializer. Initializers first: inputs leave them out. */
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
            return malformed(r, &m, "graph");
        if (f.number == 5)
            st = read_constant(r, &inner, NULL, r->file, &value);
        else if (f.number == 11)
            st = read_input(r, &inner);
        else if (f.number == 1)
            st = read_node(r, &inner);
        else
            st = read_output(r, &inner);
    }
    if (st == ARC_OK && m.bad)
        return malformed(r, &m, "graph");
    return st;
}

static arc_status read_graph(reader *r, const arc_pb *message) {
    static const uint32_t order[] = {5, 11, 1, 12};
    arc_status st = ARC_OK;
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
            return malformed(r, m, "metadata");
        const char *copy = arc_arena_strndup(&r->g->arena, (const char *)f.data, f.bytes);
        if (!copy)
            return no_memory(r);
        *(f.number == 1 ? first : second) = copy;
    }
    return m->bad ? malformed(r, m, "metadata") : ARC_OK;
}

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
                return malformed(r, &m, "producer name");
            producer[f.number - 2] = arc_arena_strdup(&r->g->arena, r->text);
            if (!producer[f.number - 2])
                return no_memory(r);
        } else if (f.number == 7) {
            if (!arc_pb_enter(&m, &f, graph))
                return malformed(r, &m, "graph");
            *has_graph = true;
        } else if (f.number == 8) {
            if (!arc_pb_enter(&m, &f, &inner) || !read_opset(&inner, &r->g->opset))
                return malformed(r, &m, "opset import");
        } else if (f.number == 14) {
            if (!arc_pb_enter(&m, &f, &inner))
                return malformed(r, &m, "metadata");
            const arc_status st = read_pair(r, &inner, &key, &value);
            if (st != ARC_OK)
                return st;
            if (arc_graph_set_meta(r->g, key, value) != ARC_OK)
                return no_memory(r);
        }
    }
    if (m.bad)
        return malformed(r, &m, "model");
    r->g->producer = arc_arena_printf(&r->g->arena, "%s%s%s", producer[0], *producer[1] ? " " : "", producer[1]);
    return r->g->producer ? ARC_OK : no_memory(r);
}

static arc_status read_file(reader *r, const void *bytes, size_t count) {
    arc_pb m, graph;
    bool has_graph;
    arc_pb_init(&m, bytes, count);
    r->g->opset = 0;
    arc_status st = read_model(r, m, &graph, &has_graph);
    if (st != ARC_OK)
        return st;
    if (!has_graph)
        return arc_fail(r->err, ARC_EFORMAT, "%s: holds no graph; it is no ONNX model", r->file);
    if (r->g->opset < ARC_ONNX_MIN_OPSET || r->g->opset > ARC_ONNX_MAX_OPSET)
        return arc_fail(r->err, ARC_EUNSUPPORTED, "%s: is of opset %d; %d to %d are supported", r->file, r->g->opset,
                        ARC_ONNX_MIN_OPSET, ARC_ONNX_MAX_OPSET);
    r->input = arc_mem_new(r->g->alloc, ARC_MAX_NODE_IO, sizeof *r->input);
    r->output = arc_mem_new(r->g->alloc, ARC_MAX_NODE_IO, sizeof *r->output);
    st = r->input && r->output ? read_graph(r, &graph) : no_memory(r);
    arc_mem_free(r->g->alloc, r->input);
    arc_mem_free(r->g->alloc, r->output);
    if (st != ARC_OK)
        return st;
    st = arc_graph_check(r->g, r->err);
    return st == ARC_OK ? st : arc_fail_in(r->err, st, r->file);
}

arc_status arc_onnx_parse(arc_graph **out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                          arc_error *err) {
    *out = NULL;
    reader r = {.file = name, .base = bytes, .err = err};
    arc_status st = arc_graph_new(&r.g, a, 0, err);
    if (st == ARC_OK)
        st = read_file(&r, bytes, count);
    if (st != ARC_OK)
        arc_graph_free(&r.g);
    *out = r.g;
    return st;
}

arc_status arc_onnx_load(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err) {
    *out = NULL;
    reader r = {.file = path, .err = err};
    arc_status st = arc_graph_new(&r.g, a, 0, err);
    if (st == ARC_OK)
        st = arc_map_open(&r.g->map, path, ARC_MAX_MODEL_BYTES, err);
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
