/* The ends of 8-bit layers on every level: bit for bit those of portable C, with every buffer ending at an unreadable page. */
#include "kernel_support.h"

enum { M = 5 };

/* Combination `kind` of parts, arrays of exactly n; some of the numbers are none. */
static arc_requantize make_requantize(int kind, size_t n) {
    static const arc_act acts[] = {ARC_ACT_NONE, ARC_ACT_RELU, ARC_ACT_PRELU, ARC_ACT_LEAKY, ARC_ACT_CLIP};
    arc_requantize r = {.act = acts[kind % 5], .alpha = 0.2f, .lo = -2, .hi = 3, .quantize_scale = 7.7f, .quantize_zero = 100};
    float *scale = random_floats(0, n);
    for (size_t j = 0; j < n; j++)
        scale[j] *= 0.01f;
    r.scale = scale;
    float *bias = random_floats(1, n);
    r.bias = bias;
    r.slope = r.act == ARC_ACT_PRELU ? random_floats(2, n) : NULL;
    if (kind / 5 % 2) {
        r.mid_lo = -120;
        r.mid_hi = 135;
        r.mid_scale = 0.05f;
    }
    r.residual_stride = r.y_stride = r.quantized_stride = n;
    float *residual = kind / 10 % 2 ? random_floats(3, M * n) : NULL;
    r.residual = residual;
    r.act_last = kind / 20 % 2;
    r.post_scale = kind / 40 % 2 ? random_floats(4, n) : NULL;
    r.post_shift = r.post_scale ? random_floats(5, n) : NULL;
    if (residual)
        residual[n] = NAN;
    if (n > 3) /* of a column's own */
        bias[3] = NAN;
    return r;
}

static void compare(const arc_kernels *k, int kind, size_t n, bool sums) {
    const arc_kernels *generic = arc_kernels_of(ARC_ISA_GENERIC);
    arc_requantize r = make_requantize(kind, n), want = r;
    int32_t *x = guarded(6, M * n * sizeof *x);
    float *f = floats(7, M * n);
    for (size_t i = 0; i < M * n; i++) {
        x[i] = (int32_t)random_u32() % 40000 - 20000;
        f[i] = random_float() * (i % 7 ? 10 : 1e9f);
        if (i % 11 == 3)
            f[i] = NAN;
    }
    r.y = floats(8, M * n);
    want.y = floats(9, M * n);
    r.quantized = guarded(10, M * n);
    want.quantized = guarded(11, M * n);
    if (sums) {
        k->requantize(M, n, x, n, &r);
        generic->requantize(M, n, x, n, &want);
    } else {
        k->quantize(M, n, f, n, &r);
        generic->quantize(M, n, f, n, &want);
    }
    for (size_t i = 0; i < M * n; i++)
        if (r.quantized[i] != want.quantized[i] || !(r.y[i] == want.y[i] || (isnan(r.y[i]) && isnan(want.y[i]))))
            fail_msg("%s kind %d n %zu: got %u %.9g, want %u %.9g", k->name, kind, n, r.quantized[i], (double)r.y[i],
                     want.quantized[i], (double)want.y[i]);
}

static void requantize_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 67; n++)
        for (int kind = 0; kind < 80; kind += n % 16 ? 7 : 1)
            compare(k, kind, n, true);
}

static void quantize_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 67; n++)
        for (int kind = 0; kind < 80; kind += 11)
            compare(k, kind, n, false);
}

/* By hand: a sum of 300 at 0.01 with bias 0.5 is 3.5, in between clamped to 3 steps of 2 = 6, plus 1 = 7, at 0.5 a step 14 over
 * 10. */
static void requantize_by_hand(void **state) {
    (void)state;
    const int32_t sum = 300;
    const float scale = 0.01f, bias = 0.5f, residual = 1;
    float y;
    uint8_t quantized;
    arc_requantize r = {.scale = &scale,
                        .bias = &bias,
                        .mid_lo = -3,
                        .mid_hi = 3,
                        .mid_scale = 2,
                        .residual = &residual,
                        .y = &y,
                        .quantized = &quantized,
                        .quantize_scale = 2,
                        .quantize_zero = 10,
                        .residual_stride = 1,
                        .y_stride = 1,
                        .quantized_stride = 1};
    arc_kernels_get(NULL)->requantize(1, 1, &sum, 1, &r);
    assert_true(y == 7 && quantized == 24);
    r.quantize_scale = 1000; /* beyond the last 8-bit value */
    arc_kernels_get(NULL)->requantize(1, 1, &sum, 1, &r);
    assert_int_equal(quantized, 255);
}

static void int8_dwconv_case(const arc_kernels *k, size_t pixels, size_t channels, size_t taps, bool extreme) {
    const uint8_t *list[9 * 25];
    uint8_t *rows[10];
    for (int r = 0; r < 10; r++) {
        rows[r] = guarded(r, channels);
        for (size_t j = 0; j < channels; j++)
            rows[r][j] = extreme ? 255 : (uint8_t)random_u32();
    }
    for (size_t i = 0; i < pixels * taps; i++)
        list[i] = rows[random_u32() % 10];
    int8_t *w = guarded(10, taps * channels);
    for (size_t i = 0; i < taps * channels; i++)
        w[i] = extreme ? -128 : (int8_t)random_u32();
    int32_t *y = guarded(11, pixels * channels * sizeof *y);
    k->int8_dwconv(pixels, channels, taps, list, w, y);
    for (size_t p = 0; p < pixels; p++)
        for (size_t j = 0; j < channels; j++) {
            int32_t want = 0;
            for (size_t t = 0; t < taps; t++)
                want += list[p * taps + t][j] * w[t * channels + j];
            if (y[p * channels + j] != want)
                fail_msg("%s int8_dwconv pixels %zu channels %zu taps %zu: got %d, want %d", k->name, pixels, channels, taps,
                         y[p * channels + j], want);
        }
}

static void int8_dwconv_level(const arc_kernels *k) {
    for (size_t channels = 1; channels <= 70; channels++)
        for (size_t pixels = 1; pixels <= 9; pixels++) {
            int8_dwconv_case(k, pixels, channels, channels % 3 ? 9 : 1 + random_u32() % 25, false);
            int8_dwconv_case(k, pixels, channels, 9, true);
        }
}

LEVEL_TEST(requantize)
LEVEL_TEST(quantize)
LEVEL_TEST(int8_dwconv)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requantize),
        cmocka_unit_test(test_quantize),
        cmocka_unit_test(requantize_by_hand),
        cmocka_unit_test(test_int8_dwconv),
    };
    return cmocka_run_group_tests(tests, open_guards, NULL);
}
