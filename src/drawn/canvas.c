/* drawn: fills shapes with exact coverage. Every edge adds, in each pixel that it crosses, the area to its right; the running
 * sum along a row is then the coverage. */
#include "drawn/drawn_internal.h"
#include <math.h>
#include <string.h>

void arc_drawn_turn(float radian, float *sine, float *cosine) {
    const double two_pi = 6.283185307179586476925287;
    const double x = (double)radian - two_pi * floor((double)radian / two_pi + 0.5), x2 = x * x;
    double s = 0, c = 0;
    for (int k = 11; k >= 1; k--) { /* the series, from its smallest term */
        s = (1 - s) * x2 / (double)((2 * k) * (2 * k + 1));
        c = (1 - c) * x2 / (double)((2 * k - 1) * (2 * k));
    }
    *sine = (float)(x * (1 - s));
    *cosine = (float)(1 - c);
}

void arc_drawn_canvas_init(arc_drawn_canvas *c, int size, void *memory) {
    const size_t n = (size_t)size * (size_t)size;
    float *at = memory;
    c->size = size;
    c->stride = size + 4;
    for (int k = 0; k < 3; k++, at += n)
        c->plane[k] = at;
    c->skin = at;
    c->eye = at += n;
    c->head = at += n;
    c->cover = at + n;
    memset(c->skin, 0, (3 * n + (size_t)size * (size_t)c->stride) * sizeof(float));
}

size_t arc_drawn_work_bytes(int size_px) {
    const size_t n = (size_t)size_px;
    return (7 * n * n + 4 * n) * sizeof(float);
}

/* ---- shapes ---- */

void arc_drawn_outline_add(arc_drawn_outline *s, arc_drawn_point p) {
    if (s->count < ARC_DRAWN_SHAPE_MAX)
        s->at[s->count++] = p;
}

/* A point of a Catmull-Rom spline. */
static float spline(float a, float b, float c, float d, float t) {
    return 0.5f * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t);
}

void arc_drawn_outline_smooth(arc_drawn_outline *s, int steps, bool closed) {
    const arc_drawn_outline from = *s;
    const int n = from.count, spans = closed ? n : n - 1;
    s->count = 0;
    for (int i = 0; i < spans; i++) {
        const arc_drawn_point b = from.at[i], c = from.at[(i + 1) % n];
        const arc_drawn_point a = i > 0 || closed ? from.at[(i + n - 1) % n] : b;
        const arc_drawn_point d = i + 2 < n || closed ? from.at[(i + 2) % n] : c;
        for (int k = 0; k < steps; k++) {
            const float t = (float)k / (float)steps;
            arc_drawn_outline_add(s, (arc_drawn_point){spline(a.x, b.x, c.x, d.x, t), spline(a.y, b.y, c.y, d.y, t)});
        }
    }
    if (!closed)
        arc_drawn_outline_add(s, from.at[n - 1]);
}

void arc_drawn_outline_band(arc_drawn_outline *s, float from, float middle, float to) {
    const arc_drawn_outline line = *s;
    const int n = ARC_MIN(line.count, ARC_DRAWN_SHAPE_MAX / 2);
    s->count = 0;
    for (int side = 0; side < 2; side++)
        for (int k = 0; k < n; k++) {
            const int i = side ? n - 1 - k : k, before = ARC_MAX(i - 1, 0), after = ARC_MIN(i + 1, n - 1);
            const float dx = line.at[after].x - line.at[before].x, dy = line.at[after].y - line.at[before].y;
            const float length = sqrtf(dx * dx + dy * dy) + 1e-6f, t = 2 * (float)i / (float)ARC_MAX(n - 1, 1);
            const float half =
                (t < 1 ? arc_drawn_mix(from, middle, t) : arc_drawn_mix(middle, to, t - 1)) * (side ? -1.0f : 1.0f);
            arc_drawn_outline_add(s, (arc_drawn_point){line.at[i].x - dy / length * half, line.at[i].y + dx / length * half});
        }
}

void arc_drawn_outline_ellipse(arc_drawn_outline *s, arc_drawn_point centre, float a, float b, float turn) {
    enum { CORNERS = 24 };
    float sine, cosine, step_sine, step_cosine, u = 1, v = 0;
    arc_drawn_turn(turn, &sine, &cosine);
    arc_drawn_turn(6.2831853f / CORNERS, &step_sine, &step_cosine);
    s->count = 0;
    for (int i = 0; i < CORNERS; i++) {
        arc_drawn_outline_add(
            s, (arc_drawn_point){centre.x + a * u * cosine - b * v * sine, centre.y + a * u * sine + b * v * cosine});
        const float next = u * step_cosine - v * step_sine;
        v = u * step_sine + v * step_cosine;
        u = next;
    }
}

/* ---- filling ---- */

/* Adds the part of an edge inside one row, from x to next over `height` of the row (signed by direction): the area to the
 * right in each pixel. */
static void cover_row(float *row, int size, float x, float next, float height) {
    float low = ARC_MIN(x, next), high = ARC_MAX(x, next);
    low = arc_drawn_clamp(low, 0, (float)size);
    high = arc_drawn_clamp(high, 0, (float)size);
    const int first = (int)low, last = (int)high;
    if (first == last) {
        const float inside = 0.5f * (low + high) - (float)first;
        row[first] += height * (1 - inside);
        row[first + 1] += height * inside;
        return;
    }
    /* In each pixel that it crosses the edge covers a trapezium; `before` is the height that was already covered. */
    const float slope = height / (high - low);
    float at = low, sum = 0;
    for (int i = first; i <= last; i++) {
        const float end = ARC_MIN((float)(i + 1), high), part = slope * (end - at);
        const float inside = 0.5f * (at + end) - (float)i;
        row[i] += part * (1 - inside);
        row[i + 1] += part * inside;
        sum += part;
        at = end;
    }
    row[last + 1] += height - sum; /* the rest, due to rounding */
}

static void cover_edge(const arc_drawn_canvas *c, arc_drawn_point a, arc_drawn_point b) {
    float sign = 1;
    if (a.y > b.y) {
        const arc_drawn_point t = a;
        a = b;
        b = t;
        sign = -1;
    }
    if (!(b.y - a.y > 1e-6f) || b.y <= 0 || a.y >= (float)c->size)
        return;
    const float slope = (b.x - a.x) / (b.y - a.y);
    const float top = ARC_MAX(a.y, 0.0f), bottom = ARC_MIN(b.y, (float)c->size);
    float x = a.x + (top - a.y) * slope;
    for (int y = (int)top; (float)y < bottom; y++) {
        const float from = ARC_MAX(top, (float)y), to = ARC_MIN(bottom, (float)(y + 1)), next = x + (to - from) * slope;
        cover_row(c->cover + (size_t)y * (size_t)c->stride, c->size, x, next, sign * (to - from));
        x = next;
    }
}

typedef struct bounds {
    int x0, y0, x1, y1; /* pixels [x0, x1) */
} bounds;

static bounds bounds_of(const arc_drawn_canvas *c, const arc_drawn_outline *s) {
    float x0 = 1e9f, y0 = 1e9f, x1 = -1e9f, y1 = -1e9f;
    for (int i = 0; i < s->count; i++) {
        x0 = ARC_MIN(x0, s->at[i].x);
        x1 = ARC_MAX(x1, s->at[i].x);
        y0 = ARC_MIN(y0, s->at[i].y);
        y1 = ARC_MAX(y1, s->at[i].y);
    }
    const float size = (float)c->size;
    return (bounds){(int)arc_drawn_clamp(x0, 0, size), (int)arc_drawn_clamp(y0, 0, size), (int)arc_drawn_clamp(x1 + 2, 0, size),
                    (int)arc_drawn_clamp(y1 + 2, 0, size)};
}

/* The coverage of one row from its edges, multiplied by the clip; the edges are cleared. */
static void sum_row(float *edges, const float *clip, float *out, int x0, int x1) {
    float sum = 0;
    for (int x = x0; x < x1; x++) {
        sum += edges[x];
        edges[x] = 0;
        const float a = sum < 0 ? -sum : sum;
        out[x] = (a > 1 ? 1 : a) * (clip ? clip[x] : 1);
    }
    edges[x1] = edges[x1 + 1] = edges[x1 + 2] = 0;
}

static void blend_row(float *plane, const float *cover, float colour, float alpha, int x0, int x1) {
    for (int x = x0; x < x1; x++)
        plane[x] += (colour - plane[x]) * (cover[x] * alpha);
}

void arc_drawn_canvas_fill(arc_drawn_canvas *c, const arc_drawn_outline *s, const arc_drawn_paint *p) {
    float cover[ARC_DRAWN_MAX_SIZE_PX + 4];
    if (s->count < 3)
        return;
    const bounds b = bounds_of(c, s);
    for (int i = 0; i < s->count; i++)
        cover_edge(c, s->at[i], s->at[(i + 1) % s->count]);
    if (p->keep && !p->raise)
        memset(p->keep, 0, (size_t)c->size * (size_t)c->size * sizeof(float));
    for (int y = b.y0; y < b.y1; y++) {
        const size_t row = (size_t)y * (size_t)c->size;
        sum_row(c->cover + (size_t)y * (size_t)c->stride, p->clip ? p->clip + row : NULL, cover, b.x0, b.x1);
        for (int k = 0; p->alpha > 0 && k < 3; k++)
            blend_row(c->plane[k] + row, cover, p->colour[k], p->alpha, b.x0, b.x1);
        for (int x = b.x0; p->keep && x < b.x1; x++)
            p->keep[row + (size_t)x] = ARC_MAX(p->keep[row + (size_t)x], cover[x]);
    }
}

void arc_drawn_canvas_spot(arc_drawn_canvas *c, arc_drawn_point centre, float a, float b, float turn, const arc_drawn_paint *p) {
    float sine, cosine, cover[ARC_DRAWN_MAX_SIZE_PX];
    const float reach = ARC_MAX(a, b), size = (float)c->size;
    arc_drawn_turn(turn, &sine, &cosine);
    const int x0 = (int)arc_drawn_clamp(centre.x - reach, 0, size), x1 = (int)arc_drawn_clamp(centre.x + reach + 1, 0, size);
    const int y0 = (int)arc_drawn_clamp(centre.y - reach, 0, size), y1 = (int)arc_drawn_clamp(centre.y + reach + 1, 0, size);
    const float ux = cosine / a, uy = sine / a, vx = -sine / b, vy = cosine / b;
    for (int y = y0; y < y1; y++) {
        const size_t row = (size_t)y * (size_t)c->size;
        const float dy = (float)y + 0.5f - centre.y;
        for (int x = x0; x < x1; x++) {
            const float dx = (float)x + 0.5f - centre.x, u = dx * ux + dy * uy, v = dx * vx + dy * vy;
            const float inside = ARC_MAX(1 - u * u - v * v, 0.0f);
            cover[x] = inside * inside;
        }
        for (int x = x0; p->clip && x < x1; x++)
            cover[x] *= p->clip[row + (size_t)x];
        for (int k = 0; k < 3; k++)
            blend_row(c->plane[k] + row, cover, p->colour[k], p->alpha, x0, x1);
    }
}

void arc_drawn_plane_blur(float *plane, int size, float t) {
    float line[ARC_DRAWN_MAX_SIZE_PX];
    const size_t n = (size_t)size;
    for (size_t y = 0; y < n; y++) {
        float *row = plane + y * n;
        memcpy(line, row, n * sizeof *line);
        for (size_t x = 1; x + 1 < n; x++)
            row[x] = line[x] + t * (line[x - 1] + line[x + 1] - 2 * line[x]);
    }
    memcpy(line, plane, n * sizeof *line);
    for (size_t y = 1; y + 1 < n; y++) {
        float *row = plane + y * n;
        const float *below = row + n;
        for (size_t x = 0; x < n; x++) {
            const float here = row[x];
            row[x] = here + t * (line[x] + below[x] - 2 * here);
            line[x] = here;
        }
    }
}
