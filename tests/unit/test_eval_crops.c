/* Evaluations and where their crops come from: crops that were cut beside the template are told, and models that take the points
 * of the face get those of the face itself, as a pipeline gives them. */
#include "folder.h"
#include "support.h"

#include "eval/protocol/known.h"
#include "format/format.h"
#include <arcface/evaluate.h>
#include <string.h>
#include <unistd.h>

/* ---- crops that were cut beside the template ---- */

enum { SHIFTED_PAIRS = 60 }; /* of each kind */

static void shifted_path(char *out, size_t bytes, const char *person, int number) {
    snprintf(out, bytes, "%s/shifted_%s_%04d.ppm", test_folder(), person, number);
}

static void shift_picture(arc_context *ctx, const char *crops, const char *person, int number, int right_px, int down_px) {
    char from[512], to[TEST_PATH_BYTES];
    arc_image crop, moved;
    snprintf(from, sizeof from, "%s/%s/%s_%04d.jpg", crops, person, person, number);
    shifted_path(to, sizeof to, person, number);
    assert_int_equal(arc_image_load(ctx, from, NULL, &crop, NULL, NULL), ARC_OK);
    assert_int_equal(arc_image_new(ctx, 112, 112, &moved, NULL), ARC_OK);
    arc_draw_image(&moved, right_px, down_px, 112, 112, &crop);
    assert_int_equal(arc_image_save(ctx, &moved, to, NULL), ARC_OK);
    arc_image_free(ctx, &crop);
    arc_image_free(ctx, &moved);
}

/* Writes the first pairs of each kind as "PATH PATH LABEL", their pictures moved; moved by nothing: removes all of it. */
static void shift_pairs(arc_context *ctx, const char *crops, const char *lfw, int right_px, int down_px) {
    FILE *from = fopen(lfw, "r"), *to = fopen(in_folder("shifted.txt"), "w");
    char line[512], name[2][128], path[2][TEST_PATH_BYTES];
    int number[2], taken[2] = {0, 0};
    const bool away = right_px == 0 && down_px == 0;
    assert_true(from && to);
    while (fgets(line, sizeof line, from)) {
        const int fields = sscanf(line, "%127s %d %127s %d", name[0], &number[0], name[1], &number[1]), same = fields == 3;
        if (fields < 3 || taken[same] == SHIFTED_PAIRS)
            continue;
        if (same) {
            number[1] = (int)strtol(name[1], NULL, 10);
            memcpy(name[1], name[0], sizeof name[0]);
        }
        taken[same]++;
        for (int k = 0; k < 2; k++) {
            shifted_path(path[k], sizeof path[k], name[k], number[k]);
            if (away)
                unlink(path[k]);
            else
                shift_picture(ctx, crops, name[k], number[k], right_px, down_px);
        }
        fprintf(to, "%s %s %d\n", path[0] + strlen(test_folder()) + 1, path[1] + strlen(test_folder()) + 1, same);
    }
    fclose(from);
    fclose(to);
    if (away)
        unlink(in_folder("shifted.txt"));
}

static void shifted_crops(void **state) {
    (void)state;
    const char *crops = arc_test_file("lfw/pairs-aligned-112"), *lfw = arc_test_file("lfw/pairs.txt");
    const char *file = arc_test_file("models/recognition/w600k_mbf_dequantised_fp32.onnx");
    static const struct {
        int right_px, down_px;
        const char *advice;
    } shift[] = {{-12, 0, "further left"}, {12, 0, "further right"}, {0, -12, "higher"}, {0, 12, "lower"}};
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_model *model;
    arc_evaluate_options opt;
    arc_evaluate_options_default(&opt);
    opt.flip = false;
    opt.bootstrap = 0;
    assert_int_equal(arc_model_load(ctx, file, ARC_TASK_EMBED, NULL, &model, NULL), ARC_OK);
    for (int i = 0; i < arc_test_part(1, ARC_COUNT(shift)); i++) {
        arc_evaluation *e;
        bool told = false;
        shift_pairs(ctx, crops, lfw, shift[i].right_px, shift[i].down_px);
        assert_int_equal(arc_evaluate_pairs(ctx, model, test_folder(), in_folder("shifted.txt"), &opt, &e, NULL), ARC_OK);
        for (int k = 0; k < e->notes; k++)
            told = told || (strstr(e->note[k], "cut 8 %") && strstr(e->note[k], shift[i].advice));
        assert_true(told);
        arc_evaluation_free(ctx, &e);
    }
    shift_pairs(ctx, crops, lfw, 0, 0);
    arc_model_free(&model);
    arc_context_close(&ctx);
}

/* ---- models that take the points of the face (KPRPE) ---- */

/* Its embedding is the points, ten numbers of 64, and nothing of the picture. */
static arc_model *points_model(arc_context *ctx) {
    arc_graph *g;
    arc_model *model;
    float *weight, *none;
    const char *path = in_folder("points.onnx");
    const int64_t ten[2] = {-1, 10};
    assert_int_equal(arc_graph_new(&g, &arc_alloc_libc, 17, NULL), ARC_OK);
    const int x = arc_graph_value(g, "picture"), points = arc_graph_value(g, "keypoints"), row = arc_graph_value(g, "row"),
              mean = arc_graph_value(g, "mean"), flat = arc_graph_value(g, "flat"), zero = arc_graph_value(g, "zero"),
              said = arc_graph_value(g, "said"), y = arc_graph_value(g, "embedding");
    const int shape = arc_graph_constant(g, "shape", ARC_I64, &(arc_shape){1, {2}}, ten, true),
              w = arc_graph_constant_new(g, "w", ARC_F32, &(arc_shape){2, {10, 64}}, (void **)&weight),
              n = arc_graph_constant_new(g, "n", ARC_F32, &(arc_shape){2, {3, 64}}, (void **)&none);
    for (int i = 0; i < 10; i++)
        weight[i * 64 + i] = 1;
    assert_int_equal(arc_graph_add_input(g, x, ARC_F32, &(arc_shape){4, {-1, 3, 112, 112}}), ARC_OK);
    assert_int_equal(arc_graph_add_input(g, points, ARC_F32, &(arc_shape){3, {-1, 5, 2}}), ARC_OK);
    assert_non_null(arc_graph_node(g, "GlobalAveragePool", "", 1, &x, 1, &mean));
    assert_non_null(arc_graph_node(g, "Flatten", "", 1, &mean, 1, &flat));
    assert_non_null(arc_graph_node(g, "MatMul", "", 2, (int[]){flat, n}, 1, &zero));
    assert_non_null(arc_graph_node(g, "Reshape", "", 2, (int[]){points, shape}, 1, &row));
    assert_non_null(arc_graph_node(g, "MatMul", "", 2, (int[]){row, w}, 1, &said));
    assert_non_null(arc_graph_node(g, "Add", "", 2, (int[]){zero, said}, 1, &y));
    assert_int_equal(arc_graph_add_output(g, y), ARC_OK);
    assert_int_equal(arc_graph_check(g, NULL), ARC_OK);
    assert_int_equal(arc_onnx_save(g, path, NULL), ARC_OK);
    arc_graph_free(&g);
    assert_int_equal(arc_model_load(ctx, path, ARC_TASK_EMBED, NULL, &model, NULL), ARC_OK);
    assert_true(arc_model_contract(model)->takes_points);
    return model;
}

/* A face that no similarity brings to the template. */
static const float crooked[5][2] = {{60, 62}, {88, 51}, {70, 80}, {66, 95}, {90, 99}};

static arc_status open_crooked(arc_context *ctx, const void *source, int64_t index, arc_eval_photo *out, arc_error *err) {
    (void)ctx;
    const arc_status st = arc_eval_open_file(source, out, err);
    out->photo.has_landmarks = index == 0;
    memcpy(out->photo.landmark_px, crooked, sizeof crooked);
    return st;
}

static void name_crooked(const void *source, int64_t index, char *out, size_t bytes) {
    (void)index;
    snprintf(out, bytes, "%s", (const char *)source);
}

static void points_come_from_the_face(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_model *model = points_model(ctx);
    char path[TEST_PATH_BYTES];
    double matrix[2][3];
    float template[5][2], want[2][10]; /* of the face by its landmarks; of the picture as a ready crop */
    arc_image crop;
    snprintf(path, sizeof path, "%s", in_folder("crop.png"));
    assert_int_equal(arc_image_new(ctx, 112, 112, &crop, NULL), ARC_OK);
    assert_int_equal(arc_image_save(ctx, &crop, path, NULL), ARC_OK);
    arc_image_free(ctx, &crop);
    arc_template_get(ARC_TEMPLATE_112, NULL, NULL, template);
    assert_int_equal(arc_align_estimate(crooked, ARC_TEMPLATE_112, matrix, NULL, NULL), ARC_OK);
    for (int i = 0; i < 10; i++) {
        const double *m = matrix[i % 2];
        want[0][i] = (float)((m[0] * (double)crooked[i / 2][0] + m[1] * (double)crooked[i / 2][1] + m[2]) / 112);
        want[1][i] = template[i / 2][i % 2] / 112;
    }
    const arc_eval_set set = {.images = 2, .open = open_crooked, .name = name_crooked, .names_are_paths = true, .source = path};
    arc_evaluate_options opt;
    arc_evaluate_options_default(&opt);
    for (int flip = 0; flip < 2; flip++) {
        arc_embed_run run = {.set = &set, .opt = &opt};
        arc_rows rows;
        opt.flip = flip;
        assert_int_equal(arc_eval_embed_rows(ctx, model, &run, NULL, &rows, NULL), ARC_OK);
        for (int face = 0; face < 2; face++)
            for (int i = 0; i < 10; i++) {
                static const int other[5] = {1, 0, 2, 4, 3};
                const float mirrored = want[face][2 * other[i / 2] + i % 2];
                const float sum = want[face][i] + (!flip ? 0 : i % 2 ? mirrored : 111 / 112.0f - mirrored);
                assert_float_equal(rows.row[face * 64 + i], sum, 1e-5);
            }
        arc_rows_free(ctx, &rows);
        /* a pipeline gives the same */
        arc_pipeline_options options;
        arc_pipeline *pipeline;
        arc_result result;
        arc_photo photo = arc_photo_from_path(path);
        photo.has_landmarks = true;
        memcpy(photo.landmark_px, crooked, sizeof crooked);
        arc_pipeline_options_default(&options);
        options.aligned = true;
        options.flip = flip;
        assert_int_equal(arc_pipeline_new(ctx, NULL, model, &options, &pipeline, NULL), ARC_OK);
        assert_int_equal(arc_pipeline_run_photos(pipeline, &photo, 1, &result, NULL, NULL, NULL), ARC_OK);
        assert_int_equal(result.faces, 1);
        for (int i = 0; !flip && i < 10; i++)
            assert_float_equal(result.face[0].embedding[i], want[0][i], 1e-5);
        arc_result_free(ctx, &result);
        arc_pipeline_free(&pipeline);
    }
    arc_model_free(&model);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shifted_crops), cmocka_unit_test(points_come_from_the_face)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
