/* op: GlobalAveragePool in learning. */
#include "op/learn_step.h"
#include <string.h>

typedef struct average_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    size_t pixels, channels;
} average_job;

static average_job job_of(const arc_learn_step *s, const arc_learn_run *r) {
    return (average_job){s, r, arc_learn_pixels(&s->in_shape[0]), (size_t)s->in_shape[0].dim[1]};
}

arc_status arc_average_learn_prepare(arc_learn_prepare *p) {
    arc_learn_step *s = p->step;
    s->algorithm = "rows";
    s->scratch_bytes = 2 * arc_learn_row(&s->in_shape[0]) * sizeof(float); /* two images as floats, NHWC */
    return ARC_OK;
}

static void average_items(void *arg, size_t begin, size_t end, int thread) {
    const average_job *job = arg;
    const size_t c = job->channels, row = job->pixels * c;
    float *image = arc_learn_scratch(job->r, thread);
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

void arc_average_forward(const arc_learn_step *s, const arc_learn_run *r) {
    average_job job = job_of(s, r);
    arc_pool_run(r->pool, r->n, 1, average_items, &job);
}

static void spread_items(void *arg, size_t begin, size_t end, int thread) {
    const average_job *job = arg;
    const size_t c = job->channels, row = job->pixels * c;
    float *image = arc_learn_scratch(job->r, thread);
    for (size_t i = begin; i < end; i++) {
        const float *dy = (const float *)job->r->dy + i * c;
        for (size_t at = 0; at < row; at++)
            image[at] = dy[at % c] / (float)job->pixels;
        arc_learn_give(job->s, job->r, 0, i * row, row, image, image + row);
    }
}

void arc_average_backward(const arc_learn_step *s, const arc_learn_run *r) {
    average_job job = job_of(s, r);
    if (r->dx[0])
        arc_pool_run(r->pool, r->n, 1, spread_items, &job);
}
