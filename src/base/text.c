/* base: builds text in memory; see text.h. */
#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_TEXT_BYTES ((size_t)1 << 30)

void arc_text_begin(arc_text *t, const arc_alloc *a) {
    arc_buffer_init(&t->buffer, a, MAX_TEXT_BYTES);
    t->st = ARC_OK;
}

static void put(arc_text *t, const void *data, size_t bytes) {
    if (t->st == ARC_OK)
        t->st = arc_buffer_put(&t->buffer, data, bytes);
}

void arc_text_add(arc_text *t, const char *fmt, ...) {
    char few[512];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = arc_number_print(few, sizeof few, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof few) {
        put(t, few, (size_t)n);
    } else if (n >= 0 && t->st == ARC_OK) {
        char *many = arc_mem_raw(t->buffer.alloc, (size_t)n + 1, 1);
        if (!many) {
            t->st = ARC_ENOMEM;
        } else {
            arc_number_print(many, (size_t)n + 1, fmt, again);
            put(t, many, (size_t)n);
        }
        arc_mem_free(t->buffer.alloc, many);
    }
    va_end(again);
}

/* Length of the valid UTF-8 sequence at s; 0 if it is invalid (overlong forms and surrogates included). */
static int utf8_length(const unsigned char *s) {
    int n = s[0] < 0x80                   ? 1
            : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
            : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
            : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                          : 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}

bool arc_text_is_utf8(const char *s) {
    const unsigned char *u = (const unsigned char *)s;
    while (*u) {
        const int n = utf8_length(u);
        if (n == 0)
            return false;
        u += n;
    }
    return true;
}

void arc_text_quote(arc_text *t, const char *s) {
    const unsigned char *u = (const unsigned char *)s;
    put(t, "\"", 1);
    while (*u) {
        const int n = utf8_length(u);
        if (*u == '"' || *u == '\\')
            arc_text_add(t, "\\%c", *u);
        else if (*u < 0x20)
            arc_text_add(t, "\\u%04x", *u);
        else if (n == 0)
            put(t, "\xef\xbf\xbd", 3);
        else
            put(t, u, (size_t)n);
        u += n ? n : 1;
    }
    put(t, "\"", 1);
}

void arc_text_numbers(arc_text *t, const char *name, const double *x, int count) {
    arc_text_add(t, "\"%s\": [", name);
    for (int i = 0; i < count; i++)
        arc_text_add(t, "%s%.17g", i ? ", " : "", x[i]);
    arc_text_add(t, "]");
}

const char *arc_text_bool(bool x) {
    return x ? "true" : "false";
}

const char *arc_text_grouped(int64_t n, char text[32]) {
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)n);
    int used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static arc_status fail(arc_text *t, arc_error *err) {
    const arc_status st = t->st;
    arc_buffer_free(&t->buffer);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "the description") : arc_fail(err, st, "the description is too long");
}

arc_status arc_text_end(arc_text *t, char **text, arc_error *err) {
    *text = NULL;
    put(t, "", 1);
    if (t->st != ARC_OK)
        return fail(t, err);
    *text = arc_mem_raw(t->buffer.alloc, t->buffer.bytes, 1);
    if (*text)
        memcpy(*text, t->buffer.data, t->buffer.bytes);
    arc_buffer_free(&t->buffer);
    return *text ? ARC_OK : arc_fail_nomem(err, "the description");
}

arc_status arc_text_save(arc_text *t, const char *path, arc_error *err) {
    if (t->st != ARC_OK)
        return fail(t, err);
    const arc_status st = arc_file_save(t->buffer.alloc, path, t->buffer.data, t->buffer.bytes, err);
    arc_buffer_free(&t->buffer);
    return st;
}
