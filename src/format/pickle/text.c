/* The text forms of pickles: quoted strings and unicode escapes of protocol 0, and bytes that were sent as latin-1 text. */
#include "format/pickle/pickle.h"
#include <string.h>

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex(const uint8_t *p, size_t digits, uint32_t *out) {
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        const int d = hex_digit(p[i]);
        if (d < 0)
            return false;
        *out = *out << 4 | (uint32_t)d;
    }
    return true;
}

static size_t put_utf8(uint8_t *to, uint32_t c) {
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        to[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    to[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

/* One backslash escape of a byte string at p[0] == '\\'; 0 when malformed, else its length. */
static size_t byte_escape(const uint8_t *p, size_t left, uint8_t *out) {
    static const char names[] = "nrt\\'\"ab";
    static const uint8_t bytes[] = "\n\r\t\\'\"\a\b";
    uint32_t v;
    if (left < 2)
        return 0;
    if (p[1] == 'x') {
        if (left < 4 || !hex(p + 2, 2, &v))
            return 0;
        *out = (uint8_t)v;
        return 4;
    }
    const char *at = memchr(names, p[1], sizeof names - 1);
    if (!at)
        return 0;
    *out = bytes[at - names];
    return 2;
}

arc_status arc_pickle_unescape(arc_arena *arena, const uint8_t *text, size_t bytes, bool unicode, const uint8_t **out,
                               size_t *out_bytes) {
    size_t size;
    uint8_t *to =
        arc_mul_size(bytes, 2, &size) ? arc_arena_new(arena, size + 4, 1) : NULL; /* a latin-1 byte takes up to two of UTF-8 */
    size_t at = 0, n = 0;
    if (!to)
        return ARC_ENOMEM;
    while (at < bytes) {
        if (unicode) {
            const size_t digits = text[at] != '\\' || at + 1 == bytes ? 0 : text[at + 1] == 'u' ? 4 : text[at + 1] == 'U' ? 8 : 0;
            uint32_t c = text[at];
            if (digits && (bytes - at < 2 + digits || !hex(text + at + 2, digits, &c) || c > 0x10ffff))
                return ARC_ECORRUPT;
            at += digits ? 2 + digits : 1;
            n += put_utf8(to + n, c);
        } else if (text[at] == '\\') {
            const size_t used = byte_escape(text + at, bytes - at, &to[n++]);
            if (!used)
                return ARC_ECORRUPT;
            at += used;
        } else {
            to[n++] = text[at++];
        }
    }
    *out = to;
    *out_bytes = n;
    return ARC_OK;
}

arc_status arc_pickle_latin1(arc_arena *arena, const uint8_t *utf8, size_t bytes, const uint8_t **out, size_t *out_bytes) {
    uint8_t *to = arc_arena_new(arena, bytes + 1, 1);
    size_t n = 0;
    if (!to)
        return ARC_ENOMEM;
    for (size_t i = 0; i < bytes; i++) {
        if (utf8[i] < 0x80) {
            to[n++] = utf8[i];
        } else { /* only U+0080 to U+00FF are bytes: C2 or C3 and one more */
            if ((utf8[i] & 0xfe) != 0xc2 || i + 1 == bytes || (utf8[i + 1] & 0xc0) != 0x80)
                return ARC_ECORRUPT;
            to[n++] = (uint8_t)(utf8[i] << 6 | (utf8[i + 1] & 63));
            i++;
        }
    }
    *out = to;
    *out_bytes = n;
    return ARC_OK;
}

bool arc_pickle_number(const uint8_t *text, size_t bytes, int64_t *out) {
    const bool negative = bytes > 0 && text[0] == '-';
    uint64_t v = 0;
    size_t at = negative;
    if (bytes > at && (text[bytes - 1] == 'L'))
        bytes--;
    if (at == bytes || bytes - at > 18)
        return false;
    for (; at < bytes; at++) {
        if (text[at] < '0' || text[at] > '9')
            return false;
        v = v * 10 + (uint64_t)(text[at] - '0');
    }
    *out = negative ? -(int64_t)v : (int64_t)v;
    return true;
}
