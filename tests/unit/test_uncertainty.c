/* Uncertainty: the bootstrap over identities against one that looks at every threshold, McNemar's test by hand. */
#include "support.h"

#include "eval/stats/bootstrap.h"
#include <arcface/evaluate_compare.h>
#include <string.h>

enum { PEOPLE = 12, PAIRS = 90, REPLICATES = 40, TARGETS = 3 };

/* Scores of one decimal: ties in plenty. */
typedef struct made_up {
    arc_evaluation e;
    double score[PAIRS];
    uint8_t same[PAIRS];
    int identity[PAIRS][2];
} made_up;

static void make_up(made_up *m, double better) {
    uint64_t seed = 29;
    *m = (made_up){.e = {.pair_score = m->score, .pair_same = m->same, .pair_identity = m->identity[0], .pairs = PAIRS}};
    m->e.identities = PEOPLE;
    m->e.curve.operatings = TARGETS;
    for (int k = 0; k < TARGETS; k++)
        m->e.curve.operating[k].far_target = (double[]){0, 0.05, 0.3}[k];
    for (int i = 0; i < PAIRS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        m->same[i] = i % 3 == 0;
        m->identity[i][0] = i % PEOPLE;
        m->identity[i][1] = m->same[i] ? i % PEOPLE : (i + 1 + i / PEOPLE) % PEOPLE;
        m->score[i] = (double)(seed >> 33) * 0x1p-31 + (m->same[i] ? better : 0);
        m->score[i] = floor(m->score[i] * 10) / 10;
    }
}

/* Weights of both kinds at or above a threshold. */
static void accepted(const made_up *m, const int *times, double threshold, double sum[2]) {
    sum[0] = sum[1] = 0;
    for (int i = 0; i < PAIRS; i++)
        if (m->score[i] >= threshold)
            sum[m->same[i]] += m->same[i] ? times[m->identity[i][0]] : times[m->identity[i][0]] * times[m->identity[i][1]];
}

static void expect_replicate(const made_up *m, uint64_t seed, int n, const double *tar, double right) {
    int times[PEOPLE], drawn = 0;
    double total[2], sum[2], best = 0, want[TARGETS] = {0};
    arc_bootstrap_draw(seed, n, PEOPLE, times);
    for (int i = 0; i < PEOPLE; i++)
        drawn += times[i];
    assert_int_equal(drawn, PEOPLE);
    accepted(m, times, -1, total);
    for (int step = 0; step < PAIRS; step++) { /* each score is a threshold; the lowest that keeps the FAR has the highest TAR */
        accepted(m, times, m->score[step], sum);
        best = sum[1] + total[0] - sum[0] > best ? sum[1] + total[0] - sum[0] : best;
        for (int k = 0; k < TARGETS; k++)
            if (sum[0] <= m->e.curve.operating[k].far_target * total[0] && sum[1] / total[1] > want[k])
                want[k] = sum[1] / total[1];
    }
    best = total[0] > best ? total[0] : best;
    for (int k = 0; k < TARGETS; k++)
        assert_true(tar[k * REPLICATES + n] == want[k]);
    assert_true(right == best / (total[0] + total[1]));
}

static void resampled(void **state) {
    (void)state;
    made_up m;
    double tar[3][ARC_MAX_OPERATING * REPLICATES], right[3][REPLICATES];
    make_up(&m, 0.4);
    for (int t = 0; t < 3; t++) { /* seed 7 on one and three threads, seed 8 */
        arc_context *ctx = arc_test_context(NULL, t == 1 ? 3 : 1);
        assert_int_equal(arc_bootstrap_rates(ctx, &m.e, REPLICATES, t == 2 ? 8 : 7, tar[t], right[t], NULL), ARC_OK);
        arc_context_close(&ctx);
    }
    for (int n = 0; n < REPLICATES; n++) {
        expect_replicate(&m, 7, n, tar[0], right[0][n]);
        expect_replicate(&m, 8, n, tar[2], right[2][n]);
    }
    assert_memory_equal(tar[0], tar[1], TARGETS * REPLICATES * sizeof(double));
    assert_memory_equal(right[0], right[1], sizeof right[0]);
    assert_memory_not_equal(right[0], right[2], sizeof right[0]);

    arc_context *ctx = arc_test_context(NULL, 1);
    assert_int_equal(arc_evaluation_bootstrap(ctx, &m.e, REPLICATES, 7, NULL), ARC_OK);
    const arc_interval want = arc_bootstrap_interval(tar[0] + REPLICATES, REPLICATES), got = m.e.curve.operating[1].tar_bootstrap;
    assert_true(got.low == want.low && got.high == want.high && got.low < got.high);
    arc_context_close(&ctx);
}

static void quantiles(void **state) {
    (void)state;
    double value[41], two[] = {3, 1}, one = 5;
    for (int i = 0; i < 41; i++)
        value[i] = (i * 7) % 41;
    const arc_interval many = arc_bootstrap_interval(value, 41), pair = arc_bootstrap_interval(two, 2),
                       single = arc_bootstrap_interval(&one, 1);
    assert_true(fabs(many.low - 1) < 1e-12 && fabs(many.high - 39) < 1e-12);
    assert_true(fabs(pair.low - 1.05) < 1e-12 && fabs(pair.high - 2.95) < 1e-12); /* numpy.quantile */
    assert_true(single.low == 5 && single.high == 5);
}

/* Two folds of four pairs with thresholds of their own. A is wrong of six pairs that B has right, then right of one that B has
 * wrong. */
static void paired(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    double score[2][8] = {{0.1, 0.1, 0.6, 0.6, 0.4, 0.4, 0.7, 0.9}, {0.9, 0.9, 0.1, 0.1, 0.6, 0.4, 0.4, 0.9}};
    uint8_t same[8] = {1, 1, 0, 0, 1, 0, 0, 0}, other[8] = {1, 1, 0, 0, 1, 0, 0, 1};
    arc_evaluation e[2] = {{.pairs = 8, .pair_same = same, .pair_score = score[0]},
                           {.pairs = 8, .pair_same = same, .pair_score = score[1]}};
    for (int i = 0; i < 2; i++) {
        arc_verification *v = &e[i].verification;
        v->folds = 2;
        v->fold_pairs[0] = v->fold_pairs[1] = 4;
        v->fold_threshold[0] = 1;                        /* cosine 0.5 */
        v->fold_threshold[1] = i == 0 ? 2 - 2 * 0.3 : 1; /* A accepts from 0.3 on: right of pair 4, wrong of 5 and 6 */
        e[i].curve.operatings = 1;
        e[i].curve.operating[0] = (arc_operating_point){.far_target = 0.1, .tar = {.value = 0.5 + 0.25 * i}};
    }
    arc_comparison k;
    arc_error err;
    assert_int_equal(arc_evaluation_compare(ctx, &e[0], &e[1], 100, 1, &k, &err), ARC_OK);
    assert_true(k.pairs == 8 && k.only_a == 0 && k.only_b == 6);
    assert_true(fabs(k.mcnemar_p - 2.0 / 64) < 1e-12);
    assert_true(k.tar_difference[0] == 0.25 && k.difference[0].low > k.difference[0].high); /* no identities, no interval */
    score[1][4] = 0.4;                                                                      /* now B is wrong where A is right */
    assert_int_equal(arc_evaluation_compare(ctx, &e[0], &e[1], 100, 1, &k, &err), ARC_OK);
    assert_true(k.only_a == 1 && k.only_b == 6 && fabs(k.mcnemar_p - 2 * (1 + 7) / 128.0) < 1e-12);
    assert_int_equal(arc_evaluation_compare(ctx, &e[0], &e[0], 100, 1, &k, &err), ARC_OK);
    assert_true(k.only_a == 0 && k.only_b == 0 && k.mcnemar_p == 1);
    e[1].pair_same = other;
    assert_int_equal(arc_evaluation_compare(ctx, &e[0], &e[1], 100, 1, &k, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "not of the same listed pairs"));
    arc_context_close(&ctx);
}

/* Both models see the same drawn identities: of one model with itself nothing is left, and the sign is B - A. */
static void paired_resampling(void **state) {
    (void)state;
    made_up a, b;
    arc_comparison k;
    arc_context *ctx = arc_test_context(NULL, 2);
    make_up(&a, 0.2);
    make_up(&b, 0.6);
    a.e.verification.folds = b.e.verification.folds = 1;
    a.e.verification.fold_pairs[0] = b.e.verification.fold_pairs[0] = PAIRS;
    assert_int_equal(arc_evaluation_compare(ctx, &a.e, &a.e, 200, 3, &k, NULL), ARC_OK);
    for (int i = 0; i < TARGETS; i++)
        assert_true(k.difference[i].low == 0 && k.difference[i].high == 0);
    assert_int_equal(arc_evaluation_compare(ctx, &a.e, &b.e, 200, 3, &k, NULL), ARC_OK);
    assert_true(k.difference[1].low > 0 && k.difference[1].low < k.difference[1].high);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resampled),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(paired),
        cmocka_unit_test(paired_resampling),
    };
    return cmocka_run_group_tests_name("uncertainty", tests, NULL, NULL);
}
