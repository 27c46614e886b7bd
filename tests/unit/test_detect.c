/* Detection decoding on raw outputs kept from ONNX Runtime, letterbox, NMS and selection; and the whole detector on a real
 * photo. */
#include "face_support.h"

#include "base/base.h"
#include "face/detect/decode.h"
#include "face/views.h"
#include "image/image.h"
#include "shared_context.h"
#include <jansson.h>

/* Greatest distance of any box side or landmark from the reference faces of `key`; fails unless the numbers of faces agree. */
static double compare(const char *key, const arc_face *face, size_t count, double *score_error) {
    json_t *root = json_load_file(arc_test_file("goldens/detection/t1_detections.json"), 0, NULL);
    json_t *list = json_object_get(json_object_get(root, "detections"), key);
    assert_non_null(list);
    if (json_array_size(list) != count)
        fail_msg("%s: %zu faces instead of %zu", key, count, json_array_size(list));
    double worst = 0;
    *score_error = 0;
    for (size_t i = 0; i < count; i++) {
        /* Nearly equal scores may come in either order: the nearest face is the partner. */
        double best = INFINITY, best_score = 0;
        for (size_t k = 0; k < count; k++) {
            json_t *want = json_array_get(list, k), *box = json_object_get(want, "box"),
                   *marks = json_object_get(want, "landmarks");
            const float *got = &face[i].x1_px;
            double far = 0;
            for (size_t j = 0; j < 4; j++)
                far = fmax(far, fabs((double)got[j] - json_number_value(json_array_get(box, j))));
            for (size_t j = 0; j < 10; j++)
                far = fmax(far, fabs((double)face[i].landmark_px[j / 2][j % 2] -
                                     json_number_value(json_array_get(json_array_get(marks, j / 2), j % 2))));
            if (far < best) {
                best = far;
                best_score = fabs((double)face[i].score - json_number_value(json_object_get(want, "score")));
            }
        }
        worst = fmax(worst, best);
        *score_error = fmax(*score_error, best_score);
    }
    json_decref(root);
    return worst;
}

static void decode_raw(const char *key, arc_detector_kind kind, float threshold, float iou) {
    char name[128];
    snprintf(name, sizeof name, "goldens/detection/t1_%s_raw.npz", key);
    arc_map map;
    assert_int_equal(arc_map_open(&map, arc_test_file(name), 1 << 26, NULL), ARC_OK);
    test_npy npy[16];
    arc_net_output out[16];
    int count = test_npz_parse(&map, npy, 16);
    for (int i = 0; i < count; i++) {
        out[i] = (arc_net_output){.name = npy[i].name, .data = npy[i].floats, .rank = npy[i].rank};
        memcpy(out[i].dim, npy[i].dim, sizeof out[i].dim);
    }
    static const float prior_px[6] = {16, 32, 64, 128, 256, 512};
    arc_raw raw = {out, count, 640, 640, threshold, prior_px};
    arc_face_list list = {.alloc = &arc_alloc_libc};
    arc_error err = {0};
    if (arc_decode_faces(kind, &raw, &list, &err) != ARC_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < list.count; i++)
        for (int j = 0; j < 4; j++)
            (&list.face[i].x1_px)[j] /= 0.5f;
    for (size_t i = 0; i < list.count; i++)
        for (int j = 0; j < 10; j++)
            list.face[i].landmark_px[j / 2][j % 2] /= 0.5f;
    arc_nms(&list, iou, kind == ARC_DETECTOR_YUNET ? 0.0f : 1.0f);
    double score_error, worst = compare(key, list.face, list.count, &score_error);
    printf("%s: %zu faces, worst %.5f px, score %.7f\n", key, list.count, worst, score_error);
    assert_true(worst < 0.01 && score_error < 1e-5);

    raw.width_px = 320; /* the outputs are not of this size: refused, not read past the end */
    assert_int_equal(arc_decode_faces(kind, &raw, &list, &err), ARC_ESHAPE);
    raw.width_px = 640;
    raw.count = count / 2;
    assert_int_equal(arc_decode_faces(kind, &raw, &list, &err), ARC_ESHAPE);
    arc_face_list_free(&list);
    for (int i = 0; i < count; i++)
        free(npy[i].floats);
    arc_map_close(&map);
}

static void scrfd_decodes(void **state) {
    (void)state;
    decode_raw("det_500m", ARC_DETECTOR_SCRFD, 0.5f, 0.4f);
    decode_raw("scrfd_2.5g_bnkps", ARC_DETECTOR_SCRFD, 0.5f, 0.4f);
}

static void retinaface_decodes(void **state) {
    (void)state;
    decode_raw("retinaface_mnet025_640", ARC_DETECTOR_RETINAFACE, 0.5f, 0.4f);
}

static void yunet_decodes(void **state) {
    (void)state;
    decode_raw("yunet_s_640_640", ARC_DETECTOR_YUNET, 0.6f, 0.3f);
}

/* One cell of each stride fires; the numbers are worked out by hand from ALGORITHMS 6.5. */
static void mxnet_anchors_decode(void **state) {
    (void)state;
    arc_net_output out[9];
    float *data[9];
    for (int k = 0; k < 3; k++) {
        int64_t side = 64 / (32 >> k);
        static const int channels[3] = {4, 8, 20};
        for (int j = 0; j < 3; j++) {
            data[3 * k + j] = calloc((size_t)(channels[j] * side * side), sizeof(float));
            out[3 * k + j] = (arc_net_output){"x", data[3 * k + j], 4, {1, channels[j], side, side}};
        }
    }
    /* stride 16 (4x4 cells), cell x=1 y=2, second anchor (64 px): dx 0.25, dw ln 0.5; landmark 2 at dy -0.5 */
    int64_t plane = 16, cell = 2 * 4 + 1;
    data[3][3 * plane + cell] = 0.9f;
    data[4][4 * plane + cell] = 0.25f;
    data[4][6 * plane + cell] = logf(0.5f);
    data[5][(10 + 5) * plane + cell] = -0.5f;
    arc_raw raw = {out, 9, 64, 64, 0.5f, NULL};
    arc_face_list list = {.alloc = &arc_alloc_libc};
    assert_int_equal(arc_decode_retinaface_mxnet(&raw, &list, NULL), ARC_OK);
    assert_int_equal(list.count, 1);
    const arc_face *f = list.face;
    float cx = 16 + 7.5f, cy = 32 + 7.5f;
    assert_float_equal(f->x1_px, cx + 16 - 0.5f * 31, 1e-4);
    assert_float_equal(f->x2_px, cx + 16 + 0.5f * 31, 1e-4);
    assert_float_equal(f->y1_px, cy - 0.5f * 63, 1e-4);
    assert_float_equal(f->y2_px, 63, 1e-4); /* clipped to the picture */
    assert_float_equal(f->landmark_px[0][0], cx, 1e-4);
    assert_float_equal(f->landmark_px[2][1], cy - 32, 1e-4);
    arc_face_list_free(&list);
    for (int i = 0; i < 9; i++)
        free(data[i]);
}

static void nms_keeps_the_best(void **state) {
    (void)state;
    arc_face_list list = {.alloc = &arc_alloc_libc};
    arc_face boxes[] = {{0, 0, 10, 10, 0.6f, {{0}}, 0},
                        {1, 1, 11, 11, 0.9f, {{0}}, 0},
                        {30, 30, 40, 40, 0.7f, {{0}}, 0},
                        {100, 100, 180, 180, 0.5f, {{0}}, 0}};
    for (size_t i = 0; i < ARC_COUNT(boxes); i++)
        assert_int_equal(arc_face_list_put(&list, &boxes[i], NULL), ARC_OK);
    arc_nms(&list, 0.4f, 1);
    assert_int_equal(list.count, 3);
    assert_float_equal(list.face[0].score, 0.9f, 0);
    /* area - 2 d^2: the big central face wins over better but small ones */
    assert_int_equal(arc_face_list_select(&list, 1, 280, 280, NULL), ARC_OK);
    assert_int_equal(list.count, 1);
    assert_float_equal(list.face[0].score, 0.5f, 0);
    arc_face_list_free(&list);
}

static void letterbox_sizes(void **state) {
    (void)state;
    static const int cases[][6] = {{1280, 886, 640, 640, 640, 443}, {886, 1280, 640, 640, 443, 640},
                                   {100, 100, 640, 640, 640, 640},  {10000, 2, 640, 640, 640, 1},
                                   {2, 10000, 640, 640, 1, 640},    {640, 480, 320, 256, 320, 240}};
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        int w, h;
        double scale;
        const int *c = cases[i];
        arc_letterbox_size(c[0], c[1], c[2], c[3], &w, &h, &scale);
        assert_int_equal(w, c[4]);
        assert_int_equal(h, c[5]);
        assert_true(scale > 0 && fabs(scale * c[0] - w) < 3);
    }
}

/* The same picture for any number of threads, and black outside. */
static void letterbox_is_black_outside(void **state) {
    (void)state;
    arc_context *one = arc_test_context(NULL, 1), *three = arc_test_context(NULL, 3);
    arc_image photo = test_picture(ctx, 333, 123), a, b;
    double scale;
    assert_int_equal(arc_image_new(ctx, 160, 160, &a, NULL), ARC_OK);
    assert_int_equal(arc_image_new(ctx, 160, 160, &b, NULL), ARC_OK);
    memset(b.data, 77, 160 * 160 * 3);
    assert_int_equal(arc_letterbox(&one->alloc, one->pool, &photo, &a, &scale, NULL), ARC_OK);
    assert_int_equal(arc_letterbox(&three->alloc, three->pool, &photo, &b, &scale, NULL), ARC_OK);
    assert_int_equal(test_hash(&a), test_hash(&b));
    for (int y = 59; y < 160; y++)
        for (int x = 0; x < 480; x++)
            assert_int_equal(b.data[y * b.stride_bytes + x], 0);
    arc_image_free(ctx, &photo);
    arc_image_free(ctx, &a);
    arc_image_free(ctx, &b);
    arc_context_close(&one);
    arc_context_close(&three);
}

static void tensor_follows_the_contract(void **state) {
    (void)state;
    arc_image image = test_picture(ctx, 5, 4);
    arc_contract c = {.bgr = true, .mean = {1, 2, 3}, .scale = {0.5f, 2, 4}};
    arc_view views[2] = {{&image, false}, {&image, true}};
    float t[2 * 3 * 4 * 5], rows[2 * 3 * 4 * 5];
    arc_view_room room;
    const arc_pixels pixels = arc_views_pixels(views, 2, &c, &room);
    const arc_shape shape = {.rank = 4, .dim = {2, 3, 4, 5}};
    arc_pixels_to_planes(ctx->pool, &pixels, &shape, t);
    arc_pixels_to_rows(ctx->pool, &pixels, &shape, rows);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 60; i++) {
            int ch = i / 20, y = i / 5 % 4, x = k ? 4 - i % 5 : i % 5;
            float want = ((float)image.data[y * image.stride_bytes + 3 * x + 2 - ch] - c.mean[ch]) * c.scale[ch];
            assert_float_equal(t[k * 60 + i], want, 0);
            assert_float_equal(rows[k * 60 + (y * 5 + i % 5) * 3 + ch], want, 0);
        }
    arc_image_free(ctx, &image);
}

/* Whole path: photo, letterbox, network, decoding. The reference shrank the photo with another filter
 * (Pillow's), hence up to a pixel with SCRFD. */
static void finds_faces(const char *file, const char *key, double most_px) {
    char name[128];
    snprintf(name, sizeof name, "models/detection/%s", file);
    arc_error err = {0};
    arc_model *model = NULL;
    arc_detector *detector = NULL;
    arc_image photo;
    arc_face faces[32];
    int count = 0;
    const char *path = arc_test_file(name);
    if (arc_model_load(ctx, path, ARC_TASK_DETECT, NULL, &model, &err) != ARC_OK ||
        arc_detector_new(ctx, model, &detector, &err) != ARC_OK ||
        arc_image_load(ctx, arc_test_file("photos/insightface/t1.jpg"), NULL, &photo, NULL, &err) != ARC_OK ||
        arc_detect(detector, &photo, NULL, faces, 32, &count, &err) != ARC_OK)
        fail_msg("%s: %s", file, err.text);
    double score_error, worst = compare(key, faces, (size_t)count, &score_error);
    printf("%s: %d faces, worst %.3f px, score %.4f\n", key, count, worst, score_error);
    assert_true(worst < most_px);
    arc_image_free(ctx, &photo);
    arc_detector_free(&detector);
    arc_model_free(&model);
}

/* The PyTorch checkpoint has no golden of its own: every face of the reference is found, eyes and mouth within a tenth of the
 * face, and nothing else with such confidence. */
static void retinaface_checkpoint_finds_faces(void **state) {
    (void)state;
    arc_error err = {0};
    arc_model *model = NULL;
    arc_detector *detector = NULL;
    arc_image photo;
    arc_face faces[32];
    int count = 0;
    arc_detect_options opt;
    arc_detect_options_default(&opt);
    opt.score_threshold = 0.9f;
    if (arc_model_load(ctx, arc_test_file("models/detection/retinaface_mnet025.pth"), ARC_TASK_DETECT, NULL, &model, &err) !=
            ARC_OK ||
        arc_detector_new(ctx, model, &detector, &err) != ARC_OK ||
        arc_image_load(ctx, arc_test_file("photos/insightface/t1.jpg"), NULL, &photo, NULL, &err) != ARC_OK ||
        arc_detect(detector, &photo, &opt, faces, 32, &count, &err) != ARC_OK)
        fail_msg("%s", err.text);
    double score_error, worst = compare("scrfd_2.5g_bnkps", faces, (size_t)count, &score_error);
    printf("retinaface_mnet025.pth: %d faces, worst %.2f px from SCRFD's\n", count, worst);
    assert_true(worst < 16);
    arc_image_free(ctx, &photo);
    arc_detector_free(&detector);
    arc_model_free(&model);
}

/* The reference's own network input must give the reference's faces. */
static void same_input_same_faces(const char *file, const char *key) {
    char name[128];
    snprintf(name, sizeof name, "models/detection/%s", file);
    arc_map map;
    assert_int_equal(arc_map_open(&map, arc_test_file("goldens/detection/t1_letterbox640_u8_rgb.npy"), 1 << 22, NULL), ARC_OK);
    test_npy npy = test_npy_parse(map.data);
    arc_image box = {(uint8_t *)npy.data, 640, 640, 640 * 3, ARC_RGB8};
    arc_error err = {0};
    arc_model *model = NULL;
    arc_detector *detector = NULL;
    arc_face faces[32];
    int count = 0;
    if (arc_model_load(ctx, arc_test_file(name), ARC_TASK_DETECT, NULL, &model, &err) != ARC_OK ||
        arc_detector_new(ctx, model, &detector, &err) != ARC_OK ||
        arc_detect(detector, &box, NULL, faces, 32, &count, &err) != ARC_OK)
        fail_msg("%s: %s", file, err.text);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < 4; j++)
            (&faces[i].x1_px)[j] *= 2;
        for (int j = 0; j < 10; j++)
            faces[i].landmark_px[j / 2][j % 2] *= 2;
    }
    double score_error, worst = compare(key, faces, (size_t)count, &score_error);
    printf("%s: %d faces, worst %.4f px, score %.6f\n", key, count, worst, score_error);
    assert_true(worst < 0.05 && score_error < 1e-3);
    arc_detector_free(&detector);
    arc_model_free(&model);
    arc_map_close(&map);
}

/* A face that fills the picture is too big for the anchors at 640 px, and right for them at 128. */
static void two_scales_find_close_faces(void **state) {
    (void)state;
    arc_error err = {0};
    arc_model *model = NULL;
    arc_detector *detector = NULL;
    arc_image photo;
    arc_face face;
    int count = 0;
    if (arc_model_load(ctx, arc_test_file("models/detection/det_500m.onnx"), ARC_TASK_DETECT, NULL, &model, &err) != ARC_OK ||
        arc_detector_new(ctx, model, &detector, &err) != ARC_OK ||
        arc_image_load(ctx, arc_test_file("photos/insightface/Tom_Hanks_54745.png"), NULL, &photo, NULL, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_detect_options opt;
    arc_detect_options_default(&opt);
    opt.one_look = true;
    assert_int_equal(arc_detect(detector, &photo, &opt, &face, 1, &count, NULL), ARC_OK);
    assert_int_equal(count, 0);
    opt.multi_scale = true;
    assert_int_equal(arc_detect(detector, &photo, &opt, &face, 1, &count, NULL), ARC_OK);
    assert_int_equal(count, 1);
    assert_true(face.score > 0.5f && face.x2_px - face.x1_px > 40);
    opt.size_px = 100000;
    assert_int_equal(arc_detect(detector, &photo, &opt, &face, 1, &count, NULL), ARC_EINVAL);
    arc_image_free(ctx, &photo);
    arc_detector_free(&detector);
    arc_model_free(&model);
}

static void scrfd_500m_finds_faces(void **state) {
    (void)state;
    same_input_same_faces("det_500m.onnx", "det_500m");
    finds_faces("det_500m.onnx", "det_500m", 1);
}

static void scrfd_25g_finds_faces(void **state) {
    (void)state;
    same_input_same_faces("scrfd_2.5g_bnkps.onnx", "scrfd_2.5g_bnkps");
    finds_faces("scrfd_2.5g_bnkps.onnx", "scrfd_2.5g_bnkps", 1);
}

static void retinaface_finds_faces(void **state) {
    (void)state;
    same_input_same_faces("retinaface_mnet025_640.onnx", "retinaface_mnet025_640");
    finds_faces("retinaface_mnet025_640.onnx", "retinaface_mnet025_640", 1);
}

static void yunet_finds_faces(void **state) {
    (void)state;
    same_input_same_faces("yunet_s_640_640.onnx", "yunet_s_640_640");
    finds_faces("yunet_s_640_640.onnx", "yunet_s_640_640", 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrfd_decodes),
        cmocka_unit_test(retinaface_decodes),
        cmocka_unit_test(yunet_decodes),
        cmocka_unit_test(mxnet_anchors_decode),
        cmocka_unit_test(nms_keeps_the_best),
        cmocka_unit_test(letterbox_sizes),
        cmocka_unit_test(letterbox_is_black_outside),
        cmocka_unit_test(tensor_follows_the_contract),
        cmocka_unit_test(scrfd_500m_finds_faces),
        cmocka_unit_test(scrfd_25g_finds_faces),
        cmocka_unit_test(retinaface_finds_faces),
        cmocka_unit_test(yunet_finds_faces),
        cmocka_unit_test(retinaface_checkpoint_finds_faces),
        cmocka_unit_test(two_scales_find_close_faces),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
