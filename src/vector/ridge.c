/* vector: ridge regression. (X'X + c I) W = X'Y by Cholesky's factors; columns of W are solved side by side. */
#include "vector/ridge.h"
#include <math.h>
#include <string.h>

arc_status arc_ridge_begin(arc_ridge *r, const arc_context *ctx, int in_dim, int out_dim, arc_error *err) {
    const size_t in = (size_t)in_dim, out = (size_t)out_dim;
    *r = (arc_ridge){.ctx = ctx, .in_dim = in_dim, .out_dim = out_dim};
    r->in_in = arc_mem_new(&ctx->alloc, in * in, sizeof(double));
    r->in_out = arc_mem_new(&ctx->alloc, in * out, sizeof(double));
    if (r->in_in && r->in_out)
        return ARC_OK;
    arc_ridge_end(r);
    return arc_fail_nomem(err, "a map of embeddings");
}

void arc_ridge_end(arc_ridge *r) {
    if (!r->ctx)
        return;
    arc_mem_free(&r->ctx->alloc, r->in_in);
    arc_mem_free(&r->ctx->alloc, r->in_out);
    *r = (arc_ridge){0};
}

typedef struct adding {
    arc_ridge *r;
    const float *x, *y;
    int64_t rows;
} adding;

/* Rows of both sums: each belongs to one thread, and pairs are added in their order. */
static void add_rows(void *arg, size_t begin, size_t end, int thread) {
    const adding *a = arg;
    const size_t in = (size_t)a->r->in_dim, out = (size_t)a->r->out_dim;
    (void)thread;
    for (int64_t n = 0; n < a->rows; n++) {
        const float *x = a->x + (size_t)n * in, *y = a->y + (size_t)n * out;
        for (size_t i = begin; i < end; i++) {
            double *xx = a->r->in_in + i * in, *xy = a->r->in_out + i * out;
            const double factor = x[i];
            for (size_t j = 0; j < in; j++)
                xx[j] += factor * x[j];
            for (size_t j = 0; j < out; j++)
                xy[j] += factor * y[j];
        }
    }
}

void arc_ridge_add(arc_ridge *r, const float *x, const float *y, int64_t rows) {
    adding a = {r, x, y, rows};
    arc_pool_run(r->ctx->pool, (size_t)r->in_dim, 16, add_rows, &a);
    r->pairs += rows;
}

/* a: [n][n] symmetric; its lower triangle becomes L with L L' = a. false: it is not positive definite. */
static bool factor(double *a, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            if (i > j)
                a[i * n + j] = sum / a[j * n + j];
            else if (!(sum > 0) || !isfinite(sum))
                return false;
            else
                a[i * n + i] = sqrt(sum);
        }
    return true;
}

typedef struct solving {
    const double *l; /* [n][n] */
    double *b;       /* [n][m], becomes the solution */
    size_t n, m;
} solving;

static void solve_columns(void *arg, size_t begin, size_t end, int thread) {
    const solving *s = arg;
    (void)thread;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < i; k++)
            for (size_t c = begin; c < end; c++)
                s->b[i * s->m + c] -= s->l[i * s->n + k] * s->b[k * s->m + c];
        for (size_t c = begin; c < end; c++)
            s->b[i * s->m + c] /= s->l[i * s->n + i];
    }
    for (size_t i = s->n; i-- > 0;) {
        for (size_t k = i + 1; k < s->n; k++)
            for (size_t c = begin; c < end; c++)
                s->b[i * s->m + c] -= s->l[k * s->n + i] * s->b[k * s->m + c];
        for (size_t c = begin; c < end; c++)
            s->b[i * s->m + c] /= s->l[i * s->n + i];
    }
}

arc_status arc_ridge_solve(const arc_ridge *r, double lambda, float *map, arc_error *err) {
    const arc_alloc *alloc = &r->ctx->alloc;
    const size_t in = (size_t)r->in_dim, out = (size_t)r->out_dim;
    double trace = 0;
    if (r->pairs == 0)
        return arc_fail(err, ARC_EINVAL, "a map of embeddings needs pairs of them");
    solving s = {.n = in, .m = out};
    double *l = arc_mem_raw(alloc, in * in, sizeof *l);
    s.b = arc_mem_raw(alloc, in * out, sizeof *s.b);
    arc_status st = l && s.b ? ARC_OK : arc_fail_nomem(err, "a map of embeddings");
    if (st == ARC_OK) {
        memcpy(l, r->in_in, in * in * sizeof *l);
        memcpy(s.b, r->in_out, in * out * sizeof *s.b);
        for (size_t i = 0; i < in; i++)
            trace += l[i * in + i];
        for (size_t i = 0; i < in; i++)
            l[i * in + i] += lambda * trace / (double)in;
        s.l = l;
        if (!factor(l, in))
            st = arc_fail(err, ARC_EINVAL, "no map fits these embeddings: they are not finite, or all zero");
    }
    if (st == ARC_OK) {
        arc_pool_run(r->ctx->pool, out, 32, solve_columns, &s);
        for (size_t i = 0; i < in * out; i++)
            map[i] = (float)s.b[i];
    }
    arc_mem_free(alloc, l);
    arc_mem_free(alloc, s.b);
    return st;
}

void arc_ridge_map(const float *map, int in_dim, int out_dim, const float *x, float *out) {
    double length = 0;
    for (int j = 0; j < out_dim; j++) {
        double sum = 0;
        for (int i = 0; i < in_dim; i++)
            sum += (double)x[i] * (double)map[(size_t)i * (size_t)out_dim + (size_t)j];
        out[j] = (float)sum;
        length += sum * sum;
    }
    const double scale = length > 0 ? 1 / sqrt(length) : 0;
    for (int j = 0; j < out_dim; j++)
        out[j] = (float)((double)out[j] * scale);
}
