/* gallery/decide: quality of a face's picture, for heads turned by known angles and crops of known structure. */
#include "gallery/decide/quality.h"
#include "shared_context.h"
#include <arcface/quality.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define SIDE 112

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.12g, not %.12g", got, want);
}

/* A head that looks yaw_deg to the right and is turned roll_deg clockwise; its nose is 15 px of the crop before its eyes, and 3.7
 * lower than the template's. */
static arc_result_face head(double yaw_deg, double roll_deg, double scale) {
    const double degree = acos(-1) / 180, yaw = yaw_deg * degree, roll = roll_deg * degree;
    arc_result_face f = {.face.score = 0.9F};
    float point[5][2];
    arc_template_get(ARC_TEMPLATE_112, NULL, NULL, point);
    for (int i = 0; i < 5; i++) {
        const double x = ((double)point[i][0] - 56) * cos(yaw) + (i == 2 ? 15 : 0) * sin(yaw),
                     y = (double)point[i][1] - (i == 2 ? 52.3 : 56);
        f.face.landmark_px[i][0] = (float)(500 + scale * (x * cos(roll) - y * sin(roll)));
        f.face.landmark_px[i][1] = (float)(400 + scale * (x * sin(roll) + y * cos(roll)));
    }
    return f;
}

static void test_pose(void **state) {
    arc_quality q;
    (void)state;
    for (int yaw = -60; yaw <= 60; yaw += 20)
        for (int roll = -90; roll <= 90; roll += 30) {
            const arc_result_face f = head(yaw, roll, 2);
            arc_face_quality(&f, ARC_FACE_DETECTED, 0, &q);
            near(q.yaw_deg, yaw, 0.01);
            near(q.pitch_deg, 0, 0.01);
            near(q.roll_deg, roll, 0.01);
            near(q.pose, cos(yaw * acos(-1) / 180), 1e-4);
        }
}

/* The weighted geometric mean of the parts that are known. */
static double mean_of(const arc_quality *q) {
    double value[ARC_QUALITY_PARTS], product = 1, weights = 0;
    arc_quality_values(q, value);
    for (int i = 0; i < ARC_QUALITY_PARTS; i++)
        weights += isnan(value[i]) ? 0 : arc_quality_parts[i].weight;
    for (int i = 0; i < ARC_QUALITY_PARTS; i++)
        product *= isnan(value[i]) ? 1 : pow(value[i], arc_quality_parts[i].weight / weights);
    return product;
}

static void test_turned_and_small_are_worse(void **state) {
    const arc_result_face straight = head(0, 0, 1), turned = head(40, 0, 1), small = head(0, 0, 0.5), large = head(0, 0, 4);
    arc_quality q, other;
    (void)state;
    arc_face_quality(&straight, ARC_FACE_DETECTED, 0, &q);
    near(q.size, 1, 1e-3);
    near(q.residual_px, 3.7 * 2 / 5, 0.01); /* of the five points only the nose is elsewhere, and the fit follows it by a fifth */
    near(q.alignment, 1 / (1 + 1.48 * 1.48 / 36), 1e-3);
    near(q.detector, 0.9, 1e-6);
    near(q.combined, mean_of(&q), 1e-6); /* sharpness and norm are unknown */
    arc_face_quality(&turned, ARC_FACE_DETECTED, 0, &other);
    assert_true(other.alignment < q.alignment && other.combined < q.combined);
    arc_face_quality(&small, ARC_FACE_DETECTED, 0, &other);
    near(other.size, 0.5, 0.01);
    assert_true(other.combined < q.combined);
    arc_face_quality(&large, ARC_FACE_DETECTED, 0, &other);
    near(other.size, 1, 0);
}

/* Stripes of 0 and 200, `width` pixels each. */
static double sharpness(int width) {
    static uint8_t pixel[SIDE * SIDE * 3];
    arc_quality q;
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        pixel[i] = width > 0 && i / 3 % SIDE / width % 2 ? 200 : 0;
    const arc_result_face f = {
        .crop = {.data = pixel, .width_px = SIDE, .height_px = SIDE, .stride_bytes = (ptrdiff_t)SIDE * 3, .format = ARC_RGB8}};
    arc_face_quality(&f, ARC_FACE_CROP, 0, &q);
    assert_true(isnan(q.detector) && isnan(q.pose) && isnan(q.size) && isnan(q.norm));
    near(q.combined, q.sharpness, 1e-5);
    return q.sharpness;
}

static void test_sharpness(void **state) {
    (void)state;
    near(sharpness(0), 0, 0);
    /* the Laplacian is -4 times the distance from the mean */
    near(sharpness(1), 16 / 16.02, 1e-5);
    assert_true(sharpness(1) > sharpness(4) && sharpness(4) > sharpness(16));
}

static void test_norm_and_nothing(void **state) {
    arc_result_face f = {.norm = 20};
    arc_quality q;
    (void)state;
    arc_face_quality(&f, ARC_FACE_CROP, 20, &q);
    near(q.norm, 1 / (1 + 0.1296), 1e-9); /* 0.6^4 */
    near(q.combined, q.norm, 1e-9);
    arc_face_quality(&f, ARC_FACE_CROP, 20 / 0.6, &q);
    near(q.norm, 0.5, 1e-9);
    arc_face_quality(&f, ARC_FACE_CROP, 0, &q);
    assert_true(isnan(q.norm) && isnan(q.combined));
    f = (arc_result_face){.face.score = 0.5F}; /* landmarks that fall together */
    arc_face_quality(&f, ARC_FACE_DETECTED, 0, &q);
    assert_true(isnan(q.pose) && isnan(q.yaw_deg) && isnan(q.size));
    near(q.combined, 0.5, 1e-6);
}

static arc_quality measured(const arc_result_face *face, arc_face_origin from) {
    arc_quality q;
    arc_face_quality(face, from, 0, &q);
    return q;
}

/* What nothing has measured is unknown: the score of a face whose landmarks were given, and all of a crop's place. */
static void test_origins(void **state) {
    const arc_result_face f = head(20, 0, 1);
    const arc_quality given = measured(&f, ARC_FACE_GIVEN), crop = measured(&f, ARC_FACE_CROP);
    (void)state;
    assert_true(isnan(given.detector) && given.pose > 0.9 && given.size > 0.9 && given.alignment > 0.5);
    assert_true(isnan(crop.detector) && isnan(crop.pose) && isnan(crop.size) && isnan(crop.alignment) && isnan(crop.combined));
}

static void expect_advice(const arc_quality *q, const char *words) {
    char *text = NULL;
    assert_int_equal(arc_quality_advise(ctx, q, &text, NULL), ARC_OK);
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in: %s", words, text);
    arc_text_free(ctx, &text);
}

static void test_advice_names_what_is_worst(void **state) {
    const arc_result_face small = head(0, 0, 0.2), turned = head(70, 0, 2);
    arc_quality q = measured(&small, ARC_FACE_DETECTED);
    (void)state;
    expect_advice(&q, "size is 0.20, 7 pixels between the eyes: the face is small; go nearer");
    q = measured(&turned, ARC_FACE_DETECTED);
    expect_advice(&q, "pose is 0.34, yaw 70 and pitch 0 degrees: the face is turned away");
    q.sharpness = 0.01;
    expect_advice(&q, "sharpness is 0.01: the face is blurred");
    q.detector = 1e-9;
    expect_advice(&q, "detector is 0.00: the detector is not sure that this is a face");
    const arc_result_face good = head(0, 0, 2);
    q = measured(&good, ARC_FACE_DETECTED);
    q.norm = 0.3;
    expect_advice(&q, "norm is 0.30: the model sees little of a face in it");
    q.sharpness = 0.5; /* a reason */
    expect_advice(&q, "sharpness is 0.50");
    q = measured(&turned, ARC_FACE_CROP);
    expect_advice(&q, "nothing of it could be measured");
}

static void test_text(void **state) {
    const arc_result_face f = head(0, 0, 2);
    arc_quality q = measured(&f, ARC_FACE_DETECTED);
    char *text = NULL;
    (void)state;
    assert_int_equal(arc_quality_describe(ctx, &q, false, &text, NULL), ARC_OK);
    assert_non_null(strstr(text, " (detector 0.90, alignment 0.94, size 1.00, pose 1.00)"));
    arc_text_free(ctx, &text);
    assert_int_equal(arc_quality_describe(ctx, &q, true, &text, NULL), ARC_OK);
    json_t *json = json_loads(text, 0, NULL);
    near(json_number_value(json_object_get(json, "combined")), q.combined, 1e-5);
    near(json_number_value(json_object_get(json, "eyes_px")), q.eyes_px, 0.01);
    assert_null(json_object_get(json, "sharpness"));
    json_decref(json);
    arc_text_free(ctx, &text);
    q = measured(&f, ARC_FACE_CROP);
    assert_int_equal(arc_quality_describe(ctx, &q, false, &text, NULL), ARC_OK);
    assert_string_equal(text, "unknown");
    arc_text_free(ctx, &text);
    assert_int_equal(arc_quality_describe(ctx, &q, true, &text, NULL), ARC_OK);
    assert_string_equal(text, "{\"combined\": null}");
    arc_text_free(ctx, &text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pose),      cmocka_unit_test(test_turned_and_small_are_worse),
        cmocka_unit_test(test_sharpness), cmocka_unit_test(test_norm_and_nothing),
        cmocka_unit_test(test_origins),   cmocka_unit_test(test_advice_names_what_is_worst),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
