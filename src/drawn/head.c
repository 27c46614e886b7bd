/* drawn: background, neck and ears, the skin with its soft shadows, marks, beard. */
#include "drawn/drawn_internal.h"
#include <math.h>
#include <string.h>

static void spot_on(const arc_drawn_head *h, float x, float y, float a, float b, const float colour[3], float times,
                    float alpha) {
    arc_drawn_paint paint = arc_drawn_paint_of(colour, times, alpha);
    paint.clip = h->canvas->skin;
    arc_drawn_canvas_spot(h->canvas, arc_drawn_head_on(h, x, y), a * h->scale, b * h->scale, 0, &paint);
}

void arc_drawn_back(const arc_drawn_head *h) {
    const arc_drawn_view *v = h->view;
    arc_drawn_canvas *c = h->canvas;
    float sine, cosine;
    arc_rng r;
    arc_drawn_turn(v->back_turn, &sine, &cosine);
    for (int y = 0; y < c->size; y++)
        for (int k = 0; k < 3; k++) {
            float *row = c->plane[k] + (size_t)y * (size_t)c->size;
            const float down = ((float)y / (float)c->size - 0.5f) * sine + 0.5f, step = cosine / (float)c->size;
            for (int x = 0; x < c->size; x++)
                row[x] = arc_drawn_mix(v->back[0][k], v->back[1][k],
                                       arc_drawn_clamp(down + ((float)x - 0.5f * (float)c->size) * step, 0, 1));
        }
    arc_rng_seed(&r, v->key, 1);
    for (int i = 0; i < v->back_spots; i++) {
        const float size = (float)c->size,
                    colour[3] = {arc_drawn_between(&r, 0, 255), arc_drawn_between(&r, 0, 255), arc_drawn_between(&r, 0, 255)};
        const arc_drawn_point at = {arc_drawn_between(&r, 0, size), arc_drawn_between(&r, 0, size)};
        const float a = arc_drawn_between(&r, 0.08f, 0.5f) * size, b = arc_drawn_between(&r, 0.08f, 0.5f) * size,
                    turn = arc_drawn_between(&r, 0, 3.1f);
        const arc_drawn_paint paint = arc_drawn_paint_of(colour, 1, arc_drawn_between(&r, 0.3f, 1));
        if (arc_rng_uniform(&r) < 0.5f) {
            arc_drawn_canvas_spot(c, at, a, b, turn, &paint);
        } else {
            float s, t;
            arc_drawn_outline bar = {.count = 0};
            arc_drawn_turn(turn, &s, &t);
            for (int k = 0; k < 4; k++) {
                const float u = k == 0 || k == 3 ? -a : a, w = k < 2 ? -b * 0.4f : b * 0.4f;
                arc_drawn_outline_add(&bar, (arc_drawn_point){at.x + u * t - w * s, at.y + u * s + w * t});
            }
            arc_drawn_canvas_fill(c, &bar, &paint);
        }
    }
}

/* The right side from the crown to the chin, mirrored. */
static void outline(const arc_drawn_head *h, arc_drawn_outline *s) {
    const arc_drawn_identity *p = h->who;
    const float w = p->head.width, chin = p->head.chin_y + 5 * h->view->open;
    const float rim[][3] = {{0.45f * w, p->head.crown_y + 3, -22},
                            {0.86f * w, p->head.crown_y + 17, -22},
                            {w, -28, -21},
                            {w * p->head.cheek, -3, -19},
                            {w * arc_drawn_mix(p->head.cheek, p->head.jaw, 0.55f), p->head.jaw_y * 0.6f, -17},
                            {w * p->head.jaw * 0.93f, p->head.jaw_y + 2, -14},
                            {w * arc_drawn_mix(p->head.chin_width, p->head.jaw, 0.35f), chin - 6, -8},
                            {w * p->head.chin_width * 0.55f, chin - 0.5f, -4}};
    const int n = (int)ARC_COUNT(rim);
    s->count = 0;
    for (int i = 0; i < n; i++)
        arc_drawn_outline_add(s, arc_drawn_head_rim(h, rim[i][0], rim[i][1], rim[i][2]));
    for (int i = n - 1; i >= 0; i--)
        arc_drawn_outline_add(s, arc_drawn_head_rim(h, -rim[i][0], rim[i][1], rim[i][2]));
    arc_drawn_outline_smooth(s, 5, true);
}

static void neck(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    const float w = p->head.width * 0.66f, y = p->head.chin_y;
    arc_drawn_outline s = {.count = 0};
    arc_drawn_outline_add(&s, arc_drawn_head_rim(h, -w, y - 22, -26));
    arc_drawn_outline_add(&s, arc_drawn_head_rim(h, w, y - 22, -26));
    arc_drawn_outline_add(&s, arc_drawn_head_rim(h, w * 1.05f, y + 30, -26));
    arc_drawn_outline_add(&s, arc_drawn_head_rim(h, -w * 1.05f, y + 30, -26));
    arc_drawn_paint paint = arc_drawn_paint_of(p->skin, 0.72f, 1);
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
    s.count = 0;
    const float shoulder[][2] = {{-22, 12}, {0, 20}, {22, 12}, {62, 22}, {90, 40}, {95, 120}, {-95, 120}, {-90, 40}, {-62, 22}};
    for (size_t i = 0; i < ARC_COUNT(shoulder); i++)
        arc_drawn_outline_add(&s, arc_drawn_head_rim(h, shoulder[i][0], y + shoulder[i][1], -28));
    paint = arc_drawn_paint_of(h->view->cloth, 1, 1);
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
}

static void ears(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    for (int side = -1; side <= 1; side += 2) {
        arc_drawn_outline s;
        const arc_drawn_point at = arc_drawn_head_rim(h, (float)side * (p->head.width + p->head.ear * 0.25f), -13, -27);
        arc_drawn_paint paint = arc_drawn_paint_of(p->skin, 0.92f, 1);
        paint.keep = h->canvas->head;
        paint.raise = true;
        arc_drawn_outline_ellipse(&s, at, p->head.ear * 0.62f * h->scale, 10.5f * h->scale, (float)side * 0.15f);
        arc_drawn_canvas_fill(h->canvas, &s, &paint);
        paint = arc_drawn_paint_of(p->skin, 0.68f, 0.6f);
        arc_drawn_outline_ellipse(&s, at, p->head.ear * 0.3f * h->scale, 6 * h->scale, (float)side * 0.15f);
        arc_drawn_canvas_fill(h->canvas, &s, &paint);
    }
}

static void line_on(const arc_drawn_head *h, const float (*at)[2], int n, float half, float times, float alpha) {
    arc_drawn_outline s = {.count = 0};
    for (int i = 0; i < n; i++)
        arc_drawn_outline_add(&s, arc_drawn_head_on(h, at[i][0], at[i][1]));
    arc_drawn_outline_smooth(&s, 4, false);
    arc_drawn_outline_band(&s, 0.1f, half * h->scale, 0.1f);
    arc_drawn_paint paint = arc_drawn_paint_of(h->who->skin, times, alpha);
    paint.clip = h->canvas->skin;
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
}

/* Lines on the forehead, and from the nose to the mouth. */
static void wrinkles(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    const float age = p->head.age, fold = arc_drawn_clamp(age * 0.5f + 0.25f * h->view->smile, 0, 0.8f);
    for (int i = 0; i < 3 && age > 0.55f; i++) {
        const float y = -40.0f - 5 * (float)i - h->view->raise, w = 16 - 2 * (float)i;
        const float at[3][2] = {{-w, y + 1}, {0, y - 0.7f}, {w, y + 1}};
        line_on(h, at, 3, 0.45f, 0.72f, (age - 0.5f) * 0.9f);
    }
    for (int side = -1; side <= 1 && fold > 0.1f; side += 2) {
        const float s = (float)side, at[3][2] = {{s * (p->nose.width + 1), p->nose.tip_y + 1},
                                                 {s * (p->mouth.width + 1), p->mouth.y - 8},
                                                 {s * (p->mouth.width + 3.5f), p->mouth.y + 2}};
        line_on(h, at, 3, 0.7f, 0.7f, fold);
    }
}

void arc_drawn_skin(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    static const float dark[3] = {40, 20, 20};
    const float rosy[3] = {arc_drawn_clamp(p->skin[0] * 1.04f, 0, 255), p->skin[1] * 0.82f, p->skin[2] * 0.82f};
    arc_drawn_outline s;
    neck(h);
    ears(h);
    outline(h, &s);
    arc_drawn_paint paint = arc_drawn_paint_of(p->skin, 1, 1);
    paint.keep = h->canvas->skin;
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
    for (size_t i = 0, n = (size_t)h->canvas->size * (size_t)h->canvas->size; i < n; i++)
        h->canvas->head[i] = ARC_MAX(h->canvas->head[i], h->canvas->skin[i]);
    for (int side = -1; side <= 1; side += 2) {
        const float x = (float)side;
        spot_on(h, x * 21, 3, 13, 10, rosy, 1, 0.5f);
        spot_on(h, x * p->eye.x, p->eye.y - 1, 13, 8.5f, dark, 1, 0.20f + 0.1f * p->eye.crease);
        spot_on(h, x * p->head.width * 0.98f, 10, 15, 42, dark, 1, 0.22f);
    }
    spot_on(h, 0, -38, 26, 18, p->skin, 1.14f, 0.5f);
    spot_on(h, 0, p->mouth.y + p->mouth.lower + 5, 11, 4, dark, 1, 0.2f);
    spot_on(h, 0, p->head.chin_y - 8, 10, 7, p->skin, 1.1f, 0.5f);
    wrinkles(h);
}

void arc_drawn_marks(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    static const float brown[3] = {56, 32, 26};
    arc_rng r;
    arc_drawn_outline s;
    arc_rng_seed(&r, p->marks.freckle_key, 0);
    for (int i = 0; i < p->marks.freckles; i++) {
        const float x = arc_drawn_between(&r, -27, 27), y = arc_drawn_between(&r, -14, 12),
                    size = arc_drawn_between(&r, 0.5f, 1.1f);
        arc_drawn_paint paint = arc_drawn_paint_of(p->skin, 0.68f, 0.7f);
        paint.clip = h->canvas->skin;
        arc_drawn_outline_ellipse(&s, arc_drawn_head_on(h, x, y), size * h->scale, size * h->scale * 0.9f, 0);
        arc_drawn_canvas_fill(h->canvas, &s, &paint);
    }
    for (int i = 0; i < p->marks.moles; i++) {
        const float *at = p->marks.at[i];
        arc_drawn_paint paint = arc_drawn_paint_of(brown, 1, 0.85f);
        paint.clip = h->canvas->skin;
        arc_drawn_outline_ellipse(&s, arc_drawn_head_on(h, at[0], at[1]), at[2] * h->scale, at[2] * h->scale, 0);
        arc_drawn_canvas_fill(h->canvas, &s, &paint);
    }
}

/* An area of hair on the skin, with soft edges. */
static void grow(const arc_drawn_head *h, const arc_drawn_outline *s, const arc_drawn_paint *paint) {
    arc_drawn_canvas *c = h->canvas;
    const size_t n = (size_t)c->size * (size_t)c->size;
    arc_drawn_paint mask = {.keep = c->eye};
    arc_drawn_canvas_fill(c, s, &mask);
    for (float left = 2.5f * h->scale * h->scale; left > 0; left -= 1)
        arc_drawn_plane_blur(c->eye, c->size, 0.25f * ARC_MIN(left, 1.0f));
    for (size_t i = 0; i < n; i++) {
        const float alpha = c->eye[i] * c->skin[i] * paint->alpha;
        for (int k = 0; k < 3; k++)
            c->plane[k][i] += (paint->colour[k] - c->plane[k][i]) * alpha;
    }
}

static void grow_through(const arc_drawn_head *h, const float (*at)[2], int n, const arc_drawn_paint *paint) {
    arc_drawn_outline s = {.count = 0};
    for (int i = 0; i < n; i++)
        arc_drawn_outline_add(&s, arc_drawn_head_on(h, at[i][0], at[i][1]));
    arc_drawn_outline_smooth(&s, 4, true);
    grow(h, &s, paint);
}

/* Upper lip, chin, or the whole lower face, depending on the style. */
void arc_drawn_beard(const arc_drawn_head *h) {
    const arc_drawn_identity *p = h->who;
    const float w = p->head.width, my = p->mouth.y, mw = p->mouth.width, chin = p->head.chin_y + 8;
    const int style = p->beard.style;
    const arc_drawn_paint paint =
        arc_drawn_paint_of(p->hair, 0.85f, style == 1 ? 0.2f + 0.25f * p->beard.dense : 0.55f + 0.4f * p->beard.dense);
    if (style == 0)
        return;
    if (style == 1 || style == 4) {
        const float at[][2] = {{-w * 1.1f, -14}, {-w * 0.86f, 4},       {-w * 0.6f, my - 5}, {-mw - 1, my - 6},
                               {0, my - 8},      {mw + 1, my - 6},      {w * 0.6f, my - 5},  {w * 0.86f, 4},
                               {w * 1.1f, -14},  {w * 1.2f, chin - 10}, {0, chin + 12},      {-w * 1.2f, chin - 10}};
        grow_through(h, at, (int)ARC_COUNT(at), &paint);
        return;
    }
    if (style == 3) {
        const float half = 0.45f * w * (0.5f + p->head.chin_width);
        const float at[][2] = {{-mw * 0.5f, my + 4},    {mw * 0.5f, my + 4},      {half, chin - 10},
                               {half * 0.7f, chin + 6}, {-half * 0.7f, chin + 6}, {-half, chin - 10}};
        grow_through(h, at, (int)ARC_COUNT(at), &paint);
    }
    arc_drawn_outline s = {.count = 0};
    const float lip[3][2] = {{-mw * 1.05f, my + 2}, {0, my - p->mouth.upper - 3}, {mw * 1.05f, my + 2}};
    for (int i = 0; i < 3; i++)
        arc_drawn_outline_add(&s, arc_drawn_head_on(h, lip[i][0], lip[i][1]));
    arc_drawn_outline_smooth(&s, 6, false);
    arc_drawn_outline_band(&s, 0.5f, (1.5f + 2 * p->beard.dense) * h->scale, 0.5f);
    grow(h, &s, &paint);
}
