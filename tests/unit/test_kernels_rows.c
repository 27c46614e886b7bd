/* The slots of transformers of every level against double: the error function, Gelu by itself and as an epilogue,
 * LayerNormalization and softmax of rows. */
#include "kernel_support.h"
#include <math.h>

static double true_gelu(double x) {
    return 0.5 * x * erfc(-0.70710678118654752440 * x);
}

static double true_gelu_tanh(double x) {
    return x / (1 + exp(-1.59576912160573071176 * (x + 0.044715 * x * x * x)));
}

typedef void map_fn(size_t n, const float *x, float *y);

/* Largest error of a slot over [from, to], in units of |x| or (relative) of the true value. */
static double worst_error(map_fn *f, double (*truth)(double), double from, double to, bool relative) {
    enum { CHUNK = 1000, CHUNKS = 200 };
    float x[CHUNK], y[CHUNK];
    double worst = 0;
    for (int c = 0; c < CHUNKS; c++) {
        for (int i = 0; i < CHUNK; i++)
            x[i] = (float)(from + (to - from) * (c * CHUNK + i) / (CHUNK * CHUNKS));
        f(CHUNK, x, y);
        for (int i = 0; i < CHUNK; i++) {
            const double want = truth((double)x[i]), size = fabs(relative ? want : (double)x[i]);
            assert_true(isfinite(y[i]));
            worst = fmax(worst, size > 0 ? fabs((double)y[i] - want) / size : fabs((double)y[i]));
        }
    }
    return worst;
}

static void smooth_level(const arc_kernels *k) {
    assert_true(worst_error(k->erf, erf, -1.2, 1.2, true) <= 3e-7);
    assert_true(worst_error(k->erf, erf, -12, 12, true) <= 3e-7);
    assert_true(worst_error(k->gelu, true_gelu, -2, 2, false) <= 2e-7);
    assert_true(worst_error(k->gelu, true_gelu, -40, 40, false) <= 2e-7);
    assert_true(worst_error(k->gelu_tanh, true_gelu_tanh, -2, 2, false) <= 2e-7);
    assert_true(worst_error(k->gelu_tanh, true_gelu_tanh, -40, 40, false) <= 2e-7);
    for (size_t n = 1; n <= 70; n++) { /* nothing past the end, and the same bits wherever an element lies */
        const float *x = random_floats(0, n);
        float *y = floats(1, n), *in_place = floats(2, n), one;
        map_fn *const f[] = {k->erf, k->gelu, k->gelu_tanh};
        for (size_t i = 0; i < 3; i++) {
            memcpy(in_place, x, n * sizeof *x);
            f[i](n, x, y);
            f[i](n, in_place, in_place);
            assert_memory_equal(in_place, y, n * sizeof *x);
            for (size_t j = 0; j < n; j++) {
                f[i](1, x + j, &one);
                assert_true(one == y[j]);
            }
        }
    }
}

static void extremes_level(const arc_kernels *k) {
    const float x[6] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0.0f};
    float y[6];
    k->erf(6, x, y);
    assert_true(isnan(y[0]) && y[1] == 1 && y[2] == -1 && y[3] == 1 && y[4] == -1 && y[5] == 0);
    k->gelu(6, x, y);
    assert_true(isnan(y[0]) && y[1] == INFINITY && y[2] == 0 && y[3] == 3e38f && y[4] == 0 && y[5] == 0);
    k->gelu_tanh(6, x, y);
    assert_true(isnan(y[0]) && y[1] == INFINITY && y[2] == 0 && y[3] == 3e38f && y[4] == 0 && y[5] == 0);
}

/* rows_epilogue and every tile with a Gelu: what the slot makes of the sums, bit for bit. */
static void epilogue_level(const arc_kernels *k) {
    static const arc_act acts[] = {ARC_ACT_GELU, ARC_ACT_GELU_TANH};
    const size_t kc = 5, mr = k->igemm_mr, nr = k->igemm_nr;
    const float *row[ARC_IGEMM_MAX_MR], *w = random_floats(0, nr * kc);
    float *panel = floats(1, nr * kc);
    for (size_t i = 0; i < mr; i++)
        row[i] = random_floats(10 + (int)i, kc);
    for (size_t m = 1; m <= mr; m++)
        for (size_t n = 1; n <= nr; n++) {
            float *sums = floats(2, m * n), *y = floats(3, m * n), *rows = floats(4, m * n);
            const arc_epilogue none = {.act = ARC_ACT_NONE};
            arc_igemm_pack_panel(k, n, 0, kc, 1, w, kc, kc, 1, NULL, NULL, panel);
            k->igemm(m, n, kc, 1, row, panel, sums, n, &none);
            for (size_t kind = 0; kind < 8; kind++) {
                arc_epilogue e = {.act = acts[kind % 2], .residual_stride = n};
                e.bias = kind & 2 ? random_floats(30, n) : NULL;
                e.residual = kind & 4 ? random_floats(31, m * n) : NULL;
                k->igemm(m, n, kc, 1, row, panel, y, n, &e);
                k->rows_epilogue(m, n, sums, n, rows, n, &e);
                assert_memory_equal(rows, y, m * n * sizeof *y);
                for (size_t i = 0; i < m * n; i++) {
                    float x = sums[i] + (e.bias ? e.bias[i % n] : 0), want;
                    x = e.residual ? x + e.residual[i] : x;
                    (e.act == ARC_ACT_GELU ? k->gelu : k->gelu_tanh)(1, &x, &want);
                    CLOSE(k, y[i], want, 0.5);
                }
            }
        }
}

static void check_layer_norm(const arc_kernels *k, size_t m, size_t n, float offset, int kind) {
    float *x = random_floats(0, m * n), *y = floats(1, m * n), *mean = floats(2, m), *factor = floats(3, m);
    arc_layer_norm l = {random_floats(4, n), kind & 1 ? random_floats(5, n) : NULL, 1e-5f, kind & 2, mean, factor};
    for (size_t i = 0; i < m * n; i++)
        x[i] += offset;
    k->rows_layer_norm(m, n, x, &l, y);
    for (size_t i = 0; i < m; i++) {
        double sum = 0, square = 0;
        for (size_t j = 0; j < n && !l.rms; j++)
            sum += (double)x[i * n + j];
        sum /= (double)n;
        for (size_t j = 0; j < n; j++)
            square += ((double)x[i * n + j] - sum) * ((double)x[i * n + j] - sum);
        const double f = 1 / sqrt(square / (double)n + 1e-5);
        CLOSE(k, mean[i], sum, 1 + fabs(sum));
        CLOSE(k, factor[i], f, f * (1 + f * fabs((double)offset)));
        for (size_t j = 0; j < n; j++)
            CLOSE(k, y[i * n + j], ((double)x[i * n + j] - sum) * f * (double)l.scale[j] + (l.shift ? (double)l.shift[j] : 0),
                  4 + f * fabs((double)offset));
    }
    float *again = floats(6, m * n);
    memcpy(again, x, m * n * sizeof *x);
    l.mean = l.factor = NULL;
    k->rows_layer_norm(m, n, again, &l, again); /* in place */
    assert_memory_equal(again, y, m * n * sizeof *y);
    for (size_t i = 0; i < m; i++) { /* a row has its bits whatever the others are */
        k->rows_layer_norm(1, n, x + i * n, &l, again);
        assert_memory_equal(again, y + i * n, n * sizeof *y);
    }
}

static void layer_norm_level(const arc_kernels *k) {
    for (int kind = 0; kind < 4; kind++) {
        for (size_t n = 1; n <= 140; n++)
            check_layer_norm(k, 1 + n % 4, n, n % 3 == 0 ? 5.0f : 0.0f, kind);
        check_layer_norm(k, 2, 384, 0.5f, kind);
        check_layer_norm(k, 2, 10007, -2.0f, kind); /* longer than what is summed in float */
    }
}

static void softmax_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 140; n++)
        for (int kind = 0; kind < 3; kind++) {
            const size_t m = 1 + n % 4, stride = n + 2;
            const float scale = kind == 0 ? 1.0f : kind == 1 ? 0.125f : 30.0f;
            float *x = random_floats(0, (m - 1) * stride + n), *y = floats(1, m * n), *again = floats(2, n);
            if (kind == 2 && n > 2)
                x[n / 2] = -INFINITY;
            k->rows_softmax(m, n, x, stride, scale, y, n);
            for (size_t i = 0; i < m; i++) {
                double total = 0, most = -INFINITY;
                for (size_t j = 0; j < n; j++)
                    most = fmax(most, (double)x[i * stride + j]);
                for (size_t j = 0; j < n; j++)
                    total += exp((double)scale * ((double)x[i * stride + j] - most));
                for (size_t j = 0; j < n; j++) {
                    const double want = exp((double)scale * ((double)x[i * stride + j] - most)) / total;
                    CLOSE(k, y[i * n + j], want, want * (2 + (double)scale / 4));
                }
                memcpy(again, x + i * stride, n * sizeof *again);
                k->rows_softmax(1, n, again, n, scale, again, n);
                assert_memory_equal(again, y + i * n, n * sizeof *again);
            }
        }
    float x[40], y[40];
    for (int at = 0; at < 40; at += 13)
        for (int kind = 0; kind < 3; kind++) {
            for (int j = 0; j < 40; j++)
                x[j] = kind == 2 ? -INFINITY : (float)j;
            x[at] = kind == 0 ? NAN : kind == 1 ? INFINITY : x[at];
            k->rows_softmax(1, 40, x, 40, 1, y, 40);
            assert_true(isnan(y[0]) && isnan(y[at]) && isnan(y[39]));
        }
}

LEVEL_TEST(smooth)
LEVEL_TEST(extremes)
LEVEL_TEST(epilogue)
LEVEL_TEST(layer_norm)
LEVEL_TEST(softmax)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smooth),     cmocka_unit_test(test_extremes), cmocka_unit_test(test_epilogue),
        cmocka_unit_test(test_layer_norm), cmocka_unit_test(test_softmax),
    };
    return cmocka_run_group_tests(tests, open_guards, NULL);
}
