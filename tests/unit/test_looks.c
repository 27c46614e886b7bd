/* Second looks: the rules by which faces are upright, doubtful and merged; photos that are turned, filled by a face or full of
 * small ones; upright photos keep their results. */
#include "face_support.h"

#include "face/detect/look.h"
#include "image/image.h"
#include "shared_context.h"

/* ---- rules ---- */

/* A face of 40 x 50 pixels around x, y, whose landmarks are turned clockwise by so many degrees. */
static arc_face face_at(float x, float y, float score, double degrees) {
    static const float points[5][2] = {{-10, -8}, {10, -8}, {0, 2}, {-8, 12}, {8, 12}};
    arc_face f = {x - 20, y - 25, x + 20, y + 25, score, {{0}}, 0};
    const double a = degrees * 3.14159265358979 / 180;
    for (int i = 0; i < 5; i++) {
        f.landmark_px[i][0] = x + (float)(points[i][0] * cos(a) - points[i][1] * sin(a));
        f.landmark_px[i][1] = y + (float)(points[i][0] * sin(a) + points[i][1] * cos(a));
    }
    return f;
}

static void landmarks_say_what_is_upright(void **state) {
    (void)state;
    for (int turned = 0; turned < 360; turned += 90)
        for (int degrees = -180; degrees < 180; degrees += 10) {
            arc_face f = face_at(100, 100, 0.9f, degrees - turned);
            f.turned_degrees = turned;
            assert_int_equal(arc_face_upright(&f), abs(degrees) < 55);
        }
}

static void landmarks_and_scores_raise_doubt(void **state) {
    (void)state;
    const arc_face good = face_at(0, 0, 0.8f, 30), weak = face_at(0, 0, 0.7f, 0), steep = face_at(0, 0, 0.999f, 60);
    assert_false(arc_face_doubtful(&good, ARC_DETECTOR_SCRFD));
    assert_true(arc_face_doubtful(&weak, ARC_DETECTOR_SCRFD));
    assert_true(arc_face_doubtful(&steep, ARC_DETECTOR_SCRFD));
    assert_true(arc_face_doubtful(&good, ARC_DETECTOR_YUNET));
    assert_true(arc_face_doubtful(&good, ARC_DETECTOR_RETINAFACE));
}

/* The pixel that a turned picture shows at a point is the one that the point turned back names. */
static void faces_turn_back_to_their_pixels(void **state) {
    (void)state;
    enum { W = 30, H = 20 };
    for (int turns = 1; turns < 4; turns++) {
        arc_face f = {3, 5, 9, 11, 0.5f, {{3, 5}, {9, 5}, {3, 11}, {9, 11}, {4, 6}}, 0};
        const arc_face was = f;
        arc_face_turn_back(&f, turns, W, H);
        assert_int_equal(f.turned_degrees, 90 * turns);
        assert_float_equal(f.x2_px - f.x1_px, 6, 0);
        assert_float_equal(f.y2_px - f.y1_px, 6, 0);
        for (int i = 0; i < 5; i++) {
            /* forwards, one quarter after the other: x, y of a picture of height h goes to h-1-y, x */
            float x = f.landmark_px[i][0], y = f.landmark_px[i][1];
            for (int k = 0; k < turns; k++) {
                const float moved = (float)((k % 2 ? W : H) - 1) - y;
                y = x;
                x = moved;
            }
            assert_float_equal(x, was.landmark_px[i][0], 0);
            assert_float_equal(y, was.landmark_px[i][1], 0);
        }
    }
}

/* How many faces there are after merging `found` in a turned look into one of the first look, and the score of the first. */
static int merged(arc_face first, arc_face found, float *score) {
    arc_face_list faces = {.alloc = &arc_alloc_libc}, turned = {.alloc = &arc_alloc_libc};
    int added;
    assert_int_equal(arc_face_list_put(&faces, &first, NULL), ARC_OK);
    assert_int_equal(arc_face_list_put(&turned, &found, NULL), ARC_OK);
    assert_int_equal(arc_faces_merge(&faces, &turned, &added, NULL), ARC_OK);
    const int count = (int)faces.count;
    *score = faces.face[0].score;
    arc_face_list_free(&faces);
    arc_face_list_free(&turned);
    return count;
}

static void the_better_upright_view_is_taken(void **state) {
    (void)state;
    arc_face hanging = face_at(100, 100, 0.8f, 180), lying = face_at(102, 98, 0.6f, 90);
    float score;
    hanging.turned_degrees = 180;
    assert_int_equal(merged(face_at(103, 97, 0.7f, 0), hanging, &score), 1); /* higher score */
    assert_float_equal(score, 0.8f, 0);
    assert_int_equal(merged(face_at(103, 97, 0.9f, 0), hanging, &score), 1); /* lower score */
    assert_float_equal(score, 0.9f, 0);
    assert_int_equal(merged(face_at(103, 97, 0.9f, 90), hanging, &score), 1); /* the first was not upright */
    assert_float_equal(score, 0.8f, 0);
    assert_int_equal(merged(face_at(300, 100, 0.9f, 0), hanging, &score), 2); /* another face */
    lying.turned_degrees = 180;
    assert_int_equal(merged(face_at(103, 97, 0.5f, 90), lying, &score), 1); /* not upright when turned either */
    assert_float_equal(score, 0.5f, 0);
}

static void known_faces_are_not_added_again(void **state) {
    (void)state;
    arc_face_list faces = {.alloc = &arc_alloc_libc}, more = {.alloc = &arc_alloc_libc};
    const arc_face known = face_at(100, 100, 0.6f, 0), again = face_at(104, 96, 0.9f, 0), other = face_at(200, 100, 0.5f, 0);
    int added;
    assert_int_equal(arc_face_list_put(&faces, &known, NULL), ARC_OK);
    assert_int_equal(arc_face_list_put(&more, &again, NULL), ARC_OK);
    assert_int_equal(arc_face_list_put(&more, &other, NULL), ARC_OK);
    assert_int_equal(arc_faces_add(&faces, &more, 50, &added, NULL), ARC_OK);
    assert_int_equal(added, 1);
    assert_int_equal(faces.count, 2);
    assert_float_equal(faces.face[0].score, 0.6f, 0);
    assert_float_equal(faces.face[1].score, 0.5f, 0);
    assert_int_equal(arc_faces_add(&faces, &more, 51, &added, NULL), ARC_OK); /* both are small: the closer look is right */
    assert_int_equal(added, 2);
    assert_int_equal(faces.count, 2);
    assert_float_equal(faces.face[0].score, 0.9f, 0);
    arc_face_list_free(&faces);
    arc_face_list_free(&more);
}

/* ---- photos ---- */

static arc_model *load(const char *name, arc_task task) {
    arc_model *model = NULL;
    arc_error err = {0};
    if (arc_model_load(ctx, arc_test_file(name), task, NULL, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return model;
}

static arc_image load_photo(const char *name) {
    arc_image photo;
    arc_error err = {0};
    if (arc_image_load(ctx, arc_test_file(name), NULL, &photo, NULL, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return photo;
}

static arc_image blank(int w, int h) {
    arc_image image;
    assert_int_equal(arc_image_new(ctx, w, h, &image, NULL), ARC_OK);
    for (int y = 0; y < h; y++)
        memset(image.data + y * image.stride_bytes, 90, (size_t)w * 3);
    return image;
}

/* Copies `from`, turned clockwise by so many quarters, into `to` at x, y. */
static void put(const arc_image *from, int turns, arc_image *to, int x, int y) {
    const int w = from->width_px, h = from->height_px;
    for (int v = 0; v < h; v++)
        for (int u = 0; u < w; u++) {
            const int tx = turns == 0 ? u : turns == 1 ? h - 1 - v : turns == 2 ? w - 1 - u : v;
            const int ty = turns == 0 ? v : turns == 1 ? u : turns == 2 ? h - 1 - v : w - 1 - u;
            memcpy(to->data + (y + ty) * to->stride_bytes + 3 * (x + tx), from->data + v * from->stride_bytes + 3 * u, 3);
        }
}

static arc_image turned(const arc_image *from, int turns) {
    arc_image out = turns % 2 ? blank(from->height_px, from->width_px) : blank(from->width_px, from->height_px);
    put(from, turns, &out, 0, 0);
    return out;
}

static arc_image scaled(const arc_image *from, int w, int h) {
    arc_image out = blank(w, h);
    out.format = from->format;
    assert_int_equal(arc_resize_linear(&ctx->alloc, NULL, from, &out, NULL), ARC_OK);
    return out;
}

static const char *const scrfd = "models/detection/scrfd_2.5g_bnkps.onnx";

static arc_pipeline *open_pipeline(const arc_model *detector, const arc_model *embedder, const arc_detect_options *how) {
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_error err = {0};
    arc_pipeline_options_default(&opt);
    opt.detect = *how;
    opt.all_faces = true;
    if (arc_pipeline_new(ctx, detector, embedder, &opt, &pipeline, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return pipeline;
}

static arc_result run(arc_pipeline *pipeline, const arc_image *image) {
    const arc_photo photo = arc_photo_from_image(image, "photo");
    arc_result result;
    assert_int_equal(arc_pipeline_run_photos(pipeline, &photo, 1, &result, NULL, NULL, NULL), ARC_OK);
    assert_int_equal(result.status, ARC_OK);
    return result;
}

/* With these options (one_look, no_turn), or with the default for false, false. */
static arc_result detect(const arc_model *detector, const arc_image *image, bool one_look, bool no_turn) {
    arc_detect_options how;
    arc_detect_options_default(&how);
    how.one_look = one_look;
    how.no_turn = no_turn;
    arc_pipeline *pipeline = open_pipeline(detector, NULL, &how);
    arc_result r = run(pipeline, image);
    arc_pipeline_free(&pipeline);
    return r;
}

/* Whatever a photo is turned by, it is the face of the upright photo that is embedded. */
static void turned_photos_give_the_upright_face(void **state) {
    (void)state;
    static const char *const names[] = {"photos/pairs/img1.jpg", "photos/pairs/img3.jpg", "photos/pairs/img27.jpg"};
    arc_model *detector = load(scrfd, ARC_TASK_DETECT),
              *embedder = load("models/recognition/w600k_mbf_dequantised_fp32.onnx", ARC_TASK_EMBED);
    arc_detect_options how;
    arc_detect_options_default(&how);
    arc_pipeline *pipeline = open_pipeline(detector, embedder, &how);
    how.no_turn = true;
    arc_pipeline *stubborn = open_pipeline(detector, embedder, &how);
    const int dim = arc_model_contract(embedder)->dim;
    double worst = 1, best_as_it_is = -1;
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        arc_image photo = load_photo(names[i]);
        arc_result upright = run(pipeline, &photo);
        assert_int_equal(upright.looks, 0);
        assert_int_equal(upright.faces, 1);
        for (int turns = 1; turns < 4; turns++) {
            arc_image image = turned(&photo, turns);
            arc_result r = run(pipeline, &image);
            assert_int_equal(r.looks, ARC_LOOK_TURNED);
            assert_int_equal(r.faces, 1);
            assert_int_equal(r.face[0].face.turned_degrees, 360 - 90 * turns);
            worst = fmin(worst, arc_embedding_cosine(r.face[0].embedding, upright.face[0].embedding, dim));
            arc_result_free(ctx, &r);
            r = run(stubborn, &image);
            assert_int_equal(r.looks & ARC_LOOK_TURNED, 0);
            for (int k = 0; k < r.faces; k++)
                assert_int_equal(r.face[k].face.turned_degrees, 0);
            if (turns == 2 && r.faces)
                best_as_it_is = fmax(best_as_it_is, arc_embedding_cosine(r.face[0].embedding, upright.face[0].embedding, dim));
            arc_result_free(ctx, &r);
            arc_image_free(ctx, &image);
        }
        arc_result_free(ctx, &upright);
        arc_image_free(ctx, &photo);
    }
    printf("turned and upright: cosine at least %.4f; upside down as it is: at most %.3f\n", worst, best_as_it_is);
    assert_true(worst > 0.95 && best_as_it_is < 0.5);
    arc_pipeline_free(&pipeline);
    arc_pipeline_free(&stubborn);
    arc_model_free(&detector);
    arc_model_free(&embedder);
}

static void upright_photos_keep_their_faces(void **state) {
    (void)state;
    static const char *const names[] = {"photos/insightface/t1.jpg", "photos/pairs/img1.jpg", "photos/pairs/img11.jpg",
                                        "photos/pairs/couple.jpg", "photos/pairs/img47.jpg"};
    arc_model *detector = load(scrfd, ARC_TASK_DETECT);
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        arc_image photo = load_photo(names[i]);
        arc_result one = detect(detector, &photo, true, false), all = detect(detector, &photo, false, false);
        assert_int_equal(all.looks, 0);
        assert_int_equal(all.faces, one.faces);
        for (int k = 0; k < one.faces; k++)
            assert_memory_equal(&all.face[k].face, &one.face[k].face, sizeof one.face[k].face);
        arc_result_free(ctx, &one);
        arc_result_free(ctx, &all);
        arc_image_free(ctx, &photo);
    }
    arc_model_free(&detector);
}

/* Of two faces in a photo the one that is upside down is turned, the other keeps its bits. */
static void each_face_is_turned_by_itself(void **state) {
    (void)state;
    arc_model *detector = load(scrfd, ARC_TASK_DETECT);
    arc_image full = load_photo("photos/pairs/img1.jpg"), photo = scaled(&full, 400, 400 * full.height_px / full.width_px);
    arc_image both = blank(800, photo.height_px);
    put(&photo, 0, &both, 0, 0);
    put(&photo, 2, &both, 400, 0);
    arc_result one = detect(detector, &both, true, false), r = detect(detector, &both, false, false);
    assert_int_equal(r.faces, 2);
    assert_int_equal(r.looks, ARC_LOOK_TURNED);
    for (int i = 0; i < 2; i++) {
        const arc_face *f = &r.face[i].face;
        const bool hangs = f->x1_px > 400;
        assert_int_equal(f->turned_degrees, hangs ? 180 : 0);
        if (hangs) /* the eyes are below the mouth */
            assert_true(f->landmark_px[0][1] > f->landmark_px[3][1] && f->landmark_px[0][0] > f->landmark_px[1][0]);
        else
            assert_memory_equal(f, &one.face[0].face, sizeof *f);
    }
    arc_result_free(ctx, &one);
    arc_result_free(ctx, &r);
    arc_image_free(ctx, &full);
    arc_image_free(ctx, &photo);
    arc_image_free(ctx, &both);
    arc_model_free(&detector);
}

/* The part of a photo that its face fills. */
static arc_image close_up(const arc_model *detector, const arc_image *photo) {
    arc_result r = detect(detector, photo, true, false);
    const arc_face *f = &r.face[0].face;
    arc_image part = *photo;
    const int x = (int)fmaxf(0, f->x1_px), y = (int)fmaxf(0, f->y1_px);
    part.data += y * photo->stride_bytes + 3 * x;
    part.width_px = (int)f->x2_px - x;
    part.height_px = (int)f->y2_px - y;
    arc_result_free(ctx, &r);
    return part;
}

static void faces_that_fill_the_photo_are_found(void **state) {
    (void)state;
    arc_model *detector = load(scrfd, ARC_TASK_DETECT);
    arc_image photo = load_photo("photos/pairs/img1.jpg"), part = close_up(detector, &photo);
    for (int turns = 0; turns < 4; turns += 2) {
        arc_image image = turned(&part, turns);
        arc_result one = detect(detector, &image, true, false), r = detect(detector, &image, false, false);
        assert_int_equal(one.faces, 0);
        assert_int_equal(one.looks, 0);
        assert_int_equal(r.faces, 1);
        assert_int_equal(r.looks, turns ? ARC_LOOK_BORDER | ARC_LOOK_TURNED : ARC_LOOK_BORDER);
        assert_int_equal(r.face[0].face.turned_degrees, 90 * turns);
        const arc_face *f = &r.face[0].face;
        assert_true(f->x2_px - f->x1_px > 0.8f * (float)part.width_px && f->y2_px - f->y1_px > 0.8f * (float)part.height_px);
        arc_result_free(ctx, &one);
        arc_result_free(ctx, &r);
        arc_image_free(ctx, &image);
    }
    arc_image_free(ctx, &photo);
    arc_model_free(&detector);
}

/* A photo of 3000 pixels with faces of 27: reduced to 640 none is left. */
static void small_faces_are_found_in_tiles(void **state) {
    (void)state;
    arc_model *detector = load(scrfd, ARC_TASK_DETECT);
    arc_image t1 = load_photo("photos/insightface/t1.jpg"), small = scaled(&t1, 320, 221), photo = blank(3000, 2400);
    put(&small, 0, &photo, 1111, 1333);
    arc_result one = detect(detector, &photo, true, false), r = detect(detector, &photo, false, false);
    assert_int_equal(one.faces, 0);
    assert_int_equal(r.faces, 6);
    assert_int_equal(r.looks, ARC_LOOK_TILES);
    assert_int_equal(r.searched_px, 640);
    for (int i = 0; i < r.faces; i++)
        assert_true(r.face[i].face.x1_px > 1111 && r.face[i].face.x2_px < 1431 && r.face[i].face.y1_px > 1333 &&
                    r.face[i].face.y2_px < 1554);
    arc_result_free(ctx, &one);
    arc_result_free(ctx, &r);
    arc_image_free(ctx, &t1);
    arc_image_free(ctx, &small);
    arc_image_free(ctx, &photo);
    arc_model_free(&detector);
}

static void crowds_are_counted(void **state) {
    (void)state;
    enum { ACROSS = 8, DOWN = 10 };
    arc_model *detector = load(scrfd, ARC_TASK_DETECT);
    arc_image t1 = load_photo("photos/insightface/t1.jpg"), small = scaled(&t1, 320, 221);
    arc_image photo = blank(ACROSS * 320, DOWN * 221);
    for (int i = 0; i < ACROSS * DOWN; i++)
        put(&small, 0, &photo, i % ACROSS * 320, i / ACROSS * 221);
    arc_result one = detect(detector, &photo, true, false), r = detect(detector, &photo, false, false);
    printf("a crowd of %d: %d at the first look, %d in all\n", 6 * ACROSS * DOWN, one.faces, r.faces);
    assert_int_equal(r.faces, 6 * ACROSS * DOWN);
    assert_int_equal(r.looks, ARC_LOOK_TILES);
    arc_result_free(ctx, &one);
    arc_result_free(ctx, &r);
    arc_image_free(ctx, &t1);
    arc_image_free(ctx, &small);
    arc_image_free(ctx, &photo);
    arc_model_free(&detector);
}

/* Needs no data. */
static void what_is_said_of_no_face(void **state) {
    (void)state;
    arc_result r = {.path = "a.jpg", .width_px = 4000, .height_px = 3000, .searched_px = 640};
    arc_error why;
    r.looks = ARC_LOOK_TURNED | ARC_LOOK_BORDER | ARC_LOOK_TILES;
    arc_result_explain(&r, &why);
    assert_int_equal(why.code, ARC_ENOTFOUND);
    assert_string_equal(why.text,
                        "a.jpg: no face found, also turned, with a border and in tiles; its longer side was reduced to 640 "
                        "pixels, for small faces try a larger size (--size 1280)");
    r.searched_px = 0;
    r.looks = ARC_LOOK_TURNED | ARC_LOOK_BORDER;
    arc_result_explain(&r, &why);
    assert_string_equal(why.text,
                        "a.jpg: no face found, also turned and with a border; it may be too small, covered or seen from "
                        "the side");
    r.looks = 0;
    r.faces_found = 2;
    arc_result_explain(&r, &why);
    assert_string_equal(why.text, "a.jpg: no face found in the box; if it fills the picture, look at two scales (--multi-scale)");
    r.status = ARC_EIO;
    r.error = (arc_error){ARC_EIO, "a.jpg: cannot be read"};
    arc_result_explain(&r, &why);
    assert_int_equal(why.code, ARC_EIO);
    assert_string_equal(why.text, "a.jpg: cannot be read");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(landmarks_say_what_is_upright),       cmocka_unit_test(landmarks_and_scores_raise_doubt),
        cmocka_unit_test(faces_turn_back_to_their_pixels),     cmocka_unit_test(the_better_upright_view_is_taken),
        cmocka_unit_test(known_faces_are_not_added_again),     cmocka_unit_test(what_is_said_of_no_face),
        cmocka_unit_test(turned_photos_give_the_upright_face), cmocka_unit_test(upright_photos_keep_their_faces),
        cmocka_unit_test(each_face_is_turned_by_itself),       cmocka_unit_test(faces_that_fill_the_photo_are_found),
        cmocka_unit_test(small_faces_are_found_in_tiles),      cmocka_unit_test(crowds_are_counted),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
