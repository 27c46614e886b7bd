/* JPEG XL through libjxl: stills and films, whose frames the library itself puts together; transparency is composited on white.
 * Of a file that ends early what the library can show of it is kept; strict decoding refuses it. */
#include "base/base.h"
#include "image/codec.h"
#include <jxl/decode.h>
#include <string.h>

#define EXTRA_CHANNELS_MAX 8 /* alpha, depth, spot colours; the library takes memory for each */

typedef struct jxl {
    arc_decode *d;
    JxlDecoder *decoder;
    JxlBasicInfo info;
    JxlPixelFormat format;
    uint8_t *pixels; /* as format says */
    size_t row_bytes;
} jxl;

static arc_status damaged(const jxl *s, arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "%s: JPEG XL: the file ends early or is damaged", s->d->name);
}

static arc_status take_info(jxl *s, arc_error *err) {
    arc_decode *d = s->d;
    if (JxlDecoderGetBasicInfo(s->decoder, &s->info) != JXL_DEC_SUCCESS)
        return damaged(s, err);
    if (s->info.num_extra_channels > EXTRA_CHANNELS_MAX)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: JPEG XL with %u extra channels", d->name, s->info.num_extra_channels);
    if (d->want_orientation)
        d->orientation = (int)s->info.orientation;
    const bool deep = s->info.bits_per_sample > 8 || s->info.exponent_bits_per_sample > 0;
    s->format = (JxlPixelFormat){.num_channels = s->info.alpha_bits > 0 ? 4 : 3,
                                 .data_type = deep ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8,
                                 .endianness = JXL_NATIVE_ENDIAN};
    s->row_bytes = (size_t)s->info.xsize * s->format.num_channels * (deep ? 2 : 1);
    return arc_decode_admit(d, s->info.xsize, s->info.ysize, err);
}

/* The colours that pixels will have: libjxl converts what it stores in its own way, and leaves what it stores as it was. */
static arc_status take_colours(jxl *s, arc_error *err) {
    arc_decode *d = s->d;
    const bool deep = s->format.data_type == JXL_TYPE_UINT16, alpha = s->format.num_channels == 4;
    const arc_pixels layout = deep ? alpha ? ARC_PIXELS_RGBA16 : ARC_PIXELS_RGB16 : alpha ? ARC_PIXELS_RGBA8 : ARC_PIXELS_RGB8;
    const JxlColorEncoding srgb = {.color_space = s->info.num_color_channels == 1 ? JXL_COLOR_SPACE_GRAY : JXL_COLOR_SPACE_RGB,
                                   .white_point = JXL_WHITE_POINT_D65,
                                   .primaries = JXL_PRIMARIES_SRGB,
                                   .transfer_function = JXL_TRANSFER_FUNCTION_SRGB};
    size_t bytes = 0;
    if (!s->info.uses_original_profile)
        JxlDecoderSetPreferredColorProfile(s->decoder, &srgb);
#if JPEGXL_NUMERIC_VERSION >= JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0)
    if (JxlDecoderGetICCProfileSize(s->decoder, JXL_COLOR_PROFILE_TARGET_DATA, &bytes) != JXL_DEC_SUCCESS)
#else
    if (JxlDecoderGetICCProfileSize(s->decoder, &s->format, JXL_COLOR_PROFILE_TARGET_DATA, &bytes) != JXL_DEC_SUCCESS)
#endif
        return ARC_OK;
    uint8_t *profile = arc_mem_raw(d->alloc, 1, bytes);
    if (!profile)
        return arc_fail_nomem(err, d->name);
#if JPEGXL_NUMERIC_VERSION >= JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0)
    const JxlDecoderStatus got = JxlDecoderGetColorAsICCProfile(s->decoder, JXL_COLOR_PROFILE_TARGET_DATA, profile, bytes);
#else
    const JxlDecoderStatus got =
        JxlDecoderGetColorAsICCProfile(s->decoder, &s->format, JXL_COLOR_PROFILE_TARGET_DATA, profile, bytes);
#endif
    const arc_colours says = {.icc = profile, .icc_bytes = bytes, .gray = s->info.num_color_channels == 1};
    const arc_status st = got == JXL_DEC_SUCCESS ? arc_decode_colours(d, &says, layout, err) : ARC_OK;
    arc_mem_free(d->alloc, profile);
    return st;
}

static arc_status give_buffer(jxl *s, arc_error *err) {
    size_t want = 0;
    const size_t bytes = s->row_bytes * s->info.ysize;
    if (JxlDecoderImageOutBufferSize(s->decoder, &s->format, &want) != JXL_DEC_SUCCESS || want > bytes)
        return damaged(s, err);
    if (!s->pixels)
        s->pixels = arc_mem_new(s->d->alloc, s->info.ysize, s->row_bytes);
    if (!s->pixels)
        return arc_fail_nomem(err, s->d->name);
    return JxlDecoderSetImageOutBuffer(s->decoder, &s->format, s->pixels, bytes) == JXL_DEC_SUCCESS ? ARC_OK : damaged(s, err);
}

/* The end of the input, or damage, before the picture is whole. */
static arc_status take_part(jxl *s, arc_error *err) {
    if (s->d->strict || !s->pixels || JxlDecoderFlushImage(s->decoder) != JXL_DEC_SUCCESS)
        return damaged(s, err);
    s->d->damaged = true;
    return ARC_OK;
}

static arc_status decode(jxl *s, arc_error *err) {
    arc_status st = ARC_OK;
    while (st == ARC_OK) {
        switch (JxlDecoderProcessInput(s->decoder)) {
        case JXL_DEC_BASIC_INFO:
            st = take_info(s, err);
            break;
        case JXL_DEC_COLOR_ENCODING:
            st = take_colours(s, err);
            break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
            st = give_buffer(s, err);
            break;
        case JXL_DEC_FULL_IMAGE:
            return ARC_OK;
        case JXL_DEC_NEED_MORE_INPUT:
        case JXL_DEC_ERROR:
            return take_part(s, err);
        case JXL_DEC_SUCCESS:
            return arc_fail(err, ARC_EINVAL, "%s: the JPEG XL has no frame %d", s->d->name, s->d->frame);
        default:
            break;
        }
    }
    return st;
}

static arc_status finish(const jxl *s, arc_error *err) {
    arc_decode *d = s->d;
    const size_t width = (size_t)d->full_width_px;
    const arc_status st = arc_decode_alloc(d, d->full_width_px, d->full_height_px, false, err);
    for (int y = 0; st == ARC_OK && y < d->full_height_px; y++) {
        uint8_t *row = s->pixels + (size_t)y * s->row_bytes, *to = d->out->data + y * d->out->stride_bytes;
        if (s->format.data_type == JXL_TYPE_UINT16) {
            arc_deep_row(d->colour, (uint16_t *)(void *)row, (int)s->format.num_channels, to, width);
            continue;
        }
        arc_colour_convert(d->colour, row, row, width);
        if (s->format.num_channels == 4)
            arc_rgba_on_white(row, to, width);
        else
            memcpy(to, row, width * 3);
    }
    return st;
}

/* The input is not said to be all there is: the library would give up a file that ends early, instead of asking for more. */
static bool set_up(const jxl *s) {
    const int events = JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE;
    JxlDecoder *decoder = s->decoder;
    if (JxlDecoderSubscribeEvents(decoder, events) != JXL_DEC_SUCCESS ||
        JxlDecoderSetKeepOrientation(decoder, JXL_TRUE) != JXL_DEC_SUCCESS || /* turned upright with the others */
        JxlDecoderSetUnpremultiplyAlpha(decoder, JXL_TRUE) != JXL_DEC_SUCCESS ||
        JxlDecoderSetInput(decoder, s->d->bytes, s->d->count) != JXL_DEC_SUCCESS)
        return false;
    if (s->d->frame > 0)
        JxlDecoderSkipFrames(decoder, (size_t)s->d->frame);
    return true;
}

arc_status arc_decode_jxl(arc_decode *d, arc_error *err) {
    jxl s = {.d = d, .decoder = JxlDecoderCreate(NULL)};
    if (!s.decoder)
        return arc_fail_nomem(err, d->name);
    arc_status st = set_up(&s) ? decode(&s, err) : damaged(&s, err);
    if (st == ARC_OK)
        st = finish(&s, err);
    arc_mem_free(d->alloc, s.pixels);
    JxlDecoderDestroy(s.decoder);
    return st;
}
