/* vector: singular values. Householder reflections from both sides make the matrix bidiagonal; the eigenvalues of the symmetric
 * tridiagonal matrix [0 B; B' 0], with rows and columns shuffled so that its diagonal is zero, are plus and minus the singular
 * values. That is as exact as the values are: nothing is squared, as it would be in the eigenvalues of A'A. */
#include "vector/singular.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TILE_COLUMNS 64 /* of a reflection from the left: a tile of a few thousand rows stays in cache between its two passes */
#define MAX_SWEEPS 64   /* for one eigenvalue; two or three are usual */

typedef struct reduction {
    double *a;
    size_t rows, columns, step;
    double *left; /* [rows] the reflection from the left */
    double *dots; /* [columns] */
    double scale; /* 2 / |v|^2 */
} reduction;

/* Makes v of x so that (1 - scale v v') x = (result, 0, 0, ...), in place; v begins with x[0] changed. */
static double reflect(double *x, size_t stride, size_t count, double *scale) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i * stride] * x[i * stride];
    const double length = sqrt(sum), first = x[0], result = first > 0 ? -length : length;
    *scale = 0;
    if (!(length > 0))
        return first;
    x[0] = first - result;
    *scale = 1 / (sum - first * result); /* |v|^2 / 2 = |x|^2 - first * result */
    return result;
}

/* Columns behind the step: each tile's sums over the rows are its own. */
static void apply_left(void *arg, size_t begin, size_t end, int thread) {
    const reduction *r = arg;
    (void)thread;
    for (size_t tile = begin; tile < end; tile++) {
        const size_t from = r->step + 1 + tile * TILE_COLUMNS, to = ARC_MIN(from + TILE_COLUMNS, r->columns);
        memset(r->dots + from, 0, (to - from) * sizeof(double));
        for (size_t i = r->step; i < r->rows; i++) {
            const double *row = r->a + i * r->columns, v = r->left[i];
            for (size_t j = from; j < to; j++)
                r->dots[j] += v * row[j];
        }
        for (size_t i = r->step; i < r->rows; i++) {
            double *row = r->a + i * r->columns;
            const double v = r->scale * r->left[i];
            for (size_t j = from; j < to; j++)
                row[j] -= v * r->dots[j];
        }
    }
}

/* Rows below the step; the reflection lies in the step's own row. */
static void apply_right(void *arg, size_t begin, size_t end, int thread) {
    const reduction *r = arg;
    const double *v = r->a + r->step * r->columns;
    (void)thread;
    for (size_t i = r->step + 1 + begin; i < r->step + 1 + end; i++) {
        double *row = r->a + i * r->columns, sum[4] = {0};
        size_t j = r->step + 1;
        for (; j + 4 <= r->columns; j += 4)
            for (size_t k = 0; k < 4; k++)
                sum[k] += row[j + k] * v[j + k];
        for (; j < r->columns; j++)
            sum[0] += row[j] * v[j];
        const double times = r->scale * ((sum[0] + sum[1]) + (sum[2] + sum[3]));
        for (j = r->step + 1; j < r->columns; j++)
            row[j] -= times * v[j];
    }
}

/* The bidiagonal form as the off-diagonal of the shuffled matrix: off[2k] its diagonal, off[2k+1] what stands right of that. */
static void make_bidiagonal(arc_pool *pool, reduction *r, double *off) {
    for (r->step = 0; r->step < r->columns; r->step++) {
        const size_t k = r->step, behind = r->columns - k - 1;
        off[2 * k] = reflect(r->a + k * r->columns + k, r->columns, r->rows - k, &r->scale);
        for (size_t i = k; i < r->rows; i++)
            r->left[i] = r->a[i * r->columns + k];
        arc_pool_run(pool, (behind + TILE_COLUMNS - 1) / TILE_COLUMNS, 1, apply_left, r);
        if (behind == 0)
            break;
        off[2 * k + 1] = reflect(r->a + k * r->columns + k + 1, 1, behind, &r->scale);
        arc_pool_run(pool, r->rows - k - 1, 16, apply_right, r);
    }
}

/* One implicit QL sweep over the block [from, to] with Wilkinson's shift. */
static void sweep(double *diagonal, double *off, size_t from, size_t to) {
    double g = (diagonal[from + 1] - diagonal[from]) / (2 * off[from]);
    const double r = hypot(g, 1);
    g = diagonal[to] - diagonal[from] + off[from] / (g + (g < 0 ? -r : r));
    double s = 1, c = 1, p = 0;
    for (size_t i = to; i-- > from;) {
        const double f = s * off[i], b = c * off[i], length = hypot(f, g);
        off[i + 1] = length;
        if (!(length > 0)) { /* the block has come apart here */
            diagonal[i + 1] -= p;
            off[to] = 0;
            return;
        }
        s = f / length;
        c = g / length;
        g = diagonal[i + 1] - p;
        const double turned = (diagonal[i] - g) * s + 2 * c * b;
        p = s * turned;
        diagonal[i + 1] = g + p;
        g = c * turned - b;
    }
    diagonal[from] -= p;
    off[from] = g;
    off[to] = 0;
}

/* Eigenvalues of the symmetric tridiagonal matrix, in place of its diagonal; off[count-1] is room. False where there are none. */
static bool eigenvalues(double *diagonal, double *off, size_t count) {
    double largest = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        if (!isfinite(off[i]))
            return false;
        largest = ARC_MAX(largest, fabs(off[i]));
    }
    off[count - 1] = 0;
    for (size_t from = 0; from < count; from++)
        for (int sweeps = 0;; sweeps++) {
            size_t to = from;
            while (to + 1 < count && fabs(off[to]) > 0x1p-53 * largest)
                to++;
            if (to == from)
                break;
            if (sweeps == MAX_SWEEPS)
                return false;
            sweep(diagonal, off, from, to);
        }
    return true;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The eigenvalues come in pairs, plus and minus one value; rounding may give both the same sign where that is nothing. */
static void halve(double *eigenvalue, size_t values, double *value) {
    for (size_t i = 0; i < 2 * values; i++)
        eigenvalue[i] = fabs(eigenvalue[i]);
    qsort(eigenvalue, 2 * values, sizeof *eigenvalue, by_size);
    for (size_t i = 0; i < values; i++)
        value[values - 1 - i] = (eigenvalue[2 * i] + eigenvalue[2 * i + 1]) / 2;
}

arc_status arc_singular_values(const arc_context *ctx, double *a, size_t rows, size_t columns, double *value, arc_error *err) {
    double *diagonal = arc_mem_new(&ctx->alloc, 2 * columns, sizeof(double));
    double *off = arc_mem_new(&ctx->alloc, 2 * columns, sizeof(double));
    double *left = arc_mem_new(&ctx->alloc, rows, sizeof(double));
    arc_status st = diagonal && off && left ? ARC_OK : arc_fail_nomem(err, "singular values");
    if (st == ARC_OK) {
        reduction r = {.a = a, .rows = rows, .columns = columns, .left = left, .dots = value};
        make_bidiagonal(ctx->pool, &r, off);
        if (eigenvalues(diagonal, off, 2 * columns))
            halve(diagonal, columns, value);
        else
            st =
                arc_fail(err, ARC_EINVAL,
                         "a matrix of %zu by %zu has no singular values: its numbers are not finite or too large", rows, columns);
    }
    arc_mem_free(&ctx->alloc, diagonal);
    arc_mem_free(&ctx->alloc, off);
    arc_mem_free(&ctx->alloc, left);
    return st;
}
