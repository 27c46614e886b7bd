/* Part of picture_support.h, which alone includes it: TIFF, HEIC, AVIF, JPEG 2000 and JPEG XL, each where the build has its
 * library. */
#ifndef ARC_PICTURE_OPTIONAL_H
#define ARC_PICTURE_OPTIONAL_H

#ifdef ARC_WITH_TIFF
#include <tiffio.h>
#endif
#ifdef ARC_WITH_HEIF
#include <libheif/heif.h>
#endif
#ifdef ARC_WITH_JP2
#include <openjpeg.h>
#endif
#ifdef ARC_WITH_JXL
#include <jxl/encode.h>
#endif

/* ---- TIFF ---- */

#ifdef ARC_WITH_TIFF
static inline void made_file(const char *path, arc_buffer *out) {
    arc_map map;
    assert_int_equal(arc_map_open(&map, path, SIZE_MAX, NULL), ARC_OK);
    made_put(out, map.data, map.bytes);
    arc_map_close(&map);
    unlink(path);
}

/* Of 16 bits: tiles and planes where the height is odd, so that both are met. Four channels: RGB and alpha, or CMYK. */
static inline bool made_tiff_of(const made *p, bool cmyk, arc_buffer *out) {
    const char *path = in_folder("made.tiff");
    TIFF *tiff = TIFFOpen(path, "w");
    const bool gray = p->channels<3, deep = p->bits> 8, tiled = deep && p->height % 2;
    const uint16_t alpha = EXTRASAMPLE_UNASSALPHA;
    assert_non_null(tiff);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, p->width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, p->height);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, p->bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, p->channels);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, cmyk ? PHOTOMETRIC_SEPARATED : gray ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_LZW);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, tiled ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    if (p->channels % 2 == 0 && !cmyk)
        TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &alpha);
    if (p->orientation)
        TIFFSetField(tiff, TIFFTAG_ORIENTATION, p->orientation);
    if (p->icc)
        TIFFSetField(tiff, TIFFTAG_ICCPROFILE, (uint32_t)p->icc_bytes, p->icc);
    if (tiled) {
        TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 16);
        TIFFSetField(tiff, TIFFTAG_TILELENGTH, 16);
    }
    for (int k = 0; tiled && k < p->channels; k++)
        for (int top = 0; top < p->height; top += 16)
            for (int left = 0; left < p->width; left += 16) {
                uint16_t tile[16 * 16] = {0};
                for (int y = top; y < ARC_MIN(top + 16, p->height); y++)
                    for (int x = left; x < ARC_MIN(left + 16, p->width); x++)
                        tile[(y - top) * 16 + x - left] = p->values[(y * p->width + x) * p->channels + k];
                assert_true(TIFFWriteTile(tiff, tile, (uint32_t)left, (uint32_t)top, 0, (uint16_t)k) > 0);
            }
    for (int y = 0; !tiled && y < p->height; y++) {
        const uint16_t *row = p->values + (size_t)y * (size_t)p->width * (size_t)p->channels;
        const size_t samples = (size_t)p->width * (size_t)p->channels;
        uint16_t copy[4096]; /* it may be changed */
        assert_true(samples < ARC_COUNT(copy));
        for (size_t i = 0; i < samples; i++) {
            if (deep)
                copy[i] = row[i];
            else
                ((uint8_t *)copy)[i] = (uint8_t)row[i];
        }
        assert_int_equal(TIFFWriteScanline(tiff, copy, (uint32_t)y, 0), 1);
    }
    TIFFClose(tiff);
    made_file(path, out);
    return true;
}

static inline bool made_tiff(const made *p, arc_buffer *out) {
    return made_tiff_of(p, false, out);
}
#endif

/* ---- HEIC, AVIF ---- */

#ifdef ARC_WITH_HEIF
static inline struct heif_error made_heif_write(struct heif_context *context, const void *data, size_t size, void *arg) {
    const struct heif_error ok = {heif_error_Ok, heif_suberror_Unspecified, "ok"};
    (void)context;
    made_put(arg, data, size);
    return ok;
}

/* Adds a picture to the file; false where this libheif has no encoder of that kind. */
static inline bool made_heif_add(struct heif_context *context, enum heif_compression_format format, const made *p) {
    struct heif_encoder *encoder = NULL;
    struct heif_image *image = NULL;
    const bool deep = p->bits > 8;
    const enum heif_chroma chroma = deep ? heif_chroma_interleaved_RRGGBB_LE : heif_chroma_interleaved_RGB;
    int stride;
    if (!heif_have_encoder_for_format(format) || p->channels != 3)
        return false;
    assert_int_equal(heif_context_get_encoder_for_format(context, format, &encoder).code, heif_error_Ok);
    assert_int_equal(heif_image_create(p->width, p->height, heif_colorspace_RGB, chroma, &image).code, heif_error_Ok);
    assert_int_equal(heif_image_add_plane(image, heif_channel_interleaved, p->width, p->height, p->bits).code, heif_error_Ok);
    uint8_t *plane = heif_image_get_plane(image, heif_channel_interleaved, &stride);
    for (int y = 0; y < p->height; y++)
        for (int i = 0; i < p->width * 3; i++) {
            const uint16_t v = p->values[y * p->width * 3 + i];
            if (deep)
                made_le(plane + y * stride + 2 * i, v, 2);
            else
                plane[y * stride + i] = (uint8_t)v;
        }
    if (p->icc)
        assert_int_equal(heif_image_set_raw_color_profile(image, "prof", p->icc, p->icc_bytes).code, heif_error_Ok);
    struct heif_color_profile_nclx *nclx = heif_nclx_color_profile_alloc();
    struct heif_encoding_options *options = heif_encoding_options_alloc();
    nclx->matrix_coefficients = heif_matrix_coefficients_ITU_R_BT_601_6;
    nclx->full_range_flag = 1;
    if (p->primaries) {
        assert_int_equal(heif_nclx_color_profile_set_color_primaries(nclx, (uint16_t)p->primaries).code, heif_error_Ok);
        assert_int_equal(heif_nclx_color_profile_set_transfer_characteristics(nclx, (uint16_t)p->transfer).code, heif_error_Ok);
    }
    if (p->primaries)
        assert_int_equal(heif_image_set_nclx_color_profile(image, nclx).code, heif_error_Ok);
    options->output_nclx_profile = nclx;
    options->macOS_compatibility_workaround_no_nclx_profile = 0;
    if (p->orientation)
        options->image_orientation = (enum heif_orientation)p->orientation;
    heif_encoder_set_lossy_quality(encoder, 100);
    heif_encoder_set_parameter_string(encoder, "chroma", "444");
    struct heif_image_handle *handle = NULL;
    assert_int_equal(heif_context_encode_image(context, image, encoder, options, &handle).code, heif_error_Ok);
    uint8_t exif[26];
    made_exif(exif, p->orientation);
    if (p->orientation) /* as telephones do: irot and imir are what counts */
        assert_int_equal(heif_context_add_exif_metadata(context, handle, exif, sizeof exif).code, heif_error_Ok);
    heif_image_handle_release(handle);
    heif_encoding_options_free(options);
    heif_nclx_color_profile_free(nclx);
    heif_image_release(image);
    heif_encoder_release(encoder);
    return true;
}

static inline void made_heif_end(struct heif_context *context, arc_buffer *out) {
    struct heif_writer writer = {1, made_heif_write};
    assert_int_equal(heif_context_write(context, &writer, out).code, heif_error_Ok);
}

static inline bool made_heif(const made *p, enum heif_compression_format format, arc_buffer *out) {
    struct heif_context *context = heif_context_alloc();
    const bool added = made_heif_add(context, format, p);
    if (added)
        made_heif_end(context, out);
    heif_context_free(context);
    return added;
}

static inline bool made_heic(const made *p, arc_buffer *out) {
    return made_heif(p, heif_compression_HEVC, out);
}

static inline bool made_avif(const made *p, arc_buffer *out) {
    return made_heif(p, heif_compression_AV1, out);
}
#endif

/* ---- JPEG 2000 ---- */

#ifdef ARC_WITH_JP2
static inline OPJ_SIZE_T made_jp2_write(void *data, OPJ_SIZE_T bytes, void *arg) {
    arc_buffer *out = ((void **)arg)[0];
    size_t *at = ((void **)arg)[1];
    if (*at < out->bytes) { /* a length that is known afterwards */
        assert_true(*at + bytes <= out->bytes);
        memcpy(out->data + *at, data, bytes);
    } else {
        made_put(out, data, bytes);
    }
    *at += bytes;
    return bytes;
}

static inline OPJ_BOOL made_jp2_seek(OPJ_OFF_T to, void *arg) {
    *(size_t *)((void **)arg)[1] = (size_t)to;
    return OPJ_TRUE;
}

static inline OPJ_OFF_T made_jp2_skip(OPJ_OFF_T bytes, void *arg) {
    static const uint8_t zeros[64];
    assert_true(bytes >= 0 && bytes <= (OPJ_OFF_T)sizeof zeros);
    return (OPJ_OFF_T)made_jp2_write((void *)(uintptr_t)zeros, (OPJ_SIZE_T)bytes, arg);
}

/* Lossless; the bare code stream where `bare`. */
static inline bool made_jp2_of(const made *p, bool bare, arc_buffer *out) {
    opj_cparameters_t parameters;
    opj_image_cmptparm_t components[4];
    size_t at = 0;
    void *arg[2] = {out, &at};
    memset(components, 0, sizeof components);
    for (int k = 0; k < p->channels; k++) {
        components[k].dx = components[k].dy = 1;
        components[k].w = (OPJ_UINT32)p->width;
        components[k].h = (OPJ_UINT32)p->height;
        components[k].prec = (OPJ_UINT32)p->bits;
    }
    opj_image_t *image =
        opj_image_create((OPJ_UINT32)p->channels, components, p->channels == 1 ? OPJ_CLRSPC_GRAY : OPJ_CLRSPC_SRGB);
    image->x1 = (OPJ_UINT32)p->width;
    image->y1 = (OPJ_UINT32)p->height;
    for (int i = 0; i < p->width * p->height; i++)
        for (int k = 0; k < p->channels; k++)
            image->comps[k].data[i] = p->values[i * p->channels + k];
    if (p->channels == 4)
        image->comps[3].alpha = 1;
    opj_set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    parameters.numresolution = 3;
    parameters.tcp_mct = p->channels >= 3;
    opj_codec_t *codec = opj_create_compress(bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
    opj_stream_t *stream = opj_stream_create(1 << 20, OPJ_FALSE);
    opj_stream_set_write_function(stream, made_jp2_write);
    opj_stream_set_seek_function(stream, made_jp2_seek);
    opj_stream_set_skip_function(stream, made_jp2_skip);
    opj_stream_set_user_data(stream, arg, NULL);
    assert_true(opj_setup_encoder(codec, &parameters, image));
    assert_true(opj_start_compress(codec, image, stream));
    assert_true(opj_encode(codec, stream));
    assert_true(opj_end_compress(codec, stream));
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
    return true;
}

static inline size_t made_find(const arc_buffer *b, const char *name) {
    for (size_t i = 0; i + 4 <= b->bytes; i++)
        if (memcmp(b->data + i, name, 4) == 0)
            return i;
    fail_msg("there is no %s", name);
    return 0;
}

/* OpenJPEG writes no profiles: its box "colr" is replaced by one that holds the profile. */
static inline bool made_jp2(const made *p, arc_buffer *out) {
    arc_buffer plain;
    uint8_t head[11] = {0};
    if (!p->icc)
        return made_jp2_of(p, false, out);
    arc_buffer_init(&plain, &arc_alloc_libc, 1 << 24);
    made_jp2_of(p, false, &plain);
    const size_t boxes = made_find(&plain, "jp2h") - 4, colr = made_find(&plain, "colr") - 4;
    made_be32(head, (uint32_t)(sizeof head + p->icc_bytes));
    memcpy(head + 4, "colr\2", 5); /* by a profile */
    const size_t longer = sizeof head + p->icc_bytes - plain.data[colr + 3];
    made_put(out, plain.data, colr);
    made_put(out, head, sizeof head);
    made_put(out, p->icc, p->icc_bytes);
    made_put(out, plain.data + colr + plain.data[colr + 3], plain.bytes - colr - plain.data[colr + 3]);
    made_be32(out->data + boxes, (uint32_t)(plain.data[boxes + 3] + longer));
    arc_buffer_free(&plain);
    return true;
}

static inline bool made_j2k(const made *p, arc_buffer *out) {
    return made_jp2_of(p, true, out);
}
#endif

/* ---- JPEG XL ---- */

#ifdef ARC_WITH_JXL
static inline void made_jxl_output(JxlEncoder *encoder, arc_buffer *out) {
    JxlEncoderStatus status;
    do {
        uint8_t part[4096], *next = part;
        size_t left = sizeof part;
        status = JxlEncoderProcessOutput(encoder, &next, &left);
        assert_true(status == JXL_ENC_SUCCESS || status == JXL_ENC_NEED_MORE_OUTPUT);
        made_put(out, part, sizeof part - left);
    } while (status == JXL_ENC_NEED_MORE_OUTPUT);
}

/* `frames` pictures of one size, lossless or as a camera would write them. */
static inline bool made_jxl_of(const made *p, int frames, bool lossless, arc_buffer *out) {
    JxlEncoder *encoder = JxlEncoderCreate(NULL);
    JxlBasicInfo info;
    const bool deep = p->bits > 8, gray = p->channels == 1;
    const size_t samples = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    JxlEncoderInitBasicInfo(&info);
    info.xsize = (uint32_t)p->width;
    info.ysize = (uint32_t)p->height;
    info.bits_per_sample = (uint32_t)p->bits;
    info.num_color_channels = gray ? 1 : 3;
    info.alpha_bits = p->channels == 4 ? (uint32_t)p->bits : 0;
    info.num_extra_channels = p->channels == 4;
    info.uses_original_profile = lossless;
    info.orientation = p->orientation ? (JxlOrientation)p->orientation : JXL_ORIENT_IDENTITY;
    info.have_animation = frames > 1;
    info.animation.tps_numerator = 10;
    info.animation.tps_denominator = 1;
    assert_int_equal(JxlEncoderSetBasicInfo(encoder, &info), JXL_ENC_SUCCESS);
    const JxlColorEncoding code = {.color_space = gray ? JXL_COLOR_SPACE_GRAY : JXL_COLOR_SPACE_RGB,
                                   .white_point = JXL_WHITE_POINT_D65,
                                   .primaries = p->primaries == 12 ? JXL_PRIMARIES_P3 : JXL_PRIMARIES_SRGB,
                                   .transfer_function = JXL_TRANSFER_FUNCTION_SRGB};
    if (p->icc)
        assert_int_equal(JxlEncoderSetICCProfile(encoder, p->icc, p->icc_bytes), JXL_ENC_SUCCESS);
    else
        assert_int_equal(JxlEncoderSetColorEncoding(encoder, &code), JXL_ENC_SUCCESS);
    for (int frame = 0; frame < frames; frame++) {
        JxlEncoderFrameSettings *settings = JxlEncoderFrameSettingsCreate(encoder, NULL);
        const JxlPixelFormat format = {(uint32_t)p->channels, deep ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
        uint16_t *copy = malloc(samples * 2);
        for (size_t i = 0; i < samples; i++) {
            const uint16_t v = p[frame].values[i];
            if (deep) /* the full range of its 16 bits */
                copy[i] = (uint16_t)((v * 65535.0) / ((1 << p->bits) - 1) + 0.5);
            else
                ((uint8_t *)copy)[i] = (uint8_t)v;
        }
        JxlEncoderSetFrameLossless(settings, lossless);
        if (frames > 1) {
            JxlFrameHeader header;
            JxlEncoderInitFrameHeader(&header);
            header.duration = 1;
            assert_int_equal(JxlEncoderSetFrameHeader(settings, &header), JXL_ENC_SUCCESS);
        }
        assert_int_equal(JxlEncoderAddImageFrame(settings, &format, copy, samples * (deep ? 2 : 1)), JXL_ENC_SUCCESS);
        free(copy);
    }
    uint8_t exif[4 + 26] = {0};
    made_exif(exif + 4, p->orientation);
    if (p->orientation) { /* once more, which does not count */
        assert_int_equal(JxlEncoderUseBoxes(encoder), JXL_ENC_SUCCESS);
        assert_int_equal(JxlEncoderAddBox(encoder, "Exif", exif, sizeof exif, JXL_FALSE), JXL_ENC_SUCCESS);
    }
    JxlEncoderCloseInput(encoder);
    made_jxl_output(encoder, out);
    JxlEncoderDestroy(encoder);
    return true;
}

static inline bool made_jxl(const made *p, arc_buffer *out) {
    return made_jxl_of(p, 1, true, out);
}
#endif

#endif
