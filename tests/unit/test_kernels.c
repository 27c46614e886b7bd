/* Every slot of every kernel level this machine has, against double. Each buffer ends where an unreadable page begins, so one float
 * read or written past the end is a crash. */
#include "kernel/internal.h"
#include "support.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- guarded buffers ---------------------------------------------------------------------------------------------------------- */

enum { GUARDS = 40, GUARD_BYTES = 1 << 18 };
static uint8_t *guard_end[GUARDS];

static int open_guards(void **state) {
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < GUARDS; i++) {
        uint8_t *p = mmap(NULL, GUARD_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + GUARD_BYTES, page, PROT_NONE) != 0)
            return -1;
        guard_end[i] = p + GUARD_BYTES;
    }
    return 0;
}

/* Region `slot` as an array of exactly `bytes` bytes before its guard page. */
static void *guarded(int slot, size_t bytes) {
    assert_true(slot < GUARDS && bytes <= GUARD_BYTES);
    return guard_end[slot] - bytes;
}
static float *floats(int slot, size_t n) {
    return guarded(slot, n * sizeof(float));
}

static uint32_t seed = 1;
static uint32_t random_u32(void) {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}
static float random_float(void) {
    return (float)random_u32() / (float)(1 << 23) - 1.0f;
}
static float *random_floats(int slot, size_t n) {
    float *p = floats(slot, n);
    for (size_t i = 0; i < n; i++)
        p[i] = random_float();
    return p;
}

typedef void level_test(const arc_kernels *k);
static void on_every_level(level_test *test) {
    int levels = 0;
    for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)isa);
        if (!k)
            continue;
        levels++;
        test(k);
    }
    assert_true(levels >= 1);
}

#define CLOSE(k, got, want, size)                                                                                                \
    do {                                                                                                                         \
        const double got_ = (got), want_ = (want), size_ = (size);                                                               \
        if (!(fabs(got_ - want_) <= 4e-7 * size_ + 1e-30))                                                                       \
            fail_msg("%s: got %.9g, want %.9g (size %g)", (k)->name, got_, want_, size_);                                        \
    } while (0)

/* ---- epilogues ---------------------------------------------------------------------------------------------------------------- */

/* Epilogue number `kind` (0..19): every activation with and without bias and residual, arrays of exactly n and m x (n+1). */
static arc_epilogue make_epilogue(int kind, size_t m, size_t n) {
    static const arc_act acts[] = {ARC_ACT_NONE, ARC_ACT_RELU, ARC_ACT_PRELU, ARC_ACT_LEAKY, ARC_ACT_CLIP};
    arc_epilogue e = {.act = acts[kind % 5], .alpha = 0.1f, .lo = -0.3f, .hi = 0.6f};
    e.bias = kind / 5 % 2 ? random_floats(30, n) : NULL;
    e.slope = e.act == ARC_ACT_PRELU ? random_floats(31, n) : NULL;
    e.residual_stride = n + 1;
    e.residual = kind / 10 ? random_floats(32, (m - 1) * (n + 1) + n) : NULL;
    return e;
}

static double finish(double x, size_t i, size_t j, const arc_epilogue *e) {
    x += e->bias ? (double)e->bias[j] : 0.0;
    x += e->residual ? (double)e->residual[i * e->residual_stride + j] : 0.0;
    switch (e->act) {
    case ARC_ACT_RELU:
        return x < 0 ? 0 : x;
    case ARC_ACT_PRELU:
        return x < 0 ? x * (double)e->slope[j] : x;
    case ARC_ACT_LEAKY:
        return x < 0 ? x * (double)e->alpha : x;
    case ARC_ACT_CLIP:
        return x < (double)e->lo ? (double)e->lo : x > (double)e->hi ? (double)e->hi : x;
    case ARC_ACT_NONE:
        break;
    }
    return x;
}

/* ---- igemm -------------------------------------------------------------------------------------------------------------------- */

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

/* ---- bfloat16 ----------------------------------------------------------------------------------------------------------------- */

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

/* ---- Winograd ----------------------------------------------------------------------------------------------------------------- */

/* One tile through weights, both transforms and a product in double, against the convolution itself. */
static void winograd_case(const arc_kernels *k, int t, size_t c_in, size_t c_out, int kind) {
    const size_t n = (size_t)t + 2, points = n * n, nr = k->igemm_nr, rows = 1 + random_u32() % (size_t)t,
                 cols = 1 + random_u32() % (size_t)t;
    const float *list[ARC_WINOGRAD_MAX_N * ARC_WINOGRAD_MAX_N];
    for (size_t i = 0; i < points; i++)
        list[i] = random_floats((int)(i % 20), c_in); /* some window pixels are the same: padding is one row */
    const float *w = random_floats(20, c_out * c_in * 9), *scale_k = random_floats(21, c_in), *scale_n = random_floats(22, c_out);
    float *panel = floats(23, points * c_in * nr), *v = floats(24, points * c_in), *m = floats(25, points * c_out);
    arc_winograd_pack_panel(k, t, false, c_out, 0, c_in, w, scale_k, scale_n, panel, c_in * nr);
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

/* ---- the other multiplying slots ---------------------------------------------------------------------------------------------- */

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

static void igemm8_case(const arc_kernels *k, size_t m, size_t n, size_t kc, size_t taps, bool extreme) {
    const uint8_t *list[9 * ARC_IGEMM_MAX_MR] = {NULL};
    const size_t mr = k->igemm8_mr, nr = k->igemm8_nr, quads = (kc + 3) / 4;
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
    k->igemm8(m, n, kc, taps, list, b, c, n + 1);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            int32_t want = 0;
            for (size_t t = 0; t < taps; t++)
                for (size_t q = 0; q < kc; q++)
                    want += list[t * mr + i][q] * b[((t * quads + q / 4) * nr + j) * 4 + q % 4];
            if (c[i * (n + 1) + j] != want)
                fail_msg("%s igemm8 m %zu n %zu kc %zu: got %d, want %d", k->name, m, n, kc, c[i * (n + 1) + j], want);
        }
}

static void igemm8_level(const arc_kernels *k) {
    for (size_t m = 1; m <= k->igemm8_mr; m++)
        for (size_t n = 1; n <= k->igemm8_nr; n++) {
            igemm8_case(k, m, n, 1 + random_u32() % 21, 1 + random_u32() % 3, false);
            igemm8_case(k, m, n, 1 + random_u32() % 21, 1, true);
        }
}

/* ---- rows and elements -------------------------------------------------------------------------------------------------------- */

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

/* ---- reordering --------------------------------------------------------------------------------------------------------------- */

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
    const float mean[3] = {127.5f, 100.0f, 90.0f}, scale[3] = {1 / 127.5f, 0.01f, 0.02f};
    for (size_t n = 1; n <= 70; n++) {
        uint8_t *x = guarded(0, n * 3);
        float *y = floats(1, n * 3);
        for (size_t i = 0; i < n * 3; i++)
            x[i] = (uint8_t)random_u32();
        for (int swap = 0; swap < 2; swap++) {
            k->u8_normalise(n, x, swap != 0, mean, scale, y);
            for (size_t i = 0; i < n * 3; i++) {
                const size_t c = i % 3;
                CLOSE(k, y[i], ((double)x[i - c + (swap ? 2 - c : c)] - (double)mean[c]) * (double)scale[c], 4.0);
            }
        }
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

#define LEVEL_TEST(name)                                                                                                         \
    static void test_##name(void **state) {                                                                                      \
        (void)state;                                                                                                             \
        on_every_level(name##_level);                                                                                            \
    }
LEVEL_TEST(igemm)
LEVEL_TEST(winograd)
LEVEL_TEST(bf16)
LEVEL_TEST(bf16_rounding)
LEVEL_TEST(igemm_bits)
LEVEL_TEST(dwconv)
LEVEL_TEST(groupconv)
LEVEL_TEST(igemm8)
LEVEL_TEST(rows)
LEVEL_TEST(reduce)
LEVEL_TEST(element)
LEVEL_TEST(exp)
LEVEL_TEST(nan)
LEVEL_TEST(reorder)
LEVEL_TEST(pack)

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
        cmocka_unit_test(test_choice),    cmocka_unit_test(test_igemm),    cmocka_unit_test(test_igemm_bits),
        cmocka_unit_test(test_dwconv),    cmocka_unit_test(test_bf16),     cmocka_unit_test(test_bf16_rounding),
        cmocka_unit_test(test_groupconv), cmocka_unit_test(test_winograd), cmocka_unit_test(test_igemm8),
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_reduce),   cmocka_unit_test(test_element),
        cmocka_unit_test(test_exp),       cmocka_unit_test(test_nan),      cmocka_unit_test(test_reorder),
        cmocka_unit_test(test_pack),
    };
    return cmocka_run_group_tests(tests, open_guards, NULL);
}
