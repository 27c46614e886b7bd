/* HEIC and AVIF through libheif: the primary picture, turned as the file says; 10 and 12 bits are scaled to 8, transparency is
 * composited on white. */
#include "base/base.h"
#include "image/codec.h"
#include <libheif/heif.h>
#include <string.h>

static arc_status heif_fail(const arc_decode *d, struct heif_error e, arc_error *err) {
    if (e.subcode == heif_suberror_Security_limit_exceeded)
        return arc_fail(err, ARC_ELIMIT, "%s: HEIF: %s (the limit is %lld pixels; raise max_pixels to read it)", d->name,
                        e.message, (long long)d->max_pixels);
    if (e.code == heif_error_Memory_allocation_error)
        return arc_fail_nomem(err, d->name);
    const bool unsupported = e.code == heif_error_Unsupported_feature || e.code == heif_error_Unsupported_filetype ||
                             e.code == heif_error_Decoder_plugin_error;
    return arc_fail(err, unsupported ? ARC_EUNSUPPORTED : ARC_ECORRUPT, "%s: HEIF: %s", d->name, e.message);
}

/* One row of `channels` samples a pixel, of more than 8 bits each in two bytes, low byte first. */
static void scale_row(const uint8_t *in, uint8_t *out, size_t samples, unsigned bits) {
    const uint32_t most = (1u << bits) - 1;
    for (size_t i = 0; i < samples; i++, in += 2) {
        const uint32_t value = (uint32_t)in[0] | (uint32_t)in[1] << 8;
        out[i] = (uint8_t)((ARC_MIN(value, most) * 255 + most / 2) / most);
    }
}

static arc_status take_pixels(arc_decode *d, const struct heif_image *image, int channels, arc_error *err) {
    int stride;
    const int width = heif_image_get_width(image, heif_channel_interleaved),
              height = heif_image_get_height(image, heif_channel_interleaved);
    const int bits = heif_image_get_bits_per_pixel_range(image, heif_channel_interleaved);
    const uint8_t *from = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    arc_status st = arc_decode_admit(d, width, height, err); /* what was decoded may differ from what was announced */
    if (st != ARC_OK)
        return st;
    if (!from || bits < 8 || bits > 16)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: HEIF with %d bits a channel", d->name, bits);
    const size_t samples = (size_t)width * (size_t)channels;
    uint8_t *row = arc_mem_raw(d->alloc, 1, samples);
    if (!row)
        return arc_fail_nomem(err, d->name);
    st = arc_decode_alloc(d, width, height, false, err);
    for (int y = 0; st == ARC_OK && y < height; y++, from += stride) {
        uint8_t *to = d->out->data + y * d->out->stride_bytes;
        if (bits > 8)
            scale_row(from, row, samples, (unsigned)bits);
        else
            memcpy(row, from, samples);
        if (channels == 4)
            arc_rgba_on_white(row, to, (size_t)width);
        else
            memcpy(to, row, samples);
    }
    arc_mem_free(d->alloc, row);
    return st;
}

static arc_status decode_primary(arc_decode *d, const struct heif_image_handle *handle, arc_error *err) {
    const bool deep = heif_image_handle_get_luma_bits_per_pixel(handle) > 8, alpha = heif_image_handle_has_alpha_channel(handle);
    const enum heif_chroma chroma = deep    ? alpha ? heif_chroma_interleaved_RRGGBBAA_LE : heif_chroma_interleaved_RRGGBB_LE
                                    : alpha ? heif_chroma_interleaved_RGBA
                                            : heif_chroma_interleaved_RGB;
    arc_status st = arc_decode_admit(d, heif_image_handle_get_width(handle), heif_image_handle_get_height(handle), err);
    if (st != ARC_OK)
        return st;
    struct heif_image *image = NULL;
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    if (!options)
        return arc_fail_nomem(err, d->name);
    options->ignore_transformations = !d->want_orientation;
    const struct heif_error e = heif_decode_image(handle, &image, heif_colorspace_RGB, chroma, options);
    heif_decoding_options_free(options);
    st = e.code == heif_error_Ok ? take_pixels(d, image, alpha ? 4 : 3, err) : heif_fail(d, e, err);
    if (image)
        heif_image_release(image);
    return st;
}

arc_status arc_decode_heif(arc_decode *d, arc_error *err) {
    struct heif_context *context = heif_context_alloc();
    struct heif_image_handle *handle = NULL;
    if (!context)
        return arc_fail_nomem(err, d->name);
    heif_context_set_maximum_image_size_limit(context, (int)ARC_MIN(d->max_pixels, (int64_t)1 << 16)); /* a side */
    struct heif_error e = heif_context_read_from_memory_without_copy(context, d->bytes, d->count, NULL);
    if (e.code == heif_error_Ok)
        e = heif_context_get_primary_image_handle(context, &handle);
    const arc_status st = e.code == heif_error_Ok ? decode_primary(d, handle, err) : heif_fail(d, e, err);
    if (handle)
        heif_image_handle_release(handle);
    heif_context_free(context);
    return st;
}
