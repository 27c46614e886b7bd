/* Graphs: building, what a check refuses, and order. Plans: shapes, layouts, folded constants, memory, costs. */
#include "net_support.h"
#include "plan/cost.h"
#include "plan/place.h"
#include "shared_context.h"
#include <string.h>

/* ---- graphs ---------------------------------------------------------------------------------------------------------------- */

static void expect_refused(net *t, int output, arc_status code, const char *a, const char *b) {
    arc_error err = {0};
    if (output >= 0)
        assert_int_equal(arc_graph_add_output(t->g, output), ARC_OK);
    assert_int_equal(arc_graph_check(t->g, &err), code);
    if (!strstr(err.text, a) || !strstr(err.text, b))
        fail_msg("'%s' lacks '%s' or '%s'", err.text, a, b);
    assert_int_equal(arc_graph_check(t->g, NULL), code);
    arc_graph_free(&t->g);
}

static void check_refuses_what_is_wrong(void **state) {
    (void)state;
    net t;
    net_new(&t, &arc_alloc_libc, 1);
    int x = net_input(&t, "x", net_shape(2, 1, 4, 0, 0));
    arc_graph_node(t.g, "Foo", "bar", 1, &x, 1, (int[]){arc_graph_value(t.g, "y")});
    expect_refused(&t, arc_graph_find(t.g, "y"), ARC_EUNSUPPORTED, "operator 'Foo' of node 'bar'", "(opset 13) is not supported");

    net_new(&t, &arc_alloc_libc, 1);
    x = net_input(&t, "x", net_shape(2, 1, 4, 0, 0));
    const int p = arc_graph_value(t.g, "p"), q = arc_graph_value(t.g, "q");
    arc_graph_node(t.g, "Add", "one", 2, (int[]){x, q}, 1, &p);
    arc_graph_node(t.g, "Relu", "two", 1, &p, 1, &q);
    expect_refused(&t, q, ARC_EFORMAT, "cycle", "'");

    net_new(&t, &arc_alloc_libc, 1);
    x = net_input(&t, "x", net_shape(2, 1, 4, 0, 0));
    const int y = arc_graph_value(t.g, "y");
    arc_graph_node(t.g, "Relu", "first", 1, &x, 1, &y);
    arc_graph_node(t.g, "Relu", "second", 1, &x, 1, &y);
    expect_refused(&t, y, ARC_EFORMAT, "'y'", "second");

    net_new(&t, &arc_alloc_libc, 1);
    x = net_input(&t, "x", net_shape(2, 1, 4, 0, 0));
    int v = net_node(&t, "Add", x, arc_graph_value(t.g, "nowhere"), ARC_NO_VALUE, NULL);
    expect_refused(&t, v, ARC_EFORMAT, "'nowhere'", "Add");

    net_new(&t, &arc_alloc_libc, 1);
    v = net_constant(&t, net_shape(1, 4, 0, 0, 0), 0, 1);
    t.g->value[v].data_bytes = 12;
    expect_refused(&t, v, ARC_ECORRUPT, "needs 16 bytes", "12");

    net_new(&t, &arc_alloc_libc, 1);
    x = net_input(&t, "x", net_shape(2, 1, 4, 0, 0));
    net_input(&t, "x", net_shape(2, 1, 4, 0, 0));
    expect_refused(&t, x, ARC_EFORMAT, "'x'", "twice");

    net_new(&t, &arc_alloc_libc, 1);
    arc_node *n;
    v = net_node(&t, "Constant", ARC_NO_VALUE, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_tensor(t.g, n, "value", 99), ARC_OK);
    expect_refused(&t, v, ARC_EFORMAT, "'value'", "Constant");

    net_new(&t, &arc_alloc_libc, 1);
    net_input(&t, "x", net_shape(2, 1, 4, 0, 0));
    expect_refused(&t, ARC_NO_VALUE, ARC_EFORMAT, "no outputs", "");

    net_new(&t, &arc_alloc_libc, 1);
    expect_refused(&t, arc_graph_value(t.g, "loose"), ARC_EFORMAT, "'loose'", "no node");
}

static void check_sorts_stably(void **state) {
    (void)state;
    net t;
    net_new(&t, &arc_alloc_libc, 1);
    const int x = net_input(&t, "x", net_shape(2, 1, 4, 0, 0));
    int v[6];
    char name[8];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "v%d", i);
        v[i] = arc_graph_value(t.g, name);
    }
    arc_graph_node(t.g, "Relu", "late", 1, &v[3], 1, &v[4]);
    arc_graph_node(t.g, "Relu", "a", 1, &x, 1, &v[0]);
    arc_graph_node(t.g, "Relu", "b", 1, &x, 1, &v[1]);
    arc_graph_node(t.g, "Add", "c", 2, (int[]){v[0], v[1]}, 1, &v[3]);
    arc_graph_node(t.g, "Relu", "d", 1, &x, 1, &v[5]);
    net_done(&t, v[4]);
    static const char *const order[] = {"a", "b", "c", "late", "d"};
    for (int i = 0; i < 5; i++) {
        assert_string_equal(t.g->node[i].name, order[i]);
        assert_int_equal(t.g->value[t.g->node[i].output[0]].producer, i);
    }
    arc_graph_free(&t.g);
}

static void values_are_found_by_name(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    arc_graph *g;
    char name[32];
    assert_int_equal(arc_graph_new(&g, &arc_alloc_libc, 13, NULL), ARC_OK);
    assert_int_equal(arc_graph_find(g, "x"), ARC_NO_VALUE);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "value_%d", i);
        assert_int_equal(arc_graph_value(g, name), i);
    }
    for (int i = 0; i < COUNT; i += 7) {
        snprintf(name, sizeof name, "value_%d", i);
        assert_int_equal(arc_graph_find(g, name), i);
        assert_int_equal(arc_graph_value(g, name), i);
        assert_string_equal(g->value[i].name, name);
    }
    assert_int_equal(arc_graph_find(g, "value_100000"), ARC_NO_VALUE);
    while (arc_graph_value(g, (snprintf(name, sizeof name, "more_%d", g->values), name)) >= 0)
        assert_true(g->values <= ARC_MAX_VALUES);
    assert_int_equal(g->values, ARC_MAX_VALUES);
    arc_graph_free(&g);
}

static void attributes_and_metadata_read_back(void **state) {
    (void)state;
    net t;
    net_new(&t, &arc_alloc_libc, 1);
    arc_node *n;
    net_node(&t, "Relu", net_input(&t, "x", net_shape(1, 4, 0, 0, 0)), ARC_NO_VALUE, ARC_NO_VALUE, &n);
    const int64_t ints[] = {3, -1};
    const float floats[] = {0.5f};
    assert_int_equal(arc_node_int(t.g, n, "i", 7), ARC_OK);
    assert_int_equal(arc_node_int(t.g, n, "i", 8), ARC_OK);
    assert_int_equal(arc_node_float(t.g, n, "f", 2.5f), ARC_OK);
    assert_int_equal(arc_node_string(t.g, n, "s", "same"), ARC_OK);
    assert_int_equal(arc_node_ints(t.g, n, "ints", 2, ints), ARC_OK);
    assert_int_equal(arc_node_floats(t.g, n, "floats", 1, floats), ARC_OK);
    assert_int_equal(n->attrs, 5);
    assert_int_equal(arc_attr_int(n, "i", 0), 8);
    assert_int_equal(arc_attr_int(n, "f", 1), 1); /* of another kind */
    assert_true(arc_attr_float(n, "f", 0) == 2.5f);
    assert_string_equal(arc_attr_string(n, "s", ""), "same");
    assert_int_equal(arc_node_attr(n, "ints")->ints[1], -1);
    assert_true(arc_node_attr(n, "floats")->floats[0] == 0.5f);
    assert_null(arc_node_attr(n, "none"));
    assert_int_equal(arc_graph_set_meta(t.g, "k", "1"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t.g, "k", "2"), ARC_OK);
    assert_string_equal(arc_graph_meta(t.g, "k"), "2");
    assert_int_equal(t.g->metas, 1);
    assert_null(arc_graph_meta(t.g, "other"));
    arc_graph_free(&t.g);
}

static const void *twice_of(const void *arg, int value) {
    (void)arg;
    (void)value;
    static const float twice[2] = {2, 4};
    return twice;
}

/* A copy of its own outlives the source, with data that the caller gives; a borrowing one shares them. */
static void copies_stand_by_themselves(void **state) {
    (void)state;
    static const float once[2] = {1, 2};
    const arc_shape two = {1, {2}};
    net t;
    arc_node *n;
    net_new(&t, &arc_alloc_libc, 1);
    const int x = net_input(&t, "x", net_shape(2, -1, 2, 0, 0)), c = arc_graph_constant(t.g, "c", ARC_F32, &two, once, true);
    t.g->value[x].symbol[0] = arc_arena_strdup(&t.g->arena, "batch");
    const int y = net_node(&t, "Add", x, c, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_tensor(t.g, n, "tensor", c), ARC_OK);
    assert_int_equal(arc_node_string(t.g, n, "text", "kept"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t.g, "arcface.selftest.seed", "1"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t.g, "arcface.mean", "2"), ARC_OK);
    net_done(&t, y);
    arc_graph *own = NULL, *borrowed = NULL;
    const arc_graph_copying apart = {.data = twice_of}, borrow = {.borrow = true};
    assert_int_equal(arc_graph_copy(&borrowed, t.g, &arc_alloc_libc, &borrow, NULL), ARC_OK);
    assert_ptr_equal(borrowed->value[c].data, t.g->value[c].data);
    assert_ptr_equal(borrowed->node[0].entry, t.g->node[0].entry);
    assert_int_equal(arc_node_int(borrowed, &borrowed->node[0], "more", 1), ARC_OK); /* the source's attributes stay */
    assert_null(arc_node_attr(&t.g->node[0], "more"));
    assert_string_equal(arc_attr_string(&borrowed->node[0], "text", ""), "kept");
    arc_graph_free(&borrowed);
    assert_int_equal(arc_graph_copy(&own, t.g, &arc_alloc_libc, &apart, NULL), ARC_OK);
    assert_int_equal(arc_graph_copy_meta(own, t.g, "arcface.selftest"), ARC_OK);
    arc_graph_free(&t.g);
    assert_int_equal(arc_graph_check(own, NULL), ARC_OK);
    assert_string_equal(own->value[x].symbol[0], "batch");
    assert_true(((const float *)own->value[c].data)[1] == 4);
    assert_int_equal(arc_node_attr(&own->node[0], "tensor")->value, c);
    assert_string_equal(arc_attr_string(&own->node[0], "text", ""), "kept");
    assert_string_equal(arc_graph_meta(own, "arcface.mean"), "2");
    assert_null(arc_graph_meta(own, "arcface.selftest.seed"));
    arc_graph_free(&own);
}

static const arc_shape image = {4, {2, 3, 9, 9}};

static int start(net *t, uint32_t seed, arc_shape s) {
    net_new(t, &arc_alloc_libc, seed);
    return net_input(t, "x", s);
}

/* ---- plans ----------------------------------------------------------------------------------------------------------------- */

/* Blocks that live at the same time never overlap; a chain, in which two live at a time, needs the two largest neighbours
 * alone. */
static void blocks_share_an_arena(void **state) {
    (void)state;
    enum { COUNT = 60 };
    uint32_t random = 7;
    for (int round = 0; round < 50; round++) {
        arc_block block[COUNT], *order[COUNT];
        size_t sum = 0;
        for (int i = 0; i < COUNT; i++) {
            random = random * 1664525u + 1013904223u;
            const int first = (int)(random >> 8) % 40;
            block[i] =
                (arc_block){.bytes = 64 * (1 + (random >> 16) % 9), .first = first, .last = first + (int)(random >> 24) % 12};
            order[i] = &block[i];
            sum += block[i].bytes;
        }
        const size_t bytes = arc_place_blocks(order, COUNT);
        assert_true(bytes < sum / 2);
        for (int i = 0; i < COUNT; i++) {
            assert_true(block[i].offset + block[i].bytes <= bytes);
            for (int k = 0; k < i; k++) {
                const bool together = block[i].first <= block[k].last && block[k].first <= block[i].last;
                const bool apart =
                    block[i].offset + block[i].bytes <= block[k].offset || block[k].offset + block[k].bytes <= block[i].offset;
                assert_true(apart || !together);
            }
        }
    }
    arc_block chain[] = {{.bytes = 64, .first = 0, .last = 1},
                         {.bytes = 256, .first = 1, .last = 2},
                         {.bytes = 192, .first = 2, .last = 3},
                         {.bytes = 64, .first = 3, .last = 4}};
    arc_block *order[] = {&chain[0], &chain[1], &chain[2], &chain[3]};
    assert_int_equal(arc_place_blocks(order, 4), 448);
    assert_int_equal(arc_place_blocks(order, 0), 0);
}

static void every_shape_has_its_plan(void **state) {
    (void)state;
    net t;
    int x = start(&t, 90, net_shape(4, -1, 3, -1, -1));
    x = net_prelu(&t, net_batch_norm(&t, net_conv(&t, x, (net_conv_spec){3, 6, 3, 2, 1, 1, false}), 6), 6);
    net_done(&t, net_node(&t, "GlobalAveragePool", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    arc_session *s;
    arc_error err = {0};
    assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, &err), ARC_OK);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 11; i++) { /* more shapes than a session keeps plans for */
            const arc_shape shape = {4, {1 + i % 3, 3, 5 + i, 20 - i}};
            float *data = net_floats((uint32_t)i, (size_t)arc_shape_count(&shape));
            float *alone = net_run(ctx, t.g, false, shape, data, NULL, NULL);
            arc_tensor in = {.dtype = ARC_F32, .shape = shape, .data = data}, out;
            assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_OK);
            assert_int_equal(out.shape.dim[0], shape.dim[0]);
            assert_memory_equal(out.data, alone, (size_t)(6 * shape.dim[0]) * sizeof(float));
            free(alone);
            free(data);
        }
    arc_plan_stats stats;
    assert_int_equal(arc_session_stats(s, &stats), ARC_OK);
    assert_true(stats.packed_bytes < 16384); /* one pack for all plans */
    arc_session_free(&s);
    arc_graph_free(&t.g);
}

static void wrong_inputs_are_named(void **state) {
    (void)state;
    net t;
    const int x = start(&t, 91, net_shape(4, -1, 3, 8, 8));
    net_done(&t, net_node(&t, "Relu", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    arc_session *s;
    arc_error err = {0};
    float data[4 * 3 * 8 * 8] = {0};
    arc_tensor out, in = {.dtype = ARC_F32, .shape = {4, {1, 3, 8, 7}}, .data = data};
    assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, &err), ARC_OK);
    assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_ESHAPE);
    assert_non_null(strstr(err.text, "'x' takes [?,3,8,8], it was given [1,3,8,7]"));
    in.shape = (arc_shape){3, {3, 8, 8}};
    assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_ESHAPE);
    in.shape = (arc_shape){4, {0, 3, 8, 8}};
    assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_ESHAPE);
    in = (arc_tensor){.dtype = ARC_F64, .shape = {4, {1, 3, 8, 8}}, .data = data};
    assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_ESHAPE);
    assert_non_null(strstr(err.text, "'x' takes float32, it was given float64"));
    arc_step_time time[2];
    int count;
    err.text[0] = '\0';
    assert_int_equal(arc_session_profile(s, &in, 1, time, 2, &count, &err), ARC_ESHAPE);
    assert_non_null(strstr(err.text, "'x' takes float32, it was given float64"));
    in.dtype = ARC_F32;
    assert_int_equal(arc_session_profile(s, &in, 1, time, 2, &count, &err), ARC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_OK);
    arc_session_free(&s);
    arc_graph_free(&t.g);
}

/* One more input than a session binds: running and timing both say so. */
static void too_many_inputs_are_refused(void **state) {
    (void)state;
    enum { INPUTS = 65 };
    net t;
    char name[16];
    float data[2] = {0};
    int sum = start(&t, 93, net_shape(2, 1, 2, 0, 0));
    for (int i = 1; i < INPUTS; i++) {
        snprintf(name, sizeof name, "x%d", i);
        sum = net_node(&t, "Add", sum, net_input(&t, name, net_shape(2, 1, 2, 0, 0)), ARC_NO_VALUE, NULL);
    }
    net_done(&t, sum);
    arc_session *s;
    arc_error err = {0};
    arc_step_time time[2];
    int count;
    arc_tensor out, in[INPUTS];
    for (int i = 0; i < INPUTS; i++)
        in[i] = (arc_tensor){.dtype = ARC_F32, .shape = {2, {1, 2}}, .data = data};
    assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, &err), ARC_OK);
    assert_int_equal(arc_session_run(s, in, &out, &err), ARC_ELIMIT);
    assert_non_null(strstr(err.text, "the graph has 65 inputs, at most 64 are supported"));
    assert_int_equal(arc_session_profile(s, in, 1, time, 2, &count, &err), ARC_ELIMIT);
    arc_session_free(&s);
    arc_graph_free(&t.g);
}

/* x.view(x.shape[0], -1) as exporters write it: the shape arithmetic is gone before the first run. */
static void shape_arithmetic_is_folded(void **state) {
    (void)state;
    net t;
    arc_node *n;
    const int x = start(&t, 92, net_shape(4, -1, 3, 4, 5));
    const int shape = net_node(&t, "Shape", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int first = net_node(&t, "Gather", shape, net_ints(&t, 1, (int64_t[]){0}), ARC_NO_VALUE, NULL);
    const int wanted = net_node(&t, "Concat", first, net_ints(&t, 1, (int64_t[]){-1}), ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t.g, n, "axis", 0), ARC_OK);
    net_done(&t, net_node(&t, "Reshape", x, wanted, ARC_NO_VALUE, NULL));
    const arc_shape s = {4, {2, 3, 4, 5}};
    float *data = net_floats(1, 120);
    arc_tensor out;
    arc_plan_stats stats;
    float *y = net_run(ctx, t.g, true, s, data, &out, &stats);
    assert_int_equal(out.shape.rank, 2);
    assert_int_equal(out.shape.dim[0], 2);
    assert_int_equal(out.shape.dim[1], 60);
    assert_memory_equal(y, data, 120 * sizeof *y);
    assert_int_equal(stats.steps, 0); /* a view of the input */
    assert_int_equal(stats.folded, 3);
    free(y);
    free(data);
    arc_graph_free(&t.g);
}

/* Weights that are computed from constants: folded, packed, and not mixed up between the plans of a session. */
static void weights_may_be_computed(void **state) {
    (void)state;
    net t;
    const int x = start(&t, 93, net_shape(4, -1, 3, -1, -1));
    const int w = net_node(&t, "Mul", net_constant(&t, net_shape(4, 6, 3, 3, 3), -1, 1),
                           net_constant(&t, net_shape(4, 6, 1, 1, 1), 0, 1), ARC_NO_VALUE, NULL);
    net_done(&t, net_node(&t, "Conv", x, w, ARC_NO_VALUE, NULL));
    arc_session *s;
    arc_error err = {0};
    assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, &err), ARC_OK);
    for (int i = 0; i < 20; i++) {
        const arc_shape shape = {4, {1, 3, 4 + i, 5}};
        float *data = net_floats(3, (size_t)arc_shape_count(&shape)), *alone = net_run(ctx, t.g, true, shape, data, NULL, NULL);
        arc_tensor in = {.dtype = ARC_F32, .shape = shape, .data = data}, out;
        assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_OK);
        assert_memory_equal(out.data, alone, (size_t)arc_shape_count(&out.shape) * sizeof(float));
        free(alone);
        free(data);
    }
    arc_plan_stats stats;
    assert_int_equal(arc_session_stats(s, &stats), ARC_OK);
    assert_int_equal(stats.packed_bytes, 0); /* nothing that a later plan could find by a recycled address */
    arc_session_free(&s);
    arc_graph_free(&t.g);
}

/* Detection heads: Transpose(0,2,3,1) and Reshape of an NHWC tensor cost nothing. */
static void rows_of_a_head_are_free(void **state) {
    (void)state;
    net t;
    arc_node *n;
    int x = start(&t, 94, image);
    x = net_conv(&t, x, (net_conv_spec){3, 8, 3, 1, 1, 1, true});
    x = net_node(&t, "Transpose", x, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t.g, n, "perm", 4, (int64_t[]){0, 2, 3, 1}), ARC_OK);
    net_done(&t, net_node(&t, "Reshape", x, net_ints(&t, 2, (int64_t[]){-1, 4}), ARC_NO_VALUE, NULL));
    float *data = net_floats(1, (size_t)arc_shape_count(&image));
    arc_tensor out;
    arc_plan_stats stats;
    float *y = net_run(ctx, t.g, false, image, data, &out, &stats);
    assert_int_equal(stats.steps, 2);
    assert_int_equal(out.shape.dim[0], 2 * 81 * 2);
    t.g->output[0] = t.g->node[0].output[0]; /* the convolution itself, plain: its rows must be those */
    t.g->value[t.g->output[0]].is_output = true;
    float *plain = net_run(ctx, t.g, false, image, data, &out, NULL);
    for (int image_index = 0; image_index < 2; image_index++)
        for (int c = 0; c < 8; c++)
            for (int p = 0; p < 81; p++)
                assert_true(y[(image_index * 81 + p) * 8 + c] == plain[(image_index * 8 + c) * 81 + p]);
    free(plain);
    free(y);
    free(data);
    arc_graph_free(&t.g);
}

/* One convolution read in both layouts, split by channels, joined again; an input and a constant handed out as they are. */
static void layouts_mix(void **state) {
    (void)state;
    net t;
    arc_node *n;
    const int x = start(&t, 95, image), c = net_conv(&t, x, (net_conv_spec){3, 8, 3, 1, 1, 1, true});
    const int halves[2] = {arc_graph_value(t.g, "left"), arc_graph_value(t.g, "right")};
    n = arc_graph_node(t.g, "Split", "split", 1, &c, 2, halves);
    assert_int_equal(arc_node_int(t.g, n, "axis", 1), ARC_OK);
    const int joined = net_node(&t, "Concat", halves[1], halves[0], ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t.g, n, "axis", 1), ARC_OK);
    const int rows = net_node(&t, "Softmax", c, ARC_NO_VALUE, ARC_NO_VALUE, &n); /* plain */
    assert_int_equal(arc_node_int(t.g, n, "axis", 3), ARC_OK);
    const int sum = net_node(&t, "Add", joined, rows, ARC_NO_VALUE, NULL);
    const int k = net_constant(&t, net_shape(4, 1, 8, 9, 9), -1, 1);
    const int last = net_node(&t, "Mul", sum, k, ARC_NO_VALUE, NULL);
    const int outputs[] = {last, x, k, last};
    for (int i = 1; i < 4; i++)
        assert_int_equal(arc_graph_add_output(t.g, outputs[i]), ARC_OK);
    net_done(&t, c);
    arc_session *s;
    arc_error err = {0};
    float *data = net_floats(1, (size_t)arc_shape_count(&image));
    arc_tensor in = {.dtype = ARC_F32, .shape = image, .data = data}, out[4];
    assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, &err), ARC_OK);
    assert_int_equal(arc_session_run(s, &in, out, &err), ARC_OK);
    assert_memory_equal(out[0].data, data, (size_t)arc_shape_count(&image) * sizeof *data);
    const float *konst = out[1].data, *y = out[2].data, *conv = out[3].data;
    assert_memory_equal(konst, t.g->value[k].data, 8 * 81 * sizeof *konst);
    for (int b = 0; b < 2; b++)
        for (int ch = 0; ch < 8; ch++)
            for (int r = 0; r < 9; r++) {
                const float *line = conv + ((b * 8 + ch) * 9 + r) * 9, *other = conv + ((b * 8 + (ch + 4) % 8) * 9 + r) * 9;
                double norm = 0;
                for (int i = 0; i < 9; i++)
                    norm += exp((double)line[i]);
                for (int i = 0; i < 9; i++) {
                    const double want = (other[i] + exp((double)line[i]) / norm) * konst[(ch * 9 + r) * 9 + i];
                    assert_true(fabs(want - y[((b * 8 + ch) * 9 + r) * 9 + i]) < 1e-5);
                }
            }
    arc_session_free(&s);
    free(data);
    arc_graph_free(&t.g);
}

/* A long chain of element-wise layers lives in one buffer. */
static void buffers_are_shared(void **state) {
    (void)state;
    net t;
    int x = start(&t, 96, image);
    for (int i = 0; i < 10; i++)
        x = net_node(&t, i % 2 ? "Sigmoid" : "Tanh", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    net_done(&t, x);
    float *data = net_floats(1, (size_t)arc_shape_count(&image));
    arc_plan_stats stats;
    float *y = net_run(ctx, t.g, false, image, data, NULL, &stats);
    assert_int_equal(stats.steps, 10);
    assert_int_equal(stats.activation_bytes, (486 * 4 + 63) / 64 * 64);
    assert_int_equal(stats.activation_sum_bytes, 10 * ((486 * 4 + 63) / 64 * 64));
    double want = data[5];
    for (int i = 0; i < 10; i++)
        want = i % 2 ? 1 / (1 + exp(-want)) : tanh(want);
    assert_true(fabs(want - y[5]) < 1e-5);
    free(y);
    free(data);
    arc_graph_free(&t.g);
}

/* ---- cost ------------------------------------------------------------------------------------------------------------------ */

static void costs_are_counted(void **state) {
    (void)state;
    net t;
    const arc_shape s = {4, {1, 3, 8, 8}};
    const int x = start(&t, 97, s);
    net_done(&t, net_iresnet(&t, x, 8, 10));
    arc_graph_cost cost;
    arc_error err = {0};
    assert_int_equal(arc_graph_cost_of(t.g, &s, &cost, &err), ARC_OK);
    const int64_t convs = 8 * 3 * 9 + (8 * 12 * 9 + 12 * 12 * 9 + 8 * 12) + 2 * 12 * 12 * 9,
                  norms = 8 + (8 + 12 + 12 + 12) + 3 * 12 + 12 + 10, slopes = 8 + 12 + 12, gemm = 12 * 16 * 10 + 10;
    assert_int_equal(cost.parameters, convs + 2 * norms + slopes + gemm);
    assert_int_equal(cost.running_statistics, 2 * norms);
    assert_int_equal(cost.macs, 64 * (8 * 3 * 9 + 8 * 12 * 9) + 16 * (12 * 12 * 9 + 8 * 12 + 2 * 12 * 12 * 9) + 12 * 16 * 10);
    assert_int_equal(cost.weight_bytes, 4 * (cost.parameters + cost.running_statistics + 2));
    assert_int_equal(cost.nodes, t.g->nodes);
    arc_plan_stats stats;
    float *data = net_floats(1, 192), *y = net_run(ctx, t.g, false, s, data, NULL, &stats);
    assert_int_equal(stats.macs, cost.macs);
    free(y);
    free(data);
    arc_graph_free(&t.g);
}

/* ---- context --------------------------------------------------------------------------------------------------------------- */

static void contexts_check_their_settings(void **state) {
    (void)state;
    arc_settings s;
    arc_context *c;
    arc_error err = {0};
    arc_settings_default(&s);
    s.threads = 3;
    s.isa = "generic";
    assert_int_equal(arc_context_open(&c, &s, &err), ARC_OK);
    assert_int_equal(arc_context_threads(c), 3);
    assert_string_equal(arc_context_isa(c), "generic");
    arc_context_close(&c);
    assert_null(c);
    arc_context_close(&c);
    s.isa = "sse9";
    assert_int_equal(arc_context_open(&c, &s, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "sse9"));
    s.isa = NULL;
    s.threads = 257;
    assert_int_equal(arc_context_open(&c, &s, &err), ARC_EINVAL);
    s.threads = 1;
    s.struct_size = 8;
    assert_int_equal(arc_context_open(&c, &s, &err), ARC_EINVAL);
    assert_null(c);
    arc_settings_default(&s);
    s.alloc.get = arc_alloc_libc.get;
    assert_int_equal(arc_context_open(&c, &s, &err), ARC_EINVAL);
    assert_string_equal(arc_version(), "0.1.0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_refuses_what_is_wrong),
        cmocka_unit_test(check_sorts_stably),
        cmocka_unit_test(values_are_found_by_name),
        cmocka_unit_test(attributes_and_metadata_read_back),
        cmocka_unit_test(copies_stand_by_themselves),
        cmocka_unit_test(blocks_share_an_arena),
        cmocka_unit_test(every_shape_has_its_plan),
        cmocka_unit_test(wrong_inputs_are_named),
        cmocka_unit_test(too_many_inputs_are_refused),
        cmocka_unit_test(shape_arithmetic_is_folded),
        cmocka_unit_test(weights_may_be_computed),
        cmocka_unit_test(rows_of_a_head_are_free),
        cmocka_unit_test(layouts_mix),
        cmocka_unit_test(buffers_are_shared),
        cmocka_unit_test(costs_are_counted),
        cmocka_unit_test(contexts_check_their_settings),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
