/* TensorProto in every storage form: raw_data is borrowed where it lies (copied only when misaligned for its type), the typed
 * lists (float_data, int32_data, int64_data, double_data, uint64_data) are decoded into the arena. Memory is asked for only
 * after the elements present in the file have been counted, so absurd dims cost nothing. */
#include "format/onnx/onnx_internal.h"
#include <string.h>

bool arc_onnx_text(const arc_pb_field *f, char *text) {
    text[0] = 0;
    if (f->wire != ARC_PB_BYTES || f->bytes > ARC_ONNX_MAX_NAME || memchr(f->data, 0, f->bytes))
        return false;
    memcpy(text, f->data, f->bytes);
    text[f->bytes] = 0;
    return true;
}

typedef struct scan {
    uint64_t type, location;
    bool has_raw, segment;
    arc_pb_field raw;
    uint32_t typed_field; /* number of the typed list in use, 0 = none */
    size_t typed_count;
    char external[256]; /* the "location" entry of external_data */
} scan;

static uint32_t element_wire(uint32_t field) {
    return field == 4 ? ARC_PB_FIXED32 : field == 10 ? ARC_PB_FIXED64 : ARC_PB_VARINT;
}

static void read_external(scan *s, const arc_pb_field *f) {
    char key[ARC_ONNX_MAX_NAME + 1] = "", value[ARC_ONNX_MAX_NAME + 1] = "";
    arc_pb entry;
    arc_pb_field g;
    arc_pb_init(&entry, f->data, f->bytes);
    while (arc_pb_next(&entry, &g)) {
        if (g.number == 1)
            arc_onnx_text(&g, key);
        if (g.number == 2)
            arc_onnx_text(&g, value);
    }
    if (!strcmp(key, "location")) {
        size_t n = ARC_MIN(strlen(value), sizeof(s->external) - 1);
        memcpy(s->external, value, n);
        s->external[n] = 0;
    }
}

static bool add_dim(arc_onnx_tensor *t, uint64_t v) {
    if (t->shape.rank >= ARC_MAX_RANK || v > (uint64_t)ARC_MAX_DIM)
        return false;
    t->shape.dim[t->shape.rank++] = (int64_t)v;
    return true;
}

static bool read_dims(arc_pb *m, const arc_pb_field *f, arc_onnx_tensor *t) {
    if (f->wire == ARC_PB_VARINT)
        return add_dim(t, f->value);
    if (!arc_pb_is(m, f, ARC_PB_BYTES))
        return false;
    const uint8_t *p = f->data, *end = p + f->bytes;
    uint64_t v;
    while (p < end) {
        if (!arc_pb_varint(&p, end, &v) || !add_dim(t, v))
            return false;
    }
    return true;
}

/* First pass: everything but the element values. */
static arc_status scan_message(scan *s, arc_onnx_tensor *t, arc_pb m, const char *where, const uint8_t *base, arc_error *err) {
    arc_pb_field f;
    bool dims_ok = true;
    while (dims_ok && arc_pb_next(&m, &f)) {
        switch (f.number) {
        case 1:
            dims_ok = read_dims(&m, &f, t);
            break;
        case 2:
            s->type = f.value;
            break;
        case 3:
            s->segment = true;
            break;
        case 8:
            if (!arc_onnx_text(&f, t->name))
                return arc_fail(err, ARC_ECORRUPT, "%s: byte %zu: tensor name is not a short text", where, (size_t)(m.at - base));
            break;
        case 9:
            if (arc_pb_is(&m, &f, ARC_PB_BYTES)) {
                s->raw = f;
                s->has_raw = true;
            }
            break;
        case 4:
        case 5:
        case 7:
        case 10:
        case 11:
            if (s->typed_field && s->typed_field != f.number)
                return arc_fail(err, ARC_ECORRUPT, "%s: byte %zu: tensor has two kinds of element lists", where,
                                (size_t)(m.at - base));
            s->typed_field = f.number;
            arc_pb_count(&m, &f, element_wire(f.number), &s->typed_count);
            break;
        case 13:
            if (arc_pb_is(&m, &f, ARC_PB_BYTES))
                read_external(s, &f);
            break;
        case 14:
            s->location = f.value;
            break;
        default:
            break;
        }
    }
    if (m.bad || !dims_ok)
        return arc_fail(err, ARC_ECORRUPT, "%s: byte %zu: malformed tensor '%s' (at most %d dims of at most 2^31)", where,
                        (size_t)(m.at - base), t->name, ARC_MAX_RANK);
    return ARC_OK;
}

static bool typed_field_fits(arc_dtype t, uint32_t field) {
    switch (t) {
    case ARC_F32:
        return field == 4;
    case ARC_F64:
        return field == 10;
    case ARC_I64:
        return field == 7;
    default:
        return field == 5;
    }
}

typedef struct fill {
    arc_dtype dtype;
    void *data;
} fill;

static void fill_one(void *arg, size_t i, uint64_t bits) {
    const fill *f = arg;
    switch (arc_dtype_bytes(f->dtype)) {
    case 1:
        ((uint8_t *)f->data)[i] = (uint8_t)bits;
        break;
    case 2:
        ((uint16_t *)f->data)[i] = (uint16_t)bits;
        break;
    case 4:
        ((uint32_t *)f->data)[i] = (uint32_t)bits;
        break;
    default:
        ((uint64_t *)f->data)[i] = bits;
        break;
    }
}

static arc_status decode_typed(arc_onnx_tensor *t, const scan *s, arc_arena *arena, arc_pb m, const char *where, arc_error *err) {
    void *data = arc_arena_new(arena, t->data_bytes, 1);
    if (!data)
        return arc_fail_nomem(err, where);
    fill to = {t->dtype, data};
    size_t n = 0;
    arc_pb_field f;
    while (arc_pb_next(&m, &f)) {
        if (f.number == s->typed_field)
            arc_pb_each(&f, element_wire(f.number), &n, fill_one, &to);
    }
    t->data = data;
    return ARC_OK;
}

static arc_status take_raw(arc_onnx_tensor *t, const scan *s, arc_arena *arena, const char *where, arc_error *err) {
    if (s->raw.bytes != t->data_bytes)
        return arc_fail(err, ARC_ECORRUPT, "%s: tensor '%s' has %zu bytes of raw data, its dims and type need %zu", where,
                        t->name, s->raw.bytes, t->data_bytes);
    t->data = s->raw.data;
    if ((uintptr_t)s->raw.data % arc_dtype_bytes(t->dtype) == 0)
        return ARC_OK;
    void *copy = arc_arena_new(arena, t->data_bytes, 1);
    if (!copy)
        return arc_fail_nomem(err, where);
    memcpy(copy, s->raw.data, t->data_bytes);
    t->data = copy;
    t->copied_from = s->raw.data;
    return ARC_OK;
}

arc_status arc_onnx_read_tensor(arc_onnx_tensor *t, arc_arena *arena, const arc_pb *message, const char *where,
                                const uint8_t *base, arc_error *err) {
    scan s = {0};
    *t = (arc_onnx_tensor){0};
    arc_status st = scan_message(&s, t, *message, where, base, err);
    if (st != ARC_OK)
        return st;
    if (s.location == 1 || s.external[0])
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s: tensor '%s' keeps its data in another file ('%s'); save the model with its weights inside", where,
                        t->name, s.external);
    t->dtype = s.type <= ARC_BF16 ? (arc_dtype)s.type : ARC_NO_DTYPE;
    size_t size = arc_dtype_bytes(t->dtype);
    if (!size || s.segment)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: tensor '%s' has element type %llu%s, which is not supported", where, t->name,
                        (unsigned long long)s.type, s.segment ? " in segments" : "");
    int64_t n = arc_shape_count(&t->shape);
    if (n < 0)
        return arc_fail(err, ARC_ELIMIT, "%s: tensor '%s' has more than 2^33 elements", where, t->name);
    if (!arc_mul_size((size_t)n, size, &t->data_bytes))
        return arc_fail(err, ARC_ELIMIT, "%s: tensor '%s' is too large", where, t->name);
    if (s.has_raw && (s.raw.bytes || !s.typed_count))
        return take_raw(t, &s, arena, where, err);
    if (s.typed_count != (size_t)n)
        return arc_fail(err, ARC_ECORRUPT, "%s: tensor '%s' holds %zu elements, its dims say %lld", where, t->name, s.typed_count,
                        (long long)n);
    if (n == 0) {
        t->data = ""; /* no element is ever read */
        return ARC_OK;
    }
    if (!typed_field_fits(t->dtype, s.typed_field))
        return arc_fail(err, ARC_ECORRUPT, "%s: tensor '%s' of type %s keeps its elements in the wrong field (%u)", where,
                        t->name, arc_dtype_name(t->dtype), s.typed_field);
    return decode_typed(t, &s, arena, *message, where, err);
}

arc_status arc_onnx_tensor_parse(arc_arena *arena, const void *bytes, size_t count, arc_dtype *dtype, arc_shape *shape,
                                 const void **data, const char **name, arc_error *err) {
    *dtype = ARC_NO_DTYPE;
    *shape = (arc_shape){0};
    *data = NULL;
    if (name)
        *name = NULL;
    arc_pb m;
    arc_onnx_tensor t;
    arc_pb_init(&m, bytes, count);
    arc_status st = arc_onnx_read_tensor(&t, arena, &m, "tensor", bytes, err);
    if (st != ARC_OK)
        return st;
    if (name) {
        *name = arc_arena_strdup(arena, t.name);
        if (!*name)
            return arc_fail_nomem(err, "tensor name");
    }
    *dtype = t.dtype;
    *shape = t.shape;
    *data = t.data;
    return ARC_OK;
}
