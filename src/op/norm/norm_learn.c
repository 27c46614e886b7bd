/* op: BatchNormalization that learns, with the PRelu or Relu behind it and the addition of a residual: y = act(norm(x)) +
 * residual.
 *
 * Forward reads x twice: sums, then y. Backward reads x and dy twice: sums, then dx. What lies between is recomputed from x, so x
 * is all that is kept. Rows are cut into chunks of a fixed size; a chunk sums in float about its first row, chunks are joined in
 * double in order. */
#include "op/learn_step.h"
#include <math.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)128 << 10)
#define MIN_CHUNK_ROWS 16

typedef struct norm_state {
    size_t channels, pixels, chunk, chunks; /* rows of a chunk; chunks of the largest batch */
    float epsilon;
    float *mean, *scale, *shift, *inverse; /* [channels] of the last forward */
    float *variance;
    const float *flat; /* [channels] slopes of a Relu */
    float *a, *b, *c;  /* dx = a*du + b*(x - mean) + c */
} norm_state;

typedef struct norm_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    const norm_state *n;
    arc_norm norm;
    size_t rows;
    float *sums; /* [chunk][3][channels] */
} norm_job;

arc_status arc_norm_learn_prepare(arc_learn_prepare *p) {
    arc_learn_step *s = p->step;
    norm_state *n = arc_arena_new(p->arena, 1, sizeof *n);
    const size_t c = (size_t)s->in_shape[0].dim[1];
    float *room = arc_arena_new(p->arena, 9 * c, sizeof *room);
    if (!n || !room)
        return arc_fail_nomem(p->err, "normalisation state");
    n->channels = c;
    n->pixels = arc_learn_pixels(&s->in_shape[0]);
    n->chunk = ARC_MAX(CHUNK_BYTES / (c * sizeof(float)), (size_t)MIN_CHUNK_ROWS);
    n->chunks = ((size_t)s->in_shape[0].dim[0] * n->pixels + n->chunk - 1) / n->chunk;
    n->epsilon = arc_attr_float(s->node, "epsilon", 1e-5f);
    float **const each[] = {&n->mean, &n->variance, &n->scale, &n->shift, &n->inverse, &n->a, &n->b, &n->c};
    for (size_t i = 0; i < ARC_COUNT(each); i++)
        *each[i] = room + i * c;
    n->flat = room + 8 * c;
    s->norm->mean = n->mean;
    s->norm->variance = n->variance;
    s->state = n;
    s->keeps[0] = s->passes[1] = s->in_place = true;
    s->algorithm = s->slope ? "norm+prelu" : s->relu ? "norm+relu" : s->inputs > 1 ? "norm+add" : "norm";
    s->shared_bytes = n->chunks * 3 * c * sizeof(float);
    return ARC_OK;
}

static norm_job job_of(const arc_learn_step *s, const arc_learn_run *r) {
    const norm_state *n = s->state;
    norm_job job = {.s = s, .r = r, .n = n, .rows = r->n * n->pixels, .sums = (float *)(void *)r->shared};
    job.norm = (arc_norm){n->mean, n->scale, n->shift, s->slope ? s->slope->value : s->relu ? n->flat : NULL};
    return job;
}

static size_t chunks_of(const norm_job *job) {
    return (job->rows + job->n->chunk - 1) / job->n->chunk;
}
static size_t chunk_rows(const norm_job *job, size_t chunk) {
    return ARC_MIN(job->n->chunk, job->rows - chunk * job->n->chunk);
}
static void *chunk_at(const norm_job *job, const void *p, size_t chunk) {
    return arc_store_at(job->s->out_store, p, chunk * job->n->chunk * job->n->channels);
}

/* ---- forward --------------------------------------------------------------------------------------------------------------- */

static void sums_items(void *arg, size_t begin, size_t end, int thread) {
    const norm_job *job = arg;
    const size_t c = job->n->channels;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        float *sum = job->sums + i * 3 * c;
        const void *x = chunk_at(job, job->r->x[0], i);
        job->r->kernels->norm_sums(job->s->out_store, chunk_rows(job, i), c, x, sum, sum + c);
        job->r->kernels->store_load(job->s->out_store, c, x, sum + 2 * c);
    }
}

/* Joins the chunks' sums (Chan, Golub & LeVeque 1979): mean and biased variance of channel j. */
static void join_channel(const norm_job *job, size_t j) {
    const norm_state *n = job->n;
    double rows = 0, mean = 0, squares = 0;
    for (size_t i = 0; i < chunks_of(job); i++) {
        const float *sum = job->sums + i * 3 * n->channels + j;
        const double more = (double)chunk_rows(job, i), first = (double)sum[2 * n->channels], moved = (double)sum[0] / more;
        const double apart = first + moved - mean, all = rows + more;
        squares += fmax((double)sum[n->channels] - (double)sum[0] * moved, 0) + apart * apart * rows * more / all;
        mean += apart * more / all;
        rows = all;
        if (sum[n->channels] != sum[n->channels])
            squares = (double)NAN;
    }
    n->mean[j] = (float)mean;
    n->variance[j] = (float)(squares / rows);
}

static void move_running(const arc_learn_step *s, const norm_job *job) {
    const norm_state *n = job->n;
    const double rows = (double)job->rows, unbiased = rows > 1 ? rows / (rows - 1) : 1;
    for (size_t j = 0; j < n->channels; j++) {
        float *mean = &s->running_mean->value[j], *variance = &s->running_variance->value[j];
        *mean = (1 - s->momentum) * *mean + s->momentum * n->mean[j];
        *variance = (1 - s->momentum) * *variance + s->momentum * (float)((double)n->variance[j] * unbiased);
    }
}

/* Whether this run normalises by the running statistics, which stay as they are. */
static bool uses_running(const norm_job *job) {
    return job->r->evaluating || job->s->norm->uses_running;
}

static void apply_items(void *arg, size_t begin, size_t end, int thread) {
    const norm_job *job = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        job->r->kernels->norm_apply(job->s->out_store, chunk_rows(job, i), job->n->channels, chunk_at(job, job->r->x[0], i),
                                    &job->norm, job->s->inputs > 1 ? chunk_at(job, job->r->x[1], i) : NULL,
                                    chunk_at(job, job->r->y, i));
}

void arc_norm_forward(const arc_learn_step *s, const arc_learn_run *r) {
    const norm_state *n = s->state;
    norm_job job = job_of(s, r);
    if (!r->again) {
        arc_pool_run(r->pool, chunks_of(&job), 1, sums_items, &job);
        for (size_t j = 0; j < n->channels; j++) {
            join_channel(&job, j);
            if (!isfinite(n->mean[j]) || !isfinite(n->variance[j]))
                *r->finite = false;
        }
        if (!uses_running(&job))
            move_running(s, &job);
    }
    for (size_t j = 0; j < n->channels; j++) {
        const double mean = (double)(uses_running(&job) ? s->running_mean->value[j] : n->mean[j]);
        const double variance = (double)(uses_running(&job) ? s->running_variance->value[j] : n->variance[j]);
        n->inverse[j] = (float)(1 / sqrt(variance + (double)n->epsilon));
        n->scale[j] = s->weight->value[j] * n->inverse[j];
        n->shift[j] = (float)((double)s->bias->value[j] - mean * (double)n->scale[j]);
    }
    arc_pool_run(r->pool, chunks_of(&job), 1, apply_items, &job);
}

/* ---- backward -------------------------------------------------------------------------------------------------------------- */

static void grad_sums_items(void *arg, size_t begin, size_t end, int thread) {
    const norm_job *job = arg;
    const size_t c = job->n->channels;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        float *sum = job->sums + i * 3 * c;
        job->r->kernels->norm_grad_sums(job->s->out_store, chunk_rows(job, i), c, chunk_at(job, job->r->x[0], i),
                                        chunk_at(job, job->r->dy, i), &job->norm, sum, sum + c, sum + 2 * c);
    }
}

static void set_gradient(arc_learn_parameter *p, bool accumulate, size_t j, double value) {
    if (p && !p->frozen)
        p->gradient[j] = accumulate ? p->gradient[j] + (float)value : (float)value;
}

/* Parameters' gradients and the coefficients of dx from the sums over u = scale*x + shift, x relative to the batch's mean. */
static void finish_channel(const norm_job *job, size_t j) {
    const arc_learn_step *s = job->s;
    const norm_state *n = job->n;
    double du = 0, dux = 0, slope = 0;
    for (size_t i = 0; i < chunks_of(job); i++) {
        const float *sum = job->sums + i * 3 * n->channels + j;
        du += (double)sum[0];
        dux += (double)sum[n->channels];
        slope += job->norm.slope ? (double)sum[2 * n->channels] : 0;
    }
    const double rows = (double)job->rows, inverse = (double)n->inverse[j], scale = (double)n->scale[j];
    const double centre = uses_running(job) ? (double)n->mean[j] - (double)s->running_mean->value[j] : 0;
    set_gradient(s->weight, job->r->accumulate, j, (dux + centre * du) * inverse);
    set_gradient(s->bias, job->r->accumulate, j, du);
    set_gradient(s->slope, job->r->accumulate, j, slope);
    const double d_mean = (double)s->norm->d_mean[j], d_variance = (double)s->norm->d_variance[j];
    const bool batch = !uses_running(job);
    n->a[j] = (float)scale;
    n->b[j] = (float)((batch ? -scale * inverse * inverse * dux / rows : 0) + 2 * d_variance / rows);
    n->c[j] = (float)((batch ? -scale * du / rows : 0) + d_mean / rows);
    if (!isfinite(du) || !isfinite(dux))
        *job->r->finite = false;
}

static void grad_items(void *arg, size_t begin, size_t end, int thread) {
    const norm_job *job = arg;
    const arc_learn_run *r = job->r;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const void *dy = chunk_at(job, r->dy, i);
        if (r->dx[0])
            r->kernels->norm_grad(job->s->out_store, chunk_rows(job, i), job->n->channels, chunk_at(job, r->x[0], i), dy,
                                  &job->norm, job->n->a, job->n->b, job->n->c, r->add[0], chunk_at(job, r->dx[0], i));
    }
}

static void residual_items(void *arg, size_t begin, size_t end, int thread) {
    const norm_job *job = arg;
    const arc_learn_run *r = job->r;
    const size_t c = job->n->channels;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const void *dy = chunk_at(job, r->dy, i);
        void *dx = chunk_at(job, r->dx[1], i);
        if (r->add[1])
            r->kernels->store_add(job->s->out_store, chunk_rows(job, i) * c, dy, dx);
        else
            memcpy(dx, dy, chunk_rows(job, i) * c * arc_store_bytes(job->s->out_store));
    }
}

void arc_norm_backward(const arc_learn_step *s, const arc_learn_run *r) {
    norm_job job = job_of(s, r);
    if (r->dx[1]) /* before dx[0], which may lie where dy is */
        arc_pool_run(r->pool, chunks_of(&job), 1, residual_items, &job);
    arc_pool_run(r->pool, chunks_of(&job), 1, grad_sums_items, &job);
    for (size_t j = 0; j < job.n->channels; j++)
        finish_channel(&job, j);
    if (r->dx[0])
        arc_pool_run(r->pool, chunks_of(&job), 1, grad_items, &job);
}
