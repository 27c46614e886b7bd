/* Exports: what of a network is written in another way, because operators are newer, a toolchain gets them wrong, sizes are known
 * or the number of pictures was fixed: the embeddings stay. */
#include "deploy_support.h"
#include <string.h>

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
        for (int batch = 0; batch < 2; batch++) { /* 0, any number: sizes stay computed */
            arc_export_options opt;
            arc_export_options_default(&opt);
            opt.batch = batch;
            const double least = least_cosine(f, m, &opt, &report);
            if (least < 1 - 1e-6)
                fail_msg("%s (case %zu): cosine %.9f", cases[i].op, i, least);
            assert_int_equal(report.opset, 13);
        }
        arc_model_free(&m);
    }
}

static int written(const fixture *f, const char *op) {
    arc_graph *g = NULL;
    int count = 0;
    assert_int_equal(arc_onnx_load(&g, &arc_alloc_libc, f->file, NULL), ARC_OK);
    for (int i = 0; i < g->nodes; i++)
        count += strcmp(g->node[i].op, op) == 0;
    arc_graph_free(&g);
    return count;
}

/* Products with a HardSigmoid: of the same value they stay, as a gate of another they do not. */
static void gates_are_spelt(void **state) {
    fixture *f = *state;
    for (int opset = 8; opset <= 13; opset += 5)
        for (int gate = 0; gate < 2; gate++) {
            net t;
            arc_node *n = NULL;
            net_new(&t, &arc_alloc_libc, 21);
            t.g->opset = opset;
            const int x = net_input(&t, "data", net_shape(4, 1, 3, SIDE, SIDE));
            const int c = net_conv(&t, x, (net_conv_spec){3, 96, 3, 2, 1, 1, true});
            const int from = gate ? net_node(&t, "GlobalAveragePool", c, ARC_NO_VALUE, ARC_NO_VALUE, NULL) : c;
            const int h = net_node(&t, "HardSigmoid", from, ARC_NO_VALUE, ARC_NO_VALUE, &n);
            assert_int_equal(arc_node_float(t.g, n, "alpha", 0.3f), ARC_OK);
            const int y = net_node(&t, "GlobalAveragePool", net_node(&t, "Mul", c, h, ARC_NO_VALUE, NULL), ARC_NO_VALUE,
                                   ARC_NO_VALUE, NULL);
            arc_model *m =
                saved_and_loaded(f, &t, net_gemm(&t, net_node(&t, "Flatten", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL), 96, 64, true));
            assert_true(least_cosine(f, m, NULL, NULL) >= 1 - 1e-6);
            assert_int_equal(written(f, "Clip"), gate);
            assert_int_equal(written(f, "HardSigmoid"), !gate);
            arc_model_free(&m);
        }
}

/* A Resize to a computed shape gets a constant where the batch is fixed. */
static void sizes_are_constants(void **state) {
    fixture *f = *state;
    static const int64_t from[] = {0}, to[] = {2}, size[] = {20, 20};
    net t;
    arc_node *n = NULL;
    net_new(&t, &arc_alloc_libc, 22);
    const int x = net_input(&t, "data", net_shape(4, 1, 3, SIDE, SIDE));
    const int c = net_prelu(&t, net_conv(&t, x, (net_conv_spec){3, 96, 3, 4, 1, 1, true}), 96);
    const int start = net_node(&t, "Slice", net_node(&t, "Shape", c, ARC_NO_VALUE, ARC_NO_VALUE, NULL), net_ints(&t, 1, from),
                               net_ints(&t, 1, to), NULL);
    const int sizes = net_node(&t, "Concat", start, net_ints(&t, 2, size), ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t.g, n, "axis", 0), ARC_OK);
    const int in[4] = {c, ARC_NO_VALUE, ARC_NO_VALUE, sizes}, r = arc_graph_value(t.g, "resized");
    n = arc_graph_node(t.g, "Resize", "resize", 4, in, 1, &r);
    assert_int_equal(arc_node_string(t.g, n, "mode", "linear"), ARC_OK);
    const int y = net_node(&t, "GlobalAveragePool", r, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    arc_model *m =
        saved_and_loaded(f, &t, net_gemm(&t, net_node(&t, "Flatten", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL), 96, 64, true));
    for (int batch = 0; batch < 2; batch++) {
        arc_export_options opt;
        arc_export_options_default(&opt);
        opt.batch = batch;
        assert_true(least_cosine(f, m, &opt, NULL) >= 1 - 1e-6);
        assert_int_equal(written(f, "Shape") + written(f, "Slice") + written(f, "Concat"), batch ? 0 : 3);
    }
    arc_model_free(&m);
}

/* ---- batches ---- */

/* An embedder of 64 numbers that ends with a Reshape to [1,64], behind a detour or not. */
static arc_model *one_row(fixture *f, bool detour) {
    static const int64_t rows[2] = {1, 64}, axes[1] = {0};
    net t;
    net_new(&t, &arc_alloc_libc, 23);
    const int x = net_input(&t, "data", net_shape(4, 1, 3, SIDE, SIDE));
    const int c = net_prelu(&t, net_conv(&t, x, (net_conv_spec){3, 64, 3, 2, 1, 1, true}), 64);
    int y = net_node(&t, "GlobalAveragePool", c, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    if (detour) { /* [N,64] -> [64,N] -> [1,64,N]: its first 1 is no batch */
        y = net_node(&t, "Transpose", net_node(&t, "Flatten", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL), ARC_NO_VALUE, ARC_NO_VALUE,
                     NULL);
        y = net_node(&t, "Unsqueeze", y, net_ints(&t, 1, axes), ARC_NO_VALUE, NULL);
    }
    y = net_node(&t, "Reshape", y, net_ints(&t, 2, rows), ARC_NO_VALUE, NULL);
    return saved_and_loaded(f, &t, net_batch_norm(&t, y, 64));
}

/* A Reshape to one row takes any number of pictures, each of which gets its own embedding. */
static void rows_are_freed(void **state) {
    fixture *f = *state;
    enum { BATCH = 4, DIM = 64 };
    static uint8_t bgr[BATCH * 3 * PLANE];
    static float image[3 * PLANE], want[DIM], got[BATCH * DIM];
    arc_model *m = one_row(f, false);
    arc_export_options opt;
    arc_error err = {0};
    arc_export_options_default(&opt);
    for (int i = 0; i < BATCH; i++)
        drawn(i, bgr + i * 3 * PLANE);
    for (opt.batch = 0; opt.batch <= BATCH; opt.batch += BATCH) {
        if (arc_export_onnx(f->ctx, m, &opt, f->file, NULL, &err) != ARC_OK)
            fail_msg("batch %d: %s", opt.batch, err.text);
        run_export(f, bgr, BATCH, false, got, DIM);
        for (int i = 0; i < BATCH; i++) {
            normalised(&m->contract, bgr + i * 3 * PLANE, image);
            run_model(f->ctx, m, image, 1, want, DIM);
            assert_true(arc_embedding_cosine(want, got + i * DIM, DIM) >= 1 - 1e-6);
        }
    }
    arc_model_free(&m);
}

/* Where the shapes prove nothing, one picture is fine and several are not. */
static void a_fixed_batch_is_told(void **state) {
    fixture *f = *state;
    arc_model *m = one_row(f, true);
    arc_export_options opt;
    arc_export_options_default(&opt);
    assert_true(least_cosine(f, m, &opt, NULL) >= 1 - 1e-6);
    opt.batch = 4;
    refused(f, m, &opt, ARC_ESHAPE, "batch of 4");
    opt.batch = 0;
    refused(f, m, &opt, ARC_ESHAPE, "batch of 2");
    arc_model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(newer_operators_are_spelt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gates_are_spelt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_are_constants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_freed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fixed_batch_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
