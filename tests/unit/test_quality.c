/* gallery/decide: quality of a face's picture, for heads turned by known angles and crops of known structure. */
#include "support.h"
#include <arcface/quality.h>
#include <math.h>

#define SIDE 112

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.12g, not %.12g", got, want);
}

/* A head that looks yaw_deg to the right and is turned roll_deg clockwise; its nose is 15 px of the crop before its eyes. */
static arc_result_face head(double yaw_deg, double roll_deg, double scale) {
    const double degree = acos(-1) / 180, yaw = yaw_deg * degree, roll = roll_deg * degree;
    arc_result_face f = {.face.score = 0.9F};
    float point[5][2];
    arc_template_get(ARC_TEMPLATE_112, NULL, NULL, point);
    for (int i = 0; i < 5; i++) {
        const double x = ((double)point[i][0] - 56) * cos(yaw) + (i == 2 ? 15 : 0) * sin(yaw), y = (double)point[i][1] - 56;
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
            arc_face_quality(&f, 0, &q);
            near(q.yaw_deg, yaw, 0.01);
            near(q.pitch_deg, 0, 0.01);
            near(q.roll_deg, roll, 0.01);
            near(q.pose, cos(yaw * acos(-1) / 180), 1e-4);
        }
}

static void test_turned_and_small_are_worse(void **state) {
    const arc_result_face straight = head(0, 0, 1), turned = head(40, 0, 1), small = head(0, 0, 0.5), large = head(0, 0, 4);
    arc_quality q, other;
    (void)state;
    arc_face_quality(&straight, 0, &q);
    near(q.size, 1, 1e-3);
    near(q.alignment, 1, 1e-3);
    near(q.detector, 0.9, 1e-6);
    near(q.combined, pow(0.9, 0.25), 1e-3); /* sharpness and norm are unknown */
    arc_face_quality(&turned, 0, &other);
    assert_true(other.alignment < q.alignment && other.combined < q.combined);
    arc_face_quality(&small, 0, &other);
    near(other.size, 0.5, 1e-3);
    assert_true(other.combined < q.combined);
    arc_face_quality(&large, 0, &other);
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
    arc_face_quality(&f, 0, &q);
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
    arc_face_quality(&f, 20, &q);
    near(q.norm, 0.5, 1e-9);
    near(q.combined, 0.5, 1e-9);
    arc_face_quality(&f, 0, &q);
    assert_true(isnan(q.norm) && isnan(q.combined));
    f = (arc_result_face){.face.score = 0.5F}; /* landmarks that fall together */
    arc_face_quality(&f, 0, &q);
    assert_true(isnan(q.pose) && isnan(q.yaw_deg) && isnan(q.size));
    near(q.combined, 0.5, 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pose),
        cmocka_unit_test(test_turned_and_small_are_worse),
        cmocka_unit_test(test_sharpness),
        cmocka_unit_test(test_norm_and_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
