/* generate: pictures of several resolutions, and as one step sees them. Every function splits its output by planes. */
#include "generate/generate.h"
#include <string.h>

typedef struct picture_job {
    const arc_generate_size *size;
    const arc_generate_view *view;
    const float *from, *scale, *shift;
    float *to;
} picture_job;

/* ---- twice the size -------------------------------------------------------------------------------------------------------- */

/* Pixel i of the large picture lies between two of the small one, a quarter away from the nearer. */
typedef struct near {
    size_t nearer, other;
} near;

static near near_of(size_t i, size_t small) {
    const size_t at = i / 2;
    return (near){at, i % 2 ? ARC_MIN(at + 1, small - 1) : at ? at - 1 : 0};
}

static void enlarge_planes(void *arg, size_t begin, size_t end, int thread) {
    const picture_job *job = arg;
    const size_t h = job->size->height, w = job->size->width, sw = w / 2;
    (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *from = job->from + p * (h / 2) * sw;
        float *to = job->to + p * h * w;
        for (size_t y = 0; y < h; y++) {
            const near row = near_of(y, h / 2);
            const float *a = from + row.nearer * sw, *b = from + row.other * sw;
            for (size_t x = 0; x < w; x++) {
                const near col = near_of(x, sw);
                to[y * w + x] += 0.75f * (0.75f * a[col.nearer] + 0.25f * a[col.other]) +
                                 0.25f * (0.75f * b[col.nearer] + 0.25f * b[col.other]);
            }
        }
    }
}

void arc_generate_enlarge(arc_pool *pool, const arc_generate_size *size, const float *from, float *to) {
    picture_job job = {.size = size, .from = from, .to = to};
    arc_pool_run(pool, size->images * ARC_GENERATE_CHANNELS, 1, enlarge_planes, &job);
}

static void reduce_planes(void *arg, size_t begin, size_t end, int thread) {
    const picture_job *job = arg;
    const size_t h = job->size->height, w = job->size->width, sw = w / 2;
    (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *from = job->from + p * h * w;
        float *to = job->to + p * (h / 2) * sw;
        memset(to, 0, (h / 2) * sw * sizeof *to);
        for (size_t y = 0; y < h; y++) {
            const near row = near_of(y, h / 2);
            float *a = to + row.nearer * sw, *b = to + row.other * sw;
            for (size_t x = 0; x < w; x++) {
                const near col = near_of(x, sw);
                const float d = from[y * w + x];
                a[col.nearer] += 0.5625f * d;
                a[col.other] += 0.1875f * d;
                b[col.nearer] += 0.1875f * d;
                b[col.other] += 0.0625f * d;
            }
        }
    }
}

void arc_generate_reduce(arc_pool *pool, const arc_generate_size *size, const float *from, float *to) {
    picture_job job = {.size = size, .from = from, .to = to};
    arc_pool_run(pool, size->images * ARC_GENERATE_CHANNELS, 1, reduce_planes, &job);
}

/* ---- mirror images --------------------------------------------------------------------------------------------------------- */

static void mirror_planes(void *arg, size_t begin, size_t end, int thread) {
    const picture_job *job = arg;
    const size_t w = job->size->width;
    (void)thread;
    for (size_t r = begin * job->size->height; r < end * job->size->height; r++) {
        float *row = job->to + r * w;
        for (size_t x = 0; x < w / 2; x++)
            row[x] = row[w - 1 - x] = 0.5f * (row[x] + row[w - 1 - x]);
    }
}

void arc_generate_mirror(arc_pool *pool, const arc_generate_size *size, float *x) {
    picture_job job = {.size = size, .to = x};
    arc_pool_run(pool, size->images * ARC_GENERATE_CHANNELS, 1, mirror_planes, &job);
}

/* ---- as a step sees it ----------------------------------------------------------------------------------------------------- */

static size_t rolled(size_t at, int by, size_t size) {
    const int64_t moved = ((int64_t)at - by) % (int64_t)size;
    return (size_t)(moved < 0 ? moved + (int64_t)size : moved);
}

static size_t source_of(const picture_job *job, size_t y, size_t x) {
    const size_t w = job->size->width, seen = job->view->mirrored ? w - 1 - x : x;
    return rolled(y, job->view->down_px, job->size->height) * w + rolled(seen, job->view->right_px, w);
}

static void see_planes(void *arg, size_t begin, size_t end, int thread) {
    const picture_job *job = arg;
    const size_t plane = arc_generate_plane(job->size), w = job->size->width;
    (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float scale = job->scale[p % ARC_GENERATE_CHANNELS], shift = job->shift[p % ARC_GENERATE_CHANNELS];
        const float *from = job->from + p * plane;
        float *to = job->to + p * plane;
        for (size_t i = 0; i < plane; i++)
            to[i] = scale * from[source_of(job, i / w, i % w)] + shift;
    }
}

void arc_generate_see(arc_pool *pool, const arc_generate_size *size, const arc_generate_view *view, const float *from,
                      const float scale[3], const float shift[3], float *to) {
    picture_job job = {size, view, from, scale, shift, to};
    arc_pool_run(pool, size->images * ARC_GENERATE_CHANNELS, 1, see_planes, &job);
}

static void unsee_planes(void *arg, size_t begin, size_t end, int thread) {
    const picture_job *job = arg;
    const size_t plane = arc_generate_plane(job->size), w = job->size->width;
    (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float scale = job->scale[p % ARC_GENERATE_CHANNELS];
        const float *from = job->from + p * plane;
        float *to = job->to + p * plane;
        for (size_t i = 0; i < plane; i++) /* each source once: a roll is a permutation */
            to[source_of(job, i / w, i % w)] = scale * from[i];
    }
}

void arc_generate_unsee(arc_pool *pool, const arc_generate_size *size, const arc_generate_view *view, const float *from,
                        const float scale[3], float *to) {
    picture_job job = {.size = size, .view = view, .from = from, .scale = scale, .to = to};
    arc_pool_run(pool, size->images * ARC_GENERATE_CHANNELS, 1, unsee_planes, &job);
}
