/* op: Resize by weights of any number a pixel: cubic interpolation, and linear or cubic with antialiasing. Each axis gets its
 * taps when the step is prepared; an element is the sum over the product of its axes' taps, in double. */
#include "op/resize/filter.h"
#include <math.h>

/* Keys' kernel. */
static double cubic_weight(double a, double x) {
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double linear_weight(double x) {
    return fmax(0, 1 - fabs(x));
}

arc_status arc_filter_axis(arc_arena *arena, const arc_filter_request *r, int64_t out, const float *source,
                           arc_filter_axis_taps *axis, arc_error *err) {
    const double stretch = r->antialias ? fmin(r->scale, 1.0) : 1.0, reach = r->cubic ? 2 : 1;
    const int64_t half = r->antialias ? (int64_t)-floor(-reach / stretch) : (int64_t)reach; /* taps on each side */
    const int64_t taps = 2 * half;
    if (taps > ARC_FILTER_MAX_TAPS)
        return arc_fail(err, ARC_ELIMIT, "Resize: a scale of %g reaches over %lld pixels", r->scale, (long long)taps);
    axis->taps = (int)taps;
    axis->index = arc_arena_new(arena, (size_t)(out * taps) + 1, sizeof *axis->index);
    axis->weight = arc_arena_new(arena, (size_t)(out * taps) + 1, sizeof *axis->weight);
    axis->outside = arc_arena_new(arena, (size_t)out + 1, sizeof *axis->outside);
    if (!axis->index || !axis->weight || !axis->outside)
        return arc_fail_nomem(err, "Resize");
    for (int64_t o = 0; o < out; o++) {
        const double x = source[o], left = ceil(x) - 1, ratio = x - left; /* the pixel on the left of x, 0 < ratio <= 1 */
        double sum = 0;
        axis->outside[o] = r->crops && (x < 0 || x > (double)(r->in - 1));
        for (int64_t t = 0; t < taps; t++) {
            const int64_t offset = t - half + 1, at = (int64_t)left + offset;
            const double distance = ((double)offset - ratio) * stretch;
            double w = r->cubic ? cubic_weight(r->cubic_coefficient, distance) : linear_weight(distance);
            if (r->exclude_outside && (at < 0 || at >= r->in))
                w = 0;
            axis->index[o * taps + t] = ARC_MIN(ARC_MAX(at, (int64_t)0), r->in - 1);
            axis->weight[o * taps + t] = w;
            sum += w;
        }
        for (int64_t t = 0; t < taps && (r->antialias || r->exclude_outside) && sum != 0; t++)
            axis->weight[o * taps + t] /= sum;
    }
    return ARC_OK;
}

/* Sum over the taps of the axes from d on. */
static double sum_from(const arc_filter *f, int d, const int64_t *o, const float *x, const int64_t *stride) {
    if (d == f->rank)
        return *x;
    const arc_filter_axis_taps *a = &f->axis[d];
    if (!a->taps) /* an axis that keeps its size */
        return sum_from(f, d + 1, o, x + o[d] * stride[d], stride);
    double sum = 0;
    for (int t = 0; t < a->taps; t++) {
        const double w = a->weight[o[d] * a->taps + t];
        if (w != 0)
            sum += w * sum_from(f, d + 1, o, x + a->index[o[d] * a->taps + t] * stride[d], stride);
    }
    return sum;
}

typedef struct filter_job {
    const arc_step *s;
    const arc_filter *f;
} filter_job;

static void filter_elements(void *arg, size_t begin, size_t end, int thread) {
    const filter_job *job = arg;
    const arc_shape *y = &job->s->out[0].shape;
    int64_t from[ARC_MAX_RANK] = {0}, to[ARC_MAX_RANK] = {0}, o[ARC_MAX_RANK] = {0};
    (void)thread;
    arc_tensor_strides(&job->s->in[0], from);
    arc_tensor_strides(&job->s->out[0], to);
    for (size_t e = begin; e < end; e++) {
        int64_t rest = (int64_t)e, at = 0;
        bool outside = false;
        for (int i = y->rank - 1; i >= 0; i--) {
            o[i] = rest % y->dim[i];
            rest /= y->dim[i];
            at += o[i] * to[i];
            outside |= job->f->axis[i].taps && job->f->axis[i].outside[o[i]];
        }
        ((float *)job->s->out[0].data)[at] = outside ? job->f->outside : (float)sum_from(job->f, 0, o, job->s->in[0].data, from);
    }
}

void arc_filter_run(const arc_step *s, const arc_filter *f) {
    filter_job job = {s, f};
    const int64_t count = arc_shape_count(&s->out[0].shape);
    if (count > 0)
        arc_pool_run(count < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)count, 0, filter_elements, &job);
}
