/* Cohorts: nearest, sides, scores and thresholds worked out by hand; scores of a gallery and the threshold that a cohort gives
 * against comparing everybody with everybody in double. */
#include "gallery/decide/decide.h"
#include "gallery_support.h"
#include "shared_context.h"
#include <arcface/cohort.h>
#include <arcface/file.h>
#include <arcface/gallery_shards.h>
#include <math.h>

enum { PEOPLE = 12, TEMPLATES = 3, COHORT = 40, FIRST_OTHER = 1000, NEAREST = 15 };

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.12g, not %.12g", got, want);
}

/* ---- by hand ---- */

static void test_nearest_and_sides(void **state) {
    const float cosine[] = {0.1F, 0.4F, 0.2F, 0.4F, -0.3F};
    arc_cohort_near n[3];
    (void)state;
    arc_cohort_nearest(cosine, 5, 3, n);
    assert_true(n[0].member == 1 && n[1].member == 3 && n[2].member == 2);
    arc_cohort_side side = arc_cohort_side_of(n, 2, -1);
    near(side.mean, 0.4, 1e-7);
    near(side.deviation, 1e-6, 0);      /* equal cosines */
    side = arc_cohort_side_of(n, 2, 3); /* 0.4 and 0.2 */
    near(side.mean, 0.3, 1e-7);
    near(side.deviation, 0.1, 1e-7);
    side = arc_cohort_side_of(n, 2, 4); /* who is not among them */
    near(side.mean, 0.4, 1e-7);
}

static void test_score(void **state) {
    (void)state;
    /* two deviations above the probe's others, six above the identity's */
    near(arc_cohort_score(0.5, (arc_cohort_side){0.3, 0.1}, (arc_cohort_side){0.2, 0.05}), 4, 1e-12);
}

static void test_threshold(void **state) {
    double score[] = {1, 9, 3, 7, 5, 2, 8, 4, 6, 0}, equal[] = {5, 5, 5, 1};
    int64_t above;
    (void)state;
    double t = arc_cohort_threshold(score, 10, 0.2, &above); /* 9 and 8 reach it, 7 does not */
    assert_true(t > 7 && t < 7.001);
    assert_int_equal(above, 2);
    t = arc_cohort_threshold(score, 10, 0.05, &above); /* not even one may */
    assert_true(t > 9 && t < 9.001);
    assert_int_equal(above, 0);
    t = arc_cohort_threshold(equal, 4, 0.5, &above); /* two may, but the first three are equal */
    assert_true(t > 5 && t < 5.001);
    assert_int_equal(above, 0);
}

static void test_decision_by_scores(void **state) {
    const arc_search_rule rule = {.threshold = 2, .normalised = true};
    arc_match m[] = {{.identity = 1, .cosine = 0.5, .score = 1, .threshold = 0.3, .own_threshold = NAN},
                     {.identity = 2, .cosine = 0.4, .score = 3, .threshold = 0.3, .own_threshold = NAN},
                     {.identity = 3, .cosine = 0.9, .score = 9, .own_threshold = NAN, .negative = true}};
    arc_answer a = {.matches = 3, .match = m, .compared = 3};
    (void)state;
    arc_decide_by_scores(&rule, &a);
    assert_true(m[0].identity == 2 && m[1].identity == 1 && m[2].identity == 3);
    assert_true(a.known == ARC_KNOWN && m[0].accepted && !m[1].accepted && !m[2].accepted);
    near(a.margin_to_second, 2, 1e-12);
    near(m[0].threshold, 2, 0);
    m[0].own_threshold = 0.45; /* a cosine that this person must be reached with all the same */
    arc_decide_by_scores(&rule, &a);
    assert_int_equal(a.known, ARC_UNKNOWN);
}

/* ---- a gallery ---- */

static arc_gallery *people(arc_context *own, const char *path, arc_fusion fusion) {
    arc_gallery_options options;
    arc_gallery *g;
    arc_gallery_options_default(&options);
    options.create = true;
    options.fusion = fusion;
    ok(arc_gallery_open(own, path, &options, &g, err));
    ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
    for (int p = 0; p < PEOPLE; p++)
        enroll(g, p, 0, TEMPLATES);
    return g;
}

static const float *others(void) {
    static float x[COHORT][DIM];
    for (int i = 0; i < COHORT; i++)
        draw_template(FIRST_OTHER + i, 0, x[i]);
    return x[0];
}

static double cosine(const float *a, const float *b) {
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < DIM; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static double fused(const float *x, int person, bool mean) {
    double best = -1, sum = 0;
    for (int k = 0; k < TEMPLATES; k++) {
        float t[DIM];
        draw_template(person, k, t);
        best = fmax(best, cosine(x, t));
        sum += cosine(x, t) / TEMPLATES;
    }
    return mean ? sum : best;
}

static int falling(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Of the NEAREST highest of x [count], which is sorted. */
static void side_of(double *x, int count, double *mean, double *deviation) {
    double sum = 0, squares = 0;
    qsort(x, (size_t)count, sizeof *x, falling);
    for (int i = 0; i < NEAREST; i++)
        sum += x[i];
    *mean = sum / NEAREST;
    for (int i = 0; i < NEAREST; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *deviation = sqrt(squares / NEAREST);
}

/* The definition, by comparing everybody; without: one of the cohort that is left out, or -1. */
static double naive_score(const float *probe, int person, bool mean, int without) {
    double t[COHORT], e[COHORT], mt, dt, me, de;
    int n = 0;
    for (int i = 0; i < COHORT; i++) {
        if (i == without)
            continue;
        t[n] = cosine(probe, others() + i * DIM);
        e[n++] = fused(others() + i * DIM, person, mean);
    }
    side_of(t, n, &mt, &dt);
    side_of(e, n, &me, &de);
    const double s = fused(probe, person, mean);
    return ((s - mt) / dt + (s - me) / de) / 2;
}

static void expect_naive_scores(void **state, arc_fusion fusion, const char *file) {
    arc_context *own = ctx;
    (void)state;
    arc_gallery *g = people(own, in_folder(file), fusion);
    arc_cohort *c;
    arc_search_rule rule;
    arc_gallery_query q;
    arc_answer answer[3];
    float probe[3][DIM];
    draw_template(4, 9, probe[0]);
    draw_template(7, 9, probe[1]);
    draw_template(2000, 0, probe[2]); /* a stranger */
    ok(arc_cohort_new(own, others(), COHORT, DIM, NEAREST, &c, err));
    assert_int_equal(arc_cohort_count(c), COHORT);
    arc_cohort_rule_given(3, &rule);
    arc_gallery_query_default(&q);
    q.top = PEOPLE;
    q.cohort = c;
    q.cohort_rule = &rule;
    ok(arc_gallery_identify(g, probe[0], 3, &q, answer, err));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(answer[i].matches, PEOPLE);
        assert_true(answer[i].rule.normalised);
        for (int k = 0; k < PEOPLE; k++) {
            int person = -1;
            assert_int_equal(sscanf(answer[i].match[k].name, "person %d", &person), 1);
            near(answer[i].match[k].score, naive_score(probe[i], person, fusion == ARC_FUSE_MEAN, -1), 1e-4);
            assert_true(k == 0 || answer[i].match[k].score <= answer[i].match[k - 1].score);
        }
    }
    assert_true(answer[0].known == ARC_KNOWN && strcmp(answer[0].match[0].name, "person 4") == 0);
    assert_true(answer[1].known == ARC_KNOWN && strcmp(answer[1].match[0].name, "person 7") == 0);
    assert_int_equal(answer[2].known, ARC_UNKNOWN);
    arc_answers_free(own, answer, 3);
    q.top = 1; /* the best of all, not of those who are shown */
    ok(arc_gallery_identify(g, probe[0], 1, &q, answer, err));
    assert_true(answer[0].matches == 1 && strcmp(answer[0].match[0].name, "person 4") == 0);
    arc_answers_free(own, answer, 1);
    arc_cohort_free(&c);
    arc_gallery_close(&g);
}

static void test_scores_of_the_highest(void **state) {
    expect_naive_scores(state, ARC_FUSE_MAX, "max.gal");
}

static void test_scores_of_the_mean(void **state) {
    expect_naive_scores(state, ARC_FUSE_MEAN, "mean.gal");
}

/* Each of the cohort is a stranger who is searched for, and is not its own neighbour. */
static void test_threshold_of_cohort(void **state) {
    arc_context *own = ctx;
    (void)state;
    arc_gallery *g = people(own, in_folder("rule.gal"), ARC_FUSE_MAX);
    arc_cohort *c;
    arc_search_rule rule;
    double best[COHORT];
    ok(arc_cohort_new(own, others(), COHORT, DIM, NEAREST, &c, err));
    for (int i = 0; i < COHORT; i++) {
        best[i] = -INFINITY;
        for (int p = 0; p < PEOPLE; p++)
            best[i] = fmax(best[i], naive_score(others() + i * DIM, p, false, i));
    }
    qsort(best, COHORT, sizeof *best, falling);
    ok(arc_cohort_rule_of(g, c, 0.25, &rule, err));
    assert_true(rule.source == ARC_RULE_COHORT && rule.normalised && rule.supported);
    assert_true(rule.impostor == COHORT && rule.comparisons == PEOPLE);
    near(rule.fpir, 0.25, 0);
    near(rule.threshold, best[10], 1e-4); /* ten of forty reach it */
    assert_true(rule.threshold < best[9]);
    ok(arc_cohort_rule_of(g, c, 0, &rule, err));
    near(rule.fpir, ARC_FPIR_DEFAULT, 0);
    near(rule.threshold, best[0], 1e-4);
    assert_false(rule.supported);
    arc_cohort_free(&c);
    arc_gallery_close(&g);
}

static void test_explanation(void **state) {
    arc_context *own = ctx;
    (void)state;
    arc_gallery *g = people(own, in_folder("why.gal"), ARC_FUSE_MAX);
    arc_cohort *c;
    arc_search_rule rule;
    arc_gallery_query q;
    arc_answer answer;
    float probe[DIM];
    char *text;
    ok(arc_cohort_new(own, others(), COHORT, DIM, 0, &c, err));
    ok(arc_cohort_rule_of(g, c, 0, &rule, err));
    arc_gallery_query_default(&q);
    q.cohort = c;
    q.cohort_rule = &rule;
    q.log = true;
    draw_template(4, 9, probe);
    ok(arc_gallery_identify(g, probe, 1, &q, &answer, err));
    ok(arc_answer_explain(own, &answer, NAN, &text, err));
    assert_non_null(strstr(text, "Known: person 4, whose cosine"));
    assert_non_null(strstr(text, "the score"));
    assert_non_null(strstr(text, "Of the cohort's 40 faces 1 % at most are taken for somebody of 12."));
    assert_non_null(strstr(text, "That is uncertain"));
    arc_text_free(own, &text);
    arc_answers_free(own, &answer, 1);
    arc_cohort_free(&c);
    arc_gallery_close(&g);
}

/* ---- where cohorts come from, and what is refused ---- */

static void test_files_and_galleries(void **state) {
    arc_context *own = ctx;
    (void)state;
    arc_gallery *g = people(own, in_folder("from.gal"), ARC_FUSE_MAX);
    arc_cohort *c;
    const int64_t shape[] = {COHORT, DIM};
    ok(arc_npy_save(own, in_folder("cohort.npy"), others(), 2, shape, err));
    ok(arc_cohort_load(own, in_folder("cohort.npy"), 0, &c, err));
    assert_int_equal(arc_cohort_count(c), COHORT);
    arc_cohort_free(&c);
    ok(arc_cohort_of_gallery(g, 0, &c, err)); /* one face of each person */
    assert_int_equal(arc_cohort_count(c), PEOPLE);
    arc_cohort_free(&c);
    arc_cohort_free(&c);
    arc_gallery_close(&g);
}

static void refused(arc_status st, arc_status want, const arc_error *e, const char *words) {
    assert_int_equal(st, want);
    if (!strstr(e->text, words))
        fail_msg("\"%s\" says nothing of \"%s\"", e->text, words);
}

static void test_refusals(void **state) {
    arc_context *own = ctx;
    (void)state;
    arc_gallery *g = people(own, in_folder("no.gal"), ARC_FUSE_MAX), *none = new_gallery(own, in_folder("none.gal"));
    static float bad[COHORT][DIM];
    const int64_t flat[] = {COHORT * DIM}, narrow[] = {2 * COHORT, DIM / 2};
    const char *locations[] = {in_folder("no.gal"), in_folder("none.gal")};
    arc_cohort *c, *half;
    arc_shards *shards;
    arc_search_rule rule;
    arc_gallery_query q;
    arc_answer answer;
    arc_error e;
    refused(arc_cohort_new(own, others(), ARC_COHORT_LEAST - 1, DIM, 0, &c, &e), ARC_EINVAL, &e, "10 to 20000");
    assert_null(c);
    refused(arc_cohort_new(own, others(), COHORT, DIM, 1, &c, &e), ARC_EINVAL, &e, "1 nearest");
    memcpy(bad, others(), sizeof bad);
    bad[17][3] = NAN;
    refused(arc_cohort_new(own, bad[0], COHORT, DIM, 0, &c, &e), ARC_EINVAL, &e, "face 17");
    memset(bad[17], 0, sizeof bad[17]);
    refused(arc_cohort_new(own, bad[0], COHORT, DIM, 0, &c, &e), ARC_EINVAL, &e, "face 17");
    ok(arc_npy_save(own, in_folder("flat.npy"), others(), 1, flat, err));
    refused(arc_cohort_load(own, in_folder("flat.npy"), 0, &c, &e), ARC_ESHAPE, &e, "flat.npy");
    assert_null(c);
    refused(arc_cohort_of_gallery(none, 0, &c, &e), ARC_EINVAL, &e, "this gallery has 0");
    ok(arc_npy_save(own, in_folder("half.npy"), others(), 2, narrow, err));
    ok(arc_cohort_load(own, in_folder("half.npy"), 0, &half, err));
    ok(arc_cohort_new(own, others(), COHORT, DIM, 0, &c, err));
    refused(arc_cohort_rule_of(g, half, 0, &rule, &e), ARC_EINVAL, &e, "those of the cohort 32");
    refused(arc_cohort_rule_of(g, c, 1, &rule, &e), ARC_EINVAL, &e, "rate of strangers");
    refused(arc_cohort_rule_of(none, c, 0, &rule, &e), ARC_EINVAL, &e, "nobody is enrolled");
    arc_gallery_query_default(&q);
    q.cohort = c;
    refused(arc_gallery_identify(g, others(), 1, &q, &answer, &e), ARC_EINVAL, &e, "needs a rule");
    arc_cohort_rule_given(3, &rule);
    q.cohort_rule = &rule;
    q.cohort = half;
    refused(arc_gallery_identify(g, others(), 1, &q, &answer, &e), ARC_EINVAL, &e, "those of the cohort 32");
    q.cohort = c;
    ok(arc_shards_open(own, locations, 2, NULL, &shards, err));
    refused(arc_shards_identify(shards, others(), 1, &q, &answer, NULL, &e), ARC_EINVAL, &e, "without a cohort");
    ok(arc_gallery_identify(none, others(), 1, &q, &answer, err)); /* nobody, but no mistake */
    assert_int_equal(answer.known, ARC_EMPTY);
    arc_answers_free(own, &answer, 1);
    arc_shards_close(&shards);
    arc_cohort_free(&half);
    arc_cohort_free(&c);
    arc_gallery_close(&none);
    arc_gallery_close(&g);
}

/* Every allocation in turn. */
static void test_no_memory(void **state) {
    arc_test_heap heap = {0};
    arc_context *poor = arc_test_context(&heap, 1);
    arc_gallery *g = people(poor, in_folder("poor.gal"), ARC_FUSE_MEAN);
    int rounds = 0;
    (void)state;
    for (bool more = true; more; rounds++) {
        arc_cohort *c = NULL;
        arc_search_rule rule;
        arc_gallery_query q;
        arc_answer answer = {0};
        arc_gallery_query_default(&q);
        heap.fail_at = heap.requests + 1 + rounds;
        arc_status st = arc_cohort_of_gallery(g, 0, &c, NULL);
        if (st == ARC_OK)
            st = arc_cohort_rule_of(g, c, 0.5, &rule, NULL);
        q.cohort = c;
        q.cohort_rule = &rule;
        if (st == ARC_OK)
            st = arc_gallery_identify(g, others(), 1, &q, &answer, NULL);
        more = heap.requests >= heap.fail_at;
        heap.fail_at = 0;
        assert_true(st == ARC_OK || st == ARC_ENOMEM);
        assert_true(more || st == ARC_OK);
        arc_answers_free(poor, &answer, 1);
        arc_cohort_free(&c);
    }
    assert_true(rounds > 20);
    arc_gallery_close(&g);
    arc_context_close(&poor);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest_and_sides),
        cmocka_unit_test(test_score),
        cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_decision_by_scores),
        cmocka_unit_test(test_scores_of_the_highest),
        cmocka_unit_test(test_scores_of_the_mean),
        cmocka_unit_test(test_threshold_of_cohort),
        cmocka_unit_test(test_explanation),
        cmocka_unit_test(test_files_and_galleries),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("cohort", tests, open_context, close_context);
}
