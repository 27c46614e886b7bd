/* op: layers that learn between maps and rows: Flatten (to the plain order that the weights behind it expect) and GlobalAveragePool. */
#include "op/learn_step.h"
#include <string.h>

typedef struct shape_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    size_t pixels, channels;
} shape_job;

static shape_job job_of(const arc_learn_step *s, const arc_learn_run *r) {
    return (shape_job){s, r, arc_learn_pixels(&s->in_shape[0]), (size_t)s->in_shape[0].dim[1]};
}

/* A thread's scratch: one image as floats, NHWC. */
static float *scratch_of(const shape_job *job, int thread) {
    return (float *)(void *)(job->r->scratch + (size_t)thread * job->r->scratch_stride);
}

static arc_status shape_prepare(arc_learn_prepare *p) {
    p->step->algorithm = "rows";
    p->step->scratch_bytes = 2 * arc_learn_row(&p->step->in_shape[0]) * sizeof(float);
    return ARC_OK;
}

/* ---- Flatten: [pixels][channels] to [channels][pixels] ------------------------------------------------------------------------ */

static void flatten_items(void *arg, size_t begin, size_t end, int thread) {
    const shape_job *job = arg;
    const size_t row = job->pixels * job->channels;
    float *image = scratch_of(job, thread);
    for (size_t i = begin; i < end; i++) {
        job->r->kernels->store_load(job->s->in_store[0], row, arc_store_at(job->s->in_store[0], job->r->x[0], i * row), image);
        job->r->kernels->transpose(job->pixels, job->channels, image, job->channels, (float *)job->r->y + i * row, job->pixels);
    }
}

static void flatten_forward(const arc_learn_step *s, const arc_learn_run *r) {
    shape_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, flatten_items, &job);
}

/* dx of image i (+)= d; `old`: room for as much. */
static void give(const shape_job *job, size_t i, float *d, float *old) {
    const size_t row = job->pixels * job->channels;
    const arc_store store = job->s->in_store[0];
    void *dx = arc_store_at(store, job->r->dx[0], i * row);
    if (job->r->add[0]) {
        job->r->kernels->store_load(store, row, dx, old);
        job->r->kernels->add(row, old, d, d);
    }
    job->r->kernels->store_save(store, row, d, dx);
}

static void unflatten_items(void *arg, size_t begin, size_t end, int thread) {
    const shape_job *job = arg;
    const size_t row = job->pixels * job->channels;
    float *image = scratch_of(job, thread);
    for (size_t i = begin; i < end; i++) {
        job->r->kernels->transpose(job->channels, job->pixels, (const float *)job->r->dy + i * row, job->pixels, image,
                                   job->channels);
        give(job, i, image, image + row);
    }
}

static void flatten_backward(const arc_learn_step *s, const arc_learn_run *r) {
    shape_job job = job_of(s, r);
    if (r->dx[0])
        arc_pool_run(r->pool, r->n, 1, unflatten_items, &job);
}

const arc_learn_op arc_learn_flatten = {
    .name = "flatten", .prepare = shape_prepare, .forward = flatten_forward, .backward = flatten_backward};

/* ---- GlobalAveragePool -------------------------------------------------------------------------------------------------------- */

static void pool_items(void *arg, size_t begin, size_t end, int thread) {
    const shape_job *job = arg;
    const size_t c = job->channels, row = job->pixels * c;
    float *image = scratch_of(job, thread);
    for (size_t i = begin; i < end; i++) {
        float *y = (float *)job->r->y + i * c;
        job->r->kernels->store_load(job->s->in_store[0], row, arc_store_at(job->s->in_store[0], job->r->x[0], i * row), image);
        memcpy(y, image, c * sizeof *y);
        for (size_t p = 1; p < job->pixels; p++)
            job->r->kernels->add(c, y, image + p * c, y);
        for (size_t j = 0; j < c; j++)
            y[j] /= (float)job->pixels;
    }
}

static void pool_forward(const arc_learn_step *s, const arc_learn_run *r) {
    shape_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, pool_items, &job);
}

static void unpool_items(void *arg, size_t begin, size_t end, int thread) {
    const shape_job *job = arg;
    const size_t c = job->channels, row = job->pixels * c;
    float *image = scratch_of(job, thread);
    for (size_t i = begin; i < end; i++) {
        const float *dy = (const float *)job->r->dy + i * c;
        for (size_t at = 0; at < row; at++)
            image[at] = dy[at % c] / (float)job->pixels;
        give(job, i, image, image + row);
    }
}

static void pool_backward(const arc_learn_step *s, const arc_learn_run *r) {
    shape_job job = job_of(s, r);
    if (r->dx[0])
        arc_pool_run(r->pool, r->n, 1, unpool_items, &job);
}

const arc_learn_op arc_learn_pool = {
    .name = "average", .prepare = shape_prepare, .forward = pool_forward, .backward = pool_backward};
