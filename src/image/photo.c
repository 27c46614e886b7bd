/* A photo from anywhere as an image: files and bytes are decoded, pixels in memory are looked at where they lie when the networks
 * can read them so, and converted otherwise. What is done with the image is not said here. */
#include "base/base.h"
#include "image/codec.h"
#include "image/image.h"
#include <arcface/photo.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

arc_photo arc_photo_from_path(const char *path) {
    return (arc_photo){.kind = ARC_PHOTO_PATH, .name = path};
}

arc_photo arc_photo_from_bytes(const void *bytes, size_t count, const char *name) {
    return (arc_photo){.kind = ARC_PHOTO_BYTES, .name = name, .bytes = bytes, .byte_count = count};
}

arc_photo arc_photo_from_frame(const arc_frame *frame, const char *name) {
    return (arc_photo){.kind = ARC_PHOTO_FRAME, .name = name, .frame = frame ? *frame : (arc_frame){0}};
}

arc_photo arc_photo_from_image(const arc_image *image, const char *name) {
    arc_frame frame = {0};
    if (image)
        frame = (arc_frame){image->data, image->width_px, image->height_px, image->stride_bytes,
                            image->format == ARC_BGR8 ? ARC_FRAME_BGR8 : ARC_FRAME_RGB8};
    return arc_photo_from_frame(&frame, name);
}

arc_photo arc_photo_failed(const arc_error *failure, const char *name) {
    return (arc_photo){.kind = ARC_PHOTO_FAILED, .name = name, .failure = failure};
}

void arc_photo_source_default(arc_photo_source *source) {
    *source = (arc_photo_source){.struct_size = sizeof *source, .count = -1};
}

static arc_status next_path(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    const char *const *paths = ctx;
    (void)err;
    *photo = arc_photo_from_path(paths[index]);
    return ARC_OK;
}

void arc_photo_source_of_paths(arc_photo_source *source, const char *const *paths, int64_t count) {
    arc_photo_source_default(source);
    source->next = next_path;
    source->ctx = (void *)(uintptr_t)paths; /* is only read */
    source->count = count;
    source->concurrent = true;
}

const char *arc_photo_name(const arc_photo *photo) {
    return photo->label ? photo->label : photo->name ? photo->name : "(memory)";
}

/* ---- frames ---- */

static int bytes_of(arc_frame_format format) {
    switch (format) {
    case ARC_FRAME_RGB8:
    case ARC_FRAME_BGR8:
        return 3;
    case ARC_FRAME_RGBA8:
    case ARC_FRAME_BGRA8:
    case ARC_FRAME_RGBX8:
    case ARC_FRAME_BGRX8:
        return 4;
    case ARC_FRAME_GRAY8:
        return 1;
    default:
        return 0;
    }
}

static arc_status check_frame(const arc_photo *photo, const arc_image_options *opt, arc_error *err) {
    const arc_frame *f = &photo->frame;
    const int64_t limit = opt && opt->max_pixels > 0 ? opt->max_pixels : ARC_IMAGE_MAX_PIXELS_DEFAULT;
    const char *name = arc_photo_name(photo);
    const int bytes = bytes_of(f->format);
    if (!f->data || f->width_px <= 0 || f->height_px <= 0 || f->width_px > INT_MAX / 4)
        return arc_fail(err, ARC_EINVAL, "%s: a frame without pixels (%d x %d)", name, f->width_px, f->height_px);
    if (!bytes)
        return arc_fail(err, ARC_EINVAL, "%s: %d is no format of frames", name, (int)f->format);
    if (llabs((long long)f->stride_bytes) < (long long)bytes * f->width_px)
        return arc_fail(err, ARC_EINVAL, "%s: a stride of %lld bytes is less than a row of %d pixels of %d bytes", name,
                        (long long)f->stride_bytes, f->width_px, bytes);
    if (f->width_px > limit / f->height_px)
        return arc_fail(err, ARC_ELIMIT, "%s: %d x %d pixels are more than the limit of %lld; raise max_pixels to read it", name,
                        f->width_px, f->height_px, (long long)limit);
    return ARC_OK;
}

static void convert_row(const arc_frame *f, int y, uint8_t *rgb) {
    const uint8_t *p = f->data + y * f->stride_bytes;
    const int red = f->format == ARC_FRAME_BGRA8 || f->format == ARC_FRAME_BGRX8 ? 2 : 0;
    const bool alpha = f->format == ARC_FRAME_RGBA8 || f->format == ARC_FRAME_BGRA8;
    for (int x = 0; x < f->width_px; x++, rgb += 3) {
        if (f->format == ARC_FRAME_GRAY8) {
            memset(rgb, *p++, 3);
            continue;
        }
        const uint8_t pixel[4] = {p[red], p[1], p[2 - red], alpha ? p[3] : 255};
        arc_rgba_on_white(pixel, rgb, 1);
        p += 4;
    }
}

static arc_status copy_frame(const arc_alloc *a, const arc_frame *f, arc_image *out, arc_error *err) {
    const bool same = bytes_of(f->format) == 3;
    arc_status st = arc_image_alloc(a, f->width_px, f->height_px, out, err);
    for (int y = 0; st == ARC_OK && y < f->height_px; y++) {
        uint8_t *to = out->data + y * out->stride_bytes;
        if (same)
            memcpy(to, f->data + y * f->stride_bytes, (size_t)f->width_px * 3);
        else
            convert_row(f, y, to);
    }
    if (st == ARC_OK && f->format == ARC_FRAME_BGR8)
        out->format = ARC_BGR8;
    return st;
}

static arc_status open_frame(const arc_alloc *a, const arc_photo *photo, const arc_image_options *opt, bool copy, arc_image *out,
                             bool *owned, arc_image_info *info, arc_error *err) {
    const arc_frame *f = &photo->frame;
    arc_status st = check_frame(photo, opt, err);
    if (st != ARC_OK)
        return st;
    *info = (arc_image_info){
        .full_width_px = f->width_px, .full_height_px = f->height_px, .orientation = 1, .scale = 1, .kind = "frame"};
    *owned = copy || bytes_of(f->format) != 3;
    if (*owned)
        return copy_frame(a, f, out, err);
    *out = (arc_image){(uint8_t *)(uintptr_t)f->data, f->width_px, f->height_px, f->stride_bytes, /* is only read */
                       f->format == ARC_FRAME_BGR8 ? ARC_BGR8 : ARC_RGB8};
    return ARC_OK;
}

/* ---- all kinds ---- */

static arc_status open_photo(const arc_alloc *a, const arc_photo *photo, const arc_image_options *opt, bool copy, arc_image *out,
                             bool *owned, arc_image_info *info, arc_error *err) {
    *out = (arc_image){0};
    *info = (arc_image_info){0};
    *owned = true;
    switch (photo->kind) {
    case ARC_PHOTO_PATH:
        if (!photo->name)
            return arc_fail(err, ARC_EINVAL, "a photo from a file needs its path");
        return arc_image_load_in(a, photo->name, opt, out, info, err);
    case ARC_PHOTO_BYTES:
        if (!photo->bytes && photo->byte_count)
            return arc_fail(err, ARC_EINVAL, "%s: %zu bytes at no address", arc_photo_name(photo), photo->byte_count);
        return arc_image_decode_in(a, photo->bytes, photo->byte_count, arc_photo_name(photo), opt, out, info, err);
    case ARC_PHOTO_FRAME:
        return open_frame(a, photo, opt, copy, out, owned, info, err);
    case ARC_PHOTO_FAILED:
        if (photo->failure && photo->failure->code != ARC_OK)
            return arc_fail(err, photo->failure->code, "%s", photo->failure->text);
        return arc_fail(err, ARC_EIO, "%s: the photo could not be had; its source does not say why", arc_photo_name(photo));
    case ARC_PHOTO_END:
    default:
        return arc_fail(err, ARC_EINVAL, "%s: a photo of no kind (%d)", arc_photo_name(photo), (int)photo->kind);
    }
}

arc_status arc_photo_open(const arc_alloc *a, const arc_photo *photo, const arc_image_options *opt, arc_image *out, bool *owned,
                          arc_image_info *info, arc_error *err) {
    return open_photo(a, photo, opt, false, out, owned, info, err);
}

arc_status arc_photo_load(arc_context *ctx, const arc_photo *photo, const arc_image_options *opt, arc_image *out,
                          arc_image_info *info, arc_error *err) {
    bool owned;
    arc_image_info own;
    return open_photo(&ctx->alloc, photo, opt, true, out, &owned, info ? info : &own, err);
}
