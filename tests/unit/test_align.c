/* Templates, the similarity estimate against scikit-image, both warps, the OpenCV one bit for bit. */
#include "face_support.h"
#include "shared_context.h"

static const char *doubles(const char *at, double *out, int count) {
    for (int i = 0; i < count; i++) {
        char *next;
        out[i] = strtod(at, &next);
        assert_ptr_not_equal(at, next);
        at = next;
    }
    return at;
}

static void check_align(void *arg, const char *fields) {
    double *worst = arg, v[16], m[2][3], residual;
    doubles(fields, v, 16);
    float p[5][2];
    for (int i = 0; i < 10; i++)
        p[i / 2][i % 2] = (float)v[i];
    assert_int_equal(arc_align_estimate((const float(*)[2])p, ARC_TEMPLATE_112, m, &residual, NULL), ARC_OK);
    for (int i = 0; i < 6; i++)
        *worst = fmax(*worst, fabs(m[i / 3][i % 3] - v[10 + i]));
    assert_true(residual >= 0 && isfinite(residual));
}

static void estimate_equals_scikit(void **state) {
    (void)state;
    double worst = 0;
    assert_true(test_golden_lines("align", check_align, &worst) >= 40);
    if (!(worst < 1e-9))
        fail_msg("worst difference %g", worst);
}

static void template_maps_to_itself(void **state) {
    (void)state;
    for (int t = ARC_TEMPLATE_112; t <= ARC_TEMPLATE_224; t++) {
        float p[5][2];
        int w, h;
        double m[2][3], residual;
        arc_template_get((arc_template)t, &w, &h, p);
        assert_int_equal(arc_align_estimate((const float(*)[2])p, (arc_template)t, m, &residual, NULL), ARC_OK);
        assert_true(fabs(m[0][0] - 1) < 1e-9 && fabs(m[1][0]) < 1e-9 && fabs(m[0][2]) < 1e-6 && residual < 1e-6);
    }
}

static void degenerate_points_are_refused(void **state) {
    (void)state;
    double m[2][3], residual;
    float same[5][2] = {{3, 4}, {3, 4}, {3, 4}, {3, 4}, {3, 4}}, nan[5][2] = {{0, 0}, {1, NAN}, {2, 2}, {3, 1}, {4, 4}};
    assert_int_equal(arc_align_estimate((const float(*)[2])same, ARC_TEMPLATE_112, m, &residual, NULL), ARC_EINVAL);
    assert_int_equal(arc_align_estimate((const float(*)[2])nan, ARC_TEMPLATE_112, m, NULL, NULL), ARC_EINVAL);
}

static void check_warp(void *arg, const char *fields) {
    (void)arg;
    double size[2], m[6], matrix[2][3];
    const char *rest = doubles(doubles(fields, size, 2), m, 6);
    unsigned long long hash = strtoull(rest, NULL, 16);
    memcpy(matrix, m, sizeof m);
    arc_image image = test_picture(ctx, (int)size[0], (int)size[1]), crop;
    assert_int_equal(arc_image_new(ctx, 112, 112, &crop, NULL), ARC_OK);
    assert_int_equal(arc_align_warp(&image, (const double(*)[3])matrix, ARC_WARP_OPENCV, &crop, NULL), ARC_OK);
    if (test_hash(&crop) != hash)
        fail_msg("the warp of %g x %g differs from OpenCV", size[0], size[1]);
    arc_image_free(ctx, &image);
    arc_image_free(ctx, &crop);
}

static void fixed_point_warp_equals_opencv(void **state) {
    (void)state;
    assert_true(test_golden_lines("warp", check_warp, NULL) >= 20);
}

/* On a linear ramp bilinear interpolation is exact, so the warp must give the ramp at the mapped place. */
static void exact_warp_on_a_ramp(void **state) {
    (void)state;
    arc_image image, crop;
    assert_int_equal(arc_image_new(ctx, 120, 120, &image, NULL), ARC_OK);
    assert_int_equal(arc_image_new(ctx, 50, 50, &crop, NULL), ARC_OK);
    for (int y = 0; y < 120; y++)
        for (int x = 0; x < 120; x++)
            for (int c = 0; c < 3; c++)
                image.data[y * image.stride_bytes + 3 * x + c] = (uint8_t)(x + y);
    const double m[2][3] = {{0.8, -0.1, -20}, {0.1, 0.8, -25}};
    assert_int_equal(arc_align_warp(&image, m, ARC_WARP_EXACT, &crop, NULL), ARC_OK);
    double det = 0.8 * 0.8 + 0.1 * 0.1;
    for (int y = 0; y < 50; y++)
        for (int x = 0; x < 50; x++) {
            double u = (0.8 * (x + 20) + 0.1 * (y + 25)) / det, v = (-0.1 * (x + 20) + 0.8 * (y + 25)) / det;
            assert_true(fabs(crop.data[y * crop.stride_bytes + 3 * x] - (u + v)) <= 0.5 + 1e-9);
        }
    const double far[2][3] = {{1, 0, 1e9}, {0, 1, 1e9}}, flat[2][3] = {{1, 2, 0}, {2, 4, 0}};
    assert_int_equal(arc_align_warp(&image, far, ARC_WARP_EXACT, &crop, NULL), ARC_OK);
    assert_int_equal(crop.data[0], 0);
    assert_int_equal(arc_align_warp(&image, far, ARC_WARP_OPENCV, &crop, NULL), ARC_OK);
    assert_int_equal(crop.data[0], 0);
    assert_int_equal(arc_align_warp(&image, flat, ARC_WARP_EXACT, &crop, NULL), ARC_EINVAL);
    arc_image_free(ctx, &image);
    arc_image_free(ctx, &crop);
}

/* In one step as in three, in the picture's own order of bytes; a failure leaves no crop. */
static void align_face_is_estimate_and_warp(void **state) {
    (void)state;
    const float points[5][2] = {{60, 50}, {93, 58}, {74, 75}, {55, 92}, {86, 97}};
    float nowhere[5][2] = {{0}};
    arc_image image = test_picture(ctx, 150, 140), none = {0};
    image.format = ARC_BGR8;
    for (int t = ARC_TEMPLATE_112; t <= ARC_TEMPLATE_224; t++)
        for (int how = ARC_WARP_EXACT; how <= ARC_WARP_OPENCV; how++) {
            int width_px, height_px;
            double matrix[2][3], want, residual = 0;
            arc_image crop, expected;
            arc_template_get((arc_template)t, &width_px, &height_px, NULL);
            assert_int_equal(arc_align_estimate(points, (arc_template)t, matrix, &want, NULL), ARC_OK);
            assert_int_equal(arc_image_new(ctx, width_px, height_px, &expected, NULL), ARC_OK);
            assert_int_equal(arc_align_warp(&image, (const double(*)[3])matrix, (arc_warp)how, &expected, NULL), ARC_OK);
            assert_int_equal(
                arc_align_face(ctx, &image, points, (arc_template)t, (arc_warp)how, &crop, how ? NULL : &residual, NULL), ARC_OK);
            assert_int_equal(crop.width_px, width_px);
            assert_int_equal(crop.height_px, height_px);
            assert_int_equal(crop.format, ARC_BGR8);
            assert_true(test_hash(&crop) == test_hash(&expected));
            assert_true(want > 0 && residual == (how ? 0 : want)); /* it was not asked for the second time */
            arc_image_free(ctx, &crop);
            arc_image_free(ctx, &expected);
        }
    arc_image crop = image;
    arc_error err = {0};
    assert_int_equal(arc_align_face(ctx, &image, (const float(*)[2])nowhere, ARC_TEMPLATE_112, ARC_WARP_EXACT, &crop, NULL, &err),
                     ARC_EINVAL);
    assert_null(crop.data);
    assert_int_equal(arc_align_face(ctx, &none, points, ARC_TEMPLATE_112, ARC_WARP_EXACT, &crop, NULL, &err), ARC_EINVAL);
    assert_null(crop.data);
    arc_image_free(ctx, &image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimate_equals_scikit),        cmocka_unit_test(template_maps_to_itself),
        cmocka_unit_test(degenerate_points_are_refused), cmocka_unit_test(fixed_point_warp_equals_opencv),
        cmocka_unit_test(exact_warp_on_a_ramp),          cmocka_unit_test(align_face_is_estimate_and_warp),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
