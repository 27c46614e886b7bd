/* Models: contract from metadata, structure and options; save and load; self-test; fixed batches; agreement with ONNX Runtime. */
#include "folder.h"
#include "format/format.h"
#include "model/model.h"
#include "shared_context.h"
#include <arcface/hub.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(arc_status st, const arc_error *err) {
    if (st != ARC_OK)
        fail_msg("%s", err->text);
}

/* A network of one pooled 1x1 convolution: 3 channels to `dim` numbers. batch < 0: free. */
static arc_graph *tiny(int64_t batch, int64_t height, int64_t width, int64_t dim) {
    arc_graph *g;
    assert_int_equal(arc_graph_new(&g, &arc_alloc_libc, 13, NULL), ARC_OK);
    void *weights;
    const arc_shape in = {.rank = 4, .dim = {batch, 3, height, width}}, w = {.rank = 4, .dim = {dim, 3, 1, 1}};
    const int image = arc_graph_value(g, "image"), weight = arc_graph_constant_new(g, "weight", ARC_F32, &w, &weights);
    const int mixed = arc_graph_value(g, "mixed"), pooled = arc_graph_value(g, "pooled"), flat = arc_graph_value(g, "flat");
    for (int64_t i = 0; i < dim * 3; i++)
        ((float *)weights)[i] = (float)(i % 7) - 3;
    assert_int_equal(arc_graph_add_input(g, image, ARC_F32, &in), ARC_OK);
    assert_non_null(arc_graph_node(g, "Conv", "mix", 2, (int[]){image, weight}, 1, &mixed));
    assert_non_null(arc_graph_node(g, "GlobalAveragePool", "pool", 1, &mixed, 1, &pooled));
    assert_non_null(arc_graph_node(g, "Flatten", "flatten", 1, &pooled, 1, &flat));
    assert_int_equal(arc_graph_add_output(g, flat), ARC_OK);
    g->value[flat].dtype = ARC_F32;
    g->value[flat].shape = (arc_shape){.rank = 2, .dim = {batch, dim}};
    assert_int_equal(arc_graph_check(g, NULL), ARC_OK);
    return g;
}

static void contract_survives_metadata(void **state) {
    (void)state;
    arc_graph *g = tiny(-1, 112, 96, 128);
    arc_contract written, read;
    arc_error err;
    must(arc_contract_read(&written, g, NULL, &err), &err);
    assert_int_equal(written.task, ARC_TASK_EMBED);
    assert_int_equal(written.align, ARC_TEMPLATE_112X96);
    assert_int_equal(written.dim, 128);
    assert_float_equal(written.scale[0], 1 / 128.0f, 0);
    assert_non_null(strstr(written.why, "112x96"));
    written.bgr = true;
    written.mean[1] = 0.1f;
    written.threshold = 0.33f;
    must(arc_contract_write(g, &written, &err), &err);
    must(arc_contract_read(&read, g, NULL, &err), &err);
    assert_true(read.bgr);
    assert_memory_equal(read.mean, written.mean, sizeof read.mean);
    assert_memory_equal(read.scale, written.scale, sizeof read.scale);
    assert_float_equal(read.threshold, written.threshold, 0);
    assert_non_null(strstr(read.why, "metadata"));
    arc_graph_free(&g);
}

static void options_win_and_are_checked(void **state) {
    (void)state;
    arc_graph *g = tiny(-1, 112, 112, 128);
    arc_contract c;
    arc_error err;
    arc_model_options opt;
    arc_model_options_default(&opt);
    opt.colour = "bgr";
    opt.normalise = "104,117,123/2";
    must(arc_contract_read(&c, g, &opt, &err), &err);
    assert_true(c.bgr);
    assert_float_equal(c.mean[2], 123, 0);
    assert_float_equal(c.scale[2], 0.5f, 0);
    opt.detector = "yunet";
    opt.colour = opt.normalise = NULL;
    must(arc_contract_read(&c, g, &opt, &err), &err);
    assert_int_equal(c.detector, ARC_DETECTOR_YUNET);
    static const char *const wrong[] = {"127.5", "127.5/0", "a/b", "1,2/3", "127.5/128x", "/", "nan/1"};
    for (size_t i = 0; i < ARC_COUNT(wrong); i++) {
        arc_model_options_default(&opt);
        opt.normalise = wrong[i];
        assert_int_equal(arc_contract_read(&c, g, &opt, &err), ARC_EINVAL);
    }
    arc_model_options_default(&opt);
    opt.colour = "grb";
    assert_int_equal(arc_contract_read(&c, g, &opt, &err), ARC_EINVAL);
    arc_graph_free(&g);
}

static void wrong_metadata_is_an_error(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"arcface.contract", "2"},   {"arcface.task", "sing"},  {"arcface.mean", "1,2"},     {"arcface.scale", "1,2,inf"},
        {"arcface.input", "112"},    {"arcface.dim", "0"},      {"arcface.threshold", "7"},  {"arcface.color", "yuv"},
        {"arcface.detector", "dog"}, {"arcface.nms_iou", "-1"}, {"arcface.template", "1x1"},
    };
    for (size_t i = 0; i < ARC_COUNT(wrong); i++) {
        arc_graph *g = tiny(-1, 112, 112, 128);
        arc_contract c;
        arc_error err;
        assert_int_equal(arc_graph_set_meta(g, wrong[i][0], wrong[i][1]), ARC_OK);
        assert_int_equal(arc_contract_read(&c, g, NULL, &err), ARC_EFORMAT);
        assert_non_null(strstr(err.text, wrong[i][0]));
        arc_graph_free(&g);
    }
}

static void strangers_are_unknown(void **state) {
    (void)state;
    arc_contract c;
    arc_graph *g = tiny(-1, 96, 96, 3); /* gender and age */
    arc_contract_infer(&c, g, false);
    assert_int_equal(c.task, ARC_TASK_UNKNOWN);
    arc_graph_free(&g);
    g = tiny(-1, 192, 192, 212); /* 106 landmarks */
    arc_contract_infer(&c, g, false);
    assert_int_equal(c.task, ARC_TASK_UNKNOWN);
    assert_non_null(strstr(c.why, "192x192"));
    arc_graph_free(&g);
}

/* What each real file wants, as its goldens were made. */
/* Puts `op` with a number in front of the convolution: an initializer, or what a Constant node makes. */
static void normalise_by(arc_graph *g, const char *op, float number, bool node) {
    const arc_shape scalar = {0};
    char name[32];
    snprintf(name, sizeof name, "%s_number", op);
    int constant = arc_graph_constant(g, name, ARC_F32, &scalar, &number, true);
    if (node) {
        snprintf(name, sizeof name, "%s_made", op);
        const int made = arc_graph_value(g, name);
        arc_node *n = arc_graph_node(g, "Constant", name, 0, NULL, 1, &made);
        assert_int_equal(arc_node_tensor(g, n, "value", constant), ARC_OK);
        constant = made;
    }
    for (int i = 0; i < g->nodes; i++)
        if (strcmp(g->node[i].name, "mix") == 0) {
            const int out = arc_graph_value(g, op), in[2] = {g->node[i].input[0], constant};
            g->node[i].input[0] = out;
            assert_non_null(arc_graph_node(g, op, op, 2, in, 1, &out));
            break;
        }
    assert_int_equal(arc_graph_check(g, NULL), ARC_OK);
}

/* TorchScript writes the numbers as Constant nodes, other exporters as initializers. */
static void what_normalises_inside_tells_the_range(void **state) {
    (void)state;
    for (int node = 0; node < 2; node++)
        for (int unit = 0; unit < 2; unit++) {
            arc_graph *g = tiny(-1, 112, 112, 128);
            arc_contract c;
            normalise_by(g, "Sub", unit ? 0.485f : 127.5f, node);
            normalise_by(g, "Div", unit ? 0.229f : 127.5f, node);
            arc_contract_infer(&c, g, false);
            assert_float_equal(c.scale[0], unit ? 1 / 255.0f : 1, 0);
            assert_float_equal(c.mean[0], 0, 0);
            arc_graph_free(&g);
        }
}

/* ReLU6 without PRelu is MobileFaceNet's family, but transformers have it too. */
static void relu6_of_a_transformer_is_no_mobilefacenet(void **state) {
    (void)state;
    for (int transformer = 0; transformer < 2; transformer++) {
        arc_graph *g = tiny(-1, 112, 112, 128);
        arc_contract c;
        int value = g->input[0];
        for (int i = 0; i <= transformer; i++) {
            const int out = arc_graph_value(g, i ? "softmax" : "clip");
            assert_non_null(arc_graph_node(g, i ? "Softmax" : "Clip", i ? "softmax" : "clip", 1, &value, 1, &out));
            value = out;
        }
        for (int i = 0; i < g->nodes; i++)
            if (strcmp(g->node[i].name, "mix") == 0)
                g->node[i].input[0] = value;
        assert_int_equal(arc_graph_check(g, NULL), ARC_OK);
        arc_contract_infer(&c, g, false);
        assert_float_equal(c.scale[0], transformer ? 1 / 127.5f : 1 / 128.0f, 0);
        arc_graph_free(&g);
    }
}

static void real_files_are_understood(void **state) {
    (void)state;
    static const struct {
        const char *path;
        arc_task task;
        arc_detector_kind detector;
        bool bgr;
        float mean0, divisor, threshold;
        int width_px, height_px, dim;
    } files[] = {
        {"recognition/w600k_mbf_dequantised_fp32.onnx", ARC_TASK_EMBED, ARC_DETECTOR_NONE, false, 127.5f, 127.5f, 0.28f, 112, 112,
         512},
        {"recognition/w600k_mbf_int8_dynamic.onnx", ARC_TASK_EMBED, ARC_DETECTOR_NONE, false, 127.5f, 127.5f, 0.28f, 112, 112,
         512},
        {"recognition/mobilefacenet-y1-mxnet/model-symbol.json", ARC_TASK_EMBED, ARC_DETECTOR_NONE, false, 0, 1, 0.28f, 112, 112,
         128},
        {"recognition/mobilefacenet_relu6_128d.onnx", ARC_TASK_EMBED, ARC_DETECTOR_NONE, false, 127.5f, 128, 0.28f, 112, 112,
         128},
        {"recognition/mobilefacenet_casia_112x96.ckpt", ARC_TASK_EMBED, ARC_DETECTOR_NONE, false, 127.5f, 128, 0.28f, 96, 112,
         128},
        {"detection/det_500m.onnx", ARC_TASK_DETECT, ARC_DETECTOR_SCRFD, false, 127.5f, 128, 0.5f, 0, 0, 0},
        {"detection/scrfd_2.5g_bnkps.onnx", ARC_TASK_DETECT, ARC_DETECTOR_SCRFD, false, 127.5f, 128, 0.5f, 0, 0, 0},
        {"detection/retinaface_mnet025_640.onnx", ARC_TASK_DETECT, ARC_DETECTOR_RETINAFACE, true, 104, 1, 0.5f, 640, 640, 0},
        {"detection/retinaface_mnet025.pth", ARC_TASK_DETECT, ARC_DETECTOR_RETINAFACE, true, 104, 1, 0.5f, 0, 0, 0},
        {"detection/yunet_s_640_640.onnx", ARC_TASK_DETECT, ARC_DETECTOR_YUNET, true, 0, 1, 0.6f, 640, 640, 0},
        {"detection/yunet_s_dynamic.onnx", ARC_TASK_DETECT, ARC_DETECTOR_YUNET, true, 0, 1, 0.6f, 0, 0, 0},
    };
    for (size_t i = 0; i < ARC_COUNT(files); i++) {
        char name[256];
        snprintf(name, sizeof name, "models/%s", files[i].path);
        arc_model *m;
        arc_error err;
        must(arc_model_load(ctx, arc_test_file(name), ARC_TASK_UNKNOWN, NULL, &m, &err), &err);
        const arc_contract *c = arc_model_contract(m);
        printf("%s: %s\n", files[i].path, c->why);
        assert_int_equal(c->task, files[i].task);
        assert_int_equal(c->detector, files[i].detector);
        assert_int_equal(c->bgr, files[i].bgr);
        assert_float_equal(c->mean[0], files[i].mean0, 0);
        assert_float_equal(c->scale[2], 1 / files[i].divisor, 0);
        assert_float_equal(c->threshold, files[i].threshold, 0);
        assert_int_equal(c->input_width_px, files[i].width_px);
        assert_int_equal(c->input_height_px, files[i].height_px);
        assert_int_equal(c->dim, files[i].dim);
        arc_model_free(&m);
    }
}

static void model_of(arc_graph *g, arc_model *m) {
    arc_error err;
    *m = (arc_model){.alloc = arc_alloc_libc, .graph = g};
    must(arc_contract_read(&m->contract, g, NULL, &err), &err);
}

static void saved_models_load_and_test_themselves(void **state) {
    (void)state;
    arc_error err;
    arc_model *m, *back;
    must(arc_model_new(ctx, "mbf", 0, 9, &m, &err), &err);
    must(arc_model_save(ctx, m, in_folder("mbf.onnx"), &err), &err);
    must(arc_model_load(ctx, in_folder("mbf.onnx"), ARC_TASK_EMBED, NULL, &back, &err), &err);
    assert_memory_equal(arc_model_contract(back)->mean, arc_model_contract(m)->mean, 3 * sizeof(float));
    assert_true(arc_model_contract(back)->bgr);
    assert_non_null(arc_graph_meta(back->graph, ARC_SELFTEST_KEY));
    must(arc_model_save(ctx, back, in_folder("second.onnx"), &err), &err);
    arc_model_free(&back);
    must(arc_model_load(ctx, in_folder("second.onnx"), ARC_TASK_EMBED, NULL, &back, &err), &err);
    must(arc_model_save(ctx, back, in_folder("third.onnx"), &err), &err);
    arc_map a, b;
    must(arc_map_open(&a, in_folder("second.onnx"), ARC_MAX_MODEL_BYTES, &err), &err);
    must(arc_map_open(&b, in_folder("third.onnx"), ARC_MAX_MODEL_BYTES, &err), &err);
    assert_int_equal(a.bytes, b.bytes);
    assert_memory_equal(a.data, b.data, a.bytes); /* writing what was read gives the same file */
    arc_map_close(&a);
    arc_map_close(&b);
    arc_model_free(&back);
    arc_model_free(&m);
}

/* Damage in the weights: the vector notices; the caller may insist. Weights that are no numbers are refused in any case. */
static void damage_is_noticed(void **state) {
    (void)state;
    arc_error err;
    arc_model m, *back;
    arc_graph *g = tiny(-1, 112, 112, 64);
    model_of(g, &m);
    char vector[ARC_SELFTEST_TEXT];
    must(arc_selftest_make(ctx, g, &m.contract, vector, &err), &err);
    assert_int_equal(arc_graph_set_meta(g, ARC_SELFTEST_KEY, vector), ARC_OK);
    assert_int_equal(arc_contract_write(g, &m.contract, &err), ARC_OK);
    must(arc_onnx_save(g, in_folder("good.onnx"), &err), &err);
    float *weight = (float *)(uintptr_t)g->value[arc_graph_find(g, "weight")].data;
    weight[4] += 0.5f;
    must(arc_onnx_save(g, in_folder("bad.onnx"), &err), &err);
    weight[4] = NAN;
    must(arc_onnx_save(g, in_folder("nan.onnx"), &err), &err);
    arc_graph_free(&g);

    must(arc_model_load(ctx, in_folder("good.onnx"), ARC_TASK_EMBED, NULL, &back, &err), &err);
    arc_model_free(&back);
    assert_int_equal(arc_model_load(ctx, in_folder("bad.onnx"), ARC_TASK_EMBED, NULL, &back, &err), ARC_ESELFTEST);
    assert_null(back);
    assert_non_null(strstr(err.text, "bad.onnx"));
    arc_model_options opt;
    arc_model_options_default(&opt);
    opt.skip_self_test = true;
    must(arc_model_load(ctx, in_folder("bad.onnx"), ARC_TASK_EMBED, &opt, &back, &err), &err);
    arc_model_free(&back);
    assert_int_equal(arc_model_load(ctx, in_folder("nan.onnx"), ARC_TASK_EMBED, &opt, &back, &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "weight"));
}

static void fixed_batches_are_run_in_pieces(void **state) {
    (void)state;
    enum { N = 3, SIDE = 112, DIM = 64, PIXELS = 3 * SIDE * SIDE };
    arc_error err;
    float *input = arc_mem_raw(&arc_alloc_libc, N * PIXELS, sizeof *input);
    assert_non_null(input);
    arc_rng rng;
    arc_rng_seed(&rng, 1, 1);
    for (int i = 0; i < N * PIXELS; i++)
        input[i] = arc_rng_uniform(&rng) + (float)(i / PIXELS);
    float got[2][N * DIM];
    for (int fixed = 0; fixed < 2; fixed++) {
        arc_model m;
        model_of(tiny(fixed ? 1 : -1, SIDE, SIDE, DIM), &m);
        arc_net *net;
        arc_net_output out;
        must(arc_net_new(ctx, &m, &net, &err), &err);
        assert_int_equal(arc_net_output_get(net, 0, &out, &err), ARC_EINVAL);
        must(arc_net_run(net, input, (int64_t[]){N, 3, SIDE, SIDE}, &err), &err);
        must(arc_net_output_get(net, 0, &out, &err), &err);
        assert_int_equal(out.rank, 2);
        assert_int_equal(out.dim[0], N);
        memcpy(got[fixed], out.data, sizeof got[0]);
        assert_int_equal(arc_net_run(net, input, (int64_t[]){1, 3, SIDE, SIDE - 1}, &err), ARC_ESHAPE);
        assert_int_equal(arc_net_run(net, input, (int64_t[]){0, 3, SIDE, SIDE}, &err), ARC_ESHAPE);
        arc_net_free(&net);
        arc_graph_free(&m.graph);
    }
    assert_true(arc_test_max_error(got[0], got[1], N * DIM) < 1e-5);
    arc_mem_free(&arc_alloc_libc, input);
}

static void descriptions_name_the_facts(void **state) {
    (void)state;
    arc_error err;
    arc_model *m;
    char *text;
    must(arc_model_new(ctx, "r18", 0, 1, &m, &err), &err);
    arc_model_facts f;
    must(arc_model_facts_get(ctx, m, &f, &err), &err);
    assert_int_equal(f.parameters, 24025600);
    assert_int_equal(f.running_statistics, 14720);
    assert_true(fabs((double)f.macs / 1e9 - 2.61) < 0.005);
    assert_int_equal(f.flops, 2 * f.macs);
    must(arc_model_describe(ctx, m, false, false, &text, &err), &err);
    static const char *const words[] = {"24,025,600",           "MACs",           "FLOPs", "BGR", "memory plan",
                                        "images [N,3,112,112]", "output [N,512]", "PRelu"};
    for (size_t i = 0; i < ARC_COUNT(words); i++)
        if (!strstr(text, words[i]))
            fail_msg("'%s' is not in:\n%s", words[i], text);
    arc_text_free(ctx, &text);
    assert_null(text);
    must(arc_model_describe(ctx, m, true, true, &text, &err), &err);
    assert_non_null(strstr(text, "\"parameters\": 24025600"));
    assert_non_null(strstr(text, "\"layer4.1.conv2\""));
    arc_text_free(ctx, &text);
    arc_model_free(&m);
}

/* Writes an input and our output beside the model and has tests/golden/zoo_check.py compare them. */
static int agrees_with_onnx_runtime(const char *name, int batch) {
    arc_error err;
    arc_model *m;
    arc_net *net;
    arc_net_output out;
    must(arc_model_new(ctx, name, 0, 11, &m, &err), &err);
    must(arc_model_save(ctx, m, in_folder("zoo.onnx"), &err), &err);
    const int64_t dim[4] = {batch, 3, 112, 112};
    const size_t count = (size_t)batch * 3 * 112 * 112;
    float *input = arc_mem_raw(&arc_alloc_libc, count, sizeof *input);
    assert_non_null(input);
    arc_rng rng;
    arc_rng_seed(&rng, 4, 4);
    for (size_t i = 0; i < count; i++)
        input[i] = (float)(arc_rng_u32(&rng) >> 24);
    must(arc_net_new(ctx, m, &net, &err), &err);
    must(arc_net_run(net, input, dim, &err), &err);
    must(arc_net_output_get(net, 0, &out, &err), &err);
    must(arc_npy_save_f32(&arc_alloc_libc, in_folder("in.npy"), input, 4, dim, &err), &err);
    must(arc_npy_save_f32(&arc_alloc_libc, in_folder("out.npy"), out.data, out.rank, out.dim, &err), &err);
    arc_net_free(&net);
    arc_model_free(&m);
    arc_mem_free(&arc_alloc_libc, input);
    const char *python = getenv("ARCFACE_PYTHON");
    char command[2048];
    snprintf(command, sizeof command, "%s " ARC_SOURCE_DIR "/tests/golden/zoo_check.py %s %s %s", python ? python : "python3",
             in_folder("zoo.onnx"), in_folder("in.npy"), in_folder("out.npy"));
    printf("%s: ", name);
    fflush(stdout);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void onnx_runtime_agrees(void **state) {
    (void)state;
    static const char *const nets[] = {"r18", "mbf", "mbf-large"};
    for (size_t i = 0; i < ARC_COUNT(nets); i++) {
        const int status = agrees_with_onnx_runtime(nets[i], 2);
        if (status == 77 || status == 127)
            skip();
        assert_int_equal(status, 0);
    }
}

static void memory_failures_are_reported(void **state) {
    (void)state;
    arc_error err;
    arc_model *m;
    arc_graph *g = tiny(-1, 112, 112, 64);
    must(arc_onnx_save(g, in_folder("tiny.onnx"), &err), &err);
    arc_graph_free(&g);
    arc_context own = *ctx;
    arc_test_heap heap = {0};
    own.alloc = arc_test_heap_alloc(&heap);
    arc_test_walk walk = {.heap = &heap, .may_manage = true};
    arc_status st;
    do {
        char *text = NULL;
        arc_test_walk_begin(&walk);
        st = arc_model_load(&own, in_folder("tiny.onnx"), ARC_TASK_EMBED, NULL, &m, &err);
        if (st == ARC_OK)
            st = arc_model_describe(&own, m, false, true, &text, &err);
        arc_text_free(&own, &text);
        arc_model_free(&m);
    } while (arc_test_walk_again(&walk, st));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract_survives_metadata),
        cmocka_unit_test(options_win_and_are_checked),
        cmocka_unit_test(wrong_metadata_is_an_error),
        cmocka_unit_test(strangers_are_unknown),
        cmocka_unit_test(what_normalises_inside_tells_the_range),
        cmocka_unit_test(relu6_of_a_transformer_is_no_mobilefacenet),
        cmocka_unit_test(real_files_are_understood),
        cmocka_unit_test(saved_models_load_and_test_themselves),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(fixed_batches_are_run_in_pieces),
        cmocka_unit_test(descriptions_name_the_facts),
        cmocka_unit_test(onnx_runtime_agrees),
        cmocka_unit_test(memory_failures_are_reported),
    };
    return cmocka_run_group_tests_name("model", tests, open_context, close_context);
}
