/* Bilinear resize of 8-bit pixels, bit for bit as OpenCV 4's cv2.resize(INTER_LINEAR): 11-bit weights, the horizontal pass in 32
 * bits, the vertical pass in two truncating steps; an exact halving is a 2x2 mean (OpenCV switches to INTER_AREA there). */
#include "base/base.h"
#include "image/image.h"
#include <float.h>
#include <math.h>
#include <string.h>

#define COEF_ONE 2048 /* 11 bits */

typedef struct tap {
    int at;         /* first source sample */
    int16_t w0, w1; /* of samples at, at+1 */
} tap;

typedef struct resize {
    const arc_image *from;
    arc_image *to;
    tap *x, *y;
    int32_t *rows; /* [threads][2][3*to.width]: horizontal passes of the two source rows */
    int x_whole;   /* first output column that copies the last source column */
} resize;

/* Half a source pixel of shift each side; float arithmetic and half-even rounding as OpenCV. */
static void make_taps(tap *t, int to, int from, bool clamp, int *whole) {
    double scale = 1.0 / ((double)to / from);
    int limit = to;
    for (int i = 0; i < to; i++) {
        float f = (float)((i + 0.5) * scale - 0.5);
        int s = (int)floorf(f);
        f -= (float)s;
        if (clamp && s < 0) {
            s = 0;
            f = 0;
        }
        if (clamp && s + 1 >= from) {
            limit = ARC_MIN(limit, i);
            s = from - 1;
            f = 0;
        }
        t[i] = (tap){s, (int16_t)lrintf((1.0f - f) * COEF_ONE), (int16_t)lrintf(f * COEF_ONE)};
    }
    if (whole)
        *whole = limit;
}

static void horizontal(const resize *r, int row, int32_t *out) {
    row = ARC_MAX(0, ARC_MIN(row, r->from->height_px - 1));
    const uint8_t *s = r->from->data + row * r->from->stride_bytes;
    int x = 0;
    for (; x < r->x_whole; x++, out += 3) {
        const tap *t = &r->x[x];
        const uint8_t *p = s + (ptrdiff_t)t->at * 3;
        for (int c = 0; c < 3; c++)
            out[c] = p[c] * t->w0 + p[c + 3] * t->w1;
    }
    for (; x < r->to->width_px; x++, out += 3)
        for (int c = 0; c < 3; c++)
            out[c] = s[(ptrdiff_t)r->x[x].at * 3 + c] * COEF_ONE;
}

static void resize_rows(void *arg, size_t begin, size_t end, int thread) {
    const resize *r = arg;
    size_t n = (size_t)r->to->width_px * 3;
    int32_t *a = r->rows + (size_t)thread * 2 * n, *b = a + n;
    int have = INT32_MIN; /* source row in `a`; b holds the next one */
    for (size_t y = begin; y < end; y++) {
        const tap *t = &r->y[y];
        if (have + 1 == t->at && have != INT32_MIN) {
            int32_t *swap = a;
            a = b;
            b = swap;
            horizontal(r, t->at + 1, b);
        } else if (have != t->at) {
            horizontal(r, t->at, a);
            horizontal(r, t->at + 1, b);
        }
        have = t->at;
        uint8_t *to = r->to->data + (ptrdiff_t)y * r->to->stride_bytes;
        int w0 = t->w0, w1 = t->w1;
        for (size_t i = 0; i < n; i++)
            to[i] = (uint8_t)((((w0 * (a[i] >> 4)) >> 16) + ((w1 * (b[i] >> 4)) >> 16) + 2) >> 2);
    }
}

static void halve_rows(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const resize *r = arg;
    for (size_t y = begin; y < end; y++) {
        const uint8_t *p = r->from->data + (ptrdiff_t)y * 2 * r->from->stride_bytes, *q = p + r->from->stride_bytes;
        uint8_t *to = r->to->data + (ptrdiff_t)y * r->to->stride_bytes;
        for (int x = 0; x < r->to->width_px; x++, p += 6, q += 6, to += 3)
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)((p[c] + p[c + 3] + q[c] + q[c + 3] + 2) >> 2);
    }
}

static void copy_rows(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const resize *r = arg;
    for (size_t y = begin; y < end; y++)
        memcpy(r->to->data + (ptrdiff_t)y * r->to->stride_bytes, r->from->data + (ptrdiff_t)y * r->from->stride_bytes,
               (size_t)r->to->width_px * 3);
}

arc_status arc_resize_linear(const arc_alloc *a, arc_pool *pool, const arc_image *from, arc_image *to, arc_error *err) {
    resize r = {.from = from, .to = to};
    size_t width = (size_t)to->width_px, height = (size_t)to->height_px;
    if (to->width_px == from->width_px && to->height_px == from->height_px) {
        arc_pool_run(pool, height, 0, copy_rows, &r);
        return ARC_OK;
    }
    if (from->width_px == 2 * (int64_t)to->width_px && from->height_px == 2 * (int64_t)to->height_px) {
        arc_pool_run(pool, height, 0, halve_rows, &r);
        return ARC_OK;
    }
    arc_status st = ARC_OK;
    r.x = arc_mem_raw(a, width, sizeof *r.x);
    r.y = arc_mem_raw(a, height, sizeof *r.y);
    r.rows = arc_mem_raw(a, (size_t)arc_pool_threads(pool) * width, 2 * 3 * sizeof *r.rows);
    if (r.x && r.y && r.rows) {
        make_taps(r.x, to->width_px, from->width_px, true, &r.x_whole);
        make_taps(r.y, to->height_px, from->height_px, false, NULL);
        arc_pool_run(pool, height, 0, resize_rows, &r);
    } else {
        st = arc_fail_nomem(err, "resizing an image");
    }
    arc_mem_free(a, r.rows);
    arc_mem_free(a, r.y);
    arc_mem_free(a, r.x);
    return st;
}
