/* Reading pictures: the decoder by content (never by file name), the picture turned upright. */
#include "base/base.h"
#include "base/stand_in.h"
#include "image/codec.h"
#include "image/image.h"
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 30)

void arc_image_options_default(arc_image_options *opt) {
    *opt = (arc_image_options){.struct_size = sizeof *opt, .max_pixels = ARC_IMAGE_MAX_PIXELS_DEFAULT};
}
typedef arc_status codec_fn(arc_decode *d, arc_error *err);

/* Codecs whose libraries were found when this was built (cmake/rooms.cmake). */
#ifdef ARC_WITH_GIF
#define GIF_CODEC arc_decode_gif
#define GIF_NAME " GIF"
#else
#define GIF_CODEC NULL
#define GIF_NAME ""
#endif
#ifdef ARC_WITH_TIFF
#define TIFF_CODEC arc_decode_tiff
#define TIFF_NAME " TIFF"
#else
#define TIFF_CODEC NULL
#define TIFF_NAME ""
#endif
#ifdef ARC_WITH_HEIF
#define HEIF_CODEC arc_decode_heif
#define HEIF_NAME " HEIC AVIF"
#else
#define HEIF_CODEC NULL
#define HEIF_NAME ""
#endif
#ifdef ARC_WITH_JP2
#define JP2_CODEC arc_decode_jp2
#define JP2_NAME " JPEG2000"
#else
#define JP2_CODEC NULL
#define JP2_NAME ""
#endif
#ifdef ARC_WITH_JXL
#define JXL_CODEC arc_decode_jxl
#define JXL_NAME " JPEGXL"
#else
#define JXL_CODEC NULL
#define JXL_NAME ""
#endif

typedef struct codec {
    const char *kind;
    size_t offset, bytes;
    const char *magic;
    codec_fn *decode;    /* NULL: known by sight, not read by this build */
    const char *library; /* package that reading it needs; NULL: always there */
    bool frames;         /* files may hold several */
} codec;

static const codec codecs[] = {
    {"jpeg", 0, 3, "\xff\xd8\xff", arc_decode_jpeg, NULL, false},
    {"png", 0, 8, "\x89PNG\r\n\x1a\n", arc_decode_png, NULL, true},
    {"webp", 8, 4, "WEBP", arc_decode_webp, NULL, true},
    {"bmp", 0, 2, "BM", arc_decode_bmp, NULL, false},
    {"pnm", 0, 2, "P6", arc_decode_pnm, NULL, false},
    {"pnm", 0, 2, "P5", arc_decode_pnm, NULL, false},
    {"pnm", 0, 2, "P3", arc_decode_pnm, NULL, false},
    {"pnm", 0, 2, "P2", arc_decode_pnm, NULL, false},
    {"gif", 0, 4, "GIF8", GIF_CODEC, "libgif-dev", true},
    {"tiff", 0, 4, "II*\0", TIFF_CODEC, "libtiff-dev", true},
    {"tiff", 0, 4, "MM\0*", TIFF_CODEC, "libtiff-dev", true},
    {"avif", 4, 8, "ftypavif", HEIF_CODEC, "libheif-dev", true},
    {"avif", 4, 8, "ftypavis", HEIF_CODEC, "libheif-dev", true},
    {"heif", 4, 7, "ftyphei", HEIF_CODEC, "libheif-dev", true},
    {"heif", 4, 7, "ftyphev", HEIF_CODEC, "libheif-dev", true},
    {"heif", 4, 8, "ftypmif1", HEIF_CODEC, "libheif-dev", true},
    {"heif", 4, 8, "ftypmsf1", HEIF_CODEC, "libheif-dev", true},
    {"jxl", 0, 2, "\xff\x0a", JXL_CODEC, "libjxl-dev", true},
    {"jxl", 0, 12, "\0\0\0\x0cJXL \r\n\x87\n", JXL_CODEC, "libjxl-dev", true},
    {"jp2", 0, 12, "\0\0\0\x0cjP  \r\n\x87\n", JP2_CODEC, "libopenjp2-7-dev", false},
    {"jp2", 0, 4, "\xff\x4f\xff\x51", JP2_CODEC, "libopenjp2-7-dev", false},
};

const char *arc_image_formats(void) {
    return "JPEG PNG WebP BMP PNM" GIF_NAME TIFF_NAME HEIF_NAME JP2_NAME JXL_NAME;
}

static const codec *codec_of(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < ARC_COUNT(codecs); i++) {
        const codec *c = &codecs[i];
        if (count >= c->offset + c->bytes && memcmp(bytes + c->offset, c->magic, c->bytes) == 0)
            return c;
    }
    return NULL;
}

/* Two letters at the beginning are no proof: what else has to follow them. */
static bool is_plausible(const codec *c, const uint8_t *bytes, size_t count) {
    if (strcmp(c->kind, "pnm") == 0)
        return count > 2 && (bytes[2] == '#' || bytes[2] == ' ' || (bytes[2] >= '\t' && bytes[2] <= '\r'));
    if (strcmp(c->kind, "bmp") == 0) /* the size of its second header */
        return count > 17 && bytes[14] >= 12 && bytes[14] <= 124 && !bytes[15] && !bytes[16] && !bytes[17];
    if (strcmp(c->kind, "webp") == 0)
        return memcmp(bytes, "RIFF", 4) == 0;
    return true;
}

const char *arc_image_kind(const void *bytes, size_t count) {
    const codec *c = codec_of(bytes, count);
    if (!c || !is_plausible(c, bytes, count))
        return NULL;
    return c->kind;
}

arc_status arc_image_kind_of_file(const char *path, const char **kind, arc_error *err) {
    arc_map map;
    *kind = NULL;
    const arc_status st = arc_map_open(&map, path, SIZE_MAX, err);
    if (st != ARC_OK)
        return st;
    *kind = arc_image_kind(map.data, ARC_MIN(map.bytes, (size_t)ARC_IMAGE_KIND_BYTES));
    arc_map_close(&map);
    return ARC_OK;
}

static void info_fill(arc_image_info *info, const arc_decode *d, const char *kind) {
    bool turned = d->orientation >= 5;
    int decoded = turned ? d->out->height_px : d->out->width_px; /* along the file's width */
    *info = (arc_image_info){
        .full_width_px = turned ? d->full_height_px : d->full_width_px,
        .full_height_px = turned ? d->full_width_px : d->full_height_px,
        .orientation = d->orientation,
        .scale = (double)decoded / d->full_width_px,
        .kind = kind,
        .damaged = d->damaged,
        .converted = d->colour != NULL,
    };
}

/* What is no picture; messages of servers and the like are named. */
static arc_status refuse_other(const arc_decode *d, arc_error *err) {
    static const char *const others[] = {
        [ARC_STAND_IN_LFS] = "a Git LFS pointer; run `git lfs pull` where it was cloned",
        [ARC_STAND_IN_PAGE] = "an HTML page: a server's message or a login, most likely",
        [ARC_STAND_IN_XML] = "an XML text: a server's message or a drawing, most likely",
    };
    const arc_stand_in other = arc_stand_in_of(d->bytes, d->count);
    if (other != ARC_STAND_IN_NONE)
        return arc_fail(err, ARC_EFORMAT, "%s: not a picture but %s", d->name, others[other]);
    return arc_fail(err, ARC_EFORMAT, "%s: not a picture (read are %s)", d->name, arc_image_formats());
}

/* Finds the codec and runs it; the picture is not turned upright yet. */
static arc_status decode(arc_decode *d, const char **kind, arc_error *err) {
    if (d->count == 0)
        return arc_fail(err, ARC_EFORMAT, "%s: the file is empty", d->name);
    const codec *c = codec_of(d->bytes, d->count);
    if (!c)
        return refuse_other(d, err);
    if (!c->decode)
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s: a %s file, which this build does not read: install %s and build anew, or convert it", d->name,
                        c->kind, c->library);
    if (d->frame < 0 || (d->frame > 0 && !c->frames))
        return arc_fail(err, ARC_EINVAL, "%s: a %s file has no frame %d", d->name, c->kind, d->frame);
    *kind = c->kind;
    return c->decode(d, err);
}

arc_status arc_image_decode_in(const arc_alloc *a, const void *bytes, size_t count, const char *name,
                               const arc_image_options *opt, arc_image *out, arc_image_info *info, arc_error *err) {
    const char *kind = NULL;
    arc_status st;
    *out = (arc_image){0};
    if (info)
        *info = (arc_image_info){0};
    if (ARC_CHECK_OPTIONS(arc_image_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_decode d = {
        .alloc = a,
        .bytes = bytes,
        .count = count,
        .name = name ? name : "(memory)",
        .max_pixels = opt && opt->max_pixels > 0 ? opt->max_pixels : ARC_IMAGE_MAX_PIXELS_DEFAULT,
        .min_side_px = opt ? opt->min_side_px : 0,
        .want_orientation = !(opt && opt->ignore_orientation),
        .keep_colours = opt && opt->ignore_profile,
        .strict = opt && opt->strict,
        .frame = opt ? opt->frame : 0,
        .out = out,
        .orientation = 1,
    };
    ARC_TRY(decode(&d, &kind, err));
    if (!d.want_orientation)
        d.orientation = 1;
    if (d.orientation != 1)
        ARC_TRY(arc_image_orient(d.alloc, out, d.orientation, err));
    if (info)
        info_fill(info, &d, kind);
done:
    arc_colour_free(&d.colour);
    if (st != ARC_OK)
        arc_image_release(a, out);
    return st;
}

arc_status arc_image_decode(arc_context *ctx, const void *bytes, size_t count, const char *name, const arc_image_options *opt,
                            arc_image *out, arc_image_info *info, arc_error *err) {
    return arc_image_decode_in(&ctx->alloc, bytes, count, name, opt, out, info, err);
}

/* The largest centred part of the shape width : height, as a view. */
static arc_image centre(const arc_image *image, int width, int height) {
    arc_image part = *image;
    if ((int64_t)image->width_px * height > (int64_t)image->height_px * width)
        part.width_px = (int)ARC_MAX((int64_t)image->height_px * width / height, 1);
    else
        part.height_px = (int)ARC_MAX((int64_t)image->width_px * height / width, 1);
    part.data +=
        (image->height_px - part.height_px) / 2 * image->stride_bytes + (ptrdiff_t)(image->width_px - part.width_px) / 2 * 3;
    return part;
}

arc_status arc_image_decode_into(const arc_context *ctx, const void *bytes, size_t count, const char *name, uint8_t *rgb,
                                 int width_px, int height_px, arc_error *err) {
    const char *kind = NULL;
    const arc_alloc *a = &ctx->alloc;
    arc_image image = {0}, to = {rgb, width_px, height_px, (ptrdiff_t)width_px * 3, ARC_RGB8};
    arc_decode d = {
        .alloc = a,
        .bytes = bytes,
        .count = count,
        .name = name,
        .max_pixels = ARC_IMAGE_MAX_PIXELS_DEFAULT,
        .want_orientation = true,
        .strict = true,
        .out = &image,
        .into = rgb,
        .into_width_px = width_px,
        .into_height_px = height_px,
        .orientation = 1,
    };
    arc_status st = decode(&d, &kind, err);
    arc_colour_free(&d.colour);
    if (image.data == rgb) {
        if (st != ARC_OK || d.orientation == 1)
            return st;
        image = (arc_image){0}; /* to be turned: once more, into memory of its own */
        st = arc_image_decode_in(a, bytes, count, name, NULL, &image, NULL, err);
    } else if (st == ARC_OK && d.orientation != 1) {
        st = arc_image_orient(a, &image, d.orientation, err);
    }
    if (st == ARC_OK) {
        const arc_image part = centre(&image, width_px, height_px);
        st = arc_resize_linear(a, NULL, &part, &to, err); /* many threads decode at once */
    }
    arc_image_release(a, &image);
    return st;
}

arc_status arc_image_load_in(const arc_alloc *a, const char *path, const arc_image_options *opt, arc_image *out,
                             arc_image_info *info, arc_error *err) {
    *out = (arc_image){0};
    if (info)
        *info = (arc_image_info){0};
    if (ARC_CHECK_OPTIONS(arc_image_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_map map;
    arc_status st = arc_map_open(&map, path, FILE_BYTES_MAX, err);
    if (st != ARC_OK)
        return st;
    st = arc_image_decode_in(a, map.data, map.bytes, path, opt, out, info, err);
    arc_map_close(&map);
    return st;
}

arc_status arc_image_load(arc_context *ctx, const char *path, const arc_image_options *opt, arc_image *out, arc_image_info *info,
                          arc_error *err) {
    return arc_image_load_in(&ctx->alloc, path, opt, out, info, err);
}
