/* deploy/card: the architecture as a picture: from top to bottom the stages of one resolution, their blocks with layers, repeats
 * and share of the work, and beside them what passes through as a slab of its height, width and channels. Colours follow the
 * reader's system; sizes are such that a phone shows it without scrolling sideways. */
#include "deploy/card/card.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 384,
    RAIL = 78, /* of the slabs */
    BOX_X = RAIL,
    BOX_WIDTH = WIDTH - RAIL - 4,
    PAD = 12,
    TITLE_HEIGHT = 20,
    LINE_HEIGHT = 16,
    FOOT_HEIGHT = 22,
    GAP = 8,
    STAGE_GAP = 16,
    LINE_LETTERS = 43 /* of a line of details in a box */
};

static const char style[] =
    "<style>.arc{font-family:system-ui,sans-serif;--box:#fff;--edge:#c4ccd6;--ink:#222932;--soft:#5d6875;--back:#f4f5f7;"
    "--bar:#e3e8ee;--work:#2f6fbf;--front:#8fb6e3;--side:#5f8fc9;--top:#c3daf3;--badge:#2f6fbf;--on:#fff}"
    "@media(prefers-color-scheme:dark){.arc{--box:#1c2229;--edge:#3a4550;--ink:#e2e6eb;--soft:#a3aebb;--back:#12161b;--bar:#"
    "2b343e;"
    "--work:#5b9be6;--front:#3b6ea8;--side:#294f7c;--top:#5c8fca;--badge:#3f7fd0;--on:#fff}}"
    ".arc .t{font-size:14px;font-weight:600;fill:var(--ink)}.arc .d{font-size:12px;fill:var(--soft)}"
    ".arc .s{font-size:12px;fill:var(--ink);text-anchor:middle;font-variant-numeric:tabular-nums}"
    ".arc .b{fill:var(--box);stroke:var(--edge)}.arc .n{font-size:12px;font-weight:600;fill:var(--on);text-anchor:middle}"
    ".arc .r{text-anchor:end}.arc .v{stroke:var(--edge);stroke-width:2}</style>";

typedef struct drawing {
    arc_text t;
    arc_card_document *d;
    const arc_card_blocks *blocks;
    int64_t macs, side; /* of the whole network; greatest height or width */
    int y;
} drawing;

static void put_escaped(arc_text *t, const char *s, int bytes) {
    for (int i = 0; i < bytes; i++)
        switch (s[i]) {
        case '<':
            arc_text_add(t, "&lt;");
            break;
        case '>':
            arc_text_add(t, "&gt;");
            break;
        case '&':
            arc_text_add(t, "&amp;");
            break;
        default:
            arc_text_add(t, "%c", s[i]);
        }
}

static void put_text(drawing *w, const char *class, int x, int y, const char *s, int bytes) {
    arc_text_add(&w->t, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
    put_escaped(&w->t, s, bytes);
    arc_text_add(&w->t, "</text>");
}

/* ---- lines of a detail ---- */

/* Letters, not bytes. */
static int letters(const char *s, int bytes) {
    int n = 0;
    for (int i = 0; i < bytes; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

/* Bytes of the next line: whole words as far as they fit, one at least. */
static int line_bytes(const char *s) {
    static const char dot[] = " \xc2\xb7 ";
    int end = 0;
    for (const char *at = s; *at;) {
        const char *next = strstr(at, dot);
        const int to = (int)(next ? next - s : (ptrdiff_t)strlen(s));
        if (end > 0 && letters(s, to) > LINE_LETTERS)
            break;
        end = to;
        if (!next)
            break;
        at = next + sizeof dot - 1;
    }
    return end;
}

static const char *next_line(const char *s, int bytes) {
    return s[bytes] ? s + bytes + 4 : s + bytes; /* behind the dot and its spaces */
}

static int line_count(const char *s) {
    int n = 0;
    for (; *s; n++)
        s = next_line(s, line_bytes(s));
    return n;
}

/* ---- boxes ---- */

static int box_height(const arc_card_block *b) {
    return PAD + TITLE_HEIGHT + line_count(b->detail) * LINE_HEIGHT + FOOT_HEIGHT;
}

static const char *amount(arc_card_document *d, int64_t n) {
    const double x = (double)n;
    return n >= 1000000000 ? arc_card_print(d, "%.2f G", x * 1e-9)
           : n >= 1000000  ? arc_card_print(d, "%.*f M",
                                           n < 10000000    ? 2
                                            : n < 100000000 ? 1
                                                            : 0,
                                            x * 1e-6)
           : n >= 10000    ? arc_card_print(d, "%.*f k", n < 100000 ? 1 : 0, x * 1e-3)
                           : arc_card_grouped(d, n);
}

static void put_box(drawing *w, const arc_card_block *b) {
    const int height = box_height(b);
    const double share = w->macs > 0 ? (double)b->macs / (double)w->macs : 0;
    int y = w->y + PAD + 8;
    arc_text_add(&w->t, "<rect class=\"b\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>", BOX_X, w->y, BOX_WIDTH,
                 height);
    put_text(w, "t", BOX_X + PAD, y, b->title, (int)strlen(b->title));
    if (b->times > 1) {
        const char *badge = arc_card_print(w->d, "\xc3\x97 %d", b->times);
        const int wide = 24 + 8 * (int)(strlen(badge) - 3);
        const int x = BOX_X + BOX_WIDTH - PAD - wide;
        arc_text_add(&w->t, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"18\" rx=\"9\" fill=\"var(--badge)\"/>", x, w->y + 7,
                     wide);
        put_text(w, "n", x + wide / 2, w->y + 20, badge, (int)strlen(badge));
    }
    for (const char *s = b->detail; *s;) {
        const int bytes = line_bytes(s);
        y += LINE_HEIGHT;
        put_text(w, "d", BOX_X + PAD, y + 2, s, bytes);
        s = next_line(s, bytes);
    }
    const int foot = w->y + height - 10;
    const char *cost = arc_card_print(w->d, "%s parameters \xc2\xb7 %s MACs", amount(w->d, b->parameters), amount(w->d, b->macs));
    put_text(w, "d r", BOX_X + BOX_WIDTH - PAD, foot, cost, (int)strlen(cost));
    arc_text_add(&w->t,
                 "<rect x=\"%d\" y=\"%d\" width=\"72\" height=\"6\" rx=\"3\" fill=\"var(--bar)\"/>"
                 "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"6\" rx=\"3\" fill=\"var(--work)\"/>",
                 BOX_X + PAD, foot - 7, BOX_X + PAD, foot - 7, share > 0 ? 4 + 68 * share : 0);
    w->y += height;
}

/* ---- stages ---- */

/* Height, width and channels of what passes; 0 x 0 for what is no picture. */
static void size_of(const arc_shape *s, int64_t size[3]) {
    const bool picture = s->rank == 4;
    size[0] = picture ? s->dim[2] : 0;
    size[1] = picture ? s->dim[3] : 0;
    size[2] = picture ? s->dim[1] : s->rank > 0 ? s->dim[s->rank - 1] : 0;
}

static bool same_stage(const arc_shape *a, const arc_shape *b) {
    if (a->rank != b->rank)
        return false;
    if (a->rank == 4)
        return a->dim[2] == b->dim[2] && a->dim[3] == b->dim[3];
    return a->rank != 3 || a->dim[1] == b->dim[1];
}

/* A slab in the middle of the rail, its side as the square root of the picture's, its depth as the logarithm of the channels. */
static void put_slab(drawing *w, const arc_shape *out, int middle) {
    int64_t size[3];
    size_of(out, size);
    const double whole = w->side > 0 ? (double)w->side : 1;
    const double high = size[0] > 0 ? 8 + 40 * sqrt((double)size[0] / whole) : 8,
                 wide = size[1] > 0 ? 8 + 40 * sqrt((double)size[1] / whole) : 8;
    const double deep = 2 + 1.6 * log2(1 + (double)size[2]), x = RAIL / 2 - 2 - wide / 2 - deep / 4, y = middle - high / 2 - 6;
    arc_text_add(&w->t,
                 "<path d=\"M%.1f %.1fv%.1fh%.1fv%.1fz\" fill=\"var(--front)\"/>"
                 "<path d=\"M%.1f %.1fl%.1f %.1fh%.1fl%.1f %.1fz\" fill=\"var(--top)\"/>"
                 "<path d=\"M%.1f %.1fl%.1f %.1fv%.1fl%.1f %.1fz\" fill=\"var(--side)\"/>",
                 x, y, high, wide, -high, x, y, deep, -deep / 2, wide, -deep, deep / 2, x + wide, y, deep, -deep / 2, high, -deep,
                 deep / 2);
    const char *text = size[0] > 0      ? arc_card_print(w->d, "%lld \xc3\x97 %lld", (long long)size[0], (long long)size[1])
                       : out->rank == 3 ? arc_card_print(w->d, "%lld tokens", (long long)out->dim[1])
                                        : arc_card_print(w->d, "%lld", (long long)size[2]);
    put_text(w, "s", RAIL / 2 - 2, middle + (int)(high / 2) + 10, text, (int)strlen(text));
    if (out->rank > 2) {
        text = arc_card_print(w->d, "\xc3\x97 %lld", (long long)size[2]);
        put_text(w, "s", RAIL / 2 - 2, middle + (int)(high / 2) + 25, text, (int)strlen(text));
    }
}

#define SLAB_HEIGHT 96 /* with its two lines */

static void put_stage(drawing *w, int from, int to) {
    const int begin = w->y;
    for (int i = from; i < to; i++) {
        if (i > from) {
            arc_text_add(&w->t, "<path class=\"v\" d=\"M%d %dv%d\"/>", BOX_X + BOX_WIDTH / 2, w->y, GAP);
            w->y += GAP;
        }
        put_box(w, &w->blocks->block[i]);
    }
    put_slab(w, &w->blocks->block[to - 1].out, ARC_MAX((begin + w->y) / 2, begin + SLAB_HEIGHT / 2 - 12));
    if (w->y < begin + SLAB_HEIGHT)
        w->y = begin + SLAB_HEIGHT;
}

static void put_stages(drawing *w) {
    const arc_card_block *b = w->blocks->block;
    for (int from = 0, i = 1; i <= w->blocks->count; i++)
        if (i == w->blocks->count || !same_stage(&b[i].out, &b[from].out)) {
            if (from > 0)
                w->y += STAGE_GAP;
            put_stage(w, from, i);
            from = i;
        }
}

const char *arc_card_draw(arc_card_document *d, const arc_card_blocks *blocks, const arc_model *model) {
    drawing w = {.d = d, .blocks = blocks, .y = 4};
    char *body, *whole;
    const arc_shape in = arc_model_report_shape(model);
    w.side = ARC_MAX(in.dim[2], in.dim[3]);
    for (int i = 0; i < blocks->count; i++)
        w.macs += blocks->block[i].macs;
    arc_text_begin(&w.t, d->arena.alloc);
    put_stages(&w);
    if (arc_text_end(&w.t, &body, NULL) != ARC_OK) {
        d->full = true;
        return NULL;
    }
    arc_text_begin(&w.t, d->arena.alloc);
    arc_text_add(
        &w.t,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"arc\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
        "aria-label=\"Blocks of the network\">%s%s</svg>",
        WIDTH, w.y + 4, WIDTH, w.y + 4, style, body);
    arc_mem_free(d->arena.alloc, body);
    const bool good = arc_text_end(&w.t, &whole, NULL) == ARC_OK;
    const char *kept = good ? arc_card_print(d, "%s", whole) : NULL;
    d->full |= !good;
    if (good)
        arc_mem_free(d->arena.alloc, whole);
    return kept;
}
