/* PNG files with several frames (APNG): a frame is made into a PNG file of its own, which png.c reads, and put on the canvas.
 * Frame 0 is the picture that readers of plain PNG show, whether it belongs to the film or not. */
#include "image/film.h"
#include <string.h>

typedef struct chunk {
    const uint8_t *data, *raw; /* raw: with its length and name */
    size_t bytes;
    char type[5];
    bool whole;
} chunk;

typedef struct apng {
    arc_decode *d;
    size_t at;
    const uint8_t *header; /* what IHDR holds */
    arc_buffer head, file; /* chunks before the pixels; the frame as a file of its own */
    arc_film film;
    arc_film_frame frame; /* that is being collected */
    bool collecting, any_pixels, is_film, done;
    int next; /* number of the frame that is collected, or comes next */
} apng;

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* The chunk at *at, of which the end may be missing; false at the end of the file. */
static bool next_chunk(const arc_decode *d, size_t *at, chunk *c) {
    const size_t left = d->count - *at;
    if (left < 8)
        return false;
    c->raw = d->bytes + *at;
    c->data = c->raw + 8;
    c->bytes = be32(c->raw);
    memcpy(c->type, c->raw + 4, 4);
    c->type[4] = 0;
    c->whole = c->bytes <= left - 8 && left - 8 - c->bytes >= 4;
    c->bytes = ARC_MIN(c->bytes, left - 8);
    *at = c->whole ? *at + 12 + c->bytes : d->count;
    return true;
}

static bool is(const chunk *c, const char *type) {
    return strcmp(c->type, type) == 0;
}

static arc_status put_chunk(arc_buffer *to, const char *type, const uint8_t *data, size_t bytes) {
    uint8_t head[8], no_checksum[4] = {0};
    put_be32(head, (uint32_t)bytes);
    memcpy(head + 4, type, 4);
    arc_status st = arc_buffer_put(to, head, sizeof head);
    if (st == ARC_OK && bytes > 0)
        st = arc_buffer_put(to, data, bytes);
    return st == ARC_OK ? arc_buffer_put(to, no_checksum, sizeof no_checksum) : st;
}

/* A new frame begins: its place on the canvas and what becomes of it. */
static arc_status read_control(apng *a, const chunk *c, arc_error *err) {
    const arc_decode *d = a->d;
    static const arc_dispose disposals[3] = {ARC_DISPOSE_KEEP, ARC_DISPOSE_CLEAR, ARC_DISPOSE_BACK};
    if (c->bytes != 26 || !c->whole)
        return arc_fail(err, ARC_ECORRUPT, "%s: PNG: frame %d has no whole description", d->name, a->next);
    const uint32_t width = be32(c->data + 4), height = be32(c->data + 8), x = be32(c->data + 12), y = be32(c->data + 16);
    if (width == 0 || height == 0 || width > (uint32_t)d->full_width_px || height > (uint32_t)d->full_height_px ||
        x > (uint32_t)d->full_width_px - width || y > (uint32_t)d->full_height_px - height)
        return arc_fail(err, ARC_ECORRUPT, "%s: PNG: frame %d does not lie within the picture", d->name, a->next);
    a->frame = (arc_film_frame){.x = (int)x,
                                .y = (int)y,
                                .width = (int)width,
                                .height = (int)height,
                                .dispose = disposals[c->data[24] % 3],
                                .blend = c->data[25] == 1};
    a->collecting = true;
    a->file.bytes = 0;
    uint8_t header[13];
    memcpy(header, a->header, sizeof header);
    put_be32(header, width);
    put_be32(header + 4, height);
    arc_status st = arc_buffer_put(&a->file, "\x89PNG\r\n\x1a\n", 8);
    if (st == ARC_OK)
        st = put_chunk(&a->file, "IHDR", header, sizeof header);
    if (st == ARC_OK && a->head.bytes > 0)
        st = arc_buffer_put(&a->file, a->head.data, a->head.bytes);
    return st == ARC_OK ? ARC_OK : arc_fail_nomem(err, d->name);
}

/* The frame that was collected, if one was, goes onto the canvas. */
static arc_status end_frame(apng *a, arc_error *err) {
    uint8_t *rgba;
    arc_status st;
    if (!a->collecting)
        return ARC_OK;
    a->collecting = false;
    if (put_chunk(&a->file, "IEND", NULL, 0) != ARC_OK)
        return arc_fail_nomem(err, a->d->name);
    arc_decode frame = *a->d;
    frame.bytes = a->file.data;
    frame.count = a->file.bytes;
    st = arc_png_frame(&frame, &rgba, err);
    a->d->colour = frame.colour;
    a->d->damaged |= frame.damaged;
    if (st == ARC_OK) {
        a->frame.rgba = rgba;
        st = arc_film_show(&a->film, &a->frame, err);
        arc_mem_free(a->d->alloc, rgba);
    }
    a->done = a->next++ == a->d->frame;
    return st;
}

static arc_status take_header(apng *a, const chunk *c, arc_error *err) {
    if (!is(c, "IHDR") || c->bytes != 13 || !c->whole)
        return arc_fail(err, ARC_ECORRUPT, "%s: PNG: the header is missing", a->d->name);
    a->header = c->data;
    const arc_status st = arc_decode_admit(a->d, be32(c->data), be32(c->data + 4), err);
    return st == ARC_OK ? arc_film_open(&a->film, a->d, err) : st;
}

static arc_status take_chunk(apng *a, const chunk *c, arc_error *err) {
    arc_status st = ARC_OK;
    if (!a->header)
        return take_header(a, c, err);
    if (is(c, "fcTL")) {
        st = end_frame(a, err);
        return st == ARC_OK && !a->done ? read_control(a, c, err) : st;
    }
    if (is(c, "acTL")) {
        a->is_film = true;
    } else if (is(c, "IDAT")) {
        if (!a->collecting && !a->any_pixels)
            a->next = 1; /* frame 0 is not of the film */
        a->any_pixels = true;
        if (a->collecting)
            st = put_chunk(&a->file, "IDAT", c->data, c->bytes);
    } else if (is(c, "fdAT") && c->bytes >= 4 && a->collecting) {
        st = put_chunk(&a->file, "IDAT", c->data + 4, c->bytes - 4); /* behind a running number */
    } else if (!a->any_pixels && c->whole && !is(c, "eXIf")) {
        st = arc_buffer_put(&a->head, c->raw, c->bytes + 12);
    }
    return st == ARC_OK ? ARC_OK : arc_fail_nomem(err, a->d->name);
}

static arc_status read_film(apng *a, arc_error *err) {
    chunk c = {0};
    arc_status st;
    bool ended = false;
    while (!a->done && !ended && next_chunk(a->d, &a->at, &c)) {
        ended = is(&c, "IEND");
        if (!ended)
            ARC_TRY(take_chunk(a, &c, err));
    }
    if (!a->done)
        ARC_TRY(end_frame(a, err));
    if (a->done && !ended && a->at >= a->d->count) {
        a->d->damaged = true;
        if (a->d->strict)
            return arc_fail(err, ARC_ECORRUPT, "%s: PNG: the file ends early", a->d->name);
    }
    if (!a->done && !ended)
        return arc_fail(err, ARC_ECORRUPT, "%s: PNG: the file ends before frame %d", a->d->name, a->d->frame);
    if (!a->done)
        return arc_fail(err, ARC_EINVAL, "%s: the PNG has %d frame%s, there is no frame %d", a->d->name, a->is_film ? a->next : 1,
                        a->is_film && a->next != 1 ? "s" : "", a->d->frame);
    st = arc_film_finish(&a->film, err);
done:
    return st;
}

static void read_orientation(arc_decode *d) {
    chunk c;
    for (size_t at = 8; d->want_orientation && next_chunk(d, &at, &c);)
        if (is(&c, "eXIf"))
            d->orientation = arc_exif_orientation(d->alloc, c.data, c.bytes);
}

arc_status arc_decode_png(arc_decode *d, arc_error *err) {
    if (d->frame == 0)
        return arc_png_still(d, err);
    apng a = {.d = d, .at = 8, .film.d = d};
    arc_buffer_init(&a.head, d->alloc, d->count + 64);
    arc_buffer_init(&a.file, d->alloc, 2 * d->count + 1024); /* chunks of a frame, each with 12 bytes more than its data */
    const arc_status st = read_film(&a, err);
    arc_buffer_free(&a.head);
    arc_buffer_free(&a.file);
    arc_film_close(&a.film);
    if (st == ARC_OK)
        read_orientation(d);
    return st;
}
