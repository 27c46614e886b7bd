/* Singular values and the Frechet distance: by hand, against SciPy's square root of a matrix (tests/golden/frechet.py), and what
 * must hold of any sets. */
#include "golden_json.h"

#include "shared_context.h"
#include "vector/frechet.h"
#include "vector/singular.h"
#include <string.h>

/* As tests/golden/frechet.py draws them. */
static float *draw(uint64_t seed, size_t rows, size_t dim, size_t copies, double shift) {
    float *x = calloc(rows * dim, sizeof *x);
    double *row = calloc(dim, sizeof *row);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < dim; j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            row[j] = ((double)((seed >> 40) % 512) - 256) / 64 / (double)(1 + j % 5) + shift;
            if (j > 0)
                row[j] += row[j - 1] / 2;
            if (j >= dim - copies)
                row[j] = row[j - 1];
            x[i * dim + j] = (float)row[j];
        }
    free(row);
    return x;
}

static arc_frechet distance_in(arc_context *in, const float *a, size_t a_rows, const float *b, size_t b_rows, size_t dim) {
    arc_frechet f;
    arc_error err = {0};
    if (arc_frechet_distance(in, a, (int64_t)a_rows, b, (int64_t)b_rows, (int)dim, &f, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return f;
}

static arc_frechet distance(const float *a, size_t a_rows, const float *b, size_t b_rows, size_t dim) {
    return distance_in(ctx, a, a_rows, b, b_rows, dim);
}

/* Covariances {4 0; 0 1} and {2 1; 1 2}, whose product has trace 10 and determinant 12. */
static void by_hand(void **state) {
    (void)state;
    static const float a[5][2] = {{2, 1}, {2, -1}, {-2, 1}, {-2, -1}, {0, 0}};
    static const float b[9][2] = {{3, 0}, {-1, -4}, {3, -2}, {-1, -2}, {1, 0}, {1, -4}, {1, -2}, {1, -2}, {1, -2}};
    const arc_frechet f = distance(a[0], 5, b[0], 9, 2);
    assert_float_equal(f.means, 5, 1e-15);
    assert_float_equal(f.spreads, 5 + 4 - 2 * sqrt(10 + 2 * sqrt(12.0)), 1e-14);
    assert_float_equal(f.distance, f.means + f.spreads, 0);
    assert_int_equal(f.rank[0], 2);
    assert_int_equal(f.rank[1], 2);
}

static void golden(void **state) {
    (void)state;
    json_t *root = golden_open("frechet.json"), *list = json_object_get(root, "cases");
    assert_int_equal(json_array_size(list), 5);
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *c = json_array_get(list, k);
        const size_t rows[2] = {(size_t)golden_item(c, "rows", 0), (size_t)golden_item(c, "rows", 1)};
        const size_t dim = (size_t)golden_number(c, "dim"), copies = (size_t)golden_number(c, "copies");
        float *a = draw(2 * k + 1, rows[0], dim, copies, 0),
              *b = draw(2 * k + 2, rows[1], dim, copies, golden_number(c, "shift"));
        const arc_frechet f = distance(a, rows[0], b, rows[1], dim);
        assert_float_equal(f.means, golden_number(c, "means"), 1e-12 * f.means);
        /* The roots of eigenvalues that should be zero are off by the root of a rounding error: where the product of the
         * covariances is singular, SciPy's (which warns of it) and to a lesser degree NumPy's. */
        const bool regular = k < 2;
        assert_float_equal(f.distance, golden_number(c, "eigen"), (regular ? 1e-12 : 3e-7) * f.distance);
        assert_float_equal(f.distance, golden_number(c, "sqrtm"), (regular ? 1e-12 : 3e-7) * f.distance);
        for (int i = 0; i < 2; i++)
            assert_int_equal(f.rank[i], ARC_MIN(rows[i] - 1, dim - copies));
        free(a);
        free(b);
    }
    json_decref(root);
}

/* A set is at no distance from itself and as far from another as that is from it; a shift alone is its length. */
static void properties(void **state) {
    (void)state;
    static const size_t rows[] = {20, 300}; /* below and above the numbers in a row */
    enum { DIM = 40 };
    for (size_t k = 0; k < ARC_COUNT(rows); k++) {
        float *a = draw(5, rows[k], DIM, 0, 0), *b = draw(6, 90, DIM, 0, 0.5), *moved = draw(5, rows[k], DIM, 0, 0);
        const arc_frechet self = distance(a, rows[k], a, rows[k], DIM);
        assert_float_equal(self.distance, 0, 1e-12);
        for (size_t i = 0; i < rows[k] * DIM; i++)
            moved[i] += 0.25f;
        assert_float_equal(distance(a, rows[k], moved, rows[k], DIM).distance, DIM / 16.0, 1e-5);
        const arc_frechet there = distance(a, rows[k], b, 90, DIM);
        const arc_frechet back = distance(b, 90, a, rows[k], DIM);
        assert_true(there.distance > 1);
        assert_float_equal(there.distance, back.distance, 1e-12 * there.distance);
        free(a);
        free(b);
        free(moved);
    }
}

static void threads(void **state) {
    (void)state;
    enum { DIM = 150 };
    arc_frechet f[3];
    float *a = draw(7, 400, DIM, 20, 0), *b = draw(8, 100, DIM, 0, 0);
    for (int i = 0; i < 3; i++) {
        arc_context *other = arc_test_context(NULL, 1 + 3 * i);
        f[i] = distance_in(other, a, 400, b, 100, DIM);
        arc_context_close(&other);
    }
    assert_memory_equal(&f[0], &f[1], sizeof f[0]);
    assert_memory_equal(&f[0], &f[2], sizeof f[0]);
    free(a);
    free(b);
}

/* A = U diag(values) V' with U and V of reflections. */
static void singular(void **state) {
    (void)state;
    enum { ROWS = 90, COLUMNS = 70 };
    static double a[ROWS][COLUMNS], value[COLUMNS];
    double uu = 0, vv = 0;
    for (int i = 0; i < ROWS; i++)
        uu += sin(i + 1) * sin(i + 1);
    for (int j = 0; j < COLUMNS; j++)
        vv += cos(3 * j) * cos(3 * j);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            a[i][j] = 0;
            for (int k = 0; k < COLUMNS; k++) { /* values 69, 68, ... 4, and four that are 0 */
                const double size = k < 4 ? 0 : k;
                a[i][j] += size * ((i == k) - 2 * sin(i + 1) * sin(k + 1) / uu) * ((j == k) - 2 * cos(3 * j) * cos(3 * k) / vv);
            }
        }
    assert_int_equal(arc_singular_values(ctx, a[0], ROWS, COLUMNS, value, NULL), ARC_OK);
    for (int k = 0; k < COLUMNS; k++)
        assert_float_equal(value[k], k < COLUMNS - 4 ? COLUMNS - 1 - k : 0, 1e-12);
    double one[1] = {-3};
    assert_int_equal(arc_singular_values(ctx, one, 1, 1, value, NULL), ARC_OK);
    assert_float_equal(value[0], 3, 0);
    double none[2][2] = {{0, 0}, {0, 0}};
    assert_int_equal(arc_singular_values(ctx, none[0], 2, 2, value, NULL), ARC_OK);
    assert_float_equal(value[0], 0, 0);
}

static void refused(void **state) {
    (void)state;
    arc_frechet f;
    arc_error err = {0};
    float a[3][2] = {{0, 1}, {1, 0}, {1, 1}}, b[3][2] = {{0, 1}, {1, NAN}, {1, 1}};
    assert_int_equal(arc_frechet_distance(ctx, a[0], 1, a[0], 3, 2, &f, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "the first set has 1 rows"));
    assert_int_equal(arc_frechet_distance(ctx, a[0], 3, b[0], 3, 2, &f, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "the second set: number 1 of row 1 is not finite"));
    assert_float_equal(f.distance, 0, 0);
    double matrix[2][2] = {{1, INFINITY}, {0, 1}}, value[2];
    assert_int_equal(arc_singular_values(ctx, matrix[0], 2, 2, value, &err), ARC_EINVAL);
    /* Equal rows: no spread at all, in both ways to hold them. */
    const float flat[4][2] = {{1, 2}, {1, 2}, {1, 2}, {1, 2}};
    f = distance(flat[0], 4, a[0], 3, 2);
    assert_float_equal(f.spreads, 2.0 / 3, 1e-12);
    assert_int_equal(f.rank[0], 0);
}

static void memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *small = arc_test_context(&heap, 2);
    float *a = draw(1, 30, 6, 0, 0), *b = draw(2, 4, 6, 0, 0);
    arc_frechet f;
    arc_status st;
    arc_test_walk walk = {.heap = &heap};
    do {
        arc_test_walk_begin(&walk);
        st = arc_frechet_distance(small, a, 30, b, 4, 6, &f, NULL);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 8);
    free(a);
    free(b);
    arc_context_close(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand), cmocka_unit_test(golden),   cmocka_unit_test(properties),
                                       cmocka_unit_test(threads), cmocka_unit_test(singular), cmocka_unit_test(refused),
                                       cmocka_unit_test(memory)};
    return cmocka_run_group_tests_name("frechet", tests, open_context, close_context);
}
