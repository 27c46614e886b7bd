/* vector: the Frechet distance. A covariance S is written as F F', so that the trace of (S1 S2)^(1/2) is the sum of the singular
 * values of F1' F2: these are the roots of the eigenvalues of S1^(1/2) S2 S1^(1/2), and no root of a matrix is taken. F has the
 * centred rows themselves where they are fewer than the numbers in them, else the pivoted Cholesky factor. */
#include "vector/frechet.h"
#include "vector/singular.h"
#include <math.h>
#include <string.h>

#define CHUNK_ROWS 256

typedef struct set {
    const float *x;
    size_t rows, dim;
    double *mean;   /* [dim] */
    double *factor; /* [dim][rank]; S = factor factor' */
    size_t rank;
    double trace; /* of S */
} set;

/* ---- C[m][n] += A' B for A[k][m] and B[k][n]; `upper`: only columns from the row's number on ---- */

typedef struct product {
    const double *a, *b;
    double *c;
    size_t k, m, n;
    bool upper;
} product;

/* Rows of C. Four rows of B at a time: C is read and written a quarter as often. */
static void multiply_rows(void *arg, size_t begin, size_t end, int thread) {
    const product *p = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        double *c = p->c + i * p->n;
        size_t s = 0;
        for (; s + 4 <= p->k; s += 4) {
            const double *a = p->a + s * p->m + i, *b = p->b + s * p->n;
            const double a0 = a[0], a1 = a[p->m], a2 = a[2 * p->m], a3 = a[3 * p->m];
            for (size_t j = p->upper ? i : 0; j < p->n; j++)
                c[j] += (a0 * b[j] + a1 * b[p->n + j]) + (a2 * b[2 * p->n + j] + a3 * b[3 * p->n + j]);
        }
        for (; s < p->k; s++)
            for (size_t j = p->upper ? i : 0; j < p->n; j++)
                c[j] += p->a[s * p->m + i] * p->b[s * p->n + j];
    }
}

/* ---- one set ---- */

static arc_status find_mean(set *s, const char *name, arc_error *err) {
    for (size_t i = 0; i < s->rows; i++)
        for (size_t j = 0; j < s->dim; j++) {
            const float x = s->x[i * s->dim + j];
            if (!isfinite(x))
                return arc_fail(err, ARC_EINVAL, "%s: number %zu of row %zu is not finite", name, j, i);
            s->mean[j] += x;
        }
    for (size_t j = 0; j < s->dim; j++)
        s->mean[j] /= (double)s->rows;
    return ARC_OK;
}

/* Centred rows from `first` on, divided by the root of rows - 1. transposed: [dim][count], else [count][dim]. */
static void centre(const set *s, size_t first, size_t count, bool transposed, double *out) {
    const double scale = 1 / sqrt((double)(s->rows - 1));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < s->dim; j++) {
            const double x = (s->x[(first + i) * s->dim + j] - s->mean[j]) * scale;
            out[transposed ? j * count + i : i * s->dim + j] = x;
        }
}

/* The upper triangle of the covariance. */
static arc_status find_covariance(const arc_context *ctx, const set *s, double *cov, arc_error *err) {
    double *chunk = arc_mem_raw(&ctx->alloc, CHUNK_ROWS * s->dim, sizeof(double));
    if (!chunk)
        return arc_fail_nomem(err, "covariances");
    for (size_t first = 0; first < s->rows; first += CHUNK_ROWS) {
        const size_t count = ARC_MIN((size_t)CHUNK_ROWS, s->rows - first);
        centre(s, first, count, false, chunk);
        product p = {chunk, chunk, cov, count, s->dim, s->dim, true};
        arc_pool_run(ctx->pool, s->dim, 8, multiply_rows, &p);
    }
    arc_mem_free(&ctx->alloc, chunk);
    return ARC_OK;
}

typedef struct elimination {
    double *cov; /* [dim][dim], upper triangle: what is left of it */
    const double *column;
    const bool *done; /* [dim] numbers that have been a pivot */
    size_t dim;
} elimination;

static void eliminate_rows(void *arg, size_t begin, size_t end, int thread) {
    const elimination *e = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const double times = e->column[i];
        double *row = e->cov + i * e->dim;
        for (size_t j = i; !e->done[i] && j < e->dim; j++)
            row[j] -= times * e->column[j];
    }
}

/* Cholesky with the largest remaining variance as the next pivot; it ends where only rounding errors remain. factor: transposed,
 * [rank][dim]. Source: Higham, Accuracy and Stability of Numerical Algorithms, 10.3. */
static arc_status factorise(const arc_context *ctx, set *s, double *cov, double *factor, arc_error *err) {
    bool *done = arc_mem_new(&ctx->alloc, s->dim, sizeof(bool));
    if (!done)
        return arc_fail_nomem(err, "a factor of covariances");
    double least = 0;
    for (s->rank = 0; s->rank < s->dim; s->rank++) {
        size_t pivot = s->dim;
        for (size_t i = 0; i < s->dim; i++)
            if (!done[i] && (pivot == s->dim || cov[i * s->dim + i] > cov[pivot * s->dim + pivot]))
                pivot = i;
        const double variance = cov[pivot * s->dim + pivot];
        if (s->rank == 0)
            least = variance * 0x1p-52 * (double)s->dim;
        if (!(variance > least))
            break;
        double *column = factor + s->rank * s->dim;
        for (size_t i = 0; i < s->dim; i++)
            column[i] = done[i] ? 0 : cov[ARC_MIN(i, pivot) * s->dim + ARC_MAX(i, pivot)] / sqrt(variance);
        done[pivot] = true;
        elimination e = {cov, column, done, s->dim};
        arc_pool_run(ctx->pool, s->dim, 16, eliminate_rows, &e);
    }
    arc_mem_free(&ctx->alloc, done);
    return ARC_OK;
}

static void transpose(const double *in, size_t rows, size_t columns, double *out) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            out[j * rows + i] = in[i * columns + j];
}

/* For at least as many rows as numbers. */
static arc_status take_covariance(const arc_context *ctx, set *s, arc_error *err) {
    double *cov = arc_mem_new(&ctx->alloc, s->dim * s->dim, sizeof(double));
    double *factor = arc_mem_raw(&ctx->alloc, s->dim * s->dim, sizeof(double));
    arc_status st = cov && factor ? find_covariance(ctx, s, cov, err) : arc_fail_nomem(err, "covariances");
    for (size_t i = 0; st == ARC_OK && i < s->dim; i++)
        s->trace += cov[i * s->dim + i];
    if (st == ARC_OK)
        st = factorise(ctx, s, cov, factor, err);
    if (st == ARC_OK) { /* what is left of the covariance is no longer needed */
        transpose(factor, s->rank, s->dim, cov);
        s->factor = cov;
        cov = NULL;
    }
    arc_mem_free(&ctx->alloc, cov);
    arc_mem_free(&ctx->alloc, factor);
    return st;
}

static arc_status take_rows(const arc_context *ctx, set *s, arc_error *err) {
    s->rank = s->rows;
    s->factor = arc_mem_raw(&ctx->alloc, s->dim * s->rows, sizeof(double));
    if (!s->factor)
        return arc_fail_nomem(err, "centred rows");
    centre(s, 0, s->rows, true, s->factor);
    for (size_t i = 0; i < s->dim * s->rows; i++)
        s->trace += s->factor[i] * s->factor[i];
    return ARC_OK;
}

static arc_status prepare(const arc_context *ctx, set *s, const char *name, arc_error *err) {
    if (s->rows < 2)
        return arc_fail(err, ARC_EINVAL, "%s has %zu rows; a covariance needs two", name, s->rows);
    s->mean = arc_mem_new(&ctx->alloc, s->dim, sizeof(double));
    arc_status st = s->mean ? find_mean(s, name, err) : arc_fail_nomem(err, "means");
    if (st == ARC_OK)
        st = s->rows > s->dim ? take_covariance(ctx, s, err) : take_rows(ctx, s, err);
    return st == ARC_OK && !isfinite(s->trace) ? arc_fail(err, ARC_EINVAL, "%s: its numbers are too large to be squared", name)
                                               : st;
}

/* ---- both ---- */

/* The trace of the root of the product of both covariances. */
static arc_status find_common(const arc_context *ctx, const set *a, const set *b, double *out, arc_error *err) {
    const set *tall = a->rank >= b->rank ? a : b, *flat = tall == a ? b : a;
    const size_t rows = tall->rank, columns = flat->rank;
    *out = 0;
    if (columns == 0)
        return ARC_OK;
    double *both = arc_mem_new(&ctx->alloc, rows * columns, sizeof(double));
    double *value = arc_mem_raw(&ctx->alloc, columns, sizeof(double));
    arc_status st = both && value ? ARC_OK : arc_fail_nomem(err, "the product of two covariances");
    if (st == ARC_OK) {
        product p = {tall->factor, flat->factor, both, a->dim, rows, columns, false};
        arc_pool_run(ctx->pool, rows, 8, multiply_rows, &p);
        st = arc_singular_values(ctx, both, rows, columns, value, err);
    }
    for (size_t i = 0; st == ARC_OK && i < columns; i++)
        *out += value[i];
    arc_mem_free(&ctx->alloc, both);
    arc_mem_free(&ctx->alloc, value);
    return st;
}

arc_status arc_frechet_distance(const arc_context *ctx, const float *a, int64_t a_rows, const float *b, int64_t b_rows, int dim,
                                arc_frechet *out, arc_error *err) {
    set s[2] = {{.x = a, .rows = (size_t)a_rows, .dim = (size_t)dim}, {.x = b, .rows = (size_t)b_rows, .dim = (size_t)dim}};
    double common = 0;
    *out = (arc_frechet){0};
    arc_status st = prepare(ctx, &s[0], "the first set", err);
    if (st == ARC_OK)
        st = prepare(ctx, &s[1], "the second set", err);
    if (st == ARC_OK)
        st = find_common(ctx, &s[0], &s[1], &common, err);
    if (st == ARC_OK) {
        for (size_t j = 0; j < (size_t)dim; j++)
            out->means += (s[0].mean[j] - s[1].mean[j]) * (s[0].mean[j] - s[1].mean[j]);
        out->spreads = ARC_MAX(s[0].trace + s[1].trace - 2 * common, 0.0);
        out->distance = out->means + out->spreads;
        for (int i = 0; i < 2; i++)
            out->rank[i] = (int)ARC_MIN(s[i].rank, s[i].rows - 1);
    }
    for (int i = 0; i < 2; i++) {
        arc_mem_free(&ctx->alloc, s[i].mean);
        arc_mem_free(&ctx->alloc, s[i].factor);
    }
    return st;
}
