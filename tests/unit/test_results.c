/* Results as text and files: what stands in them to the byte, what is refused, what is left behind; pipelines that find faces and
 * embed none. */
#include "face_support.h"
#include "folder.h"
#include "shared_context.h"

#include "format/format.h"
#include <fcntl.h>
#include <unistd.h>

/* Three photos: two faces, none that could be read, one face; the names need care. */
static float values[3][2] = {{0.1f, -2}, {1e-20f, 3}, {0.333333343f, 16777216}};
static arc_result_face faces[3] = {
    {.face = {1, 2, 30.5f, 40.25f, 0.875f, {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10.5f}}, 0},
     .align_residual_px = 1.25,
     .embedding = values[0],
     .norm = 21.5f},
    {.face = {0, 0, 10, 10, 0.5f, {{0}}, 0}, .embedding = values[1], .norm = 0.125f},
    {.face = {-1, 0, 1234567, 10, 1, {{0}}, 0}, .align_residual_px = 100, .embedding = values[2]},
};
static const arc_result results[3] = {
    {.path = "a,\"b\".jpg", .width_px = 640, .height_px = 480, .faces_found = 2, .faces = 2, .face = faces},
    {.path = "broken.jpg", .status = ARC_ECORRUPT},
    {.path = "c\xff.jpg", .width_px = 10, .height_px = 20, .faces_found = 3, .faces = 1, .face = faces + 2},
};

static void file_holds(const char *name, const char *want, size_t bytes) {
    const char *path = in_folder(name);
    arc_map map;
    assert_int_equal(arc_map_open(&map, path, 1 << 20, NULL), ARC_OK);
    if (map.bytes != bytes || memcmp(map.data, want, bytes) != 0)
        fail_msg("%s holds\n%.*s\nand not\n%s", name, (int)map.bytes, (const char *)map.data, want);
    arc_map_close(&map);
    assert_int_equal(unlink(path), 0);
}

static arc_status save(const char *name, arc_results_format format, int dim, arc_error *err) {
    return arc_results_save(ctx, results, 3, dim, format, in_folder(name), err);
}

static void files_of_embeddings(void **state) {
    (void)state;
    static const char csv[] = "path,face,x1,y1,x2,y2,score,e0,e1,quality\n"
                              "\"a,\"\"b\"\".jpg\",0,1,2,30.5,40.25,0.875,0.100000001,-2,21.5\n"
                              "\"a,\"\"b\"\".jpg\",1,0,0,10,10,0.5,9.99999968e-21,3,0.125\n"
                              "c\xff.jpg,0,-1,0,1.23457e+06,10,1,0.333333343,16777216,0\n";
    static const char json[] =
        "[\n  {\"path\": \"a,\\\"b\\\".jpg\", \"face\": 0, \"box\": [1, 2, 30.5, 40.25], \"score\": "
        "0.875, \"landmarks\": [[1, 2], "
        "[3, 4], [5, 6], [7, 8], [9, 10.5]], \"residual\": 1.25, \"quality\": 21.5, \"embedding\": [0.100000001, -2]},"
        "\n  {\"path\": \"a,\\\"b\\\".jpg\", \"face\": 1, \"box\": [0, 0, 10, 10], \"score\": 0.5, "
        "\"landmarks\": [[0, 0], [0, 0], "
        "[0, 0], [0, 0], [0, 0]], \"residual\": 0, \"quality\": 0.125, \"embedding\": [9.99999968e-21, 3]},"
        "\n  {\"path\": \"c\xef\xbf\xbd.jpg\", \"face\": 0, \"box\": [-1, 0, 1.23457e+06, 10], \"score\": "
        "1, \"landmarks\": [[0, 0], "
        "[0, 0], [0, 0], [0, 0], [0, 0]], \"residual\": 100, \"quality\": 0, \"embedding\": [0.333333343, 16777216]}\n]\n";
    static const char names[] = "a,\"b\".jpg\t0\t1\t2\t30.5\t40.25\t0.875\na,\"b\".jpg\t1\t0\t0\t10\t10\t0.5\n"
                                "c\xff.jpg\t0\t-1\t0\t1.23457e+06\t10\t1\n";
    char npy[128 + sizeof values + 1];
    assert_int_equal(save("e.csv", ARC_RESULTS_CSV, 2, NULL), ARC_OK);
    file_holds("e.csv", csv, sizeof csv - 1);
    assert_int_equal(save("e.json", ARC_RESULTS_JSON, 2, NULL), ARC_OK);
    file_holds("e.json", json, sizeof json - 1);
    memcpy(npy, "\x93NUMPY\x01\x00\x76\x00", 10);
    snprintf(npy + 10, sizeof npy - 10, "%-117s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }");
    memcpy(npy + 128, values, sizeof values);
    static const char *const called[][2] = {{"e.npy", "e.txt"}, {"E.NPY", "E.txt"}, {"rows", "rows.txt"}, {".npy", ".txt"}};
    for (size_t i = 0; i < ARC_COUNT(called); i++) {
        assert_int_equal(save(called[i][0], ARC_RESULTS_NPY, 2, NULL), ARC_OK);
        file_holds(called[i][0], npy, 128 + sizeof values);
        file_holds(called[i][1], names, sizeof names - 1);
    }
}

/* More than one piece of text. */
static void many_rows_are_written_in_pieces(void **state) {
    (void)state;
    enum { MANY = 3000 };
    arc_result *many = calloc(MANY, sizeof *many);
    const char *path = in_folder("many.csv");
    arc_map map;
    for (int i = 0; i < MANY; i++)
        many[i] = results[i % 3];
    assert_int_equal(arc_results_save(ctx, many, MANY, 2, ARC_RESULTS_CSV, path, NULL), ARC_OK);
    assert_int_equal(arc_map_open(&map, path, 1 << 24, NULL), ARC_OK);
    int lines = 0;
    for (size_t i = 0; i < map.bytes; i++)
        lines += map.data[i] == '\n';
    assert_int_equal(lines, 1 + MANY);
    assert_true(map.bytes > 100000);
    arc_map_close(&map);
    assert_int_equal(unlink(path), 0);
    free(many);
}

/* One result after the other: the same files, of any length; an array into a pipe, where nobody goes back, too. */
static void results_one_after_the_other(void **state) {
    (void)state;
    enum { MANY = 39999 }; /* as many rows */
    for (int format = ARC_RESULTS_CSV; format <= ARC_RESULTS_FACES_JSON; format++) {
        arc_results_writer *w;
        arc_map got, want;
        const bool faces_only = format >= ARC_RESULTS_FACES;
        arc_result *many = calloc(MANY, sizeof *many);
        for (int i = 0; i < MANY; i++)
            many[i] = results[i % 3];
        assert_int_equal(arc_results_writer_open(ctx, 2, (arc_results_format)format, in_folder("got"), &w, NULL), ARC_OK);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(arc_results_writer_put(w, &many[i], NULL), ARC_OK);
        assert_int_equal(arc_results_writer_commit(&w, NULL), ARC_OK);
        assert_null(w);
        if (faces_only) {
            char *text;
            assert_int_equal(arc_results_describe(ctx, many, MANY, format == ARC_RESULTS_FACES_JSON, &text, NULL), ARC_OK);
            assert_int_equal(arc_file_save(&ctx->alloc, in_folder("want"), text, strlen(text), NULL), ARC_OK);
            arc_text_free(ctx, &text);
        } else {
            assert_int_equal(arc_results_save(ctx, many, MANY, 2, (arc_results_format)format, in_folder("want"), NULL), ARC_OK);
        }
        assert_int_equal(arc_map_open(&got, in_folder("got"), 1 << 30, NULL), ARC_OK);
        assert_int_equal(arc_map_open(&want, in_folder("want"), 1 << 30, NULL), ARC_OK);
        assert_int_equal(got.bytes, want.bytes);
        assert_memory_equal(got.data, want.data, want.bytes);
        if (format == ARC_RESULTS_NPY) {
            const test_npy npy = test_npy_parse(got.data);
            assert_int_equal(npy.dim[0], MANY);
            assert_int_equal(got.bytes, 128 + MANY * 8);
        }
        arc_map_close(&want);
        arc_map_close(&got);
        free(many);
        test_empty_folder(NULL);
    }
}

static void an_array_into_a_pipe(void **state) {
    (void)state;
    char got[1000], head[ARC_NPY_HEADER_BYTES];
    const char *path = in_folder("pipe");
    arc_results_writer *w;
    assert_int_equal(mkfifo(path, 0666), 0);
    const int reader = open(path, O_RDWR | O_NONBLOCK);
    assert_int_equal(arc_results_writer_open(ctx, 2, ARC_RESULTS_NPY, path, &w, NULL), ARC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(arc_results_writer_put(w, &results[i], NULL), ARC_OK);
    assert_int_equal(arc_results_writer_commit(&w, NULL), ARC_OK);
    assert_int_equal(read(reader, got, sizeof got), 128 + sizeof values);
    assert_int_equal(arc_npy_header(head, path, 2, (const int64_t[2]){3, 2}, NULL), ARC_OK);
    assert_memory_equal(got, head, sizeof head);
    assert_memory_equal(got + sizeof head, values, sizeof values);
    close(reader);
    assert_int_equal(arc_results_writer_open(ctx, 2, ARC_RESULTS_NPY, in_folder("x.npy"), &w, NULL), ARC_OK);
    assert_int_equal(arc_results_writer_put(w, &results[0], NULL), ARC_OK);
    arc_results_writer_abort(&w);
    assert_int_equal(access(in_folder("x.npy"), F_OK), -1);
    assert_int_equal(access(in_folder("x.txt"), F_OK), -1);
    test_empty_folder(NULL);
}

static void what_cannot_be_saved(void **state) {
    (void)state;
    arc_error err = {0};
    assert_int_equal(save("e.csv", (arc_results_format)7, 2, &err), ARC_EINVAL);
    assert_int_equal(save("e.csv", ARC_RESULTS_CSV, 0, &err), ARC_EINVAL);
    faces[2].embedding = NULL;
    for (int format = ARC_RESULTS_CSV; format <= ARC_RESULTS_NPY; format++) {
        assert_int_equal(save("e.npy", (arc_results_format)format, 2, &err), ARC_EINVAL);
        assert_non_null(strstr(err.text, "no embeddings"));
    }
    faces[2].embedding = values[2];
    for (int format = ARC_RESULTS_CSV; format <= ARC_RESULTS_NPY; format++)
        assert_int_equal(save("none/e.npy", (arc_results_format)format, 2, &err), ARC_ENOTFOUND);
    assert_int_equal(arc_results_save(ctx, NULL, 0, 2, ARC_RESULTS_CSV, test_folder(), &err), ARC_EIO);
    arc_names left;
    assert_int_equal(arc_dir_list(&left, &ctx->alloc, test_folder(), 10, NULL), ARC_OK);
    assert_int_equal(left.count, 0); /* the other tests removed what they wrote */
    arc_names_free(&left);
}

static void detections_as_text(void **state) {
    (void)state;
    char *text = NULL;
    assert_int_equal(arc_results_describe(ctx, results, 3, false, &text, NULL), ARC_OK);
    assert_string_equal(text,
                        "a,\"b\".jpg: 2 faces in 640x480\n"
                        "  0  score 0.875  box 1.0 2.0 30.5 40.2  landmarks 1.0,2.0 3.0,4.0 5.0,6.0 7.0,8.0 9.0,10.5\n"
                        "  1  score 0.500  box 0.0 0.0 10.0 10.0  landmarks 0.0,0.0 0.0,0.0 0.0,0.0 0.0,0.0 0.0,0.0\n"
                        "c\xff.jpg: 1 face in 10x20\n"
                        "  0  score 1.000  box -1.0 0.0 1234567.0 10.0  landmarks 0.0,0.0 0.0,0.0 0.0,0.0 0.0,0.0 0.0,0.0\n");
    arc_text_free(ctx, &text);
    assert_int_equal(arc_results_describe(ctx, results, 3, true, &text, NULL), ARC_OK);
    assert_non_null(
        strstr(text, "[\n  {\"path\": \"a,\\\"b\\\".jpg\", \"width\": 640, \"height\": 480, \"faces\": [\n    {\"box\": [1, "));
    assert_non_null(strstr(text, "]},\n  {\"path\": \"c\xef\xbf\xbd.jpg\""));
    assert_null(strstr(text, "broken"));
    assert_string_equal(text + strlen(text) - 6, "}]}\n]\n");
    arc_text_free(ctx, &text);
    assert_int_equal(arc_results_describe(ctx, NULL, 0, true, &text, NULL), ARC_OK);
    assert_string_equal(text, "[\n]\n");
    arc_text_free(ctx, &text);
}

static void arrays_as_npy(void **state) {
    (void)state;
    const char *path = in_folder("x.npy");
    arc_map map;
    const float x[6] = {1, 2, 3, 4, 5, 6};
    for (int rank = 0; rank <= 4; rank++) {
        const int64_t dim[4] = {rank == 1 ? 6 : rank ? 2 : 0, 3, 1, 1};
        assert_int_equal(arc_npy_save(ctx, path, x, rank, dim, NULL), ARC_OK);
        assert_int_equal(arc_map_open(&map, path, 1 << 20, NULL), ARC_OK);
        const test_npy npy = test_npy_parse(map.data);
        assert_int_equal(npy.rank, rank);
        for (int i = 0; i < rank; i++)
            assert_int_equal(npy.dim[i], dim[i]);
        assert_int_equal(map.bytes, 128 + (rank ? sizeof x : 4));
        assert_memory_equal(npy.data, x, rank ? sizeof x : 4);
        arc_map_close(&map);
        unlink(path);
    }
    assert_int_equal(arc_npy_save(ctx, path, x, 5, (const int64_t[5]){1, 1, 1, 1, 1}, NULL), ARC_EINVAL);
    assert_int_equal(arc_npy_save(ctx, path, x, 2, (const int64_t[2]){INT64_MAX, 3}, NULL), ARC_EINVAL);
    assert_int_equal(access(path, F_OK), -1);
}

/* Needs no data: a crop is a face, but nothing is embedded. */
static void crops_without_an_embedder(void **state) {
    (void)state;
    arc_pipeline_options opt;
    arc_pipeline *pipeline = NULL;
    arc_error err = {0};
    arc_image crop = test_picture(ctx, 112, 112);
    const arc_photo photos[2] = {arc_photo_from_image(&crop, "a"), arc_photo_from_image(&crop, "b")};
    arc_pipeline_options_default(&opt);
    assert_int_equal(arc_pipeline_new(ctx, NULL, NULL, &opt, &pipeline, &err), ARC_EINVAL);
    opt.aligned = true;
    opt.keep_crops = true;
    assert_int_equal(arc_pipeline_new(ctx, NULL, NULL, &opt, &pipeline, &err), ARC_OK);
    assert_string_equal(arc_pipeline_plan_id(pipeline), "");
    arc_result r;
    assert_int_equal(arc_pipeline_run_photos(pipeline, photos, 1, &r, NULL, NULL, NULL), ARC_OK);
    assert_true(r.status == ARC_OK && r.faces == 1 && !r.face->embedding);
    assert_int_equal(test_hash(&r.face->crop) == test_hash(&crop), 1);
    assert_int_equal(arc_results_save(ctx, &r, 1, 2, ARC_RESULTS_CSV, "-", &err), ARC_EINVAL);
    arc_result_free(ctx, &r);
    arc_verified v;
    char *text = NULL;
    assert_int_equal(arc_verify(pipeline, photos, NULL, &v, &err), ARC_EINVAL);
    assert_int_equal(arc_verified_describe(ctx, &v, false, &text, &err), ARC_EINVAL);
    arc_verified_free(ctx, &v);
    arc_pipeline_free(&pipeline);
    arc_image_free(ctx, &crop);
}

/* The faces that a detector and arc_align_face give, for the template that the options name; without keep_crops no crop is
 * made. */
static void faces_without_an_embedder(void **state) {
    (void)state;
    arc_model *detector = NULL;
    arc_detector *d = NULL;
    arc_image photo, crop;
    arc_face face[8];
    int count = 0;
    arc_pipeline_options opt;
    arc_photo_source source;
    const char *paths[1] = {arc_test_file("photos/insightface/t1.jpg")};
    assert_int_equal(arc_model_load(ctx, arc_test_file("models/detection/det_500m.onnx"), ARC_TASK_DETECT, NULL, &detector, NULL),
                     ARC_OK);
    assert_int_equal(arc_detector_new(ctx, detector, &d, NULL), ARC_OK);
    assert_int_equal(arc_image_load(ctx, paths[0], NULL, &photo, NULL, NULL), ARC_OK);
    assert_int_equal(arc_detect(d, &photo, NULL, face, 8, &count, NULL), ARC_OK);
    arc_pipeline_options_default(&opt);
    assert_true(count > 1);
    opt.all_faces = true;
    opt.align = ARC_TEMPLATE_128;
    opt.warp = ARC_WARP_OPENCV;
    for (int crops = 0; crops < 2; crops++) {
        arc_pipeline *pipeline = NULL;
        arc_photo next;
        arc_result r;
        opt.keep_crops = crops;
        assert_int_equal(arc_pipeline_new(ctx, detector, NULL, &opt, &pipeline, NULL), ARC_OK);
        arc_photo_source_of_paths(&source, paths, 1);
        assert_int_equal(source.next(source.ctx, 0, &next, NULL), ARC_OK);
        assert_int_equal(arc_pipeline_run_photos(pipeline, &next, 1, &r, NULL, NULL, NULL), ARC_OK);
        assert_int_equal(r.faces, count);
        for (int i = 0; i < count; i++) {
            assert_memory_equal(&r.face[i].face, &face[i], sizeof face[i]);
            assert_int_equal(r.face[i].crop.data != NULL, crops);
            assert_int_equal(arc_align_face(ctx, &photo, (const float(*)[2])face[i].landmark_px, ARC_TEMPLATE_128,
                                            ARC_WARP_OPENCV, &crop, NULL, NULL),
                             ARC_OK);
            if (crops)
                assert_true(test_hash(&crop) == test_hash(&r.face[i].crop) && r.face[i].crop.width_px == 128);
            arc_image_free(ctx, &crop);
        }
        arc_result_free(ctx, &r);
        arc_pipeline_free(&pipeline);
    }
    arc_image_free(ctx, &photo);
    arc_detector_free(&d);
    arc_model_free(&detector);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_embeddings),
        cmocka_unit_test(many_rows_are_written_in_pieces),
        cmocka_unit_test(results_one_after_the_other),
        cmocka_unit_test(an_array_into_a_pipe),
        cmocka_unit_test(what_cannot_be_saved),
        cmocka_unit_test(detections_as_text),
        cmocka_unit_test(arrays_as_npy),
        cmocka_unit_test(crops_without_an_embedder),
        cmocka_unit_test(faces_without_an_embedder),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
