/* Files with several pictures: frames of PNG, WebP, GIF and JPEG XL films as a viewer shows them, the pictures of HEIC. */
#include "picture_support.h"
#include "shared_context.h"

#ifdef ARC_WITH_GIF
#include <gif_lib.h>
#endif

enum { WIDE = 40, HIGH = 64, FRAMES = 5 };
enum { KEEP, CLEAR, BACK };

/* One colour with noise in it, so that it does not compress to nothing. */
typedef struct frame {
    int x, y, width, height;
    uint8_t red, green, blue, alpha;
    bool blend;
    int dispose;
} frame;

static const frame film[FRAMES] = {
    {0, 0, WIDE, HIGH, 200, 20, 20, 255, false, KEEP}, /* all of it */
    {2, 4, 20, 10, 20, 200, 20, 255, true, CLEAR},     /* leaves a hole */
    {10, 0, 30, 12, 20, 20, 200, 128, true, KEEP},     /* half transparent, over the hole's edge */
    {30, 14, 10, 10, 90, 90, 90, 255, true, BACK},     /* goes away again; at the edge */
    {0, 20, 6, 4, 0, 0, 0, 0, false, KEEP},            /* makes transparent what was there */
};

typedef enum { PNG, WEBP, GIF } container;

/* What a container cannot say is changed to what it can. */
static frame of_container(container c, int k) {
    frame f = film[k];
    if (c == WEBP && f.dispose == BACK)
        f.dispose = CLEAR;
    if (c == GIF && k > 0)
        f.blend = true; /* pixels are opaque or leave what is there */
    if (c == GIF)
        f.alpha = f.alpha >= 128 ? 255 : 0;
    return f;
}

static int noise(int x, int y) {
    return (int)((unsigned)(x * 7919 + y * 104729) * 2654435761u >> 28) * 2; /* 0 to 30, even */
}

static void pixel(const frame *f, int x, int y, double out[4]) {
    const double colour[4] = {f->red + noise(x, y), f->green + noise(x, y), f->blue + noise(x, y), f->alpha};
    memcpy(out, colour, sizeof colour);
}

/* Frame `last` of the film on white, by definition. */
static void shown(container c, int last, double out[HIGH][WIDE][3]) {
    static double canvas[HIGH][WIDE][4], before[HIGH][WIDE][4];
    memset(canvas, 0, sizeof canvas);
    for (int k = 0; k <= last; k++) {
        const frame f = of_container(c, k);
        memcpy(before, canvas, sizeof canvas);
        for (int y = 0; y < f.height; y++)
            for (int x = 0; x < f.width; x++) {
                double over[4], *under = canvas[f.y + y][f.x + x];
                pixel(&f, x, y, over);
                const double a = over[3] / 255, b = f.blend ? under[3] / 255 * (1 - a) : 0;
                for (int i = 0; i < 3; i++)
                    under[i] = a + b > 0 ? (over[i] * a + under[i] * b) / (a + b) : 0;
                under[3] = 255 * (a + b);
            }
        for (int y = 0; y < f.height && k < last; y++)
            for (int x = 0; x < f.width; x++) {
                if (f.dispose == CLEAR)
                    memset(canvas[f.y + y][f.x + x], 0, sizeof canvas[0][0]);
                else if (f.dispose == BACK)
                    memcpy(canvas[f.y + y][f.x + x], before[f.y + y][f.x + x], sizeof canvas[0][0]);
            }
    }
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++)
            for (int i = 0; i < 3; i++)
                out[y][x][i] = 255 + (canvas[y][x][i] - 255) * canvas[y][x][3] / 255;
}

static made picture_of(const frame *f, uint16_t *values) {
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            double p[4];
            pixel(f, x, y, p);
            for (int i = 0; i < 4; i++)
                values[(y * f->width + x) * 4 + i] = (uint16_t)p[i];
        }
    return (made){.width = f->width, .height = f->height, .channels = 4, .bits = 8, .values = values};
}

/* ---- writing ---- */

static void put_control(arc_buffer *out, const frame *f, int *number) {
    uint8_t control[26] = {0};
    made_be32(control, (uint32_t)(*number)++);
    made_be32(control + 4, (uint32_t)f->width);
    made_be32(control + 8, (uint32_t)f->height);
    made_be32(control + 12, (uint32_t)f->x);
    made_be32(control + 16, (uint32_t)f->y);
    control[21] = 1; /* 1/10 s */
    control[23] = 10;
    control[24] = (uint8_t)f->dispose;
    control[25] = f->blend;
    made_png_chunk(out, "fcTL", control, sizeof control);
}

/* with_still: the picture that plain readers show, the one of frame 1 over the whole size, is not of the film. */
static void write_png(arc_buffer *out, bool with_still, int orientation) {
    uint16_t values[HIGH * WIDE * 4];
    int number = 0;
    uint8_t control[8], exif[26];
    made p = picture_of(&film[0], values);
    made_png_head(out, &p);
    made_be32(control, FRAMES);
    made_be32(control + 4, 0);
    made_png_chunk(out, "acTL", control, sizeof control);
    if (with_still) {
        frame still = film[1];
        still.x = still.y = 0, still.width = WIDE, still.height = HIGH;
        p = picture_of(&still, values);
        made_png_pixels(out, &p, -1);
    }
    for (int k = 0; k < FRAMES; k++) {
        p = picture_of(&film[k], values);
        put_control(out, &film[k], &number);
        made_png_pixels(out, &p, k == 0 && !with_still ? -1 : number++);
    }
    made_exif(exif, orientation);
    if (orientation)
        made_png_chunk(out, "eXIf", exif, sizeof exif);
    made_png_chunk(out, "IEND", NULL, 0);
}

static void write_webp(arc_buffer *out) {
    uint16_t values[HIGH * WIDE * 4];
    made p = picture_of(&film[0], values);
    made_riff_begin(out, &p, 0x12); /* a film, with alpha */
    made_riff_chunk(out, "ANIM", (uint8_t[6]){0}, 6);
    for (int k = 0; k < FRAMES; k++) {
        const frame f = of_container(WEBP, k);
        arc_buffer body;
        uint8_t head[16] = {0};
        made_le(head, (uint32_t)f.x / 2, 3);
        made_le(head + 3, (uint32_t)f.y / 2, 3);
        made_le(head + 6, (uint32_t)f.width - 1, 3);
        made_le(head + 9, (uint32_t)f.height - 1, 3);
        head[12] = 100; /* ms */
        head[15] = (uint8_t)((f.blend ? 0 : 2) | (f.dispose == CLEAR));
        arc_buffer_init(&body, &arc_alloc_libc, 1 << 24);
        made_put(&body, head, sizeof head);
        p = picture_of(&f, values);
        made_webp_pixels(&body, &p);
        made_riff_chunk(out, "ANMF", body.data, body.bytes);
        arc_buffer_free(&body);
    }
    made_riff_end(out);
}

#ifdef ARC_WITH_GIF
static int on_write(GifFileType *gif, const GifByteType *data, int bytes) {
    made_put(gif->UserData, data, (size_t)bytes);
    return bytes;
}

/* A palette of 16 shades for each frame; 16 is transparent. */
static void write_gif(arc_buffer *out) {
    static const int disposals[3] = {DISPOSE_DO_NOT, DISPOSE_BACKGROUND, DISPOSE_PREVIOUS};
    int code;
    GifFileType *gif = EGifOpen(out, on_write, &code);
    assert_non_null(gif);
    EGifSetGifVersion(gif, true);
    assert_int_equal(EGifPutScreenDesc(gif, WIDE, HIGH, 8, 0, NULL), GIF_OK);
    for (int k = 0; k < FRAMES; k++) {
        const frame f = of_container(GIF, k);
        ColorMapObject *map = GifMakeMapObject(32, NULL);
        for (int i = 0; i < 16; i++)
            map->Colors[i] =
                (GifColorType){(GifByteType)(f.red + 2 * i), (GifByteType)(f.green + 2 * i), (GifByteType)(f.blue + 2 * i)};
        const GraphicsControlBlock control = {.DisposalMode = disposals[f.dispose], .DelayTime = 10, .TransparentColor = 16};
        GifByteType block[4];
        EGifGCBToExtension(&control, block);
        assert_int_equal(EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, block), GIF_OK);
        assert_int_equal(EGifPutImageDesc(gif, f.x, f.y, f.width, f.height, k == 2, map), GIF_OK);
        for (int i = 0; i < f.height; i++) {
            static const int first[4] = {0, 4, 2, 1}, step[4] = {8, 8, 4, 2};
            int y = i, pass = 0, index = i; /* frame 2 is interlaced */
            for (; k == 2 && pass < 4; pass++) {
                const int rows = (f.height - first[pass] + step[pass] - 1) / step[pass];
                if (index < rows) {
                    y = first[pass] + index * step[pass];
                    break;
                }
                index -= rows;
            }
            GifPixelType line[WIDE];
            for (int x = 0; x < f.width; x++)
                line[x] = (GifPixelType)(f.alpha ? noise(x, y) / 2 : 16);
            assert_int_equal(EGifPutLine(gif, line, f.width), GIF_OK);
        }
        GifFreeMapObject(map);
    }
    assert_int_equal(EGifCloseFile(gif, &code), GIF_OK);
}
#endif

static bool write_film(container c, arc_buffer *out) {
    arc_buffer_init(out, &arc_alloc_libc, 1 << 24);
    if (c == PNG)
        write_png(out, false, 0);
    else if (c == WEBP)
        write_webp(out);
#ifdef ARC_WITH_GIF
    else
        write_gif(out);
    return true;
#else
    return c != GIF;
#endif
}

/* ---- tests ---- */

static arc_status decode(const arc_buffer *file, int number, bool strict, arc_image *image, arc_image_info *info,
                         arc_error *err) {
    arc_image_options opt;
    arc_image_options_default(&opt);
    opt.frame = number;
    opt.strict = strict;
    return arc_image_decode(ctx, file->data, file->bytes, "film", &opt, image, info, err);
}

static void check_frame(container c, const arc_buffer *file, int number, int k) {
    static double want[HIGH][WIDE][3];
    arc_image image;
    arc_image_info info;
    arc_error err = {0};
    if (decode(file, number, true, &image, &info, &err) != ARC_OK)
        fail_msg("container %d, frame %d: %s", c, number, err.text);
    assert_true(image.width_px == WIDE && image.height_px == HIGH && !info.damaged);
    shown(c, k, want);
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++)
            for (int i = 0; i < 3; i++) {
                const int got = image.data[y * image.stride_bytes + 3 * x + i];
                if (fabs(got - want[y][x][i]) > 1.01)
                    fail_msg("container %d, frame %d: (%d, %d) is %d instead of %.2f", c, number, x, y, got, want[y][x][i]);
            }
    arc_image_free(ctx, &image);
}

static void every_frame_is_as_shown(void **state) {
    (void)state;
    for (container c = PNG; c <= GIF; c++) {
        arc_buffer file;
        arc_image image;
        arc_error err = {0};
        if (write_film(c, &file)) {
            for (int k = 0; k < FRAMES; k++)
                check_frame(c, &file, k, k);
            assert_int_equal(decode(&file, FRAMES, false, &image, NULL, &err), ARC_EINVAL);
            assert_non_null(strstr(err.text, "5 frames"));
            assert_int_equal(decode(&file, -1, false, &image, NULL, &err), ARC_EINVAL);
        }
        arc_buffer_free(&file);
    }
}

static void a_still_before_the_film_is_frame_0(void **state) {
    (void)state;
    arc_buffer file;
    arc_image image;
    arc_image_info info;
    arc_error err = {0};
    arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
    write_png(&file, true, 6);
    assert_int_equal(decode(&file, 0, true, &image, &info, &err), ARC_OK);
    assert_int_equal(info.orientation, 6);
    assert_int_equal(image.width_px, HIGH);
    assert_int_equal(image.data[1] - image.data[0], 180); /* green */
    arc_image_free(ctx, &image);
    assert_int_equal(decode(&file, 1, true, &image, &info, &err), ARC_OK);
    assert_int_equal(info.orientation, 6);
    assert_int_equal(image.width_px, HIGH);
    assert_int_equal(image.data[0] - image.data[1], 180); /* red */
    arc_image_free(ctx, &image);
    assert_int_equal(decode(&file, FRAMES, true, &image, &info, &err), ARC_OK);
    arc_image_free(ctx, &image);
    assert_int_equal(decode(&file, FRAMES + 1, true, &image, &info, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "6 frames"));
    arc_buffer_free(&file);
}

/* Cut anywhere, a frame is whole, or flagged, or refused: never another one. */
static void frames_of_cut_films_are_flagged(void **state) {
    (void)state;
    for (container c = PNG; c <= GIF; c++) {
        arc_buffer file;
        arc_image whole, image;
        arc_image_info info;
        const int number = c == WEBP ? 0 : 2; /* libwebp gives 16 lines at once: only frame 0 has more */
        int refused = 0, flagged = 0, used = 0;
        if (write_film(c, &file)) {
            const size_t all = file.bytes;
            assert_int_equal(decode(&file, number, true, &whole, &info, NULL), ARC_OK);
            for (size_t n = 60; n <= all; n += n < all && n + 7 > all ? all - n : 7) {
                arc_error err = {0};
                file.bytes = n;
                const arc_status st = decode(&file, number, false, &image, &info, &err);
                const bool same = st == ARC_OK && memcmp(image.data, whole.data, WIDE * HIGH * 3) == 0;
                if (st == ARC_OK && !same && !info.damaged)
                    fail_msg("container %d cut to %zu of %zu bytes: another picture and no flag", c, n, all);
                if (st != ARC_OK && st != ARC_ECORRUPT)
                    fail_msg("container %d cut to %zu of %zu bytes: %s", c, n, all, err.text);
                refused += st != ARC_OK;
                flagged += st == ARC_OK && info.damaged && !same;
                used += same;
                arc_image_free(ctx, &image);
                const arc_status strictly = decode(&file, number, true, &image, &info, &err);
                if (strictly == ARC_OK && memcmp(image.data, whole.data, WIDE * HIGH * 3) != 0)
                    fail_msg("container %d cut to %zu of %zu bytes is taken strictly", c, n, all);
                arc_image_free(ctx, &image);
            }
            if (refused == 0 || flagged == 0 || used < 3)
                fail_msg("container %d: %d cuts refused, %d flagged, %d whole", c, refused, flagged, used);
            file.bytes = all;
            arc_image_free(ctx, &whole);
        }
        arc_buffer_free(&file);
    }
}

/* A frame that says to lie outside the picture. */
static void frames_outside_are_refused(void **state) {
    (void)state;
    arc_buffer file;
    arc_image image;
    arc_error err = {0};
    arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
    write_png(&file, false, 0);
    int seen = 0;
    for (size_t i = 0; i + 20 < file.bytes; i++)
        if (memcmp(file.data + i, "fcTL", 4) == 0 && seen++ == 1)
            made_be32(file.data + i + 4 + 12, WIDE - 19); /* one column too far to the right */
    assert_int_equal(seen, FRAMES);
    assert_int_equal(decode(&file, 1, false, &image, NULL, &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "frame 1 does not lie within"));
    arc_buffer_free(&file);
}

static void jpeg_xl_films_and_heic_collections(void **state) {
    (void)state;
#if defined(ARC_WITH_JXL) || defined(ARC_WITH_HEIF)
    uint16_t values[3][16 * 8 * 3];
    made p[3];
    arc_buffer file;
    arc_image image;
    arc_error err = {0};
    int done = 0;
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 16 * 8 * 3; i++)
            values[k][i] = (uint16_t)(i % 3 == k ? 220 : 30);
        p[k] = (made){.width = 16, .height = 8, .channels = 3, .bits = 8, .values = values[k]};
    }
    for (int kind = 0; kind < 2; kind++) {
        bool made_it = false;
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
#ifdef ARC_WITH_JXL
        if (kind == 0)
            made_it = made_jxl_of(p, 3, true, &file);
#endif
#ifdef ARC_WITH_HEIF
        if (kind == 1) {
            struct heif_context *context = heif_context_alloc();
            made_it = true;
            for (int k = 0; k < 3; k++)
                made_it = made_it && made_heif_add(context, heif_compression_HEVC, &p[k]);
            if (made_it)
                made_heif_end(context, &file);
            heif_context_free(context);
        }
#endif
        for (int k = 0; made_it && k < 3; k++) {
            if (decode(&file, k, true, &image, NULL, &err) != ARC_OK)
                fail_msg("%s", err.text);
            for (int i = 0; i < 3; i++)
                assert_true(abs(image.data[i] - (i == k ? 220 : 30)) <= 5);
            arc_image_free(ctx, &image);
        }
        if (made_it) {
            assert_int_equal(decode(&file, 3, true, &image, NULL, &err), ARC_EINVAL);
            assert_non_null(strstr(err.text, "frame 3"));
        }
        done += made_it;
        arc_buffer_free(&file);
    }
    if (done == 0)
        skip();
#else
    skip();
#endif
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *c = arc_test_context(&heap, 1);
    arc_image_options opt;
    arc_image_options_default(&opt);
    opt.frame = FRAMES - 1;
    for (container kind = PNG; kind <= GIF; kind++) {
        arc_test_walk walk = {.heap = &heap};
        arc_buffer file;
        if (write_film(kind, &file)) {
            arc_status st;
            do {
                arc_image image;
                arc_test_walk_begin(&walk);
                st = arc_image_decode(c, file.data, file.bytes, "film", &opt, &image, NULL, NULL);
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
        cmocka_unit_test(every_frame_is_as_shown),
        cmocka_unit_test(a_still_before_the_film_is_frame_0),
        cmocka_unit_test(frames_of_cut_films_are_flagged),
        cmocka_unit_test(frames_outside_are_refused),
        cmocka_unit_test(jpeg_xl_films_and_heic_collections),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
