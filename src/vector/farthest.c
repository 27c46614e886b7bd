/* vector: farthest-point order (farthest.h). For each row the cosine to its nearest chosen row is kept and lowered, or raised,
 * only by the row that was chosen last, so a choice is one pass of dot products. */
#include "vector/farthest.h"
#include "kernel/kernel.h"
#include <float.h>
#include <string.h>

#define GRAIN_ROWS 64

typedef struct choosing {
    const arc_farthest *f;
    const arc_kernels *kernels;
    float *cosine;   /* [rows] to the nearest chosen row */
    float *distance; /* [rows] squared, of traits to the nearest chosen row's */
    bool *taken;     /* [rows] */
    int32_t last;    /* the row chosen last */
} choosing;

static float trait_distance(const arc_farthest *f, int32_t a, int32_t b) {
    float sum = 0;
    for (int t = 0; t < f->traits; t++) {
        const float d = f->trait[(size_t)a * (size_t)f->traits + (size_t)t] - f->trait[(size_t)b * (size_t)f->traits + (size_t)t];
        sum += d * d;
    }
    return sum;
}

static void come_nearer(void *arg, size_t begin, size_t end, int thread) {
    const choosing *c = arg;
    const arc_farthest *f = c->f;
    const float *last = f->row + (size_t)c->last * (size_t)f->dim;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const float cosine = c->kernels->dot((size_t)f->dim, f->row + i * (size_t)f->dim, last);
        const float distance = trait_distance(f, (int32_t)i, c->last);
        c->cosine[i] = ARC_MAX(c->cosine[i], cosine);
        c->distance[i] = ARC_MIN(c->distance[i], distance);
    }
}

/* The row that points most where all rows together point. */
static int32_t first_row(const choosing *c, float *sum) {
    const arc_farthest *f = c->f;
    int32_t best = 0;
    float most = -FLT_MAX;
    memset(sum, 0, (size_t)f->dim * sizeof *sum);
    for (int32_t i = 0; i < f->rows; i++)
        for (int k = 0; k < f->dim; k++)
            sum[k] += f->row[(size_t)i * (size_t)f->dim + (size_t)k];
    for (int32_t i = 0; i < f->rows; i++) {
        const float dot = c->kernels->dot((size_t)f->dim, f->row + (size_t)i * (size_t)f->dim, sum);
        if (dot > most) {
            most = dot;
            best = i;
        }
    }
    return best;
}

/* -1: no row is unlike enough. */
static int32_t next_row(const choosing *c) {
    const arc_farthest *f = c->f;
    float least = FLT_MAX;
    int32_t best = -1;
    for (int32_t i = 0; i < f->rows; i++)
        if (!c->taken[i])
            least = ARC_MIN(least, c->cosine[i]);
    for (int32_t i = 0; i < f->rows; i++) {
        if (c->taken[i] || c->cosine[i] > least + f->band || c->cosine[i] > f->alike)
            continue;
        if (best < 0 || c->distance[i] > c->distance[best] ||
            (c->distance[i] == c->distance[best] && c->cosine[i] < c->cosine[best]))
            best = i;
    }
    return best;
}

static arc_status choose_all(choosing *c, const arc_context *ctx, int32_t first, int32_t count, int32_t *chosen, int32_t *found,
                             arc_error *err) {
    const arc_farthest *f = c->f;
    for (c->last = first; c->last >= 0; c->last = next_row(c)) {
        chosen[(*found)++] = c->last;
        c->taken[c->last] = true;
        if (f->progress && f->progress(f->progress_ctx, *found, count) != 0)
            return arc_fail(err, ARC_ECANCEL, "choosing was cancelled");
        arc_pool_run(ctx->pool, (size_t)f->rows, GRAIN_ROWS, come_nearer, c);
        if (*found == count)
            break;
    }
    return ARC_OK;
}

arc_status arc_farthest_choose(const arc_context *ctx, const arc_farthest *f, int32_t count, int32_t *chosen, int32_t *found,
                               int32_t *left_out, arc_error *err) {
    arc_status st = ARC_OK;
    choosing c = {.f = f, .kernels = ctx->kernels};
    float *sum = NULL;
    *found = *left_out = 0;
    if (f->rows < 1 || count < 1)
        return ARC_OK;
    c.cosine = arc_mem_raw(&ctx->alloc, (size_t)f->rows, sizeof *c.cosine);
    c.distance = arc_mem_raw(&ctx->alloc, (size_t)f->rows, sizeof *c.distance);
    c.taken = arc_mem_new(&ctx->alloc, (size_t)f->rows, sizeof *c.taken);
    sum = arc_mem_raw(&ctx->alloc, (size_t)f->dim, sizeof *sum);
    if (!c.cosine || !c.distance || !c.taken || !sum)
        ARC_TRY(arc_fail_nomem(err, "choosing rows"));
    for (int32_t i = 0; i < f->rows; i++) {
        c.cosine[i] = -FLT_MAX;
        c.distance[i] = FLT_MAX;
    }
    ARC_TRY(choose_all(&c, ctx, first_row(&c, sum), count, chosen, found, err));
    for (int32_t i = 0; i < f->rows; i++)
        *left_out += !c.taken[i] && c.cosine[i] > f->alike;
done:
    arc_mem_free(&ctx->alloc, sum);
    arc_mem_free(&ctx->alloc, c.taken);
    arc_mem_free(&ctx->alloc, c.distance);
    arc_mem_free(&ctx->alloc, c.cosine);
    return st;
}
