/* For the tests of training data: a temporary folder with a small RecordIO set, and the same pictures as folders. */
#ifndef ARC_DATA_SUPPORT_H
#define ARC_DATA_SUPPORT_H

#include "base/base.h"
#include "data/set.h"
#include "folder.h"
#include "format/record/recordio.h"
#include "image/image.h"
#include "support.h"

/* A soft pattern of its own for each picture; size x size. */
static inline arc_image test_paint(arc_context *ctx, int size, int index) {
    arc_image image;
    assert_int_equal(arc_image_new(ctx, size, size, &image, NULL), ARC_OK);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            for (int c = 0; c < 3; c++)
                image.data[y * image.stride_bytes + 3 * x + c] =
                    (uint8_t)(128 + 100 * sin(0.05 * (index + 1) * x + c) * cos(0.07 * (index % 5 + 1) * y));
    return image;
}

/* identities x each pictures: NAME.rec and NAME.idx with InsightFace's header, JPEG of size x size. */
static inline void test_write_rec(arc_context *ctx, const char *name, int identities, int each, int size) {
    char rec[300], idx[300];
    arc_record_writer *w;
    arc_buffer jpeg;
    arc_buffer_init(&jpeg, &ctx->alloc, 1 << 24);
    snprintf(rec, sizeof rec, "%s.rec", in_folder(name));
    snprintf(idx, sizeof idx, "%s.idx", in_folder(name));
    assert_int_equal(arc_record_writer_open(&w, &ctx->alloc, rec, idx, NULL), ARC_OK);
    uint64_t key = 1;
    for (int i = 0; i < identities * each; i++, key++) {
        arc_image image = test_paint(ctx, size, i);
        assert_int_equal(arc_encode_memory(&image, &ctx->alloc, 90, false, &jpeg, NULL), ARC_OK);
        const arc_image_record head = {.label = (float)(i / each), .id = key};
        assert_int_equal(arc_record_writer_put(w, key, &head, NULL, jpeg.data, jpeg.bytes, NULL), ARC_OK);
        arc_image_free(ctx, &image);
    }
    const float first = (float)key;
    for (int i = 0; i < identities; i++, key++) {
        const float span[2] = {(float)(1 + i * each), (float)(1 + (i + 1) * each)};
        assert_int_equal(arc_record_writer_put(w, key, &(arc_image_record){.labels = 2, .id = key}, span, NULL, 0, NULL), ARC_OK);
    }
    const float span[2] = {first, (float)key};
    assert_int_equal(arc_record_writer_put(w, 0, &(arc_image_record){.labels = 2, .id2 = 1}, span, NULL, 0, NULL), ARC_OK);
    assert_int_equal(arc_record_writer_commit(&w, NULL), ARC_OK);
    arc_buffer_free(&jpeg);
}

/* The same pictures as NAME/id_<label>/<n>.png. */
static inline void test_write_pictures(arc_context *ctx, const char *name, int identities, int each, int size) {
    for (int i = 0; i < identities * each; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/id_%03d", in_folder(name), i / each);
        assert_int_equal(arc_dir_make(path, NULL), ARC_OK);
        snprintf(path, sizeof path, "%s/id_%03d/%03d.png", in_folder(name), i / each, i % each);
        arc_image image = test_paint(ctx, size, i);
        assert_int_equal(arc_image_save(ctx, &image, path, NULL), ARC_OK);
        arc_image_free(ctx, &image);
    }
}

static inline void test_write_text(const char *name, const char *text) {
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Changes `count` bytes of a file at `at` by xor with `flip`. */
static inline void test_flip(const char *name, long at, size_t count, int flip) {
    FILE *f = fopen(in_folder(name), "r+b");
    assert_non_null(f);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fseek(f, at + (long)i, SEEK_SET), 0);
        const int c = fgetc(f);
        assert_int_equal(fseek(f, at + (long)i, SEEK_SET), 0);
        fputc(c ^ flip, f);
    }
    fclose(f);
}

#endif
