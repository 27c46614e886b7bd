/* vector: nearest rows by blocks. A block of targets is packed once, all rows are multiplied with it tile by tile, and only
 * the best target of each row is stored. */
#include "vector/nearest.h"
#include "kernel/kernel.h"
#include <math.h>

#define BLOCK_BYTES ((size_t)256 << 20)
#define STEP_TILES 512 /* tiles between two calls of progress */

typedef struct search {
    const arc_kernels *kernels;
    const float *row, *panel;
    const bool *empty;            /* [targets]: rows of zeros */
    int64_t rows, first, targets; /* of this block */
    size_t dim;
    size_t first_tile;
    const int32_t *excluded;
    int32_t *best;
    float *cosine;
} search;

static void keep_best(const search *s, int64_t row, const float *dots, int64_t first, size_t count) {
    int64_t excluded = s->excluded ? s->excluded[row] : -1;
    for (size_t j = 0; j < count; j++) {
        int64_t target = first + (int64_t)j;
        if (target == excluded || s->empty[target] || !(s->best[row] < 0 || dots[j] > s->cosine[row]))
            continue;
        s->best[row] = (int32_t)target;
        s->cosine[row] = dots[j];
    }
}

static void search_tiles(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const search *s = arg;
    const arc_kernels *k = s->kernels;
    const arc_epilogue none = {0};
    float c[ARC_IGEMM_MAX_MR * ARC_IGEMM_MAX_NR];
    for (size_t tile = s->first_tile + begin; tile < s->first_tile + end; tile++) {
        const float *a[ARC_IGEMM_MAX_MR];
        int64_t row = (int64_t)(tile * k->igemm_mr);
        size_t m = (size_t)ARC_MIN((int64_t)k->igemm_mr, s->rows - row);
        for (size_t i = 0; i < m; i++)
            a[i] = s->row + (size_t)(row + (int64_t)i) * s->dim;
        for (int64_t j = 0; j < s->targets; j += (int64_t)k->igemm_nr) {
            size_t n = (size_t)ARC_MIN((int64_t)k->igemm_nr, s->targets - j);
            k->igemm(m, n, s->dim, 1, a, s->panel + (size_t)j * s->dim, c, k->igemm_nr, &none);
            for (size_t i = 0; i < m; i++)
                keep_best(s, row + (int64_t)i, c + i * k->igemm_nr, s->first + j, n);
        }
    }
}

static void pack_block(search *s, const float *target, float *panel) {
    size_t nr = s->kernels->igemm_nr;
    for (int64_t j = 0; j < s->targets; j += (int64_t)nr)
        arc_igemm_pack_panel(s->kernels, (size_t)s->targets, (size_t)j, s->dim, 1, target + (size_t)s->first * s->dim, s->dim, 0,
                             1, NULL, NULL, panel + (size_t)j * s->dim);
}

static bool is_empty(const float *row, int dim) {
    for (int i = 0; i < dim; i++)
        if (row[i] != 0)
            return false;
    return true;
}

arc_status arc_nearest(const arc_context *ctx, const float *row, int64_t rows, const float *target, int64_t targets, int dim,
                       const int32_t *excluded, int32_t *best, float *cosine, const arc_nearest_progress *progress,
                       arc_error *err) {
    const arc_kernels *k = ctx->kernels;
    size_t block = ARC_MAX(BLOCK_BYTES / ((size_t)dim * sizeof(float)) / k->igemm_nr, (size_t)1) * k->igemm_nr;
    block = ARC_MIN(block, ((size_t)targets + k->igemm_nr - 1) / k->igemm_nr * k->igemm_nr);
    float *panel = arc_mem_raw(&ctx->alloc, block * (size_t)dim, sizeof(float));
    bool *empty = arc_mem_new(&ctx->alloc, (size_t)targets, sizeof(bool));
    arc_status st = panel && empty ? ARC_OK : arc_fail_nomem(err, "nearest rows");
    for (int64_t i = 0; i < rows; i++) {
        best[i] = -1;
        cosine[i] = -1;
    }
    for (int64_t i = 0; st == ARC_OK && i < targets; i++)
        empty[i] = is_empty(target + (size_t)i * (size_t)dim, dim);
    size_t tiles = ((size_t)rows + k->igemm_mr - 1) / k->igemm_mr;
    int64_t total = (int64_t)tiles * (int64_t)(((size_t)targets + block - 1) / ARC_MAX(block, (size_t)1)), done = 0;
    search s = {k, row, panel, empty, rows, 0, 0, (size_t)dim, 0, excluded, best, cosine};
    for (; st == ARC_OK && s.first < targets; s.first += (int64_t)block) {
        s.targets = ARC_MIN((int64_t)block, targets - s.first);
        pack_block(&s, target, panel);
        for (s.first_tile = 0; st == ARC_OK && s.first_tile < tiles; s.first_tile += STEP_TILES) {
            size_t count = ARC_MIN((size_t)STEP_TILES, tiles - s.first_tile);
            arc_pool_run(ctx->pool, count, 0, search_tiles, &s);
            done += (int64_t)count;
            if (progress && progress->step && progress->step(progress->ctx, done, total) != 0)
                st = arc_fail(err, ARC_ECANCEL, "stopped");
        }
    }
    arc_mem_free(&ctx->alloc, panel);
    arc_mem_free(&ctx->alloc, empty);
    return st;
}
