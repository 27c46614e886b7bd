/* op: activations in learning that no normalisation took in: Relu and PRelu with the gradient of its slopes, and Sigmoid. Rows of
 * channels go through floats in scratch, so activations may be stored either way. */
#include "op/learn_step.h"
#include <string.h>

#define SHARES 8 /* partial sums of a slope's gradient, added in turn */

/* ---- Relu, PRelu ----------------------------------------------------------------------------------------------------------- */

typedef struct act_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    size_t pixels, channels;
} act_job;

static act_job job_of(const arc_learn_step *s, const arc_learn_run *r) {
    return (act_job){s, r, arc_learn_pixels(&s->out_shape), (size_t)s->out_shape.dim[1]};
}

/* Row number i of a thread's scratch. */
static float *scratch_row(const act_job *job, int thread, size_t i) {
    return arc_learn_scratch(job->r, thread) + i * job->channels;
}

arc_status arc_relu_learn_prepare(arc_learn_prepare *p) {
    arc_learn_step *s = p->step;
    s->algorithm = "rows";
    s->scratch_bytes = 4 * (size_t)s->out_shape.dim[1] * sizeof(float);
    s->shared_bytes = SHARES * (size_t)s->out_shape.dim[1] * sizeof(float);
    s->keeps[0] = true;
    return ARC_OK;
}

static void act_items(void *arg, size_t begin, size_t end, int thread) {
    const act_job *job = arg;
    float *y = scratch_row(job, thread, 0);
    for (size_t row = begin * job->pixels; row < end * job->pixels; row++) {
        const float *x = arc_learn_load(job->r, job->s->in_store[0], job->r->x[0], row * job->channels, job->channels,
                                        scratch_row(job, thread, 1));
        for (size_t j = 0; j < job->channels; j++)
            y[j] = x[j] < 0 ? x[j] * (job->s->slope ? job->s->slope->value[j] : 0) : x[j];
        job->r->kernels->store_save(job->s->out_store, job->channels, y,
                                    arc_store_at(job->s->out_store, job->r->y, row * job->channels));
    }
}

void arc_relu_forward(const arc_learn_step *s, const arc_learn_run *r) {
    act_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, act_items, &job);
}

static void act_back_items(void *arg, size_t begin, size_t end, int thread) {
    const act_job *job = arg;
    const bool learns = job->s->slope && !job->s->slope->frozen;
    float *d = scratch_row(job, thread, 0);
    for (size_t share = begin; share < end; share++) {
        float *sum = (float *)(void *)job->r->shared + share * job->channels;
        memset(sum, 0, job->channels * sizeof *sum);
        for (size_t row = share * job->r->n / SHARES * job->pixels; row < (share + 1) * job->r->n / SHARES * job->pixels; row++) {
            const float *x = arc_learn_load(job->r, job->s->in_store[0], job->r->x[0], row * job->channels, job->channels,
                                            scratch_row(job, thread, 2));
            const float *dy = arc_learn_load(job->r, job->s->out_store, job->r->dy, row * job->channels, job->channels,
                                             scratch_row(job, thread, 3));
            for (size_t j = 0; learns && j < job->channels; j++)
                sum[j] += x[j] < 0 ? dy[j] * x[j] : 0;
            for (size_t j = 0; j < job->channels; j++)
                d[j] = x[j] < 0 ? dy[j] * (job->s->slope ? job->s->slope->value[j] : 0) : dy[j];
            if (job->r->dx[0])
                arc_learn_give(job->s, job->r, 0, row * job->channels, job->channels, d, scratch_row(job, thread, 1));
        }
    }
}

void arc_relu_backward(const arc_learn_step *s, const arc_learn_run *r) {
    act_job job = job_of(s, r);
    arc_pool_run(r->pool, SHARES, 1, act_back_items, &job);
    for (size_t j = 0; s->slope && !s->slope->frozen && j < job.channels; j++) {
        float sum = 0;
        for (size_t share = 0; share < SHARES; share++)
            sum += ((const float *)(const void *)r->shared)[share * job.channels + j];
        s->slope->gradient[j] = r->accumulate ? s->slope->gradient[j] + sum : sum;
    }
}

/* ---- Sigmoid --------------------------------------------------------------------------------------------------------------- */

arc_status arc_sigmoid_learn_prepare(arc_learn_prepare *p) {
    if (p->step->in_store[0] != ARC_STORE_F32)
        return arc_learn_refuse(p->step->node, "whole maps through it are not supported in bfloat16", p->err);
    p->step->algorithm = "rows";
    p->step->keeps_out = true;
    return ARC_OK;
}

void arc_sigmoid_forward(const arc_learn_step *s, const arc_learn_run *r) {
    r->kernels->sigmoid(r->n * arc_learn_row(&s->out_shape), r->x[0], r->y);
}

void arc_sigmoid_backward(const arc_learn_step *s, const arc_learn_run *r) {
    const float *y = r->y, *dy = r->dy;
    float *dx = r->dx[0];
    for (size_t i = 0; dx && i < r->n * arc_learn_row(&s->out_shape); i++)
        dx[i] = dy[i] * y[i] * (1 - y[i]) + (r->add[0] ? dx[i] : 0);
}
