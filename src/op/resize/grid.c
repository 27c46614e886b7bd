/* op: GridSample (16, 20): the input read at any places of two dimensions, nearest, linear or cubic; outside by zeros, the border
 * or reflection. AffineGrid (20): such places, of two or three dimensions, from a matrix. */
#include "op/layer.h"
#include <math.h>
#include <string.h>

typedef enum sampling { NEAREST, LINEAR, CUBIC, NO_SAMPLING } sampling;
typedef enum padding { ZEROS, BORDER, REFLECTION, NO_PADDING } padding;

static sampling sampling_of(const arc_node *n) {
    const char *m = arc_attr_string(n, "mode", "linear");
    return strcmp(m, "nearest") == 0                                ? NEAREST
           : strcmp(m, "linear") == 0 || strcmp(m, "bilinear") == 0 ? LINEAR
           : strcmp(m, "cubic") == 0 || strcmp(m, "bicubic") == 0   ? CUBIC
                                                                    : NO_SAMPLING;
}

static padding padding_of(const arc_node *n) {
    const char *p = arc_attr_string(n, "padding_mode", "zeros");
    return strcmp(p, "zeros") == 0        ? ZEROS
           : strcmp(p, "border") == 0     ? BORDER
           : strcmp(p, "reflection") == 0 ? REFLECTION
                                          : NO_PADDING;
}

static arc_status grid_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape, *g = &in->in[1]->shape;
    if (x->rank != 4 || in->in[0]->dtype != ARC_F32 || in->in[1]->dtype != ARC_F32)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only float32 images [N,C,H,W] are supported");
    if (g->rank != 4 || g->dim[0] != x->dim[0] || g->dim[3] != 2 || x->dim[2] < 1 || x->dim[3] < 1)
        return arc_op_fail(in, ARC_ESHAPE, "the grid must be [N,H,W,2]");
    if (sampling_of(in->node) == NO_SAMPLING || padding_of(in->node) == NO_PADDING)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "an unknown mode or padding_mode");
    const arc_shape y = {4, {x->dim[0], x->dim[1], g->dim[1], g->dim[2]}};
    return arc_infer_out(in, 0, ARC_F32, &y);
}

typedef struct grid_job {
    const arc_step *s;
    sampling mode;
    padding outside;
    bool corners;
} grid_job;

/* Grid coordinates -1 .. 1 to pixels. */
static double to_pixel(const grid_job *job, double v, int64_t size) {
    return job->corners ? (v + 1) / 2 * (double)(size - 1) : ((v + 1) * (double)size - 1) / 2;
}

/* Mirrored back into least .. most. */
static double reflect(double v, double least, double most) {
    const double range = most - least;
    if (!(range > 0))
        return least;
    const double off = fmod(fabs(v - least), 2 * range);
    return off > range ? most - (off - range) : least + off;
}

/* A pixel's index, -1 for what counts as zero. */
static int64_t pixel(const grid_job *job, double v, int64_t size) {
    if (job->outside == REFLECTION)
        v = reflect(v, job->corners ? 0 : -0.5, job->corners ? (double)(size - 1) : (double)size - 0.5);
    if (job->outside == ZEROS && !(v >= 0 && v <= (double)(size - 1)))
        return -1;
    return (int64_t)fmin(fmax(v, 0), (double)(size - 1));
}

/* Taps of one axis: index of the first and a weight each. */
static int taps_of(const grid_job *job, double v, double *first, double weight[4]) {
    const double a = -0.75;
    if (job->mode == NEAREST) {
        *first = nearbyint(v);
        weight[0] = 1;
        return 1;
    }
    const double r = v - floor(v);
    if (job->mode == LINEAR) {
        *first = floor(v);
        weight[0] = 1 - r;
        weight[1] = r;
        return 2;
    }
    *first = floor(v) - 1;
    weight[0] = ((a * (r + 1) - 5 * a) * (r + 1) + 8 * a) * (r + 1) - 4 * a;
    weight[1] = ((a + 2) * r - (a + 3)) * r * r + 1;
    weight[2] = ((a + 2) * (1 - r) - (a + 3)) * (1 - r) * (1 - r) + 1;
    weight[3] = ((a * (2 - r) - 5 * a) * (2 - r) + 8 * a) * (2 - r) - 4 * a;
    return 4;
}

/* The place that is read, held inside by the padding before its taps are. */
static double settle(const grid_job *job, double v, int64_t size) {
    const double least = job->corners ? 0 : -0.5, most = job->corners ? (double)(size - 1) : (double)size - 0.5;
    if (!(fabs(v) < 1e9))
        v = v > 0 ? 1e9 : -1e9; /* not a number as well */
    if (job->mode == CUBIC || (v >= least && v <= most))
        return v;
    return job->outside == BORDER       ? fmin(fmax(v, 0), (double)(size - 1))
           : job->outside == REFLECTION ? reflect(v, least, most)
                                        : v;
}

static void grid_places(void *arg, size_t begin, size_t end, int thread) {
    const grid_job *job = arg;
    const arc_shape *x = &job->s->in[0].shape, *y = &job->s->out[0].shape;
    const int64_t h = x->dim[2], w = x->dim[3], places = y->dim[2] * y->dim[3];
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const int64_t image = (int64_t)item / places, place = (int64_t)item % places;
        const float *at = (const float *)job->s->in[1].data + 2 * item;
        double wx[4], wy[4], x0, y0;
        const int nx = taps_of(job, settle(job, to_pixel(job, at[0], w), w), &x0, wx);
        const int ny = taps_of(job, settle(job, to_pixel(job, at[1], h), h), &y0, wy);
        for (int64_t c = 0; c < x->dim[1]; c++) {
            const float *plane = (const float *)job->s->in[0].data + (image * x->dim[1] + c) * h * w;
            double sum = 0;
            for (int i = 0; i < ny; i++)
                for (int k = 0; k < nx; k++) {
                    const int64_t row = pixel(job, y0 + i, h), column = pixel(job, x0 + k, w);
                    if (row >= 0 && column >= 0)
                        sum += wy[i] * wx[k] * plane[row * w + column];
                }
            ((float *)job->s->out[0].data)[(image * x->dim[1] + c) * places + place] = (float)sum;
        }
    }
}

static void grid_run(const arc_step *s) {
    grid_job job = {s, sampling_of(s->node), padding_of(s->node), arc_attr_int(s->node, "align_corners", 0) != 0};
    const arc_shape *y = &s->out[0].shape;
    const int64_t count = arc_shape_count(y), places = y->dim[0] * y->dim[2] * y->dim[3];
    if (count > 0)
        arc_pool_run(count < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)places, 0, grid_places, &job);
}

/* ---- AffineGrid --------------------------------------------------------------------------------------------------- */

/* The matrices are [N][d][d+1], the size [N,C,(D,)H,W]; the places [N,(D,)H,W,d] hold x before y before z. */
static arc_status affine_infer(arc_infer *in) {
    int64_t size[5];
    int count;
    arc_status st = arc_infer_needs(in, 2);
    if (st == ARC_OK)
        st = arc_infer_ints(in, 1, 5, size, &count);
    if (st != ARC_OK)
        return st;
    const arc_shape *m = &in->in[0]->shape;
    if (count < 4 || in->in[0]->dtype != ARC_F32 || m->rank != 3 || m->dim[0] != size[0] || m->dim[1] != count - 2 ||
        m->dim[2] != count - 1)
        return arc_op_fail(in, ARC_ESHAPE, "needs float32 matrices [N,2,3] and a size [N,C,H,W], or [N,3,4] and [N,C,D,H,W]");
    arc_shape y = {.rank = count};
    y.dim[0] = size[0];
    for (int i = 2; i < count; i++) {
        if (size[i] < 0)
            return arc_op_fail(in, ARC_ESHAPE, "a size is negative");
        y.dim[i - 1] = size[i];
    }
    y.dim[count - 1] = count - 2;
    return arc_infer_out(in, 0, ARC_F32, &y);
}

static void affine_run(const arc_step *s) {
    const arc_shape *y = &s->out[0].shape;
    const int d = (int)y->dim[y->rank - 1];
    const bool corners = arc_attr_int(s->node, "align_corners", 0) != 0;
    const int64_t places = arc_shape_count(y) / d;
    for (int64_t place = 0; place < places; place++) {
        double at[4]; /* x, y, (z,) 1 */
        int64_t rest = place;
        for (int i = 0; i < d; i++) {
            const int64_t size = y->dim[d - i], k = rest % size;
            at[i] = corners ? size > 1 ? -1 + 2.0 * (double)k / (double)(size - 1) : 0 : (2.0 * (double)k + 1) / (double)size - 1;
            rest /= size;
        }
        at[d] = 1;
        const float *m = (const float *)s->in[0].data + rest * d * (d + 1);
        float *to = (float *)s->out[0].data + place * d;
        for (int i = 0; i < d; i++) {
            double sum = 0;
            for (int k = 0; k <= d; k++)
                sum += m[i * (d + 1) + k] * at[k];
            to[i] = (float)sum;
        }
    }
}

const arc_op arc_ops_grid[] = {
    {.name = "AffineGrid", .layout = ARC_OP_PLAIN, .infer = affine_infer, .run = affine_run},
    {.name = "GridSample", .refused = "volumes (five dimensions)", .layout = ARC_OP_PLAIN, .infer = grid_infer, .run = grid_run},
    {.name = NULL},
};
