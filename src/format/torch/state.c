/* The state dict inside a checkpoint: tensors found by name, made contiguous float32. */
#include "format/torch/torch_internal.h"
#include <stdlib.h>
#include <string.h>

#define MAX_TENSOR_ELEMENTS ((int64_t)1 << 30)

typedef arc_torch_element element;

static element element_of(const arc_pickle_value *storage_class) {
    static const struct {
        const char *name;
        element e;
    } known[] = {{"torch.FloatStorage", ARC_TORCH_F32},
                 {"torch.DoubleStorage", ARC_TORCH_F64},
                 {"torch.HalfStorage", ARC_TORCH_F16},
                 {"torch.BFloat16Storage", ARC_TORCH_BF16}};
    for (size_t i = 0; storage_class->kind == ARC_PICKLE_GLOBAL && i < ARC_COUNT(known); i++)
        if (strcmp((const char *)storage_class->data, known[i].name) == 0)
            return known[i].e;
    return ARC_TORCH_NONE;
}

static float half_to_float(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
    uint32_t bits;
    float f;
    if (exponent == 0) { /* zero and subnormal: mantissa * 2^-24 */
        f = (float)mantissa * 5.9604644775390625e-8f;
        return sign ? -f : f;
    }
    bits = exponent == 31 ? sign | 0x7f800000u | mantissa << 13 : sign | (exponent + 112) << 23 | mantissa << 13;
    memcpy(&f, &bits, sizeof f);
    return f;
}

float arc_torch_read_element(const uint8_t *p, element e) {
    float f = 0;
    double d;
    uint16_t h;
    uint32_t bits;
    switch (e) {
    case ARC_TORCH_F32:
        memcpy(&f, p, sizeof f);
        break;
    case ARC_TORCH_F64:
        memcpy(&d, p, sizeof d);
        f = (float)d;
        break;
    case ARC_TORCH_F16:
        memcpy(&h, p, sizeof h);
        f = half_to_float(h);
        break;
    case ARC_TORCH_BF16:
        memcpy(&h, p, sizeof h);
        bits = (uint32_t)h << 16;
        memcpy(&f, &bits, sizeof f);
        break;
    case ARC_TORCH_NONE:
        break;
    }
    return f;
}

/* What _rebuild_tensor was called with. */
typedef struct view {
    element e;
    const arc_torch_storage *storage;
    int64_t offset, stride[ARC_MAX_RANK];
    arc_shape shape;
} view;

static bool read_ints(const arc_pickle_value *v, int64_t *out, int *count) {
    if (v->kind != ARC_PICKLE_TUPLE || v->items > ARC_MAX_RANK)
        return false;
    *count = (int)v->items;
    for (size_t i = 0; i < v->items; i++) {
        if (v->item[i]->kind != ARC_PICKLE_INT || v->item[i]->i < 0 || v->item[i]->i > ARC_MAX_DIM)
            return false;
        out[i] = v->item[i]->i;
    }
    return true;
}

/* The last element that the view reaches must lie in the storage. */
static bool inside(const view *t, size_t width) {
    int64_t last = t->offset;
    const int64_t count = arc_shape_count(&t->shape), capacity = (int64_t)(t->storage->bytes / width);
    if (count < 0 || count > MAX_TENSOR_ELEMENTS)
        return false;
    for (int i = 0; i < t->shape.rank; i++) {
        if (t->shape.dim[i] > 1 && t->stride[i] > capacity)
            return false;
        last += t->shape.dim[i] > 1 ? (t->shape.dim[i] - 1) * t->stride[i] : 0;
        if (last > capacity)
            return false;
    }
    return count == 0 || (t->offset >= 0 && last < capacity);
}

size_t arc_torch_element_bytes(element e) {
    return e == ARC_TORCH_F64 ? 8 : e == ARC_TORCH_F32 ? 4 : 2;
}

/* False: a value that is no tensor of floating-point numbers. */
static bool find_view(const arc_torch_file *file, const arc_pickle_value *v, view *t, bool *damaged) {
    int strides;
    *damaged = false;
    if (arc_pickle_is_call(v, "torch._utils._rebuild_parameter", 1))
        v = arc_pickle_argument(v, 0);
    if (!arc_pickle_is_call(v, "torch._utils._rebuild_tensor_v2", 4) && !arc_pickle_is_call(v, "torch._utils._rebuild_tensor", 4))
        return false;
    const arc_pickle_value *storage = arc_pickle_argument(v, 0), *offset = arc_pickle_argument(v, 1);
    if (storage->kind != ARC_PICKLE_PERSISTENT || storage->item[0]->kind != ARC_PICKLE_TUPLE || storage->item[0]->items < 5 ||
        !arc_pickle_is_text(storage->item[0]->item[0], "storage")) {
        *damaged = true;
        return false;
    }
    const arc_pickle_value *id = storage->item[0], *key = id->item[2];
    t->e = element_of(id->item[1]);
    if (t->e == ARC_TORCH_NONE)
        return false; /* counters such as num_batches_tracked */
    *damaged = true;
    if ((key->kind != ARC_PICKLE_TEXT && key->kind != ARC_PICKLE_BYTES) ||
        !(t->storage = arc_torch_find_storage(file, key->data, key->bytes)))
        return false;
    if (offset->kind != ARC_PICKLE_INT || offset->i < 0 || offset->i > ARC_MAX_ELEMENTS ||
        !read_ints(arc_pickle_argument(v, 2), t->shape.dim, &t->shape.rank) ||
        !read_ints(arc_pickle_argument(v, 3), t->stride, &strides) || strides != t->shape.rank)
        return false;
    t->offset = offset->i;
    *damaged = !inside(t, arc_torch_element_bytes(t->e));
    return !*damaged;
}

static void copy_view(const view *t, float *to) {
    const int64_t count = arc_shape_count(&t->shape);
    const size_t width = arc_torch_element_bytes(t->e);
    int64_t at[ARC_MAX_RANK] = {0}, from = t->offset;
    for (int64_t i = 0; i < count; i++) {
        to[i] = arc_torch_read_element(t->storage->data + (size_t)from * width, t->e);
        for (int d = t->shape.rank - 1; d >= 0; d--) {
            from += t->stride[d];
            if (++at[d] < t->shape.dim[d])
                break;
            from -= t->stride[d] * t->shape.dim[d];
            at[d] = 0;
        }
    }
}

/* ---- the dict -------------------------------------------------------------------------------------------------------------- */

static bool holds_tensors(const arc_pickle_value *v) {
    for (size_t i = 1; v->kind == ARC_PICKLE_DICT && i < v->items; i += 2)
        if (arc_pickle_is_call(v->item[i], "torch._utils._rebuild_tensor_v2", 4) ||
            arc_pickle_is_call(v->item[i], "torch._utils._rebuild_tensor", 4) ||
            arc_pickle_is_call(v->item[i], "torch._utils._rebuild_parameter", 1))
            return true;
    return false;
}

#define MAX_NESTING 3 /* {"model": {"state_dict": {...}}} */

static const arc_pickle_value *find_dict(const arc_pickle_value *root, int depth) {
    static const char *const keys[] = {"state_dict",
                                       "net_state_dict",
                                       "model_state_dict",
                                       "state_dict_backbone",
                                       "backbone_state_dict",
                                       "model",
                                       "backbone",
                                       "net",
                                       "network",
                                       "module",
                                       "student",
                                       "weights",
                                       "state_dict_ema",
                                       "model_ema",
                                       "ema",
                                       "params"};
    if (holds_tensors(root))
        return root;
    for (size_t i = 0; root->kind == ARC_PICKLE_DICT && depth < MAX_NESTING && i < ARC_COUNT(keys); i++) {
        const arc_pickle_value *v = arc_pickle_get(root, keys[i]), *found = v ? find_dict(v, depth + 1) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static arc_status add_tensor(arc_torch_state *out, arc_torch_file *file, const arc_pickle_value *key, const view *t,
                             const char *name, arc_error *err) {
    const char *full = arc_arena_strndup(&file->arena, (const char *)key->data, key->bytes);
    float *data = full ? arc_arena_new(&file->arena, (size_t)arc_shape_count(&t->shape) + 1, sizeof *data) : NULL;
    if (!data)
        return arc_fail_nomem(err, name);
    copy_view(t, data);
    out->tensor[out->tensors++] = (arc_torch_tensor){full, t->shape, data};
    return ARC_OK;
}

arc_status arc_torch_state_read(arc_torch_state *out, arc_torch_file *file, const char *name, arc_error *err) {
    memset(out, 0, sizeof *out);
    const arc_pickle_value *dict = find_dict(file->pickle.root, 0);
    if (!dict)
        return arc_fail(err, ARC_EFORMAT, "%s: holds no state dict; save the model with torch.save(net.state_dict(), ...)", name);
    out->tensor = arc_arena_new(&file->arena, dict->items / 2 + 1, sizeof *out->tensor);
    if (!out->tensor)
        return arc_fail_nomem(err, name);
    size_t elements = 0, in_file = 0; /* tensors may share storages, but not so that a small file becomes a huge model */
    for (size_t i = 0; i < file->storages; i++)
        in_file += file->storage[i].bytes;
    for (size_t i = 0; i + 1 < dict->items; i += 2) {
        const arc_pickle_value *key = dict->item[i];
        view t = {0};
        bool damaged;
        if (key->kind != ARC_PICKLE_TEXT && key->kind != ARC_PICKLE_BYTES)
            return arc_fail(err, ARC_ECORRUPT, "%s: a name in the state dict is no text", name);
        if (!find_view(file, dict->item[i + 1], &t, &damaged)) {
            if (!damaged)
                continue;
            return arc_fail(err, ARC_ECORRUPT, "%s: tensor '%.*s' is malformed or reaches beyond its storage", name,
                            (int)ARC_MIN(key->bytes, (size_t)200), (const char *)key->data);
        }
        elements += (size_t)arc_shape_count(&t.shape);
        if (elements > in_file)
            return arc_fail(err, ARC_ELIMIT, "%s: its tensors are larger than its storages", name);
        const arc_status st = add_tensor(out, file, key, &t, name, err);
        if (st != ARC_OK)
            return st;
    }
    return arc_torch_settle_names(out, &file->arena, name, err);
}
