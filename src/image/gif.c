/* GIF through giflib: frame after frame onto a canvas, as viewers do, up to the one that is wanted; what nothing covers is
 * white. */
#include "base/base.h"
#include "image/film.h"
#include <gif_lib.h>
#include <string.h>

typedef struct gif_state {
    arc_film film;
    GifFileType *gif;
    size_t at;
    arc_film_frame frame;
    uint8_t *rgba; /* of the frame, transparent where nothing was decoded */
    uint8_t *line; /* indices into its palette */
    GraphicsControlBlock control;
} gif_state;

static int on_read(GifFileType *gif, GifByteType *to, int bytes) {
    gif_state *s = gif->UserData;
    const size_t count = ARC_MIN((size_t)bytes, s->film.d->count - s->at);
    memcpy(to, s->film.d->bytes + s->at, count);
    s->at += count;
    return (int)count;
}

static arc_status gif_fail(const gif_state *s, int code, arc_error *err) {
    const char *text = GifErrorString(code);
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM)
        return arc_fail_nomem(err, s->film.d->name);
    return arc_fail(err, ARC_ECORRUPT, "%s: GIF: %s", s->film.d->name, text ? text : "the data is damaged");
}

/* A line into the frame, as far as it lies on the canvas. */
static void put_line(const gif_state *s, const ColorMapObject *map, int y) {
    if (y >= s->frame.height)
        return;
    uint8_t *to = s->rgba + (size_t)y * (size_t)s->frame.width * 4;
    for (int x = 0; x < s->frame.width; x++, to += 4) {
        if (s->line[x] != s->control.TransparentColor && s->line[x] < map->ColorCount) {
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

static arc_status read_lines(gif_state *s, const ColorMapObject *map, int *rows, arc_error *err) {
    const GifImageDesc *f = &s->gif->Image;
    for (*rows = 0; *rows < f->Height; ++*rows) {
        if (DGifGetLine(s->gif, s->line, f->Width) == GIF_ERROR)
            return gif_fail(s, s->gif->Error, err);
        put_line(s, map, row_at(f, *rows));
    }
    return ARC_OK;
}

static arc_dispose disposal_of(const gif_state *s) {
    switch (s->control.DisposalMode) {
    case DISPOSE_BACKGROUND:
        return ARC_DISPOSE_CLEAR;
    case DISPOSE_PREVIOUS:
        return ARC_DISPOSE_BACK;
    default:
        return ARC_DISPOSE_KEEP;
    }
}

/* Onto the canvas; of a frame that ends early the lines that are there. *rows: how many were decoded. */
static arc_status read_frame(gif_state *s, int *rows, arc_error *err) {
    const GifImageDesc *f = &s->gif->Image;
    const ColorMapObject *map = f->ColorMap ? f->ColorMap : s->gif->SColorMap;
    const arc_decode *d = s->film.d;
    if (!map || f->Width <= 0 || f->Height <= 0)
        return arc_fail(err, ARC_ECORRUPT, "%s: GIF: a frame without colours or pixels", d->name);
    s->frame = (arc_film_frame){.x = f->Left, .y = f->Top, .blend = true, .dispose = disposal_of(s)};
    s->frame.width = ARC_MAX(ARC_MIN(f->Width, d->full_width_px - f->Left), 0);
    s->frame.height = ARC_MAX(ARC_MIN(f->Height, d->full_height_px - f->Top), 0);
    s->line = arc_mem_raw(d->alloc, 1, (size_t)f->Width);
    s->rgba = arc_mem_new(d->alloc, (size_t)s->frame.height, (size_t)s->frame.width * 4);
    arc_status st = s->line && s->rgba ? read_lines(s, map, rows, err) : arc_fail_nomem(err, d->name);
    s->frame.rgba = s->rgba;
    if (st == ARC_OK || *rows > 0) {
        const arc_status shown = arc_film_show(&s->film, &s->frame, err);
        st = shown != ARC_OK ? shown : st;
    }
    arc_mem_free(d->alloc, s->rgba);
    arc_mem_free(d->alloc, s->line);
    s->control = (GraphicsControlBlock){.TransparentColor = NO_TRANSPARENT_COLOR};
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
                            s->film.d->name, frames, frames == 1 ? "" : "s", s->film.d->frame);
        if (type == EXTENSION_RECORD_TYPE)
            st = read_extension(s, err);
        if (type != IMAGE_DESC_RECORD_TYPE)
            continue;
        if (DGifGetImageDesc(s->gif) == GIF_ERROR)
            return gif_fail(s, s->gif->Error, err);
        st = read_frame(s, rows, err);
        if (frames == s->film.d->frame)
            return st;
        *rows = 0; /* this frame is not the wanted one */
        frames++;
    }
    return st;
}

static arc_status gif_run(gif_state *s, arc_error *err) {
    arc_decode *d = s->film.d;
    int rows;
    arc_status st;
    ARC_TRY(arc_decode_admit(d, s->gif->SWidth, s->gif->SHeight, err));
    ARC_TRY(arc_film_open(&s->film, d, err));
    st = read_frames(s, &rows, err);
    if (st == ARC_ECORRUPT && rows > 0 && !d->strict) {
        d->damaged = true;
        st = ARC_OK;
    }
    if (st == ARC_OK)
        st = arc_film_finish(&s->film, err);
done:
    return st;
}

arc_status arc_decode_gif(arc_decode *d, arc_error *err) {
    gif_state s = {.film.d = d};
    int code = 0;
    s.gif = DGifOpen(&s, on_read, &code);
    if (!s.gif)
        return gif_fail(&s, code, err);
    const arc_status st = gif_run(&s, err);
    arc_film_close(&s.film);
    DGifCloseFile(s.gif, &code);
    return st;
}
