/* The slots of learning at every kernel level against double, on buffers that end where an unreadable page begins. */
#include "kernel_support.h"

/* Numbers that bfloat16 holds, so that both stores have the same input. */
static float *random_halves(int slot, size_t n) {
    float *x = random_floats(slot, n);
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = (uint32_t)arc_bf16(x[i]) << 16;
        memcpy(&x[i], &bits, sizeof bits);
    }
    return x;
}

/* The same in a store of its own. */
static void *stored(int slot, arc_store store, const float *x, size_t n) {
    if (store == ARC_STORE_F32)
        return memcpy(guarded(slot, n * sizeof *x), x, n * sizeof *x);
    uint16_t *y = guarded(slot, n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = arc_bf16(x[i]);
    return y;
}

static double at(arc_store store, const void *x, size_t i) {
    if (store == ARC_STORE_F32)
        return (double)((const float *)x)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)x)[i] << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return (double)y;
}

/* Within rounding of the store. */
#define NEAR(k, store, got, want, size)                                                                                          \
    do {                                                                                                                         \
        const double g_ = (got), w_ = (want), s_ = (size);                                                                       \
        if (!(fabs(g_ - w_) <= (store == ARC_STORE_BF16 ? 4e-3 * fabs(w_) : 0) + 1e-6 * s_ + 1e-30))                             \
            fail_msg("%s: got %.9g, want %.9g", (k)->name, g_, w_);                                                              \
    } while (0)

/* ---- products -------------------------------------------------------------------------------------------------------------- */

static void gemm_tn_level(const arc_kernels *k) {
    enum { COUNT = 9 };
    for (size_t m = 1; m <= k->igemm_mr; m++)
        for (size_t n = 1; n <= k->igemm_nr; n++) {
            const float *a[COUNT];
            for (int p = 0; p < COUNT; p++)
                a[p] = random_floats(p, m + 2);
            const size_t stride = n + 3;
            const float *b = random_floats(20, (COUNT - 1) * stride + n);
            float *c = random_floats(21, (m - 1) * stride + n), before[ARC_IGEMM_MAX_MR * (ARC_IGEMM_MAX_NR + 3)];
            memcpy(before, c, ((m - 1) * stride + n) * sizeof *c);
            const bool add = (m + n) % 2;
            k->gemm_tn(m, n, COUNT, a, 2, b, stride, c, stride, add);
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < (i + 1 < m ? stride : n); j++) {
                    double want = j >= n || add ? (double)before[i * stride + j] : 0;
                    for (int p = 0; j < n && p < COUNT; p++)
                        want += (double)a[p][2 + i] * (double)b[(size_t)p * stride + j];
                    CLOSE(k, c[i * stride + j], want, 10);
                }
        }
}

static void gemm_tn_bf16_level(const arc_kernels *k) {
    enum { PAIRS = 5, M = 14, N = 32 };
    if (!k->gemm_tn_bf16)
        return;
    const float *x = random_halves(0, 2 * PAIRS * M), *y = random_halves(1, 2 * PAIRS * N), *list[PAIRS];
    float *a = floats(2, PAIRS * M), *b = floats(3, PAIRS * N), *c = floats(4, M * N);
    const uint16_t *xh = stored(5, ARC_STORE_BF16, x, 2 * PAIRS * M), *yh = stored(6, ARC_STORE_BF16, y, 2 * PAIRS * N);
    for (int p = 0; p < PAIRS; p++) { /* the last pair is half a pair */
        k->pair_rows(M, xh + 2 * p * M, p + 1 < PAIRS ? xh + (2 * p + 1) * M : NULL, a + p * M);
        k->pair_rows(N, yh + 2 * p * N, yh + (2 * p + 1) * N, b + p * N);
        list[p] = a + p * M;
    }
    k->gemm_tn_bf16(M, N, PAIRS, list, 0, b, N, c, N, false);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double want = 0;
            for (int p = 0; p < 2 * PAIRS - 1; p++)
                want += (double)x[p * M + i] * (double)y[p * N + j];
            CLOSE(k, c[i * N + j], want, 10);
        }
}

/* ---- Winograd -------------------------------------------------------------------------------------------------------------- */

/* sum over tiles of <A^T (G w G^T . B^T x B) A, dy> is linear in x, w and dy: what the transposed transforms say must be the
 * direct convolution's. */
static void winograd_level(const arc_kernels *k) {
    for (int t = 2; t <= 4; t += 2)
        for (size_t channels = 1; channels <= 37; channels += 9) {
            const size_t n = (size_t)t + 2;
            const float *x[36], *dy[16];
            for (size_t i = 0; i < n * n; i++)
                x[i] = random_floats((int)i % 36, channels);
            float *ys = random_floats(36, 16 * channels), *v = floats(37, 36 * channels), *m = floats(38, 36 * channels);
            for (size_t i = 0; i < (size_t)(t * t); i++)
                dy[i] = ys + i * channels;
            float *dw = floats(39, 9 * channels);
            k->winograd_in(t, channels, x, v, channels);
            k->winograd_grad(t, channels, dy, m, channels);
            for (size_t i = 0; i < n * n * channels; i++)
                v[i] *= m[i];
            k->winograd_weights_grad(t, channels, v, channels, dw, channels);
            for (size_t j = 0; j < channels; j++)
                for (size_t q = 0; q < 9; q++) {
                    double want = 0;
                    for (size_t r = 0; r < (size_t)t; r++)
                        for (size_t c = 0; c < (size_t)t; c++)
                            want += (double)x[(r + q / 3) * n + c + q % 3][j] * (double)dy[r * (size_t)t + c][j];
                    CLOSE(k, dw[q * channels + j], want, 100);
                }
        }
}

/* U of the kernel against arc_winograd_pack_panel's, which is made in double. */
static void winograd_weights_level(const arc_kernels *k) {
    for (int t = 2; t <= 4; t += 2)
        for (size_t channels = 1; channels <= k->igemm_nr; channels += 3) {
            const size_t points = (size_t)((t + 2) * (t + 2)), nr = k->igemm_nr;
            float *w = random_floats(0, 9 * channels), *plain = floats(1, 9 * channels), *u = floats(2, points * channels);
            float want[36 * ARC_IGEMM_MAX_NR];
            for (size_t j = 0; j < channels; j++)
                for (size_t q = 0; q < 9; q++)
                    plain[j * 9 + q] = w[q * channels + j];
            k->winograd_weights(t, channels, w, channels, u, channels);
            arc_winograd_pack_panel(k, t, false, channels, 0, 1, plain, NULL, NULL, want, nr);
            for (size_t i = 0; i < points; i++)
                for (size_t j = 0; j < channels; j++)
                    CLOSE(k, u[i * channels + j], (double)want[i * nr + j], 4);
        }
}

/* Floats in, bfloat16 out: nothing but the rounding comes to the float transform, whatever the number of channels. */
static void winograd_rounded_level(const arc_kernels *k) {
    for (int t = 2; t <= 4; t += 2)
        for (size_t channels = 1; channels <= 70; channels += 3) {
            const size_t n = (size_t)t + 2, points = n * n, all = points * channels;
            const float *x[36];
            for (size_t i = 0; i < points; i++)
                x[i] = random_floats((int)i, channels);
            float *want = floats(36, all);
            uint16_t *rounded = guarded(38, all * sizeof *rounded);
            k->winograd_in(t, channels, x, want, channels);
            k->winograd_in_bf16(t, channels, x, rounded, channels);
            for (size_t i = 0; i < all; i++)
                NEAR(k, ARC_STORE_BF16, at(ARC_STORE_BF16, rounded, i), (double)want[i], 1);
        }
}

/* The bfloat16 transforms against the float ones. */
static void winograd_half_level(const arc_kernels *k) {
    enum { CHANNELS = 37 };
    if (!k->winograd_in_half)
        return;
    for (int t = 2; t <= 4; t += 2) {
        const size_t n = (size_t)t + 2, points = n * n, all = points * CHANNELS;
        const float *x[36];
        const uint16_t *h[36];
        for (size_t i = 0; i < points; i++) {
            x[i] = memcpy(malloc(CHANNELS * sizeof(float)), random_halves(39, CHANNELS), CHANNELS * sizeof(float));
            h[i] = stored((int)(i % 36), ARC_STORE_BF16, x[i], CHANNELS);
        }
        float *want = floats(36, all), *pairs = floats(37, all);
        uint16_t *half = guarded(38, all * sizeof *half);
        k->winograd_in(t, CHANNELS, x, want, CHANNELS);
        k->winograd_in_half(t, CHANNELS, h, half, CHANNELS);
        k->winograd_in_pairs(t, CHANNELS, h, NULL, pairs, CHANNELS);
        for (size_t i = 0; i < all; i++) {
            NEAR(k, ARC_STORE_BF16, at(ARC_STORE_BF16, half, i), (double)want[i], 1);
            NEAR(k, ARC_STORE_BF16, at(ARC_STORE_BF16, pairs, 2 * i), (double)want[i], 1);
            assert_true(at(ARC_STORE_BF16, pairs, 2 * i + 1) == 0);
        }
        k->winograd_grad(t, CHANNELS, x, want, CHANNELS);
        k->winograd_grad_pairs(t, CHANNELS, h, h, pairs, CHANNELS);
        for (size_t i = 0; i < 2 * all; i++)
            NEAR(k, ARC_STORE_BF16, at(ARC_STORE_BF16, pairs, i), (double)want[i / 2], 1);
        const float *m = random_floats(36, all);
        const size_t pixels = (size_t)(t * t) * CHANNELS;
        float *y = floats(37, pixels);
        const arc_epilogue e = {.bias = m};
        k->winograd_out(t, CHANNELS, m, CHANNELS, y, (size_t)t * CHANNELS, CHANNELS, (size_t)t, (size_t)t, &e);
        half = guarded(38, pixels * sizeof *half);
        for (int add = 0; add < 2; add++) {
            k->winograd_out_half(t, CHANNELS, m, CHANNELS, half, (size_t)t * CHANNELS, CHANNELS, (size_t)t, (size_t)t, m, add);
            for (size_t i = 0; i < pixels; i++)
                NEAR(k, ARC_STORE_BF16, at(ARC_STORE_BF16, half, i), (add + 1) * (double)y[i],
                     10 + fabs((double)y[i]) * 4e3 * add);
        }
        for (size_t i = 0; i < points; i++)
            free((void *)(uintptr_t)x[i]);
    }
}

/* ---- normalisation --------------------------------------------------------------------------------------------------------- */

typedef struct norm_case {
    arc_store store;
    size_t m, n;
    const float *x, *dy, *residual;
    const void *xs, *dys, *residuals;
    arc_norm norm;
} norm_case;

static norm_case make_norm(arc_store store, size_t m, size_t n, bool slope) {
    norm_case c = {.store = store, .m = m, .n = n};
    c.x = random_halves(0, m * n);
    c.dy = random_halves(1, m * n);
    c.residual = random_halves(2, m * n);
    c.xs = stored(3, store, c.x, m * n);
    c.dys = stored(4, store, c.dy, m * n);
    c.residuals = stored(5, store, c.residual, m * n);
    c.norm = (arc_norm){random_floats(6, n), random_floats(7, n), random_floats(8, n), slope ? random_floats(9, n) : NULL};
    return c;
}

/* u; *du = dy's factor. Near the kink the sign is that of float arithmetic. */
static double u_of(const norm_case *c, size_t i, size_t j, bool *negative) {
    const double u = (double)c->x[i * c->n + j] * (double)c->norm.scale[j] + (double)c->norm.shift[j];
    *negative = c->norm.slope && u < 0;
    return u;
}

static void norm_forward(const arc_kernels *k, const norm_case *c) {
    const size_t n = c->n, all = c->m * n;
    float *sum = floats(10, n), *square = floats(11, n);
    k->norm_sums(c->store, c->m, n, c->xs, sum, square);
    void *y = guarded(12, all * (c->store == ARC_STORE_BF16 ? 2 : 4));
    const bool residual = n % 2;
    k->norm_apply(c->store, c->m, n, c->xs, &c->norm, residual ? c->residuals : NULL, y);
    for (size_t j = 0; j < n; j++) {
        double s = 0, q = 0;
        for (size_t i = 0; i < c->m; i++) {
            const double d = (double)c->x[i * n + j] - (double)c->x[j];
            bool negative;
            const double u = u_of(c, i, j, &negative), act = negative ? u * (double)c->norm.slope[j] : u;
            s += d;
            q += d * d;
            NEAR(k, c->store, at(c->store, y, i * n + j), act + (residual ? (double)c->residual[i * n + j] : 0), 4);
        }
        CLOSE(k, sum[j], s, (double)(4 * c->m));
        CLOSE(k, square[j], q, (double)(4 * c->m));
    }
}

static void norm_backward(const arc_kernels *k, const norm_case *c) {
    const size_t n = c->n, all = c->m * n;
    float *du_sum = floats(10, n), *dux_sum = floats(11, n), *dslope = floats(12, n);
    k->norm_grad_sums(c->store, c->m, n, c->xs, c->dys, &c->norm, du_sum, dux_sum, dslope);
    const float *a = random_floats(13, n), *b = random_floats(14, n), *d = random_floats(15, n);
    void *dx = guarded(16, all * (c->store == ARC_STORE_BF16 ? 2 : 4));
    const bool add = n % 3 == 0;
    memcpy(dx, c->residuals, all * (c->store == ARC_STORE_BF16 ? 2 : 4));
    k->norm_grad(c->store, c->m, n, c->xs, c->dys, &c->norm, a, b, d, add, dx);
    for (size_t j = 0; j < n; j++) {
        double du_all = 0, dux_all = 0, slope_all = 0;
        for (size_t i = 0; i < c->m; i++) {
            bool negative;
            const double u = u_of(c, i, j, &negative), g = (double)c->dy[i * n + j],
                         apart = (double)c->x[i * n + j] - (double)c->norm.mean[j];
            const double du = negative ? g * (double)c->norm.slope[j] : g;
            du_all += du;
            dux_all += du * apart;
            slope_all += negative ? g * u : 0;
            NEAR(k, c->store, at(c->store, dx, i * n + j),
                 (double)a[j] * du + (double)b[j] * apart + (double)d[j] + (add ? (double)c->residual[i * n + j] : 0), 4);
        }
        CLOSE(k, du_sum[j], du_all, (double)(4 * c->m));
        CLOSE(k, dux_sum[j], dux_all, (double)(4 * c->m));
        if (c->norm.slope)
            CLOSE(k, dslope[j], slope_all, (double)(4 * c->m));
    }
}

static void norms_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 70; n++)
        for (int kind = 0; kind < 4; kind++) {
            const norm_case c = make_norm(kind % 2 ? ARC_STORE_BF16 : ARC_STORE_F32, 1 + random_u32() % 9, n, kind / 2);
            norm_forward(k, &c);
            norm_backward(k, &c);
        }
}

static void stores_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 40; n++)
        for (int half = 0; half < 2; half++) {
            const arc_store store = half ? ARC_STORE_BF16 : ARC_STORE_F32;
            float *x = random_halves(0, n), *y = floats(1, n);
            if (n > 3)
                x[1] = NAN;
            void *a = guarded(2, n * (half ? 2 : 4)), *b = guarded(3, n * (half ? 2 : 4));
            k->store_save(store, n, x, a);
            k->store_load(store, n, a, y);
            memcpy(b, a, n * (half ? 2 : 4));
            k->store_add(store, n, a, b);
            for (size_t i = 0; i < n; i++) {
                assert_true(y[i] == x[i] || (x[i] != x[i] && y[i] != y[i]));
                assert_true(x[i] != x[i] || at(store, b, i) == 2 * (double)x[i]);
            }
        }
}

/* ---- depthwise ------------------------------------------------------------------------------------------------------------- */

static void dwconv_grad_level(const arc_kernels *k) {
    enum { PIXELS = 6 };
    for (size_t taps = 1; taps <= 10; taps += 3)
        for (size_t channels = 4; channels <= 40; channels += 4) {
            const float *x[PIXELS * 10];
            const uint16_t *h[PIXELS * 10];
            float *rows = random_halves(0, 16 * channels);
            const uint16_t *halves = stored(1, ARC_STORE_BF16, rows, 16 * channels);
            for (size_t i = 0; i < PIXELS * taps; i++) {
                const size_t row = random_u32() % 16;
                x[i] = rows + row * channels;
                h[i] = halves + row * channels;
            }
            const float *dy = random_halves(2, PIXELS * channels);
            float *dw = floats(3, taps * channels);
            for (size_t q = 0; q < (k->dwconv_grad_half ? 5 : 1); q++) {
                memset(dw, 0, taps * channels * sizeof *dw);
                if (q == 0)
                    k->dwconv_grad(PIXELS, channels, taps, x, dy, channels, dw);
                else
                    k->dwconv_grad_half(q - 1, PIXELS, channels, taps, h, stored(4, ARC_STORE_BF16, dy, PIXELS * channels),
                                        channels, dw);
                for (size_t t = 0; t < taps; t++)
                    for (size_t j = 0; j < channels; j++) {
                        double want = 0;
                        for (size_t p = 0; p < PIXELS; p++)
                            want += (double)x[p * taps + t][j] * (double)dy[p * channels + (j ^ (q ? q - 1 : 0))];
                        CLOSE(k, dw[t * channels + j], want, 8);
                    }
            }
        }
}

static void dwconv_half_level(const arc_kernels *k) {
    enum { PIXELS = 7, TAPS = 5 };
    if (!k->dwconv_half)
        return;
    for (size_t group = 1; group <= 4; group *= 2)
        for (size_t channels = 4; channels <= 40; channels += 4) {
            float *rows = random_halves(0, 16 * channels);
            const uint16_t *halves = stored(1, ARC_STORE_BF16, rows, 16 * channels), *h[PIXELS * TAPS];
            size_t row[PIXELS * TAPS];
            for (size_t i = 0; i < PIXELS * TAPS; i++) {
                row[i] = random_u32() % 16;
                h[i] = halves + row[i] * channels;
            }
            const float *w = random_floats(2, TAPS * group * channels), *bias = random_floats(3, channels);
            const float *before = random_halves(4, PIXELS * channels);
            uint16_t *y = stored(5, ARC_STORE_BF16, before, PIXELS * channels);
            const bool add = channels % 8 == 0;
            k->dwconv_half(group, PIXELS, channels, TAPS, h, w, add ? NULL : bias, y, channels, add);
            for (size_t p = 0; p < PIXELS; p++)
                for (size_t j = 0; j < channels; j++) {
                    double want = add ? (double)before[p * channels + j] : (double)bias[j];
                    for (size_t t = 0; t < TAPS; t++)
                        for (size_t q = 0; q < group; q++)
                            want +=
                                (double)rows[row[p * TAPS + t] * channels + (j ^ q)] * (double)w[(t * group + q) * channels + j];
                    NEAR(k, ARC_STORE_BF16, at(ARC_STORE_BF16, y, p * channels + j), want, 20);
                }
        }
}

LEVEL_TEST(gemm_tn)
LEVEL_TEST(gemm_tn_bf16)
LEVEL_TEST(winograd)
LEVEL_TEST(winograd_weights)
LEVEL_TEST(winograd_rounded)
LEVEL_TEST(winograd_half)
LEVEL_TEST(norms)
LEVEL_TEST(stores)
LEVEL_TEST(dwconv_grad)
LEVEL_TEST(dwconv_half)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm_tn),
        cmocka_unit_test(test_gemm_tn_bf16),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_winograd_weights),
        cmocka_unit_test(test_winograd_rounded),
        cmocka_unit_test(test_winograd_half),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_stores),
        cmocka_unit_test(test_dwconv_grad),
        cmocka_unit_test(test_dwconv_half),
    };
    return cmocka_run_group_tests_name("kernels of learning", tests, open_guards, NULL);
}
