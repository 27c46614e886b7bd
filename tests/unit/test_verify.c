/* Verification: one rule from the model, judged on embeddings and on photos; calibration; the best pair of several faces; photos
 * that cannot be judged. */
#include "face_support.h"
#include "shared_context.h"

#define DIM 32

static arc_model *embedder;

static int setup(void **state) {
    open_context(state);
    return arc_model_new(ctx, "mbf", DIM, 3, &embedder, NULL) == ARC_OK ? 0 : -1;
}

static int teardown(void **state) {
    arc_model_free(&embedder);
    return close_context(state);
}

static arc_calibration calibration(void) {
    arc_calibration c = {.far = 0.01, .threshold = 0.3, .far_points = 3, .knots = 2};
    memcpy(c.far_score, (const double[]){0, 0.3, 0.6}, 3 * sizeof(double));
    memcpy(c.far_rate, (const double[]){0.5, 0.01, 0.0001}, 3 * sizeof(double));
    memcpy(c.knot_score, (const double[]){0, 1}, 2 * sizeof(double));
    memcpy(c.knot_probability, (const double[]){0.1, 0.9}, 2 * sizeof(double));
    return c;
}

static void the_threshold_decides(void **state) {
    (void)state;
    const float a[2] = {3, 0}, b[2] = {1, 1}, opposite[2] = {-2, 0}, nothing[2] = {0, 0};
    const double cosine = arc_embedding_cosine(a, b, 2);
    arc_verify_rule rule = {.threshold = cosine};
    arc_verdict v;
    arc_verify_embeddings(&rule, a, b, 2, &v);
    assert_true(v.same && v.cosine == cosine && v.threshold == cosine); /* the threshold itself is the same person */
    assert_true(fabs(v.angle_degrees - 45) < 1e-9);
    assert_true(!v.calibrated && v.far == 0 && v.probability == 0 && v.far_of_threshold == 0);
    rule.threshold = nextafter(cosine, 1);
    arc_verify_embeddings(&rule, a, b, 2, &v);
    assert_false(v.same);
    arc_verify_embeddings(&rule, a, opposite, 2, &v);
    assert_true(v.cosine == -1 && v.angle_degrees == 180);
    arc_verify_embeddings(&rule, a, a, 2, &v);
    assert_true(v.same && v.angle_degrees == 0);
    arc_verify_embeddings(&rule, a, nothing, 2, &v);
    assert_true(!v.same && v.cosine == 0 && v.angle_degrees == 90);
}

static void the_rule_is_the_models(void **state) {
    (void)state;
    arc_verify_rule rule;
    arc_verdict v;
    arc_model *model = NULL;
    const arc_calibration c = calibration();
    const float a[2] = {1, 0}, b[2] = {0.45f, 0.8930286f};
    assert_int_equal(arc_model_new(ctx, "mbf", DIM, 3, &model, NULL), ARC_OK);
    assert_int_equal(arc_verify_rule_of(model, &rule, NULL), ARC_OK);
    assert_true(rule.threshold == (double)arc_model_contract(model)->threshold && !rule.calibrated);
    assert_int_equal(arc_model_calibrate(model, &c, NULL), ARC_OK);
    assert_int_equal(arc_verify_rule_of(model, &rule, NULL), ARC_OK);
    assert_true(rule.threshold == (double)(float)0.3 && rule.calibrated);
    arc_verify_embeddings(&rule, a, b, 2, &v);
    assert_true(v.same && v.calibrated);
    assert_true(fabs(v.probability - (0.1 + 0.8 * v.cosine)) < 1e-6);
    assert_true(v.far == arc_calibration_far(&rule.calibration, v.cosine) && fabs(v.far - 0.001) < 1e-6);
    assert_true(v.far_of_threshold == arc_calibration_far(&rule.calibration, rule.threshold) && v.far_of_threshold > v.far);
    arc_model_free(&model);
}

static arc_pipeline *open_pipeline(const arc_model *detector, const arc_model *model, bool all_faces) {
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_error err = {0};
    arc_pipeline_options_default(&opt);
    opt.aligned = !detector;
    opt.all_faces = all_faces;
    if (arc_pipeline_new(ctx, detector, model, &opt, &pipeline, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return pipeline;
}

/* Needs no data: crops. The verdict is that of the two embeddings, and another rule gives another. */
static void photos_are_judged_by_their_embeddings(void **state) {
    (void)state;
    arc_pipeline *pipeline = open_pipeline(NULL, embedder, false);
    arc_image picture = test_picture(ctx, 150, 150), crop = picture;
    crop.width_px = crop.height_px = 112;
    arc_photo photos[2] = {arc_photo_from_image(&crop, "a"), arc_photo_from_image(&crop, "b")};
    photos[1].frame.data += 3 * 20 + 30 * crop.stride_bytes;
    arc_verified got;
    arc_verify_rule rule;
    arc_verdict want;
    arc_error err = {0};
    if (arc_verify(pipeline, photos, NULL, &got, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_verify_rule_of(embedder, &rule, NULL), ARC_OK);
    arc_verify_embeddings(&rule, got.photo[0].face->embedding, got.photo[1].face->embedding, DIM, &want);
    assert_true(got.verdict.cosine == want.cosine && got.verdict.same == want.same && got.verdict.threshold == want.threshold);
    assert_int_equal(got.face[0], 0);
    assert_string_equal(got.photo[1].path, "b");
    char *text = NULL, line[160];
    snprintf(line, sizeof line, "cosine %.4f  angle %.1f degrees  %s (threshold %.4f)\n", want.cosine, want.angle_degrees,
             want.same ? "same person" : "different persons", want.threshold);
    assert_int_equal(arc_verified_describe(ctx, &got, false, &text, &err), ARC_OK);
    assert_string_equal(text, line);
    arc_text_free(ctx, &text);
    assert_int_equal(arc_verified_describe(ctx, &got, true, &text, &err), ARC_OK);
    assert_non_null(strstr(text, "{\"path\": \"b\", \"faces_found\": 1"));
    arc_text_free(ctx, &text);
    const double cosine = got.verdict.cosine;
    arc_verified_free(ctx, &got);
    arc_verified_free(ctx, &got);
    arc_verified_free(ctx, NULL);
    for (int side = -1; side <= 1; side += 2) {
        rule.threshold = cosine + side * 1e-9;
        assert_int_equal(arc_verify(pipeline, photos, &rule, &got, &err), ARC_OK);
        assert_true(got.verdict.cosine == cosine && got.verdict.same == (side < 0));
        arc_verified_free(ctx, &got);
    }
    for (int k = 0; k < 2; k++) { /* a photo that cannot be read, on either side */
        const arc_photo kept = photos[k];
        photos[k] = arc_photo_from_path("/nonexistent.jpg");
        assert_int_equal(arc_verify(pipeline, photos, NULL, &got, &err), ARC_ENOTFOUND);
        assert_non_null(strstr(err.text, "/nonexistent.jpg"));
        assert_int_equal(got.photo[1 - k].faces, 1);
        arc_verified_free(ctx, &got);
        photos[k] = kept;
    }
    arc_image_free(ctx, &picture);
    arc_pipeline_free(&pipeline);
}

static void load_pair(arc_model **detector, arc_model **model) {
    arc_error err = {0};
    const char *d = arc_test_file("models/detection/det_500m.onnx"),
               *m = arc_test_file("models/recognition/mobilefacenet_relu6_128d.onnx");
    if (arc_model_load(ctx, d, ARC_TASK_DETECT, NULL, detector, &err) != ARC_OK ||
        arc_model_load(ctx, m, ARC_TASK_EMBED, NULL, model, &err) != ARC_OK)
        fail_msg("%s", err.text);
}

static void real_photos(void **state) {
    (void)state;
    arc_model *detector, *model;
    load_pair(&detector, &model);
    arc_pipeline *pipeline = open_pipeline(detector, model, false), *all = open_pipeline(detector, model, true);
    arc_verified got;
    arc_error err = {0};
    arc_verify_rule rule;
    assert_int_equal(arc_verify_rule_of(detector, &rule, &err), ARC_EINVAL);
    const arc_photo same[2] = {arc_photo_from_path(arc_test_file("photos/pairs/img1.jpg")),
                               arc_photo_from_path(arc_test_file("photos/pairs/img2.jpg"))},
                    other[2] = {same[0], arc_photo_from_path(arc_test_file("photos/pairs/img3.jpg"))};
    if (arc_verify(pipeline, same, NULL, &got, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_true(got.verdict.same && got.verdict.cosine > 0.4);
    arc_verified_free(ctx, &got);
    assert_int_equal(arc_verify(pipeline, other, NULL, &got, &err), ARC_OK);
    assert_true(!got.verdict.same && got.verdict.cosine < 0.3);
    arc_verified_free(ctx, &got);
    /* A group with itself: face 0 and face 0 are the first pair of cosine 1, or one that rounds above it. */
    const arc_photo group = arc_photo_from_path(arc_test_file("photos/insightface/t1.jpg"));
    assert_int_equal(arc_verify(all, (const arc_photo[2]){group, group}, NULL, &got, &err), ARC_OK);
    assert_int_equal(got.photo[0].faces, 6);
    assert_int_equal(got.face[0], got.face[1]);
    for (int a = 0; a < 6; a++)
        for (int b = 0; b < 6; b++) {
            assert_true(got.pair[6 * a + b].cosine ==
                        arc_embedding_cosine(got.photo[0].face[a].embedding, got.photo[1].face[b].embedding, 128));
            assert_true(got.pair[6 * a + b].cosine <= got.verdict.cosine);
        }
    assert_true(got.verdict.same && got.verdict.cosine > 1 - 1e-9);
    arc_verified_free(ctx, &got);
    arc_photo faceless[2] = {same[0], arc_photo_from_path(ARC_SOURCE_DIR "/tests/golden/data/images/420.jpg")};
    assert_int_equal(arc_verify(pipeline, faceless, NULL, &got, &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, "420.jpg: no face found"));
    arc_verified_free(ctx, &got);
    faceless[1] = group;
    faceless[1].has_box = true; /* in a corner */
    memcpy(faceless[1].box_px, (const float[4]){0, 0, 20, 20}, sizeof faceless[1].box_px);
    assert_int_equal(arc_verify(pipeline, faceless, NULL, &got, &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, "no face found in the box"));
    arc_verified_free(ctx, &got);
    arc_pipeline_free(&all);
    arc_pipeline_free(&pipeline);
    arc_model_free(&model);
    arc_model_free(&detector);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_threshold_decides),
        cmocka_unit_test(the_rule_is_the_models),
        cmocka_unit_test(photos_are_judged_by_their_embeddings),
        cmocka_unit_test(real_photos),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
