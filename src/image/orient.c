/* EXIF (libexif): orientation, and turning the picture upright; colours. */
#include "base/base.h"
#include "image/codec.h"
#include "image/image.h"
#include <string.h>

#include <libexif/exif-data.h>

#define EXIF_BYTES_MAX 65536

static int orientation_of(ExifData *data) {
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->components < 1 || !entry->data || entry->size < 2)
        return 1;
    int value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    return value >= 1 && value <= 8 ? value : 1;
}

/* NULL: unreadable. */
static ExifData *load(const arc_alloc *a, const uint8_t *bytes, size_t count) {
    static const uint8_t head[6] = {'E', 'x', 'i', 'f', 0, 0};
    if (count < 8 || count > EXIF_BYTES_MAX)
        return NULL;
    /* libexif wants the JPEG head, which PNG and WebP leave out. */
    size_t skip = memcmp(bytes, head, sizeof head) == 0 ? sizeof head : 0;
    uint8_t *copy = arc_mem_raw(a, 1, sizeof head + count - skip);
    ExifData *data = copy ? exif_data_new() : NULL;
    if (data) {
        memcpy(copy, head, sizeof head);
        memcpy(copy + sizeof head, bytes + skip, count - skip);
        exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
        exif_data_load_data(data, copy, (unsigned)(sizeof head + count - skip));
    }
    arc_mem_free(a, copy);
    return data;
}

int arc_exif_orientation(const arc_alloc *a, const uint8_t *bytes, size_t count) {
    ExifData *data = load(a, bytes, count);
    const int orientation = data ? orientation_of(data) : 1;
    if (data)
        exif_data_unref(data);
    return orientation;
}

bool arc_exif_is_adobe_rgb(const arc_alloc *a, const uint8_t *bytes, size_t count) {
    bool written = false; /* most blocks need not be taken apart for it */
    for (size_t i = 0; i + 3 <= count && !written; i++)
        written = memcmp(bytes + i, "R03", 3) == 0;
    ExifData *data = written ? load(a, bytes, count) : NULL;
    const ExifEntry *entry =
        !data ? NULL : exif_content_get_entry(data->ifd[EXIF_IFD_INTEROPERABILITY], EXIF_TAG_INTEROPERABILITY_INDEX);
    const bool is = entry && entry->data && entry->size >= 3 && memcmp(entry->data, "R03", 3) == 0;
    if (data)
        exif_data_unref(data);
    return is;
}

/* Source of the upright pixel (x,y), for a stored picture of w x h: EXIF 2.3, tag 0x0112. */
static void source_of(int orientation, int w, int h, int x, int y, int *sx, int *sy) {
    bool swap = orientation >= 5;
    int u = swap ? y : x, v = swap ? x : y;
    bool mirror_u = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool mirror_v = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    *sx = mirror_u ? w - 1 - u : u;
    *sy = mirror_v ? h - 1 - v : v;
}

arc_status arc_image_orient(const arc_alloc *a, arc_image *image, int orientation, arc_error *err) {
    int w = image->width_px, h = image->height_px;
    arc_image upright;
    arc_status st = orientation >= 5 ? arc_image_alloc(a, h, w, &upright, err) : arc_image_alloc(a, w, h, &upright, err);
    if (st != ARC_OK)
        return st;
    for (int y = 0; y < upright.height_px; y++) {
        uint8_t *to = upright.data + y * upright.stride_bytes;
        for (int x = 0; x < upright.width_px; x++, to += 3) {
            int sx, sy;
            source_of(orientation, w, h, x, y, &sx, &sy);
            memcpy(to, image->data + sy * image->stride_bytes + (ptrdiff_t)sx * 3, 3);
        }
    }
    upright.format = image->format;
    arc_mem_free(a, image->data);
    *image = upright;
    return ARC_OK;
}
