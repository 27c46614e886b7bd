/* The codecs that every build has against Pillow's pixels, orientation, limits, bad inputs, saving, resize against OpenCV,
 * drawing. Optional codecs: test_codecs.c. */
#include "face_support.h"
#include "folder.h"

#include "base/base.h"
#include "image/image.h"
#include "shared_context.h"
#include <unistd.h>

/* fontconfig, below cairo, keeps its configuration for the life of the process. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfontconfig";
}

static const char *golden_image(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/data/images/%s", ARC_SOURCE_DIR, name);
    return path;
}

static void check_image(void *arg, const char *fields) {
    (void)arg;
    char name[64];
    int w, h, orientation;
    unsigned long long hash;
    assert_int_equal(sscanf(fields, " %63s %d %d %d %llx", name, &w, &h, &orientation, &hash), 5);
    arc_image image;
    arc_image_info info;
    arc_error err = {0};
    arc_status st = arc_image_load(ctx, golden_image(name), NULL, &image, &info, &err);
    if (st != ARC_OK)
        fail_msg("%s: %s", name, err.text);
    if (image.width_px != w || image.height_px != h || info.orientation != orientation || info.full_width_px != w ||
        info.full_height_px != h)
        fail_msg("%s: %dx%d orientation %d", name, image.width_px, image.height_px, info.orientation);
    if (test_hash(&image) != hash)
        fail_msg("%s: other pixels than Pillow's", name);
    arc_image_free(ctx, &image);
    arc_image_free(ctx, &image);
}

static void every_kind_equals_pillow(void **state) {
    (void)state;
    assert_true(test_golden_lines("image", check_image, NULL) >= 25);
}

static void check_resize(void *arg, const char *fields) {
    (void)arg;
    int w, h, nw, nh;
    unsigned long long hash;
    assert_int_equal(sscanf(fields, " %d %d %d %d %llx", &w, &h, &nw, &nh, &hash), 5);
    arc_image from = test_picture(ctx, w, h), to;
    assert_int_equal(arc_image_new(ctx, nw, nh, &to, NULL), ARC_OK);
    assert_int_equal(arc_resize_linear(&ctx->alloc, ctx->pool, &from, &to, NULL), ARC_OK);
    if (test_hash(&to) != hash)
        fail_msg("resize %d x %d to %d x %d differs from OpenCV", w, h, nw, nh);
    arc_image_free(ctx, &from);
    arc_image_free(ctx, &to);
}

static void resize_equals_opencv(void **state) {
    (void)state;
    assert_true(test_golden_lines("resize", check_resize, NULL) >= 10);
}

static void orientation_can_be_ignored(void **state) {
    (void)state;
    arc_image image;
    arc_image_info info;
    arc_image_options opt;
    arc_image_options_default(&opt);
    opt.ignore_orientation = 1;
    assert_int_equal(arc_image_load(ctx, golden_image("exif6.jpg"), &opt, &image, &info, NULL), ARC_OK);
    assert_int_equal(image.width_px, 21);
    assert_int_equal(info.orientation, 1);
    arc_image_free(ctx, &image);
}

/* Strictly, every cut of every golden file is refused or, for formats with trailing slack, read whole; never a crash or a half
 * picture. */
static void truncated(const char *name, bool may_pass_near_end) {
    arc_map map;
    arc_image_options opt;
    arc_image_options_default(&opt);
    opt.strict = 1;
    assert_int_equal(arc_map_open(&map, golden_image(name), 1 << 20, NULL), ARC_OK);
    for (size_t n = 0; n < map.bytes; n++) {
        arc_image image;
        arc_error err = {0};
        arc_status st = arc_image_decode(ctx, map.data, n, name, &opt, &image, NULL, &err);
        bool near_end = may_pass_near_end && n + 16 >= map.bytes;
        if (st == ARC_OK && !near_end)
            fail_msg("%s cut to %zu of %zu bytes was read", name, n, map.bytes);
        if (st != ARC_OK && (st != ARC_ECORRUPT && st != ARC_EFORMAT))
            fail_msg("%s cut to %zu bytes: %s", name, n, err.text);
        assert_true(st == ARC_OK || (!image.data && err.text[0]));
        arc_image_free(ctx, &image);
    }
    arc_map_close(&map);
}

static size_t largest_request;

static void *noted_get(void *arg, size_t align, size_t bytes) {
    largest_request = ARC_MAX(largest_request, bytes);
    return arc_alloc_libc.get(arg, align, bytes);
}

/* 43 bytes that announce a suggested palette of 2 GB. */
static void announced_lengths_are_not_believed(void **state) {
    (void)state;
    static const uint8_t png[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x27\0\0\0\x19\x04\x03\0\0\0\x40\xfd\x2a\xdb\x78\0\0\x31sPLT\0H";
    arc_settings settings = arc_test_settings(NULL, 1);
    arc_image image;
    arc_error err = {0};
    settings.alloc = (arc_alloc){.get = noted_get, .put = arc_alloc_libc.put};
    arc_context *own = arc_test_open(&settings);
    largest_request = 0;
    assert_int_equal(arc_image_decode(own, png, sizeof png - 1, "huge.png", NULL, &image, NULL, &err), ARC_ECORRUPT);
    assert_true(largest_request < (size_t)16 << 20);
    arc_context_close(&own);
}

static void truncated_files_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"420.jpg", "progressive.jpg", "cmyk.jpg", "exif6.jpg",
                                        "rgb.png", "rgba.png",        "24.bmp",   "rgb.ppm"};
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        truncated(names[i], false);
    truncated("text.pgm", true);
    truncated("lossy.webp", true);
    truncated("lossless.webp", true);
}

/* Leading rows that two pictures of one size have in common. */
static int same_rows(const arc_image *a, const arc_image *b) {
    int y = 0;
    assert_true(a->width_px == b->width_px && a->height_px == b->height_px);
    while (y < a->height_px && memcmp(a->data + y * a->stride_bytes, b->data + y * b->stride_bytes, (size_t)a->width_px * 3) == 0)
        y++;
    return y;
}

/* Of every cut the rows before it are those of the whole file, their number grows with the bytes, and the flag is set. */
static void check_part(const char *name, bool rows_are_whole) {
    arc_map map;
    arc_image whole;
    int before = 0;
    assert_int_equal(arc_image_load(ctx, golden_image(name), NULL, &whole, NULL, NULL), ARC_OK);
    assert_int_equal(arc_map_open(&map, golden_image(name), 1 << 20, NULL), ARC_OK);
    for (size_t n = 0; n < map.bytes; n++) {
        arc_image image;
        arc_image_info info;
        arc_error err = {0};
        arc_status st = arc_image_decode(ctx, map.data, n, name, NULL, &image, &info, &err);
        if (st != ARC_OK) {
            if (before > 0 || (st != ARC_ECORRUPT && st != ARC_EFORMAT))
                fail_msg("%s cut to %zu of %zu bytes, after %d rows: %s", name, n, map.bytes, before, err.text);
            assert_true(!image.data && err.text[0] && !info.damaged);
            continue;
        }
        const int rows = same_rows(&image, &whole);
        if (!info.damaged && rows < whole.height_px)
            fail_msg("%s cut to %zu of %zu bytes: %d rows and no flag", name, n, map.bytes, rows);
        if (rows_are_whole && (rows < before || rows == 0))
            fail_msg("%s cut to %zu of %zu bytes: %d rows after %d", name, n, map.bytes, rows, before);
        if (n + 2 == map.bytes && rows < whole.height_px && strcmp(info.kind, "webp") != 0) /* in whole rows of blocks */
            fail_msg("%s without its last two bytes: %d of %d rows", name, rows, whole.height_px);
        before = ARC_MAX(rows, 1);
        arc_image_free(ctx, &image);
    }
    assert_true(before > 0);
    arc_map_close(&map);
    arc_image_free(ctx, &whole);
}

static void what_was_decoded_of_a_cut_file_is_used(void **state) {
    (void)state;
    static const char *const names[] = {"420.jpg",     "444.jpg",  "cmyk.jpg",   "gray.jpg",  "rgb.png",
                                        "palette.png", "rgba.png", "gray16.png", "lossy.webp"};
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        check_part(names[i], true);
    check_part("progressive.jpg", false); /* the first scans are coarse */
}

static void a_damaged_byte_is_flagged(void **state) {
    (void)state;
    static const char *const names[] = {"444.jpg", "rgb.png", "lossy.webp"};
    arc_image_options opt;
    arc_image_options_default(&opt);
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        arc_map map;
        arc_image image;
        arc_image_info info;
        assert_int_equal(arc_map_open(&map, golden_image(names[i]), 1 << 20, NULL), ARC_OK);
        uint8_t *bytes = malloc(map.bytes);
        memcpy(bytes, map.data, map.bytes);
        const size_t bytes_count = map.bytes;
        arc_map_close(&map);
        for (size_t k = bytes_count * 15 / 16; k < bytes_count * 15 / 16 + 8; k++)
            bytes[k] = 0xff;
        opt.strict = 0;
        const arc_status st = arc_image_decode(ctx, bytes, bytes_count, names[i], &opt, &image, &info, NULL);
        if (i < 2)
            assert_true(st == ARC_OK && info.damaged); /* a lossy WebP has no check sum: other pixels, unnoticed */
        arc_image_free(ctx, &image);
        opt.strict = 1;
        if (i < 2)
            assert_int_equal(arc_image_decode(ctx, bytes, bytes_count, names[i], &opt, &image, &info, NULL), ARC_ECORRUPT);
        free(bytes);
    }
}

static void bad_inputs_have_their_codes(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
        arc_status want;
    } table[] = {
        {"", 0, ARC_EFORMAT},
        {"hello, world", 12, ARC_EFORMAT},
        {"\xff\xd8\xff\xe0....", 8, ARC_ECORRUPT},
        {"\x89PNG\r\n\x1a\n....", 12, ARC_ECORRUPT},
        {"RIFF\0\0\0\0WEBPVP8 ", 16, ARC_ECORRUPT},
        {"BM..........................", 28, ARC_ECORRUPT},
        {"P6 0 5 255\n", 11, ARC_ECORRUPT},
        {"P6 99999999999 1 255\n", 21, ARC_ECORRUPT},
        {"P6 20000 20000 255\n", 19, ARC_ELIMIT},
        {"P5 2 2 99999\n....", 17, ARC_ECORRUPT},
        {"P2 2 1 9 3 77\n", 14, ARC_ECORRUPT},
    };
    for (size_t i = 0; i < ARC_COUNT(table); i++) {
        arc_image image;
        arc_error err = {0};
        arc_status st = arc_image_decode(ctx, table[i].bytes, table[i].count, "bad", NULL, &image, NULL, &err);
        if (st != table[i].want)
            fail_msg("input %zu: %s instead of %s (%s)", i, arc_status_name(st), arc_status_name(table[i].want), err.text);
        assert_null(image.data);
    }
    arc_image image;
    assert_int_equal(arc_image_load(ctx, "/nonexistent/a.jpg", NULL, &image, NULL, NULL), ARC_ENOTFOUND);
    assert_int_equal(arc_image_load(ctx, "/", NULL, &image, NULL, NULL), ARC_EIO);
}

static void kinds_are_known_by_their_first_bytes(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *kind;
    } table[] = {
        {"\xff\xd8\xff\xe0", "jpeg"},
        {"\x89PNG\r\n\x1a\n", "png"},
        {"RIFF....WEBPVP8 ", "webp"},
        {"....ftypheic", "heif"},
        {"....ftypavif", "avif"},
        {"II*\0", "tiff"},
        {"GIF89a", "gif"},
        {"P6\n4 4 255\n", "pnm"},
        {"\xff\x0a\xfa\x7f", "jxl"},
        {"\xff\x4f\xff\x51", "jp2"},
        {"....ftypmp42", NULL}, /* a film */
        {"P6000 and more", NULL},
        {"BMW is a car, not a picture", NULL},
        {"hello, world", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARC_COUNT(table); i++) {
        const size_t count = strcmp(table[i].bytes, "II*") == 0 ? 4 : strlen(table[i].bytes);
        const char *kind = arc_image_kind(table[i].bytes, count);
        if (!!kind != !!table[i].kind || (kind && strcmp(kind, table[i].kind) != 0))
            fail_msg("kind %zu: %s", i, kind ? kind : "none");
    }
    for (const char *name = "24.bmp"; name; name = strcmp(name, "24.bmp") == 0 ? "text.pgm" : NULL) {
        arc_map map;
        assert_int_equal(arc_map_open(&map, golden_image(name), 1 << 20, NULL), ARC_OK);
        assert_non_null(arc_image_kind(map.data, ARC_MIN(map.bytes, (size_t)ARC_IMAGE_KIND_BYTES)));
        arc_map_close(&map);
    }
}

static void lists_of_photos_have_lines_or_ends(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
        int count;
        const char *last;
    } table[] = {
        {"a.jpg\nb c.jpg", 13, 2, "b c.jpg"},
        {"a.jpg\r\n\r\n\nb\r\n", 12, 2, "b"},
        {"a\nb\0c\r\0", 7, 2, "c\r"},
        {"\n\r\n", 3, 0, NULL},
        {"", 0, 0, NULL},
    };
    const char *file = in_folder("list");
    for (size_t i = 0; i < ARC_COUNT(table); i++) {
        char **paths;
        int count;
        arc_error err = {0};
        assert_int_equal(arc_file_save(&ctx->alloc, file, table[i].text, table[i].bytes, NULL), ARC_OK);
        const arc_status st = arc_photo_paths_load(ctx, file, &paths, &count, &err);
        assert_int_equal(st, table[i].count ? ARC_OK : ARC_EFORMAT);
        assert_int_equal(count, table[i].count);
        if (count > 0)
            assert_string_equal(paths[count - 1], table[i].last);
        arc_photo_paths_free(ctx, &paths);
        const char *kind = "";
        assert_int_equal(arc_image_kind_of_file(file, &kind, NULL), ARC_OK);
        assert_null(kind);
    }
    unlink(file);
    char **paths;
    int count;
    const char *kind;
    assert_int_equal(arc_photo_paths_load(ctx, file, &paths, &count, NULL), ARC_ENOTFOUND);
    assert_int_equal(arc_image_kind_of_file(file, &kind, NULL), ARC_ENOTFOUND);
}

static void limit_is_in_pixels(void **state) {
    (void)state;
    static const char *const names[] = {"420.jpg", "rgb.png", "lossy.webp", "24.bmp", "rgb.ppm"};
    arc_image_options opt;
    arc_image_options_default(&opt);
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        arc_image image;
        opt.max_pixels = 39 * 25 - 1;
        assert_int_equal(arc_image_load(ctx, golden_image(names[i]), &opt, &image, NULL, NULL), ARC_ELIMIT);
        opt.max_pixels = 39 * 25;
        assert_int_equal(arc_image_load(ctx, golden_image(names[i]), &opt, &image, NULL, NULL), ARC_OK);
        arc_image_free(ctx, &image);
    }
}

static void jpeg_is_reduced_on_request(void **state) {
    (void)state;
    const char *path = in_folder("large.jpg");
    arc_image image = test_picture(ctx, 801, 601), small;
    assert_int_equal(arc_image_save(ctx, &image, path, NULL), ARC_OK);
    static const int want[][2] = {{0, 801}, {401, 801}, {400, 401}, {200, 201}, {100, 101}, {10, 101}};
    for (size_t i = 0; i < ARC_COUNT(want); i++) {
        arc_image_options opt;
        arc_image_info info;
        arc_image_options_default(&opt);
        opt.min_side_px = want[i][0];
        assert_int_equal(arc_image_load(ctx, path, &opt, &small, &info, NULL), ARC_OK);
        assert_int_equal(small.width_px, want[i][1]);
        assert_int_equal(info.full_width_px, 801);
        assert_float_equal((float)info.scale, (float)want[i][1] / 801, 1e-6);
        arc_image_free(ctx, &small);
    }
    arc_image_free(ctx, &image);
}

static void lossless_save_round_trips(void **state) {
    (void)state;
    static const char *const suffix[] = {".png", ".ppm"};
    for (size_t i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "same%s", suffix[i]);
        const char *path = in_folder(name);
        arc_image image = test_picture(ctx, 33, 21), back;
        arc_error err = {0};
        if (arc_image_save(ctx, &image, path, &err) != ARC_OK)
            fail_msg("%s", err.text);
        assert_int_equal(arc_image_load(ctx, path, NULL, &back, NULL, NULL), ARC_OK);
        assert_int_equal(test_hash(&image), test_hash(&back));
        arc_image_free(ctx, &back);
        uint8_t *bytes;
        size_t count;
        assert_int_equal(arc_image_encode(ctx, &image, suffix[i], &bytes, &count, &err), ARC_OK);
        assert_int_equal(arc_image_decode(ctx, bytes, count, "memory", NULL, &back, NULL, NULL), ARC_OK);
        assert_int_equal(test_hash(&image), test_hash(&back));
        arc_image_bytes_free(ctx, &bytes);
        arc_image_free(ctx, &image);
        arc_image_free(ctx, &back);
    }
    arc_image image = test_picture(ctx, 3, 3);
    uint8_t *bytes;
    size_t count;
    assert_int_equal(arc_image_encode(ctx, &image, ".gif", &bytes, &count, NULL), ARC_EINVAL);
    assert_null(bytes);
    assert_int_equal(arc_image_save(ctx, &image, in_folder("a.gif"), NULL), ARC_EINVAL);
    assert_int_equal(arc_image_save(ctx, &image, "/nonexistent/a.png", NULL), ARC_ENOTFOUND);
    arc_image_free(ctx, &image);
}

static void drawing_is_clipped(void **state) {
    (void)state;
    arc_image image = test_picture(ctx, 60, 40), other = test_picture(ctx, 5, 5);
    arc_draw_box(&image, -10, -10, 500, 500, 3, 0xff0000);
    arc_draw_box(&image, 5, 5, 20, 20, 1, 0x00ff00);
    assert_int_equal(image.data[5 * image.stride_bytes + 3 * 10 + 1], 255);
    arc_draw_box(&image, -1e30f, 0, NAN, INFINITY, 2, 0xff);
    arc_draw_dot(&image, 59, 39, 8, 0xffffff);
    arc_draw_dot(&image, NAN, 0, 1, 0);
    arc_draw_image(&image, -3, -3, 20, 20, &other);
    arc_draw_image(&image, 50, 30, 200, 200, &other);
    uint64_t before = test_hash(&image);
    assert_int_equal(arc_draw_text(ctx, &image, 2, 2, 14, "0.87 \xc3\xa9", 0xffff00, NULL), ARC_OK);
    assert_int_not_equal(before, test_hash(&image));
    assert_int_equal(arc_draw_text(ctx, &image, -500, 900, 14, "outside", 0xffff00, NULL), ARC_OK);
    assert_int_equal(arc_draw_text(ctx, &image, 2, 2, 14, "bad \xff\xfe", 0xffff00, NULL), ARC_EINVAL);
    assert_int_equal(arc_draw_text(ctx, &image, 2, 2, NAN, "x", 0xffff00, NULL), ARC_EINVAL);
    arc_image_free(ctx, &image);
    arc_image_free(ctx, &other);
}

/* Our allocations fail one after another; what the codec libraries take for themselves is out of reach. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    static const char *const names[] = {"420.jpg", "cmyk.jpg", "exif6.jpg", "rgba.png", "alpha.webp", "8.bmp", "gray.pgm"};
    static const char *const more_names[] = {"more/clear.gif", "more/turned6.tiff", "more/alpha.heic"}, *const formats[] = {
                                                                                                            "GIF", "TIFF",
                                                                                                            "HEIC"};
    arc_test_heap heap = {0};
    arc_context *c = arc_test_context(&heap, 1);
    for (size_t i = 0; i < ARC_COUNT(names) + ARC_COUNT(more_names); i++) {
        const size_t k = i - ARC_COUNT(names);
        const char *path = i < ARC_COUNT(names) ? golden_image(names[i]) : golden_image(more_names[k]);
        arc_test_walk walk = {.heap = &heap, .may_manage = i < ARC_COUNT(names)}; /* EXIF that cannot be read is "upright" */
        if (i >= ARC_COUNT(names) && !strstr(arc_image_formats(), formats[k]))
            continue;
        arc_status st;
        do {
            arc_image image;
            arc_test_walk_begin(&walk);
            st = arc_image_load(c, path, NULL, &image, NULL, NULL);
            arc_image_free(c, &image);
        } while (arc_test_walk_again(&walk, st));
    }
    arc_context_close(&c);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_equals_pillow),
        cmocka_unit_test(resize_equals_opencv),
        cmocka_unit_test(orientation_can_be_ignored),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(what_was_decoded_of_a_cut_file_is_used),
        cmocka_unit_test(a_damaged_byte_is_flagged),
        cmocka_unit_test(announced_lengths_are_not_believed),
        cmocka_unit_test(bad_inputs_have_their_codes),
        cmocka_unit_test(kinds_are_known_by_their_first_bytes),
        cmocka_unit_test(lists_of_photos_have_lines_or_ends),
        cmocka_unit_test(limit_is_in_pixels),
        cmocka_unit_test(jpeg_is_reduced_on_request),
        cmocka_unit_test(lossless_save_round_trips),
        cmocka_unit_test(drawing_is_clipped),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
