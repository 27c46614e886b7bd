/* Pictures in memory: pixels made, checked and read row by row; what the codecs do alike. decode.c and encode.c choose the
 * codec. */
#include "image/image.h"
#include "base/base.h"
#include "image/codec.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static arc_status alloc_pixels(const arc_alloc *a, int width, int height, bool black, arc_image *out, arc_error *err) {
    *out = (arc_image){0};
    if (width <= 0 || height <= 0 || width > INT_MAX / 4)
        return arc_fail(err, ARC_EINVAL, "an image of %d x %d pixels cannot be made", width, height);
    uint8_t *data = black ? arc_mem_new(a, (size_t)height, (size_t)width * 3) : arc_mem_raw(a, (size_t)height, (size_t)width * 3);
    if (!data)
        return arc_fail(err, ARC_ENOMEM, "out of memory for an image of %d x %d pixels", width, height);
    *out = (arc_image){data, width, height, (ptrdiff_t)width * 3, ARC_RGB8};
    return ARC_OK;
}

arc_status arc_image_alloc(const arc_alloc *a, int width, int height, arc_image *out, arc_error *err) {
    return alloc_pixels(a, width, height, true, out, err);
}

arc_status arc_image_new(arc_context *ctx, int width_px, int height_px, arc_image *out, arc_error *err) {
    return arc_image_alloc(&ctx->alloc, width_px, height_px, out, err);
}

void arc_image_release(const arc_alloc *a, arc_image *image) {
    arc_mem_free(a, image->data);
    *image = (arc_image){0};
}

void arc_image_free(arc_context *ctx, arc_image *image) {
    if (image)
        arc_image_release(&ctx->alloc, image);
}

bool arc_image_valid(const arc_image *image) {
    return image && image->data && image->width_px > 0 && image->height_px > 0 && image->width_px <= INT_MAX / 4 &&
           llabs((long long)image->stride_bytes) >= 3LL * image->width_px;
}

void arc_row_rgb(const arc_image *image, int y, uint8_t *rgb) {
    const uint8_t *p = image->data + y * image->stride_bytes;
    if (image->format == ARC_RGB8) {
        memcpy(rgb, p, (size_t)image->width_px * 3);
        return;
    }
    for (int x = 0; x < image->width_px; x++, p += 3, rgb += 3) {
        rgb[0] = p[2];
        rgb[1] = p[1];
        rgb[2] = p[0];
    }
}

void arc_rgba_on_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels) {
    for (size_t i = 0; i < pixels; i++, rgba += 4, rgb += 3) {
        unsigned alpha = rgba[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)((rgba[c] * alpha + 255u * (255u - alpha) + 127u) / 255u);
    }
}

arc_status arc_decode_admit(arc_decode *d, int64_t width, int64_t height, arc_error *err) {
    if (width <= 0 || height <= 0)
        return arc_fail(err, ARC_ECORRUPT, "%s: the picture has no pixels (%lld x %lld)", d->name, (long long)width,
                        (long long)height);
    if (width > INT_MAX / 4 || height > INT_MAX / 4 || width > d->max_pixels / height)
        return arc_fail(err, ARC_ELIMIT, "%s: %lld x %lld pixels are more than the limit of %lld; raise max_pixels to read it",
                        d->name, (long long)width, (long long)height, (long long)d->max_pixels);
    d->full_width_px = (int)width;
    d->full_height_px = (int)height;
    return ARC_OK;
}

arc_status arc_decode_colours(arc_decode *d, const arc_colours *says, arc_pixels layout, arc_error *err) {
    arc_colour_free(&d->colour);
    if (d->keep_colours)
        return ARC_OK;
    return arc_colour_open(d->alloc, says, layout, d->name, &d->colour, err);
}

void arc_decode_convert(const arc_decode *d) {
    for (int y = 0; d->colour && y < d->out->height_px; y++) {
        uint8_t *row = d->out->data + y * d->out->stride_bytes;
        arc_colour_convert(d->colour, row, row, (size_t)d->out->width_px);
    }
}

uint16_t arc_to_16(uint32_t value, uint32_t most) {
    return (uint16_t)(((uint64_t)ARC_MIN(value, most) * 65535 + most / 2) / most);
}

uint8_t arc_to_8(uint32_t value, uint32_t most) {
    return (uint8_t)(((uint64_t)ARC_MIN(value, most) * 255 + most / 2) / most);
}

void arc_deep_row(const arc_colour *colour, uint16_t *row, int channels, uint8_t *rgb, size_t pixels) {
    arc_colour_convert(colour, row, row, pixels);
    for (size_t i = 0; i < pixels; i++, row += channels, rgb += 3) {
        uint8_t pixel[4] = {0};
        for (int c = 0; c < channels; c++)
            pixel[c] = arc_to_8(row[c], 65535);
        if (channels == 4)
            arc_rgba_on_white(pixel, rgb, 1);
        else
            memcpy(rgb, pixel, 3);
    }
}

arc_status arc_decode_alloc(arc_decode *d, int width, int height, bool black, arc_error *err) {
    if (d->into && width == d->into_width_px && height == d->into_height_px) {
        *d->out = (arc_image){d->into, width, height, (ptrdiff_t)width * 3, ARC_RGB8};
        return ARC_OK;
    }
    arc_status st = alloc_pixels(d->alloc, width, height, black, d->out, err);
    return st == ARC_OK ? ARC_OK : arc_fail_in(err, st, d->name);
}
