/* deploy/card: the document that the sections are written into: parts in order, each with its cells. */
#include "deploy/card/card.h"
#include <stdio.h>
#include <string.h>

#define ARENA_BYTES ((size_t)256 << 20)

void arc_card_document_open(arc_card_document *d, const arc_alloc *a) {
    memset(d, 0, sizeof *d);
    arc_arena_init(&d->arena, a, ARENA_BYTES);
}

void arc_card_document_close(arc_card_document *d) {
    arc_arena_free(&d->arena);
}

const char *arc_card_print(arc_card_document *d, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = arc_number_print(NULL, 0, fmt, args);
    va_end(args);
    char *text = n >= 0 ? arc_arena_new(&d->arena, (size_t)n + 1, 1) : NULL;
    if (text)
        arc_number_print(text, (size_t)n + 1, fmt, again);
    else
        d->full = true;
    va_end(again);
    return text ? text : "";
}

const char *arc_card_grouped(arc_card_document *d, int64_t n) {
    char text[32];
    return arc_card_print(d, "%s", arc_text_grouped(n, text));
}

void arc_card_add(arc_card_document *d, arc_card_kind kind, const char *text) {
    if (d->parts == ARC_CARD_MAX_PARTS)
        d->full = true;
    if (!d->full)
        d->part[d->parts++] = (arc_card_part){.kind = kind, .text = text ? arc_card_print(d, "%s", text) : NULL, .columns = 2};
}

void arc_card_table(arc_card_document *d, const char *caption, const char *const *head, int columns) {
    arc_card_add(d, ARC_CARD_TABLE, caption);
    if (!d->full) {
        d->part[d->parts - 1].head = head;
        d->part[d->parts - 1].columns = columns;
    }
}

void arc_card_cell(arc_card_document *d, const char *text) {
    arc_card_part *p = d->parts ? &d->part[d->parts - 1] : NULL;
    if (!p || d->full)
        return;
    if (p->cells == p->room) {
        const int room = p->room ? 2 * p->room : 16;
        const char **cell = arc_arena_new(&d->arena, (size_t)room, sizeof *cell);
        if (!cell) {
            d->full = true;
            return;
        }
        if (p->cells)
            memcpy(cell, p->cell, (size_t)p->cells * sizeof *cell);
        p->cell = cell;
        p->room = room;
    }
    p->cell[p->cells++] = arc_card_print(d, "%s", text && *text ? text : ARC_CARD_UNSTATED);
}

void arc_card_field(arc_card_document *d, const char *name, const char *value) {
    arc_card_cell(d, name);
    arc_card_cell(d, value);
}
