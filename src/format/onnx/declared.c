/* What a graph declares of its values: inputs and outputs, and shapes of values between nodes. */
#include "format/onnx/onnx_internal.h"
#include <stdio.h>

typedef struct declared {
    arc_dtype dtype;
    arc_shape shape;
    char symbol[ARC_MAX_RANK][64];
    int type;   /* as the file has it, known or not */
    bool other; /* no tensor */
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
            d->type = (int)ARC_MIN(f.value, (uint64_t)1000);
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
    d->dtype = arc_dtype_bytes((arc_dtype)d->type) > 0 ? (arc_dtype)d->type : ARC_NO_DTYPE;
    return !m->bad;
}

/* ValueInfoProto: 1 name, 2 type (TypeProto: 1 tensor_type). */
static bool read_value_info(arc_onnx_reader *r, arc_pb *m, declared *d) {
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
        while (arc_pb_next(&type, &g)) {
            d->other |= g.number != 1 && g.number != 6; /* a sequence, a map, an optional or a sparse tensor */
            if (g.number == 1 && (!arc_pb_enter(&type, &g, &tensor) || !read_tensor_type(&tensor, d)))
                return false;
        }
        if (type.bad)
            return false;
    }
    return !m->bad && r->text[0];
}

static bool keep_symbols(arc_onnx_reader *r, int value, const declared *d) {
    for (int i = 0; i < d->shape.rank; i++) {
        if (!d->symbol[i][0])
            continue;
        r->g->value[value].symbol[i] = arc_arena_strdup(&r->g->arena, d->symbol[i]);
        if (!r->g->value[value].symbol[i])
            return false;
    }
    return true;
}

arc_status arc_onnx_read_input(arc_onnx_reader *r, arc_pb *m) {
    declared d;
    if (!read_value_info(r, m, &d))
        return arc_onnx_malformed(r, m, "graph input");
    const int known = arc_graph_find(r->g, r->text);
    if (known >= 0 && r->g->value[known].data)
        return ARC_OK; /* before IR 4 initializers were inputs too */
    if (known >= 0 && r->g->value[known].is_input)
        return arc_fail(r->err, ARC_EFORMAT, "%s: input '%.200s' is declared twice", r->file, r->text);
    const int value = arc_graph_value(r->g, r->text);
    if (value < 0 || arc_graph_add_input(r->g, value, d.dtype, &d.shape) != ARC_OK || !keep_symbols(r, value, &d))
        return arc_onnx_no_memory(r);
    if (d.other)
        return arc_fail(r->err, ARC_EUNSUPPORTED,
                        "%s: input '%.200s' is a sequence, a map or an optional value; only tensors are supported", r->file,
                        r->text);
    if (d.dtype == ARC_NO_DTYPE)
        return arc_fail(r->err, ARC_EUNSUPPORTED, "%s: input '%.200s' has element type %s, which is not supported", r->file,
                        r->text, arc_dtype_name((arc_dtype)d.type));
    return ARC_OK;
}

arc_status arc_onnx_read_output(arc_onnx_reader *r, arc_pb *m) {
    declared d;
    if (!read_value_info(r, m, &d))
        return arc_onnx_malformed(r, m, "graph output");
    const int value = arc_graph_value(r->g, r->text);
    if (value < 0)
        return arc_onnx_no_memory(r);
    arc_value *v = &r->g->value[value];
    if (!v->data && !v->is_input) {
        v->dtype = d.dtype;
        v->shape = d.shape;
        if (!keep_symbols(r, value, &d))
            return arc_onnx_no_memory(r);
    }
    return arc_graph_add_output(r->g, value) == ARC_OK ? ARC_OK : arc_onnx_no_memory(r);
}

/* ValueInfoProto of values between nodes; those that the graph has no value for are of no interest. */
static void read_shape(arc_onnx_reader *r, arc_pb *m) {
    declared d;
    if (!read_value_info(r, m, &d))
        return; /* nothing depends on it */
    const int v = arc_graph_find(r->g, r->text);
    if (v >= 0 && r->g->value[v].shape.rank < 0 && !r->g->value[v].data)
        r->g->value[v].shape = d.shape;
}

/* GraphProto: 13 value_info. */
void arc_onnx_read_shapes(arc_onnx_reader *r) {
    arc_pb m = r->graph, inner;
    arc_pb_field f;
    r->shapes_read = true;
    while (arc_pb_next(&m, &f))
        if (f.number == 13 && arc_pb_enter(&m, &f, &inner))
            read_shape(r, &inner);
}
