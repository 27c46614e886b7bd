/* QDQ graphs in the shapes that files come in: run fused they agree with the same graph run operator by operator, and nothing
 * falls back. */
#include "format/format.h"
#include "net_support.h"
#include "shared_context.h"

enum { SIDE = 6, CHANNELS = 8 };

/* ---- building -------------------------------------------------------------------------------------------------------------- */

static int number(net *t, arc_dtype type, const void *value) {
    const arc_shape scalar = {0};
    return arc_graph_constant(t->g, net_name(t), type, &scalar, value, true);
}

/* QuantizeLinear and DequantizeLinear; zero of an 8-bit value in 0..255, int8 ones lie 128 lower. */
static int quantized_as(net *t, arc_dtype type, int x, float scale, int zero) {
    const int8_t low = (int8_t)(zero - 128);
    const uint8_t high = (uint8_t)zero;
    const int s = number(t, ARC_F32, &scale), z = type == ARC_I8 ? number(t, type, &low) : number(t, type, &high);
    return net_node(t, "DequantizeLinear", net_node(t, "QuantizeLinear", x, s, z, NULL), s, z, NULL);
}

static int quantized(net *t, int x, float scale, int zero) {
    return quantized_as(t, ARC_U8, x, scale, zero);
}

/* int8 weights of this shape behind a DequantizeLinear, with one scale or one of each channel on the axis. */
static int weights(net *t, arc_shape shape, int axis, float size) {
    void *quantized;
    const int v = arc_graph_constant_new(t->g, net_name(t), ARC_I8, &shape, &quantized);
    for (int64_t i = 0; i < arc_shape_count(&shape); i++)
        ((int8_t *)quantized)[i] = (int8_t)net_random(t, -120, 120);
    const arc_shape one = {0}, each = {1, {axis < 0 ? 1 : shape.dim[axis]}};
    const int scale = net_constant(t, axis < 0 ? one : each, 0.5f * size / 120, size / 120);
    arc_node *n;
    const int y = net_node(t, "DequantizeLinear", v, scale, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t->g, n, "axis", axis < 0 ? 0 : axis), ARC_OK);
    return y;
}

/* CHANNELS channels and their size kept. */
static int conv_of(net *t, int x, int kernel, int groups, int axis, int bias) {
    const int64_t pads[] = {kernel / 2, kernel / 2, kernel / 2, kernel / 2};
    const float size = 1.5f / sqrtf((float)(CHANNELS / groups * kernel * kernel));
    arc_node *n;
    const int y =
        net_node(t, "Conv", x, weights(t, net_shape(4, CHANNELS, CHANNELS / groups, kernel, kernel), axis, size), bias, &n);
    assert_int_equal(arc_node_ints(t->g, n, "pads", 4, pads), ARC_OK);
    assert_int_equal(arc_node_int(t->g, n, "group", groups), ARC_OK);
    return y;
}

static int conv(net *t, int x) {
    return conv_of(t, x, 3, 1, ARC_NO_VALUE, ARC_NO_VALUE);
}

static int start(net *t, uint32_t seed) {
    net_new(t, &arc_alloc_libc, seed);
    return net_input(t, "x", net_shape(4, 1, CHANNELS, SIDE, SIDE));
}

/* ---- running --------------------------------------------------------------------------------------------------------------- */

/* How many steps of the optimised graph's plan are 8-bit layers. */
static int fused_layers(const arc_graph *g, const arc_shape *shape, const float *x) {
    arc_session *s = NULL;
    arc_step_time time[64];
    const arc_tensor in = {.dtype = ARC_F32, .shape = *shape, .data = (void *)(uintptr_t)x};
    int count, found = 0;
    assert_int_equal(arc_session_new(&s, ctx, g, NULL, NULL), ARC_OK);
    assert_int_equal(arc_session_profile(s, &in, 1, time, 64, &count, NULL), ARC_OK);
    for (int i = 0; i < count; i++)
        found += strcmp(time[i].op, "arc.Int8Conv") == 0 || strcmp(time[i].op, "arc.Int8Gemm") == 0;
    arc_session_free(&s);
    return found;
}

/* Fused and written agree in all but an 8-bit value here and there; `layers` run in 8 bits (ARC_NO_VALUE: any). Frees the
 * graph. */
static void expect_fused(net *t, int output, int layers, const char *what) {
    net_done(t, output);
    const arc_shape shape = t->g->value[t->g->input[0]].shape;
    float *x = net_floats(7, (size_t)arc_shape_count(&shape));
    arc_tensor out;
    float *plain = net_run(ctx, t->g, true, shape, x, &out, NULL), *fused = net_run(ctx, t->g, false, shape, x, &out, NULL);
    const double cosine = arc_test_cosine(plain, fused, (size_t)arc_shape_count(&out.shape));
    if (!(cosine > 0.9999))
        fail_msg("%s: cosine %g to the graph as written", what, cosine);
    if (layers >= 0 && fused_layers(t->g, &shape, x) != layers)
        fail_msg("%s: %d layers run in 8 bits, %d should", what, fused_layers(t->g, &shape, x), layers);
    free(x);
    free(plain);
    free(fused);
    arc_graph_free(&t->g);
}

/* A float result that another node reads before the quantizer does, and in the middle of the chain to it. */
static void other_readers_may_come_first(void **state) {
    (void)state;
    net t;
    int s = conv(&t, quantized(&t, start(&t, 1), 0.01f, 128)), first;
    first = net_node(&t, "Relu", s, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    s = conv(&t, quantized(&t, s, 0.02f, 128));
    expect_fused(&t, net_node(&t, "Add", s, first, ARC_NO_VALUE, NULL), 2, "in front");
    s = conv(&t, quantized(&t, start(&t, 2), 0.01f, 128));
    const int norm = net_batch_norm(&t, s, CHANNELS);
    first = net_node(&t, "Relu", s, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    s = conv(&t, quantized(&t, norm, 0.02f, 128));
    expect_fused(&t, net_node(&t, "Add", s, first, ARC_NO_VALUE, NULL), 2, "between");
}

/* The same weights as rows and as columns. */
static void weights_may_be_shared(void **state) {
    (void)state;
    net t;
    net_new(&t, &arc_alloc_libc, 3);
    const int x = quantized(&t, net_input(&t, "x", net_shape(2, 5, 16, 0, 0)), 0.01f, 128),
              w = weights(&t, net_shape(2, 16, 16, 0, 0), ARC_NO_VALUE, 0.4f);
    arc_node *n;
    const int rows = net_node(&t, "Gemm", x, w, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t.g, n, "transB", 1), ARC_OK);
    const int columns = net_node(&t, "Gemm", x, w, ARC_NO_VALUE, NULL);
    const int both = net_node(&t, "Concat", rows, columns, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t.g, n, "axis", 1), ARC_OK);
    expect_fused(&t, both, 2, "shared");
}

/* One more layer over any of the values so far, all of one shape. */
static int drawn_layer(net *t, const int *value, int count) {
    const int x = value[count - 1 - net_choice(t, ARC_MIN(count, 3))];
    const arc_shape per_channel = net_shape(1, CHANNELS, 0, 0, 0);
    switch (net_choice(t, 8)) {
    case 0:
        return net_node(t, "Relu", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    case 1:
        return net_prelu(t, x, CHANNELS);
    case 2:
        return net_batch_norm(t, x, CHANNELS);
    case 3:
        return net_node(t, "Add", x, value[net_choice(t, count)], ARC_NO_VALUE, NULL);
    case 4:
        return quantized_as(t, net_choice(t, 2) ? ARC_U8 : ARC_I8, x, 0.03f, net_choice(t, 2) ? 128 : 100);
    default:
        break;
    }
    const int kernel = net_choice(t, 2) ? 3 : 1, groups = 1 << net_choice(t, 4), axis = net_choice(t, 2) ? 0 : ARC_NO_VALUE,
              bias = net_choice(t, 2) ? net_constant(t, per_channel, -1, 1) : ARC_NO_VALUE;
    return conv_of(t, net_choice(t, 4) ? quantized(t, x, 0.03f, 110) : x, kernel, groups, axis, bias);
}

/* A fully connected end on maps that are quantized before or after they are flattened, and perhaps normalised, read once or
 * twice. */
static int drawn_head(net *t, int x) {
    enum { K = CHANNELS * SIDE * SIDE, DIM = 6 };
    const bool early = net_choice(t, 2), turned = net_choice(t, 2);
    if (net_choice(t, 2))
        x = net_batch_norm(t, x, CHANNELS);
    x = early ? quantized(t, x, 0.03f, 128) : x;
    const int maps = x;
    x = net_node(t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    x = early ? x : quantized(t, x, 0.03f, 128);
    arc_node *n;
    const int w = weights(t, turned ? net_shape(2, DIM, K, 0, 0) : net_shape(2, K, DIM, 0, 0), turned ? 0 : 1, 1.5f / sqrtf(K));
    int y = net_node(t, "Gemm", x, w, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t->g, n, "transB", turned), ARC_OK);
    if (net_choice(t, 2)) {
        const int other = net_node(t, "Flatten", early ? conv(t, maps) : maps, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
        y = net_node(t, "Concat", y, other, ARC_NO_VALUE, &n);
        assert_int_equal(arc_node_int(t->g, n, "axis", 1), ARC_OK);
    }
    return y;
}

/* Layers drawn one after the other over what came before, whatever the order and the readers. */
static void any_graph_agrees(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 400; seed++) {
        net t;
        char what[32];
        int value[12], count = 0;
        value[count++] = start(&t, seed);
        while (count < 12) {
            value[count] = drawn_layer(&t, value, count);
            count++;
        }
        int y = value[count - 1];
        if (seed % 2) /* a value that only the output reads */
            y = net_node(&t, "Add", y, value[count - 1 - net_choice(&t, 6)], ARC_NO_VALUE, NULL);
        if (seed % 3)
            y = drawn_head(&t, y);
        snprintf(what, sizeof what, "graph %u", seed);
        expect_fused(&t, y, ARC_NO_VALUE, what);
    }
}

/* ---- ONNX Runtime (tests/golden/qdq.py) ------------------------------------------------------------------------------------ */

static float *golden(const char *name, arc_shape *shape) {
    char path[256];
    arc_dtype type;
    void *data = NULL;
    snprintf(path, sizeof path, ARC_SOURCE_DIR "/tests/golden/data/qdq/%s.npy", name);
    assert_int_equal(arc_npy_load(&arc_alloc_libc, path, &type, shape, &data, NULL), ARC_OK);
    assert_int_equal(type, ARC_F32);
    return data;
}

/* Each image's row against ONNX Runtime's. */
static void expect_rows(const float *got, const float *want, const arc_shape *shape, const char *what) {
    const size_t dim = (size_t)shape->dim[1];
    for (size_t i = 0; i < (size_t)shape->dim[0]; i++) {
        const double cosine = arc_test_cosine(got + i * dim, want + i * dim, dim);
        if (!(cosine >= 0.999))
            fail_msg("%s, image %zu: cosine %g to ONNX Runtime", what, i, cosine);
    }
}

/* What its tool writes runs in 8 bits but for the first layer, whose three channels make no products of four, and gives what it
 * gives. */
static void agrees_with_onnx_runtime(void **state) {
    (void)state;
    static const char *const ways[] = {"u8", "channels", "s8"};
    arc_shape shape, rows;
    float *x = golden("x", &shape);
    for (size_t i = 0; i < ARC_COUNT(ways); i++) {
        char path[256];
        arc_graph *g = NULL;
        arc_error err = {0};
        arc_tensor out;
        float *want = golden(ways[i], &rows);
        snprintf(path, sizeof path, ARC_SOURCE_DIR "/tests/golden/data/qdq/%s.onnx", ways[i]);
        if (arc_onnx_load(&g, &arc_alloc_libc, path, &err) != ARC_OK)
            fail_msg("%s", err.text);
        float *written = net_run(ctx, g, true, shape, x, &out, NULL), *fused = net_run(ctx, g, false, shape, x, &out, NULL);
        assert_true(arc_shape_equal(&out.shape, &rows));
        expect_rows(written, want, &rows, "as written");
        expect_rows(fused, want, &rows, ways[i]);
        assert_int_equal(fused_layers(g, &shape, x), 7);
        free(written);
        free(fused);
        arc_mem_free(&arc_alloc_libc, want);
        arc_graph_free(&g);
    }
    arc_mem_free(&arc_alloc_libc, x);
}

/* A normalisation by the statistics of its input is none that a layer can take in: fused or not, the graph is refused. */
static void training_normalisations_are_refused(void **state) {
    (void)state;
    const arc_shape shape = net_shape(4, 1, CHANNELS, SIDE, SIDE);
    for (int between = 0; between < 2;
         between++) { /* behind a layer alone, and in front of the 8-bit values that another reads */
        net t;
        const int y = conv(&t, quantized(&t, start(&t, 5), 0.01f, 128)), norm = net_batch_norm(&t, y, CHANNELS);
        assert_int_equal(arc_node_int(t.g, &t.g->node[t.g->nodes - 1], "training_mode", 1), ARC_OK);
        const int out = between ? net_node(&t, "Add", conv(&t, quantized(&t, norm, 0.02f, 128)), y, ARC_NO_VALUE, NULL) : norm;
        net_done(&t, out);
        arc_session *s;
        arc_error err = {0};
        assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, NULL), ARC_OK);
        assert_int_equal(arc_session_plan(s, &shape, &err), ARC_EUNSUPPORTED);
        assert_non_null(strstr(err.text, "only inference with statistics per channel"));
        arc_session_free(&s);
        arc_graph_free(&t.g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_onnx_runtime),
        cmocka_unit_test(any_graph_agrees),
        cmocka_unit_test(other_readers_may_come_first),
        cmocka_unit_test(weights_may_be_shared),
        cmocka_unit_test(training_normalisations_are_refused),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
