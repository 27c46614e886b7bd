/* Pictures written at test time, by the codecs' own encoders or byte by byte: a description of a picture into a file of each
 * container, with a colour profile, code points, an orientation and any depth that the container has. */
#ifndef ARC_PICTURE_SUPPORT_H
#define ARC_PICTURE_SUPPORT_H

#include "folder.h"

#include "base/base.h"
#include "support.h"
#include <arcface/image.h>
#include <string.h>

#include <jpeglib.h>
#include <webp/encode.h>
#include <zlib.h>
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

/* Encoders' own leaks, and one of a decoder whose file is cut. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libx265\nleak:libdav1d\nleak:libaom";
}

typedef struct made {
    int width, height, channels; /* 1, 3 or 4; PNG and TIFF also 2: gray and alpha */
    int bits;
    const uint16_t *values; /* [height][width][channels], 0 to 2^bits - 1 */
    const uint8_t *icc;
    size_t icc_bytes;
    int primaries, transfer; /* code points of ITU-T H.273; 0: none */
    int orientation;         /* 0: none */
    bool adobe_rgb;          /* JPEG: EXIF says so */
} made;

static inline void made_put(arc_buffer *out, const void *data, size_t bytes) {
    assert_int_equal(arc_buffer_put(out, data, bytes), ARC_OK);
}

static inline void made_be32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void made_le(uint8_t *p, uint32_t v, int bytes) {
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* A TIFF directory with one entry, as Exif has it; 26 bytes. */
static inline void made_exif(uint8_t out[26], int orientation) {
    memcpy(out, "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0", 26);
    out[18] = (uint8_t)orientation;
}

/* "Interoperability index" R03 where EXIF has it: directory, Exif directory, interoperability directory; 62 bytes. */
static inline void made_exif_adobe_rgb(uint8_t out[62]) {
    static const uint16_t tags[3] = {0x8769, 0xa005, 0x0001};
    memcpy(out, "II*\0\x08\0\0\0", 8);
    for (int i = 0; i < 3; i++) {
        uint8_t *p = out + 8 + 18 * i;
        made_le(p, 1, 2);
        made_le(p + 2, tags[i], 2);
        made_le(p + 4, i < 2 ? 4 : 2, 2); /* LONG, ASCII */
        made_le(p + 6, i < 2 ? 1 : 4, 4);
        made_le(p + 10, (uint32_t)(8 + 18 * (i + 1)), 4);
        made_le(p + 14, 0, 4);
    }
    memcpy(out + 8 + 18 * 2 + 10, "R03", 4);
}

/* The values in 8 bits. Free with free. */
static inline uint8_t *made_bytes(const made *p) {
    const size_t count = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    uint8_t *bytes = malloc(count);
    assert_int_equal(p->bits, 8);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)p->values[i];
    return bytes;
}

/* ---- PNG ---- */

static inline void made_png_chunk(arc_buffer *out, const char *type, const void *data, size_t bytes) {
    uint8_t word[4];
    made_be32(word, (uint32_t)bytes);
    made_put(out, word, 4);
    made_put(out, type, 4);
    made_put(out, data, bytes);
    uLong crc = crc32(crc32(0, NULL, 0), (const Bytef *)type, 4);
    made_be32(word, (uint32_t)(bytes ? crc32(crc, data, (uInt)bytes) : crc)); /* of no address it would be 0 */
    made_put(out, word, 4);
}

static inline void made_png_head(arc_buffer *out, const made *p) {
    static const uint8_t types[5] = {0, 0, 4, 2, 6};
    uint8_t header[13] = {0};
    made_put(out, "\x89PNG\r\n\x1a\n", 8);
    made_be32(header, (uint32_t)p->width);
    made_be32(header + 4, (uint32_t)p->height);
    header[8] = (uint8_t)p->bits;
    header[9] = types[p->channels];
    made_png_chunk(out, "IHDR", header, sizeof header);
}

/* number < 0: as IDAT, else as fdAT with that number. */
static inline void made_png_pixels(arc_buffer *out, const made *p, int number) {
    const size_t row_samples = (size_t)p->width * (size_t)p->channels, deep = p->bits > 8;
    const size_t plain_bytes = (size_t)p->height * (1 + row_samples * (1 + deep));
    uint8_t *plain = calloc(1, plain_bytes), *at = plain;
    for (int y = 0; y < p->height; y++) {
        *at++ = 0; /* no filter */
        for (size_t i = 0; i < row_samples; i++) {
            const uint16_t v = p->values[(size_t)y * row_samples + i];
            if (deep)
                *at++ = (uint8_t)(v >> 8);
            *at++ = (uint8_t)v;
        }
    }
    uLongf bytes = compressBound((uLong)plain_bytes);
    uint8_t *packed = malloc(bytes + 4);
    assert_int_equal(compress2(packed + 4, &bytes, plain, (uLong)plain_bytes, 9), Z_OK);
    made_be32(packed, (uint32_t)number);
    if (number < 0)
        made_png_chunk(out, "IDAT", packed + 4, bytes);
    else
        made_png_chunk(out, "fdAT", packed, bytes + 4);
    free(packed);
    free(plain);
}

static inline void made_png_profile(arc_buffer *out, const uint8_t *icc, size_t icc_bytes) {
    uLongf bytes = compressBound((uLong)icc_bytes);
    uint8_t *chunk = malloc(bytes + 6);
    memcpy(chunk, "icc\0\0", 5); /* name, its end, method */
    assert_int_equal(compress2(chunk + 5, &bytes, icc, (uLong)icc_bytes, 9), Z_OK);
    made_png_chunk(out, "iCCP", chunk, bytes + 5);
    free(chunk);
}

static inline bool made_png(const made *p, arc_buffer *out) {
    uint8_t exif[26];
    made_png_head(out, p);
    if (p->icc)
        made_png_profile(out, p->icc, p->icc_bytes);
    if (p->primaries)
        made_png_chunk(out, "cICP", (uint8_t[4]){(uint8_t)p->primaries, (uint8_t)p->transfer, 0, 1}, 4);
    made_exif(exif, p->orientation);
    if (p->orientation && p->orientation < 5)
        made_png_chunk(out, "eXIf", exif, sizeof exif);
    made_png_pixels(out, p, -1);
    if (p->orientation >= 5) /* it may follow the pixels */
        made_png_chunk(out, "eXIf", exif, sizeof exif);
    made_png_chunk(out, "IEND", NULL, 0);
    return true;
}

/* ---- JPEG ---- */

/* In segments of 200 bytes, as if they were large. */
static inline void made_jpeg_profile(struct jpeg_compress_struct *cinfo, const made *p) {
    const size_t part = 200, parts = (p->icc_bytes + part - 1) / part;
    for (size_t i = 0; i < parts; i++) {
        uint8_t segment[14 + 200] = "ICC_PROFILE";
        const size_t bytes = ARC_MIN(p->icc_bytes - i * part, part);
        segment[12] = (uint8_t)(i + 1);
        segment[13] = (uint8_t)parts;
        memcpy(segment + 14, p->icc + i * part, bytes);
        jpeg_write_marker(cinfo, JPEG_APP0 + 2, segment, (unsigned)(14 + bytes));
    }
}

/* Four channels: CMYK. */
static inline bool made_jpeg(const made *p, arc_buffer *out) {
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr mgr;
    unsigned char *bytes = NULL;
    unsigned long count = 0;
    uint8_t exif[6 + 26] = "Exif\0", *pixels = made_bytes(p);
    cinfo.err = jpeg_std_error(&mgr);
    jpeg_create_compress(&cinfo);
    jpeg_mem_dest(&cinfo, &bytes, &count);
    cinfo.image_width = (JDIMENSION)p->width;
    cinfo.image_height = (JDIMENSION)p->height;
    cinfo.input_components = p->channels;
    cinfo.in_color_space = p->channels == 1 ? JCS_GRAYSCALE : p->channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&cinfo);
    jpeg_set_quality(&cinfo, 100, TRUE);
    cinfo.comp_info[0].h_samp_factor = cinfo.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&cinfo, TRUE);
    made_exif(exif + 6, p->orientation);
    if (p->orientation)
        jpeg_write_marker(&cinfo, JPEG_APP0 + 1, exif, sizeof exif);
    if (p->adobe_rgb) {
        uint8_t block[6 + 62] = "Exif\0";
        made_exif_adobe_rgb(block + 6);
        jpeg_write_marker(&cinfo, JPEG_APP0 + 1, block, sizeof block);
    }
    if (p->icc)
        made_jpeg_profile(&cinfo, p);
    while (cinfo.next_scanline < cinfo.image_height) {
        JSAMPROW row = pixels + (size_t)cinfo.next_scanline * (size_t)p->width * (size_t)p->channels;
        jpeg_write_scanlines(&cinfo, &row, 1);
    }
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    made_put(out, bytes, count);
    free(bytes);
    free(pixels);
    return true;
}

/* ---- WebP ---- */

static inline void made_riff_chunk(arc_buffer *out, const char *type, const void *data, size_t bytes) {
    uint8_t word[4];
    made_put(out, type, 4);
    made_le(word, (uint32_t)bytes, 4);
    made_put(out, word, 4);
    made_put(out, data, bytes);
    if (bytes & 1)
        made_put(out, "", 1);
}

/* The chunk that holds a picture alone, lossless. */
static inline void made_webp_pixels(arc_buffer *out, const made *p) {
    uint8_t *bytes = made_bytes(p), *webp = NULL;
    const size_t count = p->channels == 4 ? WebPEncodeLosslessRGBA(bytes, p->width, p->height, p->width * 4, &webp)
                                          : WebPEncodeLosslessRGB(bytes, p->width, p->height, p->width * 3, &webp);
    assert_true(count > 12);
    made_put(out, webp + 12, count - 12);
    WebPFree(webp);
    free(bytes);
}

static inline void made_riff_begin(arc_buffer *out, const made *p, uint8_t flags) {
    uint8_t head[10] = {flags};
    made_put(out, "RIFF\0\0\0\0WEBP", 12);
    made_le(head + 4, (uint32_t)p->width - 1, 3);
    made_le(head + 7, (uint32_t)p->height - 1, 3);
    made_riff_chunk(out, "VP8X", head, sizeof head);
}

static inline void made_riff_end(arc_buffer *out) {
    made_le(out->data + 4, (uint32_t)out->bytes - 8, 4);
}

static inline bool made_webp(const made *p, arc_buffer *out) {
    uint8_t exif[26];
    made_riff_begin(out, p, (uint8_t)((p->icc ? 0x20 : 0) | (p->channels == 4 ? 0x10 : 0) | (p->orientation ? 0x08 : 0)));
    if (p->icc)
        made_riff_chunk(out, "ICCP", p->icc, p->icc_bytes);
    made_webp_pixels(out, p);
    made_exif(exif, p->orientation);
    if (p->orientation)
        made_riff_chunk(out, "EXIF", exif, sizeof exif);
    made_riff_end(out);
    return true;
}

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

/* ---- all of them ---- */

typedef struct made_container {
    const char *kind;
    bool (*write)(const made *p, arc_buffer *out); /* false: there is no encoder here */
    int most_bits;
    int lossy;              /* by so many steps of 255 a value may differ, of smooth pictures */
    bool turned_by_library; /* arc_image_info says 1 */
    bool gray, alpha, profile, orientation;
} made_container;

static const made_container made_containers[] = {
    {"jpeg", made_jpeg, 8, 4, false, true, false, true, true},  {"png", made_png, 16, 0, false, true, true, true, true},
    {"webp", made_webp, 8, 0, false, false, true, true, true},
#ifdef ARC_WITH_TIFF
    {"tiff", made_tiff, 16, 0, false, true, true, true, true},
#endif
#ifdef ARC_WITH_HEIF
    {"heif", made_heic, 12, 4, true, false, false, true, true}, {"avif", made_avif, 8, 4, true, false, false, true, true},
#endif
#ifdef ARC_WITH_JP2
    {"jp2", made_jp2, 16, 0, false, true, true, true, false},   {"jp2", made_j2k, 16, 0, false, true, true, false, false},
#endif
#ifdef ARC_WITH_JXL
    {"jxl", made_jxl, 16, 0, false, true, true, true, true},
#endif
};

#endif
