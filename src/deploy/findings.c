/* Findings of a check (findings.h). */
#include "deploy/findings.h"
#include <stdio.h>

void arc_findings_add_args(arc_findings *f, bool serious, const char *where, const char *fmt, va_list args) {
    char text[1024];
    const int length = vsnprintf(text, sizeof text, fmt, args);
    const char *place = arc_arena_strdup(f->arena, where), *copy = length < 0 ? NULL : arc_arena_strdup(f->arena, text);
    if (f->count == ARC_MAX_FINDINGS || !place || !copy) {
        f->crowded = true;
        return;
    }
    f->list[f->count++] = (arc_finding){serious, place, copy};
}

void arc_findings_add(arc_findings *f, bool serious, const char *where, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    arc_findings_add_args(f, serious, where, fmt, args);
    va_end(args);
}

void arc_findings_count(const arc_findings *f, arc_archive_counts *n) {
    *n = (arc_archive_counts){0};
    for (int i = 0; i < f->count; i++)
        *(f->list[i].serious ? &n->errors : &n->warnings) += 1;
}

static const char *word_of(const arc_finding *f) {
    return f->serious ? "error" : "warning";
}

void arc_findings_put(arc_text *t, const arc_findings *f, const char *path) {
    arc_archive_counts n;
    arc_findings_count(f, &n);
    for (int i = 0; i < f->count; i++)
        arc_text_add(t, "%s: %s: %s\n", word_of(&f->list[i]), f->list[i].where, f->list[i].text);
    if (f->crowded)
        arc_text_add(t, "and more: only the first %d are shown\n", f->count);
    if (n.errors + n.warnings == 0)
        arc_text_add(t, "%s: nothing is wrong with it\n", path);
    else
        arc_text_add(t, "%s: %d error%s, %d warning%s\n", path, n.errors, n.errors == 1 ? "" : "s", n.warnings,
                     n.warnings == 1 ? "" : "s");
}

void arc_findings_put_json(arc_text *t, const arc_findings *f) {
    arc_archive_counts n;
    arc_findings_count(f, &n);
    arc_text_add(t, ", \"errors\": %d, \"warnings\": %d, \"complete\": %s, \"findings\": [", n.errors, n.warnings,
                 arc_text_bool(!f->crowded));
    for (int i = 0; i < f->count; i++) {
        arc_text_add(t, "%s{\"severity\": \"%s\", \"where\": ", i ? ", " : "", word_of(&f->list[i]));
        arc_text_quote(t, f->list[i].where);
        arc_text_add(t, ", \"text\": ");
        arc_text_quote(t, f->list[i].text);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "]");
}

void arc_text_without_controls(arc_text *t) {
    for (size_t i = 0; i < t->buffer.bytes; i++)
        if ((t->buffer.data[i] < 0x20 && t->buffer.data[i] != '\n') || t->buffer.data[i] == 0x7f)
            t->buffer.data[i] = '?';
}
