/* TIFF through libtiff: strips and tiles of every kind that its RGBA reader takes, 16 bits rounded to 8; transparency is
 * composited on white. Samples that this reader would round too early, deep gray and what a colour profile is for, come from
 * tiff_samples.c. */
#include "base/base.h"
#include "image/codec.h"
#include "image/tiff_samples.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OWN_BYTES ((tmsize_t)8 << 20) /* that libtiff may take at once beside the pixels: directories, tables */
#define PIXEL_BYTES 8

typedef struct tiff_state {
    const arc_decode *d;
    uint64_t at;
    int errors;
    char text[200]; /* the first error */
} tiff_state;

static int on_error(TIFF *tiff, void *arg, const char *module, const char *format, va_list args) {
    tiff_state *s = arg;
    (void)tiff, (void)module;
    if (s->errors++ == 0)
        vsnprintf(s->text, sizeof s->text, format, args);
    return 1;
}

static int on_warning(TIFF *tiff, void *arg, const char *module, const char *format, va_list args) {
    (void)tiff, (void)arg, (void)module, (void)format, (void)args;
    return 1;
}

static tmsize_t on_read(thandle_t arg, void *to, tmsize_t bytes) {
    tiff_state *s = arg;
    const uint64_t left = s->at < s->d->count ? s->d->count - s->at : 0;
    const size_t count = (size_t)ARC_MIN((uint64_t)bytes, left);
    memcpy(to, s->d->bytes + (left ? s->at : 0), count);
    s->at += count;
    return (tmsize_t)count;
}

static tmsize_t on_write(thandle_t arg, void *from, tmsize_t bytes) {
    (void)arg, (void)from, (void)bytes;
    return 0;
}

static toff_t on_seek(thandle_t arg, toff_t to, int whence) {
    tiff_state *s = arg;
    s->at = whence == SEEK_CUR ? s->at + to : whence == SEEK_END ? s->d->count + to : to;
    return s->at;
}

static toff_t on_size(thandle_t arg) {
    const tiff_state *s = arg;
    return s->d->count;
}

static int on_close(thandle_t arg) {
    (void)arg;
    return 0;
}

static TIFF *open_memory(tiff_state *s) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, s);
    /* a limit of the caller's may be the largest number that there is */
    const tmsize_t pixels = (tmsize_t)ARC_MIN(s->d->max_pixels, (int64_t)1 << 48);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, pixels * PIXEL_BYTES + OWN_BYTES);
    TIFF *tiff = TIFFClientOpenExt(s->d->name, "rm", s, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* libtiff gives pixels whose colours are multiplied by their alpha already. */
static void on_white(const uint32_t *raster, uint8_t *rgb, size_t pixels) {
    for (size_t i = 0; i < pixels; i++, rgb += 3) {
        const uint32_t p = raster[i], white = 255 - TIFFGetA(p);
        rgb[0] = (uint8_t)ARC_MIN(TIFFGetR(p) + white, 255u);
        rgb[1] = (uint8_t)ARC_MIN(TIFFGetG(p) + white, 255u);
        rgb[2] = (uint8_t)ARC_MIN(TIFFGetB(p) + white, 255u);
    }
}

static arc_status read_pixels(arc_decode *d, tiff_state *s, TIFF *tiff, uint32_t *raster, arc_error *err) {
    TIFFRGBAImage image;
    char text[1024] = "";
    const uint32_t pieces = TIFFIsTiled(tiff) ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
    if (!TIFFRGBAImageOK(tiff, text) || !TIFFRGBAImageBegin(&image, tiff, d->strict, text))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: TIFF: %s; convert it to 8 or 16 bits a channel", d->name, text);
    if (d->want_orientation && image.orientation >= 1 && image.orientation <= 8)
        d->orientation = image.orientation;
    image.req_orientation = image.orientation; /* the first stored row first: turned upright later */
    const int ok = TIFFRGBAImageGet(&image, raster, (uint32_t)d->full_width_px, (uint32_t)d->full_height_px);
    TIFFRGBAImageEnd(&image);
    d->damaged = s->errors > 0 || !ok;
    if (d->damaged && (d->strict || !ok || (uint32_t)s->errors >= pieces))
        return arc_fail(err, ARC_ECORRUPT, "%s: TIFF: %s", d->name, s->text);
    return ARC_OK;
}

/* All rows as they are stored, through the colour profile where there is one. */
static arc_status take_samples(arc_decode *d, const arc_tiff_samples *t, arc_error *err) {
    const size_t width = t->width;
    arc_status st = arc_decode_alloc(d, (int)width, (int)t->height, false, err);
    for (uint32_t y = 0; st == ARC_OK && y < t->height; y++) {
        uint8_t *row = t->data + (size_t)y * width * (size_t)t->channels * (size_t)t->bytes;
        uint8_t *to = d->out->data + (ptrdiff_t)y * d->out->stride_bytes;
        if (t->bytes == 1)
            arc_colour_convert(d->colour, row, to, width);
        else
            arc_deep_row(d->colour, (uint16_t *)(void *)row, t->channels, to, width);
    }
    return st;
}

static arc_status read_samples(arc_decode *d, tiff_state *s, TIFF *tiff, arc_tiff_samples *t, arc_error *err) {
    uint32_t read = 0;
    uint16_t orientation = 1;
    arc_status st = arc_tiff_samples_read(t, tiff, d->alloc, &read);
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, d->name);
    if (st != ARC_OK)
        return arc_fail(err, st, "%s: TIFF: its tiles or rows have no size that can be read", d->name);
    TIFFGetField(tiff, TIFFTAG_ORIENTATION, &orientation);
    if (d->want_orientation && orientation >= 1 && orientation <= 8)
        d->orientation = orientation;
    d->damaged = s->errors > 0 || read < t->pieces;
    if (d->damaged && (d->strict || read == 0))
        st = arc_fail(err, ARC_ECORRUPT, "%s: TIFF: %s", d->name, s->errors ? s->text : "the file ends early");
    if (st == ARC_OK)
        st = take_samples(d, t, err);
    arc_mem_free(d->alloc, t->data);
    return st;
}

static arc_status read_raster(arc_decode *d, tiff_state *s, TIFF *tiff, arc_error *err) {
    uint32_t *raster = arc_mem_new(d->alloc, (size_t)d->full_height_px, (size_t)d->full_width_px * sizeof *raster);
    if (!raster)
        return arc_fail_nomem(err, d->name);
    arc_status st = read_pixels(d, s, tiff, raster, err);
    if (st == ARC_OK)
        st = arc_decode_alloc(d, d->full_width_px, d->full_height_px, false, err);
    if (st == ARC_OK) {
        on_white(raster, d->out->data, (size_t)d->full_width_px * (size_t)d->full_height_px);
        arc_decode_convert(d);
    }
    arc_mem_free(d->alloc, raster);
    return st;
}

static arc_status tiff_run(arc_decode *d, tiff_state *s, TIFF *tiff, arc_error *err) {
    uint32_t width = 0, height = 0;
    arc_status st;
    if (d->frame > 0 && !TIFFSetDirectory(tiff, (tdir_t)d->frame))
        return arc_fail(err, ARC_EINVAL, "%s: the TIFF has no frame %d", d->name, d->frame);
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    st = arc_decode_admit(d, width, height, err);
    if (st != ARC_OK)
        return st;
    arc_tiff_samples t;
    uint16_t photometric = 0;
    uint32_t bytes = 0;
    void *profile = NULL;
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    arc_colours says = {.gray = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE};
    if (TIFFGetField(tiff, TIFFTAG_ICCPROFILE, &bytes, &profile) && profile) {
        says.icc = profile;
        says.icc_bytes = bytes;
    }
    const bool samples = arc_tiff_samples_fit(&t, tiff);
    st = arc_decode_colours(d, &says, samples ? t.layout : ARC_PIXELS_RGB8, err);
    if (st != ARC_OK)
        return st;
    if (samples && (d->colour || (says.gray && t.bytes == 2)))
        return read_samples(d, s, tiff, &t, err);
    return read_raster(d, s, tiff, err);
}

arc_status arc_decode_tiff(arc_decode *d, arc_error *err) {
    tiff_state s = {.d = d};
    TIFF *tiff = open_memory(&s);
    if (!tiff)
        return arc_fail(err, ARC_ECORRUPT, "%s: TIFF: %s", d->name, s.errors ? s.text : "it cannot be opened");
    const arc_status st = tiff_run(d, &s, tiff, err);
    TIFFClose(tiff);
    return st;
}
