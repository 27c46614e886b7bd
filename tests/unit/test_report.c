/* The report of evaluations: its numbers are the evaluation's, several models are laid over each other, what is missing is
 * said. */
#include "base/base.h"
#include "folder.h"
#include "support.h"
#include <arcface/calibrate.h>
#include <arcface/evaluate.h>
#include <arcface/evaluate_compare.h>
#include <arcface/evaluate_report.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

static arc_context context, *ctx = &context;
static const char *path;
static arc_roc_point point[101];
static arc_pair_score worst[2];
static arc_missing_image lost = {"Ann/Ann_0001.jpg", "no face found"};
static const char *note[] = {"FAR 1e-06 needs more impostor pairs"};

static arc_evaluation an_evaluation(double shift) {
    arc_evaluation e = {.protocol = "pairs"};
    e.provenance =
        (arc_provenance){"m.onnx", "abc", "rgb", "pairs.txt", "def", "LFW", "10 folds", "arcface", "avx512", "fp32", 1};
    arc_verification *v = &e.verification;
    v->pairs = 200;
    v->genuine = v->impostor = 100;
    v->folds = 2;
    v->accuracy = 0.91 + shift;
    v->accuracy_std = 0.01;
    v->best_threshold_cosine = 0.25;
    v->far_target = 1e-3;
    for (int f = 0; f < 2; f++) {
        v->fold_accuracy[f] = v->accuracy;
        v->fold_threshold[f] = 1.5;
        v->fold_pairs[f] = 100;
        v->fold_correct[f] = 91;
    }
    arc_curve *c = &e.curve;
    c->genuine = c->impostor = 100;
    c->auc = 0.97 + shift / 10;
    c->eer = 0.09 - shift;
    c->operating[0] = (arc_operating_point){.far_target = 1e-3,
                                            .threshold = 0.4,
                                            .far = {0, 100, 0, {0, 0.04}},
                                            .tar = {80, 100, 0.8, {0.71, 0.87}},
                                            .tar_bootstrap = {1, 0}};
    c->operatings = 1;
    for (int i = 0; i <= 100; i++)
        point[i] = (arc_roc_point){1 - i / 50.0, ARC_MIN(100, 3 * i), i};
    c->point = point;
    c->points = 101;
    for (int i = 0; i < 100; i++) {
        c->genuine_bin[120 + i / 2]++;
        c->impostor_bin[80 + i / 2]++;
    }
    worst[0] =
        (arc_pair_score){0.01, true, {0, 1}, {"Zo\xc3\xab_1", "Zo\xc3\xab_2"}, {"/nonexistent/a.jpg", "/nonexistent/b.jpg"}};
    e.worst_genuine = worst;
    e.worst_genuines = 1;
    e.missing_image = &lost;
    e.missing_images = 1;
    e.missing = 7;
    e.note = note;
    e.notes = 1;
    return e;
}

static char *report(const arc_evaluation *const *evaluations, const char *const *names, int count) {
    arc_error err = {0};
    arc_map map;
    if (arc_evaluation_report(ctx, evaluations, names, count, path, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_map_open(&map, path, 1 << 26, &err), ARC_OK);
    char *text = malloc(map.bytes + 1);
    memcpy(text, map.data, map.bytes);
    text[map.bytes] = 0;
    arc_map_close(&map);
    return text;
}

static void the_numbers_are_the_evaluations(void **state) {
    (void)state;
    arc_evaluation e = an_evaluation(0);
    const arc_evaluation *list[] = {&e};
    const char *names[] = {"m <1>"};
    char *text = report(list, names, 1);
    static const char *const wanted[] = {"91.00 \u00b1 1.00 %",
                                         "80.00 %",
                                         "71.000 - 87.000 %",
                                         "<h1>m &lt;1&gt;</h1>",
                                         "FAR 1e-06 needs more",
                                         "7 pictures could not be used",
                                         "Ann/Ann_0001.jpg",
                                         "no face found",
                                         "cannot be read any more: 1.",
                                         "SHA-256",
                                         "avx512"};
    for (size_t i = 0; i < ARC_COUNT(wanted); i++)
        if (!strstr(text, wanted[i]))
            fail_msg("'%s' is not on the page", wanted[i]);
    assert_null(strstr(text, "nan"));
    free(text);
}

static void several_models_share_a_page(void **state) {
    (void)state;
    static const char *own[] = {"FAR 1e-06 needs more impostor pairs", "colours look exchanged"};
    arc_evaluation a = an_evaluation(0), b = an_evaluation(0.05);
    b.note = own;
    b.notes = 2;
    const arc_evaluation *list[] = {&a, &b};
    const char *names[] = {"old", "new"};
    char *text = report(list, names, 2);
    assert_non_null(strstr(text, "<td>old</td>"));
    assert_non_null(strstr(text, "91.000 %"));
    assert_non_null(strstr(text, "96.000 %"));
    assert_non_null(strstr(text, "new: colours look exchanged"));
    const char *common = strstr(text, "FAR 1e-06 needs more"); /* true of both, said once */
    assert_non_null(common);
    assert_null(strstr(common + 1, "FAR 1e-06 needs more"));
    free(text);
    const char *png = in_folder("report.png");
    arc_error err = {0};
    assert_int_equal(arc_evaluation_plot(ctx, list, names, 2, png, &err), ARC_OK);
    assert_int_equal(arc_evaluation_report(ctx, list, names, 0, path, &err), ARC_EINVAL);
    arc_evaluation nothing = {.protocol = "folder"};
    list[0] = &nothing;
    assert_int_equal(arc_evaluation_plot(ctx, list, names, 1, png, &err), ARC_EINVAL);
}

static void searches_are_drawn(void **state) {
    (void)state;
    arc_evaluation e = an_evaluation(0);
    e.verification.pairs = 0;
    e.curve = (arc_curve){0};
    e.worst_genuines = 0;
    e.missing = e.missing_images = e.notes = 0;
    arc_identification *id = &e.identification;
    id->gallery = id->gallery_identities = 50;
    id->mated = id->nonmated = 100;
    id->cmc_ranks = 5;
    for (int k = 0; k < 5; k++)
        id->cmc[k] = (arc_rate){90 + k, 100, 0.9 + 0.01 * k, {0.8, 0.95}};
    id->open_set[0] = (arc_operating_point){
        .far_target = 0.01, .threshold = 0.5, .far = {1, 100, 0.01, {0, 0.05}}, .tar = {77, 100, 0.77, {0.68, 0.84}}};
    id->open_sets = 1;
    id->point = point;
    id->points = 101;
    const arc_evaluation *list[] = {&e};
    const char *names[] = {"m"};
    char *text = report(list, names, 1);
    assert_non_null(strstr(text, "90.00 %"));
    assert_non_null(strstr(text, "DIR at FPIR 1 %"));
    assert_non_null(strstr(text, "77.000 %"));
    assert_non_null(strstr(text, "too few searches without a mate"));
    free(text);
}

static void described(void **state) {
    (void)state;
    arc_evaluation e = an_evaluation(0), other = an_evaluation(0.05);
    arc_comparison k = {.pairs = 200, .only_a = 3, .only_b = 13, .mcnemar_p = 0.02, .operatings = 1};
    k.far_target[0] = 1e-3;
    k.tar_difference[0] = 0.05;
    k.difference[0] = (arc_interval){0.01, 0.09};
    arc_calibration c = {.far = 1e-3, .threshold = 0.31, .genuine = 100, .impostor = 100, .supported = true};
    arc_error err = {0};
    for (int json = 0; json < 2; json++) {
        static const char *const wanted[2][3] = {
            {"Accuracy         0.91000+-0.01000\n",
             "TAR@FAR=0.001    B - A = +0.05000  95 % over identities +0.01000 to +0.09000  too few",
             "threshold        cosine 0.3100 for FAR 0.001"},
            {"\"accuracy\": 0.91", "{\"far\": 0.001, \"difference\": 0.05, \"low\": 0.01, \"high\": 0.09}",
             "{\"far\": 0.001, \"threshold\": 0.31, "}};
        char *text[3] = {NULL, NULL, NULL};
        assert_int_equal(arc_evaluation_describe(ctx, &e, json, &text[0], &err), ARC_OK);
        assert_int_equal(arc_comparison_describe(ctx, &k, &e, &other, json, &text[1], &err), ARC_OK);
        assert_int_equal(arc_calibration_describe(ctx, &c, json, &text[2], &err), ARC_OK);
        for (int i = 0; i < 3; i++) {
            if (!strstr(text[i], wanted[json][i]))
                fail_msg("'%s' is not in %s", wanted[json][i], text[i]);
            json_t *parsed = json ? json_loads(text[i], 0, NULL) : NULL;
            assert_true(!json || json_is_object(parsed));
            json_decref(parsed);
            arc_text_free(ctx, &text[i]);
        }
    }
    /* Pages of models that nobody named: their files' names, behind letters where there are two. */
    const arc_evaluation *list[] = {&e, &other};
    char *page = report(list, NULL, 1);
    assert_non_null(strstr(page, "<h1>m</h1>"));
    free(page);
    page = report(list, NULL, 2);
    assert_non_null(strstr(page, "<td>A: m</td>"));
    free(page);
    assert_int_equal(arc_comparison_report(ctx, &k, &e, &other, path, &err), ARC_OK);
}

static void failing_memory(void **state) {
    (void)state;
    arc_evaluation e = an_evaluation(0);
    const arc_evaluation *list[] = {&e};
    const char *names[] = {"m"};
    arc_test_heap heap = {0};
    arc_context small = {.alloc = arc_test_heap_alloc(&heap)};
    arc_test_walk walk = {.heap = &heap};
    do
        arc_test_walk_begin(&walk);
    while (arc_test_walk_again(&walk, arc_evaluation_report(&small, list, names, 1, path, NULL)));
}

int main(void) {
    context.alloc = arc_alloc_libc;
    path = in_folder("report.html");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_the_evaluations),
        cmocka_unit_test(several_models_share_a_page),
        cmocka_unit_test(searches_are_drawn),
        cmocka_unit_test(described),
        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
