/* Drawing on pictures for people: boxes, dots and pasted pictures by hand, text through cairo's font interface. */
#include "base/base.h"
#include "image/image.h"
#include <cairo.h>
#include <math.h>
#include <string.h>

static void put(arc_image *image, int64_t x, int64_t y, uint32_t rgb, double cover) {
    if (x < 0 || y < 0 || x >= image->width_px || y >= image->height_px)
        return;
    uint8_t *p = image->data + (ptrdiff_t)y * image->stride_bytes + (ptrdiff_t)x * 3;
    for (int c = 0; c < 3; c++) {
        int shift = image->format == ARC_RGB8 ? 16 - 8 * c : 8 * c;
        double colour = (double)((rgb >> shift) & 255u);
        p[c] = (uint8_t)lrint(p[c] + (colour - p[c]) * cover);
    }
}

static int64_t pixel_of(float v) {
    return v > -1e6f && v < 1e6f ? lrintf(v) : v < 0 ? -1000000 : 1000000;
}

static void fill(arc_image *image, int64_t x1, int64_t y1, int64_t x2, int64_t y2, uint32_t rgb) {
    for (int64_t y = ARC_MAX(y1, 0); y <= ARC_MIN(y2, image->height_px - 1); y++)
        for (int64_t x = ARC_MAX(x1, 0); x <= ARC_MIN(x2, image->width_px - 1); x++)
            put(image, x, y, rgb, 1);
}

void arc_draw_box(arc_image *image, float x1_px, float y1_px, float x2_px, float y2_px, int thickness_px, uint32_t rgb) {
    if (!arc_image_valid(image))
        return;
    int64_t x1 = pixel_of(x1_px), y1 = pixel_of(y1_px), x2 = pixel_of(x2_px), y2 = pixel_of(y2_px),
            t = ARC_MAX(thickness_px, 1) - 1;
    fill(image, x1, y1, x2, y1 + t, rgb);
    fill(image, x1, y2 - t, x2, y2, rgb);
    fill(image, x1, y1, x1 + t, y2, rgb);
    fill(image, x2 - t, y1, x2, y2, rgb);
}

void arc_draw_dot(arc_image *image, float x_px, float y_px, float radius_px, uint32_t rgb) {
    if (!arc_image_valid(image) || !isfinite(x_px) || !isfinite(y_px) || !(radius_px > 0 && radius_px < 1e5f))
        return;
    int64_t x1 = ARC_MAX(pixel_of(x_px - radius_px - 1), 0), x2 = ARC_MIN(pixel_of(x_px + radius_px + 1), image->width_px - 1);
    int64_t y1 = ARC_MAX(pixel_of(y_px - radius_px - 1), 0), y2 = ARC_MIN(pixel_of(y_px + radius_px + 1), image->height_px - 1);
    for (int64_t y = y1; y <= y2; y++)
        for (int64_t x = x1; x <= x2; x++) {
            double inside = (double)radius_px + 0.5 - hypot((double)x - (double)x_px, (double)y - (double)y_px);
            if (inside > 0)
                put(image, x, y, rgb, ARC_MIN(inside, 1.0));
        }
}

void arc_draw_image(arc_image *image, int x_px, int y_px, int width_px, int height_px, const arc_image *from) {
    if (!arc_image_valid(image) || !arc_image_valid(from) || width_px <= 0 || height_px <= 0)
        return;
    int64_t end_x = ARC_MIN((int64_t)x_px + width_px, image->width_px),
            end_y = ARC_MIN((int64_t)y_px + height_px, image->height_px);
    for (int64_t y = ARC_MAX(y_px, 0); y < end_y; y++) {
        double sy = ((double)(y - y_px) + 0.5) * from->height_px / height_px - 0.5;
        sy = ARC_MAX(0.0, ARC_MIN(sy, from->height_px - 1.0));
        int iy = (int)sy, ny = ARC_MIN(iy + 1, from->height_px - 1);
        const uint8_t *a = from->data + iy * from->stride_bytes, *b = from->data + ny * from->stride_bytes;
        for (int64_t x = ARC_MAX(x_px, 0); x < end_x; x++) {
            double sx = ((double)(x - x_px) + 0.5) * from->width_px / width_px - 0.5;
            sx = ARC_MAX(0.0, ARC_MIN(sx, from->width_px - 1.0));
            int ix = (int)sx, nx = ARC_MIN(ix + 1, from->width_px - 1);
            uint8_t *to = image->data + (ptrdiff_t)y * image->stride_bytes + (ptrdiff_t)x * 3;
            for (int c = 0; c < 3; c++) {
                int s = from->format == image->format ? c : 2 - c;
                double top = a[3 * ix + s] + (a[3 * nx + s] - a[3 * ix + s]) * (sx - ix);
                double bottom = b[3 * ix + s] + (b[3 * nx + s] - b[3 * ix + s]) * (sx - ix);
                to[c] = (uint8_t)lrint(top + (bottom - top) * (sy - iy));
            }
        }
    }
}

/* ---- text ---- */

static cairo_t *text_pen(cairo_surface_t *surface, float height_px) {
    cairo_t *pen = cairo_create(surface);
    cairo_select_font_face(pen, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(pen, (double)height_px * 0.75);
    return pen;
}

/* Width in pixels that the text takes; negative when cairo refuses it. */
static int text_width(const char *text, float height_px, cairo_status_t *status) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *pen = text_pen(surface, height_px);
    cairo_text_extents_t extents = {0};
    cairo_text_extents(pen, text, &extents);
    *status = cairo_status(pen);
    cairo_destroy(pen);
    cairo_surface_destroy(surface);
    double width = ceil(extents.x_advance + (double)height_px * 0.5);
    return width > 0 && width < 32000 ? (int)width : 0;
}

int arc_draw_text_width(const char *text, float height_px) {
    cairo_status_t status;
    const int width = text_width(text, height_px, &status);
    return status == CAIRO_STATUS_SUCCESS ? width : 0;
}

/* Darkens the text's rectangle and blends the glyph mask in. */
static void blend_text(arc_image *image, const uint8_t *mask, int stride, int width, int height, int64_t x0, int64_t y0,
                       uint32_t rgb) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            put(image, x0 + x, y0 + y, 0, 0.6);
            put(image, x0 + x, y0 + y, rgb, mask[(ptrdiff_t)y * stride + x] / 255.0);
        }
}

arc_status arc_draw_text(arc_context *ctx, arc_image *image, float x_px, float y_px, float height_px, const char *text,
                         uint32_t rgb, arc_error *err) {
    (void)ctx; /* cairo takes its memory from the C library */
    if (!arc_image_valid(image) || !(height_px >= 1 && height_px <= 4096))
        return arc_fail(err, ARC_EINVAL, "text needs a picture and a height of 1 to 4096 px");
    cairo_status_t status;
    int width = text_width(text, height_px, &status), height = (int)ceilf(height_px);
    if (status != CAIRO_STATUS_SUCCESS || width == 0)
        return arc_fail(err, status == CAIRO_STATUS_NO_MEMORY ? ARC_ENOMEM : ARC_EINVAL, "the text cannot be drawn: %s",
                        status ? cairo_status_to_string(status) : "too long");
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, width, height);
    cairo_t *pen = text_pen(surface, height_px);
    cairo_move_to(pen, (double)height_px * 0.25, (double)height_px * 0.78);
    cairo_show_text(pen, text);
    status = cairo_status(pen);
    cairo_surface_flush(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        blend_text(image, cairo_image_surface_get_data(surface), cairo_image_surface_get_stride(surface), width, height,
                   pixel_of(x_px), pixel_of(y_px), rgb);
    cairo_destroy(pen);
    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS)
        return arc_fail(err, status == CAIRO_STATUS_NO_MEMORY ? ARC_ENOMEM : ARC_EINVAL, "the text cannot be drawn: %s",
                        cairo_status_to_string(status));
    return ARC_OK;
}
