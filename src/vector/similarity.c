/* vector: all dot products. A block of columns is packed once, and all rows are multiplied with it tile by tile. */
#include "vector/similarity.h"
#include "kernel/kernel.h"

#define BLOCK_BYTES ((size_t)256 << 20)
#define STEP_TILES 256 /* tiles between two calls of progress */

typedef struct product {
    const arc_similarity *s;
    const arc_kernels *kernels;
    const float *panel;
    int64_t first, columns; /* of this block */
    size_t first_tile;
} product;

static void multiply_tiles(void *arg, size_t begin, size_t end, int thread) {
    const product *p = arg;
    const arc_similarity *s = p->s;
    const arc_kernels *k = p->kernels;
    const arc_epilogue none = {0};
    float c[ARC_IGEMM_MAX_MR * ARC_IGEMM_MAX_NR];
    for (size_t tile = p->first_tile + begin; tile < p->first_tile + end; tile++) {
        const float *a[ARC_IGEMM_MAX_MR];
        const int64_t row = (int64_t)(tile * k->igemm_mr);
        const size_t m = (size_t)ARC_MIN((int64_t)k->igemm_mr, s->rows - row);
        for (size_t i = 0; i < m; i++)
            a[i] = s->row + (size_t)(row + (int64_t)i) * (size_t)s->dim;
        for (int64_t j = 0; j < p->columns; j += (int64_t)k->igemm_nr) {
            const size_t n = (size_t)ARC_MIN((int64_t)k->igemm_nr, p->columns - j);
            if (s->upper && p->first + j + (int64_t)n <= row + 1)
                continue;
            k->igemm(m, n, (size_t)s->dim, 1, a, p->panel + (size_t)j * (size_t)s->dim, c, k->igemm_nr, &none);
            s->visit(s->arg, thread, row, (int)m, p->first + j, (int)n, c, k->igemm_nr);
        }
    }
}

typedef struct packing {
    const product *p;
    float *panel;
} packing;

static void pack_tiles(void *arg, size_t begin, size_t end, int thread) {
    const packing *g = arg;
    const product *p = g->p;
    const arc_similarity *s = p->s;
    const size_t dim = (size_t)s->dim, nr = p->kernels->igemm_nr;
    (void)thread;
    for (size_t t = begin; t < end; t++)
        arc_igemm_pack_panel(p->kernels, (size_t)p->columns, t * nr, dim, 1, s->column + (size_t)p->first * dim, dim, 0, 1, NULL,
                             NULL, g->panel + t * nr * dim);
}

arc_status arc_similarity_run(arc_context *ctx, const arc_similarity *s, arc_error *err) {
    const arc_kernels *k = ctx->kernels;
    const size_t dim = (size_t)s->dim, nr = k->igemm_nr;
    if (s->rows < 1 || s->columns < 1)
        return ARC_OK;
    const size_t held = s->block_columns > 0 ? (size_t)s->block_columns : BLOCK_BYTES / (dim * sizeof(float));
    size_t block = ARC_MAX(held / nr, (size_t)1) * nr;
    block = ARC_MIN(block, ((size_t)s->columns + nr - 1) / nr * nr);
    float *panel = arc_mem_raw(&ctx->alloc, block * dim, sizeof(float));
    if (!panel)
        return arc_fail_nomem(err, "the similarity of embeddings");
    arc_status st = ARC_OK;
    product p = {.s = s, .kernels = k, .panel = panel};
    packing g = {&p, panel};
    const size_t tiles = ((size_t)s->rows + k->igemm_mr - 1) / k->igemm_mr;
    int64_t done = 0;
    for (; st == ARC_OK && p.first < s->columns; p.first += (int64_t)block) {
        p.columns = ARC_MIN((int64_t)block, s->columns - p.first);
        arc_pool_run(ctx->pool, ((size_t)p.columns + nr - 1) / nr, 16, pack_tiles, &g);
        for (p.first_tile = 0; st == ARC_OK && p.first_tile < tiles; p.first_tile += STEP_TILES) {
            const size_t count = ARC_MIN((size_t)STEP_TILES, tiles - p.first_tile);
            arc_pool_run(ctx->pool, count, 4, multiply_tiles, &p);
            done += (int64_t)count * (int64_t)k->igemm_mr * p.columns;
            if (s->progress && s->progress(s->progress_ctx, ARC_MIN(done, s->rows * s->columns), s->rows * s->columns) != 0)
                st = arc_fail(err, ARC_ECANCEL, "evaluation was cancelled");
        }
    }
    arc_mem_free(&ctx->alloc, panel);
    return st;
}
