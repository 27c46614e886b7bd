/* Exports: the file that is written takes pixels and gives the embeddings that the model gives for the same pixels, in every form
 * that is offered, and what can't be exported is named. */
#include "deploy/deploy.h"
#include "face/detect/decode.h"
#include "folder.h"
#include "format/format.h"
#include "net_support.h"
#include "op/op.h"
#include <arcface/image.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 112, PLANE = SIDE * SIDE, MAX_DIM = 512 };

typedef struct fixture {
    arc_context *ctx;
    char file[TEST_PATH_BYTES], model[TEST_PATH_BYTES];
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    f->ctx = arc_test_context(NULL, 2);
    snprintf(f->file, sizeof f->file, "%s", in_folder("exported.onnx"));
    snprintf(f->model, sizeof f->model, "%s", in_folder("own.onnx"));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    arc_context_close(&f->ctx);
    free(f);
    return 0;
}

/* ---- pictures ---- */

/* BGR pixels [3][112][112] of picture `index`: drawn here, smooth with edges. */
static void drawn(int index, uint8_t *bgr) {
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < PLANE; i++) {
            const int y = i / SIDE, x = i % SIDE;
            const double v =
                120 + 80 * sin(0.03 * (y + 11 * index) + c) * cos(0.05 * x - index) + ((x / 9 + y / 13 + c) % 2 ? 25 : -25);
            bgr[c * PLANE + i] = (uint8_t)v;
        }
}

/* A photo of a face, its middle 112 x 112 pixels of 224. */
static bool photographed(arc_context *ctx, int index, uint8_t *bgr) {
    static const char *const names[] = {"07202", "07203", "07204", "07205"};
    char path[1024];
    arc_image image = {0};
    if (!arc_test_data())
        return false;
    snprintf(path, sizeof path, "%s/celeba-224/%s", arc_test_data(), names[index % 4]);
    arc_names list = {0};
    if (arc_dir_list(&list, &arc_alloc_libc, path, 100, NULL) != ARC_OK)
        return false;
    char file[2048];
    snprintf(file, sizeof file, "%s/%s", path, list.count ? list.name[0] : "");
    arc_names_free(&list);
    if (arc_image_load(ctx, file, NULL, &image, NULL, NULL) != ARC_OK)
        return false;
    assert_true(image.width_px >= SIDE && image.height_px >= SIDE);
    for (int i = 0; i < PLANE; i++) {
        const int y = i / SIDE * image.height_px / SIDE, x = i % SIDE * image.width_px / SIDE;
        for (int c = 0; c < 3; c++)
            bgr[(2 - c) * PLANE + i] = image.data[y * image.stride_bytes + 3 * x + c];
    }
    arc_image_free(ctx, &image);
    return true;
}

/* What the model's own input is for these pixels: subtracted and divided, as models are trained. */
static void normalised(const arc_contract *c, const uint8_t *bgr, float *out) {
    for (int channel = 0; channel < 3; channel++)
        for (int i = 0; i < PLANE; i++) {
            const int from = c->bgr ? channel : 2 - channel;
            out[channel * PLANE + i] = ((float)bgr[from * PLANE + i] - c->mean[channel]) / arc_deploy_divisor(c->scale[channel]);
        }
}

/* ---- running ---- */

static void run_model(arc_context *ctx, const arc_model *m, const float *image, int batch, float *out, int dim) {
    arc_net *run = NULL;
    arc_error err = {0};
    arc_net_output o;
    const int64_t shape[4] = {batch, 3, SIDE, SIDE};
    assert_int_equal(arc_net_new(ctx, m, &run, &err), ARC_OK);
    if (arc_net_run(run, image, shape, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_net_output_get(run, 0, &o, &err), ARC_OK);
    assert_true(o.dim[0] == batch && o.dim[1] == dim);
    memcpy(out, o.data, (size_t)(batch * dim) * sizeof *out);
    arc_net_free(&run);
}

/* The exported file's rows for `batch` pictures, as bytes or floats. */
static void run_export(fixture *f, const uint8_t *bgr, int batch, bool bytes, float *out, int dim) {
    arc_graph *g = NULL;
    arc_session *s = NULL;
    arc_error err = {0};
    arc_tensor o;
    float *floats = calloc((size_t)(batch * 3 * PLANE), sizeof *floats);
    for (int i = 0; i < batch * 3 * PLANE; i++)
        floats[i] = bgr[i];
    if (arc_onnx_load(&g, &arc_alloc_libc, f->file, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_string_equal(g->value[g->input[0]].name, "images");
    assert_string_equal(g->value[g->output[0]].name, "output");
    assert_true(g->opset <= 13 && g->inputs == 1 && g->outputs == 1);
    for (int i = 0; i < g->metas; i++)
        assert_true(strncmp(g->meta[i].key, "arcface.", 8) == 0);
    assert_int_equal(arc_session_new(&s, f->ctx, g, NULL, &err), ARC_OK);
    const arc_tensor in = {.dtype = bytes ? ARC_U8 : ARC_F32,
                           .layout = ARC_PLAIN,
                           .shape = {4, {batch, 3, SIDE, SIDE}},
                           .data = bytes ? (void *)(uintptr_t)bgr : floats};
    if (arc_session_run(s, &in, &o, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_true(o.shape.rank == 2 && o.shape.dim[0] == batch && o.shape.dim[1] == dim);
    memcpy(out, o.data, (size_t)(batch * dim) * sizeof *out);
    arc_session_free(&s);
    arc_graph_free(&g);
    free(floats);
}

/* The least cosine of exported to own embeddings over four pictures, one a run. */
static double least_cosine(fixture *f, const arc_model *m, const arc_export_options *opt, arc_export_report *report) {
    static uint8_t bgr[3 * PLANE];
    static float image[3 * PLANE], want[MAX_DIM], got[MAX_DIM];
    arc_error err = {0};
    const int dim = m->contract.dim;
    double least = 1;
    if (arc_export_onnx(f->ctx, m, opt, f->file, report, &err) != ARC_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < 4; i++) {
        if (!photographed(f->ctx, i, bgr))
            drawn(i, bgr);
        normalised(&m->contract, bgr, image);
        run_model(f->ctx, m, image, 1, want, dim);
        run_export(f, bgr, 1, opt && opt->uint8_input, got, dim);
        least = fmin(least, arc_test_cosine(want, got, (size_t)dim));
    }
    return least;
}

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

/* The same with an operator newer than opset 13 behind the PRelu, x = [1,96,56,56]. */
typedef struct newer {
    const char *op, *text, *value; /* a text attribute, or NULL */
    float alpha;                   /* 0: the operator's own */
    int64_t axis;                  /* 0: none; else a scale (and a bias for LayerNormalization) of all that it reaches */
    int opset;
} newer;

static arc_model *small_newer(fixture *f, const newer *o) {
    net t;
    arc_node *n = NULL;
    arc_model *m = NULL;
    arc_error err = {0};
    net_new(&t, &arc_alloc_libc, 9);
    t.g->opset = o->opset;
    const int x = net_input(&t, "data", net_shape(4, 1, 3, SIDE, SIDE));
    const int c = net_prelu(&t, net_conv(&t, x, (net_conv_spec){3, 96, 3, 2, 1, 1, false}), 96);
    const arc_shape row = o->axis == -2 ? net_shape(2, 56, 56, 0, 0) : net_shape(1, 56, 0, 0, 0);
    const int scale = o->axis ? net_constant(&t, row, 0.5f, 1.5f) : ARC_NO_VALUE,
              bias = o->axis && strcmp(o->op, "LayerNormalization") == 0 ? net_constant(&t, row, -1, 1) : ARC_NO_VALUE;
    const int y = net_node(&t, o->op, c, scale, bias, &n);
    if (o->text)
        assert_int_equal(arc_node_string(t.g, n, o->text, o->value), ARC_OK);
    if (o->alpha != 0)
        assert_int_equal(arc_node_float(t.g, n, "alpha", o->alpha), ARC_OK);
    if (o->axis) {
        assert_int_equal(arc_node_int(t.g, n, "axis", o->axis), ARC_OK);
        assert_int_equal(arc_node_float(t.g, n, "epsilon", 0.03f), ARC_OK);
    }
    const int64_t flat[2] = {1, 96}, window[2] = {0, 2};
    const int a = net_node(&t, "GlobalAveragePool", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int shaped = net_node(&t, "Reshape", a, net_ints(&t, 2, flat), ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t.g, n, "allowzero", 1), ARC_OK);
    const int part = net_node(&t, "Shape", a, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t.g, n, "start", window[0]), ARC_OK);
    assert_int_equal(arc_node_int(t.g, n, "end", window[1]), ARC_OK);
    const int again = net_node(&t, "Reshape", shaped, part, ARC_NO_VALUE, NULL);
    const int e = net_gemm(&t, again, 96, 64, true);
    net_done(&t, e);
    t.g->value[e].dtype = ARC_F32;
    t.g->value[e].shape = net_shape(2, 1, 64, 0, 0);
    assert_int_equal(arc_onnx_save(t.g, f->model, &err), ARC_OK);
    arc_graph_free(&t.g);
    if (arc_model_load(f->ctx, f->model, ARC_TASK_EMBED, NULL, &m, &err) != ARC_OK)
        fail_msg("%s: %s", o->op, err.text);
    return m;
}

static void newer_operators_are_spelt(void **state) {
    fixture *f = *state;
    static const newer cases[] = {
        {"LayerNormalization", NULL, NULL, 0, -1, 17},
        {"RMSNormalization", NULL, NULL, 0, -1, 23},
        {"LayerNormalization", NULL, NULL, 0, -2, 18},
        {"Gelu", NULL, NULL, 0, 0, 20},
        {"Gelu", "approximate", "tanh", 0, 0, 20},
        {"com.microsoft.FastGelu", NULL, NULL, 0, 0, 17},
        {"com.microsoft.Gelu", NULL, NULL, 0, 0, 17},
        {"com.microsoft.QuickGelu", NULL, NULL, 0, 0, 17},
        {"Mish", NULL, NULL, 0, 0, 18},
        {"Swish", NULL, NULL, 1.3f, 0, 24},
        {"HardSwish", NULL, NULL, 0, 0, 20},
    };
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        arc_export_report report;
        arc_model *m = small_newer(f, &cases[i]);
        const double least = least_cosine(f, m, NULL, &report);
        if (least < 1 - 1e-6)
            fail_msg("%s (case %zu): cosine %.9f", cases[i].op, i, least);
        assert_int_equal(report.opset, 13);
        arc_model_free(&m);
    }
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

/* ---- detectors ---- */

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

/* ---- what is refused ---- */

static void refused(fixture *f, const arc_model *m, const arc_export_options *opt, arc_status code, const char *word) {
    arc_error err = {0};
    struct stat st;
    remove(f->file);
    assert_int_equal(arc_export_onnx(f->ctx, m, opt, f->file, NULL, &err), code);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" is not in: %s", word, err.text);
    assert_true(stat(f->file, &st) != 0);
}

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

/* A Reshape that fixes the number of rows: one picture is fine, several are not. */
static void a_fixed_batch_is_told(void **state) {
    fixture *f = *state;
    arc_model *m = tiny(f);
    arc_error err = {0};
    arc_graph *g = m->graph;
    const int64_t rows[2] = {1, 64};
    const arc_shape two = {1, {2}};
    const int old = g->output[0], shape = arc_graph_constant(g, "rows", ARC_I64, &two, rows, true),
              fixed = arc_graph_value(g, "fixed");
    const int in[2] = {old, shape};
    assert_non_null(arc_graph_node(g, "Reshape", "fix", 2, in, 1, &fixed));
    g->value[old].is_output = false;
    g->outputs = 0;
    assert_int_equal(arc_graph_add_output(g, fixed), ARC_OK);
    assert_int_equal(arc_graph_check(g, &err), ARC_OK);
    assert_true(least_cosine(f, m, NULL, NULL) >= 1 - 1e-6);
    arc_export_options opt;
    arc_export_options_default(&opt);
    opt.batch = 4;
    refused(f, m, &opt, ARC_ESHAPE, "batch of 4");
    opt.batch = 0;
    refused(f, m, &opt, ARC_ESHAPE, "batch of 2");
    arc_model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(newer_operators_are_spelt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(detectors_have_the_parsers_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(yunet_is_on_the_parsers_grid, set_up, tear_down),
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
        cmocka_unit_test_setup_teardown(a_fixed_batch_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
