/* op: normalisations without parameters: LocalResponseNormalization (LRN) by the channels around, MeanVarianceNormalization by
 * the mean and deviation over some axes. Sums are in double. */
#include "op/layer.h"
#include <math.h>

/* ---- LRN --------------------------------------------------------------------------------------------------------- */

static arc_status lrn_infer(arc_infer *in) {
    const arc_status st = arc_infer_same_f32(in);
    if (st != ARC_OK)
        return st;
    if (in->in[0]->shape.rank < 2)
        return arc_op_fail(in, ARC_ESHAPE, "needs an input of rank 2 or more");
    if (arc_attr_int(in->node, "size", 0) < 1)
        return arc_op_fail(in, ARC_EFORMAT, "size must be at least 1");
    return ARC_OK;
}

/* One plane (image, channel): y = x / (bias + alpha / size * sum of squares of `size` channels)^beta. */
static void lrn_planes(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const arc_shape *shape = &s->in[0].shape;
    const int64_t size = arc_attr_int(s->node, "size", 1), channels = shape->dim[1];
    const double alpha = arc_attr_float(s->node, "alpha", 1e-4f) / (double)size, beta = arc_attr_float(s->node, "beta", 0.75f);
    const double bias = arc_attr_float(s->node, "bias", 1);
    int64_t pixels = 1;
    (void)thread;
    for (int i = 2; i < shape->rank; i++)
        pixels *= shape->dim[i];
    for (size_t plane = begin; plane < end; plane++) {
        const int64_t c = (int64_t)plane % channels, reach = channels - 1 - c;
        const int64_t before = ARC_MIN((size - 1) / 2, c), after = ARC_MIN(size / 2, reach);
        const float *x = (const float *)s->in[0].data + (int64_t)plane * pixels;
        float *y = (float *)s->out[0].data + (int64_t)plane * pixels;
        for (int64_t i = 0; i < pixels; i++) {
            double squares = 0;
            for (int64_t k = -before; k <= after; k++)
                squares += (double)x[k * pixels + i] * x[k * pixels + i];
            y[i] = (float)(x[i] / pow(bias + alpha * squares, beta));
        }
    }
}

static void lrn_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape;
    const int64_t count = arc_shape_count(x);
    if (count > 0)
        arc_pool_run(count < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)(x->dim[0] * x->dim[1]), 0, lrn_planes,
                     (void *)(uintptr_t)s);
}

/* ---- MeanVarianceNormalization ----------------------------------------------------------------------------------- */

/* Steps of the input's dimensions in a row of groups: 0 along what is averaged over. False: an axis is outside. */
static bool group_steps(const arc_node *n, const arc_shape *x, int64_t step[ARC_MAX_RANK], int64_t *groups) {
    int64_t axes[ARC_MAX_RANK] = {0, 2, 3};
    int count = 3;
    bool averaged[ARC_MAX_RANK] = {false};
    if (arc_node_attr(n, "axes") && !arc_node_ints_of(n, "axes", ARC_MAX_RANK, axes, &count))
        return false;
    for (int i = 0; i < count; i++) {
        const int axis = arc_axis(axes[i], x->rank);
        if (axis < 0)
            return false;
        averaged[axis] = true;
    }
    *groups = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        step[i] = averaged[i] ? 0 : *groups;
        *groups *= averaged[i] ? 1 : x->dim[i];
    }
    return true;
}

static arc_status mvn_infer(arc_infer *in) {
    int64_t step[ARC_MAX_RANK], groups;
    const arc_status st = arc_infer_same_f32(in);
    if (st != ARC_OK)
        return st;
    if (!group_steps(in->node, &in->in[0]->shape, step, &groups))
        return arc_op_fail(in, ARC_ESHAPE, "an axis is outside the input");
    return ARC_OK;
}

static arc_status mvn_prepare(arc_prepare *p) {
    int64_t step[ARC_MAX_RANK], groups;
    (void)group_steps(p->step->node, &p->step->in[0].shape, step, &groups);
    p->step->shared_scratch_bytes = (size_t)ARC_MAX(groups, (int64_t)1) * 2 * sizeof(double);
    return ARC_OK;
}

static int64_t group_of(const arc_shape *x, const int64_t *step, int64_t e) {
    int64_t group = 0;
    for (int i = x->rank - 1; i >= 0; i--) {
        group += e % x->dim[i] * step[i];
        e /= x->dim[i];
    }
    return group;
}

static void mvn_run(const arc_step *s) {
    const arc_shape *shape = &s->in[0].shape;
    int64_t step[ARC_MAX_RANK], groups;
    (void)group_steps(s->node, shape, step, &groups);
    const int64_t count = arc_shape_count(shape);
    const float *x = s->in[0].data;
    double *mean = (double *)(void *)s->shared_scratch, *deviation = mean + groups;
    for (int64_t g = 0; g < groups; g++)
        mean[g] = deviation[g] = 0;
    for (int64_t e = 0; e < count; e++)
        mean[group_of(shape, step, e)] += x[e] * (double)groups / (double)count;
    for (int64_t e = 0; e < count; e++) {
        const int64_t g = group_of(shape, step, e);
        deviation[g] += (x[e] - mean[g]) * (x[e] - mean[g]) * (double)groups / (double)count;
    }
    for (int64_t e = 0; e < count; e++) {
        const int64_t g = group_of(shape, step, e);
        ((float *)s->out[0].data)[e] = (float)((x[e] - mean[g]) / (sqrt(deviation[g]) + 1e-9));
    }
}

const arc_op arc_ops_local_norm[] = {
    {.name = "LRN", .layout = ARC_OP_PLAIN, .infer = lrn_infer, .run = lrn_run},
    {.name = "MeanVarianceNormalization", .layout = ARC_OP_PLAIN, .infer = mvn_infer, .prepare = mvn_prepare, .run = mvn_run},
    {.name = NULL},
};
