/* PNG through libpng: every kind to RGB8; transparency is composited on white, 16 bits are rounded to 8. Of a file that ends
 * early or is damaged the rows up to there are kept; strict decoding refuses it. Films are apng.c's. */
#include "base/base.h"
#include "image/codec.h"
#include "image/image.h"
#include <math.h>
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
    uint8_t *rgba; /* or deeper, or without alpha: rows that are no final ones */
    uint8_t **rows;
    size_t rows_read; /* over all passes */
    int channels;
    bool deep;  /* 16 bits */
    bool frame; /* of a film: RGBA as stored */
    bool damaged;
    arc_writer *writer;
    arc_error *err;
    arc_status written; /* what the writer said last */
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

static void read_orientation(arc_decode *d, png_state *s) {
    png_uint_32 count = 0;
    png_bytep exif = NULL;
    if (d->want_orientation && d->orientation == 1 && png_get_eXIf_1(s->png, s->info, &count, &exif) && exif)
        d->orientation = arc_exif_orientation(d->alloc, exif, count);
}

/* The code points of a cICP chunk, which this libpng need not know. */
static bool code_points(const png_state *s, arc_colours *says) {
    png_unknown_chunkp chunks = NULL;
    const int count = png_get_unknown_chunks(s->png, s->info, &chunks);
    for (int i = 0; i < count; i++) {
        if (memcmp(chunks[i].name, "cICP", 4) != 0 || chunks[i].size != 4 || chunks[i].data[2] != 0)
            continue; /* a PNG holds RGB: the matrix is 0 */
        says->primaries = chunks[i].data[0];
        says->transfer = chunks[i].data[1];
        return true;
    }
    return false;
}

static void chromaticities(const png_state *s, arc_colours *says) {
    double gamma;
    if (png_get_gAMA(s->png, s->info, &gamma) && gamma > 0)
        says->gamma = fabs(1 / gamma - 2.2) < 0.11 ? 0 : 1 / gamma; /* writers mean sRGB by 1/2.2; libpng's tolerance */
    says->has_xy = png_get_cHRM(s->png, s->info, &says->xy[0][0], &says->xy[0][1], &says->xy[1][0], &says->xy[1][1],
                                &says->xy[2][0], &says->xy[2][1], &says->xy[3][0], &says->xy[3][1]) != 0;
}

/* In the order of the PNG standard: cICP, iCCP, sRGB, gAMA and cHRM. */
static arc_status read_colours(arc_decode *d, png_state *s, bool alpha, bool deep, arc_error *err) {
    arc_colours says = {.gray = !(png_get_color_type(s->png, s->info) & PNG_COLOR_MASK_COLOR)};
    png_charp name;
    png_bytep profile = NULL;
    png_uint_32 bytes = 0;
    int method;
    if (!code_points(s, &says)) {
        if (png_get_iCCP(s->png, s->info, &name, &method, &profile, &bytes)) {
            says.icc = profile;
            says.icc_bytes = bytes;
        } else if (!png_get_valid(s->png, s->info, PNG_INFO_sRGB)) {
            chromaticities(s, &says);
        }
    }
    const arc_pixels layout = deep ? alpha ? ARC_PIXELS_RGBA16 : ARC_PIXELS_RGB16 : alpha ? ARC_PIXELS_RGBA8 : ARC_PIXELS_RGB8;
    return arc_decode_colours(d, &says, layout, err);
}

static bool is_little_endian(void) {
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

/* Asks for RGB or RGBA of 8 bits, or of 16 where colours are to be converted first. */
static arc_status transform(arc_decode *d, png_state *s, int *passes, arc_error *err) {
    const bool alpha =
        (png_get_color_type(s->png, s->info) & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(s->png, s->info, PNG_INFO_tRNS) != 0;
    bool deep = png_get_bit_depth(s->png, s->info) == 16 && !s->frame;
    if (!s->frame || !d->colour) {
        const arc_status st = read_colours(d, s, alpha || s->frame, deep, err);
        if (st != ARC_OK)
            return st;
    }
    deep = deep && d->colour;
    png_set_expand(s->png);
    if (!deep)
        png_set_scale_16(s->png);
    else if (is_little_endian())
        png_set_swap(s->png);
    png_set_gray_to_rgb(s->png);
    if (s->frame)
        png_set_add_alpha(s->png, 255, PNG_FILLER_AFTER);
    *passes = png_set_interlace_handling(s->png);
    png_read_update_info(s->png, s->info);
    s->channels = png_get_channels(s->png, s->info);
    s->deep = deep;
    if (s->channels != 3 && s->channels != 4)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: PNG with %d channels", d->name, s->channels);
    return ARC_OK;
}

/* Rows go to the picture itself, or to memory from where finish() brings them there. */
static arc_status place_rows(arc_decode *d, png_state *s, arc_error *err) {
    const size_t width = (size_t)d->full_width_px, height = (size_t)d->full_height_px;
    const size_t row_bytes = width * (size_t)s->channels * (s->deep ? 2 : 1);
    const bool direct = s->channels == 3 && !s->deep;
    arc_status st = s->frame ? ARC_OK : arc_decode_alloc(d, (int)width, (int)height, true, err);
    if (st != ARC_OK)
        return st;
    s->rows = arc_mem_new(d->alloc, height, sizeof *s->rows);
    if (!direct)
        s->rgba = arc_mem_new(d->alloc, height, row_bytes); /* where rows are missing: transparent */
    if (!s->rows || (!direct && !s->rgba))
        return arc_fail_nomem(err, d->name);
    for (size_t y = 0; y < height; y++)
        s->rows[y] = direct ? d->out->data + y * width * 3 : s->rgba + y * row_bytes;
    return ARC_OK;
}

static arc_status png_run(arc_decode *d, png_state *s, arc_error *err) {
    int passes;
    arc_status st;
    png_set_read_fn(s->png, s, on_read);
    png_set_keep_unknown_chunks(s->png, PNG_HANDLE_CHUNK_ALWAYS, (png_const_bytep) "cICP", 1);
    if (s->frame) /* its head is made up */
        png_set_crc_action(s->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    else if (!d->strict)
        png_set_crc_action(s->png, PNG_CRC_WARN_USE, PNG_CRC_DEFAULT);
    png_set_user_limits(s->png, 0x7fffffff, 0x7fffffff); /* our own limit is in pixels */
    png_read_info(s->png, s->info);
    ARC_TRY(arc_decode_admit(d, png_get_image_width(s->png, s->info), png_get_image_height(s->png, s->info), err));
    s->largest_bytes += (size_t)d->full_width_px * MAX_PIXEL_BYTES; /* rows */
    read_orientation(d, s);
    ARC_TRY(transform(d, s, &passes, err));
    ARC_TRY(place_rows(d, s, err));
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < d->full_height_px; y++, s->rows_read++)
            png_read_row(s->png, s->rows[y], NULL);
    png_read_end(s->png, s->info);
    read_orientation(d, s); /* a chunk behind the pixels */
done:
    return st;
}

static void finish(arc_decode *d, png_state *s) {
    const size_t width = (size_t)d->full_width_px;
    for (int y = 0; s->rgba && y < d->full_height_px; y++) {
        uint8_t *to = d->out->data + y * d->out->stride_bytes;
        if (s->deep) {
            arc_deep_row(d->colour, (uint16_t *)(void *)s->rows[y], s->channels, to, width);
        } else {
            arc_colour_convert(d->colour, s->rows[y], s->rows[y], width);
            arc_rgba_on_white(s->rows[y], to, width);
        }
    }
    if (!s->rgba)
        arc_decode_convert(d);
}

static void png_release(png_state *s) {
    arc_mem_free(s->alloc, s->rows);
    arc_mem_free(s->alloc, s->rgba);
    arc_mem_free(s->alloc, s);
}

/* rgba: NULL, or what gets the pixels instead of d->out. */
static arc_status png_read(arc_decode *d, uint8_t **rgba, arc_error *err) {
    png_state *s = arc_mem_new(d->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, d->name);
    s->alloc = d->alloc;
    s->at = d->bytes;
    s->end = d->bytes + d->count;
    s->largest_bytes = d->count + MAX_UNPACKED_BYTES;
    s->frame = rgba != NULL;
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
        d->damaged |= s->damaged;
        if (!rgba)
            finish(d, s);
    }
    png_destroy_read_struct(&s->png, &s->info, NULL);
    if (st == ARC_OK && rgba) {
        *rgba = s->rgba;
        s->rgba = NULL;
    }
    png_release(s);
    return st;
}

arc_status arc_png_still(arc_decode *d, arc_error *err) {
    return png_read(d, NULL, err);
}

arc_status arc_png_frame(arc_decode *d, uint8_t **rgba, arc_error *err) {
    *rgba = NULL;
    return png_read(d, rgba, err);
}

/* ---- writing ---- */

static void on_write(png_structp png, png_bytep from, size_t bytes) {
    png_state *s = png_get_io_ptr(png);
    s->written = arc_writer_put(s->writer, from, bytes, s->err);
    if (s->written != ARC_OK)
        png_error(png, "cannot write");
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
        st = s->written; /* err holds the writer's own sentence */
        if (st == ARC_OK)
            st = arc_fail(err, s->no_memory ? ARC_ENOMEM : ARC_EIO, "PNG: %s", s->text);
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
