/* The multiplying slots of every kernel level, and the packing that they read, against double. */
#include "kernel_support.h"

/* ---- igemm ----------------------------------------------------------------------------------------------------------------- */

static void igemm_case(const arc_kernels *k, size_t m, size_t n, size_t kc, size_t taps, int kind) {
    enum { ROWS = 20 };
    const float *row[ROWS], *list[9 * ARC_IGEMM_MAX_MR] = {NULL};
    for (int r = 0; r < ROWS; r++)
        row[r] = random_floats(r, kc);
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < m; i++)
            list[t * k->igemm_mr + i] = row[random_u32() % ROWS];
    float *b = floats(20, taps * kc * k->igemm_nr);
    for (size_t i = 0; i < taps * kc; i++)
        for (size_t j = 0; j < k->igemm_nr; j++)
            b[i * k->igemm_nr + j] = j < n ? random_float() : 0.0f;
    const size_t stride = n + 3;
    float *c = floats(21, (m - 1) * stride + n);
    for (size_t i = 0; i < (m - 1) * stride + n; i++)
        c[i] = 77.0f;
    const arc_epilogue e = make_epilogue(kind, m, n);
    k->igemm(m, n, kc, taps, list, b, c, stride, &e);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0, size = 2;
            for (size_t t = 0; t < taps; t++)
                for (size_t q = 0; q < kc; q++) {
                    const double p = (double)list[t * k->igemm_mr + i][q] * (double)b[(t * kc + q) * k->igemm_nr + j];
                    sum += p;
                    size += fabs(p);
                }
            CLOSE(k, c[i * stride + j], finish(sum, i, j, &e), size);
        }
        for (size_t j = n; i + 1 < m && j < stride; j++)
            assert_true(c[i * stride + j] == 77.0f);
    }
}

static void igemm_level(const arc_kernels *k) {
    int kind = 0;
    for (size_t m = 1; m <= k->igemm_mr; m++)
        for (size_t n = 1; n <= k->igemm_nr; n++)
            igemm_case(k, m, n, 1 + random_u32() % 19, 1 + random_u32() % 3, kind++ % 20);
    for (kind = 0; kind < 20; kind++)
        igemm_case(k, k->igemm_mr, k->igemm_nr, 33, 9, kind);
}

/* One row and one column repeated everywhere: every element of every tile size has the bits of the 1x1 tile. */
static void igemm_bits_level(const arc_kernels *k) {
    enum { KC = 37, TAPS = 3 };
    const float *row = random_floats(0, KC), *column = random_floats(1, KC * TAPS), *list[TAPS * ARC_IGEMM_MAX_MR];
    float *b = floats(20, KC * TAPS * k->igemm_nr), want;
    const arc_epilogue e = {0};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        list[i] = row;
    for (size_t i = 0; i < KC * TAPS * k->igemm_nr; i++)
        b[i] = column[i / k->igemm_nr];
    k->igemm(1, 1, KC, TAPS, list, b, &want, 1, &e);
    for (size_t m = 1; m <= k->igemm_mr; m++)
        for (size_t n = 1; n <= k->igemm_nr; n++) {
            float *c = floats(21, m * n);
            k->igemm(m, n, KC, TAPS, list, b, c, n, &e);
            for (size_t i = 0; i < m * n; i++)
                assert_memory_equal(&c[i], &want, sizeof want);
        }
}

/* ---- bfloat16 -------------------------------------------------------------------------------------------------------------- */

static double of_bf16(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

/* Rows and panel as pairs: the sums are those of the rounded numbers. */
static void bf16_case(const arc_kernels *k, size_t m, size_t n, size_t pairs, size_t taps, int kind) {
    enum { ROWS = 15 };
    const float *list[9 * ARC_IGEMM_MAX_MR] = {NULL};
    uint16_t *row[ROWS];
    for (int r = 0; r < ROWS; r++) {
        row[r] = guarded(r, 2 * pairs * sizeof(uint16_t));
        k->to_bf16(2 * pairs, random_floats(27, 2 * pairs), row[r]);
    }
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < m; i++)
            list[t * k->igemm_mr + i] = (const float *)(const void *)row[random_u32() % ROWS];
    const float *w = random_floats(20, n * 2 * pairs * taps);
    float *panel = floats(21, taps * pairs * k->igemm_nr), *c = floats(22, m * n);
    arc_igemm_pack_panel_bf16(k, n, 0, 2 * pairs, taps, w, 2 * pairs * taps, 1, taps, NULL, NULL, panel);
    const arc_epilogue e = make_epilogue(kind, m, n);
    k->igemm_bf16(m, n, pairs, taps, list, panel, c, n, &e);
    for (size_t i = 0; i < m * n; i++) {
        double sum = 0, size = 2;
        for (size_t t = 0; t < taps; t++)
            for (size_t q = 0; q < 2 * pairs; q++) {
                const uint16_t *a = (const uint16_t *)(const void *)list[t * k->igemm_mr + i / n];
                const double p = of_bf16(a[q]) * of_bf16(arc_bf16(w[(i % n * 2 * pairs + q) * taps + t]));
                sum += p;
                size += fabs(p);
            }
        CLOSE(k, c[i], finish(sum, i / n, i % n, &e), size);
    }
}

static void bf16_level(const arc_kernels *k) {
    int kind = 0;
    if (!k->igemm_bf16)
        return;
    for (size_t m = 1; m <= k->igemm_mr; m++)
        for (size_t n = 1; n <= k->igemm_nr; n += 3)
            bf16_case(k, m, n, 1 + random_u32() % 11, 1 + random_u32() % 3, kind++ % 20);
}

/* Rounding to nearest even, ties and overflow included, on every level alike. */
static void bf16_rounding_level(const arc_kernels *k) {
    enum { COUNT = 5000 };
    float *x = floats(0, COUNT);
    uint16_t *y = guarded(1, COUNT * sizeof *y);
    static const uint32_t special[] = {0,          0x80000000, 0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001,
                                       0x7f7fffff, 0xff7f8000, 0x7f800000, 0xff800000, 0x00800000, 0x477fe000};
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t bits = i < sizeof special / sizeof *special ? special[i] : random_u32() << 8 ^ random_u32();
        if ((bits & 0x7f800000) == 0) /* processors take subnormal numbers for zero */
            bits &= 0x80000000;
        if ((bits & 0x7f800000) == 0x7f800000)
            bits &= 0xff800000;
        memcpy(&x[i], &bits, sizeof bits);
    }
    k->to_bf16(COUNT, x, y);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(y[i], arc_bf16(x[i]));
    const float nan = NAN;
    k->to_bf16(1, &nan, y);
    assert_true(isnan(of_bf16(y[0])));
}

/* ---- half precision -------------------------------------------------------------------------------------------------------- */

/* The sums are those of the rounded weights. */
static void f16_case(const arc_kernels *k, size_t m, size_t n, size_t kc, size_t taps, int kind) {
    enum { ROWS = 15 };
    const float *list[9 * ARC_IGEMM_MAX_MR] = {NULL}, *row[ROWS];
    for (int r = 0; r < ROWS; r++)
        row[r] = random_floats(r, kc);
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < m; i++)
            list[t * k->igemm_mr + i] = row[random_u32() % ROWS];
    const float *w = random_floats(20, n * kc * taps);
    float *panel = guarded(21, taps * kc * k->igemm_nr * sizeof(uint16_t)), *c = floats(22, m * n);
    arc_igemm_pack_panel_f16(k, n, 0, kc, taps, w, kc * taps, 1, taps, NULL, NULL, panel);
    const arc_epilogue e = make_epilogue(kind, m, n);
    k->igemm_f16(m, n, kc, taps, list, panel, c, n, &e);
    for (size_t i = 0; i < m * n; i++) {
        double sum = 0, size = 2;
        for (size_t t = 0; t < taps; t++)
            for (size_t q = 0; q < kc; q++) {
                const float rounded = arc_f16_float(arc_f16(w[(i % n * kc + q) * taps + t]));
                const double p = (double)list[t * k->igemm_mr + i / n][q] * (double)rounded;
                sum += p;
                size += fabs(p);
            }
        CLOSE(k, c[i], finish(sum, i / n, i % n, &e), size);
    }
}

static void f16_level(const arc_kernels *k) {
    int kind = 0;
    for (size_t m = 1; m <= k->igemm_mr; m++)
        for (size_t n = 1; n <= k->igemm_nr; n += 3)
            f16_case(k, m, n, 1 + random_u32() % 23, 1 + random_u32() % 3, kind++ % 20);
}

/* Every half-precision number comes back from its float; between two neighbours the nearer one is taken and at the middle the
 * even one. */
static void f16_rounding_level(const arc_kernels *k) {
    for (uint32_t half = 0; half < 0x7c00; half++) {
        const float x = arc_f16_float((uint16_t)half), next = half == 0x7bff ? 65536.0f : arc_f16_float((uint16_t)(half + 1));
        const float middle = (float)(((double)x + (double)next) / 2); /* exact: a bit more than half precision has */
        const float in[] = {x, -x, nextafterf(middle, 0), middle, nextafterf(middle, INFINITY), -middle};
        const uint32_t even = half + (half & 1), want[] = {half, half | 0x8000, half, even, half + 1, even | 0x8000};
        uint16_t out[sizeof in / sizeof *in];
        k->to_f16(sizeof in / sizeof *in, in, out);
        for (size_t i = 0; i < sizeof in / sizeof *in; i++)
            assert_int_equal(out[i], want[i]);
    }
    float *special = floats(0, 35);
    uint16_t *y = guarded(1, 35 * sizeof *y);
    for (int i = 0; i < 35; i++)
        special[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? -INFINITY : 1e-9f;
    k->to_f16(35, special, y);
    for (int i = 0; i < 35; i++) {
        assert_true(i % 3 != 0 || ((y[i] & 0x7c00) == 0x7c00 && (y[i] & 0x3ff)));
        assert_true(i % 3 != 1 || y[i] == 0xfc00);
        assert_true(i % 3 != 2 || y[i] == 0);
    }
}

/* ---- Winograd -------------------------------------------------------------------------------------------------------------- */

/* One tile through weights, both transforms and a product in double, against the convolution itself. */
static void winograd_case(const arc_kernels *k, int t, size_t c_in, size_t c_out, int kind) {
    const size_t n = (size_t)t + 2, points = n * n, nr = k->igemm_nr, rows = 1 + random_u32() % (size_t)t,
                 cols = 1 + random_u32() % (size_t)t;
    const float *list[ARC_WINOGRAD_MAX_N * ARC_WINOGRAD_MAX_N];
    for (size_t i = 0; i < points; i++)
        list[i] = random_floats((int)(i % 20), c_in); /* some window pixels are the same: padding is one row */
    const float *w = random_floats(20, c_out * c_in * 9), *scale_k = random_floats(21, c_in), *scale_n = random_floats(22, c_out);
    float *panel = floats(23, points * c_in * nr), *v = floats(24, points * c_in), *m = floats(25, points * c_out);
    arc_winograd_pack_panel(k, t, ARC_FORM_F32, c_out, 0, c_in, w, scale_k, scale_n, panel, c_in * nr);
    k->winograd_in(t, c_in, list, v, c_in);
    for (size_t i = 0; i < points; i++)
        for (size_t j = 0; j < nr; j++) {
            double sum = 0;
            for (size_t q = 0; q < c_in; q++)
                sum += (double)v[i * c_in + q] * (double)panel[(i * c_in + q) * nr + j];
            if (j < c_out)
                m[i * c_out + j] = (float)sum;
            else
                assert_true(sum == 0);
        }
    const size_t y_pixel = c_out + 1, y_row = cols * y_pixel + 2, count = (rows - 1) * y_row + (cols - 1) * y_pixel + c_out;
    float *y = floats(26, count);
    for (size_t i = 0; i < count; i++)
        y[i] = 77.0f;
    arc_epilogue e = make_epilogue(kind, 1, c_out);
    e.residual = e.residual ? random_floats(32, count) : NULL;
    k->winograd_out(t, c_out, m, c_out, y, y_row, y_pixel, rows, cols, &e);
    for (size_t i = 0; i < count; i++) {
        const size_t r = i / y_row, s = i % y_row / y_pixel, j = i % y_row % y_pixel;
        if (s >= cols || j >= c_out) {
            assert_true(y[i] == 77.0f); /* between the pixels */
            continue;
        }
        double sum = 0, size = 2; /* inputs of the whole tile (at most 1) mix in each output: weights alone give the size */
        for (size_t tap = 0; tap < 9; tap++)
            for (size_t q = 0; q < c_in; q++) {
                const double f = (double)w[(j * c_in + q) * 9 + tap] * (double)scale_k[q] * (double)scale_n[j];
                sum += (double)list[(r + tap / 3) * n + s + tap % 3][q] * f;
                size += fabs(f);
            }
        const arc_epilogue plain = {.bias = e.bias, .slope = e.slope, .alpha = e.alpha, .lo = e.lo, .hi = e.hi, .act = e.act};
        sum += e.residual ? (double)e.residual[i] : 0;
        CLOSE(k, y[i], finish(sum, 0, j, &plain), (t == 2 ? 2 : 8) * size);
    }
}

static void winograd_level(const arc_kernels *k) {
    for (int kind = 0; kind < 160; kind++)
        winograd_case(k, kind % 8 < 4 ? 2 : 4, 1 + random_u32() % 37, 1 + random_u32() % k->igemm_nr, kind % 20);
}

/* ---- the other multiplying slots ------------------------------------------------------------------------------------------- */

static void dwconv_case(const arc_kernels *k, size_t pixels, size_t channels, size_t taps, int kind) {
    enum { ROWS = 12 };
    const float *row[ROWS], *list[9 * 16];
    for (int r = 0; r < ROWS; r++)
        row[r] = random_floats(r, channels);
    for (size_t i = 0; i < pixels * taps; i++)
        list[i] = row[random_u32() % ROWS];
    const float *w = random_floats(20, taps * channels);
    float *y = floats(21, (pixels - 1) * (channels + 2) + channels);
    const arc_epilogue e = make_epilogue(kind, pixels, channels);
    k->dwconv(pixels, channels, taps, list, w, y, channels + 2, &e);
    for (size_t p = 0; p < pixels; p++)
        for (size_t j = 0; j < channels; j++) {
            double sum = 0, size = 2;
            for (size_t t = 0; t < taps; t++) {
                sum += (double)list[p * taps + t][j] * (double)w[t * channels + j];
                size += fabs((double)list[p * taps + t][j] * (double)w[t * channels + j]);
            }
            CLOSE(k, y[p * (channels + 2) + j], finish(sum, p, j, &e), size);
        }
}

static void dwconv_level(const arc_kernels *k) {
    int kind = 0;
    for (size_t pixels = 1; pixels <= 9; pixels++)
        for (size_t channels = 1; channels <= 50; channels++)
            dwconv_case(k, pixels, channels, pixels % 2 ? 9 : 1, kind++ % 20);
}

static void groupconv_case(const arc_kernels *k, size_t group, size_t pixels, size_t channels, size_t taps, int kind) {
    enum { ROWS = 12 };
    const float *row[ROWS], *list[9 * 16];
    for (int r = 0; r < ROWS; r++)
        row[r] = random_floats(r, channels);
    for (size_t i = 0; i < pixels * taps; i++)
        list[i] = row[random_u32() % ROWS];
    const float *w = random_floats(20, taps * group * channels);
    float *y = floats(21, (pixels - 1) * (channels + 2) + channels);
    const arc_epilogue e = make_epilogue(kind, pixels, channels);
    k->groupconv(group, pixels, channels, taps, list, w, y, channels + 2, &e);
    for (size_t p = 0; p < pixels; p++)
        for (size_t j = 0; j < channels; j++) {
            double sum = 0, size = 2;
            for (size_t i = 0; i < taps * group; i++) {
                const double f = (double)list[p * taps + i / group][j ^ (i % group)] * (double)w[i * channels + j];
                sum += f;
                size += fabs(f);
            }
            CLOSE(k, y[p * (channels + 2) + j], finish(sum, p, j, &e), size);
        }
}

static void groupconv_level(const arc_kernels *k) {
    int kind = 0;
    for (size_t pixels = 1; pixels <= 9; pixels++)
        for (size_t channels = 4; channels <= 52; channels += 4)
            groupconv_case(k, channels % 8 ? 2 : 4, pixels, channels, pixels % 2 ? 9 : 1, kind++ % 20);
}

static void int8_igemm_case(const arc_kernels *k, size_t m, size_t n, size_t kc, size_t taps, bool extreme) {
    const uint8_t *list[9 * ARC_IGEMM_MAX_MR] = {NULL};
    const size_t mr = k->int8_igemm_mr, nr = k->int8_igemm_nr, quads = (kc + 3) / 4;
    for (int r = 0; r < 20; r++) {
        uint8_t *row = guarded(r, kc);
        for (size_t i = 0; i < kc; i++)
            row[i] = extreme ? 255 : (uint8_t)random_u32();
    }
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < m; i++)
            list[t * mr + i] = guarded((int)(random_u32() % 20), kc);
    int8_t *b = guarded(20, taps * quads * nr * 4);
    for (size_t i = 0; i < taps * quads * nr * 4; i++) {
        const size_t q = i / (nr * 4) % quads * 4 + i % 4;
        b[i] = q >= kc ? 0 : extreme ? (int8_t)(i & 4 ? -128 : 127) : (int8_t)random_u32();
    }
    int32_t *c = guarded(21, ((m - 1) * (n + 1) + n) * sizeof *c);
    k->int8_igemm(m, n, kc, taps, list, b, c, n + 1);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            int32_t want = 0;
            for (size_t t = 0; t < taps; t++)
                for (size_t q = 0; q < kc; q++)
                    want += list[t * mr + i][q] * b[((t * quads + q / 4) * nr + j) * 4 + q % 4];
            if (c[i * (n + 1) + j] != want)
                fail_msg("%s int8_igemm m %zu n %zu kc %zu: got %d, want %d", k->name, m, n, kc, c[i * (n + 1) + j], want);
        }
}

static void int8_igemm_level(const arc_kernels *k) {
    for (size_t m = 1; m <= k->int8_igemm_mr; m++)
        for (size_t n = 1; n <= k->int8_igemm_nr; n++) {
            int8_igemm_case(k, m, n, 1 + random_u32() % 21, 1 + random_u32() % 3, false);
            int8_igemm_case(k, m, n, 1 + random_u32() % 21, 1, true);
        }
}

static void pack_level(const arc_kernels *k) {
    enum { N = 45, KC = 5, TAPS = 3 };
    const size_t nr = k->igemm_nr, panels = (N + nr - 1) / nr;
    const float *w = random_floats(0, N * KC * TAPS), *sk = random_floats(1, KC), *sn = random_floats(2, N);
    assert_int_equal(arc_igemm_packed_count(k, N, KC, TAPS), panels * nr * KC * TAPS);
    for (size_t p = 0; p < panels; p++)
        for (int scaled = 0; scaled < 2; scaled++) {
            float *panel = floats(3, nr * KC * TAPS);
            arc_igemm_pack_panel(k, N, p * nr, KC, TAPS, w, KC * TAPS, 1, TAPS, scaled ? sk : NULL, scaled ? sn : NULL, panel);
            for (size_t i = 0; i < nr * KC * TAPS; i++) {
                const size_t j = p * nr + i % nr, q = i / nr % KC, t = i / nr / KC;
                const float want = j < N ? w[(j * KC + q) * TAPS + t] : 0.0f;
                assert_true(panel[i] == (scaled && j < N ? want * sk[q] * sn[j] : want));
            }
        }
}

LEVEL_TEST(igemm)
LEVEL_TEST(igemm_bits)
LEVEL_TEST(bf16)
LEVEL_TEST(bf16_rounding)
LEVEL_TEST(f16)
LEVEL_TEST(f16_rounding)
LEVEL_TEST(winograd)
LEVEL_TEST(dwconv)
LEVEL_TEST(groupconv)
LEVEL_TEST(int8_igemm)
LEVEL_TEST(pack)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_igemm),         cmocka_unit_test(test_igemm_bits),   cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_bf16_rounding), cmocka_unit_test(test_winograd),     cmocka_unit_test(test_dwconv),
        cmocka_unit_test(test_f16),           cmocka_unit_test(test_f16_rounding), cmocka_unit_test(test_groupconv),
        cmocka_unit_test(test_int8_igemm),    cmocka_unit_test(test_pack),
    };
    return cmocka_run_group_tests(tests, open_guards, NULL);
}
