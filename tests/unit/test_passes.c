/* Passes: a rewritten network gives what the written one gives, in fewer steps. */
#include "net_support.h"
#include "pass/pass.h"
#include "shared_context.h"
#include <string.h>

static double scale_of(const float *x, size_t n) {
    double most = 1;
    for (size_t i = 0; i < n; i++)
        if (fabs((double)x[i]) > most) /* gcc 12 for AArch64 breaks down over fmax here */
            most = fabs((double)x[i]);
    return most;
}

/* The same output with and without passes, in `steps` steps with (0 = any). Frees the graph. */
static void expect_same(net *t, arc_shape shape, int steps, const char *what) {
    float *x = net_floats(t->seed, (size_t)arc_shape_count(&shape));
    arc_tensor plain, fused;
    arc_plan_stats stats;
    float *a = net_run(ctx, t->g, true, shape, x, &plain, NULL), *b = net_run(ctx, t->g, false, shape, x, &fused, &stats);
    assert_true(arc_shape_equal(&plain.shape, &fused.shape));
    const size_t count = (size_t)arc_shape_count(&plain.shape);
    const double worst = arc_test_max_error(a, b, count) / scale_of(a, count);
    if (!(worst < 1e-5))
        fail_msg("%s: passes change the output by %g", what, worst);
    if (steps && stats.steps != steps)
        fail_msg("%s: %d steps, %d wanted", what, stats.steps, steps);
    free(a);
    free(b);
    free(x);
    arc_graph_free(&t->g);
}

static const arc_shape image = {4, {2, 3, 9, 9}};

static int start(net *t, uint32_t seed, arc_shape s) {
    net_new(t, &arc_alloc_libc, seed);
    return net_input(t, "x", s);
}

/* The conversion of the input, the convolution and the conversion of the output: three steps when all is folded. */
static void affine_maps_fold_into_convolutions(void **state) {
    (void)state;
    net t;
    for (int pad = 0; pad < 2; pad++)
        for (int bias = 0; bias < 2; bias++) {
            const net_conv_spec conv = {3, 6, 3, 1, pad, 1, bias};
            int x = start(&t, 1, image);
            net_done(&t, net_batch_norm(&t, net_conv(&t, x, conv), 6));
            expect_same(&t, image, 3, "behind");
            x = start(&t, 2, image);
            net_done(&t, net_conv(&t, net_batch_norm(&t, x, 3), conv));
            expect_same(&t, image, 3, "in front");
            x = start(&t, 3, image);
            net_done(&t, net_batch_norm(&t, net_conv(&t, net_batch_norm(&t, x, 3), conv), 6));
            expect_same(&t, image, 3, "both sides");
            x = start(&t, 4, image);
            x = net_node(&t, "Sub", x, net_constant(&t, net_shape(1, 1, 0, 0, 0), 127, 128), ARC_NO_VALUE, NULL);
            x = net_node(&t, "Div", x, net_constant(&t, net_shape(0, 0, 0, 0, 0), 100, 128), ARC_NO_VALUE, NULL);
            net_done(&t, net_conv(&t, x, conv));
            expect_same(&t, image, 3, "normalisation by numbers");
            x = start(&t, 5, image);
            x = net_node(&t, "Add", net_constant(&t, net_shape(4, 1, 3, 1, 1), -1, 1), x, ARC_NO_VALUE, NULL);
            x = net_node(&t, "Mul", x, net_constant(&t, net_shape(3, 3, 1, 1, 0), 0.5f, 2), ARC_NO_VALUE, NULL);
            net_done(&t, net_conv(&t, x, conv));
            expect_same(&t, image, 3, "normalisation by channels");
            x = start(&t, 6, image);
            x = net_node(&t, "Mul", net_conv(&t, x, conv), net_constant(&t, net_shape(3, 6, 1, 1, 0), 0.5f, 2), ARC_NO_VALUE,
                         NULL);
            net_done(&t, net_node(&t, "Add", x, net_constant(&t, net_shape(4, 1, 6, 1, 1), -1, 1), ARC_NO_VALUE, NULL));
            expect_same(&t, image, 3, "scale and shift behind");
        }
    const arc_shape wide = {4, {1, 8, 7, 5}};
    for (int groups = 2; groups <= 8; groups *= 2) {
        const net_conv_spec grouped = {8, 8, 3, 2, 1, groups, false};
        const int x = start(&t, 7, wide);
        net_done(&t, net_batch_norm(&t, net_conv(&t, net_batch_norm(&t, x, 8), grouped), 8));
        expect_same(&t, wide, 3, "groups");
    }
}

static void affine_maps_fold_into_matrices(void **state) {
    (void)state;
    net t;
    const arc_shape s = {4, {2, 5, 3, 4}}, row = {2, {3, 10}};
    int x = start(&t, 1, s);
    x = net_node(&t, "Flatten", net_batch_norm(&t, x, 5), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    net_done(&t, net_batch_norm(&t, net_gemm(&t, x, 60, 7, false), 7));
    expect_same(&t, s, 1, "tail");
    x = start(&t, 2, row);
    net_done(&t, net_batch_norm(&t, net_gemm(&t, net_batch_norm(&t, x, 10), 10, 4, true), 4));
    expect_same(&t, row, 1, "rows");
    const arc_shape square = {
        2, {4, 10}}; /* a bias a row, of which there are as many as columns: not to be taken for a bias a column */
    x = start(&t, 5, square);
    x = net_gemm(&t, x, 10, 4, true);
    t.g->value[t.g->node[0].input[2]].shape = net_shape(2, 4, 1, 0, 0);
    net_done(&t, net_batch_norm(&t, x, 4));
    expect_same(&t, square, 2, "bias of rows");
    x = start(&t, 3, row); /* [4,1,1] beside a matrix makes an image of it: not to be folded */
    x = net_gemm(&t, x, 10, 4, true);
    net_done(&t, net_node(&t, "Mul", x, net_constant(&t, net_shape(3, 4, 1, 1, 0), 0.5f, 2), ARC_NO_VALUE, NULL));
    expect_same(&t, row, 0, "more dimensions");
    x = start(&t, 4, row);
    x = net_gemm(&t, x, 10, 4, true);
    net_done(&t, net_node(&t, "Mul", x, net_constant(&t, net_shape(4, 1, 1, 1, 1), 0.5f, 2), ARC_NO_VALUE, NULL));
    expect_same(&t, row, 0, "a number of rank 4");
}

static void activations_and_residuals_are_fused(void **state) {
    (void)state;
    net t;
    const net_conv_spec conv = {3, 6, 3, 1, 1, 1, true}, same = {6, 6, 3, 1, 1, 1, true};
    for (int act = 0; act < 6; act++)
        for (int residual = 0; residual < 2; residual++) {
            int x = start(&t, 10 + (uint32_t)act, image), y = net_conv(&t, x, conv);
            if (residual)
                y = net_node(&t, "Add", y, net_conv(&t, x, conv), ARC_NO_VALUE, NULL);
            arc_node *n;
            if (act == 0) {
                y = net_node(&t, "Relu", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
            } else if (act == 1) {
                y = net_prelu(&t, y, 6);
            } else if (act == 2) {
                y = net_node(&t, "LeakyRelu", y, ARC_NO_VALUE, ARC_NO_VALUE, &n);
                assert_int_equal(arc_node_float(t.g, n, "alpha", 0.3f), ARC_OK);
            } else if (act == 3) {
                const int lo = net_constant(&t, net_shape(0, 0, 0, 0, 0), 0, 0),
                          hi = net_constant(&t, net_shape(0, 0, 0, 0, 0), 0.6f, 0.6f);
                y = net_node(&t, "Clip", y, lo, hi, NULL);
            } else if (act == 4) {
                y = net_node(&t, "PRelu", y, net_constant(&t, net_shape(1, 1, 0, 0, 0), 0.2f, 0.3f), ARC_NO_VALUE, NULL);
            }
            net_done(&t, y);
            expect_same(&t, image, 3 + residual, "activation");
        }
    int x = start(&t, 20, image), y = net_conv(&t, x, conv); /* both sides of the Add: a chain of blocks */
    for (int i = 0; i < 3; i++)
        y = net_node(&t, "Add", net_conv(&t, net_prelu(&t, net_conv(&t, y, same), 6), same), y, ARC_NO_VALUE, NULL);
    net_done(&t, net_node(&t, "Relu", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    expect_same(&t, image, 3 + 6, "chain");
    x = start(&t, 21, image); /* the residual is also what the convolution reads */
    y = net_conv(&t, x, conv);
    net_done(&t, net_node(&t, "Add", y, net_conv(&t, y, same), ARC_NO_VALUE, NULL));
    expect_same(&t, image, 4, "shared");
    x = start(&t, 24, image); /* one residual a convolution: the second Add stays */
    const int kept = net_node(&t, "Tanh", net_conv(&t, x, conv), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int other = net_node(&t, "Sigmoid", kept, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    y = net_node(&t, "Add", net_conv(&t, x, conv), kept, ARC_NO_VALUE, NULL);
    net_done(&t, net_node(&t, "Add", y, other, ARC_NO_VALUE, NULL));
    expect_same(&t, image, 0, "two Adds");
    const arc_shape row = {2, {3, 10}};
    x = start(&t, 22, row);
    net_done(&t, net_node(&t, "Relu", net_gemm(&t, x, 10, 4, true), ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    expect_same(&t, row, 1, "Gemm");
    x = start(&t, 23, row);
    y = net_node(&t, "PRelu", net_gemm(&t, x, 10, 4, true), net_constant(&t, net_shape(1, 4, 0, 0, 0), 0, 1), ARC_NO_VALUE, NULL);
    net_done(&t, y);
    expect_same(&t, row, 1, "Gemm and slopes");
}

/* A slope of rank 1 lines up with the last dimension, which here is as long as the channels are many. */
static void slopes_line_up_from_the_right(void **state) {
    (void)state;
    net t;
    const arc_shape s = {4, {1, 3, 6, 6}};
    const int x = start(&t, 30, s), y = net_conv(&t, x, (net_conv_spec){3, 6, 3, 1, 1, 1, true});
    net_done(&t, net_node(&t, "PRelu", y, net_constant(&t, net_shape(1, 6, 0, 0, 0), -1, 1), ARC_NO_VALUE, NULL));
    expect_same(&t, s, 4, "columns");
}

/* Where an Add only broadcasts, the fused plan can't be made and the graph runs as written. */
static void broadcasting_falls_back(void **state) {
    (void)state;
    net t;
    const int x = start(&t, 40, image), y = net_conv(&t, x, (net_conv_spec){3, 6, 3, 1, 1, 1, true});
    const int mean = net_node(&t, "GlobalAveragePool", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int z = net_conv(&t, mean, (net_conv_spec){6, 6, 1, 1, 0, 1, true});
    net_done(&t, net_node(&t, "Add", z, y, ARC_NO_VALUE, NULL));
    expect_same(&t, image, 0, "broadcast");
}

static void what_others_see_is_not_folded(void **state) {
    (void)state;
    net t;
    const net_conv_spec conv = {3, 6, 3, 1, 1, 1, false};
    int x = start(&t, 50, image), y = net_conv(&t, x, conv);
    y = net_node(&t, "Concat", y, net_batch_norm(&t, y, 6), ARC_NO_VALUE, NULL);
    assert_int_equal(arc_node_int(t.g, &t.g->node[t.g->nodes - 1], "axis", 1), ARC_OK);
    net_done(&t, y);
    expect_same(&t, image, 0, "two readers behind");
    x = start(&t, 51, image);
    y = net_batch_norm(&t, x, 3);
    const int z = net_conv(&t, y, conv);
    net_done(&t, net_node(&t, "Add", z, net_conv(&t, y, conv), ARC_NO_VALUE, NULL));
    expect_same(&t, image, 0, "two readers in front");
    x = start(&t, 52, image); /* the inner value is a graph output too */
    y = net_conv(&t, x, conv);
    assert_int_equal(arc_graph_add_output(t.g, y), ARC_OK);
    net_done(&t, net_batch_norm(&t, y, 6));
    expect_same(&t, image, 0, "an output");
    x = start(&t, 53, image); /* a channel whose scale is 0 has no pad value */
    y = net_batch_norm(&t, x, 3);
    float *scale = (float *)(uintptr_t)t.g->value[t.g->node[0].input[1]].data;
    scale[1] = 0;
    net_done(&t, net_conv(&t, y, conv));
    expect_same(&t, image, 4, "no pad value");
    x = start(&t, 54, image); /* without padding none is needed */
    y = net_batch_norm(&t, x, 3);
    ((float *)(uintptr_t)t.g->value[t.g->node[0].input[1]].data)[1] = 0;
    net_done(&t, net_conv(&t, y, (net_conv_spec){3, 6, 3, 1, 0, 1, false}));
    expect_same(&t, image, 3, "no padding");
}

static void whole_networks_are_the_same(void **state) {
    (void)state;
    net t;
    const arc_shape s = {4, {2, 3, 8, 8}};
    int x = start(&t, 60, s);
    net_done(&t, net_iresnet(&t, x, 8, 10));
    expect_same(&t, s, 1 + 6 + 1 + 1, "IResNet");   /* conversion, convolutions, conversion, Gemm */
    for (uint32_t seed = 100; seed < 140; seed++) { /* random chains */
        x = start(&t, seed, image);
        int channels = 3, kept = ARC_NO_VALUE;
        for (int layer = 0; layer < 8; layer++) {
            const int kind = net_choice(&t, 7), wanted = 2 * (1 + net_choice(&t, 4));
            if (kind <= 1) {
                x = net_conv(&t, x, (net_conv_spec){channels, wanted, 1 + 2 * net_choice(&t, 2), 1, net_choice(&t, 2), 1, kind});
                channels = wanted;
                kept = ARC_NO_VALUE;
            } else if (kind == 2 || kind == 3) {
                x = net_batch_norm(&t, x, channels);
            } else if (kind == 4) {
                x = net_prelu(&t, x, channels);
            } else if (kind == 5 && kept >= 0) {
                x = net_node(&t, "Add", kept, x, ARC_NO_VALUE, NULL);
            } else {
                x = net_node(&t, net_choice(&t, 2) ? "Identity" : "Dropout", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
                kept = x;
            }
        }
        net_done(&t, x);
        expect_same(&t, image, 0, "random network");
    }
}

static void transposed_convolutions_fold_what_is_behind(void **state) {
    (void)state;
    net t;
    const arc_shape s = {4, {1, 4, 5, 5}};
    const int x = start(&t, 70, s);
    arc_node *n;
    int y = net_node(&t, "ConvTranspose", x, net_constant(&t, net_shape(4, 4, 3, 2, 2), -1, 1), ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t.g, n, "strides", 2, (int64_t[]){2, 2}), ARC_OK);
    assert_int_equal(arc_node_int(t.g, n, "group", 2), ARC_OK);
    net_done(&t, net_node(&t, "Relu", net_batch_norm(&t, y, 6), ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    expect_same(&t, s, 3, "ConvTranspose");
}

static void the_source_graph_stays_as_it_was(void **state) {
    (void)state;
    net t;
    const arc_shape s = {4, {1, 3, 8, 8}};
    const int x = start(&t, 80, s);
    net_done(&t, net_iresnet(&t, x, 8, 10));
    const int nodes = t.g->nodes, values = t.g->values;
    int *inputs = malloc((size_t)nodes * sizeof *inputs);
    for (int i = 0; i < nodes; i++)
        inputs[i] = t.g->node[i].inputs * 1000 + t.g->node[i].attrs;
    arc_graph *fast = NULL;
    assert_int_equal(arc_graph_optimise(t.g, &fast, NULL), ARC_OK);
    assert_true(fast->nodes < nodes);
    assert_int_equal(t.g->nodes, nodes);
    assert_int_equal(t.g->values, values);
    for (int i = 0; i < nodes; i++)
        assert_int_equal(inputs[i], t.g->node[i].inputs * 1000 + t.g->node[i].attrs);
    for (int v = 0; v < values; v++) /* weights are shared, not copied */
        if (t.g->value[v].data)
            assert_ptr_equal(t.g->value[v].data, fast->value[v].data);
    arc_graph_free(&fast);
    free(inputs);
    arc_graph_free(&t.g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affine_maps_fold_into_convolutions),
        cmocka_unit_test(affine_maps_fold_into_matrices),
        cmocka_unit_test(activations_and_residuals_are_fused),
        cmocka_unit_test(slopes_line_up_from_the_right),
        cmocka_unit_test(broadcasting_falls_back),
        cmocka_unit_test(what_others_see_is_not_folded),
        cmocka_unit_test(whole_networks_are_the_same),
        cmocka_unit_test(transposed_convolutions_fold_what_is_behind),
        cmocka_unit_test(the_source_graph_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
