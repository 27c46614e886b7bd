/* Pictures written at test time, by the codecs' own encoders or byte by byte: a description of a picture into a file of each
 * container, with a colour profile, code points, an orientation and any depth that the container has. PNG, JPEG and WebP are
 * here, containers that a build may lack in picture_optional.h. */
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

#include "picture_optional.h"

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
