/* Networks of transformers: what exporters spell out becomes one node, and what stands around a product is fused into it, with
 * the results of the graph as it was written, for any number of threads, on the processor and on the reference device. */
#include "device/device.h"
#include "device/reference/reference.h"
#include "net_support.h"
#include "shared_context.h"
#include <string.h>

static double largest(const float *x, size_t n) {
    double most = 1;
    for (size_t i = 0; i < n; i++)
        if (fabs((double)x[i]) > most)
            most = fabs((double)x[i]);
    return most;
}

static float *run_on_reference(const arc_graph *g, arc_shape shape, float *x) {
    arc_session *s = NULL;
    arc_error err = {0};
    arc_tensor in = {.dtype = ARC_F32, .shape = shape, .data = x}, out[8];
    arc_execution how = arc_execution_of(ctx);
    how.device = &arc_device_reference;
    const arc_session_options opt = {.execution = &how};
    if (arc_session_new(&s, ctx, g, &opt, &err) != ARC_OK || arc_session_run(s, &in, out, &err) != ARC_OK)
        fail_msg("reference: %s", err.text);
    const size_t bytes = (size_t)arc_shape_count(&out[0].shape) * sizeof(float);
    float *copy = malloc(bytes + 1);
    memcpy(copy, out[0].data, bytes);
    arc_session_free(&s);
    return copy;
}

/* The output with passes is the one without, on one thread bit for bit what it is on two, and, where `reference`, that device's.
 * steps: how many the planned network has, 0: any. Frees the graph. */
static void expect(net *t, arc_shape shape, int steps, bool reference, const char *what) {
    float *x = net_floats(t->seed, (size_t)arc_shape_count(&shape));
    arc_tensor plain, fused;
    arc_plan_stats stats;
    arc_context *alone = arc_test_context(NULL, 1);
    float *a = net_run(ctx, t->g, true, shape, x, &plain, NULL), *b = net_run(ctx, t->g, false, shape, x, &fused, &stats);
    float *c = net_run(alone, t->g, false, shape, x, NULL, NULL), *d = reference ? run_on_reference(t->g, shape, x) : NULL;
    assert_true(arc_shape_equal(&plain.shape, &fused.shape));
    const size_t count = (size_t)arc_shape_count(&plain.shape);
    const double size = largest(a, count);
    if (!(arc_test_max_error(a, b, count) / size < 3e-6))
        fail_msg("%s: passes change the output by %g", what, arc_test_max_error(a, b, count) / size);
    assert_memory_equal(b, c, count * sizeof *b);
    if (d && !(arc_test_max_error(d, b, count) / size < 3e-6))
        fail_msg("%s: %g from the reference", what, arc_test_max_error(d, b, count) / size);
    if (steps && stats.steps != steps)
        fail_msg("%s: %d steps, %d wanted", what, stats.steps, steps);
    free(a);
    free(b);
    free(c);
    free(d);
    free(x);
    arc_context_close(&alone);
    arc_graph_free(&t->g);
}

static int number(net *t, float v) {
    const arc_shape s = {0};
    return arc_graph_constant(t->g, net_name(t), ARC_F32, &s, &v, true);
}

static int pair(net *t, const char *op, int a, int b) {
    return net_node(t, op, a, b, ARC_NO_VALUE, NULL);
}

static int one(net *t, const char *op, int a) {
    return net_node(t, op, a, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
}

static int start(net *t, uint32_t seed, arc_shape s) {
    net_new(t, &arc_alloc_libc, seed);
    return net_input(t, "x", s);
}

static const arc_shape rows = {3, {2, 29, 24}};

/* ---- Gelu ------------------------------------------------------------------------------------------------------------------ */

/* x, 1 + erf(x / sqrt 2) and 0.5 in six orders; with 7 and 8 something is another number. */
static int spelt_gelu(net *t, int x, int order) {
    const int half = number(t, order == 7 ? 0.4f : 0.5f);
    const int inner = order % 2 ? pair(t, "Div", x, number(t, 1.41421356f)) : pair(t, "Mul", number(t, 0.70710678f), x);
    const int e = one(t, "Erf", inner), sum = order % 2 ? pair(t, "Add", e, number(t, 1)) : pair(t, "Add", number(t, 1), e);
    if (order < 2 || order >= 7)
        return pair(t, "Mul", pair(t, "Mul", x, order == 8 ? e : sum), half);
    if (order < 4)
        return pair(t, "Mul", pair(t, "Mul", half, x), sum);
    return pair(t, "Mul", pair(t, "Mul", sum, half), x);
}

static void gelu_is_one_node(void **state) {
    (void)state;
    net t;
    for (int order = 0; order < 6; order++) {
        const int x = start(&t, (uint32_t)order, rows);
        net_done(&t, spelt_gelu(&t, x, order));
        expect(&t, rows, 1, true, "Gelu");
    }
    for (int order = 7; order < 9; order++) {
        const int x = start(&t, (uint32_t)order, rows);
        net_done(&t, spelt_gelu(&t, x, order));
        expect(&t, rows, order == 7 ? 5 : 4, true, "almost Gelu"); /* in the other the sum is read by nobody and dropped */
    }
    const int x = start(&t, 9, rows), y = spelt_gelu(&t, x, 0);
    for (int i = 0; i < t.g->nodes; i++) /* the sum is an output, too */
        if (strcmp(t.g->node[i].op, "Add") == 0)
            assert_int_equal(arc_graph_add_output(t.g, t.g->node[i].output[0]), ARC_OK);
    net_done(&t, y);
    expect(&t, rows, 5, true, "Gelu whose sum is given out");
}

/* Nodes whose outputs only a Shape asks for, or nobody, are no steps; what lies between keeps its memory. */
static void what_nobody_reads_is_no_step(void **state) {
    (void)state;
    net t;
    const int x = start(&t, 10, rows);
    int y = one(&t, "Exp", x), unread = one(&t, "Sin", one(&t, "Cos", y));
    const int keeps = one(&t, "Sigmoid", y);
    y = pair(&t, "Reshape", one(&t, "Neg", one(&t, "Abs", y)), one(&t, "Shape", unread));
    unread = one(&t, "Sqrt", y);
    y = pair(&t, "Add", pair(&t, "Mul", y, one(&t, "Sin", y)), keeps);
    net_done(&t, y);
    arc_plan_stats stats;
    float *in = net_floats(10, (size_t)arc_shape_count(&rows)), *out = net_run(ctx, t.g, false, rows, in, NULL, &stats);
    for (int64_t i = 0; i < arc_shape_count(&rows); i++) {
        const double e = exp((double)in[i]);
        assert_true(fabs((double)out[i] - (e * sin(e) + 1 / (1 + exp(-e)))) < 2e-6); /* -e sin(-e) */
    }
    assert_int_equal(stats.steps, 7);
    free(in);
    free(out);
    arc_graph_free(&t.g);
}

/* ---- LayerNormalization ---------------------------------------------------------------------------------------------------- */

static int row_mean(net *t, int x, int64_t axis) {
    arc_node *n;
    const int y = net_node(t, "ReduceMean", x, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t->g, n, "axes", 1, &axis), ARC_OK);
    return y;
}

static int spelt_norm(net *t, int x, bool by_power, int64_t axis, int64_t length) {
    const int d = pair(t, "Sub", x, row_mean(t, x, axis));
    const int square = by_power ? pair(t, "Pow", d, number(t, 2)) : pair(t, "Mul", d, d);
    const int root = one(t, "Sqrt", pair(t, "Add", row_mean(t, square, axis), number(t, 1e-5f)));
    const arc_shape s = {1, {length}};
    const int y = pair(t, "Mul", pair(t, "Div", d, root), net_constant(t, s, 0.5f, 1.5f));
    return pair(t, "Add", y, net_constant(t, s, -1, 1));
}

static void layer_normalisation_is_one_node(void **state) {
    (void)state;
    net t;
    for (int by_power = 0; by_power < 2; by_power++) {
        int x = start(&t, 20 + (uint32_t)by_power, rows);
        net_done(&t, spelt_norm(&t, x, by_power, -1, 24));
        expect(&t, rows, 1, true, "LayerNormalization");
        x = start(&t, 22, rows);
        net_done(&t, spelt_norm(&t, x, by_power, 1, 24));
        expect(&t, rows, 9, true, "a normalisation of columns");
    }
}

/* ---- products -------------------------------------------------------------------------------------------------------------- */

static int product(net *t, int x, int in, int out) {
    return pair(t, "MatMul", x, net_constant(t, net_shape(2, in, out, 0, 0), -0.3f, 0.3f));
}

static int vector(net *t, int length) {
    return net_constant(t, net_shape(1, length, 0, 0, 0), -1, 1);
}

static void what_is_behind_a_product_is_fused(void **state) {
    (void)state;
    net t;
    for (int columns = 5; columns < 75; columns += 23) {
        int x = start(&t, 30, rows), y = pair(&t, "Add", vector(&t, columns), product(&t, x, 24, columns));
        net_done(&t, y);
        expect(&t, rows, 1, true, "bias");
        x = start(&t, 31, rows);
        y = pair(&t, "Mul", pair(&t, "Add", product(&t, x, 24, columns), vector(&t, columns)), vector(&t, columns));
        net_done(&t, pair(&t, "Mul", pair(&t, "Add", y, vector(&t, columns)), number(&t, -0.5f)));
        expect(&t, rows, 1, true, "bias, scale, bias and a number");
        x = start(&t, 32, rows);
        y = spelt_gelu(&t, pair(&t, "Add", product(&t, x, 24, columns), vector(&t, columns)), 1);
        net_done(&t, y);
        expect(&t, rows, 1, true, "bias and Gelu");
        x = start(&t, 33, rows);
        net_done(&t, one(&t, "Relu", product(&t, x, 24, columns)));
        expect(&t, rows, 1, true, "Relu");
        x = start(&t, 34, rows);
        y = pair(&t, "Add", product(&t, x, 24, 24), vector(&t, 24));
        net_done(&t, one(&t, "Sigmoid", pair(&t, "Add", x, y)));
        expect(&t, rows, 2, true, "residual");
        x = start(&t, 35, rows); /* the sum of two products: one is the other's residual */
        y = pair(&t, "Add", product(&t, x, 24, columns), product(&t, x, 24, columns));
        net_done(&t, pair(&t, "Add", y, vector(&t, columns)));
        expect(&t, rows, 3, true, "two products");
    }
    int x = start(&t, 36, net_shape(2, 5, 24, 0, 0));
    net_done(&t, net_node(&t, "Gelu", net_gemm(&t, x, 24, 40, true), ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    expect(&t, net_shape(2, 5, 24, 0, 0), 1, true, "Gemm and Gelu");
    x = start(&t, 37, rows); /* a constant of rank 2 may make the product's rank larger than it is: left alone */
    net_done(&t, pair(&t, "Add", product(&t, x, 24, 6), net_constant(&t, net_shape(2, 29, 6, 0, 0), -1, 1)));
    expect(&t, rows, 2, true, "a bias a row");
}

static void residuals_broadcast(void **state) {
    (void)state;
    net t;
    const arc_shape flat = {2, {29, 24}};
    for (int way = 0; way < 3; way++) {
        const int x = start(&t, 40 + (uint32_t)way, way == 2 ? flat : rows);
        int other, y;
        if (way == 0) { /* [29,24] to [2,29,24] */
            other = net_node(&t, "Gather", x, arc_graph_constant(t.g, "index", ARC_I64, &(arc_shape){0}, &(int64_t){1}, true),
                             ARC_NO_VALUE, NULL);
        } else if (way == 1) { /* [2,29,1] */
            other = row_mean(&t, x, -1);
        } else { /* the product [29,24] to [3,29,24] */
            other = pair(&t, "Mul", x, net_constant(&t, net_shape(3, 3, 1, 1, 0), -1, 1));
        }
        y = pair(&t, "Add", pair(&t, "Add", product(&t, x, 24, 24), vector(&t, 24)), other);
        net_done(&t, y);
        expect(&t, way == 2 ? flat : rows, 2, way != 1, "a residual of another shape");
    }
}

static int turned(net *t, int x, int64_t a, int64_t b, int64_t c, int64_t d) {
    arc_node *n;
    const int64_t perm[4] = {a, b, c, d};
    const int y = net_node(t, "Transpose", x, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t->g, n, "perm", 4, perm), ARC_OK);
    return y;
}

/* Between images and rows of channels nothing is copied: a block of ConvNeXt is convolution, normalisation, two products, sum. */
static void rows_of_channels_are_views(void **state) {
    (void)state;
    net t;
    const arc_shape image = {4, {2, 6, 9, 7}};
    const arc_shape s = {1, {6}};
    int x = start(&t, 45, image);
    const int from = net_conv(&t, x, (net_conv_spec){6, 6, 3, 1, 1, 1, true});
    int y = turned(&t, net_conv(&t, from, (net_conv_spec){6, 6, 5, 1, 2, 6, true}), 0, 2, 3, 1);
    y = net_node(&t, "LayerNormalization", y, net_constant(&t, s, 0.5f, 1.5f), net_constant(&t, s, -1, 1), NULL);
    y = spelt_gelu(&t, pair(&t, "Add", product(&t, y, 6, 24), vector(&t, 24)), 0);
    y = pair(&t, "Mul", pair(&t, "Add", product(&t, y, 24, 6), vector(&t, 6)), vector(&t, 6));
    y = pair(&t, "Add", from, turned(&t, y, 0, 3, 1, 2));
    net_done(&t, net_conv(&t, y, (net_conv_spec){6, 4, 3, 1, 1, 1, true}));
    expect(&t, image, 9, true, "a block of ConvNeXt"); /* two conversions at the ends */
    x = start(&t, 46, image);                          /* the transposed value is read as an image and as it lies */
    y = pair(&t, "Mul", x, number(&t, 0.5f));
    const int z = turned(&t, y, 0, 3, 1, 2);
    y = pair(&t, "Add", net_conv(&t, z, (net_conv_spec){7, 7, 3, 1, 1, 1, false}), z);
    net_done(&t, pair(&t, "Add", y, one(&t, "Relu", z)));
    expect(&t, image, 0, true, "a transposed value read twice");
}

/* ---- attention ------------------------------------------------------------------------------------------------------------- */

static int reshaped(net *t, int x, int rank, const int64_t *shape) {
    return pair(t, "Reshape", x, net_ints(t, rank, shape));
}

static int permuted(net *t, int x, int rank, const int64_t *perm) {
    arc_node *n;
    const int y = net_node(t, "Transpose", x, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t->g, n, "perm", (size_t)rank, perm), ARC_OK);
    return y;
}

static int softmax(net *t, int x) {
    arc_node *n;
    const int y = net_node(t, "Softmax", x, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t->g, n, "axis", -1), ARC_OK);
    return y;
}

static int int_scalar(net *t, int64_t v) {
    const arc_shape s = {0};
    return arc_graph_constant(t->g, net_name(t), ARC_I64, &s, &v, true);
}

enum { HEADS = 3, SIZE = 8, WIDTH = HEADS * SIZE };
enum { BY_GATHER, BY_SLICE, BY_SPLIT, CUTS };

/* Part i of [3][N][heads][length][size]. */
static int part(net *t, int x, int way, int i, int *split) {
    const int64_t zero = 0, from = i, to = i + 1, ones[3] = {1, 1, 1};
    if (way == BY_GATHER)
        return pair(t, "Gather", x, int_scalar(t, i));
    if (way == BY_SLICE) {
        const int in[4] = {x, net_ints(t, 1, &from), net_ints(t, 1, &to), net_ints(t, 1, &zero)};
        const int out = arc_graph_value(t->g, net_name(t));
        assert_non_null(arc_graph_node(t->g, "Slice", "", 4, in, 1, &out));
        return pair(t, "Squeeze", out, net_ints(t, 1, &zero));
    }
    if (i == 0) {
        const int in[2] = {x, net_ints(t, 3, ones)};
        for (int k = 0; k < 3; k++)
            split[k] = arc_graph_value(t->g, net_name(t));
        assert_non_null(arc_graph_node(t->g, "Split", "", 2, in, 3, split));
    }
    return pair(t, "Squeeze", split[i], net_ints(t, 1, &zero));
}

typedef struct attention_spec {
    int cut;
    bool bias, head_scale, by_shape; /* the scale follows from the shape of q */
    float scale;                     /* of the scores */
} attention_spec;

/* Self-attention of [2][29][24], as exporters write it. */
static int attention(net *t, int x, attention_spec spec) {
    static const int64_t apart[5] = {0, 0, 3, HEADS, -1}, front[5] = {2, 0, 3, 1, 4}, swap[4] = {0, 1, 3, 2},
                         back[4] = {0, 2, 1, 3}, joined[3] = {0, 0, -1};
    int split[3];
    x = pair(t, "Add", product(t, x, WIDTH, 3 * WIDTH), vector(t, 3 * WIDTH));
    x = permuted(t, reshaped(t, x, 5, apart), 5, front);
    int q = part(t, x, spec.cut, 0, split), k = part(t, x, spec.cut, 1, split);
    const int v = part(t, x, spec.cut, 2, split);
    k = permuted(t, k, 4, swap);
    if (spec.by_shape) {
        arc_node *n;
        const int size =
            net_node(t, "Cast", pair(t, "Gather", one(t, "Shape", q), int_scalar(t, 3)), ARC_NO_VALUE, ARC_NO_VALUE, &n);
        assert_int_equal(arc_node_int(t->g, n, "to", ARC_F32), ARC_OK);
        q = pair(t, "Div", q, one(t, "Sqrt", one(t, "Sqrt", size)));
        k = pair(t, "Mul", k, number(t, 0.6f));
    }
    int scores = pair(t, "MatMul", q, k);
    scores = spec.scale != 1 ? pair(t, "Mul", scores, number(t, spec.scale)) : scores;
    scores = spec.head_scale ? pair(t, "Mul", scores, net_constant(t, net_shape(3, HEADS, 1, 1, 0), 0.3f, 1.5f)) : scores;
    scores = spec.bias ? pair(t, "Add", scores, net_constant(t, net_shape(4, 1, HEADS, 29, 29), -2, 2)) : scores;
    const int y = permuted(t, pair(t, "MatMul", softmax(t, scores), v), 4, back);
    return reshaped(t, y, 3, joined);
}

static void attention_is_one_node(void **state) {
    (void)state;
    net t;
    for (int kind = 0; kind < 24; kind++) {
        const attention_spec spec = {kind % CUTS, kind / 3 & 1, kind / 6 & 1, kind / 12 & 1, kind == 5 ? -0.35f : 0.35f};
        const int x = start(&t, 60 + (uint32_t)kind, rows);
        net_done(&t, attention(&t, x, spec));
        expect(&t, rows, 2, true, "attention"); /* the product in front and arc.Attention */
    }
}

/* Heads by reshaping each of three tensors (com.microsoft.Attention written out), other numbers of keys, no transpose behind; and
 * attention between channels, whose queries lie apart. */
static void heads_lie_anywhere(void **state) {
    (void)state;
    net t;
    static const int64_t split[4] = {0, 0, HEADS, -1}, by_rows[4] = {0, 2, 1, 3}, by_columns[4] = {0, 2, 3, 1};
    int x = start(&t, 90, rows);
    const int few = net_node(&t, "Slice", x, net_ints(&t, 2, (int64_t[2]){0, 3}), net_ints(&t, 2, (int64_t[2]){9, 20}), NULL);
    const int q = permuted(&t, reshaped(&t, x, 4, split), 4, by_rows),
              k = permuted(&t, reshaped(&t, few, 4, split), 4, by_columns);
    const int v = permuted(&t, reshaped(&t, product(&t, few, WIDTH, HEADS * 35), 4, split), 4, by_rows);
    net_done(&t, pair(&t, "MatMul", softmax(&t, pair(&t, "MatMul", q, k)), v));
    expect(&t, rows, 3, true, "fewer keys than queries");
    x = start(&t, 91, rows);
    int heads = reshaped(&t, x, 4, split);
    heads =
        pair(&t, "MatMul", softmax(&t, pair(&t, "MatMul", permuted(&t, heads, 4, by_columns), permuted(&t, heads, 4, by_rows))),
             permuted(&t, heads, 4, by_columns));
    net_done(&t, heads);
    expect(&t, rows, 1, true, "attention between channels");
    x = start(&t, 92, rows); /* the scores are an output, too: left as they are */
    heads = reshaped(&t, x, 4, split);
    const int scores = pair(&t, "MatMul", permuted(&t, heads, 4, by_rows), permuted(&t, heads, 4, by_columns));
    net_done(&t, pair(&t, "MatMul", softmax(&t, scores), permuted(&t, heads, 4, by_rows)));
    assert_int_equal(arc_graph_add_output(t.g, scores), ARC_OK);
    expect(&t, rows, 6, true, "scores that are given out");
}

/* The operator of opset 23, of rank 3 and 4, with two heads of queries for each of keys. */
static void the_operator_is_as_fast_and_the_same(void **state) {
    (void)state;
    net t;
    const arc_shape four = {4, {2, 4, 29, 16}};
    for (int rank = 3; rank <= 4; rank++) {
        arc_node *n;
        const int x = start(&t, 95, rank == 4 ? four : net_shape(3, 2, 29, 64, 0));
        t.g->opset = 23;
        const int64_t first[1] = {0}, last[1] = {rank == 4 ? 2 : 32}, axis[1] = {rank == 4 ? 1 : 2};
        const int in[4] = {x, net_ints(&t, 1, first), net_ints(&t, 1, last), net_ints(&t, 1, axis)};
        const int keys = arc_graph_value(t.g, net_name(&t));
        assert_non_null(arc_graph_node(t.g, "Slice", "", 4, in, 1, &keys));
        const int fast = net_node(&t, "Attention", x, keys, keys, &n);
        for (int i = 0; i < 2 && rank == 3; i++)
            assert_int_equal(arc_node_int(t.g, n, i ? "kv_num_heads" : "q_num_heads", i ? 2 : 4), ARC_OK);
        /* A mask of zeros takes the way in double. */
        const int64_t zeros[2] = {29, 29};
        const int mask = arc_graph_constant_new(t.g, "mask", ARC_F32, &(arc_shape){2, {zeros[0], zeros[1]}}, &(void *){NULL});
        const int with_mask[4] = {x, keys, keys, mask}, exact = arc_graph_value(t.g, net_name(&t));
        n = arc_graph_node(t.g, "Attention", "", 4, with_mask, 1, &exact);
        for (int i = 0; i < 2 && rank == 3; i++)
            assert_int_equal(arc_node_int(t.g, n, i ? "kv_num_heads" : "q_num_heads", i ? 2 : 4), ARC_OK);
        net_done(&t, pair(&t, "Sub", fast, exact));
        const arc_shape s = rank == 4 ? four : net_shape(3, 2, 29, 64, 0);
        float *input = net_floats(7, (size_t)arc_shape_count(&s));
        float *difference = net_run(ctx, t.g, false, s, input, NULL, NULL);
        bool rounded = false;
        for (int64_t i = 0; i < arc_shape_count(&s); i++) {
            assert_true(fabs((double)difference[i]) < 1e-6);
            rounded |= difference[i] != 0;
        }
        assert_true(rounded); /* they were two ways */
        free(difference);
        free(input);
        arc_graph_free(&t.g);
    }
}

/* Files may hold nodes without inputs and permutations of nothing: passes step around them, and planning says what is wrong. */
static void broken_nodes_are_refused(void **state) {
    (void)state;
    static const char *const lacking[] = {"Erf", "Softmax", "MatMul", "Transpose", "Squeeze", "Split", "Sqrt", "Sub", "Div"};
    net t;
    for (size_t i = 0; i <= ARC_COUNT(lacking); i++) {
        const int x = start(&t, 97, rows);
        arc_session *s = NULL;
        arc_error err = {0};
        int y = attention(&t, x, (attention_spec){BY_SPLIT, false, false, true, 0.35f});
        y = spelt_norm(&t, spelt_gelu(&t, y, 3), true, -1, 24);
        net_done(&t, y);
        for (int k = 0; k < t.g->nodes; k++) {
            arc_node *n = &t.g->node[k];
            if (i < ARC_COUNT(lacking) && strcmp(n->op, lacking[i]) == 0)
                n->inputs = 0;
            arc_attr *perm = i == ARC_COUNT(lacking) ? (arc_attr *)(uintptr_t)arc_node_attr(n, "perm") : NULL;
            for (size_t d = 0; perm && d < perm->count; d++)
                ((int64_t *)(uintptr_t)perm->ints)[d] = 100 + (int64_t)d;
        }
        float *in = net_floats(1, (size_t)arc_shape_count(&rows));
        arc_tensor given = {.dtype = ARC_F32, .shape = rows, .data = in}, out[8];
        assert_true(arc_session_new(&s, ctx, t.g, NULL, &err) != ARC_OK || arc_session_run(s, &given, out, &err) != ARC_OK);
        assert_true(err.text[0] != 0);
        arc_session_free(&s);
        free(in);
        arc_graph_free(&t.g);
    }
}

/* The rows of a batch are cut into blocks, the last of which is smaller; their bits are those of few rows. */
static void many_rows_are_cut_into_blocks(void **state) {
    (void)state;
    net t;
    const arc_shape many = {2, {700, 400}}, few = {2, {100, 400}};
    float *x = net_floats(4, (size_t)arc_shape_count(&many));
    const int in = start(&t, 51, (arc_shape){2, {-1, 400}});
    net_done(&t, pair(&t, "Add", product(&t, in, 400, 45), vector(&t, 45)));
    float *whole = net_run(ctx, t.g, false, many, x, NULL, NULL), *part = net_run(ctx, t.g, false, few, x, NULL, NULL);
    assert_memory_equal(whole, part, 100 * 45 * sizeof *whole);
    free(part);
    part = net_run(ctx, t.g, false, few, x + 600 * 400, NULL, NULL);
    assert_memory_equal(whole + 600 * 45, part, 100 * 45 * sizeof *whole);
    free(part);
    free(whole);
    free(x);
    expect(&t, many, 1, true, "many rows");
}

static void bits_do_not_depend_on_tiles(void **state) {
    (void)state;
    net t;
    float *whole = NULL;
    const int side = 61;
    float *x = net_floats(3, (size_t)side * 24);
    for (int m = side; m > 0; m -= 7) { /* the first rows are the same however many follow */
        const arc_shape s = {2, {m, 24}};
        const int in = start(&t, 50, s);
        net_done(&t, spelt_gelu(&t, pair(&t, "Add", product(&t, in, 24, 45), vector(&t, 45)), 0));
        float *y = net_run(ctx, t.g, false, s, x, NULL, NULL);
        if (whole)
            assert_memory_equal(y, whole, (size_t)m * 45 * sizeof *y);
        else
            whole = y;
        if (y != whole)
            free(y);
        arc_graph_free(&t.g);
    }
    free(whole);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gelu_is_one_node),
        cmocka_unit_test(what_nobody_reads_is_no_step),
        cmocka_unit_test(layer_normalisation_is_one_node),
        cmocka_unit_test(what_is_behind_a_product_is_fused),
        cmocka_unit_test(residuals_broadcast),
        cmocka_unit_test(rows_of_channels_are_views),
        cmocka_unit_test(attention_is_one_node),
        cmocka_unit_test(heads_lie_anywhere),
        cmocka_unit_test(the_operator_is_as_fast_and_the_same),
        cmocka_unit_test(broken_nodes_are_refused),
        cmocka_unit_test(many_rows_are_cut_into_blocks),
        cmocka_unit_test(bits_do_not_depend_on_tiles),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
