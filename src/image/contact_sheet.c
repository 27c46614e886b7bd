/* Contact sheets: a grid of pictures, each shrunk to its cell in its own shape, with a line of text below. */
#include "image/contact_sheet.h"
#include "base/base.h"
#include <arcface/image.h>
#include <string.h>

#define GAP_PX 4
#define TEXT_PX 14
#define MAX_PIXELS 100000000
#define PAPER 0x22

struct arc_contact_sheet {
    arc_context *ctx;
    arc_image image;
    int count, columns, cell_px, next;
    bool captions;
};

static int pitch_x(const arc_contact_sheet *s) {
    return s->cell_px + GAP_PX;
}

static int pitch_y(const arc_contact_sheet *s) {
    return s->cell_px + GAP_PX + (s->captions ? TEXT_PX + 2 : 0);
}

arc_status arc_contact_sheet_new(arc_contact_sheet **out, arc_context *ctx, int count, int columns, int cell_px, bool captions,
                                 arc_error *err) {
    *out = NULL;
    if (count < 1 || columns < 1 || cell_px < 8 || cell_px > 4096)
        return arc_fail(err, ARC_EINVAL, "a sheet of %d pictures in %d columns of %d px cannot be made", count, columns, cell_px);
    arc_contact_sheet *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, "a contact sheet");
    *s = (arc_contact_sheet){
        .ctx = ctx, .count = count, .columns = ARC_MIN(columns, count), .cell_px = cell_px, .captions = captions};
    const int64_t rows = ((int64_t)count + s->columns - 1) / s->columns;
    const int64_t width = (int64_t)s->columns * pitch_x(s) + GAP_PX, height = rows * pitch_y(s) + GAP_PX;
    arc_status st = ARC_OK;
    if (width > MAX_PIXELS / height)
        st = arc_fail(err, ARC_ELIMIT, "a sheet of %d pictures would have %lld x %lld pixels; show fewer", count,
                      (long long)width, (long long)height);
    if (st == ARC_OK)
        st = arc_image_new(ctx, (int)width, (int)height, &s->image, err);
    if (st == ARC_OK)
        memset(s->image.data, PAPER, (size_t)s->image.stride_bytes * (size_t)height);
    else
        arc_contact_sheet_free(&s);
    *out = s;
    return st;
}

arc_status arc_contact_sheet_put(arc_contact_sheet *s, const arc_image *image, const char *caption, uint32_t rgb,
                                 arc_error *err) {
    if (s->next >= s->count)
        return ARC_OK;
    const int x = GAP_PX + s->next % s->columns * pitch_x(s), y = GAP_PX + s->next / s->columns * pitch_y(s);
    s->next++;
    if (image && image->width_px > 0 && image->height_px > 0) {
        const int side = ARC_MAX(image->width_px, image->height_px);
        const int w = ARC_MAX((int)((int64_t)s->cell_px * image->width_px / side), 1);
        const int h = ARC_MAX((int)((int64_t)s->cell_px * image->height_px / side), 1);
        arc_draw_image(&s->image, x + (s->cell_px - w) / 2, y + (s->cell_px - h) / 2, w, h, image);
    }
    if (rgb)
        arc_draw_box(&s->image, (float)x, (float)y, (float)(x + s->cell_px - 1), (float)(y + s->cell_px - 1), 2, rgb);
    if (!s->captions || !caption || !*caption)
        return ARC_OK;
    /* Text that is wider than its cell is cut by the cell: drawn on a view that ends there. */
    arc_image cell = s->image;
    cell.data += (y + s->cell_px) * s->image.stride_bytes + (ptrdiff_t)x * 3;
    cell.width_px = s->cell_px;
    cell.height_px = TEXT_PX + 2;
    return arc_draw_text(s->ctx, &cell, 0, 0, TEXT_PX, caption, rgb ? rgb : 0xffffffu, err);
}

arc_status arc_contact_sheet_save(const arc_contact_sheet *s, const char *path, arc_error *err) {
    return arc_image_save(s->ctx, &s->image, path, err);
}

void arc_contact_sheet_free(arc_contact_sheet **sheet) {
    if (!sheet || !*sheet)
        return;
    arc_contact_sheet *s = *sheet;
    *sheet = NULL;
    arc_context *ctx = s->ctx;
    arc_image_free(ctx, &s->image);
    arc_mem_free(&ctx->alloc, s);
}
