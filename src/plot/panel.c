/* plot: draws one panel: frame, grid and labels, then the series, the marks and the legend. */
#include "plot/plot_internal.h"
#include <cairo.h>
#include <math.h>
#include <string.h>

#define INK 0x333a45
#define FAINT 0xe3e6ea
#define TITLE_PX 15.0
#define TEXT_PX 12.0

/* The colours of Okabe and Ito, which people with any kind of colour blindness can tell apart. */
static const uint32_t palette[] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x6b4fa0, 0x7f7f7f};

typedef struct panel {
    cairo_t *pen;
    const arc_plot *plot;
    arc_plot_range x, y;
    double left, top, right, bottom; /* of the plot area */
} panel;

static void colour(cairo_t *pen, uint32_t rgb, double cover) {
    cairo_set_source_rgba(pen, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, cover);
}

static uint32_t colour_of(const arc_plot *plot, int i) {
    const uint32_t rgb = plot->series[i].rgb;
    if (rgb >> 24 == ARC_PLOT_COLOUR(0) >> 24)
        return palette[(rgb & 0xffffff) % ARC_COUNT(palette)];
    return rgb == ARC_PLOT_AUTO ? palette[(size_t)i % ARC_COUNT(palette)] : rgb;
}

static void font(cairo_t *pen, double px, bool bold) {
    cairo_select_font_face(pen, "sans-serif", CAIRO_FONT_SLANT_NORMAL, bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(pen, px);
}

static double text_width(cairo_t *pen, const char *text) {
    cairo_text_extents_t extents = {0};
    cairo_text_extents(pen, text, &extents);
    return extents.x_advance;
}

/* align: 0: begins at x, 0.5: centred, 1: ends at x. */
static void put_text(cairo_t *pen, double x, double y, double align, const char *text) {
    cairo_move_to(pen, x - align * text_width(pen, text), y);
    cairo_show_text(pen, text);
}

static double x_of(const panel *p, double value) {
    return p->left + (p->right - p->left) * arc_plot_position(&p->x, value);
}

static double y_of(const panel *p, double value) {
    return p->bottom - (p->bottom - p->top) * arc_plot_position(&p->y, value);
}

static void spans(const arc_plot *plot, double span[2][2], bool *bars) {
    span[0][0] = span[1][0] = INFINITY;
    span[0][1] = span[1][1] = -INFINITY;
    *bars = false;
    for (int i = 0; i < plot->series_count; i++) {
        const arc_plot_series *s = &plot->series[i];
        *bars |= s->kind == ARC_PLOT_BARS;
        for (size_t k = 0; k < s->count; k++) {
            if (isnan(arc_plot_scaled(plot->x.scale, s->x[k])) || isnan(arc_plot_scaled(plot->y.scale, s->y[k])))
                continue;
            span[0][0] = ARC_MIN(span[0][0], s->x[k]);
            span[0][1] = ARC_MAX(span[0][1], s->x[k]);
            span[1][0] = ARC_MIN(span[1][0], s->y[k]);
            span[1][1] = ARC_MAX(span[1][1], s->y[k]);
        }
        if (s->kind == ARC_PLOT_BARS && s->count > 1)
            span[0][1] = ARC_MAX(span[0][1], 2 * s->x[s->count - 1] - s->x[s->count - 2]);
    }
}

static void line(cairo_t *pen, double x1, double y1, double x2, double y2) {
    cairo_move_to(pen, x1, y1);
    cairo_line_to(pen, x2, y2);
    cairo_stroke(pen);
}

static void draw_axes(const panel *p, double width, double height) {
    cairo_t *pen = p->pen;
    font(pen, TEXT_PX, false);
    cairo_set_line_width(pen, 1);
    for (int i = 0; i < p->x.ticks; i++) {
        double x = x_of(p, p->x.tick[i].at);
        colour(pen, FAINT, 1);
        line(pen, x, p->top, x, p->bottom);
        colour(pen, INK, 1);
        put_text(pen, x, p->bottom + TEXT_PX + 5, 0.5, p->x.tick[i].text);
    }
    for (int i = 0; i < p->y.ticks; i++) {
        double y = y_of(p, p->y.tick[i].at);
        colour(pen, FAINT, 1);
        line(pen, p->left, y, p->right, y);
        colour(pen, INK, 1);
        put_text(pen, p->left - 6, y + TEXT_PX * 0.36, 1, p->y.tick[i].text);
    }
    colour(pen, INK, 1);
    line(pen, p->left, p->bottom, p->right, p->bottom);
    line(pen, p->left, p->top, p->left, p->bottom);
    if (p->plot->x.label)
        put_text(pen, (p->left + p->right) / 2, height - 8, 0.5, p->plot->x.label);
    if (p->plot->y.label) {
        cairo_save(pen);
        cairo_translate(pen, TEXT_PX + 3, (p->top + p->bottom) / 2);
        cairo_rotate(pen, -1.5707963267948966);
        put_text(pen, 0, 0, 0.5, p->plot->y.label);
        cairo_restore(pen);
    }
    if (p->plot->title) {
        font(pen, TITLE_PX, true);
        put_text(pen, width / 2, TITLE_PX + 6, 0.5, p->plot->title);
    }
}

/* Draws at most one point for each pixel column, so that a curve of ten million points does not make a file of that size.
 * `steps` keeps corners. */
static void draw_line(const panel *p, const arc_plot_series *s) {
    bool drawing = false;
    double last_x = 0, last_y = 0;
    for (size_t i = 0; i < s->count; i++) {
        double x = x_of(p, s->x[i]), y = y_of(p, s->y[i]);
        if (isnan(x) || isnan(y)) {
            drawing = false;
            continue;
        }
        /* clipped to the range of cairo's fixed-point coordinates, 2^23 */
        x = ARC_MAX(-1e5, ARC_MIN(1e5, x));
        y = ARC_MAX(-1e5, ARC_MIN(1e5, y));
        if (!drawing)
            cairo_move_to(p->pen, x, y);
        else if (hypot(x - last_x, y - last_y) < 0.4 && i + 1 < s->count)
            continue;
        else if (s->kind == ARC_PLOT_STEPS)
            cairo_line_to(p->pen, x, last_y);
        if (drawing)
            cairo_line_to(p->pen, x, y);
        drawing = true;
        last_x = x;
        last_y = y;
    }
    cairo_stroke(p->pen);
}

static void draw_bars(const panel *p, const arc_plot_series *s) {
    for (size_t i = 0; i < s->count; i++) {
        double begin = s->x[i];
        double end = i + 1 < s->count ? s->x[i + 1] : s->count > 1 ? 2 * begin - s->x[i - 1] : begin + 1;
        double x1 = x_of(p, begin), x2 = x_of(p, end), y = y_of(p, s->y[i]);
        if (isnan(x1) || isnan(x2) || isnan(y))
            continue;
        y = ARC_MAX(p->top - 10, ARC_MIN(p->bottom + 10, y));
        cairo_rectangle(p->pen, x1, y, x2 - x1, p->bottom - y);
    }
    cairo_fill(p->pen);
}

static void draw_dots(const panel *p, const arc_plot_series *s, double diameter) {
    for (size_t i = 0; i < s->count; i++) {
        double x = x_of(p, s->x[i]), y = y_of(p, s->y[i]);
        if (isnan(x) || isnan(y) || fabs(x) > 1e5 || fabs(y) > 1e5)
            continue;
        cairo_new_sub_path(p->pen);
        cairo_arc(p->pen, x, y, diameter / 2, 0, 6.283185307179586);
    }
    cairo_fill(p->pen);
}

static void draw_series(const panel *p) {
    cairo_t *pen = p->pen;
    cairo_save(pen);
    cairo_rectangle(pen, p->left, p->top - 1, p->right - p->left + 1, p->bottom - p->top + 2);
    cairo_clip(pen);
    cairo_set_line_join(pen, CAIRO_LINE_JOIN_ROUND);
    for (int i = 0; i < p->plot->series_count; i++) {
        const arc_plot_series *s = &p->plot->series[i];
        double width = s->width_px > 0 ? s->width_px : 1.8;
        colour(pen, colour_of(p->plot, i), s->kind == ARC_PLOT_BARS ? 0.55 : 1);
        cairo_set_line_width(pen, width);
        cairo_set_dash(pen, (double[]){5, 4}, s->dashed ? 2 : 0, 0);
        if (s->kind == ARC_PLOT_BARS)
            draw_bars(p, s);
        else if (s->kind == ARC_PLOT_DOTS)
            draw_dots(p, s, ARC_MAX(width, 3.0));
        else
            draw_line(p, s);
    }
    cairo_set_dash(pen, NULL, 0, 0);
    cairo_restore(pen);
}

static void draw_marks(const panel *p) {
    cairo_t *pen = p->pen;
    font(pen, TEXT_PX, false);
    cairo_set_line_width(pen, 1.2);
    for (int i = 0; i < p->plot->mark_count; i++) {
        const arc_plot_mark *m = &p->plot->mark[i];
        double at = arc_plot_position(m->horizontal ? &p->y : &p->x, m->at);
        if (!(at >= 0 && at <= 1))
            continue;
        colour(pen, INK, 0.75);
        cairo_set_dash(pen, (double[]){3, 3}, 2, 0);
        double x = x_of(p, m->at), y = y_of(p, m->at);
        if (m->horizontal)
            line(pen, p->left, y, p->right, y);
        else
            line(pen, x, p->top, x, p->bottom);
        cairo_set_dash(pen, NULL, 0, 0);
        if (!m->text)
            continue;
        if (m->horizontal)
            put_text(pen, p->right - 4, y - 4, 1, m->text);
        else /* on the side with more space */
            put_text(pen, at > 0.6 ? x - 5 : x + 5, p->top + TEXT_PX * (1.1 + 1.3 * (i % 4)), at > 0.6 ? 1 : 0, m->text);
    }
}

/* The number of points of all series inside a rectangle: the legend is put into the corner where it hides the fewest. */
static size_t hidden_by(const panel *p, double x1, double y1, double x2, double y2) {
    size_t hidden = 0;
    for (int i = 0; i < p->plot->series_count; i++) {
        const arc_plot_series *s = &p->plot->series[i];
        size_t stride = ARC_MAX(s->count / 512, (size_t)1);
        for (size_t k = 0; k < s->count; k += stride) {
            double x = x_of(p, s->x[k]), y = y_of(p, s->y[k]);
            hidden += x >= x1 && x <= x2 && (s->kind == ARC_PLOT_BARS ? y <= y2 : y >= y1 && y <= y2);
        }
    }
    return hidden;
}

static void draw_legend(const panel *p) {
    cairo_t *pen = p->pen;
    double width = 0, row = TEXT_PX * 1.45;
    int named = 0;
    font(pen, TEXT_PX, false);
    for (int i = 0; i < p->plot->series_count; i++)
        if (p->plot->series[i].name) {
            named++;
            width = ARC_MAX(width, text_width(pen, p->plot->series[i].name));
        }
    if (named == 0)
        return;
    width += 34;
    double height = named * row + 8, corner_x = 0, corner_y = 0;
    size_t least = SIZE_MAX;
    for (int corner = 0; corner < 4; corner++) {
        double x = corner & 1 ? p->left + 8 : p->right - 8 - width, y = corner & 2 ? p->bottom - 8 - height : p->top + 6;
        size_t hidden = hidden_by(p, x, y, x + width, y + height);
        if (hidden < least) {
            least = hidden;
            corner_x = x;
            corner_y = y;
        }
    }
    colour(pen, 0xffffff, 0.85);
    cairo_rectangle(pen, corner_x, corner_y, width, height);
    cairo_fill(pen);
    double y = corner_y + 4;
    for (int i = 0; i < p->plot->series_count; i++) {
        const arc_plot_series *s = &p->plot->series[i];
        if (!s->name)
            continue;
        colour(pen, colour_of(p->plot, i), s->kind == ARC_PLOT_BARS ? 0.55 : 1);
        if (s->kind == ARC_PLOT_BARS) {
            cairo_rectangle(pen, corner_x + 6, y + 3, 18, TEXT_PX - 2);
            cairo_fill(pen);
        } else {
            cairo_set_line_width(pen, 2.2);
            cairo_set_dash(pen, (double[]){5, 4}, s->dashed ? 2 : 0, 0);
            line(pen, corner_x + 6, y + row / 2, corner_x + 24, y + row / 2);
            cairo_set_dash(pen, NULL, 0, 0);
        }
        colour(pen, INK, 1);
        put_text(pen, corner_x + 29, y + row * 0.74, 0, s->name);
        y += row;
    }
}

void arc_plot_panel_draw(cairo_t *pen, const arc_plot *plot, double width, double height) {
    panel p = {.pen = pen, .plot = plot};
    double span[2][2];
    bool bars;
    spans(plot, span, &bars);
    arc_plot_range_settle(&p.x, &plot->x, span[0][0], span[0][1], false);
    arc_plot_range_settle(&p.y, &plot->y, span[1][0], span[1][1], bars);
    font(pen, TEXT_PX, false);
    double labels = 0;
    for (int i = 0; i < p.y.ticks; i++)
        labels = ARC_MAX(labels, text_width(pen, p.y.tick[i].text));
    p.left = labels + (plot->y.label ? TEXT_PX + 16 : 14);
    p.right = width - 18;
    p.top = plot->title ? TITLE_PX + 18 : 12;
    p.bottom = height - (plot->x.label ? 2 * TEXT_PX + 22 : TEXT_PX + 14);
    draw_axes(&p, width, height);
    draw_series(&p);
    draw_marks(&p);
    draw_legend(&p);
}
