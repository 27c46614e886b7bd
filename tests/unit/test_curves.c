/* Curves and all pairs: against scikit-learn's goldens (tests/golden/curves.py), brute force, and cases worked out by hand. */
#include "golden_json.h"

#include "eval/protocol/all_pairs.h"
#include "eval/stats/curve.h"
#include <arcface/evaluate_search.h>
#include <string.h>

/* Ties in plenty: scores have two decimals. */
static void scikit(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    json_t *root = golden_open("curves.json");
    const size_t n = json_array_size(json_object_get(root, "score"));
    double *score = calloc(n, sizeof *score), *dist = calloc(n, sizeof *dist), target[5];
    uint8_t *same = calloc(n, 1);
    for (size_t i = 0; i < n; i++) {
        score[i] = golden_item(root, "score", i);
        dist[i] = 2 - 2 * score[i];
        same[i] = golden_item(root, "same", i) != 0;
    }
    for (size_t i = 0; i < 5; i++)
        target[i] = golden_item(root, "targets", i);
    arc_curve c;
    arc_verification v;
    assert_int_equal(arc_curve_of_scores(ctx, score, same, (int64_t)n, target, 5, &c, NULL), ARC_OK);
    assert_true(fabs(c.auc - golden_number(root, "auc")) < 1e-9);
    for (size_t i = 0; i < 5; i++) {
        assert_true(fabs(c.operating[i].far_nearest - golden_item(root, "far_nearest", i)) < 1e-9);
        assert_true(fabs(c.operating[i].tar_nearest - golden_item(root, "tar_nearest", i)) < 1e-9);
        assert_true(fabs(c.operating[i].tar.value - golden_item(root, "tar_exact", i)) < 1e-9);
        assert_true(c.operating[i].far.value <= target[i]);
        assert_true(fabs(arc_curve_tar(&c, c.operating[i].threshold) - c.operating[i].tar.value) < 0.01);
    }
    arc_curve_free(ctx, &c);
    assert_int_equal(arc_verification_of_distances(ctx, dist, same, (int)n, 10, 1e-2, &v, NULL, NULL), ARC_OK);
    assert_true(fabs(v.auc_grid - golden_number(root, "auc_facenet")) < 1e-9);
    assert_true(fabs(v.eer_grid - golden_number(root, "eer_facenet")) < 1e-9);
    free(score);
    free(dist);
    free(same);
    json_decref(root);
    arc_context_close(&ctx);
}

/* One false accept of ten is allowed at a FAR of 0.1; what ties with the second is not. */
static void far_reached_exactly(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    const double score[] = {0.9, 0.5, 0.4, 0.3, 0.7, 0.4, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2}, target = 0.1;
    const uint8_t same[] = {1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    arc_curve c;
    assert_int_equal(arc_curve_of_scores(ctx, score, same, 14, &target, 1, &c, NULL), ARC_OK);
    assert_true(c.operating[0].threshold == 0.5 && c.operating[0].far.hits == 1 && c.operating[0].tar.hits == 2);
    assert_true(!c.operating[0].supported);
    arc_curve_free(ctx, &c);
    arc_context_close(&ctx);
}

static void wilson(void **state) {
    (void)state;
    const arc_rate half = arc_rate_of(5, 10), none = arc_rate_of(0, 10), empty = arc_rate_of(0, 0);
    assert_true(fabs(half.wilson.low - 0.236593) < 1e-6 && fabs(half.wilson.high - 0.763407) < 1e-6); /* statsmodels */
    assert_true(none.wilson.low == 0 && fabs(none.wilson.high - 0.277533) < 1e-6);
    assert_true(empty.wilson.low == 0 && empty.wilson.high == 1 && empty.value == 0);
}

/* The curve of all pairs equals that of the same pairs one by one, but for the grid; and for any number of threads it is the
 * same. */
static void all_pairs(void **state) {
    (void)state;
    enum { N = 83, DIM = 24 };
    float x[N][DIM];
    int identity[N];
    uint64_t seed = 5;
    for (int i = 0; i < N; i++) {
        identity[i] = i / 3;
        for (int k = 0; k < DIM; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            x[i][k] =
                (float)(seed >> 40) / 16777216.0f - 0.5f + 0.5f * (float)((identity[i] * 7 + k * k * (identity[i] + 3)) % 5 - 2);
        }
    }
    memset(x[10], 0, sizeof x[10]); /* stays out */
    double score[N * N];
    uint8_t same[N * N];
    int64_t pairs = 0;
    for (int i = 0; i < N; i++)
        for (int j = i + 1; j < N; j++)
            if (i != 10 && j != 10) {
                score[pairs] = arc_embedding_cosine(x[i], x[j], DIM);
                same[pairs++] = identity[i] == identity[j];
            }
    arc_curve want, got[2];
    double auc[2];
    int points[2];
    for (int t = 0; t < 2; t++) {
        arc_context *ctx = arc_test_context(NULL, 1 + 2 * t);
        assert_int_equal(arc_curve_of_all_pairs(ctx, x[0], identity, N, DIM, NULL, 0, &got[t], NULL), ARC_OK);
        assert_int_equal(arc_curve_of_scores(ctx, score, same, pairs, NULL, 0, &want, NULL), ARC_OK);
        assert_true(got[t].genuine == want.genuine && got[t].impostor == want.impostor);
        assert_true(fabs(got[t].auc - want.auc) < 1e-5 && fabs(got[t].eer - want.eer) < 1e-3);
        for (int i = 0; i < want.operatings; i++)
            assert_true(fabs(got[t].operating[i].threshold - want.operating[i].threshold) < 3e-6 &&
                        got[t].operating[i].tar.hits == want.operating[i].tar.hits);
        arc_curve_free(ctx, &want);
        auc[t] = got[t].auc;
        points[t] = got[t].points;
        arc_curve_free(ctx, &got[t]);
        arc_context_close(&ctx);
    }
    assert_true(auc[0] == auc[1] && points[0] == points[1]);
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_error err;
    x[4][2] = NAN;
    assert_int_equal(arc_curve_of_all_pairs(ctx, x[0], identity, N, DIM, NULL, 0, &want, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "embedding 4"));
    arc_context_close(&ctx);
}

/* ---- drawn impostor pairs ---- */

enum { ROWS = 500, DRAWN = 70000, ROW_DIM = 8 }; /* 124,235 impostor pairs without the empty row; more than one batch is drawn */

static arc_curve curve_of(int threads, arc_pairs_of_rows *rows, arc_worst_list worst[2], int64_t impostors, uint64_t seed) {
    arc_context *ctx = arc_test_context(NULL, threads);
    arc_curve c;
    rows->impostors = impostors;
    rows->seed = seed;
    assert_int_equal(arc_all_pairs(ctx, rows, NULL, 0, worst, &c, NULL), ARC_OK);
    ctx->alloc.put(ctx->alloc.ctx, c.point);
    c.point = NULL;
    arc_context_close(&ctx);
    return c;
}

/* Different pairs, as many as asked for, evenly over the rows, the same on any number of threads. */
static void drawn_impostors(void **state) {
    (void)state;
    float x[ROWS][ROW_DIM];
    int identity[ROWS];
    uint64_t seed = 23;
    for (int i = 0; i < ROWS; i++) {
        identity[i] = i / 2;
        double square = 0;
        for (int k = 0; k < ROW_DIM; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            x[i][k] = (float)(seed >> 40) / 16777216.0f - 0.5f;
            square += (double)x[i][k] * x[i][k];
        }
        for (int k = 0; k < ROW_DIM; k++)
            x[i][k] = i == 10 ? 0 : (float)(x[i][k] / sqrt(square));
    }
    arc_pairs_of_rows rows = {x[0], identity, ROWS, ROW_DIM, 0, 0};
    const arc_curve all = curve_of(2, &rows, NULL, 0, 0);
    assert_true(all.genuine == ROWS / 2 - 1 && all.impostor == (ROWS - 1) * (ROWS - 2) / 2 - all.genuine);
    const arc_curve too_many = curve_of(2, &rows, NULL, all.impostor, 0);
    assert_memory_equal(&too_many, &all, sizeof all);

    /* 14 rows: 72 impostor pairs, of which all but one are drawn; each is remembered. */
    arc_pairs_of_rows few = {x[0], identity, 14, ROW_DIM, 0, 0};
    arc_worst_list drawn[2] = {{.capacity = ARC_WORST_MAX}, {.lowest = true, .capacity = ARC_WORST_MAX}};
    curve_of(3, &few, drawn, 71, 7);
    assert_true(drawn[0].count == 71 && drawn[1].count == 6);
    for (int i = 0; i < 71; i++)
        for (int j = 0; j < i; j++)
            assert_true(drawn[0].pair[i].a != drawn[0].pair[j].a || drawn[0].pair[i].b != drawn[0].pair[j].b);

    /* Two batches repeat nothing either. Sums of other order may put a score into a neighbouring bin. */
    const arc_curve but_one = curve_of(2, &rows, NULL, all.impostor - 1, 7);
    int64_t moved = 0;
    for (int i = 0; i < ARC_HISTOGRAM_BINS; i++)
        moved += llabs(all.impostor_bin[i] - but_one.impostor_bin[i]);
    assert_true(but_one.impostor == all.impostor - 1 && moved < 100);

    const arc_curve one = curve_of(1, &rows, NULL, DRAWN, 7), three = curve_of(3, &rows, NULL, DRAWN, 7),
                    other = curve_of(1, &rows, NULL, DRAWN, 8);
    assert_true(one.impostor == DRAWN && one.genuine == all.genuine);
    assert_memory_equal(&one, &three, sizeof one);
    assert_memory_equal(one.genuine_bin, all.genuine_bin, sizeof all.genuine_bin);
    assert_true(one.mean_genuine == all.mean_genuine);
    assert_true(memcmp(one.impostor_bin, other.impostor_bin, sizeof one.impostor_bin) != 0);
    assert_true(fabs(one.mean_impostor - all.mean_impostor) < 0.005 && fabs(one.std_impostor - all.std_impostor) < 0.005);

    /* Few pairs, all remembered: each row as often as chance lets it. */
    int times[ROWS] = {0}, most = 0;
    for (uint64_t s = 0; s < 200; s++) {
        arc_worst_list worst[2] = {{.capacity = ARC_WORST_MAX}, {.lowest = true, .capacity = ARC_WORST_MAX}};
        curve_of(1, &rows, worst, ARC_WORST_MAX, s);
        assert_int_equal(worst[0].count, ARC_WORST_MAX);
        for (int i = 0; i < worst[0].count; i++) {
            const arc_index_pair *p = &worst[0].pair[i];
            assert_true(p->a < p->b && p->b < ROWS && identity[p->a] != identity[p->b]);
            times[p->a]++;
            times[p->b]++;
        }
    }
    assert_int_equal(times[10], 0);
    for (int i = 0; i < ROWS; i++) { /* 80 expected, deviation 9 */
        assert_true(i == 10 || times[i] > 40);
        most = times[i] > most ? times[i] : most;
    }
    assert_true(most < 125);
}

/* ---- sorting in parts ---- */

enum { SCORES = 100000 }; /* 24 shares of the pairs */

static int falling(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* What the parted sort makes of the scores on 1 and 3 threads, against qsort. */
static void expect_sorted(const double *value, const uint8_t *same, int64_t pairs, double offset, double scale) {
    double *want = calloc((size_t)pairs, sizeof *want);
    int64_t n[2] = {0, 0};
    for (int kind = 0; kind < 2; kind++)
        for (int64_t i = 0; i < pairs; i++)
            if (same[i] == kind)
                want[n[0] + (kind ? n[1] : 0)] = offset + scale * value[i], n[kind]++;
    qsort(want, (size_t)n[0], sizeof *want, falling);
    qsort(want + n[0], (size_t)n[1], sizeof *want, falling);
    for (int threads = 1; threads <= 3; threads += 2) {
        arc_context *ctx = arc_test_context(NULL, threads);
        const arc_scored_pairs from = {value, same, pairs, offset, scale};
        double *got;
        int64_t count[2];
        assert_int_equal(arc_sort_pairs(ctx, &from, &got, count, NULL), ARC_OK);
        assert_true(count[0] == n[0] && count[1] == n[1]);
        for (int64_t i = 0; i < pairs; i++)
            assert_true(got[i] == want[i]);
        ctx->alloc.put(ctx->alloc.ctx, got);
        arc_context_close(&ctx);
    }
    free(want);
}

static void sorted_in_parts(void **state) {
    (void)state;
    double *value = calloc(SCORES, sizeof *value);
    uint8_t *same = calloc(SCORES, 1);
    uint64_t seed = 11;
    for (int i = 0; i < SCORES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        same[i] = seed >> 60 == 0;
        value[i] = (double)(seed >> 11) * 0x1p-53 * 4;
        if (i % 3 == 0)
            value[i] = floor(value[i] * 50) / 50; /* ties */
    }
    expect_sorted(value, same, SCORES, 0, 1);
    expect_sorted(value, same, SCORES, 1, -0.5);
    expect_sorted(value, same, 8193, 0, 1);
    value[7] = 1e300; /* all others in one part; then a range that no double holds */
    expect_sorted(value, same, SCORES, 0, 1);
    value[9] = value[11] = -1.7e308;
    value[7] = value[90000] = 1.7e308;
    expect_sorted(value, same, SCORES, 0, 1);
    for (int i = 0; i < SCORES; i++)
        value[i] = 0.25;
    expect_sorted(value, same, SCORES, 0, 1);
    memset(same, 1, SCORES);
    expect_sorted(value, same, SCORES, 0, 1);

    arc_context *ctx = arc_test_context(NULL, 3);
    arc_curve c;
    arc_error err;
    value[70000] = value[99999] = NAN;
    assert_int_equal(arc_curve_of_scores(ctx, value, same, SCORES, NULL, 0, &c, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "pair 70000 "));
    arc_context_close(&ctx);
    free(value);
    free(same);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scikit),    cmocka_unit_test(far_reached_exactly), cmocka_unit_test(wilson),
        cmocka_unit_test(all_pairs), cmocka_unit_test(sorted_in_parts),     cmocka_unit_test(drawn_impostors),
    };
    return cmocka_run_group_tests_name("curves", tests, NULL, NULL);
}
