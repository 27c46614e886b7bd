/* op: element-wise layers that learn: activations that no normalisation took in, additions, constants, gates, sigmoid. A work item is an image;
 * rows of channels go through floats in scratch, so activations may be stored either way. */
#include "op/learn_step.h"
#include <string.h>

#define SHARES 8 /* partial sums of a slope's gradient, added in turn */

typedef struct element_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    size_t pixels, channels;
} element_job;

static element_job job_of(const arc_learn_step *s, const arc_learn_run *r) {
    return (element_job){s, r, arc_learn_pixels(&s->out_shape), (size_t)s->out_shape.dim[1]};
}

/* The number `i` row of floats in a thread's scratch. */
static float *scratch_row(const element_job *job, int thread, size_t i) {
    return (float *)(void *)(job->r->scratch + (size_t)thread * job->r->scratch_stride) + i * job->channels;
}

static arc_status element_prepare(arc_learn_prepare *p) {
    p->step->algorithm = "rows";
    p->step->scratch_bytes = 4 * (size_t)p->step->out_shape.dim[1] * sizeof(float);
    p->step->shared_bytes = SHARES * (size_t)p->step->out_shape.dim[1] * sizeof(float);
    return ARC_OK;
}

static const float *load(const element_job *job, arc_store store, const void *p, size_t row, float *to) {
    const void *from = arc_store_at(store, p, row * job->channels);
    if (store == ARC_STORE_F32)
        return from;
    job->r->kernels->store_load(store, job->channels, from, to);
    return to;
}

/* dx row (+)= d. */
static void give(const element_job *job, int input, size_t row, float *d) {
    const arc_store store = job->s->in_store[input];
    void *dx = arc_store_at(store, job->r->dx[input], row * job->channels);
    if (job->r->add[input]) {
        float *old = d + job->channels;
        job->r->kernels->store_load(store, job->channels, dx, old);
        job->r->kernels->add(job->channels, old, d, d);
    }
    job->r->kernels->store_save(store, job->channels, d, dx);
}

/* ---- activation --------------------------------------------------------------------------------------------------------------- */

static void act_items(void *arg, size_t begin, size_t end, int thread) {
    const element_job *job = arg;
    float *y = scratch_row(job, thread, 0);
    for (size_t row = begin * job->pixels; row < end * job->pixels; row++) {
        const float *x = load(job, job->s->in_store[0], job->r->x[0], row, scratch_row(job, thread, 1));
        for (size_t j = 0; j < job->channels; j++)
            y[j] = x[j] < 0 ? x[j] * (job->s->slope ? job->s->slope->value[j] : 0) : x[j];
        job->r->kernels->store_save(job->s->out_store, job->channels, y,
                                    arc_store_at(job->s->out_store, job->r->y, row * job->channels));
    }
}

static void act_forward(const arc_learn_step *s, const arc_learn_run *r) {
    element_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, act_items, &job);
}

static void act_back_items(void *arg, size_t begin, size_t end, int thread) {
    const element_job *job = arg;
    const bool learns = job->s->slope && !job->s->slope->frozen;
    float *d = scratch_row(job, thread, 0);
    for (size_t share = begin; share < end; share++) {
        float *sum = (float *)(void *)job->r->shared + share * job->channels;
        memset(sum, 0, job->channels * sizeof *sum);
        for (size_t row = share * job->r->n / SHARES * job->pixels; row < (share + 1) * job->r->n / SHARES * job->pixels; row++) {
            const float *x = load(job, job->s->in_store[0], job->r->x[0], row, scratch_row(job, thread, 2));
            const float *dy = load(job, job->s->out_store, job->r->dy, row, scratch_row(job, thread, 3));
            for (size_t j = 0; learns && j < job->channels; j++)
                sum[j] += x[j] < 0 ? dy[j] * x[j] : 0;
            for (size_t j = 0; j < job->channels; j++)
                d[j] = x[j] < 0 ? dy[j] * (job->s->slope ? job->s->slope->value[j] : 0) : dy[j];
            if (job->r->dx[0])
                give(job, 0, row, d);
        }
    }
}

static void act_backward(const arc_learn_step *s, const arc_learn_run *r) {
    element_job job = job_of(s, r);
    arc_pool_run(r->pool, SHARES, 1, act_back_items, &job);
    for (size_t j = 0; s->slope && !s->slope->frozen && j < job.channels; j++) {
        float sum = 0;
        for (size_t share = 0; share < SHARES; share++)
            sum += ((const float *)(const void *)r->shared)[share * job.channels + j];
        s->slope->gradient[j] = r->accumulate ? s->slope->gradient[j] + sum : sum;
    }
}

const arc_learn_op arc_learn_act = {
    .name = "activation", .prepare = element_prepare, .forward = act_forward, .backward = act_backward, .keeps = {true}};

/* ---- addition ----------------------------------------------------------------------------------------------------------------- */

static void add_items(void *arg, size_t begin, size_t end, int thread) {
    const element_job *job = arg;
    const size_t row = job->pixels * job->channels, count = (end - begin) * row;
    const arc_store store = job->s->out_store;
    void *y = arc_store_at(store, job->r->y, begin * row);
    (void)thread;
    memcpy(y, arc_store_at(store, job->r->x[0], begin * row), count * arc_store_bytes(store));
    job->r->kernels->store_add(store, count, arc_store_at(store, job->r->x[1], begin * row), y);
}

static void add_forward(const arc_learn_step *s, const arc_learn_run *r) {
    element_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, add_items, &job);
}

static void add_backward(const arc_learn_step *s, const arc_learn_run *r) {
    const size_t count = r->n * arc_learn_row(&s->out_shape);
    for (int i = 0; i < 2; i++) {
        if (r->dx[i] && r->add[i])
            r->kernels->store_add(s->out_store, count, r->dy, r->dx[i]);
        else if (r->dx[i])
            memcpy(r->dx[i], r->dy, count * arc_store_bytes(s->out_store));
    }
}

const arc_learn_op arc_learn_add = {
    .name = "add", .prepare = element_prepare, .forward = add_forward, .backward = add_backward, .passes = {true, true}};

/* ---- constants: x*factor + offset --------------------------------------------------------------------------------------------- */

static float constant_of(const arc_learn_step *s, size_t j) {
    return s->constant[s->constants > 1 ? j : 0];
}

static void affine_of(const arc_learn_step *s, size_t j, float *factor, float *offset) {
    const char *op = s->node->op;
    const float c = constant_of(s, j);
    *factor = op[0] == 'M' ? c : op[0] == 'D' ? 1 / c : 1;
    *offset = op[0] == 'A' ? c : op[0] == 'S' ? -c : 0;
}

static void affine_items(void *arg, size_t begin, size_t end, int thread) {
    const element_job *job = arg;
    const size_t rows = (end - begin) * job->pixels, at = begin * job->pixels * job->channels;
    const float *x = (const float *)job->r->x[0] + at;
    float *y = (float *)job->r->y + at;
    (void)thread;
    for (size_t j = 0; j < job->channels; j++) {
        float factor, offset;
        affine_of(job->s, j, &factor, &offset);
        for (size_t i = j; i < rows * job->channels; i += job->channels)
            y[i] = x[i] * factor + offset;
    }
}

static void affine_forward(const arc_learn_step *s, const arc_learn_run *r) {
    element_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, affine_items, &job);
}

static void affine_back_items(void *arg, size_t begin, size_t end, int thread) {
    const element_job *job = arg;
    const size_t rows = (end - begin) * job->pixels, at = begin * job->pixels * job->channels;
    const float *dy = (const float *)job->r->dy + at;
    float *dx = (float *)job->r->dx[0] + at;
    (void)thread;
    for (size_t j = 0; j < job->channels; j++) {
        float factor, offset;
        affine_of(job->s, j, &factor, &offset);
        for (size_t i = j; i < rows * job->channels; i += job->channels)
            dx[i] = dy[i] * factor + (job->r->add[0] ? dx[i] : 0);
    }
}

static void affine_backward(const arc_learn_step *s, const arc_learn_run *r) {
    element_job job = job_of(s, r);
    if (r->dx[0])
        arc_pool_run(r->pool, r->n, 1, affine_back_items, &job);
}

const arc_learn_op arc_learn_affine = {
    .name = "constant", .prepare = element_prepare, .forward = affine_forward, .backward = affine_backward, .in_place = true};

/* ---- gate: x [n,c,h,w] times g [n,c,1,1] -------------------------------------------------------------------------------------- */

static void gate_items(void *arg, size_t begin, size_t end, int thread) {
    const element_job *job = arg;
    float *y = scratch_row(job, thread, 0);
    for (size_t row = begin * job->pixels; row < end * job->pixels; row++) {
        const float *x = load(job, job->s->in_store[0], job->r->x[0], row, scratch_row(job, thread, 1));
        job->r->kernels->mul(job->channels, x, (const float *)job->r->x[1] + row / job->pixels * job->channels, y);
        job->r->kernels->store_save(job->s->out_store, job->channels, y,
                                    arc_store_at(job->s->out_store, job->r->y, row * job->channels));
    }
}

static void gate_forward(const arc_learn_step *s, const arc_learn_run *r) {
    element_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, gate_items, &job);
}

/* Scratch rows: 0 dx and 1 its old value, 2 x, 3 dy. */
static void gate_back_items(void *arg, size_t begin, size_t end, int thread) {
    const element_job *job = arg;
    const size_t c = job->channels;
    float *d = scratch_row(job, thread, 0);
    for (size_t image = begin; image < end; image++) {
        const float *gate = (const float *)job->r->x[1] + image * c;
        float *sum = job->r->dx[1] ? (float *)job->r->dx[1] + image * c : NULL;
        if (sum && !job->r->add[1])
            memset(sum, 0, c * sizeof *sum);
        for (size_t row = image * job->pixels; row < (image + 1) * job->pixels; row++) {
            const float *x = load(job, job->s->in_store[0], job->r->x[0], row, scratch_row(job, thread, 2));
            const float *dy = load(job, job->s->out_store, job->r->dy, row, scratch_row(job, thread, 3));
            for (size_t j = 0; sum && j < c; j++)
                sum[j] += dy[j] * x[j];
            job->r->kernels->mul(c, dy, gate, d);
            if (job->r->dx[0])
                give(job, 0, row, d);
        }
    }
}

static void gate_backward(const arc_learn_step *s, const arc_learn_run *r) {
    element_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, gate_back_items, &job);
}

const arc_learn_op arc_learn_gate = {
    .name = "gate", .prepare = element_prepare, .forward = gate_forward, .backward = gate_backward, .keeps = {true, true}};

/* ---- sigmoid ------------------------------------------------------------------------------------------------------------------ */

static void sigmoid_forward(const arc_learn_step *s, const arc_learn_run *r) {
    r->kernels->sigmoid(r->n * arc_learn_row(&s->out_shape), r->x[0], r->y);
}

static void sigmoid_backward(const arc_learn_step *s, const arc_learn_run *r) {
    const float *y = r->y, *dy = r->dy;
    float *dx = r->dx[0];
    for (size_t i = 0; dx && i < r->n * arc_learn_row(&s->out_shape); i++)
        dx[i] = dy[i] * y[i] * (1 - y[i]) + (r->add[0] ? dx[i] : 0);
}

const arc_learn_op arc_learn_sigmoid = {
    .name = "sigmoid", .prepare = element_prepare, .forward = sigmoid_forward, .backward = sigmoid_backward, .keeps_out = true};
