/* eval: paired tests of two evaluations: McNemar's (1947) exact test on decisions, and the bootstrap over identities on
 * differences of TAR. */
#include "eval/stats/bootstrap.h"
#include <arcface/evaluate_compare.h>
#include <math.h>
#include <string.h>

/* The two-sided probability that a fair coin splits n at least as unevenly as `few` to n - `few`. */
static double fair_coin(int64_t few, int64_t n) {
    double p = 0;
    for (int64_t k = 0; k <= few; k++)
        p += exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) - (double)n * log(2));
    return ARC_MIN(1.0, 2 * p);
}

static bool same_pairs(const arc_evaluation *a, const arc_evaluation *b) {
    return a->pairs > 0 && a->pairs == b->pairs && a->verification.folds == b->verification.folds &&
           a->curve.operatings == b->curve.operatings && memcmp(a->pair_same, b->pair_same, (size_t)a->pairs) == 0;
}

static bool right(const arc_evaluation *e, int fold, int64_t pair) {
    return (2 - 2 * e->pair_score[pair] < e->verification.fold_threshold[fold]) == (e->pair_same[pair] != 0);
}

static arc_status resample(arc_context *ctx, const arc_evaluation *a, const arc_evaluation *b, int replicates, uint64_t seed,
                           arc_comparison *out, arc_error *err) {
    const size_t n = (size_t)replicates, all = ARC_MAX_OPERATING * n;
    double *tar = arc_mem_raw(&ctx->alloc, 2 * all + n, sizeof *tar);
    if (!tar)
        return arc_fail_nomem(err, "the paired bootstrap");
    arc_status st = arc_bootstrap_rates(ctx, a, replicates, seed, tar, tar + 2 * all, err);
    if (st == ARC_OK)
        st = arc_bootstrap_rates(ctx, b, replicates, seed, tar + all, tar + 2 * all, err);
    for (int k = 0; k < out->operatings && st == ARC_OK; k++) {
        double *difference = tar + all + (size_t)k * n;
        for (size_t i = 0; i < n; i++)
            difference[i] -= tar[(size_t)k * n + i];
        out->difference[k] = arc_bootstrap_interval(difference, replicates);
    }
    arc_mem_free(&ctx->alloc, tar);
    return st;
}

arc_status arc_evaluation_compare(arc_context *ctx, const arc_evaluation *a, const arc_evaluation *b, int replicates,
                                  uint64_t seed, arc_comparison *out, arc_error *err) {
    *out = (arc_comparison){.pairs = a->pairs};
    if (!same_pairs(a, b))
        return arc_fail(err, ARC_EINVAL, "the two evaluations are not of the same listed pairs");
    int64_t i = 0;
    for (int f = 0; f < a->verification.folds; f++)
        for (int k = 0; k < a->verification.fold_pairs[f]; k++, i++) {
            const bool by_a = right(a, f, i), by_b = right(b, f, i);
            out->only_a += by_a && !by_b;
            out->only_b += by_b && !by_a;
        }
    out->mcnemar_p = fair_coin(ARC_MIN(out->only_a, out->only_b), out->only_a + out->only_b);
    out->operatings = a->curve.operatings;
    for (int k = 0; k < out->operatings; k++) {
        out->far_target[k] = a->curve.operating[k].far_target;
        out->tar_difference[k] = b->curve.operating[k].tar.value - a->curve.operating[k].tar.value;
        out->difference[k] = (arc_interval){1, 0};
    }
    const bool named = a->pair_identity && b->pair_identity && a->identities == b->identities;
    return replicates > 0 && named ? resample(ctx, a, b, replicates, seed, out, err) : ARC_OK;
}
