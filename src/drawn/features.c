/* drawn: eyes, brows, nose and mouth. */
#include "drawn/drawn_internal.h"
#include <math.h>

static void band_through(const arc_drawn_head *h, arc_drawn_outline *s, float from, float middle, float to,
                         const arc_drawn_paint *paint) {
    arc_drawn_outline_smooth(s, 5, false);
    arc_drawn_outline_band(s, from * h->scale, middle * h->scale, to * h->scale);
    arc_drawn_canvas_fill(h->canvas, s, paint);
}

/* A point of an eye: u along its width (-1 inner, 1 outer corner), v px above the line between the corners. */
static arc_drawn_point eye_at(const arc_drawn_head *h, float side, float u, float v) {
    const arc_drawn_identity *p = h->who;
    float sine, cosine;
    arc_drawn_turn(p->eye.tilt, &sine, &cosine);
    const float x = u * p->eye.width;
    return arc_drawn_head_on(h, side * (p->eye.x + x * cosine - v * sine), p->eye.y - x * sine - v * cosine);
}

static void one_eye(const arc_drawn_head *h, float side) {
    static const float white[3] = {236, 232, 228}, black[3] = {14, 12, 12}, shine[3] = {255, 255, 255}, lid[3] = {48, 26, 24};
    static const float along[5] = {-1, -0.55f, 0, 0.55f, 1}, high[5] = {0, 0.78f, 1, 0.8f, 0.05f};
    const arc_drawn_identity *p = h->who;
    const arc_drawn_view *v = h->view;
    arc_drawn_canvas *c = h->canvas;
    const float open = p->eye.height * arc_drawn_clamp(1 - 0.95f * v->blink - 0.25f * v->squeeze + 0.08f * v->raise, 0.06f, 1.2f);
    const float floor = p->eye.height * (0.62f - 0.2f * v->squeeze) * (1 - 0.5f * v->blink);
    arc_drawn_outline s = {.count = 0};
    for (int i = 0; i < 5; i++)
        arc_drawn_outline_add(&s, eye_at(h, side, along[i], open * high[i]));
    for (int i = 3; i >= 1; i--)
        arc_drawn_outline_add(&s, eye_at(h, side, along[i], -floor * high[i] * 0.8f));
    arc_drawn_outline_smooth(&s, 4, true);
    arc_drawn_paint paint = arc_drawn_paint_of(white, 1, 1);
    paint.keep = c->eye;
    arc_drawn_canvas_fill(c, &s, &paint);
    const arc_drawn_point at = eye_at(h, side, side * v->gaze[0] * 0.45f, 0.18f * p->eye.height + v->gaze[1]);
    const float iris = p->eye.iris * h->scale;
    const float radii[3] = {iris, iris * 0.82f, iris * 0.42f}, *const fills[3] = {p->iris, p->iris, black};
    for (int i = 0; i < 3; i++) {
        arc_drawn_outline_ellipse(&s, at, radii[i] * ARC_MAX(h->cosine[0], 0.75f), radii[i], 0);
        paint = arc_drawn_paint_of(fills[i], i == 0 ? 0.5f : 1, 1);
        paint.clip = c->eye;
        arc_drawn_canvas_fill(c, &s, &paint);
    }
    paint = arc_drawn_paint_of(shine, 1, 0.9f);
    paint.clip = c->eye;
    arc_drawn_outline_ellipse(&s, (arc_drawn_point){at.x + (v->light[0] * 1.2f - 0.5f) * h->scale, at.y - 1.1f * h->scale},
                              0.7f * h->scale, 0.7f * h->scale, 0);
    arc_drawn_canvas_fill(c, &s, &paint);
    s.count = 0;
    for (int i = 0; i < 5; i++)
        arc_drawn_outline_add(&s, eye_at(h, side, along[i] * 1.05f, open * high[i] + 0.15f));
    paint = arc_drawn_paint_of(lid, 0.6f, 0.9f);
    band_through(h, &s, 0.3f, 0.35f + 0.55f * p->eye.lash, 0.4f + 0.3f * p->eye.lash, &paint);
    for (int i = 0, n = s.count = 0; i < 5; i++, n++)
        arc_drawn_outline_add(&s, eye_at(h, side, along[i] * 1.08f, open * high[i] + 1.6f + 1.4f * p->eye.crease));
    paint = arc_drawn_paint_of(p->skin, 0.58f, 0.35f + 0.45f * p->eye.crease);
    band_through(h, &s, 0.1f, 0.45f, 0.15f, &paint);
    s.count = 0;
    for (int i = 0; i < 5; i++)
        arc_drawn_outline_add(&s,
                              eye_at(h, side, along[i], -floor * high[i] * 0.8f - 0.2f - (i > 0 && i < 4) * 2.2f * p->eye.bag));
    paint = arc_drawn_paint_of(p->skin, 0.6f, 0.3f + 0.3f * p->head.age);
    band_through(h, &s, 0.1f, 0.4f, 0.1f, &paint);
}

void arc_drawn_eyes(const arc_drawn_head *h) {
    one_eye(h, -1);
    one_eye(h, 1);
}

void arc_drawn_brows(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    const float up = p->brow.up + 2 * h->view->raise;
    for (int side = -1; side <= 1; side += 2) {
        arc_drawn_outline s = {.count = 0};
        for (int i = 0; i < 5; i++) {
            const float u = -1 + 0.5f * (float)i, hill = p->brow.arch * (1 - (u - 0.2f) * (u - 0.2f));
            const float x = p->eye.x + 1 + u * p->brow.length,
                        y = p->eye.y - up - hill + p->brow.tilt * u * -p->brow.length * 0.6f;
            arc_drawn_outline_add(&s, arc_drawn_head_on(h, (float)side * x, y));
        }
        const arc_drawn_paint paint = arc_drawn_paint_of(p->hair, 0.75f, p->brow.dark);
        band_through(h, &s, p->brow.thick * 0.85f, p->brow.thick, 0.25f, &paint);
    }
}

void arc_drawn_nose(const arc_drawn_head *h) {
    static const float dark[3] = {38, 18, 16};
    const arc_drawn_identity *p = h->who;
    arc_drawn_canvas *c = h->canvas;
    const float y = p->nose.tip_y, z = p->nose.tip_z, w = p->nose.width, scale = h->scale;
    const float shade = h->view->light[0] > 0 ? -1 : 1;
    arc_drawn_outline s = {.count = 0};
    /* the shaded side of the nose, from the brow to the nostril */
    for (int side = -1; side <= 1; side += 2) {
        s.count = 0;
        arc_drawn_outline_add(&s, arc_drawn_head_at(h, (float)side * (p->nose.bridge + 1), p->eye.y - 3, 2));
        arc_drawn_outline_add(&s, arc_drawn_head_at(h, (float)side * p->nose.bridge, (p->eye.y + y) * 0.5f, z * 0.55f));
        arc_drawn_outline_add(&s, arc_drawn_head_at(h, (float)side * w * 0.75f, y - 2, z * 0.5f));
        const arc_drawn_paint paint = arc_drawn_paint_of(p->skin, 0.7f, (float)side == shade ? 0.5f : 0.2f);
        band_through(h, &s, 0.4f, 1.1f, 1.7f, &paint);
    }
    arc_drawn_paint paint = arc_drawn_paint_of(p->skin, 1.2f, 0.7f);
    arc_drawn_canvas_spot(c, arc_drawn_head_at(h, 0, y - 8, z * 0.75f), p->nose.bridge * 0.9f * scale, 12 * scale, 0, &paint);
    paint = arc_drawn_paint_of(p->skin, 1.12f, 0.8f);
    arc_drawn_canvas_spot(c, arc_drawn_head_at(h, 0, y - 1, z), w * 0.6f * scale, w * 0.55f * scale, 0, &paint);
    paint = arc_drawn_paint_of(dark, 1, 0.3f);
    arc_drawn_canvas_spot(c, arc_drawn_head_at(h, 0, y + 4.5f, z * 0.5f), w * 1.15f * scale, 4 * scale, 0, &paint);
    for (int side = -1; side <= 1; side += 2) {
        const float x = (float)side;
        paint = arc_drawn_paint_of(dark, 1, 0.85f);
        arc_drawn_outline_ellipse(&s, arc_drawn_head_at(h, x * w * 0.45f, y + 3.1f, z * 0.7f), p->nose.nostril * 1.5f * scale,
                                  p->nose.nostril * scale, -x * 0.35f);
        arc_drawn_canvas_fill(c, &s, &paint);
        s.count = 0;
        arc_drawn_outline_add(&s, arc_drawn_head_at(h, x * w * 0.8f, y - 3.2f, z * 0.4f));
        arc_drawn_outline_add(&s, arc_drawn_head_at(h, x * w, y + 0.8f, z * 0.35f));
        arc_drawn_outline_add(&s, arc_drawn_head_at(h, x * w * 0.75f, y + 3.8f, z * 0.45f));
        paint = arc_drawn_paint_of(p->skin, 0.58f, 0.75f);
        band_through(h, &s, 0.15f, 0.6f, 0.3f, &paint);
    }
}

/* The curve of half a mouth, mirrored: the corner, and the heights at 0.5 and 0 of the width. */
static void mouth_curve(const arc_drawn_head *h, arc_drawn_outline *s, float half, float corner_y, float quarter_y,
                        float middle_y, bool backwards) {
    const float x[5] = {-half, -0.5f * half, 0, 0.5f * half, half}, y[5] = {corner_y, quarter_y, middle_y, quarter_y, corner_y};
    for (int k = 0; k < 5; k++) {
        const int i = backwards ? 4 - k : k;
        arc_drawn_outline_add(s, arc_drawn_head_at(h, x[i], y[i], arc_drawn_head_surface(h, x[i], y[i]) + 2));
    }
}

void arc_drawn_mouth(const arc_drawn_head *h) {
    static const float inside[3] = {58, 18, 20}, teeth[3] = {232, 226, 214};
    const arc_drawn_identity *p = h->who;
    const arc_drawn_view *v = h->view;
    float corner[3];
    arc_drawn_head_landmark(h, 4, corner);
    const float half = corner[0], y = p->mouth.y + 0.6f * v->smile, gap = 7 * v->open + 1.6f * ARC_MAX(v->smile - 0.4f, 0.0f);
    const float thin = 1 - 0.25f * ARC_MAX(v->smile, 0.0f), top = y - gap * 0.35f, low = y + gap * 0.65f;
    arc_drawn_outline s = {.count = 0};
    mouth_curve(h, &s, half, corner[1], top - p->mouth.upper * thin, top - p->mouth.upper * thin + p->mouth.bow, false);
    mouth_curve(h, &s, half * 0.9f, corner[1] + 0.2f, top + 0.1f, top + 0.3f, true);
    arc_drawn_outline_smooth(&s, 3, true);
    arc_drawn_paint paint = arc_drawn_paint_of(p->lip, 0.86f, 0.95f);
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
    s.count = 0;
    mouth_curve(h, &s, half * 0.9f, corner[1] + 0.2f, low, low + 0.4f, false);
    mouth_curve(h, &s, half, corner[1], low + p->mouth.lower * thin * 0.8f, low + p->mouth.lower * thin, true);
    arc_drawn_outline_smooth(&s, 3, true);
    paint = arc_drawn_paint_of(p->lip, 1.04f, 0.95f);
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
    s.count = 0;
    mouth_curve(h, &s, half * 0.93f, corner[1], top - 0.2f, top + 0.1f, false);
    mouth_curve(h, &s, half * 0.9f, corner[1] + 0.1f, low + 0.5f, low + 0.7f, true);
    arc_drawn_outline_smooth(&s, 3, true);
    paint = arc_drawn_paint_of(inside, 1, 0.9f);
    paint.keep = h->canvas->eye;
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
    if (gap > 1.2f) {
        s.count = 0;
        mouth_curve(h, &s, half * 0.8f, corner[1], top - 0.5f, top - 0.5f, false);
        mouth_curve(h, &s, half * 0.8f, corner[1] + 0.5f, top + ARC_MIN(gap * 0.5f, 2.6f), top + ARC_MIN(gap * 0.55f, 3.0f),
                    true);
        paint = arc_drawn_paint_of(teeth, 1, 0.95f);
        paint.clip = h->canvas->eye;
        arc_drawn_canvas_fill(h->canvas, &s, &paint);
    }
}
