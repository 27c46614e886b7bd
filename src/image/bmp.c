/* Windows bitmaps: 1, 4 and 8 bits with palette, 24 and 32 bits, uncompressed, either row order. */
#include "base/base.h"
#include "image/codec.h"
#include <string.h>

typedef struct bmp {
    int64_t width, height;
    bool top_down;
    int bits;
    uint32_t compression;
    size_t pixels_at, stride;
    uint8_t palette[256][3]; /* R,G,B */
    unsigned colours;
} bmp;

static uint32_t le32(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t le16(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8;
}

static arc_status read_palette(const arc_decode *d, bmp *b, size_t at, unsigned used, size_t entry_bytes, arc_error *err) {
    unsigned most = 1u << b->bits;
    b->colours = used == 0 ? most : used;
    if (b->colours > most)
        return arc_fail(err, ARC_ECORRUPT, "%s: BMP: %u colours do not fit %d bits", d->name, b->colours, b->bits);
    if (at > d->count || b->colours * entry_bytes > d->count - at)
        return arc_fail(err, ARC_ECORRUPT, "%s: BMP: the file ends inside the palette", d->name);
    for (unsigned i = 0; i < b->colours; i++)
        for (int c = 0; c < 3; c++)
            b->palette[i][c] = d->bytes[at + i * entry_bytes + (size_t)(2 - c)];
    return ARC_OK;
}

static bool plain_masks(const arc_decode *d) {
    return d->count >= 66 && le32(d->bytes + 54) == 0xff0000 && le32(d->bytes + 58) == 0xff00 && le32(d->bytes + 62) == 0xff;
}

static arc_status read_header(arc_decode *d, bmp *b, arc_error *err) {
    if (d->count < 26)
        return arc_fail(err, ARC_ECORRUPT, "%s: BMP: the file ends inside the header", d->name);
    const uint8_t *p = d->bytes;
    size_t head = le32(p + 14), used = 0;
    b->pixels_at = le32(p + 10);
    if (head == 12) {
        b->width = le16(p + 18);
        b->height = le16(p + 20);
        b->bits = (int)le16(p + 24);
    } else if (head >= 40 && head <= 124 && d->count >= 14 + head) {
        b->width = (int32_t)le32(p + 18);
        b->height = (int32_t)le32(p + 22);
        b->bits = (int)le16(p + 28);
        b->compression = le32(p + 30);
        used = le32(p + 46);
    } else {
        return arc_fail(err, ARC_ECORRUPT, "%s: BMP: a header of %zu bytes", d->name, head);
    }
    b->top_down = b->height < 0;
    b->height = b->top_down ? -b->height : b->height;
    bool masks = b->compression == 3 && b->bits == 32 && plain_masks(d);
    if ((b->compression != 0 && !masks) || (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 24 && b->bits != 32))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: BMP of %d bits with compression %u; save it as PNG", d->name, b->bits,
                        b->compression);
    arc_status st = arc_decode_admit(d, b->width, b->height, err);
    if (st == ARC_OK && b->bits <= 8)
        st = read_palette(d, b, 14 + head, used > 256 ? 257 : (unsigned)used, head == 12 ? 3 : 4, err);
    return st;
}

static bool unpack_row(const bmp *b, const uint8_t *in, uint8_t *rgb) {
    size_t width = (size_t)b->width;
    if (b->bits >= 24) {
        size_t step = (size_t)b->bits / 8;
        for (size_t x = 0; x < width; x++, in += step, rgb += 3) {
            rgb[0] = in[2];
            rgb[1] = in[1];
            rgb[2] = in[0];
        }
        return true;
    }
    unsigned mask = (1u << b->bits) - 1;
    for (size_t x = 0; x < width; x++, rgb += 3) {
        size_t bit = x * (size_t)b->bits;
        unsigned index = (unsigned)in[bit / 8] >> (8 - (unsigned)b->bits - (unsigned)(bit % 8)) & mask;
        if (index >= b->colours)
            return false;
        memcpy(rgb, b->palette[index], 3);
    }
    return true;
}

arc_status arc_decode_bmp(arc_decode *d, arc_error *err) {
    bmp b = {0};
    arc_status st = read_header(d, &b, err);
    if (st != ARC_OK)
        return st;
    b.stride = ((size_t)b.width * (size_t)b.bits + 31) / 32 * 4;
    if (b.pixels_at > d->count || (size_t)b.height > (d->count - b.pixels_at) / b.stride)
        return arc_fail(err, ARC_ECORRUPT, "%s: BMP: the file ends inside the pixels", d->name);
    st = arc_decode_alloc(d, (int)b.width, (int)b.height, true, err);
    if (st != ARC_OK)
        return st;
    for (size_t y = 0; y < (size_t)b.height; y++) {
        size_t row = b.top_down ? y : (size_t)b.height - 1 - y;
        if (!unpack_row(&b, d->bytes + b.pixels_at + row * b.stride, d->out->data + y * (size_t)b.width * 3))
            return arc_fail(err, ARC_ECORRUPT, "%s: BMP: a pixel in row %zu is outside the palette", d->name, y);
    }
    return ARC_OK;
}
