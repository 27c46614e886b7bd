/* Writing pictures: the encoder by suffix or quality, into a file or into memory. */
#include "base/base.h"
#include "image/codec.h"
#include "image/image.h"
#include <string.h>
#include <strings.h>

typedef arc_status encode_fn(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err);

static encode_fn *encoder_of(const char *path) {
    static const struct {
        const char *suffix;
        encode_fn *encode;
    } table[] = {{".jpg", arc_encode_jpeg}, {".jpeg", arc_encode_jpeg}, {".png", arc_encode_png}, {".ppm", arc_encode_ppm}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < ARC_COUNT(table); i++)
        if (strcasecmp(dot, table[i].suffix) == 0)
            return table[i].encode;
    return NULL;
}

arc_status arc_image_save(arc_context *ctx, const arc_image *image, const char *path, arc_error *err) {
    encode_fn *encode = encoder_of(path);
    if (!encode)
        return arc_fail(err, ARC_EINVAL, "%s: pictures are written as .jpg, .png or .ppm", path);
    if (!arc_image_valid(image))
        return arc_fail(err, ARC_EINVAL, "%s: there is no picture to write", path);
    arc_writer *w = NULL;
    arc_status st = arc_writer_open(&w, &ctx->alloc, path, err);
    if (st != ARC_OK)
        return st;
    st = encode(image, &ctx->alloc, w, err);
    return arc_writer_finish(&w, st, err);
}

arc_status arc_encode_memory(const arc_image *image, const arc_alloc *a, int quality, bool full_colour, arc_buffer *out,
                             arc_error *err) {
    arc_writer *w = NULL;
    out->bytes = 0;
    arc_status st = arc_writer_open_memory(&w, a, out, err);
    if (st == ARC_OK)
        st = quality ? arc_encode_jpeg_quality(image, a, quality, full_colour, w, err) : arc_encode_png(image, a, w, err);
    arc_writer_abort(&w);
    return st;
}

arc_status arc_image_encode(arc_context *ctx, const arc_image *image, const char *suffix, uint8_t **bytes, size_t *count,
                            arc_error *err) {
    *bytes = NULL;
    *count = 0;
    encode_fn *encode = encoder_of(suffix);
    if (!encode)
        return arc_fail(err, ARC_EINVAL, "%s: pictures are encoded as .jpg, .png or .ppm", suffix);
    if (!arc_image_valid(image))
        return arc_fail(err, ARC_EINVAL, "there is no picture to encode");
    arc_buffer buffer;
    arc_buffer_init(&buffer, &ctx->alloc, (size_t)1 << 32);
    arc_writer *w = NULL;
    arc_status st = arc_writer_open_memory(&w, &ctx->alloc, &buffer, err);
    if (st == ARC_OK)
        st = encode(image, &ctx->alloc, w, err);
    arc_writer_abort(&w);
    if (st != ARC_OK) {
        arc_buffer_free(&buffer);
        return st;
    }
    *bytes = buffer.data;
    *count = buffer.bytes;
    return ARC_OK;
}
void arc_image_bytes_free(arc_context *ctx, uint8_t **bytes) {
    if (!bytes)
        return;
    arc_mem_free(&ctx->alloc, *bytes);
    *bytes = NULL;
}
