/* GIF through giflib: frame after frame onto a canvas, as viewers do, up to the one that is wanted; what nothing covers is
 * white. */
#include "base/base.h"
#include "image/codec.h"
#include <gif_lib.h>
#include <string.h>

typedef struct gif_state {
    arc_decode *d;
    GifFileType *gif;
    size_t at;
    uint8_t *canvas; /* RGBA [height][width] */
    uint8_t *line;   /* of a frame, indices into its palette */
    GraphicsControlBlock control;
} gif_state;

static int on_read(GifFileType *gif, GifByteType *to, int bytes) {
    gif_state *s = gif->UserData;
    const size_t count = ARC_MIN((size_t)bytes, s->d->count - s->at);
    memcpy(to, s->d->bytes + s->at, count);
    s->at += count;
    return (int)count;
}

static arc_status gif_fail(const gif_state *s, int code, arc_error *err) {
    const char *text = GifErrorString(code);
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM)
        return arc_fail_nomem(err, s->d->name);
    return arc_fail(err, ARC_ECORRUPT, "%s: GIF: %s", s->d->name, text ? text : "the data is damaged");
}

static void put_line(const gif_state *s, const ColorMapObject *map, int y, bool clear) {
    const GifImageDesc *f = &s->gif->Image;
    const int width = s->d->full_width_px;
    if (f->Top + y >= s->d->full_height_px || f->Left >= width)
        return;
    uint8_t *to = s->canvas + ((size_t)(f->Top + y) * (size_t)width + (size_t)f->Left) * 4;
    for (int x = 0; x < f->Width && f->Left + x < width; x++, to += 4) {
        if (clear) {
            memset(to, 0, 4);
        } else if (s->line[x] != s->control.TransparentColor && s->line[x] < map->ColorCount) {
            const GifColorType *c = &map->Colors[s->line[x]];
            to[0] = c->Red;
            to[1] = c->Green;
            to[2] = c->Blue;
            to[3] = 255;
        }
    }
}

/* Rows in the order of an interlaced frame: every 8th, the 4th between them, and so on. */
static int row_at(const GifImageDesc *f, int index) {
    static const int first[4] = {0, 4, 2, 1}, step[4] = {8, 8, 4, 2};
    if (!f->Interlace)
        return index;
    for (int pass = 0; pass < 4; pass++) {
        const int rows = f->Height > first[pass] ? (f->Height - first[pass] + step[pass] - 1) / step[pass] : 0;
        if (index < rows)
            return first[pass] + index * step[pass];
        index -= rows;
    }
    return f->Height;
}

/* *rows: how many were decoded. */
static arc_status read_frame(gif_state *s, int *rows, arc_error *err) {
    const GifImageDesc *f = &s->gif->Image;
    const ColorMapObject *map = f->ColorMap ? f->ColorMap : s->gif->SColorMap;
    if (!map || f->Width <= 0 || f->Height <= 0)
        return arc_fail(err, ARC_ECORRUPT, "%s: GIF: a frame without colours or pixels", s->d->name);
    s->line = arc_mem_raw(s->d->alloc, 1, (size_t)f->Width);
    if (!s->line)
        return arc_fail_nomem(err, s->d->name);
    arc_status st = ARC_OK;
    for (*rows = 0; st == ARC_OK && *rows < f->Height; ++*rows) {
        if (DGifGetLine(s->gif, s->line, f->Width) == GIF_ERROR) {
            st = gif_fail(s, s->gif->Error, err);
            break;
        }
        put_line(s, map, row_at(f, *rows), false);
    }
    arc_mem_free(s->d->alloc, s->line);
    s->line = NULL;
    return st;
}

static arc_status read_extension(gif_state *s, arc_error *err) {
    int code;
    GifByteType *block;
    int ok = DGifGetExtension(s->gif, &code, &block);
    if (ok != GIF_ERROR && block && code == GRAPHICS_EXT_FUNC_CODE)
        DGifExtensionToGCB(block[0], block + 1, &s->control);
    while (ok != GIF_ERROR && block)
        ok = DGifGetExtensionNext(s->gif, &block);
    return ok == GIF_ERROR ? gif_fail(s, s->gif->Error, err) : ARC_OK;
}

/* What the frame that has just been shown leaves behind. Going back to the one before it (3) is taken as leaving it. */
static void dispose(gif_state *s) {
    for (int y = 0; s->control.DisposalMode == DISPOSE_BACKGROUND && y < s->gif->Image.Height; y++)
        put_line(s, NULL, y, true);
    s->control = (GraphicsControlBlock){.TransparentColor = NO_TRANSPARENT_COLOR};
}

/* Up to the wanted frame. *rows: of it, how many were decoded before an error. */
static arc_status read_frames(gif_state *s, int *rows, arc_error *err) {
    int frames = 0;
    arc_status st = ARC_OK;
    s->control.TransparentColor = NO_TRANSPARENT_COLOR;
    *rows = 0;
    while (st == ARC_OK) {
        GifRecordType type;
        if (DGifGetRecordType(s->gif, &type) == GIF_ERROR)
            return gif_fail(s, s->gif->Error, err);
        if (type == TERMINATE_RECORD_TYPE)
            return arc_fail(err, frames ? ARC_EINVAL : ARC_ECORRUPT, "%s: the GIF has %d frame%s, there is no frame %d",
                            s->d->name, frames, frames == 1 ? "" : "s", s->d->frame);
        if (type == EXTENSION_RECORD_TYPE)
            st = read_extension(s, err);
        if (type != IMAGE_DESC_RECORD_TYPE)
            continue;
        if (DGifGetImageDesc(s->gif) == GIF_ERROR)
            return gif_fail(s, s->gif->Error, err);
        st = read_frame(s, rows, err);
        if (frames == s->d->frame)
            return st;
        *rows = 0; /* this frame is not the wanted one */
        frames++;
        dispose(s);
    }
    return st;
}

static arc_status gif_run(gif_state *s, arc_error *err) {
    arc_decode *d = s->d;
    int rows;
    arc_status st;
    ARC_TRY(arc_decode_admit(d, s->gif->SWidth, s->gif->SHeight, err));
    const size_t width = (size_t)d->full_width_px, height = (size_t)d->full_height_px;
    s->canvas = arc_mem_new(d->alloc, height, width * 4);
    if (!s->canvas)
        return arc_fail_nomem(err, d->name);
    st = read_frames(s, &rows, err);
    if (st == ARC_ECORRUPT && rows > 0 && !d->strict) {
        d->damaged = true;
        st = ARC_OK;
    }
    if (st == ARC_OK)
        st = arc_decode_alloc(d, (int)width, (int)height, false, err);
    if (st == ARC_OK)
        arc_rgba_on_white(s->canvas, d->out->data, width * height);
done:
    return st;
}

arc_status arc_decode_gif(arc_decode *d, arc_error *err) {
    gif_state s = {.d = d};
    int code = 0;
    s.gif = DGifOpen(&s, on_read, &code);
    if (!s.gif)
        return gif_fail(&s, code, err);
    const arc_status st = gif_run(&s, err);
    arc_mem_free(d->alloc, s.canvas);
    DGifCloseFile(s.gif, &code);
    return st;
}
