/* All pairs in one pass: each thread counts its scores on a fixed grid; the sums make the curve. */
#include "eval/all_pairs.h"
#include "eval/curve.h"
#include "eval/similarity.h"
#include <arcface/evaluate_search.h>
#include <math.h>
#include <string.h>

typedef struct thread_counts {
    uint64_t *grid[2]; /* impostor, genuine */
    arc_worst_list worst[2];
} thread_counts;

typedef struct counting {
    const int *identity;
    const uint8_t *empty;
    thread_counts *thread;
} counting;

/* Orders by score, then by place: the same list for any number of threads. */
static bool worse(const arc_worst_list *l, const arc_index_pair *x, const arc_index_pair *y) {
    if (x->score != y->score)
        return l->lowest ? x->score < y->score : x->score > y->score;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

void arc_worst_offer(arc_worst_list *l, float score, int64_t a, int64_t b) {
    const arc_index_pair p = {score, a, b};
    if (l->capacity == 0 || (l->count == l->capacity && !worse(l, &p, &l->pair[l->count - 1])))
        return;
    int at = l->count < l->capacity ? l->count++ : l->count - 1;
    for (; at > 0 && worse(l, &p, &l->pair[at - 1]); at--)
        l->pair[at] = l->pair[at - 1];
    l->pair[at] = p;
}

static void count_tile(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                       size_t stride) {
    counting *c = arg;
    thread_counts *t = &c->thread[thread];
    for (int i = 0; i < rows; i++) {
        const int64_t a = row + i;
        if (c->empty[a])
            continue;
        for (int64_t j = ARC_MAX((int64_t)0, a + 1 - column); j < columns; j++) {
            const int64_t b = column + j;
            if (c->empty[b])
                continue;
            const float s = score[(size_t)i * stride + (size_t)j];
            const int kind = c->identity[a] == c->identity[b];
            t->grid[kind][arc_grid_point(s)]++;
            arc_worst_offer(&t->worst[kind], s, a, b);
        }
    }
}

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

static void merge(thread_counts *into, const thread_counts *from) {
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < ARC_GRID_POINTS; i++)
            into->grid[kind][i] += from->grid[kind][i];
        for (int i = 0; i < from->worst[kind].count; i++)
            arc_worst_offer(&into->worst[kind], from->worst[kind].pair[i].score, from->worst[kind].pair[i].a,
                            from->worst[kind].pair[i].b);
    }
}

arc_status arc_all_pairs(arc_context *ctx, const float *row, const int *identity, int64_t count, int dim,
                         const double *far_targets, int targets, arc_worst_list worst[2], arc_curve *out, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    const int threads = arc_pool_threads(ctx->pool);
    arc_status st = ARC_OK;
    *out = (arc_curve){0};
    uint8_t *empty = arc_mem_raw(a, (size_t)count, 1);
    thread_counts *t = arc_mem_new(a, (size_t)threads, sizeof *t);
    bool good = empty && t;
    for (int i = 0; i < threads && good; i++)
        for (int kind = 0; kind < 2; kind++) {
            t[i].grid[kind] = arc_mem_new(a, ARC_GRID_POINTS, sizeof(uint64_t));
            if (worst)
                t[i].worst[kind] = (arc_worst_list){.lowest = worst[kind].lowest, .capacity = worst[kind].capacity};
            good = good && t[i].grid[kind];
        }
    if (!good)
        ARC_TRY(arc_fail_nomem(err, "the counts of all pairs"));
    for (int64_t i = 0; i < count; i++)
        empty[i] = is_zero(row + (size_t)i * (size_t)dim, dim);
    counting c = {identity, empty, t};
    const arc_similarity s = {
        .row = row, .column = row, .rows = count, .columns = count, .dim = dim, .upper = true, .visit = count_tile, .arg = &c};
    ARC_TRY(arc_similarity_run(ctx, &s, err));
    for (int i = 1; i < threads; i++)
        merge(&t[0], &t[i]);
    for (int kind = 0; worst && kind < 2; kind++)
        worst[kind] = t[0].worst[kind];
    ARC_TRY(arc_curve_of_grid(a, t[0].grid[0], t[0].grid[1], far_targets, targets, out, err));
done:
    for (int i = 0; t && i < threads; i++)
        for (int kind = 0; kind < 2; kind++)
            arc_mem_free(a, t[i].grid[kind]);
    arc_mem_free(a, t);
    arc_mem_free(a, empty);
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
    if (st == ARC_OK)
        st = arc_all_pairs(ctx, unit, identity, count, dim, far_targets, targets, NULL, out, err);
    arc_mem_free(&ctx->alloc, unit);
    return st;
}
