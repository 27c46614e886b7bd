/* Exports of detectors: outputs have the names and the meaning that depthai-nodes' parsers expect. */
#include "deploy_support.h"
#include "face/detect/decode.h"
#include <string.h>

static arc_model *small_detector(fixture *f, arc_graph *g) {
    arc_model *m = NULL;
    arc_error err = {0};
    assert_int_equal(arc_onnx_save(g, f->model, &err), ARC_OK);
    arc_graph_free(&g);
    if (arc_model_load(f->ctx, f->model, ARC_TASK_DETECT, NULL, &m, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return m;
}

static void detectors_have_the_parsers_names(void **state) {
    fixture *f = *state;
    static const char *const names[] = {"score_8", "score_16", "score_32", "bbox_8", "bbox_16",
                                        "bbox_32", "kps_8",    "kps_16",   "kps_32"};
    arc_model *m = small_detector(f, net_detector());
    arc_graph *g = NULL;
    arc_export_options opt;
    arc_export_report r;
    arc_error err = {0};
    arc_export_options_default(&opt);
    opt.size_px = 96;
    if (arc_export_onnx(f->ctx, m, &opt, f->file, &r, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_true(r.outputs == 9 && r.input[2] == 96 && r.output[0] == 288 && r.order_nodes);
    assert_int_equal(arc_onnx_load(&g, &arc_alloc_libc, f->file, &err), ARC_OK);
    for (int i = 0; i < 9; i++) {
        const arc_value *v = &g->value[g->output[i]];
        const int cells = 96 / (8 << i % 3);
        assert_string_equal(v->name, names[i]);
        assert_true(v->shape.dim[0] == 2 * cells * cells && v->shape.dim[1] == (i < 3 ? 1 : i < 6 ? 4 : 10));
    }
    arc_graph_free(&g);
    opt.batch = 2;
    assert_int_equal(arc_export_onnx(f->ctx, m, &opt, f->file, NULL, &err), ARC_EINVAL);
    opt.batch = 1;
    for (int i = 2; i < 4; i++)
        m->graph->value[m->graph->input[0]].shape.dim[i] = 128;
    assert_int_equal(arc_export_onnx(f->ctx, m, &opt, f->file, NULL, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "the model is for 128x128"));
    arc_model_free(&m);
}

/* What depthai-nodes' YuNetParser makes of a row: the candidates of its decode_and_prune_detections, in float64. */
static int parse_yunet(const arc_tensor *loc, const arc_tensor *conf, const arc_tensor *iou, int side, double threshold,
                       arc_face *face, int most) {
    static const int anchors[4] = {3, 2, 2, 3}, sizes[4][3] = {{10, 16, 24}, {32, 48}, {64, 96}, {128, 192, 256}};
    int64_t row = 0;
    int count = 0;
    for (int level = 0; level < 4; level++) {
        const int stride = 8 << level, across = side / stride;
        for (int cell = 0; cell < across * across; cell++)
            for (int k = 0; k < anchors[level]; k++, row++) {
                const float *l = (const float *)loc->data + 14 * row;
                const double object = fmin(fmax((double)((const float *)iou->data)[row], 0), 1),
                             score = sqrt((double)((const float *)conf->data)[2 * row + 1] * object);
                const double x = (cell % across + 0.5) * stride, y = (cell / across + 0.5) * stride, m = sizes[level][k];
                if (!(score > threshold))
                    continue;
                assert_true(count < most);
                const double cx = x + 0.1 * m * (double)l[0], cy = y + 0.1 * m * (double)l[1], w = m * exp(0.2 * (double)l[2]),
                             h = m * exp(0.2 * (double)l[3]);
                arc_face f = {.x1_px = (float)(cx - w / 2),
                              .y1_px = (float)(cy - h / 2),
                              .x2_px = (float)(cx + w / 2),
                              .y2_px = (float)(cy + h / 2),
                              .score = (float)score};
                for (int i = 0; i < 10; i++)
                    f.landmark_px[i / 2][i % 2] = (float)((i % 2 ? y : x) + 0.1 * m * (double)l[4 + i]);
                face[count++] = f;
            }
    }
    assert_int_equal(row, loc->shape.dim[0]);
    return count;
}

static double apart(const arc_face *a, const arc_face *b) {
    const float *x = &a->x1_px, *y = &b->x1_px;
    double most = 0;
    for (int i = 0; i < 4; i++)
        most = fmax(most, fabs((double)x[i] - (double)y[i]));
    for (int i = 0; i < 10; i++)
        most = fmax(most, fabs((double)a->landmark_px[i / 2][i % 2] - (double)b->landmark_px[i / 2][i % 2]));
    return most;
}

/* YuNetParser's decoding of the export gives every candidate that arcface's own decoding of the model gives, and no other. */
static void yunet_is_on_the_parsers_grid(void **state) {
    fixture *f = *state;
    enum { SIZE = 96, MOST = 4096 };
    static const char *const names[] = {"loc", "conf", "iou"};
    static float image[3 * SIZE * SIZE];
    static arc_face parsed[MOST];
    const double threshold = 0.5;
    arc_model *m = small_detector(f, net_yunet());
    arc_graph *g = NULL;
    arc_session *s = NULL;
    arc_net *run = NULL;
    arc_net_output own[12];
    arc_face_list faces = {.alloc = &arc_alloc_libc};
    arc_tensor out[3];
    arc_export_options opt;
    arc_export_report r;
    arc_error err = {0};
    const int64_t shape[4] = {1, 3, SIZE, SIZE};
    arc_export_options_default(&opt);
    opt.size_px = SIZE;
    if (arc_export_onnx(f->ctx, m, &opt, f->file, &r, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_true(r.outputs == 3 && r.output[0] == 144 * 3 + 36 * 2 + 9 * 2 + 3 && r.output[1] == 14);
    for (int i = 0; i < 3 * SIZE * SIZE; i++)
        image[i] = (float)((i * 37 + i / 96 * 11) % 256);
    assert_int_equal(arc_onnx_load(&g, &arc_alloc_libc, f->file, &err), ARC_OK);
    for (int i = 0; i < 3; i++)
        assert_string_equal(g->value[g->output[i]].name, names[i]);
    assert_int_equal(arc_session_new(&s, f->ctx, g, NULL, &err), ARC_OK);
    const arc_tensor in = {.dtype = ARC_F32, .layout = ARC_PLAIN, .shape = {4, {1, 3, SIZE, SIZE}}, .data = image};
    assert_int_equal(arc_session_run(s, &in, out, &err), ARC_OK);
    const int count = parse_yunet(&out[0], &out[1], &out[2], SIZE, threshold, parsed, MOST);

    assert_true(m->contract.bgr && m->contract.mean[0] == 0 && m->contract.scale[0] == 1); /* the same pixels go in */
    assert_int_equal(arc_net_new(f->ctx, m, &run, &err), ARC_OK);
    assert_int_equal(arc_net_run(run, image, shape, &err), ARC_OK);
    for (int i = 0; i < 12; i++)
        assert_int_equal(arc_net_output_get(run, i, &own[i], &err), ARC_OK);
    const arc_raw raw = {.out = own, .count = 12, .width_px = SIZE, .height_px = SIZE, .threshold = (float)threshold};
    assert_int_equal(arc_decode_yunet(&raw, &faces, &err), ARC_OK);
    assert_true(count > 10 && count < 189);
    assert_int_equal((int)faces.count, count);
    for (int i = 0; i < count; i++) { /* both go through strides, rows and columns in the same order */
        assert_true(fabs((double)faces.face[i].score - (double)parsed[i].score) < 1e-5);
        if (!(apart(&faces.face[i], &parsed[i]) < 1e-3))
            fail_msg("candidate %d is %g pixels off", i, apart(&faces.face[i], &parsed[i]));
    }
    arc_face_list_free(&faces);
    arc_net_free(&run);
    arc_session_free(&s);
    arc_graph_free(&g);
    arc_model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(detectors_have_the_parsers_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(yunet_is_on_the_parsers_grid, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
