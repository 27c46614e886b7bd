/* Farthest-point order: choices that can be made by hand, what decides between equals, rows that are too much alike, threads. */
#include "support.h"
#include "vector/farthest.h"
#include <math.h>
#include <string.h>

enum { PLANE = 2 };

/* Unit vectors of the plane, by their degrees. */
static void directions(const double *degrees, int count, float *row) {
    for (int i = 0; i < count; i++) {
        row[PLANE * i] = (float)cos(degrees[i] * 3.14159265358979323846 / 180);
        row[PLANE * i + 1] = (float)sin(degrees[i] * 3.14159265358979323846 / 180);
    }
}

/* All rows together point to 31 degrees. The nearest row, 60, is first; 180 is 120 degrees from it, 310 only 110; then 310 is 110
 * from 60 and 0 only 60; 0 is next; 61 is one degree from 60, cosine 0.9998, and never comes. */
static void test_by_hand(void **state) {
    (void)state;
    static const double degrees[] = {0, 60, 180, 61, 310};
    static const int32_t wanted[] = {1, 2, 4, 0};
    float row[5 * PLANE];
    int32_t chosen[5], found, left_out;
    arc_context *ctx = arc_test_context(NULL, 2);
    directions(degrees, 5, row);
    arc_farthest f = {.row = row, .rows = 5, .dim = PLANE, .alike = 0.99f};
    assert_int_equal(arc_farthest_choose(ctx, &f, 5, chosen, &found, &left_out, NULL), ARC_OK);
    assert_int_equal(found, 4);
    assert_memory_equal(chosen, wanted, sizeof wanted);
    assert_int_equal(left_out, 1);
    assert_int_equal(arc_farthest_choose(ctx, &f, 2, chosen, &found, &left_out, NULL), ARC_OK);
    assert_int_equal(found, 2);
    assert_int_equal(left_out, 1);
    f.alike = 1.1f;
    assert_int_equal(arc_farthest_choose(ctx, &f, 5, chosen, &found, &left_out, NULL), ARC_OK);
    assert_int_equal(found, 5);
    assert_int_equal(chosen[4], 3);
    assert_int_equal(left_out, 0);
    arc_context_close(&ctx);
}

/* All rows together point a little below 0 degrees, so 359 is first. 180 and 184 are as far from it within the band: the one
 * whose trait is farther from the first's is taken. Without a band the farther direction is. */
static void test_traits(void **state) {
    (void)state;
    static const double degrees[] = {1, 0, 359, 180, 184};
    static const float trait[] = {0, 0, 0, 0.1f, 0.9f};
    float row[5 * PLANE];
    int32_t chosen[2], found, left_out;
    arc_context *ctx = arc_test_context(NULL, 1);
    directions(degrees, 5, row);
    arc_farthest f = {.row = row, .trait = trait, .traits = 1, .rows = 5, .dim = PLANE, .band = 0.01f, .alike = 0.99f};
    assert_int_equal(arc_farthest_choose(ctx, &f, 2, chosen, &found, &left_out, NULL), ARC_OK);
    assert_int_equal(found, 2);
    assert_int_equal(chosen[1], 4);
    f.band = 0;
    assert_int_equal(arc_farthest_choose(ctx, &f, 2, chosen, &found, &left_out, NULL), ARC_OK);
    assert_int_equal(chosen[1], 3);
    arc_context_close(&ctx);
}

/* Against the definition, computed anew for every choice, and with any number of threads. */
static void test_against_definition(void **state) {
    (void)state;
    enum { ROWS = 300, DIM = 24, COUNT = 40 };
    static float row[ROWS * DIM];
    int32_t chosen[COUNT], again[COUNT], found, left_out;
    arc_rng rng;
    arc_rng_seed(&rng, 7, 1);
    for (int i = 0; i < ROWS; i++) {
        double sum = 0;
        for (int k = 0; k < DIM; k++) {
            row[i * DIM + k] = arc_rng_normal(&rng);
            sum += (double)row[i * DIM + k] * (double)row[i * DIM + k];
        }
        for (int k = 0; k < DIM; k++)
            row[i * DIM + k] /= (float)sqrt(sum);
    }
    arc_context *one = arc_test_context(NULL, 1), *many = arc_test_context(NULL, 7);
    const arc_farthest f = {.row = row, .rows = ROWS, .dim = DIM, .alike = 2};
    assert_int_equal(arc_farthest_choose(one, &f, COUNT, chosen, &found, &left_out, NULL), ARC_OK);
    assert_int_equal(found, COUNT);
    assert_int_equal(arc_farthest_choose(many, &f, COUNT, again, &found, &left_out, NULL), ARC_OK);
    assert_memory_equal(chosen, again, sizeof chosen);
    for (int n = 1; n < COUNT; n++) {
        double least = 2, own = 2;
        for (int i = 0; i < ROWS; i++) {
            double most = -2;
            for (int j = 0; j < n; j++) {
                double dot = 0;
                for (int k = 0; k < DIM; k++)
                    dot += (double)row[i * DIM + k] * (double)row[chosen[j] * DIM + k];
                most = fmax(most, dot);
            }
            least = fmin(least, most);
            own = i == chosen[n] ? most : own;
        }
        assert_true(own <= least + 1e-6);
    }
    arc_context_close(&one);
    arc_context_close(&many);
}

static int cancel(void *ctx, int64_t done, int64_t total) {
    (void)total;
    return ++*(int *)ctx == 2 && done == 2;
}

static void test_ends(void **state) {
    (void)state;
    static const float row[] = {1, 0, 0, 1};
    int32_t chosen[2], found = 9, left_out = 9;
    int calls = 0;
    arc_error err = {0};
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_farthest f = {.row = row, .rows = 0, .dim = PLANE, .alike = 1};
    assert_int_equal(arc_farthest_choose(ctx, &f, 2, chosen, &found, &left_out, NULL), ARC_OK);
    assert_int_equal(found, 0);
    f.rows = 2;
    f.progress = cancel;
    f.progress_ctx = &calls;
    assert_int_equal(arc_farthest_choose(ctx, &f, 2, chosen, &found, &left_out, &err), ARC_ECANCEL);
    arc_context_close(&ctx);
}

static void test_failing_memory(void **state) {
    (void)state;
    static const float row[] = {1, 0, 0, 1};
    int32_t chosen[2], found, left_out;
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1);
    const arc_farthest f = {.row = row, .rows = 2, .dim = PLANE, .alike = 1};
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_test_walk_begin(&walk);
        st = arc_farthest_choose(ctx, &f, 2, chosen, &found, &left_out, NULL);
    } while (arc_test_walk_again(&walk, st));
    assert_int_equal(found, 2);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_traits),         cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_ends),    cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
