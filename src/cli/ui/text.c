/* Growable text: help, manual, completion and short results are built in memory and written at once. What the library found
 * describes itself. */
#include "ui/cli.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void reserve(cli_text *t, size_t more) {
    if (t->capacity - t->bytes > more)
        return;
    size_t want = t->capacity ? t->capacity : 4096;
    while (want - t->bytes <= more)
        want *= 2;
    t->data = cli_grow(t->data, want, 1);
    t->capacity = want;
}

void cli_put(cli_text *t, const void *data, size_t bytes) {
    reserve(t, bytes);
    memcpy(t->data + t->bytes, data, bytes);
    t->bytes += bytes;
}

void cli_printf(cli_text *t, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        reserve(t, (size_t)n + 1);
        vsnprintf(t->data + t->bytes, (size_t)n + 1, fmt, again);
        t->bytes += (size_t)n;
    }
    va_end(again);
}

int cli_text_print(cli_text *t) {
    if (t->bytes)
        fwrite(t->data, 1, t->bytes, stdout); /* main checks the stream at the end */
    cli_free(t->data);
    *t = (cli_text){0};
    return CLI_OK;
}

int cli_text_write(cli *c, cli_text *t, const char *path) {
    arc_error err = {0};
    arc_status st = arc_file_write(c->ctx, path, t->data ? t->data : "", t->bytes, &err);
    cli_free(t->data);
    *t = (cli_text){0};
    return st == ARC_OK ? CLI_OK : cli_fail_write(&err);
}

int cli_show(cli *c, arc_status st, char **text, const arc_error *err) {
    if (st == ARC_OK)
        fputs(*text, stdout); /* main checks the stream at the end */
    arc_text_free(c->ctx, text);
    return st == ARC_OK ? CLI_OK : cli_fail(err);
}
