/* HEIC and AVIF through libheif: the primary picture or another one, turned by the library as the file says (irot, imir); 10 and
 * 12 bits are rounded to 8, transparency is composited on white. */
#include "base/base.h"
#include "image/codec.h"
#include <libheif/heif.h>
#include <string.h>

#define PICTURES_MAX 1024

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

/* One row as libheif gives it: of more than 8 bits a sample has two bytes, low byte first. `row`: scratch of 2 bytes a sample. */
static void take_row(const arc_decode *d, const uint8_t *in, uint16_t *row, uint8_t *rgb, int channels, unsigned bits) {
    const size_t width = (size_t)d->full_width_px, samples = width * (size_t)channels;
    const uint32_t most = (1u << bits) - 1;
    uint8_t *small = (uint8_t *)row;
    for (size_t i = 0; bits > 8 && i < samples; i++) {
        const uint32_t value = (uint32_t)in[2 * i] | (uint32_t)in[2 * i + 1] << 8;
        if (d->colour)
            row[i] = arc_to_16(value, most);
        else
            small[i] = arc_to_8(value, most);
    }
    if (bits > 8 && d->colour) {
        arc_deep_row(d->colour, row, channels, rgb, width);
        return;
    }
    if (bits == 8) {
        memcpy(small, in, samples);
        arc_colour_convert(d->colour, small, small, width);
    }
    if (channels == 4)
        arc_rgba_on_white(small, rgb, width);
    else
        memcpy(rgb, small, samples);
}

/* A profile counts before code points, as in other readers. */
static arc_status read_colours(arc_decode *d, const struct heif_image_handle *handle, arc_pixels layout, arc_error *err) {
    arc_colours says = {0};
    struct heif_color_profile_nclx *nclx = NULL;
    uint8_t *profile = NULL;
    const size_t bytes = heif_image_handle_get_raw_color_profile_size(handle);
    if (bytes > 0 && bytes <= d->count && !(profile = arc_mem_raw(d->alloc, 1, bytes)))
        return arc_fail_nomem(err, d->name);
    if (profile && heif_image_handle_get_raw_color_profile(handle, profile).code == heif_error_Ok) {
        says.icc = profile;
        says.icc_bytes = bytes;
    } else if (heif_image_handle_get_nclx_color_profile(handle, &nclx).code == heif_error_Ok && nclx) {
        says.primaries = (int)nclx->color_primaries;
        says.transfer = (int)nclx->transfer_characteristics;
    }
    const arc_status st = arc_decode_colours(d, &says, layout, err);
    if (nclx)
        heif_nclx_color_profile_free(nclx);
    arc_mem_free(d->alloc, profile);
    return st;
}

static arc_status take_pixels(arc_decode *d, const struct heif_image *image, int channels, bool deep, arc_error *err) {
    int stride;
    const int width = heif_image_get_width(image, heif_channel_interleaved),
              height = heif_image_get_height(image, heif_channel_interleaved);
    const int bits = heif_image_get_bits_per_pixel_range(image, heif_channel_interleaved);
    const uint8_t *from = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    arc_status st = arc_decode_admit(d, width, height, err); /* what was decoded may differ from what was announced */
    if (st != ARC_OK)
        return st;
    if (!from || bits < 8 || bits > 16 || deep != (bits > 8))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: HEIF with %d bits a channel", d->name, bits);
    uint16_t *row = arc_mem_raw(d->alloc, (size_t)width, (size_t)channels * sizeof *row);
    if (!row)
        return arc_fail_nomem(err, d->name);
    st = arc_decode_alloc(d, width, height, false, err);
    for (int y = 0; st == ARC_OK && y < height; y++, from += stride)
        take_row(d, from, row, d->out->data + y * d->out->stride_bytes, channels, (unsigned)bits);
    arc_mem_free(d->alloc, row);
    return st;
}

static arc_status decode_picture(arc_decode *d, const struct heif_image_handle *handle, arc_error *err) {
    const bool deep = heif_image_handle_get_luma_bits_per_pixel(handle) > 8, alpha = heif_image_handle_has_alpha_channel(handle);
    const enum heif_chroma chroma = deep    ? alpha ? heif_chroma_interleaved_RRGGBBAA_LE : heif_chroma_interleaved_RRGGBB_LE
                                    : alpha ? heif_chroma_interleaved_RGBA
                                            : heif_chroma_interleaved_RGB;
    arc_status st = arc_decode_admit(d, heif_image_handle_get_width(handle), heif_image_handle_get_height(handle), err);
    if (st == ARC_OK)
        st = read_colours(d, handle,
                          deep    ? alpha ? ARC_PIXELS_RGBA16 : ARC_PIXELS_RGB16
                          : alpha ? ARC_PIXELS_RGBA8
                                  : ARC_PIXELS_RGB8,
                          err);
    if (st != ARC_OK)
        return st;
    struct heif_image *image = NULL;
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    if (!options)
        return arc_fail_nomem(err, d->name);
    options->ignore_transformations = !d->want_orientation;
    const struct heif_error e = heif_decode_image(handle, &image, heif_colorspace_RGB, chroma, options);
    heif_decoding_options_free(options);
    st = e.code == heif_error_Ok ? take_pixels(d, image, alpha ? 4 : 3, deep, err) : heif_fail(d, e, err);
    if (image)
        heif_image_release(image);
    return st;
}

/* Picture 0 is the primary one; the others follow in the order of the file. Films (tracks) are not read, only a still beside
 * them. */
static arc_status find_picture(const arc_decode *d, struct heif_context *context, struct heif_image_handle **handle,
                               arc_error *err) {
    heif_item_id ids[PICTURES_MAX], wanted;
    struct heif_error e = heif_context_get_primary_image_ID(context, &wanted);
    const int count = heif_context_get_list_of_top_level_image_IDs(context, ids, PICTURES_MAX);
    if (e.code == heif_error_Ok && d->frame >= ARC_MAX(count, 1))
        return arc_fail(err, ARC_EINVAL, "%s: the HEIF holds %d still picture%s, there is no frame %d", d->name, count,
                        count == 1 ? "" : "s", d->frame);
    const heif_item_id primary = wanted;
    for (int i = 0, number = 0; e.code == heif_error_Ok && i < count; i++)
        if (ids[i] != primary && ++number == d->frame)
            wanted = ids[i];
    if (e.code == heif_error_Ok)
        e = heif_context_get_image_handle(context, wanted, handle);
    return e.code == heif_error_Ok ? ARC_OK : heif_fail(d, e, err);
}

arc_status arc_decode_heif(arc_decode *d, arc_error *err) {
    struct heif_context *context = heif_context_alloc();
    struct heif_image_handle *handle = NULL;
    if (!context)
        return arc_fail_nomem(err, d->name);
    heif_context_set_maximum_image_size_limit(context, (int)ARC_MIN(d->max_pixels, (int64_t)1 << 16)); /* a side */
    const struct heif_error e = heif_context_read_from_memory_without_copy(context, d->bytes, d->count, NULL);
    arc_status st = e.code == heif_error_Ok ? find_picture(d, context, &handle, err) : heif_fail(d, e, err);
    if (st == ARC_OK)
        st = decode_picture(d, handle, err);
    if (handle)
        heif_image_handle_release(handle);
    heif_context_free(context);
    return st;
}
