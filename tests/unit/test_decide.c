/* gallery/decide: rules, fusion, answers and their explanations, against numbers worked out by hand. */
#include "gallery/decide/decide.h"
#include "shared_context.h"
#include "support.h"
#include <string.h>

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.12g, not %.12g", got, want);
}

/* FAR 0.1 at 0.1, 0.01 at 0.2, 0.001 at 0.3, of 10,000 pairs: log FAR falls by 10 for each 0.1 of cosine. */
static arc_verify_rule calibrated(void) {
    return (arc_verify_rule){.threshold = 0.25,
                             .calibrated = true,
                             .calibration = {.far = 0.003,
                                             .threshold = 0.25,
                                             .genuine = 1000,
                                             .impostor = 10000,
                                             .far_points = 3,
                                             .far_score = {0.1, 0.2, 0.3},
                                             .far_rate = {0.1, 0.01, 0.001},
                                             .knots = 2,
                                             .knot_score = {0, 1},
                                             .knot_probability = {0, 1}}};
}

static void test_score_is_inverse(void **state) {
    const arc_verify_rule m = calibrated();
    (void)state;
    for (double score = 0.1; score <= 0.3; score += 0.01)
        near(arc_calibration_score(&m.calibration, arc_calibration_far(&m.calibration, score)), score, 1e-12);
    near(arc_calibration_score(&m.calibration, 0.5), 0.1, 0);
    near(arc_calibration_score(&m.calibration, 1e-9), 0.3, 0);
}

static void test_rule_by_size(void **state) {
    const arc_verify_rule m = calibrated();
    arc_search_rule r;
    (void)state;
    /* one comparison: FAR is FPIR */
    arc_search_rule_of(&m, 1, 0.01, &r);
    near(r.threshold, 0.2, 1e-12);
    near(r.far, 0.01, 1e-15);
    assert_int_equal(r.source, ARC_RULE_CALIBRATION);
    assert_true(r.supported && !r.extrapolated);
    /* ten: 1 - 0.99^(1/10) = 0.00100453, which 10,000 pairs still support (10.05 of them) */
    arc_search_rule_of(&m, 10, 0.01, &r);
    near(r.far, 0.00100452871, 1e-11);
    near(r.threshold, 0.3 - 0.1 * log10(0.00100452871 / 0.001), 1e-8);
    assert_true(r.supported && !r.extrapolated);
    /* the wish is the calibration's without one, and 1 % where it has none */
    arc_search_rule_of(&m, 1, 0, &r);
    near(r.fpir, 0.01, 0);
}

static void test_rule_reads_stored_threshold(void **state) {
    arc_verify_rule m = calibrated();
    arc_search_rule r;
    (void)state;
    m.calibration.gallery = 2;
    m.calibration.fpir = 0.1;
    m.calibration.search_far = 0.0513;
    m.calibration.search_threshold = 0.1234;
    arc_search_rule_of(&m, 2, 0, &r);
    near(r.threshold, 0.1234, 0);
    near(r.fpir, 0.1, 0);
    arc_search_rule_of(&m, 2, 0.2, &r); /* another wish, and another size: from the curve */
    near(r.threshold, arc_calibration_score(&m.calibration, 1 - sqrt(0.8)), 1e-12);
    arc_search_rule_of(&m, 3, 0, &r);
    near(r.threshold, arc_calibration_score(&m.calibration, 1 - cbrt(0.9)), 1e-12);
}

static void test_rule_beyond_calibration(void **state) {
    arc_verify_rule m = calibrated();
    arc_search_rule r;
    (void)state;
    /* 1,000 comparisons: FAR 1.005e-5, a hundredth of the last point's; the line goes on by 0.1 for each decade */
    arc_search_rule_of(&m, 1000, 0.01, &r);
    assert_true(r.extrapolated && !r.supported);
    near(r.threshold, 0.3 + 0.1 * log10(0.001 / r.far), 1e-9);
    near(r.threshold, 0.4998, 1e-4);
    /* few pairs give no line: the highest score that was seen */
    m.calibration.impostor = 99;
    arc_search_rule_of(&m, 1000, 0.01, &r);
    assert_true(r.extrapolated);
    near(r.threshold, 0.3, 0);
    m.calibration.impostor = 10000;
    arc_search_rule_of(&m, INT64_MAX, 1e-6, &r);
    near(r.threshold, 1, 0);
}

static void test_rule_without_calibration(void **state) {
    const arc_verify_rule m = {.threshold = 0.28};
    arc_search_rule r;
    (void)state;
    arc_search_rule_of(&m, 1000, 0.01, &r);
    near(r.threshold, 0.28, 0);
    assert_int_equal(r.source, ARC_RULE_CONTRACT);
    assert_true(isnan(r.far) && isnan(r.fpir));
    arc_search_rule_given(&m, 0, 0.5, &r);
    near(r.threshold, 0.5, 0);
    assert_int_equal(r.comparisons, 1);
    assert_true(isnan(r.fpir));
}

static void test_rule_given(void **state) {
    const arc_verify_rule m = calibrated();
    arc_search_rule r;
    (void)state;
    arc_search_rule_given(&m, 3, 0.2, &r);
    assert_int_equal(r.source, ARC_RULE_GIVEN);
    near(r.far, 0.01, 1e-12);
    near(r.fpir, 1 - 0.99 * 0.99 * 0.99, 1e-12);
}

static void test_fusion(void **state) {
    const double cosine[] = {0.5, 0.2, 0.8}, quality[] = {1, 0.5, 0}, unknown[] = {1, 0.5, NAN}, none[] = {0, 0, 0};
    (void)state;
    near(arc_fuse(ARC_FUSE_MAX, cosine, quality, 3), 0.8, 0);
    near(arc_fuse(ARC_FUSE_MEAN, cosine, quality, 3), 0.5, 1e-15);
    near(arc_fuse(ARC_FUSE_QUALITY, cosine, quality, 3), (0.5 + 0.1) / 1.5, 1e-15);
    near(arc_fuse(ARC_FUSE_QUALITY, cosine, unknown, 3), (0.5 + 0.1 + 0.6) / 2.25, 1e-15); /* NAN counts as 0.75 */
    near(arc_fuse(ARC_FUSE_QUALITY, cosine, none, 3), 0.5, 1e-15);
    near(arc_fuse(ARC_FUSE_QUALITY, cosine, NULL, 3), 0.5, 1e-15);
}

static arc_match match(int64_t identity, const char *name, double cosine, double threshold, double negative) {
    return (arc_match){.identity = identity,
                       .name = name,
                       .template_id = 10 * identity,
                       .cosine = cosine,
                       .best_cosine = cosine,
                       .negative_cosine = negative,
                       .threshold = threshold};
}

static arc_answer decide(arc_match *m, int count) {
    const arc_verify_rule model = calibrated();
    arc_search_rule rule;
    arc_answer a = {.matches = count, .match = m, .compared = count};
    arc_search_rule_given(&model, count, 0.25, &rule);
    arc_decide(&model, &rule, &a);
    return a;
}

static void test_known_and_order(void **state) {
    arc_match m[] = {match(3, "Cy", 0.3, NAN, NAN), match(2, "Bo", 0.4, NAN, NAN), match(1, "Al", 0.4, NAN, NAN)};
    const arc_answer a = decide(m, 3);
    (void)state;
    assert_int_equal(a.known, ARC_KNOWN);
    assert_int_equal(a.match[0].identity, 1); /* a tie: the lower identity */
    assert_int_equal(a.match[1].identity, 2);
    assert_int_equal(a.match[2].identity, 3);
    near(a.margin_to_second, 0, 0);
    near(a.match[0].probability, 0.4, 1e-12);
    near(a.match[0].threshold, 0.25, 0);
}

static void test_threshold_is_inclusive(void **state) {
    arc_match at = match(1, "Al", 0.25, NAN, NAN), below = match(1, "Al", nextafter(0.25, 0), NAN, NAN);
    (void)state;
    assert_int_equal(decide(&at, 1).known, ARC_KNOWN);
    assert_int_equal(decide(&below, 1).known, ARC_UNKNOWN);
    assert_true(isnan(decide(&at, 1).margin_to_second));
}

static void test_own_thresholds(void **state) {
    /* the most similar one has a threshold of its own that is not reached: unknown, though the second would be accepted */
    arc_match m[] = {match(1, "Al", 0.4, 0.5, NAN), match(2, "Bo", 0.3, NAN, NAN)};
    arc_answer a = decide(m, 2);
    (void)state;
    assert_int_equal(a.known, ARC_UNKNOWN);
    assert_false(a.match[0].accepted);
    assert_true(a.match[1].accepted);
    arc_match low = match(1, "Al", 0.2, 0.15, NAN);
    a = decide(&low, 1);
    assert_int_equal(a.known, ARC_KNOWN);
}

static void test_negatives(void **state) {
    /* a stranger who was told apart from Al once: more like that picture than like Al */
    arc_match stranger[] = {match(1, "Al", 0.5, NAN, 0.6), match(2, "Bo", 0.3, NAN, NAN)};
    arc_answer a = decide(stranger, 2);
    (void)state;
    assert_int_equal(a.match[0].identity, 2);
    assert_true(a.match[1].negative && !a.match[1].accepted);
    assert_int_equal(a.known, ARC_KNOWN);
    assert_true(isnan(a.margin_to_second));
    /* Al again: more like Al than like the stranger */
    arc_match own = match(1, "Al", 0.7, NAN, 0.5);
    a = decide(&own, 1);
    assert_int_equal(a.known, ARC_KNOWN);
    assert_false(a.match[0].negative);
    /* as much like both: not answered with Al */
    arc_match tie = match(1, "Al", 0.6, NAN, 0.6);
    a = decide(&tie, 1);
    assert_int_equal(a.known, ARC_UNKNOWN);
    /* what counts is the best template, not the mean */
    arc_match fused = match(1, "Al", 0.4, NAN, 0.6);
    fused.best_cosine = 0.7;
    a = decide(&fused, 1);
    assert_int_equal(a.known, ARC_KNOWN);
    /* unlike both: nothing is ruled out */
    arc_match far = match(1, "Al", 0.1, NAN, 0.2);
    a = decide(&far, 1);
    assert_false(a.match[0].negative);
}

static void test_nobody(void **state) {
    arc_answer a = decide(NULL, 0);
    (void)state;
    assert_int_equal(a.known, ARC_EMPTY);
    a.compared = 5; /* people, none of whom was a candidate */
    const arc_verify_rule model = calibrated();
    arc_decide(&model, &a.rule, &a);
    assert_int_equal(a.known, ARC_UNKNOWN);
}

static char *explain(const arc_answer *a, double quality) {
    char *text = NULL;
    arc_error err = {0};
    if (arc_answer_explain(ctx, a, quality, &text, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return text;
}

static void expect(const arc_answer *a, double quality, const char *const *parts, int count) {
    char *text = explain(a, quality);
    for (int i = 0; i < count; i++)
        if (!strstr(text, parts[i]))
            fail_msg("'%s' is not in: %s", parts[i], text);
    arc_text_free(ctx, &text);
}

static void test_explanations(void **state) {
    (void)state;
    arc_match m[] = {match(1, "Al", 0.5, NAN, 0.6), match(2, "Bo", 0.3, NAN, NAN), match(3, "Cy", 0.26, NAN, NAN)};
    arc_answer a = decide(m, 3);
    static const char *const known[] = {"Known: Bo, with cosine 0.3000, which reaches the threshold 0.2500.",
                                        "Second is Cy with cosine 0.2600, 0.0400 less, which reaches the threshold too",
                                        "Al is ruled out: with a face that is known to be somebody else the cosine is 0.6000",
                                        "Compared with 3 people.",
                                        "The threshold 0.2500 was given for this search",
                                        "Measured with 10,000 pairs",
                                        "The picture is poor (quality 0.20 of 1)"};
    expect(&a, 0.2, known, 7);
    arc_match own[] = {match(1, "Al", 0.4, 0.5, NAN)};
    a = decide(own, 1);
    static const char *const unknown[] = {"Unknown: the most similar is Al with cosine 0.4000, below the threshold 0.5000.",
                                          "This threshold is Al's own.", "Compared with 1 person."};
    expect(&a, NAN, unknown, 3);
    char *text = explain(&a, NAN);
    assert_null(strstr(text, "poor"));
    arc_text_free(ctx, &text);
    a = decide(NULL, 0);
    static const char *const empty[] = {"Unknown: there was nobody to compare with."};
    expect(&a, NAN, empty, 1);
}

static void test_rules_in_words(void **state) {
    (void)state;
    const arc_verify_rule m = calibrated(), plain = {.threshold = 0.28};
    arc_search_rule r[3];
    arc_search_rule_of(&m, 1000, 0.01, &r[0]);
    arc_search_rule_of(&m, 15, 0.01, &r[1]);
    arc_search_rule_of(&plain, 1000, 0.01, &r[2]);
    r[1].extrapolated = false; /* as a curve with points that few pairs support has it */
    static const char *const part[] = {"That is not measured", "That is uncertain: fewer than 10", "was never calibrated"};
    for (int i = 0; i < 3; i++) {
        char *text = NULL;
        assert_int_equal(arc_search_rule_describe(ctx, &r[i], &text, NULL), ARC_OK);
        if (!strstr(text, part[i]))
            fail_msg("'%s' is not in: %s", part[i], text);
        arc_text_free(ctx, &text);
    }
}

static void test_no_memory(void **state) {
    (void)state;
    arc_match m = match(1, "Al", 0.4, NAN, NAN);
    const arc_answer a = decide(&m, 1);
    arc_test_heap heap = {0};
    arc_context *poor = arc_test_context(&heap, 1);
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    char *text = NULL;
    do {
        arc_test_walk_begin(&walk);
        st = arc_answer_explain(poor, &a, 0.5, &text, NULL);
        assert_int_equal(st == ARC_OK, text != NULL);
        arc_text_free(poor, &text);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 0);
    arc_context_close(&poor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_score_is_inverse),
        cmocka_unit_test(test_rule_by_size),
        cmocka_unit_test(test_rule_reads_stored_threshold),
        cmocka_unit_test(test_rule_beyond_calibration),
        cmocka_unit_test(test_rule_without_calibration),
        cmocka_unit_test(test_rule_given),
        cmocka_unit_test(test_fusion),
        cmocka_unit_test(test_known_and_order),
        cmocka_unit_test(test_threshold_is_inclusive),
        cmocka_unit_test(test_own_thresholds),
        cmocka_unit_test(test_negatives),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_rules_in_words),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
