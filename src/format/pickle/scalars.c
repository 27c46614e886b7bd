/* Numbers, bytes and texts, from bytes and from the lines of protocol 0. */
#include "format/pickle/machine.h"
#include <string.h>

bool arc_unpickle_push_int(arc_unpickler *m, arc_pickle_kind kind, int64_t i) {
    arc_pickle_value *v = arc_unpickle_new_value(m, kind);
    if (v)
        v->i = i;
    return arc_unpickle_push(m, v);
}

bool arc_unpickle_push_data(arc_unpickler *m, arc_pickle_kind kind, const uint8_t *data, size_t bytes) {
    arc_pickle_value *v = arc_unpickle_new_value(m, kind);
    if (v) {
        v->data = data;
        v->bytes = bytes;
    }
    return arc_unpickle_push(m, v);
}

bool arc_unpickle_push_sized(arc_unpickler *m, arc_pickle_kind kind, size_t width) {
    uint64_t bytes;
    const uint8_t *data;
    return arc_unpickle_take_uint(m, width, &bytes) &&
           (bytes <= SIZE_MAX ? arc_unpickle_take(m, (size_t)bytes, &data) : arc_unpickle_corrupt(m, "a string is too long")) &&
           arc_unpickle_push_data(m, kind, data, (size_t)bytes);
}

bool arc_unpickle_push_long(arc_unpickler *m, size_t width) {
    uint64_t bytes, v;
    const uint8_t *raw;
    if (!arc_unpickle_take_uint(m, width, &bytes))
        return false;
    if (bytes > 8) /* beyond any size or index: only torch's magic number is like that, kept as its bytes */
        return arc_unpickle_take(m, (size_t)bytes, &raw) && arc_unpickle_push_data(m, ARC_PICKLE_BYTES, raw, (size_t)bytes);
    if (!arc_unpickle_take_uint(m, (size_t)bytes, &v))
        return false;
    if (bytes && bytes < 8 && v >> (8 * bytes - 1) & 1)
        v |= UINT64_MAX << (8 * bytes);
    return arc_unpickle_push_int(m, ARC_PICKLE_INT, (int64_t)v);
}

bool arc_unpickle_push_float(arc_unpickler *m) {
    const uint8_t *p;
    if (!arc_unpickle_take(m, 8, &p))
        return false;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    arc_pickle_value *v = arc_unpickle_new_value(m, ARC_PICKLE_FLOAT);
    if (v)
        memcpy(&v->f, &bits, sizeof bits);
    return arc_unpickle_push(m, v);
}

bool arc_unpickle_push_text_number(arc_unpickler *m, bool may_be_bool) {
    const uint8_t *text;
    size_t bytes;
    int64_t i;
    if (!arc_unpickle_take_line(m, &text, &bytes))
        return false;
    if (may_be_bool && bytes == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1'))
        return arc_unpickle_push_int(m, ARC_PICKLE_BOOL, text[1] == '1');
    return arc_pickle_number(text, bytes, &i) ? arc_unpickle_push_int(m, ARC_PICKLE_INT, i)
                                              : arc_unpickle_corrupt(m, "a number is malformed");
}

bool arc_unpickle_push_text_float(arc_unpickler *m) {
    const uint8_t *text;
    size_t bytes;
    char copy[64];
    const char *end = copy;
    if (!arc_unpickle_take_line(m, &text, &bytes))
        return false;
    if (bytes == 0 || bytes >= sizeof copy)
        return arc_unpickle_corrupt(m, "a number is malformed");
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    arc_pickle_value *v = arc_unpickle_new_value(m, ARC_PICKLE_FLOAT);
    if (v)
        v->f = arc_number_read(copy, &end);
    return v && *end ? arc_unpickle_corrupt(m, "a number is malformed") : arc_unpickle_push(m, v);
}

bool arc_unpickle_push_text_string(arc_unpickler *m, bool unicode) {
    const uint8_t *text, *out;
    size_t bytes, out_bytes;
    if (!arc_unpickle_take_line(m, &text, &bytes))
        return false;
    if (!unicode) {
        if (bytes < 2 || (text[0] != '\'' && text[0] != '"') || text[bytes - 1] != text[0])
            return arc_unpickle_corrupt(m, "a string has no quotes");
        text++;
        bytes -= 2;
    }
    const arc_status st = arc_pickle_unescape(m->arena, text, bytes, unicode, &out, &out_bytes);
    if (st != ARC_OK)
        return arc_unpickle_fail(m, st, st == ARC_ENOMEM ? "out of memory" : "a string has a malformed escape");
    return arc_unpickle_push_data(m, unicode ? ARC_PICKLE_TEXT : ARC_PICKLE_BYTES, out, out_bytes);
}
