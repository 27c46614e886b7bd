/* TIFF through libtiff: strips and tiles of every kind that its RGBA reader takes, 16 bits scaled to 8 (gray: by its high byte,
 * as from PNG); transparency is composited on white. */
#include "base/base.h"
#include "image/codec.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

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
    uint32_t *raster = arc_mem_new(d->alloc, height, (size_t)width * sizeof *raster);
    if (!raster)
        return arc_fail_nomem(err, d->name);
    st = read_pixels(d, s, tiff, raster, err);
    if (st == ARC_OK)
        st = arc_decode_alloc(d, (int)width, (int)height, false, err);
    if (st == ARC_OK)
        on_white(raster, d->out->data, (size_t)width * height);
    arc_mem_free(d->alloc, raster);
    return st;
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
