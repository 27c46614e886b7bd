/* Every container of pictures, written here: the eight orientations, depths of 8 to 16 bits rounded, alpha, limits, cut files. */
#include "picture_support.h"
#include "shared_context.h"

enum { WIDE = 48, HIGH = 33 };

/* No two of its eight positions look alike. */
static uint16_t value_at(int x, int y, int channel, int bits) {
    const double light = channel == 0 ? x / (double)(WIDE - 1) : channel == 1 ? y / (double)(HIGH - 1) : 0.25 + x * y / 4000.0;
    return (uint16_t)(light * ((1 << bits) - 1) + 0.5);
}

static made smooth(uint16_t *values, int channels, int bits) {
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++)
            for (int c = 0; c < channels; c++)
                values[(y * WIDE + x) * channels + c] = value_at(x, y, c, bits);
    return (made){.width = WIDE, .height = HIGH, .channels = channels, .bits = bits, .values = values};
}

static arc_status decode(const arc_buffer *file, const arc_image_options *opt, arc_image *image, arc_image_info *info,
                         arc_error *err) {
    return arc_image_decode(ctx, file->data, file->bytes, "made", opt, image, info, err);
}

/* Where the stored pixel (x, y) stands in the upright picture: EXIF 2.3, "Orientation". */
static void upright(int orientation, int x, int y, int *ux, int *uy) {
    const int right = WIDE - 1 - x, below = HIGH - 1 - y;
    const int column[9] = {0, x, right, right, x, y, below, below, y}, row[9] = {0, y, y, below, below, x, x, right, right};
    *ux = column[orientation];
    *uy = row[orientation];
}

static void check_turned(const made_container *c, const arc_buffer *file, int orientation) {
    arc_image image;
    arc_image_info info;
    arc_error err = {0};
    if (decode(file, NULL, &image, &info, &err) != ARC_OK)
        fail_msg("%s, orientation %d: %s", c->kind, orientation, err.text);
    assert_string_equal(info.kind, c->kind);
    assert_int_equal(info.orientation, c->turned_by_library ? 1 : orientation);
    assert_int_equal(image.width_px, orientation >= 5 ? HIGH : WIDE);
    assert_int_equal(info.full_width_px, image.width_px);
    assert_int_equal(info.full_height_px, image.height_px);
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++) {
            int ux, uy;
            upright(orientation, x, y, &ux, &uy);
            for (int k = 0; k < 3; k++) {
                const int got = image.data[uy * image.stride_bytes + 3 * ux + k], want = value_at(x, y, k, 8);
                if (abs(got - want) > c->lossy)
                    fail_msg("%s, orientation %d: (%d, %d) is %d instead of %d", c->kind, orientation, x, y, got, want);
            }
        }
    arc_image_free(ctx, &image);
}

static void every_orientation_in_every_container(void **state) {
    (void)state;
    uint16_t values[HIGH * WIDE * 3];
    made p = smooth(values, 3, 8);
    int checked = 0;
    for (size_t i = 0; i < ARC_COUNT(made_containers); i++) {
        for (p.orientation = 1; made_containers[i].orientation && p.orientation <= 8; p.orientation++) {
            arc_buffer file;
            arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
            if (made_containers[i].write(&p, &file)) {
                check_turned(&made_containers[i], &file, p.orientation);
                checked++;
            }
            arc_buffer_free(&file);
        }
    }
    assert_true(checked >= 3 * 8);
}

static void check_depth(const made_container *c, int channels, int bits) {
    uint16_t *values = malloc(sizeof *values * HIGH * WIDE * 4);
    const made p = smooth(values, channels, bits);
    const double most = (1 << bits) - 1;
    arc_buffer file;
    arc_image image;
    arc_image_info info;
    arc_error err = {0};
    arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
    const bool has_alpha = channels % 2 == 0;
    for (int i = 0; has_alpha && i < HIGH * WIDE; i++)
        values[i * channels + channels - 1] = (uint16_t)(i % 3 * (most / 2) + 0.5);
    if (c->write(&p, &file)) {
        if (decode(&file, NULL, &image, &info, &err) != ARC_OK)
            fail_msg("%s, %d bits, %d channels: %s", c->kind, bits, channels, err.text);
        for (int i = 0; i < HIGH * WIDE * 3; i++) {
            const uint16_t *pixel = values + i / 3 * channels;
            const double alpha = has_alpha ? pixel[channels - 1] / most : 1;
            const double want = 255 * (pixel[channels < 3 ? 0 : i % 3] / most * alpha + 1 - alpha);
            const double allowed = c->lossy + (has_alpha ? 1 : 0.5) + 1e-9; /* with alpha it is rounded twice */
            if (fabs(image.data[i] - want) > allowed)
                fail_msg("%s, %d bits, %d channels: %d instead of %.3f", c->kind, bits, channels, image.data[i], want);
        }
        assert_true(!info.damaged && !info.converted);
        arc_image_free(ctx, &image);
    }
    arc_buffer_free(&file);
    free(values);
}

static void every_depth_is_rounded(void **state) {
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(made_containers); i++) {
        const made_container *c = &made_containers[i];
        const bool any = strcmp(c->kind, "jp2") == 0 || strcmp(c->kind, "jxl") == 0;
        const bool heif = strcmp(c->kind, "heif") == 0 || strcmp(c->kind, "avif") == 0;
        for (int bits = 8; bits <= c->most_bits; bits += any || heif ? 2 : 8) {
            check_depth(c, 3, bits);
            if (c->gray)
                check_depth(c, 1, bits);
            if (c->alpha)
                check_depth(c, 4, bits);
            if (strcmp(c->kind, "png") == 0 || strcmp(c->kind, "tiff") == 0)
                check_depth(c, 2, bits);
        }
    }
}

static void limits_and_frames_are_checked(void **state) {
    (void)state;
    uint16_t values[HIGH * WIDE * 3];
    const made p = smooth(values, 3, 8);
    for (size_t i = 0; i < ARC_COUNT(made_containers); i++) {
        arc_buffer file;
        arc_image image;
        arc_error err = {0};
        arc_image_options opt;
        arc_image_options_default(&opt);
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
        if (made_containers[i].write(&p, &file)) {
            opt.max_pixels = WIDE * HIGH - 1;
            assert_int_equal(decode(&file, &opt, &image, NULL, &err), ARC_ELIMIT);
            assert_non_null(strstr(err.text, "max_pixels"));
            opt.max_pixels = WIDE * HIGH;
            opt.strict = 1;
            if (decode(&file, &opt, &image, NULL, &err) != ARC_OK)
                fail_msg("%s: %s", made_containers[i].kind, err.text);
            arc_image_free(ctx, &image);
            opt.frame = 1;
            if (decode(&file, &opt, &image, NULL, &err) != ARC_EINVAL)
                fail_msg("%s has a frame 1: %s", made_containers[i].kind, err.text);
            assert_non_null(strstr(err.text, "frame 1"));
        }
        arc_buffer_free(&file);
    }
}

/* Cut anywhere: refused with a sentence, or the flag is set; strictly refused, unless nothing is missing. */
static void cut_files_are_flagged(void **state) {
    (void)state;
    uint16_t values[HIGH * WIDE * 3];
    const made p = smooth(values, 3, 8);
    for (size_t i = 0; i < ARC_COUNT(made_containers); i++) {
        const made_container *c = &made_containers[i];
        arc_buffer file;
        arc_image whole, image;
        arc_image_info info;
        arc_image_options opt;
        int used = 0;
        arc_image_options_default(&opt);
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
        if (c->write(&p, &file)) {
            const size_t all = file.bytes;
            assert_int_equal(decode(&file, NULL, &whole, NULL, NULL), ARC_OK);
            for (size_t n = 3; n < all; n += 1 + all / 150) {
                arc_error err = {0};
                file.bytes = n;
                opt.strict = 0;
                const arc_status st = decode(&file, &opt, &image, &info, &err);
                assert_true(st == ARC_OK || (!image.data && err.text[0]));
                const bool same = st == ARC_OK && memcmp(image.data, whole.data, WIDE * HIGH * 3) == 0;
                if (st == ARC_OK && !same && !info.damaged)
                    fail_msg("%s cut to %zu of %zu bytes: other pixels and no flag", c->kind, n, all);
                used += st == ARC_OK && info.damaged;
                arc_image_free(ctx, &image);
                opt.strict = 1;
                const arc_status strictly = decode(&file, &opt, &image, &info, &err);
                if (strictly == ARC_OK && memcmp(image.data, whole.data, WIDE * HIGH * 3) != 0)
                    fail_msg("%s cut to %zu of %zu bytes is taken strictly", c->kind, n, all);
                arc_image_free(ctx, &image);
            }
            file.bytes = all;
            /* the others need the end of the file, or of their only part */
            const bool partial = !c->turned_by_library && strcmp(c->kind, "tiff") != 0 && strcmp(c->kind, "jxl") != 0;
            if (partial && used == 0)
                fail_msg("nothing of a cut %s is used", c->kind);
            arc_image_free(ctx, &whole);
        }
        arc_buffer_free(&file);
    }
}

/* A JPEG XL of several parts shows what came of it. */
static void a_cut_jpeg_xl_is_coarse(void **state) {
    (void)state;
#ifdef ARC_WITH_JXL
    enum { SIDE = 600 };
    uint16_t *values = malloc(sizeof *values * SIDE * SIDE * 3);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        values[i] = (uint16_t)((i / 3 % SIDE) * 200 / SIDE + i / 3 / SIDE % 7 * 5);
    const made p = {.width = SIDE, .height = SIDE, .channels = 3, .bits = 8, .values = values};
    arc_buffer file;
    arc_image image;
    arc_image_info info;
    arc_image_options opt;
    arc_error err = {0};
    arc_image_options_default(&opt);
    arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
    made_jxl_of(&p, 1, false, &file);
    file.bytes = file.bytes * 2 / 3;
    if (decode(&file, NULL, &image, &info, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_true(info.damaged);
    double difference = 0;
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        difference += abs(image.data[i] - values[i]);
    assert_true(difference / (SIDE * SIDE * 3) < 12);
    arc_image_free(ctx, &image);
    opt.strict = 1;
    assert_int_equal(decode(&file, &opt, &image, &info, &err), ARC_ECORRUPT);
    arc_buffer_free(&file);
    free(values);
#else
    skip();
#endif
}

/* Our own allocations fail one after another in each codec. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    uint16_t values[HIGH * WIDE * 3];
    made p = smooth(values, 3, 8);
    arc_test_heap heap = {0};
    arc_context *c = arc_test_context(&heap, 1);
    p.orientation = 6;
    for (size_t i = 0; i < ARC_COUNT(made_containers); i++) {
        arc_test_walk walk = {.heap = &heap, .may_manage = true}; /* EXIF that cannot be read is "upright" */
        arc_buffer file;
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
        if (made_containers[i].write(&p, &file)) {
            arc_status st;
            do {
                arc_image image;
                arc_test_walk_begin(&walk);
                st = arc_image_decode(c, file.data, file.bytes, "made", NULL, &image, NULL, NULL);
                arc_image_free(c, &image);
            } while (arc_test_walk_again(&walk, st));
        }
        arc_buffer_free(&file);
    }
    arc_context_close(&c);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_orientation_in_every_container),
        cmocka_unit_test(every_depth_is_rounded),
        cmocka_unit_test(limits_and_frames_are_checked),
        cmocka_unit_test(cut_files_are_flagged),
        cmocka_unit_test(a_cut_jpeg_xl_is_coarse),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
