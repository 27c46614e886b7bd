/* Which level is chosen, and the slots over rows and elements of every level against double. */
#include "kernel_support.h"

/* ---- rows and elements ----------------------------------------------------------------------------------------------------- */

static void rows_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 70; n++) {
        const size_t m = 1 + n % 4;
        const float *x = random_floats(0, (m - 1) * (n + 2) + n), *scale = random_floats(1, n), *shift = random_floats(2, n);
        float *y = floats(3, m * n);
        for (int kind = 0; kind < 20; kind++) {
            const arc_epilogue e = make_epilogue(kind, m, n);
            k->rows_epilogue(m, n, x, n + 2, y, n, &e);
            for (size_t i = 0; i < m * n; i++)
                CLOSE(k, y[i], finish((double)x[i / n * (n + 2) + i % n], i / n, i % n, &e), 3.0);
        }
        const float *flat = random_floats(0, m * n);
        k->rows_scale_shift(m, n, flat, y, scale, shift);
        for (size_t i = 0; i < m * n; i++)
            CLOSE(k, y[i], (double)flat[i] * (double)scale[i % n] + (double)shift[i % n], 2.0);
        float *in_place = floats(4, m * n);
        memcpy(in_place, flat, m * n * sizeof(float));
        k->rows_scale_shift(m, n, in_place, in_place, scale, shift);
        assert_memory_equal(in_place, y, m * n * sizeof(float));
    }
}

static void reduce_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 70; n++) {
        enum { TAPS = 5 };
        const float *list[TAPS];
        for (int t = 0; t < TAPS; t++)
            list[t] = random_floats(t, n);
        float *y = floats(6, n);
        for (size_t taps = 1; taps <= TAPS; taps++) {
            k->rows_max(taps, n, list, y);
            for (size_t j = 0; j < n; j++) {
                float best = list[0][j];
                for (size_t t = 1; t < taps; t++)
                    best = fmaxf(best, list[t][j]);
                assert_true(y[j] == best);
            }
            k->rows_mean(taps, n, list, 0.25f, y);
            for (size_t j = 0; j < n; j++) {
                double sum = 0;
                for (size_t t = 0; t < taps; t++)
                    sum += (double)list[t][j];
                CLOSE(k, y[j], 0.25 * sum, 2.0);
            }
        }
    }
    for (size_t n = 0; n <= 300; n++) {
        const float *a = random_floats(0, n), *b = random_floats(1, n);
        double sum = 0, size = 1;
        for (size_t i = 0; i < n; i++) {
            sum += (double)a[i] * (double)b[i];
            size += fabs((double)a[i] * (double)b[i]);
        }
        CLOSE(k, k->dot(n, a, b), sum, size);
    }
}

static void element_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 70; n++) {
        const float *a = random_floats(0, n), *b = random_floats(1, n);
        float *y = floats(2, n);
        k->add(n, a, b, y);
        for (size_t i = 0; i < n; i++)
            assert_true(y[i] == a[i] + b[i]);
        k->mul(n, a, b, y);
        for (size_t i = 0; i < n; i++)
            assert_true(y[i] == a[i] * b[i]);
        k->exp(n, a, y);
        for (size_t i = 0; i < n; i++)
            CLOSE(k, y[i], exp((double)a[i]), exp((double)a[i]) / 2);
        k->sigmoid(n, a, y);
        for (size_t i = 0; i < n; i++)
            CLOSE(k, y[i], 1 / (1 + exp(-(double)a[i])), 0.5);
    }
}

typedef void map_fn(size_t n, const float *x, float *y);

/* Largest relative error of a slot over `count` points of [from, to] where the true value is a normal number. */
static double worst_error(map_fn *f, double (*truth)(double), double from, double to, size_t count) {
    enum { CHUNK = 1024 };
    float x[CHUNK], y[CHUNK];
    double worst = 0;
    for (size_t done = 0; done < count; done += CHUNK) {
        for (size_t i = 0; i < CHUNK; i++)
            x[i] = (float)(from + (to - from) * (double)(done + i) / (double)(count + CHUNK));
        f(CHUNK, x, y);
        for (size_t i = 0; i < CHUNK; i++) {
            const double want = truth((double)x[i]);
            if (want >= 1.2e-38 && want <= 3.40282e38)
                worst = fmax(worst, fabs((double)y[i] - want) / want);
            else if (want < 1.2e-38)
                assert_true(fabs((double)y[i] - want) <= 3e-45);
        }
    }
    return worst;
}

static double true_sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void exp_level(const arc_kernels *k) {
    assert_true(worst_error(k->exp, exp, -110, 95, 400000) <= 2e-7);
    assert_true(worst_error(k->exp, exp, -1, 1, 200000) <= 2e-7);
    assert_true(worst_error(k->sigmoid, true_sigmoid, -110, 110, 400000) <= 2e-7);
    assert_true(worst_error(k->sigmoid, true_sigmoid, -4, 4, 200000) <= 2e-7);
    float x[8] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 88.8f, -104.5f, 1e30f}, y[8];
    k->exp(8, x, y);
    assert_true(isnan(y[0]) && isinf(y[1]) && y[2] == 0 && y[3] == 1 && y[4] == 1 && isinf(y[5]) && y[6] == 0 && isinf(y[7]));
    k->sigmoid(8, x, y);
    assert_true(isnan(y[0]) && y[1] == 1 && y[2] == 0 && y[3] == 0.5f && y[4] == 0.5f && y[7] == 1);
}

static void nan_level(const arc_kernels *k) {
    float x[20], y[20];
    for (int i = 0; i < 20; i++)
        x[i] = NAN;
    arc_epilogue e = {.act = ARC_ACT_RELU};
    k->rows_epilogue(1, 20, x, 20, y, 20, &e);
    for (int i = 0; i < 20; i++)
        assert_true(isnan(y[i]));
}

/* ---- reordering ------------------------------------------------------------------------------------------------------------ */

static void reorder_level(const arc_kernels *k) {
    for (size_t rows = 1; rows <= 37; rows += 3)
        for (size_t cols = 1; cols <= 37; cols += 2) {
            const float *x = random_floats(0, (rows - 1) * (cols + 1) + cols);
            float *y = floats(1, (cols - 1) * (rows + 2) + rows);
            k->transpose(rows, cols, x, cols + 1, y, rows + 2);
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < cols; c++)
                    assert_true(y[c * (rows + 2) + r] == x[r * (cols + 1) + c]);
        }
}

LEVEL_TEST(rows)
LEVEL_TEST(reduce)
LEVEL_TEST(element)
LEVEL_TEST(exp)
LEVEL_TEST(nan)
LEVEL_TEST(reorder)

static void test_choice(void **state) {
    (void)state;
    const arc_kernels *best = arc_kernels_get(NULL);
    assert_non_null(best);
    assert_ptr_equal(best, arc_kernels_get(""));
    assert_ptr_equal(arc_kernels_get("generic"), arc_kernels_of(ARC_ISA_GENERIC));
    assert_null(arc_kernels_get("sse9"));
    assert_null(arc_kernels_of((arc_isa)99));
    assert_non_null(arc_kernels_get("avx2"));
    if (arc_kernels_of(ARC_ISA_AVX2))
        assert_int_equal(arc_kernels_get("avx2")->isa, ARC_ISA_AVX2);
    printf("best level here: %s, tile %zux%zu\n", best->name, best->igemm_mr, best->igemm_nr);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),  cmocka_unit_test(test_rows), cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_element), cmocka_unit_test(test_exp),  cmocka_unit_test(test_nan),
        cmocka_unit_test(test_reorder),
    };
    return cmocka_run_group_tests(tests, open_guards, NULL);
}
