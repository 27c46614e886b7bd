/* Photos from anywhere: the same pixels and the same bits of an embedding from a file, bytes, an image and frames of every format
 * and stride; known landmarks and boxes; arguments that make no sense. */
#include "face_support.h"
#include "folder.h"
#include "shared_context.h"

#include <unistd.h>

#define DIM 32
#define WIDTH 151
#define HEIGHT 140

static arc_model *embedder;
static arc_image picture; /* gray, so that every format can hold it */
static const char *file;
static const float landmarks[5][2] = {{60, 50}, {93, 58}, {74, 75}, {55, 92}, {86, 97}};

static int setup(void **state) {
    open_context(state);
    assert_int_equal(arc_model_new(ctx, "mbf", DIM, 3, &embedder, NULL), ARC_OK);
    picture = test_picture(ctx, WIDTH, HEIGHT);
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        memset(picture.data + 3 * i, picture.data[3 * i], 3);
    file = in_folder("photo.png");
    return arc_image_save(ctx, &picture, file, NULL) == ARC_OK ? 0 : -1;
}

static int teardown(void **state) {
    arc_image_free(ctx, &picture);
    arc_model_free(&embedder);
    return close_context(state);
}

static int bytes_of(arc_frame_format format) {
    return format == ARC_FRAME_GRAY8 ? 1 : format <= ARC_FRAME_BGR8 ? 3 : 4;
}

/* `image` in that format, rows `padding` bytes apart, top or bottom row first. Ownership: free *memory. */
static arc_frame frame_of(const arc_image *image, arc_frame_format format, int padding, bool bottom_up, uint8_t **memory) {
    const int each = bytes_of(format);
    const ptrdiff_t stride = (ptrdiff_t)image->width_px * each + padding;
    const bool swap = format == ARC_FRAME_BGR8 || format == ARC_FRAME_BGRA8 || format == ARC_FRAME_BGRX8;
    const uint8_t fourth = format == ARC_FRAME_RGBX8 || format == ARC_FRAME_BGRX8 ? 7 : 255;
    *memory = malloc((size_t)(stride * image->height_px));
    memset(*memory, 99, (size_t)(stride * image->height_px));
    for (int y = 0; y < image->height_px; y++)
        for (int x = 0; x < image->width_px; x++) {
            uint8_t *to = *memory + (bottom_up ? image->height_px - 1 - y : y) * stride + x * each;
            const uint8_t *from = image->data + y * image->stride_bytes + 3 * x;
            to[0] = from[swap ? 2 : 0];
            for (int c = 1; c < each && c < 3; c++)
                to[c] = from[swap ? 2 - c : c];
            if (each == 4)
                to[3] = fourth;
        }
    return (arc_frame){*memory + (bottom_up ? (image->height_px - 1) * stride : 0), image->width_px, image->height_px,
                       bottom_up ? -stride : stride, format};
}

/* As R,G,B. */
static void same_pixels(const arc_image *a, const arc_image *b) {
    assert_int_equal(a->width_px, b->width_px);
    assert_int_equal(a->height_px, b->height_px);
    const int swap = a->format != b->format ? 2 : 0;
    for (int y = 0; y < a->height_px; y++)
        for (int x = 0; x < a->width_px; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(a->data[y * a->stride_bytes + 3 * x + c],
                                 b->data[y * b->stride_bytes + 3 * x + (swap ? 2 - c : c)]);
}

static void check_load(const arc_photo *photo, const arc_image *want, const char *kind) {
    arc_image out;
    arc_image_info info;
    arc_error err = {0};
    if (arc_photo_load(ctx, photo, NULL, &out, &info, &err) != ARC_OK)
        fail_msg("%s", err.text);
    same_pixels(want, &out);
    assert_ptr_not_equal(out.data, want->data);
    assert_string_equal(info.kind, kind);
    assert_int_equal(info.full_width_px, want->width_px);
    assert_int_equal(info.full_height_px, want->height_px);
    assert_true(info.scale == 1 && info.orientation == 1);
    arc_image_free(ctx, &out);
    assert_int_equal(arc_photo_load(ctx, photo, NULL, &out, NULL, NULL), ARC_OK);
    arc_image_free(ctx, &out);
}

static void every_kind_loads_the_same_pixels(void **state) {
    (void)state;
    arc_image coloured = test_picture(ctx, 61, 47);
    arc_map map;
    assert_int_equal(arc_map_open(&map, file, 1 << 20, NULL), ARC_OK);
    arc_photo photo = arc_photo_from_path(file);
    check_load(&photo, &picture, "png");
    photo = arc_photo_from_bytes(map.data, map.bytes, NULL);
    check_load(&photo, &picture, "png");
    arc_map_close(&map);
    photo = arc_photo_from_image(&coloured, "an image");
    check_load(&photo, &coloured, "frame");
    for (int format = ARC_FRAME_RGB8; format <= ARC_FRAME_GRAY8; format++)
        for (int padding = 0; padding <= 13; padding += 13)
            for (int bottom_up = 0; bottom_up < 2; bottom_up++) {
                const arc_image *image = format == ARC_FRAME_GRAY8 ? &picture : &coloured;
                uint8_t *memory;
                const arc_frame frame = frame_of(image, (arc_frame_format)format, padding, bottom_up, &memory);
                photo = arc_photo_from_frame(&frame, NULL);
                check_load(&photo, image, "frame");
                free(memory);
            }
    arc_image_free(ctx, &coloured);
}

/* Half transparent over white, as a PNG would be. */
static void alpha_is_composited_on_white(void **state) {
    (void)state;
    const uint8_t rgba[] = {10, 100, 200, 0, 10, 100, 200, 128, 10, 100, 200, 255};
    const uint8_t want[] = {255, 255, 255, 132, 177, 227, 10, 100, 200};
    for (int swap = 0; swap < 2; swap++) {
        uint8_t pixels[sizeof rgba];
        memcpy(pixels, rgba, sizeof rgba);
        for (int i = 0; swap && i < 12; i += 4) {
            pixels[i] = rgba[i + 2];
            pixels[i + 2] = rgba[i];
        }
        const arc_frame frame = {pixels, 3, 1, 12, swap ? ARC_FRAME_BGRA8 : ARC_FRAME_RGBA8};
        const arc_photo photo = arc_photo_from_frame(&frame, NULL);
        arc_image out;
        assert_int_equal(arc_photo_load(ctx, &photo, NULL, &out, NULL, NULL), ARC_OK);
        assert_int_equal(out.format, ARC_RGB8);
        assert_memory_equal(out.data, want, sizeof want);
        arc_image_free(ctx, &out);
    }
}

static arc_status load_status(const arc_photo *photo, arc_error *err) {
    arc_image out = picture;
    arc_image_info info;
    *err = (arc_error){0};
    const arc_status st = arc_photo_load(ctx, photo, NULL, &out, &info, err);
    assert_true(st != ARC_OK && err->code == st && err->text[0]);
    assert_null(out.data);
    return st;
}

static void senseless_photos_are_refused(void **state) {
    (void)state;
    arc_error err, gone = {ARC_EIO, "frame 7 was lost"};
    uint8_t pixels[64] = {0};
    const arc_frame good = {pixels, 4, 4, 12, ARC_FRAME_RGB8};
    arc_photo photo = {0};
    assert_int_equal(load_status(&photo, &err), ARC_EINVAL);
    photo.kind = (arc_photo_kind)99;
    assert_int_equal(load_status(&photo, &err), ARC_EINVAL);
    photo = arc_photo_from_path(NULL);
    assert_int_equal(load_status(&photo, &err), ARC_EINVAL);
    photo = arc_photo_from_path("/nonexistent.jpg");
    assert_int_equal(load_status(&photo, &err), ARC_ENOTFOUND);
    photo = arc_photo_from_bytes(NULL, 10, "nothing");
    assert_int_equal(load_status(&photo, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "nothing"));
    photo = arc_photo_from_bytes(NULL, 0, "empty");
    assert_int_equal(load_status(&photo, &err), ARC_EFORMAT);
    photo = arc_photo_from_bytes(pixels, sizeof pixels, "zeros");
    assert_int_equal(load_status(&photo, &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, "zeros"));
    photo = arc_photo_from_image(NULL, NULL);
    assert_int_equal(load_status(&photo, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "(memory)"));
    photo = arc_photo_from_frame(NULL, NULL);
    assert_int_equal(load_status(&photo, &err), ARC_EINVAL);
    photo = arc_photo_failed(&gone, "frame 7");
    assert_int_equal(load_status(&photo, &err), ARC_EIO);
    assert_string_equal(err.text, gone.text);
    photo = arc_photo_failed(NULL, "frame 7");
    assert_int_equal(load_status(&photo, &err), ARC_EIO);
    assert_non_null(strstr(err.text, "frame 7"));
    const arc_frame bad[] = {
        {NULL, 4, 4, 12, ARC_FRAME_RGB8},   {pixels, 0, 4, 12, ARC_FRAME_RGB8},      {pixels, 4, -1, 12, ARC_FRAME_RGB8},
        {pixels, 4, 4, 11, ARC_FRAME_RGB8}, {pixels, 4, 4, -11, ARC_FRAME_BGR8},     {pixels, 4, 4, 15, ARC_FRAME_BGRA8},
        {pixels, 4, 4, 3, ARC_FRAME_GRAY8}, {pixels, 4, 4, 12, (arc_frame_format)7}, {pixels, 4, 4, 12, (arc_frame_format)-1},
    };
    for (size_t i = 0; i < ARC_COUNT(bad); i++) {
        photo = arc_photo_from_frame(&bad[i], "a frame");
        assert_int_equal(load_status(&photo, &err), ARC_EINVAL);
        assert_non_null(strstr(err.text, "a frame"));
    }
    arc_image out;
    arc_image_options opt;
    arc_image_options_default(&opt);
    opt.max_pixels = 15;
    photo = arc_photo_from_frame(&good, NULL);
    assert_int_equal(arc_photo_load(ctx, &photo, &opt, &out, NULL, &err), ARC_ELIMIT);
    opt.max_pixels = 16;
    assert_int_equal(arc_photo_load(ctx, &photo, &opt, &out, NULL, &err), ARC_OK);
    arc_image_free(ctx, &out);
}

static arc_pipeline *open_pipeline(const arc_model *detector, const arc_model *model, bool all_faces) {
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_error err = {0};
    arc_pipeline_options_default(&opt);
    opt.aligned = !detector;
    opt.all_faces = all_faces;
    opt.keep_crops = true;
    if (arc_pipeline_new(ctx, detector, model, &opt, &pipeline, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return pipeline;
}

/* What one photo gives, in a run of its own. Ownership: arc_result_free. */
static arc_result run_one(arc_pipeline *pipeline, const arc_photo *photo) {
    arc_result r;
    assert_int_equal(arc_pipeline_run_photos(pipeline, photo, 1, &r, NULL, NULL, NULL), ARC_OK);
    assert_ptr_equal(r.path, photo->name);
    return r;
}

static void same_faces(arc_result *got, const arc_result *want, size_t dim) {
    if (got->status != ARC_OK)
        fail_msg("%s", got->error.text);
    assert_int_equal(got->width_px, want->width_px);
    assert_int_equal(got->faces_found, want->faces_found);
    assert_int_equal(got->faces, want->faces);
    for (int i = 0; i < got->faces; i++) {
        assert_memory_equal(&got->face[i].face, &want->face[i].face, sizeof(arc_face));
        assert_true(got->face[i].align_residual_px == want->face[i].align_residual_px);
        assert_memory_equal(got->face[i].embedding, want->face[i].embedding, dim * sizeof(float));
        same_pixels(&got->face[i].crop, &want->face[i].crop);
    }
    arc_result_free(ctx, got);
}

/* Every frame of `image` against `want`, known face and all. */
static void frames_give(arc_pipeline *pipeline, const arc_image *image, bool gray, const arc_photo *known, const arc_result *want,
                        size_t dim) {
    for (int format = ARC_FRAME_RGB8; format <= (gray ? ARC_FRAME_GRAY8 : ARC_FRAME_BGRX8); format++) {
        uint8_t *memory;
        const arc_frame frame = frame_of(image, (arc_frame_format)format, 1 + format, format % 2 == 0, &memory);
        arc_photo photo = *known;
        photo.kind = ARC_PHOTO_FRAME;
        photo.frame = frame;
        arc_result r = run_one(pipeline, &photo);
        same_faces(&r, want, dim);
        free(memory);
    }
}

/* Needs no detector: the face is known by its landmarks. */
static void known_landmarks_need_no_search(void **state) {
    (void)state;
    arc_pipeline *pipeline = open_pipeline(NULL, embedder, false);
    arc_embedder *e = NULL;
    arc_image crop;
    float want[DIM];
    double residual;
    assert_int_equal(arc_align_face(ctx, &picture, landmarks, ARC_TEMPLATE_112, ARC_WARP_EXACT, &crop, &residual, NULL), ARC_OK);
    assert_int_equal(arc_embedder_new(ctx, embedder, &e, NULL), ARC_OK);
    assert_int_equal(arc_embed_crops(e, &crop, 1, false, want, NULL), ARC_OK);
    arc_photo photo = arc_photo_from_path(file);
    photo.has_landmarks = true;
    memcpy(photo.landmark_px, landmarks, sizeof landmarks);
    arc_result r = run_one(pipeline, &photo);
    assert_int_equal(r.status, ARC_OK);
    assert_int_equal(r.faces_found, 1);
    assert_int_equal(r.faces, 1);
    assert_memory_equal(r.face->embedding, want, sizeof want);
    assert_memory_equal(r.face->face.landmark_px, landmarks, sizeof landmarks);
    assert_true(r.face->face.x1_px == 55 && r.face->face.y1_px == 50 && r.face->face.x2_px == 93 && r.face->face.y2_px == 97);
    assert_true(r.face->align_residual_px == residual && r.face->face.score == 1 && r.from == ARC_FACE_GIVEN);
    same_pixels(&r.face->crop, &crop);
    frames_give(pipeline, &picture, true, &photo, &r, DIM);
    arc_map map;
    assert_int_equal(arc_map_open(&map, file, 1 << 20, NULL), ARC_OK);
    photo.kind = ARC_PHOTO_BYTES;
    photo.bytes = map.data;
    photo.byte_count = map.bytes;
    arc_result again = run_one(pipeline, &photo);
    same_faces(&again, &r, DIM);
    arc_map_close(&map);
    photo.has_box = true;
    memcpy(photo.box_px, (const float[4]){40, 30, 110, 120}, sizeof photo.box_px);
    photo.kind = ARC_PHOTO_PATH;
    again = run_one(pipeline, &photo);
    assert_true(again.face->face.x1_px == 40 && again.face->face.y2_px == 120);
    assert_memory_equal(again.face->embedding, want, sizeof want);
    arc_result_free(ctx, &again);
    photo.landmark_px[3][1] = NAN;
    again = run_one(pipeline, &photo);
    assert_int_equal(again.status, ARC_EINVAL);
    assert_non_null(strstr(again.error.text, file));
    assert_int_equal(again.faces, 0);
    arc_result_free(ctx, &again);
    arc_result_free(ctx, &r);
    arc_image_free(ctx, &crop);
    arc_embedder_free(&e);
    arc_pipeline_free(&pipeline);
}

/* Ready crops in memory: nothing of the caller's pixels is kept in the result. */
static void crops_come_from_memory_too(void **state) {
    (void)state;
    arc_pipeline *pipeline = open_pipeline(NULL, embedder, false);
    arc_image crop = picture;
    crop.width_px = crop.height_px = 112; /* the stride is the picture's */
    arc_photo photo = arc_photo_from_image(&crop, NULL);
    arc_result r = run_one(pipeline, &photo);
    assert_int_equal(r.status, ARC_OK);
    assert_ptr_not_equal(r.face->crop.data, picture.data);
    frames_give(pipeline, &crop, true, &photo, &r, DIM);
    arc_result_free(ctx, &r);
    arc_pipeline_free(&pipeline);
}

static void senseless_arrays_are_refused(void **state) {
    (void)state;
    arc_pipeline *pipeline = open_pipeline(NULL, embedder, false);
    arc_photo photos[3] = {arc_photo_from_image(&picture, "large"), {0}, arc_photo_from_path(NULL)};
    arc_result r[3];
    arc_error err = {0};
    assert_int_equal(arc_pipeline_run_photos(pipeline, NULL, 1, r, NULL, NULL, &err), ARC_EINVAL);
    assert_int_equal(arc_pipeline_run_photos(pipeline, photos, 1, NULL, NULL, NULL, &err), ARC_EINVAL);
    assert_int_equal(arc_pipeline_run_photos(pipeline, NULL, 0, NULL, NULL, NULL, &err), ARC_OK);
    assert_int_equal(arc_pipeline_run_photos(pipeline, photos, 3, r, NULL, NULL, &err), ARC_OK);
    assert_int_equal(r[0].status, ARC_ESHAPE); /* no crop of the network's size */
    assert_int_equal(r[1].status, ARC_EINVAL);
    assert_int_equal(r[2].status, ARC_EINVAL);
    for (int i = 0; i < 3; i++)
        arc_result_free(ctx, &r[i]);
    arc_pipeline_free(&pipeline);
}

typedef struct real {
    arc_model *detector, *embedder;
    arc_pipeline *pipeline;
    arc_image group; /* six people */
} real;

static real open_real(bool all_faces) {
    real x = {0};
    arc_error err = {0};
    const char *detector = arc_test_file("models/detection/det_500m.onnx"),
               *model = arc_test_file("models/recognition/mobilefacenet_relu6_128d.onnx");
    if (arc_model_load(ctx, detector, ARC_TASK_DETECT, NULL, &x.detector, &err) != ARC_OK ||
        arc_model_load(ctx, model, ARC_TASK_EMBED, NULL, &x.embedder, &err) != ARC_OK ||
        arc_image_load(ctx, arc_test_file("photos/insightface/t1.jpg"), NULL, &x.group, NULL, &err) != ARC_OK)
        fail_msg("%s", err.text);
    x.pipeline = open_pipeline(x.detector, x.embedder, all_faces);
    return x;
}

static void close_real(real *x) {
    arc_pipeline_free(&x->pipeline);
    arc_image_free(ctx, &x->group);
    arc_model_free(&x->embedder);
    arc_model_free(&x->detector);
}

static void real_faces_are_the_same_from_everywhere(void **state) {
    (void)state;
    real x = open_real(true);
    arc_photo photo = arc_photo_from_path(arc_test_file("photos/insightface/t1.jpg"));
    arc_result want = run_one(x.pipeline, &photo);
    assert_int_equal(want.faces, 6);
    arc_map map;
    assert_int_equal(arc_map_open(&map, photo.name, 1 << 24, NULL), ARC_OK);
    photo = arc_photo_from_bytes(map.data, map.bytes, "six people");
    arc_result r = run_one(x.pipeline, &photo);
    same_faces(&r, &want, 128);
    arc_map_close(&map);
    photo = arc_photo_from_image(&x.group, NULL);
    r = run_one(x.pipeline, &photo);
    same_faces(&r, &want, 128);
    frames_give(x.pipeline, &x.group, false, &photo, &want, 128);
    arc_result_free(ctx, &want);
    close_real(&x);
}

/* A box picks its face among six, whatever is asked of the others; beside all of them there is none. */
static void a_box_says_which_face(void **state) {
    (void)state;
    for (int all = 0; all < 2; all++) {
        real x = open_real(true);
        arc_photo photo = arc_photo_from_image(&x.group, "group");
        arc_result six = run_one(x.pipeline, &photo);
        assert_int_equal(six.faces, 6);
        arc_pipeline *pipeline = open_pipeline(x.detector, x.embedder, all);
        photo.has_box = true;
        for (int i = 0; i < 6; i++) {
            const arc_face *f = &six.face[i].face;
            const float side = f->x2_px - f->x1_px;
            memcpy(photo.box_px, (const float[4]){f->x1_px - side / 5, f->y1_px, f->x2_px, f->y2_px + side / 5},
                   sizeof photo.box_px);
            arc_result r = run_one(pipeline, &photo);
            assert_int_equal(r.faces_found, 6);
            assert_int_equal(r.faces, 1);
            assert_memory_equal(&r.face->face, f, sizeof *f);
            same_pixels(&r.face->crop, &six.face[i].crop);
            arc_result_free(ctx, &r);
        }
        memcpy(photo.box_px, (const float[4]){0, 0, 30, 30}, sizeof photo.box_px);
        arc_result r = run_one(pipeline, &photo);
        assert_int_equal(r.status, ARC_OK);
        assert_int_equal(r.faces_found, 6);
        assert_int_equal(r.faces, 0);
        arc_result_free(ctx, &r);
        arc_result_free(ctx, &six);
        arc_pipeline_free(&pipeline);
        close_real(&x);
    }
}

/* A file four times the size that the search needs: the box and the landmarks are the whole photo's. */
static void known_places_are_those_of_the_whole_photo(void **state) {
    (void)state;
    real x = open_real(true);
    arc_image large;
    arc_pipeline *reduced = NULL;
    arc_pipeline_options opt;
    const char *path = in_folder("large.jpg");
    assert_int_equal(arc_image_new(ctx, x.group.width_px * 2, x.group.height_px * 2, &large, NULL), ARC_OK);
    arc_draw_image(&large, 0, 0, large.width_px, large.height_px, &x.group);
    assert_int_equal(arc_image_save(ctx, &large, path, NULL), ARC_OK);
    arc_pipeline_options_default(&opt);
    opt.image.min_side_px = 1280;
    assert_int_equal(arc_pipeline_new(ctx, x.detector, x.embedder, &opt, &reduced, NULL), ARC_OK);
    arc_photo photo = arc_photo_from_path(path);
    arc_result all = run_one(x.pipeline, &photo);
    assert_true(all.faces >= 2);
    const arc_face *last = &all.face[all.faces - 1].face;
    photo.has_box = true;
    memcpy(photo.box_px, (const float[4]){last->x1_px, last->y1_px, last->x2_px, last->y2_px}, sizeof photo.box_px);
    arc_result r = run_one(reduced, &photo);
    assert_int_equal(r.faces, 1);
    assert_true(arc_embedding_cosine(r.face->embedding, all.face[all.faces - 1].embedding, 128) > 0.9);
    arc_result_free(ctx, &r);
    photo.has_box = false;
    photo.has_landmarks = true;
    memcpy(photo.landmark_px, last->landmark_px, sizeof photo.landmark_px);
    r = run_one(reduced, &photo);
    assert_int_equal(r.width_px, large.width_px);
    assert_true(arc_embedding_cosine(r.face->embedding, all.face[all.faces - 1].embedding, 128) > 0.98);
    arc_result_free(ctx, &r);
    arc_result_free(ctx, &all);
    arc_pipeline_free(&reduced);
    arc_image_free(ctx, &large);
    close_real(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_loads_the_same_pixels),
        cmocka_unit_test(alpha_is_composited_on_white),
        cmocka_unit_test(senseless_photos_are_refused),
        cmocka_unit_test(known_landmarks_need_no_search),
        cmocka_unit_test(crops_come_from_memory_too),
        cmocka_unit_test(senseless_arrays_are_refused),
        cmocka_unit_test(real_faces_are_the_same_from_everywhere),
        cmocka_unit_test(a_box_says_which_face),
        cmocka_unit_test(known_places_are_those_of_the_whole_photo),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
