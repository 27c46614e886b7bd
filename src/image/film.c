/* Frames onto a canvas: replaced or blended, and what is left of each for the next one. */
#include "image/film.h"
#include <string.h>

arc_status arc_film_open(arc_film *f, arc_decode *d, arc_error *err) {
    *f = (arc_film){.d = d};
    f->canvas = arc_mem_new(d->alloc, (size_t)d->full_height_px, (size_t)d->full_width_px * 4);
    return f->canvas ? ARC_OK : arc_fail_nomem(err, d->name);
}

/* `over` on `under`, neither multiplied by its alpha. */
static void blend(const uint8_t *over, uint8_t *under) {
    const unsigned a = over[3], b = under[3] * (255 - a); /* weights of 255 and of 255 * 255 */
    const unsigned both = a * 255 + b;
    if (a == 0)
        return;
    if (a == 255 || b == 0) {
        memcpy(under, over, 4);
        return;
    }
    for (int c = 0; c < 3; c++)
        under[c] = (uint8_t)((over[c] * a * 255 + under[c] * b + both / 2) / both);
    under[3] = (uint8_t)((both + 127) / 255);
}

static uint8_t *row_of(const arc_film *f, uint8_t *canvas, const arc_film_frame *frame, int y) {
    return canvas + ((size_t)(frame->y + y) * (size_t)f->d->full_width_px + (size_t)frame->x) * 4;
}

/* The part of a frame that lies on the canvas. */
static void visible(const arc_film *f, const arc_film_frame *frame, int *width, int *height) {
    *width = ARC_MAX(ARC_MIN(frame->width, f->d->full_width_px - frame->x), 0);
    *height = ARC_MAX(ARC_MIN(frame->height, f->d->full_height_px - frame->y), 0);
}

static void dispose(arc_film *f) {
    int width, height;
    visible(f, &f->last, &width, &height);
    for (int y = 0; y < height && width > 0; y++) {
        uint8_t *row = row_of(f, f->canvas, &f->last, y);
        if (f->last.dispose == ARC_DISPOSE_CLEAR)
            memset(row, 0, (size_t)width * 4);
        else if (f->last.dispose == ARC_DISPOSE_BACK)
            memcpy(row, row_of(f, f->before, &f->last, y), (size_t)width * 4);
    }
}

arc_status arc_film_show(arc_film *f, const arc_film_frame *frame, arc_error *err) {
    const size_t row_bytes = (size_t)f->d->full_width_px * 4;
    int width, height;
    dispose(f);
    if (frame->dispose == ARC_DISPOSE_BACK) {
        if (!f->before)
            f->before = arc_mem_raw(f->d->alloc, (size_t)f->d->full_height_px, row_bytes);
        if (!f->before)
            return arc_fail_nomem(err, f->d->name);
        memcpy(f->before, f->canvas, (size_t)f->d->full_height_px * row_bytes);
    }
    visible(f, frame, &width, &height);
    for (int y = 0; y < height && width > 0; y++) {
        const uint8_t *from = frame->rgba + (size_t)y * (size_t)frame->width * 4;
        uint8_t *to = row_of(f, f->canvas, frame, y);
        if (!frame->blend)
            memcpy(to, from, (size_t)width * 4);
        for (int x = 0; frame->blend && x < width; x++)
            blend(from + x * 4, to + x * 4);
    }
    f->last = *frame;
    return ARC_OK;
}

arc_status arc_film_finish(arc_film *f, arc_error *err) {
    arc_decode *d = f->d;
    const size_t width = (size_t)d->full_width_px;
    arc_status st = arc_decode_alloc(d, d->full_width_px, d->full_height_px, false, err);
    for (int y = 0; st == ARC_OK && y < d->full_height_px; y++) {
        uint8_t *row = f->canvas + (size_t)y * width * 4;
        arc_colour_convert(d->colour, row, row, width);
        arc_rgba_on_white(row, d->out->data + y * d->out->stride_bytes, width);
    }
    return st;
}

void arc_film_close(arc_film *f) {
    arc_mem_free(f->d->alloc, f->canvas);
    arc_mem_free(f->d->alloc, f->before);
}
