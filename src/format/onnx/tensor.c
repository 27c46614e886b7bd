/* TensorProto in every storage form: raw_data is borrowed where it lies (copied only when misaligned for its type), the typed
 * lists (float_data, int32_data, int64_data, double_data, uint64_data) are decoded into the arena. Memory is asked for only
 * after the elements present in the file have been counted, so absurd dims cost nothing. */
#include "format/onnx/onnx_internal.h"
#include <stdio.h>
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
    bool external, half_bytes; /* half_bytes: two elements a byte */
    arc_onnx_place place;
} scan;

static uint32_t element_wire(uint32_t field) {
    return field == 4 ? ARC_PB_FIXED32 : field == 10 ? ARC_PB_FIXED64 : ARC_PB_VARINT;
}

/* A number written as text; false when it is none. */
static bool whole_number(const char *text, uint64_t *out) {
    uint64_t v = 0;
    if (!*text || strlen(text) > 18)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        v = v * 10 + (uint64_t)(*text - '0');
    }
    *out = v;
    return true;
}

/* StringStringEntryProto: 1 key, 2 value. */
static void read_external(scan *s, const arc_pb_field *f) {
    char key[ARC_ONNX_MAX_NAME + 1] = "", value[ARC_ONNX_MAX_NAME + 1] = "";
    arc_pb entry;
    arc_pb_field g;
    arc_pb_init(&entry, f->data, f->bytes);
    s->external = true;
    while (arc_pb_next(&entry, &g)) {
        if ((g.number == 1 && !arc_onnx_text(&g, key)) || (g.number == 2 && !arc_onnx_text(&g, value)))
            s->place.malformed = true;
    }
    s->place.malformed |= entry.bad;
    if (!strcmp(key, "location"))
        memcpy(s->place.location, value, sizeof value);
    else if (!strcmp(key, "offset"))
        s->place.malformed |= !whole_number(value, &s->place.offset);
    else if (!strcmp(key, "length"))
        s->place.malformed |= !(s->place.has_length = whole_number(value, &s->place.length));
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
    case ARC_U32:
    case ARC_U64:
        return field == 11;
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
    void *data = arc_arena_new(arena, ARC_MAX(t->data_bytes, s->typed_count), 1);
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

/* Two 4-bit integers a byte, the low half first, into one byte each; from and to may not overlap. */
static void unpack_halves(arc_dtype t, const uint8_t *from, size_t count, uint8_t *to) {
    for (size_t i = 0; i < count; i++) {
        const unsigned half = i & 1 ? from[i / 2] >> 4 : from[i / 2] & 15u;
        to[i] = (uint8_t)(t == ARC_I8 && half > 7 ? half + 0xf0u : half);
    }
}

/* Raw data as they lie in this file or another: borrowed when aligned, else copied. */
static arc_status take_raw(arc_onnx_tensor *t, const scan *s, const uint8_t *raw, arc_arena *arena, const char *where,
                           arc_error *err) {
    t->data = t->data_bytes ? (const void *)raw : "";
    if (!s->half_bytes && (uintptr_t)raw % arc_dtype_bytes(t->dtype) == 0)
        return ARC_OK;
    void *copy = arc_arena_new(arena, ARC_MAX(t->data_bytes, (size_t)1), 1);
    if (!copy)
        return arc_fail_nomem(err, where);
    if (s->half_bytes)
        unpack_halves(t->dtype, raw, t->data_bytes, copy);
    else
        memcpy(copy, raw, t->data_bytes);
    t->data = copy;
    t->copied_from = raw;
    return ARC_OK;
}

/* Type, dims and how many bytes they need. */
static arc_status settle_type(arc_onnx_tensor *t, scan *s, const char *where, int64_t *n, arc_error *err) {
    enum { UINT4 = 21, INT4 = 22 };
    s->half_bytes = s->type == UINT4 || s->type == INT4;
    t->dtype = s->type == UINT4 ? ARC_U8 : s->type == INT4 ? ARC_I8 : s->type <= ARC_BF16 ? (arc_dtype)s->type : ARC_NO_DTYPE;
    const size_t size = arc_dtype_bytes(t->dtype);
    if (!size || s->segment)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: tensor '%s' has element type %s%s, which is not supported", where, t->name,
                        arc_dtype_name((arc_dtype)ARC_MIN(s->type, (uint64_t)1000)), s->segment ? " in segments" : "");
    *n = arc_shape_count(&t->shape);
    if (*n < 0)
        return arc_fail(err, ARC_ELIMIT, "%s: tensor '%s' has more than 2^33 elements", where, t->name);
    if (!arc_mul_size((size_t)*n, size, &t->data_bytes))
        return arc_fail(err, ARC_ELIMIT, "%s: tensor '%s' is too large", where, t->name);
    return ARC_OK;
}

static arc_status take_typed(arc_onnx_tensor *t, scan *s, int64_t n, arc_arena *arena, const arc_pb *message, const char *where,
                             arc_error *err) {
    const size_t wanted = s->half_bytes ? ((size_t)n + 1) / 2 : (size_t)n;
    if (s->typed_count != wanted)
        return arc_fail(err, ARC_ECORRUPT, "%s: tensor '%s' holds %zu elements, its dims say %lld", where, t->name,
                        s->typed_count, (long long)n);
    if (n == 0) {
        t->data = ""; /* no element is ever read */
        return ARC_OK;
    }
    if (!typed_field_fits(t->dtype, s->typed_field))
        return arc_fail(err, ARC_ECORRUPT, "%s: tensor '%s' of type %s keeps its elements in the wrong field (%u)", where,
                        t->name, arc_dtype_name(t->dtype), s->typed_field);
    const arc_status st = decode_typed(t, s, arena, *message, where, err);
    return st == ARC_OK && s->half_bytes ? take_raw(t, s, t->data, arena, where, err) : st;
}

arc_status arc_onnx_read_tensor(arc_onnx_tensor *t, arc_arena *arena, arc_onnx_files *files, const arc_pb *message,
                                const char *where, const uint8_t *base, arc_error *err) {
    scan s = {0};
    int64_t n = 0;
    *t = (arc_onnx_tensor){0};
    arc_status st = scan_message(&s, t, *message, where, base, err);
    if (st == ARC_OK)
        st = settle_type(t, &s, where, &n, err);
    if (st != ARC_OK)
        return st;
    const size_t raw_bytes = s.half_bytes ? ((size_t)n + 1) / 2 : t->data_bytes;
    if (s.location == 1 || s.external) {
        char who[ARC_ONNX_MAX_NAME];
        const uint8_t *data;
        snprintf(who, sizeof who, "%.400s: tensor '%.200s'", where, t->name);
        st = arc_onnx_external(files, &s.place, raw_bytes, who, &data, err);
        return st == ARC_OK ? take_raw(t, &s, data, arena, where, err) : st;
    }
    if (!s.has_raw || (!s.raw.bytes && s.typed_count))
        return take_typed(t, &s, n, arena, message, where, err);
    if (s.raw.bytes != raw_bytes)
        return arc_fail(err, ARC_ECORRUPT, "%s: tensor '%s' has %zu bytes of raw data, its dims and type need %zu", where,
                        t->name, s.raw.bytes, raw_bytes);
    return take_raw(t, &s, s.raw.data, arena, where, err);
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
    arc_status st = arc_onnx_read_tensor(&t, arena, NULL, &m, "tensor", bytes, err);
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
