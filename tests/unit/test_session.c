/* Memory of sessions: a planned run allocates nothing, and every single allocation may fail without a leak or a crash. */
#include "net_support.h"
#include "plan/cost.h"
#include <string.h>

static void a_planned_run_allocates_nothing(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc alloc = arc_test_heap_alloc(&heap);
    arc_context *ctx = arc_test_context(&heap, 3);
    net t;
    net_new(&t, &alloc, 1);
    net_done(&t, net_iresnet(&t, net_input(&t, "x", net_shape(4, -1, 3, 16, 16)), 16, 10));
    arc_session *s;
    assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, NULL), ARC_OK);
    const arc_shape shapes[] = {{4, {1, 3, 16, 16}}, {4, {4, 3, 16, 16}}};
    for (size_t i = 0; i < ARC_COUNT(shapes); i++)
        assert_int_equal(arc_session_plan(s, &shapes[i], NULL), ARC_OK);
    float *x = net_floats(1, 4 * 3 * 256);
    const long before = heap.requests;
    for (int i = 0; i < 6; i++) {
        arc_tensor in = {.dtype = ARC_F32, .shape = shapes[i % 2], .data = x}, out;
        assert_int_equal(arc_session_run(s, &in, &out, NULL), ARC_OK);
        assert_int_equal(out.shape.dim[0], shapes[i % 2].dim[0]);
    }
    assert_int_equal(heap.requests, before);
    free(x);
    arc_session_free(&s);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

/* Of more shapes than a session keeps, the one that was not used for longest goes. */
static void plans_in_use_stay(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc alloc = arc_test_heap_alloc(&heap);
    arc_context *ctx = arc_test_context(&heap, 1);
    net t;
    net_new(&t, &alloc, 1);
    net_done(&t, net_conv(&t, net_input(&t, "x", net_shape(4, -1, 3, -1, -1)), (net_conv_spec){3, 8, 3, 1, 1, 1, true}));
    arc_session *s;
    assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, NULL), ARC_OK);
    const arc_shape hot = {4, {1, 3, 40, 40}};
    assert_int_equal(arc_session_plan(s, &hot, NULL), ARC_OK);
    for (int i = 0; i < 20; i++) {
        const arc_shape cold = {4, {1, 3, 5 + i, 7}};
        assert_int_equal(arc_session_plan(s, &cold, NULL), ARC_OK);
        const long before = heap.requests;
        assert_int_equal(arc_session_plan(s, &hot, NULL), ARC_OK);
        assert_int_equal(heap.requests, before);
    }
    arc_session_free(&s);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

/* A graph written step by step, each of which may run out of memory; false when it did. */
static bool build(arc_graph **out, const arc_alloc *a) {
    static const float weights[4 * 3 * 9] = {0.25f, -0.5f, 1}, four[4] = {1, 2, 3, 4}, positive[4] = {1, 1, 2, 2};
    const arc_shape in = {4, {1, 3, 6, 6}}, w = {4, {4, 3, 3, 3}}, c = {1, {4}}, two = {1, {2}}, dense = {2, {5, 144}};
    static const int64_t flat[2] = {1, -1}, pads[4] = {1, 1, 1, 1};
    static const float matrix[5 * 144] = {1, 2, 3};
    arc_graph *g = NULL;
    *out = NULL;
    if (arc_graph_new(&g, a, 13, NULL) != ARC_OK)
        return false;
    const int x = arc_graph_value(g, "x"), v[] = {arc_graph_constant(g, "w", ARC_F32, &w, weights, false),
                                                  arc_graph_constant(g, "scale", ARC_F32, &c, four, true),
                                                  arc_graph_constant(g, "var", ARC_F32, &c, positive, true),
                                                  arc_graph_constant(g, "flat", ARC_I64, &two, flat, true),
                                                  arc_graph_constant(g, "matrix", ARC_F32, &dense, matrix, false)};
    const int y[] = {arc_graph_value(g, "y0"), arc_graph_value(g, "y1"), arc_graph_value(g, "y2"),
                     arc_graph_value(g, "y3"), arc_graph_value(g, "y4"), arc_graph_value(g, "y5")};
    bool ok = x >= 0 && arc_graph_add_input(g, x, ARC_F32, &in) == ARC_OK;
    for (size_t i = 0; i < ARC_COUNT(v); i++)
        ok = ok && v[i] >= 0;
    for (size_t i = 0; i < ARC_COUNT(y); i++)
        ok = ok && y[i] >= 0;
    arc_node *n = ok ? arc_graph_node(g, "Conv", "conv", 2, (int[]){x, v[0]}, 1, &y[0]) : NULL;
    ok = n && arc_node_ints(g, n, "pads", 4, pads) == ARC_OK;
    ok = ok && arc_graph_node(g, "BatchNormalization", "bn", 5, (int[]){y[0], v[1], v[1], v[1], v[2]}, 1, &y[1]);
    ok = ok && arc_graph_node(g, "Relu", "act", 1, &y[1], 1, &y[2]);
    ok =
        ok && arc_graph_node(g, "Add", "twice", 2, (int[]){v[3], v[3]}, 1, &y[5]); /* folded: [2,-2] + nothing reads it but Sub */
    ok = ok && arc_graph_node(g, "Sub", "once", 2, (int[]){y[5], v[3]}, 1, &y[4]);
    ok = ok && arc_graph_node(g, "Reshape", "rows", 2, (int[]){y[2], y[4]}, 1, &y[3]);
    const int last = ok ? arc_graph_value(g, "last") : ARC_NO_VALUE;
    n = last >= 0 ? arc_graph_node(g, "Gemm", "fc", 2, (int[]){y[3], v[4]}, 1, &last) : NULL;
    ok = n && arc_node_int(g, n, "transB", 1) == ARC_OK && arc_graph_add_output(g, last) == ARC_OK &&
         arc_graph_set_meta(g, "k", "v") == ARC_OK;
    if (!ok)
        arc_graph_free(&g);
    *out = g;
    return ok;
}

static arc_status everything(arc_test_heap *heap, float result[5]) {
    const arc_settings settings = arc_test_settings(heap, 2);
    arc_context *ctx = NULL;
    arc_graph *g = NULL;
    arc_session *s = NULL;
    arc_error err;
    float x[108];
    for (int i = 0; i < 108; i++)
        x[i] = (float)(i % 7) - 3;
    arc_tensor in = {.dtype = ARC_F32, .shape = {4, {1, 3, 6, 6}}, .data = x}, out;
    arc_graph_cost cost;
    arc_status st = arc_context_open(&ctx, &settings, &err);
    if (st == ARC_OK && !build(&g, &settings.alloc))
        st = ARC_ENOMEM;
    if (st == ARC_OK)
        st = arc_graph_check(g, &err);
    if (st == ARC_OK)
        st = arc_graph_cost_of(g, &in.shape, &cost, &err);
    if (st == ARC_OK)
        st = arc_session_new(&s, ctx, g, NULL, &err);
    if (st == ARC_OK)
        st = arc_session_plan(s, &in.shape, &err);
    if (st == ARC_OK)
        st = arc_session_run(s, &in, &out, &err);
    if (st == ARC_OK)
        memcpy(result, out.data, 5 * sizeof *result);
    if (s && st != ARC_OK) /* and once more: what failed before must not have left half a plan */
        assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_ENOMEM);
    arc_session_free(&s);
    arc_graph_free(&g);
    arc_context_close(&ctx);
    return st;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    float want[5], got[5];
    arc_test_heap heap = {0};
    arc_test_walk walk = {.heap = &heap};
    assert_int_equal(everything(&heap, want), ARC_OK); /* where the processor is unknown this measures it, the next ones do not */
    assert_int_equal(heap.live, 0);
    do
        arc_test_walk_begin(&walk);
    while (arc_test_walk_again(&walk, everything(&heap, got)));
    assert_true(walk.failures > 20);
    assert_memory_equal(got, want, sizeof want);
}

/* Growing for a larger input fails; the smaller one still runs afterwards. */
static void a_session_survives_a_failed_plan(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc alloc = arc_test_heap_alloc(&heap);
    arc_context *ctx = arc_test_context(&heap, 1);
    net t;
    net_new(&t, &alloc, 1);
    net_done(&t, net_conv(&t, net_input(&t, "x", net_shape(4, -1, 3, -1, -1)), (net_conv_spec){3, 8, 3, 1, 1, 1, true}));
    float *x = net_floats(1, 2 * 3 * 1600);
    arc_tensor small = {.dtype = ARC_F32, .shape = {4, {1, 3, 8, 8}}, .data = x}, out;
    arc_tensor large = {.dtype = ARC_F32, .shape = {4, {2, 3, 40, 40}}, .data = x};
    float want[8 * 64];
    for (long nth = 1;; nth++) { /* no arc_test_walk: the session goes on after the failure */
        arc_session *s;
        assert_int_equal(arc_session_new(&s, ctx, t.g, NULL, NULL), ARC_OK);
        assert_int_equal(arc_session_run(s, &small, &out, NULL), ARC_OK);
        memcpy(want, out.data, sizeof want);
        heap.fail_at = heap.requests + nth;
        const arc_status st = arc_session_run(s, &large, &out, NULL);
        heap.fail_at = 0;
        assert_int_equal(arc_session_run(s, &small, &out, NULL), ARC_OK);
        assert_memory_equal(out.data, want, sizeof want);
        assert_int_equal(arc_session_run(s, &large, &out, NULL), ARC_OK);
        arc_session_free(&s);
        if (st == ARC_OK)
            break;
        assert_int_equal(st, ARC_ENOMEM);
    }
    free(x);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

/* ---- blocks that end where they end ---------------------------------------------------------------------------------------- */

enum { GUARD = 64 }; /* bytes behind a block that nobody may write */

static void *guarded_get(void *ctx, size_t align, size_t bytes) {
    uint8_t *p = NULL;
    const size_t front = align < GUARD ? GUARD : align; /* its size stands in front of it */
    (void)ctx;
    if (posix_memalign((void **)&p, front, front + bytes + GUARD) != 0)
        return NULL;
    memset(p, 0xa5, front + bytes + GUARD);
    p += front;
    memcpy(p - sizeof bytes, &bytes, sizeof bytes);
    memcpy(p - sizeof bytes - sizeof front, &front, sizeof front);
    return p;
}

static void guarded_put(void *ctx, void *block) {
    uint8_t *p = block;
    size_t bytes, front;
    (void)ctx;
    if (!p)
        return;
    memcpy(&bytes, p - sizeof bytes, sizeof bytes);
    memcpy(&front, p - sizeof bytes - sizeof front, sizeof front);
    for (size_t i = 0; i < GUARD; i++)
        if (p[bytes + i] != 0xa5)
            fail_msg("byte %zu behind a block of %zu was written", i, bytes);
    free(p - front);
}

/* A step that changes a layout goes between a layer's step and the list of a plan, which grows in powers of two: each number of
 * steps around those. */
static void every_number_of_steps_has_room(void **state) {
    (void)state;
    arc_settings settings = arc_test_settings(NULL, 1);
    settings.alloc = (arc_alloc){.get = guarded_get, .put = guarded_put};
    arc_context *ctx = arc_test_open(&settings);
    const arc_shape shape = {4, {1, 4, 3, 3}};
    for (int layers = 56; layers <= 136; layers += layers == 72 ? 48 : 1) {
        net t;
        arc_session *s = NULL;
        arc_plan_stats stats;
        const arc_session_options options = {.no_passes = true};
        net_new(&t, &settings.alloc, 1);
        int x = net_input(&t, "x", shape);
        for (int i = 0; i < layers; i++)
            x = net_node(&t, "Relu", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
        net_done(&t, net_conv(&t, x, (net_conv_spec){4, 4, 1, 1, 0, 1, false}));
        assert_int_equal(arc_session_new(&s, ctx, t.g, &options, NULL), ARC_OK);
        assert_int_equal(arc_session_plan(s, &shape, NULL), ARC_OK);
        assert_int_equal(arc_session_stats(s, &stats), ARC_OK);
        assert_int_equal(stats.steps, layers + 3);
        arc_session_free(&s);
        arc_graph_free(&t.g);
    }
    arc_context_close(&ctx);
}

/* An input of one pixel is the same bytes in both layouts, its pool with padding is not. */
static void an_input_of_one_pixel_spreads(void **state) {
    (void)state;
    enum { CHANNELS = 5, WINDOWS = 4 };
    static const int64_t two[] = {2, 2}, pads[] = {1, 1, 1, 1};
    arc_context *ctx = arc_test_context(NULL, 1);
    net t;
    arc_node *n;
    net_new(&t, &arc_alloc_libc, 1);
    const arc_shape shape = {4, {2, CHANNELS, 1, 1}};
    const int y = net_node(&t, "MaxPool", net_input(&t, "x", shape), ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t.g, n, "kernel_shape", 2, two), ARC_OK);
    assert_int_equal(arc_node_ints(t.g, n, "pads", 4, pads), ARC_OK);
    net_done(&t, y);
    float *x = net_floats(1, 2 * CHANNELS);
    arc_tensor out;
    float *got = net_run(ctx, t.g, false, shape, x, &out, NULL);
    assert_int_equal(arc_shape_count(&out.shape), 2 * CHANNELS * WINDOWS);
    for (int i = 0; i < 2 * CHANNELS * WINDOWS; i++)
        assert_true(got[i] == x[i / WINDOWS]);
    free(got);
    free(x);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planned_run_allocates_nothing), cmocka_unit_test(plans_in_use_stay),
        cmocka_unit_test(every_allocation_may_fail),       cmocka_unit_test(a_session_survives_a_failed_plan),
        cmocka_unit_test(every_number_of_steps_has_room),  cmocka_unit_test(an_input_of_one_pixel_spreads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
