/* The codecs that a build may lack: GIF, TIFF, HEIC and AVIF against reference pixels, cut and damaged files, frames, limits.
 * Where one is not there, its files are refused by its name. */
#include "face_support.h"

#include "base/base.h"
#include "shared_context.h"

static bool reads(const char *format) {
    return strstr(arc_image_formats(), format) != NULL;
}

/* Pictures of the optional codecs and what is expected of them (tests/golden/make_codecs.py). */
typedef struct more {
    const char *format, *name;
    int frame, orientation;
    int most; /* by which a value may differ */
} more;

static const more more_files[] = {
    {"GIF", "still.gif", 0, 1, 0},      {"GIF", "clear.gif", 0, 1, 0},     {"GIF", "two.gif", 0, 1, 0},
    {"GIF", "two.gif", 1, 1, 0},        {"TIFF", "raw.tiff", 0, 1, 0},     {"TIFF", "tiff_lzw.tiff", 0, 1, 0},
    {"TIFF", "packbits.tiff", 0, 1, 0}, {"TIFF", "gray.tiff", 0, 1, 0},    {"TIFF", "tiff_adobe_deflate.tiff", 0, 1, 0},
    {"TIFF", "palette.tiff", 0, 1, 0},  {"TIFF", "bilevel.tiff", 0, 1, 0}, {"TIFF", "gray16.tiff", 0, 1, 1},
    {"TIFF", "pages.tiff", 0, 1, 0},    {"TIFF", "pages.tiff", 1, 1, 0},   {"TIFF", "turned2.tiff", 0, 2, 0},
    {"TIFF", "turned3.tiff", 0, 3, 0},  {"TIFF", "turned4.tiff", 0, 4, 0}, {"TIFF", "turned5.tiff", 0, 5, 0},
    {"TIFF", "turned6.tiff", 0, 6, 0},  {"TIFF", "turned7.tiff", 0, 7, 0}, {"TIFF", "turned8.tiff", 0, 8, 0},
    {"HEIC", "still.heic", 0, 1, 1},    {"HEIC", "alpha.heic", 0, 1, 2},   {"HEIC", "deep.heic", 0, 1, 1},
    {"AVIF", "still.avif", 0, 1, 1},    {"TIFF", "strips.tiff", 0, 1, 0},
};

static const char *more_image(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/data/images/more/%s", ARC_SOURCE_DIR, name);
    return path;
}

static int largest_difference(const arc_image *a, const arc_image *b) {
    int most = 0;
    assert_true(a->width_px == b->width_px && a->height_px == b->height_px);
    for (int i = 0; i < a->width_px * a->height_px * 3; i++)
        most = ARC_MAX(most, abs(a->data[i] - b->data[i]));
    return most;
}

static void each_equals_its_reference(void **state) {
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(more_files); i++) {
        const more *m = &more_files[i];
        arc_image image, want;
        arc_image_info info;
        arc_image_options opt;
        arc_error err = {0};
        char expected[128];
        if (!reads(m->format)) {
            assert_int_equal(arc_image_load(ctx, more_image(m->name), NULL, &image, NULL, &err), ARC_EUNSUPPORTED);
            assert_non_null(strstr(err.text, "-dev"));
            continue;
        }
        arc_image_options_default(&opt);
        opt.frame = m->frame;
        opt.strict = 1;
        if (arc_image_load(ctx, more_image(m->name), &opt, &image, &info, &err) != ARC_OK)
            fail_msg("%s", err.text);
        const bool many = strcmp(m->name, "two.gif") == 0 || strcmp(m->name, "pages.tiff") == 0;
        snprintf(expected, sizeof expected, many ? "%s.%d.png" : "%s.png", m->name, m->frame);
        assert_int_equal(arc_image_load(ctx, more_image(expected), NULL, &want, NULL, NULL), ARC_OK);
        const int most = largest_difference(&image, &want);
        if (most > m->most || info.orientation != m->orientation || info.damaged)
            fail_msg("%s frame %d: differs by %d, orientation %d", m->name, m->frame, most, info.orientation);
        arc_image_free(ctx, &image);
        opt.frame = 7;
        assert_int_equal(arc_image_load(ctx, more_image(m->name), &opt, &image, &info, NULL), ARC_EINVAL);
        opt.frame = 0;
        opt.max_pixels = want.width_px * want.height_px - 1;
        assert_int_equal(arc_image_load(ctx, more_image(m->name), &opt, &image, &info, NULL), ARC_ELIMIT);
        arc_image_free(ctx, &want);
    }
}

/* Cut anywhere: refused with a code, or flagged. */
static void cut_files_are_refused_or_flagged(void **state) {
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(more_files); i++) {
        arc_map map;
        int used = 0;
        const more *m = &more_files[i];
        if (!reads(m->format))
            continue;
        assert_int_equal(arc_map_open(&map, more_image(m->name), 1 << 20, NULL), ARC_OK);
        for (size_t n = 0; n < map.bytes; n += 7) {
            arc_image image;
            arc_image_info info;
            arc_error err = {0};
            const arc_status st = arc_image_decode(ctx, map.data, n, m->name, NULL, &image, &info, &err);
            if (st != ARC_OK && (image.data || !err.text[0]))
                fail_msg("%s cut to %zu bytes: no sentence", m->name, n);
            used += st == ARC_OK;
            arc_image_free(ctx, &image);
        }
        if (strcmp(m->name, "still.gif") == 0) /* a TIFF's directory, at its end, is missing then */
            assert_true(used > 0);
        arc_map_close(&map);
    }
}

/* A file that ends behind frame 0 has nothing of frame 1: the frame before it is no stand-in. */
static void a_frame_that_is_missing_is_refused(void **state) {
    (void)state;
    arc_map map;
    arc_image image;
    arc_image_info info;
    arc_image_options opt;
    arc_error err = {0};
    arc_image_options_default(&opt);
    if (!reads("GIF"))
        skip();
    assert_int_equal(arc_map_open(&map, more_image("two.gif"), 1 << 20, NULL), ARC_OK);
    size_t n = 0; /* the shortest beginning that has all of frame 0 */
    for (bool whole = false; !whole && n < map.bytes;) {
        whole = arc_image_decode(ctx, map.data, ++n, "two.gif", NULL, &image, &info, NULL) == ARC_OK && !info.damaged;
        arc_image_free(ctx, &image);
    }
    assert_true(n < map.bytes);
    opt.frame = 1;
    assert_int_equal(arc_image_decode(ctx, map.data, n, "two.gif", &opt, &image, &info, &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "two.gif: GIF: "));
    arc_map_close(&map);
}

/* A strip that does not decode is plain, and the file is flagged; strictly it is refused. */
static void a_damaged_strip_is_flagged(void **state) {
    (void)state;
    arc_map map;
    arc_image image;
    arc_image_info info;
    arc_image_options opt;
    arc_error err = {0};
    arc_image_options_default(&opt);
    if (!reads("TIFF"))
        skip();
    assert_int_equal(arc_map_open(&map, more_image("strips.tiff"), 1 << 20, NULL), ARC_OK);
    uint8_t *bytes = malloc(map.bytes);
    memcpy(bytes, map.data, map.bytes);
    memset(bytes + 8, 0xff, 16); /* the first strip, behind the header */
    assert_int_equal(arc_image_decode(ctx, bytes, map.bytes, "strips.tiff", &opt, &image, &info, &err), ARC_OK);
    assert_true(info.damaged);
    arc_image_free(ctx, &image);
    opt.strict = 1;
    assert_int_equal(arc_image_decode(ctx, bytes, map.bytes, "strips.tiff", &opt, &image, &info, &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "strips.tiff: TIFF: "));
    free(bytes);
    arc_map_close(&map);
}

/* Any limit is a number of pixels: the smallest refuses with ELIMIT in every codec, and the largest number lets everything in. */
static void any_limit_is_taken(void **state) {
    (void)state;
    static const char *const names[] = {"still.gif", "raw.tiff", "still.heic", "still.avif"}, *const formats[] = {"GIF", "TIFF",
                                                                                                                  "HEIC", "AVIF"};
    arc_image_options opt;
    arc_image_options_default(&opt);
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        arc_image image;
        arc_error err = {0};
        if (!reads(formats[i]))
            continue;
        opt.max_pixels = 10; /* fewer than a side has */
        assert_int_equal(arc_image_load(ctx, more_image(names[i]), &opt, &image, NULL, &err), ARC_ELIMIT);
        assert_non_null(strstr(err.text, "max_pixels"));
        opt.max_pixels = INT64_MAX;
        if (arc_image_load(ctx, more_image(names[i]), &opt, &image, NULL, &err) != ARC_OK)
            fail_msg("%s", err.text);
        arc_image_free(ctx, &image);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_equals_its_reference),
        cmocka_unit_test(cut_files_are_refused_or_flagged),
        cmocka_unit_test(a_frame_that_is_missing_is_refused),
        cmocka_unit_test(a_damaged_strip_is_flagged),
        cmocka_unit_test(any_limit_is_taken),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
