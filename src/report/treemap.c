/* report: treemaps as SVG: rectangles whose areas are values, laid out as near to squares as their order allows (Bruls, Huizing
 * and van Wijk, Squarified Treemaps, 2000). A page has each twice, wide for screens and tall for phones; a rule of its style
 * shows the one that fits. */
#include "report/page_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_PX 1.0
#define LETTER_PX 6.6 /* wide at 11 px, more than most letters take */
#define LINE_PX 14.0
#define ELLIPSIS "\xe2\x80\xa6"

/* The colours of Okabe and Ito, as plots have them, and the ink that is read on each. */
static const struct {
    const char *fill, *ink;
} palette[] = {{"#0072b2", "#fff"}, {"#d55e00", "#fff"}, {"#00785a", "#fff"}, {"#cc79a7", "#111"},
               {"#e69f00", "#111"}, {"#56b4e9", "#111"}, {"#6b4fa0", "#fff"}, {"#6b6f76", "#fff"}};

typedef struct box {
    double x, y, width, height;
} box;

typedef struct tile {
    const arc_treemap_item *item;
    double area;
    box place;
} tile;

static int by_value(const void *a, const void *b) {
    const tile *x = a, *y = b;
    return x->item->value != y->item->value ? (x->item->value < y->item->value) - (x->item->value > y->item->value)
                                            : (x->item > y->item) - (x->item < y->item);
}

/* The most stretched tile of a row along a side: the row's areas from least to most, and their sum. */
static double worst(double sum, double least, double most, double side) {
    const double thick = sum / side;
    return fmax(most / (thick * thick), thick * thick / least);
}

/* One row along the shorter side of what is free; returns how many tiles it took. */
static int lay_row(tile *t, int count, box *free_box) {
    const double side = fmin(free_box->width, free_box->height);
    double sum = t[0].area;
    int n = 1;
    while (n < count && worst(sum + t[n].area, t[n].area, t[0].area, side) <= worst(sum, t[n - 1].area, t[0].area, side))
        sum += t[n++].area;
    const double thick = sum / side;
    double at = 0;
    for (int i = 0; i < n; i++) {
        const double along = t[i].area / thick;
        t[i].place = free_box->width >= free_box->height ? (box){free_box->x, free_box->y + at, thick, along}
                                                         : (box){free_box->x + at, free_box->y, along, thick};
        at += along;
    }
    if (free_box->width >= free_box->height)
        *free_box = (box){free_box->x + thick, free_box->y, fmax(free_box->width - thick, 0), free_box->height};
    else
        *free_box = (box){free_box->x, free_box->y + thick, free_box->width, fmax(free_box->height - thick, 0)};
    return n;
}

static void lay_out(tile *t, int count, double width, double height) {
    double sum = 0;
    box left = {0, 0, width, height};
    for (int i = 0; i < count; i++)
        sum += t[i].item->value;
    for (int i = 0; i < count; i++) {
        t[i].area = t[i].item->value / sum * width * height;
        t[i].place = (box){0};
    }
    for (int i = 0; i < count && fmin(left.width, left.height) > 0;)
        i += lay_row(t + i, count - i, &left);
}

static bool begins_letter(char c) {
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* Of a name that does not fit the beginning. */
static void put_label(arc_page *page, double x, double y, double room_px, const char *text, bool may_be_cut) {
    const int fit = (int)(room_px / LETTER_PX);
    int letters = 0;
    size_t kept = 0; /* bytes of the first fit - 1 letters */
    for (const char *c = text; *c; c++) {
        letters += begins_letter(*c);
        kept += letters < fit;
    }
    if (letters == 0 || (letters > fit && (fit < 2 || !may_be_cut)))
        return;
    arc_page_putf(page, "<text x=\"%.1f\" y=\"%.1f\">", x, y);
    char cut[64];
    snprintf(cut, sizeof cut, "%.*s", (int)ARC_MIN(kept, sizeof cut - 1), text);
    arc_page_put_escaped(page, letters > fit ? cut : text);
    arc_page_put(page, letters > fit ? ELLIPSIS "</text>" : "</text>");
}

static void put_tile(arc_page *page, const tile *t) {
    const size_t colour = (size_t)t->item->group % ARC_COUNT(palette);
    const box *b = &t->place;
    const double width = b->width - GAP_PX, height = b->height - GAP_PX;
    if (width < 0.2 || height < 0.2)
        return;
    arc_page_put(page, "<g><title>");
    arc_page_put_escaped(page, t->item->name);
    arc_page_put(page, "\n");
    arc_page_put_escaped(page, t->item->detail);
    arc_page_putf(page, "</title><rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>", b->x, b->y, width,
                  height, palette[colour].fill);
    if (height >= LINE_PX + 2) {
        arc_page_putf(page, "<g fill=\"%s\">", palette[colour].ink);
        put_label(page, b->x + 4, b->y + LINE_PX - 2, width - 6, t->item->name, true);
        if (height >= 2 * LINE_PX + 2)
            put_label(page, b->x + 4, b->y + 2 * LINE_PX - 2, width - 6, t->item->label, false);
        arc_page_put(page, "</g>");
    }
    arc_page_put(page, "</g>\n");
}

static void put_svg(arc_page *page, tile *t, int count, const char *name, int width, int height) {
    lay_out(t, count, width, height);
    arc_page_putf(page, "<svg class=\"%s\" viewBox=\"0 0 %d %d\" role=\"img\" font-size=\"11\">\n", name, width, height);
    for (int i = 0; i < count; i++)
        put_tile(page, &t[i]);
    arc_page_put(page, "</svg>\n");
}

void arc_page_treemap(arc_page *page, const arc_treemap_item *items, int count, const char *const *groups, int group_count) {
    int used = 0;
    tile *t = arc_mem_new(arc_page_alloc(page), (size_t)ARC_MAX(count, 0) + 1, sizeof *t);
    if (!t) {
        arc_page_nomem(page);
        return;
    }
    for (int i = 0; i < count; i++)
        if (isfinite(items[i].value) && items[i].value > 0)
            t[used++].item = &items[i];
    qsort(t, (size_t)used, sizeof *t, by_value);
    arc_page_put(page, "<figure class=\"treemap\"><div class=\"key\">");
    for (int i = 0; i < group_count; i++) {
        arc_page_putf(page, "<span><i style=\"background:%s\"></i>", palette[(size_t)i % ARC_COUNT(palette)].fill);
        arc_page_put_escaped(page, groups[i]);
        arc_page_put(page, "</span>");
    }
    arc_page_put(page, "</div>\n");
    put_svg(page, t, used, "wide", 1120, 520);
    put_svg(page, t, used, "tall", 350, 640);
    arc_page_put(page, "</figure>\n");
    arc_mem_free(arc_page_alloc(page), t);
}
