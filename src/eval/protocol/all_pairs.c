/* eval: all pairs of a set in one pass. Each thread counts its scores on a fixed grid; the sum of the counts gives the curve. */
#include "eval/protocol/pair_counts.h"
#include "eval/stats/curve.h"
#include "vector/similarity.h"
#include <arcface/evaluate_search.h>
#include <math.h>

arc_status arc_curve_of_grid(const arc_alloc *a, const uint64_t *impostor, const uint64_t *genuine, const double *far_targets,
                             int targets, arc_curve *out, arc_error *err) {
    arc_curve_builder b;
    int64_t total[2] = {0, 0};
    arc_status st = ARC_OK;
    for (int i = 0; i < ARC_GRID_POINTS; i++) {
        total[0] += (int64_t)impostor[i];
        total[1] += (int64_t)genuine[i];
    }
    arc_curve_begin(&b, a, total[1], total[0], far_targets, targets, out);
    for (int i = ARC_GRID_POINTS - 1; i >= 0 && st == ARC_OK; i--)
        if (impostor[i] || genuine[i])
            st = arc_curve_put(&b, arc_grid_score(i), (int64_t)genuine[i], (int64_t)impostor[i], err);
    if (st == ARC_OK)
        st = arc_curve_end(&b, err);
    if (st != ARC_OK) {
        arc_mem_free(a, out->point);
        *out = (arc_curve){0};
    }
    return st;
}

arc_status arc_unit_rows(const float *embedding, int64_t count, int dim, float *unit, arc_error *err) {
    for (int64_t i = 0; i < count; i++) {
        const float *x = embedding + (size_t)i * (size_t)dim;
        float *y = unit + (size_t)i * (size_t)dim;
        double sum = 0;
        for (int k = 0; k < dim; k++)
            sum += (double)x[k] * x[k];
        if (!isfinite(sum))
            return arc_fail(err, ARC_EINVAL, "embedding %lld is not finite", (long long)i);
        const double scale = sum > 0 ? 1 / sqrt(sum) : 0;
        for (int k = 0; k < dim; k++)
            y[k] = (float)(x[k] * scale);
    }
    return ARC_OK;
}

static bool is_zero(const float *x, int dim) {
    for (int k = 0; k < dim; k++)
        if (x[k] != 0)
            return false;
    return true;
}

static void merge(arc_thread_counts *into, const arc_thread_counts *from) {
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < ARC_GRID_POINTS; i++)
            into->grid[kind][i] += from->grid[kind][i];
        for (int i = 0; i < from->worst[kind].count; i++)
            arc_worst_offer(&into->worst[kind], from->worst[kind].pair[i].score, from->worst[kind].pair[i].a,
                            from->worst[kind].pair[i].b);
    }
}

static void close_counts(arc_pair_counts *c, const arc_alloc *a, int threads) {
    for (int i = 0; c->thread && i < threads; i++)
        for (int kind = 0; kind < 2; kind++)
            arc_mem_free(a, c->thread[i].grid[kind]);
    arc_mem_free(a, c->thread);
    arc_mem_free(a, c->empty);
}

static arc_status open_counts(arc_pair_counts *c, const arc_alloc *a, int threads, const arc_pairs_of_rows *p,
                              const arc_worst_list worst[2], arc_error *err) {
    *c = (arc_pair_counts){.identity = p->identity,
                           .empty = arc_mem_raw(a, (size_t)p->count, 1),
                           .thread = arc_mem_new(a, (size_t)threads, sizeof *c->thread)};
    bool good = c->empty && c->thread;
    for (int i = 0; i < threads && good; i++)
        for (int kind = 0; kind < 2; kind++) {
            c->thread[i].grid[kind] = arc_mem_new(a, ARC_GRID_POINTS, sizeof(uint64_t));
            if (worst)
                c->thread[i].worst[kind] = (arc_worst_list){.lowest = worst[kind].lowest, .capacity = worst[kind].capacity};
            good = good && c->thread[i].grid[kind];
        }
    if (!good)
        return arc_fail_nomem(err, "the counts of all pairs");
    for (int64_t i = 0; i < p->count; i++)
        c->empty[i] = is_zero(p->row + (size_t)i * (size_t)p->dim, p->dim);
    return ARC_OK;
}

arc_status arc_all_pairs(arc_context *ctx, const arc_pairs_of_rows *p, const double *far_targets, int targets,
                         arc_worst_list worst[2], arc_curve *out, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    const int threads = arc_pool_threads(ctx->pool);
    arc_pair_counts c;
    arc_status st;
    *out = (arc_curve){0};
    ARC_TRY(open_counts(&c, a, threads, p, worst, err));
    const arc_similarity all = {.row = p->row,
                                .column = p->row,
                                .rows = p->count,
                                .columns = p->count,
                                .dim = p->dim,
                                .upper = true,
                                .visit = arc_pair_counts_visit,
                                .arg = &c};
    if (p->impostors > 0 && p->impostors < arc_count_impostors(p, c.empty))
        ARC_TRY(arc_count_sampled(ctx, p, &c, err));
    else
        ARC_TRY(arc_similarity_run(ctx, &all, err));
    for (int i = 1; i < threads; i++)
        merge(&c.thread[0], &c.thread[i]);
    for (int kind = 0; worst && kind < 2; kind++)
        worst[kind] = c.thread[0].worst[kind];
    ARC_TRY(arc_curve_of_grid(a, c.thread[0].grid[0], c.thread[0].grid[1], far_targets, targets, out, err));
done:
    close_counts(&c, a, threads);
    return st;
}

arc_status arc_curve_of_all_pairs(arc_context *ctx, const float *embedding, const int *identity, int64_t count, int dim,
                                  const double *far_targets, int targets, arc_curve *out, arc_error *err) {
    *out = (arc_curve){0};
    if (count < 2 || dim < 1)
        return arc_fail(err, ARC_EINVAL, "pairs need two embeddings of at least one value");
    float *unit = arc_mem_raw(&ctx->alloc, (size_t)count, (size_t)dim * sizeof(float));
    if (!unit)
        return arc_fail_nomem(err, "the unit embeddings");
    arc_status st = arc_unit_rows(embedding, count, dim, unit, err);
    const arc_pairs_of_rows all = {.row = unit, .identity = identity, .count = count, .dim = dim};
    if (st == ARC_OK)
        st = arc_all_pairs(ctx, &all, far_targets, targets, NULL, out, err);
    arc_mem_free(&ctx->alloc, unit);
    return st;
}
