/* WebP files with several frames: libwebpdemux finds them, libwebp decodes each. */
#include "image/film.h"
#include <webp/decode.h>
#include <webp/demux.h>

#define ANMF 0x464d4e41u
#define ANMF_HEAD_BYTES 16

static arc_status read_chunks(arc_decode *d, const WebPDemuxer *demuxer, arc_error *err) {
    WebPChunkIterator c;
    arc_status st = ARC_OK;
    if (WebPDemuxGetChunk(demuxer, "ICCP", 1, &c)) {
        const arc_colours says = {.icc = c.chunk.bytes, .icc_bytes = c.chunk.size};
        st = arc_decode_colours(d, &says, ARC_PIXELS_RGBA8, err);
        WebPDemuxReleaseChunkIterator(&c);
    }
    if (d->want_orientation && WebPDemuxGetChunk(demuxer, "EXIF", 1, &c)) {
        d->orientation = arc_exif_orientation(d->alloc, c.chunk.bytes, c.chunk.size);
        WebPDemuxReleaseChunkIterator(&c);
    }
    return st;
}

/* Of a frame whose data are not all there: the rows that are; the others stay transparent. */
static arc_status decode_frame(arc_decode *d, const WebPIterator *frame, uint8_t *rgba, arc_error *err) {
    WebPDecoderConfig config;
    const size_t row_bytes = (size_t)frame->width * 4;
    if (!WebPInitDecoderConfig(&config))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: the libwebp that is installed is not the one this was built with", d->name);
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = rgba;
    config.output.u.RGBA.stride = (int)row_bytes;
    config.output.u.RGBA.size = row_bytes * (size_t)frame->height;
    WebPIDecoder *decoder = WebPIDecode(NULL, 0, &config);
    if (!decoder)
        return arc_fail_nomem(err, d->name);
    int rows = 0;
    const VP8StatusCode code = WebPIUpdate(decoder, frame->fragment.bytes, frame->fragment.size);
    const bool any = code == VP8_STATUS_OK || (WebPIDecGetRGB(decoder, &rows, NULL, NULL, NULL) && rows > 0);
    WebPIDelete(decoder);
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return arc_fail_nomem(err, d->name);
    d->damaged |= code != VP8_STATUS_OK;
    if (!any || (d->damaged && d->strict))
        return arc_fail(err, ARC_ECORRUPT, "%s: WebP: frame %d ends early or is damaged", d->name, frame->frame_num - 1);
    return ARC_OK;
}

static arc_status show_frame(arc_film *film, const WebPIterator *i, arc_error *err) {
    arc_decode *d = film->d;
    if (i->width <= 0 || i->height <= 0 || i->x_offset < 0 || i->y_offset < 0 || i->width > d->full_width_px ||
        i->height > d->full_height_px)
        return arc_fail(err, ARC_ECORRUPT, "%s: WebP: frame %d does not lie within the picture", d->name, i->frame_num - 1);
    uint8_t *rgba = arc_mem_new(d->alloc, (size_t)i->height, (size_t)i->width * 4);
    if (!rgba)
        return arc_fail_nomem(err, d->name);
    const arc_film_frame frame = {.rgba = rgba,
                                  .x = i->x_offset,
                                  .y = i->y_offset,
                                  .width = i->width,
                                  .height = i->height,
                                  .blend = i->blend_method == WEBP_MUX_BLEND,
                                  .dispose =
                                      i->dispose_method == WEBP_MUX_DISPOSE_BACKGROUND ? ARC_DISPOSE_CLEAR : ARC_DISPOSE_KEEP};
    arc_status st = decode_frame(d, i, rgba, err);
    if (st == ARC_OK)
        st = arc_film_show(film, &frame, err);
    arc_mem_free(d->alloc, rgba);
    return st;
}

static uint32_t le(const uint8_t *p, int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

/* The frame in which the file ends, which libwebpdemux does not give; its number is in i->frame_num. */
static bool find_cut_frame(const arc_decode *d, WebPIterator *i) {
    int number = i->frame_num;
    for (size_t at = 12; d->count - at >= 8 + ANMF_HEAD_BYTES;) {
        const uint8_t *p = d->bytes + at + 8;
        const size_t bytes = le(d->bytes + at + 4, 4), left = d->count - at - 8;
        const bool is_frame = le(d->bytes + at, 4) == ANMF;
        if (is_frame && --number == 0) {
            if (bytes <= left) /* it is all there: something else is wrong with it */
                return false;
            *i = (WebPIterator){.frame_num = i->frame_num,
                                .x_offset = 2 * (int)le(p, 3),
                                .y_offset = 2 * (int)le(p + 3, 3),
                                .width = 1 + (int)le(p + 6, 3),
                                .height = 1 + (int)le(p + 9, 3),
                                .dispose_method = p[15] & 1 ? WEBP_MUX_DISPOSE_BACKGROUND : WEBP_MUX_DISPOSE_NONE,
                                .blend_method = p[15] & 2 ? WEBP_MUX_NO_BLEND : WEBP_MUX_BLEND,
                                .fragment = {p + ANMF_HEAD_BYTES, left - ANMF_HEAD_BYTES}};
            return true;
        }
        if (bytes >= left || left - bytes < (bytes & 1))
            return false;
        at += 8 + bytes + (bytes & 1);
    }
    return false;
}

static arc_status show_frames(arc_film *film, const WebPDemuxer *demuxer, bool whole, arc_error *err) {
    arc_decode *d = film->d;
    WebPIterator i;
    const int frames = (int)WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT);
    arc_status st = ARC_OK;
    if (whole && d->frame >= frames)
        return arc_fail(err, ARC_EINVAL, "%s: the WebP has %d frame%s, there is no frame %d", d->name, frames,
                        frames == 1 ? "" : "s", d->frame);
    for (int k = 0; st == ARC_OK && k <= d->frame; k++) {
        const bool is_whole = WebPDemuxGetFrame(demuxer, k + 1, &i) != 0; /* 0 would be the last one */
        i.frame_num = k + 1;
        if (!is_whole && !find_cut_frame(d, &i))
            return arc_fail(err, ARC_ECORRUPT, "%s: WebP: the file ends before frame %d", d->name, d->frame);
        st = show_frame(film, &i, err);
        if (is_whole)
            WebPDemuxReleaseIterator(&i);
    }
    return st;
}

arc_status arc_webp_film(arc_decode *d, arc_error *err) {
    const WebPData data = {d->bytes, d->count};
    WebPDemuxState state;
    arc_film film = {.d = d};
    arc_status st;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    if (!demuxer)
        return arc_fail(err, ARC_ECORRUPT, "%s: WebP: the file ends early or is damaged", d->name);
    ARC_TRY(
        arc_decode_admit(d, WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH), WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT), err));
    ARC_TRY(read_chunks(d, demuxer, err));
    ARC_TRY(arc_film_open(&film, d, err));
    d->damaged = state != WEBP_DEMUX_DONE;
    ARC_TRY(show_frames(&film, demuxer, state == WEBP_DEMUX_DONE, err));
    st = arc_film_finish(&film, err);
done:
    WebPDemuxDelete(demuxer);
    arc_film_close(&film);
    return st;
}
