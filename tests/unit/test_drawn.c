/* Drawn faces: the same for any number of threads, aligned, told apart by the person and not by what surrounds the face. */
#include "data_support.h"
#include "drawn/drawn.h"
#include <arcface/data.h>
#include <arcface/face.h>

enum { SIZE = 112, PICTURE = SIZE * SIZE * 3 };

static void draw(uint64_t identity, uint64_t image, float nuisance, uint8_t *rgb, float landmark[5][2]) {
    static void *work;
    arc_drawn_identity who;
    arc_drawn_view view;
    const arc_drawn_place place = {.size_px = SIZE};
    if (!work && posix_memalign(&work, 64, arc_drawn_work_bytes(SIZE)) != 0)
        fail();
    arc_drawn_identity_make(&who, 1, identity);
    arc_drawn_view_make(&view, 1, identity, image, nuisance);
    arc_drawn_draw(&who, &view, &place, work, rgb, landmark);
}

/* The five points stand where the template wants them, as well as a detector would put them. */
static void aligned(void **state) {
    (void)state;
    uint8_t *rgb = malloc(PICTURE);
    float want[5][2], at[5][2];
    double sum = 0, worst = 0;
    int w, h;
    arc_template_get(ARC_TEMPLATE_112, &w, &h, want);
    for (uint64_t i = 0; i < 200; i++) {
        draw(i, i % 7, 1, rgb, at);
        for (int k = 0; k < 5; k++) {
            const double d = hypot((double)(at[k][0] - want[k][0]), (double)(at[k][1] - want[k][1]));
            sum += d;
            worst = fmax(worst, d);
        }
    }
    if (!(sum / 1000 < 3 && sum / 1000 > 0.3 && worst < 16))
        fail_msg("mean %.2f px, worst %.2f px from the template", sum / 1000, worst);
    free(rgb);
}

static double distance(const uint8_t *a, const uint8_t *b, int x0, int x1, int y0, int y1) {
    double sum = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            for (int c = 0; c < 3; c++) {
                const double d = (double)a[(y * SIZE + x) * 3 + c] - b[(y * SIZE + x) * 3 + c];
                sum += d * d;
            }
    return sqrt(sum / (3.0 * (x1 - x0) * (y1 - y0)));
}

/* Pictures of one person are nearer to each other than to other people's in the middle of the face, and no nearer in the
 * corners. */
static void identity_is_in_the_face(void **state) {
    (void)state;
    enum { PEOPLE = 60, VIEWS = 6 };
    uint8_t *rgb = malloc((size_t)PEOPLE * VIEWS * PICTURE);
    float at[5][2];
    double face[2] = {0}, corner[2] = {0};
    int count[2] = {0};
    for (int i = 0; i < PEOPLE * VIEWS; i++)
        draw((uint64_t)(i / VIEWS), (uint64_t)(i % VIEWS), 1, rgb + (size_t)i * PICTURE, at);
    for (int i = 0; i < PEOPLE * VIEWS; i++)
        for (int j = i % VIEWS + 1; j < VIEWS; j++)
            for (int other = 0; other < 2; other++) {
                const uint8_t *a = rgb + (size_t)i * PICTURE;
                const uint8_t *b = rgb + (size_t)((other ? (i / VIEWS + 7) % PEOPLE : i / VIEWS) * VIEWS + j) * PICTURE;
                face[other] += distance(a, b, 30, 82, 40, 100);
                corner[other] += distance(a, b, 0, 10, 60, 112) + distance(a, b, 102, 112, 60, 112);
                count[other]++;
            }
    const double near = face[0] / count[0], far = face[1] / count[1], same = corner[0] / count[0],
                 different = corner[1] / count[1];
    if (!(near < 0.85 * far) || !(same > 0.93 * different))
        fail_msg("face: %.1f same, %.1f other; corners: %.1f same, %.1f other", near, far, same, different);
    free(rgb);
}

static void nuisance_zero_is_a_portrait(void **state) {
    (void)state;
    uint8_t *a = malloc(PICTURE), *b = malloc(PICTURE);
    float at[5][2];
    draw(3, 0, 0, a, at);
    draw(3, 9, 0, b, at);
    assert_memory_equal(a, b, PICTURE);
    draw(4, 0, 0, b, at);
    assert_true(memcmp(a, b, PICTURE) != 0);
    draw(3, 1, 1, a, at);
    draw(3, 1, 1, b, at);
    assert_memory_equal(a, b, PICTURE);
    free(a);
    free(b);
}

/* Every person and view at any size, placed freely, within its memory (the sanitizers look). */
static void any_size(void **state) {
    (void)state;
    static const int sizes[] = {32, 57, 112, 200};
    for (int k = 0; k < 4; k++) {
        const int size = sizes[k];
        void *work = NULL;
        assert_int_equal(posix_memalign(&work, 64, arc_drawn_work_bytes(size)), 0);
        uint8_t *rgb = malloc((size_t)size * size * 3);
        for (uint64_t i = 0; i < 40; i++) {
            arc_drawn_identity who;
            arc_drawn_view view;
            float at[5][2];
            const arc_drawn_place place = {
                size, i % 2, (float)size * (float)(i % 5) / 4, (float)size / 2, (float)size / 150, (float)i * 0.3f};
            arc_drawn_identity_make(&who, 5, i);
            arc_drawn_view_make(&view, 5, i, i, 2);
            arc_drawn_draw(&who, &view, &place, work, rgb, at);
            for (int p = 0; p < 5; p++)
                assert_true(isfinite(at[p][0]) && isfinite(at[p][1]));
        }
        free(work);
        free(rgb);
    }
}

/* A photograph's face, found where it is said to be, aligned gives nearly the aligned drawing's landmarks. */
static void photos(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    for (int i = 0; i < 20; i++) {
        arc_image image;
        arc_face face;
        double matrix[2][3], residual;
        assert_int_equal(arc_drawn_photo(ctx, 1, i, i, 1, 320, &image, &face, NULL), ARC_OK);
        assert_int_equal(arc_align_estimate((const float(*)[2])face.landmark_px, ARC_TEMPLATE_112, matrix, &residual, NULL),
                         ARC_OK);
        assert_true(residual < 9);
        for (int k = 0; k < 5; k++)
            assert_true(face.landmark_px[k][0] > face.x1_px && face.landmark_px[k][0] < face.x2_px &&
                        face.landmark_px[k][1] > face.y1_px && face.landmark_px[k][1] < face.y2_px);
        arc_image_free(ctx, &image);
    }
    arc_image image;
    arc_face face;
    assert_int_equal(arc_drawn_photo(ctx, 1, -1, 0, 1, 320, &image, &face, NULL), ARC_EINVAL);
    assert_int_equal(arc_drawn_face(ctx, 1, 0, 0, 1, 4000, &image, NULL, NULL), ARC_EINVAL);
    arc_context_close(&ctx);
}

static int stop(void *ctx, int64_t done, int64_t total) {
    (void)done;
    (void)total;
    (void)ctx;
    return 1;
}

static void sets(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_drawn_options o;
    arc_data_set *set;
    arc_error err = {0};
    arc_drawn_options_default(&o);
    o.identities = 4;
    o.images = 3;
    static const arc_data_layout layouts[] = {ARC_DATA_IDENTITIES, ARC_DATA_SEQUENCE, ARC_DATA_FOLDER};
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "set%d", i);
        o.layout = layouts[i];
        assert_int_equal(arc_data_drawn(ctx, in_folder(name), &o, &err), ARC_OK);
        assert_int_equal(arc_data_set_open(&set, ctx, in_folder(name), &err), ARC_OK);
        assert_int_equal(arc_data_set_samples(set), 12);
        assert_int_equal(arc_data_set_identities(set), 4);
        for (int64_t k = 0; k < 12; k++) {
            int64_t label;
            assert_int_equal(arc_data_set_label(set, k, &label, NULL), ARC_OK);
            assert_int_equal(label, k / 3);
        }
        arc_data_set_close(&set);
    }
    o.progress = stop;
    o.layout = ARC_DATA_IDENTITIES;
    assert_int_equal(arc_data_drawn(ctx, in_folder("stopped"), &o, &err), ARC_ECANCEL);
    assert_int_equal(access(in_folder("stopped/train.rec"), F_OK), -1);
    o.progress = NULL;
    o.images = 0;
    assert_int_equal(arc_data_drawn(ctx, in_folder("none"), &o, &err), ARC_EINVAL);
    arc_context_close(&ctx);
}

static void failing_memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1);
    arc_test_walk walk = {.heap = &heap};
    arc_drawn_options o;
    arc_drawn_options_default(&o);
    o.identities = 2;
    o.images = 2;
    o.pairs = 2;
    do
        arc_test_walk_begin(&walk);
    while (arc_test_walk_again(&walk, arc_data_drawn(ctx, in_folder("memory"), &o, NULL)));
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned),
        cmocka_unit_test(identity_is_in_the_face),
        cmocka_unit_test(nuisance_zero_is_a_portrait),
        cmocka_unit_test(any_size),
        cmocka_unit_test(photos),
        cmocka_unit_test(sets),
        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests_name("drawn", tests, NULL, NULL);
}
