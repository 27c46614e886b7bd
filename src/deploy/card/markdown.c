/* deploy/card: the card as Markdown (GitHub's, with tables), and its drawing as a file beside it. What comes from outside is
 * text: every letter that Markdown or HTML gives a meaning to is escaped. */
#include "deploy/card/card.h"
#include <stdio.h>
#include <string.h>

static void put_escaped(arc_text *t, const char *s) {
    for (; *s; s++) {
        if (*s == '\n' || *s == '\r' || *s == '\t')
            arc_text_add(t, " "); /* a line break ends a row of a table */
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            arc_text_add(t, "\xef\xbf\xbd");
        else if (*s == '<')
            arc_text_add(t, "&lt;");
        else if (*s == '>')
            arc_text_add(t, "&gt;");
        else if (*s == '&')
            arc_text_add(t, "&amp;");
        else
            arc_text_add(t, strchr("\\`*_[]#|~$", *s) ? "\\%c" : "%c", *s);
    }
}

static void put_row(arc_text *t, const char *const *cell, int columns, int step) {
    arc_text_add(t, "|");
    for (int i = 0; i < columns; i++) {
        arc_text_add(t, " ");
        put_escaped(t, cell[i * step]);
        arc_text_add(t, " |");
    }
    arc_text_add(t, "\n");
}

static void put_rule(arc_text *t, int columns) {
    arc_text_add(t, "|");
    for (int i = 0; i < columns; i++)
        arc_text_add(t, " --- |");
    arc_text_add(t, "\n");
}

static void put_table(arc_text *t, const arc_card_part *p) {
    static const char *const nothing[] = {"", ""};
    if (p->kind == ARC_CARD_TABLE && p->text) {
        put_escaped(t, p->text);
        arc_text_add(t, "\n\n");
    }
    put_row(t, p->head ? p->head : nothing, p->columns, 1);
    put_rule(t, p->columns);
    for (int i = 0; i + p->columns <= p->cells; i += p->columns)
        put_row(t, p->cell + i, p->columns, 1);
}

/* A row of labels over a row of values. */
static void put_tiles(arc_text *t, const arc_card_part *p) {
    if (p->cells < 2)
        return;
    put_row(t, p->cell + 1, p->cells / 2, 2);
    put_rule(t, p->cells / 2);
    put_row(t, p->cell, p->cells / 2, 2);
}

/* Inside <...> an address may hold neither of these, nor a space. */
static bool can_be_followed(const char *s) {
    return (strncmp(s, "https://", 8) == 0 || strncmp(s, "http://", 7) == 0) && !strpbrk(s, "<> \t\r\n\"");
}

static void put_links(arc_text *t, const arc_card_part *p) {
    for (int i = 0; i < p->cells; i++) {
        arc_text_add(t, "- ");
        if (can_be_followed(p->cell[i]))
            arc_text_add(t, "<%s>", p->cell[i]);
        else
            put_escaped(t, p->cell[i]);
        arc_text_add(t, "\n");
    }
}

static void put_line(arc_text *t, const char *before, const char *text) {
    arc_text_add(t, "%s", before);
    put_escaped(t, text);
    arc_text_add(t, "\n");
}

static void put_part(arc_text *t, const arc_card_part *p, const char *drawing) {
    switch (p->kind) {
    case ARC_CARD_HEADING:
        put_line(t, "## ", p->text);
        break;
    case ARC_CARD_SUBHEADING:
        put_line(t, "### ", p->text);
        break;
    case ARC_CARD_TEXT:
        put_line(t, "", p->text);
        break;
    case ARC_CARD_WARNING:
        put_line(t, "> **Note:** ", p->text);
        break;
    case ARC_CARD_TILES:
        put_tiles(t, p);
        break;
    case ARC_CARD_FIELDS:
    case ARC_CARD_TABLE:
        put_table(t, p);
        break;
    case ARC_CARD_LINKS:
        put_links(t, p);
        break;
    case ARC_CARD_DRAWING:
        arc_text_add(t, "![");
        put_escaped(t, p->cells ? p->cell[0] : "");
        arc_text_add(t, "](<%s>)\n", drawing);
        break;
    }
    arc_text_add(t, "\n");
}

/* card.md -> card.svg; "" if it does not fit. */
static void drawing_path(const char *path, char *out, size_t bytes) {
    const int n = snprintf(out, bytes, "%.*s.svg", (int)(strlen(path) - strlen(".md")), path);
    if (n < 0 || (size_t)n >= bytes)
        out[0] = '\0';
}

static arc_status save_drawing(arc_context *ctx, const arc_card_document *d, const char *path, arc_error *err) {
    for (int i = 0; i < d->parts; i++)
        if (d->part[i].kind == ARC_CARD_DRAWING)
            return arc_file_save(&ctx->alloc, path, d->part[i].text, strlen(d->part[i].text), err);
    return ARC_OK;
}

arc_status arc_card_markdown(arc_context *ctx, const arc_card_document *d, const char *path, arc_error *err) {
    char drawing[ARC_PATH_BYTES];
    arc_text t;
    drawing_path(path, drawing, sizeof drawing);
    if (!*drawing || strpbrk(arc_path_name(drawing), "<>\n\\"))
        return arc_fail(err, ARC_EINVAL,
                        "%s: a name without <, >, \\ and line breaks is needed, beside which the drawing can stand", path);
    const arc_status st = save_drawing(ctx, d, drawing, err);
    if (st != ARC_OK)
        return st;
    arc_text_begin(&t, &ctx->alloc);
    put_line(&t, "# ", d->title);
    if (d->subtitle)
        put_line(&t, "\n", d->subtitle);
    arc_text_add(&t, "\n");
    for (int i = 0; i < d->parts; i++)
        put_part(&t, &d->part[i], arc_path_name(drawing));
    return arc_text_save(&t, path, err);
}
