/* safetensors: 8 bytes that give the length of a JSON header, the header {"name": {"dtype", "shape", "data_offsets"}, ...}, then
 * the data. Every number in the header is checked against the file; floating-point tensors become float32, others (counters) are
 * passed over. */
#include "format/torch/torch_internal.h"
#include <jansson.h>
#include <string.h>

#define MAX_HEADER_BYTES ((uint64_t)64 << 20)

static uint64_t header_bytes(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

bool arc_torch_is_safetensors(const void *bytes, size_t count) {
    const uint8_t *p = bytes;
    return count > 10 && header_bytes(p) >= 2 && header_bytes(p) <= MAX_HEADER_BYTES && p[8] == '{';
}

/* Bytes of an element; 0: an unknown type. */
static size_t type_of(const char *name, arc_torch_element *e) {
    static const struct {
        const char *name;
        arc_torch_element e;
        size_t bytes;
    } types[] = {{"F32", ARC_TORCH_F32, 4},  {"F16", ARC_TORCH_F16, 2},  {"BF16", ARC_TORCH_BF16, 2}, {"F64", ARC_TORCH_F64, 8},
                 {"I64", ARC_TORCH_NONE, 8}, {"U64", ARC_TORCH_NONE, 8}, {"I32", ARC_TORCH_NONE, 4},  {"U32", ARC_TORCH_NONE, 4},
                 {"I16", ARC_TORCH_NONE, 2}, {"U16", ARC_TORCH_NONE, 2}, {"I8", ARC_TORCH_NONE, 1},   {"U8", ARC_TORCH_NONE, 1},
                 {"BOOL", ARC_TORCH_NONE, 1}};
    for (size_t i = 0; i < ARC_COUNT(types); i++)
        if (strcmp(types[i].name, name) == 0) {
            *e = types[i].e;
            return types[i].bytes;
        }
    return 0;
}

typedef struct entry {
    arc_torch_element e;
    arc_shape shape;
    uint64_t begin, bytes;
} entry;

static bool whole(const json_t *v, int64_t most, int64_t *out) {
    *out = json_is_integer(v) ? json_integer_value(v) : -1;
    return *out >= 0 && *out <= most;
}

/* What is wrong, or NULL. */
static const char *read_entry(const json_t *v, uint64_t data_bytes, entry *out) {
    const json_t *shape = json_object_get(v, "shape"), *offsets = json_object_get(v, "data_offsets");
    const char *type = json_string_value(json_object_get(v, "dtype"));
    int64_t begin, end;
    if (!type || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2)
        return "has no dtype, shape or data_offsets";
    const size_t each = type_of(type, &out->e);
    if (!each)
        return "has a dtype that is not supported";
    if (json_array_size(shape) > ARC_MAX_RANK)
        return "has too many dimensions";
    out->shape.rank = (int)json_array_size(shape);
    for (int i = 0; i < out->shape.rank; i++)
        if (!whole(json_array_get(shape, (size_t)i), ARC_MAX_DIM, &out->shape.dim[i]))
            return "has a malformed shape";
    const int64_t count = arc_shape_count(&out->shape);
    if (!whole(json_array_get(offsets, 0), INT64_MAX, &begin) || !whole(json_array_get(offsets, 1), INT64_MAX, &end) ||
        begin > end || (uint64_t)end > data_bytes)
        return "reaches beyond the end of the file";
    if (count < 0 || (uint64_t)count > data_bytes / each || (uint64_t)count * each != (uint64_t)(end - begin))
        return "takes another number of bytes than its shape needs";
    out->begin = (uint64_t)begin;
    out->bytes = (uint64_t)(end - begin);
    return NULL;
}

static arc_status add_entries(arc_torch_state *out, arc_arena *arena, json_t *root, const uint8_t *data, uint64_t data_bytes,
                              const char *name, arc_error *err) {
    const char *key;
    json_t *value;
    uint64_t total = 0;
    out->tensor = arc_arena_new(arena, json_object_size(root) + 1, sizeof *out->tensor);
    if (!out->tensor)
        return arc_fail_nomem(err, name);
    json_object_foreach(root, key, value) {
        entry e = {.e = ARC_TORCH_NONE};
        if (strcmp(key, "__metadata__") == 0)
            continue;
        const char *why = read_entry(value, data_bytes, &e);
        if (why)
            return arc_fail(err, ARC_ECORRUPT, "%s: tensor '%.200s' %s", name, key, why);
        total += e.bytes;
        if (total > data_bytes)
            return arc_fail(err, ARC_ECORRUPT, "%s: its tensors lie over each other", name);
        if (e.e == ARC_TORCH_NONE)
            continue;
        const size_t count = (size_t)arc_shape_count(&e.shape);
        float *to = arc_arena_new(arena, count + 1, sizeof *to);
        const char *copy = to ? arc_arena_strdup(arena, key) : NULL;
        if (!copy)
            return arc_fail_nomem(err, name);
        const size_t width = arc_torch_element_bytes(e.e);
        for (size_t i = 0; i < count; i++)
            to[i] = arc_torch_read_element(data + e.begin + i * width, e.e);
        out->tensor[out->tensors++] = (arc_torch_tensor){copy, e.shape, to};
    }
    return ARC_OK;
}

arc_status arc_safetensors_parse(arc_torch_state *out, arc_arena *arena, const void *bytes, size_t count, const char *name,
                                 arc_error *err) {
    const uint8_t *p = bytes;
    json_error_t why;
    memset(out, 0, sizeof *out);
    if (count < 8)
        return arc_fail(err, ARC_EFORMAT, "%s: is too short for a safetensors file", name);
    const uint64_t header = header_bytes(p);
    if (header > count - 8)
        return arc_fail(err, ARC_ECORRUPT, "%s: its header of %llu bytes reaches beyond the end of the file", name,
                        (unsigned long long)header);
    if (header > MAX_HEADER_BYTES)
        return arc_fail(err, ARC_ELIMIT, "%s: its header of %llu bytes is above the limit of %llu", name,
                        (unsigned long long)header, (unsigned long long)MAX_HEADER_BYTES);
    json_t *root = json_loadb((const char *)p + 8, (size_t)header, JSON_REJECT_DUPLICATES, &why);
    arc_status st = ARC_OK;
    if (!json_is_object(root))
        st = arc_fail(err, ARC_ECORRUPT, "%s: its header is no JSON object: byte %d: %.150s", name, root ? 8 : why.position + 8,
                      root ? "something else" : why.text);
    if (st == ARC_OK)
        st = add_entries(out, arena, root, p + 8 + header, count - 8 - header, name, err);
    json_decref(root);
    return st == ARC_OK ? arc_torch_settle_names(out, arena, name, err) : st;
}
