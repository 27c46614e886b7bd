/* deploy/card: the card as an HTML page. */
#include "deploy/card/card.h"
#include <arcface/page.h>

/* Cells 0, 2, ... or 1, 3, ... of fields and tiles. */
static const char **every_other(arc_context *ctx, const arc_card_part *p, int first) {
    const char **text = arc_mem_new(&ctx->alloc, (size_t)p->cells / 2 + 1, sizeof *text);
    for (int i = 0; text && i < p->cells / 2; i++)
        text[i] = p->cell[2 * i + first];
    return text;
}

static arc_status put_pairs(arc_context *ctx, arc_page *page, const arc_card_part *p, arc_error *err) {
    const char **even = every_other(ctx, p, 0), **odd = every_other(ctx, p, 1);
    const arc_status st = even && odd ? ARC_OK : arc_fail_nomem(err, "the card");
    if (st == ARC_OK && p->kind == ARC_CARD_TILES)
        arc_page_tiles(page, even, odd, p->cells / 2);
    else if (st == ARC_OK)
        arc_page_fields(page, even, odd, p->cells / 2);
    arc_mem_free(&ctx->alloc, even);
    arc_mem_free(&ctx->alloc, odd);
    return st;
}

static arc_status put_part(arc_context *ctx, arc_page *page, const arc_card_part *p, arc_error *err) {
    switch (p->kind) {
    case ARC_CARD_HEADING:
        arc_page_heading(page, p->text);
        break;
    case ARC_CARD_SUBHEADING:
        arc_page_subheading(page, p->text);
        break;
    case ARC_CARD_TEXT:
        arc_page_text(page, p->text);
        break;
    case ARC_CARD_WARNING:
        arc_page_warning(page, p->text);
        break;
    case ARC_CARD_TILES:
    case ARC_CARD_FIELDS:
        return put_pairs(ctx, page, p, err);
    case ARC_CARD_TABLE:
        arc_page_table(page, p->text, p->head, p->columns, p->cell, p->cells / p->columns);
        break;
    case ARC_CARD_LINKS:
        arc_page_links(page, p->cell, p->cells);
        break;
    case ARC_CARD_DRAWING:
        arc_page_drawing(page, p->text, p->cells ? p->cell[0] : NULL);
        break;
    }
    return ARC_OK;
}

arc_status arc_card_page(arc_context *ctx, const arc_card_document *d, const char *path, arc_error *err) {
    arc_page *page;
    arc_status st = arc_page_new(ctx, d->title, d->subtitle, &page, err);
    for (int i = 0; st == ARC_OK && i < d->parts; i++)
        st = put_part(ctx, page, &d->part[i], err);
    if (st == ARC_OK)
        st = arc_page_save(page, path, err);
    arc_page_free(&page);
    return st;
}
