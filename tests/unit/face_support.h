/* For the face tests: formula pictures, pixel hashes, the golden lines of tests/golden/data/face.txt and a loader of
 * little-endian .npy and .npz members (link zlib). */
#ifndef ARC_FACE_SUPPORT_H
#define ARC_FACE_SUPPORT_H

#include "base/base.h"
#include "support.h"
#include <arcface/arcface.h>
#include <string.h>
#include <zlib.h>

/* The same formula as picture() in tests/golden/make_face.py. */
static inline arc_image test_picture(arc_context *ctx, int w, int h) {
    arc_image image;
    assert_int_equal(arc_image_new(ctx, w, h, &image, NULL), ARC_OK);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < 3; c++)
                image.data[y * image.stride_bytes + 3 * x + c] =
                    (uint8_t)(((int64_t)x * x * 7 + y * 13 + c * 59 + (int64_t)x * y * (c + 1)) % 251);
    return image;
}

/* 64-bit FNV-1a of the pixels, rows without padding. */
static inline uint64_t test_hash(const arc_image *image) {
    uint64_t h = 0xcbf29ce484222325u;
    for (int y = 0; y < image->height_px; y++)
        for (int i = 0; i < 3 * image->width_px; i++)
            h = (h ^ image->data[y * image->stride_bytes + i]) * 0x100000001b3u;
    return h;
}

/* Calls `check` with the fields after `word` of each golden line that starts with it; returns how many there were. */
static inline int test_golden_lines(const char *word, void (*check)(void *arg, const char *fields), void *arg) {
    arc_map map;
    assert_int_equal(arc_map_open(&map, ARC_SOURCE_DIR "/tests/golden/data/face.txt", 1 << 20, NULL), ARC_OK);
    size_t n = strlen(word);
    int count = 0;
    for (const char *at = (const char *)map.data, *end = at + map.bytes; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = (size_t)((stop ? stop : end) - at);
        char line[2048];
        if (bytes > n && bytes < sizeof line && memcmp(at, word, n) == 0 && at[n] == ' ') {
            memcpy(line, at + n, bytes - n);
            line[bytes - n] = 0;
            check(arg, line);
            count++;
        }
        at += bytes + 1;
    }
    arc_map_close(&map);
    return count;
}

typedef struct test_npy {
    char name[64];
    const uint8_t *data;
    float *floats;
    int rank;
    int64_t dim[8];
} test_npy;

/* Header of a version 1 .npy in memory: shape, and where the data lies. */
static inline test_npy test_npy_parse(const uint8_t *bytes) {
    test_npy a = {.rank = 0};
    assert_memory_equal(bytes, "\x93NUMPY\x01", 7);
    size_t head = bytes[8] | (size_t)bytes[9] << 8;
    char text[512];
    assert_true(head < sizeof text);
    memcpy(text, bytes + 10, head);
    text[head] = 0;
    assert_non_null(strstr(text, "'fortran_order': False"));
    const char *p = strstr(text, "'shape': (");
    assert_non_null(p);
    p += strlen("'shape': (");
    while (*p && *p != ')') {
        char *next;
        a.dim[a.rank++] = strtoll(p, &next, 10);
        for (p = next; *p == ',' || *p == ' ';)
            p++;
    }
    a.data = bytes + 10 + head;
    return a;
}

/* Members of a .npz, stored or deflated, each as floats of its own (free `floats`). */
static inline int test_npz_parse(const arc_map *map, test_npy *out, int capacity) {
    int count = 0;
    for (size_t at = 0; at + 30 < map->bytes && memcmp(map->data + at, "PK\3\4", 4) == 0 && count < capacity; count++) {
        const uint8_t *p = map->data + at;
        unsigned method = p[8] | (unsigned)p[9] << 8;
        size_t name = p[26] | (size_t)p[27] << 8, extra = p[28] | (size_t)p[29] << 8;
        uint64_t size[2]; /* numpy writes zip64: uncompressed, compressed */
        assert_true(extra >= 20);
        memcpy(size, p + 30 + name + 4, sizeof size);
        const uint8_t *data = p + 30 + name + extra;
        uint8_t *plain = malloc(size[0]);
        if (method == 0) {
            memcpy(plain, data, size[0]);
        } else {
            z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)size[1], .next_out = plain, .avail_out = (uInt)size[0]};
            assert_int_equal(inflateInit2(&z, -15), Z_OK);
            assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
            inflateEnd(&z);
        }
        out[count] = test_npy_parse(plain);
        size_t bytes = size[0] - (size_t)(out[count].data - plain);
        out[count].floats = malloc(bytes);
        memcpy(out[count].floats, out[count].data, bytes);
        free(plain);
        out[count].data = NULL;
        memcpy(out[count].name, p + 30, name - 4 < 63 ? name - 4 : 63); /* less ".npy" */
        at += 30 + name + extra + size[1];
    }
    return count;
}

#endif
