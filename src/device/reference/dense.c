/* reference: Gemm and MatMul, with what passes fuse into them. */
#include "device/reference/reference.h"

static const arc_reference_value *input(const arc_reference_call *c, int i) {
    return i < c->inputs ? c->in[i] : NULL;
}

static void gemm_run(const arc_reference_call *c) {
    const arc_reference_value *a = c->in[0], *b = c->in[1], *bias = input(c, 2);
    const bool ta = arc_attr_int(c->node, "transA", 0) != 0, tb = arc_attr_int(c->node, "transB", 0) != 0;
    const double alpha = (double)arc_attr_float(c->node, "alpha", 1), beta = (double)arc_attr_float(c->node, "beta", 1);
    const size_t m = (size_t)a->shape.dim[ta], k = (size_t)a->shape.dim[!ta], n = (size_t)b->shape.dim[!tb];
    const arc_reference_value *by_n = input(c, ARC_CONV_OUT_SCALE), *by_k = input(c, ARC_CONV_IN_SCALE);
    for (size_t at = 0; at < m * n; at++) {
        const size_t i = at / n, j = at % n;
        double sum = 0;
        for (size_t q = 0; q < k; q++) {
            const double w = b->data[tb ? j * k + q : q * n + j] * (by_k ? by_k->data[q] : 1) * (by_n ? by_n->data[j] : 1);
            sum += a->data[ta ? q * m + i : i * k + q] * w;
        }
        sum *= alpha;
        if (bias)
            sum += beta * bias->data[arc_reference_broadcast(&bias->shape, &c->out[0]->shape, at)];
        c->out[0]->data[at] = arc_reference_act(c, j, sum);
    }
}

/* The leading dimensions, those of matrices left out. */
static arc_shape batch_of(const arc_shape *s, int left_out) {
    arc_shape batch = *s;
    batch.rank = ARC_MAX(s->rank - left_out, 0);
    return batch;
}

/* Operands of rank 1 are a row (the first) or a column (the second), whose dimension the result loses. */
static void matmul_run(const arc_reference_call *c) {
    const arc_reference_value *a = c->in[0], *b = c->in[1];
    const bool row = a->shape.rank == 1, column = b->shape.rank == 1;
    const size_t m = row ? 1 : (size_t)a->shape.dim[a->shape.rank - 2], k = (size_t)a->shape.dim[a->shape.rank - 1];
    const size_t n = column ? 1 : (size_t)b->shape.dim[b->shape.rank - 1], count = arc_reference_count(c->out[0]);
    const arc_reference_value *bias = input(c, 2), *residual = input(c, ARC_CONV_RESIDUAL), *by_n = input(c, ARC_CONV_OUT_SCALE);
    arc_shape product = residual ? a->shape : c->out[0]->shape; /* a residual stands beside a matrix of rank 2 only */
    if (residual)
        product.dim[product.rank - 1] = (int64_t)n;
    const arc_shape of_a = batch_of(&a->shape, 2), of_b = batch_of(&b->shape, 2),
                    batch = batch_of(&product, (row ? 0 : 1) + (column ? 0 : 1));
    for (size_t whole = 0; whole < count; whole++) {
        const size_t at = arc_reference_broadcast(&product, &c->out[0]->shape, whole);
        const size_t matrix = at / (m * n), i = at / n % m, j = at % n;
        const double *x = a->data + arc_reference_broadcast(&of_a, &batch, matrix) * m * k;
        const double *y = b->data + arc_reference_broadcast(&of_b, &batch, matrix) * k * n;
        double sum = 0;
        for (size_t q = 0; q < k; q++)
            sum += x[i * k + q] * y[q * n + j];
        sum *= by_n ? by_n->data[j] : 1;
        sum += bias ? bias->data[j] : 0;
        sum += residual ? residual->data[arc_reference_broadcast(&residual->shape, &c->out[0]->shape, whole)] : 0;
        c->out[0]->data[whole] = arc_reference_act(c, j, sum);
    }
}

const arc_reference_entry arc_reference_dense[] = {{"Gemm", gemm_run}, {"MatMul", matmul_run}, {0}};
