/* Linear maps of embeddings: a map that is known is found again, the normal equations hold, noise is damped, nothing to learn
 * from is refused. */
#include "shared_context.h"

#include "vector/ridge.h"
#include <string.h>

enum { IN = 24, OUT = 17, PAIRS = 200 };

static float x[PAIRS * IN], y[PAIRS * OUT], truth[IN * OUT], found[IN * OUT];

static void draw(float *to, int count, uint64_t seed) {
    arc_rng rng;
    arc_rng_seed(&rng, seed, 0);
    for (int i = 0; i < count; i++)
        to[i] = arc_rng_normal(&rng);
}

static void make_pairs(float noise) {
    draw(x, PAIRS * IN, 1);
    draw(truth, IN * OUT, 2);
    draw(y, PAIRS * OUT, 3);
    for (int n = 0; n < PAIRS; n++)
        for (int j = 0; j < OUT; j++) {
            double sum = noise * y[n * OUT + j];
            for (int i = 0; i < IN; i++)
                sum += (double)x[n * IN + i] * (double)truth[i * OUT + j];
            y[n * OUT + j] = (float)sum;
        }
}

static void solve(arc_context *on, double lambda, float *map) {
    arc_ridge r;
    assert_int_equal(arc_ridge_begin(&r, on, IN, OUT, NULL), ARC_OK);
    arc_ridge_add(&r, x, y, PAIRS / 2);
    arc_ridge_add(&r, x + PAIRS / 2 * IN, y + PAIRS / 2 * OUT, PAIRS / 2);
    assert_int_equal(arc_ridge_solve(&r, lambda, map, NULL), ARC_OK);
    arc_ridge_end(&r);
    arc_ridge_end(&r);
}

static void finds_the_map(void **state) {
    (void)state;
    make_pairs(0);
    solve(ctx, 1e-12, found);
    for (int i = 0; i < IN * OUT; i++)
        assert_float_equal(found[i], truth[i], 1e-5);
    float out[OUT], length = 0;
    arc_ridge_map(found, IN, OUT, x, out);
    for (int j = 0; j < OUT; j++)
        length += out[j] * out[j];
    assert_float_equal(length, 1, 1e-6);
    assert_float_equal(out[3] / out[5], y[3] / y[5], 1e-4);
    memset(out, 1, sizeof out);
    const float zero[IN] = {0};
    arc_ridge_map(found, IN, OUT, zero, out);
    for (int j = 0; j < OUT; j++)
        assert_float_equal(out[j], 0, 0);
}

/* The gradient of what is least: X'(X W - Y) + c W = 0. */
static void least(void **state) {
    (void)state;
    float *one = calloc(IN * OUT, sizeof *one);
    double trace = 0;
    make_pairs(0.5F);
    solve(ctx, 0.3, found);
    for (int i = 0; i < PAIRS * IN; i++)
        trace += (double)x[i] * (double)x[i];
    for (int i = 0; i < IN; i++)
        for (int j = 0; j < OUT; j++) {
            double sum = 0.3 * trace / IN * (double)found[i * OUT + j];
            for (int n = 0; n < PAIRS; n++) {
                double e = -(double)y[n * OUT + j];
                for (int k = 0; k < IN; k++)
                    e += (double)x[n * IN + k] * (double)found[k * OUT + j];
                sum += (double)x[n * IN + i] * e;
            }
            assert_float_equal(sum, 0, 1e-2); /* of sums of about 200; the map is rounded to float */
        }
    arc_context *single = arc_test_context(NULL, 1); /* the same bits on one thread */
    solve(single, 0.3, one);
    assert_memory_equal(one, found, sizeof found);
    arc_context_close(&single);
    free(one);
}

static void refused(void **state) {
    (void)state;
    arc_ridge r;
    const float zero[IN] = {0}, wrong[IN] = {(float)NAN};
    assert_int_equal(arc_ridge_begin(&r, ctx, IN, OUT, NULL), ARC_OK);
    assert_int_equal(arc_ridge_solve(&r, 0.1, found, NULL), ARC_EINVAL);
    arc_ridge_add(&r, zero, y, 1);
    assert_int_equal(arc_ridge_solve(&r, 0.1, found, NULL), ARC_EINVAL);
    arc_ridge_add(&r, wrong, y, 1);
    assert_int_equal(arc_ridge_solve(&r, 0.1, found, NULL), ARC_EINVAL);
    arc_ridge_end(&r);
    arc_test_heap heap = {0};
    arc_context *small = arc_test_context(&heap, 1);
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_test_walk_begin(&walk);
        st = arc_ridge_begin(&r, small, IN, OUT, NULL);
        if (st == ARC_OK) {
            arc_ridge_add(&r, x, y, PAIRS);
            st = arc_ridge_solve(&r, 0.1, found, NULL);
            arc_ridge_end(&r);
        }
    } while (arc_test_walk_again(&walk, st));
    assert_int_equal(walk.failures, 4);
    arc_context_close(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_map), cmocka_unit_test(least), cmocka_unit_test(refused)};
    return cmocka_run_group_tests_name("ridge", tests, open_context, close_context);
}
