/* eval: bootstrap over identities. Pairs of one person are not independent; therefore persons are drawn, not pairs (Bolle,
 * Ratha and Pankanti 2004). The interval says what a sample of other people could have given. Replicates are independent and
 * are computed in parallel. */
#include "eval/stats/bootstrap.h"
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    double score;
    int a, b;
    uint8_t same;
} entry;

typedef struct resampler {
    const arc_evaluation *e;
    const entry *pair; /* [pairs] sorted by falling score */
    uint64_t seed;
    int identities, replicates;
    int *times;    /* [threads][identities] how often each was drawn */
    double *tar;   /* [operatings][replicates] */
    double *right; /* [replicates] */
} resampler;

void arc_bootstrap_draw(uint64_t seed, int replicate, int identities, int *times) {
    arc_rng rng;
    arc_rng_seed(&rng, seed, (uint64_t)replicate);
    memset(times, 0, (size_t)identities * sizeof *times);
    for (int i = 0; i < identities; i++)
        times[(uint64_t)arc_rng_u32(&rng) * (uint64_t)identities >> 32]++;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int count, double q) {
    const double at = q * (count - 1);
    const int low = (int)at;
    return low + 1 < count ? sorted[low] + (at - low) * (sorted[low + 1] - sorted[low]) : sorted[count - 1];
}

arc_interval arc_bootstrap_interval(double *value, int count) {
    qsort(value, (size_t)count, sizeof *value, by_value);
    return (arc_interval){quantile(value, count, 0.025), quantile(value, count, 0.975)};
}

static int by_score(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->a != y->a ? (x->a > y->a) - (x->a < y->a) : (x->b > y->b) - (x->b < y->b);
}

static double weight(const entry *p, const int *times) {
    return p->same ? times[p->a] : (double)times[p->a] * times[p->b];
}

static void replicate(const resampler *r, int n, int *times) {
    const arc_curve *c = &r->e->curve;
    const int64_t pairs = r->e->pairs;
    double total[2] = {0, 0}, sum[2] = {0, 0}, tar[ARC_MAX_OPERATING] = {0}, most = 0;
    arc_bootstrap_draw(r->seed, n, r->identities, times);
    for (int64_t i = 0; i < pairs; i++)
        total[r->pair[i].same] += weight(&r->pair[i], times);
    most = total[0]; /* at first every pair is rejected */
    for (int64_t i = 0; i < pairs;) {
        const double score = r->pair[i].score;
        for (; i < pairs && r->pair[i].score == score; i++)
            sum[r->pair[i].same] += weight(&r->pair[i], times);
        most = ARC_MAX(most, sum[1] + total[0] - sum[0]);
        for (int k = 0; k < c->operatings; k++)
            if (total[0] > 0 && total[1] > 0 && sum[0] <= c->operating[k].far_target * total[0])
                tar[k] = sum[1] / total[1];
    }
    for (int k = 0; k < c->operatings; k++)
        r->tar[(size_t)k * (size_t)r->replicates + (size_t)n] = tar[k];
    r->right[n] = total[0] + total[1] > 0 ? most / (total[0] + total[1]) : 0;
}

static void run_tile(void *arg, size_t begin, size_t end, int thread) {
    const resampler *r = arg;
    for (size_t i = begin; i < end; i++)
        replicate(r, (int)i, r->times + (size_t)thread * (size_t)r->identities);
}

arc_status arc_bootstrap_rates(arc_context *ctx, const arc_evaluation *e, int replicates, uint64_t seed, double *tar,
                               double *right, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    resampler r = {.e = e, .seed = seed, .identities = (int)e->identities, .replicates = replicates, .tar = tar, .right = right};
    entry *pair = arc_mem_raw(a, (size_t)e->pairs, sizeof *pair);
    r.times = arc_mem_raw(a, (size_t)arc_pool_threads(ctx->pool) * (size_t)r.identities, sizeof *r.times);
    arc_status st = pair && r.times ? ARC_OK : arc_fail_nomem(err, "the bootstrap");
    if (st == ARC_OK) {
        for (int64_t i = 0; i < e->pairs; i++)
            pair[i] = (entry){e->pair_score[i], e->pair_identity[2 * i], e->pair_identity[2 * i + 1], e->pair_same[i] != 0};
        qsort(pair, (size_t)e->pairs, sizeof *pair, by_score);
        r.pair = pair;
        arc_pool_run(ctx->pool, (size_t)replicates, 8, run_tile, &r);
    }
    arc_mem_free(a, r.times);
    arc_mem_free(a, pair);
    return st;
}

arc_status arc_evaluation_bootstrap(arc_context *ctx, arc_evaluation *e, int replicates, uint64_t seed, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    double *tar = arc_mem_raw(a, (size_t)ARC_MAX_OPERATING * (size_t)replicates, sizeof *tar);
    double *right = arc_mem_raw(a, (size_t)replicates, sizeof *right);
    arc_status st =
        tar && right ? arc_bootstrap_rates(ctx, e, replicates, seed, tar, right, err) : arc_fail_nomem(err, "the bootstrap");
    if (st == ARC_OK) {
        for (int k = 0; k < e->curve.operatings; k++)
            e->curve.operating[k].tar_bootstrap = arc_bootstrap_interval(tar + (size_t)k * (size_t)replicates, replicates);
        e->accuracy_bootstrap = arc_bootstrap_interval(right, replicates);
    }
    arc_mem_free(a, right);
    arc_mem_free(a, tar);
    return st;
}
