/* op: interleaved 8-bit pixels to floats, rows in parallel. */
#include "op/pixels.h"

typedef struct fill {
    const arc_pixels *pixels;
    float *out;
    size_t width, height;
} fill;

/* Row `row` of all images: where its first pixel lies, and the steps to the next pixel and to channel c. */
typedef struct source {
    const uint8_t *first;
    ptrdiff_t step;
    int byte[3];
} source;

static source source_of(const fill *f, size_t row) {
    const arc_pixel_image *image = &f->pixels->image[row / f->height];
    const uint8_t *data = image->data + (ptrdiff_t)(row % f->height) * image->stride_bytes;
    source s = {.first = image->mirror ? data + (ptrdiff_t)(f->width - 1) * 3 : data, .step = image->mirror ? -3 : 3};
    for (int c = 0; c < 3; c++)
        s.byte[c] = image->swap ? 2 - c : c;
    return s;
}

static void fill_rows(void *arg, size_t begin, size_t end, int thread) {
    const fill *f = arg;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        const source s = source_of(f, row);
        const float *v0 = f->pixels->value[0], *v1 = f->pixels->value[1], *v2 = f->pixels->value[2];
        const uint8_t *p = s.first;
        float *to = f->out + row * f->width * 3;
        for (size_t x = 0; x < f->width; x++, p += s.step, to += 3) {
            to[0] = v0[p[s.byte[0]]];
            to[1] = v1[p[s.byte[1]]];
            to[2] = v2[p[s.byte[2]]];
        }
    }
}

static void fill_planes(void *arg, size_t begin, size_t end, int thread) {
    const fill *f = arg;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        const source s = source_of(f, row);
        for (size_t c = 0; c < 3; c++) {
            const float *value = f->pixels->value[c];
            const uint8_t *p = s.first + s.byte[c];
            float *to = f->out + ((row / f->height * 3 + c) * f->height + row % f->height) * f->width;
            for (size_t x = 0; x < f->width; x++, p += s.step)
                to[x] = value[*p];
        }
    }
}

static void run(arc_pool *pool, const arc_pixels *pixels, const arc_shape *shape, float *out, arc_pool_fn *fn) {
    fill f = {pixels, out, (size_t)shape->dim[3], (size_t)shape->dim[2]};
    arc_pool_run(pool, (size_t)shape->dim[0] * f.height, 0, fn, &f);
}

void arc_pixels_to_rows(arc_pool *pool, const arc_pixels *pixels, const arc_shape *shape, float *out) {
    run(pool, pixels, shape, out, fill_rows);
}

void arc_pixels_to_planes(arc_pool *pool, const arc_pixels *pixels, const arc_shape *shape, float *out) {
    run(pool, pixels, shape, out, fill_planes);
}
