/* plot: sheets of panels on cairo's SVG and PNG surfaces, written through base/file.h. */
#include "plot/plot_internal.h"
#include <cairo-svg.h>
#include <cairo.h>
#include <ctype.h>
#include <string.h>

#define MAX_SIDE_PX 8192
#define MAX_FILE_BYTES ((size_t)256 << 20)

typedef struct sheet_size {
    int columns, rows, width_px, height_px; /* of one panel */
} sheet_size;

static arc_status check(const arc_plot_sheet *sheet, sheet_size *size, arc_error *err) {
    if (sheet->panels < 1 || sheet->panels > ARC_PLOT_MAX_PANELS || sheet->columns < 0 || !sheet->panel)
        return arc_fail(err, ARC_EINVAL, "a sheet has 1 to %d plots, not %d", ARC_PLOT_MAX_PANELS, sheet->panels);
    size->columns = ARC_MIN(ARC_MAX(sheet->columns, 1), sheet->panels);
    size->rows = (sheet->panels + size->columns - 1) / size->columns;
    size->width_px = sheet->panel_width_px ? sheet->panel_width_px : 560;
    size->height_px = sheet->panel_height_px ? sheet->panel_height_px : 380;
    if (size->width_px < 120 || size->height_px < 100 || size->width_px > MAX_SIDE_PX / size->columns ||
        size->height_px > MAX_SIDE_PX / size->rows)
        return arc_fail(err, ARC_EINVAL, "a plot of %d x %d px: from 120 x 100 to %d in all is possible", size->width_px,
                        size->height_px, MAX_SIDE_PX);
    for (int i = 0; i < sheet->panels; i++) {
        const arc_plot *plot = &sheet->panel[i];
        if (plot->series_count < 0 || plot->series_count > ARC_PLOT_MAX_SERIES || plot->mark_count < 0)
            return arc_fail(err, ARC_EINVAL, "plot '%s' has %d series; at most %d are possible", plot->title ? plot->title : "",
                            plot->series_count, ARC_PLOT_MAX_SERIES);
    }
    return ARC_OK;
}

static cairo_status_t draw_sheet(cairo_surface_t *surface, const arc_plot_sheet *sheet, const sheet_size *size) {
    cairo_t *pen = cairo_create(surface);
    cairo_set_source_rgb(pen, 1, 1, 1);
    cairo_paint(pen);
    for (int i = 0; i < sheet->panels; i++) {
        cairo_save(pen);
        cairo_translate(pen, i % size->columns * size->width_px, i / size->columns * size->height_px);
        arc_plot_panel_draw(pen, &sheet->panel[i], size->width_px, size->height_px);
        cairo_restore(pen);
    }
    cairo_status_t status = cairo_status(pen);
    cairo_destroy(pen);
    return status;
}

static cairo_status_t take_bytes(void *buffer, const unsigned char *data, unsigned int bytes) {
    return arc_buffer_put(buffer, data, bytes) == ARC_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

static arc_status fail_cairo(cairo_status_t status, arc_error *err) {
    return arc_fail(err, status == CAIRO_STATUS_NO_MEMORY ? ARC_ENOMEM : ARC_EINVAL, "the plot cannot be drawn: %s",
                    cairo_status_to_string(status));
}

static arc_status draw_svg(arc_buffer *out, const arc_plot_sheet *sheet, const sheet_size *size, arc_error *err) {
    cairo_surface_t *surface =
        cairo_svg_surface_create_for_stream(take_bytes, out, size->columns * size->width_px, size->rows * size->height_px);
    cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
    cairo_status_t status = draw_sheet(surface, sheet, size);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status == CAIRO_STATUS_SUCCESS ? ARC_OK : fail_cairo(status, err);
}

static arc_status draw_png(arc_buffer *out, const arc_plot_sheet *sheet, const sheet_size *size, arc_error *err) {
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, size->columns * size->width_px, size->rows * size->height_px);
    cairo_status_t status = draw_sheet(surface, sheet, size);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_write_to_png_stream(surface, take_bytes, out);
    cairo_surface_destroy(surface);
    return status == CAIRO_STATUS_SUCCESS ? ARC_OK : fail_cairo(status, err);
}

arc_status arc_plot_save(arc_context *ctx, const arc_plot_sheet *sheet, const char *path, arc_error *err) {
    sheet_size size;
    arc_status st = check(sheet, &size, err);
    if (st != ARC_OK)
        return st;
    size_t bytes = strlen(path);
    bool svg = bytes > 4 && strcmp(path + bytes - 4, ".svg") == 0, png = bytes > 4 && strcmp(path + bytes - 4, ".png") == 0;
    if (!svg && !png)
        return arc_fail(err, ARC_EINVAL, "%s: a plot is written as .svg or .png", path);
    arc_buffer buffer;
    arc_buffer_init(&buffer, &ctx->alloc, MAX_FILE_BYTES);
    st = svg ? draw_svg(&buffer, sheet, &size, err) : draw_png(&buffer, sheet, &size, err);
    if (st == ARC_OK)
        st = arc_file_save(&ctx->alloc, path, buffer.data, buffer.bytes, err);
    arc_buffer_free(&buffer);
    return st;
}

/* If cairo writes or refers to an id here, the name that follows; else NULL. */
static const char *id_after(const char *text) {
    static const char *const forms[] = {"id=\"", "xlink:href=\"#", "href=\"#", "url(#"};
    for (size_t i = 0; i < ARC_COUNT(forms); i++)
        if (strncmp(text, forms[i], strlen(forms[i])) == 0)
            return text + strlen(forms[i]);
    return NULL;
}

/* Copies the document from its <svg> element on, with `prefix` before every id, so that several fit on one page. */
static arc_status put_prefixed(arc_buffer *out, const char *svg, const char *prefix) {
    const char *kept = strstr(svg, "<svg");
    arc_status st = ARC_OK;
    for (const char *at = kept; st == ARC_OK && at && *at;) {
        const char *name = id_after(at);
        if (!name) {
            at++;
            continue;
        }
        st = arc_buffer_put(out, kept, (size_t)(name - kept));
        if (st == ARC_OK)
            st = arc_buffer_put(out, prefix, strlen(prefix));
        kept = at = name;
    }
    return st == ARC_OK && kept ? arc_buffer_put(out, kept, strlen(kept) + 1) : st;
}

arc_status arc_plot_svg(arc_context *ctx, const arc_plot_sheet *sheet, const char *prefix, char **svg, arc_error *err) {
    *svg = NULL;
    sheet_size size;
    arc_status st = check(sheet, &size, err);
    if (st != ARC_OK)
        return st;
    prefix = prefix ? prefix : "p";
    for (const char *c = prefix; *c; c++)
        if (!isalnum((unsigned char)*c))
            return arc_fail(err, ARC_EINVAL, "prefix '%s' of a plot: letters and digits only", prefix);
    arc_buffer drawn, text;
    arc_buffer_init(&drawn, &ctx->alloc, MAX_FILE_BYTES);
    arc_buffer_init(&text, &ctx->alloc, MAX_FILE_BYTES);
    ARC_TRY(draw_svg(&drawn, sheet, &size, err));
    if (arc_buffer_put(&drawn, "", 1) != ARC_OK || put_prefixed(&text, (const char *)drawn.data, prefix) != ARC_OK || !text.data)
        st = arc_fail_nomem(err, "plot");
    if (st == ARC_OK) {
        *svg = (char *)text.data;
        text.data = NULL;
    }
done:
    arc_buffer_free(&drawn);
    arc_buffer_free(&text);
    return st;
}
