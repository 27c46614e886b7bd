/* drawn: hair: the part behind the head, and the part over the forehead. */
#include "drawn/drawn_internal.h"
#include <math.h>

/* A hair style: how far hair reaches below the ears behind the head (y of its end, template px), and its front line across the
 * forehead. */
typedef struct style {
    float behind_y; /* 0: none */
    float side;     /* share of the head's half width that is covered at the temples */
    float fringe;   /* added to the hair line in the middle */
    bool curly, bare;
} style;
static const style styles[10] = {
    {0, 0.99f, -9, false, true},    /* bald */
    {-12, 0.97f, -3, false, false}, /* cropped */
    {-2, 0.94f, 1, false, false},   /* short, parted */
    {2, 0.92f, 16, false, false},   /* a fringe */
    {48, 0.86f, 0, false, false},   /* long */
    {56, 0.8f, 13, false, false},   /* long, with a fringe */
    {6, 0.93f, 2, true, false},     /* curls */
    {44, 0.82f, 3, true, false},    /* long curls */
    {-6, 0.99f, -12, false, false}, /* receding */
    {-16, 0.95f, -5, false, false}, /* combed back */
};

static arc_drawn_paint hair_paint(const arc_drawn_head *h, float times, float alpha) {
    arc_drawn_paint paint = arc_drawn_paint_of(h->who->hair, times, alpha);
    paint.keep = h->canvas->head;
    paint.raise = true;
    return paint;
}

/* The outer contour from ear to ear over the crown, `grow` px outside the skull; wavy for curls. */
static void add_contour(const arc_drawn_head *h, arc_drawn_outline *s, float grow, float end_y, bool curly) {
    enum { STEPS = 17 };
    const arc_drawn_identity *p = h->who;
    const float middle = -22, up = middle - p->head.crown_y + grow;
    for (int i = 0; i < STEPS; i++) {
        float sine, cosine;
        arc_drawn_turn(3.14159265f * (float)i / (STEPS - 1), &sine, &cosine);
        const float bump = curly ? 1 + (i % 2 ? 0.045f : -0.02f) * (1 + p->hair_shape.wave) : 1;
        const float x = -cosine * (p->head.width + grow) * bump + h->view->hair_shift, y = middle - sine * up * bump;
        arc_drawn_outline_add(s, arc_drawn_head_rim(h, x, y, -24));
    }
    const float x = p->head.width + grow;
    if (end_y > middle) {
        const float wide = 1 + 0.12f * p->hair_shape.wave * (curly ? 2.0f : 1.0f);
        arc_drawn_outline_add(s, arc_drawn_head_rim(h, x * wide, arc_drawn_mix(middle, end_y, 0.5f), -26));
        arc_drawn_outline_add(s, arc_drawn_head_rim(h, x * 0.9f, end_y, -26));
        arc_drawn_outline_add(s, arc_drawn_head_rim(h, -x * 0.9f, end_y, -26));
        arc_drawn_outline_add(s, arc_drawn_head_rim(h, -x * wide, arc_drawn_mix(middle, end_y, 0.5f), -26));
    }
}

void arc_drawn_hair_behind(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    const style *k = &styles[p->hair_shape.style];
    arc_drawn_outline s = {.count = 0};
    if (k->behind_y == 0)
        return;
    add_contour(h, &s, p->hair_shape.volume * (k->curly ? 1.5f : 1),
                k->behind_y + (k->behind_y > 20 ? 30 * p->hair_shape.length : 0), k->curly);
    arc_drawn_outline_smooth(&s, 3, true);
    const arc_drawn_paint paint = hair_paint(h, 0.8f, 1);
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
}

/* Strands: thin lines from the parting to the sides, lighter or darker. */
static void strands(const arc_drawn_head *h, float line_y) {
    const arc_drawn_identity *p = h->who;
    arc_rng r;
    arc_rng_seed(&r, p->marks.freckle_key, 2);
    for (int i = 0; i < 8; i++) {
        const float from = p->hair_shape.part * 22 + arc_drawn_between(&r, -4, 4),
                    to = arc_drawn_between(&r, -1, 1) * p->head.width;
        const float half = arc_drawn_between(&r, 0.5f, 1.4f) * h->scale;
        arc_drawn_outline s = {.count = 0};
        arc_drawn_outline_add(&s, arc_drawn_head_rim(h, from, p->head.crown_y + 4, -20));
        arc_drawn_outline_add(&s, arc_drawn_head_rim(h, arc_drawn_mix(from, to, 0.6f), line_y - 9, -16));
        arc_drawn_outline_add(&s, arc_drawn_head_rim(h, to, line_y - 1, -16));
        arc_drawn_outline_smooth(&s, 5, false);
        arc_drawn_outline_band(&s, 0.2f, half, 0.2f);
        arc_drawn_paint paint = arc_drawn_paint_of(p->hair, i % 2 ? p->hair_shape.streak : 0.75f, 0.5f);
        paint.clip = h->canvas->head;
        arc_drawn_canvas_fill(h->canvas, &s, &paint);
    }
}

void arc_drawn_hair_front(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    const style *k = &styles[p->hair_shape.style];
    const float w = p->head.width, line = p->hair_shape.line_y + h->view->hair_shift * 0.5f, part = p->hair_shape.part * 22;
    arc_drawn_outline s = {.count = 0};
    if (k->bare)
        return;
    add_contour(h, &s, p->hair_shape.volume * (k->curly ? 1.4f : 0.9f), -100, k->curly);
    /* back along the front: temple, above the brow, the parting, and the other side */
    const float dip = k->fringe, temple = k->side * w;
    const float at[][2] = {{w * 1.01f, -6},
                           {temple, -20},
                           {temple * 0.9f, line + 12 + 0.5f * dip},
                           {w * 0.5f, line + dip + 2},
                           {part, line + 0.4f * dip},
                           {-w * 0.5f, line + dip + 2},
                           {-temple * 0.9f, line + 12 + 0.5f * dip},
                           {-temple, -20},
                           {-w * 1.01f, -6}};
    arc_drawn_outline front = {.count = 0};
    for (size_t i = 0; i < ARC_COUNT(at); i++)
        arc_drawn_outline_add(&front, arc_drawn_head_rim(h, at[i][0], at[i][1], at[i][1] > -15 ? -20 : -13));
    arc_drawn_outline_smooth(&front, 4, false);
    arc_drawn_outline_smooth(&s, 3, false);
    for (int i = 0; i < front.count; i++)
        arc_drawn_outline_add(&s, front.at[i]);
    const arc_drawn_paint paint = hair_paint(h, 1, 1);
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
    strands(h, line + dip);
}
