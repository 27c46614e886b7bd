/* MXNet's .params: a list of NDArrays and their names, little-endian. Arrays stay where they lie in the mapping. */
#include "format/mxnet/mxnet_internal.h"
#include <string.h>

#define LIST_MAGIC 0x112u
#define V1_MAGIC 0xF993fac8u
#define V2_MAGIC 0xF993fac9u
#define V3_MAGIC 0xF993facau
#define MAX_ARRAYS 100000

typedef struct cursor {
    const uint8_t *start, *at, *end;
    const char *file;
    arc_error *err;
} cursor;

typedef struct array {
    arc_dtype dtype;
    arc_shape shape;
    const uint8_t *data;
    size_t bytes;
} array;

static arc_status corrupt(const cursor *c, const char *what) {
    return arc_fail(c->err, ARC_ECORRUPT, "%s: byte %zu: %s; the file is damaged or is no MXNet .params", c->file,
                    (size_t)(c->at - c->start), what);
}

static bool take(cursor *c, size_t bytes, uint64_t *v) {
    if (bytes > (size_t)(c->end - c->at))
        return false;
    *v = 0;
    for (size_t i = 0; i < bytes; i++)
        *v |= (uint64_t)c->at[i] << (8 * i);
    c->at += bytes;
    return true;
}

static arc_status read_shape(cursor *c, uint64_t rank, size_t dim_bytes, arc_shape *s) {
    if (rank > ARC_MAX_RANK)
        return corrupt(c, "an array has too many dimensions");
    s->rank = (int)rank;
    for (int i = 0; i < s->rank; i++) {
        uint64_t d;
        if (!take(c, dim_bytes, &d) || d > (uint64_t)ARC_MAX_DIM)
            return corrupt(c, "an array has an impossible shape");
        s->dim[i] = (int64_t)d;
    }
    return ARC_OK;
}

static arc_status read_array(cursor *c, array *a) {
    static const arc_dtype types[] = {ARC_F32, ARC_F64, ARC_F16, ARC_U8, ARC_I32, ARC_I8, ARC_I64};
    uint64_t magic, rank, storage = 0, skipped, type;
    size_t dim_bytes = 8;
    if (!take(c, 4, &magic))
        return corrupt(c, "an array is missing");
    if (magic == V2_MAGIC || magic == V3_MAGIC) {
        if (!take(c, 4, &storage) || storage != 0)
            return corrupt(c, "an array is not dense");
    } else if (magic != V1_MAGIC) { /* the oldest files start with the rank, dimensions of 4 bytes */
        rank = magic;
        dim_bytes = 4;
    }
    if (dim_bytes == 8 && !take(c, 4, &rank))
        return corrupt(c, "an array is missing");
    const arc_status st = read_shape(c, rank, dim_bytes, &a->shape);
    if (st != ARC_OK)
        return st;
    if (!take(c, 8, &skipped) || !take(c, 4, &type) || type >= ARC_COUNT(types)) /* device type and number, then element type */
        return corrupt(c, "an array has an unknown element type");
    a->dtype = types[type];
    const int64_t count = arc_shape_count(&a->shape);
    if (count < 0 || !arc_mul_size((size_t)count, arc_dtype_bytes(a->dtype), &a->bytes) || a->bytes > (size_t)(c->end - c->at))
        return corrupt(c, "an array does not fit into the file");
    a->data = c->at;
    c->at += a->bytes;
    return ARC_OK;
}

static arc_status read_name(cursor *c, char *text, size_t text_bytes) {
    uint64_t length;
    if (!take(c, 8, &length) || length > (uint64_t)(c->end - c->at) || length >= text_bytes || memchr(c->at, 0, (size_t)length))
        return corrupt(c, "an array's name is malformed");
    memcpy(text, c->at, (size_t)length);
    text[length] = 0;
    c->at += length;
    return ARC_OK;
}

static arc_status add_array(arc_graph *g, const cursor *c, const array *a, const char *full_name) {
    const char *colon = strchr(full_name, ':'), *name = colon ? colon + 1 : full_name;
    const int known = arc_graph_find(g, name);
    if (known >= 0 && g->value[known].data)
        return arc_fail(c->err, ARC_EFORMAT, "%s: array '%.200s' is given twice", c->file, name);
    const bool aligned = (uintptr_t)a->data % arc_dtype_bytes(a->dtype) == 0;
    if (arc_graph_constant(g, name, a->dtype, &a->shape, a->data, !aligned) < 0)
        return arc_fail_nomem(c->err, c->file);
    return ARC_OK;
}

arc_status arc_mxnet_parse_params(arc_graph *g, const void *bytes, size_t count, const char *name, arc_error *err) {
    cursor c = {.start = bytes, .at = bytes, .file = name, .err = err};
    uint64_t magic, reserved, arrays, names;
    char text[512];
    c.end = c.start + count;
    if (!take(&c, 8, &magic) || magic != LIST_MAGIC || !take(&c, 8, &reserved) || !take(&c, 8, &arrays))
        return arc_fail(err, ARC_EFORMAT, "%s: is no MXNet .params file", name);
    if (arrays > MAX_ARRAYS)
        return arc_fail(err, ARC_ELIMIT, "%s: holds more than %d arrays", name, MAX_ARRAYS);
    arc_status st = ARC_OK;
    array *all = arc_mem_new(g->alloc, (size_t)arrays + 1, sizeof *all);
    if (!all)
        return arc_fail_nomem(err, name);
    for (uint64_t i = 0; i < arrays; i++)
        ARC_TRY(read_array(&c, &all[i]));
    if (!take(&c, 8, &names) || names != arrays)
        ARC_TRY(corrupt(&c, "the number of names is not that of arrays"));
    for (uint64_t i = 0; i < arrays; i++) {
        ARC_TRY(read_name(&c, text, sizeof text));
        ARC_TRY(add_array(g, &c, &all[i], text));
    }
done:
    arc_mem_free(g->alloc, all);
    return st;
}

arc_status arc_mxnet_read_params(arc_graph *g, const char *path, arc_error *err) {
    const arc_status st = arc_map_open(&g->map, path, ARC_MAX_MODEL_BYTES, err);
    return st == ARC_OK ? arc_mxnet_parse_params(g, g->map.data, g->map.bytes, path, err) : st;
}
