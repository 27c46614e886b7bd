/* op: Add, Sub, Mul and Div in learning, in three forms: an activation with constants, the sum of two activations, and an
 * activation times a gate. A work item is an image; rows of channels go through floats in scratch, so activations may be stored
 * either way. */
#include "op/learn_step.h"
#include <string.h>

typedef struct pair_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    size_t pixels, channels;
} pair_job;

static pair_job job_of(const arc_learn_step *s, const arc_learn_run *r) {
    return (pair_job){s, r, arc_learn_pixels(&s->out_shape), (size_t)s->out_shape.dim[1]};
}

/* Row number i of a thread's scratch. */
static float *scratch_row(const pair_job *job, int thread, size_t i) {
    return arc_learn_scratch(job->r, thread) + i * job->channels;
}

/* ---- addition -------------------------------------------------------------------------------------------------------------- */

static void add_items(void *arg, size_t begin, size_t end, int thread) {
    const pair_job *job = arg;
    const size_t row = job->pixels * job->channels, count = (end - begin) * row;
    const arc_store store = job->s->out_store;
    void *y = arc_store_at(store, job->r->y, begin * row);
    (void)thread;
    memcpy(y, arc_store_at(store, job->r->x[0], begin * row), count * arc_store_bytes(store));
    job->r->kernels->store_add(store, count, arc_store_at(store, job->r->x[1], begin * row), y);
}

static void add_forward(const arc_learn_step *s, const arc_learn_run *r) {
    pair_job job = job_of(s, r);
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

/* ---- constants: x*factor + offset ------------------------------------------------------------------------------------------ */

static void affine_of(const arc_learn_step *s, size_t j, float *factor, float *offset) {
    const float c = s->constant[s->constants > 1 ? j : 0];
    const arc_op_kind kind = s->op->kind;
    *factor = kind == ARC_KIND_MUL ? c : kind == ARC_KIND_DIV ? 1 / c : 1;
    *offset = kind == ARC_KIND_ADD ? c : kind == ARC_KIND_SUB ? -c : 0;
}

static void affine_items(void *arg, size_t begin, size_t end, int thread) {
    const pair_job *job = arg;
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
    pair_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, affine_items, &job);
}

static void affine_back_items(void *arg, size_t begin, size_t end, int thread) {
    const pair_job *job = arg;
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
    pair_job job = job_of(s, r);
    if (r->dx[0])
        arc_pool_run(r->pool, r->n, 1, affine_back_items, &job);
}

/* ---- gate: x [n,c,h,w] times g [n,c,1,1] ----------------------------------------------------------------------------------- */

static void gate_items(void *arg, size_t begin, size_t end, int thread) {
    const pair_job *job = arg;
    float *y = scratch_row(job, thread, 0);
    for (size_t row = begin * job->pixels; row < end * job->pixels; row++) {
        const float *x = arc_learn_load(job->r, job->s->in_store[0], job->r->x[0], row * job->channels, job->channels,
                                        scratch_row(job, thread, 1));
        job->r->kernels->mul(job->channels, x, (const float *)job->r->x[1] + row / job->pixels * job->channels, y);
        job->r->kernels->store_save(job->s->out_store, job->channels, y,
                                    arc_store_at(job->s->out_store, job->r->y, row * job->channels));
    }
}

static void gate_forward(const arc_learn_step *s, const arc_learn_run *r) {
    pair_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, gate_items, &job);
}

/* Scratch rows: 0 dx and 1 its old value, 2 x, 3 dy. */
static void gate_back_items(void *arg, size_t begin, size_t end, int thread) {
    const pair_job *job = arg;
    const size_t c = job->channels;
    float *d = scratch_row(job, thread, 0);
    for (size_t image = begin; image < end; image++) {
        const float *gate = (const float *)job->r->x[1] + image * c;
        float *sum = job->r->dx[1] ? (float *)job->r->dx[1] + image * c : NULL;
        if (sum && !job->r->add[1])
            memset(sum, 0, c * sizeof *sum);
        for (size_t row = image * job->pixels; row < (image + 1) * job->pixels; row++) {
            const float *x = arc_learn_load(job->r, job->s->in_store[0], job->r->x[0], row * job->channels, job->channels,
                                            scratch_row(job, thread, 2));
            const float *dy = arc_learn_load(job->r, job->s->out_store, job->r->dy, row * job->channels, job->channels,
                                             scratch_row(job, thread, 3));
            for (size_t j = 0; sum && j < c; j++)
                sum[j] += dy[j] * x[j];
            job->r->kernels->mul(c, dy, gate, d);
            if (job->r->dx[0])
                arc_learn_give(job->s, job->r, 0, row * job->channels, job->channels, d, scratch_row(job, thread, 1));
        }
    }
}

static void gate_backward(const arc_learn_step *s, const arc_learn_run *r) {
    pair_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, gate_back_items, &job);
}

/* ---- which of them --------------------------------------------------------------------------------------------------------- */

typedef struct form {
    void (*forward)(const arc_learn_step *s, const arc_learn_run *r);
    void (*backward)(const arc_learn_step *s, const arc_learn_run *r);
} form;

arc_status arc_arithmetic_learn_prepare(arc_learn_prepare *p) {
    static const form constants = {affine_forward, affine_backward}, sum = {add_forward, add_backward},
                      gate = {gate_forward, gate_backward};
    arc_learn_step *s = p->step;
    form *own = arc_arena_new(p->arena, 1, sizeof *own);
    if (!own)
        return arc_fail_nomem(p->err, "an addition or multiplication");
    const bool adds = s->op->kind == ARC_KIND_ADD;
    *own = s->constant ? constants : adds ? sum : gate;
    s->in_place = s->constant != NULL;
    for (int k = 0; k < 2; k++) {
        s->passes[k] = !s->constant && adds;
        s->keeps[k] = !s->constant && !adds;
    }
    s->state = own;
    s->algorithm = "rows";
    s->scratch_bytes = 4 * (size_t)s->out_shape.dim[1] * sizeof(float);
    return ARC_OK;
}

void arc_arithmetic_forward(const arc_learn_step *s, const arc_learn_run *r) {
    const form *own = s->state;
    own->forward(s, r);
}

void arc_arithmetic_backward(const arc_learn_step *s, const arc_learn_run *r) {
    const form *own = s->state;
    own->backward(s, r);
}
