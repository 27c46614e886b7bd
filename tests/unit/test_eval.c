/* Verification protocol: made-up embeddings against the NumPy goldens of tests/golden/verification.py, cases worked out by hand,
 * refusals, and failing memory. */
#include "golden_json.h"

#include "format/format.h"
#include <arcface/evaluate.h>
#include <string.h>

#define GOLDEN ARC_SOURCE_DIR "/tests/golden/data/verification_"

#define CLOSE(field) assert_true(fabs(v.field - golden_number(root, #field)) < 1e-9)

static void check_golden(const char *name) {
    char path[512], numbers[64];
    arc_context *ctx = arc_test_context(NULL, 1);
    snprintf(numbers, sizeof numbers, "verification_%s.json", name);
    json_t *root = golden_open(numbers);
    void *emb = NULL, *same = NULL;
    arc_dtype t;
    arc_shape s, l;
    snprintf(path, sizeof path, GOLDEN "%s_embeddings.npy", name);
    assert_int_equal(arc_npy_load(&arc_alloc_libc, path, &t, &s, &emb, NULL), ARC_OK);
    snprintf(path, sizeof path, GOLDEN "%s_same.npy", name);
    assert_int_equal(arc_npy_load(&arc_alloc_libc, path, &t, &l, &same, NULL), ARC_OK);
    arc_verification v;
    arc_error err = {0};
    int pairs = (int)golden_number(root, "pairs"), folds = (int)golden_number(root, "folds");
    assert_int_equal(s.dim[0], 2 * pairs);
    assert_int_equal(l.dim[0], pairs);
    assert_int_equal(
        arc_verification_of_embeddings(ctx, emb, (int)s.dim[1], same, pairs, folds, golden_number(root, "far_target"), &v, &err),
        ARC_OK);
    assert_int_equal(v.pairs, pairs);
    assert_int_equal(v.genuine + v.impostor, pairs);
    CLOSE(accuracy);
    CLOSE(accuracy_std);
    CLOSE(best_threshold_cosine);
    CLOSE(tar);
    CLOSE(tar_std);
    CLOSE(far);
    CLOSE(auc);
    CLOSE(eer);
    CLOSE(mean_genuine_cosine);
    CLOSE(mean_impostor_cosine);
    for (int f = 0; f < folds; f++) {
        assert_true(fabs(v.fold_accuracy[f] - golden_item(root, "fold_accuracy", (size_t)f)) < 1e-12);
        assert_true(fabs(v.fold_threshold[f] - golden_item(root, "fold_threshold", (size_t)f)) < 1e-12);
    }
    json_decref(root);
    arc_mem_free(&arc_alloc_libc, emb);
    arc_mem_free(&arc_alloc_libc, same);
    arc_context_close(&ctx);
}

static void golden_plain(void **state) {
    (void)state;
    check_golden("plain");
}
static void golden_ragged(void **state) {
    (void)state;
    check_golden("ragged");
}
static void golden_few(void **state) {
    (void)state;
    check_golden("few");
}

/* Four pairs in two folds: genuine at distance 0, impostors at right angles (distance 2). The first threshold that separates is
 * 0.01. One training impostor makes FAR jump from 0 at 2.000 to 1 at 2.001, so the interpolated threshold lies just above 2 and
 * accepts the impostor held out: with so few pairs the rule is no estimate, but it is the rule. */
static void separable(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    const float e[8][2] = {{1, 0}, {2, 0}, {1, 0}, {0, 1}, {0, 3}, {0, 1}, {5, 0}, {0, 1}};
    const uint8_t same[4] = {1, 0, 1, 0};
    arc_verification v;
    assert_int_equal(arc_verification_of_embeddings(ctx, e[0], 2, same, 4, 2, 1e-3, &v, NULL), ARC_OK);
    assert_true(v.accuracy == 1.0 && v.accuracy_std == 0.0 && v.auc == 1.0 && v.eer == 0.0);
    assert_true(v.fold_threshold[0] == 0.01 && v.best_threshold_cosine == 1 - 0.01 / 2);
    assert_true(v.tar == 1.0 && v.far == 1.0);
    assert_true(v.mean_genuine_cosine == 1.0 && v.mean_impostor_cosine == 0.0);
    arc_context_close(&ctx);
}

/* The training folds' FAR is the target itself from 0.501 to 1.5: the last of these thresholds holds. */
static void far_on_a_plateau(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    const double dist[8] = {0.5, 1.6, 1.4, 1.8, 0.5, 1.5, 1.2, 1.8};
    const uint8_t same[8] = {0, 0, 1, 1, 0, 0, 1, 1};
    arc_verification v;
    assert_int_equal(arc_verification_of_distances(ctx, dist, same, 8, 2, 0.5, &v, NULL, NULL), ARC_OK);
    assert_true(v.fold_far[0] == 0.5 && v.fold_tar[0] == 0.5); /* 1.5 accepts 0.5, 1.4 */
    assert_true(v.fold_far[1] == 1 && v.fold_tar[1] == 0.5);   /* 1.6 accepts 0.5, 1.5, 1.2 */
    arc_context_close(&ctx);
}

/* All scores equal: a tie counts half in the AUC, and one kind alone gives no rates but no crash. */
static void degenerate(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    float e[16];
    for (int i = 0; i < 16; i++)
        e[i] = 1;
    const uint8_t mixed[4] = {1, 0, 1, 0}, all[4] = {1, 1, 1, 1}, none[4] = {0};
    arc_verification v;
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, mixed, 4, 2, 1e-3, &v, NULL), ARC_OK);
    assert_true(v.auc == 0.5 && v.accuracy == 0.5 && fabs(v.eer - 0.5) < 1e-12);
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, all, 4, 2, 1e-3, &v, NULL), ARC_OK);
    assert_true(v.accuracy == 1.0 && v.tar == 0.0 && v.auc == 0.0);
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, none, 4, 2, 1e-3, &v, NULL), ARC_OK);
    assert_true(v.accuracy == 1.0 && v.genuine == 0 && v.tar == 0.0 && v.eer == 0.0);
    memset(e, 0, sizeof e);
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, mixed, 4, 2, 1e-3, &v, NULL), ARC_OK);
    arc_context_close(&ctx);
}

static void refusals(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    float e[24] = {0};
    const uint8_t same[6] = {1, 0, 1, 0, 1, 0};
    arc_verification v;
    arc_error err;
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, same, 6, 10, 1e-3, &v, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "6 pairs"));
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, same, 6, 1, 1e-3, &v, &err), ARC_EINVAL);
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, same, 6, 101, 1e-3, &v, &err), ARC_EINVAL);
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 0, same, 6, 2, 1e-3, &v, &err), ARC_EINVAL);
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, same, 6, 2, NAN, &v, &err), ARC_EINVAL);
    assert_int_equal(arc_verification_of_embeddings(ctx, NULL, 2, same, 6, 2, 1e-3, &v, &err), ARC_EINVAL);
    e[2 * 7 + 1] = NAN;
    assert_int_equal(arc_verification_of_embeddings(ctx, e, 2, same, 6, 2, 1e-3, &v, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "row 7"));
    assert_int_equal(v.pairs, 0);
    arc_context_close(&ctx);
}

static void failing_memory(void **state) {
    (void)state;
    const float e[8][2] = {{1, 0}, {2, 0}, {1, 0}, {0, 1}, {0, 3}, {0, 1}, {5, 0}, {0, 1}};
    const uint8_t same[4] = {1, 0, 1, 0};
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1);
    arc_test_walk walk = {.heap = &heap};
    arc_verification v;
    do
        arc_test_walk_begin(&walk);
    while (arc_test_walk_again(&walk, arc_verification_of_embeddings(ctx, e[0], 2, same, 4, 2, 1e-3, &v, NULL)));
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_plain), cmocka_unit_test(golden_ragged),    cmocka_unit_test(golden_few),
        cmocka_unit_test(separable),    cmocka_unit_test(far_on_a_plateau), cmocka_unit_test(degenerate),
        cmocka_unit_test(refusals),     cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests_name("eval", tests, NULL, NULL);
}
