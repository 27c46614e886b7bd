/* The kernels of scans on every level: sums and checksums are those of plain loops, with every buffer ending at an unreadable
 * page. */
#include "base/crc32c.h"
#include "kernel_support.h"

static void dots_case(const arc_kernels *k, size_t m, size_t n, size_t stride, bool extreme) {
    uint8_t *a = guarded(0, (m - 1) * stride + n);
    int8_t *b = guarded(1, n);
    int32_t *sums = guarded(2, m * sizeof *sums);
    for (size_t i = 0; i < (m - 1) * stride + n; i++)
        a[i] = extreme ? 255 : (uint8_t)random_u32();
    for (size_t i = 0; i < n; i++)
        b[i] = extreme ? (m % 2 ? -128 : 127) : (int8_t)random_u32();
    k->int8_dots(m, n, a, stride, b, sums, m % 3 ? a : NULL);
    for (size_t i = 0; i < m; i++) {
        int32_t want = 0;
        for (size_t j = 0; j < n; j++)
            want += a[i * stride + j] * b[j];
        if (sums[i] != want)
            fail_msg("%s m %zu n %zu: row %zu is %d, not %d", k->name, m, n, i, sums[i], want);
    }
}

static void dots_level(const arc_kernels *k) {
    for (size_t m = 1; m <= 19; m++)
        for (size_t n = 64; n <= 512; n += 64) {
            dots_case(k, m, n, n, false);
            dots_case(k, m, n, n + 64 * (m % 3), m % 2);
        }
    dots_case(k, 9, 4096, 4096, true);
    dots_case(k, 10, 4096, 4096, true);
}

/* Sums at a distance from their limits that no rounding bridges, on both sides, and NaN. */
static void reach_case(const arc_kernels *k, size_t n, bool columns) {
    int32_t *sums = guarded(0, n * sizeof *sums), *zero = guarded(1, n * sizeof *zero);
    float *limit = floats(2, n);
    uint32_t *reach = guarded(3, n * sizeof *reach), want[128];
    arc_bounded_columns c = {random_floats(4, n), random_floats(5, n), random_floats(6, n), columns ? zero : NULL,
                             columns ? limit : NULL};
    const arc_bounded_row x = {0.003f, 0.2f, 0.7f, -55, 0.4f, columns ? sums : NULL};
    size_t count = 0;
    for (size_t j = 0; j < n; j++) {
        sums[j] = (int32_t)random_u32() % 2000 - 1000;
        zero[j] = (int32_t)random_u32() % 50;
        const double middle = (double)(sums[j] - (columns ? zero[j] : x.zero)) * ((double)x.scale * (double)c.scale[j]);
        const double upper = middle + (double)x.error * (double)c.length[j] + (double)x.length * (double)c.error[j];
        const bool over = random_u32() % 3 == 0;
        limit[j] = (float)upper + (over ? -1e-4f : 1e-4f);
        if (j % 11 == 5)
            limit[j] = NAN;
        if (columns ? over && j % 11 != 5 : upper >= (double)x.limit)
            want[count++] = (uint32_t)j;
    }
    const size_t got = k->bounded_reach(n, sums, &x, &c, reach);
    if (got != count || (count && memcmp(reach, want, count * sizeof *want) != 0))
        fail_msg("%s n %zu: %zu reach their limits, not %zu", k->name, n, got, count);
}

static void reach_level(const arc_kernels *k) {
    for (size_t n = 1; n <= 100; n++) {
        reach_case(k, n, true);
        reach_case(k, n, false);
    }
}

static void bits_case(const arc_kernels *k, size_t m, size_t words, bool full) {
    uint64_t *bits = guarded(0, m * words * sizeof *bits), *planes = guarded(1, 4 * words * sizeof *planes);
    int32_t *sums = guarded(2, m * sizeof *sums);
    for (size_t i = 0; i < m * words; i++)
        bits[i] = full ? ~(uint64_t)0 : (uint64_t)random_u32() << 40 ^ (uint64_t)random_u32() << 20 ^ random_u32();
    for (size_t i = 0; i < 4 * words; i++)
        planes[i] = full ? ~(uint64_t)0 : (uint64_t)random_u32() << 40 ^ (uint64_t)random_u32() << 20 ^ random_u32();
    k->bit_dots(m, words, bits, planes, sums);
    for (size_t i = 0; i < m; i++) {
        int32_t want = 0;
        for (size_t at = 0; at < 64 * words; at++)
            for (int p = 0; p < 4; p++)
                want += (int32_t)(bits[i * words + at / 64] >> at % 64 & planes[(size_t)p * words + at / 64] >> at % 64 & 1) << p;
        if (sums[i] != want)
            fail_msg("%s m %zu words %zu: row %zu is %d, not %d", k->name, m, words, i, sums[i], want);
    }
}

static void bits_level(const arc_kernels *k) {
    for (size_t words = 1; words <= 20; words++)
        for (size_t m = 1; m <= 18; m += words == 8 ? 1 : 5)
            bits_case(k, m, words, false);
    bits_case(k, 17, 8, true);
    bits_case(k, 5, 64, true);
}

static void crc_level(const arc_kernels *k) {
    arc_crc_table table;
    arc_crc_init(&table);
    for (size_t m = 1; m <= 9; m++)
        for (size_t bytes = 0; bytes <= 70; bytes++) {
            const size_t stride = bytes + m % 3 * 7, all = (m - 1) * stride + bytes;
            uint8_t *rows = guarded(0, all);
            uint32_t *crc = guarded(1, m * sizeof *crc), before[9];
            for (size_t i = 0; i < all; i++)
                rows[i] = (uint8_t)random_u32();
            for (size_t i = 0; i < m; i++)
                before[i] = crc[i] = m % 2 ? random_u32() : 0;
            k->rows_crc32c(m, bytes, rows, stride, crc);
            for (size_t i = 0; i < m; i++)
                if (crc[i] != arc_crc32c(&table, before[i], rows + i * stride, bytes))
                    fail_msg("%s m %zu, %zu bytes: row %zu", k->name, m, bytes, i);
        }
}

/* The plain loops, and numbers among which are zeros of both signs. */
static void hadamard_level(const arc_kernels *k) {
    for (size_t n = 64; n <= 4096; n *= 2) {
        float *y = random_floats(0, n), *want = floats(1, n);
        uint64_t *bits = guarded(2, n / 8);
        for (size_t i = 0; i < n; i += 7)
            y[i] = i % 2 ? -0.0f : 0;
        memcpy(want, y, n * sizeof *y);
        for (size_t half = 1; half < n; half *= 2)
            for (size_t i = 0; i < n; i++)
                if ((i & half) == 0) {
                    const float a = want[i], b = want[i + half];
                    want[i] = a + b;
                    want[i + half] = a - b;
                }
        k->positive_bits(n, y, bits);
        for (size_t i = 0; i < n; i++)
            if ((bits[i / 64] >> i % 64 & 1) != (y[i] > 0))
                fail_msg("%s n %zu: bit %zu", k->name, n, i);
        k->hadamard(n, y);
        if (memcmp(y, want, n * sizeof *y) != 0)
            fail_msg("%s n %zu: the transform has other bits", k->name, n);
    }
}

static void dots(void **state) {
    (void)state;
    on_every_level(dots_level);
}
static void reach(void **state) {
    (void)state;
    on_every_level(reach_level);
}
static void bits(void **state) {
    (void)state;
    on_every_level(bits_level);
}
static void hadamard(void **state) {
    (void)state;
    on_every_level(hadamard_level);
}
static void crc(void **state) {
    (void)state;
    on_every_level(crc_level);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(dots), cmocka_unit_test(reach), cmocka_unit_test(bits),
                                       cmocka_unit_test(hadamard), cmocka_unit_test(crc)};
    return cmocka_run_group_tests_name("kernels_scan", tests, open_guards, NULL);
}
