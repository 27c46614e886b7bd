/* A network in double, the slow plain way: every operator that learns, with batch statistics. The learner's gradients are held against its finite
 * differences. Layout is NCHW throughout. */
#ifndef ARC_TEST_LEARN_REFERENCE_H
#define ARC_TEST_LEARN_REFERENCE_H

#include "learn_support.h"

enum { REF_VALUES = 128 };

typedef struct reference {
    const arc_graph *g;
    arc_learner *l;
    double *value[REF_VALUES]; /* of each value of the graph; constants are NULL until overridden */
    arc_shape shape[REF_VALUES];
    double *override[REF_VALUES]; /* parameters and images to use */
    bool evaluating;
    double statistics; /* sum over normalisations of d_mean . mean + d_variance . variance */
    uint64_t kinks;    /* hash of the signs at every kink: finite differences hold while it stays */
} reference;

static inline size_t ref_count(const arc_shape *s) {
    return (size_t)arc_shape_count(s);
}

static inline double *ref_of(reference *r, int v) {
    if (r->override[v])
        return r->override[v];
    if (!r->value[v]) { /* a constant */
        const arc_value *c = &r->g->value[v];
        assert_non_null(c->data);
        r->shape[v] = c->shape;
        r->value[v] = malloc(ref_count(&c->shape) * sizeof(double) + 1);
        for (size_t i = 0; i < ref_count(&c->shape); i++)
            r->value[v][i] = (double)((const float *)c->data)[i];
    }
    return r->value[v];
}

static inline double *ref_out(reference *r, const arc_node *n, arc_shape s) {
    const int v = n->output[0];
    free(r->value[v]);
    r->shape[v] = s;
    r->value[v] = calloc(ref_count(&s), sizeof(double));
    return r->value[v];
}

static inline bool ref_negative(reference *r, double x) {
    r->kinks = (r->kinks ^ (x < 0)) * 1099511628211u;
    return x < 0;
}

static inline void ref_conv(reference *r, const arc_node *n) {
    const arc_shape *x = &r->shape[n->input[0]], w = r->g->value[n->input[1]].shape;
    const double *in = ref_of(r, n->input[0]), *weight = ref_of(r, n->input[1]);
    const double *bias = n->inputs > 2 ? ref_of(r, n->input[2]) : NULL;
    const arc_attr *strides = arc_node_attr(n, "strides"), *pads = arc_node_attr(n, "pads");
    const int64_t s = strides->ints[0], p = pads->ints[0], groups = arc_attr_int(n, "group", 1);
    const int64_t h = x->dim[2], wide = x->dim[3], oh = (h + 2 * p - w.dim[2]) / s + 1, ow = (wide + 2 * p - w.dim[3]) / s + 1;
    double *y = ref_out(r, n, net_shape(4, x->dim[0], w.dim[0], oh, ow));
    for (int64_t image = 0; image < x->dim[0]; image++)
        for (int64_t o = 0; o < w.dim[0]; o++)
            for (int64_t oy = 0; oy < oh; oy++)
                for (int64_t ox = 0; ox < ow; ox++) {
                    double sum = bias ? bias[o] : 0;
                    for (int64_t i = 0; i < w.dim[1]; i++)
                        for (int64_t ky = 0; ky < w.dim[2]; ky++)
                            for (int64_t kx = 0; kx < w.dim[3]; kx++) {
                                const int64_t iy = oy * s - p + ky, ix = ox * s - p + kx;
                                const int64_t c = o / (w.dim[0] / groups) * w.dim[1] + i;
                                if (iy >= 0 && iy < h && ix >= 0 && ix < wide)
                                    sum += in[((image * x->dim[1] + c) * h + iy) * wide + ix] *
                                           weight[((o * w.dim[1] + i) * w.dim[2] + ky) * w.dim[3] + kx];
                            }
                    *y++ = sum;
                }
}

/* Element i of an activation belongs to this channel. */
static inline size_t ref_channel(const arc_shape *s, size_t i) {
    const size_t pixels = s->rank == 4 ? (size_t)(s->dim[2] * s->dim[3]) : 1;
    return i / pixels % (size_t)s->dim[1];
}

static inline const arc_learn_norm *ref_norm_of(reference *r, const char *name) {
    for (size_t i = 0; i < arc_learner_norms(r->l); i++)
        if (strcmp(arc_learner_norm(r->l, i)->name, name) == 0)
            return arc_learner_norm(r->l, i);
    return NULL; /* the output does not depend on it */
}

static inline void ref_norm(reference *r, const arc_node *n) {
    const arc_shape s = r->shape[n->input[0]];
    const double *x = ref_of(r, n->input[0]), *weight = ref_of(r, n->input[1]), *bias = ref_of(r, n->input[2]);
    const double *running_mean = ref_of(r, n->input[3]), *running_variance = ref_of(r, n->input[4]);
    const arc_learn_norm *norm = ref_norm_of(r, n->name);
    double *y = ref_out(r, n, s);
    const size_t count = ref_count(&s), each = count / (size_t)s.dim[1];
    for (size_t c = 0; c < (size_t)s.dim[1]; c++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < count; i++)
            mean += ref_channel(&s, i) == c ? x[i] / (double)each : 0;
        for (size_t i = 0; i < count; i++)
            variance += ref_channel(&s, i) == c ? (x[i] - mean) * (x[i] - mean) / (double)each : 0;
        if (norm)
            r->statistics += (double)norm->d_mean[c] * mean + (double)norm->d_variance[c] * variance;
        if (r->evaluating) {
            mean = running_mean[c];
            variance = running_variance[c];
        }
        for (size_t i = 0; i < count; i++)
            if (ref_channel(&s, i) == c)
                y[i] = (x[i] - mean) / sqrt(variance + (double)arc_attr_float(n, "epsilon", 1e-5f)) * weight[c] + bias[c];
    }
}

static inline void ref_each(reference *r, const arc_node *n) {
    const arc_shape s = r->shape[n->input[0]];
    const double *a = ref_of(r, n->input[0]), *b = n->inputs > 1 ? ref_of(r, n->input[1]) : NULL;
    const size_t count = ref_count(&s);
    double *y = ref_out(r, n, s);
    const size_t others = b ? ref_count(&r->shape[n->input[1]]) : 0;
    for (size_t i = 0; i < count; i++) {
        const size_t c = ref_channel(&s, i), pixels = (size_t)(s.rank == 4 ? s.dim[2] * s.dim[3] : 1);
        const double other = !b ? 0 : b[others == count ? i : others == 1 ? 0 : others == (size_t)s.dim[1] ? c : i / pixels];
        if (strcmp(n->op, "Add") == 0)
            y[i] = a[i] + other;
        else if (strcmp(n->op, "Sub") == 0)
            y[i] = a[i] - other;
        else if (strcmp(n->op, "Mul") == 0)
            y[i] = a[i] * other;
        else if (strcmp(n->op, "Div") == 0)
            y[i] = a[i] / other;
        else if (strcmp(n->op, "PRelu") == 0)
            y[i] = ref_negative(r, a[i]) ? a[i] * b[c] : a[i];
        else if (strcmp(n->op, "Relu") == 0)
            y[i] = ref_negative(r, a[i]) ? 0 : a[i];
        else if (strcmp(n->op, "Sigmoid") == 0)
            y[i] = 1 / (1 + exp(-a[i]));
        else
            y[i] = a[i]; /* Identity */
    }
}

static inline void ref_rows(reference *r, const arc_node *n) {
    const arc_shape s = r->shape[n->input[0]];
    const double *x = ref_of(r, n->input[0]);
    const size_t count = ref_count(&s);
    if (strcmp(n->op, "Flatten") == 0) {
        memcpy(ref_out(r, n, net_shape(2, s.dim[0], (int64_t)count / s.dim[0], 0, 0)), x, count * sizeof *x);
    } else if (strcmp(n->op, "GlobalAveragePool") == 0) {
        double *y = ref_out(r, n, net_shape(4, s.dim[0], s.dim[1], 1, 1));
        const size_t pixels = (size_t)(s.dim[2] * s.dim[3]);
        for (size_t i = 0; i < count; i++)
            y[i / pixels] += x[i] / (double)pixels;
    } else { /* Gemm */
        const arc_shape w = r->g->value[n->input[1]].shape;
        const double *weight = ref_of(r, n->input[1]), *bias = n->inputs > 2 ? ref_of(r, n->input[2]) : NULL;
        double *y = ref_out(r, n, net_shape(2, s.dim[0], w.dim[0], 0, 0));
        for (int64_t i = 0; i < s.dim[0]; i++)
            for (int64_t j = 0; j < w.dim[0]; j++) {
                double sum = bias ? bias[j] : 0;
                for (int64_t k = 0; k < w.dim[1]; k++)
                    sum += x[i * w.dim[1] + k] * weight[j * w.dim[1] + k];
                y[i * w.dim[0] + j] = sum;
            }
    }
}

/* The loss: embeddings times `loss`, and the statistics' share. Images and parameters come from override. */
static inline double ref_run(reference *r, const float *loss) {
    r->statistics = 0;
    r->kinks = 14695981039346656037u;
    for (int i = 0; i < r->g->nodes; i++) {
        const arc_node *n = &r->g->node[i];
        if (strcmp(n->op, "Conv") == 0)
            ref_conv(r, n);
        else if (strcmp(n->op, "BatchNormalization") == 0)
            ref_norm(r, n);
        else if (strcmp(n->op, "Flatten") == 0 || strcmp(n->op, "Gemm") == 0 || strcmp(n->op, "GlobalAveragePool") == 0)
            ref_rows(r, n);
        else
            ref_each(r, n);
    }
    const int out = r->g->output[0];
    double sum = r->statistics;
    for (size_t i = 0; i < ref_count(&r->shape[out]); i++)
        sum += r->value[out][i] * (double)loss[i];
    return sum;
}

static inline double *ref_doubles(const float *x, size_t count) {
    double *d = malloc(count * sizeof *d);
    for (size_t i = 0; i < count; i++)
        d[i] = (double)x[i];
    return d;
}

/* With the learner's present parameters and statistics. */
static inline void ref_new(reference *r, const arc_graph *g, arc_learner *l, const float *images, arc_shape shape,
                           bool evaluating) {
    *r = (reference){.g = g, .l = l, .evaluating = evaluating};
    assert_true(g->values <= REF_VALUES);
    const int x = g->input[0];
    r->override[x] = ref_doubles(images, ref_count(&shape));
    r->shape[x] = shape;
    for (size_t i = 0; i < arc_learner_parameters(l) + arc_learner_statistics(l); i++) {
        const size_t p = arc_learner_parameters(l);
        const arc_learn_parameter *from = i < p ? arc_learner_parameter(l, i) : arc_learner_statistic(l, i - p);
        const int v = arc_graph_find(g, from->name);
        r->override[v] = ref_doubles(from->value, from->count);
        r->shape[v] = from->shape;
    }
}

static inline void ref_free(reference *r) {
    for (int v = 0; v < REF_VALUES; v++) {
        free(r->value[v]);
        free(r->override[v]);
    }
}

#endif
