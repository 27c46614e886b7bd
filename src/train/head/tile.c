/* train: one tile of classes against a slice of samples: the cosines, the nearest of several sub-centers, and the gradient of
 * the loss by each centre's cosine. */
#include "train/head/head_internal.h"
#include <math.h>
#include <string.h>

#define LEAST_NORM 1e-12

size_t arc_head_tiles(const arc_head *h) {
    return (h->actives + h->tile_classes - 1) / h->tile_classes;
}

static size_t tile_rows(const arc_head *h) {
    return h->tile_classes * h->centres;
}

/* In order: cosines of all centres, cosines of the nearest ones, their indices, one line, the gradient by cosines, the
 * gradient by centres. */
size_t arc_head_tile_floats(const arc_head *h, size_t n) {
    const size_t line = (n + 15) / 16 * 16;
    return (2 * tile_rows(h) + 2 * h->tile_classes + 3) * line + tile_rows(h) * h->dim + 64;
}

const float *arc_head_row(const arc_head *h, size_t active_class, size_t centre) {
    const size_t local = h->active ? (size_t)h->active[active_class] : active_class;
    return h->weight + (local * h->centres + centre) * h->dim;
}

static void inverse_rows(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    arc_head *h = arg;
    for (size_t i = begin; i < end; i++) {
        const float *w = arc_head_row(h, i / h->centres, i % h->centres);
        h->inverse[i] = 1.0f / fmaxf(sqrtf(h->kernels->dot(h->dim, w, w)), (float)LEAST_NORM);
    }
}

void arc_head_inverse_norms(arc_head *h) {
    arc_pool_run(h->pool, h->actives * h->centres, 256, inverse_rows, h);
}

void arc_head_product(const arc_kernels *k, size_t m, size_t n, size_t depth, const float *const *row, const float *panels,
                      float *c, size_t c_stride, bool accumulate) {
    const size_t mr = k->igemm_mr, nr = k->igemm_nr;
    for (size_t i = 0; i < m; i += mr)
        for (size_t j = 0; j < n; j += nr) {
            float *to = c + i * c_stride + j;
            const arc_epilogue e = {.residual = accumulate ? to : NULL, .residual_stride = c_stride};
            k->igemm(ARC_MIN(mr, m - i), ARC_MIN(nr, n - j), depth, 1, row + i, panels + j * depth, to, c_stride, &e);
        }
}

/* ---- the batch, packed in the order in which the products read it ---- */

typedef struct pack_job {
    const arc_head *h;
    arc_head_slice s;
} pack_job;

static void pack_column_panels(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const pack_job *job = arg;
    const arc_head *h = job->h;
    const size_t nr = h->kernels->igemm_nr;
    for (size_t p = begin; p < end; p++)
        arc_igemm_pack_panel(h->kernels, job->s.n, p * nr, h->dim, 1, h->embedding + job->s.at * h->dim, h->dim, 0, 1, NULL,
                             h->inverse_norm + job->s.at, h->columns + p * nr * h->dim);
}

void arc_head_pack_columns(arc_head *h, arc_head_slice s) {
    pack_job job = {h, s};
    const size_t nr = h->kernels->igemm_nr;
    arc_pool_run(h->pool, (s.n + nr - 1) / nr, 1, pack_column_panels, &job);
}

static void pack_row_panels(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const pack_job *job = arg;
    const arc_head *h = job->h;
    const size_t nr = h->kernels->igemm_nr;
    for (size_t p = begin; p < end; p++)
        arc_igemm_pack_panel(h->kernels, h->dim, p * nr, job->s.n, 1, h->embedding + job->s.at * h->dim, 1, 0, h->dim,
                             h->inverse_norm + job->s.at, NULL, h->rows + p * nr * job->s.n);
}

void arc_head_pack_rows(arc_head *h, arc_head_slice s) {
    pack_job job = {h, s};
    const size_t nr = h->kernels->igemm_nr;
    arc_pool_run(h->pool, (h->dim + nr - 1) / nr, 1, pack_row_panels, &job);
}

/* ---- cosines ---- */

static void nearest(size_t centres, size_t n, const float *all, float *best, uint8_t *which) {
    memcpy(best, all, n * sizeof *best);
    memset(which, 0, n);
    for (size_t k = 1; k < centres; k++)
        for (size_t j = 0; j < n; j++)
            if (all[k * n + j] > best[j]) {
                best[j] = all[k * n + j];
                which[j] = (uint8_t)k;
            }
}

void arc_head_tile_get(const arc_head *h, size_t t, arc_head_slice s, bool kept, float *scratch, arc_head_tile *out) {
    const size_t first = t * h->tile_classes, classes = ARC_MIN(h->tile_classes, h->actives - first), k = h->centres;
    const size_t rows = classes * k, line = (s.n + 15) / 16 * 16;
    float *all = scratch, *best = all + tile_rows(h) * line;
    uint8_t *which = (uint8_t *)(void *)(best + h->tile_classes * line);
    *out = (arc_head_tile){.first = first, .classes = classes, .cosine = k == 1 ? all : best, .centre = k == 1 ? NULL : which};
    out->free = best + 2 * h->tile_classes * line;
    if (kept) {
        out->cosine = h->kept + first * s.n;
        out->centre = k == 1 ? NULL : h->kept_centre + first * s.n;
        return;
    }
    const float *row[ARC_HEAD_TILE_ROWS + 256];
    for (size_t i = 0; i < rows; i++)
        row[i] = arc_head_row(h, first + i / k, i % k);
    arc_head_product(h->kernels, rows, s.n, h->dim, row, h->columns, all, s.n, false);
    for (size_t i = 0; i < rows; i++) {
        const float scale = h->inverse[first * k + i];
        for (size_t j = 0; j < s.n; j++)
            all[i * s.n + j] *= scale;
    }
    for (size_t c = 0; c < classes && k > 1; c++)
        nearest(k, s.n, all + c * k * s.n, best + c * s.n, which + c * s.n);
}

/* ---- gradient ---- */

void arc_head_tile_gradient(const arc_head *h, const arc_head_tile *tile, arc_head_slice s, float *line, float *g) {
    const float scale = (float)h->o.margin.scale, share = (float)(h->o.margin.scale / (double)h->samples);
    const size_t n = s.n, k = h->centres, padded = (n + 15) / 16 * 16;
    const int32_t *position = h->position + s.at;
    float *slope = line + padded;
    for (size_t c = 0; c < tile->classes; c++) {
        float *row = g + c * k * n;
        arc_margin_negatives(&h->o.margin, &h->margin, n, tile->cosine + c * n, h->hard + s.at, line, slope);
        for (size_t j = 0; j < n; j++)
            line[j] = scale * line[j] - h->log_sum[s.at + j];
        h->kernels->exp(n, line, line);
        for (size_t j = 0; j < n; j++)
            row[j] = share * slope[j] * line[j];
        for (size_t j = 0; j < n; j++)
            if (position[j] == (int32_t)(tile->first + c)) {
                const arc_margin_target *t = &h->target[s.at + j];
                const double p = exp(h->o.margin.scale * t->value - (double)h->log_sum[s.at + j]);
                row[j] = (float)((double)share * t->slope * (p - 1));
            }
        if (k == 1)
            continue;
        for (size_t q = k; q-- > 0;) /* row 0 last, because it holds the values that the others copy */
            for (size_t j = 0; j < n; j++)
                row[q * n + j] = tile->centre[c * n + j] == q ? row[j] : 0.0f;
    }
}
