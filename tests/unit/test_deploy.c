/* Exports: the file that is written takes pixels and gives the embeddings that the model gives for the same pixels, in every form
 * that is offered, and what can't be exported is named. */
#include "deploy_support.h"
#include "op/op.h"
#include <string.h>

static arc_model *small(fixture *f, int pad, bool quantized) {
    arc_model *m = NULL;
    arc_error err = {0};
    arc_graph *g = net_embedder(SIDE, pad, quantized);
    assert_int_equal(arc_onnx_save(g, f->model, &err), ARC_OK);
    arc_graph_free(&g);
    if (arc_model_load(f->ctx, f->model, ARC_TASK_EMBED, NULL, &m, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return m;
}

/* A MobileFaceNet that takes RGB in -1..1, as InsightFace's do. */
static arc_model *tiny(fixture *f) {
    arc_model *m = NULL;
    arc_error err = {0};
    if (arc_model_new(f->ctx, "mbf", 64, 3, &m, &err) != ARC_OK)
        fail_msg("%s", err.text);
    m->contract.bgr = false;
    for (int i = 0; i < 3; i++) {
        m->contract.mean[i] = 127.5f;
        m->contract.scale[i] = 1 / 127.5f;
    }
    return m;
}

/* ---- what is written ---- */

static void pixels_give_the_embedding(void **state) {
    fixture *f = *state;
    arc_model *m = small(f, 1, false);
    arc_export_report r;
    arc_export_options opt;
    assert_true(least_cosine(f, m, NULL, &r) >= 1 - 1e-6);
    assert_true(r.order_folded && r.normalisation_nodes && !r.order_nodes && !r.normalisation_folded);
    assert_true(r.input[0] == 1 && r.input[1] == 3 && r.input[2] == 112 && r.input[3] == 112 && r.output[0] == 1 &&
                r.output[1] == 64);
    arc_export_options_default(&opt);
    opt.uint8_input = true;
    assert_true(least_cosine(f, m, &opt, &r) >= 1 - 1e-6);
    opt.uint8_input = false;
    opt.fp16 = true;
    assert_true(least_cosine(f, m, &opt, &r) >= 1 - 1e-6);
    assert_int_equal(r.half_weights, 2);
    arc_model_free(&m);
}

/* Means and scales that differ by channel, and both orders, through the same check: a wrong channel is far off. */
static void every_channel_has_its_own(void **state) {
    fixture *f = *state;
    arc_model *m = small(f, 1, false);
    arc_export_report r;
    for (int bgr = 0; bgr < 2; bgr++) {
        const float mean[3] = {90, 120, 160}, divisor[3] = {128, 60, 31.875f};
        m->contract.bgr = bgr;
        for (int i = 0; i < 3; i++) {
            m->contract.mean[i] = mean[i];
            m->contract.scale[i] = 1 / divisor[i];
        }
        assert_true(least_cosine(f, m, NULL, &r) >= 1 - 1e-6);
        assert_true(r.order_folded == !bgr && r.normalisation_nodes);
        for (int i = 0; i < 3; i++)
            m->contract.mean[i] = 0;
        assert_true(least_cosine(f, m, NULL, &r) >= 1 - 1e-6);
        assert_true(r.normalisation_folded && !r.normalisation_nodes); /* nothing is subtracted: padding stays 0 */
    }
    arc_model_free(&m);
}

static int find_first(const arc_graph *g, const char *op) {
    for (int i = 0; i < g->nodes; i++)
        if (strcmp(g->node[i].op, op) == 0)
            return i;
    return -1;
}

/* A first convolution without padding takes everything upon itself, and gets a bias for it. */
static void all_is_folded_without_padding(void **state) {
    fixture *f = *state;
    arc_model *m = small(f, 0, false);
    arc_export_report r;
    assert_true(least_cosine(f, m, NULL, &r) >= 1 - 1e-6);
    assert_true(r.order_folded && r.normalisation_folded && !r.order_nodes && !r.normalisation_nodes);
    assert_int_equal(r.nodes, 5);
    arc_model_free(&m);
}

/* Before a quantizer the numbers are the model's to the last bit, and so nothing is folded. */
static void nothing_is_folded_before_quantizers(void **state) {
    fixture *f = *state;
    static uint8_t bgr[3 * PLANE];
    static float image[3 * PLANE];
    float want[64], got[64];
    arc_model *m = small(f, 0, true);
    arc_export_report r;
    assert_true(least_cosine(f, m, NULL, &r) >= 1 - 1e-6);
    assert_true(r.order_nodes && r.normalisation_nodes && !r.order_folded && !r.normalisation_folded);
    drawn(2, bgr);
    normalised(&m->contract, bgr, image);
    run_model(f->ctx, m, image, 1, want, 64);
    run_export(f, bgr, 1, false, got, 64);
    assert_true(arc_test_max_error(want, got, 64) < 1e-5);
    arc_model_free(&m);
}

/* A network that begins with operators of its own has no convolution that could take the order. */
static void order_by_operators(void **state) {
    fixture *f = *state;
    arc_model *m = tiny(f);
    arc_export_report r;
    assert_true(least_cosine(f, m, NULL, &r) >= 1 - 1e-6);
    assert_true(r.order_nodes && r.normalisation_nodes && !r.order_folded && !r.normalisation_folded);
    arc_model_free(&m);
}

static void lengths_are_one(void **state) {
    fixture *f = *state;
    arc_model *m = tiny(f);
    arc_export_options opt;
    float got[64];
    static uint8_t bgr[3 * PLANE];
    arc_export_options_default(&opt);
    opt.l2 = true;
    assert_true(least_cosine(f, m, &opt, NULL) >= 1 - 1e-6);
    drawn(1, bgr);
    run_export(f, bgr, 1, false, got, 64);
    double sum = 0;
    for (int i = 0; i < 64; i++)
        sum += (double)got[i] * got[i];
    assert_true(fabs(sum - 1) < 1e-5);
    arc_model_free(&m);
}

/* Three pictures at once, with a batch of three and with any, give the rows that each gives alone. */
static void batches(void **state) {
    fixture *f = *state;
    arc_model *m = tiny(f);
    arc_error err = {0};
    arc_export_report r;
    uint8_t *bgr = calloc(3, 3 * PLANE);
    float *image = calloc(3 * PLANE, sizeof *image), want[64], got[3 * 64];
    for (int i = 0; i < 3; i++)
        drawn(i, bgr + i * 3 * PLANE);
    for (int batch = 0; batch <= 3; batch += 3) {
        arc_export_options opt;
        arc_export_options_default(&opt);
        opt.batch = batch;
        assert_int_equal(arc_export_onnx(f->ctx, m, &opt, f->file, &r, &err), ARC_OK);
        assert_int_equal(r.input[0], batch ? 3 : -1);
        run_export(f, bgr, 3, false, got, 64);
        for (int i = 0; i < 3; i++) {
            normalised(&m->contract, bgr + i * 3 * PLANE, image);
            run_model(f->ctx, m, image, 1, want, 64);
            assert_true(arc_test_cosine(want, got + 64 * i, 64) >= 1 - 1e-6);
        }
    }
    free(bgr);
    free(image);
    arc_model_free(&m);
}

/* The file is a model of its own: pixels in, and its contract says so. Raw: the contract stays. */
static void reads_back(void **state) {
    fixture *f = *state;
    arc_model *m = tiny(f), *back = NULL;
    arc_export_options opt;
    arc_error err = {0};
    arc_export_options_default(&opt);
    for (int raw = 0; raw < 2; raw++) {
        opt.raw = raw;
        assert_int_equal(arc_export_onnx(f->ctx, m, &opt, f->file, NULL, &err), ARC_OK);
        if (arc_model_load(f->ctx, f->file, ARC_TASK_EMBED, NULL, &back, &err) != ARC_OK)
            fail_msg("%s", err.text);
        const arc_contract *c = arc_model_contract(back);
        assert_true(c->task == ARC_TASK_EMBED && c->dim == 64 && c->input_width_px == 112);
        assert_int_equal(c->bgr, !raw);
        assert_true(c->mean[0] == (raw ? 127.5f : 0) && (c->scale[0] == 1) == !raw);
        assert_non_null(arc_graph_meta(back->graph, ARC_SELFTEST_KEY));
        arc_model_free(&back);
    }
    arc_model_free(&m);
}

static void divisors_are_as_written(void **state) {
    (void)state;
    const float written[] = {127.5f, 128, 1, 255, 58.395f, 57.12f, 0.5f, 31.875f};
    for (size_t i = 0; i < ARC_COUNT(written); i++)
        assert_true(arc_deploy_divisor(1 / written[i]) == written[i]);
}

/* ---- real models ---- */

static void real_models(void **state) {
    fixture *f = *state;
    static const char *const names[] = {"w600k_mbf_dequantised_fp32.onnx", "w600k_mbf_int8_dynamic.onnx",
                                        "mobilefacenet_relu6_128d.onnx", "mobilefacenet-y1-mxnet/model-symbol.json"};
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        char name[128];
        arc_model *m = NULL;
        arc_export_report r;
        arc_error err = {0};
        snprintf(name, sizeof name, "models/recognition/%s", names[i]);
        if (arc_model_load(f->ctx, arc_test_file(name), ARC_TASK_EMBED, NULL, &m, &err) != ARC_OK)
            fail_msg("%s", err.text);
        const double least = least_cosine(f, m, NULL, &r);
        print_message("%s: cosine %.9f\n", names[i], least);
        assert_true(least >= 1 - 1e-6);
        arc_model_free(&m);
    }
}

/* ---- what is refused ---- */

static void refuses(void **state) {
    fixture *f = *state;
    arc_model *m = tiny(f);
    arc_export_options opt;
    arc_export_options_default(&opt);
    opt.batch = 5000;
    refused(f, m, &opt, ARC_EINVAL, "5000");
    opt.batch = 1;
    opt.raw = opt.uint8_input = true;
    refused(f, m, &opt, ARC_EINVAL, "raw");
    m->contract.task = ARC_TASK_DETECT;
    m->contract.detector = ARC_DETECTOR_RETINAFACE;
    refused(f, m, NULL, ARC_EUNSUPPORTED, "only those of SCRFD and YuNet");
    m->contract.task = ARC_TASK_UNKNOWN;
    refused(f, m, NULL, ARC_EUNSUPPORTED, "neither embedder nor detector");
    m->contract.task = ARC_TASK_EMBED;
    opt.raw = opt.uint8_input = false;
    opt.size_px = 100;
    refused(f, m, &opt, ARC_EINVAL, "multiple of 32");
    opt.size_px = 320;
    refused(f, m, &opt, ARC_EINVAL, "size is for detectors");
    /* an operator of opset 14 in place of one that is like it */
    const int prelu = find_first(m->graph, "PRelu");
    m->graph->opset = 20;
    m->graph->node[prelu].op = "Trilu";
    m->graph->node[prelu].entry = arc_op_find("Trilu");
    m->graph->node[prelu].inputs = 1;
    refused(f, m, NULL, ARC_EUNSUPPORTED, "Trilu");
    arc_model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pixels_give_the_embedding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_channel_has_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_is_folded_without_padding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_folded_before_quantizers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_by_operators, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lengths_are_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_back, set_up, tear_down),
        cmocka_unit_test(divisors_are_as_written),
        cmocka_unit_test_setup_teardown(real_models, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
