/* train: the gradients of the classification head. Gradients by the embeddings are summed over bands of classes; gradients by
 * the centres are computed tile by tile and go straight into the centres' optimiser. The forward pass is in head.c, one tile
 * in tile.c. */
#include "train/head/head_internal.h"
#include <math.h>
#include <string.h>

/* ---- by the embeddings: sum over classes of gradient x centre, one band of classes after another ---- */

typedef struct band_job {
    arc_head *h;
    size_t first_tile, first_row, rows; /* rows of centres in this band */
    float *gradient;
} band_job;

static void band_tiles(void *arg, size_t begin, size_t end, int thread) {
    const band_job *job = arg;
    arc_head *h = job->h;
    float *scratch = h->scratch + (size_t)thread * h->scratch_floats;
    const arc_head_slice s = {h->at, h->n};
    const size_t padded = (s.n + 15) / 16 * 16;
    for (size_t i = begin; i < end; i++) {
        arc_head_tile tile;
        arc_head_tile_get(h, job->first_tile + i, s, h->kept_valid, scratch, &tile);
        float *line = tile.free, *g = line + 3 * padded;
        arc_head_tile_gradient(h, &tile, s, line, g);
        const size_t rows = tile.classes * h->centres, at = tile.first * h->centres - job->first_row;
        h->kernels->transpose(rows, s.n, g, s.n, h->band + at, h->band_rows);
    }
}

/* One panel of columns of the embedding: packs the centres' values there, scaled to length 1, then multiplies with every
 * sample. */
static void band_panels(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const band_job *job = arg;
    arc_head *h = job->h;
    const size_t nr = h->kernels->igemm_nr;
    const float *row[ARC_IGEMM_MAX_MR];
    for (size_t p = begin; p < end; p++) {
        float *panel = h->band_panel + p * nr * h->band_rows;
        const size_t j0 = p * nr, width = ARC_MIN(nr, h->dim - j0);
        for (size_t i = 0; i < job->rows; i++) {
            const size_t at = job->first_row + i;
            const float *w = arc_head_row(h, at / h->centres, at % h->centres) + j0, scale = h->inverse[at];
            for (size_t j = 0; j < width; j++)
                panel[i * nr + j] = w[j] * scale;
            if (width < nr)
                memset(panel + i * nr + width, 0, (nr - width) * sizeof *panel);
        }
        for (size_t i0 = 0; i0 < h->n; i0 += h->kernels->igemm_mr) {
            const size_t m = ARC_MIN(h->kernels->igemm_mr, h->n - i0);
            for (size_t i = 0; i < m; i++)
                row[i] = h->band + (i0 + i) * h->band_rows;
            arc_head_product(h->kernels, m, width, job->rows, row, panel, job->gradient + i0 * h->dim + j0, h->dim,
                             job->first_tile > 0);
        }
    }
}

/* The gradient by x from the gradient by x / |x|, plus the loss's own derivative by the norm. */
static void through_norm(const arc_head *h, size_t sample, float *g) {
    const float *x = h->embedding + sample * h->dim;
    const double inverse = 1 / fmax(h->norm[sample], 1e-12);
    const arc_margin_target *t = &h->target[sample];
    double along = 0;
    for (size_t d = 0; d < h->dim; d++)
        along += (double)g[d] * (double)x[d] * inverse;
    double by_norm = 0;
    if (h->norm[sample] > 0) {
        const double p = exp(h->o.margin.scale * t->value - (double)h->log_sum[sample]);
        by_norm = (h->o.margin.scale * (p - 1) * t->norm_slope + t->penalty_slope) / (double)h->samples;
    }
    for (size_t d = 0; d < h->dim; d++) {
        const double unit = (double)x[d] * inverse;
        g[d] = (float)(((double)g[d] - along * unit) * inverse + by_norm * unit);
    }
}

arc_status arc_head_backward(arc_head *h, float *gradient, arc_error *err) {
    const size_t tiles = arc_head_tiles(h), nr = h->kernels->igemm_nr, rows = h->actives * h->centres;
    const size_t tile_rows = h->tile_classes * h->centres;
    memset(gradient, 0, h->n * h->dim * sizeof *gradient);
    for (size_t t = 0; t < tiles; t += ARC_HEAD_BAND_TILES) {
        band_job job = {.h = h, .first_tile = t, .first_row = t * tile_rows, .gradient = gradient};
        job.rows = ARC_MIN(rows - job.first_row, h->band_rows);
        arc_pool_run(h->pool, ARC_MIN(tiles - t, (size_t)ARC_HEAD_BAND_TILES), 1, band_tiles, &job);
        arc_pool_run(h->pool, (h->dim + nr - 1) / nr, 1, band_panels, &job);
    }
    const arc_status st = arc_ranks_sum_floats(&h->ranks, gradient, h->n * h->dim, err);
    for (size_t i = 0; i < h->n; i++)
        through_norm(h, h->at + i, gradient + i * h->dim);
    return st;
}

/* ---- by the centres ---- */

typedef struct update_job {
    arc_head *h;
    const arc_optimiser_step *step;
    bool kept;
} update_job;

/* The gradient by the centres of tile t, [classes*centres][dim], from all samples of the step. Valid until the scratch is used
 * again. */
static float *centre_gradient(arc_head *h, size_t t, bool kept, float *scratch, arc_head_tile *tile) {
    const arc_head_slice s = {0, h->samples};
    const size_t padded = (s.n + 15) / 16 * 16;
    arc_head_tile_get(h, t, s, kept, scratch, tile);
    const size_t rows = tile->classes * h->centres;
    float *line = tile->free, *g = line + 3 * padded, *dw = g + ARC_MAX(h->tile_classes * h->centres, rows) * padded;
    const float *row[ARC_HEAD_TILE_ROWS + 256];
    arc_head_tile_gradient(h, tile, s, line, g);
    for (size_t i = 0; i < rows; i++)
        row[i] = g + i * s.n;
    arc_head_product(h->kernels, rows, h->dim, s.n, row, h->rows, dw, h->dim, false);
    for (size_t i = 0; i < rows; i++) { /* the gradient by w from the gradient by w / |w| */
        const size_t at = tile->first * h->centres + i;
        const float *w = arc_head_row(h, at / h->centres, at % h->centres), scale = h->inverse[at];
        float *d = dw + i * h->dim;
        const float along = h->kernels->dot(h->dim, d, w) * scale * scale;
        for (size_t j = 0; j < h->dim; j++)
            d[j] = (d[j] - along * w[j]) * scale;
    }
    return dw;
}

static void step_row(arc_head *h, const arc_optimiser_step *step, size_t row, const float *gradient) {
    const size_t at = row * h->dim;
    float *const state[2] = {h->state[0] + at, h->state[1] ? h->state[1] + at : NULL};
    arc_optimiser_apply(&h->o.optimiser, step, h->o.decay, h->dim, h->weight + at, gradient, state);
}

static void update_tiles(void *arg, size_t begin, size_t end, int thread) {
    const update_job *job = arg;
    arc_head *h = job->h;
    float *scratch = h->scratch + (size_t)thread * h->scratch_floats;
    for (size_t t = begin; t < end; t++) {
        arc_head_tile tile;
        const float *dw = centre_gradient(h, t, job->kept, scratch, &tile);
        for (size_t i = 0; i < tile.classes * h->centres; i++) {
            const size_t at = tile.first * h->centres + i;
            step_row(h, job->step, (size_t)(arc_head_row(h, at / h->centres, at % h->centres) - h->weight) / h->dim,
                     dw + i * h->dim);
        }
    }
}

/* Partial FC V2: the optimiser's step, with a gradient of zero, for the classes that were not sampled. */
static void step_unsampled(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const update_job *job = arg;
    arc_head *h = job->h;
    for (size_t row = begin; row < end; row++)
        if (!h->picked[row / h->centres])
            step_row(h, job->step, row, NULL);
}

/* Makes the whole batch one packed slice again, unless it is one already. */
static bool ready_for_centres(arc_head *h) {
    const arc_head_slice s = {0, h->samples};
    const bool one_part = h->n == h->samples;
    if (!one_part)
        arc_head_pack_columns(h, s);
    arc_head_pack_rows(h, s);
    return one_part && h->kept_valid;
}

void arc_head_update(arc_head *h, const arc_optimiser_step *step) {
    update_job job = {h, step, ready_for_centres(h)};
    arc_pool_run(h->pool, arc_head_tiles(h), 1, update_tiles, &job);
    if (h->active && h->o.partial == ARC_PARTIAL_V2)
        arc_pool_run(h->pool, (size_t)h->count * h->centres, 64, step_unsampled, &job);
    h->kept_valid = false;
}

void arc_head_drop(arc_head *h) {
    h->margin = h->margin_before;
    h->kept_valid = false;
}

bool arc_head_centre_gradient(arc_head *h, int64_t class_index, float *rows) {
    const int64_t local = class_index - h->first;
    size_t at = 0;
    if (local < 0 || local >= h->count)
        return false;
    for (at = 0; at < h->actives; at++)
        if ((h->active ? h->active[at] : (int64_t)at) == local)
            break;
    if (at == h->actives)
        return false;
    arc_head_tile tile;
    const bool kept = ready_for_centres(h);
    const float *dw = centre_gradient(h, at / h->tile_classes, kept, h->scratch, &tile);
    memcpy(rows, dw + (at - tile.first) * h->centres * h->dim, h->centres * h->dim * sizeof *rows);
    return true;
}
