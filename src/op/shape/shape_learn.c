/* op: Flatten in learning, and Reshape to rows: [pixels][channels] to the plain order [channels][pixels] that the weights behind
 * it expect. */
#include "op/learn_step.h"

typedef struct flatten_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    size_t pixels, channels;
} flatten_job;

static flatten_job job_of(const arc_learn_step *s, const arc_learn_run *r) {
    return (flatten_job){s, r, arc_learn_pixels(&s->in_shape[0]), (size_t)s->in_shape[0].dim[1]};
}

arc_status arc_flatten_learn_prepare(arc_learn_prepare *p) {
    arc_learn_step *s = p->step;
    if (s->out_shape.rank != 2 || s->out_shape.dim[1] != (int64_t)arc_learn_row(&s->in_shape[0]))
        return arc_learn_refuse(s->node, "it must make one row of each image", p->err);
    s->algorithm = "rows";
    s->scratch_bytes = 2 * arc_learn_row(&s->in_shape[0]) * sizeof(float); /* two images as floats, NHWC */
    return ARC_OK;
}

static void flatten_items(void *arg, size_t begin, size_t end, int thread) {
    const flatten_job *job = arg;
    const size_t row = job->pixels * job->channels;
    float *image = arc_learn_scratch(job->r, thread);
    for (size_t i = begin; i < end; i++) {
        job->r->kernels->store_load(job->s->in_store[0], row, arc_store_at(job->s->in_store[0], job->r->x[0], i * row), image);
        job->r->kernels->transpose(job->pixels, job->channels, image, job->channels, (float *)job->r->y + i * row, job->pixels);
    }
}

void arc_flatten_forward(const arc_learn_step *s, const arc_learn_run *r) {
    flatten_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, flatten_items, &job);
}

static void unflatten_items(void *arg, size_t begin, size_t end, int thread) {
    const flatten_job *job = arg;
    const size_t row = job->pixels * job->channels;
    float *image = arc_learn_scratch(job->r, thread);
    for (size_t i = begin; i < end; i++) {
        job->r->kernels->transpose(job->channels, job->pixels, (const float *)job->r->dy + i * row, job->pixels, image,
                                   job->channels);
        arc_learn_give(job->s, job->r, 0, i * row, row, image, image + row);
    }
}

void arc_flatten_backward(const arc_learn_step *s, const arc_learn_run *r) {
    flatten_job job = job_of(s, r);
    if (r->dx[0])
        arc_pool_run(r->pool, r->n, 1, unflatten_items, &job);
}
