/* reference: arc.Attention (op/attention/fused.c), softmax(scale q k^T + bias) v, as its attributes define it. */
#include "device/reference/reference.h"
#include <math.h>

/* [batch][heads][length][size] in an operand: sizes, strides and the first element. */
typedef struct view {
    const double *data;
    size_t dim[4], stride[4];
} view;

static view view_of(const arc_reference_call *c, int input, const char *name) {
    const arc_reference_value *v = c->in[input];
    size_t stride[ARC_MAX_RANK] = {0}, step = 1;
    int64_t at[6];
    arc_reference_ints(c->node, name, 6, -1, at);
    for (int i = v->shape.rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= (size_t)v->shape.dim[i];
    }
    view w = {.data = v->data + (at[4] < 0 ? 0 : stride[at[4]] * (size_t)at[5])};
    for (int i = 0; i < 4; i++) {
        w.dim[i] = (size_t)v->shape.dim[at[i]];
        w.stride[i] = stride[at[i]];
    }
    return w;
}

/* A batch or head of one is everyone's. */
static double element(const view *v, size_t batch, size_t head, size_t row, size_t k) {
    return v->data[(v->dim[0] == 1 ? 0 : batch) * v->stride[0] + (v->dim[1] == 1 ? 0 : head) * v->stride[1] + row * v->stride[2] +
                   k * v->stride[3]];
}

static double scale_of(const arc_reference_call *c, size_t head) {
    double scale = (double)arc_attr_float(c->node, "arc.scale", 1);
    const int64_t divisors = arc_attr_int(c->node, "arc.divisors", 0);
    if (c->inputs > 4 && c->in[4])
        scale *= c->in[4]->data[arc_reference_count(c->in[4]) == 1 ? 0 : head];
    for (int i = 5; i < c->inputs; i++)
        scale = divisors >> (i - 5) & 1 ? scale / c->in[i]->data[0] : scale * c->in[i]->data[0];
    return scale;
}

static double score(const arc_reference_call *c, const view *q, const view *k, size_t batch, size_t head, size_t i, size_t j) {
    double sum = 0;
    for (size_t e = 0; e < q->dim[3]; e++)
        sum += element(q, batch, head, i, e) * element(k, batch, head, j, e);
    sum *= scale_of(c, head);
    if (c->inputs > 3 && c->in[3]) {
        const size_t heads = (size_t)c->out[0]->shape.dim[arc_attr_int(c->node, "arc.rows", 0) ? 2 : 1];
        const arc_shape all = {4, {c->out[0]->shape.dim[0], (int64_t)heads, (int64_t)q->dim[2], (int64_t)k->dim[2]}};
        const size_t at = ((batch * heads + head) * q->dim[2] + i) * k->dim[2] + j;
        sum += c->in[3]->data[arc_reference_broadcast(&c->in[3]->shape, &all, at)];
    }
    return sum;
}

/* Element e of row i: the weights of the keys are taken in two passes, the second relative to the largest score. */
static double attend(const arc_reference_call *c, const view *q, const view *k, const view *v, const size_t at[4]) {
    double most = -INFINITY, total = 0, sum = 0;
    for (size_t j = 0; j < k->dim[2]; j++)
        most = fmax(most, score(c, q, k, at[0], at[1], at[2], j));
    for (size_t j = 0; j < k->dim[2]; j++) {
        const double weight = exp(score(c, q, k, at[0], at[1], at[2], j) - most);
        total += weight;
        sum += weight * element(v, at[0], at[1], j, at[3]);
    }
    return sum / total;
}

static void attention_run(const arc_reference_call *c) {
    const view q = view_of(c, 0, "arc.q"), k = view_of(c, 1, "arc.k"), v = view_of(c, 2, "arc.v");
    const bool rows = arc_attr_int(c->node, "arc.rows", 0) != 0;
    const int64_t *dim = c->out[0]->shape.dim;
    for (size_t i = 0; i < arc_reference_count(c->out[0]); i++) {
        const size_t d1 = i / (size_t)dim[3] / (size_t)dim[2] % (size_t)dim[1], d2 = i / (size_t)dim[3] % (size_t)dim[2];
        const size_t at[4] = {i / (size_t)(dim[1] * dim[2] * dim[3]), rows ? d2 : d1, rows ? d1 : d2, i % (size_t)dim[3]};
        c->out[0]->data[i] = attend(c, &q, &k, &v, at);
    }
}

const arc_reference_entry arc_reference_attention[] = {{"arc.Attention", attention_run}, {0}};
