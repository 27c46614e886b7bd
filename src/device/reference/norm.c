/* reference: normalisations, Softmax and reductions: one number from many, by two passes where a mean is taken first. */
#include "device/reference/reference.h"
#include <math.h>
#include <string.h>

/* ---- BatchNormalization, InstanceNormalization ----------------------------------------------------------------------------- */

static size_t pixels_of(const arc_shape *s) {
    size_t pixels = 1;
    for (int d = 2; d < s->rank; d++)
        pixels *= (size_t)s->dim[d];
    return pixels;
}

/* Mean and biased variance of channel j over images [first, last). */
static void statistics(const arc_reference_value *x, size_t j, size_t first, size_t last, double *mean, double *variance) {
    const size_t channels = (size_t)x->shape.dim[1], pixels = pixels_of(&x->shape);
    const double count = (double)((last - first) * pixels);
    *mean = *variance = 0;
    for (size_t i = first; i < last; i++)
        for (size_t p = 0; p < pixels; p++)
            *mean += x->data[(i * channels + j) * pixels + p] / count;
    for (size_t i = first; i < last; i++)
        for (size_t p = 0; p < pixels; p++) {
            const double apart = x->data[(i * channels + j) * pixels + p] - *mean;
            *variance += apart * apart / count;
        }
}

static void normalise(const arc_reference_call *c, size_t j, size_t first, size_t last, double mean, double variance) {
    const size_t channels = (size_t)c->in[0]->shape.dim[1], pixels = pixels_of(&c->in[0]->shape);
    const double size = sqrt(variance + (double)arc_attr_float(c->node, "epsilon", 1e-5f));
    for (size_t i = first; i < last; i++)
        for (size_t p = 0; p < pixels; p++) {
            const size_t at = (i * channels + j) * pixels + p;
            c->out[0]->data[at] = (c->in[0]->data[at] - mean) / size * c->in[1]->data[j] + c->in[2]->data[j];
        }
}

static void batch_run(const arc_reference_call *c) {
    const size_t images = (size_t)c->in[0]->shape.dim[0];
    for (size_t j = 0; j < (size_t)c->in[0]->shape.dim[1]; j++) {
        double mean = c->in[3]->data[j], variance = c->in[4]->data[j];
        if (c->batch_statistics)
            statistics(c->in[0], j, 0, images, &mean, &variance);
        normalise(c, j, 0, images, mean, variance);
    }
}

static void instance_run(const arc_reference_call *c) {
    for (size_t i = 0; i < (size_t)c->in[0]->shape.dim[0]; i++)
        for (size_t j = 0; j < (size_t)c->in[0]->shape.dim[1]; j++) {
            double mean, variance;
            statistics(c->in[0], j, i, i + 1, &mean, &variance);
            normalise(c, j, i, i + 1, mean, variance);
        }
}

/* ---- LayerNormalization: over all dimensions from the axis on -------------------------------------------------------------- */

static void layer_run(const arc_reference_call *c) {
    const arc_reference_value *x = c->in[0], *scale = c->in[1], *shift = c->inputs > 2 ? c->in[2] : NULL;
    int64_t axis = arc_attr_int(c->node, "axis", -1);
    axis += axis < 0 ? x->shape.rank : 0;
    size_t count = 1;
    for (int d = (int)axis; d < x->shape.rank; d++)
        count *= (size_t)x->shape.dim[d];
    for (size_t row = 0; row * count < arc_reference_count(x); row++) {
        const size_t first = row * count;
        double mean = 0, variance = (double)arc_attr_float(c->node, "epsilon", 1e-5f);
        for (size_t i = 0; i < count; i++)
            mean += x->data[first + i] / (double)count;
        for (size_t i = 0; i < count; i++)
            variance += (x->data[first + i] - mean) * (x->data[first + i] - mean) / (double)count;
        for (size_t i = 0; i < count; i++) {
            const double factor = scale->data[arc_reference_count(scale) == 1 ? 0 : i];
            const double plus = !shift ? 0 : shift->data[arc_reference_count(shift) == 1 ? 0 : i];
            c->out[0]->data[first + i] = (x->data[first + i] - mean) / sqrt(variance) * factor + plus;
        }
        if (c->outputs > 1 && c->out[1])
            c->out[1]->data[row] = mean;
        if (c->outputs > 2 && c->out[2])
            c->out[2]->data[row] = 1 / sqrt(variance);
    }
}

/* ---- Softmax, LogSoftmax --------------------------------------------------------------------------------------------------- */

/* Before opset 13 from the axis to the end, from then on along the axis. */
static void softmax(const arc_reference_call *c, bool logarithm) {
    const arc_shape *s = &c->in[0]->shape;
    const bool old = c->opset < 13;
    int64_t axis = arc_attr_int(c->node, "axis", old ? 1 : -1);
    axis += axis < 0 ? s->rank : 0;
    size_t count = 1, step = 1, all = arc_reference_count(c->in[0]);
    for (int d = (int)axis; d < s->rank; d++)
        if (old || d == axis)
            count *= (size_t)s->dim[d];
        else
            step *= (size_t)s->dim[d];
    for (size_t line = 0; line < all / count; line++) {
        const size_t first = line / step * step * count + line % step;
        const double *x = c->in[0]->data + first;
        double *y = c->out[0]->data + first, most = -INFINITY, sum = 0;
        for (size_t i = 0; i < count; i++)
            most = fmax(most, x[i * step]);
        for (size_t i = 0; i < count; i++)
            sum += exp(x[i * step] - most);
        for (size_t i = 0; i < count; i++)
            y[i * step] = logarithm ? x[i * step] - most - log(sum) : exp(x[i * step] - most) / sum;
    }
}

static void softmax_run(const arc_reference_call *c) {
    softmax(c, false);
}
static void log_softmax_run(const arc_reference_call *c) {
    softmax(c, true);
}

/* ---- reductions ------------------------------------------------------------------------------------------------------------ */

/* The dimensions that go: those of the attribute or the input axes; all, or none with noop_with_empty_axes, where neither is
 * given. */
static void reduced_axes(const arc_reference_call *c, bool gone[ARC_MAX_RANK]) {
    const arc_attr *attr = arc_node_attr(c->node, "axes");
    const arc_reference_value *axes = c->inputs > 1 ? c->in[1] : NULL;
    const int rank = c->in[0]->shape.rank;
    const size_t count = attr ? attr->count : axes ? arc_reference_count(axes) : 0;
    for (int d = 0; d < rank; d++)
        gone[d] = count == 0 && arc_attr_int(c->node, "noop_with_empty_axes", 0) == 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t axis = attr ? attr->ints[i] : (int64_t)axes->data[i];
        gone[axis < 0 ? axis + rank : axis] = true;
    }
}

typedef double fold(double sum, double x);
typedef double finish(double sum, double count);

/* Every element is folded into the output that its other dimensions name. */
static void reduce(const arc_reference_call *c, double start, fold *into, finish *end) {
    const arc_shape *s = &c->in[0]->shape;
    bool gone[ARC_MAX_RANK] = {false};
    reduced_axes(c, gone);
    const size_t all = arc_reference_count(c->in[0]), outputs = arc_reference_count(c->out[0]);
    double *y = c->out[0]->data;
    for (size_t i = 0; i < outputs; i++)
        y[i] = start;
    for (size_t i = 0; i < all; i++) {
        size_t rest = i, at = 0, step = 1;
        for (int d = s->rank - 1; d >= 0; rest /= (size_t)s->dim[d], d--) {
            at += gone[d] ? 0 : rest % (size_t)s->dim[d] * step;
            step *= gone[d] ? 1 : (size_t)s->dim[d];
        }
        y[at] = into(y[at], c->in[0]->data[i]);
    }
    for (size_t i = 0; end && i < outputs; i++)
        y[i] = end(y[i], (double)(all / outputs));
}

static double add(double sum, double x) {
    return sum + x;
}
static double add_size(double sum, double x) {
    return sum + fabs(x);
}
static double add_square(double sum, double x) {
    return sum + x * x;
}
static double add_exp(double sum, double x) {
    return sum + exp(x);
}
static double times(double sum, double x) {
    return sum * x;
}
static double most(double sum, double x) {
    return x > sum ? x : sum;
}
static double least(double sum, double x) {
    return x < sum ? x : sum;
}
static double average(double sum, double count) {
    return sum / count;
}
static double root(double sum, double count) {
    (void)count;
    return sqrt(sum);
}
static double logarithm(double sum, double count) {
    (void)count;
    return log(sum);
}

#define REDUCE(name, start, into, end)                                                                                           \
    static void name##_run(const arc_reference_call *c) {                                                                        \
        reduce(c, start, into, end);                                                                                             \
    }
REDUCE(sum, 0, add, NULL)
REDUCE(mean, 0, add, average)
REDUCE(max, -INFINITY, most, NULL)
REDUCE(min, INFINITY, least, NULL)
REDUCE(prod, 1, times, NULL)
REDUCE(l1, 0, add_size, NULL)
REDUCE(l2, 0, add_square, root)
REDUCE(squares, 0, add_square, NULL)
REDUCE(log_sum, 0, add, logarithm)
REDUCE(log_sum_exp, 0, add_exp, logarithm)

const arc_reference_entry arc_reference_norm[] = {{"BatchNormalization", batch_run},
                                                  {"InstanceNormalization", instance_run},
                                                  {"LayerNormalization", layer_run},
                                                  {"Softmax", softmax_run},
                                                  {"LogSoftmax", log_softmax_run},
                                                  {"ReduceSum", sum_run},
                                                  {"ReduceMean", mean_run},
                                                  {"ReduceMax", max_run},
                                                  {"ReduceMin", min_run},
                                                  {"ReduceProd", prod_run},
                                                  {"ReduceL1", l1_run},
                                                  {"ReduceL2", l2_run},
                                                  {"ReduceSumSquare", squares_run},
                                                  {"ReduceLogSum", log_sum_run},
                                                  {"ReduceLogSumExp", log_sum_exp_run},
                                                  {0}};
