/* train: SGD with momentum and AdamW, applied to one array of weights. */
#include "train/trainer/optimiser.h"
#include <math.h>

#define CHUNK 65536

size_t arc_optimiser_states(const arc_optimiser *o) {
    return o->kind == ARC_OPTIMISER_ADAMW ? 2 : 1;
}

static void sgd(const arc_optimiser *o, const arc_optimiser_step *s, double decay, size_t n, float *restrict w,
                const float *restrict g, float *restrict m) {
    const float momentum = (float)o->momentum, rate = (float)s->rate, factor = (float)s->factor, wd = (float)decay;
    for (size_t i = 0; i < n; i++) {
        const float d = (g ? g[i] * factor : 0.0f) + wd * w[i];
        m[i] = momentum * m[i] + d;
        w[i] -= rate * m[i];
    }
}

static void adamw(const arc_optimiser *o, const arc_optimiser_step *s, double decay, size_t n, float *restrict w,
                  const float *restrict g, float *restrict m, float *restrict v) {
    const float b1 = (float)o->beta1, b2 = (float)o->beta2, factor = (float)s->factor, keep = (float)(1 - s->rate * decay);
    const float size = (float)(s->rate / (1 - pow(o->beta1, (double)s->step)));
    const float root = (float)sqrt(1 - pow(o->beta2, (double)s->step)), epsilon = (float)o->epsilon;
    for (size_t i = 0; i < n; i++) {
        const float d = g ? g[i] * factor : 0.0f;
        m[i] += (1 - b1) * (d - m[i]);
        v[i] = b2 * v[i] + (1 - b2) * d * d;
        w[i] = w[i] * keep - size * m[i] / (sqrtf(v[i]) / root + epsilon);
    }
}

void arc_optimiser_apply(const arc_optimiser *o, const arc_optimiser_step *step, double decay, size_t n, float *weight,
                         const float *gradient, float *const state[2]) {
    if (o->kind == ARC_OPTIMISER_SGD)
        sgd(o, step, decay, n, weight, gradient, state[0]);
    else
        adamw(o, step, decay, n, weight, gradient, state[0], state[1]);
}

/* ---- norms ---- */

typedef struct square_job {
    const float *x;
    size_t n;
    double part[256]; /* sums of the chunks of this pass */
    size_t first;
} square_job;

static void square_chunks(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    square_job *job = arg;
    for (size_t chunk = begin; chunk < end; chunk++) {
        const size_t from = (job->first + chunk) * CHUNK, to = ARC_MIN(from + CHUNK, job->n);
        double lane[8] = {0}; /* eight sums, because a single one would wait for each addition */
        for (size_t i = from; i < to; i++)
            lane[i % 8] += (double)job->x[i] * (double)job->x[i];
        job->part[chunk] = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
}

double arc_square_sum(arc_pool *pool, size_t n, const float *x) {
    square_job job = {.x = x, .n = n};
    const size_t chunks = (n + CHUNK - 1) / CHUNK;
    double sum = 0;
    for (job.first = 0; job.first < chunks; job.first += ARC_COUNT(job.part)) {
        const size_t count = ARC_MIN(chunks - job.first, ARC_COUNT(job.part));
        arc_pool_run(pool, count, 1, square_chunks, &job);
        for (size_t i = 0; i < count; i++)
            sum += job.part[i];
    }
    return sum;
}
