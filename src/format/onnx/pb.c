/* A reader of the protobuf wire format over a block of memory. Our own rather than nanopb or protobuf-c because those copy
 * every bytes field: the weights of an r100 (261 MB) would lie in memory twice. Every length is checked against the end of
 * the message it stands in, so an inner message can't reach beyond its parent. */
#include "format/onnx/pb.h"

void arc_pb_init(arc_pb *pb, const void *data, size_t bytes) {
    pb->at = data;
    pb->end = bytes ? pb->at + bytes : pb->at; /* an empty message may have no address */
    pb->bad = false;
}

bool arc_pb_varint(const uint8_t **at, const uint8_t *end, uint64_t *out) {
    const uint8_t *p = *at;
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && p < end; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1)
            return false; /* more than 64 bits */
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *at = p;
            *out = v;
            return true;
        }
    }
    return false;
}

static uint64_t fixed(const uint8_t *p, unsigned bytes) {
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static bool fail(arc_pb *pb) {
    pb->bad = true;
    return false;
}

bool arc_pb_next(arc_pb *pb, arc_pb_field *f) {
    *f = (arc_pb_field){0};
    if (pb->bad || pb->at == pb->end)
        return false;
    const uint8_t *p = pb->at;
    uint64_t key, n;
    if (!arc_pb_varint(&p, pb->end, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return fail(pb);
    f->number = (uint32_t)(key >> 3);
    f->wire = (uint32_t)(key & 7);
    size_t left = (size_t)(pb->end - p);
    switch (f->wire) {
    case ARC_PB_VARINT:
        if (!arc_pb_varint(&p, pb->end, &f->value))
            return fail(pb);
        break;
    case ARC_PB_FIXED64:
    case ARC_PB_FIXED32:
        n = f->wire == ARC_PB_FIXED64 ? 8 : 4;
        if (left < n)
            return fail(pb);
        f->value = fixed(p, (unsigned)n);
        p += n;
        break;
    case ARC_PB_BYTES:
        if (!arc_pb_varint(&p, pb->end, &n) || n > (uint64_t)(pb->end - p))
            return fail(pb);
        f->data = p;
        f->bytes = (size_t)n;
        p += n;
        break;
    default: /* groups are not used by any ONNX message */
        return fail(pb);
    }
    pb->at = p;
    return true;
}

bool arc_pb_is(arc_pb *pb, const arc_pb_field *f, uint32_t wire) {
    return f->wire == wire ? true : fail(pb);
}

bool arc_pb_enter(arc_pb *pb, const arc_pb_field *f, arc_pb *inner) {
    arc_pb_init(inner, f->data, f->bytes);
    return arc_pb_is(pb, f, ARC_PB_BYTES);
}

bool arc_pb_count(arc_pb *pb, const arc_pb_field *f, uint32_t element_wire, size_t *n) {
    if (f->wire == element_wire) {
        *n += 1;
        return true;
    }
    if (f->wire != ARC_PB_BYTES)
        return fail(pb);
    if (f->bytes == 0)
        return true;
    if (element_wire == ARC_PB_VARINT) {
        const uint8_t *p = f->data, *end = p + f->bytes;
        uint64_t v;
        while (p < end) {
            if (!arc_pb_varint(&p, end, &v))
                return fail(pb);
            *n += 1;
        }
        return true;
    }
    size_t size = element_wire == ARC_PB_FIXED64 ? 8 : 4;
    if (f->bytes % size)
        return fail(pb);
    *n += f->bytes / size;
    return true;
}

void arc_pb_each(const arc_pb_field *f, uint32_t element_wire, size_t *n, arc_pb_sink *sink, void *arg) {
    if (f->wire == element_wire) {
        sink(arg, (*n)++, f->value);
        return;
    }
    if (f->bytes == 0) /* its data may be NULL, which nothing can be added to */
        return;
    const uint8_t *p = f->data, *end = p + f->bytes;
    unsigned size = element_wire == ARC_PB_FIXED64 ? 8 : 4;
    while (p < end) {
        uint64_t v = 0;
        if (element_wire == ARC_PB_VARINT) {
            if (!arc_pb_varint(&p, end, &v))
                return;
        } else {
            v = fixed(p, size);
            p += size;
        }
        sink(arg, (*n)++, v);
    }
}
