/* generate: total variation and length. The paper names both and gives no form; these are DeepInversion's: the sum of four
 * lengths, each of the differences of the whole batch in one direction (right, down, both diagonals), and the mean length of a
 * picture. */
#include "generate/generate.h"
#include <math.h>
#include <string.h>

enum { DIRECTIONS = 4, SUMS = DIRECTIONS + 1 }; /* of a picture: squares of differences, and of pixels */

static const int step_down[DIRECTIONS] = {0, 1, 1, 1}, step_right[DIRECTIONS] = {1, 0, 1, -1};

typedef struct smooth_job {
    const arc_generate_size *size;
    const float *x;
    double *work;              /* [images][SUMS] */
    double factor[DIRECTIONS]; /* of the gradient of half the sum of squares */
    double l2_weight;
    float *d;
} smooth_job;

/* The first pixel that has a partner in direction k, and how many columns do. */
static size_t begin_of(int k) {
    return step_right[k] < 0 ? 1 : 0;
}
static size_t columns_of(const arc_generate_size *s, int k) {
    return s->width - (step_right[k] != 0 ? 1 : 0);
}
static ptrdiff_t partner(const arc_generate_size *s, int k) {
    return step_down[k] * (ptrdiff_t)s->width + step_right[k];
}

static double squares(const arc_generate_size *s, int k, const float *plane) {
    double sum = 0;
    for (size_t y = 0; y + (size_t)step_down[k] < s->height; y++) {
        const float *p = plane + y * s->width + begin_of(k), *q = p + partner(s, k);
        for (size_t x = 0; x < columns_of(s, k); x++)
            sum += ((double)q[x] - (double)p[x]) * ((double)q[x] - (double)p[x]);
    }
    return sum;
}

static void sum_images(void *arg, size_t begin, size_t end, int thread) {
    const smooth_job *job = arg;
    const size_t plane = arc_generate_plane(job->size);
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        double *sum = job->work + i * SUMS;
        memset(sum, 0, SUMS * sizeof *sum);
        for (size_t c = 0; c < ARC_GENERATE_CHANNELS; c++) {
            const float *x = job->x + (i * ARC_GENERATE_CHANNELS + c) * plane;
            for (int k = 0; k < DIRECTIONS; k++)
                sum[k] += squares(job->size, k, x);
            for (size_t j = 0; j < plane; j++)
                sum[DIRECTIONS] += (double)x[j] * (double)x[j];
        }
    }
}

static void add_differences(const smooth_job *job, int k, const float *plane, float *d) {
    const arc_generate_size *s = job->size;
    const float factor = (float)job->factor[k];
    for (size_t y = 0; y + (size_t)step_down[k] < s->height; y++) {
        const size_t at = y * s->width + begin_of(k);
        const ptrdiff_t other = partner(s, k);
        for (size_t x = at; x < at + columns_of(s, k); x++) {
            const float slope = factor * (plane[(ptrdiff_t)x + other] - plane[x]);
            d[x] -= slope;
            d[(ptrdiff_t)x + other] += slope;
        }
    }
}

static void gradient_images(void *arg, size_t begin, size_t end, int thread) {
    const smooth_job *job = arg;
    const size_t plane = arc_generate_plane(job->size);
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const double length = sqrt(job->work[i * SUMS + DIRECTIONS]);
        const float pull = length > 0 ? (float)(job->l2_weight / ((double)job->size->images * length)) : 0;
        for (size_t c = 0; c < ARC_GENERATE_CHANNELS; c++) {
            const size_t at = (i * ARC_GENERATE_CHANNELS + c) * plane;
            for (int k = 0; k < DIRECTIONS; k++)
                add_differences(job, k, job->x + at, job->d + at);
            for (size_t j = at; j < at + plane; j++)
                job->d[j] += pull * job->x[j];
        }
    }
}

arc_generate_smoothness arc_generate_smooth(arc_pool *pool, const arc_generate_size *size, double tv_weight, double l2_weight,
                                            const float *x, double *work, float *d) {
    smooth_job job = {.size = size, .x = x, .work = work, .l2_weight = l2_weight, .d = d};
    arc_generate_smoothness out = {0};
    arc_pool_run(pool, size->images, 1, sum_images, &job);
    for (int k = 0; k < DIRECTIONS; k++) {
        double sum = 0;
        for (size_t i = 0; i < size->images; i++)
            sum += work[i * SUMS + (size_t)k];
        out.tv += tv_weight * sqrt(sum);
        job.factor[k] = sum > 0 ? tv_weight / sqrt(sum) : 0;
    }
    for (size_t i = 0; i < size->images; i++)
        out.l2 += l2_weight * sqrt(work[i * SUMS + DIRECTIONS]) / (double)size->images;
    arc_pool_run(pool, size->images, 1, gradient_images, &job);
    return out;
}
