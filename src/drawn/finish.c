/* drawn: things in front of the face, and the effects of the camera: light, sharpness, resolution, noise, rounding to bytes. */
#include "drawn/drawn_internal.h"
#include <math.h>
#include <string.h>

static void lens(const arc_drawn_head *h, arc_drawn_outline *s, float side) {
    const arc_drawn_identity *p = h->who;
    const float a = 12.5f * h->view->glass_size, b = 9.5f * h->view->glass_size, square = 1 + 0.28f * (1 - h->view->glass_round);
    s->count = 0;
    for (int i = 0; i < 16; i++) {
        float sine, cosine;
        arc_drawn_turn(6.2831853f * (float)i / 16, &sine, &cosine);
        const float push = i % 4 == 2 ? square : 1;
        arc_drawn_outline_add(s, arc_drawn_head_at(h, side * p->eye.x + a * cosine * push, p->eye.y + 1 + b * sine * push, 7));
    }
}

void arc_drawn_glasses(const arc_drawn_head *h) {
    static const float glass[3] = {18, 20, 26};
    const arc_drawn_identity *p = h->who;
    const arc_drawn_view *v = h->view;
    if (v->glasses == 0)
        return;
    const arc_drawn_paint frame = arc_drawn_paint_of(v->glass_colour, 1, 0.95f), dark = arc_drawn_paint_of(glass, 1, 0.88f);
    for (int side = -1; side <= 1; side += 2) {
        arc_drawn_outline s;
        lens(h, &s, (float)side);
        if (v->glasses == 2)
            arc_drawn_canvas_fill(h->canvas, &s, &dark);
        arc_drawn_outline_add(&s, s.at[0]);
        arc_drawn_outline_band(&s, 0.65f * h->scale, 0.65f * h->scale, 0.65f * h->scale);
        arc_drawn_canvas_fill(h->canvas, &s, &frame);
        s.count = 0;
        arc_drawn_outline_add(&s, arc_drawn_head_at(h, (float)side * (p->eye.x + 12), p->eye.y - 1, 6));
        arc_drawn_outline_add(&s, arc_drawn_head_rim(h, (float)side * (p->head.width + 1), p->eye.y - 1, -22));
        arc_drawn_outline_band(&s, 0.7f * h->scale, 0.7f * h->scale, 0.7f * h->scale);
        arc_drawn_canvas_fill(h->canvas, &s, &frame);
    }
    arc_drawn_outline s = {.count = 0};
    arc_drawn_outline_add(&s, arc_drawn_head_at(h, -(p->eye.x - 12), p->eye.y - 1, 8));
    arc_drawn_outline_add(&s, arc_drawn_head_at(h, 0, p->eye.y - 2.5f, 9));
    arc_drawn_outline_add(&s, arc_drawn_head_at(h, p->eye.x - 12, p->eye.y - 1, 8));
    arc_drawn_outline_smooth(&s, 3, false);
    arc_drawn_outline_band(&s, 0.7f * h->scale, 0.7f * h->scale, 0.7f * h->scale);
    arc_drawn_canvas_fill(h->canvas, &s, &frame);
}

/* Things in front of the face: a bar from the side, a mask, a cap, fingers from below. */
void arc_drawn_cover(const arc_drawn_head *h) {
    const arc_drawn_view *v = h->view;
    const arc_drawn_identity *p = h->who;
    const float w = p->head.width;
    arc_drawn_outline s = {.count = 0};
    const arc_drawn_paint paint = arc_drawn_paint_of(v->cover_colour, 1, 1);
    if (v->cover == 1) {
        const float side = v->cover_at < 0.5f ? -1 : 1, edge = 60 - 40 * (v->cover_at < 0.5f ? v->cover_at : v->cover_at - 0.5f);
        const float lean = 30 * v->cover_turn, at[4][2] = {{edge - lean, -90}, {120, -90}, {120, 90}, {edge + lean, 90}};
        for (int i = 0; i < 4; i++)
            arc_drawn_outline_add(&s, arc_drawn_head_at(h, side * at[i][0], at[i][1], 20));
    } else if (v->cover == 2) {
        const float y = p->eye.y + 12 + 6 * v->cover_at;
        const float at[][2] = {{-w * 1.02f, y + 4}, {-w * 0.5f, y}, {0, y - 3},      {w * 0.5f, y},   {w * 1.02f, y + 4},
                               {w * 0.85f, 30},     {w * 0.4f, 50}, {-w * 0.4f, 50}, {-w * 0.85f, 30}};
        for (size_t i = 0; i < ARC_COUNT(at); i++)
            arc_drawn_outline_add(&s,
                                  arc_drawn_head_at(h, at[i][0], at[i][1], arc_drawn_head_surface(h, at[i][0], at[i][1]) + 6));
        arc_drawn_outline_smooth(&s, 3, true);
    } else if (v->cover == 3) {
        const float y = -34 - 8 * v->cover_at;
        const float at[][2] = {{-w - 6, y + 4}, {-w * 0.6f, y - 2}, {0, y - 4},   {w * 0.6f, y - 2},
                               {w + 6, y + 4},  {w + 8, -95},       {-w - 8, -95}};
        for (size_t i = 0; i < ARC_COUNT(at); i++)
            arc_drawn_outline_add(&s, arc_drawn_head_rim(h, at[i][0], at[i][1], 0));
        arc_drawn_outline_smooth(&s, 3, true);
    } else if (v->cover == 4) {
        const float x = -25 + 50 * v->cover_at, lean = 20 * v->cover_turn, y = 22;
        const float at[][2] = {{x - 12, 70},          {x - 11 + lean, y + 4}, {x - 4 + lean, y - 3},
                               {x + 4 + lean, y - 5}, {x + 11 + lean, y},     {x + 14, 70}};
        for (size_t i = 0; i < ARC_COUNT(at); i++)
            arc_drawn_outline_add(&s, arc_drawn_head_at(h, at[i][0], at[i][1], 16));
        arc_drawn_outline_smooth(&s, 4, true);
    }
    arc_drawn_canvas_fill(h->canvas, &s, &paint);
}

/* ---- the camera ---- */

/* Lights the head as an ellipsoid, and applies exposure and contrast everywhere. */
static void expose(const arc_drawn_head *h) {
    const arc_drawn_view *v = h->view;
    arc_drawn_canvas *c = h->canvas;
    const arc_drawn_point middle = arc_drawn_head_rim(h, 0, -10, -12);
    const float a = 1 / (1.25f * h->who->head.width * h->scale), b = 1 / (80 * h->scale);
    float times[ARC_DRAWN_MAX_SIZE_PX];
    for (int y = 0; y < c->size; y++) {
        const size_t row = (size_t)y * (size_t)c->size;
        const float ny = arc_drawn_clamp(((float)y + 0.5f - middle.y) * b, -1, 1);
        for (int x = 0; x < c->size; x++) {
            const float nx = arc_drawn_clamp(((float)x + 0.5f - middle.x) * a, -1, 1),
                        nz = sqrtf(ARC_MAX(1 - nx * nx - ny * ny, 0.04f));
            const float facing = ARC_MAX(nx * v->light[0] + ny * v->light[1] + nz * v->light[2], 0.0f);
            const float lit = v->ambient + (1 - v->ambient) * 1.5f * facing;
            times[x] = v->gain * (1 + c->head[row + (size_t)x] * (lit - 1));
        }
        for (int k = 0; k < 3; k++)
            for (int x = 0; x < c->size; x++) {
                float *p = c->plane[k] + row + x;
                *p = 128 + (*p * times[x] * v->tint[k] - 128) * v->contrast;
            }
    }
    if (v->gray)
        for (size_t i = 0, n = (size_t)c->size * (size_t)c->size; i < n; i++) {
            const float gray = 0.299f * c->plane[0][i] + 0.587f * c->plane[1][i] + 0.114f * c->plane[2][i];
            c->plane[0][i] = c->plane[1][i] = c->plane[2][i] = gray;
        }
}

/* Lowers the resolution: averages over cells, then interpolates linearly between the centres of the cells. */
static void coarsen(float *plane, int size, float by, float *small) {
    const int n = ARC_MAX((int)((float)size * by), 2);
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            const int y0 = y * size / n, y1 = (y + 1) * size / n, x0 = x * size / n, x1 = (x + 1) * size / n;
            float sum = 0;
            for (int sy = y0; sy < y1; sy++)
                for (int sx = x0; sx < x1; sx++)
                    sum += plane[sy * size + sx];
            small[y * n + x] = sum / (float)((y1 - y0) * (x1 - x0));
        }
    for (int y = 0; y < size; y++) {
        const float fy = arc_drawn_clamp(((float)y + 0.5f) * (float)n / (float)size - 0.5f, 0, (float)(n - 1));
        const int y0 = (int)fy, y1 = ARC_MIN(y0 + 1, n - 1);
        for (int x = 0; x < size; x++) {
            const float fx = arc_drawn_clamp(((float)x + 0.5f) * (float)n / (float)size - 0.5f, 0, (float)(n - 1));
            const int x0 = (int)fx, x1 = ARC_MIN(x0 + 1, n - 1);
            const float top = arc_drawn_mix(small[y0 * n + x0], small[y0 * n + x1], fx - (float)x0);
            const float bottom = arc_drawn_mix(small[y1 * n + x0], small[y1 * n + x1], fx - (float)x0);
            plane[y * size + x] = arc_drawn_mix(top, bottom, fy - (float)y0);
        }
    }
}

/* Noise like that of a sensor, the same in all channels plus some in each, from sums of uniform numbers; then rounding to
 * bytes. */
static void round_off(const arc_drawn_head *h, uint8_t *rgb) {
    const arc_drawn_canvas *c = h->canvas;
    const float noise = h->view->noise / 37837.0f; /* the deviation of the sum of two 16-bit numbers, halved, is 18918 */
    uint64_t state = arc_rng_hash(h->view->key, 7) | 1;
    for (size_t i = 0, n = (size_t)c->size * (size_t)c->size; i < n; i++) {
        state ^= state << 13; /* xorshift64 (Marsaglia 2003) */
        state ^= state >> 7;
        state ^= state << 17;
        const float all = (float)(state & 0xffff) + (float)(state >> 16 & 0xffff) - 65535,
                    own = (float)(state >> 32 & 0xffff) - 32767.5f;
        const float add[3] = {noise * (all + own), noise * all, noise * (all - own)};
        for (int k = 0; k < 3; k++)
            rgb[3 * i + (size_t)k] = (uint8_t)arc_drawn_clamp(c->plane[k][i] + add[k] + 0.5f, 0, 255);
    }
}

void arc_drawn_finish(const arc_drawn_head *h, uint8_t *rgb) {
    const arc_drawn_view *v = h->view;
    arc_drawn_canvas *c = h->canvas;
    expose(h);
    arc_drawn_cover(h);
    for (int k = 0; k < 3; k++) {
        if (v->low_res < 1)
            coarsen(c->plane[k], c->size, v->low_res, c->eye);
        for (float left = v->blur * h->scale; left > 0; left -= 1)
            arc_drawn_plane_blur(c->plane[k], c->size, 0.25f * ARC_MIN(left, 1.0f));
    }
    round_off(h, rgb);
}
