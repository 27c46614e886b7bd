/* WebP through libwebp: lossy and lossless stills (films are webp_film.c's); transparency is composited on white. Of a file that
 * ends early or is damaged the rows up to there are kept; strict decoding refuses it. */
#include "base/base.h"
#include "image/codec.h"
#include "image/film.h"
#include <string.h>
#include <webp/decode.h>

static uint32_t le32(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A chunk of the RIFF file, NULL when there is none. */
static const uint8_t *find_chunk(const arc_decode *d, const char *name, size_t *bytes) {
    for (size_t at = 12; at + 8 <= d->count;) {
        *bytes = le32(d->bytes + at + 4);
        if (*bytes > d->count - at - 8)
            return NULL;
        if (memcmp(d->bytes + at, name, 4) == 0)
            return d->bytes + at + 8;
        at += 8 + *bytes + (*bytes & 1);
    }
    return NULL;
}

static arc_status read_chunks(arc_decode *d, bool alpha, arc_error *err) {
    size_t bytes;
    const uint8_t *exif = d->want_orientation ? find_chunk(d, "EXIF", &bytes) : NULL;
    if (exif)
        d->orientation = arc_exif_orientation(d->alloc, exif, bytes);
    arc_colours says = {.icc = find_chunk(d, "ICCP", &bytes)};
    says.icc_bytes = says.icc ? bytes : 0;
    return says.icc ? arc_decode_colours(d, &says, alpha ? ARC_PIXELS_RGBA8 : ARC_PIXELS_RGB8, err) : ARC_OK;
}

static arc_status webp_fail(const arc_decode *d, VP8StatusCode code, arc_error *err) {
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return arc_fail_nomem(err, d->name);
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: WebP with a feature that libwebp does not read", d->name);
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return arc_fail(err, ARC_ECORRUPT, "%s: WebP: the file ends early", d->name);
    default:
        return arc_fail(err, ARC_ECORRUPT, "%s: WebP: the data is damaged", d->name);
    }
}

/* Decodes once more, as far as it goes; false when that is no row at all. Rows that are missing keep what the buffer held. */
static bool decode_part(const arc_decode *d, WebPDecoderConfig *config) {
    WebPIDecoder *decoder = WebPIDecode(NULL, 0, config);
    int rows = 0;
    if (!decoder)
        return false;
    WebPIUpdate(decoder, d->bytes, d->count);
    const bool any = WebPIDecGetRGB(decoder, &rows, NULL, NULL, NULL) != NULL && rows > 0;
    WebPIDelete(decoder);
    return any;
}

static bool is_damage(VP8StatusCode code) {
    return code == VP8_STATUS_NOT_ENOUGH_DATA || code == VP8_STATUS_SUSPENDED || code == VP8_STATUS_BITSTREAM_ERROR;
}

arc_status arc_decode_webp(arc_decode *d, arc_error *err) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: the libwebp that is installed is not the one this was built with", d->name);
    VP8StatusCode code = WebPGetFeatures(d->bytes, d->count, &config.input);
    if (code != VP8_STATUS_OK)
        return webp_fail(d, code, err);
    if (config.input.has_animation)
        return arc_webp_film(d, err);
    if (d->frame > 0)
        return arc_fail(err, ARC_EINVAL, "%s: the WebP has 1 frame, there is no frame %d", d->name, d->frame);
    arc_status st = arc_decode_admit(d, config.input.width, config.input.height, err);
    if (st == ARC_OK)
        st = arc_decode_alloc(d, config.input.width, config.input.height, true, err);
    if (st == ARC_OK)
        st = read_chunks(d, config.input.has_alpha, err);
    if (st != ARC_OK)
        return st;
    size_t width = (size_t)config.input.width, height = (size_t)config.input.height;
    size_t channels = config.input.has_alpha ? 4 : 3;
    uint8_t *rgba = NULL;
    if (channels == 4 && !(rgba = arc_mem_new(d->alloc, height, width * 4)))
        return arc_fail_nomem(err, d->name);
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = channels == 4 ? rgba : d->out->data;
    config.output.u.RGBA.stride = (int)(width * channels);
    config.output.u.RGBA.size = width * height * channels;
    code = WebPDecode(d->bytes, d->count, &config);
    if (!d->strict && is_damage(code) && decode_part(d, &config)) {
        d->damaged = true;
        code = VP8_STATUS_OK;
    }
    WebPFreeDecBuffer(&config.output);
    if (code == VP8_STATUS_OK && channels == 4) {
        arc_colour_convert(d->colour, rgba, rgba, width * height);
        arc_rgba_on_white(rgba, d->out->data, width * height);
    } else if (code == VP8_STATUS_OK) {
        arc_decode_convert(d);
    }
    arc_mem_free(d->alloc, rgba);
    return code == VP8_STATUS_OK ? ARC_OK : webp_fail(d, code, err);
}
