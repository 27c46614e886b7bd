/* A TIFF's samples as they are stored: scan lines or tiles, channels together or in planes. */
#include "image/tiff_samples.h"
#include <string.h>

#define PIECE_BYTES_MAX ((tmsize_t)64 << 20) /* a tile, a scan line */

bool arc_tiff_samples_fit(arc_tiff_samples *t, TIFF *tiff) {
    uint16_t bits = 1, stored = 1, photometric = 0, planes = PLANARCONFIG_CONTIG, kind = SAMPLEFORMAT_UINT, extras = 0;
    uint16_t *extra = NULL;
    *t = (arc_tiff_samples){0};
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &t->width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &t->height);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &stored);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &kind);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extras, &extra);
    t->gray = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
    t->inverted = photometric == PHOTOMETRIC_MINISWHITE;
    t->planes = planes == PLANARCONFIG_SEPARATE;
    t->stored = stored;
    t->stored_bytes = bits / 8;
    if (kind != SAMPLEFORMAT_UINT)
        return false;
    if (photometric == PHOTOMETRIC_SEPARATED && bits == 8 && stored == 4) {
        t->channels = 4;
        t->bytes = 1;
        t->layout = ARC_PIXELS_CMYK8;
        return true;
    }
    const int colours = t->gray ? 1 : 3;
    t->alpha = stored == colours + 1 && extras == 1 && (extra[0] == EXTRASAMPLE_ASSOCALPHA || extra[0] == EXTRASAMPLE_UNASSALPHA);
    t->premultiplied = t->alpha && extra[0] == EXTRASAMPLE_ASSOCALPHA;
    t->channels = t->alpha ? 4 : 3;
    t->bytes = 2;
    t->layout = t->alpha ? ARC_PIXELS_RGBA16 : ARC_PIXELS_RGB16;
    if (bits == 8 && t->gray && t->alpha) /* libtiff's reader would not multiply by alpha */
        return true;
    return bits == 16 && (t->gray || photometric == PHOTOMETRIC_RGB) && (stored == colours || t->alpha);
}

/* `count` pixels from `from`, where each has `samples` samples, to column x of row y: samples from number `first` on. */
static void take(const arc_tiff_samples *t, const uint8_t *from, int first, int samples, uint32_t x, uint32_t y, uint32_t count) {
    const size_t bytes = (size_t)t->bytes;
    uint8_t *to = t->data + ((size_t)y * t->width + x) * (size_t)t->channels * bytes;
    for (uint32_t i = 0; i < count; i++, to += (size_t)t->channels * bytes)
        for (int k = 0; k < samples; k++, from += t->stored_bytes) {
            const int number = first + k, place = t->gray && number == 1 ? 3 : number; /* alpha is the last channel */
            const uint16_t wide = (uint16_t)(*from * 257);
            memcpy(to + (size_t)place * bytes, t->stored_bytes < t->bytes ? (const void *)&wide : from, bytes);
        }
}

/* One plane, or all channels together: scan lines. `piece`: memory for one. */
static void read_lines(const arc_tiff_samples *t, TIFF *tiff, uint8_t *piece, uint16_t plane, uint32_t *read) {
    const int samples = t->planes ? 1 : t->stored;
    for (uint32_t y = 0; y < t->height; y++) {
        if (TIFFReadScanline(tiff, piece, y, plane) != 1)
            continue;
        take(t, piece, plane, samples, 0, y, t->width);
        ++*read;
    }
}

static void read_tiles(const arc_tiff_samples *t, TIFF *tiff, uint8_t *piece, uint16_t plane, uint32_t *read) {
    const int samples = t->planes ? 1 : t->stored;
    uint32_t width = 0, height = 0;
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &height);
    for (uint32_t y = 0; y < t->height; y += height) {
        for (uint32_t x = 0; x < t->width; x += width) {
            if (TIFFReadTile(tiff, piece, x, y, 0, plane) < 0)
                continue;
            for (uint32_t line = 0; line < height && y + line < t->height; line++)
                take(t, piece + (size_t)line * width * (size_t)samples * (size_t)t->stored_bytes, plane, samples, x, y + line,
                     ARC_MIN(width, t->width - x));
            ++*read;
        }
    }
}

/* Gray in all three channels, white as the largest value, alpha not multiplied in. */
static void even_out(const arc_tiff_samples *t) {
    uint16_t *p = (uint16_t *)(void *)t->data;
    for (size_t i = 0; t->bytes == 2 && i < (size_t)t->width * t->height; i++, p += t->channels) {
        if (t->inverted)
            p[0] = (uint16_t)(65535 - p[0]);
        if (t->gray)
            p[2] = p[1] = p[0];
        for (int k = 0; t->premultiplied && k < 3; k++)
            p[k] = p[3] ? (uint16_t)ARC_MIN(((uint64_t)p[k] * 65535 + p[3] / 2) / p[3], 65535u) : 0;
    }
}

arc_status arc_tiff_samples_read(arc_tiff_samples *t, TIFF *tiff, const arc_alloc *a, uint32_t *read) {
    const bool tiled = TIFFIsTiled(tiff) != 0;
    const tmsize_t bytes = tiled ? TIFFTileSize(tiff) : TIFFScanlineSize(tiff);
    const uint16_t planes = (uint16_t)(t->planes ? t->stored : 1);
    uint32_t width = t->width, height = 1;
    *read = 0;
    if (tiled && (!TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &width) || !TIFFGetField(tiff, TIFFTAG_TILELENGTH, &height)))
        return ARC_ECORRUPT;
    const uint64_t line = (uint64_t)width * (uint64_t)(t->planes ? 1 : t->stored) * (uint64_t)t->stored_bytes;
    if (bytes <= 0 || bytes > PIECE_BYTES_MAX || width == 0 || height == 0)
        return ARC_ELIMIT;
    if (line > (uint64_t)bytes || line * height > (uint64_t)bytes) /* what is taken of a piece is in it */
        return ARC_ECORRUPT;
    uint8_t *piece = arc_mem_new(a, 1, (size_t)bytes);
    t->data = arc_mem_new(a, t->height, (size_t)t->width * (size_t)t->channels * (size_t)t->bytes);
    if (!piece || !t->data) {
        arc_mem_free(a, piece);
        arc_mem_free(a, t->data);
        t->data = NULL;
        return ARC_ENOMEM;
    }
    for (uint16_t plane = 0; plane < planes; plane++) {
        if (tiled)
            read_tiles(t, tiff, piece, plane, read);
        else
            read_lines(t, tiff, piece, plane, read);
    }
    t->pieces = tiled ? TIFFNumberOfTiles(tiff) : t->height * planes;
    arc_mem_free(a, piece);
    even_out(t);
    return ARC_OK;
}
