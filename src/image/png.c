/* PNG through libpng: every kind to RGB8; transparency is composited on white, 16 bits are reduced to 8. Of a file that ends
 * early or is damaged the rows up to there are kept; strict decoding refuses it. */
#include "base/base.h"
#include "image/codec.h"
#include "image/image.h"
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

/* What libpng may ask for at once while reading: a chunk is no longer than its file, and what it unpacks (a colour profile) is
 * small. The length that a file announces is not believed: libpng would take up to 2 GB for it. */
#define MAX_UNPACKED_BYTES ((size_t)8 << 20)
#define MAX_PIXEL_BYTES 8

typedef struct png_state {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    const arc_alloc *alloc;
    const uint8_t *at, *end;
    bool no_memory;
    size_t largest_bytes; /* 0 = any */
    char text[160];
    uint8_t *rgba;
    uint8_t **rows;
    size_t rows_read; /* over all passes */
    bool damaged;
    arc_writer *writer;
    arc_error *err;
    bool writer_failed;
} png_state;

static void on_error(png_structp png, png_const_charp text) {
    png_state *s = png_get_error_ptr(png);
    snprintf(s->text, sizeof s->text, "%s", text);
    longjmp(s->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    png_state *s = png_get_error_ptr(png);
    if (strstr(text, "CRC error"))
        s->damaged = true;
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t bytes) {
    png_state *s = png_get_mem_ptr(png);
    if (s->largest_bytes && bytes > s->largest_bytes)
        return NULL;
    void *p = arc_mem_raw(s->alloc, 1, bytes);
    if (!p)
        s->no_memory = true;
    return p;
}

static void on_free(png_structp png, png_voidp p) {
    png_state *s = png_get_mem_ptr(png);
    arc_mem_free(s->alloc, p);
}

static void on_read(png_structp png, png_bytep to, size_t bytes) {
    png_state *s = png_get_io_ptr(png);
    if (bytes > (size_t)(s->end - s->at))
        png_error(png, "the file ends early");
    memcpy(to, s->at, bytes);
    s->at += bytes;
}

/* Asks for 8-bit RGB or RGBA, whatever the file holds. Returns the channels. */
static int transform(png_state *s, int *passes) {
    png_set_expand(s->png);
    png_set_strip_16(s->png);
    png_set_gray_to_rgb(s->png);
    *passes = png_set_interlace_handling(s->png);
    png_read_update_info(s->png, s->info);
    return png_get_channels(s->png, s->info);
}

static void read_orientation(arc_decode *d, png_state *s) {
    png_uint_32 count = 0;
    png_bytep exif = NULL;
    if (d->want_orientation && png_get_eXIf_1(s->png, s->info, &count, &exif) && exif)
        d->orientation = arc_exif_orientation(d->alloc, exif, count);
}

static arc_status png_run(arc_decode *d, png_state *s, arc_error *err) {
    png_set_read_fn(s->png, s, on_read);
    if (!d->strict)
        png_set_crc_action(s->png, PNG_CRC_WARN_USE, PNG_CRC_DEFAULT);
    png_set_user_limits(s->png, 0x7fffffff, 0x7fffffff); /* our own limit is in pixels */
    png_read_info(s->png, s->info);
    arc_status st = arc_decode_admit(d, png_get_image_width(s->png, s->info), png_get_image_height(s->png, s->info), err);
    if (st != ARC_OK)
        return st;
    s->largest_bytes += (size_t)d->full_width_px * MAX_PIXEL_BYTES; /* rows */
    read_orientation(d, s);
    int passes, channels = transform(s, &passes);
    size_t width = (size_t)d->full_width_px, height = (size_t)d->full_height_px;
    if (channels != 3 && channels != 4)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: PNG with %d channels", d->name, channels);
    st = arc_decode_alloc(d, (int)width, (int)height, true, err);
    if (st != ARC_OK)
        return st;
    s->rows = arc_mem_new(d->alloc, height, sizeof *s->rows);
    if (channels == 4)
        s->rgba = arc_mem_new(d->alloc, height, width * 4); /* where rows are missing: transparent */
    if (!s->rows || (channels == 4 && !s->rgba))
        return arc_fail_nomem(err, d->name);
    for (size_t y = 0; y < height; y++)
        s->rows[y] = channels == 4 ? s->rgba + y * width * 4 : d->out->data + y * width * 3;
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < height; y++, s->rows_read++)
            png_read_row(s->png, s->rows[y], NULL);
    png_read_end(s->png, s->info);
    return ARC_OK;
}

static void png_release(png_state *s) {
    arc_mem_free(s->alloc, s->rows);
    arc_mem_free(s->alloc, s->rgba);
    arc_mem_free(s->alloc, s);
}

arc_status arc_decode_png(arc_decode *d, arc_error *err) {
    png_state *s = arc_mem_new(d->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, d->name);
    s->alloc = d->alloc;
    s->at = d->bytes;
    s->end = d->bytes + d->count;
    s->largest_bytes = d->count + MAX_UNPACKED_BYTES;
    volatile arc_status st = ARC_ENOMEM;
    if (setjmp(s->jump)) {
        s->damaged = true;
        st = s->rows_read > 0 && !s->no_memory && !d->strict ? ARC_OK : ARC_ECORRUPT;
        if (st != ARC_OK)
            st = arc_fail(err, s->no_memory ? ARC_ENOMEM : ARC_ECORRUPT, "%s: PNG: %s", d->name, s->text);
    } else {
        s->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, s, on_error, on_warning, s, on_malloc, on_free);
        s->info = s->png ? png_create_info_struct(s->png) : NULL;
        st = s->info ? png_run(d, s, err) : arc_fail_nomem(err, d->name);
    }
    if (st == ARC_OK) {
        if (s->rgba)
            arc_rgba_on_white(s->rgba, d->out->data, (size_t)d->full_width_px * (size_t)d->full_height_px);
        d->damaged = s->damaged;
    }
    png_destroy_read_struct(&s->png, &s->info, NULL);
    png_release(s);
    return st;
}

/* ---- writing ---- */

static void on_write(png_structp png, png_bytep from, size_t bytes) {
    png_state *s = png_get_io_ptr(png);
    if (arc_writer_put(s->writer, from, bytes, s->err) != ARC_OK) {
        s->writer_failed = true;
        png_error(png, "cannot write");
    }
}

static void on_flush(png_structp png) {
    (void)png;
}

static arc_status png_write_run(const arc_image *image, png_state *s) {
    png_set_write_fn(s->png, s, on_write, on_flush);
    png_set_IHDR(s->png, s->info, (png_uint_32)image->width_px, (png_uint_32)image->height_px, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(s->png, s->info);
    for (int y = 0; y < image->height_px; y++) {
        arc_row_rgb(image, y, s->rgba);
        png_write_row(s->png, s->rgba);
    }
    png_write_end(s->png, s->info);
    return ARC_OK;
}

arc_status arc_encode_png(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err) {
    png_state *s = arc_mem_new(a, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, "writing a PNG");
    s->alloc = a;
    s->writer = w;
    s->err = err;
    volatile arc_status st = ARC_ENOMEM;
    if (setjmp(s->jump)) {
        st = s->no_memory ? ARC_ENOMEM : ARC_EIO;
        if (!s->writer_failed) /* else err holds the writer's own sentence */
            arc_fail(err, st, "PNG: %s", s->text);
    } else {
        s->rgba = arc_mem_raw(a, (size_t)image->width_px, 3);
        s->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, s, on_error, on_warning, s, on_malloc, on_free);
        s->info = s->png ? png_create_info_struct(s->png) : NULL;
        st = s->info && s->rgba ? png_write_run(image, s) : arc_fail_nomem(err, "writing a PNG");
    }
    png_destroy_write_struct(&s->png, &s->info);
    png_release(s);
    return st;
}
