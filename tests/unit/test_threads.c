/* The same bits for any number of threads, on every instruction set of this machine. */
#include "net_support.h"
#include <string.h>

/* Convolutions (dense, strided, depthwise), normalisation that can't be folded, pooling, matrices: every kind of parallel
 * loop. */
static void build(net *t) {
    net_new(t, &arc_alloc_libc, 5);
    int x = net_input(t, "x", net_shape(4, 2, 3, 24, 24));
    x = net_prelu(t, net_batch_norm(t, net_conv(t, x, (net_conv_spec){3, 24, 3, 1, 1, 1, false}), 24), 24);
    x = net_prelu(t, net_batch_norm(t, net_conv(t, x, (net_conv_spec){24, 24, 3, 2, 1, 24, false}), 24), 24);
    x = net_node(t, "Sigmoid", net_batch_norm(t, x, 24), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int y = net_conv(t, net_batch_norm(t, x, 24), (net_conv_spec){24, 24, 3, 1, 1, 2, true});
    x = net_node(t, "Add", x, y, ARC_NO_VALUE, NULL);
    x = net_node(t, "Flatten", net_batch_norm(t, x, 24), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    x = net_batch_norm(t, net_gemm(t, x, 24 * 12 * 12, 70, true), 70);
    net_done(t, net_node(t, "Softmax", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL));
}

static void bits_do_not_depend_on_threads(void **state) {
    (void)state;
    static const char *const levels[] = {"generic", "avx2", "avx512", "neon"};
    const arc_shape shape = {4, {2, 3, 24, 24}};
    float *x = net_floats(2, (size_t)arc_shape_count(&shape)), *first = NULL;
    net t;
    build(&t);
    for (size_t level = 0; level < ARC_COUNT(levels); level++) {
        float *alone = NULL;
        for (int threads = 1; threads <= 16; threads++) {
            arc_context *ctx = arc_test_context_isa(NULL, threads, levels[level]);
            const bool here = strcmp(arc_context_isa(ctx), levels[level]) == 0;
            assert_int_equal(arc_context_threads(ctx), threads);
            for (int no_passes = 0; here && no_passes < 2; no_passes++) {
                float *y = net_run(ctx, t.g, no_passes, shape, x, NULL, NULL);
                if (alone && !no_passes)
                    assert_memory_equal(y, alone, 140 * sizeof *y);
                if (first)
                    assert_true(arc_test_max_error(y, first, 140) < 1e-5); /* levels differ in rounding only */
                else
                    first = y;
                if (!no_passes && !alone)
                    alone = y;
                else if (y != first)
                    free(y);
            }
            arc_context_close(&ctx);
        }
        if (alone != first)
            free(alone);
    }
    free(first);
    free(x);
    arc_graph_free(&t.g);
}

/* Sessions of one graph in one context take turns at the pool and do not disturb each other. */
static void sessions_share_a_context(void **state) {
    (void)state;
    const arc_shape shape = {4, {2, 3, 24, 24}};
    float *x = net_floats(2, (size_t)arc_shape_count(&shape)), *z = net_floats(3, (size_t)arc_shape_count(&shape));
    net t;
    build(&t);
    arc_context *ctx = arc_test_context(NULL, 4);
    arc_session *a, *b;
    arc_tensor in_a = {.dtype = ARC_F32, .shape = shape, .data = x}, in_b = {.dtype = ARC_F32, .shape = shape, .data = z}, out_a,
               out_b;
    float *want_a = net_run(ctx, t.g, false, shape, x, NULL, NULL), *want_b = net_run(ctx, t.g, false, shape, z, NULL, NULL);
    assert_int_equal(arc_session_new(&a, ctx, t.g, NULL, NULL), ARC_OK);
    assert_int_equal(arc_session_new(&b, ctx, t.g, NULL, NULL), ARC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(arc_session_run(a, &in_a, &out_a, NULL), ARC_OK);
        assert_int_equal(arc_session_run(b, &in_b, &out_b, NULL), ARC_OK);
        assert_memory_equal(out_a.data, want_a, 140 * sizeof(float));
        assert_memory_equal(out_b.data, want_b, 140 * sizeof(float));
    }
    arc_session_free(&a);
    arc_session_free(&b);
    arc_context_close(&ctx);
    arc_graph_free(&t.g);
    free(want_a);
    free(want_b);
    free(x);
    free(z);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(sessions_share_a_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
